"""The forecast of the concentration behind a session: what `pkpd` computes for the doses as they were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from openkap.dose.expected import doses
from openkap.dose.session import Session
from openkap.kernel.errors import UserError
from openkap.pkpd.library import covariate, model_named
from openkap.pkpd.request import read_request
from openkap.pkpd.simulate import simulate
from openkap.web.plan.dose_person import Person

PEOPLE, SEED, STEP_MIN = 200, 1, 3
KEPT = 64


@dataclass(frozen=True, slots=True)
class Forecast:
    """
    Concentrations in ng/mL at minutes from the start of the first dose.

    Args:
        typical: of a typical person; low, high: 5 and 95 % between people, empty where the set gives none.
        model, grade: the parameter set and the letters of its evidence; warnings: what must be said beside it.
        refusal: why there is no forecast; then everything else is empty.
    """

    times: tuple[float, ...] = ()
    typical: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    model: str = ""
    grade: str = ""
    warnings: tuple[str, ...] = ()
    refusal: str = ""


def forecast(session: Session, person: Person, until_min: int) -> Forecast | None:
    """
    The forecast for the doses of a session; None before the first.

    Args:
        person: as the chart has them; until_min: how far it goes.
    """
    given = _given(session)
    if not given:
        return None
    if person.refusal:
        return Forecast(refusal=person.refusal)
    subject = msgspec.to_builtins(person.subject)
    order = session.order
    if subject.get("weight_kg") is None and order is not None and order.weight is not None:
        subject["weight_kg"] = float(order.weight.quantity.to("kg").value)
    document = {
        "model": None,
        "drug": session.protocol.drug,
        "subject": {name: value for name, value in subject.items() if value is not None},
        "doses": given,
        "times_min": [float(at) for at in range(0, until_min + 1, STEP_MIN)],
        "population": {"n": PEOPLE, "seed": SEED},
        "interactions": list(person.agents),
        "options": {},
    }
    return _computed(msgspec.json.encode(document))


def _given(session: Session) -> list[Mapping[str, Any]]:
    """The doses as `openkap simulate` takes them; of nasal devices each that was used is one."""
    if session.protocol.route != "nasal":
        return list(doses(session))
    device = covariate("PKC-SESSION").number("device_mg")
    start = session.given[0].started.elapsed_s if session.given else 0
    return [
        {"at_min": (at_s - start) / 60, "route": "nasal", "amount_mg": device, "duration_min": 0}
        for dose in session.given
        for at_s in dose.devices_s
    ]


@lru_cache(maxsize=KEPT)
def _computed(document: bytes) -> Forecast:
    try:
        course = simulate(read_request(msgspec.json.decode(document)), ensemble=False)
    except UserError as fault:
        return Forecast(refusal=str(fault))
    line = course.ketamine
    model = model_named(course.request.model)
    low, high = (() if edge is None else tuple(float(v) for v in edge) for edge in (line.p05, line.p95))
    return Forecast(
        times=tuple(course.request.times_min),
        typical=tuple(float(v) for v in line.typical),
        low=low,
        high=high,
        model=model.id,
        grade=model.evidence,
        warnings=tuple(course.warnings),
    )
