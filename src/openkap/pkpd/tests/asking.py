"""Requests for tests, short."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from openkap.pkpd.request import read_request
from openkap.pkpd.simulate import simulate
from openkap.pkpd.types import Course, Request

INFUSION = {"at_min": 0, "route": "iv", "amount_mg": 35, "duration_min": 40}


def asked(model: str | None = None, doses: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """A request of a 40-year-old of 70 kg; by default 35 mg over 40 min."""
    subject = {"weight_kg": 70, "age_y": 40} | more.pop("subject", {})
    base: dict[str, Any] = {"model": model, "drug": None, "subject": subject, "doses": doses or [dict(INFUSION)]}
    return base | {"times_min": [0, 40, 90, 120], "population": None, "interactions": []} | more


def request(model: str | None = None, doses: list[dict[str, Any]] | None = None, **more: Any) -> Request:
    return read_request(asked(model, doses, **more))


def course(model: str | None = None, doses: list[dict[str, Any]] | None = None, **more: Any) -> Course:
    return simulate(request(model, doses, **more))


def typical(model: str | None, doses: list[dict[str, Any]] | None, times: Any, **more: Any) -> NDArray:
    """The typical line of the parent, ng/mL."""
    return course(model, doses, times_min=[float(t) for t in times], **more).ketamine.typical


def auc(line: NDArray, times: Any) -> float:
    """Area under a densely sampled line, ng·h/mL, by trapezes."""
    return float(np.trapezoid(line, np.asarray(times, dtype=float)) / 60)
