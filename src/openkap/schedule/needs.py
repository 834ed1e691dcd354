"""
What one appointment needs: a session of a signed plan, or a kind of session of the content that is in no plan.

The rules of a retreat hold for it too (`assemble.activity`), so that nothing is booked alone that would not be planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openkap.plan.library import calendars
from openkap.plan.types import SessionRow
from openkap.schedule import assemble, fit
from openkap.schedule.assemble import House
from openkap.schedule.due import bounds
from openkap.schedule.fit import Need, Wants

SINGLE = "P"  # in the place of a guest's code: `P-integration-2` is booked alone


@dataclass(frozen=True)
class Ask:
    """What is to be booked: `session`, an id in the newest plan, or `row`, the id of a kind of session (SES-REVIEW)."""

    session: str = ""
    row: str = ""


def kinds() -> list[SessionRow]:
    """Kinds of session that may be booked without a plan: all but doses."""
    return [row for row in calendars().session if row.kind != "dose"]


def kind(row: str) -> SessionRow | None:
    """One of them."""
    return next((one for one in kinds() if one.id == row), None)


def session_of(activity: str) -> str:
    """The id in the plan of what an appointment is: `dose-2` of `G01-dose-2`."""
    return activity.partition("-")[2]


def of_session(
    session: Mapping[str, Any],
    document: Mapping[str, Any],
    house: House,
    begins: Mapping[str, datetime],
    apart_h: int,
    since: datetime | None = None,
) -> Need:
    """
    What a session of a plan needs, and between which instants it may begin.

    Args:
        document: of the plan. begins: starts of its sessions that are booked. apart_h: between two doses (DOS-FREQ-2).
        since: ends of windows that were over by then do not bind.
    """
    sessions = document["programme"]["sessions"]
    low, high = bounds(sessions, session["id"], begins, since)
    route = (document["regimen"] or {}).get("route", "") if session["kind"] == "dose" else ""
    return _need(session, sessions, house, low, high, apart_h, route)


def of_kind(row: SessionRow, house: House) -> Need:
    """What a session of a kind needs, at any time."""
    session = {
        "id": "", "kind": row.kind, "title": row.title, "minutes": row.minutes, "modality": None, "roles": row.roles,
    }  # fmt: skip
    return _need(session, (), house, None, None, 0, "")


def _need(
    session: Mapping[str, Any],
    sessions: Sequence[Mapping[str, Any]],
    house: House,
    low: datetime | None,
    high: datetime | None,
    apart_h: int,
    route: str,
) -> Need:
    found = assemble.activity(assemble.Guest(SINGLE, sessions, (0, 0)), session, sessions, house)
    return Need(
        session=session["id"],
        kind=session["kind"],
        title=session["title"],
        minutes=found["duration"],
        people=tuple(Wants(one["role"], one["to"], frozenset(one["credentials"])) for one in found["staff"]),
        room_kind=found["room_kind"] or "",
        watched_by=next(iter(found.get("monitored_by", ())), ""),
        on_site=tuple(role for role in found.get("on_site", ())),
        pad_min=max(house.gap_min, found.get("rest_after", 0)),
        apart_h=apart_h if session["kind"] == "dose" else 0,
        route=route,
        earliest=low,
        latest=high,
    )


def bound_to(
    dose: str, document: Mapping[str, Any], house: House, begins: Mapping[str, datetime]
) -> list[tuple[Need, int, int]]:
    """Calls and integrations that a dose is not booked without and that are not booked yet; hours after it."""
    sessions = document["programme"]["sessions"]
    found = []
    for name in assemble.bound(sessions, dose):
        one = next(row for row in sessions if row["id"] == name)
        link = next(row for row in one["after"] if row["id"] == dose)
        if name not in begins:
            found.append((of_session(one, document, house, begins, 0), int(link["min_h"]), int(link["max_h"])))
    return found


def numbers(house: House) -> fit.House:
    """The numbers of a house that one appointment keeps."""
    return fit.House(house.ratio, house.long_min, house.break_min, house.break_window)


def session_in(document: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """A session of a plan."""
    rows: Iterable[Mapping[str, Any]] = document["programme"]["sessions"]
    return next((one for one in rows if one["id"] == name), None)
