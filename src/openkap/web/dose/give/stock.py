"""The lots that a dose of a session can be drawn from, as the ledger has them today."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from openkap.dose.models import DosingSession
from openkap.dose.orders import LIQUID
from openkap.dose.selectors_ledger import Held, day_at, held
from openkap.kernel.quantity import DoseMg, Quantity, number

FORMS = {"nasal": "device", "sublingual": "lozenge", "oral": "lozenge"}


@dataclass(frozen=True)
class Usable:
    """A lot: its number, its words, its strength (None for what is given whole)."""

    label: str
    words: str
    per_ml: Quantity | None


def lots_for(row: DosingSession) -> list[Usable]:
    """Lots of the drug and the form of this route that may be used and hold something; for a liquid an open vial."""
    form = "vial" if row.route in LIQUID else FORMS[row.route]
    there = [one for one in held(row.site_id, day_at(row.site_id)) if not one.why_not]
    return [_usable(one) for one in there if (one.lot.drug, one.lot.form) == (row.drug, form) and _ug(one) > 0]


def _ug(one: Held) -> int:
    return sum(ug for _, ug in one.vials) if one.lot.form == "vial" else one.stock_ug


def _usable(one: Held) -> Usable:
    lot, mg = one.lot, DoseMg(Decimal(_ug(one)) / 1000)
    per_ml = Quantity(Decimal(lot.ug_per_ml) / 1000, "mg/mL") if lot.ug_per_ml else None
    where = "in open vials" if lot.form == "vial" else "in stock"
    strength = f"{number(per_ml.value)} mg/mL, " if per_ml else ""
    return Usable(lot.label, f"{lot.label}: {strength}{mg} {where}, expires {lot.expires.isoformat()}", per_ml)
