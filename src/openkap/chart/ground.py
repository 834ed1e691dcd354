"""
Has the ground moved? A signed verdict and a plan record every fact they stood on; later these are compared with the
chart.

Every settled fact is recorded, not only those behind a finding: a rule that was false rested on facts too. A record
that changes no fact (the same weight a week later, a letter) moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openkap.chart.types import Interval, Medicine, State
from openkap.chart.view import View
from openkap.chart.vocabulary import facts
from openkap.kernel.clock import When
from openkap.kernel.quantity import number

MEDICINES = "medicines"


def fact_versions(view: View) -> dict[str, dict[str, Any]]:
    """Every settled or conflicting fact on the day, with value, date and sources; and the current medicines."""
    states = [view.state(name) for name in facts()]
    found = {s.fact: _version(s) for s in states if s.settled or s.status == "conflict"}
    found[MEDICINES] = {"value": _medicines(view), "on": view.on.isoformat(), "sources": [], "status": "known"}
    return found


def changed(document: Mapping[str, Any], view: View) -> list[dict[str, Any]]:
    """
    Which facts a document stood on have changed since, and which have aged out.

    Args:
        document: of a plan or a signed verdict, with `fact_versions`.
        view: the chart on a later day.

    Returns:
        One entry per fact with `fact`, `change` (`changed`, `aged`, `lost`, `new`), `was`, `now` and a
        sentence. Empty: the plan still stands on the same ground.
    """
    before: Mapping[str, Any] = document["fact_versions"]
    found = []
    for name in facts():
        state = view.state(name)
        old = before.get(name)
        change = _change(old, state)
        if change:
            was, now = (old or {}).get("value"), _plain(state.value) if state.settled else None
            text = state.reason or f"{facts()[name].words}: was {_said(was)}, is {_said(now)}"
            found.append({"fact": name, "change": change, "was": was, "now": now, "text": text})
    was, now = before[MEDICINES]["value"], _medicines(view)
    if was != now:
        text = f"current medicines: were {', '.join(was) or 'none'}, are {', '.join(now) or 'none'}"
        found.append({"fact": MEDICINES, "change": "changed", "was": was, "now": now, "text": text})
    return found


def _change(old: Mapping[str, Any] | None, state: State) -> str:
    if old is None:
        return "new" if state.settled or state.status == "conflict" else ""
    if state.settled:
        return "" if old["value"] == _plain(state.value) and old["status"] == state.status else "changed"
    if state.status == old["status"]:
        return ""
    return {"stale": "aged", "conflict": "changed"}.get(state.status, "lost")


def _version(state: State) -> dict[str, Any]:
    return {"value": _plain(state.value), "on": _day(state), "sources": list(state.sources), "status": state.status}


def _plain(value: Any) -> Any:
    """A value as JSON keeps it, so that a stored document compares equal with a fresh one."""
    if isinstance(value, Interval):
        return f"{value.low}-{value.high}"
    if isinstance(value, When):
        return value.text
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, tuple):
        return sorted(value)
    return number(value)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not known" if value is None else str(value)


def _medicines(view: View) -> list[str]:
    return sorted(_medicine(m) for m in view.current_medicines())


def _medicine(entry: Medicine) -> str:
    amount = "" if entry.daily_mg is None else f" {number(entry.daily_mg)} mg/d"
    return " + ".join(entry.ingredients) + amount


def _day(state: State) -> str | None:
    return state.when.text[:10] if state.when and state.when.text else None
