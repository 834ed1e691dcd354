"""
Reading a planning problem or a plan: everything wrong is one sentence that names the field and the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from openkap.kernel.errors import UserError
from openkap.schedule.types import DAY, TERMS, Activity, Instance, Patient, Person, Plan, Span

SCHEMA = "openkap-schedule-instance/1"
LONGEST = 400 * DAY
# Keys of the format that say something to people and nothing to the planner.
SILENT = frozenset({"schema", "modality", "route", "known_conflict", "status", "instance", "lower_bound"})
_INDEX = re.compile(r"\[(\d+)\]")


def read_instance(document: Any) -> Instance:
    """
    A planning problem.

    Args:
        document: decoded JSON.

    Raises:
        UserError: what is wrong first, as one sentence.
    """
    instance: Instance = _convert(document, Instance, "the instance")
    schema = document.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise UserError(f"schema is {schema!r}, which is not read here: write {SCHEMA}.")
    for sentence in _faults(instance):
        raise UserError(sentence)
    return instance


def read_plan(document: Any, instance: Instance, *, strict: bool = True) -> Plan:
    """
    A plan of this instance, as a place to start from; it need not keep any rule.

    Args:
        strict: refuse an activity or group that stands twice; else leave that to the rules.

    Raises:
        UserError: it is no plan, or one of another instance.
    """
    plan: Plan = _convert(document, Plan, "the plan")
    name = document.get("instance")
    if name is not None and name != instance.name:
        raise UserError(f"instance of the plan is {name!r}, not {instance.name!r}: give a plan of this instance.")
    if strict:
        _once((one.activity for one in plan.assignments), "assignments of the plan", "activity")
        _once((one.event for one in plan.groups), "groups of the plan", "event")
    return plan


def ignored(document: Any) -> list[str]:
    """Keys of an instance that nobody reads, so that a typing error is seen."""
    found = set()

    def look(node: Any, kind: Any) -> None:
        known = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        for key, value in node.items():
            if key not in known:
                if key not in SILENT:
                    found.add(key)
                continue
            inner = _struct_in(known[key])
            if inner is not None:
                for one in value if isinstance(value, list) else [value]:
                    if isinstance(one, dict):
                        look(one, inner)

    look(document, Instance)
    return sorted(found)


def _struct_in(annotation: Any) -> Any:
    """The struct inside an annotation such as `tuple[Patient, ...]`, or None."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _struct_in(part)
        if found is not None:
            return found
    return None


def _convert(document: Any, kind: Any, what: str) -> Any:
    if not isinstance(document, dict):
        raise UserError(f"{what} is not a JSON object: give one as the format says.")
    try:
        return msgspec.convert(_plain(document), kind)
    except msgspec.ValidationError as fault:
        head, _, path = str(fault).partition(" - at `$")
        place = _named(document, path.rstrip("`").lstrip(".")) or what
        raise UserError(f"{place}: {head[0].lower()}{head[1:]}: correct it.") from None


def _plain(value: Any) -> Any:
    """Decimals of the decoder as whole numbers or floats."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 10**15 else float(value)
    return value


def _named(document: Any, path: str) -> str:
    """The path with ids in place of positions, where the entries have ids."""
    said, node = [], document
    for step in re.split(r"\.", path) if path else []:
        key = step.partition("[")[0]
        words = key
        node = node.get(key) if isinstance(node, dict) else None
        for index in _INDEX.findall(step):
            node = node[int(index)] if isinstance(node, list) and int(index) < len(node) else None
            name = node.get("id", node.get("activity", node.get("event"))) if isinstance(node, dict) else None
            words += f" {name}" if isinstance(name, str) else f"[{index}]"
        said.append(words)
    return ", ".join(said)


# -- what belongs together -----------------------------------------------------------------------------


def _faults(instance: Instance) -> Iterator[str]:
    """Everything wrong between fields; the caller says the first."""
    low, high = instance.opening
    if not 0 <= low < high <= DAY:
        yield f"opening {low}-{high} is no stretch of one day: give two minutes of the day, 0 to {DAY}."
    if DAY % instance.grid_minutes:
        yield f"grid_minutes {instance.grid_minutes} does not divide a day: use a divisor of {DAY}, such as 15."
    for name in instance.weights:
        if name not in TERMS:
            yield f"weights names {name!r}, which is no term: use {', '.join(TERMS)}."
    for name, value in instance.weights.items():
        if not 0 <= value < 10**9:
            yield f"weights: {name} is {value:g}: correct it to nought or more, below a thousand million."
    yield from _twice((one.id for one in instance.staff), "staff")
    yield from _twice((one.id for one in instance.rooms), "rooms")
    yield from _twice((one.id for one in instance.patients), "patients")
    yield from _twice((one.id for one in instance.lags), "lags")
    yield from _twice((one.id for one in instance.group_events), "group_events")
    yield from _twice((one.id for who in instance.patients for one in who.activities), "activities")
    for person in instance.staff:
        yield from _person(person)
    therapists = {one.id for one in instance.staff}
    known = {one.id: who for who in instance.patients for one in who.activities}
    for who in instance.patients:
        yield from _patient(who, therapists)
        for activity in who.activities:
            yield from _activity(activity, instance, known)
    for lag in instance.lags:
        for key, name in (("from", lag.before), ("to", lag.after)):
            if name not in known:
                yield f"lags {lag.id}: {key} names {name!r}, which is no activity: correct it."
        if abs(lag.at_least) > LONGEST or (lag.at_most is not None and abs(lag.at_most) > LONGEST):
            yield f"lags {lag.id}: longer than {LONGEST} minutes: correct it."
    for event in instance.group_events:
        if event.start + event.duration > instance.horizon_days * DAY:
            yield f"group_events {event.id}: ends after the last day: correct start or horizon_days."
    if instance.baseline is not None:
        yield from _baseline(instance, known)


def _person(person: Person) -> Iterator[str]:
    for key in ("shifts", "fixed_breaks"):
        for span in getattr(person, key):
            yield from _span(span, f"staff {person.id}: {key}")
    for pause in person.flexible_breaks:
        yield from _span(pause.window, f"staff {person.id}: flexible_breaks window")


def _patient(who: Patient, staff: set[str]) -> Iterator[str]:
    yield from _span(who.stay, f"patients {who.id}: stay")
    for span in who.unavailable:
        yield from _span(span, f"patients {who.id}: unavailable")
    if who.preferred_hours is not None:
        yield from _span(who.preferred_hours, f"patients {who.id}: preferred_hours")
    if who.preferred_therapist is not None and who.preferred_therapist not in staff:
        yield (
            f"patients {who.id}: preferred_therapist {who.preferred_therapist!r} is not among the staff: "
            "name somebody of the staff, or null."
        )


def _activity(activity: Activity, instance: Instance, known: dict[str, Patient]) -> Iterator[str]:
    where = f"activities {activity.id}"
    if activity.duration > DAY:
        yield f"{where}: duration {activity.duration} is longer than a day: give minutes."
    if activity.window is not None:
        yield from _span(activity.window, f"{where}: window")
    for need in activity.staff:
        if not need.begins < need.ends:
            yield f"{where}: staff needs from {need.begins} to {need.ends}: give minutes in ascending order."
        if need.ends > DAY:
            yield f"{where}: staff needs until minute {need.ends}: give minutes from the start, within a day."
    if activity.rest_after > LONGEST or instance.patient_min_gap > LONGEST:
        yield f"{where}: rest_after or patient_min_gap is longer than {LONGEST} minutes: correct it."
    for role in activity.monitored_by:
        if role not in instance.monitor_ratio:
            yield f"{where}: monitored_by names {role!r}, of which monitor_ratio says nothing: add its ratio."
    for name in activity.only_with:
        if name not in known:
            yield f"{where}: only_with names {name!r}, which is no activity: correct it."


def _baseline(instance: Instance, known: dict[str, Patient]) -> Iterator[str]:
    base = instance.baseline
    assert base is not None
    needs = {one.id: one for who in instance.patients for one in who.activities}
    yield from _twice((one.activity for one in base.assignments), "baseline assignments")
    planned = {one.activity for one in base.assignments}
    for name in base.pinned:
        if name in known and name not in planned:
            yield f"baseline: pinned names {name!r}, which has no assignment there: add it or leave it out."
    for one in base.assignments:
        if one.activity in needs and base.frozen(one):
            if len(one.staff) != len(needs[one.activity].staff):
                wanted = len(needs[one.activity].staff)
                yield f"baseline: {one.activity} stays and needs {wanted} staff, has {len(one.staff)}: correct it."
            if one.start % instance.grid_minutes:
                yield f"baseline: {one.activity} stays at minute {one.start}, which is off the grid: correct it."


def _span(span: Span, where: str) -> Iterator[str]:
    if not 0 <= span[0] <= span[1] <= LONGEST:
        yield f"{where} is [{span[0]}, {span[1]}]: give minutes in ascending order, nought or more."


def _twice(names: Iterable[str], where: str) -> Iterator[str]:
    seen = set()
    for name in names:
        if name in seen:
            yield f"{where}: {name!r} stands twice: give each its own id."
        seen.add(name)


def _once(names: Iterable[str], where: str, key: str) -> None:
    for sentence in _twice(names, where):
        raise UserError(sentence.replace("give each its own id", f"keep one entry for each {key}"))
