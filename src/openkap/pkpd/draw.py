"""
Parameters of one typical person, or of many virtual people.

Draws are log-normal (with the published covariance), logit-normal for fractions, or flat; each deviation is drawn as
a Latin hypercube, so that percentiles settle with fewer people. The seed comes in and decides everything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

from openkap.kernel.errors import UserError
from openkap.pkpd.library import covariances, covariate, parameters, uncertainties, variations
from openkap.pkpd.types import Model, Parameter, Subject, Variation

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

REFERENCE_KG = 70.0
PER_MINUTE = {"L": 1.0, "L/h": 1 / 60, "L/min": 1.0, "1/h": 1 / 60, "1/min": 1.0, "h": 60.0, "min": 1.0, "1": 1.0}

Values = dict[str, "NDArray"]


def scales_by_weight(model: Model) -> bool:
    """True if a weight is needed."""
    return any(p.weight_exponent is not None or p.unit == "L/kg" for p in parameters(model))


def typical(model: Model, subject: Subject) -> Values:
    """
    Parameters of the typical person of this weight, age, ancestry and liver.

    Returns:
        By name, each of shape (1,), in L, L/min, 1/min, min or 1.

    Raises:
        UserError: the set scales by weight and none is known.
    """
    import numpy as np

    if scales_by_weight(model) and subject.weight_kg is None:
        raise UserError(f"subject.weight_kg is missing, and {model.id} scales by weight: give it in kg.")
    found = {p.name: np.array([_value(p, subject)]) for p in parameters(model)}
    for name, factor in _attributes(model, subject).items():
        found[name] = found[name] * factor
    return found


def drawn(model: Model, subject: Subject, n: int, rng: Generator) -> Values:
    """
    Parameters of n virtual people, occasion effects included.

    Args:
        model, subject: as for `typical`. n: how many. rng: decides the draw.

    Returns:
        By name, each of shape (n,).
    """
    import numpy as np

    found = {name: np.repeat(value, n) for name, value in typical(model, subject).items()}
    _deviate(found, model, tuple(v for v in variations(model) if not v.occasion), n, rng)
    if subject.child_pugh == "B":
        spread = covariate("PKC-LIVER-B")
        liver = model.structure == "hepato-portal"
        sd = spread.number("capacity_log_sd" if liver else "systemic_log_sd")
        shared = np.exp(sd * normal(n, rng))
        for name in _clearing(model):
            found[name] = found[name] * shared
    return found


def uncertain(model: Model, subject: Subject, n: int, rng: Generator) -> Values:
    """
    n typical persons that the standard errors of the set leave possible; what has no standard error stays.

    Returns:
        By name, each of shape (n,).
    """
    import numpy as np

    found = {name: np.repeat(value, n) for name, value in typical(model, subject).items()}
    for part in uncertainties(model):
        shared = np.exp(float(part.log_se) * normal(n, rng))
        for name in part.of:
            found[name] = found[name] * shared
    return found


def occasion(values: Mapping[str, NDArray], model: Model, rng: Generator) -> Values:
    """The same people on another day: parameters that vary by occasion are drawn anew."""
    found = dict(values)
    n = len(next(iter(found.values())))
    _deviate(found, model, tuple(v for v in variations(model) if v.occasion), n, rng)
    return found


def has_occasions(model: Model) -> bool:
    """True if some parameters vary from session to session."""
    return any(v.occasion for v in variations(model))


def _value(p: Parameter, subject: Subject) -> float:
    value = float(p.value)
    if p.unit == "L/kg":
        assert subject.weight_kg is not None
        return value * subject.weight_kg
    if p.weight_exponent is not None:
        assert subject.weight_kg is not None
        value *= (subject.weight_kg / REFERENCE_KG) ** float(p.weight_exponent)
    return value * PER_MINUTE[p.unit]


def _clearing(model: Model) -> tuple[str, ...]:
    """The parameters that a sick liver lowers."""
    return {"hepato-portal": ("KEL", "KMET"), "rate-constants": ("K10",)}.get(model.structure, ("CL",))


def _attributes(model: Model, subject: Subject) -> dict[str, float]:
    """Factors of typical parameters by what is known of the person. Source: covariates.toml."""
    found: dict[str, float] = {}
    portal = model.structure == "hepato-portal"
    age = covariate("PKC-AGE")
    if portal and subject.age_y is not None and subject.age_y > age.number("from"):
        flow = next(float(p.value) for p in parameters(model) if p.name == "QH")
        found["QH"] = 1 - age.number("l_per_h_per_year") * (subject.age_y - age.number("from")) / flow
    if portal and subject.ancestry is not None:
        row = covariate("PKC-ANCESTRY")
        found |= {"KEL": row.number("kel"), "CLN": row.number("cln")}
        if subject.ancestry == "japanese":
            found["FRN"] = row.number("frn")
    if subject.child_pugh == "B":
        row = covariate("PKC-LIVER-B")
        factor = row.number("capacity") if portal else 1 / row.number("iv_auc_ratio")
        for name in _clearing(model):
            found[name] = found.get(name, 1.0) * factor
    return found


def _deviate(found: Values, model: Model, which: tuple[Variation, ...], n: int, rng: Generator) -> None:
    """Change the parameters in place, from typical values to those of people."""
    import numpy as np

    logs = [v for v in which if v.kind in ("log-variance", "log-sd", "cv")]
    sizes = np.array([log_sd(v) for v in logs])
    omega = np.diag(sizes**2)
    at = {v.name: place for place, v in enumerate(logs)}
    for both in covariances(model):
        if both.of[0] in at and both.of[1] in at:
            a, b = at[both.of[0]], at[both.of[1]]
            omega[a, b] = omega[b, a] = float(both.value)
    if logs:
        root = np.linalg.cholesky(omega)
        deviations = root @ np.array([normal(n, rng) for _ in logs])
        for variation, deviation in zip(logs, deviations, strict=True):
            found[variation.name] = found[variation.name] * np.exp(deviation)
    for variation in which:
        if variation.kind == "logit-sd":
            share = found[variation.name]
            logit = np.log(share / (1 - share)) + float(variation.value) * normal(n, rng)
            found[variation.name] = 1 / (1 + np.exp(-logit))
        elif variation.kind == "uniform":
            assert variation.low is not None and variation.high is not None
            low, high = float(variation.low), float(variation.high)
            found[variation.name] = low + (high - low) * flat(n, rng)


def log_sd(variation: Variation) -> float:
    """The SD on the log scale, whatever way it was published."""
    value = float(variation.value)
    if variation.kind == "log-variance":
        return math.sqrt(value)
    if variation.kind == "cv":
        return math.sqrt(math.log1p(value**2))
    return value


@lru_cache(maxsize=4)
def _quantiles(n: int) -> NDArray:
    import numpy as np

    inverse = NormalDist().inv_cdf
    found = np.array([inverse((i + 0.5) / n) for i in range(n)])
    found.setflags(write=False)
    return found


def normal(n: int, rng: Generator) -> NDArray:
    """n standard normal deviates, one from each of n equally likely strata, in random order; shape (n,)."""
    return rng.permutation(_quantiles(n))


def flat(n: int, rng: Generator) -> NDArray:
    """n deviates flat on (0, 1), one from each of n strata, in random order; shape (n,)."""
    return (rng.permutation(n) + 0.5) / n
