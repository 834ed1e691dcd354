"""Decisions of people laid over what the rules found: what moves, what never does, and when a decision lapses."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from openkap.kernel.errors import Forbidden, UserError
from openkap.kernel.site import Site
from openkap.pathway import open_case, plan_case, screen_case
from openkap.screen.decisions import Decision, allow, decided, digest_of, finding_of, ground_of, open_points
from openkap.screen.rulebook import rules
from openkap.screen.types import CLASSES, Finding, Screening
from openkap.synthetic.case import Case

ON = date(2026, 11, 25)
AT = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
HIGH = {"systolic": [(171, "mm[Hg]", 3, None), (169, "mm[Hg]", 10, None)]}
LETTER = {
    "reason": "Readings at home are in range.",
    "document": "Dr Berg, cardiology",
    "document_on": date(2026, 11, 20),
}


def case(**parts) -> object:
    return open_case(Case(ON, sex="M", **parts).bundle(), ON)


def decision(finding: Finding, kind: str, **parts) -> Decision:
    said = {"reason": "a reason in a sentence", "document": "letter", "document_on": ON} | parts
    return Decision("1", finding.rule, kind, ground_of(finding), "Dr Ines Varga", "prescriber", AT, **said)


def the(screening: Screening, rule: str) -> Finding:
    return next(f for f in screening.findings if f.rule == rule)


def test_a_cleared_hold_stands_as_a_caution_that_says_who_when_why_and_by_which_document():
    person = case(measurements=HIGH)
    found = screen_case(person)
    assert found.verdict == "hold"
    hold = the(found, "SCR-HTN-1")
    after = screen_case(person, decisions=[decision(hold, "clearance", **LETTER)])
    assert after.verdict == "caution"
    cleared = the(after, "SCR-HTN-1")
    assert (cleared.class_, cleared.was) == ("caution", "hold")
    for part in ("Dr Ines Varga", "prescriber", "2026-11-25", LETTER["reason"], "Dr Berg, cardiology", "2026-11-20"):
        assert part in cleared.because
    assert plan_case(person, decisions=[decision(hold, "clearance", **LETTER)])["verdict"] == "caution"


@pytest.mark.hazard("HAZ-26", "C2")
@pytest.mark.parametrize("kind", ["clearance", "reason", "mitigation"])
def test_no_decision_moves_an_exclusion_whatever_it_calls_itself(kind):
    person = case(answers={"aneurysm": True})
    found = screen_case(person)
    assert found.verdict == "exclude"
    stop = the(found, "SCR-VAS-1")
    after = screen_case(person, decisions=[decision(stop, kind)])
    assert after.verdict == "exclude"
    assert replace(the(after, "SCR-VAS-1"), lapsed=()) == stop
    with pytest.raises(Forbidden):
        allow(stop, ["prescriber"], LETTER, Site(), ON, kind=kind)


@pytest.mark.hazard("HAZ-26", "C2")
@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.goal("RG-20")
def test_over_every_rule_decisions_lower_only_holds_and_explainable_gaps_and_never_below_a_caution():
    """Every rule x class x truth x policy x conflict x kind of decision, against the table written here."""
    base = the(screen_case(case(measurements=HIGH)), "SCR-HTN-1")
    empty = replace(screen_case(case()), findings=())
    only_the_fact = {"SCR-IND-1", "SCR-ESC-1", "SCR-SI-2", "SCR-WT-1", "SCR-MED-1"}
    true, unknown = base.truth, the(screen_case(case(answers={"aneurysm": None})), "SCR-VAS-1").truth
    seen = 0
    for rule in rules().values():
        for class_ in CLASSES:
            for truth, missing in [(true, None), (unknown, "MB"), (unknown, "MH"), (unknown, "MC")]:
                for conflict in [False, True] if truth is unknown else [False]:
                    one = replace(base, rule=rule.id, class_=class_, truth=truth, missing=missing, conflict=conflict)
                    for kind in ("clearance", "reason", "mitigation"):
                        after = decided(replace(empty, findings=(one,)), [decision(one, kind)], Site(), ON).findings[0]
                        moved = (after.class_, after.truth, after.missing) != (class_, truth, missing)
                        a_hold = kind == "clearance" and truth is true and class_ == "hold"
                        a_hold = a_hold and rule.id not in only_the_fact and not rule.dose_day
                        a_gap = kind == "reason" and missing == "MH" and not conflict
                        assert moved == (a_hold or a_gap), (rule.id, class_, missing, kind)
                        if moved:
                            assert (after.class_, after.truth) == ("caution", true)
                        seen += 1
    assert seen == len(rules()) * len(CLASSES) * 7 * 3


@pytest.mark.hazard("HAZ-22", "C1")
def test_a_clearance_lapses_when_the_facts_under_it_change_and_is_still_shown():
    hold = the(screen_case(case(measurements=HIGH)), "SCR-HTN-1")
    worse = case(measurements={"systolic": [(190, "mm[Hg]", 1, None), *HIGH["systolic"]]})
    after = screen_case(worse, decisions=[decision(hold, "clearance", **LETTER)])
    assert after.verdict == "hold"
    assert the(after, "SCR-HTN-1").decisions == ()
    assert [d.by for d in the(after, "SCR-HTN-1").lapsed] == ["Dr Ines Varga"]


def test_a_clearance_lapses_when_the_rule_itself_has_changed():
    hold = the(screen_case(case(measurements=HIGH)), "SCR-HTN-1")
    other = replace(hold, because=hold.because + " (another limit)")
    after = screen_case(case(measurements=HIGH), decisions=[decision(other, "clearance")])
    assert after.verdict == "hold"


@pytest.mark.hazard("HAZ-20", "C2")
def test_a_gap_that_blocks_is_settled_only_by_the_datum_and_one_that_may_be_explained_also_by_a_reason():
    blocked = case(answers={"aneurysm": None})
    gap = the(screen_case(blocked), "SCR-VAS-1")
    assert gap.missing == "MB"
    assert screen_case(blocked, decisions=[decision(gap, "reason")]).verdict == "insufficient"

    explainable = case(instruments={"gad-7": [None] * 7})
    found = screen_case(explainable)
    gap = the(found, "SCR-IND-2")
    assert (found.verdict, gap.missing) == ("insufficient", "MH")
    after = screen_case(explainable, decisions=[decision(gap, "reason", reason="Cannot read; seen in person.")])
    assert after.verdict == "caution"
    assert "Cannot read; seen in person." in the(after, "SCR-IND-2").because
    assert not any("SCR-IND-2" in ask.rules or ask.decisive for ask in after.ask)


def test_when_the_hold_is_cleared_the_questions_that_block_behind_it_are_decisive():
    person = case(measurements=HIGH, answers={"aneurysm": None})
    found = screen_case(person)
    assert not any(ask.decisive for ask in found.ask)
    after = screen_case(person, decisions=[decision(the(found, "SCR-HTN-1"), "clearance")])
    assert after.verdict == "insufficient"
    assert [ask.fact for ask in after.ask if ask.decisive] == ["aneurysm"]


def test_a_mitigation_stands_beside_a_caution_and_lowers_nothing():
    person = case(disorder="panic")
    found = screen_case(person)
    caution = next(f for f in found.findings if f.class_ == "caution" and f.truth.value == "true")
    after = screen_case(person, decisions=[decision(caution, "mitigation", reason="Large cuff ordered.")])
    assert after.verdict == found.verdict
    beside = next(f for f in after.findings if f.rule == caution.rule and f.class_ == "caution")
    assert [d.reason for d in beside.decisions] == ["Large cuff ordered."]
    assert (beside.because, beside.truth) == (caution.because, caution.truth)


def test_a_screening_can_be_signed_only_when_nothing_is_open_and_each_caution_has_its_mitigation():
    clean = screen_case(case())
    assert open_points(clean) == [] or clean.verdict == "caution"
    held = screen_case(case(measurements=HIGH, answers={"aneurysm": None}))
    points = " ".join(open_points(held))
    assert "SCR-HTN-1" in points and "SCR-VAS-1" in points
    person = case(measurements=HIGH, disorder="panic")
    decisions = [decision(the(screen_case(person), "SCR-HTN-1"), "clearance")]
    assert "SCR-PD-1" in " ".join(open_points(screen_case(person, decisions=decisions)))
    for caution in screen_case(person, decisions=decisions).findings:
        if caution.class_ == "caution" and not caution.decisions:
            decisions.append(decision(caution, "mitigation"))
    assert open_points(screen_case(person, decisions=decisions)) == []


@pytest.mark.hazard("HAZ-26", "C2")
@pytest.mark.parametrize("left_out", ["reason", "document", "document_on"])
def test_clearing_a_hold_needs_reason_document_and_date(left_out):
    hold = the(screen_case(case(measurements=HIGH)), "SCR-HTN-1")
    allow(hold, ["prescriber"], LETTER, Site(), ON, kind="clearance")
    blank = "  " if isinstance(LETTER[left_out], str) else None
    with pytest.raises(UserError, match="SCR-HTN-1 needs"):
        allow(hold, ["prescriber"], LETTER | {left_out: blank}, Site(), ON, kind="clearance")


@pytest.mark.hazard("HAZ-26", "C2")
@pytest.mark.parametrize("role", ["nurse", "therapist", "coordinator", "site-admin", "patient"])
def test_nobody_but_a_prescriber_clears_a_hold(role):
    hold = the(screen_case(case(measurements=HIGH)), "SCR-HTN-1")
    with pytest.raises(Forbidden):
        allow(hold, [role], LETTER, Site(), ON, kind="clearance")


def test_a_document_of_tomorrow_clears_nothing():
    hold = the(screen_case(case(measurements=HIGH)), "SCR-HTN-1")
    with pytest.raises(UserError, match="after today"):
        allow(hold, ["prescriber"], LETTER | {"document_on": date(2026, 11, 26)}, Site(), ON, kind="clearance")


@pytest.mark.hazard("HAZ-24", "C1")
def test_at_a_site_that_has_not_signed_who_may_clear_what_no_decision_counts(tmp_path: Path):
    found = screen_case(case(measurements=HIGH))
    hold = the(found, "SCR-HTN-1")
    site = Site.open(tmp_path)
    assert decided(found, [decision(hold, "clearance")], site, ON).verdict == "hold"
    with pytest.raises(Forbidden, match="not signed"):
        allow(hold, ["prescriber"], LETTER, site, ON, kind="clearance")


def test_the_ground_of_a_finding_is_the_same_tomorrow_and_in_the_digest_every_decision_counts():
    bundle = Case(ON, sex="M", measurements=HIGH).bundle()
    today = screen_case(open_case(bundle, ON))
    tomorrow = screen_case(open_case(bundle, date(2026, 11, 26)))
    ground = ground_of(the(today, "SCR-HTN-1"))
    assert finding_of(tomorrow, "SCR-HTN-1", ground) == the(tomorrow, "SCR-HTN-1")
    after = screen_case(open_case(bundle, ON), decisions=[decision(the(today, "SCR-HTN-1"), "clearance")])
    assert digest_of(today) != digest_of(after)
    assert digest_of(today) == digest_of(screen_case(open_case(bundle, ON)))
