"""
What a message to a patient says, and when it may go. Words and numbers are content (plan/content/messages.toml).

Without a recorded wish of the patient a text says day and hour and nothing else: no name, no diagnosis, no drug, no
kind of appointment or clinic (HAZ-57).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from openkap.plan.library import statement

LINK, CODE = "{link}", "{code}"


@dataclass(frozen=True, slots=True)
class Part:
    """
    What is said of one appointment.

    Args:
        starts_at: when it begins now; None: it is off. was: what the patient was told before; None: nothing.
        title: what it is; used only where the patient wants it said.
    """

    starts_at: datetime | None
    was: datetime | None = None
    title: str = ""


def number(row: str, name: str) -> int:
    """A whole number of the policy, such as `number("MSG-TRIES", "most")`."""
    return int(statement(row).number(name))


def reminder(parts: Sequence[Part], zone: ZoneInfo, *, detail: bool, lives: str, answer: bool = True) -> str:
    """
    The text of a reminder of what is booked on one day.

    Args:
        zone: of the clinic, whose clocks count. detail: say what it is. lives: the patient's zone, IANA name.
    """
    found = sorted((part.starts_at, part.title) for part in parts if part.starts_at is not None)
    first = found[0][0].astimezone(zone)
    if detail:
        what = ", ".join(f"{at.astimezone(zone):%H:%M} {title}" for at, title in found)
        text = _text("MSG-TEXT-DETAIL").replace("{what}", what)
    else:
        row = "MSG-TEXT-ONE" if len(found) == 1 else "MSG-TEXT-SEVERAL"
        text = _text(row).replace("{times}", _listed([f"{at.astimezone(zone):%H:%M}" for at, _title in found]))
    said = [text.replace("{day}", _day(first))]
    return _ended(said, zone, lives, answer)


def change(parts: Sequence[Part], zone: ZoneInfo, *, detail: bool, lives: str) -> str:
    """The text of what moved or is off, in order of what was told before. Asks for an answer where something is on."""
    said = []
    for part in sorted(parts, key=lambda one: one.was or datetime.max.replace(tzinfo=zone)):
        if part.was is None:
            continue
        row = "MSG-TEXT-OFF" if part.starts_at is None else "MSG-TEXT-MOVED"
        text = _text(row).replace("{was}", moment(part.was, zone))
        if part.starts_at is not None:
            text = text.replace("{now}", moment(part.starts_at, zone))
        said.append(f"{part.title}: {text}" if detail and part.title else text)
    return _ended(said, zone, lives, any(part.starts_at is not None for part in parts))


def code(minutes: int) -> str:
    """The text that carries a code, which takes the place of `{code}` when it is sent."""
    return _text("MSG-TEXT-CODE").replace("{minutes}", str(minutes))


def reply_words() -> str:
    """The words that ask for an answer, with the place of the link."""
    return _text("MSG-TEXT-REPLY")


def subject() -> str:
    """Of a mail."""
    return _text("MSG-TEXT-SUBJECT")


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A day and an hour of the clinic's clocks."""
    wall = at.astimezone(zone)
    return f"{_day(wall)} at {wall:%H:%M}"


def may_go_at(now: datetime, lives: str) -> datetime:
    """The first moment from `now` on that is not in the quiet hours where the patient lives (MSG-QUIET)."""
    wall = now.astimezone(ZoneInfo(lives))
    begins, ends = number("MSG-QUIET", "from_h"), number("MSG-QUIET", "until_h")
    if ends <= wall.hour < begins:
        return now
    day = wall.date() + timedelta(days=1 if wall.hour >= begins else 0)
    return datetime.combine(day, time(ends), tzinfo=wall.tzinfo).astimezone(now.tzinfo)


def wait_s(tries: int) -> int:
    """Seconds until the next try after so many."""
    return number("MSG-TRIES", "wait_s") << max(0, tries - 1)


def _ended(said: list[str], zone: ZoneInfo, lives: str, answer: bool) -> str:
    if lives != zone.key:
        said.append(_text("MSG-TEXT-ZONE").replace("{zone}", zone.key))
    if answer:
        said.append(reply_words())
    return " ".join(said)


def _text(row: str) -> str:
    return statement(row).text


def _day(wall: datetime) -> str:
    return f"{wall:%A} {wall.day} {wall:%B}"


def _listed(times: Sequence[str]) -> str:
    return times[0] if len(times) == 1 else f"{', '.join(times[:-1])} and {times[-1]}"
