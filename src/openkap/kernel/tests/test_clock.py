"""Dates as records write them. The oracle counts days one by one or uses the calendar module."""

import calendar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openkap.kernel.clock import Span, When, fresh, instant_of, years_between
from openkap.kernel.errors import UserError

ON = date(2026, 11, 25)
days = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-11", "2026-11-01", "2026-11-30"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2100-02", "2100-02-01", "2100-02-28"),
        ("2026-11-25", "2026-11-25", "2026-11-25"),
        ("2026-11-25T10:30", "2026-11-25", "2026-11-25"),
        ("2026-11-25T23:30:00-05:00", "2026-11-25", "2026-11-25"),
        ("2026-11-25T10:30:00.123456789Z", "2026-11-25", "2026-11-25"),
    ],
)
def test_a_date_is_the_range_of_days_it_may_be(text: str, earliest: str, latest: str):
    when = When.parse(text)
    assert (when.earliest.isoformat(), when.latest.isoformat()) == (earliest, latest)
    assert when.whole == (earliest == latest)
    assert when.text == text


@pytest.mark.hazard("HAZ-80", "C1")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "25.11.2026",
        "11/25/2026",
        "03/04",
        "2026-1-3",
        "26-11-25",
        "2026-11-25 10:30",
        " 2026",
        "2026-11-25T",
        "٢٠٢٦",
        None,
        2026,
    ],
)
def test_an_ambiguous_or_foreign_form_is_refused(text):
    with pytest.raises(UserError, match="is not a date: write it as 2026-11-25"):
        When.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29",
        "2026-13",
        "2026-00-01",
        "2026-04-31",
        "0000",
        "2026-11-25T25:00:00Z",
        "2026-11-25T10:61",
        "2026-11-25T10:00:00+25:00",
    ],
)
def test_a_day_or_time_that_does_not_exist_is_refused(text: str):
    with pytest.raises(UserError, match="not a day of the calendar"):
        When.parse(text)


@pytest.mark.hazard("HAZ-56", "C1")
@pytest.mark.goal("RG-12")
@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31)),
    st.sampled_from(sorted(available_timezones())),
    st.sampled_from(sorted(available_timezones())),
)
def test_an_instant_is_the_same_in_every_zone_and_has_the_day_of_the_zone_asked_for(moment, written_in, read_in):
    moment = moment.replace(tzinfo=UTC)
    local = moment.astimezone(ZoneInfo(written_in)).replace(microsecond=0)
    offset = local.utcoffset()
    if offset.total_seconds() % 60:  # zones before they kept whole minutes cannot be written in FHIR
        return
    when = When.parse(local.isoformat(), zone=ZoneInfo(read_in))
    assert when.instant == moment.replace(microsecond=0)
    assert when.instant.tzinfo is UTC
    assert when.earliest == when.latest == when.instant.astimezone(ZoneInfo(read_in)).date()
    assert When.parse(local.isoformat()).earliest == local.date()


@pytest.mark.hazard("HAZ-56", "C1")
def test_the_two_half_past_ones_of_an_autumn_night_are_two_instants():
    first, second = When.parse("2026-11-01T01:30:00-04:00"), When.parse("2026-11-01T01:30:00-05:00")
    assert second.instant - first.instant == timedelta(hours=1)
    assert first < second


@pytest.mark.hazard("HAZ-56", "C2")
@pytest.mark.goal("RG-12")
@given(st.datetimes(datetime(1975, 1, 1), datetime(2037, 12, 31)), st.sampled_from(sorted(available_timezones())))
def test_a_time_of_the_wall_is_one_instant_or_refused(wall: datetime, name: str):
    """By counting: of all instants a day around, those at which the clocks of the zone show the time."""
    zone, wall = ZoneInfo(name), wall.replace(second=0, microsecond=0)
    offsets = {(wall.replace(tzinfo=UTC) + timedelta(hours=h)).astimezone(zone).utcoffset() for h in range(-30, 31)}
    instants = {(wall - offset).replace(tzinfo=UTC) for offset in offsets}
    fits = {one for one in instants if one.astimezone(zone).replace(tzinfo=None) == wall}
    if len(fits) == 1:
        assert instant_of(wall, zone) == fits.pop()
    else:
        with pytest.raises(UserError, match="twice" if fits else "skip"):
            instant_of(wall, zone)


@pytest.mark.hazard("HAZ-56", "C2")
@pytest.mark.parametrize(
    ("wall", "word"),
    [
        (datetime(2027, 3, 28, 2, 30), "skip 2027-03-28 02:30"),
        (datetime(2027, 10, 31, 2, 30), "show 2027-10-31 02:30 twice"),
        (datetime(1, 1, 1), "not a time of this age"),
    ],
)
def test_a_time_that_is_not_or_is_twice_is_said_with_its_zone(wall: datetime, word: str):
    with pytest.raises(UserError, match=word):
        instant_of(wall, ZoneInfo("Europe/Vienna"))
    assert (
        instant_of(datetime(2027, 10, 31, 3, 0), ZoneInfo("Europe/Vienna")).isoformat() == "2027-10-31T02:00:00+00:00"
    )


def test_dates_sort_by_day_with_and_without_an_instant():
    texts = ["2026-11-26", "2026-11-25T09:00:00Z", "2026-11-25", "2026-11-25T08:00:00Z", "2025"]
    assert [w.text for w in sorted(map(When.parse, texts))] == [
        "2025",
        "2026-11-25",
        "2026-11-25T08:00:00Z",
        "2026-11-25T09:00:00Z",
        "2026-11-26",
    ]
    assert max(When.parse("2026"), When.parse("2026")) == When.parse("2026")


@pytest.mark.parametrize(
    ("span", "on", "first_day"),
    [
        ("30 d", "2026-11-25", "2026-10-26"),
        ("6 wk", "2026-11-25", "2026-10-14"),
        ("6 mo", "2026-11-25", "2026-05-25"),
        ("1 mo", "2026-03-31", "2026-02-28"),
        ("1 mo", "2024-03-31", "2024-02-29"),
        ("6 mo", "2026-08-31", "2026-02-28"),
        ("11 mo", "2026-12-31", "2026-01-31"),
        ("12 mo", "2026-01-15", "2025-01-15"),
        ("1 a", "2024-02-29", "2023-02-28"),
        ("4 a", "2024-02-29", "2020-02-29"),
        ("0 d", "2026-11-25", "2026-11-25"),
    ],
)
def test_a_span_reaches_back_whole_calendar_units_with_both_ends_inside(span: str, on: str, first_day: str):
    first, day = date.fromisoformat(first_day), date.fromisoformat(on)
    assert Span.parse(span).before(day) == first
    assert fresh(When.on(first), Span.parse(span), day)
    assert not fresh(When.on(first - timedelta(days=1)), Span.parse(span), day)


@given(days, st.integers(0, 400))
def test_months_back_is_the_same_day_or_the_last_of_that_month(day: date, months: int):
    back = Span(months, "mo").before(day)
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    assert (back.year, back.month) == (year, month)
    assert back.day == min(day.day, calendar.monthrange(year, month)[1])


@given(days, st.integers(0, 200))
def test_days_and_weeks_back_are_counted_by_the_calendar(day: date, n: int):
    assert (day - Span(n, "d").before(day)).days == n
    assert (day - Span(n, "wk").before(day)).days == 7 * n


@pytest.mark.hazard("HAZ-21", "C1")
@pytest.mark.parametrize(
    ("text", "is_fresh"),
    [
        ("2026-11-25", True),
        ("2026-11-26", False),  # in the future
        ("2026-10-26", True),
        ("2026-10-25", False),
        ("2026-11", True),  # counts as 1 November
        ("2026-10", False),  # counts as 1 October
        ("2026-12", False),
        ("2026", False),
    ],
)
def test_freshness_reads_a_partial_date_at_its_earliest_day(text: str, is_fresh: bool):
    assert fresh(When.parse(text), Span.parse("30 d"), ON) is is_fresh


@pytest.mark.parametrize("text", ["", "30", "d", "-3 d", "3.5 d", "4 h", "2 years", "٣ d"])
def test_a_span_in_another_form_is_refused(text: str):
    with pytest.raises(UserError, match="is not a span of days"):
        Span.parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [("1 d", "1 day"), ("30 d", "30 days"), ("6wk", "6 weeks"), ("1 mo", "1 month"), ("2 a", "2 years")],
)
def test_a_span_reads_as_words(text: str, words: str):
    assert str(Span.parse(text)) == words


@given(days, st.integers(0, 43_000))
def test_age_grows_on_the_birthday(born: date, lived: int):
    on = born + timedelta(days=lived)
    birthdays = [
        y for y in range(born.year + 1, on.year + 1) if (born.month, born.day) <= (on.month, on.day) or y < on.year
    ]
    assert years_between(born, on) == len(birthdays)


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        ("2008-11-25", "2026-11-25", 18),
        ("2008-11-26", "2026-11-25", 17),
        ("2008-02-29", "2026-02-28", 17),
        ("2008-02-29", "2026-03-01", 18),
    ],
)
def test_age_on_both_sides_of_a_birthday(born: str, on: str, age: int):
    assert years_between(date.fromisoformat(born), date.fromisoformat(on)) == age
