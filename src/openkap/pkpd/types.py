"""Rows of content of this room, and what goes in and out of a simulation."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import msgspec

from openkap.kernel.content import Header
from openkap.kernel.source import Sourced, Tag

if TYPE_CHECKING:
    from numpy.typing import NDArray

PkRoute = Literal["iv", "im", "sc", "sublingual", "oral", "nasal"]
PkDrug = Literal["ketamine", "esketamine"]
Site = Literal["venous", "arterial", "unstated"]
Structure = Literal["mammillary", "rate-constants", "hepato-portal", "film"]
Checked = Literal["T", "C", "A", "S", "K", "U", "D"]
VariationKind = Literal["log-variance", "log-sd", "cv", "logit-sd", "uniform"]

CHECKED_WORDS: dict[str, str] = {
    "T": "table as transcribed in an open model library",
    "C": "read in a peer's program",
    "A": "read in the abstract or on a label page",
    "S": "secondary table",
    "K": "computed here from other numbers",
    "U": "from memory, unverified",
    "D": "assumption or design default",
}

# How a number of each kind counts among the tags of all content.
CHECKED_TAGS: dict[str, Tag] = {"T": "S", "C": "S", "A": "V", "S": "S", "K": "D", "U": "K", "D": "D"}


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    checked: Checked
    source: str = ""
    note: str = ""

    @property
    def sure(self) -> bool:
        """False for what was assumed, derived or not read anywhere."""
        return CHECKED_TAGS[self.checked] in ("V", "S")


class Parameter(_Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One typical value at 70 kg.

    Args:
        name, value, unit: as published; unit is one of L, L/kg, L/h, L/min, 1/h, 1/min, h, min, 1.
        weight_exponent: the value times (kg / 70) to this power; None: not scaled.
        checked, source, note: how it was read, where.
    """

    name: str
    value: Decimal
    unit: Literal["L", "L/kg", "L/h", "L/min", "1/h", "1/min", "h", "min", "1"]
    weight_exponent: Decimal | None = None


class Variation(_Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    How a parameter differs between people.

    Args:
        name: of the parameter.
        kind: `log-variance` ω²; `log-sd` ω; `cv` as a fraction, sqrt(exp(ω²) - 1); `logit-sd`; `uniform`.
        value: its size; `low` and `high` for uniform.
        occasion: drawn anew for each session.
    """

    name: str
    kind: VariationKind
    value: Decimal = Decimal(0)
    low: Decimal | None = None
    high: Decimal | None = None
    occasion: bool = False


class Covariance(_Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Covariance of the log deviations of two parameters."""

    of: tuple[str, str]
    value: Decimal


class Residual(_Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What a blood sample adds to the truth.

    Args:
        analyte: ketamine or norketamine.
        proportional: SD as a fraction; `log_sd`: SD on the log scale; `additive_nmol_ml`: SD in nmol/mL.
    """

    analyte: Literal["ketamine", "norketamine"]
    proportional: Decimal = Decimal(0)
    log_sd: Decimal = Decimal(0)
    additive_nmol_ml: Decimal = Decimal(0)


class Uncertainty(_Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    How well typical values are known: the standard error of their logarithm.

    Args:
        of: parameters that share one deviation. log_se: its size.
    """

    of: tuple[str, ...]
    log_se: Decimal


class Model(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A usable parameter set.

    Args:
        title, studied: for a reader; in whom it was fitted.
        drug, also_for: fitted on; may stand for.
        structure: which differential equations (`structure.py`).
        base: the set whose parameters, variation and residual it takes where it has none of its own.
        racemic: two copies, half the dose each, R with its own clearance.
        site: where blood was taken.
        routes: on which it may be used, the one it was built for first.
        weight_kg, age_y: range in which it was fitted, None where not known.
        source: key of the work named in the output.
        low_evidence: built from summary values, not fitted.
        uncertainty: standard errors of typical values, where a source gives any.
        errata, reproduces, does_not_reproduce: what is known to be wrong, met, and not met.
    """

    title: str
    drug: PkDrug
    structure: Structure
    site: Site
    routes: tuple[PkRoute, ...]
    studied: str
    source: str
    also_for: tuple[PkDrug, ...] = ()
    base: str = ""
    racemic: bool = False
    weight_kg: tuple[Decimal, Decimal] | None = None
    age_y: tuple[Decimal, Decimal] | None = None
    low_evidence: bool = False
    parameter: tuple[Parameter, ...] = ()
    variation: tuple[Variation, ...] = ()
    covariance: tuple[Covariance, ...] = ()
    residual: tuple[Residual, ...] = ()
    uncertainty: tuple[Uncertainty, ...] = ()
    errata: tuple[str, ...] = ()
    reproduces: tuple[str, ...] = ()
    does_not_reproduce: tuple[str, ...] = ()


class Rejected(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A set that is never used, with the reason and what was read."""

    title: str
    reason: str
    text: str


class RouteRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    Which set stands for a route and drug.

    Args:
        model: the default; `ensemble`: sets beside it in the structural band.
        compare_obese: sets shown beside it in obesity, where the sets disagree and no data exist.
        why: reason for the reader.
    """

    route: PkRoute
    drug: PkDrug
    model: str
    why: str
    ensemble: tuple[str, ...] = ()
    compare_obese: tuple[str, ...] = ()


class Interaction(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What a trial by this route found: exposure with the agent over exposure without.

    Args:
        agent: lower case with hyphens; `also`: other names.
        medicines: ingredients and classes of a medicine list that are this agent.
        auc_ratio, cmax_ratio, norketamine_ratio: None where not given.
    """

    agent: str
    route: PkRoute
    text: str
    also: tuple[str, ...] = ()
    medicines: tuple[str, ...] = ()
    auc_ratio: Decimal | None = None
    cmax_ratio: Decimal | None = None
    norketamine_ratio: Decimal | None = None


class Capacity(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an agent does to the liver's clearing rates and to the passage of the gut, for routes without a trial."""

    agent: str
    capacity: Decimal
    fgut: Decimal
    text: str


class Statement(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fact with its numbers; a text holds a number's name in braces."""

    title: str
    text: str
    numbers: dict[str, Decimal] = {}

    def number(self, name: str) -> float:
        """A number of the row, for computing."""
        return float(self.numbers[name])


class WarningRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sentence that a simulation says of itself."""

    text: str


class ModelsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """models.toml"""

    content: Header
    model: tuple[Model, ...]


class RejectedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """rejected.toml"""

    content: Header
    rejected: tuple[Rejected, ...]


class RoutesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """routes.toml"""

    content: Header
    route: tuple[RouteRow, ...]


class InteractionsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """interactions.toml"""

    content: Header
    interaction: tuple[Interaction, ...]
    capacity: tuple[Capacity, ...]


class StatementsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """covariates.toml and effects.toml"""

    content: Header
    statement: tuple[Statement, ...]


class WarningsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """warnings.toml"""

    content: Header
    warning: tuple[WarningRow, ...]


# -- what goes in -----------------------------------------------------------------------------------


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    The person for whom a dose is simulated; None is unknown.

    Args:
        weight_kg, height_cm, age_y: in these units.
        sex: used only where the request asks for it (`Options.sex`).
        ancestry: only where the clinician enters it. child_pugh: class of liver disease.
    """

    weight_kg: float | None = None
    height_cm: float | None = None
    age_y: float | None = None
    sex: Literal["female", "male", "other", "unknown"] | None = None
    ancestry: Literal["asian", "japanese"] | None = None
    child_pugh: Literal["A", "B", "C"] | None = None


class Dose(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One dose that somebody has chosen.

    Args:
        at_min: start, minutes from the start of the simulation.
        route: by which.
        amount_mg: free base; amounts per kg have been multiplied by the weight.
        amount_mg_per_kg: as given, if it was given so.
        duration_min: 0 is instantaneous.
    """

    at_min: float
    route: PkRoute
    amount_mg: float
    amount_mg_per_kg: float | None = None
    duration_min: float = 0.0


class Population(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many virtual people, from which seed."""

    n: int
    seed: int


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What sources disagree about, off unless asked for.

    Args:
        sex: the clearance of women is higher (PKC-SEX).
        exponent: clearances that a set scales with weight itself scale less than that (PKC-EXPONENT).
    """

    sex: bool = False
    exponent: bool = False


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A checked request: what to compute, for whom, when.

    Args:
        model: a usable set. drug: what is given.
        subject, doses, population, interactions, options: as named; population None: the typical person only.
        times_min: shape (T,), never descending, minutes from the start.
    """

    model: str
    drug: PkDrug
    subject: Subject
    doses: tuple[Dose, ...]
    times_min: tuple[float, ...]
    population: Population | None = None
    interactions: tuple[str, ...] = ()
    options: Options = Options()


# -- what comes out ---------------------------------------------------------------------------------


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """
    Concentration of one analyte at each time, ng/mL; every array has shape (T,).

    Args:
        typical: a person with the typical parameters of this weight, age and ancestry.
        p05, p50, p95: between people; None without a population.
    """

    typical: NDArray
    p05: NDArray | None = None
    p50: NDArray | None = None
    p95: NDArray | None = None


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """
    The result of a simulation.

    Args:
        request: what was asked.
        ketamine: the parent given (racemate total, or esketamine); norketamine: None where the set has none.
        sample, sample_norketamine: what a blood sample would show, residual error included.
        uncertainty, uncertainty_norketamine: 5, 50 and 95 % of the typical person by the standard errors of the
            parameters; None where no source gives any that matter.
        ensemble: the set and its named alternatives together: how far the sets themselves disagree.
        members: typical curves of the ensemble by model id, shape (T,).
        warnings: sentences.
    """

    request: Request
    ketamine: Curve
    norketamine: Curve | None
    sample: Curve | None
    sample_norketamine: Curve | None
    uncertainty: Curve | None
    uncertainty_norketamine: Curve | None
    ensemble: Curve | None
    members: dict[str, NDArray]
    warnings: tuple[str, ...]
