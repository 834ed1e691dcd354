"""
The rest of the day (HAZ-55 C2): who would stand without a chair or a watcher as things stand. The house is small: one
chair or two, one nurse who watches two; the cases are worked out by hand.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from openkap.dose.day import Sitting, Stranded, expected, stranded

pytestmark = pytest.mark.hazard("HAZ-55", "C2")
LATE, TURN = timedelta(minutes=15), timedelta(minutes=15)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 30, hour, minute, tzinfo=UTC)


def booked(name: str, begins: datetime, chair: int | None = None, **more: object) -> Sitting:
    """Two hours and a half, watched two to a nurse."""
    return Sitting(name, begins, begins + timedelta(minutes=150), chair=chair, turnover=TURN, ratio=2, **more)  # type: ignore[arg-type]


def begun(name: str, begins: datetime, dosed: datetime, chair: int | None = None) -> Sitting:
    return booked(name, begins, chair, here=True, began_at=dosed)


DUTY = [[(at(8), at(18))]]


def lacking(sittings: list[Sitting], now: datetime, watchers: list = DUTY) -> dict[str, str]:
    return {one.id: one.lacks for one in stranded(sittings, watchers, now, LATE)}


def test_a_day_as_it_was_booked_strands_nobody():
    day = [begun("a", at(9), at(9), 1), booked("b", at(12), 1), booked("c", at(12), 2), booked("d", at(15), 1)]
    assert lacking(day, at(10)) == {}


def test_a_session_whose_dose_began_late_takes_the_chair_of_the_next():
    day = [begun("a", at(9), at(9, 40), 1), booked("b", at(12), 1), booked("c", at(12), 2)]
    assert stranded(day, DUTY, at(10), LATE) == [Stranded("b", "chair", at(12), at(12, 25))]


@pytest.mark.parametrize(("minutes", "found"), [(14, {}), (15, {"b": "chair"})])
def test_less_than_the_minutes_of_the_policy_are_not_late(minutes: int, found: dict[str, str]):
    """Booked 9:00 to 11:30, the chair free at 11:45, when the next begins."""
    day = [begun("a", at(9), at(9, minutes), 1), booked("b", at(11, 45), 1)]
    assert lacking(day, at(10)) == found


@pytest.mark.parametrize(
    ("now", "until"), [(at(11, 30), at(11, 31)), (at(11, 44), at(11, 45)), (at(11, 45), at(12, 0))]
)
def test_one_that_goes_on_beyond_its_end_is_there_for_the_moment_and_then_for_longer(now: datetime, until: datetime):
    assert expected(begun("a", at(9), at(9)), now, LATE) == (at(9), until)


@pytest.mark.parametrize(
    ("dosed", "span"),
    [(at(8, 50), (at(8, 50), at(11, 20))), (at(9, 14), (at(9), at(11, 30))), (at(9, 15), (at(9, 15), at(11, 45)))],
)
def test_one_that_began_a_little_late_is_expected_as_booked_and_any_other_as_it_began(dosed: datetime, span: tuple):
    assert expected(begun("a", at(9), dosed), at(10), LATE) == span


@pytest.mark.parametrize(("now", "until"), [(at(11, 29), at(11, 30)), (at(11, 30), at(11, 40))])
def test_a_little_late_counts_from_the_moment_at_which_it_was_booked_to_be_over(now: datetime, until: datetime):
    assert expected(begun("a", at(9), at(9, 10)), now, LATE) == (at(9), until)


def test_a_shift_holds_from_its_first_moment_to_the_end_of_the_session_and_no_longer():
    assert lacking([booked("a", at(9))], at(8), [[(at(9), at(11, 30))]]) == {}
    assert lacking([booked("a", at(9))], at(8), [[(at(9, 1), at(11, 30))]]) == {"a": "watcher"}
    assert lacking([booked("a", at(9))], at(8), [[(at(9), at(11, 29))]]) == {"a": "watcher"}


def test_one_who_goes_as_two_others_come_takes_no_seat_of_theirs():
    day = [begun("a", at(9), at(9), 1), booked("b", at(11, 30), 2), booked("c", at(11, 30), 3)]
    assert lacking(day, at(10)) == {}


def test_who_watches_one_alone_watches_no_second():
    day = [replace(begun("a", at(9), at(9), 1), ratio=1), replace(booked("b", at(10), 2), ratio=1)]
    assert lacking(day, at(9, 30)) == {"b": "watcher"}


@pytest.mark.parametrize(("next_at", "found"), [(at(11, 59), {"a": "chair"}), (at(12), {})])
def test_one_who_comes_late_leaves_the_chair_and_its_turnover_to_one_who_is_here(next_at: datetime, found: dict):
    """Booked 9:00 to 11:30; not here at 9:15, so expected to 11:45, and the chair is free at 12:00."""
    day = [booked("a", at(9), 1), booked("b", next_at, 1, here=True)]
    assert lacking(day, at(9, 15)) == found


def test_two_that_run_over_leave_nobody_to_watch_the_third_and_the_fourth_may_begin_when_they_are_over():
    day = [begun("a", at(9), at(10), 1), begun("b", at(9), at(10), 2), booked("c", at(12), 3), booked("d", at(15), 3)]
    assert stranded(day, DUTY, at(11), LATE) == [Stranded("c", "watcher", at(12))]
    more = [*DUTY, [(at(11), at(18))]]
    assert lacking(day, at(11), more) == {}


def test_who_is_here_comes_before_who_is_to_come_and_who_was_booked_earlier_before_the_later():
    day = [booked("late", at(12, 15), 2), booked("early", at(12), 1), booked("here", at(13), 3, here=True)]
    assert lacking(day, at(11)) == {"late": "watcher"}


def test_an_absence_strands_also_a_session_that_runs_and_that_one_goes_on():
    away = [[(at(8), at(10))]]
    day = [begun("a", at(9), at(9), 1), booked("b", at(12), 1)]
    assert stranded(day, away, at(9, 30), LATE) == [Stranded("a", "watcher", at(10)), Stranded("b", "watcher", at(12))]
    assert lacking(day, at(9, 30), []) == {"a": "watcher", "b": "watcher"}


def test_one_who_has_come_late_and_had_no_dose_yet_ends_later_by_as_much():
    day = [booked("a", at(9), 1, here=True), booked("b", at(12), 1)]
    assert lacking(day, at(9, 14)) == {} and lacking(day, at(9, 30)) == {"b": "chair"}


def test_one_to_which_nobody_came_holds_nothing_once_its_hours_are_over():
    day = [booked("a", at(9), 1), booked("b", at(11, 45), 1)]
    assert lacking(day, at(11, 29)) == {"b": "chair"} and lacking(day, at(11, 30)) == {}


def test_of_a_session_whose_watch_the_calendar_does_not_know_it_says_nothing():
    one = Sitting("a", at(9), at(11))
    assert stranded([one], [], at(8), LATE) == []
    assert lacking([one, booked("b", at(9)), booked("c", at(9))], at(8)) == {}  # and it takes no seat of theirs
