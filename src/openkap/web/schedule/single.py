"""One appointment: book it, look at it, move it, give it to others, cancel it; who fits into a time that is free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from openkap.kernel.clock import instant_of
from openkap.kernel.errors import EXIT, UserError
from openkap.people.models import Patient, Site
from openkap.people.policy import about_patient, staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import visible_patients
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.schedule import needs, selectors, selectors_single, services, services_house, services_single
from openkap.schedule.due import hangs_on, waits_for
from openkap.schedule.fit import Need
from openkap.schedule.models import BOOKED, PERSON, ROOM, WAITS, Appointment, Waiting
from openkap.schedule.needs import Ask
from openkap.schedule.selectors_single import Candidate, Planned, Slot
from openkap.web.case import site_now
from openkap.web.schedule.forms import AbsentForm
from openkap.web.schedule.offers import Offer, Teller, all_stopped, needed, offers, place_of, stopped, suits_in_words

arrangers = about_patient(Role.COORDINATOR, *CLINICIANS, purpose=Purpose.ADMINISTRATION)
WHY = ("patient", "no-show", "clinic")
LONGEST = timedelta(days=1)  # of a time that is to be filled


def why_words() -> dict[str, str]:
    """Why an appointment is cancelled, as its history keeps it."""
    return {
        "patient": _("the patient asked"),
        "no-show": _("the patient did not come"),
        "clinic": _("the clinic cannot"),
    }


# -- booking ----------------------------------------------------------------------------------------------


@arrangers
def book(request: ClinicRequest) -> HttpResponse:
    """What could be booked for somebody; then the times that fit, the best first."""
    ask = ask_in(request.POST if request.method == "POST" else request.GET)
    fault, status = "", 200
    if request.method == "POST":
        try:
            row = _book(request, request.patient, ask, request.POST.get("reason", ""), None)
            return HttpResponseRedirect(_booked(row))
        except UserError as why:
            fault, status = str(why), EXIT[why.code][1]
    if not ask.session and not ask.row:
        return render(
            request,
            "schedule/book_what.html",
            _choices(request.patient) | {"fault": fault, "patient": request.patient},
            status=status,
        )
    context: dict[str, Any] = {"ask": ask, "fault": fault, "patient": request.patient}
    try:
        context |= _offered(request, ask)
    except UserError as why:
        context |= {"fault": fault or str(why)}
        status = EXIT[why.code][1] if status == 200 and request.method == "POST" else status
    return render(request, "schedule/book.html", context, status=status)


def ask_in(said: Any) -> Ask:
    """What is asked for, as an address or a form says it."""
    session = str(said.get("s", ""))[:60]
    return Ask(session=session, row="" if session else str(said.get("k", ""))[:40])


def asked(ask: Ask, **more: object) -> str:
    """The same, for an address."""
    return urlencode(({"s": ask.session} if ask.session else {"k": ask.row}) | more)


def _book(request: ClinicRequest, patient: Patient, ask: Ask, reason: str, entry: Waiting | None) -> Appointment:
    return services_single.book(
        request.principal,
        patient,
        ask,
        place_of(request.POST.get("to", "")),
        reason=reason,
        entry=entry,
        content=site_now(),
        stopped=stopped,
        origin=origin_of(request),
    )


def _booked(row: Appointment) -> str:
    return reverse("retreat:appointments", args=[row.patient_id]) + f"?booked={row.pk}"


def _choices(patient: Patient) -> dict[str, Any]:
    """Sessions of the plan that are not booked, which of them can be, and kinds of session beside it."""
    plan = selectors_single.planned({patient.pk: patient}).get(patient.pk)
    open_: list[tuple[str, str, list[str]]] = []
    later: list[tuple[str, str, list[str]]] = []
    if plan is not None:
        sessions = plan.document["programme"]["sessions"]
        for one in sessions:
            if one["id"] not in plan.begins:
                before = waits_for(sessions, one["id"], plan.begins)
                (later if before else open_).append((one["title"], asked(Ask(session=one["id"])), before))
    kinds = [(row.title, asked(Ask(row=row.id)), row.minutes) for row in needs.kinds()]
    return {"plan": plan, "open": open_, "later": later, "kinds": kinds}


def _offered(request: ClinicRequest, ask: Ask) -> dict[str, Any]:
    """
    Raises:
        UserError: it cannot be booked now, and why.
    """
    patient = request.patient
    plan = selectors_single.planned({patient.pk: patient}).get(patient.pk)
    if ask.session and plan is not None and ask.session in plan.begins:
        raise UserError(_("It is booked already: look at this person's appointments."))
    need, late = services_single.wanted(ask, patient, site_now(), plan, timezone.now())
    if ask.session and (no := stopped(patient)):
        raise UserError(no)
    entry = selectors_single.waiting_of(patient).filter(session=ask.session, row=ask.row, state=WAITS).first()
    found = _offers(request, need, plan, None, entry)
    bound = (
        needs.bound_to(ask.session, plan.document, services_single.house(), plan.begins)
        if (need.kind == "dose" and plan is not None)
        else []
    )
    return found | {
        "need": need,
        "late": late,
        "window": _window(need, plan, ask),
        "entry": entry,
        "entry_suits": suits_in_words(selectors_single.suits(entry)) if entry else "",
        "together": [one.title for one, _least, _most in bound],
    }


def _window(need: Need, plan: Planned | None, ask: Ask) -> dict[str, Any]:
    """Between which instants the plan wants it, also where that is over."""
    if plan is None or not ask.session:
        return {}
    whole = selectors_single.need_of(ask, plan, services_single.house(), 0)
    return {"low": whole.earliest, "high": whole.latest} if whole else {}


def _offers(
    request: ClinicRequest, need: Need, plan: Planned | None, moves: Appointment | None, entry: Waiting | None
) -> dict[str, Any]:
    """The times, with the filter that was chosen."""
    patient, site = request.patient, request.patient.site
    people = list(selectors.resources(site.pk, PERSON))
    roles = {want.role for want in need.people}
    able = [one for one in people if one.sort in roles]
    rooms = [one for one in selectors.resources(site.pk, ROOM) if one.sort == need.room_kind]
    who, room = _number(request.GET.get("who")), _number(request.GET.get("room"))
    first = _date(request.GET.get("day", ""))
    found = offers(
        site,
        patient,
        need,
        plan,
        first,
        who=who if any(one.pk == who for one in able) else None,
        room=room if any(one.pk == room for one in rooms) else None,
        suits=selectors_single.suits(entry) if entry else None,
        moves=moves,
    )
    return {
        "found": found,
        "able": able,
        "rooms": rooms,
        "who": who,
        "room": room,
        "first": first,
        "what": needed(need),
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2200 else None


# -- one that is booked -----------------------------------------------------------------------------------


@arrangers
def one(request: ClinicRequest, appointment_id: UUID) -> HttpResponse:
    """An appointment with its history: where else it could be, with whom; cancel it."""
    row = (
        Appointment.objects.filter(pk=appointment_id, patient=request.patient)
        .select_related("retreat", "room", "within__room", "patient__site", "site")
        .prefetch_related("work__resource")
        .first()
    )
    if row is None:
        raise Http404
    fault, status = "", 200
    if request.method == "POST":
        try:
            return HttpResponseRedirect(_act(request, row))
        except UserError as why:
            fault, status = str(why), EXIT[why.code][1]
    return render(request, "schedule/one.html", _one(request, row) | {"fault": fault}, status=status)


def _act(request: ClinicRequest, row: Appointment) -> str:
    act, reason = request.POST.get("act", ""), request.POST.get("reason", "").strip()[:200]
    if act == "move":
        place = place_of(request.POST.get("to", ""))
        row = services_single.move(
            request.principal, row, place, reason=reason, content=site_now(), origin=origin_of(request)
        )
        return _booked(row)
    if act == "cancel":
        why = why_words().get(request.POST.get("why", ""))
        if why is None:
            raise UserError(_("why: nothing was chosen; say who could not."))
        told = f"{why}: {reason}" if reason else why
        services_single.cancel(request.principal, row, reason=told, origin=origin_of(request))
        row.refresh_from_db()
        if row.ends_at <= timezone.now():
            return reverse("retreat:appointments", args=[row.patient_id])
        return reverse("retreat:fill") + f"?of={row.pk}"
    raise UserError(_("Nothing was chosen: press one of the buttons."))


def _one(request: ClinicRequest, row: Appointment) -> dict[str, Any]:
    now, plan = timezone.now(), selectors_single.planned({request.patient.pk: request.patient})
    mine, ask = plan.get(request.patient.pk), selectors_single.ask_of(row)
    plans_here = request.principal.has(Role.COORDINATOR)
    live = row.state == BOOKED
    context: dict[str, Any] = {
        "patient": request.patient,
        "row": row,
        "live": live,
        "over": row.ends_at <= now,
        "history": selectors.history_of(row),
        "people": [work.resource.name for work in row.work.all()],
        "place": row.room or (row.within.room if row.within else None),
        "may_cancel": live and (row.ends_at > now or row.kind != "dose") and (row.retreat_id is None or plans_here),
        "why": why_words().items(),
        "board": plans_here and row.retreat_id is not None and row.within_id is None,
    }
    if mine is not None and ask.session:
        sessions = mine.document["programme"]["sessions"]
        titles = {one["id"]: one["title"] for one in sessions}
        context["hang"] = [titles[name] for name in hangs_on(sessions, ask.session, mine.begins)]
    if live and row.retreat_id is None and row.starts_at > now:
        try:
            need, late = services_single.need_to_move(row, site_now())
            context |= _offers(request, need, mine, row, None) | {"need": need, "late": late}
        except UserError as why:
            context["stuck"] = str(why)
    return context


# -- somebody is away -------------------------------------------------------------------------------------


@staff(Role.COORDINATOR, *CLINICIANS)
def absent(request: ClinicRequest) -> HttpResponse:
    """Who of staff is away, and until when; what that hits stands in the list of what is to be done."""
    site = Site.objects.get(pk=request.principal.site_id)
    zone = ZoneInfo(site.zone)
    today = timezone.now().astimezone(zone).date()
    form = AbsentForm(
        request.POST or None,
        people=list(selectors.resources(site.pk, PERSON)),
        initial={"first": today, "last": today},
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                begins, ends = (instant_of(one, zone) for one in form.hours)
                person = form.people[form.cleaned_data["who"]]
                services_house.absent(
                    request.principal,
                    site,
                    kind="ill",
                    starts_at=begins,
                    ends_at=ends,
                    resource=person,
                    origin=origin_of(request),
                )
                return HttpResponseRedirect(reverse("retreat:due"))
            except UserError as why:
                form.add_error(None, str(why))
                status = EXIT[why.code][1]
    return render(request, "schedule/absent.html", {"form": form}, status=status)


# -- a time that is free ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """Somebody who fits into a time, or does not."""

    who: Patient
    title: str
    because: str
    ask: Ask
    entry: Waiting | None
    late: bool
    offer: Offer | None
    why: str
    together: str


@staff(Role.COORDINATOR, *CLINICIANS)
def fill(request: ClinicRequest) -> HttpResponse:
    """Who of those who wait, and of those whose plan has something due, fits into a time; one press books it."""
    site = Site.objects.get(pk=request.principal.site_id)
    visible = _visible(request)
    freed = _freed(request, site, visible)
    slot = _slot(request, freed)
    fault, status = "", 200
    if request.method == "POST":
        try:
            return HttpResponseRedirect(_fill(request, site, visible, slot))
        except UserError as why:
            fault, status = str(why), EXIT[why.code][1]
    context: dict[str, Any] = {"fault": fault, "freed": freed, "slot": slot}
    if slot is not None:
        rows = _rows(site, visible, slot, freed)
        disclose(request, [row.who for row in rows])
        names = {row.pk: row.name for row in selectors.resources(site.pk)}
        context |= {
            "fits": [row for row in rows if row.offer is not None],
            "others": [row for row in rows if row.offer is None],
            "people": [names[pk] for pk in slot.people if pk in names],
            "place": names.get(slot.room or 0, ""),
            "query": request.GET.urlencode(),
        }
    return render(request, "schedule/fill.html", context, status=status)


def _visible(request: ClinicRequest) -> dict[UUID, Patient]:
    rows = visible_patients(request.principal, Purpose.ADMINISTRATION).select_related("site")
    return {row.pk: row for row in rows}


def _freed(request: ClinicRequest, site: Site, visible: dict[UUID, Patient]) -> Appointment | None:
    """
    The appointment whose time is to be filled.

    Raises:
        Http404: it is none of a patient in reach.
    """
    text = request.GET.get("of", "")
    if not text:
        return None
    try:
        row = Appointment.objects.filter(pk=UUID(text), site=site, patient__in=list(visible)).first()
    except ValueError:
        row = None
    if row is None:
        raise Http404
    disclose(request, [visible[pk] for pk in (row.patient_id,) if pk is not None])
    return row


def _slot(request: ClinicRequest, freed: Appointment | None) -> Slot | None:
    """
    The time that is to be filled, from now on; None where it is over.

    Raises:
        Http404: the address names no time of the calendar.
    """
    now = services_single.quarter(timezone.now())
    if freed is not None:
        if freed.state == BOOKED:
            return None
        before = freed.versions.exclude(version=freed.version).order_by("-version").first()
        document = before.document if before else {}
        people = tuple(work[0] for work in document.get("work", ()))
        begins, ends, room = freed.starts_at, freed.ends_at, freed.room_id
    else:
        try:
            begins = datetime.fromisoformat(request.GET.get("from", ""))
            ends = datetime.fromisoformat(request.GET.get("until", ""))
        except ValueError:
            raise Http404 from None
        if begins.tzinfo is None or ends.tzinfo is None or not begins < ends <= begins + LONGEST:
            raise Http404
        who = _number(request.GET.get("who"))
        people, room = ((who,) if who is not None else ()), None
    begins = max(services_single.quarter(begins.astimezone(UTC)), now)
    return Slot(begins, ends.astimezone(UTC), people, room) if begins < ends else None


def _found(site: Site, visible: dict[UUID, Patient], slot: Slot) -> list[Candidate]:
    apart = services.apart_h(site_now())
    return selectors_single.candidates(site, visible, slot, services_single.house(), timezone.now(), apart)


def _rows(site: Site, visible: dict[UUID, Patient], slot: Slot, freed: Appointment | None) -> list[Row]:
    """Those who were asked about; whose time it was is not offered it again."""
    was = (freed.patient_id, selectors_single.ask_of(freed)) if freed is not None else None
    found = _found(site, visible, slot)
    frame = selectors_single.frame(site, slot.begins, slot.ends, services_single.house(), timezone.now())
    stops = all_stopped([one.patient for one in found if one.place is not None and one.ask.session])
    rows, zone = [], ZoneInfo(site.zone)
    for one in found:
        told = Teller(frame, one.need)
        no = stops.get(one.patient.pk, "") if one.place is not None and one.ask.session else ""
        if (one.patient.pk, one.ask) == was:
            no = _("It is what was cancelled here: find it another time.")
        rows.append(
            Row(
                one.patient,
                one.title,
                _because(one, zone),
                one.ask,
                one.entry,
                one.late,
                told.offer(one.place) if one.place is not None and not no else None,
                no or (told.why(one.no) if one.no is not None else ""),
                ", ".join(one.together),
            )
        )
    return rows


def _because(one: Candidate, zone: ZoneInfo) -> str:
    """Why somebody stands where they stand in the order."""
    said = []
    if one.due is not None and one.due.window.latest is not None:
        last = date_format(one.due.window.latest.astimezone(zone), "D j M, H:i")
        text = (
            _("the window of the signed plan ended %(last)s")
            if one.late
            else _("the window of the signed plan ends %(last)s")
        )
        said.append(text % {"last": last})
    elif one.due is not None:
        said.append(_("due by the signed plan"))
    if one.entry is not None:
        since = date_format(one.entry.since.astimezone(zone), "D j M Y")
        said.append(_("waits since %(since)s") % {"since": since})
        said.append(suits_in_words(selectors_single.suits(one.entry)))
    return "; ".join(said)


def _fill(request: ClinicRequest, site: Site, visible: dict[UUID, Patient], slot: Slot | None) -> str:
    """Book who was chosen; why, and which in the order, is kept with it."""
    ask = ask_in(request.POST)
    if slot is None:
        raise UserError(_("This time is over or is not free any more: look at the calendar as it is now."))
    found = _found(site, visible, slot)
    mine = [row for row in found if str(row.patient.pk) == request.POST.get("patient") and row.ask == ask]
    if not mine:
        raise UserError(_("This person is not on the list any more: look at it as it is now."))
    chosen = mine[0]
    fitting = [row for row in found if row.place is not None]
    said = [_("into a free time"), _because(chosen, ZoneInfo(site.zone))]
    if chosen in fitting:
        said.append(_("%(n)s of %(all)s who fit") % {"n": fitting.index(chosen) + 1, "all": len(fitting)})
    own = request.POST.get("reason", "").strip()[:200]
    if chosen.late and not own:
        raise UserError(_("reason: the window of the plan is over; say why it is booked after it."))
    row = _book(request, chosen.patient, ask, "; ".join([*said, *([own] if own else [])]), chosen.entry)
    return _booked(row)
