"""The order of a session, and the dose: drawn up, checked by a second person, given, ended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from openkap.dose import events as e
from openkap.dose import orders
from openkap.dose.alerts import ORDER
from openkap.dose.gate import gate, reasons
from openkap.dose.products import forms_for, shown
from openkap.dose.selectors import session_or_404
from openkap.dose.session import Session
from openkap.dose.types import Phase
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, Quantity
from openkap.people.request import ClinicRequest
from openkap.people.types import Role
from openkap.screen.services import confirm_person
from openkap.web.dose import acts
from openkap.web.dose.chair.shown import PHASES
from openkap.web.dose.gate.forms import PersonForm
from openkap.web.dose.give import forms as f
from openkap.web.dose.give.order import INFUSED, choice, drawn, made, weighed
from openkap.web.dose.give.stock import lots_for
from openkap.web.plan import dose_panel
from openkap.web.words import day

ORDERS = (Phase.BOOKED, Phase.ARRIVED, Phase.GATE, Phase.READY, Phase.PEAK)
IN_HAND = (Phase.READY, Phase.PEAK)
FREE = frozenset({"draw", "person", "pause", "stop", "finish", "seen"})
PROVED = frozenset({"check", "device", "rate", "resume"})
RUNNING = (Phase.DOSING, Phase.PAUSED, Phase.ESCALATED)


@acts.prescribers
def order(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """Write and sign the order, beside what it would do."""
    row, session = acts.found(request, session_id)
    assert session.clock is not None
    chosen = choice(request.patient, session, session.clock.day)
    form = f.OrderForm(
        request.POST or None,
        options=chosen.options,
        infused=session.protocol.route == INFUSED,
        by_weight=chosen.by_weight,
        further=bool(session.given),
        initial={"duration": chosen.duration},
    )

    def act(_name: str) -> str:
        said = form.cleaned_data
        if chosen.by_weight and chosen.weight and request.POST.get("weighed", "") != weighed(chosen.weight):
            now = {"weight": chosen.weight.quantity, "day": day(chosen.weight.on)}
            raise UserError(_("The weight is now %(weight)s (%(day)s): look at the amounts again.") % now)
        confirm_person(request.patient, said["born"])
        amount, typed = form.chosen
        if amount <= 0:
            raise UserError("Amount: it is not above 0; type the amount.")

        def signed(by: Any, now_session: Session, now: Any) -> Any:
            whole = made(
                now_session, chosen, amount, typed=typed, duration=said.get("duration"), reason=said.get("reason", "")
            )
            return orders.signed(whole, by, now.at)

        acts.happen(request, row, e.SignOrder, order=signed)
        return acts.to("dose:gate", row)

    def context() -> dict[str, Any]:
        would = dose_panel.look(request.patient, None)
        return {
            "row": row,
            "session": session,
            "chosen": chosen,
            "product": forms_for(row.drug, row.route),
            "drug": shown(row.drug),
            "weighed": weighed(chosen.weight),
            "phase": PHASES[session.phase],
            "may": session.phase in ORDERS,
            "weight_age": (session.clock.day - chosen.weight.on).days if session.clock and chosen.weight else 0,
            "stands": orders.said(session.order) if session.order else "",
            "would": would,
            "dose_form": would.form,
        }

    return acts.answer(request, "dose/give/order.html", {"form": form}, act, context)


@acts.dosers
def start(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """The dose is begun: whoever does it has proved within the last minutes who they are."""
    row = session_or_404(request.patient, session_id)
    form = f.StartForm(request.POST or None)

    def act(_name: str) -> str:
        said = form.cleaned_data
        acts.happen(request, row, e.Start, order=said["order"], version=form.read, step=said["step"])
        return acts.to("dose:give", row)

    return acts.answer(request, "dose/give/start.html", {"start": form}, act, lambda: {"row": row})


@acts.handlers
def give(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """Step by step: order, draw, second check, who it is, given, ended. To pause and to stop asks for no proof."""
    return _give(request, session_id, FREE)


@acts.dosers
def give_proved(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """What is done with the drug by somebody who has proved within the last minutes who they are."""
    if request.method != "POST":
        return HttpResponseRedirect(acts.to("dose:give", session_or_404(request.patient, session_id)))
    return _give(request, session_id, PROVED)


def _give(request: ClinicRequest, session_id: UUID, may: frozenset[str]) -> HttpResponse:
    row, session = acts.found(request, session_id)
    route = session.protocol.route
    liquid = route in orders.LIQUID
    sent = acts.sent(request, may)

    def bound(name: str) -> Any:
        return request.POST if sent == name else None

    lots = lots_for(row) if session.phase in IN_HAND else []

    def called(name: str) -> str:
        return f"{name}-%s"  # several forms stand on the page: each has ids of its own

    forms_: dict[str, Any] = {
        "draw": f.DrawForm(
            bound("draw"), auto_id=called("draw"), lots=[(one.label, one.words) for one in lots], liquid=liquid
        ),
        "check": f.CheckForm(bound("check"), auto_id=called("check"), liquid=liquid),
        "person": PersonForm(bound("person"), auto_id=called("person")),
        "finish": f.FinishForm(bound("finish"), auto_id=called("finish"), lozenge=route == "sublingual"),
        "stop": f.StopForm(bound("stop"), auto_id=called("stop")),
        "pause": f.ReasonForm(bound("pause"), auto_id=called("pause")),
        "rate": f.RateForm(bound("rate"), auto_id=called("rate")),
    }

    def act(name: str) -> str:
        said: Any = forms_[name].cleaned_data if name in forms_ else {}
        if name == "draw":
            lot = next(one for one in lots if one.label == said["lot"])

            def draw(by: Any, now_session: Session, _now: Any) -> Any:
                if now_session.order is None:
                    raise UserError("There is no order to draw up: the prescriber writes one first.")
                return drawn(now_session, lot, said.get("step_ml"), by)

            acts.happen(request, row, e.DrawUp, draw=draw)
        elif name == "check":
            per_ml = Quantity(said["per_ml"], "mg/mL") if liquid else None
            acts.happen(request, row, e.CheckDraw, per_ml=per_ml)
        elif name == "person":
            acts.happen(request, row, e.ConfirmPerson, name=said["name"], born=said["born"])
        elif name == "seen":
            acts.happen(request, row, e.Acknowledge, alert=request.POST.get("alert", ""))
        elif name == "device":
            acts.happen(request, row, e.UseDevice)
        elif name == "rate":
            acts.happen(request, row, e.SetRate, rate=Quantity(said["rate"], "mL/h"))
        elif name == "pause":
            acts.happen(request, row, e.Pause, reason=said["reason"])
        elif name == "resume":
            acts.happen(request, row, e.Resume)
        elif name == "stop":
            acts.happen(request, row, e.Stop, reason=said["reason"], given_mg=DoseMg(said["given_mg"]))
        elif name == "finish":
            acts.happen(request, row, e.Finish, held_min=said.get("held_min"), ended=said.get("ended", ""))
        return acts.to("dose:give", row)

    def context() -> dict[str, Any]:
        after_row, after = acts.found(request, session_id)
        assert after.clock is not None
        return {
            "row": after_row,
            "session": after,
            "order": after.order,
            "stands": orders.said(after.order, after.draw) if after.order else "",
            "weight_age": (after.clock.day - after.order.weight.on).days if after.order and after.order.weight else 0,
            "ratio": orders.ratio(after.order) if after.order else None,
            "in_hand": after.phase in IN_HAND,
            "running": after.phase in RUNNING and after.running is not None,
            "wanted": _wanted(after),
            "changed": next((one for one in after.open_alerts() if one.about == ORDER), None),
            "mine": after.order is not None
            and after.order.signature is not None
            and after.order.signature.by.id == str(request.principal.user_id),
            "starts": f.StartForm(auto_id=called("start")),
            "shut": _shut(after),
            "lots": lots,
            "liquid": liquid,
            "drew": after.draw is not None and after.draw.by.id == str(request.principal.user_id),
            "here": acts.to("dose:give", after_row),
            "proved": acts.to("dose:give-proved", after_row),
            "prescribes": request.principal.has(Role.PRESCRIBER),
            "sent": sent,
            "form": forms_.get(sent),
        }

    return acts.answer(request, "dose/give/give.html", forms_, act, context)


def _shut(session: Session) -> tuple[Any, ...]:
    """What keeps the gate shut, where somebody waits at it: before the first dose, and with an order for a further."""
    assert session.clock is not None
    waits = session.phase in IN_HAND and (not session.given or _wanted(session))
    return reasons(gate(session, session.clock)) if waits else ()


def _wanted(session: Session) -> bool:
    """An order asks for the dose that comes next."""
    return session.order is not None and session.order.step == len(session.given) + 1
