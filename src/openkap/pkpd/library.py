"""All content of the room, loaded once and cross-checked; nothing here computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from string import Formatter
from typing import Any

from openkap.kernel.content import load, refuse_dangling, refuse_duplicates, sources
from openkap.kernel.errors import ContentFault, UnknownName
from openkap.kernel.quantity import number
from openkap.kernel.source import Sourced
from openkap.pkpd.types import (
    Capacity,
    Covariance,
    Interaction,
    InteractionsFile,
    Model,
    ModelsFile,
    Parameter,
    PkDrug,
    PkRoute,
    Rejected,
    RejectedFile,
    Residual,
    RouteRow,
    RoutesFile,
    Statement,
    StatementsFile,
    Uncertainty,
    Variation,
    WarningRow,
    WarningsFile,
)

ROOM = "pkpd"


@cache
def models() -> dict[str, Model]:
    """The usable sets by id."""
    found = {row.id: row for row in load(ROOM, "models.toml", ModelsFile).model}
    for row in found.values():
        if row.base and row.base not in found:
            raise ContentFault(f"models.toml: {row.id} rests on {row.base!r}, which is no set; correct it.")
    return found


@cache
def rejected() -> dict[str, Rejected]:
    """The sets that are never used, by id."""
    return {row.id: row for row in load(ROOM, "rejected.toml", RejectedFile).rejected}


@cache
def route_rows() -> tuple[RouteRow, ...]:
    """Which set stands for which route and drug."""
    return load(ROOM, "routes.toml", RoutesFile).route


@cache
def interactions() -> InteractionsFile:
    """What trials found, and the capacities for routes without one."""
    return load(ROOM, "interactions.toml", InteractionsFile)


@cache
def statements(name: str) -> dict[str, Statement]:
    """Rows of `covariates` or `effects` by id."""
    return {row.id: row for row in load(ROOM, f"{name}.toml", StatementsFile).statement}


@cache
def warning_rows() -> dict[str, WarningRow]:
    """Sentences by id."""
    return {row.id: row for row in load(ROOM, "warnings.toml", WarningsFile).warning}


def covariate(name: str) -> Statement:
    """A row of covariates.toml."""
    return statements("covariates")[name]


def effect(name: str) -> Statement:
    """A row of effects.toml."""
    return statements("effects")[name]


def say(name: str, **words: Any) -> str:
    """A sentence of warnings.toml with its words filled in."""
    return warning_rows()[name].text.format(**words).strip()


def told(row: Statement) -> str:
    """A statement's text with its own numbers filled in."""
    return row.text.format(**{name: number(value) for name, value in row.numbers.items()})


@cache
def every_row() -> tuple[Sourced, ...]:
    """
    Every row of the room, after the checks that cross files.

    Raises:
        ContentFault: an id twice, a source or a model that does not exist, a variation of no parameter,
            a brace without a number.
    """
    found = tuple(_all())
    works = sources(ROOM)
    refuse_duplicates(found, "pkpd content")
    refuse_dangling(found, works, "pkpd content")
    for model in models().values():
        _check_model(model, works)
    for row in route_rows():
        for name in (row.model, *row.ensemble, *row.compare_obese):
            if name not in models():
                raise ContentFault(f"routes.toml: {row.id} names {name!r}, which is no set; correct it.")
    for file in ("covariates", "effects"):
        for statement in statements(file).values():
            named = {field for _, field, _, _ in Formatter().parse(statement.text) if field}
            if lacking := named - set(statement.numbers):
                raise ContentFault(f"{file}.toml: {statement.id} names {sorted(lacking)} and gives no number; add it.")
    return found


def _all() -> Iterator[Sourced]:
    yield from models().values()
    yield from rejected().values()
    yield from route_rows()
    yield from interactions().interaction
    yield from interactions().capacity
    yield from statements("covariates").values()
    yield from statements("effects").values()
    yield from warning_rows().values()


def _check_model(model: Model, works: dict[str, Any]) -> None:
    names = {p.name for p in parameters(model)}
    parts: list[Parameter | Variation | Covariance | Residual | Uncertainty] = [*model.parameter, *model.variation]
    parts += [*model.covariance, *model.residual, *model.uncertainty]
    for part in parts:
        if part.source and part.source not in works:
            raise ContentFault(f"models.toml: {model.id} cites {part.source!r}, which sources.toml does not have.")
        if part.sure and not part.source:
            raise ContentFault(f"models.toml: {model.id} says that a number was read and names no source; name it.")
    spread = {v.name for v in model.variation} | {name for u in model.uncertainty for name in u.of}
    if lacking := spread - names:
        raise ContentFault(f"models.toml: {model.id} varies {sorted(lacking)}, which it does not have; correct it.")
    if model.source not in works:
        raise ContentFault(f"models.toml: {model.id} cites {model.source!r}, which sources.toml does not have.")


# -- a set with what it takes from its base ----------------------------------------------------------


def _inherited(model: Model, field: str) -> tuple[Any, ...]:
    own: tuple[Any, ...] = getattr(model, field)
    return (*_inherited(models()[model.base], field), *own) if model.base else own


def parameters(model: Model) -> tuple[Parameter, ...]:
    """Typical values, those of the base first."""
    return _inherited(model, "parameter")


def variations(model: Model) -> tuple[Variation, ...]:
    """Deviations between people, those of the base first."""
    return _inherited(model, "variation")


def covariances(model: Model) -> tuple[Covariance, ...]:
    """Covariances, those of the base first."""
    return _inherited(model, "covariance")


def residuals(model: Model) -> tuple[Residual, ...]:
    """Residual errors, those of the base first."""
    return _inherited(model, "residual")


# -- finding -----------------------------------------------------------------------------------------


def model_named(name: str) -> Model:
    """
    A usable set.

    Raises:
        UnknownName: there is none of this name, or it is one of those never used; the sentence says why.
    """
    if name in rejected():
        row = rejected()[name]
        raise UnknownName(f"model {name!r} is never used ({row.reason}): use one of {', '.join(models())}.")
    if name not in models():
        raise UnknownName(f"model {name!r} is not a parameter set: use one of {', '.join(models())}, or null.")
    return models()[name]


def route_row(route: PkRoute, drug: PkDrug) -> RouteRow | None:
    """The row of a route and drug; None where no set is known for it."""
    return next((row for row in route_rows() if (row.route, row.drug) == (route, drug)), None)


def agents() -> dict[str, str]:
    """Every name of an interacting agent, and the one that the rows use."""
    found = {row.agent: row.agent for row in interactions().interaction}
    found |= {name: row.agent for row in interactions().interaction for name in row.also}
    return found


def agents_taken(medicines: Iterable[str]) -> tuple[str, ...]:
    """The agents that these ingredients and classes of a medicine list are."""
    held = set(medicines)
    return tuple(dict.fromkeys(row.agent for row in interactions().interaction if held & set(row.medicines)))


def trial(agent: str, route: PkRoute) -> Interaction | None:
    """What a trial of this agent by this route found."""
    return next((r for r in interactions().interaction if (r.agent, r.route) == (agent, route)), None)


def capacity(agent: str) -> Capacity | None:
    """The agent's effect on the liver's capacity, where one was fitted."""
    return next((r for r in interactions().capacity if r.agent == agent), None)


def uncertainties(model: Model) -> tuple[Uncertainty, ...]:
    """Standard errors of typical values, those of the base first."""
    return _inherited(model, "uncertainty")


def numbers(model: Model) -> Iterator[Parameter | Variation | Covariance | Residual | Uncertainty]:
    """Every number of a set, its base's included, with how it was read."""
    yield from parameters(model)
    yield from variations(model)
    yield from covariances(model)
    yield from residuals(model)
    yield from uncertainties(model)
