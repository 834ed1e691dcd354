"""What a caller hands in (preferences, the site's highest doses) and what a choice of regimen makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from openkap.kernel.source import Row
from openkap.plan.types import DoseLimit, Regimen


class Preferences(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What clinician and patient wish; every key is optional.

    Args:
        regimen: a template by id.
        routes: the routes that may be used; empty for all.
        modalities: modalities wished for.
        avoid: modalities, routes or regimens not wanted.
        start_low: start at the low end whatever the findings.
        start_on: first day of the programme.
        dosing_weight_kg: weight to dose by, kg.
        reasons: written reasons by what they are for: `DOS-FREQ-1`, `dosing_weight_kg`.
    """

    regimen: str | None = None
    routes: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    start_low: bool = False
    start_on: date | None = None
    dosing_weight_kg: Decimal | None = None
    reasons: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class SiteMax:
    """
    The highest dose a site allows by a route, as its medical director signed it.

    Args:
        mg_per_kg, mg: amounts; both count where both are given.
        min_duration_min: shortest infusion.
        signed_by: who signed; empty in demonstration mode.
    """

    mg_per_kg: Decimal | None = None
    mg: Decimal | None = None
    min_duration_min: Decimal | None = None
    signed_by: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A regimen that is not offered, and why."""

    row: Regimen
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weight:
    """
    The weight that doses are computed with.

    Args:
        kg: the dosing weight; None if nothing usable is known.
        measured_kg, measured_on: the fresh measured weight.
        chosen: the preferences chose `kg`.
        notes: what the reader must know (body-mass index, no measured weight).
    """

    kg: Decimal | None
    measured_kg: Decimal | None = None
    measured_on: str | None = None
    chosen: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A regimen by one route that survives, with its doses and what speaks for and against it."""

    row: Regimen
    limit: DoseLimit
    dose: Mapping[str, Any]
    pro: tuple[str, ...]
    contra: tuple[str, ...]
    warnings: tuple[str, ...]
    borrowed: str = ""
    rows: tuple[Row, ...] = field(default=())
