"""Pages of verdict and plan: what they show, what they ask again, what leaves a trace, what keeps what was typed."""

import json
import re
from datetime import UTC, date, datetime
from uuid import uuid4

import msgspec
import pytest
import time_machine
from django.test import Client

from openkap.chart import services as chart
from openkap.people.models import AuditEvent
from openkap.people.types import Role
from openkap.plan import selectors as plans
from openkap.plan import services as planning
from openkap.plan.choices import Preferences
from openkap.plan.models import Programme, Signature
from openkap.screen.decisions import ground_of
from openkap.screen.models import Override
from openkap.synthetic.case import Case
from openkap.web.judge import judge, propose
from tests.database import Clinic
from tests.people_in_charts import fill

ON = date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
BORN = date(1988, 4, 2)
HIGH = {"systolic": [(171, "mm[Hg]", 3, None), (169, "mm[Hg]", 10, None)]}


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def well(clinic: Clinic) -> str:
    fill(clinic, clinic.ida, Case(ON, sex="M", born=BORN))
    return f"/p/{clinic.ida.pk}"


@pytest.fixture
def held(clinic: Clinic) -> str:
    fill(clinic, clinic.ida, Case(ON, sex="M", born=BORN, measurements=HIGH))
    return f"/p/{clinic.ida.pk}"


def post(client: Client, path: str, **fields):
    return client.post(path, {"idempotency_key": str(uuid4()), **fields})


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def first_plan(clinic: Clinic) -> Programme:
    prescriber = clinic.principal(Role.PRESCRIBER)
    wishes = Preferences()
    return planning.write(prescriber, clinic.ida, propose, expected_version=0, preferences=wishes, reason="first")


def hold_path(clinic: Clinic, path: str) -> str:
    hold = next(f for f in judge(clinic.ida).found.findings if f.class_ == "hold")
    return f"{path}/screen/decide/clearance/{hold.rule}/{ground_of(hold)}/"


def stale_session(clinic: Clinic, role: Role) -> Client:
    """Signed in, and proved long ago."""
    client = clinic.client(role)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": NOON.timestamp() - 3600}]
    session.save()
    return client


def test_missing_stands_first_and_each_finding_has_its_basis_one_click_away(clinic, held):
    page = text(clinic.client(Role.PRESCRIBER).get(f"{held}/screen/"))
    assert page.index("Missing: ask for these") < page.index('id="class-exclude"') < page.index('id="class-hold"')
    assert "SCR-HTN-1" in page
    assert "systolic" in page
    assert "<details><summary>Basis" in page
    assert "<details><summary>Rule" in page
    assert "nobody at this site" in page


@pytest.mark.hazard("HAZ-06", "C1")
def test_records_that_nobody_has_looked_at_are_the_next_step_before_anybody_is_asked(clinic):
    prescriber = clinic.principal(Role.PRESCRIBER)
    bundle = msgspec.json.Encoder(decimal_format="number").encode(Case(ON, sex="M", born=BORN).bundle())
    received = chart.receive(prescriber, bundle, source="a referral", patient=clinic.ida)
    chart.take(prescriber, received, clinic.ida, reason="compared by hand")
    page = text(clinic.client(Role.PRESCRIBER).get(f"/p/{clinic.ida.pk}/screen/"))
    main = page.partition("<main")[2].partition("</main>")[0]
    primary = re.findall(r'class="btn[^"]*btn-primary[^"]*"[^>]*>', main)
    assert len(primary) == 1
    assert f"/p/{clinic.ida.pk}/facts/review/" in primary[0]
    review = text(clinic.client(Role.PRESCRIBER).get(f"/p/{clinic.ida.pk}/facts/review/"))
    assert re.search(r"PHQ-9: \d", review)  # what a form came to stands beside its box


@pytest.mark.hazard("HAZ-26", "C2")
def test_a_nurse_sees_who_may_clear_a_hold_and_no_button_for_it(clinic, held):
    page = text(clinic.client(Role.NURSE).get(f"{held}/screen/"))
    assert "Can be settled by: prescriber." in page
    assert "/screen/decide/clearance/" not in page


@pytest.mark.hazard("HAZ-26", "C2")
def test_an_exclusion_offers_nothing_but_the_way_to_correct_the_fact(clinic):
    fill(clinic, clinic.ida, Case(ON, sex="M", born=BORN, answers={"aneurysm": True}))
    page = text(clinic.client(Role.PRESCRIBER).get(f"/p/{clinic.ida.pk}/screen/"))
    assert "/screen/decide/" not in page
    assert "corrected in the chart" in page


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("screen/sign/", {"birth_date": "1988-04-02", "digest": "x"}),
        ("plan/sign/", {"birth_date": "1988-04-02", "digest": "x"}),
    ],
)
@pytest.mark.hazard("HAZ-72", "C1")
def test_signing_deciding_and_exporting_ask_again_who_it_is_and_keep_what_was_typed(clinic, well, path, typed):
    first_plan(clinic)
    client = stale_session(clinic, Role.PRESCRIBER)
    asked = client.get(f"{well}/{path}")
    assert (asked.status_code, "prove" in asked["Location"]) == (302, True)
    refused = post(client, f"{well}/{path}", **typed)
    assert refused.status_code == 401
    assert "1988-04-02" in text(refused)
    assert client.get(f"{well}/plan/v/1/export/json/").status_code == 302
    assert not Signature.objects.exists()


def test_clearing_a_hold_without_a_document_keeps_the_reason_and_names_what_is_missing(clinic, held):
    path = hold_path(clinic, held)
    reply = post(clinic.client(Role.PRESCRIBER), path, reason="Zoë: in range at home 🌿", document="", document_on="")
    assert reply.status_code == 422
    assert "Zoë: in range at home 🌿" in text(reply)
    assert 'role="alert"' in text(reply)
    assert not Override.objects.exists()


@pytest.mark.hazard("HAZ-02", "C1")
def test_a_form_of_one_person_sent_to_another_decides_nothing(clinic, held):
    path = hold_path(clinic, held).replace(str(clinic.ida.pk), str(clinic.noah.pk))
    client = clinic.client(Role.PRESCRIBER)
    assert post(client, path, reason="x", document="y", document_on="2026-11-20").status_code == 404
    assert not Override.objects.exists()


def test_a_decision_sent_twice_is_taken_once(clinic, held):
    client, path = clinic.client(Role.PRESCRIBER), hold_path(clinic, held)
    fields = {"reason": "x", "document": "y", "document_on": "2026-11-20", "idempotency_key": str(uuid4())}
    assert [client.post(path, fields).status_code for _ in range(2)] == [302, 302]
    assert Override.objects.count() == 1


def test_a_decision_about_findings_that_have_changed_is_refused_with_the_remedy(clinic, held):
    reply = post(clinic.client(Role.PRESCRIBER), f"{held}/screen/decide/clearance/SCR-HTN-1/{'0' * 32}/", reason="x")
    assert reply.status_code == 409
    assert "read them again" in text(reply)


def test_a_plan_preselects_nothing_and_says_so(clinic, well):
    row = first_plan(clinic)
    client = clinic.client(Role.PRESCRIBER)
    page = text(client.get(f"{well}/plan/"))
    assert "None is chosen: the prescriber states the choice." in page
    assert "data-pick" not in page
    form = text(client.get(f"{well}/plan/edit/"))
    checked = re.findall(r'<input type="(?:radio|checkbox)"[^>]*checked', form)
    assert ['value=""' in one for one in checked] == [True]  # "no wish"
    assert plans.document_of(row)["regimen"]["chosen_by"] == "order"


def test_every_part_that_the_plan_owes_a_reader_is_on_its_page(clinic, well):
    first_plan(clinic)
    page = text(clinic.client(Role.THERAPIST).get(f"{well}/plan/"))
    for part in ("Options side by side", "Alternatives side by side", "What the evidence does not show",
                 "Consent: topics to talk through", "What to expect, in plain numbers", "Ways of working"):  # fmt: skip
        assert part in page, part


@pytest.mark.parametrize(
    ("field", "value"),
    [("dose", "99"), ("start_on", "2020-01-01"), ("dosing_weight_kg", "0.1"), ("reason", " "), ("regimen", "REG-X1")],
)
def test_a_change_that_cannot_be_is_refused_in_a_sentence_and_the_rest_is_kept(clinic, well, field, value):
    first_plan(clinic)
    fields = {"version": "1", "reason": "keeps this sentence", "weight_reason": "kept too"} | {field: value}
    if field == "dose":
        fields |= {"dose_again": value, "dose_reason": "more"}
    reply = post(clinic.client(Role.PRESCRIBER), f"{well}/plan/edit/", **fields)
    assert reply.status_code == 422
    assert 'role="alert"' in text(reply)
    assert "kept too" in text(reply)
    assert Programme.objects.count() == 1


@pytest.mark.hazard("HAZ-09", "C1")
def test_a_typed_dose_is_typed_twice(clinic, well):
    first_plan(clinic)
    fields = {"version": "1", "reason": "x", "dose": "0.3", "dose_again": "0.03", "dose_reason": "y"}
    reply = post(clinic.client(Role.PRESCRIBER), f"{well}/plan/edit/", **fields)
    assert "typed differently the second time" in text(reply)
    assert Programme.objects.count() == 1


def test_a_plan_against_the_verdict_shows_why_not_and_makes_only_a_draft(clinic, held):
    client = clinic.client(Role.PRESCRIBER)
    reply = post(client, f"{held}/plan/edit/", version="0", reason="x")
    assert reply.status_code == 409
    assert "The verdict is hold: no plan can be proposed." in text(reply)
    assert post(client, f"{held}/plan/edit/", version="0", reason="x", draft="on").status_code == 302
    page = text(client.get(f"{held}/plan/"))
    assert "draft, never signable" in page
    assert f"{held}/plan/sign/" not in page


def test_exports_hold_the_very_document_and_leave_an_audit_event_before_they_leave(clinic, well):
    row = first_plan(clinic)
    client = clinic.client(Role.PRESCRIBER)
    reply = client.get(f"{well}/plan/v/1/export/json/")
    assert reply.content.decode() == row.document
    bundle = json.loads(client.get(f"{well}/plan/v/1/export/fhir/").content)
    assert bundle["resourceType"] == "Bundle"
    assert client.get(f"{well}/plan/v/1/export/xml/").status_code == 404
    events = AuditEvent.objects.filter(type="export").order_by("sequence")
    assert [(e.reason, e.entity_version, e.patient_id) for e in events] == [
        ("json", 1, clinic.ida.pk),
        ("fhir", 1, clinic.ida.pk),
    ]


@pytest.mark.hazard("HAZ-17", "C2")
def test_paper_says_which_version_it_is_who_wrote_it_and_whether_it_is_signed(clinic, well):
    row = first_plan(clinic)
    client = clinic.client(Role.PRESCRIBER)
    served = client.get(f"{well}/plan/v/1/page/")
    page = text(served)
    assert "unsafe-inline" not in served["Content-Security-Policy"]
    allowed = re.search(r"style-src '(sha256-[^']+)'", served["Content-Security-Policy"])
    assert allowed
    assert allowed[1] in served.content.decode()
    assert "Version 1. Draft to compare" in page
    assert "Written by Prescriber Person on 2026-11-25 12:00 UTC: first" in page
    post(client, f"{well}/plan/sign/", birth_date="1988-04-02", digest=row.digest)
    assert Signature.objects.count() == 1
    assert "Version 1. Signed by Prescriber Person, prescriber" in text(client.get(f"{well}/plan/v/1/page/"))
    assert AuditEvent.objects.filter(type="print", entity_version=1).count() == 2


def test_a_version_of_another_person_is_not_found(clinic, well):
    first_plan(clinic)
    fill(clinic, clinic.noah, Case(ON, sex="M", born=BORN))
    client = clinic.client(Role.PRESCRIBER)
    assert client.get(f"{well}/plan/v/2/").status_code == 404
    assert client.get(f"/p/{clinic.noah.pk}/plan/v/1/").status_code == 404


def test_a_question_becomes_a_form_once_and_says_to_whom_it_went(clinic):
    person = Case(ON, sex="M", born=BORN)
    person.answers["aneurysm"] = None
    fill(clinic, clinic.ida, person)
    client, path = clinic.client(Role.NURSE), f"/p/{clinic.ida.pk}/screen/"
    form = re.search(r'name="form" value="([^"]+)"', client.get(path).content.decode())
    assert form
    assert post(client, f"{path}ask/", form=form[1]).status_code == 302
    page = client.get(path).content.decode()
    assert "not sent yet" in page
    assert 'name="form"' not in page


@pytest.mark.hazard("HAZ-74", "C1")
@pytest.mark.parametrize("seen", [0, 1])
def test_who_comes_second_sees_what_the_first_made_and_finds_everything_typed(clinic, well, seen):
    prescriber = clinic.principal(Role.PRESCRIBER)
    for version in range(seen + 1):
        given = {"preferences": Preferences(start_low=bool(version)), "reason": f"theirs {version + 1}"}
        planning.write(prescriber, clinic.ida, propose, expected_version=version, **given)
    client, path = clinic.client(Role.THERAPIST), f"{well}/plan/edit/"
    typed = {"version": str(seen), "reason": "typed by the second", "avoid": "im", "frequency_reason": "kept"}
    reply = post(client, path, **typed)
    assert reply.status_code == 409
    page = text(reply)
    for part in (f"made version {seen + 1} meanwhile", f"theirs {seen + 1}", "typed by the second", 'value="kept"'):
        assert part in page, part
    assert re.search(r'value="im"[^>]*checked', page)
    assert f'name="version" value="{seen + 1}"' in page
    assert Programme.objects.count() == seen + 1
    assert post(client, path, **typed | {"version": str(seen + 1)}).status_code == 302
