"""What comes after a dose, in a browser: every page at 1280 and 390 px, light and dark; a note while it is typed."""

import os
import re
import zlib
from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from openkap.dose import events as e
from openkap.dose import services_adverse as sa
from openkap.dose import store
from openkap.dose.models import AdverseVersion, DosingSession, SessionEvent
from openkap.dose.tests.ward import Ward, now_s
from openkap.kernel.quantity import Quantity
from openkap.people.types import Role
from tests.browser.surf import SHOTS, Surf
from tests.database import changing

pytestmark = pytest.mark.slow


class Day(Ward):
    """A ward whose wall clock goes with the other one."""

    def later(self, seconds: float) -> None:
        super().later(seconds)
        with changing("dose_sessionevent"):
            for event in SessionEvent.objects.filter(session=self.row):
                SessionEvent.objects.filter(pk=event.pk).update(at=event.at - timedelta(seconds=seconds))
        row = DosingSession.objects.get(pk=self.row.pk)
        DosingSession.objects.filter(pk=row.pk).update(booked_at=row.booked_at - timedelta(seconds=seconds))
        store.forget()

    def eventful(self) -> "Day":
        """An infusion with an alert, a correction, words of a therapist, and calm hours after it."""
        self.to_dosing()
        self.later(600)
        self.check(systolic=158, diastolic=94)
        for alert in self.session.open_alerts():
            self.do(e.Acknowledge, Role.PRESCRIBER, alert=alert.id)
        self.later(300)
        self.read(systolic=138, diastolic=86)
        wrong = next(r for r in reversed(self.session.readings) if r.measure == "spo2")
        self.do(e.Correct, reading=wrong.id, reason="cold finger", quantity=Quantity(Decimal(97), "%"), taken_s=now_s)
        self.do(e.Note, Role.THERAPIST, text="A house by the sea. A part that guards the door.")
        self.later(300)
        self.check()
        self.watch(20)
        self.do(e.Finish)
        self.do(e.Recover)
        return self

    def act(self, kind, by=Role.NURSE, key="", **fields):
        if kind is e.Correct:
            fields["taken_s"] = now_s
        return super().act(kind, by, key, **fields)


def look(surf: Surf, path: str, role: Role, name: str) -> None:
    for size in ("desktop", "phone"):
        for dark in (False, True):
            page = surf.open(path, role, size=size, dark=dark)
            surf.check(page, name)
            page.context.close()


def test_pages_after_a_dose_can_be_read_and_used(surf: Surf):
    ward = Day(surf.clinic).eventful()
    base = f"/p/{ward.patient.pk}/dose/{ward.row.pk}"
    look(surf, f"{base}/leave/", Role.NURSE, "leave-open")
    ward.watch(70).read(aldrete=10)
    ward.answer_leaving(escort_met="Ana Roe, sister, met here", car_keys_asked="at home, with her sister")
    look(surf, f"{base}/leave/", Role.NURSE, "leave-met")
    look(surf, f"{base}/leave/discharge/", Role.NURSE, "discharge")
    look(surf, f"{base}/leave/early/", Role.PRESCRIBER, "early")
    look(surf, f"{base}/leave/transfer/", Role.NURSE, "transfer")
    ward.do(e.Discharge)
    look(surf, f"{base}/leave/instructions/", Role.NURSE, "instructions")
    for one in ward.session.alerts:
        sa.file_alert(surf.clinic.principal(Role.NURSE), ward.row, one.id)
    made = AdverseVersion.objects.first()
    look(surf, f"/p/{ward.patient.pk}/adverse/", Role.NURSE, "adverse")
    look(surf, f"/p/{ward.patient.pk}/adverse/{made.pk}/", Role.NURSE, "adverse-event")
    look(surf, f"/p/{ward.patient.pk}/adverse/new/", Role.NURSE, "adverse-new")
    full = {"term": "AE-BP", "grade": 2, "relation": "probable", "action": "Waited, repeated", "serious": ()}
    sa.amend(surf.clinic.principal(Role.NURSE), ward.row, made.event, expected_version=1, **full)
    look(surf, f"/p/{ward.patient.pk}/adverse/{made.pk}/review/", Role.PRESCRIBER, "adverse-review")
    look(surf, f"{base}/record/", Role.THERAPIST, "record")
    look(surf, f"{base}/record/note/", Role.NURSE, "note")
    look(surf, f"{base}/record/print/", Role.NURSE, "record-print")
    look(surf, "/calls/", Role.NURSE, "calls")
    look(surf, "/calls/", Role.COORDINATOR, "calls-desk")
    task = ward.row.tasks.first()
    look(surf, f"/p/{ward.patient.pk}/calls/{task.pk}/", Role.NURSE, "call")
    if SHOTS:
        for name in ("record/print", "leave/instructions"):
            page = surf.open(f"{base}/{name}/", Role.NURSE)
            page.pdf(path=os.path.join(SHOTS, f"{name.replace('/', '-')}.pdf"), format="A4", print_background=False)
            page.emulate_media(media="print")
            page.set_viewport_size({"width": 673, "height": 1000})  # A4 between its margins
            page.screenshot(path=os.path.join(SHOTS, f"{name.replace('/', '-')}-paper.png"), full_page=True)


@pytest.mark.hazard("HAZ-01", "C2")
def test_every_printed_page_of_a_record_says_whose_it_is(surf: Surf):
    """The same line of glyphs stands on each page of the PDF, which has several."""
    ward = Ward(surf.clinic).to_left()
    page = surf.open(f"/p/{ward.patient.pk}/dose/{ward.row.pk}/record/print/", Role.NURSE)
    line = page.locator(".run").text_content() or ""
    assert ward.patient.record_number in line and "born 2 Apr 1988" in line
    pages = drawn(page.pdf(format="A4"))
    assert len(pages) > 1
    number = 4 * len("1 / 2")  # the number of the page is drawn first; each glyph is four digits
    whose = pages[0][number : number + 4 * len("Ida Example · born 2 Apr 1988")]
    assert [whose in one for one in pages] == [True] * len(pages)
    assert len({one[:number] for one in pages}) == len(pages)


def drawn(pdf: bytes) -> list[str]:
    """The glyphs that each page draws, in their order."""
    found = []
    for start in re.finditer(rb"stream\r?\n", pdf):
        try:
            text = zlib.decompressobj().decompress(pdf[start.end() :])
        except zlib.error:
            continue  # a picture or a font that is not packed
        if b"Tj" in text or b"TJ" in text:
            found.append(b"".join(re.findall(rb"<([0-9A-Fa-f]{4,})>", text)).decode())
    return found


@pytest.mark.hazard("HAZ-78", "C1")
def test_what_is_corrected_in_a_note_is_struck_and_underlined_while_it_is_typed(surf: Surf):
    ward = Ward(surf.clinic).to_left()
    page = surf.open(f"/p/{ward.patient.pk}/dose/{ward.row.pk}/record/note/", Role.NURSE)
    text = page.get_by_label("The note")
    text.fill(text.input_value().replace("No drug was given.", "") + "\nShe was calm.")
    expect(page.locator("[data-note-diff] ins")).to_have_text("She was calm.")
    expect(page.locator("[data-note-diff] del")).to_have_count(0)
    lines = text.input_value().splitlines()
    text.fill("\n".join(lines[1:]))
    expect(page.locator("[data-note-diff] del")).to_have_text(lines[0])
    page.get_by_label("date of birth").fill("1988-04-02")
    page.get_by_role("button", name="Sign the note").click()
    expect(page.get_by_text("Version 1, signed by Nurse Person")).to_be_visible()
    expect(page.locator("#note ~ .read ins, section:has(#note) ins").first).to_have_text("She was calm.")
