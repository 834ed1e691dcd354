"""
Changes that a clinician makes to a proposed programme beyond the preferences: a closed set, each with its reason.

    first dose     another amount, within every limit
    session        left out, or moved to another day, where the hours between sessions allow it

A plan is always computed anew from chart and preferences; then these are laid over it, and marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any, Literal

import msgspec

from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, Quantity, number, round_half_up
from openkap.plan.book import Book
from openkap.plan.choices import SiteMax
from openkap.plan.library import statement
from openkap.plan.limits import within_limits
from openkap.plan.types import Document

MAY_CHANGE = ("therapy", "exposure")  # sessions that no dose, check or measure rests on
DAY_H = 24


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One change.

    Args:
        what: `first-dose`, `leave-out` or `move`.
        session: id of the session that is left out or moved.
        amount: first dose, in the unit of the regimen's limit row.
        day: day to which a session is moved, counted from the first day, 0.
        reason: why.
    """

    what: Literal["first-dose", "leave-out", "move"]
    reason: str
    session: str = ""
    amount: Decimal | None = None
    day: int | None = None


def read_edits(data: Any) -> tuple[Edit, ...]:
    """
    Read edits as they were stored or sent.

    Raises:
        UserError: an unknown key, a wrong type, or no reason.
    """
    try:
        edits = msgspec.convert(data, tuple[Edit, ...])
    except msgspec.ValidationError as fault:
        raise UserError(f"edits: {fault}; correct it.") from None
    for edit in edits:
        if not edit.reason.strip():
            what = edit.session or "the first dose"
            raise UserError(f"The reason for changing {what} is empty: say why.")
    return edits


def plain_edits(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    """Edits as JSON values; amounts as text, so that no digit is lost."""
    return [
        {
            name: str(value) if isinstance(value, Decimal) else value
            for name, value in msgspec.structs.asdict(edit).items()
            if value not in (None, "")
        }
        for edit in edits
    ]


def edited(
    document: Mapping[str, Any], edits: Sequence[Edit], site: Mapping[str, SiteMax], book: Book | None = None
) -> Document:
    """
    The plan document with these changes, each listed under `edits` with what was and what is.

    Args:
        document: as `propose` gives it.
        site: highest doses, as `limits.site_limits` gives them.
        book: the rows as the site uses them; as shipped where it is None.

    Raises:
        UserError: a change that the limits, the hours between sessions or the programme do not allow.
    """
    plan: Document = deepcopy(dict(document))
    plan["edits"] = []
    for edit in edits:
        if edit.what == "first-dose":
            _first_dose(plan, edit, site, book)
        elif edit.what == "leave-out":
            _leave_out(plan, edit)
        else:
            _move(plan, edit)
    return plan


# ---------------------------------------------------------------- dose


def _first_dose(plan: Document, edit: Edit, site: Mapping[str, SiteMax], book: Book | None) -> None:
    regimen = plan["regimen"]
    if regimen is None:
        raise UserError("This programme has no doses: there is no first dose to change.")
    if edit.amount is None or not edit.amount.is_finite() or edit.amount <= 0:
        raise UserError("first dose: no amount above 0 is given; write it as a number.")
    dose = regimen["dose"]
    exact, per_kg = _amounts(edit.amount, dose)
    shown = _rounded(exact, ROUND_HALF_UP)
    if _broken(shown, None, regimen, site, book) and not _broken(exact, per_kg, regimen, site, book):
        shown = _rounded(exact, ROUND_DOWN)  # at a limit the one rounding goes down
    broken = [*_broken(exact, per_kg, regimen, site, book), *_broken(shown, None, regimen, site, book)]
    if broken:
        raise UserError(f"first dose: {' '.join(dict.fromkeys(broken))} Choose a lower amount.")
    was, former = _dose_said(dose), Decimal(str(_amount_of(dose)))
    if dose["start_low"] and edit.amount > former:
        because = "; ".join(dose["start_low_because"])
        regimen["warnings"].append(f"The first dose is above the low start, which stands because of: {because}.")
    first = {
        **dose["steps"][0],
        "mg_per_kg": per_kg.mg_per_kg if per_kg else None,
        "mg": shown.mg if shown else None,
        "unrounded_mg": exact.mg if exact else None,
    }
    rest = [step for step in dose["steps"][1:] if Decimal(str(_amount_of(step, dose["unit"]))) > edit.amount]
    dose["steps"] = [first, *rest]
    dose.update({name: first[name] for name in ("mg_per_kg", "mg", "unrounded_mg")})
    regimen["chosen_by"] = "clinician"
    ratio = number(round_half_up(edit.amount / former, 2))  # a slipped point shows as 10 or 0.1 (HAZ-09)
    _mark(plan, edit, "First dose", was, f"{_dose_said(dose)}, {ratio} times what was proposed")


def _amounts(amount: Decimal, dose: Mapping[str, Any]) -> tuple[DoseMg | None, DoseMgPerKg | None]:
    if dose["unit"] == "mg":
        return DoseMg(amount), None
    per_kg, weight = DoseMgPerKg(amount), dose["weight_kg"]
    return (per_kg.times(Quantity(Decimal(str(weight)), "kg")) if weight is not None else None), per_kg


def _rounded(mg: DoseMg | None, rounding: str) -> DoseMg | None:
    places = int(statement("DOS-ROUND").number("places"))
    return DoseMg(mg.mg.quantize(Decimal(1).scaleb(-places), rounding=rounding)) if mg else None


def _broken(
    mg: DoseMg | None,
    per_kg: DoseMgPerKg | None,
    regimen: Mapping[str, Any],
    site: Mapping[str, SiteMax],
    book: Book | None,
) -> list[str]:
    """Sentences of the limits that an amount breaks, by the dosing weight and by the measured one."""
    dose = regimen["dose"]
    duration = dose["duration_min"]
    minutes = None if duration is None else Decimal(str(duration))
    amounts: list[DoseMgPerKg | None] = [per_kg] if per_kg else []
    if mg is not None and dose["unit"] == "mg/kg":
        weights = [w for w in (dose["weight_kg"], dose["measured_weight_kg"]) if w]
        amounts += [DoseMgPerKg(mg.mg / Decimal(str(w))) for w in dict.fromkeys(weights)]
    if mg is None and not amounts:
        return []
    return [
        breach.text
        for one in amounts or [None]
        for breach in within_limits(regimen["route"], regimen["drug"], mg, one, minutes, site=site, book=book)
    ]


def _amount_of(step: Mapping[str, Any], unit: str = "") -> Any:
    by_weight = (unit or step.get("unit")) == "mg/kg"
    return step["mg_per_kg"] if by_weight else step["mg"]


def _dose_said(dose: Mapping[str, Any]) -> str:
    parts = [(dose["mg"], "mg"), (dose["mg_per_kg"], "mg/kg")]
    return ", ".join(f"{number(Decimal(str(value)))} {unit}" for value, unit in parts if value is not None)


# ---------------------------------------------------------------- sessions


def _leave_out(plan: Document, edit: Edit) -> None:
    sessions: list[dict[str, Any]] = plan["programme"]["sessions"]
    gone = _changeable(sessions, edit)
    for other in sessions:  # what waited for it waits for what it waited for
        if any(gate["id"] == gone["id"] for gate in other["after"]):
            kept = [gate for gate in other["after"] if gate["id"] != gone["id"]]
            held = {gate["id"] for gate in kept}
            other["after"] = kept + [{**gate, "max_h": None} for gate in gone["after"] if gate["id"] not in held]
    plan["programme"]["sessions"] = [s for s in sessions if s["id"] != gone["id"]]
    _mark(plan, edit, gone["title"], f"day {gone['day']}", "left out")


def _move(plan: Document, edit: Edit) -> None:
    sessions: list[dict[str, Any]] = plan["programme"]["sessions"]
    session = _changeable(sessions, edit)
    if edit.day is None or edit.day < 0:
        raise UserError(f"{session['title']}: no day is given; count from the first day, 0.")
    days = {s["id"]: s["day"] for s in sessions} | {session["id"]: edit.day}
    for later in sessions:
        for gate in later["after"]:
            if session["id"] in (later["id"], gate["id"]) and not _fits(days[gate["id"]], days[later["id"]], gate):
                raise UserError(_too_near(session, gate, later, sessions))
    was = session["day"]
    session["day"] = edit.day
    if "date" in session:
        session["date"] = (date.fromisoformat(session["date"]) + timedelta(days=edit.day - was)).isoformat()
    order = sorted(enumerate(sessions), key=lambda pair: (pair[1]["day"], pair[0]))
    plan["programme"]["sessions"] = [one for _, one in order]
    _mark(plan, edit, session["title"], f"day {was}", f"day {edit.day}")


def _changeable(sessions: Sequence[dict[str, Any]], edit: Edit) -> dict[str, Any]:
    found = next((s for s in sessions if s["id"] == edit.session), None)
    if found is None:
        raise UserError(f"session {edit.session!r} is not in this programme: choose another, or drop the change.")
    if found["kind"] not in MAY_CHANGE:
        raise UserError(f"{found['title']}: only therapy and exposure sessions can be moved or left out.")
    return found


def _fits(before: int, after: int, gate: Mapping[str, Any]) -> bool:
    """True if two sessions on these days can keep the hours between them: their times are not fixed yet."""
    apart = (after - before) * DAY_H
    return apart + DAY_H > gate["min_h"] and (gate["max_h"] is None or apart - DAY_H < gate["max_h"])


def _too_near(
    session: Mapping[str, Any], gate: Mapping[str, Any], later: Mapping[str, Any], sessions: Sequence[Mapping[str, Any]]
) -> str:
    titles = {s["id"]: s["title"] for s in sessions}
    most = "" if gate["max_h"] is None else f" and at most {gate['max_h']}"
    hours = f"at least {gate['min_h']}{most} hours after {titles[gate['id']]}"
    return f"{session['title']} cannot be moved to that day: {later['title']} stands {hours}."


def _mark(plan: Document, edit: Edit, title: str, was: str, now: str) -> None:
    entry = {"what": edit.what, "session": edit.session or None, "title": title, "was": was, "now": now}
    plan["edits"].append(entry | {"reason": edit.reason})
