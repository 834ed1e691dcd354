"""A changed order, use over time, products and supplies that go home: whole at 1280 and 390, light and dark."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from openkap.dose import events as e
from openkap.dose import orders, services_ledger, store
from openkap.dose.models import Beat
from openkap.dose.services_harm import enter_screen, enter_sign
from openkap.dose.tests.stockroom import LOZENGE
from openkap.dose.tests.ward import Ward
from openkap.kernel.quantity import DoseMgPerKg
from openkap.people.types import Role
from openkap.web.dose import acts
from tests.browser.surf import Size, Surf

LOOKS: tuple[tuple[Size, bool], ...] = (("desktop", False), ("phone", True))


@pytest.fixture
def ward(surf: Surf) -> Ward:
    clock = store.tick()
    Beat.objects.create(holder="test", boot=clock.boot, monotonic_s=clock.monotonic_s + 3600, at=clock.at)
    return Ward(surf.clinic).to_ready()


def changed(ward: Ward) -> None:
    """The prescriber signs another amount."""
    first = ward.session.order
    assert first is not None and first.weight is not None
    per_kg = DoseMgPerKg(Decimal("0.4"))
    mg = per_kg.times(first.weight.quantity)
    made = replace(first, version=2, mg_per_kg=per_kg, mg=mg, planned_mg=mg, signature=None)
    ward.do(e.SignOrder, Role.PRESCRIBER, order=lambda by, _session, now: orders.signed(made, by, now.at))


@pytest.mark.hazard("HAZ-17", "C1")
def test_a_changed_order_comes_up_on_the_open_chair_page_and_is_seen_there_by_a_named_person(surf: Surf, ward: Ward):
    ward.in_hand()
    page = surf.open(f"/p/{ward.patient.pk}/dose/{ward.row.pk}/", Role.NURSE)
    expect(page.locator("#keys-1 .key").first).to_be_visible()
    assert page.get_by_text("Order changed by").count() == 0
    changed(ward)
    expect(page.get_by_text("Order changed by Prescriber Person: version 2").first).to_be_visible()
    surf.check(page)
    page.get_by_role("button", name="I have it").first.click()
    expect(page.locator("#part-alerts").get_by_text("Order changed by")).to_have_count(0)
    assert ward.session.alerts[-1].ended[0] == "seen by Nurse Person"  # type: ignore[index]


@pytest.mark.hazard("HAZ-17", "C2")
def test_a_dose_begun_from_an_old_sheet_is_refused_with_both_values_in_the_browser(
    surf: Surf, ward: Ward, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(acts, "dose_day", ward.judge_of)
    changed(ward)
    ward.do(e.Acknowledge, alert=ward.session.open_alerts()[0].id)
    ward.do(e.PassGate)
    ward.in_hand()
    for size, dark in LOOKS:
        page = surf.open(f"/p/{ward.patient.pk}/dose/{ward.row.pk}/give/", Role.NURSE, size=size, dark=dark)
        surf.check(page)
    page.get_by_label("Version on the printed sheet").fill("1")
    page.get_by_role("button", name="I begin this dose").click()
    expect(page.get_by_text("version 1, 41 mg")).to_be_visible()
    expect(page.get_by_text("version 2, 32.8 mg")).to_be_visible()
    assert not ward.session.given
    surf.faults[:] = [one for one in surf.faults if "422" not in one]  # the refusal


@pytest.mark.hazard("HAZ-51", "C1")
def test_one_tap_at_the_chair_files_an_adverse_event(surf: Surf, ward: Ward):
    page = surf.open(f"/p/{ward.patient.pk}/dose/{ward.row.pk}/", Role.NURSE, size="phone")
    page.get_by_role("button", name="File an adverse event now").click()
    expect(page.locator("#part-events")).to_contain_text("Adverse event, to be described")
    surf.check(page)


def test_use_products_and_supplies_are_whole_on_screen_and_phone(surf: Surf, ward: Ward):
    nurse, on = surf.clinic.principal(Role.NURSE), ward.row.day
    enter_screen(nurse, ward.patient, screen="bladder", result="clear", on=on, text="IPSS 3, no blood", key="s1")
    enter_sign(nurse, ward.patient, sign="lost", on=on, text="Two lozenges, left on the bus", key="s2")
    services_ledger.receive(nurse, replace(LOZENGE, expires=on), containers=10, ref="note", key="l1")
    admin = surf.clinic.principal(Role.SITE_ADMIN)
    services_ledger.allow_home(admin, allowed=True, reason="Policy 7 of the medical director")
    session = f"/p/{ward.patient.pk}/dose/{ward.row.pk}/"
    pages = (
        (f"/p/{ward.patient.pk}/dose/use/", Role.PRESCRIBER),
        ("/ledger/products/?q=ket", Role.NURSE),
        (f"{session}home/", Role.NURSE),
        ("/ledger/home/", Role.SITE_ADMIN),
        (f"{session}gate/", Role.NURSE),
        (f"{session}paper/", Role.NURSE),
    )
    for path, role in pages:
        for size, dark in LOOKS:
            surf.check(surf.open(path, role, size=size, dark=dark))
