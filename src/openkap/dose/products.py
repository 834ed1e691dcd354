"""
Which product a lot is, and by which routes it may be given. Ketamine and esketamine are two drugs: nothing converts one
into the other.

Source: PROD-*; hazards 11, 12, 13
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from openkap.dose.library import shipped
from openkap.dose.rows import ProductRow
from openkap.kernel.quantity import number
from openkap.plan.words import ROUTE_WORDS


def products() -> tuple[ProductRow, ...]:
    """Every product."""
    return shipped().products.product


def found(typed: str) -> tuple[ProductRow, ...]:
    """The products that a search finds, by drug, form or the words of a route; all where nothing is typed."""
    wanted = typed.casefold().split()
    return tuple(row for row in products() if all(one in _words(row) for one in wanted))


def product_of(drug: str, form: str, unit_ug: int, ug_per_ml: int | None) -> ProductRow | None:
    """The product with this drug, form and strength, in whole micrograms as the ledger has it; None: there is none."""
    for row in products():
        if (row.drug, row.form) == (drug, form) and _has(row.per_ml, ug_per_ml) and _has(row.unit, unit_ug):
            return row
    return None


def shown(drug: str) -> str:
    """The name of a drug with its distinguishing capitals."""
    return next(row.shown for row in products() if row.drug == drug)


def forms_for(drug: str, route: str) -> str:
    """Form and strengths of what is given by a route, in words."""
    mine = [row for row in products() if row.drug == drug and route in row.routes]
    return "; ".join(f"{row.shown} {row.title}, {strength(row)}" for row in mine)


def strength(row: ProductRow) -> str:
    """The strengths of a product in words."""
    if row.per_ml:
        return f"{_listed(row.per_ml)} mg/mL"
    return f"{_listed(row.unit)} mg each" if row.unit else "strength on the label of the lot"


def _has(listed: tuple[Decimal, ...], ug: int | None) -> bool:
    return not listed or ug in {mg * 1000 for mg in listed}


def _listed(values: Iterable[Decimal]) -> str:
    *first, last = [number(value) for value in values]
    return f"{', '.join(first)} or {last}" if first else last


def _words(row: ProductRow) -> str:
    routes = " ".join(ROUTE_WORDS[route] for route in row.routes)
    return f"{row.drug} {row.form} {row.title} {routes} {strength(row)}".casefold()
