"""
The boards of this process: the tile of each chair, made once for each event and sent as the same bytes to every screen.

A board lives while somebody watches it. It hears of events from the follower (dose/live.py), and looks by itself every
two seconds for what no event tells: a session booked into a chair, a tablet that fell silent. It makes each tile anew
after ten seconds at the latest, since minutes pass without any event.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import DatabaseError
from django.db.models import F, Max, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from openkap.dose import floor, heart, store
from openkap.dose.gate import ACUTE
from openkap.dose.library import content_of
from openkap.dose.live import Fan, Mailbox, Woke, follower, message
from openkap.dose.models import Chair, DosingSession, Presence
from openkap.dose.selectors import chairs
from openkap.dose.selectors_calendar import rest_of_day
from openkap.dose.services_message import outlets
from openkap.dose.types import RUNNING, Phase, Ring
from openkap.kernel.site import Site as SiteContent
from openkap.people import keeping
from openkap.people.models import Patient, Site
from openkap.web.case import site_now
from openkap.web.dose.board import shown
from openkap.web.dose.board.shown import Tile

Kind = Literal["full", "plain"]  # for clinicians; for coordinators and walls
KINDS: tuple[Kind, ...] = ("full", "plain")

SWEEP_S, AGAIN_S, BEAT_S, FLOOR_S, CHECK_S = 1.5, 10.0, 3.0, 4.0, 8.0
IDLE_S = 30.0  # a board that nobody watches is kept so long: fifty screens that connect at once build it once
LOOK_S = 0.5  # a look at the tablets serves so long
MARGIN_S = 1.0  # what a look may be late by itself: what is said after n seconds is said within n
LOST = ("WATCH-BEAT", "WATCH-CONTACT")
IN_HOUSE = [phase.value for phase in RUNNING]
log = logging.getLogger("openkap.board")


@dataclass(frozen=True)
class Made:
    """A tile as it was made: place on the page, whose it is, from what, when (monotonic), and its markup."""

    place: str
    row: DosingSession | None
    made: float
    silent: bool
    html: Mapping[Kind, str]

    @property
    def sequence(self) -> int:
        return self.row.sequence if self.row else 0

    @property
    def patient(self) -> UUID | None:
        return self.row.patient_id if self.row else None

    def sent(self, kind: Kind) -> bytes:
        """The message that puts it on a page."""
        said = {"place": self.place, "sequence": self.sequence, "html": self.html[kind]}
        if self.row is not None:
            said["session"] = str(self.row.pk)
        return message("session", json.dumps(said))


class Watch:
    """One screen: its mailbox, and how to ask whether it may still watch."""

    def __init__(self, fan: Fan, box: Mailbox, may: Callable[[], bool]):
        self.fan, self.box, self.may = fan, box, may
        self.asked = time.monotonic()


class Board:
    """The board of one site. Every method may be called from any thread."""

    def __init__(self, site_id: UUID):
        self.site_id = site_id
        self.fans: dict[Kind, Fan] = {kind: Fan() for kind in KINDS}
        self._only: dict[UUID, Fan] = {}  # of chairs' tablets, which need to hear of their own session alone
        self._lock = threading.RLock()
        self._tiles: dict[str, Made] = {}
        self._where: dict[UUID, str] = {}
        self._floor: dict[Kind, str] = dict.fromkeys(KINDS, "")
        self._watches: list[Watch] = []
        self._alive = False  # kept up to date by the follower
        self._wanted = 0.0
        self._version = 0
        self._due: dict[str, float] = {}
        self._state: dict[Kind, tuple[int, bytes]] = {}
        self._silence: dict[UUID, timedelta] = {}
        self._looked = -LOOK_S
        self._booked: frozenset[tuple[UUID, int | None, date]] = frozenset()
        self.patients: frozenset[UUID] = frozenset()  # whom it shows; replaced as a whole, so read without the lock

    # -- who watches ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Keep it up to date from now on."""
        follower.follow(boards)
        with self._lock:
            self._wanted = time.monotonic()
            if not self._alive:
                self._rebuild()
                self._alive = True

    def watch(self, kind: Kind, may: Callable[[], bool], only: UUID | None = None) -> Watch:
        """
        A screen begins to watch, from the loop that runs here; call `begin` after it.

        Args:
            only: the one session that it hears of, without a tile.
        """
        fan = self.fans[kind] if only is None else self._only.setdefault(only, Fan())
        one = Watch(fan, fan.join(), may)
        self._watches = [*self._watches, one]
        return one

    def leave(self, one: Watch) -> None:
        """A screen watches no more."""
        one.fan.leave(one.box)
        self._watches = [other for other in self._watches if other is not one]
        for session, fan in list(self._only.items()):
            if not len(fan):
                self._only.pop(session, None)

    def watchers(self) -> int:
        """How many screens watch."""
        return len(self._watches)

    # -- what it shows -------------------------------------------------------------------------------------

    def shown(self, kind: Kind) -> tuple[list[str], str, frozenset[UUID]]:
        """Tiles in order, the floor, and the patients who are on it."""
        with self._lock:
            if not self._alive:
                self._rebuild()
            tiles = list(self._tiles.values())
            return [made.html[kind] for made in tiles], self._floor[kind], self.patients

    def state(self, kind: Kind) -> bytes:
        """Everything, as the first message of a stream; its number says which version it is."""
        with self._lock:
            kept = self._state.get(kind)
            if kept is None or kept[0] != self._version:
                tiles, people, _ = self.shown(kind)
                said = {"tiles": tiles, "floor": people}
                kept = (self._version, message("state", json.dumps(said), self.number()))
                self._state[kind] = kept
            return kept[1]

    def number(self) -> str:
        """Which state of which process this is."""
        return f"{PROCESS}.{self._version}"

    # -- what happens --------------------------------------------------------------------------------------

    def heard(self, sessions: set[UUID]) -> None:
        """These sessions have moved."""
        with self._lock:
            if self._alive:
                self._update(sessions)

    def turn(self) -> None:
        """What time asks for."""
        with self._lock:
            if not self._watches and time.monotonic() - self._wanted > IDLE_S:
                self._alive = False
            if not self._alive:
                return
            if self._is_due("check", CHECK_S):
                self._check()
            if self._is_due("sweep", SWEEP_S):
                self._update(self._moved(), self._rebooked())
            now = time.monotonic()
            old = {m.row.pk for m in self._tiles.values() if m.row is not None and now - m.made > AGAIN_S}
            if old:
                self._update(old)
            if self._is_due("floor", FLOOR_S):
                self._look_at_floor()

    def tell(self, messages: Sequence[bytes]) -> None:
        """The same to every screen."""
        for fan in (*self.fans.values(), *list(self._only.values())):
            fan.send(messages)

    # -- parts -----------------------------------------------------------------------------------------------

    def _is_due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now - self._due.get(what, 0.0) < every_s:
            return False
        self._due[what] = now
        return True

    def _check(self) -> None:
        """Who may watch no more is told so (RG-29)."""
        for one in list(self._watches):
            if not one.may():
                one.fan.end(one.box)
            else:
                one.asked = time.monotonic()

    def _changed(self) -> None:
        self._version += 1
        self.patients = frozenset(made.patient for made in self._tiles.values() if made.patient is not None)

    def _rebuild(self) -> None:
        self._tiles, self._where = {}, {}
        silent = self._silent()
        rows = list(_rows(self.site_id).filter(phase__in=IN_HOUSE))
        by_chair = {row.chair_id: row for row in rows if row.chair_id is not None}
        due = self._booked_today()
        for chair in chairs(self.site_id):
            row = by_chair.pop(chair.pk, None)
            self._keep(self._occupied(row, silent) if row else self._free(chair, due.get(chair.pk, ())))
        for row in rows:
            if row.pk not in self._where:
                self._keep(self._occupied(row, silent))
        self._floor = self._floor_html()
        self._booked = self._bookings()
        self._changed()

    def _update(self, sessions: set[UUID], places: Iterable[str] = ()) -> None:
        """
        Make the tiles of these sessions anew, and of the chairs that they left; send those that changed.

        Args:
            places: chairs into which somebody else is booked than before.
        """
        left = set(places)
        if not sessions and not left:
            return
        silent = self._silent()
        rows = {row.pk: row for row in _rows(self.site_id, everywhere=True).filter(pk__in=sessions)}
        made: list[Made] = []
        for pk in sessions:
            row = rows.get(pk)
            before = self._where.get(pk)
            here = row is not None and row.phase in IN_HOUSE
            if here and row is not None:
                made.append(self._occupied(row, silent))
            after = made[-1].place if here else None
            if before is not None and before != after:
                self._where.pop(pk)
                left.add(before)
            if not here and row is not None and row.chair_id is not None:
                left.add(_place(row.chair_id, pk))  # booked or cancelled: the chair says who comes next
        for pk, row in rows.items():
            if (fan := self._only.get(pk)) is not None:
                said = {"session": str(pk), "sequence": row.sequence, "silent": pk in silent}
                fan.send([message("session", json.dumps(said))])
        taken = {one.place for one in made}
        sent: dict[Kind, list[bytes]] = {kind: [] for kind in KINDS}
        for place in left - taken:
            self._empty(place, sent)
        for one in made:
            self._put(one, sent)
        if any(sent.values()):
            self._changed()
        for kind in KINDS:
            self.fans[kind].send(sent[kind])

    def _put(self, one: Made, sent: dict[Kind, list[bytes]]) -> None:
        before = self._tiles.get(one.place)
        self._keep(one)
        for kind in KINDS:
            if before is None or before.html[kind] != one.html[kind]:
                sent[kind].append(one.sent(kind))

    def _empty(self, place: str, sent: dict[Kind, list[bytes]]) -> None:
        """Nobody is in this place any more: the chair is free, or there was none and the place goes."""
        before = self._tiles.get(place)
        if before is not None and before.row is not None and self._where.get(before.row.pk) == place:
            return  # somebody else is in it
        chair = chairs(self.site_id).filter(pk=place.removeprefix("chair-")).first() if "chair-" in place else None
        if chair is not None:
            self._put(self._free(chair, self._booked_today(chair).get(chair.pk, ())), sent)
        elif before is not None:
            del self._tiles[place]
            gone = message("session", json.dumps({"place": place, "sequence": 0, "html": ""}))
            for kind in KINDS:
                sent[kind].append(gone)

    def _keep(self, one: Made) -> None:
        self._tiles[one.place] = one
        if one.row is not None:
            self._where[one.row.pk] = one.place

    def _moved(self) -> set[UUID]:
        """Sessions that are not as their tiles say, and those whose tablet fell silent or is back."""
        known = {m.row.pk: m for m in self._tiles.values() if m.row is not None}
        found = set()
        there = DosingSession.objects.filter(site=self.site_id, phase__in=IN_HOUSE)
        now = {pk: (sequence, chair) for pk, sequence, chair in there.values_list("pk", "sequence", "chair")}
        for pk in now.keys() | known.keys():
            made = known.get(pk)
            if made is None or made.row is None or now.get(pk) != (made.row.sequence, made.row.chair_id):
                found.add(pk)
        silent = self._silent()
        found |= {pk for pk, made in known.items() if made.silent != (pk in silent)}
        return found

    def _rebooked(self) -> set[str]:
        """Chairs into which somebody was booked since the last look, or is booked no more: they say who comes next."""
        before, self._booked = self._booked, self._bookings()
        return {_place(chair, pk) for pk, chair, _day in self._booked ^ before}

    def _bookings(self) -> frozenset[tuple[UUID, int | None, date]]:
        rows = DosingSession.objects.filter(
            site=self.site_id, phase=Phase.BOOKED.value, ended_at=None, chair__isnull=False
        )
        return frozenset(rows.values_list("pk", "chair", "day"))

    def _occupied(self, row: DosingSession, silent: dict[UUID, timedelta]) -> Made:
        zone = ZoneInfo(row.site.zone)
        name = row.chair.name if row.chair else ""
        try:
            session = store.load(row)
            tile = shown.tile(session, name, initials(row.patient), zone, silent.get(row.pk))
        except DatabaseError:
            raise
        except Exception:
            log.exception("board.tile")  # one session that cannot be shown hides no other
            tile = shown.nothing_known(name, initials(row.patient))
        return _made(_place(row.chair_id, row.pk), row, tile, row.pk in silent)

    def _free(self, chair: Chair, booked: Iterable[Patient]) -> Made:
        tile = shown.free(chair.name, [initials(patient) for patient in booked])
        return _made(_place(chair.pk, None), None, tile, False)

    def _booked_today(self, chair: Chair | None = None) -> dict[int, list[Patient]]:
        zone = Site.objects.values_list("zone", flat=True).get(pk=self.site_id)
        today = timezone.now().astimezone(ZoneInfo(zone)).date()
        rows = DosingSession.objects.filter(site=self.site_id, phase=Phase.BOOKED.value, ended_at=None, day=today)
        rows = rows.filter(chair=chair) if chair else rows.exclude(chair=None)
        found: dict[int, list[Patient]] = {}
        for row in rows.select_related("patient").order_by("booked_at"):
            found.setdefault(row.chair_id or 0, []).append(row.patient)
        return found

    def _silent(self) -> dict[UUID, timedelta]:
        """
        Sessions whose tablet was heard of, and not lately, with how long ago (WATCH-CONTACT): the screens of whoever
        watches, for somebody else may have the same page open far from the chair.
        """
        if time.monotonic() - self._looked < LOOK_S:
            return self._silence
        now = timezone.now()
        limit = timedelta(seconds=limit_s("WATCH-CONTACT") - MARGIN_S)
        rows = Presence.objects.filter(site=self.site_id, session__phase__in=IN_HOUSE, user=F("session__observer"))
        seen: list[tuple[UUID, datetime]] = list(rows.values_list("session").annotate(last=Max("seen_at")))
        self._silence = {session: now - last for session, last in seen if now - last >= limit}
        self._looked = time.monotonic()
        return self._silence

    def _look_at_floor(self) -> None:
        html = self._floor_html()
        for kind in KINDS:
            if html[kind] != self._floor[kind]:
                self._version += 1
                self.fans[kind].send([message("floor", json.dumps({"html": html[kind]}))])
        self._floor = html

    def _floor_html(self) -> dict[Kind, str]:
        found = floor.floor_of(self.site_id)
        live = {user for user, at in found.seen.items() if found.now - at <= floor.ALIVE}
        rings, called = [], outlets().phones
        order: tuple[Ring, ...] = ("room", "prescriber", "site-phone")
        for ring in order:
            people = found.rings.get(ring, ())
            here = tuple(staff.name for staff in people if staff.id in live)
            away = tuple(staff.name for staff in people if staff.id not in live)
            phones = tuple(phone.name for phone in called if ring in phone.steps)
            rings.append(shown.RingShown(shown.RINGS[ring], here, away, ring == "site-phone", phones))
        said = {"rings": rings, "phones": bool(called), "faults": self._faults()}
        said["watched"] = sum(1 for made in self._tiles.values() if made.row is not None)
        html = render_to_string("dose/board/_floor.html", said)
        return dict.fromkeys(KINDS, html)

    def _faults(self) -> list[str]:
        """What is not as it must be over all chairs: who watches too many, and the rest of the day (HAZ-55)."""
        most = int(content_of(site_now()).statement(ACUTE).numbers["patients"])
        found = shown.beyond_words(floor.beyond(self.site_id, most), most)
        rest = rest_of_day(self.site_id)
        zone = store.zone_of(rest[0][1].site) if rest else ZoneInfo("UTC")
        who = [(one, initials(row.patient), row.chair.name if row.chair else "") for one, row in rest]
        return found + shown.day_words(who, zone)


PROCESS = secrets.token_hex(4)


class Boards:
    """Every board of this process; the listener of the follower."""

    def __init__(self) -> None:
        self._boards: dict[UUID, Board] = {}
        self._lock = threading.Lock()
        self._beat = 0.0

    def of(self, site_id: UUID) -> Board:
        """The board of a site."""
        with self._lock:
            return self._boards.setdefault(site_id, Board(site_id))

    def heard(self, new: Sequence[Woke]) -> None:
        """The follower's word."""
        by_site: dict[UUID, set[UUID]] = {}
        for one in new:
            by_site.setdefault(one.site, set()).add(one.session)
        for site_id, sessions in by_site.items():
            if (board := self._boards.get(site_id)) is not None:
                board.heard(sessions)

    def turn(self) -> None:
        """The follower's turn."""
        for board in list(self._boards.values()):
            board.turn()
        if time.monotonic() - self._beat >= BEAT_S and any(b.watchers() for b in self._boards.values()):
            self._beat = time.monotonic()
            said = beat_message()
            for board in list(self._boards.values()):
                board.tell([said])

    def forget(self) -> None:
        """Forget everything: for tests that empty the database."""
        self._boards.clear()


boards = Boards()


def beat_message() -> bytes:
    """How old the heartbeat of the alerts is, and when it is too old."""
    age = heart.age_s()
    said = {
        "age_s": None if age is None else round(age, 1),
        "lost_s": limit_s("WATCH-BEAT"),
        "kept": keeping.works(),
        "now": timezone.now().isoformat(timespec="seconds"),
    }
    return message("beat", json.dumps(said))


_content: tuple[SiteContent, dict[str, float]] | None = None


def limit_s(row: str) -> float:
    """Seconds after which something that was not heard of counts as lost, as the site's content says."""
    global _content  # noqa: PLW0603  read from files: once for each state of them
    site = site_now()
    if _content is None or _content[0] is not site:
        content = content_of(site)
        _content = (site, {name: float(content.statement(name).numbers["lost_s"]) for name in LOST})
    return _content[1][row]


def initials(patient: Patient) -> str:
    """As the board names somebody."""
    return " ".join(f"{name[:1].upper()}." for name in (patient.given, patient.family) if name)


def _rows(site_id: UUID, *, everywhere: bool = False) -> QuerySet[DosingSession]:
    rows = DosingSession.objects.filter(site=site_id).select_related("patient", "patient__site", "site", "chair")
    return rows if everywhere else rows.filter(ended_at=None).order_by("day", "booked_at")


def _place(chair_id: int | None, session_id: UUID | None) -> str:
    return f"chair-{chair_id}" if chair_id is not None else f"session-{session_id}"


def _made(place: str, row: DosingSession | None, tile: Tile, silent: bool) -> Made:
    about = {"tile": tile, "place": place, "session": row.pk if row else None, "sequence": row.sequence if row else 0}
    about["synthetic"] = row is not None and row.patient.synthetic
    html = {kind: render_to_string("dose/board/_tile.html", {**about, "full": kind == "full"}) for kind in KINDS}
    return Made(place, row, time.monotonic(), silent, html)
