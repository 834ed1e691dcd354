"""
What changed between two versions of a plan, in words and in structure. Pure.

Each change says where (`part`), what (`title`), how (`added`, `changed`, `removed`) and both values, so that a page
can strike the one and underline the other, and a test can count them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from openkap.kernel.quantity import number

Change = dict[str, Any]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """
    Every change from one plan document to the next; empty if they say the same.

    Args:
        old, new: plan documents, as proposed or read back from JSON.
    """
    return [
        *_verdict(old, new),
        *_regimen(old.get("regimen"), new.get("regimen")),
        *_sessions(old, new),
        *_named("modality", _modalities(old), _modalities(new)),
        *_named("finding", _findings(old), _findings(new)),
        *_named("option", _options(old), _options(new)),
        *_named("missing", _missing(old), _missing(new)),
        *_named("consent", _rows(old, "consent_topics"), _rows(new, "consent_topics")),
        *_named("limit of the evidence", _rows(old, "limits"), _rows(new, "limits")),
        *_named("fact", _facts(old), _facts(new)),
    ]


def said(change: Change) -> str:
    """A change as a sentence."""
    head = f"{change['part'].capitalize()}: {change['title']}"
    if change["how"] == "changed":
        return f"{head}, {change['was']} → {change['now']}."
    return f"{head}, {change['how']}: {change['was'] if change['how'] == 'removed' else change['now']}."


def _verdict(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    yield from _changed("verdict", "verdict", old.get("verdict"), new.get("verdict"))
    yield from _changed("draft", "only a draft", _yes(old.get("draft")), _yes(new.get("draft")))


def _regimen(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Change]:
    if old is None or new is None:
        yield from _changed("regimen", "regimen", old and old["title"], new and new["title"])
        return
    yield from _changed("regimen", "regimen", f"{old['title']} ({old['id']})", f"{new['title']} ({new['id']})")
    for title, key in (("route", "route"), ("number of doses", "doses"), ("spacing", "interval")):
        yield from _changed("regimen", title, old.get(key), new.get(key))
    yield from _changed("dose", "first dose", _dose(old["dose"]), _dose(new["dose"]))
    yield from _changed("dose", "steps", _steps(old["dose"]), _steps(new["dose"]))
    yield from _changed("dose", "duration", _minutes(old["dose"]), _minutes(new["dose"]))
    yield from _changed("dose", "dosing weight", _kg(old["dose"]), _kg(new["dose"]))
    yield from _changed("dose", "low start", _yes(old["dose"]["start_low"]), _yes(new["dose"]["start_low"]))


def _sessions(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before = {s["id"]: s for s in old["programme"]["sessions"]}
    after = {s["id"]: s for s in new["programme"]["sessions"]}
    yield from _changed("calendar", "first day", _first_day(before), _first_day(after))
    for name, session in before.items():
        if name not in after:
            yield _change("session", session["title"], "removed", _when(session), None)
    for name, session in after.items():
        was = before.get(name)
        if was is None:
            yield _change("session", session["title"], "added", None, _when(session))
            continue
        # Dates follow from the first day, which is said once.
        yield from _changed("session", session["title"], f"day {was['day']}", f"day {session['day']}")
        yield from _changed("session", f"title of {session['id']}", was["title"], session["title"])
        for title, key in (("method", "modality"), ("minutes", "minutes"), ("needs", "needs"), ("roles", "roles")):
            yield from _changed("session", f"{title} of {session['title']}", _text(was[key]), _text(session[key]))
        yield from _changed("session", f"hours before {session['title']}", _gates(was), _gates(session))


def _named(part: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name, text in old.items():
        if name not in new:
            yield _change(part, name, "removed", text, None)
    for name, text in new.items():
        if name not in old:
            yield _change(part, name, "added", None, text)
        else:
            yield from _changed(part, name, old[name], text)


def _changed(part: str, title: str, was: Any, now: Any) -> Iterator[Change]:
    if was != now:
        how = "added" if was is None else "removed" if now is None else "changed"
        yield _change(part, title, how, was, now)


def _change(part: str, title: str, how: str, was: Any, now: Any) -> Change:
    return {"part": part, "title": title, "how": how, "was": was, "now": now}


# ---------------------------------------------------------------- parts of a document in words


def _modalities(document: Mapping[str, Any]) -> dict[str, str]:
    return {
        m["title"]: "avoided" if m["avoided"] else f"{m['role']}, gate {m['gate']['state']}"
        for m in document["modalities"]
    }


def _findings(document: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for f in document["findings"]:
        text = f"{f['class']}, {f['truth']}: {f['because']}"
        taken = "; ".join(d["reason"] for d in f.get("decisions", ()))
        name = f"{f['rule']} {f['title']}"
        text = f"{text} ({taken})" if taken else text
        found[name] = f"{found[name]}; {text}" if name in found else text
    return found


def _options(document: Mapping[str, Any]) -> dict[str, str]:
    kept = {
        f"{o['id']} {o['title']}, {o['route']}": f"offered, first dose {_dose(o['dose'])}" for o in document["options"]
    }
    return kept | {f"{o['id']} {o['title']}": " ".join(o["reasons"]) for o in document["refused_options"]}


def _missing(document: Mapping[str, Any]) -> dict[str, str]:
    return {m["fact"]: m["question"] for m in document["missing"]}


def _rows(document: Mapping[str, Any], name: str) -> dict[str, str]:
    return {row["id"]: row["text"] for row in document[name]}


def _facts(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"{_text(v['value'])} ({v['status']})" for name, v in document["fact_versions"].items()}


def _when(session: Mapping[str, Any]) -> str:
    return f"day {session['day']}" + (f", {session['date']}" if session.get("date") else "")


def _first_day(sessions: Mapping[str, Mapping[str, Any]]) -> str | None:
    return next((s["date"] for s in sessions.values() if s["day"] == 0 and "date" in s), None)


def _gates(session: Mapping[str, Any]) -> str:
    parts = [
        f"{gate['id']} {gate['min_h']} h" + ("" if gate["max_h"] is None else f" to {gate['max_h']} h")
        for gate in session["after"]
    ]
    return ", ".join(parts) or "none"


def _dose(dose: Mapping[str, Any]) -> str:
    parts = [(dose["mg"], "mg"), (dose["mg_per_kg"], "mg/kg")]
    return ", ".join(f"{_text(value)} {unit}" for value, unit in parts if value is not None)


def _steps(dose: Mapping[str, Any]) -> str:
    return "; ".join(f"from dose {step['dose']}: {_dose(step)}" for step in dose["steps"])


def _minutes(dose: Mapping[str, Any]) -> str:
    return "none" if dose["duration_min"] is None else f"{_text(dose['duration_min'])} min"


def _kg(dose: Mapping[str, Any]) -> str:
    return "not known" if dose["weight_kg"] is None else f"{_text(dose['weight_kg'])} kg"


def _yes(value: Any) -> str:
    return "yes" if value else "no"


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return _yes(value)
    if isinstance(value, (int, float, Decimal)):
        return number(Decimal(str(value)))
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(one) for one in value) or "none"
    return str(value)
