"""A fact as it goes out: plain data, the same for chart, assessment, screening and plan."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from openkap.chart.types import Interval, State
from openkap.chart.view import show
from openkap.chart.vocabulary import fact_of
from openkap.kernel.clock import When
from openkap.kernel.quantity import round_half_up

SHOWN_PLACES = 2  # of a computed number as it goes out; rules compare the exact one


def state_document(state: State) -> dict[str, Any]:
    """
    A state with everything a reader needs beside it.

    Returns:
        `name` and `words` of the fact, `status`, `value`, `unit`, `text` (the value as read aloud; None where it is
        not known), `on`, `source`, and `reason` where there is one for not knowing it.
    """
    document = {
        "name": state.fact,
        "words": fact_of(state.fact).words,
        "status": state.status,
        "value": _shown(state),
        "unit": state.unit,
        "text": show(state) if state.settled else None,
        "on": state.when.text if state.when and state.when.text else None,
        "source": ", ".join(state.sources) or None,
    }
    return document | ({"reason": state.reason} if state.reason else {})


def _shown(state: State) -> Any:
    value = state.value
    if isinstance(value, When):
        return value.text
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Interval):
        return {"low": value.low, "high": value.high}
    if isinstance(value, Decimal) and fact_of(state.fact).kind == "derived":
        return round_half_up(value, SHOWN_PLACES)
    return value
