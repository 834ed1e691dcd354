"""The chair page of one watched session: what it shows, and the door through which a tablet's entries come in."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from django.db import DatabaseError, DataError
from django.http import HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils.translation import gettext as _

from openkap.dose import events as e
from openkap.dose import heart, selectors, services, services_device, store
from openkap.dose.changes import happened_s
from openkap.dose.clock import skewed
from openkap.dose.models import DosingSession
from openkap.dose.session import Session
from openkap.dose.types import Phase, Staff, Stamp
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import Quantity
from openkap.people import keeping
from openkap.people.once import FIELD
from openkap.people.policy import about_patient, staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import visible_patients
from openkap.people.sign_in import SEEN_AT
from openkap.people.together import together
from openkap.people.types import CLINICIANS, Purpose
from openkap.web.dose.chair import page, wire
from openkap.web.dose.chair.forms import LaterForm
from openkap.web.dose.chair.keypad import leap_words
from openkap.web.dose.chair.shown import MINUTE, When

DAY_MIN = 24 * 60
clinicians = about_patient(*CLINICIANS, purpose=Purpose.TREATMENT, watches=True)
tablet = about_patient(*CLINICIANS, purpose=Purpose.TREATMENT, once=False, watches=True)
listening = about_patient(*CLINICIANS, purpose=Purpose.TREATMENT, once=False, activity=False, watches=True)


@clinicians
def chair(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """The page."""
    row = selectors.session_or_404(request.patient, session_id)
    return render(request, "dose/chair/chair.html", page.whole(request, row, store.load(row)))


@tablet
def emergency(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """The emergency sheet. Sent as a form it calls the emergency first, once, and asks for nothing."""
    row = selectors.session_or_404(request.patient, session_id)
    if request.method == "POST":
        key = str(uuid5(NAMESPACE_OID, request.POST.get(FIELD, "") or str(uuid4())))
        made = partial(_emergency, key)
        try:
            acted = services.act(request.principal, row, made, origin=origin_of(request))
        except DatabaseError as fault:  # the sheet comes all the same, and says that nobody heard
            if not keeping.refuses(fault):
                raise
            keeping.failed(fault)
            why, status = _("nothing can be written now. Call for help yourself."), 503
        else:
            if acted.refused is None:
                return HttpResponseRedirect(page.address("dose:emergency", row))
            why, status = acted.refused.text, 409
        shown = page.whole(request, row, store.load(row)) | {"not_called": why}
        return render(request, "dose/chair/emergency.html", shown, status=status)
    return render(request, "dose/chair/emergency.html", page.whole(request, row, store.load(row)))


def _emergency(key: str, by: Any, session: Session, now: Any) -> e.Event:
    return e.Emergency(key=key, patient=session.patient, by=by)


@listening
def state(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """What the session is now, for the page that is open: its parts where they changed, the time, a fresh token."""
    row = selectors.session_or_404(request.patient, session_id)
    session = store.load(row)
    if session.phase is Phase.ESCALATED:
        request.session[SEEN_AT] = int(time.time())  # nobody is signed out in an emergency (HAZ-47)
    return JsonResponse(_state(request, row, session, request.GET.get("have", "")))


@tablet
def events(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """
    Entries of a tablet, in their order, each in a transaction of its own.

    Each has its own key, so a repeat is told what became of the first and changes nothing. What is refused says why,
    and the others go in all the same.
    """
    row = selectors.session_or_404(request.patient, session_id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        sent = wire.sent(request.body)
    except UserError as fault:
        return JsonResponse({"text": str(fault)}, status=422)
    if sent.by != str(request.principal.user_id):
        return JsonResponse({"text": _("Somebody else is signed in now: nothing was written.")}, status=409)
    results = [_one(request, row, entry) for entry in sent.events]
    session = store.load(row)  # the events say what it is now; of the row the place alone is shown
    reply = _state(request, row, session, "")
    return JsonResponse({"results": results, **reply, "skew_s": _skew(session, row, sent.events)})


def _one(request: ClinicRequest, row: DosingSession, entry: wire.Entry) -> dict[str, str]:
    try:
        if entry.kind == wire.FILE_VALUE:
            who, origin = request.principal, origin_of(request)
            value = wire.value_of(entry)
            acted = services_device.file_value(who, row, value, key=entry.key, origin=origin)
            return _told(entry, acted)
        made = wire.event_of(entry, str(row.patient_id), partial(page.colleague, row.site_id))
        acted = services.act(request.principal, row, made, device_at=entry.device_at, origin=origin_of(request))
    except UserError as fault:
        return {"key": entry.key, "state": "refused", "rule": "", "text": str(fault)}
    except (DataError, ValueError, ArithmeticError):  # it must not hold up the entries behind it
        text = _("This entry holds something that cannot be kept: enter it again.")
        return {"key": entry.key, "state": "refused", "rule": "", "text": text}
    return _told(entry, acted)


def _told(entry: wire.Entry, acted: services.Acted) -> dict[str, str]:
    found = {"key": entry.key, "state": wire.state_of(acted.refused is not None, acted.repeated)}
    if acted.refused is not None:
        return {**found, "rule": acted.refused.rule, "text": acted.refused.text}
    return {**found, "rule": "", "text": leap_words(acted.session, entry.key)}


def _skew(session: Session, row: DosingSession, entries: tuple[wire.Entry, ...]) -> int | None:
    """How far the tablet's clock is off, in seconds, where that is too far (HAZ-37)."""
    when = When.of(session, row.site.zone)
    for entry in reversed(entries):
        moment = entry.taken_s if entry.taken_s is not None else entry.happened_s
        if entry.device_at is None or moment is None:
            continue
        try:
            at = when.at(moment)
        except OverflowError:
            continue  # no time at all; the entry was refused
        off = skewed(entry.device_at, at, session.protocol.seconds("WATCH-SKEW", "skew_s"))
        return int((entry.device_at - at).total_seconds()) if off else None
    return None


def _state(request: ClinicRequest, row: DosingSession, session: Session, have: str) -> dict[str, Any]:
    when, sequence = When.of(session, row.site.zone), len(session.log)
    feed = max((str(one.at) for one in services_device.proposals(row)), default="")
    digest = f"{sequence}.{session.now_s // 60}.{session.phase}.{feed}"
    fresh = digest != have
    if not fresh:
        request.disclosed = set()  # the time and a number: nothing of the person is shown, so nothing is a read
    return {
        "by": str(request.principal.user_id),
        "now_s": session.now_s,
        "day_s": when.day_s,
        "sequence": sequence,
        "digest": digest,
        "emergency": session.phase is Phase.ESCALATED,
        "may_call": page.may_call(session),
        "csrf": get_token(request),
        "silent_s": page.silent_s(request.principal, row, session),
        "beat_age_s": heart.age_s(),
        "kept": keeping.works(),
        "parts": page.parts(request, row, session) if fresh else {},
    }


# -- on paper ----------------------------------------------------------------------------------------------


@listening
def paper(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """The sheet of one session for when the system is down."""
    row = selectors.session_or_404(request.patient, session_id)
    sheets = [page.sheet_for_paper(request, row, store.load(row))]
    return render(request, "dose/chair/paper.html", {"sheets": sheets, "hidden": 0, "one": row})


@staff(*CLINICIANS, activity=False, watches=True)
def downtime(request: ClinicRequest) -> HttpResponse:
    """The sheets of every session in the house whose patient the reader may see."""
    rows = [row for row in selectors.open_sessions(request.principal.site_id) if row.phase != Phase.BOOKED]
    seen = {patient.pk for patient in visible_patients(request.principal, Purpose.TREATMENT)}
    mine = [row for row in rows if row.patient_id in seen]
    disclose(request, [row.patient for row in mine])
    sheets = [page.sheet_for_paper(request, row, session) for row, session in store.load_all(mine)]
    return render(request, "dose/chair/paper.html", {"sheets": sheets, "hidden": len(rows) - len(mine), "one": None})


@tablet
def later(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """Readings that stood on paper, with the time at which they were taken; all of them or none."""
    row = selectors.session_or_404(request.patient, session_id)
    session = store.load(row)
    form = LaterForm(request.POST or None, measures=session.protocol.measures)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and _filed(request, row, session, form):
            return HttpResponseRedirect(page.address("dose:chair", row) + "#part-events")
    context = {"form": form, "row": row, "chair": page.address("dose:chair", row), "phase": session.phase.value}
    return render(request, "dose/chair/later.html", context, status=status)


class _Refused(Exception):
    """One of several acts was refused: none of them is kept."""


def _filed(request: ClinicRequest, row: DosingSession, session: Session, form: LaterForm) -> bool:
    """All of the form or nothing; what was refused stands at its field."""
    taken_s, why = _elapsed(session, row, form.cleaned_data["at"])
    if taken_s is None:
        form.add_error("at", why)
        return False
    base = request.POST.get(FIELD, "")

    def read(name: str, key: str, quantity: Quantity, who: Staff, now: Session, _: Stamp) -> e.Event:
        said = _said_before(now, key, taken_s)
        return e.Read(key=key, patient=now.patient, by=who, measure=name, quantity=quantity, taken_s=said)

    def note(text: str, key: str, who: Staff, now: Session, _: Stamp) -> e.Event:
        said = _said_before(now, key, taken_s)
        return e.Note(key=key, patient=now.patient, by=who, happened_s=said, text=text)

    acts: list[tuple[str, services.EventOf]] = []
    for name, value in form.values():
        quantity = Quantity(value, session.protocol.measures[name].unit)
        acts.append((name, partial(read, name, str(uuid5(NAMESPACE_OID, f"{base} {name}")), quantity)))
    if seen_by := form.cleaned_data["seen_by"]:
        text = _("Readings from paper, seen by %(name)s") % {"name": seen_by}
        acts.append(("seen_by", partial(note, text, str(uuid5(NAMESPACE_OID, f"{base} note")))))
    try:
        with together():
            for name, made in acts:
                acted = services.act(request.principal, row, made, origin=origin_of(request))
                if acted.refused is not None:
                    form.add_error(name, acted.refused.text)
            if form.errors:
                raise _Refused
    except _Refused:
        return False
    return True


def _said_before(session: Session, key: str, said: int) -> int:
    """The seconds with which an entry of this key was filed before: a repeat says the same, to the minute written."""
    first = next((one.event for one in session.log if one.event.key == key), None)
    before = getattr(first, "taken_s", None) if isinstance(first, e.Read) else getattr(first, "happened_s", None)
    return before if before is not None and abs(before - said) < MINUTE else said


def _elapsed(session: Session, row: DosingSession, clock: clock_time) -> tuple[int | None, str]:
    """
    Seconds of the session at a time by the clock of the site, or why there is none.

    The last such time since the arrival that is not ahead, counted in UTC: also over midnight and the change of the
    clocks. A minute is written, so the minute of the arrival counts from the arrival on.
    """
    when = When.of(session, row.site.zone)
    came_s = next((happened_s(x.event, x.stamp) for x in session.log if type(x.event) is e.Arrive), None)
    if came_s is None:
        return None, _("Time: the patient has not arrived yet, so nothing can have been read.")
    now, came = when.at(session.now_s), when.at(came_s)
    first, last = came.astimezone(UTC).replace(second=0, microsecond=0), now.astimezone(UTC)
    days = {now.date() - timedelta(days=back) for back in range((now.date() - came.date()).days + 1)}
    found = []
    for day in days:
        for fold in (0, 1):
            here = datetime.combine(day, clock, tzinfo=when.zone).replace(fold=fold)
            at = here.astimezone(UTC)
            if at.astimezone(when.zone).time() == clock and first <= at <= last:  # else no such time on that day
                found.append(at)
    if found:
        return max(came_s, session.now_s - int((last - max(found)).total_seconds())), ""
    back_min = (now.hour * 60 + now.minute - clock.hour * 60 - clock.minute) % DAY_MIN
    if back_min > DAY_MIN // 2:  # so 23:50 is not ahead of 00:05
        return None, _("Time: it is ahead of now, %(now)s; write when it was taken.") % {"now": f"{now:%H:%M}"}
    words = {"came": f"{came:%H:%M}"}
    return None, _("Time: it is before the patient arrived, %(came)s; write when it was taken.") % words
