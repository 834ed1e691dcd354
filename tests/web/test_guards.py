"""What no page does: recommend to a patient, interrupt, lead elsewhere, answer a stranger otherwise than the absent."""

import json
import re
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from openkap.assess import services as forms
from openkap.assess.models import OnCall
from openkap.chart import services as chart
from openkap.dose import services_witness
from openkap.dose.ledger import Account
from openkap.dose.models_ledger import Lot, Posting
from openkap.dose.services_device import add_device
from openkap.dose.services_wall import make_wall
from openkap.dose.tests.ward import Ward
from openkap.people import audit, services
from openkap.people.audit import Origin
from openkap.people.models import AuditEvent, EmergencyAccess
from openkap.people.services_sealed import make_seal, open_seal
from openkap.people.types import Role
from openkap.schedule import services_group, services_runs
from openkap.schedule.tests.lodge import Lodge
from openkap.synthetic.case import Case
from tests.architecture.repository import PACKAGE
from tests.database import Clinic
from tests.matrix import address, routes, table
from tests.people_in_charts import fill
from tests.web.crawl import Page, crawl, filled, inside, reachable

ADVICE = re.compile(
    r"SCR-[A-Z]+-|mg/kg|\bmg\b|On hold|Possible with cautions|Not possible here|infusion", re.IGNORECASE
)


@pytest.mark.hazard("HAZ-31", "C2")
@pytest.mark.hazard("HAZ-53", "C1")
def test_no_advice_on_treatment_is_shown_to_a_patient_by_account_or_by_link(clinic: Clinic):
    fill(clinic, clinic.ida, Case(timezone.localdate(), sex="M", disorder="panic", born=clinic.ida.birth_date))
    assert any(ADVICE.search(seen.text) for seen in crawl(clinic.client(Role.PRESCRIBER), clinic, each=1))
    phone = Client()
    _, token = forms.make_link(None, forms.ask_form(None, clinic.ida, "gad-7"))
    pages = [seen.text for seen in crawl(clinic.client(Role.PATIENT), clinic) if seen.response.status_code == 200]
    for rest in ("", "?q=1", "help/"):
        pages.append(phone.get(f"/f/{token}/{rest}").content.decode())
    phone.post(f"/f/{token}/begin/")
    pages += [phone.get(f"/f/{token}/?q={n}").content.decode() for n in range(1, 8)]
    assert len(pages) > 10
    assert [found[0] for page in pages if (found := ADVICE.search(page))] == []


@pytest.mark.hazard("HAZ-31", "C2")
def test_no_route_that_reasons_is_open_to_a_patient():
    rooms = ("screen:", "plan:", "assess:", "chart:", "patient:", "content:", "notes:")
    rules = {name: rule for name, rule in table()["routes"].items() if name.startswith(rooms)}
    assert len(rules) > 20
    assert not [name for name, rule in rules.items() if rule.get("anyone") or "patient" in rule.get("roles", ())]


@pytest.mark.hazard("HAZ-25", "C1")
def test_no_page_interrupts_with_a_window_and_what_stops_stands_first(clinic: Clinic):
    scripts = [path.read_text(encoding="utf-8") for path in (PACKAGE / "web/static/web").glob("*.js")]
    templates = [path.read_text(encoding="utf-8") for path in (PACKAGE / "web/templates").rglob("*.html")]
    assert len(scripts) > 3 and len(templates) > 60
    assert not [text for text in scripts if re.search(r"\b(alert|confirm|prompt|showModal)\(", text)]
    assert not [text for text in templates if re.search(r"<dialog|alertdialog|onbeforeunload", text)]
    high = {"systolic": [(171, "mm[Hg]", 3, None), (169, "mm[Hg]", 10, None)]}
    today = timezone.localdate()
    case = Case(today, sex="M", disorder="panic", born=clinic.ida.birth_date, measurements=high)
    fill(clinic, clinic.ida, case)
    page = clinic.client(Role.PRESCRIBER).get(f"/p/{clinic.ida.pk}/screen/").content.decode()
    classes = re.findall(r'class="finding[^"]*"[^>]*data-s="(\w+)"', page)
    order = [{"stop": 0, "hold": 1}.get(one, 2) for one in classes]
    assert 1 in order and 2 in order and order == sorted(order)


@pytest.mark.hazard("HAZ-81", "C2")
def test_what_takes_away_looks_unlike_what_gives_and_stands_on_a_page_of_its_own():
    """Buttons that end, withdraw or refuse something; the filled one is for what goes forward."""
    words = r"(Withdraw|Take it back|End |Take the role|Close the account|Open in an emergency|Open the record)"
    found = 0
    for path in (PACKAGE / "web/templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for kind in re.findall(r'<button class="(btn[^"]*)"[^>]*>(?:{%[^%]*%})?\s*{% translate "' + words, text):
            found += 1
            assert "btn-primary" not in kind[0], f"{path.name}: {kind[1]}"
    assert found > 3
    style = (PACKAGE / "web/static/web/components.css").read_text(encoding="utf-8")
    assert re.search(r"\.btn-primary {[^}]*background: var\(--accent\)", style)
    assert not re.search(r"\.btn-stop {[^}]*background", style)  # an outline: told apart without colour


@pytest.mark.hazard("HAZ-02", "C1")
@pytest.mark.parametrize("role", [Role.PRESCRIBER, Role.NURSE, Role.THERAPIST, Role.COORDINATOR])
def test_every_form_on_a_page_about_a_person_goes_to_that_person_and_names_no_other(clinic: Clinic, role: Role):
    fill(clinic, clinic.ida, Case(timezone.localdate(), born=clinic.ida.birth_date))
    people = {str(p.pk) for p in (clinic.ida, clinic.noah, clinic.otto, clinic.far)}
    wrong, seen = [], 0
    for page in crawl(clinic.client(role), clinic, each=1):
        about = re.match(r"/p/([0-9a-f-]{36})/", page.path)
        if not about or page.response.status_code != 200 or "html" not in page.response.headers["Content-Type"]:
            continue
        for form in Page(page.text).forms:
            if form.method != "post" or "/p/" not in (to := inside(page.path, form.action or page.path)):
                continue
            seen += 1
            said = to + json.dumps(filled(form, lambda name, kind: ""))
            if not to.startswith(about[0]) or any(one in said for one in people - {about[1]}):
                wrong.append(f"{page.path}: {to}")
    assert wrong == []
    assert seen > 3


# ---------------------------------------------------------------- who is nobody


@pytest.mark.hazard("HAZ-71", "C1")
@pytest.mark.goal("RG-25")
@pytest.mark.parametrize("role", [None, Role.PATIENT, Role.BILLING])
def test_no_other_method_opens_what_get_and_post_keep_shut(clinic: Clinic, role: Role | None):
    told, client = [], clinic.client(role)
    for route in routes():
        if not reachable(route):
            continue
        path = address(route, clinic.noah.pk)
        shut = client.get(path).wsgi_request.access != "allowed"
        for method in ("head", "options", "put", "patch", "delete"):
            answer = getattr(client, method)(path)
            if answer.status_code >= 500 or (shut and answer.wsgi_request.access == "allowed"):
                told.append(f"{method} {route.name}: {answer.status_code}")
    assert told == []


@pytest.mark.hazard("HAZ-71", "C1")
@pytest.mark.parametrize("role", [Role.NURSE, Role.COORDINATOR])
def test_a_script_that_asks_for_a_part_gets_no_more_than_a_page(clinic: Clinic, role: Role):
    plain, part = clinic.client(role), clinic.client(role, headers={"HX-Request": "true", "HX-Target": "main"})
    for route in routes():
        if not reachable(route):
            continue
        for patient in (clinic.noah, clinic.far):
            path = address(route, patient.pk)
            assert plain.get(path).wsgi_request.access == part.get(path).wsgi_request.access, route.name


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "/\t/evil.example",
    ],
)
def test_no_page_leads_to_another_site_whatever_it_is_told_to_come_back_to(clinic: Clinic, target: str):
    nurse = clinic.users[Role.NURSE]
    nurse.set_password("seven grey herons at dusk")
    nurse.save()
    answers = [
        Client().post(
            "/account/sign-in/", {"login": nurse.email, "password": "seven grey herons at dusk", "next": target}
        ),
        Client().post(
            f"/account/sign-in/?next={target}", {"login": nurse.email, "password": "seven grey herons at dusk"}
        ),
        clinic.client(Role.NURSE).post("/account/sign-out/", {"next": target}),
    ]
    page = f"/p/{clinic.ida.pk}/facts/enter/avm/"
    sent = {"idempotency_key": str(uuid4()), "value": "no", "on": "2026-11-24", "version": 0}
    answers.append(clinic.client(Role.NURSE).post(f"{page}?next={target}", sent))
    for answer in answers:
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/")
        assert "evil" not in answer.headers["Location"] and not answer.headers["Location"].startswith("//")


@pytest.mark.hazard("HAZ-71", "C2")
def test_what_belongs_to_one_person_is_not_reached_through_another(clinic: Clinic):
    """A file, a record, a form, a signed verdict, a plan: by the address of somebody whom one may see."""
    from openkap.chart.models import Import, Record
    from openkap.people.services import assign_care_team

    prescriber = clinic.users[Role.PRESCRIBER]
    assign_care_team(None, clinic.noah, prescriber)
    fill(clinic, clinic.noah, Case(timezone.localdate(), born=clinic.noah.birth_date))
    asked = forms.ask_form(None, clinic.noah, "gad-7")
    record, received = Record.objects.first(), Import.objects.get()
    client = clinic.client(Role.PRESCRIBER)
    for rest in (
        f"facts/imports/{received.pk}/",
        f"facts/records/{record.resource_type}/{record.logical_id}/",
    ):
        assert client.get(f"/p/{clinic.noah.pk}/{rest}").status_code == 200, rest
        assert client.get(f"/p/{clinic.ida.pk}/{rest}").status_code == 404, rest
    here = {"idempotency_key": str(uuid4())}
    paths = [address(r, clinic.ida.pk) for r in routes() if r.name in ("forms:link", "forms:chase", "forms:withdraw")]
    assert len(paths) == 3
    for made in paths:
        path = made.replace("00000000-0000-0000-0000-000000000000", str(asked.pk)).replace("/0/", f"/{asked.pk}/")
        assert client.post(path, here | {"reason": "x", "idempotency_key": str(uuid4())}).status_code == 404, path
    asked.refresh_from_db()
    assert not asked.links.exists()


@pytest.mark.hazard("HAZ-65", "C1")
@pytest.mark.goal("RG-37")
@pytest.mark.parametrize("role", sorted(Role))
def test_every_page_shown_about_a_person_is_one_event_and_every_refusal_one(clinic: Clinic, role: Role):
    fill(clinic, clinic.ida, Case(timezone.localdate(), born=clinic.ida.birth_date))
    client, wrong = clinic.client(role), []
    for route in routes():
        if "patient_id" not in route.holds or not reachable(route):
            continue
        for patient in (clinic.ida, clinic.noah, clinic.far):
            before = AuditEvent.objects.order_by("-pk").first().pk
            answer = client.get(address(route, patient.pk))
            events = AuditEvent.objects.filter(pk__gt=before)
            if answer.wsgi_request.access == "allowed":
                reads = events.filter(type="patient-record", action="R", patient=patient, entity=route.name).count()
                right = (
                    reads == (answer.status_code in (200, 409, 422)) and not events.filter(outcome="denied").exists()
                )
            else:
                is_denial = answer.status_code in (403, 404)
                right = events.filter(type="denial", outcome="denied", patient=None).count() == is_denial
                right = right and not events.filter(patient__isnull=False).exists()
            if not right:
                wrong.append(f"{route.name} {answer.status_code} {[(e.type, e.action) for e in events]}")
    assert wrong == []
    assert audit.faults(clinic.site.pk) == []


@pytest.mark.hazard("HAZ-71", "C1")
@pytest.mark.goal("RG-25")
@pytest.mark.parametrize(
    "role", [Role.PRESCRIBER, Role.NURSE, Role.COORDINATOR, Role.SITE_ADMIN, Role.PRIVACY_LEAD, Role.BILLING]
)
def test_staff_of_another_site_cannot_tell_what_is_here_from_what_is_nowhere(clinic: Clinic, role: Role):
    """Files, alerts, duties, accounts, emergencies of one site, asked for by id from the other."""
    here = things(clinic)
    stranger = services.create_user(None, clinic.other, email="stranger@clinic.example", name="Stranger Person")
    services.grant_role(None, stranger, clinic.other, role)
    clinic.users[role] = stranger
    client, told = clinic.client(role), []
    for route in routes():
        if (
            "patient_id" in route.holds
            or not route.holds
            or route.name.startswith(("account_", "mfa_", "forms:", "content:"))
            or route.name in ("retreat:ics", "retreat:reply")  # whoever has its link may read it
        ):
            continue
        name, *more = route.holds
        known = {"what": "close", "name": "G01-dose-1", "run_id": here["run_id"][0], "list_id": here["list_id"][0]}
        rest = {one: known[one] for one in more}
        for thing in here[name]:
            for method in ("get", "post"):
                sent = [
                    getattr(client, method)(
                        reverse(route.name, kwargs={name: one, **rest}),
                        {"idempotency_key": str(uuid4()), "reason": "x", "note": "x"},
                    )
                    for one in (thing, uuid4() if name != "pk" else 987654)
                ]
                bodies = [re.sub(r'value="[^"]{30,}"', "", one.content.decode()) for one in sent]
                if sent[0].status_code != sent[1].status_code or bodies[0] != bodies[1] or sent[0].status_code == 200:
                    told.append(f"{method} {route.name}: {sent[0].status_code} {sent[1].status_code}")
    assert told == []
    assert OnCall.objects.get().withdrawn_at is None


def things(clinic: Clinic) -> dict[str, list]:
    """Ids of what the first site has, by the name that a path gives them."""
    filled = Case(timezone.localdate(), born=clinic.ida.birth_date)
    fill(clinic, clinic.ida, filled)
    bundle = msgspec.json.Encoder(decimal_format="number").encode(filled.bundle())
    waiting = chart.receive(clinic.principal(Role.COORDINATOR), bundle, source="a referral")
    asked = forms.ask_form(None, clinic.ida, "phq-9")
    forms.save_answer(None, asked, "9", {"value": ["1"]}, key=uuid4(), sequence=1)
    now = timezone.now()
    duty = forms.put_on_call(None, clinic.site, clinic.users[Role.NURSE], now, now + timedelta(hours=1))
    access = EmergencyAccess.objects.create(
        site=clinic.site,
        patient=clinic.noah,
        user=clinic.users[Role.NURSE],
        reason="collapsed",
        since=now,
        until=now + timedelta(hours=1),
    )
    ward = Ward(clinic)
    nurse, lot = clinic.principal(Role.NURSE), Lot.objects.get()
    wall, _token = make_wall(nurse, "Hall", 8)
    vial = Posting.objects.filter(kind="open").get()
    asked_for = services_witness.ask(
        nurse,
        lot.label,
        kind="waste",
        source=Account("vial", vial.target_id),
        ug=1000,
        reason="rest",
        key=str(uuid4()),
    )
    lodge = Lodge(clinic, guests=1)
    run = services_runs.run_here(services_runs.ask(lodge.coordinator, lodge.retreat), seconds=0.5)
    guests = services_group.take_list(lodge.coordinator, lodge.retreat, services_group.PAPER, [])
    device, _secret = add_device(clinic.principal(Role.SITE_ADMIN), "Monitor 3")
    _seal, word = make_seal(None, clinic.site, "trolley")
    seal, _token = open_seal(word, "Tom Typed", "nobody can sign in", origin=Origin())
    return {
        "retreat_id": [lodge.retreat.pk],
        "run_id": [run.pk],
        "list_id": [guests.pk],
        "seal_id": [seal.pk],
        "device_id": [device.pk],
        "import_id": [waiting.pk],
        "alert_id": [asked.alerts.get().pk],
        "wall_id": [wall.pk],
        "session_id": [ward.row.pk],
        "pending_id": [asked_for.pk],
        "pk": [duty.pk, lot.pk, vial.pk],
        "user_id": [clinic.users[r].pk for r in (Role.NURSE, Role.THERAPIST)],
        "access_id": [access.pk],
    }
