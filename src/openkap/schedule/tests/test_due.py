"""Which sessions of a plan are open to be booked, until when, and which are late."""

from datetime import UTC, datetime, timedelta

from openkap.schedule.due import bounds, windows
from openkap.schedule.tests.lodge import programme

BEGAN = datetime(2027, 3, 15, 9, tzinfo=UTC)


def test_what_waits_for_something_booked_has_a_window_and_the_rest_none():
    begins = {"prep-1": BEGAN, "prep-2": BEGAN + timedelta(hours=4), "dose-1": BEGAN + timedelta(days=1)}
    found = {one.session: one for one in windows(programme(2), begins)}
    assert set(found) == {"check-in-1", "integration-1"}  # dose 2 waits for integration 1
    dose = begins["dose-1"]
    assert (found["integration-1"].earliest, found["integration-1"].latest) == (
        dose + timedelta(hours=24),
        dose + timedelta(hours=96),
    )


def test_a_window_is_to_come_open_and_late_at_its_edges_and_the_most_urgent_comes_first():
    begins = {"prep-1": BEGAN, "prep-2": BEGAN, "dose-1": BEGAN}
    first, second = windows(programme(1), begins)
    assert (first.session, second.session) == ("check-in-1", "integration-1")
    for now, state in (
        (BEGAN + timedelta(hours=24, seconds=-1), "later"),
        (BEGAN + timedelta(hours=24), "open"),
        (BEGAN + timedelta(hours=96), "open"),
        (BEGAN + timedelta(hours=96, seconds=1), "late"),
    ):
        assert second.state(now) == state


def test_where_nothing_is_booked_nothing_is_due():
    assert windows(programme(2), {}) == []


def test_a_session_is_held_from_before_and_from_after_and_what_is_over_no_longer_binds():
    dose, second = BEGAN, BEGAN + timedelta(hours=120)
    begins = {"dose-1": dose, "dose-2": second}  # integration 1: 24 to 96 h after dose 1, 2 h or more before dose 2
    plan = programme(2)
    assert bounds(plan, "integration-1", begins) == (dose + timedelta(hours=24), dose + timedelta(hours=96))
    late = dose + timedelta(hours=96, seconds=1)
    assert bounds(plan, "integration-1", begins, late) == (dose + timedelta(hours=24), second - timedelta(hours=2))
    assert bounds(plan, "integration-1", begins, second) == (dose + timedelta(hours=24), None)
    assert bounds(plan, "dose-1", {"dose-2": second}) == (second - timedelta(hours=96), second - timedelta(hours=48))
