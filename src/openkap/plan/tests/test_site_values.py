"""Numbers of plan rows that a site sets for itself: which, how far, and where the reader meets them."""

from datetime import date
from decimal import Decimal

import pytest

from openkap.kernel.content import fingerprint
from openkap.kernel.errors import ContentFault, UserError
from openkap.kernel.quantity import DoseMgPerKg
from openkap.kernel.site import Override, Site
from openkap.plan.book import book_of, shipped
from openkap.plan.choices import SiteMax
from openkap.plan.edits import Edit, edited
from openkap.plan.html import plan_html
from openkap.plan.limits import within_limits
from openkap.plan.preferences import read_preferences
from openkap.plan.propose import propose
from openkap.plan.tests.people import ON, formulation, screening, view

# Which way is stricter, decided here by hand and not read from the content.
STRICTER = [
    ("LOW-FEAR", "line", "5"), ("LOW-AGE", "age", "60"), ("LOW-SBP", "systolic", "130"),
    ("DOS-IV", "ceiling.mg_per_kg", "0.5"), ("DOS-IM", "never.mg_per_kg", "1.5"), ("DOS-SL", "low_start", "25"),
    ("DOS-IV", "never_fast.min_duration_min", "60"), ("DOS-FREQ-1", "most", "2"), ("DOS-FREQ-1", "never", "4"),
    ("DOS-FREQ-1", "window_h", "240"), ("DOS-FREQ-2", "min_h", "72"), ("DOS-FREQ-3", "review_after", "3"),
    ("DOS-FREQ-3", "improvement_pct", "30"), ("DOS-FREQ-5", "first", "10"), ("DOS-WT-2", "bmi", "28"),
    ("MON-IV", "min_stay_min", "120"), ("MON-X", "nurse_min", "3"), ("ALT-SBP", "red_rise", "35"),
    ("ALT-SBP-LO", "amber", "105"), ("ALT-HR", "red_low", "45"), ("ALT-SPO2", "red", "92"),
    ("ALT-RR", "amber_low", "11"),
    ("ALT-SED-R", "amber", "-1"), ("ALT-AGI", "red", "2"), ("DIS-2", "systolic", "150"), ("DIS-3", "spo2", "95"),
    ("RES-3", "systolic", "170"), ("emdr", "gate.limits.dissociation", "25"),
]  # fmt: skip


def _shipped(row: str, limit: str) -> Decimal:
    found = shipped().rows()[row]
    for part in limit.split("."):
        held = found if isinstance(found, dict) else {**getattr(found, "limits", {}), **_dict(found, "numbers")}
        found = held[part] if part in held else getattr(found, part)
    return Decimal(found)


def _dict(row, name: str) -> dict:
    found = getattr(row, name, {})
    return found if isinstance(found, dict) else {}


def override(row: str, limit: str, value: str) -> Override:
    return Override(
        row=row, limit=limit, value=Decimal(value), reason="no anaesthetist", by="Dr Varga", on=date(2026, 9, 1)
    )


def site(*changes: tuple[str, str, str]) -> Site:
    found: dict[str, dict[str, Override]] = {}
    for row, limit, value in changes:
        found.setdefault(row, {})[limit] = override(row, limit, value)
    return Site(None, {}, found)


def plan(*changes: tuple[str, str, str], chart=None, wishes=None, **more):
    given = read_preferences(wishes, ON)
    book = book_of(site(*changes))
    return propose(chart or view(), screening(), formulation(cognitive=1), given, book=book, **more)


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize(("row", "limit", "value"), STRICTER, ids=str)
def test_a_site_tightens_freely_and_the_row_is_another_one_to_sign(row, limit, value):
    before, after = shipped().rows()[row], book_of(site((row, limit, value))).rows()[row]
    (said,) = after.set_here
    assert (said.value, said.by, said.reason) == (Decimal(value), "Dr Varga", "no anaesthetist")
    assert before.set_here == ()
    assert fingerprint(before) != fingerprint(after)


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize(("row", "limit", "value"), [s for s in STRICTER if s[0] != "LOW-FEAR"], ids=str)
def test_a_site_never_loosens_what_the_row_does_not_let_it(row, limit, value):
    number = _shipped(row, limit)
    looser = str(number + (number - Decimal(value)))
    with pytest.raises(ContentFault, match=f"overrides.toml: {row} {limit}: .* looser than allowed"):
        book_of(site((row, limit, looser)))


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("LOW-FEAR", "line", "11"), "looser than allowed .no looser than 10.; choose a lower value"),
        (("LOW-FEAR", "lime", "5"), "LOW-FEAR lime: no limit of that name; use one of: line"),
        (("DOS-FREQ-9", "most", "2"), "DOS-FREQ-9 is no row whose numbers a site may set; correct the row"),
        (("REG-B1", "most", "2"), "REG-B1 is no row whose numbers a site may set"),
        (("ALT-CP", "amber", "2"), "ALT-CP is no row whose numbers a site may set"),
        (("MON-IV", "min_stay_min", "120.5"), "not a whole number"),
        (("DOS-FREQ-1", "most", "-1"), "below zero"),
        (("DOS-SC", "ceiling.mg_per_kg", "0.4"), "overrides.toml: DOS-SC does not ascend"),
    ],
)
def test_an_override_that_may_not_be_is_refused_with_file_row_field_and_remedy(change, words):
    with pytest.raises(ContentFault, match=words):
        book_of(site(change))


def test_the_line_of_fear_is_the_sites_own_in_both_directions():
    afraid = view(session_fear=6)
    assert plan(chart=afraid)["regimen"]["dose"]["start_low"] is False
    assert plan(("LOW-FEAR", "line", "6"), chart=afraid)["regimen"]["dose"]["start_low"] is True
    very = view(session_fear=8)
    assert plan(chart=very)["regimen"]["dose"]["start_low"] is True
    assert plan(("LOW-FEAR", "line", "9"), chart=very)["regimen"]["dose"]["start_low"] is False


def refused(document) -> dict[str, str]:
    return {o["id"]: " ".join(o["reasons"]) for o in document["refused_options"]}


@pytest.mark.hazard("HAZ-26", "C1")
def test_a_tighter_frequency_refuses_the_templates_that_break_it():
    assert "REG-B1" not in refused(plan())
    assert "more than 2 need the prescriber's reason" in refused(plan(("DOS-FREQ-1", "most", "2")))["REG-B1"]
    assert "Less than 72 hours" in refused(plan(("DOS-FREQ-2", "min_h", "72")))["REG-B1"]
    assert (
        "Less than 72 hours"
        in refused(plan(("DOS-FREQ-2", "min_h", "72"), wishes={"reasons": {"DOS-FREQ-1": "x"}}))["REG-B1"]
    )


@pytest.mark.hazard("HAZ-26", "C1")
def test_a_lower_start_and_a_lower_dose_never_given_are_what_the_plan_keeps():
    wishes = {"regimen": "REG-C1", "start_low": True, "routes": ["im"]}
    assert plan(wishes=wishes)["regimen"]["dose"]["mg"] == Decimal("17.5")
    assert plan(("DOS-IM", "low_start", "0.1"), wishes=wishes)["regimen"]["dose"]["mg"] == Decimal("7.0")
    dose, lower = DoseMgPerKg(Decimal("1.5")), book_of(site(("DOS-IM", "never.mg_per_kg", "1.2")))
    assert "never" not in {b.level for b in within_limits("im", "ketamine", None, dose, site={})}
    assert "never" in {b.level for b in within_limits("im", "ketamine", None, dose, site={}, book=lower)}


def test_texts_show_the_sites_number_and_not_the_shipped_one():
    rows = book_of(site(("ALT-SBP", "amber", "150"), ("DOS-FREQ-1", "most", "2"), ("DIS-2", "systolic", "150"))).rows()
    assert rows["ALT-SBP"].amber == "150 mmHg or more, or a rise of 30 or more from baseline"
    assert rows["DOS-FREQ-1"].text.startswith("In any 168 hours at most 2 parenteral doses")
    assert "below 150/100" in rows["DIS-2"].text
    for row in (*rows.values(), *shipped().rows().values()):
        assert "{" not in " ".join(getattr(row, name, "") for name in ("title", "text", "amber", "red"))


def test_a_longer_stay_makes_the_dose_session_as_long():
    def longest(document) -> int:
        return max(s["minutes"] for s in document["programme"]["sessions"] if s["kind"] == "dose")

    iv = {"regimen": "REG-A3"}
    assert longest(plan(wishes=iv)) == 160
    longer = plan(("MON-IV", "min_stay_min", "200"), wishes=iv)
    assert longest(longer) == 200
    assert longer["monitoring"]["min_stay_min"] == 200


@pytest.mark.hazard("HAZ-26", "C1")
def test_the_plan_says_who_set_what_when_and_why_in_the_row_and_on_the_page():
    document = plan(("ALT-SBP", "amber", "150"), ("LOW-FEAR", "line", "9"))
    assert [(v["row"], v["limit"], v["value"], v["shipped"]) for v in document["site_values"]] == [
        ("LOW-FEAR", "line", 9, 7),
        ("ALT-SBP", "amber", 150, 160),
    ]
    (row,) = [limit for limit in document["monitoring"]["limits"] if limit["id"] == "ALT-SBP"]
    (value,) = row["site_values"]
    assert (value["by"], value["on"], value["reason"]) == ("Dr Varga", "2026-09-01", "no anaesthetist")
    page = plan_html(document)
    assert "ALT-SBP amber: 150 instead of 160, set by Dr Varga" in page
    assert "no anaesthetist" in page
    assert "Set by this site" not in plan_html(plan())


@pytest.mark.hazard("HAZ-26", "C1")
def test_a_changed_first_dose_meets_the_sites_own_ceiling_too():
    document = plan(wishes={"regimen": "REG-A3"})
    more = [Edit(what="first-dose", amount=Decimal("0.6"), reason="tolerated before")]
    wide = {"DOS-IV": SiteMax(Decimal("0.8"), Decimal(80), Decimal(40), "Dr M")}
    assert edited(document, more, wide)["regimen"]["dose"]["mg_per_kg"] == Decimal("0.6")
    with pytest.raises(UserError, match="above all published"):
        edited(document, more, wide, book_of(site(("DOS-IV", "ceiling.mg_per_kg", "0.5"))))
