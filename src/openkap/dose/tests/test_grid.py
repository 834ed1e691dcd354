"""Values by minute, with what had been given by then; and when a second of a session was."""

from datetime import timedelta
from decimal import Decimal

import pytest

from openkap.dose import events as e
from openkap.dose import record
from openkap.dose.tests.sessions import THERAPIST, case
from openkap.kernel.quantity import DoseMg, Quantity


@pytest.mark.hazard("HAZ-78", "C1")
def test_every_reading_stands_in_its_minute_with_what_was_given_by_then():
    run = case().to_dosing()
    run.now_s += 600
    run.check(systolic=138)
    wrong = next(r for r in run.session.readings if r.measure == "spo2" and r.taken_s == run.now_s)
    run.do(e.Correct, reading=wrong.id, reason="cold finger", quantity=Quantity(Decimal(97), "%"), taken_s=run.now_s)
    run.do(e.Stop, after_s=60, reason="enough", given_mg=DoseMg(Decimal("20.5")))
    run.read(taken_s=run.now_s - 180, heart_rate=80)
    run.read(systolic=130)
    found = record.grid(run.session)
    assert [m.name for m in found.measures][:2] == ["systolic", "diastolic"]
    rows = {row.minute: row for row in found.rows}
    assert sum(len(cells) for row in found.rows for cells in row.cells.values()) == len(run.session.readings)
    struck, new = rows[10].cells["spo2"]
    assert (struck.value, struck.struck, new.value, new.struck) == (98, "Ana Nurse (synthetic): cold finger", 97, "")
    assert (str(rows[10].given), str(rows[10].running)) == ("0 mg", "41 mg")
    assert (str(rows[11].given), rows[11].running) == ("20.5 mg", None)
    assert rows[8].cells["heart-rate"][0].late and not rows[11].cells["systolic"][0].late


def test_a_value_that_nobody_repeated_is_marked_as_not_confirmed():
    run = case().to_dosing()
    run.read(systolic=200)
    assert not record.grid(run.session).rows[-1].cells["systolic"][-1].confirmed


def test_themes_are_those_of_therapists_alone():
    run = case().to_dosing()
    run.do(e.Note, text="moved a little")
    run.do(e.Note, THERAPIST, after_s=70, text="A house by the sea.")
    assert [(line.minute, line.text) for line in record.themes(run.session)] == [(1, "A house by the sea.")]
    assert record.themes(case().session) == ()


@pytest.mark.hazard("HAZ-37", "C2")
def test_the_clock_time_of_a_second_is_counted_back_from_the_entry_after_it():
    run = case().to_dosing()
    run.do(e.Note, after_s=90, text="calm")
    last = run.session.log[-1].stamp
    assert record.moment(run.session, last.elapsed_s) == last.at
    assert record.moment(run.session, last.elapsed_s - 30) == last.at - timedelta(seconds=30)
    assert record.moment(run.session, last.elapsed_s + 1) is None
