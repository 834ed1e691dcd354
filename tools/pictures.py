"""
Take the pictures of docs/ anew, from the synthetic clinic as it stands on one fixed day.

    python tools/pictures.py            # needs make dev and Chromium; some minutes

Clinic, server and browser live in this process and a temporary folder, so that the clock can stand where the text of
the tour says it does. Pictures are 1280, 820 or 390 px wide; one that is larger than LARGEST shows less of its page.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
MOMENT = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)
LARGEST = 120_000  # bytes
STEP = 80  # px
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-lcd-text", "--no-first-run", "--disable-background-networking"]


@dataclass(frozen=True)
class Picture:
    """
    One picture.

    Args:
        name: of the file in docs/images/clinic.
        who: the part of the address before the @, empty: nobody is signed in.
        path: with {Family} for the record of that person.
        wide: 1280, 820 or 390. high: how much of the page. press: words of a summary to open first.
    """

    name: str
    who: str
    path: str
    wide: int = 1280
    high: int = 800
    dark: bool = False
    press: str = ""


PICTURES = (
    Picture("today", "prescriber", "/today/"),
    Picture("facts", "prescriber", "/p/{Brandt}/facts/"),
    Picture("pathway", "prescriber", "/p/{Costa}/"),
    Picture("verdict", "prescriber", "/p/{Baker}/screen/"),
    Picture("plan", "prescriber", "/p/{Neumann}/plan/"),
    Picture("dose", "prescriber", "/p/{Neumann}/plan/dose/#would-curve", wide=820, high=1180),
    Picture("gate", "nurse", "{gate}gate/"),
    Picture("give", "nurse", "{chair}give/", wide=820, high=900),
    Picture("chair", "nurse", "{chair}", high=900),
    Picture("board", "nurse", "/rooms/", high=560),
    Picture("ledger", "nurse", "/ledger/", high=700),
    Picture("record", "nurse", "{over}record/"),
    Picture("nurse-menu", "nurse", "/p/{Costa}/screen/", wide=390, high=844, dark=True, press="Record"),
    Picture("nurse-today", "nurse", "/today/", wide=390, high=844),
    Picture("scores", "therapist", "/p/{Neumann}/assess/"),
    Picture("first-hour", "therapist", "/p/{Neumann}/assess/first-hour/"),
    Picture("forms", "coordinator", "/forms/"),
    Picture("referrals", "coordinator", "/referrals/", high=640),
    Picture("retreat", "coordinator", "{retreat}", high=1000),
    Picture("accounts", "admin", "/site/"),
    Picture("content", "admin", "/content/"),
    Picture("audit", "privacy", "/audit/"),
    Picture("billing", "billing", "/today/", high=420),
    Picture("researcher", "researcher", "/today/", high=420),
    Picture("stranger", "therapist2", "/p/{Neumann}/", high=420),
)


def main() -> None:
    """Make the clinic, serve it, look at it."""
    folder = Path(tempfile.mkdtemp(prefix="openkap-pictures-"))
    os.environ["OPENKAP_DATA"] = str(folder / "clinic")
    os.environ.pop("OPENKAP_SITE", None)
    try:
        with time_machine.travel(MOMENT, tick=True):
            from openkap.project.serve import make_ready

            make_ready()
            logging.disable(logging.INFO)
            records, link = _fill()
            url = _serve()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
                _clinic(browser, url, records)
                _phone(browser, f"{url}{link}")
                _printed(browser, folder)
                browser.close()
    finally:
        shutil.rmtree(folder)


def _fill() -> tuple[dict[str, str], str]:
    """The clinic; the records by family name, and the link of a form to open on a phone."""
    from openkap.assess import services
    from openkap.people.models import Patient
    from openkap.project import demonstration
    from openkap.schedule.models import Retreat

    demonstration.fill(MOMENT.date(), lambda line: print(line, file=sys.stderr))
    records = {row.family: str(row.pk) for row in Patient.objects.all()} | _rooms()
    records["retreat"] = f"/retreats/{Retreat.objects.get().pk}/"
    request = services.ask_form(None, Patient.objects.get(family="Neumann"), "phq-9")
    _link, token = services.make_link(None, request)
    return records, f"/f/{token}/"


def _rooms() -> dict[str, str]:
    """One person half an hour after the dose, one at the gate; addresses of their sessions, and of one that is over."""
    from django.db.models import F

    from openkap.dose import events as e
    from openkap.dose import floor, heart, services
    from openkap.dose.models import Beat, DosingSession
    from openkap.people.models import Membership
    from openkap.people.selectors import principal_of
    from openkap.project.demonstration_dosing import Clock, Told, book_planned

    found = [principal_of(row.user) for row in Membership.objects.select_related("user")]
    team = {
        row.user.email.partition("@")[0]: one for row, one in zip(Membership.objects.all(), found, strict=True) if one
    }
    sessions = list(DosingSession.objects.filter(ended_at=None).select_related("patient", "site", "chair")[:2])
    clock = Clock(MOMENT - timedelta(minutes=75))
    with clock.running():
        for name in ("nurse", "nurse2", "prescriber", "therapist", "coordinator"):
            floor.begin_shift(team[name], next(role for role in floor.ON_FLOOR if role in team[name].roles))
        for place, row in enumerate(sessions):  # booked for this morning, when it was morning
            services.act(
                team["nurse"], row, lambda by, s, _: e.Cancel(key="x", patient=s.patient, by=by, reason="moved")
            )
            at = (MOMENT - timedelta(minutes=60)).time()
            sessions[place] = book_planned(team["coordinator"], row.patient, row.chair, row.day, at)
        Told(team, sessions[0], clock).until(30)
    clock.now = MOMENT - timedelta(minutes=12)
    with clock.running():
        Told(team, sessions[1], clock).to_the_order()
    heart.stamp("pictures")
    Beat.objects.update(monotonic_s=F("monotonic_s") + 3600)
    over = DosingSession.objects.filter(phase="discharged").get()
    named = {"chair": sessions[0], "gate": sessions[1], "over": over}
    return {name: f"/p/{row.patient_id}/dose/{row.pk}/" for name, row in named.items()}


def _serve() -> str:
    """The address; the server ends with this process."""
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

    from openkap.project.wsgi import application

    class Silent(WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadedWSGIServer(("127.0.0.1", 0), Silent)
    server.set_app(application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://localhost:{server.server_port}"


def _clinic(browser: Browser, url: str, records: dict[str, str]) -> None:
    from openkap.project.demonstration import PASSWORD

    signed_in = {}
    for picture in PICTURES:
        if picture.who not in signed_in:
            page = browser.new_context().new_page()
            page.goto(f"{url}/account/sign-in/")
            page.get_by_label("Email").fill(f"{picture.who}@demo.example")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in", exact=True).click()
            page.wait_for_url("**/today/")
            signed_in[picture.who] = page.context.storage_state()
            page.context.close()
        page = browser.new_context(
            viewport={"width": picture.wide, "height": picture.high},
            color_scheme="dark" if picture.dark else "light",
            storage_state=signed_in[picture.who],
        ).new_page()
        page.goto(url + picture.path.format(**records))
        if picture.press:
            page.locator("summary").filter(has_text=picture.press).locator("visible=true").first.click()
        _keep(page, f"clinic/{picture.name}")


def _phone(browser: Browser, link: str) -> None:
    """What a patient sees: a question, and the help that comes at once with an answer about dying."""
    page = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).new_page()
    page.goto(link)
    page.get_by_role("button", name="Begin").click()
    page.get_by_text("Question 1 of 10").wait_for()
    _shoot(page, "clinic/phone-question")
    page.goto(f"{link}?q=9")
    page.get_by_role("radio", name="Several days", exact=True).check()
    page.get_by_role("link", name="988").first.wait_for()
    _keep(page, "clinic/phone-help")


def _printed(browser: Browser, folder: Path) -> None:
    """The two pages that the commands write."""
    openkap = str(Path(sys.executable).with_name("openkap"))
    plans, day = folder / "plans", MOMENT.date().isoformat()
    subprocess.run([openkap, "demo", "--walk", "--on", day, "--out", str(plans)], check=True, stdout=subprocess.DEVNULL)
    content = folder / "content.html"
    with content.open("wb") as file:
        subprocess.run([openkap, "content", "page"], check=True, stdout=file)
    for name, path in (("plan-page", plans / "worry.html"), ("content-page", content)):
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(path.as_uri())
        _keep(page, name)


def _keep(page: Page, name: str) -> None:
    _shoot(page, name)
    page.context.close()


def _shoot(page: Page, name: str) -> None:
    size = page.viewport_size
    assert size
    for high in range(size["height"], 0, -STEP):
        picture = page.screenshot(clip={"x": 0, "y": 0, "width": size["width"], "height": high})
        if len(picture) <= LARGEST:
            break
    (IMAGES / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
