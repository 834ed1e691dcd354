"""
What another medicine does to the exposure, by route: the trial first, else the passage model, else nothing and a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openkap.kernel.errors import UserError
from openkap.pkpd.draw import typical
from openkap.pkpd.library import agents, capacity, covariate, model_named, say, trial
from openkap.pkpd.types import Model, PkRoute, Subject

PASSAGE_MODEL = "perez-ruixo-2021"
FIRST_PASS: tuple[PkRoute, ...] = ("oral", "nasal")


@dataclass(frozen=True, slots=True)
class Change:
    """
    How a simulation changes.

    Args:
        dose: factor of every dose; clearance: factor of the parent's clearance; norketamine: factor of its output.
        warnings: what was applied and what was not.
    """

    dose: float = 1.0
    clearance: float = 1.0
    norketamine: float = 1.0
    warnings: tuple[str, ...] = ()


def passage_ratio(route: PkRoute, factor: float, fgut: float) -> float:
    """
    Exposure with the liver's clearing rates times `factor` and the gut letting `fgut` through, over exposure without.

    Source: parameters of perez-ruixo-2021; through the nose a whole session of devices (PKC-SESSION); routes other
    than nose and mouth as a vein.
    """
    devices = covariate("PKC-SESSION").number("session_devices")
    values = {name: float(value[0]) for name, value in typical(model_named(PASSAGE_MODEL), Subject()).items()}

    def exposure(f: float, gut: float) -> float:
        cleared = values["VH"] * (values["KEL"] + values["KMET"]) * f
        extraction = cleared / (values["QH"] + cleared)
        swallowed = gut * (1 - extraction)
        nose = values["FRN"] * (1 + (devices - 1) * values["LATER"]) / devices
        reached = {"oral": swallowed, "nasal": nose + (1 - nose) * swallowed}.get(route, 1.0)
        return reached / (values["QH"] * extraction)

    return exposure(factor, fgut) / exposure(1.0, values["FGUT"])


def change(model: Model, routes: Sequence[PkRoute], named: Sequence[str]) -> Change:
    """
    The change that these agents make.

    Args:
        model: the set. routes: of the doses. named: agents, as `library.agents` knows them.

    Raises:
        UserError: doses by two routes, or two agents of known size, which no trial combined.
    """
    known = [agents()[name] for name in named]
    if not known:
        return Change()
    if len(set(routes)) > 1:
        raise UserError("interactions differ by route: give doses of one route at a time.")
    route = routes[0]
    sized = [(agent, *_ratio(agent, route)) for agent in dict.fromkeys(known)]
    acting = [agent for agent, ratio, _, _ in sized if ratio not in (None, 1.0)]
    if len(acting) > 1:
        raise UserError(f"interactions {' and '.join(acting)} were never studied together: give one at a time.")
    told: list[str] = []
    found = Change()
    for agent, ratio, how, text in sized:
        if ratio is None:
            told.append(say("PKW-INTERACTION-NONE", agent=agent, route=route, text=text))
            continue
        told.append(say("PKW-INTERACTION", agent=agent, route=route, ratio=f"{ratio:.3g}", how=how, text=text))
        found = _applied(model, agent, route, ratio, told) if ratio != 1.0 else found
    return Change(found.dose, found.clearance, found.norketamine, tuple(told))


def _ratio(agent: str, route: PkRoute) -> tuple[float | None, str, str]:
    """Exposure ratio by this route, how it is known, and the row's text."""
    row = trial(agent, route)
    if row is not None and row.auc_ratio is not None:
        unverified = any(part.tag == "K" for part in row.basis)
        return float(row.auc_ratio), "size unverified" if unverified else "trial by this route", row.text
    liver = capacity(agent)
    if liver is not None:
        ratio = passage_ratio(route, float(liver.capacity), float(liver.fgut))
        text = "Small, because clearance is limited by the liver's blood flow." if route not in FIRST_PASS else ""
        return ratio, "extrapolated by the passage model, no trial by this route", text
    return None, "", row.text if row is not None else ""


def _applied(model: Model, agent: str, route: PkRoute, ratio: float, told: list[str]) -> Change:
    """First-pass routes change how much arrives, the others how fast it leaves."""
    row = trial(agent, route)
    if row is not None and row.cmax_ratio is not None and row.cmax_ratio != row.auc_ratio:
        told.append(say("PKW-INTERACTION-SHAPE", agent=agent, cmax=row.cmax_ratio))
    by_dose = route in FIRST_PASS or model.structure == "hepato-portal"
    own = row.norketamine_ratio if row is not None else None
    how = f"times {own}, as in the trial" if own is not None else "as without the agent, its change is not known"
    told.append(say("PKW-INTERACTION-NK", agent=agent, how=how))
    wanted = float(own) if own is not None else 1.0
    if by_dose:
        return Change(dose=ratio, norketamine=wanted / ratio)
    return Change(clearance=1 / ratio, norketamine=wanted)
