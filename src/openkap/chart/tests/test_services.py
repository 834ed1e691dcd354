"""The chart in the database: what is received, reviewed, corrected and settled, and that nothing is lost."""

import json
import threading
from datetime import date, timedelta

import msgspec
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from openkap.assess.score_chart import scored
from openkap.chart import services
from openkap.chart.models import Import, Record, Resolution, Review
from openkap.chart.selectors import chart_of, history_of, kept_records, preview, version_of
from openkap.chart.view import View
from openkap.kernel import coding
from openkap.kernel.errors import Conflict, Forbidden, UnreadableDocument, UserError
from openkap.pathway import open_chart, screen_case
from openkap.people.models import AuditEvent, Patient, PatientIdentifier
from openkap.people.types import Role
from openkap.synthetic.cohort import cohort
from tests.database import Clinic, make_clinic

TODAY = date(2026, 11, 25)
FACT = f"{coding.BASE}/CodeSystem/fact"
MRN = "urn:oid:1.2.3"


def fact(name: str, value: bool, on: str = "2026-11-20", **more) -> dict:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": FACT, "code": name}]},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": on,
        "valueBoolean": value,
    } | more


def bundle(*resources: dict, born: str = "1988-04-02", mrn: str = "A-1", patient: dict | None = None) -> bytes:
    person = {
        "resourceType": "Patient",
        "id": "p",
        "birthDate": born,
        "identifier": [{"system": MRN, "value": mrn}],
        "name": [{"family": "Example", "given": ["Ida"]}],
    } | (patient or {})
    entries = [{"resource": person}, *({"resource": resource} for resource in resources)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


@pytest.fixture
def known(clinic: Clinic) -> Clinic:
    """Ida's identifier at the referring clinic is on record."""
    PatientIdentifier.objects.create(patient=clinic.ida, site=clinic.site, system=MRN, value="A-1")
    return clinic


def take(clinic: Clinic, document: bytes, **more):
    prescriber = clinic.principal(Role.PRESCRIBER)
    received = services.receive(prescriber, document, source="Referring clinic", patient=clinic.ida)
    return services.take(prescriber, received, clinic.ida, **more)


def state(clinic: Clinic, name: str):
    return View(chart_of(clinic.ida), TODAY).state(name)


def suspected(clinic: Clinic, name: str):
    return View(chart_of(clinic.ida), TODAY, tentative=True).state(name)


def accept_all(clinic: Clinic) -> None:
    services.review(clinic.principal(Role.PRESCRIBER), clinic.ida, kept_records(clinic.ida).records, accept=True)


@pytest.mark.hazard("HAZ-06", "C3")
def test_what_nobody_has_reviewed_may_raise_and_clears_nothing(known: Clinic):
    take(known, bundle(fact("aneurysm", False, id="a"), fact("avm", True, id="b")))
    assert state(known, "aneurysm").status == "unknown"
    assert suspected(known, "avm").value is True
    accept_all(known)
    assert state(known, "aneurysm").status == "absent"
    assert state(known, "avm").value is True


@pytest.mark.hazard("HAZ-06", "C3")
def test_a_medicine_list_that_nobody_has_reviewed_is_no_list(known: Clinic):
    listed = {
        "resourceType": "List",
        "id": "l",
        "status": "current",
        "mode": "snapshot",
        "code": {"coding": [{"system": "http://loinc.org", "code": "10160-0"}]},
        "subject": {"reference": "Patient/p"},
        "date": "2026-11-24",
        "emptyReason": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "nilknown"}]
        },
    }
    take(known, bundle(listed))
    assert state(known, "medication-list").status == "unknown"
    accept_all(known)
    assert state(known, "medication-list").status == "known"


@pytest.mark.hazard("HAZ-06", "C3")
@pytest.mark.parametrize("member", cohort(TODAY)[:12], ids=lambda member: member.case.record)
def test_a_record_that_nobody_has_reviewed_raises_nothing_that_it_does_not_raise_reviewed(clinic: Clinic, member):
    document = msgspec.json.Encoder(decimal_format="number").encode(member.case.bundle())
    coordinator, prescriber = clinic.principal(Role.COORDINATOR), clinic.principal(Role.PRESCRIBER)
    patient = services.register(coordinator, services.receive(coordinator, document, source="X"), reason="referral")

    def raised() -> set[tuple[str, str]]:
        found = screen_case(open_chart(chart_of(patient), TODAY)).findings
        return {(f.rule, f.class_) for f in found if f.truth.value == "true" and f.class_ in ("hold", "exclude")}

    before = raised()
    services.review(prescriber, patient, kept_records(patient).records, accept=True)
    assert before == raised()


@pytest.mark.hazard("HAZ-06", "C3")
def test_the_scores_of_a_form_that_nobody_has_reviewed_raise_and_clear_nothing(known: Clinic):
    form = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "questionnaire": f"{coding.BASE}/Questionnaire/phq-9",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "authored": "2026-11-24",
        "item": [{"linkId": str(n), "answer": [{"valueInteger": 1}]} for n in range(1, 10)],
    }
    take(known, bundle(form))

    def score(*, tentative: bool = False):
        chart, _records = scored(chart_of(known.ida), TODAY)
        return View(chart, TODAY, tentative=tentative).state("phq-9")

    assert score().status == "unknown"
    assert score(tentative=True).value == 9
    accept_all(known)
    assert score().value == 9


def test_the_same_bundle_again_changes_nothing(known: Clinic):
    document = bundle(fact("aneurysm", False, id="a"), fact("avm", True))
    first = take(known, document)
    accept_all(known)
    before = chart_of(known.ida)
    second = take(known, document)
    assert (first.new, first.same) == (3, 0)
    assert (second.new, second.changed, second.same) == (0, 0, 3)
    assert chart_of(known.ida) == before


def test_a_copy_that_differs_only_in_when_it_was_sent_changes_nothing(known: Clinic):
    take(known, bundle(fact("avm", True, id="b", meta={"versionId": "1", "lastUpdated": "2026-11-20T10:00:00Z"})))
    again = take(known, bundle(fact("avm", True, id="b", meta={"versionId": "2"})))
    assert (again.new, again.changed) == (0, 0)


def test_a_record_without_an_id_is_known_again_by_what_it_says(known: Clinic):
    take(known, bundle(fact("avm", True)))
    assert take(known, bundle(fact("avm", True), fact("aneurysm", True))).new == 1


def test_the_same_id_from_two_systems_is_two_records(known: Clinic):
    prescriber = known.principal(Role.PRESCRIBER)
    for source, name in (("Clinic A", "avm"), ("Clinic B", "aneurysm")):
        received = services.receive(prescriber, bundle(fact(name, True, id="1")), source=source, patient=known.ida)
        services.take(prescriber, received, known.ida)
    accept_all(known)
    assert state(known, "avm").value is True
    assert state(known, "aneurysm").value is True


def test_a_newer_version_of_a_record_waits_for_review_and_the_former_stays_readable(known: Clinic):
    take(known, bundle(fact("avm", True, id="b")))
    accept_all(known)
    assert take(known, bundle(fact("avm", False, id="b"))).changed == 1
    assert state(known, "avm").status == "unknown"  # the newer one says no, and nobody has looked at it
    (name,) = {r.logical_id for r in kept_records(known.ida).records if r.resource_type == "Observation"}
    assert [row.version for row in history_of(known.ida, "Observation", name)] == [1, 2]


def test_two_versions_in_one_bundle_stay_in_dispute_until_a_person_amends(known: Clinic):
    take(known, bundle(fact("avm", True, id="b"), fact("avm", False, id="b")))
    accept_all(known)
    assert state(known, "avm").status == "conflict"
    rows = [r for r in kept_records(known.ida).records if r.resource_type == "Observation"]
    assert len(rows) == 2
    prescriber = known.principal(Role.PRESCRIBER)
    services.amend(
        prescriber,
        known.ida,
        rows[0],
        json.loads(rows[0].content),
        expected_version=version_of(known.ida),
        reason="asked the patient",
    )
    assert state(known, "avm").value is True


@pytest.mark.hazard("HAZ-06", "C1")
@pytest.mark.hazard("HAZ-01", "C1")
def test_a_file_with_another_patients_identifier_is_refused(known: Clinic):
    PatientIdentifier.objects.create(patient=known.noah, site=known.site, system=MRN, value="N-1")
    with pytest.raises(Conflict, match="another patient of this site"):
        take(known, bundle(fact("avm", True), mrn="N-1"), reason="sure")
    assert Record.objects.count() == 0
    assert Import.objects.count() == 1  # what came is kept, and waits


@pytest.mark.hazard("HAZ-06", "C1")
@pytest.mark.parametrize(
    ("document", "said"),
    [
        (bundle(born="1988-04-03"), "it says born 1988-04-03"),
        (bundle(mrn="unheard-of"), "no identifier that is known"),
        (bundle(patient={"birthDate": "1988"}), "no whole birth date"),
    ],
)
@pytest.mark.hazard("HAZ-01", "C1")
def test_a_doubtful_match_is_asked_and_never_made_by_name(known: Clinic, document: bytes, said: str):
    prescriber = known.principal(Role.PRESCRIBER)
    received = services.receive(prescriber, document, source="X", patient=known.ida)
    seen = preview(prescriber, received).match
    assert seen is not None
    assert seen.kind == "doubtful"
    assert said in " ".join(seen.against)
    with pytest.raises(UserError, match="The reason is empty"):
        services.take(prescriber, received, known.ida)
    assert Record.objects.count() == 0
    services.take(prescriber, received, known.ida, reason="compared with her passport")
    assert Record.objects.count() == 1


def test_a_new_referral_names_only_candidates_whom_the_person_may_see(known: Clinic):
    therapist = known.principal(Role.THERAPIST)
    received = services.receive(therapist, bundle(mrn="unheard-of"), source="X")
    assert [p.pk for p in preview(therapist, received).candidates] == [known.ida.pk]


def test_a_new_referral_becomes_a_patient_with_its_identifiers(known: Clinic):
    coordinator = known.principal(Role.COORDINATOR)
    received = services.receive(coordinator, bundle(fact("avm", True), mrn="Z-9", born="1971-02-03"), source="X")
    patient = services.register(coordinator, received, reason="referral of the day")
    assert patient.birth_date == date(1971, 2, 3)
    assert patient.identifiers.get().value == "Z-9"
    assert len(kept_records(patient).records) == 2


def test_a_referral_without_a_whole_birth_date_registers_nobody(known: Clinic):
    coordinator = known.principal(Role.COORDINATOR)
    received = services.receive(coordinator, bundle(born="1971", mrn="Z-9"), source="X")
    before = Patient.objects.count()
    with pytest.raises(UserError, match=r"Patient\.birthDate"):
        services.register(coordinator, received, reason="referral")
    assert Patient.objects.count() == before


@pytest.mark.hazard("HAZ-01", "C1")
@pytest.mark.parametrize("whose", ["noah", "far"])
def test_a_file_received_for_one_person_or_site_is_not_taken_for_another(known: Clinic, whose: str):
    prescriber = known.principal(Role.PRESCRIBER)
    received = services.receive(prescriber, bundle(fact("avm", True)), source="X", patient=known.ida)
    with pytest.raises(Conflict, match="received for somebody else"):
        services.take(prescriber, received, getattr(known, whose), reason="sure")
    assert Record.objects.count() == 0


def test_an_import_is_decided_once(known: Clinic):
    prescriber = known.principal(Role.PRESCRIBER)
    received = services.receive(prescriber, bundle(fact("avm", True)), source="X", patient=known.ida)
    services.set_aside(prescriber, received, reason="sent twice")
    with pytest.raises(Conflict, match="decided on already"):
        services.take(prescriber, received, known.ida)


@pytest.mark.parametrize("document", [b"{", b'{"resourceType":"Patient"}', b"[" * 100_000])
def test_what_is_no_bundle_is_not_kept(known: Clinic, document: bytes):
    with pytest.raises(UnreadableDocument):
        services.receive(known.principal(Role.PRESCRIBER), document, source="X", patient=known.ida)
    assert Import.objects.count() == 0


# ---------------------------------------------------------------- what is written here


def about_ida(clinic: Clinic, resource: dict) -> dict:
    return resource | {"subject": {"reference": f"Patient/{clinic.ida.pk}"}}


def test_what_staff_write_counts_at_once(known: Clinic):
    services.add_records(
        known.principal(Role.NURSE), known.ida, [about_ida(known, fact("avm", False, id="s"))], by="staff"
    )
    assert state(known, "avm").status == "absent"


def test_a_record_about_somebody_else_is_refused(known: Clinic):
    with pytest.raises(UserError, match="not about this patient"):
        services.add_records(
            known.principal(Role.NURSE),
            known.ida,
            [fact("avm", False) | {"subject": {"reference": f"Patient/{known.noah.pk}"}}],
            by="staff",
        )
    assert Record.objects.count() == 0


def test_a_record_that_is_not_valid_is_refused(known: Clinic):
    with pytest.raises(UserError, match="not valid"):
        services.add_records(
            known.principal(Role.NURSE), known.ida, [about_ida(known, fact("avm", False, status="great"))], by="staff"
        )


def test_a_psychotherapy_note_does_not_enter_the_chart(known: Clinic):
    labelled = fact("avm", True, id="n", meta={"security": [{"code": "PSYTHPN"}]})
    take(known, bundle(labelled))
    accept_all(known)
    assert "avm" not in chart_of(known.ida).readings
    with pytest.raises(UserError, match="kept apart"):
        services.add_records(known.principal(Role.THERAPIST), known.ida, [about_ida(known, labelled)], by="staff")


@pytest.mark.hazard("HAZ-67", "C1")
def test_the_label_of_part_2_stays_with_a_record(known: Clinic):
    take(known, bundle(fact("sud-active", True, id="n", meta={"security": [{"code": "42CFRPart2"}]})))
    assert [r.label for r in kept_records(known.ida).records if r.resource_type == "Observation"] == ["42-cfr-part-2"]


def test_a_correction_is_a_new_version_with_a_reason(known: Clinic):
    nurse = known.principal(Role.NURSE)
    (row,) = services.add_records(nurse, known.ida, [about_ida(known, fact("avm", True, id="s"))], by="staff")
    changed = json.loads(row.content) | {"valueBoolean": False}
    with pytest.raises(UserError, match="reason is empty"):
        services.amend(nurse, known.ida, row, changed, expected_version=version_of(known.ida), reason=" ")
    services.amend(nurse, known.ida, row, changed, expected_version=version_of(known.ida), reason="misread")
    assert [(r.version, r.reason) for r in history_of(known.ida, "Observation", "s")] == [(1, ""), (2, "misread")]
    assert state(known, "avm").status == "absent"


@pytest.mark.goal("RG-05")
def test_a_change_made_from_an_old_version_is_refused(known: Clinic):
    nurse = known.principal(Role.NURSE)
    (row,) = services.add_records(nurse, known.ida, [about_ida(known, fact("avm", True, id="s"))], by="staff")
    seen = version_of(known.ida)
    services.amend(nurse, known.ida, row, json.loads(row.content), expected_version=seen, reason="first")
    with pytest.raises(Conflict, match="Someone else wrote"):
        services.amend(nurse, known.ida, row, json.loads(row.content), expected_version=seen, reason="second")


def test_only_a_clinician_decides_on_facts(known: Clinic):
    take(known, bundle(fact("avm", True, id="b")))
    with pytest.raises(Forbidden):
        services.review(known.principal(Role.COORDINATOR), known.ida, kept_records(known.ida).records, accept=True)


def test_a_refused_record_is_listed_and_not_read(known: Clinic):
    take(known, bundle(fact("avm", True, id="b")))
    rows = [r for r in kept_records(known.ida).records if r.resource_type == "Observation"]
    prescriber = known.principal(Role.PRESCRIBER)
    with pytest.raises(UserError, match="reason is empty"):
        services.review(prescriber, known.ida, rows, accept=False)
    services.review(prescriber, known.ida, rows, accept=False, reason="belongs to a relative")
    assert "avm" not in chart_of(known.ida).readings
    assert "refused: belongs to a relative" in [entry.reason for entry in chart_of(known.ida).unmapped]


def test_a_conflict_is_settled_by_a_person_and_opens_again_with_a_new_source(known: Clinic):
    take(known, bundle(fact("avm", True, id="b"), fact("avm", False, id="c")))
    accept_all(known)
    seen = state(known, "avm")
    assert seen.status == "conflict"
    yes = next(r.source for r in chart_of(known.ida).readings["avm"] if r.value is True)
    settle = {"reason": "saw the angiogram", "on": TODAY}
    prescriber = known.principal(Role.PRESCRIBER)
    with pytest.raises(UserError, match="none of those that disagree"):
        services.resolve(
            prescriber, known.ida, "avm", keep="Observation/x", expected_version=version_of(known.ida), **settle
        )
    services.resolve(prescriber, known.ida, "avm", keep=yes, expected_version=version_of(known.ida), **settle)
    assert state(known, "avm").value is True
    with pytest.raises(UserError, match="no longer disagree"):
        services.resolve(prescriber, known.ida, "avm", keep=yes, expected_version=version_of(known.ida), **settle)
    services.add_records(prescriber, known.ida, [about_ida(known, fact("avm", False))], by="staff")
    assert state(known, "avm").status == "conflict"


# ---------------------------------------------------------------- nothing is lost, nothing is said elsewhere


@pytest.mark.parametrize("model", [Import, Record, Review, Resolution])
def test_the_tables_only_grow(known: Clinic, model):
    take(known, bundle(fact("avm", True, id="b"), fact("avm", False, id="c")))
    accept_all(known)
    Resolution.objects.create(patient=known.ida, fact="avm", kept="x", dropped=[], reason="r", at=timezone.now())
    row = model.objects.first()
    for change in (row.delete, lambda: row.save(force_update=True)):
        with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
            change()


def test_each_change_is_in_the_audit_trail_without_a_clinical_word(known: Clinic):
    take(known, bundle(fact("avm", True, id="b")), reason="canary-reason")
    accept_all(known)
    events = AuditEvent.objects.filter(patient=known.ida, type="patient-record")
    assert {event.action for event in events} >= {"C", "U"}
    said = " ".join(f"{e.entity} {e.reason}" for e in events)
    assert "avm" not in said
    assert "canary" not in said


def test_a_write_that_would_leave_the_chart_unreadable_is_undone(known: Clinic, monkeypatch: pytest.MonkeyPatch):
    before = version_of(known.ida)

    def unreadable(document):
        raise UnreadableDocument("The bundle is broken.")

    monkeypatch.setattr(services, "read_chart", unreadable)
    with pytest.raises(UnreadableDocument):
        services.add_records(
            known.principal(Role.NURSE), known.ida, [about_ida(known, fact("avm", False, id="s"))], by="staff"
        )
    assert version_of(known.ida) == before
    assert Record.objects.count() == 0


@pytest.mark.goal("RG-05")
@pytest.mark.django_db(transaction=True)
def test_of_many_who_write_from_one_version_one_is_accepted_and_the_others_are_told():
    clinic = make_clinic()
    nurse = clinic.principal(Role.NURSE)
    (row,) = services.add_records(nurse, clinic.ida, [about_ida(clinic, fact("avm", True, id="s"))], by="staff")
    outcomes: list[str] = []

    def write(seen: int) -> None:
        try:
            services.amend(nurse, clinic.ida, row, json.loads(row.content), expected_version=seen, reason="r")
            outcomes.append("accepted")
        except Conflict:
            outcomes.append("told")
        finally:
            connection.close()

    for _ in range(5):
        seen = version_of(clinic.ida)
        threads = [threading.Thread(target=write, args=(seen,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timedelta(seconds=60).total_seconds())
    assert outcomes.count("accepted") == 5
    assert outcomes.count("told") == 15
    assert [r.version for r in history_of(clinic.ida, "Observation", "s")] == [1, 2, 3, 4, 5, 6]
