"""`openkap schema COMMAND`: the JSON Schema (draft 2020-12) of what a command prints."""

from __future__ import annotations

import argparse
from typing import Any, get_args

from openkap import __version__
from openkap.assess.types import Status
from openkap.cli.io import stamped, write_json
from openkap.kernel.coding import BASE
from openkap.kernel.errors import UnknownName
from openkap.kernel.source import GRADE_WORDS, Tag
from openkap.plan.types import Dimension, SessionKind
from openkap.screen.types import CLASSES, Missing, Route, VerdictWord

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    write_json(stamped(schema(arguments.of)))
    return 0


def schema(command: str) -> Schema:
    """
    The schema of a command's output.

    Args:
        command: `score`, `chart`, `assess`, `screen`, `plan`, `simulate`, `schedule` or `content`.

    Raises:
        UnknownName: no such command, or one that prints no JSON document.
    """
    if command not in OUTPUTS:
        raise UnknownName(f"COMMAND {command!r} has no schema: use one of {', '.join(OUTPUTS)}.")
    body = OUTPUTS[command]
    head = {"$schema": DIALECT, "$id": f"{BASE}/schema/{command}/{__version__}", "title": f"openkap {command}"}
    return head | body | {"$defs": {name: DEFINITIONS[name] for name in _needed(body)}}


def _needed(part: Any) -> list[str]:
    """Names of the definitions that a schema leads to, those of definitions included, in order of need."""
    names: list[str] = []
    waiting = [part]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in names:
                names.append(name)
                waiting.append(DEFINITIONS[name])
            waiting.extend(node.values())
    return sorted(names)


# -- the parts of a schema -------------------------------------------------------------------------

TEXT: Schema = {"type": "string", "minLength": 1}
ANY_TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
YES_NO: Schema = {"type": "boolean"}
DAY: Schema = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
WHEN: Schema = {"type": "string", "pattern": r"^\d{4}(-\d{2}(-\d{2}(T.+)?)?)?$"}


def obj(required: dict[str, Schema], optional: dict[str, Schema] | None = None, about: str = "") -> Schema:
    """An object with these keys; others may be added by a later version."""
    said: Schema = {"description": about} if about else {}
    return said | {"type": "object", "required": list(required), "properties": required | (optional or {})}


def many(item: Schema, about: str = "") -> Schema:
    """A list."""
    return ({"description": about} if about else {}) | {"type": "array", "items": item}


def null_or(item: Schema) -> Schema:
    """The item, or null."""
    return {"anyOf": [item, {"type": "null"}]}


def one_of(words: Any, about: str = "") -> Schema:
    """One of these words."""
    return ({"description": about} if about else {}) | {"enum": list(words)}


def ref(name: str) -> Schema:
    """A definition by name."""
    return {"$ref": f"#/$defs/{name}"}


_VERSIONS: dict[str, Schema] = {
    "openkap": TEXT | {"description": "version of the program"},
    "content": TEXT | {"description": "version of all clinical content"},
}
_CASE: dict[str, Schema] = _VERSIONS | {"mode": ref("mode"), "on": DAY | {"description": "day of decision"}}

# An option states its evidence in words (`evidence`) and as a grade (`evidence_class`).
_OPTION: dict[str, Schema] = {
    "id": TEXT | {"pattern": "^REG-"},
    "title": TEXT,
    "route": one_of(get_args(Route)),
    "drug": TEXT,
    "for": many(TEXT),
    "against": many(TEXT),
    "dose": ref("dose"),
    "evidence": TEXT,
    "evidence_class": ref("grade"),
    "basis": ref("basis"),
    "verified": ref("verified"),
    "doses": COUNT,
    "limit": TEXT | {"pattern": "^DOS-"},
    "warnings": many(TEXT),
}

DEFINITIONS: dict[str, Schema] = {
    "mode": one_of(
        ["demonstration", "production"], "demonstration: all content counts, also what is unsigned and unverified"
    ),
    "grade": one_of(GRADE_WORDS, "; ".join(f"{key}: {words}" for key, words in GRADE_WORDS.items())),
    "verified": one_of([True, False, "secondary"], "true only if every part was read in the source itself"),
    "basis": many(obj({"what": TEXT, "tag": one_of(get_args(Tag)), "source": ANY_TEXT})),
    "verdict": one_of(get_args(VerdictWord)),
    "range": obj({"low": null_or(NUMBER), "high": null_or(NUMBER)}, about="bounds of what is not known exactly"),
    "value": {
        "description": "a number, a code, a date, yes or no, a range, or several codes; null where it is not known",
        "anyOf": [NUMBER, ANY_TEXT, YES_NO, {"type": "null"}, ref("range"), many(ANY_TEXT)],
    },
    "score": obj(
        {
            "instrument": TEXT,
            "status": one_of(get_args(Status)),
            "total": null_or(NUMBER),
            "subscores": {"type": "object", "additionalProperties": {"type": ["number", "string", "null"]}},
            "band": null_or(TEXT),
            "flags": many(TEXT),
            "source": TEXT,
        },
        {"version": TEXT, "answered": COUNT, "items": COUNT, "signed": YES_NO},
        "null totals and bands: not computed, never zero",
    ),
    "fact": obj(
        {
            "name": TEXT,
            "status": one_of(["known", "absent", "stale", "conflict"]),
            "value": ref("value"),
            "unit": null_or(TEXT),
            "on": null_or(WHEN),
            "source": null_or(TEXT),
        },
        {"words": TEXT, "text": null_or(TEXT), "reason": TEXT},
        "an unknown fact has no entry",
    ),
    "unmapped": obj(
        {
            "system": null_or(TEXT),
            "code": null_or(TEXT),
            "text": null_or(TEXT),
            "resource": TEXT,
            "reason": TEXT,
        },
        about="seen and not used",
    ),
    "dimension": obj(
        {"level": {"type": ["integer", "null"], "minimum": 0, "maximum": 3}, "because": many(TEXT)},
        {"words": TEXT, "evidence": ref("grade"), "verified": ref("verified"), "accepted": YES_NO},
        "null: no sign was measured, or a clinician did not take it over (accepted: false); neither is level 0",
    ),
    "formulation": obj({name: ref("dimension") for name in get_args(Dimension)}),
    "finding": obj(
        {
            "rule": TEXT,
            "class": one_of(CLASSES),
            "truth": one_of(["true", "unknown", "false"], "false only with --all"),
            "missing": one_of([*get_args(Missing), None]),
            "facts": many(TEXT),
            "because": TEXT,
            "action": TEXT,
            "source": many(TEXT),
            "evidence": ref("grade"),
            "verified": ref("verified"),
        },
        {
            "title": TEXT,
            "conflict": YES_NO,
            "would_change": null_or(TEXT),
            "needs_site_protocol": YES_NO,
            "retracted": null_or(TEXT),
            "site_values": many(ref("site_value")),
        },
    ),
    "site_value": obj(
        {"row": TEXT, "limit": TEXT, "value": ref("value"), "shipped": ref("value"), "by": TEXT, "on": DAY},
        {"reason": TEXT, "text": TEXT},
        "a number of a row that the site has set for itself",
    ),
    "ask": obj(
        {"fact": TEXT, "question": TEXT, "rules": many(TEXT), "decisive": YES_NO},
        {"reason": TEXT},
        "decisive: one of the shortest list that would settle the verdict",
    ),
    "dose": obj(
        {"mg": null_or(NUMBER), "mg_per_kg": null_or(NUMBER), "start_low": YES_NO, "steps": many({"type": "object"})},
        {"weight_kg": null_or(NUMBER), "duration_min": null_or(NUMBER), "start_low_because": many(TEXT)},
        "the first dose; mg is null where no dosing weight is known",
    ),
    "option": obj(_OPTION),
    "regimen": obj(_OPTION | {"chosen_by": one_of(["order", "preferences"]), "sessions": COUNT}),
    "refused_option": obj({"id": TEXT, "title": TEXT, "reasons": many(TEXT)}),
    "after": obj({"id": TEXT, "min_h": NUMBER, "max_h": null_or(NUMBER)}, about="hours between the starts"),
    "session": obj(
        {
            "id": TEXT,
            "kind": one_of(get_args(SessionKind)),
            "modality": null_or(TEXT),
            "minutes": COUNT,
            "after": many(ref("after")),
            "roles": many(TEXT),
            "needs": many(TEXT),
        },
        {"title": TEXT, "day": {"type": "integer"}, "date": DAY, "why": ANY_TEXT, "basis": ref("basis")},
    ),
    "statement": obj(
        {"id": TEXT, "text": TEXT, "evidence": ref("grade"), "verified": ref("verified"), "basis": ref("basis")},
        {"title": ANY_TEXT, "why": ANY_TEXT, "hypothesis": YES_NO, "retracted": ANY_TEXT},
    ),
}

# -- what each command prints ----------------------------------------------------------------------

_SCORE = {"allOf": [obj(_VERSIONS), ref("score")]}

_PLAN = obj(
    _CASE
    | {
        "verdict": ref("verdict"),
        "draft": YES_NO,
        "signable": YES_NO,
        "programme": obj({"sessions": many(ref("session"), "in order")}),
        "regimen": null_or(ref("regimen")),
        "options": many(ref("option"), "every template that survives; none is preselected"),
        "refused_options": many(ref("refused_option")),
        "modalities": many(
            obj(
                {
                    "id": TEXT,
                    "title": TEXT,
                    "rationale": TEXT,
                    "for": many({}),
                    "against": many(TEXT),
                    "verified": ref("verified"),
                }
            )
        ),
        "alternatives": many(
            obj({"id": TEXT, "title": TEXT, "onset": TEXT, "burden": TEXT, "harm": TEXT, "grade": ref("grade")})
        ),
        "monitoring": null_or({"type": "object"}),
        "consent_topics": many(ref("statement")),
        "limits": many(ref("statement"), "what the evidence does not show"),
        "findings": many(ref("finding")),
        "ask": many(ref("ask"), "every unknown fact behind an unknown finding, most decisive first"),
        "missing": many(ref("ask"), "the same, and what would change the start dose or open a gate"),
    },
    about="a programme to change and sign; regimen and monitoring are null in a draft without doses",
)

_REFUSAL = obj(
    _VERSIONS
    | {
        "mode": ref("mode"),
        "verdict": ref("verdict"),
        "reason": TEXT,
        "findings": many(ref("finding")),
        "ask": many(ref("ask")),
    },
    {"refused_options": many(ref("refused_option"))},
    "no programme, and why (exit status 3)",
)
_REFUSAL["properties"]["programme"] = False

_LINE = many(NUMBER | {"minimum": 0}, "ng/mL, one for each time")
_CURVE = obj(
    {"typical": _LINE, "p05": null_or(_LINE), "p50": null_or(_LINE), "p95": null_or(_LINE)},
    about="percentiles are null without a population",
)
_ENDS = null_or(obj({"p05": NUMBER, "p50": NUMBER, "p95": NUMBER}))
_SIMULATE = obj(
    _VERSIONS
    | {
        "mode": ref("mode"),
        "analytes": obj({"ketamine": _CURVE, "norketamine": null_or(_CURVE)}, about="ketamine is the parent given"),
        "unit": {"const": "ng/mL"},
        "model": TEXT,
        "source": TEXT,
        "warnings": many(TEXT),
    },
    {
        "drug": one_of(["ketamine", "esketamine"]),
        "site": one_of(["venous", "arterial", "unstated"], "where the set's blood was taken"),
        "evidence": ref("grade"),
        "verified": ref("verified"),
        "times_min": many(NUMBER),
        "doses": many(
            obj(
                {
                    "at_min": NUMBER,
                    "route": one_of(["iv", "im", "sc", "sublingual", "oral", "nasal"]),
                    "amount_mg": NUMBER,
                    "amount_mg_per_kg": null_or(NUMBER),
                    "duration_min": NUMBER,
                }
            )
        ),
        "population": null_or(obj({"n": COUNT, "seed": COUNT})),
        "bands": {"type": "object", "additionalProperties": TEXT},
        "sample": obj({"ketamine": null_or(_CURVE), "norketamine": null_or(_CURVE)}, about="residual error included"),
        "uncertainty": obj(
            {"ketamine": null_or(_CURVE), "norketamine": null_or(_CURVE)},
            about="the typical person by the standard errors of the parameters",
        ),
        "ensemble": null_or(
            obj({"models": many(TEXT), "typical": {"type": "object", "additionalProperties": _LINE}})
            | {"description": "several sets together"}
        ),
        "reproduces": many(TEXT),
        "does_not_reproduce": many(TEXT),
        "expectation": obj(
            {
                "session_at_min": NUMBER,
                "window": obj({"reached": NUMBER, "start_min": _ENDS, "end_min": _ENDS}),
                "ready_at_min": {"type": "object", "additionalProperties": null_or(NUMBER)},
                "not_before_min": null_or(NUMBER),
                "notes": many(TEXT),
            },
            about="after the last session, minutes from its first dose",
        ),
    },
)

_SEARCH = obj(
    {"seconds": NUMBER, "steps": COUNT, "seed": COUNT, "processes": COUNT, "repeatable": YES_NO},
    about="how it was found; the same seed and --steps give the same plan, a limit of time does not",
)

_SCHEDULE = obj(
    _VERSIONS
    | {
        "mode": ref("mode"),
        "instance": TEXT,
        "status": {"const": "feasible"},
        "assignments": many(
            obj(
                {
                    "activity": TEXT,
                    "start": COUNT | {"description": "minutes from 00:00 of day 0"},
                    "staff": many(TEXT, "in the order of the activity's requirements"),
                    "room": {"type": ["string", "null"]},
                }
            )
        ),
        "groups": many(obj({"event": TEXT, "staff": TEXT, "room": TEXT, "attendees": many(TEXT)})),
        "objective": NUMBER,
        "terms": {
            "type": "object",
            "additionalProperties": obj({"count": COUNT, "weight": NUMBER, "cost": NUMBER}),
        },
        "lower_bound": NUMBER,
        "bound": obj({"value": NUMBER, "how": TEXT}, about="proven; the gap to it says nothing about the best plan"),
        "unplaced": many(TEXT, "ids of activities; empty where coverage is all"),
        "staff_idle_minutes": COUNT,
        "search": _SEARCH,
    },
    {
        "repair": obj(
            {"kept": COUNT, "hit": many(TEXT, "what could not stay as it was")},
            {"changed": many(TEXT, "activities"), "patients_told": many(TEXT), "staff_told": many(TEXT)},
            about="with a plan to begin from; changes are counted against the published plan",
        )
    },
)

_NO_SCHEDULE = obj(
    _VERSIONS
    | {"mode": ref("mode"), "instance": TEXT, "status": {"enum": ["infeasible", "unknown"]}, "search": _SEARCH},
    {
        "conflict": many(TEXT, "ids of constraints that cannot hold together"),
        "minimal": YES_NO | {"description": "proven: without any one of them they can"},
        "because": {"oneOf": [many(TEXT, "the same in words"), TEXT]},
        "relaxations": many(
            obj({"constraint": TEXT, "enough": {"type": ["boolean", "null"]}, "least": YES_NO, "change": TEXT}),
            "how little each would have to give way",
        ),
        "patients": many(TEXT, "for whom it was shown"),
        "solves": COUNT,
    },
    about="exit status 3",
)

OUTPUTS: dict[str, Schema] = {
    "score": {
        "description": "one score; a list of them where a list was given",
        "oneOf": [_SCORE, many(_SCORE)],
    },
    "chart": obj(_CASE | {"facts": many(ref("fact")), "unmapped": many(ref("unmapped"))}),
    "assess": obj(
        _CASE
        | {
            "scores": many({"allOf": [ref("score"), obj({}, {"on": null_or(WHEN), "usable": YES_NO})]}),
            "formulation": ref("formulation"),
        },
    ),
    "screen": obj(
        _CASE
        | {
            "verdict": ref("verdict"),
            "dose_day": YES_NO,
            "findings": many(ref("finding"), "worst first"),
            "ask": many(ref("ask"), "most decisive first"),
        },
        {
            "rules_checked": COUNT,
            "whose_record": many(
                obj({"resource": TEXT, "reason": TEXT}), "signs that records of two people are mixed up"
            ),
        },
    ),
    "plan": {"description": "with --as json", "oneOf": [_PLAN, _REFUSAL]},
    "simulate": _SIMULATE,
    "schedule": {"oneOf": [_SCHEDULE, _NO_SCHEDULE]},
    "content": obj(
        _VERSIONS
        | {
            "mode": ref("mode"),
            "ok": {"const": True},
            "files": COUNT,
            "rows": COUNT,
            "signable": COUNT,
            "unsigned": COUNT,
            "unverified": many(TEXT, "ids of rows that rest on unverified knowledge or on a design default"),
            "retracted": many(TEXT, "ids"),
            "readings": COUNT | {"description": "readings of a rule that a clinician is to confirm"},
            "overrides": COUNT,
        },
        about="of `content check`, when nothing is wrong",
    ),
}
