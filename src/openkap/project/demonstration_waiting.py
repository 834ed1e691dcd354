"""
The calendar of the demonstration beside its retreat: hours of the days before it, appointments of single people, and
who waits for one. Everything is synthetic.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from openkap.people.models import Patient, Site
from openkap.people.types import Principal
from openkap.schedule import selectors, selectors_single, services_house, services_single, services_waiting
from openkap.schedule.fit import Search
from openkap.schedule.models import PERSON
from openkap.schedule.needs import Ask
from openkap.schedule.services_waiting import Terms

PREPARATION, REVIEW = Ask(session="prep-1"), Ask(row="SES-REVIEW")
WEEKDAYS = range(5)
HOURS = (time(8), time(17))


def fill(site: Site, coordinator: Principal, planned: list[Patient], on: date, retreat: date) -> None:
    """
    Two people are booked in the coming days; two wait for what they have, and one of these for a review too.

    Args:
        planned: people with a signed plan. on: today at the clinic. retreat: the first day of the retreat.
    """
    first = on + timedelta(days=1)
    for person in selectors.resources(site.pk, PERSON):
        services_house.add_duty(
            None, person, first=on, last=retreat - timedelta(days=1), weekdays=WEEKDAYS, begins=HOURS[0], ends=HOURS[1]
        )
    booked, waiting = planned[:2], planned[2:4]
    for patient, ask in zip(booked, (PREPARATION, REVIEW), strict=False):
        _book(site, coordinator, patient, ask, first, retreat)
    terms = (
        Terms(retreat, note="rings back in the afternoon"),
        Terms(retreat, weekdays=(1, 3), begins=time(9)),
    )
    for patient, when in zip(waiting, terms, strict=False):
        services_waiting.enter(coordinator, patient, PREPARATION, when)
    for patient in waiting[:1]:
        services_waiting.enter(coordinator, patient, REVIEW, Terms(retreat, ends=time(12)))


def _book(site: Site, coordinator: Principal, patient: Patient, ask: Ask, first: date, last: date) -> None:
    """The first time that fits."""
    zone = ZoneInfo(site.zone)
    begins, ends = (datetime.combine(day, time(0), tzinfo=zone) for day in (first, last))
    house = services_single.house()
    plan = selectors_single.planned({patient.pk: patient}).get(patient.pk)
    need, _late = services_single.wanted(ask, patient, None, plan, begins)
    frame = selectors_single.frame(site, begins, ends, house, begins)
    guest = selectors_single.guests([patient.pk], house, begins)[patient.pk]
    place = Search(frame).first(need, guest, ())
    if place is not None:
        services_single.book(coordinator, patient, ask, place)
