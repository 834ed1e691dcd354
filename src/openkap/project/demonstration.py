"""
The synthetic clinic: staff of every role, sixty people at every stage and twelve guests of a retreat, put in by the
services that a site uses.

`openkap demo` calls it. Nothing here is a shortcut past a check, but one: forms that were asked for some days ago
are written with their day, since no service lets anyone ask in the past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid4

import msgspec
from django.db import transaction
from django.utils import timezone

from openkap.assess import asking
from openkap.assess import services as forms
from openkap.assess.models import FormRequest
from openkap.chart import services as charts
from openkap.chart.models import Import
from openkap.chart.selectors import kept_records
from openkap.kernel.truth import Truth
from openkap.people import services as people
from openkap.people.models import Patient, Site, User
from openkap.people.selectors import principal_of
from openkap.people.types import Principal, Role
from openkap.plan import services as plans
from openkap.plan.choices import Preferences
from openkap.plan.selectors import newest
from openkap.project import (
    demonstration_dosing,
    demonstration_messages,
    demonstration_retreat,
    demonstration_waiting,
)
from openkap.screen import services as verdicts
from openkap.screen.decisions import digest_of, ground_of
from openkap.synthetic.cohort import Member, cohort, guests
from openkap.web.judge import judge, propose

PASSWORD = "seven grey herons at dusk"  # printed on the screen; everybody here is synthetic
CLINIC = "Clinic by the River (synthetic)"
SOURCES = ("Harbour Family Practice", "County Mental Health", "Dr Lindholm, cardiology")
_NO_WISHES = Preferences()
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Staff:
    """One of the staff: who, as what, with which address."""

    name: str
    role: Role
    email: str


STAFF = (
    Staff("Dr Ines Varga", Role.PRESCRIBER, "prescriber@demo.example"),
    Staff("Dr Tom Okafor", Role.PRESCRIBER, "prescriber2@demo.example"),
    Staff("Mara Lindt", Role.NURSE, "nurse@demo.example"),
    Staff("Ruben Castell", Role.NURSE, "nurse2@demo.example"),
    Staff("Leila Haddad", Role.THERAPIST, "therapist@demo.example"),
    Staff("Joaquim Reis", Role.THERAPIST, "therapist2@demo.example"),
    Staff("Nora Albrecht", Role.COORDINATOR, "coordinator@demo.example"),
    Staff("Sven Dahl", Role.BILLING, "billing@demo.example"),
    Staff("Dr Aiko Sato", Role.RESEARCHER, "researcher@demo.example"),
    Staff("Grace Lin", Role.SITE_ADMIN, "admin@demo.example"),
    Staff("Paul Steiner", Role.PRIVACY_LEAD, "privacy@demo.example"),
)


def fill(on: date, said: Callable[[str], None] = lambda line: None) -> Site:
    """
    Make the clinic in an empty database.

    Args:
        on: today at the clinic; every date in the records is set from it.
        said: told of progress, a line at a time.
    """
    site = people.open_site(CLINIC)
    team = {row.email.partition("@")[0]: _staff(site, row) for row in STAFF}
    members, planned = cohort(on), list[Patient]()
    for place, member in enumerate(members):
        with transaction.atomic():
            patient = _enter(site, team, member, place)
        if member.stage == "signed" and patient is not None:
            planned.append(patient)
        if (place + 1) % 15 == 0:
            said(f"{place + 1} of {len(members)} people")
    coming = list[Patient]()
    for place, member in enumerate(guests(on)):
        with transaction.atomic():
            patient = _enter(site, team, member, place, Preferences(regimen=demonstration_retreat.REGIMEN))
        assert patient is not None
        coming.append(patient)
    said("a retreat of twelve guests")
    chairs = demonstration_dosing.chairs(site)
    retreat = demonstration_retreat.fill(site, {name: user for name, (user, _) in team.items()}, coming, on)
    demonstration_waiting.fill(site, team["coordinator"][1], planned[4:], on, retreat.start)
    demonstration_messages.fill(site, team["coordinator"][1], coming, on)
    said("the dosing rooms")
    in_her_care = [row for row in planned if row.care_team.filter(user=team["prescriber"][0]).exists()]
    demonstration_dosing.fill(site, {name: one for name, (_user, one) in team.items()}, chairs, in_her_care, on)
    return site


def _staff(site: Site, row: Staff) -> tuple[User, Principal]:
    user = people.create_user(None, site, email=row.email, name=row.name, password=PASSWORD, synthetic=True)
    people.grant_role(None, user, site, row.role)
    found = principal_of(user)
    assert found is not None
    return user, found


def _enter(
    site: Site,
    team: dict[str, tuple[User, Principal]],
    member: Member,
    place: int,
    wishes: Preferences = _NO_WISHES,
) -> Patient | None:
    """One person, as far along the pathway as the stage says; None who is not registered yet."""
    coordinator = team["coordinator"][1]
    source = SOURCES[place % len(SOURCES)]
    received = charts.receive(coordinator, _ENCODER.encode(member.case.bundle()), source=source)
    if member.stage == "referred":
        return None
    patient = charts.register(coordinator, received, reason="referral letter")
    prescriber_user, prescriber = team["prescriber" if place % 3 else "prescriber2"]
    carers = [prescriber_user, team["nurse"][0], team["nurse2"][0], team["therapist" if place % 2 else "therapist2"][0]]
    for carer in carers:
        people.assign_care_team(coordinator, patient, carer)
    if member.stage == "reviewing":
        return patient
    charts.review(prescriber, patient, kept_records(patient).records, accept=True)
    if member.stage == "forms":
        _ask(coordinator, patient, place)
    if member.stage in ("drafted", "signed", "left"):
        _plan(prescriber, patient, sign=member.stage != "drafted", wishes=wishes)
    verdicts.refresh(patient, judge)
    if member.stage == "left":
        for carer in carers:
            people.end_assignment(coordinator, patient, carer, reason="programme ended")
    return patient


_FORMS = ("intake", "gad-7", "phq-9", "audit-c")


def _ask(coordinator: Principal, patient: Patient, place: int) -> None:
    """Forms that are out: some new, some opened and half answered, some overdue."""
    for number, form in enumerate(_FORMS):
        if (place + number) % 4 == 0:
            _asked_before(coordinator, patient, form, days=9)
        else:
            forms.ask_form(coordinator, patient, form, why="baseline")
    for request in FormRequest.objects.filter(patient=patient):
        if (place + request.form.count("-")) % 2:
            forms.make_link(coordinator, request)
        if request.form == "gad-7" and place % 3 == 0:
            _answer(request, 4)
        if request.form == "phq-9" and place % 3 == 0:
            _answer(request, 9)
            forms.finish(None, request)


def _asked_before(coordinator: Principal, patient: Patient, form: str, *, days: int) -> None:
    day = timezone.localdate() - timedelta(days=days)
    FormRequest.objects.create(
        patient=patient,
        form=form,
        why="baseline",
        due=day + timedelta(days=asking.requests().links.due_days),
        asked_at=timezone.now() - timedelta(days=days),
        asked_by_id=coordinator.user_id,
    )


def _answer(request: FormRequest, how_many: int) -> None:
    """The first questions, answered in the middle of their scale; never one that would raise an alert."""
    shape = asking.shape_of(request.form)
    for number, question in enumerate(shape.questions[:how_many], 1):
        middling = "0" if asking.flags(shape, question.link, 1) else "1"
        forms.save_answer(None, request, question.link, {"value": [middling]}, key=uuid4(), sequence=number)


def _plan(prescriber: Principal, patient: Patient, *, sign: bool, wishes: Preferences) -> None:
    if sign:
        for finding in judge(patient).screening.findings:
            if finding.truth is Truth.TRUE and finding.class_ == "caution":
                verdicts.decide(
                    prescriber,
                    patient,
                    judge,
                    kind="mitigation",
                    rule=finding.rule,
                    ground=ground_of(finding),
                    reason="Talked over with the patient at the visit; the team knows.",
                )
        digest = digest_of(judge(patient).screening)
        verdicts.sign(prescriber, patient, judge, digest=digest, birth_date=patient.birth_date)
    plans.write(prescriber, patient, propose, expected_version=0, preferences=wishes, reason="first proposal")
    row = newest(patient)
    if sign and row is not None:
        plans.sign(prescriber, patient, judge, version=1, digest=row.digest, birth_date=patient.birth_date)


def is_synthetic() -> bool:
    """True if nobody in the database is real."""
    return not User.objects.filter(synthetic=False).exists() and not Patient.objects.filter(synthetic=False).exists()


def sign_ins() -> Iterator[str]:
    """The demonstration sign-ins, a line each."""
    width = max(len(row.email) for row in STAFF)
    for row in STAFF:
        yield f"  {row.email:{width}}  {row.role:12}  {row.name}"


def made_on(site_id: UUID) -> date | None:
    """The day on which the clinic was made; facts grow old from then on."""
    first = Import.objects.filter(site_id=site_id).order_by("received_at").first()
    return timezone.localdate(first.received_at) if first else None
