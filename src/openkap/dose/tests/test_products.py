"""Ketamine and esketamine are two drugs: form, route and strength of one are never those of the other (HAZ-13)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product as every

import pytest

from openkap.dose import events as e
from openkap.dose import orders, services_ledger
from openkap.dose.models import SessionEvent
from openkap.dose.models_ledger import Lot, Posting
from openkap.dose.products import forms_for, found, product_of, strength
from openkap.dose.services_posting import NotPosted
from openkap.dose.tests.stockroom import LOZENGE, SPRAY, VIAL, stockroom
from openkap.dose.tests.ward import Ward
from openkap.plan.book import shipped
from tests.database import Clinic

# By hand from the fact sheet: DOS-MG-1 (10, 50, 100 mg/mL), DOS-IN (28 mg a device), DOS-SL, DOS-PO.
LISTED = {
    ("ketamine", "vial"): ({"iv", "im", "sc"}, {10, 50, 100}),
    ("ketamine", "lozenge"): ({"sublingual", "oral"}, set()),
    ("esketamine", "device"): ({"nasal"}, {28}),
}
pytestmark = pytest.mark.hazard("HAZ-13", "C1")


@pytest.mark.parametrize(("drug", "form"), [*every(("ketamine", "esketamine"), ("vial", "lozenge", "device"))])
@pytest.mark.parametrize("size", [5, 10, 25, 28, 50, 56, 100])
def test_only_the_listed_combinations_of_drug_form_and_strength_are_products(drug: str, form: str, size: int):
    per_ml, unit = (size * 1000, 500_000) if form == "vial" else (None, size * 1000)
    row = product_of(drug, form, unit, per_ml)
    routes, sizes = LISTED.get((drug, form), (set(), {0}))
    assert (row is not None) == (not sizes or size in sizes)
    assert row is None or set(row.routes) == routes


def test_no_route_is_one_of_both_drugs_and_each_order_set_has_its_product():
    routes = {drug: {r for (of, _), (rs, _) in LISTED.items() if of == drug for r in rs} for drug, _ in LISTED}
    assert routes["ketamine"].isdisjoint(routes["esketamine"])
    for limit in shipped().dose_limits.limit:
        assert forms_for(limit.drug, limit.route), limit.id
        other = "esketamine" if limit.drug == "ketamine" else "ketamine"
        assert not forms_for(other, limit.route)


def test_a_search_for_ket_finds_both_with_form_strength_and_capitals_that_differ():
    rows = found("ket")
    assert [(row.shown, row.title, strength(row)) for row in rows] == [
        ("ketAMINE", "solution for injection, vial", "10, 50 or 100 mg/mL"),
        ("ketAMINE", "lozenge or tablet, compounded", "strength on the label of the lot"),
        ("ESketamine", "nasal spray, single-use device", "28 mg each"),
    ]
    assert [row.drug for row in found("Eske")] == ["esketamine"]
    assert found("midazolam") == ()


@pytest.mark.parametrize(
    "lot",
    [
        replace(VIAL, drug="esketamine"),
        replace(VIAL, ug_per_ml=25_000),
        replace(SPRAY, drug="ketamine"),
        replace(SPRAY, unit_ug=56_000),
        replace(LOZENGE, drug="esketamine"),
    ],
    ids=lambda lot: f"{lot.drug} {lot.form} {lot.ug_per_ml or lot.unit_ug}",
)
def test_what_is_no_product_is_not_received_and_the_products_are_said(clinic: Clinic, lot: services_ledger.Label):
    room = stockroom(clinic)
    with pytest.raises(NotPosted) as why:
        room.receive(lot)
    assert why.value.refused.rule == "HAZ-13"
    assert ("ketAMINE" if lot.drug == "ketamine" else "ESketamine") in str(why.value)
    assert not Lot.objects.exists()


def test_a_lot_of_another_route_is_not_drawn_up_for_a_session(clinic: Clinic):
    ward = Ward(clinic).to_ready()
    services_ledger.receive(
        ward.clinic.principal("nurse"),  # type: ignore[arg-type]
        replace(LOZENGE, label="L1", expires=ward.row.day),
        containers=10,
        ref="note",
        key="l1",
    )
    made = ward.session.order
    assert made is not None
    before = Posting.objects.count()
    wrong = orders.drawn(made, "LOT-7", orders.Quantity(Decimal(50), "mg/mL"), Decimal("0.01"), made.signature.by)  # type: ignore[union-attr]
    with pytest.raises(NotPosted, match="is no product for ketAMINE into a vein"):
        ward.act(e.DrawUp, draw=lambda by, *_: replace(wrong, lot="L1", by=by))
    assert Posting.objects.count() == before
    assert not SessionEvent.objects.filter(session=ward.row, kind="DrawUp").exists()
