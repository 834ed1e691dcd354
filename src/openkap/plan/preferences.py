"""What clinician and patient wish for, read strictly: an unknown key or name stops the call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from openkap.chart.vocabulary import facts
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import number
from openkap.plan.choices import Preferences
from openkap.plan.library import dose_limits, modalities, regimens


def read_preferences(data: Mapping[str, Any] | None, on: date | None = None) -> Preferences:
    """
    Read the preferences document.

    Args:
        data: as JSON was read; None for no preferences.
        on: the day of decision, which `start_on` must not precede.

    Raises:
        UserError: an unknown key, a wrong type, an unknown name, an impossible weight or start; the
            sentence names the key and the remedy.
    """
    if data is None:
        return Preferences()
    if not isinstance(data, Mapping):
        raise UserError('preferences: not an object; write them as {"routes": ["sc"]}.')
    known = [f.name for f in msgspec.structs.fields(Preferences)]
    if strange := [key for key in data if key not in known]:
        raise UserError(f"preferences: {strange[0]!r} is not a key; use {', '.join(known)}.")
    given = {key: value for key, value in data.items() if value is not None}
    if isinstance(given.get("dosing_weight_kg"), str | bool):  # a text that reads as a number is no number
        raise UserError(
            "preferences: dosing_weight_kg is not a number; correct it: give kg without quotes, such as 61.4."
        )
    try:
        wishes = msgspec.convert(given, Preferences)
    except msgspec.ValidationError as fault:
        raise UserError(f"preferences: {_place(str(fault))}; correct it.") from None
    check(wishes, on)
    return wishes


def check(wishes: Preferences, on: date | None = None) -> None:
    """Raise UserError for a name, a weight or a start that cannot be meant."""
    by_name = {row.id for row in regimens().regimen}
    ways = {row.id for row in modalities().modality}
    routes = {row.route for row in dose_limits().limit}
    if wishes.regimen is not None:
        _known("regimen", (wishes.regimen,), by_name)
    _known("routes", wishes.routes, set(routes))
    _known("modalities", wishes.modalities, ways)
    _known("avoid", wishes.avoid, ways | set(routes) | by_name)
    if both := set(wishes.modalities) & set(wishes.avoid):
        raise UserError(f"preferences: {min(both)!r} stands in modalities and in avoid; keep it in one.")
    if wishes.start_on and on and wishes.start_on < on:
        when = f"start_on {wishes.start_on} is before the day of decision {on}"
        raise UserError(f"preferences: {when}; choose a later day.")
    _check_weight(wishes)


def _known(key: str, names: tuple[str, ...], allowed: set[str]) -> None:
    for name in names:
        if name not in allowed:
            raise UserError(f"preferences: {key} {name!r} is not known; use one of {', '.join(sorted(allowed))}.")


def _check_weight(wishes: Preferences) -> None:
    weight, fact = wishes.dosing_weight_kg, facts()["weight"]
    if weight is None or fact.least is None or fact.most is None:
        return
    if not weight.is_finite() or not fact.least <= weight <= fact.most:
        raise UserError(
            f"preferences: dosing_weight_kg {weight} is not a body weight; "
            f"give kg between {number(fact.least)} and {number(fact.most)}."
        )


def _place(fault: str) -> str:
    head, _, path = fault.partition(" - at `$.")
    key = re.split(r"[.\[`]", path)[0] if path else ""
    return f"{key}: {head}" if key else head
