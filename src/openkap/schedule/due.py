"""When a session of a plan may be booked, from what is booked already; and which windows are closing or closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

State = Literal["late", "open", "later"]
ORDER: tuple[State, ...] = ("late", "open", "later")


@dataclass(frozen=True)
class Window:
    """A session that is not booked: from when until when it may begin; `latest` None: the plan gives no end."""

    session: str
    title: str
    earliest: datetime
    latest: datetime | None

    def state(self, now: datetime) -> State:
        """Whether the window is over, open, or still to come."""
        if self.latest is not None and self.latest < now:
            return "late"
        return "open" if self.earliest <= now else "later"


def windows(sessions: Iterable[Mapping[str, Any]], begins: Mapping[str, datetime]) -> list[Window]:
    """
    Sessions that are not booked although all that they wait for is, the most urgent first.

    Args:
        sessions: of a signed plan, with the hours between starts. begins: starts of those that are booked or were.
    """
    found = []
    for one in sessions:
        links = one["after"]
        if one["id"] in begins or not links or any(link["id"] not in begins for link in links):
            continue
        earliest = max(begins[link["id"]] + timedelta(hours=int(link["min_h"])) for link in links)
        ends = [begins[link["id"]] + timedelta(hours=int(link["max_h"])) for link in links if link["max_h"] is not None]
        found.append(Window(one["id"], one["title"], earliest, min(ends) if ends else None))
    return sorted(found, key=lambda one: (one.latest or one.earliest + timedelta(days=3650), one.earliest, one.session))


def bounds(
    sessions: Iterable[Mapping[str, Any]],
    session: str,
    begins: Mapping[str, datetime],
    since: datetime | None = None,
) -> tuple[datetime | None, datetime | None]:
    """
    Between which instants a session may begin, by what is booked before it and after it; None: no limit.

    Args:
        session: its id. begins: starts of those that are booked or were; the session's own start does not count.
        since: ends that were over by then do not count, since nothing can keep them any more.
    """
    low: list[datetime] = []
    high: list[datetime] = []
    for one in sessions:
        for link in one["after"]:
            least = timedelta(hours=int(link["min_h"]))
            most = None if link["max_h"] is None else timedelta(hours=int(link["max_h"]))
            if one["id"] == session and link["id"] in begins:
                low.append(begins[link["id"]] + least)
                high += [begins[link["id"]] + most] if most is not None else []
            elif link["id"] == session and one["id"] in begins:
                high.append(begins[one["id"]] - least)
                low += [begins[one["id"]] - most] if most is not None else []
    high = [at for at in high if since is None or at >= since]
    return max(low, default=None), min(high, default=None)


def waits_for(sessions: Iterable[Mapping[str, Any]], session: str, begins: Mapping[str, datetime]) -> list[str]:
    """Titles of what must be booked before a session can be."""
    rows = list(sessions)
    titles = {one["id"]: one["title"] for one in rows}
    mine = next((one for one in rows if one["id"] == session), None)
    return [titles.get(link["id"], link["id"]) for link in (mine["after"] if mine else ()) if link["id"] not in begins]


def hangs_on(sessions: Iterable[Mapping[str, Any]], session: str, begins: Mapping[str, datetime]) -> list[str]:
    """Ids of booked sessions that wait for this one."""
    return [
        one["id"] for one in sessions if one["id"] in begins and any(link["id"] == session for link in one["after"])
    ]


@dataclass(frozen=True)
class Link:
    """The integration session that belongs to a dose: its id in the plan, empty where there is none, and the hours."""

    session: str
    min_h: int
    max_h: int


def link_of(sessions: Iterable[Mapping[str, Any]], dose: str, otherwise: Link) -> Link:
    """
    Which integration session a plan ties to a dose.

    Args:
        otherwise: for a dose that is of no plan, or to which the plan ties none; its hours where the plan gives no end.
    """
    for one in sessions:
        if one["kind"] == "integration":
            for link in one["after"]:
                if link["id"] == dose:
                    last = otherwise.max_h if link["max_h"] is None else int(link["max_h"])
                    return Link(one["id"], int(link["min_h"]), last)
    return otherwise
