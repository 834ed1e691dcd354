"""Rules that hold on every route: who is refused, what a reply carries, what never stands in one."""

import io
import json
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.test import Client

from openkap.chart import services as chart
from openkap.chart.services_private import write_note
from openkap.people import services, services_accounts
from openkap.people.models import AuditEvent, Effect, Patient, User
from openkap.people.policy import policy_of
from openkap.people.selectors import principal_of, visible_patients
from openkap.people.types import Purpose, Role
from openkap.project.logs import OneLine
from tests.database import Clinic
from tests.matrix import address, routes, table
from tests.web.crawl import crawl, reachable, send_forms

ROUTES = [route for route in routes() if reachable(route)]
NAMES = [route.name for route in ROUTES]
EVERYBODY = [None, *sorted(Role)]
NO_COOKIE = {"device:observation"}  # a machine's door, which reads no cookie: a token in a header or nothing
OPENED = {name for name, rule in table()["routes"].items() if rule.get("roles") == []}  # by an envelope, by no role


def changes() -> int:
    return AuditEvent.objects.exclude(action__in="RE").count()


# ---------------------------------------------------------------- who is refused


@pytest.mark.goal("RG-30")
@pytest.mark.parametrize("token", ["missing", "wrong", "of another browser"])
def test_no_route_takes_a_write_without_the_token_of_its_page(clinic: Clinic, token: str):
    other = Client()
    other.get("/account/sign-in/")
    value = {"missing": "", "wrong": "x" * 64, "of another browser": other.cookies["csrf"].value}[token]
    before, taken = changes(), []
    for role in (None, Role.PRESCRIBER, Role.COORDINATOR, Role.SITE_ADMIN, Role.THERAPIST):
        client = clinic.client(role, enforce_csrf_checks=True)
        for route in ROUTES:
            path = address(route, clinic.ida.pk)
            form = {"csrfmiddlewaretoken": value, "idempotency_key": str(uuid4())}
            for method in ("post", "put", "patch", "delete"):
                refused = (401, 405) if route.name in NO_COOKIE else (403,)
                if getattr(client, method)(path, form if method == "post" else None).status_code not in refused:
                    taken.append(f"{method} {route.name} as {role}")
    assert taken == []
    assert changes() == before and Effect.objects.count() == 0


@pytest.mark.goal("RG-30")
@pytest.mark.parametrize("header", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
def test_no_route_takes_a_write_that_another_site_made_the_browser_send(clinic: Clinic, header: dict[str, str]):
    before, taken = changes(), []
    for role in (None, Role.PRESCRIBER, Role.COORDINATOR, Role.SITE_ADMIN):
        client = clinic.client(role, headers=header)
        for route in ROUTES:
            path = address(route, clinic.ida.pk)
            if client.post(path, {"idempotency_key": str(uuid4())}).status_code != 403:
                taken.append(f"{route.name} as {role}")
    assert taken == []
    assert changes() == before and Effect.objects.count() == 0


@pytest.mark.hazard("HAZ-69", "C1")
@pytest.mark.goal("RG-29")
@pytest.mark.parametrize("role", [Role.PRESCRIBER, Role.THERAPIST, Role.COORDINATOR, Role.SITE_ADMIN, Role.PATIENT])
def test_no_route_lets_in_a_session_that_was_ended(clinic: Clinic, role: Role):
    client, user = clinic.client(role), clinic.users[role]
    if role == Role.SITE_ADMIN:
        services.grant_role(None, user, clinic.site, Role.BILLING)  # a change of roles ends sessions too
    else:
        services_accounts.end_sessions(clinic.principal(Role.SITE_ADMIN), user)
    cookie, entered = client.cookies["session"].value, []
    for route in ROUTES:
        if policy_of(route.view).is_public:
            continue
        for method in ("get", "post"):
            client.cookies["session"] = cookie  # as a thief would send it, again and again
            if getattr(client, method)(address(route, clinic.ida.pk)).wsgi_request.access == "allowed":
                entered.append(f"{method} {route.name}")
    assert entered == []


# ---------------------------------------------------------------- what every reply carries


@pytest.mark.hazard("HAZ-02", "C2")
@pytest.mark.goal("RG-35")
@pytest.mark.parametrize("role", [None, Role.PRESCRIBER, Role.COORDINATOR, Role.SITE_ADMIN, Role.PRIVACY_LEAD])
def test_every_reply_carries_the_policies_and_is_kept_nowhere(clinic: Clinic, role: Role | None):
    bare = []
    for seen in crawl(clinic.client(role), clinic, each=2):
        headers = seen.response.headers
        policy = headers.get("Content-Security-Policy", "")
        whole = (
            headers.get("Cache-Control") == "no-store, private"
            and all(part in policy for part in ("default-src 'none'", "object-src 'none'", "base-uri 'none'"))
            and all(part in policy for part in ("form-action 'self'", "frame-ancestors 'none'"))
            and not any(part in policy for part in ("unsafe", "http:", "https:", "*"))
            and headers.get("X-Content-Type-Options") == "nosniff"
            and headers.get("Referrer-Policy") == "same-origin"
            and headers.get("X-Frame-Options") == "DENY"
            and "camera=()" in headers.get("Permissions-Policy", "")
        )
        if not whole or seen.response.status_code >= 500:
            bare.append(f"{seen.response.status_code} {seen.path}")
    assert bare == []


# ---------------------------------------------------------------- canaries

CLINICAL = {Role.PRESCRIBER, Role.NURSE, Role.THERAPIST}


@pytest.fixture
def canaries(clinic: Clinic) -> dict[str, dict[str, str]]:
    """Strings that stand in one place of one patient each, by patient: name, chart, note."""
    found = {}
    for patient in (clinic.ida, clinic.noah, clinic.otto, clinic.far):
        mine = found[str(patient.pk)] = {kind: f"{kind}{uuid4().hex[:12]}" for kind in ("name", "chart", "note")}
        Patient.objects.filter(pk=patient.pk).update(family=mine["name"])
        condition = {
            "resourceType": "Condition",
            "clinicalStatus": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
            },
            "code": {"text": mine["chart"]},
            "subject": {"reference": f"Patient/{patient.pk}"},
            "note": [{"text": mine["chart"]}],
        }
        chart.add_records(None, patient, [condition], by="staff")
        write_note(author_of(clinic, patient), patient, mine["note"])
    return found


def author_of(clinic: Clinic, patient: Patient):
    """A therapist of the patient's site who is not the one that crawls."""
    name = f"author-{patient.site_id}"
    user = User.objects.filter(email=f"{name}@clinic.example").first()
    if user is None:
        user = services.create_user(None, patient.site, email=f"{name}@clinic.example", name="Author Person")
        services.grant_role(None, user, patient.site, Role.THERAPIST)
    found = principal_of(user)
    assert found
    return found


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that the program logs, as it is written at a site."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine())
    loggers = [logging.getLogger(name) for name in ("", "openkap", "django", "django.request", "django.server")]
    for logger in loggers:
        logger.addHandler(handler)
    yield stream
    for logger in loggers:
        logger.removeHandler(handler)


def allowed_strings(clinic: Clinic, role: Role | None, canaries: dict[str, dict[str, str]]) -> set[str]:
    if role is None:
        return set()
    who, allowed = clinic.principal(role), set()
    for purpose in Purpose:
        for patient in visible_patients(who, purpose):
            mine = canaries[str(patient.pk)]
            allowed.add(mine["name"])
            if purpose in (Purpose.TREATMENT, Purpose.OWN) and role in {*CLINICAL, Role.PATIENT}:
                allowed.add(mine["chart"])
    return allowed


@pytest.mark.hazard("HAZ-62", "C1")
@pytest.mark.hazard("HAZ-64", "C1", "C2")
@pytest.mark.hazard("HAZ-71", "C1", "C2")
@pytest.mark.goal("RG-26")
@pytest.mark.parametrize("role", EVERYBODY)
def test_no_page_and_no_log_shows_anybody_a_string_of_someone_else(
    clinic: Clinic, role: Role | None, canaries: dict[str, dict[str, str]], logged: io.StringIO
):
    every = {text for mine in canaries.values() for text in mine.values()}
    foreign = every - allowed_strings(clinic, role, canaries)
    client, shown = clinic.client(role), []
    pages = crawl(client, clinic)
    replies = send_forms(client, pages, lambda name, kind: "1" if kind == "number" else "words")
    for seen in [*pages, *replies]:
        carried = seen.text + str(dict(seen.response.headers)) + seen.path
        shown += [f"{seen.path}: {text}" for text in foreign if text in carried]
        assert seen.response.status_code < 500, seen.path
    assert shown == []
    assert not [text for text in every if text in logged.getvalue()]
    assert all(json.loads(line) for line in logged.getvalue().splitlines())
    trail = "".join(map(str, AuditEvent.objects.values_list("entity", "reason", "device")))
    assert not [text for text in every if text in trail]


@pytest.mark.goal("RG-26")
def test_the_crawl_does_see_what_a_clinician_may_see(clinic: Clinic, canaries: dict[str, dict[str, str]]):
    text = "".join(seen.text for seen in crawl(clinic.client(Role.PRESCRIBER), clinic))
    mine = canaries[str(clinic.ida.pk)]
    assert mine["name"] in text and mine["chart"] in text
    assert canaries[str(clinic.noah.pk)]["name"] not in text


@pytest.mark.goal("RG-26")
def test_the_crawl_reaches_every_route_that_somebody_may_open(clinic: Clinic):
    opened: set[str] = set()
    for role in EVERYBODY:
        for seen in crawl(clinic.client(role), clinic, each=1):
            if getattr(seen.response.wsgi_request, "access", "") == "allowed":
                opened.add(seen.route)
    assert set(NAMES) - OPENED - opened == set()


# ---------------------------------------------------------------- hostile text

HOSTILE = (  # the first two on every day, all at the gate
    "Ōe 🙂 אבג '; DROP TABLE people_user; --\"><xss-probe onload=alert(1)>",
    "\u202e</textarea></script><xss-probe>\u0000&lt;xss-probe&gt;{{ 7|add:0 }}{% csrf_token %}",
    '"><xss-probe onload=alert(1)>',
    "</textarea></script><xss-probe>",
    "'><xss-probe/onmouseover=alert(1) x='",
    "<svg><xss-probe onbegin=alert(1)>",
    "{{ 7|add:0 }}{% csrf_token %}<xss-probe>",
    "=cmd|'/c calc'!A1<xss-probe>",
)


@pytest.mark.slow
@pytest.mark.hazard("HAZ-72", "C1")
@pytest.mark.goal("RG-31")
@pytest.mark.parametrize(
    "role", [Role.PRESCRIBER, Role.NURSE, Role.THERAPIST, Role.COORDINATOR, Role.SITE_ADMIN, Role.PRIVACY_LEAD]
)
def test_hostile_text_in_every_field_is_shown_as_text_or_refused(clinic: Clinic, role: Role, count):
    client = clinic.client(role)
    told = []
    for number, payload in enumerate(HOSTILE if count(1_000) >= 1_000 else HOSTILE[:2]):
        pages = crawl(client, clinic, each=1)
        replies = send_forms(client, pages, lambda name, kind, p=payload: "1" if kind == "number" else p)
        told += [f"{s.response.status_code} {s.path} ({number})" for s in replies if s.response.status_code >= 500]
        told += [f"{s.path} ({number})" for s in replies if "<xss-probe" in s.text.lower()]
        client = clinic.client(role)  # a form may have ended the session
    for reader in (Role.PRESCRIBER, Role.COORDINATOR, Role.SITE_ADMIN, Role.PRIVACY_LEAD, Role.THERAPIST):
        for seen in crawl(clinic.client(reader), clinic, each=2):
            if "<xss-probe" in seen.text.lower() or seen.response.status_code >= 500:
                told.append(f"{seen.response.status_code} {seen.path} as {reader}")
    assert told == []
