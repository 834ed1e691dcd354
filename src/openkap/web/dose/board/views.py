"""The board over all rooms: who is where, what is due, who has it; on a desk with a sign-in, on a wall without."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.contrib.auth import logout
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from openkap.dose import floor, heart, services, store
from openkap.dose.alerts import sounding
from openkap.dose.library import content_of
from openkap.dose.models import DosingSession
from openkap.dose.models_wall import WallScreen
from openkap.dose.services_message import outlets
from openkap.dose.services_wall import LONGEST_H, MAKERS, end_wall, make_wall, open_walls, wall_of
from openkap.kernel.errors import UserError
from openkap.people.audit import Event
from openkap.people.middleware import still_signed_in
from openkap.people.policy import public, staff
from openkap.people.reads import record_read
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.selectors import visible_patient
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.web import words
from openkap.web.case import site_now
from openkap.web.dose.board.boards import Kind, boards, limit_s
from openkap.web.dose.board.forms import WallForm
from openkap.web.dose.board.stream import Note, stream

COOKIE = "__Host-wall" if settings.SESSION_COOKIE_SECURE else "wall"
MOST = 100  # sessions that one screen says it shows
WATCHERS = (Role.PRESCRIBER, Role.NURSE, Role.THERAPIST, Role.COORDINATOR)


@staff(*WATCHERS, watches=True)
def board(request: ClinicRequest) -> HttpResponse:
    """Every chair, the people on the floor, and one's own shift."""
    principal = request.principal
    tiles, people, patients = boards.of(principal.site_id).shown(_kind(request))
    request.disclosed.update(patients)
    mine = next((row for row in floor.shifts(principal.site_id) if row.user_id == principal.user_id), None)
    context = _frame(principal.zone) | {
        "tiles": tiles,
        "floor": people,
        "shift": mine,
        "shift_role": words.ROLES[Role(mine.role)] if mine else "",
        "roles": [(role.value, words.ROLES[role]) for role in floor.ON_FLOOR if principal.has(role)],
        "may_wall": principal.has(*MAKERS),
        "sound_s": int(content_of(site_now()).statement("WATCH-SOUND").numbers["every_s"]) if outlets().sound else 0,
        "synthetic": _synthetic(principal.site_id),
    }
    return render(request, "dose/board/board.html", context)


@staff(*WATCHERS, activity=False, watches=True)
def live_rooms(request: ClinicRequest) -> HttpResponseBase:
    """
    The board as a stream. It is no sign of a person being there, and ends with the sign-in.

    With `?only=` and a session of somebody in one's care it says that this session moved, and nothing else.
    """
    here = boards.of(request.principal.site_id)
    if (only := _session(request, request.GET.get("only", ""))) is not None:
        return stream(request, here, _kind(request), _may(request), _note(request), only)
    if isinstance(request, ASGIRequest):
        here.begin()  # once for all who connect
    _tiles, _people, patients = here.shown(_kind(request))
    request.disclosed.update(patients)
    return stream(request, here, _kind(request), _may(request), _note(request))


@staff(*CLINICIANS)
def go(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """From a tile to its chair. The board holds no address of a record; who may not open it learns how they could."""
    row = DosingSession.objects.filter(pk=session_id, site=request.principal.site_id).first()
    if row is None:
        raise Http404
    if visible_patient(request.principal, row.patient_id, Purpose.TREATMENT) is None:
        return render(request, "dose/board/not_mine.html", status=403)
    return redirect("dose:chair", patient_id=row.patient_id, session_id=row.pk)


# -- who is on the floor -----------------------------------------------------------------------------------


@staff(*WATCHERS)
def shift(request: ClinicRequest) -> HttpResponse:
    """Begin or end one's own shift."""
    if request.method == "POST":
        if "end" in request.POST:
            floor.end_shift(request.principal, origin=origin_of(request))
        else:
            try:
                role = Role(request.POST.get("role", ""))
            except ValueError:
                raise UserError(_("No role is chosen: choose in which role you are on the floor.")) from None
            floor.begin_shift(request.principal, role, origin=origin_of(request))
    return redirect("dose:board")


@staff(*WATCHERS, activity=False, once=False)
def here(request: ClinicRequest) -> HttpResponse:
    """
    A screen says that it is alive, and which sessions it shows as of which entry; a chair's tablet names its own.

    It is no sign of a person. An alert that waits for a screen to show it gets its receipt, and no more than that.
    """
    sounds: list[str] = []
    if request.method == "POST":
        device, session = request.POST.get("device", ""), _session(request, request.POST.get("session", ""))
        if not device:
            raise UserError(_("device: the screen did not say which it is; reload the page."))
        shown = _shown(request)
        floor.here(request.principal, device, session, shows=shown is not None)
        rows = floor.open_rows(request.principal.site_id).filter(pk__in=shown or ())
        for row in rows.select_related("patient", "site"):
            services.received(request.principal, row, (shown or {})[row.pk], device)
            sounds += _sounds(request, row)
    return JsonResponse({"now": timezone.now().isoformat(timespec="seconds"), "sounds": sounds})


def _sounds(request: ClinicRequest, row: DosingSession) -> list[str]:
    """Keys of what sounds on a board of this person: red, reached them, taken by nobody, not silenced now."""
    if not outlets().sound:
        return []
    session = store.load(row)
    found = sounding(session, str(request.principal.user_id))
    return [f"{row.pk} {key}" for key, alert in found.items() if alert.silent_until_s <= session.now_s]


def _shown(request: ClinicRequest) -> dict[UUID, int] | None:
    """Which sessions the screen shows, as of which entry; None from one that shows no alerts."""
    if "shows" not in request.POST:
        return None
    try:
        found = msgspec.json.decode(request.POST["shows"], type=dict[UUID, int])
    except msgspec.DecodeError:
        raise UserError(_("shows: what the screen shows cannot be read; reload the page.")) from None
    return dict(list(found.items())[:MOST])


def _session(request: ClinicRequest, text: str) -> UUID | None:
    """The session of a chair's tablet, if its patient is one whom this person cares for."""
    if not text:
        return None
    try:
        row = DosingSession.objects.filter(pk=UUID(text), site=request.principal.site_id).first()
    except ValueError:
        row = None
    if row is None or visible_patient(request.principal, row.patient_id, Purpose.TREATMENT) is None:
        raise Http404
    return row.pk


# -- on a wall -----------------------------------------------------------------------------------------------


@public()
def wall(request: HttpRequest) -> HttpResponse:
    """The board without a sign-in: initials, nothing of what an alert is about, and nothing to tap."""
    found = _wall(request)
    if found is None:
        return render(request, "dose/board/no_wall.html", status=403)
    zone = ZoneInfo(found.site.zone)
    with timezone.override(zone):
        tiles, people, _patients = boards.of(found.site_id).shown("plain")
        context = _frame(found.site.zone) | {
            "tiles": tiles,
            "floor": people,
            "site": found.site,
            "until": found.until,
            "synthetic": _synthetic(found.site_id),
        }
        return render(request, "dose/board/wall.html", context)


@public()
def live_wall(request: HttpRequest) -> HttpResponseBase:
    """The stream of a wall; it goes dark when its hours are over or somebody takes it back."""
    found = _wall(request)
    if found is None:
        return HttpResponse(status=204)  # a browser asks no more

    def may() -> bool:
        return _wall(request) is not None

    return stream(request, boards.of(found.site_id), "plain", may, lambda patients: None)


@staff(*MAKERS)
def walls(request: ClinicRequest) -> HttpResponse:
    """The walls that show the board; make this screen one of them."""
    form = WallForm(request.POST or None, initial={"hours": LONGEST_H})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        row, token = make_wall(request.principal, data["name"], data["hours"], origin=origin_of(request))
        logout(request)  # the screen is nobody's from here on
        response = redirect("dose:wall")
        seconds = int((row.until - row.made_at).total_seconds())
        response.set_signed_cookie(
            COOKIE, token, max_age=seconds, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Strict"
        )
        return response
    context = {"form": form, "rows": open_walls(request.principal.site_id)}
    return render(request, "dose/board/walls.html", context)


@staff(*MAKERS)
def wall_end(request: ClinicRequest, wall_id: UUID) -> HttpResponse:
    """Take a wall back; one of another site looks like none."""
    if not open_walls(request.principal.site_id).filter(pk=wall_id).exists():
        raise Http404
    if request.method == "POST":
        end_wall(request.principal, wall_id, origin=origin_of(request))
    return redirect("dose:walls")


# -- parts ---------------------------------------------------------------------------------------------------


def _kind(request: ClinicRequest) -> Kind:
    return "full" if request.principal.has(*CLINICIANS) else "plain"


def _frame(zone: str) -> dict[str, object]:
    """What the script needs to know of the heartbeat and the clock."""
    age = heart.age_s()
    lost_s = limit_s("WATCH-BEAT")
    return {
        "zone": zone,
        "now": timezone.localtime(),
        "age": None if age is None else round(age),
        "lost": lost_s,
        "dead": age is None or age >= lost_s,
    }


def _may(request: ClinicRequest) -> Callable[[], bool]:
    """Asked by the board again and again: does the sign-in stand, with a role that may watch?"""
    user_id, site_id, kind = request.principal.user_id, request.principal.site_id, _kind(request)
    roles = frozenset(CLINICIANS if kind == "full" else WATCHERS)

    def may() -> bool:
        now = still_signed_in(request)
        return now is not None and (now.user_id, now.site_id) == (user_id, site_id) and bool(now.roles & roles)

    return may


def _note(request: ClinicRequest) -> Note:
    """Records a patient who came onto the board while the stream was open."""

    def note(patients: frozenset[UUID]) -> None:
        events = [
            Event("patient-record", "R", patient_id=patient, entity="dose:live-rooms") for patient in sorted(patients)
        ]
        origin = origin_of(request)
        record_read(request.principal.site_id, events, principal=request.principal, origin=origin, watches=True)

    return note


def _wall(request: HttpRequest) -> WallScreen | None:
    return wall_of(str(request.get_signed_cookie(COOKIE, default="")))


def _synthetic(site_id: UUID) -> bool:
    return floor.open_rows(site_id).filter(patient__synthetic=True).exists()
