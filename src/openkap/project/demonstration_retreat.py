"""
The retreat of the demonstration: twelve guests, ten days from the Monday after next, four bays, six people; the
prescriber leaves at noon on Thursdays. Planned by a short search and published, which books its dosing sessions too.
Everything is synthetic.
"""

from __future__ import annotations

from datetime import date, time, timedelta

from openkap.people.models import Patient, Site, User
from openkap.people.selectors import principal_of
from openkap.plan.library import modalities
from openkap.schedule import services, services_house, services_runs
from openkap.schedule.assemble import BAY, HALL, ROOM, Group
from openkap.schedule.models import Resource, Retreat
from openkap.schedule.services import Wish

REGIMEN = "REG-B1"  # six infusions in two weeks; three of them lie inside ten days
DAYS, SECONDS = 10, 4.0
THURSDAY = 3
WHOLE_DAY, MORNING, ROUND_THE_CLOCK = (time(8), time(18, 30)), (time(8), time(12)), (time(0), time(0))


def fill(site: Site, team: dict[str, User], guests: list[Patient], on: date) -> Retreat:
    """
    Args:
        team: users by the local part of their address. guests: people with a signed plan. on: today at the clinic.
    """
    start = on + timedelta(days=14 - on.weekday())
    last = start + timedelta(days=DAYS - 1)
    skills = [row.id for row in modalities().modality]
    people = [
        services_house.add_person(None, site, name=team["prescriber"].name, role="prescriber", user=team["prescriber"]),
        *(
            services_house.add_person(None, site, name=team[n].name, role="nurse", user=team[n])
            for n in ("nurse", "nurse2")
        ),
        *(
            services_house.add_person(None, site, name=team[n].name, role="therapist", user=team[n], credentials=skills)
            for n in ("therapist", "therapist2")
        ),
        services_house.add_person(None, site, name="Ana Ruiz", role="therapist", credentials=skills),
    ]
    for person in people:
        thursdays = [THURSDAY] if person.sort == "prescriber" else []
        _hours(person, start, last, [day for day in range(7) if day not in thursdays], WHOLE_DAY)
        _hours(person, start, last, thursdays, MORNING)
        if person.sort != "prescriber":  # before it, for the dosing rooms; at any hour somebody may try them
            hours = ROUND_THE_CLOCK if person.sort == "nurse" else WHOLE_DAY
            _hours(person, on - timedelta(days=1), start - timedelta(days=1), list(range(7)), hours)
    for n in range(1, 5):
        services_house.add_room(None, site, name=f"Bay {n}", kind=BAY, turnover=15)
    for n in range(1, 4):
        services_house.add_room(None, site, name=f"Quiet room {n}", kind=ROOM)
    services_house.add_room(None, site, name="Hall", kind=HALL)
    wish = Wish(
        name="Winter retreat",
        start=start,
        days=DAYS,
        groups=(Group(at=17 * 60, minutes=60, places=12),),
        group_sessions=3,
        therapist_stays=False,
    )
    retreat = services.open_retreat(None, site, wish, guests)
    run = services_runs.run_here(
        services_runs.ask(principal_of(team["coordinator"]), retreat, seconds=60), seconds=SECONDS
    )
    if run.result is not None:
        services.publish(principal_of(team["coordinator"]), run.result, lambda coming: [])
    return retreat


def _hours(person: Resource, start: date, last: date, days: list[int], hours: tuple[time, time]) -> None:
    if days:
        services_house.add_duty(None, person, first=start, last=last, weekdays=days, begins=hours[0], ends=hours[1])
