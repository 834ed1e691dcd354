"""The verdict, the questions that settle it, doubtful records, dose days, and what a site has signed."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest

from openkap.kernel.content import fingerprint
from openkap.kernel.errors import ContentFault
from openkap.kernel.site import Override, Signature, Site
from openkap.kernel.truth import Truth
from openkap.screen.rulebook import rules
from openkap.screen.rules import verdict_of
from openkap.screen.types import CLASSES, Finding
from openkap.synthetic.case import condition, questionnaire_response

# -- the verdict table --------------------------------------------------------------------------------


def finding(class_, truth, missing=None, conflict=False) -> Finding:
    return Finding(
        "T", "t", class_, truth, missing, (), "", "", (), "NONE", False, False, conflict=conflict
    )  # fmt: skip


KINDS = [
    *[finding(c, Truth.TRUE) for c in CLASSES],
    *[finding(c, Truth.UNKNOWN, m) for c in ("exclude", "hold", "caution") for m in ("MB", "MH", "MC")],
    finding("caution", Truth.UNKNOWN, "MC", conflict=True),
    finding("exclude", Truth.FALSE),
]


def expected(findings) -> str:
    """The table of the interface, line by line, read without looking at the product."""
    if any(f.truth is Truth.TRUE and f.class_ == "exclude" for f in findings):
        return "exclude"
    if any(f.truth is Truth.TRUE and f.class_ == "hold" for f in findings):
        return "hold"
    if any(f.truth is Truth.UNKNOWN and (f.missing != "MC" or f.conflict) for f in findings):
        return "insufficient"
    if any(f.truth is Truth.TRUE and f.class_ == "caution" for f in findings):
        return "caution"
    if any(f.truth is Truth.UNKNOWN for f in findings):
        return "caution"
    return "eligible"


def test_the_verdict_table_holds_for_every_set_of_three_findings():
    for size in range(4):
        for chosen in itertools.combinations_with_replacement(KINDS, size):
            assert verdict_of(chosen) == expected(chosen)


def test_a_complete_unremarkable_case_is_eligible(case, screened):
    for sex, disorder in (("F", "gad"), ("M", "gad"), ("M", "social-anxiety"), ("F", "social-anxiety")):
        outcome = screened(case(sex=sex, disorder=disorder))
        assert (outcome.verdict, outcome.findings, outcome.ask) == ("eligible", (), ())


# -- unknown is not no --------------------------------------------------------------------------------


def resources_of(bundle):
    return [entry["resource"] for entry in bundle["entry"]]


@pytest.mark.goal("RG-20")
@pytest.mark.hazard("HAZ-20", "C2")
def test_whatever_is_left_out_of_an_eligible_case_is_asked_for_or_not_needed(case, screened):
    """Delete each answer and each resource in turn: an unknown that a rule needs is never still a clear case."""
    harmless = set()
    complete = case().bundle()
    intake = next(r for r in resources_of(complete) if r["id"] == "intake")
    for place, item in enumerate(intake["item"]):
        bundle = case().bundle()
        del next(r for r in resources_of(bundle) if r["id"] == "intake")["item"][place]
        outcome = screened(bundle)
        if outcome.verdict == "eligible":
            harmless.add(item["linkId"])
        elif item["linkId"] == "prior-treatment":  # the history is complete, so one arm is known not to be met
            assert [(f.rule, f.truth) for f in outcome.findings] == [("SCR-IND-3", Truth.TRUE)]
        else:
            assert outcome.ask, item["linkId"]
    # Also denied by the structured interview, shown otherwise, or not needed for this person.
    assert harmless == {
        "psychotic-symptoms", "psychotic-disorder", "mania-current", "bipolar", "sud-active", "dissociative-disorder",
        "borderline", "ptsd", "pregnant", "treatment-history-complete", "cognitive-screen", "session-fear",
        "hyperthyroidism",
    }  # fmt: skip


def test_no_record_without_consent_escort_and_interview_is_eligible(case, screened):
    for left_out in ({"consent": None}, {"answers": {"escort": None}}, {"answers": {"interview-on": None}}):
        assert screened(case(**left_out)).verdict == "insufficient"


def test_declining_to_answer_stays_a_caution_and_says_that_it_was_asked(case, screened):
    bundle = case(answers={"porphyria": None}).bundle()
    intake = next(r for r in resources_of(bundle) if r["id"] == "intake")
    reason = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "asked-declined"}
    intake["item"].append({"linkId": "porphyria", "answer": [{"_valueBoolean": {"extension": [reason]}}]})
    outcome = screened(bundle)
    assert outcome.verdict == "caution"
    assert "declines" in outcome.ask[0].reason


def test_a_conflict_blocks_whatever_the_policy(case, screened):
    condition = ("http://hl7.org/fhir/sid/icd-10-cm", "H40.11", {})
    outcome = screened(case(conditions=[condition]))
    assert outcome.verdict == "insufficient"
    assert [f.rule for f in outcome.findings] == ["SCR-EYE-2"]
    assert outcome.findings[0].conflict
    assert [a.fact for a in outcome.ask if a.decisive] == ["open-angle-glaucoma"]


# -- the shortest list --------------------------------------------------------------------------------

LEFT_OUT = ["aneurysm", "escort", "asa-class", "legal-compulsion", "bp-hazard", "dementia", "non-adherence"]


@pytest.mark.parametrize("names", list(itertools.combinations(LEFT_OUT, 3)))
def test_the_decisive_questions_settle_the_verdict_and_none_of_them_is_spare(case, screened, names):
    outcome = screened(case(answers=dict.fromkeys(names)))
    decisive = {a.fact for a in outcome.ask if a.decisive}
    assert outcome.verdict == "insufficient"
    assert decisive == set(names)
    for spare in decisive:
        assert screened(case(answers={spare: None})).verdict == "insufficient"


def test_a_parent_is_asked_before_its_details_and_the_details_once_it_is_there(case, screened):
    def decisive(**answers):
        outcome = screened(case(answers={name.replace("_", "-"): value for name, value in answers.items()}))
        return {a.fact for a in outcome.ask if a.decisive}, {a.fact for a in outcome.ask}

    assert decisive(coronary_event=None) == ({"coronary-event"}, {"coronary-event"})
    assert decisive(coronary_event=True) == ({"coronary-event-on"}, {"coronary-event-on"})


def test_one_missing_interview_is_one_question(case, screened):
    answers = {"interview-on": None, "psychotic-disorder": None, "bipolar": None, "sud-active": None}
    outcome = screened(case(answers=answers))
    assert [a.fact for a in outcome.ask if a.decisive] == ["interview-on"]


def test_nothing_is_decisive_once_there_is_a_verdict(case, screened):
    outcome = screened(case(answers={"aneurysm": True, "escort": None}))
    assert outcome.verdict == "exclude"
    assert [(a.fact, a.decisive) for a in outcome.ask] == [("escort", False)]


def test_every_question_can_be_asked(case, screened):
    bundle = case().bundle()
    bundle["entry"] = bundle["entry"][:2]
    outcome = screened(bundle)
    assert outcome.verdict == "insufficient"
    assert all(a.question.endswith(("?", ".")) and a.rules for a in outcome.ask)
    kinds = [a.decisive for a in outcome.ask]
    assert kinds == sorted(kinds, reverse=True)


# -- findings carry their basis -----------------------------------------------------------------------


@pytest.mark.hazard("HAZ-24", "C1")
def test_a_finding_says_why_on_what_basis_and_what_would_have_to_be_different(case, screened):
    high = {"systolic": [(162, "mm[Hg]", 3, None), (164, "mm[Hg]", 10, None)]}
    outcome = screened(case(measurements=high))
    found = outcome.findings[0]
    assert (found.rule, found.class_, found.truth) == ("SCR-HTN-1", "hold", Truth.TRUE)
    assert "163" in found.because
    assert "160" in found.because
    assert found.would_change == "mean systolic pressure below 160 mmHg"
    assert set(found.facts) == {"systolic"}
    assert found.source
    assert found.evidence
    assert {i["name"] for i in found.inputs} == {"systolic-mean", "diastolic-mean"}


def test_all_lists_the_rules_that_are_known_to_be_false(case, screened):
    outcome = screened(case(), everything=True)
    false = [f for f in outcome.findings if f.truth is Truth.FALSE]
    assert outcome.verdict == "eligible"
    assert {f.rule for f in false} == {r.id for r in rules().values() if not r.dose_day}


# -- medicines ----------------------------------------------------------------------------------------


def test_without_a_reconciled_list_there_is_one_finding_and_no_interaction_counts_as_false(case, screened):
    outcome = screened(case(answers={"medication-reconciled-on": None}), everything=True)
    unknown = [f.rule for f in outcome.findings if f.truth is Truth.UNKNOWN]
    assert unknown == ["SCR-MED-1"]
    assert not [f for f in outcome.findings if f.rule.startswith("DDI-")]


def test_a_medicine_nobody_understands_is_never_no_interaction(case, screened):
    outcome = screened(case(medicines=["Zzyzxapine 5 mg tablet"]))
    assert outcome.verdict == "insufficient"
    assert [f.rule for f in outcome.findings] == ["SCR-MED-1"]
    assert "Zzyzxapine" in outcome.findings[0].because


def test_a_known_medicine_fires_its_rule_even_without_a_list(case, found):
    made = case(medicines=["clarithromycin 500 mg"], answers={"medication-reconciled-on": None})
    assert found(made, "DDI-CYP-1") == {"caution": "true"}


def test_an_interaction_by_route_is_as_bad_as_the_worst_route_that_is_open(case, found):
    made = case(medicines=["clarithromycin 500 mg"])
    assert found(made, "DDI-CYP-1") == {"caution": "true"}
    assert found(made, "DDI-CYP-1", routes=frozenset({"iv"})) == {"inform": "true"}


INTERACTIONS = [
    ("diazepam 10 mg", "DDI-BZD-1", "caution"), ("diazepam 10 mg", "DDI-BZD-EQ", "inform"),
    ("zolpidem 10 mg", "DDI-CNS-1", "inform"), ("methadone 20 mg", "DDI-OPI-1", "caution"),
    ("naltrexone 50 mg", "DDI-NTX-1", "caution"), ("lamotrigine 100 mg", "DDI-LTG-1", "caution"),
    ("lithium 300 mg", "DDI-LI-1", "inform"), ("tranylcypromine 10 mg", "DDI-MAO-1", "hold"),
    ("methylphenidate 10 mg", "DDI-STIM-1", "caution"), ("theophylline 200 mg", "DDI-THEO-1", "hold"),
    ("sertraline 50 mg", "DDI-SSRI-1", "inform"), ("venlafaxine 75 mg", "DDI-SNRI-1", "inform"),
    ("risperidone 1 mg", "DDI-AP-1", "inform"), ("memantine 10 mg", "DDI-MEM-1", "caution"),
    ("lisinopril 10 mg", "DDI-AHT-1", "inform"), ("semaglutide 1 mg", "DDI-GLP-1", "caution"),
    ("itraconazole 100 mg", "DDI-CYP-2", "inform"), ("ticlopidine 250 mg", "DDI-CYP-3", "caution"),
    ("rifampin 300 mg", "DDI-CYP-6", "caution"), ("St John's wort 300 mg", "DDI-CYP-7", "caution"),
    ("carbamazepine 200 mg", "DDI-CYP-8", "caution"), ("ritonavir 100 mg", "DDI-CYP-9", "caution"),
    ("diazepam 5 mg", "DDI-CYP-11", "inform"),
]  # fmt: skip


@pytest.mark.hazard("HAZ-23", "C1")
@pytest.mark.parametrize(("medicine", "rule", "class_"), INTERACTIONS)
def test_each_listed_interaction_fires_from_a_medicine_in_words(case, found, medicine, rule, class_):
    assert found(case(), rule) == {}
    assert found(case(medicines=[medicine]), rule) == {class_: "true"}


def test_an_opioid_with_sleep_apnoea_is_a_hold(case, found):
    made = case(medicines=["methadone 20 mg"], answers={"sleep-apnoea": True, "sleep-apnoea-treated": True,
                                                        "sleep-apnoea-severity": "mild"})  # fmt: skip
    assert found(made, "DDI-OPI-1") == {"hold": "true"}
    assert found(made, "SCR-RES-2")["hold"] == "true"


def test_thyroid_hormone_is_a_caution_unless_a_tsh_of_the_last_year_is_in_range(case, found):
    def thyroid(ago, value=2):
        return case(medicines=["levothyroxine 75 mcg"], measurements={"tsh": [(value, "m[IU]/L", ago, 4)]})

    assert found(thyroid(10), "DDI-THY-1") == {}
    assert found(thyroid(360), "DDI-THY-1") == {}
    assert found(thyroid(400), "DDI-THY-1") == {"caution": "unknown"}
    assert found(thyroid(10, D("0.1")), "DDI-THY-1") == {"caution": "true"}


# -- what may raise and never clear -------------------------------------------------------------------


def test_a_preliminary_result_may_raise_a_finding_and_never_clear_one(case, screened):
    def with_screen(status, answer):
        bundle = case(drug_screen=None).bundle()
        made = case(drug_screen=answer).bundle()
        screen = next(r for r in resources_of(made) if r["id"] == "drug-screen")
        bundle["entry"].append({"resource": {**screen, "status": status}})
        return screened(bundle)

    assert with_screen("final", "negative").verdict == "eligible"
    assert with_screen("preliminary", "negative").verdict == "insufficient"
    assert with_screen("preliminary", "positive").verdict == "hold"


@pytest.mark.hazard("HAZ-20", "C2")
def test_a_record_nobody_has_looked_at_opens_what_an_older_denial_had_closed(case, screened):
    """An imported bleed beside a denied one is a conflict to settle, not an eligible person."""
    bundle = case().bundle()
    day = date(2026, 11, 20)
    bundle["entry"].append({"resource": condition("bleed", "http://hl7.org/fhir/sid/icd-10-cm", "I60.9", day)})
    screening = screened(bundle, unreviewed={"Condition/bleed"})
    (finding,) = (f for f in screening.findings if "intracranial-haemorrhage" in f.facts)
    assert (finding.class_, finding.truth.value, finding.conflict) == ("exclude", "unknown", True)
    assert screening.verdict == "insufficient"


def test_an_unfinished_form_raises_its_safety_answer_and_clears_nothing(case, screened):
    def with_form(status, answers):
        bundle = case(instruments={"phq-9": None}).bundle()
        form = {**questionnaire_response("phq-9", answers, date(2026, 11, 24)), "status": status}
        bundle["entry"].append({"resource": form})
        return {f.rule: f.truth.value for f in screened(bundle).findings}

    calm, worried = [0] * 9, [0] * 8 + [2]
    assert with_form("completed", calm) == {}
    assert with_form("in-progress", calm) == {"SCR-SI-1": "unknown"}
    assert with_form("in-progress", worried)["SCR-SI-1"] == "true"


def test_a_positive_item_nine_makes_an_older_suicide_screen_count_no_more(case, screened):
    def with_item9(day):
        bundle = case(instruments={"phq-9": None}).bundle()
        bundle["entry"].append({"resource": questionnaire_response("phq-9", [0] * 8 + [1], day)})
        return {f.rule: f.truth.value for f in screened(bundle).findings}

    assert with_item9(date(2026, 11, 20)) == {"SCR-SI-1": "true"}
    later = with_item9(date(2026, 11, 21))
    assert later["SCR-SI-2"] == "unknown"


# -- dose day -----------------------------------------------------------------------------------------


def dose_day(case, **changes):
    """A case with every check of the day done on the day."""
    answers = {
        "identity-checked": True, "solids-h": D(8), "fluids-h": D(3), "driving-agreement": True,
        "interval-change": False, "equipment-ready": True, "sitter-assigned": True, "escort": "confirmed",
        "alcohol-24h": False, "cannabis-24h": False, "illicit-stimulant-72h": False,
        "acute-respiratory-infection": False, "medication-reconciled-on": date(2026, 11, 25),
    }  # fmt: skip
    readings = {
        "systolic": [(124, "mm[Hg]", 0, None), (122, "mm[Hg]", 10, None)],
        "diastolic": [(78, "mm[Hg]", 0, None), (76, "mm[Hg]", 10, None)],
        "heart-rate": [(72, "/min", 0, None)], "respiratory-rate": [(14, "/min", 0, None)],
        "spo2": [(98, "%", 0, None)],
    }  # fmt: skip
    changes.setdefault("scores", {"suds": 3, "cadss-6": 0})
    made = case(
        answers=answers | changes.pop("answers", {}), measurements=readings | changes.pop("measurements", {}), **changes
    )
    made.today = True
    return made


def test_a_day_with_every_check_done_is_clear(case, screened):
    outcome = screened(dose_day(case), dose_day=True)
    assert [(f.rule, f.truth.value, f.because) for f in outcome.findings] == []
    assert outcome.verdict == "eligible"


def test_without_the_flag_no_check_of_the_day_is_reported(case, screened):
    outcome = screened(case(), everything=True)
    assert not [f for f in outcome.findings if f.rule.startswith(("PRE-", "BPG-"))]


GATE = [
    (140, 90, {}), (141, 90, {"BPG-2": "caution"}), (140, 91, {"BPG-2": "caution"}), (159, 99, {"BPG-2": "caution"}),
    (160, 99, {"BPG-3": "hold"}), (159, 100, {"BPG-3": "hold"}), (179, 109, {"BPG-3": "hold"}),
    (180, 109, {"BPG-4": "hold"}), (179, 110, {"BPG-4": "hold"}), (90, 60, {}), (89, 60, {"BPG-5": "hold"}),
]  # fmt: skip


@pytest.mark.hazard("HAZ-21", "C1")
@pytest.mark.parametrize(("systolic", "diastolic", "expected_gate"), GATE)
def test_the_pressure_gate_takes_the_worst_step_that_fits(case, screened, systolic, diastolic, expected_gate):
    readings = {
        "systolic": [(systolic, "mm[Hg]", 0, None), (110, "mm[Hg]", 10, None)],
        "diastolic": [(diastolic, "mm[Hg]", 0, None), (70, "mm[Hg]", 10, None)],
    }
    outcome = screened(dose_day(case, measurements=readings), dose_day=True)
    gate = {f.rule: f.class_ for f in outcome.findings if f.rule.startswith("BPG-") and f.truth is Truth.TRUE}
    assert gate == expected_gate


OTHERS = [
    ("heart-rate", 50, "/min", {}), ("heart-rate", 49, "/min", {"BPG-5": "hold"}), ("heart-rate", 110, "/min", {}),
    ("heart-rate", 111, "/min", {"BPG-5": "hold"}), ("spo2", 94, "%", {}), ("spo2", 93, "%", {"BPG-6": "hold"}),
    ("respiratory-rate", 10, "/min", {}), ("respiratory-rate", 9, "/min", {"BPG-6": "hold"}),
    ("respiratory-rate", 24, "/min", {}), ("respiratory-rate", 25, "/min", {"BPG-6": "hold"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "unit", "expected_gate"), OTHERS)
def test_pulse_oxygen_and_breathing_stand_at_the_gate_too(case, screened, name, value, unit, expected_gate):
    outcome = screened(dose_day(case, measurements={name: [(value, unit, 0, None)]}), dose_day=True)
    gate = {f.rule: f.class_ for f in outcome.findings if f.rule.startswith("BPG-") and f.truth is Truth.TRUE}
    assert gate == expected_gate


FAILS = [
    ("PRE-1", {"identity-checked": False}, "hold"), ("PRE-2b", {"solids-h": D(5)}, "hold"),
    ("PRE-2b", {"fluids-h": D(1)}, "hold"), ("PRE-3", {"driving-agreement": False}, "hold"),
    ("PRE-3", {"escort": "arranged"}, "hold"), ("PRE-4", {"interval-change": True}, "hold"),
    ("PRE-10", {"equipment-ready": False}, "hold"), ("PRE-11", {"sitter-assigned": False}, "hold"),
    ("SCR-ESC-1", {"escort": "arranged"}, "hold"), ("DDI-CNS-1", {"alcohol-24h": True}, "hold"),
    ("DDI-STIM-1", {"illicit-stimulant-72h": True}, "hold"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "answers", "class_"), FAILS)
def test_a_failed_check_of_the_day_is_a_hold(case, screened, rule, answers, class_):
    outcome = screened(dose_day(case, answers=answers), dose_day=True)
    assert (rule, class_, Truth.TRUE) in {(f.rule, f.class_, f.truth) for f in outcome.findings}


@pytest.mark.hazard("HAZ-21", "C1")
@pytest.mark.parametrize(
    ("rule", "left_out"),
    [
        ("PRE-1", "identity-checked"), ("PRE-2b", "solids-h"), ("PRE-2", "fluids-h"), ("PRE-3", "driving-agreement"),
        ("PRE-4", "interval-change"), ("PRE-10", "equipment-ready"), ("PRE-11", "sitter-assigned"),
        ("SCR-ESC-1", "escort"), ("SCR-RES-1", "acute-respiratory-infection"),
    ],
)  # fmt: skip
def test_a_check_that_was_not_done_today_is_unknown_and_blocks(case, screened, rule, left_out):
    outcome = screened(dose_day(case, answers={left_out: None}), dose_day=True)
    assert {f.missing for f in outcome.findings if f.rule == rule and f.truth is Truth.UNKNOWN} == {"MB"}
    assert outcome.verdict == "insufficient"


def test_yesterdays_answers_do_not_count_today(case, screened):
    made = dose_day(case)
    made.today = False
    outcome = screened(made, dose_day=True)
    unknown = {f.rule for f in outcome.findings if f.truth is Truth.UNKNOWN}
    assert {"PRE-1", "PRE-3", "PRE-4", "PRE-6", "PRE-7", "PRE-8", "PRE-10", "PRE-11"} <= unknown


def test_a_pregnancy_test_is_asked_for_when_it_is_due(case, screened):
    possible = {"could-become-pregnant": True, "contraception": "effective"}
    clear = screened(dose_day(case, answers=possible, hcg="negative"), dose_day=True)
    assert "PRE-5" not in {f.rule for f in clear.findings}
    due = screened(dose_day(case, answers=possible), dose_day=True)
    assert ("PRE-5", Truth.UNKNOWN) in {(f.rule, f.truth) for f in due.findings}
    positive = screened(dose_day(case, answers=possible, hcg="positive"), dose_day=True)
    assert positive.verdict == "exclude"


# -- the site -----------------------------------------------------------------------------------------


def signed_by_all(**changes) -> dict[str, Signature]:
    return {
        rule.id: Signature(
            row=rule.id, fingerprint=fingerprint(rule), by="Dr Ines Varga", role="medical director",
            on=date(2026, 1, 2), **changes,
        )
        for rule in rules().values()
    }  # fmt: skip


@pytest.mark.hazard("HAZ-19", "C1")
@pytest.mark.hazard("HAZ-24", "C1")
def test_in_production_an_unsigned_rule_is_unknown_and_clears_nobody(case, screened):
    here = Site(folder=Path("site"))
    assert screened(case(), site=here).verdict == "insufficient"
    assert screened(case(), site=Site(here.folder, signed_by_all())).verdict == "eligible"
    for missing in ("SCR-VAS-1", "DDI-LI-1", "SCR-PSY-3"):
        signatures = signed_by_all()
        del signatures[missing]
        outcome = screened(case(), site=Site(here.folder, signatures))
        assert (outcome.verdict, outcome.mode) == ("insufficient", "production")
        assert [f.rule for f in outcome.findings] == [missing]


def test_a_signature_past_its_review_date_or_under_another_text_does_not_count(case, screened):
    expired = Site(Path("site"), signed_by_all(review_by=date(2026, 11, 24)))
    assert screened(case(), site=expired).verdict == "insufficient"
    fresh = Site(Path("site"), signed_by_all(review_by=date(2026, 11, 25)))
    assert screened(case(), site=fresh).verdict == "eligible"
    signatures = signed_by_all()
    signatures["SCR-HTN-1"] = msgspec.structs.replace(signatures["SCR-HTN-1"], fingerprint="0" * 16)
    assert [f.rule for f in screened(case(), site=Site(Path("site"), signatures)).findings] == ["SCR-HTN-1"]


def test_a_site_limit_takes_the_place_of_the_shipped_one(case, screened):
    row = Override(row="SCR-HTN-1", limit="systolic", value=D(120), reason="r", by="b", on=date(2026, 1, 2))
    site = Site(None, {}, {"SCR-HTN-1": {"systolic": row}})
    assert screened(case()).verdict == "eligible"
    assert screened(case(), site=site).verdict == "hold"


def override(rule, limit, value) -> Site:
    row = Override(row=rule, limit=limit, value=value, reason="r", by="b", on=date(2026, 1, 2))
    return Site(None, {}, {rule: {limit: row}})


@pytest.mark.hazard("HAZ-40", "C1")
@pytest.mark.parametrize(
    ("rule", "limit", "value", "wrong"),
    [
        ("SCR-HTN-1", "systolic", D(161), "looser than allowed"),
        ("SCR-HTN-1", "sistolic", D(150), "no limit of that name"),
        ("SCR-HTN-1", "systolic", "30 d", "not of the kind"),
        ("SCR-NEU-2", "recent", "5 mo", "looser than allowed"),
        ("SCR-NEU-2", "recent", D(6), "not of the kind"),
    ],
)
def test_an_override_that_may_not_be_stops_every_screening(case, screened, rule, limit, value, wrong):
    with pytest.raises(ContentFault, match=wrong):
        screened(case(), site=override(rule, limit, value))


def test_a_window_can_be_tightened_like_a_number(case, found):
    stroke = case(answers={"stroke-tia": True, "stroke-tia-on": date(2026, 3, 1)})
    assert found(stroke, "SCR-NEU-2") == {"hold": "true"}
    assert found(stroke, "SCR-NEU-2", site=override("SCR-NEU-2", "recent", "12 mo")) == {"exclude": "true"}
