"""
Reading a request strictly: everything wrong is one sentence that names the field and the remedy.

A function here says whether what somebody asked can be computed. None of them chooses an amount.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from operator import le
from typing import Any, get_args

from openkap.kernel.errors import UnitRefused, UnknownName, UserError
from openkap.pkpd.course import sessions
from openkap.pkpd.draw import scales_by_weight
from openkap.pkpd.library import agents, covariate, model_named, route_row, told
from openkap.pkpd.types import Dose, Model, Options, PkDrug, PkRoute, Population, Request, Subject

MOST_TIMES = 100_000
MOST_DOSES = 1_000
MOST_PEOPLE = 100_000
MOST_POINTS = 300_000_000  # people x times
LONGEST_MIN = 366 * 24 * 60

KEYS = ("model", "drug", "subject", "doses", "times_min", "population", "interactions", "options")
DOSE_KEYS = ("at_min", "route", "amount_mg", "amount_mg_per_kg", "duration_min")
OPTION_KEYS = ("sex", "exponent")
SUBJECT_KEYS = ("weight_kg", "height_cm", "age_y", "sex", "ancestry", "child_pugh")
ROUTES: tuple[PkRoute, ...] = get_args(PkRoute)
DRUGS: tuple[PkDrug, ...] = get_args(PkDrug)
CHOICES = {
    "sex": ("female", "male", "other", "unknown"),
    "ancestry": ("asian", "japanese"),
    "child_pugh": ("A", "B", "C"),
}


def read_request(document: Any) -> Request:
    """
    A request as `openkap simulate` takes it.

    Args:
        document: decoded JSON.

    Raises:
        UserError: what is wrong first, as one sentence; UnknownName for a model, route, drug or agent that does not
            exist; UnitRefused for an amount that is not a number in the unit of its key.
    """
    whole = _object(document, "the request", KEYS)
    subject = _subject(whole.get("subject"))
    drug = _choice(whole.get("drug"), "drug", DRUGS) if whole.get("drug") is not None else None
    doses = tuple(_dose(one, place, subject) for place, one in enumerate(_list(whole, "doses", MOST_DOSES)))
    times = _times(whole)
    name = whole.get("model")
    if name is not None and not isinstance(name, str):
        raise UserError("model is not a text: give the id of a parameter set, or null for the route's default.")
    model = _default(doses, drug) if name is None else model_named(name)
    given = _drug_of(model, drug, doses)
    _check_routes(model, doses)
    _check_range(model, subject, doses)
    _check_devices(model, doses)
    return Request(
        model=model.id,
        drug=given,
        subject=subject,
        doses=doses,
        times_min=times,
        population=_population(whole.get("population"), len(times)),
        interactions=_agents(whole.get("interactions")),
        options=_options(whole.get("options"), subject),
    )


# -- parts ---------------------------------------------------------------------------------------------


def _object(value: Any, where: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{where} is not an object: give {{{', '.join(keys)}}}.")
    for key in value:
        if key not in keys:
            raise UserError(f"{where} has the unknown key {key!r}: use {', '.join(keys)}.")
    return value


def _list(whole: Mapping[str, Any], name: str, most: int) -> list[Any]:
    value = whole.get(name)
    if not isinstance(value, list) or not value:
        raise UserError(f"{name} is not a list of at least one: give it.")
    if len(value) > most:
        raise UserError(f"{name} has {len(value)} entries: give at most {most}.")
    return value


def _number(value: Any, where: str, remedy: str, *, low: float = -math.inf, high: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise UnitRefused(f"{where} is {value!r}, which is not a number: {remedy}.")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found) or not low <= found <= high:
        raise UserError(f"{where} is {value}, which cannot be: {remedy}.")
    return found


def _choice(value: Any, where: str, known: tuple[str, ...]) -> Any:
    if value not in known:
        raise UnknownName(f"{where} is {value!r}, which is not known: use one of {', '.join(known)}.")
    return value


def _subject(value: Any) -> Subject:
    if value is None:
        raise UserError("subject is missing: give an object, with weight_kg and age_y where they are known.")
    found = _object(value, "subject", SUBJECT_KEYS)
    sizes = {"weight_kg": (0.1, 700, "kg"), "height_cm": (30, 300, "cm"), "age_y": (0, 130, "years")}
    read: dict[str, Any] = {}
    for name, (low, high, unit) in sizes.items():
        if found.get(name) is not None:
            remedy = f"give it in {unit}, as a number without unit"
            read[name] = _number(found[name], f"subject.{name}", remedy, low=low, high=high)
    for name, known in CHOICES.items():
        if found.get(name) is not None:
            read[name] = _choice(found[name], f"subject.{name}", known)
    return Subject(**read)


def _dose(value: Any, place: int, subject: Subject) -> Dose:
    where = f"doses[{place}]"
    found = _object(value, where, DOSE_KEYS)
    route = _choice(found.get("route"), f"{where}.route", ROUTES)
    remedy = "give minutes from the start, nought or more"
    at = _number(found.get("at_min"), f"{where}.at_min", remedy, low=0, high=LONGEST_MIN)
    lasting = 0.0
    if found.get("duration_min") is not None:
        remedy = "give minutes, nought for an instantaneous dose"
        lasting = _number(found["duration_min"], f"{where}.duration_min", remedy, low=0, high=LONGEST_MIN)
    if lasting and route not in ("iv", "im", "sc"):
        raise UserError(f"{where}.duration_min is for infusions: leave it out by route {route}.")
    amount, per_kg = found.get("amount_mg"), found.get("amount_mg_per_kg")
    if (amount is None) == (per_kg is None):
        raise UserError(f"{where} needs exactly one of amount_mg and amount_mg_per_kg: give one of the two.")
    if amount is not None:
        mg = _number(
            amount, f"{where}.amount_mg", "give mg of free base, above nought, as a number", low=1e-6, high=1e6
        )
        return Dose(at_min=at, route=route, amount_mg=mg, duration_min=lasting)
    remedy = "give mg per kg of free base, above nought, as a number"
    each = _number(per_kg, f"{where}.amount_mg_per_kg", remedy, low=1e-9, high=1e4)
    if subject.weight_kg is None:
        raise UserError(f"{where}.amount_mg_per_kg needs subject.weight_kg: give the weight in kg.")
    mg = each * subject.weight_kg
    return Dose(at_min=at, route=route, amount_mg=mg, amount_mg_per_kg=each, duration_min=lasting)


def _times(whole: Mapping[str, Any]) -> tuple[float, ...]:
    remedy = "give minutes from the start, nought or more"
    listed = _list(whole, "times_min", MOST_TIMES)
    if set(map(type, listed)) <= {int, float} and min(listed) >= 0 and max(listed) <= LONGEST_MIN:
        found = [float(one) for one in listed]  # the usual case, at once; NaN is no JSON
    else:
        found = [
            _number(one, f"times_min[{place}]", remedy, low=0, high=LONGEST_MIN) for place, one in enumerate(listed)
        ]
    ordered = list(map(le, found, found[1:]))
    if not all(ordered):
        place = ordered.index(False) + 1
        raise UserError(f"times_min[{place}] is earlier than the one before it: give times in ascending order.")
    return tuple(found)


def _population(value: Any, times: int) -> Population | None:
    if value is None:
        return None
    found = _object(value, "population", ("n", "seed"))
    n = found.get("n")
    if isinstance(n, bool) or not isinstance(n, int) or not 2 <= n <= MOST_PEOPLE:
        raise UserError(f"population.n is {n!r}: give a whole number from 2 to {MOST_PEOPLE}.")
    if n * times > MOST_POINTS:
        raise UserError(f"population.n times {times} times is more than {MOST_POINTS}: ask for fewer of either.")
    seed = found.get("seed", 1)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise UserError(f"population.seed is {seed!r}: give a whole number, nought or more.")
    return Population(n=n, seed=seed)


def _agents(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UserError("interactions is not a list of names: give agents such as grapefruit-juice.")
    known = agents()
    for one in value:
        if _plain(one) not in known:
            raise UnknownName(f"interactions: {one!r} is not an agent of the table: use any of {', '.join(known)}.")
    return tuple(known[_plain(one)] for one in value)


def _options(value: Any, subject: Subject) -> Options:
    if value is None:
        return Options()
    found = _object(value, "options", OPTION_KEYS)
    for name, wanted in found.items():
        if not isinstance(wanted, bool):
            raise UserError(f"options.{name} is {wanted!r}: give true or false.")
    if found.get("sex") and subject.sex not in ("female", "male"):
        raise UserError("options.sex needs subject.sex: give female or male, or leave the option out.")
    return Options(**found)


def _plain(name: str) -> str:
    return name.replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")


# -- what belongs together -----------------------------------------------------------------------------


def _default(doses: tuple[Dose, ...], drug: PkDrug | None) -> Model:
    if drug is None:
        raise UserError("drug is missing: give ketamine or esketamine where model is null.")
    named: dict[str, str] = {}
    for dose in doses:
        row = route_row(dose.route, drug)
        if row is None:
            raise UnknownName(
                f"doses: no parameter set is known for {drug} by route {dose.route}: choose another route."
            )
        named[row.model] = dose.route
    if len(named) > 1:
        routes = " and ".join(named.values())
        raise UserError(f"doses: routes {routes} have different default models: name one model or simulate them apart.")
    return model_named(next(iter(named)))


def _drug_of(model: Model, drug: PkDrug | None, doses: tuple[Dose, ...]) -> PkDrug:
    if drug is None or drug == model.drug:
        return model.drug
    if drug not in model.also_for:
        raise UserError(
            f"drug {drug} does not belong to model {model.id}, which is for {model.drug}: change one of them."
        )
    if drug == "ketamine" and model.structure == "hepato-portal" and any(d.route == "nasal" for d in doses):
        raise UserError(f"drug ketamine by route nasal does not belong to model {model.id}: use nasal-racemic-generic.")
    return drug


def _check_routes(model: Model, doses: tuple[Dose, ...]) -> None:
    for place, dose in enumerate(doses):
        if dose.route not in model.routes:
            names = ", ".join(model.routes)
            raise UserError(f"doses[{place}].route {dose.route} is not one of model {model.id}: use {names}.")


def _check_range(model: Model, subject: Subject, doses: tuple[Dose, ...]) -> None:
    """Refuse what lies outside every set. Source: PKC-RANGE, PKC-LIVER-C."""
    row = covariate("PKC-RANGE")
    for name, low, high, unit in (("age_y", "age_min", "age_max", "years"), ("weight_kg", "kg_min", "kg_max", "kg")):
        value = getattr(subject, name)
        if value is not None and not row.number(low) <= value <= row.number(high):
            span = f"{row.number(low):g} to {row.number(high):g} {unit}"
            raise UserError(f"subject.{name} {value:g} is outside every set ({span}): it cannot be simulated.")
    if subject.child_pugh == "C":
        raise UserError(f"subject.child_pugh is C: {told(covariate('PKC-LIVER-C'))}.")
    if scales_by_weight(model) and subject.weight_kg is None:
        raise UserError(f"subject.weight_kg is missing, and {model.id} scales by weight: give it in kg.")
    most = row.number("iv_mg_per_kg")
    for group in sessions([dose for dose in doses if dose.route == "iv"]):
        if subject.weight_kg is None:
            raise UserError("subject.weight_kg is missing, and an amount into a vein is judged per kg: give it in kg.")
        each = sum(dose.amount_mg for dose in group) / subject.weight_kg
        if each > most * (1 + 1e-9):
            place = doses.index(group[0])
            said = f"{each:.3g} mg/kg into a vein in one session, more than {most:g} mg/kg"
            raise UserError(f"doses[{place}] gives {said}, an anaesthetic amount outside every set: give less.")


def _check_devices(model: Model, doses: tuple[Dose, ...]) -> None:
    device = covariate("PKC-SESSION").number("device_mg")
    for place, dose in enumerate(doses):
        if dose.route == "nasal" and model.structure == "hepato-portal" and dose.amount_mg > device:
            raise UserError(
                f"doses[{place}].amount_mg is {dose.amount_mg:g}, and a nasal entry is one device of {device:g} mg: "
                "give each device as its own entry."
            )
