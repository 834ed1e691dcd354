"""
Names in the place of ids, for whoever may read them: `G01-dose-1` becomes *Amara Diallo, dose 1*.

A coordinator reads every guest's name, a clinician those in their care; the others are *Guest 3* (HAZ-61).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from openkap.people.request import ClinicRequest, disclose
from openkap.people.selectors import visible_ids
from openkap.people.types import Purpose
from openkap.plan.selectors import document_of
from openkap.schedule import selectors
from openkap.schedule.models import Guest, Resource, Retreat
from openkap.schedule.rules import Breach
from openkap.schedule.types import DAY, Instance

_SESSION = re.compile(r"\b(G\d{2,3})-([a-z0-9-]+)")
_ALONE = re.compile(r"\b(?:G\d{2,3}|S\d+|R\d+|E\d{2,3})\b")
_MINUTE = re.compile(r"\bminute (\d+)")
_OTHER = re.compile(r"~\d+")  # what others hold, of which nothing is told
_KINDS = re.compile(r"\b(dosing_bay|therapy_room|group_room)\b")
_GAP = re.compile(r"^has (\S+) (-?\d+) min after (\S+)$")
_WATCH = re.compile(r"^minute (\d+): (\d+) watched, (\d+) (\w+) x (\d+)$")
_FLEX = re.compile(r"^has no (\d+) min free inside \[(\d+), (\d+)\]$")


@dataclass(frozen=True)
class Names:
    """What ids of one retreat are called; `mine`: codes of guests whose names the reader may know."""

    retreat: Retreat
    called: Mapping[str, str]
    titles: Mapping[str, str]
    guests: tuple[Guest, ...]
    mine: frozenset[str]

    def of(self, code: str) -> str:
        """A guest, somebody of staff, a room, a group or a session."""
        return self.called.get(code) or self.titles.get(code) or code

    def told(self, text: str) -> str:
        """A sentence with names in it."""
        text = _MINUTE.sub(lambda found: self.moment(int(found[1])), text)
        text = _SESSION.sub(lambda found: self.session(found[0]), text)
        text = _ALONE.sub(lambda found: self.of(found[0]), text)
        text = _OTHER.sub(_("another booking"), text)
        return _KINDS.sub(lambda found: found[0].replace("_", " "), text)

    def session(self, name: str) -> str:
        """A session with whose it is."""
        code, _dash, _rest = name.partition("-")
        title = self.titles.get(name, name)
        return f"{self.of(code)}, {title[:1].lower()}{title[1:]}"

    def moment(self, minute: int) -> str:
        """A minute of the retreat as day and hour."""
        return f"{self.day(minute // DAY)}, {clock(minute)}"

    def day(self, number: int) -> str:
        """A day of the retreat."""
        return date_format(self.retreat.start + timedelta(days=number), "D j M")

    def broken(self, instance: Instance, breach: Breach) -> str:
        """Which rule would be broken, in words for somebody who holds a session in the hand."""
        if breach.rule == "SCH-LAG" and (said := self._lag(instance, breach)):
            return said
        if breach.rule == "SCH-GAP" and (found := _GAP.match(breach.because)):
            second, minutes, first = self.told(found[1]), int(found[2]), self.told(found[3])
            if minutes < 0:
                return _("%(second)s would begin before the end of %(first)s.") % {"second": second, "first": first}
            return _("%(second)s would begin %(n)s min after %(first)s, which needs more time after it.") % {
                "second": second,
                "n": minutes,
                "first": first,
            }
        if breach.rule == "SCH-WATCH" and (found := _WATCH.match(breach.because)):
            return _("On %(at)s %(n)s would be watched, and those on duty can watch %(most)s.") % {
                "at": self.moment(int(found[1])),
                "n": found[2],
                "most": int(found[3]) * int(found[5]),
            }
        if breach.rule == "SCH-FLEX" and (found := _FLEX.match(breach.because)):
            return _("%(who)s would have no break of %(n)s min between %(low)s and %(high)s.") % {
                "who": self.of(breach.about),
                "n": found[1],
                "low": clock(int(found[2])),
                "high": clock(int(found[3])),
            }
        if breach.rule in ("SCH-SHIFT", "SCH-BREAK", "SCH-CREDENTIAL", "SCH-ROLE"):
            return f"{self.told(breach.because)} ({self.told(breach.about)})."
        return f"{self.told(f'{breach.about} {breach.because}')}."

    def _lag(self, instance: Instance, breach: Breach) -> str:
        lag = next((one for one in instance.lags if one.id == breach.about), None)
        found = re.search(r"is (-?\d+) min$", breach.because)
        if lag is None or found is None:
            return ""
        values = {"after": self.session(lag.after), "before": self.session(lag.before), "is": length(int(found[1]))}
        if int(found[1]) < lag.at_least:
            return _("%(after)s would begin %(is)s after %(before)s; at least %(least)s are needed.") % {
                **values,
                "least": length(lag.at_least),
            }
        return _("%(after)s would begin %(is)s after %(before)s; at most %(most)s are allowed.") % {
            **values,
            "most": length(lag.at_most or 0),
        }


def names_of(request: ClinicRequest, retreat: Retreat) -> Names:
    """The names that this person may read of a retreat; each name that is shown is a read of that record."""
    guests = tuple(selectors.guests_of(retreat))
    visible = set(visible_ids(request.principal, Purpose.ADMINISTRATION))
    mine = [guest for guest in guests if guest.patient_id in visible]
    disclose(request, [guest.patient for guest in mine])
    called = {guest.code: _("Guest %(n)s") % {"n": int(guest.code[1:])} for guest in guests}
    called |= {guest.code: f"{guest.patient.given} {guest.patient.family}".strip() for guest in mine}
    for row in Resource.objects.filter(site=retreat.site_id):
        called[f"{'S' if row.what == 'person' else 'R'}{row.pk}"] = row.name
    titles = {}
    for guest in guests:
        for session in document_of(guest.programme)["programme"]["sessions"]:
            titles[f"{guest.code}-{session['id']}"] = session["title"]
    house = selectors.house_of(retreat)
    for day in range(retreat.days):
        for n, group in enumerate(house.groups):
            when = f"{date_format(retreat.start + timedelta(days=day), 'D j M')}, {clock(group.at)}"
            called[f"E{day * len(house.groups) + n + 1:02}"] = _("the group on %(when)s") % {"when": when}
    return Names(retreat, called, titles, guests, frozenset(guest.code for guest in mine))


def clock(minute: int) -> str:
    """The hour of a minute of the retreat."""
    return f"{minute % DAY // 60:02}:{minute % 60:02}"


def length(minutes: int) -> str:
    """So many days, hours and minutes; minutes are left out where there are days."""
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else ""
    if hours >= 48 and hours % 24:
        return f"{sign}{hours // 24} d {hours % 24} h"
    if hours >= 48:
        return f"{sign}{hours // 24} d"
    if not hours:
        return f"{sign}{rest} min"
    return f"{sign}{hours} h" + (f" {rest} min" if rest else "")
