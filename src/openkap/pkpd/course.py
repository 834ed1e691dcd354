"""
From doses and parameters to the blocks that the solver carries: which dose enters where, how much of it, how fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from openkap.pkpd.draw import Values, drawn, has_occasions, normal, occasion, typical, uncertain
from openkap.pkpd.interact import Change
from openkap.pkpd.library import covariate
from openkap.pkpd.solve import Block, Input
from openkap.pkpd.structure import System, systems, with_effect_site
from openkap.pkpd.types import Dose, Model, Subject

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray


def sessions(doses: Sequence[Dose]) -> list[list[Dose]]:
    """
    Doses in order of time, those of one session together.

    Source: PKC-SESSION: a dose belongs to the session before it if it starts at most so many minutes after the last.
    """
    gap = covariate("PKC-SESSION").number("gap_min")
    found: list[list[Dose]] = []
    for dose in sorted(doses, key=lambda d: (d.at_min, d.route, -d.amount_mg, d.duration_min)):
        if found and dose.at_min - found[-1][-1].at_min <= gap:
            found[-1].append(dose)
        else:
            found.append([dose])
    return found


def typical_blocks(
    model: Model, subject: Subject, doses: Sequence[Dose], change: Change, ke0: float | None = None
) -> list[Block]:
    """The typical person's blocks, n = 1; with `ke0` (per min) the last output is the effect site."""
    import numpy as np

    rate = None if ke0 is None else np.array([ke0])
    return _blocks(model, [(typical(model, subject), list(doses))], change, rate)


def uncertain_blocks(
    model: Model, subject: Subject, doses: Sequence[Dose], change: Change, n: int, rng: Generator
) -> list[Block]:
    """The blocks of n typical persons that the standard errors of the set leave possible."""
    return _blocks(model, [(uncertain(model, subject, n, rng), list(doses))], change, None)


def drawn_blocks(
    model: Model,
    subject: Subject,
    doses: Sequence[Dose],
    change: Change,
    n: int,
    rng: Generator,
    ke0: tuple[float, float] | None = None,
) -> list[Block]:
    """
    The blocks of n virtual people.

    Args:
        ke0: median (per min) and log-SD of the effect-site rate; then the last output is the effect site.
    """
    import numpy as np

    values = drawn(model, subject, n, rng)
    if has_occasions(model):
        parts = [(occasion(values, model, rng), group) for group in sessions(doses)]
    else:
        parts = [(values, list(doses))]
    rate = None if ke0 is None else ke0[0] * np.exp(ke0[1] * normal(n, rng))
    return _blocks(model, parts, change, rate)


def _blocks(
    model: Model, parts: Sequence[tuple[Values, list[Dose]]], change: Change, ke0: NDArray | None
) -> list[Block]:
    found = []
    for values, doses in parts:
        changed = {name: value * change.clearance if name in ("CL", "K10") else value for name, value in values.items()}
        made = systems(model, changed)
        for system in made:
            whole = with_effect_site(system, ke0) if ke0 is not None else system
            if change.norketamine != 1.0 and system.c.shape[1] > 1:
                whole.c[:, 1] *= change.norketamine
            inputs = _inputs(model, whole, changed, doses, change.dose / len(made))
            found.append(Block(whole.k, whole.c, inputs))
    return found


def _inputs(model: Model, system: System, p: Values, doses: Sequence[Dose], share: float) -> tuple[Input, ...]:
    found: list[Input] = []
    for group in sessions(doses):
        sprays = 0
        for dose in group:
            amount = dose.amount_mg * share
            if dose.route == "iv":
                found.append(_input(system, "iv", amount, dose, dose.duration_min, p))
            elif model.structure == "hepato-portal":
                later = dose.route == "nasal" and sprays > 0
                sprays += dose.route == "nasal"
                found += _portal(system, p, dose, amount, later=later)
            elif model.structure == "film":
                found.append(_input(system, "sublingual", amount * p["F1"], dose, p["D1"], p))
                found.append(_input(system, "gut", amount * p["F2"], dose, p["D2"], p))
            else:
                lasting = p.get("DUR", dose.duration_min)
                found.append(_input(system, dose.route, amount * _fraction(p["F"]), dose, lasting, p))
    return tuple(found)


def _portal(system: System, p: Values, dose: Dose, amount: float, *, later: bool) -> list[Input]:
    """Nose: part into the blood, the rest swallowed; mouth: through the gut. The liver sees both."""
    if dose.route == "oral":
        return [_input(system, "oral", amount * _fraction(p["FGUT"] * p["FPO"]), dose, p["DPO"], p)]
    absorbed = p["FRN"] * p["LATER"] if later else p["FRN"]
    return [
        _input(system, "nasal", amount * absorbed, dose, 0.0, p),
        _input(system, "swallowed", amount * (1 - absorbed) * p["FGUT"], dose, p["DSW"], p),
    ]


def _fraction(f: NDArray) -> NDArray:
    """A drawn fraction never exceeds the whole."""
    import numpy as np

    return np.asarray(np.minimum(f, 1.0))


def _input(
    system: System, port: str, amount: NDArray | float, dose: Dose, lasting: NDArray | float, p: Values
) -> Input:
    import numpy as np

    n = len(next(iter(p.values())))
    spread = (np.array(np.broadcast_to(np.asarray(one, dtype=float), n)) for one in (amount, dose.at_min, lasting))
    return Input(system.ports[port], *spread)
