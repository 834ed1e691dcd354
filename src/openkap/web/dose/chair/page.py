"""What the templates of the chair page are given: the view model, with what the record says of the person."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from openkap.dose import events as e
from openkap.dose import floor, heart, services_device
from openkap.dose.changes import happened_s
from openkap.dose.emergency import sheet
from openkap.dose.library import Content, content_of, shipped
from openkap.dose.models import DosingSession
from openkap.dose.models_device import DeviceValue
from openkap.dose.services_message import outlets
from openkap.dose.session import Session
from openkap.dose.types import ENDED, Phase, Staff
from openkap.kernel.quantity import unit_words
from openkap.people.request import ClinicRequest, disclose
from openkap.people.selectors import taken_for
from openkap.people.types import CLINICIANS, Principal, Purpose, Role
from openkap.web.case import opened, site_of
from openkap.web.dose.chair import chart as pictures
from openkap.web.dose.chair import keypad, shown
from openkap.web.dose.chair import paper as on_paper
from openkap.web.dose.chair import ready as before
from openkap.web.dose.chair.forecast import forecast
from openkap.web.dose.chair.happened import event_rows
from openkap.web.dose.chair.shown import Reader, When, figure
from openkap.web.dose.chair.words import script_words
from openkap.web.identity import Band, band_of
from openkap.web.kept import markup
from openkap.web.plan.dose_person import person_of

EVENTS = 30  # lines of what happened on the page; all of them stand on the sheet
PARTS = ("head", "alerts", "next", "ready", "vitals", "chart", "events", "watch", "sheet", "feed")
DOORS = ("dose:gate", "dose:order", "dose:give", "dose:leave")
BLANK = 16  # empty rows of the grid on paper


def address(route: str, row: DosingSession) -> str:
    """Where a page of this session is; empty where there is no such page."""
    try:
        return reverse(route, args=[row.patient_id, row.pk])
    except NoReverseMatch:
        return ""


def may_call(session: Session) -> bool:
    """Whether an emergency can be called: whoever is in the house has one."""
    return session.phase not in ENDED and session.phase is not Phase.BOOKED


def staff(principal: Principal) -> Staff:
    """The principal as one who acts."""
    return floor.staff_of(principal)


def colleague(site_id: UUID, user_id: str) -> Staff | None:
    """A clinician on the floor, by account."""
    return next((one for one in _clinicians(site_id) if one.id == user_id), None)


def _clinicians(site_id: UUID) -> list[Staff]:
    return [
        Staff(str(row.user_id), row.user.name, Role(row.role))
        for row in floor.shifts(site_id)
        if Role(row.role) in CLINICIANS
    ]


def whole(request: ClinicRequest, row: DosingSession, session: Session) -> dict[str, Any]:
    """All that a page shows."""
    content = content_of(site_of(request.patient))
    context = _context(request, row, session, content)
    return (
        context
        | {
            "theme": "dim",
            "config": _config(request, row, session, content, context),
            "marks": content.marks.mark,
            "calm": [line.text for line in sorted(content.emergency.calm, key=lambda line: line.place)],
            "links": _links(row),
        }
        | ({"idle": 0} if session.phase is Phase.ESCALATED else {})
    )  # no screen is covered in an emergency (HAZ-47)


def parts(request: ClinicRequest, row: DosingSession, session: Session) -> dict[str, str]:
    """The parts of the page as HTML, by name."""
    context = _context(request, row, session, content_of(site_of(request.patient)))
    return {name: str(markup(f"dose/chair/_{name}.html", context)) for name in PARTS}


def band(request: ClinicRequest) -> Band:
    """Whose session it is, with people of a like name."""
    like = taken_for(request.principal, Purpose.TREATMENT, request.patient)
    disclose(request, like)
    return band_of(request.patient, Purpose.TREATMENT, like)


def sheet_alone(request: ClinicRequest, row: DosingSession, session: Session) -> dict[str, Any]:
    """What the emergency sheet shows, for whoever opened the sealed envelope."""
    return _context(request, row, session, content_of(site_of(row.patient))) | {"theme": "dim", "plain": True}


def place_of(row: DosingSession) -> str:
    """The chair, or that there is none."""
    return row.chair.name if row.chair else _("No chair")


def _context(request: ClinicRequest, row: DosingSession, session: Session, content: Content) -> dict[str, Any]:
    when = When.of(session, row.site.zone)
    reader = Reader(str(request.principal.user_id), frozenset(request.principal.roles))
    who = band(request)
    facts = _facts(who)
    person = person_of(opened(request.patient).case.view)
    sound = outlets().sound
    alerts = shown.alert_rows(session, reader, when, sound=sound)
    step = shown.next_step(session, reader)
    made = sheet(session, content, facts[1], _contacts(session))
    rows = event_rows(session, when)
    return {
        "band": who,
        "place": place_of(row),
        "head": shown.head(session),
        "alerts": alerts,
        "untaken": any(alert.first for alert in alerts),
        "tiles": shown.tiles(session, when),
        "due": shown.due_clock(session, when),
        "chart": pictures.chart(session, forecast(session, person, pictures.horizon_min(session))),
        "drug": session.protocol.drug,
        "events": rows[:EVENTS],
        "every_event": rows[::-1],
        "next": step,
        "next_url": address(step.page, row) if step and step.page else "",
        "feed": [{"id": one.pk, "words": _offered(session, one, when)} for one in services_device.proposals(row)],
        "give_url": address("dose:give", row),
        "dose": shown.dose_of(session, reader),
        "watch": shown.watching(session, reader),
        "ready": before.ready(session, reader, when, sound=sound),
        "sound": sound,
        "phones": [phone.name for phone in outlets().phones],
        "colleagues": [(one.id, one.name) for one in _clinicians(row.site_id) if one.id != reader.id],
        "sheet": made,
        "last": keypad.last_values(session, when),
        "any_now": any(one.now for one in made.first),
        "weight": shown.head(session).weight or facts[0],
        "allergies": facts[1],
        "given": [_given(session, dose) for dose in session.given],
        "since_s": _emergency_since(session),
        "escalated": session.phase is Phase.ESCALATED,
        "may_call": may_call(session),
        "prescribes": reader.prescribes,
        "stamps": [_("CPR begun"), _("Emergency service called"), _("Emergency service here")],
        "urls": _urls(row),
    }


def _facts(who: Band) -> tuple[str, str]:
    """Weight and allergies as the band says them; not known where it does not."""
    found = [str(value) for _label, value in who.facts]
    return (found[0], found[1]) if len(found) == 2 else (_("not known"), _("not known"))


def _contacts(session: Session) -> tuple[str, ...]:
    """Whom to call: the prescribers on the floor, then who is reached last."""
    rings = session.duty.rings
    people = dict.fromkeys(one.name for ring in ("prescriber", "site-phone") for one in rings.get(ring, ()))
    return tuple(people)


def _signed(session: Session, when: When) -> str:
    """Version of the order, when and by whom it was signed: what a dose from the sheet is held against (HAZ-17)."""
    order = session.order
    if order is None or order.signature is None:
        return ""
    at = order.signature.at.astimezone(when.zone)
    words = {"version": order.version, "at": f"{at:%-d %b %Y, %H:%M}", "by": order.signature.by.name}
    return _("version %(version)s, signed %(at)s by %(by)s") % words


def _given(session: Session, dose: Any) -> dict[str, Any]:
    ago = (session.now_s - dose.started.elapsed_s) // 60
    return {
        "words": shown.given_words(dose),
        "at_s": dose.started.elapsed_s,
        "ago": _("%(n)s min ago") % {"n": ago},
    }


def _offered(session: Session, value: DeviceValue, when: When) -> str:
    measure = session.protocol.measures[value.measure]
    at = value.at.astimezone(when.zone)
    said = {"what": shown.SHORT.get(value.measure, measure.title), "unit": unit_words(value.unit), "at": f"{at:%H:%M}"}
    said |= {"value": figure(value.number), "device": value.device.name}
    return _("%(what)s %(value)s %(unit)s, %(at)s, %(device)s") % said


def _emergency_since(session: Session) -> int | None:
    if session.phase is not Phase.ESCALATED:
        return None
    return next(happened_s(x.event, x.stamp) for x in reversed(session.log) if type(x.event) is e.Emergency)


def _urls(row: DosingSession) -> dict[str, str]:
    return {
        "chair": address("dose:chair", row),
        "events": address("dose:events", row),
        "state": address("dose:state", row),
        "emergency": address("dose:emergency", row),
        "paper": address("dose:paper", row),
        "later": address("dose:later", row),
        "adverse": reverse("dose:adverse", args=[row.patient_id]),
        "place": address("dose:place", row),
        "device": address("device:bind", row),
        "sign_in": reverse("account_login"),
        "here": _named("dose:here"),
        "live": f"{_named('dose:live-rooms')}?only={row.pk}",
    }


def _named(route: str) -> str:
    try:
        return reverse(route)
    except NoReverseMatch:
        return ""


def _links(row: DosingSession) -> list[tuple[str, str]]:
    words = {
        "dose:gate": _("Checks before the dose"),
        "dose:order": _("Order"),
        "dose:give": _("Dose"),
        "dose:leave": _("Going home"),
    }
    return [(url, words[route]) for route in DOORS if (url := address(route, row))]


def _config(
    request: ClinicRequest, row: DosingSession, session: Session, content: Content, context: Mapping[str, Any]
) -> dict[str, Any]:
    when, protocol = When.of(session, row.site.zone), session.protocol
    ends = {one.name: (one.low_words, one.high_words) for one in content.readings.measure}
    return {
        "session": str(row.pk),
        "by": str(request.principal.user_id),
        "name": request.principal.name,
        "now_s": session.now_s,
        "day_s": when.day_s,
        "sequence": len(session.log),
        "beat_age_s": heart.age_s(),
        "urls": context["urls"],
        "key": _tablet_key(row, request.principal),
        "sound_s": _sound_s(session) if context["sound"] else 0,
        "limits": {
            "lost_s": protocol.seconds("WATCH-CONTACT", "lost_s"),
            "beat_lost_s": protocol.seconds("WATCH-BEAT", "lost_s"),
        },
        "pads": [asdict(pad) for pad in keypad.pads(session, ends, when)] if session.phase not in ENDED else [],
        "words": script_words(),
    }


def _sound_s(session: Session) -> int:
    """How often a red alert sounds; a session of before there was a number goes by the content of now."""
    if session.protocol.knows("WATCH-SOUND"):
        return session.protocol.seconds("WATCH-SOUND", "every_s")
    return int(shipped().statement("WATCH-SOUND").numbers["every_s"])


def silent_s(principal: Principal, row: DosingSession, session: Session) -> int | None:
    """
    For how long the tablet at the chair was not heard, where that is too long and somebody else looks (WATCH-CONTACT).
    """
    if session.observer is None or session.observer.id == str(principal.user_id) or not may_call(session):
        return None
    silent = floor.silent_s(row)
    limit = session.protocol.seconds("WATCH-CONTACT", "lost_s") - 1  # what a look may be late by itself
    return silent if silent is not None and silent >= limit else None


def _tablet_key(row: DosingSession, principal: Principal) -> str:
    """The key of what waits on this tablet for this session and person; empty where it waits in memory."""
    if settings.ENVIRONMENT.tablet_store != "encrypted":
        return ""
    made = salted_hmac("openkap.tablet", f"{row.pk} {principal.user_id}", algorithm="sha256")
    return base64.b64encode(made.digest()).decode()


def sheet_for_paper(request: ClinicRequest, row: DosingSession, session: Session) -> dict[str, Any]:
    """One session on paper: who, order, given, limits, last values, what is due, room to write."""
    when = When.of(session, row.site.zone)
    who = band_of(row.patient, Purpose.TREATMENT, [])
    facts = _facts(who)
    content = content_of(site_of(row.patient))
    made = sheet(session, content, facts[1], _contacts(session))
    return {
        "band": who,
        "place": place_of(row),
        "head": shown.head(session),
        "weight": shown.head(session).weight or facts[0],
        "allergies": facts[1],
        "printed": when.at(session.now_s),
        "signed": _signed(session, when),
        "given": [(shown.given_words(dose), when.clock(dose.started.elapsed_s)) for dose in session.given],
        "limits": on_paper.limits(session),
        "last": keypad.last_values(session, when),
        "times": on_paper.due_times(session, when),
        "columns": [pad.short for pad in keypad.pads(session, {}, when) if pad.vital],
        "blank": range(BLANK),
        "alerts": shown.alert_rows(session, Reader("", frozenset()), when),
        "watch": session.observer.name if session.observer else "",
        "contacts": made.contacts,
        "first": made.first,
    }
