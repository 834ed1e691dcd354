"""What readings amount to on a day: both ends of every look-back, conflicts, denials, the newest of several."""

import calendar
from datetime import date, timedelta
from decimal import Decimal

import pytest

from openkap.chart.types import Chart, Interval, Patient, Reading
from openkap.chart.view import View, show
from openkap.chart.vocabulary import facts
from openkap.kernel.clock import Span, When
from tests.fhir_cases import ON


def chart(*readings: Reading, **more) -> Chart:
    return Chart(Patient("Patient/p"), **more).with_readings(readings)


def state(fact: str, *readings: Reading, on: date = ON, tentative: bool = False, look_back: Span | None = None):
    return View(chart(*readings), on, tentative=tentative).state(fact, look_back)


def said(fact: str, value, when: date | str | None, source: str = "r/1", **more) -> Reading:
    moment = When.parse(when) if isinstance(when, str) else When.on(when) if when else None
    return Reading(fact, value, moment, source, facts()[fact].unit or None, **more)


def some_value(name: str):
    """A value that the fact may have."""
    fact = facts()[name]
    if fact.is_yes_no:
        return True
    if fact.kind == "result":
        return "positive"
    if fact.options:
        return (fact.options[0],) if fact.repeats else fact.options[0]
    return fact.least if fact.least is not None else Decimal(1)


def back(day: date, look_back: str) -> date:
    """The first day inside a look-back, by the calendar and not by the program."""
    count, unit = look_back.split()
    if unit == "d":
        return day - timedelta(days=int(count))
    years, months = divmod(int(count), 12)
    month = day.month - months
    year = day.year - years - (month < 1)
    month = month if month >= 1 else month + 12
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


DATED = [name for name, fact in facts().items() if fact.look_back and fact.kind not in ("derived", "date")]
DATES = [name for name, fact in facts().items() if fact.look_back and fact.kind == "date"]
DAYS = [ON, date(2028, 2, 29), date(2027, 3, 31), date(2027, 1, 1)]


@pytest.mark.hazard("HAZ-08", "C1")
@pytest.mark.parametrize("on", DAYS, ids=str)
@pytest.mark.parametrize("name", DATED)
def test_both_ends_of_every_look_back_are_inside(name, on):
    first = back(on, facts()[name].look_back)
    value = some_value(name)
    assert state(name, said(name, value, on), on=on).value == value
    assert state(name, said(name, value, first), on=on).value == value
    assert state(name, said(name, value, first - timedelta(days=1)), on=on).status == "stale"
    assert state(name, said(name, value, on + timedelta(days=1)), on=on).status == "unknown"


@pytest.mark.parametrize("on", DAYS, ids=str)
@pytest.mark.parametrize("name", DATES)
def test_a_date_with_a_look_back_is_judged_by_itself(name, on):
    first = back(on, facts()[name].look_back)
    assert state(name, said(name, When.on(first), on), on=on).status == "known"
    assert state(name, said(name, When.on(first - timedelta(days=1)), on), on=on).status == "stale"
    assert state(name, said(name, When.on(on + timedelta(days=1)), on), on=on).status == "unknown"


@pytest.mark.parametrize("name", [n for n, f in facts().items() if f.kind == "history"])
def test_a_presence_in_the_history_never_goes_stale(name):
    assert state(name, said(name, True, "1961-01-01")).status == "known"
    assert state(name, said(name, True, None)).status == "known"


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("on", DAYS, ids=str)
@pytest.mark.parametrize("name", [n for n, f in facts().items() if f.kind == "history"])
def test_a_denial_in_the_history_holds_for_twelve_months(name, on):
    first = back(on, "12 mo")
    assert state(name, said(name, False, first), on=on).status == "absent"
    assert state(name, said(name, False, first - timedelta(days=1)), on=on).status == "stale"
    assert state(name, said(name, False, None), on=on).status == "stale"


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("name", [n for n, f in facts().items() if f.kind != "derived"])
def test_silence_is_unknown(name):
    found = state(name)
    assert (found.status, found.value) == ("unknown", None) and found.reason


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("name", [n for n, f in facts().items() if f.kind == "derived"])
def test_of_an_empty_chart_only_what_the_patient_s_record_says_is_known(name):
    settled = {"deceased", "audit-c-line"}
    known = View(chart(), ON).state(name).settled if name not in ("drug-arm", "therapy-arm") else False
    assert known is (name in settled)


def test_deceased_is_the_only_no_that_silence_may_give():
    assert View(chart(), ON).state("deceased").value is False
    assert View(Chart(Patient("Patient/p", deceased=True)), ON).state("deceased").value is True


# -- months ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "inside", "outside"),
    [
        (date(2028, 2, 29), date(2027, 2, 28), date(2027, 2, 27)),
        (date(2027, 2, 28), date(2026, 2, 28), date(2026, 2, 27)),
        (date(2027, 3, 31), date(2026, 3, 31), date(2026, 3, 30)),
        (date(2029, 2, 28), date(2028, 2, 28), date(2028, 2, 27)),
    ],
)
def test_twelve_months_end_where_the_calendar_ends_them(on, inside, outside):
    assert state("cognitive-screen", said("cognitive-screen", "normal", inside), on=on).status == "known"
    assert state("cognitive-screen", said("cognitive-screen", "normal", outside), on=on).status == "stale"


def test_a_rule_may_ask_for_another_look_back():
    old = said("tsh", Decimal(2), date(2026, 6, 1))
    assert state("tsh", old).status == "stale"
    assert state("tsh", old, look_back=Span(12, "mo")).value == 2
    assert state("weight", said("weight", Decimal(70), date(2026, 11, 24)), look_back=Span(0, "d")).status == "stale"


# -- partial dates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("when", "status"), [("2026-11", "known"), ("2026-10", "stale"), ("2026", "stale")])
def test_a_partial_date_is_as_old_as_its_earliest_day(when, status):
    assert state("weight", said("weight", Decimal(70), when)).status == status


# -- several readings ------------------------------------------------------------------------------


def test_the_newest_fresh_value_wins():
    rows = [said("weight", Decimal(n), date(2026, 11, n)) for n in (3, 20, 11)]
    assert state("weight", *rows).value == 20


@pytest.mark.hazard("HAZ-56", "C1")
@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z"),
        ("2026-10-25T01:30:00+02:00", "2026-10-25T01:30:00+01:00"),
        ("2026-11-21T00:30:00+14:00", "2026-11-20T23:00:00-10:00"),
        ("2026-11-20T23:59:59.1Z", "2026-11-20T23:59:59.2Z"),
        ("2026-11-19", "2026-11-20T00:00:00Z"),
    ],
)
def test_of_two_instants_the_later_one_is_newer_whatever_the_wall_said(earlier, later):
    on = date(2026, 11, 22) if "-11-" in later else date(2026, 10, 26)
    rows = [said("weight", Decimal(1), earlier), said("weight", Decimal(2), later)]
    assert state("weight", *rows, on=on).value == state("weight", *rows[::-1], on=on).value == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026-11-20", "2026-11-20"),
        ("2026-11-20", "2026-11-20T09:00:00Z"),
        ("2026-11-20T08:00:00Z", "2026-11-20T09:00:00+01:00"),
        ("2026-11-20T00:30:00+14:00", "2026-11-20"),
    ],
)
def test_two_values_that_cannot_be_ordered_are_a_conflict_and_two_equal_ones_are_none(one, other):
    rows = [said("weight", Decimal(70), one, "r/1"), said("weight", Decimal(71), other, "r/2")]
    found = state("weight", *rows)
    assert found.status == "conflict" and "70 in r/1" in found.reason and "71 in r/2" in found.reason
    same = [said("weight", Decimal("70"), one, "r/1"), said("weight", Decimal("70.0"), other, "r/2")]
    assert state("weight", *same).status == "known"


def test_an_older_conflict_does_not_trouble_a_newer_value():
    rows = [said("weight", Decimal(n), date(2026, 11, 10)) for n in (70, 80)]
    assert state("weight", *rows, said("weight", Decimal(75), date(2026, 11, 11))).value == 75


@pytest.mark.parametrize("dates", [("2026-01-01", "2026-11-01"), ("2026-11-01", "2026-01-01")])
def test_a_history_fact_that_one_record_states_and_another_denies_is_a_conflict(dates):
    rows = [said("aneurysm", True, dates[0], "r/1"), said("aneurysm", False, dates[1], "r/2")]
    assert state("aneurysm", *rows).status == "conflict"


def test_a_denial_too_old_to_hold_does_not_contradict():
    assert state("aneurysm", said("aneurysm", True, "2020-01-01"), said("aneurysm", False, "2020-01-02")).value is True


@pytest.mark.parametrize(("first", "then"), [(True, False), (False, True)])
def test_of_a_state_the_newest_statement_stands(first, then):
    rows = [said("sleep-loss", first, "2026-11-01"), said("sleep-loss", then, "2026-11-10")]
    assert state("sleep-loss", *rows).value is then


def test_a_state_said_and_denied_on_one_day_is_a_conflict():
    assert (
        state("sleep-loss", said("sleep-loss", True, "2026-11-10"), said("sleep-loss", False, "2026-11-10")).status
        == "conflict"
    )


def test_a_suspicion_beside_a_denial_is_asked_and_not_cleared():
    doubtful = said("aneurysm", None, "2026-11-10", standing="unconfirmed", reason="not confirmed")
    found = state("aneurysm", said("aneurysm", False, "2026-11-10"), doubtful)
    assert found.status == "unknown" and "not confirmed" in found.reason


# -- standing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("standing", ["unconfirmed", "declined", "unreadable", "disputed"])
@pytest.mark.parametrize("name", ["weight", "aneurysm", "sleep-loss", "hcg", "escort", "gad-7"])
def test_a_reading_that_does_not_count_gives_no_value(name, standing):
    found = state(name, said(name, some_value(name), "2026-11-20", standing=standing, reason="for a test"))
    assert not found.settled and found.value is None and found.reason


def test_a_disputed_number_is_in_no_mean_and_no_comparison():
    rows = [said("systolic", Decimal(120), f"2026-11-{day}") for day in (10, 20)]
    disputed = said("systolic", Decimal(300), "2026-11-19", standing="disputed")
    assert View(chart(*rows), ON).state("systolic-mean").value == 120
    assert View(chart(*rows, disputed), ON).state("systolic-mean").status == "conflict"
    weights = [
        said("weight", Decimal(70), "2026-11-20"),
        said("weight", Decimal(20), "2026-11-10", standing="disputed"),
    ]
    assert not View(chart(*weights), ON).state("weight-change").settled


def test_a_parent_s_denial_denies_the_detail_but_not_a_detail_that_is_suspected():
    no_parent = said("arrhythmia", False, "2026-11-10")
    assert state("arrhythmia-uncontrolled", no_parent).status == "absent"
    doubtful = said("arrhythmia-uncontrolled", None, "2026-11-10", standing="unconfirmed", reason="not confirmed")
    assert state("arrhythmia-uncontrolled", no_parent, doubtful).status == "unknown"


# -- derived facts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("1988-06-14", Decimal(38)),
        ("2008-11-25", Decimal(18)),
        ("2008-11-26", Decimal(17)),
        ("2008", Interval(Decimal(17), Decimal(18))),
        ("2008-11", Interval(Decimal(17), Decimal(18))),
        ("1960-02-29", Decimal(66)),
    ],
)
def test_age_is_whole_years_or_a_range(born, age):
    assert View(Chart(Patient("Patient/p", born=When.parse(born))), ON).state("age").value == age


def test_body_mass_index_by_hand():
    rows = [said("weight", Decimal("61.4"), "2026-11-20"), said("height", Decimal(166), "2019-01-01")]
    value = View(chart(*rows), ON).state("bmi").value
    assert isinstance(value, Decimal)
    assert abs(value - Decimal("22.2819")) < Decimal("0.0001")  # 61.4 / 1.66^2, unrounded: limits see the exact value


def test_change_of_weight_is_against_every_weight_of_ninety_days():
    rows = [said("weight", Decimal(w), d) for w, d in ((60, "2026-11-20"), (80, "2026-09-01"), (200, "2026-08-26"))]
    assert View(chart(*rows), ON).state("weight-change").value == 25  # (80-60)/80; the third is 91 days old


@pytest.mark.parametrize(
    ("disease", "tsh", "ft4", "value"),
    [
        (True, None, None, True),
        (True, "N", None, False),
        (True, "L", None, True),
        (False, None, None, False),
        (False, "N", None, False),
        (False, "L", "H", True),
        (False, "L", None, None),
        (None, "L", "H", True),
        (None, "N", None, False),
        (None, None, None, None),
    ],
)
def test_hyperthyroidism_is_uncontrolled_as_the_convention_says(disease, tsh, ft4, value):
    rows = [said("hyperthyroidism", disease, "2026-11-01")] if disease is not None else []
    rows += [said("tsh", Decimal(1), "2026-11-01", interpretation=tsh)] if tsh else []
    rows += [said("ft4", Decimal(1), "2026-11-01", interpretation=ft4)] if ft4 else []
    assert View(chart(*rows), ON).state("thyroid-uncontrolled").value is value


@pytest.mark.parametrize(
    ("item9", "screen", "status"),
    [
        (("0", 10), 5, "known"),
        (("1", 10), 10, "known"),
        (("1", 10), 12, "known"),
        (("1", 10), 9, "stale"),
        (("3", 12), 11, "stale"),
    ],
)
def test_with_a_positive_item_nine_the_suicide_screen_must_be_of_that_day_or_later(item9, screen, status):
    rows = [
        said("phq-9.9", Decimal(item9[0]), date(2026, 11, item9[1])),
        said("c-ssrs-screen", "low", date(2026, 11, screen)),
    ]
    assert View(chart(*rows), ON).state("suicide-screen").status == status


@pytest.mark.parametrize(
    ("sex", "gender", "line"),
    [
        ("M", "female", "men"),
        ("F", "male", "women"),
        (None, "male", "men"),
        (None, "female", "women"),
        (None, None, "women"),
        (None, "other", "women"),
    ],
)
def test_the_audit_c_line_takes_birth_sex_then_gender_then_the_lower_line(sex, gender, line):
    person = Patient("Patient/p", birth_sex=sex, gender=gender)
    assert View(Chart(person), ON).state("audit-c-line").value == line
    assert View(Chart(person), ON).state("birth-sex").value == sex, "gender never clears pregnancy"


def diagnosis(fact, *, confirmed=True, **more):
    return said(fact, True, "2026-11-01", stands_now=True, confirmed=confirmed, **more)


def interview(*modules, tool="mini", on="2026-11-01"):
    when = When.parse(on)
    return [
        said("interview-on", when, on),
        said("interview-tool", tool, on),
        said("interview-modules", tuple(modules), on),
    ]


@pytest.mark.parametrize(
    ("rows", "status", "value"),
    [
        ([diagnosis("gad"), *interview("gad")], "known", True),
        ([diagnosis("agoraphobia"), *interview("agoraphobia")], "known", True),
        ([diagnosis("gad", confirmed=False), *interview("gad")], "unknown", None),
        ([diagnosis("gad"), *interview("panic")], "unknown", None),
        ([diagnosis("gad"), *interview("gad", tool="other")], "unknown", None),
        ([diagnosis("gad"), *interview("gad", on="2026-08-26")], "stale", None),
        ([diagnosis("gad")], "unknown", None),
        (interview("gad", "panic", "social-anxiety"), "absent", False),
        (interview("gad", "panic"), "unknown", None),
    ],
)
def test_the_target_diagnosis_needs_a_confirmed_code_and_an_interview_that_asked(rows, status, value):
    found = View(chart(*rows), ON).state("target-diagnosis")
    assert (found.status, found.value) == (status, value)


# -- words -----------------------------------------------------------------------------------------


def test_a_state_is_shown_with_unit_and_date():
    assert show(state("weight", said("weight", Decimal("61.40"), "2026-11-20"))) == "61.4 kg (2026-11-20)"
    assert show(state("aneurysm", said("aneurysm", True, None))) == "yes"
    assert show(state("stroke-tia-on", said("stroke-tia-on", When.parse("2026-03"), ON))) == "2026-03"


def test_what_is_too_old_says_how_old_and_how_old_it_may_be():
    found = state("weight", said("weight", Decimal(70), "2026-10-01"))
    assert found.reason == "weight: last known 2026-10-01, 55 days ago; at most 30 days old is needed"


def weighed(*rows: tuple[str, str, str]) -> bool:
    made = [said("weight", Decimal(kg), day, by=by) for kg, day, by in rows]
    found = View(chart(*made), ON).state("weight-again")
    assert found.settled
    return bool(found.value)


@pytest.mark.hazard("HAZ-07", "C2")
@pytest.mark.parametrize(
    ("rows", "again"),
    [
        ([("68", "2026-11-20", "Practitioner/a")], False),
        ([("68", "2026-11-19", "Practitioner/a"), ("68", "2026-11-20", "Practitioner/a")], False),  # the same person
        ([("68", "2026-11-19", "Practitioner/a"), ("68.9", "2026-11-20", "Practitioner/b")], True),
        ([("68", "2026-11-19", "Practitioner/a"), ("69.5", "2026-11-20", "Practitioner/b")], False),  # 2.2 % apart
        ([("68", "2026-11-12", "Practitioner/a"), ("68", "2026-11-20", "Practitioner/b")], False),  # 8 days apart
        ([("68", "2026-10-30", "Practitioner/a"), ("68", "2026-11-06", "Practitioner/b")], True),  # 7, some time ago
        ([("68", "2026-11-19", ""), ("68", "2026-11-20", "Practitioner/b")], False),  # nobody knows who
        ([("68", "2026-11-19", "Practitioner/a"), ("68", "2026-11-20", "")], False),
        # two who read pounds: 220 for a person of 100 kg
        (
            [
                ("100", "2026-10-10", "Practitioner/c"),
                ("220", "2026-11-19", "Practitioner/a"),
                ("221", "2026-11-20", "Practitioner/b"),
            ],
            False,
        ),
    ],
)
def test_a_weight_was_weighed_again_where_another_clinician_found_the_same(rows: list, again: bool):
    assert weighed(*rows) is again
