"""Rows of content as a reviewer reads them: every value as text, conditions in words and in the rule language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from openkap.assess.definition import Bands, Licence, Line, Subscale
from openkap.chart.expression import AnyKnown, Both, Either, Limit, Node, Not, Seen
from openkap.chart.rule_language import parse
from openkap.kernel.content import fingerprint
from openkap.kernel.quantity import number, unit_words
from openkap.kernel.site import Override, Site
from openkap.kernel.source import TAG_WORDS, Margin, Row, SetHere
from openkap.pkpd.types import CHECKED_WORDS, Covariance, Parameter, Residual, Uncertainty, Variation
from openkap.plan import words
from openkap.plan.types import Bound, Care, Gate
from openkap.review.catalogue import Chapter, readings_of, signature_state, tags_of
from openkap.screen.types import Arm, Rule

SIGNATURE_SHAPES = {"signed": "ok", "unsigned": "plain"}
SILENCE = "none: silence is documented to mean no"
DOSE_DAY = {"also": "", "only": "on the dose day only", "never": "not on the dose day"}

# What every row shows in a place of its own, or what names it.
APART = (
    "id",
    "basis",
    "reading",
    "note",
    "retracted",
    "evidence",
    "limits",
    "tag",
    "signature",
    "site_may",
    "set_here",
)
NAMES = ("title", "words", "term", "claim", "study", "parameter")
WIDEST_TABLE = 6


@dataclass(frozen=True, slots=True)
class Reviewer:
    """
    For whom a row is shown.

    Args:
        site: whose signatures and overrides.
        on: the day.
    """

    site: Site
    on: date


def chapter_view(chapter: Chapter, who: Reviewer) -> dict[str, Any]:
    """A chapter ready for the template: rules as cards, small rows as a table, the others as cards of fields."""
    rows = [row_view(row, chapter, who) for row in chapter.rows]
    kind = "rules" if isinstance(chapter.rows[0], Rule) else "cards"
    head = list(dict.fromkeys(name for row in rows for name, _ in row["fields"]))
    if not chapter.signed and len(head) > WIDEST_TABLE:
        head = ["values"]
        for row in rows:
            row["fields"] = [("values", "; ".join(f"{name}: {said}" for name, said in row["fields"]))]
    if kind == "cards" and len(head) <= WIDEST_TABLE:
        kind = "table"
    signed = sum(row["state"] == "signed" for row in rows)
    return {
        "id": chapter.id,
        "title": chapter.title,
        "kind": kind,
        "head": head,
        "rows": rows,
        "tally": f"{len(rows)} rows" + (f", {signed} signed" if chapter.signed else ""),
    }


def row_view(row: Row, chapter: Chapter, who: Reviewer) -> dict[str, Any]:
    """One row; fields that a rule lays out itself are not repeated among `fields`."""
    state = signature_state(row, who.site, who.on) if chapter.signed else ""
    signature = who.site.signatures.get(row.id)
    view: dict[str, Any] = {
        "id": row.id,
        "anchor": f"row-{chapter.room}-{row.id}",
        "name": row_name(row),
        "state": state,
        "state_shape": SIGNATURE_SHAPES.get(state, "hold"),
        "signature": _signature(signature) if signature and state else "",
        "fingerprint": fingerprint(row) if chapter.signed else "",
        "grade": words.GRADES[row.evidence] if hasattr(row, "evidence") else "",
        "weak": getattr(row, "evidence", "") in ("NONE", "EXP", "PRE", "CR"),
        "parts": [
            {
                "what": what,
                "tag": TAG_WORDS[tag],
                "sure": tag in ("V", "S", "P"),
                "source": source,
                "room": chapter.room,
            }
            for what, tag, source in tags_of(row)
            if not (isinstance(row, Rule) and what.startswith("limit "))  # they stand in its table of limits
        ],
        "readings": readings_of(row),
        "note": getattr(row, "note", ""),
        "retracted": getattr(row, "retracted", ""),
        "site_may": [_margin(name, margin) for name, margin in getattr(row, "site_may", {}).items()],
        "set_here": [] if isinstance(row, Rule) else [_set_here(one) for one in getattr(row, "set_here", ())],
        "rule": None,
        "fields": [],
    }
    if isinstance(row, Rule):
        view["rule"] = _rule(row, who.site.overrides.get(row.id, {}))
    else:
        view["fields"] = _fields(row)
    return view


def _margin(name: str, margin: Margin) -> str:
    far = "" if margin.loosest is None else f", as loose as {value_words(margin.loosest)}"
    return f"{name}, {margin.tighter}{far}"


def _set_here(one: SetHere) -> str:
    values = f"{value_words(one.value)} instead of {value_words(one.shipped)}"
    return f"{one.limit}: {values}, set by {one.by} on {words.long_date(one.on.isoformat())}: {one.reason}"


def _signature(signature: Any) -> str:
    until = f", counts until {words.long_date(signature.review_by.isoformat())}" if signature.review_by else ""
    return f"{signature.by}, {signature.role}, {words.long_date(signature.on.isoformat())}{until}"


# -- rules -------------------------------------------------------------------------------------------


def _rule(rule: Rule, changes: Mapping[str, Override]) -> dict[str, Any]:
    limits = {name: limit.limit for name, limit in rule.limits.items()}
    return {
        "text": rule.text,
        "action": rule.action,
        "rationale": rule.rationale,
        "arms": [_arm(arm, limits) for arm in rule.arm],
        "limits": [_limit(name, limit, changes.get(name)) for name, limit in rule.limits.items()],
        "more": [
            (name, said)
            for name, said in (
                ("Look-back of its own", "; ".join(f"{fact}: {span}" for fact, span in rule.look_back.items())),
                ("Ladder", f"{rule.ladder}: at most one of its rules is true" if rule.ladder else ""),
                ("Wants beside it", ", ".join(rule.mitigation)),
                ("Personal attributes", "; ".join(rule.for_whom)),
                ("Facts", "only those of the dose day" if rule.dose_day else ""),
            )
            if said
        ],
    }


def _arm(arm: Arm, limits: Mapping[str, Limit]) -> dict[str, Any]:
    extra = [DOSE_DAY[arm.on_dose_day]]
    if arm.dose_day_class:
        extra.append(f"on the dose day: {arm.dose_day_class}")
    if arm.routes:
        extra.append("only by " + ", ".join(arm.routes))
    missing = [f"{arm.missing}: {words.MISSING_WORDS[arm.missing]}" if arm.missing else SILENCE]
    missing += [f"{o.policy}: {words.MISSING_WORDS[o.policy]}, where {o.when}" for o in arm.missing_if]
    return {
        "class": arm.class_,
        "shape": words.SHAPES[arm.class_],
        "tree": condition_tree(parse(arm.when), limits),
        "when": arm.when,
        "missing": missing,
        "extra": [said for said in extra if said],
    }


def condition_tree(node: Node, limits: Mapping[str, Limit], negated: bool = False) -> dict[str, Any]:
    """
    A condition as nested lists, so that no reader has to guess where a bracket stands.

    Returns:
        `{"text"}` for a leaf, `{"head": "all of" | "any of", "parts"}` for a group; negation is moved to the leaves.
    """
    if isinstance(node, Not):
        return condition_tree(node.parts[0], limits, not negated)
    if isinstance(node, Seen):
        inner = condition_tree(node.parts[0], limits, negated)
        return inner if "parts" in inner else {"text": f"{inner['text']} (on record; silence reads as no)"}
    if isinstance(node, (Both, Either, AnyKnown)):
        both = isinstance(node, Both) is not negated
        head = "all of" if both else "any of"
        if isinstance(node, AnyKnown):
            head += ", as far as they are known"
        return {"head": head, "parts": [condition_tree(part, limits, negated) for part in node.parts]}
    return {"text": node.words(limits, negated).replace("_", " ")}


def _limit(name: str, limit: Any, change: Override | None) -> dict[str, str]:
    said = value_words(limit.value) + (
        f"\N{NO-BREAK SPACE}{unit_words(limit.unit)}" if limit.unit not in ("", "1") else ""
    )
    loosest = "not at all" if limit.loosest is None else f"to {value_words(limit.loosest)}"
    override = ""
    if change:
        override = f"set by {change.by} on {words.long_date(change.on.isoformat())}: {change.reason}"
    return {
        "name": name,
        "value": said,
        "tighter": f"stricter when {limit.tighter}",
        "loosest": loosest,
        "tag": TAG_WORDS[limit.tag],
        "override": override,
    }


# -- other rows ------------------------------------------------------------------------------------------


# Units that stand in the name of a field, so that its number is never shown without one.
SUFFIXES = {
    "_mg": "mg",
    "_s": "s",
    "_min": "min",
    "_h": "h",
    "_percent": "%",
    "_pct": "%",
    "_days": "days",
    "_d": "days",
    "_wk": "weeks",
    "_mo": "months",
    "_kg": "kg",
}
RANGES = ("start", "usual")  # lowest and highest
# Names of fields for a reader, where the name in the file is short for something.
LABELS = {
    "low start": "low first dose",
    "usual": "usual range",
    "step text": "next step, in words",
    "ceiling": "highest published",
    "anxiety ceiling": "highest published in anxiety",
    "never": "never above",
    "never fast": "never this much faster than",
    "bolus": "can be given all at once",
    "demo": "demonstration maximum",
    "min": "shortest gap",
    "max": "longest gap",
    "most": "most doses",
    "place": "place in the fixed order",
    "n": "people",
    "pro": "for",
    "contra": "against",
    "first": "first choice in",
    "next": "helpful next in",
    "always": "shown for everyone",
    "after dose min": "after a dose, at the earliest",
    "before dose min": "before the next dose, at the latest",
}
# Values that are code words in the file.
VALUES = {
    "route": words.ROUTE_WORDS,
    "routes": words.ROUTE_WORDS,
    "studied": words.DISORDER_WORDS,
    "disorders": words.DISORDER_WORDS,
    "grades": words.DISORDER_WORDS,
    "offered": {
        "order": "in the fixed order",
        "responders": "to recorded responders only",
        "reason": "only with the reason of DOS-FREQ-1",
        "named": "only where the preferences name it",
        "never": "never",
    },
}
DOSES = ("start", "low_start", "usual", "step", "doses")  # in the row's own `unit`


def _fields(row: msgspec.Struct) -> list[tuple[str, str]]:
    """Every field that says something, by introspection; nested tables are written out in one line."""
    found = []
    for field in msgspec.structs.fields(row):
        value = getattr(row, field.name)
        # In a row that is no rule, `limits` are its numbers and have no table of their own.
        if field.name in APART and not (field.name == "limits" and value):
            continue
        if field.default is not msgspec.NODEFAULT and bool(value == field.default):
            continue
        name, unit = _unit_of(row, field.name)
        said = _said(row, field.name, value, unit)
        if said and not (field.name in NAMES and said == row_name(row)):
            name = name.strip("_").replace("_", " ")
            found.append((LABELS.get(name, name), said))
    return found


def _said(row: msgspec.Struct, name: str, value: Any, unit: str) -> str:
    """A field's value; code words, conditions and ranges are written out."""
    if name == "when" and hasattr(row, "limits"):
        return f"{condition_words(value, row.limits)} [{value}]"
    if name in RANGES and isinstance(value, tuple):
        ends = [value_words(end, unit) for end in dict.fromkeys(value)]
        return " to ".join(ends)
    if name == "instruments":
        return ", ".join(map(words.instrument_name, value))
    if name in VALUES:
        return value_words(_translated(value, VALUES[name]), unit)
    return f"{value}\N{NO-BREAK SPACE}{unit}" if unit and isinstance(value, str) else value_words(value, unit)


def _translated(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {known.get(key, key): part for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [known.get(part, part) for part in value]
    return known.get(value, value)


def condition_words(when: str, limits: Mapping[str, Any]) -> str:
    """A condition in one line: groups in brackets."""

    def line(tree: Mapping[str, Any]) -> str:
        return tree["text"] if "text" in tree else f"{tree['head']} ({'; '.join(map(line, tree['parts']))})"

    return line(condition_tree(parse(when), limits))


def _unit_of(row: msgspec.Struct, name: str) -> tuple[str, str]:
    if name == "minutes":
        return "length", "min"
    if name == "preparation_days":  # numbers of days, not how many
        return "days of preparation", ""
    own: str = getattr(row, "unit", "")
    if name in DOSES and own:
        return name, own
    for suffix, unit in SUFFIXES.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix) or name, unit
    return name, ""


def row_name(row: msgspec.Struct) -> str:
    """What names a row for a reader; empty where only its id does."""
    found = (getattr(row, key, None) for key in NAMES)
    return next((text for text in found if isinstance(text, str) and text), "")


def value_words(value: Any, unit: str = "") -> str:
    """
    Any value of a content row as text; empty for nothing.

    Args:
        value: of any type that content has.
        unit: stands beside every number in it.
    """
    if value is None or value == "" or value is msgspec.UNSET:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, Decimal)):
        return f"{number(value)}\N{NO-BREAK SPACE}{unit}" if unit else number(value)
    if isinstance(value, (str, date)):
        return words.long_date(value.isoformat()) if isinstance(value, date) else value
    if isinstance(value, Mapping):
        return "; ".join(_pair(str(key), part, unit) for key, part in value.items())
    if isinstance(value, (tuple, list)):
        inner = [value_words(part, unit) for part in value]
        joined = "; " if any(" " in said for said in inner) else ", "
        return joined.join(said for said in inner if said)
    if (say := _SAID.get(type(value))) is not None:
        return say(value)
    return _struct_words(value) if isinstance(value, msgspec.Struct) else str(value)


def _pair(key: str, value: Any, unit: str) -> str:
    """A named number of a row, the unit of its name beside it."""
    for suffix, own in SUFFIXES.items():
        if key.endswith(suffix) and isinstance(value, (int, Decimal)):
            return f"{key.removesuffix(suffix).replace('_', ' ')}: {value_words(value, own)}"
    return f"{key.replace('_', ' ')}: {value_words(value, unit)}"


def _gate_words(gate: Gate) -> str:
    return f"{gate.text} ({TAG_WORDS[gate.tag]}); opens where {condition_words(gate.when, gate.limits)}"


def _care_words(care: Care) -> str:
    return f"{care.text} ({TAG_WORDS[care.tag]}), where {condition_words(care.when, {})}"


def _subscale_words(scale: Subscale) -> str:
    how = HOW[scale.how]
    items = f" {', '.join(map(str, scale.items))}" if scale.items else ""
    return f"{scale.id.replace('_', ' ')}: {how}{items}"


def _bound_words(bound: Bound) -> str:
    said = [value_words(bound.mg_per_kg, "mg/kg"), value_words(bound.mg, "mg")]
    if bound.min_duration_min is not None:
        said.append(f"over at least {value_words(bound.min_duration_min, 'min')}")
    if bound.inclusive:
        said.append("the amount itself included")
    return ", ".join(part for part in said if part)


def _bands_words(bands: Bands) -> str:
    said = "; ".join(f"{number(b.low)} to {number(b.high)} {words.band_words(b.word)}" for b in bands.list)
    return f"{bands.when}: {said}" if bands.when else said


def _licence_words(licence: Licence) -> str:
    ships = {"none": "text does not ship", "full_after_check": "text ships only after a recorded comparison"}
    return f"{licence.status} ({ships.get(licence.ship, 'text ships')}; {TAG_WORDS[licence.tag]})"


def _line_words(cut: Line) -> str:
    flag = f", flag {cut.flag}" if cut.flag else ""
    when = f", {cut.when}" if cut.when else ""
    return f"at least {number(cut.at_least)}{when}: {cut.words}{flag}"


def _parameter_words(p: Parameter) -> str:
    scaled = "" if p.weight_exponent is None else f" × (kg/70)^{number(p.weight_exponent)}"
    unit = "" if p.unit == "1" else f"\N{NO-BREAK SPACE}{p.unit}"
    return f"{p.name} {number(p.value)}{unit}{scaled}{_read(p)}"


def _variation_words(v: Variation) -> str:
    size = f"{number(v.low or 0)} to {number(v.high or 0)}" if v.kind == "uniform" else number(v.value)
    return f"{v.name} {v.kind} {size}{' by session' if v.occasion else ''}{_read(v)}"


def _covariance_words(c: Covariance) -> str:
    return f"{' with '.join(c.of)} {number(c.value)}{_read(c)}"


def _residual_words(r: Residual) -> str:
    sizes = (("proportional", r.proportional), ("log SD", r.log_sd), ("additive, nmol/mL", r.additive_nmol_ml))
    return f"{r.analyte}: {', '.join(f'{name} {number(size)}' for name, size in sizes if size)}{_read(r)}"


def _uncertainty_words(u: Uncertainty) -> str:
    return f"{' and '.join(u.of)}: log SE {number(u.log_se)}{_read(u)}"


def _read(part: Parameter | Variation | Covariance | Residual | Uncertainty) -> str:
    """How a number of a parameter set was read, and where."""
    said = [CHECKED_WORDS[part.checked], part.source, part.note]
    return f" ({', '.join(one for one in said if one)})"


_SAID: dict[type, Callable[[Any], str]] = {
    Bound: _bound_words,
    Bands: _bands_words,
    Licence: _licence_words,
    Line: _line_words,
    Gate: _gate_words,
    Care: _care_words,
    Subscale: _subscale_words,
    Parameter: _parameter_words,
    Variation: _variation_words,
    Covariance: _covariance_words,
    Residual: _residual_words,
    Uncertainty: _uncertainty_words,
}
HOW = {
    "sum": "sum of items",
    "mean": "mean of items",
    "percent": "percent of the highest possible, items",
    "total_per_item": "total divided by the number of items",
}


def _struct_words(value: msgspec.Struct) -> str:
    """Only what differs from the defaults: an empty part of a row is not worth a line."""
    said = []
    for field in msgspec.structs.fields(value):
        part = getattr(value, field.name)
        if part == field.default or (isinstance(part, (tuple, dict)) and not part):
            continue
        name, unit = _unit_of(value, field.name)
        text = TAG_WORDS[part] if field.name == "tag" else value_words(part, unit)
        if text:
            said.append(f"{name.strip('_').replace('_', ' ')} {text}")
    return f"({', '.join(said)})" if said else ""
