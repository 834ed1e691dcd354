"""
From parameters to differential equations: one function per structure of models.toml.

Every function takes parameters by name, each of shape (n,) in L, L/min, 1/min, min or 1, and gives the block's matrix
and the places of its states. Columns sum to what leaves the body (or to less than nought for it), never above nought.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openkap.pkpd.types import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

Values = Mapping[str, "NDArray"]

NG_PER_ML = 1000.0  # one mg in one litre
KETAMINE_G_PER_MOL, NORKETAMINE_G_PER_MOL = 237.73, 223.70  # molar masses, no clinical value


@dataclass(frozen=True, slots=True)
class System:
    """
    A block before its doses.

    Args:
        k: shape (n, m, m), per minute. c: shape (n, q, m), ng/mL per mg.
        ports: index of the state that each way in leads to.
    """

    k: NDArray
    c: NDArray
    ports: Mapping[str, int]


class _Plan:
    """States by name and the flows between them."""

    def __init__(self, n: int, names: Sequence[str]):
        import numpy as np

        self.at = {name: place for place, name in enumerate(names)}
        self.k = np.zeros((n, len(names), len(names)))

    def flow(self, source: str, rate: NDArray, to: str = "", share: NDArray | float = 1.0) -> None:
        """`rate` (per min) of the source leaves it, of which `share` arrives; without `to` it leaves the body."""
        self.k[:, self.at[source], self.at[source]] -= rate
        if to:
            self.k[:, self.at[to], self.at[source]] += rate * share

    def exchange(self, a: str, va: NDArray, b: str, vb: NDArray, q: NDArray) -> None:
        """Flow both ways, q in L/min."""
        self.flow(a, q / va, b)
        self.flow(b, q / vb, a)

    def shown(self, *outputs: tuple[str, NDArray]) -> NDArray:
        """Output rows: state over volume, in ng/mL."""
        import numpy as np

        n, m, _ = self.k.shape
        c = np.zeros((n, len(outputs), m))
        for row, (name, volume) in enumerate(outputs):
            c[:, row, self.at[name]] = NG_PER_ML / volume
        return c


def systems(model: Model, p: Values) -> list[System]:
    """
    The blocks of a set: one, or for the racemate S and R, of which each gets half the dose.

    Args:
        model: names the structure. p: parameters by name, each shape (n,).
    """
    build = {
        "mammillary": _mammillary,
        "rate-constants": _from_rates,
        "hepato-portal": _hepato_portal,
        "film": _film,
    }[model.structure]
    if not model.racemic:
        return [build(p)]
    return [build(p), build({**p, "CL": p["CL"] * p["R_CL_RATIO"]})]


def _peripherals(p: Values) -> list[tuple[str, str, str]]:
    return [(f"peripheral{i}", f"V{i}", f"Q{i}") for i in (2, 3) if f"V{i}" in p]


def _mammillary(p: Values) -> System:
    depot, metabolite = "KA" in p, "VN" in p
    names = ["depot"] * depot + ["central"] + [name for name, _, _ in _peripherals(p)]
    names += ["norketamine", "norketamine peripheral"] * metabolite
    plan = _Plan(len(p["CL"]), names)
    if depot:
        plan.flow("depot", p["KA"], "central")
    for name, volume, q in _peripherals(p):
        plan.exchange("central", p["V1"], name, p[volume], p[q])
    plan.flow("central", p["CL"] / p["V1"], "norketamine" if metabolite else "")
    shown = [("central", p["V1"])]
    if metabolite:
        plan.exchange("norketamine", p["VN"], "norketamine peripheral", p["VPN"], p["QN"])
        plan.flow("norketamine", p["CLN"] / p["VN"])
        shown.append(("norketamine", p["VN"]))
    ports = {"iv": plan.at["central"]}
    if depot:
        ports |= dict.fromkeys(("im", "sc", "sublingual", "nasal"), plan.at["depot"])
    return System(plan.k, plan.shown(*shown), ports)


def _from_rates(p: Values) -> System:
    """Rate constants and V1 are clearances and volumes: CL = k10 V1, Q = k12 V1, V2 = Q / k21."""
    v1 = p["V1"]
    volumes: dict[str, NDArray] = {"V1": v1, "CL": p["K10"] * v1}
    for i in (2, 3):
        if f"K1{i}" in p:
            volumes |= {f"Q{i}": p[f"K1{i}"] * v1, f"V{i}": p[f"K1{i}"] * v1 / p[f"K{i}1"]}
    return _mammillary(volumes)


def _hepato_portal(p: Values) -> System:
    """Central compartment, two peripherals, and a liver that sees all that is swallowed before the body does."""
    names = ["nose", "swallowed", "oral", "liver", "central", "peripheral1", "peripheral2"]
    plan = _Plan(len(p["VC"]), [*names, "norketamine", "norketamine peripheral"])
    plan.flow("nose", p["KAN"], "central")
    plan.flow("swallowed", p["KASW"], "liver")
    plan.flow("oral", p["KAPO"], "liver")
    plan.exchange("central", p["VC"], "peripheral1", p["VP1"], p["Q1"])
    plan.exchange("central", p["VC"], "peripheral2", p["VP2"], p["Q2"])
    plan.exchange("central", p["VC"], "liver", p["VH"], p["QH"])
    plan.flow("liver", p["KEL"])
    plan.flow("liver", p["KMET"], "norketamine")
    plan.exchange("norketamine", p["VCN"], "norketamine peripheral", p["VPN"], p["QN"])
    plan.flow("norketamine", p["CLN"] / p["VCN"])
    ports = {"iv": plan.at["central"], "nasal": 0, "swallowed": 1, "oral": 2}
    return System(plan.k, plan.shown(("central", p["VC"]), ("norketamine", p["VCN"])), ports)


def _film(p: Values) -> System:
    """Film of Simons: mucosa into the blood, the swallowed part through a delay straight into metabolism."""
    names = ["mucosa", "central", "peripheral2", "peripheral3", "gut", "gut delay", "delay1", "delay2"]
    names += ["norketamine", "norketamine peripheral", "delay3", "delay4", "hydroxy", "hydroxy peripheral"]
    plan = _Plan(len(p["CL"]), names)
    plan.flow("mucosa", p["KA1"], "central")
    plan.exchange("central", p["V1"], "peripheral2", p["V2"], p["Q2"])
    plan.exchange("central", p["V1"], "peripheral3", p["V3"], p["Q3"])
    plan.flow("central", p["CL"] / p["V1"], "delay1")
    plan.flow("gut", p["KA2"], "gut delay")
    plan.flow("gut delay", 1.0 / p["MTTG"], "delay1")
    plan.flow("delay1", 2.0 / p["MTT"], "delay2")
    plan.flow("delay2", 2.0 / p["MTT"], "norketamine", p["FM"])
    plan.exchange("norketamine", p["V1"], "norketamine peripheral", p["VPN"], p["QN"])
    plan.flow("norketamine", p["CLN"] / p["V1"], "delay3")
    plan.flow("delay3", 2.0 / p["MTTN"], "delay4")
    plan.flow("delay4", 2.0 / p["MTTN"], "hydroxy", p["FMH"])
    plan.exchange("hydroxy", p["VH1"], "hydroxy peripheral", p["VH2"], p["QHN"])
    plan.flow("hydroxy", p["CLH"] / p["VH1"])
    own_mass = NORKETAMINE_G_PER_MOL / KETAMINE_G_PER_MOL  # metabolites are kept in mg of parent
    c = plan.shown(("central", p["V1"]), ("norketamine", p["V1"] / own_mass))
    return System(plan.k, c, {"iv": 1, "sublingual": 0, "gut": 4})


def with_effect_site(system: System, ke0: NDArray) -> System:
    """
    The system with one more state, dCe/dt = ke0 (C - Ce), of negligible volume, and one more output.

    Args:
        ke0: per minute, shape (n,).
    """
    import numpy as np

    n, m, _ = system.k.shape
    q = system.c.shape[1]
    k = np.zeros((n, m + 1, m + 1))
    k[:, :m, :m] = system.k
    k[:, m, :m] = system.c[:, 0] * ke0[:, None]  # the state is Ce itself, in ng/mL
    k[:, m, m] = -ke0
    c = np.zeros((n, q + 1, m + 1))
    c[:, :q, :m] = system.c
    c[:, q, m] = 1.0
    return System(k, c, system.ports)
