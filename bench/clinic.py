"""
A big synthetic clinic in an empty database: people of the demonstration's cohort, again and again under other names.

Records go in by the database's own bulk load, since services would take hours for millions; the shape of every row
is the one that services write. Nobody here is real.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count, product
from random import Random
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.utils import timezone

from openkap.assess import services as forms
from openkap.assess.models import FormEvent, FormRequest
from openkap.chart.fhir.bundle import decode, read_envelope
from openkap.chart.fhir.local import LocalRecord, local_records
from openkap.chart.models import ChartHead, Record, Review
from openkap.people import names
from openkap.people import services as people
from openkap.people.models import CareTeam, Membership, Patient, PatientIdentifier, Site, User
from openkap.people.types import Role
from openkap.project import demonstration
from openkap.screen import services as verdicts
from openkap.screen.models import Standing
from openkap.synthetic.case import measurement
from openkap.synthetic.cohort import Member, cohort
from openkap.web.judge import judge

RECORDS = 200  # of a chart
TEAM = 60  # patients of one prescriber
PHONES = 16  # forms that are being answered
PLANNED = 12  # of the team, with a plan
_PLACE = UUID(int=0xBE7C)  # stands for the patient in the text of records until there is one
_OWN = ("older-",)  # records written here; the others came from elsewhere and were reviewed
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Clinic:
    """
    What was made.

    Args:
        mine: patients of the prescriber. names: of everyone, some typed in searches.
        phones: (token of a link, form, its questions) each of another patient.
    """

    mine: list[str]
    families: list[str]
    phones: list[str]
    patients: int
    records: int


def build(how_many: int, on: date) -> Clinic:
    """Fill the empty database with so many patients."""
    rng = Random(how_many)
    site = people.open_site(demonstration.CLINIC)
    staff = {row.email.partition("@")[0]: demonstration._staff(site, row) for row in demonstration.STAFF}
    prescriber, coordinator = staff["prescriber"], staff["coordinator"]
    others = _prescribers(site, how_many // TEAM)
    shapes = [_Shape(member, on) for member in cohort(on) if member.stage != "referred"]
    patients = list(_patients(site, shapes, how_many, rng))
    Patient.objects.bulk_create(patients, batch_size=2000)
    identifiers = (PatientIdentifier(patient=p, site=site, system="urn:bench", value=p.record_number) for p in patients)
    PatientIdentifier.objects.bulk_create(identifiers, batch_size=2000)
    now = timezone.now()
    carers = [prescriber[0] if n < TEAM else others[n % len(others)] for n in range(how_many)]
    team = (CareTeam(patient=p, user=u, since=now - timedelta(days=30)) for p, u in zip(patients, carers, strict=True))
    CareTeam.objects.bulk_create(team, batch_size=2000)
    ChartHead.objects.bulk_create((ChartHead(patient=p, version=2) for p in patients), batch_size=2000)
    _records(patients, shapes, prescriber[0].pk, now)
    _forms(patients, now)
    _standings(patients, len(shapes))
    _settle_statistics()
    for place in range(min(PLANNED, how_many)):
        if shapes[place % len(shapes)].member.stage in ("drafted", "signed", "left"):
            demonstration._plan(prescriber[1], patients[place], sign=place % 2 == 0)
    phones = []
    for patient in patients[-PHONES:]:
        request = forms.ask_form(coordinator[1], patient, "gad-7", why="bench")
        phones.append(forms.make_link(coordinator[1], request)[1])
    mine = [str(p.pk) for p in patients[:TEAM]]
    families = sorted({p.family for p in patients})
    return Clinic(mine, families, phones, how_many, Record.objects.count())


class _Shape:
    """The chart of one member of the cohort, older readings added up to the full number of records."""

    def __init__(self, member: Member, on: date):
        self.member = member
        case = member.case
        readings = (
            ("systolic", "mm[Hg]", 124),
            ("diastolic", "mm[Hg]", 79),
            ("heart-rate", "/min", 74),
            ("spo2", "%", 98),
        )
        base = len(case.bundle()["entry"])
        for place in range(RECORDS - base):
            name, unit, value = readings[place % len(readings)]
            older = measurement(f"older-{place}", name, Decimal(value), unit, on - timedelta(days=12 + place))
            case.extra.append(older)
        bundle = read_envelope(decode(_ENCODER.encode(case.bundle()), "The bundle"))
        self.records: list[LocalRecord] = local_records(bundle, _PLACE, "bench")


def _prescribers(site: Site, how_many: int) -> list[User]:
    """Accounts of other clinicians, who have patients and never sign in."""
    users = [
        User(email=f"carer{n}@demo.example", name=f"Dr Carer {n}", password="!", synthetic=True)
        for n in range(max(how_many, 1))
    ]
    User.objects.bulk_create(users)
    now = timezone.now()
    Membership.objects.bulk_create(Membership(user=u, site=site, role=Role.PRESCRIBER, since=now) for u in users)
    return users


def _patients(site: Site, shapes: Sequence[_Shape], how_many: int, rng: Random) -> Iterator[Patient]:
    said = [shape.member.case.name.split(" ", 1) for shape in shapes]
    pairs = list(product([s[0] for s in said], [s[-1] for s in said]))
    rng.shuffle(pairs)
    for n in range(how_many):
        case = shapes[n % len(shapes)].member.case
        given, family = pairs[n % len(pairs)]
        number = f"SYN-{n + 1:06d}"
        born = case.born - timedelta(days=n % 365)
        yield Patient(
            site=site,
            record_number=number,
            family=family,
            given=given,
            birth_date=born,
            birth_sex="female" if case.sex == "F" else "male",
            synthetic=True,
            folded=names.folded(family, given, number, born),
            like_key=names.like_key(family, given),
        )


def _records(patients: Sequence[Patient], shapes: Sequence[_Shape], by: UUID, now: datetime) -> None:
    """Records of everyone, and a review of each that came from elsewhere."""

    def rows() -> Iterator[list[Any]]:
        ids = count(1)
        for n, patient in enumerate(patients):
            for record in shapes[n % len(shapes)].records:
                yield _record(next(ids), patient, record, by, now)

    def reviews() -> Iterator[list[Any]]:
        ids, records = count(1), count(1)
        for n, patient in enumerate(patients):
            for record in shapes[n % len(shapes)].records:
                number = next(records)
                if not _own(record):
                    yield [next(ids), number, patient.pk, True, "", now, by]

    columns = ["id", "patient_id", "resource_type", "logical_id", "version", "beside", "content", "digest", "label"]
    columns += ["origin", "source", "received_id", "reason", "known_at", "known_by_id"]
    _load(Record, columns, rows())
    _load(Review, ["id", "record_id", "patient_id", "accepted", "reason", "at", "by_id"], reviews())


def _record(pk: int, patient: Patient, record: LocalRecord, by: UUID, now: datetime) -> list[Any]:
    owner, own = str(patient.pk), _own(record)
    content = record.content.replace(str(_PLACE), owner)
    logical = owner if record.type == "Patient" else record.id
    row: list[Any] = [pk, patient.pk, record.type, logical, 1, False, content, record.digest, record.label]
    return [*row, "staff" if own else "import", "" if own else "bench", None, "", now, by]


def _own(record: LocalRecord) -> bool:
    return record.name.partition("/")[2].startswith(_OWN)


def _load(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The database's bulk load: COPY, or one prepared INSERT."""
    table, names_ = model._meta.db_table, ", ".join(f'"{column}"' for column in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f'COPY "{table}" ({names_}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)
            for sql in connection.ops.sequence_reset_sql(no_style(), [model]):
                cursor.execute(sql)
        else:
            marks = ", ".join("?" * len(columns))
            plain = ([_sqlite(value) for value in row] for row in rows)
            connection.connection.executemany(f'INSERT INTO "{table}" ({names_}) VALUES ({marks})', plain)


def _sqlite(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    return str(value.replace(tzinfo=None)) if isinstance(value, datetime) else value


def _forms(patients: Sequence[Patient], now: datetime) -> None:
    """One answered form of everyone, one more that is out for every tenth; some of these are late."""
    done, out = [], []
    for n, patient in enumerate(patients):
        asked = now - timedelta(days=40)
        done.append(FormRequest(id=uuid4(), patient=patient, form="phq-9", due=asked.date(), asked_at=asked))
        if n % 10 == 0:
            due = (now + timedelta(days=n % 20 - 10)).date()
            out.append(FormRequest(id=uuid4(), patient=patient, form="gad-7", due=due, asked_at=asked))
    FormRequest.objects.bulk_create([*done, *out], batch_size=2000)
    events = [FormEvent(request=r, kind=kind, at=now) for r in done for kind in ("sent", "opened", "done")]
    events += [FormEvent(request=r, kind="sent", at=now) for r in out]
    FormEvent.objects.bulk_create(events, batch_size=2000)


def _standings(patients: Sequence[Patient], shapes: int) -> None:
    """Verdicts as they were last computed; all who share a chart share the verdict."""
    first = [verdicts.refresh(patient, judge) for patient in patients[:shapes]]
    fields = ("chart_version", "content_version", "decisions", "on", "verdict", "counts", "digest", "ground", "under")
    rows = (
        Standing(patient=patient, **{name: getattr(first[n % shapes], name) for name in fields})
        for n, patient in enumerate(patients)
        if n >= shapes
    )
    Standing.objects.bulk_create(rows, batch_size=2000)


def _settle_statistics() -> None:
    """What autovacuum does at a running site."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
