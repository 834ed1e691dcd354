"""The kept drug ledger stays whole: what no row lets be done to it, seals, and people who come at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from openkap.dose import ledger as led
from openkap.dose import selectors_ledger as selectors
from openkap.dose.models_ledger import (
    APPEND_ONLY,
    Lot,
    Posting,
)
from openkap.dose.services_posting import NotPosted
from openkap.dose.tests.stockroom import VIAL, Stockroom, stockroom
from openkap.kernel.errors import Conflict
from openkap.people import append_only
from openkap.people.models import AuditEvent
from tests.database import Clinic, make_clinic


@pytest.fixture
def room(clinic: Clinic) -> Stockroom:
    return stockroom(clinic)


@pytest.fixture
def day(room: Stockroom) -> Stockroom:
    """Two vials came, one was opened, 41 mg drawn and given; 459 mg are in the vial."""
    room.receive()
    room.open()
    room.draw(41_000)
    room.give(41_000)
    return room


def book(room: Stockroom, label: str = "K50") -> led.Ledger:
    return selectors.ledger_of(*Lot.objects.filter(site=room.clinic.site, label=label))


def refused(act: Callable[[], object]) -> str:
    """The rule by which it is refused; nothing was written."""
    before = [model.objects.count() for model in APPEND_ONLY], AuditEvent.objects.count()
    with pytest.raises(NotPosted) as found, transaction.atomic():
        act()
    assert ([model.objects.count() for model in APPEND_ONLY], AuditEvent.objects.count()) == before
    return found.value.refused.rule


# -- what cannot be --------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-58", "C1")
@pytest.mark.hazard("HAZ-60", "C2")
@pytest.mark.parametrize("model", APPEND_ONLY, ids=lambda model: model.__name__)
def test_no_row_of_the_ledger_is_edited_or_taken_away(day: Stockroom, model: Any):
    assert model._meta.db_table in append_only.TABLES
    for verb in (f"UPDATE {model._meta.db_table} SET id = id", f"DELETE FROM {model._meta.db_table}"):
        if connection.vendor == "postgresql" or model in (Lot, Posting):  # SQLite asks its triggers row by row
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(verb)


@pytest.mark.hazard("HAZ-58", "C1")
@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"ug": 0}, "a_posting_moves_something"),
        ({"witness": "by"}, "a_witness_is_another_person"),
        ({"witness": None, "proof": None, "proof_at": None}, "waste_has_a_witness_and_a_proof"),
        ({"kind": "reverse"}, "only_a_contra_posting_undoes"),
        ({"number": 5}, "lot_id, dose_posting.number|postings_of_a_lot_are_numbered"),
        ({"proof": "same"}, "proof"),
        ({"target_place": "pocket"}, "posting_places_are_known"),
    ],
)
def test_the_tables_themselves_refuse_what_the_ledger_would(day: Stockroom, change: dict[str, Any], name: str):
    day.confirm(day.ask(1_000))
    row = Posting.objects.get(kind="waste")
    proof = row.proof if change.get("proof") == "same" else "another"
    made = {"pk": None, "key": "x", "number": 6, "proof": proof} | {k: v for k, v in change.items() if v != "same"}
    if made.get("witness") == "by":
        made["witness"] = row.by
    for field, value in made.items():
        setattr(row, field, value)
    row._state.adding = True
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        row.save(force_insert=True)


def write_past_the_triggers(text: str, *values: object) -> None:
    """As somebody would who owns the database."""
    for table in ("dose_posting", "dose_lot"):
        append_only.release(connection, table)
    try:
        with connection.cursor() as cursor:
            cursor.execute(text, values)
    finally:
        for table in ("dose_posting", "dose_lot"):
            append_only.protect(connection, table)


@pytest.mark.hazard("HAZ-58", "C1")
def test_whoever_owns_the_database_changes_nothing_unseen(day: Stockroom):
    site = day.clinic.site.pk
    day.count(K50=959_000)
    assert selectors.faults(site) == []
    write_past_the_triggers("UPDATE dose_posting SET ug = 41001 WHERE kind = 'draw'")
    assert selectors.faults(site)[0] == "Posting 3 of lot K50 is not as it was sealed."
    write_past_the_triggers("UPDATE dose_posting SET ug = 41000 WHERE kind = 'draw'")
    write_past_the_triggers("UPDATE dose_lot SET expires = '2039-01-01'")
    assert selectors.faults(site) == ["Posting 1 of lot K50 is not as it was sealed."]
    write_past_the_triggers("UPDATE dose_lot SET expires = %s", VIAL.expires)
    write_past_the_triggers("DELETE FROM dose_posting WHERE number = 4")
    assert selectors.faults(site) == ["Posting 4 of lot K50 is gone, or is not the one that was recorded."]


@pytest.mark.hazard("HAZ-58", "C1")
def test_a_new_secret_still_knows_what_the_former_one_sealed(day: Stockroom, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret of the deployment, which is long enough"
    day.confirm(day.ask(1_000))
    assert selectors.faults(day.clinic.site.pk) == []
    settings.SECRET_KEY_FALLBACKS = []
    assert len(selectors.faults(day.clinic.site.pk)) == 4


# -- races -----------------------------------------------------------------------------------------------


def at_once(*acts: Callable[[], object]) -> Counter[str]:
    """What came of acts that begin together, each on a connection of its own."""
    gate, found = threading.Barrier(len(acts)), Counter[str]()

    def run(act: Callable[[], object]) -> None:
        try:
            gate.wait()
            act()
            found["done"] += 1
        except (Conflict, NotPosted) as fault:
            found[type(fault).__name__] += 1
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.hazard("HAZ-59", "C1")
@pytest.mark.django_db(transaction=True)
def test_two_witnesses_at_once_make_one_posting():
    room = stockroom(make_clinic())
    room.receive()
    room.open()
    row = room.ask(500_000)
    found = at_once(lambda: room.confirm(row, "tom"), lambda: room.confirm(row, "olu"))
    assert found == {"done": 1, "Conflict": 1}
    assert Posting.objects.filter(kind="waste").count() == 1
    assert selectors.faults(room.clinic.site.pk) == []


@pytest.mark.hazard("HAZ-58", "C1")
@pytest.mark.django_db(transaction=True)
def test_of_many_who_draw_at_once_no_two_draw_the_same_drop():
    room = stockroom(make_clinic())
    room.receive()
    room.open()
    found = at_once(*(lambda n=n: room.draw(150_000, session=f"s{n}", key=f"draw{n}") for n in range(5)))
    assert found == {"done": 3, "NotPosted": 2}
    (held,) = selectors.held(room.clinic.site.pk, selectors.day_at(room.clinic.site.pk))
    assert held.vials == (("K50-1", 50_000),)
    assert sorted(Posting.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
    assert selectors.faults(room.clinic.site.pk) == []


@pytest.mark.hazard("HAZ-14", "C1")
@pytest.mark.django_db(transaction=True)
def test_the_same_request_twice_at_once_has_one_effect():
    room = stockroom(make_clinic())
    found = at_once(*(lambda: room.receive(key="once") for _ in range(3)))
    assert found == {"done": 3}
    assert (Posting.objects.count(), Lot.objects.count()) == (1, 1)
