"""Deciding, signing and planning in the database: who may, what it binds, what it refuses, what stays readable."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import msgspec
import pytest
import time_machine
from django.db import DatabaseError, connection, transaction

from openkap.assess import services as forms
from openkap.chart import services as chart
from openkap.chart.models import Record
from openkap.chart.selectors import version_of
from openkap.kernel.coding import FACT
from openkap.kernel.errors import Conflict, Forbidden, NoSolution, UserError
from openkap.kernel.site import Site
from openkap.people.models import AuditEvent, Patient
from openkap.people.types import Role
from openkap.plan import selectors as plans
from openkap.plan import services as planning
from openkap.plan.choices import Preferences
from openkap.plan.edits import Edit
from openkap.plan.models import Programme, Signature
from openkap.screen import services as screening
from openkap.screen.decisions import digest_of, ground_of, open_points
from openkap.screen.models import Override, Signoff, Standing
from openkap.screen.selectors import signed_verdicts, standings
from openkap.synthetic.case import Case, condition
from openkap.web.judge import fresh_standings, judge, propose
from tests.database import Clinic
from tests.people_in_charts import fill

ON = date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
BORN = date(1988, 4, 2)
HIGH = {"systolic": [(171, "mm[Hg]", 3, None), (169, "mm[Hg]", 10, None)]}
LETTER = {
    "reason": "Readings at home are in range.",
    "document": "Dr Berg, cardiology",
    "document_on": date(2026, 11, 20),
}
WEIGHT = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "effectiveDateTime": "2026-11-25",
    "valueQuantity": {"value": 62, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}


def quantity(value: int, unit: str) -> dict:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def ida(clinic: Clinic) -> Patient:
    fill(clinic, clinic.ida, Case(ON, sex="M", born=BORN, measurements=HIGH))
    return clinic.ida


@pytest.fixture
def well(clinic: Clinic) -> Patient:
    fill(clinic, clinic.ida, Case(ON, sex="M", born=BORN))
    return clinic.ida


def clear(clinic: Clinic, patient: Patient, **changes):
    hold = next(f for f in judge(patient).found.findings if f.class_ == "hold")
    given = {"kind": "clearance", "rule": hold.rule, "ground": ground_of(hold)} | LETTER | changes
    return screening.decide(clinic.principal(changes.pop("role", Role.PRESCRIBER)), patient, judge, **given)


def sign_verdict(clinic: Clinic, patient: Patient, **changes) -> Signoff:
    given = {"digest": digest_of(judge(patient).screening), "birth_date": BORN} | changes
    return screening.sign(clinic.principal(Role.PRESCRIBER), patient, judge, **given)


def plan(clinic: Clinic, patient: Patient, version: int = 0, role=Role.PRESCRIBER, **changes) -> Programme:
    given = {"preferences": Preferences(), "reason": "first draft"} | changes
    return planning.write(clinic.principal(role), patient, propose, expected_version=version, **given)


def sign_plan(clinic: Clinic, patient: Patient, row: Programme, **changes) -> Signature:
    given = {"version": row.version, "digest": row.digest, "birth_date": BORN} | changes
    return planning.sign(clinic.principal(Role.PRESCRIBER), patient, judge, **given)


OTHERWISE = (
    ("http://loinc.org", "8480-6", {"valueQuantity": quantity(151, "mm[Hg]")}),
    ("http://loinc.org", "29463-7", {"valueQuantity": quantity(90, "kg")}),
    (FACT, "session-fear", {"valueInteger": 9}),
    (FACT, "stroke-tia", {"valueBoolean": True}),
)


def weigh(clinic: Clinic, patient: Patient, day: datetime = NOON, kg: int = 62) -> None:
    about = {"subject": {"reference": f"Patient/{patient.pk}"}, "valueQuantity": quantity(kg, "kg")}
    resource = WEIGHT | about | {"effectiveDateTime": day.date().isoformat()}
    chart.add_records(clinic.principal(Role.NURSE), patient, [resource], by="staff")


# ---------------------------------------------------------------- decisions


def test_a_cleared_hold_changes_the_verdict_is_audited_and_refreshes_the_standing(clinic, ida):
    assert judge(ida).screening.verdict == "hold"
    row = clear(clinic, ida)
    assert judge(ida).screening.verdict == "caution"
    assert (row.role, row.document, row.chart_version) == ("prescriber", "Dr Berg, cardiology", version_of(ida))
    event = AuditEvent.objects.filter(entity=f"Override/{row.pk}").get()
    assert (event.type, event.action, event.patient_id) == ("decision", "C", ida.pk)
    assert "home" not in event.reason
    assert Standing.objects.get(pk=ida.pk).verdict == "caution"


@pytest.mark.hazard("HAZ-26", "C1", "C2")
@pytest.mark.parametrize("changes", [{"document": ""}, {"document_on": None}, {"reason": " "}])
def test_a_clearance_without_its_reason_document_or_date_leaves_no_trace(clinic, ida, changes):
    with pytest.raises(UserError):
        clear(clinic, ida, **changes)
    assert not Override.objects.exists()


@pytest.mark.hazard("HAZ-26", "C1")
def test_the_database_itself_refuses_a_clearance_without_a_document_and_a_signature_under_an_exclusion(clinic, ida):
    common = {
        "patient": ida,
        "chart_version": 1,
        "content_version": "x",
        "at": NOON,
        "by": clinic.users[Role.PRESCRIBER],
    }
    with pytest.raises(DatabaseError), transaction.atomic():
        Override.objects.create(kind="clearance", rule="SCR-HTN-1", reason="x", role="prescriber", **common)
    with pytest.raises(DatabaseError), transaction.atomic():
        Signoff.objects.create(verdict="exclude", on=ON, digest="x", meaning="x", name="x", role="prescriber", **common)


@pytest.mark.hazard("HAZ-26", "C2")
@pytest.mark.parametrize("role", [r for r in Role if r not in (Role.PRESCRIBER, Role.SYSTEM)])
def test_nobody_but_a_prescriber_clears_signs_or_withdraws(clinic, ida, role):
    row = clear(clinic, ida)
    other = clinic.principal(role)
    hold = next(f for f in judge(ida).found.findings if f.class_ == "hold")
    with pytest.raises(Forbidden):
        screening.decide(other, ida, judge, kind="clearance", rule=hold.rule, ground=ground_of(hold), **LETTER)
    with pytest.raises(Forbidden):
        screening.withdraw_decision(other, ida, judge, row.pk, reason="because")
    with pytest.raises(Forbidden):
        screening.sign(other, ida, judge, digest=digest_of(judge(ida).screening), birth_date=BORN)
    with pytest.raises(Forbidden):
        planning.sign(other, ida, judge, version=1, digest="", birth_date=BORN)


def test_a_finding_that_changed_since_the_page_was_made_is_not_decided(clinic, ida):
    hold = next(f for f in judge(ida).found.findings if f.class_ == "hold")
    reading = {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}}
    value = {"value": 190, "unit": "mm[Hg]", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    about = {"subject": {"reference": f"Patient/{ida.pk}"}, "valueQuantity": value}
    chart.add_records(clinic.principal(Role.NURSE), ida, [WEIGHT | reading | about], by="staff")
    with pytest.raises(Conflict, match="read them again"):
        screening.decide(
            clinic.principal(Role.PRESCRIBER),
            ida,
            judge,
            kind="clearance",
            rule=hold.rule,
            ground=ground_of(hold),
            **LETTER,
        )


def test_a_reason_why_a_datum_cannot_be_had_is_written_into_the_chart_and_reads_as_a_caution(clinic):
    fill(clinic, clinic.ida, Case(ON, sex="M", born=BORN, instruments={"gad-7": [None] * 7}))
    gap = next(f for f in judge(clinic.ida).found.findings if f.missing == "MH")
    before = Record.objects.count()
    screening.decide(
        clinic.principal(Role.PRESCRIBER), clinic.ida, judge, kind="reason", rule=gap.rule, ground=ground_of(gap),
        reason="Cannot read the form; interviewed instead.",
    )  # fmt: skip
    written = [msgspec.json.decode(r.content) for r in Record.objects.order_by("pk")[before:]]
    assert {r["code"]["coding"][0]["code"] for r in written} >= {"gad-7"}
    said = [r["dataAbsentReason"]["extension"][0] for r in written]
    assert all(e["url"].endswith("/cannot-be-had") and e["valueString"].startswith("Cannot read") for e in said)
    assert not any("valueInteger" in r for r in written)
    now = judge(clinic.ida).screening
    assert now.verdict == "caution"
    explained = next(f for f in now.findings if f.rule == gap.rule)
    assert (explained.class_, [d.kind for d in explained.decisions]) == ("caution", ["reason"])
    assert not [point for point in open_points(now) if gap.rule in point]

    row = Override.objects.get()
    screening.withdraw_decision(
        clinic.principal(Role.PRESCRIBER), clinic.ida, judge, row.pk, reason="She can read after all."
    )
    assert judge(clinic.ida).screening.verdict == "insufficient"


def test_a_withdrawn_decision_no_longer_holds_and_stays_readable(clinic, ida):
    row = clear(clinic, ida)
    screening.withdraw_decision(clinic.principal(Role.PRESCRIBER), ida, judge, row.pk, reason="wrong letter")
    assert judge(ida).screening.verdict == "hold"
    assert [o.kind for o in Override.objects.order_by("pk")] == ["clearance", "withdrawal"]
    with pytest.raises(Conflict):
        screening.withdraw_decision(clinic.principal(Role.PRESCRIBER), ida, judge, row.pk, reason="again")


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.hazard("HAZ-78", "C1")
@pytest.mark.parametrize("model", [Override, Signoff, Programme, Signature])
def test_what_was_decided_signed_or_planned_cannot_be_changed_or_deleted(clinic, well, model):
    if model in (Override,):
        fill(clinic, clinic.noah, Case(ON, sex="M", born=BORN, measurements=HIGH))
        clear(clinic, clinic.noah)
    sign_verdict(clinic, well)
    sign_plan(clinic, well, plan(clinic, well))
    assert model.objects.exists()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        model.objects.update(reason="other")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        model.objects.all()._raw_delete("default")


# ---------------------------------------------------------------- signing a verdict


@pytest.mark.hazard("HAZ-01", "C1")
@pytest.mark.parametrize("typed", [None, date(1988, 2, 4), date(1888, 4, 2)])
def test_nothing_is_signed_with_another_birth_date(clinic, well, typed):
    with pytest.raises(UserError, match="birth date"):
        sign_verdict(clinic, well, birth_date=typed)
    row = plan(clinic, well)
    with pytest.raises(UserError, match="birth date"):
        sign_plan(clinic, well, row, birth_date=typed)
    assert not Signoff.objects.exists() and not Signature.objects.exists()


@pytest.mark.hazard("HAZ-78", "C2")
def test_a_signature_binds_facts_content_and_digest_and_a_changed_fact_makes_it_stale(clinic, well):
    row = sign_verdict(clinic, well)
    assert (row.verdict, row.chart_version, row.name) == ("eligible", version_of(well), "Prescriber Person")
    assert [s.state for s in signed_verdicts(well, judge(well))] == ["in-force"]
    weigh(clinic, well)
    stale = signed_verdicts(well, judge(well))[0]
    assert stale.state == "stale"
    assert stale.because[0].startswith("Weight: was ")


def test_an_open_hold_or_a_caution_without_mitigation_keeps_a_verdict_from_being_signed(clinic, ida):
    with pytest.raises(UserError, match="SCR-HTN-1"):
        sign_verdict(clinic, ida)
    clear(clinic, ida)
    assert sign_verdict(clinic, ida).verdict == "caution"


@pytest.mark.hazard("HAZ-22", "C2")
def test_what_was_read_is_what_is_signed(clinic, well):
    seen = digest_of(judge(well).screening)
    weigh(clinic, well)
    reading = {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}}
    value = {"value": 190, "unit": "mm[Hg]", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    about = {"subject": {"reference": f"Patient/{well.pk}"}, "valueQuantity": value}
    chart.add_records(clinic.principal(Role.NURSE), well, [WEIGHT | reading | about], by="staff")
    with pytest.raises(Conflict):
        sign_verdict(clinic, well, digest=seen)


# ---------------------------------------------------------------- plans


def test_a_plan_is_written_changed_and_signed_and_the_old_version_stays_readable(clinic, well):
    first = plan(clinic, well)
    assert (first.version, first.changes, first.draft) == (1, [], False)
    sign_plan(clinic, well, first)
    second = plan(clinic, well, 1, preferences=Preferences(avoid=("im",), start_low=True), reason="fear of needles")
    assert {c["part"] for c in second.changes} & {"dose", "option", "regimen"}
    rows = plans.versions(well)
    assert [plans.state_of(r, 2, ()) for r in rows] == ["unsigned", "replaced"]
    assert plans.document_of(rows[1])["regimen"]["id"] == plans.document_of(first)["regimen"]["id"]
    assert plans.signature_of(rows[1]) is not None
    with pytest.raises(Conflict, match="newer version"):
        sign_plan(clinic, well, first)


@pytest.mark.hazard("HAZ-74", "C1")
def test_two_clinicians_on_one_plan_the_second_is_told_and_nothing_is_overwritten(clinic, well):
    plan(clinic, well)
    plan(clinic, well, 1, preferences=Preferences(start_low=True), reason="the first clinician")
    with pytest.raises(Conflict, match="meanwhile"):
        plan(clinic, well, 1, role=Role.THERAPIST, preferences=Preferences(avoid=("im",)), reason="the second")
    assert [(r.version, r.reason) for r in plans.versions(well)] == [(2, "the first clinician"), (1, "first draft")]


@pytest.mark.hazard("HAZ-22", "C1")
def test_what_a_clinician_says_of_the_formulation_reaches_the_next_plan_and_stales_the_former(clinic, well):
    row = plan(clinic, well)
    shown = plans.document_of(row)["summary"]["formulation"]
    assert "accepted" not in shown["cognitive"]
    with time_machine.travel(row.at + timedelta(minutes=1), tick=False):
        for name, accepted in (("cognitive", True), ("somatic", False)):
            forms.decide_dimension(
                clinic.principal(Role.THERAPIST),
                well,
                name,
                level=shown[name]["level"],
                accepted=accepted,
                reason="" if accepted else "it is the thyroid",
                chart_version=version_of(well),
            )
        with pytest.raises(UserError, match="part of the formulation since"):
            sign_plan(clinic, well, row)
        after = plans.document_of(plan(clinic, well, 1, reason="looked at"))["summary"]["formulation"]
    assert after["cognitive"]["accepted"] is True
    assert (after["somatic"]["accepted"], after["somatic"]["level"]) == (False, None)


@pytest.mark.hazard("HAZ-22", "C1")
@pytest.mark.hazard("HAZ-17", "C1")
def test_a_plan_whose_ground_has_moved_is_not_signed_and_a_signed_one_needs_review(clinic, well):
    row = plan(clinic, well)
    sign_plan(clinic, well, row)
    assert plans.moved_ground(row, judge(well)) == []
    weigh(clinic, well)
    moved = plans.moved_ground(row, judge(well))
    assert any("weight" in text.lower() for text in moved)
    assert plans.state_of(plans.newest(well), 1, moved) == "needs-review"
    again = plan(clinic, well, 1, reason="new weight")
    tomorrow = NOON + timedelta(days=1)
    with time_machine.travel(tomorrow, tick=False):
        weigh(clinic, well, day=tomorrow, kg=63)
        with pytest.raises(UserError, match="changed"):
            sign_plan(clinic, well, again)


def write_what_nothing_rests_on(clinic: Clinic, patient: Patient) -> None:
    """A weight of another day that is older than the one that counts, and a note that no rule reads."""
    about = {"subject": {"reference": f"Patient/{patient.pk}"}}
    note = {"code": {"coding": [{"system": "http://loinc.org", "code": "8302-2", "display": "height"}]}}
    for changes in ({"effectiveDateTime": "2025-01-02"}, note | {"status": "cancelled"}):
        chart.add_records(clinic.principal(Role.NURSE), patient, [WEIGHT | about | changes], by="staff")


@pytest.mark.hazard("HAZ-22", "C1")
def test_a_record_that_changes_nothing_that_was_judged_leaves_verdict_and_plan_signed(clinic, well):
    sign_verdict(clinic, well)
    row = plan(clinic, well)
    sign_plan(clinic, well, row)
    version = version_of(well)
    write_what_nothing_rests_on(clinic, well)
    assert version_of(well) > version
    assert [s.state for s in signed_verdicts(well, judge(well))] == ["in-force"]
    assert plans.moved_ground(row, judge(well)) == []
    assert plans.standings([well])[well.pk].moved  # not judged anew yet, and nothing says that it is the same
    fresh_standings([well])
    assert not plans.standings([well])[well.pk].moved
    today = clinic.client(Role.PRESCRIBER).get("/today/").content.decode()
    assert "signed plan to look at again" not in today
    assert "verdict to sign" not in today


@pytest.mark.hazard("HAZ-22", "C1", "C2")
def test_the_list_and_the_page_agree_whatever_moves_under_a_signed_plan(clinic, well):
    """Each fact of the chart in turn gets another value: verdict and plan turn, by name, and so does the list."""
    sign_verdict(clinic, well)
    row = plan(clinic, well)
    sign_plan(clinic, well, row)
    for place, (system, code, value) in enumerate(OTHERWISE):
        with transaction.atomic():
            coded = {"code": {"coding": [{"system": system, "code": code}]}, **value}
            resource = {k: v for k, v in WEIGHT.items() if k != "valueQuantity"} | coded
            about = {"subject": {"reference": f"Patient/{well.pk}"}}
            chart.add_records(clinic.principal(Role.NURSE), well, [resource | about], by="staff")
            fresh_standings([well])
            assert plans.moved_ground(row, judge(well)), place
            assert plans.standings([well])[well.pk].moved, place
            assert signed_verdicts(well, judge(well))[0].because, place
            transaction.set_rollback(True)


@pytest.mark.hazard("HAZ-22", "C1")
def test_an_imported_record_that_nobody_has_looked_at_turns_a_plan_by_what_it_may_raise(clinic, well):
    row = plan(clinic, well)
    bundle = Case(ON, sex="M", born=BORN).bundle()
    bleed = condition("bleed", "http://hl7.org/fhir/sid/icd-10-cm", "I60.9", date(2026, 11, 20))
    bundle["entry"].append({"fullUrl": f"urn:uuid:{uuid4()}", "resource": bleed})
    text = msgspec.json.Encoder(decimal_format="number").encode(bundle)
    prescriber = clinic.principal(Role.PRESCRIBER)
    received = chart.receive(prescriber, text, source="a letter", patient=well)
    chart.take(prescriber, received, well, reason="compared by hand")
    assert plans.moved_ground(row, judge(well))


def test_a_signature_from_before_the_facts_were_kept_goes_by_the_chart(clinic, well):
    row = sign_verdict(clinic, well)
    old = Signoff(**{f.attname: getattr(row, f.attname) for f in Signoff._meta.fields if f.name != "id"})
    old.document, old.ground = '{"verdict": "eligible", "findings": []}', None
    old.save()
    assert signed_verdicts(well, judge(well))[0].state == "in-force"
    write_what_nothing_rests_on(clinic, well)
    assert "The chart was version" in signed_verdicts(well, judge(well))[0].because[0]


@pytest.mark.hazard("HAZ-22", "C1")
def test_a_plan_ages_with_the_facts_under_it(clinic, well):
    row = plan(clinic, well)
    with (
        time_machine.travel(datetime(2027, 1, 10, 12, tzinfo=UTC), tick=False),
        pytest.raises(UserError, match="changed"),
    ):
        sign_plan(clinic, well, row)


def test_a_decision_taken_back_after_the_plan_keeps_it_from_being_signed(clinic, ida):
    taken = clear(clinic, ida)
    row = plan(clinic, ida)
    screening.withdraw_decision(clinic.principal(Role.PRESCRIBER), ida, judge, taken.pk, reason="wrong letter")
    with pytest.raises(UserError, match="The verdict was caution and is hold"):
        sign_plan(clinic, ida, row)


@pytest.mark.hazard("HAZ-26", "C1")
def test_no_plan_against_the_verdict_except_a_draft_that_is_never_signed(clinic, ida):
    with pytest.raises(NoSolution):
        plan(clinic, ida)
    draft = plan(clinic, ida, draft=True)
    assert draft.draft
    with pytest.raises(UserError, match="never be signed"):
        sign_plan(clinic, ida, draft)


@pytest.mark.hazard("HAZ-78", "C2")
def test_a_signature_binds_the_text_that_was_read_and_is_withdrawn_with_a_reason(clinic, well):
    row = plan(clinic, well)
    with pytest.raises(Conflict):
        sign_plan(clinic, well, row, digest="0" * 64)
    signed = sign_plan(clinic, well, row)
    assert (signed.digest, signed.name, signed.role) == (row.digest, "Prescriber Person", "prescriber")
    with pytest.raises(Conflict, match="before"):
        sign_plan(clinic, well, row)
    planning.withdraw(clinic.principal(Role.PRESCRIBER), well, 1, reason="she changed her mind")
    assert plans.state_of(plans.newest(well), 1, ()) == "withdrawn"


@pytest.mark.hazard("HAZ-16", "C2")
def test_amounts_are_stored_exactly_as_they_were_computed(clinic, well):
    row = plan(clinic, well)
    computed = propose(well, Preferences()).document["regimen"]["dose"]
    stored = plans.document_of(row)["regimen"]["dose"]
    assert {k: Decimal(str(stored[k])) for k in ("mg", "mg_per_kg", "unrounded_mg")} == {
        k: computed[k] for k in ("mg", "mg_per_kg", "unrounded_mg")
    }


def test_a_change_beyond_a_limit_writes_nothing(clinic, well):
    plan(clinic, well)
    too_much = Edit(what="first-dose", amount=Decimal(9), reason="more")
    with pytest.raises(UserError, match="first dose"):
        plan(clinic, well, 1, edits=(too_much,), reason="more")
    assert Programme.objects.count() == 1


# ---------------------------------------------------------------- standings


@pytest.mark.goal("RG-05")
@pytest.mark.hazard("HAZ-74", "C1", "C2")
@pytest.mark.django_db(transaction=True)
def test_sixteen_clinicians_at_once_lose_no_version_of_a_plan(clinic, well, count, monkeypatch):
    """Accepted writes are exactly the version steps; every other is told of the conflict."""
    whole = propose(well, Preferences())
    monkeypatch.setattr("openkap.plan.services.changes", lambda *_: [])  # the race is about versions
    tries, results, lock = max(count(500) // 2, 3), [], threading.Lock()
    principal = clinic.principal(Role.PRESCRIBER)

    def work(name: int) -> None:
        for turn in range(tries):
            seen = Programme.objects.filter(patient=well).order_by("-version").values_list("version", flat=True).first()
            try:
                row = planning.write(
                    principal, well, lambda *_: whole, expected_version=seen or 0, preferences=Preferences(),
                    reason=f"{name}.{turn}",
                )  # fmt: skip
                result = ("done", f"{name}.{turn}", row.version)
            except Conflict:
                result = ("conflict", f"{name}.{turn}", 0)
            with lock:
                results.append(result)
        connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = {version: reason for kind, reason, version in results if kind == "done"}
    assert len(results) == 16 * tries
    assert dict(Programme.objects.values_list("version", "reason")) == done
    assert sorted(done) == list(range(1, len(done) + 1))


def test_standings_are_read_in_a_fixed_number_of_queries_and_say_when_they_are_old(
    clinic, well, django_assert_num_queries
):
    people = [clinic.ida, clinic.noah, clinic.otto]
    fresh, whole = fresh_standings(people)
    assert whole
    assert fresh[well.pk].verdict == "eligible"
    with django_assert_num_queries(3):
        assert all(stood.current for stood in standings(people, ON, Site()).values())
    with django_assert_num_queries(3):
        standings(people[:1], ON, Site())
    signed = Site(signatures={"SCR-HTN-1": None})  # type: ignore[dict-item]
    assert not any(stood.current for stood in standings(people, ON, signed).values())
    Patient.objects.filter(pk=well.pk).update(version=well.version + 1)
    people = list(Patient.objects.filter(pk__in=[p.pk for p in people]).order_by("given"))
    assert [standings(people, ON, Site())[p.pk].current for p in people] == [False, True, True]
    Patient.objects.filter(pk=well.pk).update(version=well.version)
    people = list(Patient.objects.filter(pk__in=[p.pk for p in people]).order_by("given"))
    weigh(clinic, well)
    assert [standings(people, ON, Site())[p.pk].current for p in people] == [False, True, True]
    assert not any(stood.current for stood in standings(people, date(2026, 11, 26), Site()).values())
    assert fresh_standings(people)[0][well.pk].chart_version == version_of(well)
