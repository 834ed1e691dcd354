"""Gates hold at every door: what is missing never passes, what is excluded is never planned, what is stale is seen."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openkap.chart.ground import changed
from openkap.cli.content import sign
from openkap.cli.tests.command import ON, called, encoded, inside, person
from openkap.kernel.errors import NoSolution
from openkap.kernel.site import Site
from openkap.pathway import open_case, plan_case, screen_case
from openkap.plan.preferences import read_preferences
from openkap.synthetic.case import Case, condition, measurement
from tests.journeys.referral import referral

# -- HAZ-20: what is missing is never taken for absent -----------------------------------------------

# From the safety and dosing fact sheet, section 1: rows whose missing-data policy is MB or MH, by what the
# record must hold; and rows of policy MC. Copied by hand, so that the content files cannot vouch for themselves.
BLOCKING = """
consent capacity-attested teach-back-done legal-compulsion escort interview-on bp-hazard systolic-0 diastolic-0
hypertensive-crisis coronary-event heart-failure-valve-hcm aneurysm avm intracranial-haemorrhage stroke-tia raised-icp
head-injury seizure-disorder dementia delirium ketamine-misuse form-phq-9 c-ssrs liver-disease cystitis
haematuria-unexplained ketamine-cystitis ketamine-allergy weight-0 asa-class medication-reconciled-on
could-become-pregnant drug-screen form-audit-c alt-0 bilirubin-0 spo2-0 treatment-history-complete form-gad-7
""".split()
ASKING = """
caffeine-high sleep-loss wrong-diagnosis schizophrenia-relative angle-closure-glaucoma open-angle-glaucoma
sleep-apnoea porphyria mallampati form-des-ii score-ipss adult-reachable-24h safe-housing
""".split()


def without(name: str) -> dict[str, Any]:
    whole = referral(Case(ON))
    names = {piece.name for piece in whole.pieces}
    assert name in names
    return whole.bundle(names - {name})


@pytest.mark.hazard("HAZ-20", "C1", "C2")
@pytest.mark.parametrize("name", BLOCKING)
def test_a_person_with_a_blocking_gap_is_never_cleared_and_the_gap_is_asked_for(name: str):
    screening = screen_case(open_case(without(name), ON))
    assert screening.verdict == "insufficient"
    assert any(ask.decisive for ask in screening.ask)
    with pytest.raises(NoSolution):
        plan_case(open_case(without(name), ON))


@pytest.mark.hazard("HAZ-20", "C1", "C2")
@pytest.mark.parametrize("name", ASKING)
def test_a_person_with_a_gap_that_must_be_asked_is_a_caution_and_never_eligible(name: str):
    screening = screen_case(open_case(without(name), ON))
    assert screening.verdict == "caution"
    assert screening.ask


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize("name", ["aneurysm", "weight-0", "consent", "medication-reconciled-on"])
def test_the_command_line_refuses_the_same_gap(name: str):
    bundle = encoded(without(name))
    assert inside("screen", "-", "--on", ON, stdin=bundle).json["verdict"] == "insufficient"
    refused = inside("plan", "-", "--on", ON, stdin=bundle)
    assert refused.status == 3 and any(ask["decisive"] for ask in refused.json["ask"])


# -- HAZ-22: a plan knows the ground it stands on ----------------------------------------------------


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    """A plan as it was stored: read back from what the command line printed."""
    return inside("plan", "-", "--on", ON, stdin=encoded(Case(ON).bundle())).json


def moved(plan: dict[str, Any], case: Case, on: date = ON) -> dict[str, str]:
    """Which facts the plan stood on have moved, and how."""
    return {entry["fact"]: entry["change"] for entry in changed(plan, open_case(case.bundle(), on).view)}


CHANGES: dict[str, tuple[str, Callable[[], Case]]] = {
    "a new diagnosis": (
        "aneurysm",
        lambda: Case(ON, extra=[condition("new", "http://hl7.org/fhir/sid/icd-10-cm", "I71.4", ON)]),
    ),
    "another answer": ("severe-reflux", lambda: Case(ON, answers={"severe-reflux": True})),
    "another weight": ("weight", lambda: Case(ON, measurements={"weight": [(Decimal("66.0"), "kg", 1, None)]})),
    "another pressure": (
        "systolic",
        lambda: Case(ON, measurements={"systolic": [(170, "mm[Hg]", 1, None), (168, "mm[Hg]", 2, None)]}),
    ),
    "another score": ("gad-7", lambda: Case(ON, instruments={"gad-7": [1] * 7})),
    "a new medicine": ("medicines", lambda: Case(ON, medicines=["lorazepam 1 mg tablet"])),
    "a withdrawn consent": ("consent", lambda: Case(ON, consent="inactive")),
    "an answer taken back": ("porphyria", lambda: Case(ON, answers={"porphyria": None})),
}


@pytest.mark.hazard("HAZ-22", "C1")
def test_on_the_same_record_and_day_nothing_has_moved(plan: dict[str, Any]):
    assert moved(plan, Case(ON)) == {}


@pytest.mark.hazard("HAZ-22", "C1")
@pytest.mark.parametrize(("fact", "make"), CHANGES.values(), ids=CHANGES)
def test_each_change_of_the_record_is_seen_by_name(plan: dict[str, Any], fact: str, make: Callable[[], Case]):
    assert fact in moved(plan, make())


@pytest.mark.hazard("HAZ-22", "C1")
def test_every_single_fact_that_goes_missing_is_seen(plan: dict[str, Any]):
    whole = referral(Case(ON))
    names = {piece.name for piece in whole.pieces}
    unseen = [
        piece.name
        for piece in whole.pieces
        if set(piece.facts) & set(plan["fact_versions"])
        and not changed(plan, open_case(whole.bundle(names - {piece.name}), ON).view)
    ]
    # These say the same as another record, which still stands: the interview, or a pressure of another day.
    told_twice = {"psychotic-symptoms", "psychotic-disorder", "mania-current", "bipolar", "sud-active"}
    told_twice |= {"dissociative-disorder", "borderline", "ptsd"}
    assert set(unseen) <= told_twice


@pytest.mark.hazard("HAZ-22", "C1")
def test_a_plan_of_two_months_ago_has_aged_and_a_new_one_is_refused(plan: dict[str, Any]):
    later = ON + timedelta(days=60)
    aged = moved(plan, Case(ON), later)
    assert {aged[name] for name in ("weight", "systolic", "gad-7")} == {"aged"}
    assert inside("plan", "-", "--on", later, stdin=encoded(Case(ON).bundle())).status == 3


# -- HAZ-26: every door is the same gate -------------------------------------------------------------


def refused_by_library(name: str, **options: Any) -> dict[str, Any]:
    with pytest.raises(NoSolution) as caught:
        plan_case(open_case(person(name), ON), **options)
    return json.loads(encoded(caught.value.document))


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize("name", ["hold", "exclude", "insufficient"])
def test_no_door_lets_a_refused_person_through(name: str, tmp_path: Path):
    path, wishes = tmp_path / "case.json", tmp_path / "wishes.json"
    path.write_bytes(person(name))
    asked = {"regimen": "REG-A1", "routes": ["sc", "iv"], "reasons": {"DOS-FREQ-1": "wished", "verdict": "wished"}}
    wishes.write_bytes(encoded(asked))
    for document in (
        refused_by_library(name),
        refused_by_library(name, preferences=read_preferences(asked, ON)),
        called("plan", name).json,
        inside("plan", path, "--on", ON, "--preferences", wishes).json,
        inside("plan", path, "--on", ON, "--preferences", wishes, "--as", "html").json,
    ):
        assert document["verdict"] == name
        assert document["findings"] == called("screen", name).json["findings"]
        assert not {"programme", "regimen", "options"} & set(document)


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize("form", ["json", "fhir"])
def test_a_draft_for_an_excluded_person_has_no_dose_at_any_door(form: str):
    text = called("plan", "exclude", "--draft", "--as", form).out.decode()
    document = plan_case(open_case(person("exclude"), ON), draft=True)
    assert document["regimen"] is None and document["options"] == []
    assert not [s for s in document["programme"]["sessions"] if s["kind"] == "dose"]
    assert '"dose-1"' not in text and "doseAndRate" not in text


@pytest.mark.hazard("HAZ-26", "C1")
def test_no_wish_opens_a_route_that_the_site_has_not_signed(tmp_path: Path):
    sign(Site.open(tmp_path), ["all"], by="Dr Ines Varga", on=ON)
    site = Site.open(tmp_path)
    case = open_case(person("eligible"), ON)
    assert screen_case(case, site).verdict == "eligible"
    for wishes in (
        {},
        {"regimen": "REG-B1", "routes": ["iv"]},
        {"routes": ["sc"], "reasons": {"DOS-FREQ-1": "wished"}},
    ):
        for draft in (False, True):
            with pytest.raises(NoSolution) as caught:
                plan_case(case, site, preferences=read_preferences(wishes, ON), draft=draft)
            assert "no highest dose is signed" in caught.value.document["reason"]
    refused = inside("plan", "-", "--on", ON, "--draft", stdin=person("eligible"), site=str(tmp_path))
    assert refused.status == 3 and "disabled" in refused.json["reason"]


@pytest.mark.hazard("HAZ-26", "C2")
def test_an_exception_by_name_is_refused_by_library_and_command_line_alike(tmp_path: Path):
    wishes = {"regimen": "REG-X1"}
    path = tmp_path / "wishes.json"
    path.write_bytes(encoded(wishes))
    with pytest.raises(NoSolution) as caught:
        plan_case(open_case(person("eligible"), ON), preferences=read_preferences(wishes, ON))
    answer = inside("plan", "-", "--on", ON, "--preferences", path, stdin=person("eligible"))
    assert (answer.status, answer.sentence()) == (3, str(caught.value))


def test_a_stated_weight_never_opens_the_gate_of_the_measured_one():
    stated = measurement("stated", "weight", 61, "kg", ON) | {"performer": [{"reference": "Patient/synthetic"}]}
    case = Case(ON, measurements={"weight": []}, extra=[stated])
    assert screen_case(open_case(case.bundle(), ON)).verdict == "insufficient"


# -- HAZ-26: what nobody has signed decides nothing, and silences nothing ------------------------------


def site_without(folder: Path, *unsigned: str) -> Site:
    sign(Site.open(folder), ["all"], by="Dr Ines Varga", on=ON)
    site = Site.open(folder)
    return Site(folder, {name: one for name, one in site.signatures.items() if name not in unsigned})


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize("instrument", ["phq-9", "gad-7", "audit-c", "dast-10"])
def test_a_score_by_an_unsigned_instrument_is_shown_and_clears_nobody(instrument: str, tmp_path: Path):
    assert screen_case(open_case(person("eligible"), ON, site=site_without(tmp_path))).verdict == "eligible"
    case = open_case(person("eligible"), ON, site=site_without(tmp_path, instrument))
    (record,) = [r for r in case.records if r.instrument == instrument]
    assert record.document()["status"] == "ok"
    assert (record.usable, record.signed) == (False, False)
    assert f"{instrument} is not signed at this site" in record.why_not
    assert "the medical director must review and sign it" in record.why_not
    screening = screen_case(case)
    assert screening.verdict == "insufficient"
    assert any("is not signed at this site" in ask.reason for ask in screening.ask)


@pytest.mark.hazard("HAZ-26", "C1")
def test_a_safety_answer_on_an_unsigned_form_still_raises_its_finding(tmp_path: Path):
    answers = [0, 0, 0, 0, 0, 0, 0, 0, 2]
    bundle = Case(ON, instruments={"phq-9": answers}).bundle()
    signed = screen_case(open_case(bundle, ON, site=site_without(tmp_path)))
    unsigned = open_case(bundle, ON, site=site_without(tmp_path, "phq-9"))
    raised = {f.rule for f in signed.findings if f.truth.value == "true" and "phq-9" in " ".join(f.facts)}
    assert raised
    assert raised <= {f.rule for f in screen_case(unsigned).findings if f.truth.value == "true"}
    (record,) = [r for r in unsigned.records if r.instrument == "phq-9"]
    assert record.score.flags


@pytest.mark.hazard("HAZ-26", "C1")
def test_a_case_opened_without_a_site_is_read_again_by_the_site_that_judges_it(tmp_path: Path):
    opened = open_case(person("eligible"), ON)
    assert screen_case(opened).verdict == "eligible"
    assert screen_case(opened, site_without(tmp_path, "phq-9")).verdict == "insufficient"
