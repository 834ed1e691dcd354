"""Harm of longer use: screens due by exposure, patterns that ask for a review, what shuts the gate (HAZ-54)."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from openkap.dose import events as e
from openkap.dose import harm
from openkap.dose.gate import gate, green, reasons
from openkap.dose.harm import Dose, Screened, Sign
from openkap.dose.known import harm_of
from openkap.dose.library import shipped
from openkap.dose.models import Given
from openkap.dose.models_harm import UseEntry
from openkap.dose.services_harm import enter_screen, enter_sign, review_use
from openkap.dose.tests.sessions import case
from openkap.dose.tests.ward import Ward
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.kernel.truth import Truth
from openkap.people import audit
from openkap.people.types import Role
from openkap.plan.book import shipped as book
from tests.database import Clinic

DAY = date(2026, 11, 29)
SCREENS = ("bladder", "liver", "misuse", "cognition")


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def overdue(screens: list[Screened], doses: list[Dose]) -> set[str]:
    return {one.row.name for one in harm.due(screens, doses, shipped().harm, DAY) if one.overdue}


def every(on: date) -> list[Screened]:
    return [Screened(name, on, "clear", 1) for name in SCREENS]


def weekly(n: int, maintenance: bool = True, days: int = 7) -> list[Dose]:
    return [Dose(ago(days * place), maintenance) for place in range(n, 0, -1)]


def why(screens: list[Screened], signs: list[Sign], doses: list[Dose], reviewed: tuple[int, date] | None = None):
    return harm.to_review(screens, signs, doses, shipped().harm, book(), DAY, reviewed)


# -- screens ---------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-54", "C1")
def test_a_screen_that_was_never_done_or_said_nothing_is_missing():
    assert overdue([], []) == set(SCREENS)
    assert overdue([Screened(name, DAY, "unsure", 1) for name in SCREENS], []) == set(SCREENS)
    assert overdue([Screened(name, ago(-1), "clear", 1) for name in SCREENS], []) == set(SCREENS)  # a day to come


@pytest.mark.hazard("HAZ-54", "C1")
@pytest.mark.parametrize(
    ("on", "late"),
    [
        (DAY, set()),
        (date(2026, 10, 29), set()),  # a month to the day
        (date(2026, 10, 28), {"bladder", "liver", "misuse"}),
        (date(2025, 11, 29), {"bladder", "liver", "misuse"}),  # a year to the day
        (date(2025, 11, 28), set(SCREENS)),
    ],
)
def test_screens_are_due_a_month_or_a_year_after_the_last(on: date, late: set[str]):
    assert overdue(every(on), []) == late


@pytest.mark.hazard("HAZ-54", "C1")
@pytest.mark.parametrize(("doses", "late"), [(3, set()), (4, {"bladder"})])
def test_the_bladder_is_asked_before_every_fourth_dose_whatever_the_month(doses: int, late: set[str]):
    assert overdue(every(ago(20)), [Dose(ago(19 - place), True) for place in range(doses)]) == late


# -- the pattern -----------------------------------------------------------------------------------------

COURSES = {
    "a finding": ([Screened("bladder", DAY, "found", 2)], [], []),
    "a lost supply": ([], [Sign("lost", ago(1), 2)], []),
    "two requests": ([], [Sign("earlier", ago(40), 2), Sign("higher", ago(3), 3)], []),
    "a request and a short interval": ([], [Sign("higher", ago(3), 2)], [*weekly(2), Dose(ago(4), True)]),
    "two short intervals": ([], [], weekly(3, days=5)),
}
QUIET = {
    "nothing": ([], [], []),
    "a clear screen": ([Screened("bladder", DAY, "clear", 2)], [], []),
    "one request": ([], [Sign("earlier", ago(3), 2)], []),
    "two, one of them long ago": ([], [Sign("earlier", date(2026, 8, 28), 2), Sign("higher", ago(3), 3)], []),
    "weekly maintenance": ([], [], weekly(12)),
    "a first course, three a week": ([], [], weekly(6, maintenance=False, days=2)),
}


@pytest.mark.hazard("HAZ-54", "C2")
@pytest.mark.parametrize("course", COURSES)
def test_courses_of_misuse_ask_for_a_review_until_somebody_has_made_it(course: str):
    assert why(*COURSES[course])
    assert not why(*COURSES[course], reviewed=(9, DAY + timedelta(days=1)))


@pytest.mark.hazard("HAZ-54", "C2")
@pytest.mark.parametrize("course", QUIET)
def test_other_courses_ask_for_none(course: str):
    assert why(*QUIET[course]) == ()


@pytest.mark.hazard("HAZ-54", "C2")
def test_what_comes_after_a_review_asks_anew():
    signs = [Sign("lost", ago(20), 2), Sign("lost", ago(1), 7)]
    (line,) = why([], signs, [], reviewed=(5, ago(10)))
    assert ago(1).isoformat() in line


# -- the gate --------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-54", "C1")
def test_an_overdue_screen_holds_a_maintenance_dose_and_no_other():
    lines = harm.lines(harm.due(every(ago(40)), [], shipped().harm, DAY), (), shipped().harm)
    run = case(maintenance=True, harm=lines).to_gate()
    shut = {one.row: one.met for one in reasons(gate(run.session, run.stamp()))}
    assert shut == dict.fromkeys(("HARM-BLADDER", "HARM-LIVER", "HARM-MISUSE"), Truth.UNKNOWN)
    assert run.refused(e.PassGate).rule == "HARM-BLADDER"
    course = case(maintenance=False, harm=lines).to_gate()
    assert green(gate(course.session, course.stamp()))


@pytest.mark.hazard("HAZ-54", "C1")
@pytest.mark.parametrize("maintenance", [True, False])
def test_screens_that_were_not_looked_up_are_unknown_and_a_review_holds_any_dose(maintenance: bool):
    unknown = case(maintenance=maintenance, harm=None).to_gate()
    assert {one.row: one.met for one in reasons(gate(unknown.session, unknown.stamp()))} == {
        "HARM-REVIEW": Truth.UNKNOWN
    }
    held = case(maintenance=maintenance, harm=harm.lines((), ("a supply was lost",), shipped().harm)).to_gate()
    (line,) = reasons(gate(held.session, held.stamp()))
    assert (line.row, line.met, line.decidable) == ("HARM-REVIEW", Truth.FALSE, False)


# -- in the database -------------------------------------------------------------------------------------


def screened(ward: Ward, *names: str, result: str = "clear") -> None:
    nurse = ward.clinic.principal(Role.NURSE)
    for name in names:
        enter_screen(
            nurse, ward.patient, screen=name, result=result, on=ward.row.day, text="asked", key=str(uuid4())
        )  # fmt: skip


@pytest.mark.hazard("HAZ-54", "C1")
def test_a_maintenance_dose_begins_only_after_the_screens_and_an_entry_meanwhile_shuts_the_gate_again(clinic: Clinic):
    ward = Ward(clinic)
    type(ward.row).objects.filter(pk=ward.row.pk).update(maintenance=True)
    ward.row.refresh_from_db()
    ward.to_gate()
    assert ward.act(e.PassGate).refused.rule == "HARM-BLADDER"  # type: ignore[union-attr]
    screened(ward, *SCREENS)
    ward.do(e.PassGate)
    ward.in_hand()
    enter_sign(clinic.principal(Role.NURSE), ward.patient, sign="lost", on=ward.row.day, text="three", key="k1")
    refused = ward.start().refused
    assert refused is not None and refused.rule == "HARM-REVIEW"
    assert not Given.objects.exists()
    doctor = clinic.principal(Role.PRESCRIBER)
    newest = UseEntry.objects.latest("pk").pk
    review_use(doctor, ward.patient, seen=newest, text="Lost in the move; police report seen.", key="k2")
    ward.do(e.PassGate)
    ward.in_hand()
    assert ward.start().refused is None
    assert audit.faults(clinic.site.pk) == []


@pytest.mark.hazard("HAZ-54", "C2")
def test_who_may_enter_what_and_a_repeat_is_one_entry(clinic: Clinic):
    nurse, doctor, ida = clinic.principal(Role.NURSE), clinic.principal(Role.PRESCRIBER), clinic.ida
    today = Ward(clinic).row.day
    said = {"sign": "higher", "on": today, "text": "more", "key": "one"}
    first = enter_sign(nurse, ida, **said)  # type: ignore[arg-type]
    assert enter_sign(nurse, ida, **said) == first  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        enter_sign(nurse, ida, **{**said, "sign": "lost"})  # type: ignore[arg-type]
    for wrong in ({"sign": "sold"}, {"text": " "}, {"on": today + timedelta(days=1)}, {"text": "x" * 1001}):
        with pytest.raises(UserError):
            enter_sign(nurse, ida, **{**said, "key": "two", **wrong})  # type: ignore[arg-type]
    with pytest.raises(Forbidden):
        enter_sign(clinic.principal(Role.COORDINATOR), ida, **{**said, "key": "three"})  # type: ignore[arg-type]
    with pytest.raises(Forbidden):
        review_use(nurse, ida, seen=first.pk, text="fine", key="four")
    with pytest.raises(Conflict, match="entered since"):
        review_use(doctor, ida, seen=first.pk - 1, text="fine", key="five")
    with pytest.raises(UserError):
        enter_screen(nurse, ida, screen="knees", result="clear", on=today, text="x", key="six")
    assert UseEntry.objects.count() == 1
    assert [one.met for one in harm_of(ida, today)] == [Truth.UNKNOWN] * 4
