"""A set with the options of a request: what sources disagree about, off unless somebody asks for it, and then said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from openkap.pkpd.library import covariate, model_named, parameters, say
from openkap.pkpd.types import Model, Options, Parameter, Request

CLEARANCES = ("CL", "K10")  # of sets without a liver; the set with one found no difference between the sexes


def model_of(request: Request, name: str = "") -> Model:
    """
    A set as a request wants it.

    Args:
        name: of another set than the request's own.

    Source: PKC-SEX, PKC-EXPONENT.
    """
    model = model_named(name or request.model)
    if request.options == Options():
        return model
    changed = [p for p in map(_changes(request), _last(parameters(model))) if p is not None]
    return msgspec.structs.replace(model, parameter=(*model.parameter, *changed)) if changed else model


def notes(request: Request) -> Iterable[str]:
    """What to say of the options that change the request's own set."""
    mine = list(_last(parameters(model_named(request.model))))
    if request.options.sex:
        counted = any(p.name in CLEARANCES for p in mine)
        percent = covariate("PKC-SEX").numbers["percent"]
        yield say("PKW-SEX", percent=percent) if counted else say("PKW-SEX-NOT", model=request.model)
    if request.options.exponent and any(_linear(p) for p in mine):
        exponent = covariate("PKC-EXPONENT").numbers["exponent"]
        yield say("PKW-EXPONENT", model=request.model, exponent=exponent)


def _last(found: Iterable[Parameter]) -> Iterable[Parameter]:
    """Of parameters named twice, as by a set and its base, the last counts."""
    return {p.name: p for p in found}.values()


def _changes(request: Request) -> Callable[[Parameter], Parameter | None]:
    higher = request.options.sex and request.subject.sex == "female"
    factor = 1 + covariate("PKC-SEX").numbers["percent"] / 100

    def change(p: Parameter) -> Parameter | None:
        new = p
        if higher and p.name in CLEARANCES:
            new = msgspec.structs.replace(new, value=new.value * factor)
        if request.options.exponent and _linear(p):
            new = msgspec.structs.replace(new, weight_exponent=covariate("PKC-EXPONENT").numbers["exponent"])
        return new if new is not p else None

    return change


def _linear(p: Parameter) -> bool:
    """A clearance or flow that scales with weight itself."""
    return p.unit in ("L/h", "L/min") and p.weight_exponent == Decimal(1)
