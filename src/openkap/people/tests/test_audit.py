"""The audit trail shows every change made behind its back."""

import dataclasses
import random
import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from openkap.people import append_only, audit, services
from openkap.people.audit import Event
from openkap.people.models import AuditEvent, PatientVersion, Site
from openkap.people.types import Role
from tests.database import Clinic

COLUMNS = (
    "type",
    "action",
    "outcome",
    "reason",
    "entity",
    "purpose",
    "client",
    "roles",
    "software",
    "hash",
    "at",
    "user",
)


def chain(site: Site, length: int) -> None:
    kinds = ("patient-record", "sign-in", "export")
    audit.record(site.pk, [Event(kinds[n % 3], "R", entity=f"Thing/{n}", reason=f"reason {n}") for n in range(length)])


@pytest.fixture
def unprotected(db: None):
    """As someone with the rights of the table's owner would do it."""
    append_only.release(connection, "people_auditevent")


@pytest.mark.hazard("HAZ-65", "C1")
@pytest.mark.hazard("HAZ-78", "C1")
@pytest.mark.goal("RG-38")
def test_every_tampering_with_the_chain_is_found(unprotected: None, seed: int, count: Callable[[int], int]):
    site = services.open_site("Am Fluss")
    chain(site, 60)
    point = audit.checkpoint(site.pk)
    assert audit.faults(site.pk, [point]) == []
    random_ = random.Random(seed)
    missed = []
    for attempt in range(count(10_000)):
        try:
            with transaction.atomic():
                how = random_.choice(TAMPERINGS)
                how(site, random_)
                if not audit.faults(site.pk, [point]):
                    missed.append((attempt, how.__name__))
                raise Undo
        except Undo:
            pass
    assert missed == []
    assert audit.faults(site.pk, [point]) == []


class Undo(Exception):
    """Put everything back."""


def pick(site: Site, random_: random.Random) -> AuditEvent:
    return AuditEvent.objects.get(site=site, sequence=random_.randint(1, 60))


def edit(site: Site, random_: random.Random) -> None:
    row, column = pick(site, random_), random_.choice(COLUMNS)
    fields = {
        "at": timezone.now(),
        "hash": uuid.UUID(int=random_.getrandbits(128)).hex * 2,
        "user": services.create_user(None, site, email=f"{random_.random()}@x.example", name="X")
        if column == "user"
        else None,
    }
    AuditEvent.objects.filter(pk=row.pk).update(**{column: fields.get(column, "forged")})


def edit_and_rehash(site: Site, random_: random.Random) -> None:
    row = pick(site, random_)
    row.reason = "forged"
    AuditEvent.objects.filter(pk=row.pk).update(reason="forged", hash=audit.digest(row))


def drop(site: Site, random_: random.Random) -> None:
    pick(site, random_).delete()


def drop_and_renumber(site: Site, random_: random.Random) -> None:
    row = pick(site, random_)
    later = list(AuditEvent.objects.filter(site=site, sequence__gt=row.sequence).order_by("sequence"))
    row.delete()
    for moved in later:
        AuditEvent.objects.filter(pk=moved.pk).update(sequence=moved.sequence - 1)


def insert(site: Site, random_: random.Random) -> None:
    row = pick(site, random_)
    for moved in AuditEvent.objects.filter(site=site, sequence__gte=row.sequence).order_by("-sequence"):
        AuditEvent.objects.filter(pk=moved.pk).update(sequence=moved.sequence + 1)
    forged = AuditEvent.objects.get(pk=row.pk)
    forged.pk, forged.sequence, forged.reason = None, row.sequence, "forged"
    forged.hash = audit.digest(forged)
    forged.save()


def swap(site: Site, random_: random.Random) -> None:
    first = random_.randint(1, 59)
    one, two = AuditEvent.objects.filter(site=site, sequence__in=(first, first + 1)).order_by("sequence")
    AuditEvent.objects.filter(pk=one.pk).update(sequence=10_000)
    AuditEvent.objects.filter(pk=two.pk).update(sequence=first)
    AuditEvent.objects.filter(pk=one.pk).update(sequence=first + 1)


def cut_tail(site: Site, random_: random.Random) -> None:
    AuditEvent.objects.filter(site=site, sequence__gt=random_.randint(0, 59)).delete()


def write_anew(site: Site, random_: random.Random) -> None:
    """A whole sound chain in place of the old one, longer than it."""
    AuditEvent.objects.filter(site=site).delete()
    audit.record(site.pk, [Event("patient-record", "R", reason=f"forged {random_.random()}") for _ in range(70)])


TAMPERINGS = [edit, edit_and_rehash, drop, drop_and_renumber, insert, swap, cut_tail, write_anew]


def test_a_cut_tail_needs_a_checkpoint_to_be_seen_and_a_forged_checkpoint_does_not_pass(unprotected: None):
    site = services.open_site("Am Fluss")
    chain(site, 10)
    point = audit.checkpoint(site.pk)
    AuditEvent.objects.filter(site=site, sequence__gt=7).delete()
    assert audit.faults(site.pk) == []
    assert audit.faults(site.pk, [point]) == [f"The chain ends at 7, but it had 10 events at {point.at}."]
    forged = dataclasses.replace(audit.checkpoint(site.pk), hash="0" * 64)
    assert "not one of this site" in audit.faults(site.pk, [forged])[0]


def test_checkpoints_are_kept_in_a_folder_and_read_back(db: None, tmp_path):
    site = services.open_site("Am Fluss")
    for length in (3, 4):
        chain(site, length)
        audit.keep_checkpoint(tmp_path, site.pk)
    kept = audit.kept_checkpoints(tmp_path, site.pk)
    assert [point.sequence for point in kept] == [3, 7]
    assert audit.faults(site.pk, kept) == []


@pytest.mark.hazard("HAZ-65", "C1")
@pytest.mark.hazard("HAZ-78", "C1")
@pytest.mark.parametrize("model", [AuditEvent, PatientVersion])
def test_the_database_refuses_to_change_or_delete_what_only_grows(clinic: Clinic, model: type):
    before = list(model.objects.order_by("pk").values())
    for change in (
        lambda: model.objects.update(reason="forged"),
        lambda: model.objects.all().delete(),
        lambda: model.objects.first().save(),
        lambda: raw(f"UPDATE {model._meta.db_table} SET reason = 'forged'"),
        lambda: raw(f"DELETE FROM {model._meta.db_table}"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    assert list(model.objects.order_by("pk").values()) == before


def raw(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def test_every_append_only_table_has_its_triggers_after_all_migrations(db: None):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        found = {row[0] for row in cursor.fetchall()}
    assert {"people_auditevent", "people_patientversion"} <= append_only.TABLES
    for table in append_only.TABLES:
        assert {f"{table}_no_update", f"{table}_no_delete"} <= found


@pytest.mark.hazard("HAZ-65", "C1")
def test_a_change_whose_event_cannot_be_written_does_not_happen(clinic: Clinic, monkeypatch: pytest.MonkeyPatch):
    def full(*args: object, **kwargs: object):
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "record", full)
    with pytest.raises(DatabaseError), transaction.atomic():
        services.assign_care_team(clinic.principal(Role.COORDINATOR), clinic.noah, clinic.users[Role.NURSE])
    assert not clinic.noah.care_team.exists()


@pytest.mark.django_db(transaction=True)
def test_events_of_many_at_once_make_one_chain_without_gap_or_twin():
    site = services.open_site("Am Fluss")
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for n in range(15):
                audit.record(site.pk, [Event("export", "R", reason=str(n))])
        except BaseException as fault:  # noqa: BLE001 - reported by the assertion below
            failed.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert AuditEvent.objects.filter(site=site).count() == 60
    assert audit.faults(site.pk) == []
