"""
A whole day with three chairs: one red event, one tablet without a line, one early leaver, one vial whose rest is
wasted, and nothing of the drug left over. What takes hours is told by moved clocks; the screening is a calm one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import Page, expect

from openkap.chart import services as chart
from openkap.chart.fhir.statement import Author, statement
from openkap.dose import events as e
from openkap.dose import floor, heart, services, store
from openkap.dose.gate import LIMITS, TRIED
from openkap.dose.models import AdverseVersion, AlertState, Beat, DosingSession, Given, SessionEvent, Task
from openkap.dose.record import totals
from openkap.dose.selectors_ledger import rests, unexplained
from openkap.dose.tests.ward import Ward
from openkap.kernel.truth import Truth
from openkap.people import services as people
from openkap.people.models import Patient
from openkap.people.selectors import principal_of
from openkap.people.types import Role
from openkap.web.dose import acts
from openkap.web.dose.gate import views as gate_views
from tests.browser.surf import Surf
from tests.database import PASSWORD

BORN = "1988-04-02"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """`later(minutes)`: every clock of the server, and nobody's sign-in, is so much later from now on."""
    ahead = [0.0]
    tick, now = store.tick, timezone.now

    def moved() -> timedelta:
        return timedelta(seconds=ahead[0])

    monkeypatch.setattr(
        store, "tick", lambda: replace(tick(), at=tick().at + moved(), monotonic_s=tick().monotonic_s + ahead[0])
    )
    monkeypatch.setattr(timezone, "now", lambda: now() + moved())

    def go(minutes: float) -> None:
        ahead[0] = 0.0 if minutes < 0 else ahead[0] + minutes * 60

    return go


class Day:
    """The clinic on that day: three people, three chairs, and who works there."""

    def __init__(self, surf: Surf, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch):
        self.surf, self.later, clinic = surf, later, surf.clinic
        self.one = Ward(clinic)
        carers = [clinic.users[role] for role in (Role.NURSE, Role.PRESCRIBER, Role.THERAPIST)]
        for patient in (clinic.noah, clinic.otto):
            for user in (*carers, self.one.second):
                people.assign_care_team(clinic.principal(Role.COORDINATOR), patient, user)
        self.two = Ward(clinic, patient=clinic.noah, chair="Bay 2")
        self.three = Ward(clinic, patient=clinic.otto, chair="Bay 3")
        for module in (acts, gate_views):
            monkeypatch.setattr(module, "dose_day", self.one.judge_of)
        self._weighed(clinic.ida)

    def _weighed(self, patient: Patient) -> None:
        nurse = self.surf.clinic.principal(Role.NURSE)
        author = Author(str(nurse.user_id), nurse.name)
        said = statement(str(patient.pk), "weight", Decimal(82), timezone.localdate(), author, unit="kg")
        chart.add_records(nurse, patient, [said], by="staff")

    def beats(self) -> None:
        """The heartbeat, which the server of this test does not have; everybody's screen is alive."""
        clinic = self.surf.clinic
        for user in [*(clinic.users[role] for role in floor.ON_FLOOR), self.one.second]:
            principal = principal_of(user)
            assert principal is not None
            floor.here(principal, f"screen-{user.pk}")
        services.beat_all()
        heart.stamp("the day")
        Beat.objects.update(monotonic_s=F("monotonic_s") + 3600)  # it goes on beating as far as a page can tell

    def url(self, ward: Ward, page: str = "") -> str:
        return f"{self.surf.url}/p/{ward.patient.pk}/dose/{ward.row.pk}/{page}"

    def passes(self, minutes: float) -> None:
        self.later(minutes)
        self.beats()


def typed(page: Page, *values: str) -> None:
    """Values at the keypad, by the keyboard, each saved before the next."""
    page.locator("#keypad").focus()
    for value in values:
        page.keyboard.type(value)
        page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_contain_text("saved")


def scale(page: Page, name: str, value: str) -> None:
    page.locator('[data-k="step-more"]').click()
    page.get_by_role("button", name=name, exact=True).click()
    page.locator("#keypad").focus()
    page.keyboard.type(value)
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_contain_text("saved")


@pytest.mark.hazard("HAZ-14", "C2")
@pytest.mark.goal("RG-36")
def test_a_whole_day_with_three_chairs(surf: Surf, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch):
    day = Day(surf, later, monkeypatch)
    day.beats()
    nurse = surf.open(f"/p/{day.one.patient.pk}/dose/", Role.NURSE)
    doctor = surf.open("/today/", Role.PRESCRIBER)
    second = surf.open("/today/", day.one.second)

    # Bay 1: received, asked, read, ordered, drawn, checked, begun
    nurse.get_by_role("button", name="Is here: I watch").click()
    nurse.get_by_label("Full name, as the patient says it").fill("Ida Example")
    nurse.get_by_label("Birth date, as the patient says it").fill(BORN)
    nurse.get_by_role("button", name="This is the person").click()
    nurse.get_by_role("button", name="Begin the checks").click()
    for item in store.load(fresh(day.one)).protocol.items:
        if item.only or item.name in (LIMITS, TRIED):
            continue
        line = nurse.locator("section:has(#confirm) .gate-line", has_text=item.title)
        if item.name == "fear-asked":
            line.get_by_role("textbox").fill("3")
            line.get_by_role("button", name="Enter").click()
        else:
            line.get_by_role("button", name="Yes").click()
        expect(line).to_have_attribute("data-s", "ok")
    nurse.goto(day.url(day.one))
    nurse.get_by_role("button", name="I have read these limits aloud").click()
    nurse.get_by_role("button", name="Try this screen").click()
    nurse.get_by_role("button", name="I saw it").click()
    expect(nurse.locator("#part-ready")).to_contain_text("limits read back, screen tried")
    typed(nurse, "126", "80", "72", "98", "14")
    scale(nurse, "Dissociation, CADSS-6", "0")
    scale(nurse, "Alertness, MOAA/S", "5")
    nurse.goto(day.url(day.one, "gate/"))
    nurse.get_by_role("button", name="Judge the screening again").click()
    doctor.goto(day.url(day.one, "order/"))
    doctor.get_by_label("Another amount, typed twice").check()
    doctor.get_by_label("Another amount (mg/kg)").fill("0.5")
    doctor.get_by_label("The same amount again (mg/kg)").fill("0.5")
    doctor.get_by_label("Over how many minutes").fill("40")
    doctor.get_by_label("Birth date of this person").fill(BORN)
    doctor.get_by_role("button", name="I order this dose: sign").click()
    nurse.reload()
    expect(nurse.get_by_role("heading", name="The gate is green")).to_be_visible()
    surf.check(nurse, "gate-green")
    nurse.get_by_role("button", name="The gate is green: go on").click()
    nurse.get_by_label("LOT-7").check()
    nurse.get_by_label("Smallest step of the syringe, mL").fill("0.01")
    nurse.get_by_role("button", name="Work out the volume and draw up").click()
    second.goto(day.url(day.one, "give/"))
    second.get_by_label("Strength on the vial, mg/mL").fill("50")
    second.get_by_role("button", name="I have read the vial").click()
    nurse.reload()
    nurse.get_by_label("Full name, as the patient says it").fill("Ida Example")
    nurse.get_by_label("Birth date, as the patient says it").fill(BORN)
    nurse.get_by_role("button", name="This is the person").click()
    surf.check(nurse, "give-in-hand")
    doctor.goto(day.url(day.one))  # an open screen elsewhere
    nurse.get_by_role("button", name="I begin this dose").click()
    expect(nurse.get_by_role("heading", name="The drug is being given")).to_be_visible()
    expect(doctor.locator("#part-events")).to_contain_text("Dose 1 begun", timeout=15_000)

    # Bays 2 and 3 follow, watched by others
    for ward, watcher in ((day.two, day.one.second), (day.three, surf.clinic.users[Role.THERAPIST])):
        ward.watcher = watcher
        ward.to_dosing()

    # ten minutes later: a red value in bay 1, taken by the prescriber; the drug is stopped
    day.passes(10)
    nurse.goto(day.url(day.one))
    typed(nurse, "204", "118", "96", "97", "16")
    red = ".alert[data-s=stop]"
    expect(nurse.locator(red, has_text="Systolic pressure 204 mmHg")).to_be_visible()
    surf.check(nurse, "chair-red")
    doctor.goto(day.url(day.one))
    doctor.locator(red, has_text="204").get_by_role("button", name="I have it").click()
    expect(doctor.locator(red, has_text="204")).to_contain_text("You have it")
    nurse.goto(day.url(day.one, "give/"))
    nurse.locator("summary", has_text="Stop").click()
    nurse.get_by_label("Given so far, mg").fill("12")
    nurse.get_by_label("Why it is stopped").fill("Pressure 204/118.")
    nurse.get_by_role("button", name="Stop the drug").click()
    expect(nurse.get_by_text("stopped early, 41 mg was drawn")).to_be_visible()

    # bay 2: the tablet loses its line, and nothing is lost
    tablet = surf.open(day.url(day.two).removeprefix(surf.url), day.one.second)
    expect(tablet.locator("#keys-1 .key").first).to_be_visible()
    tablet.context.set_offline(True)
    expect(tablet.locator("#lost")).to_be_visible()
    tablet.locator("#keypad").focus()
    for value in ("134", "84", "78", "97", "15"):
        tablet.keyboard.type(value)
        tablet.keyboard.press("Enter")
    expect(tablet.locator("#lost")).to_contain_text("5 wait on this tablet")
    tablet.context.set_offline(False)
    expect(tablet.locator("#lost")).to_be_hidden(timeout=30_000)
    expect(tablet.locator("#saved")).to_contain_text("saved")
    expect(tablet.locator("#refused > li")).to_have_count(0)
    rows = SessionEvent.objects.filter(session=day.two.row, kind="Read").order_by("sequence")
    read = [json.loads(row.document) for row in rows]
    surf.faults.clear()  # the browser complains of the line
    assert [one["quantity"]["value"] for one in read][-5:] == ["134", "84", "78", "97", "15"]

    # bay 3: the drug ends, and the person leaves early
    for _ in range(4):
        day.passes(8)
        for ward in (day.one, day.two, day.three):
            ward.check()
    for ward in (day.two, day.three):
        ward.do(e.Finish)
        ward.do(e.Recover)
    nurse.goto(day.url(day.three, "leave/"))
    expect(nurse.get_by_role("heading", name="Not yet")).to_be_visible()
    nurse.get_by_role("link", name="Leaves early").click()
    nurse.get_by_label("Against advice").check()
    nurse.get_by_label("Why the person leaves now").fill(
        "Wants to go home; risks were explained to him and his sister."
    )
    nurse.get_by_label("The written advice was given").check()
    nurse.get_by_label("The person's date of birth").fill(BORN)
    nurse.get_by_role("button", name="Record that the person leaves").click()
    assert fresh(day.three).phase == "left early"

    # bay 1: calm again, settled, handed over
    day.one.check()
    for alert in AlertState.objects.filter(session=day.one.row, ended_at=None, level="red"):
        day.one.do(e.Settle, Role.PRESCRIBER, alert=alert.alert, reason="Quiet at the recheck; seen at the bedside.")
    day.one.do(e.Transfer, Role.PRESCRIBER, to="City hospital", reason="Pressure to be watched overnight.")

    # bay 2: every criterion is met, and signed
    for _ in range(10):
        day.passes(8)
        day.two.check()
    day.two.read(aldrete=10)
    for item in day.two.session.protocol.checks:
        day.two.do(e.Answer, name=item.name, truth=Truth.TRUE, note="Anna Example, met here" if item.ask else "")
    day.beats()
    second.goto(day.url(day.two, "leave/"))
    expect(second.get_by_role("heading", name="Every criterion is met")).to_be_visible()
    surf.check(second, "leave-met")
    second.get_by_role("link", name="Sign the discharge").first.click()
    second.get_by_label("The person's date of birth").fill(BORN)
    second.get_by_role("button", name="Sign the discharge").click()
    assert fresh(day.two).phase == "discharged"

    # the rest is wasted before a second person, and the balance is nought
    later(-1)
    day.beats()
    waste_all(day, nurse, second)
    assert rests(surf.clinic.site.pk) == []
    for ward in (day.one, day.two, day.three):
        charted = dict(totals(ward.session).by_lot)
        assert unexplained(surf.clinic.site.pk, str(ward.row.pk), charted) == {}
    given = {row.session_id: row.given_mg for row in Given.objects.all()}
    assert given == {day.one.row.pk: Decimal(12), day.two.row.pk: Decimal(41), day.three.row.pk: Decimal(41)}

    # what the day leaves behind: reviews that hold the next dose, calls, nobody in the house
    events = AdverseVersion.objects.values_list("session", flat=True)
    assert set(events) == {day.one.row.pk, day.three.row.pk}
    assert Task.objects.filter(kind="check-in", session=day.two.row).exists()
    assert Task.objects.filter(kind="call", session=day.three.row).count() == 2
    assert not DosingSession.objects.filter(ended_at=None).exists()


def fresh(ward: Ward) -> DosingSession:
    ward.row.refresh_from_db()
    return ward.row


def waste_all(day: Day, nurse: Page, second: Page) -> None:
    """Everything that is open: asked by one on her screen, confirmed by the other on hers, who proves who she is."""
    while left := rests(day.surf.clinic.site.pk):
        lot, account, ug = left[0]
        nurse.goto(f"{day.surf.url}/ledger/lots/{lot.pk}/waste/")
        nurse.get_by_label("Wasted").check()
        nurse.locator(f'[value="{account.place}:{account.id}"]').check()
        nurse.get_by_label("How much, in mg").fill(str(Decimal(ug) / 1000))
        nurse.get_by_label("Reason").fill("Rest of the day.")
        nurse.get_by_role("button", name="Ask a second person").click()
        surf_path = nurse.url.removeprefix(day.surf.url)
        second.goto(f"{day.surf.url}{surf_path}confirm/")
        if second.get_by_label("Password").count():
            second.get_by_label("Password").fill(PASSWORD)
            second.get_by_role("button", name="Confirm").click()
        second.get_by_role("button", name="Confirm", exact=True).click()
        second.wait_for_url("**/ledger/**")
