"""What a page costs: no more queries in a big clinic than in a small one, and little to load on a patient's phone."""

import re
from datetime import date, timedelta
from pathlib import Path

from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from openkap.assess import asking, services
from openkap.assess.instruments import item_text
from openkap.assess.models import FormEvent, FormRequest
from openkap.chart.models import ChartHead
from openkap.people import names
from openkap.people.models import CareTeam, Patient
from openkap.people.types import Role
from openkap.synthetic.case import Case
from openkap.web.judge import fresh_standings
from tests.database import Clinic
from tests.people_in_charts import fill

PHONE_BYTES = 150_000  # of the first visit, without compression


def add_people(clinic: Clinic, how_many: int, *, mine: int) -> None:
    """Patients with a form that is out, so many of them in the care of the prescriber."""
    here, born, now = Patient.objects.count(), date(1970, 1, 1), timezone.now()
    rows = []
    for n in range(here, here + how_many):
        family, given, number = f"Müller{n % 97}", f"Ada{n}", f"N{n:06d}"
        words = {"folded": names.folded(family, given, number, born), "like_key": names.like_key(family, given)}
        who = {"family": family, "given": given, "record_number": number, "birth_date": born, "birth_sex": "female"}
        rows.append(Patient(site=clinic.site, **who, **words))
    Patient.objects.bulk_create(rows, batch_size=500)
    ChartHead.objects.bulk_create([ChartHead(patient=p, version=1) for p in rows], batch_size=500)
    asked = [
        FormRequest(patient=p, form="gad-7", due=(now - timedelta(days=n % 9 - 4)).date(), asked_at=now)
        for n, p in enumerate(rows)
    ]
    FormRequest.objects.bulk_create(asked, batch_size=500)
    FormEvent.objects.bulk_create([FormEvent(request=r, kind="sent", at=now) for r in asked], batch_size=500)
    carer = clinic.users[Role.PRESCRIBER]
    CareTeam.objects.bulk_create([CareTeam(patient=p, user=carer, since=now) for p in rows[:mine]])


def queries(clinic: Clinic) -> dict[str, int]:
    """How many queries each page takes once verdicts stand."""
    mine = list(Patient.objects.filter(care_team__user=clinic.users[Role.PRESCRIBER], care_team__until=None))
    for place in range(0, len(mine), 10):
        fresh_standings(mine[place : place + 10])
    prescriber, coordinator = clinic.client(Role.PRESCRIBER), clinic.client(Role.COORDINATOR)
    found = {}
    for name, client, path, typed in (
        ("today", prescriber, "/today/", None),
        ("today of the coordinator", coordinator, "/today/", None),
        ("people", coordinator, "/people/", {"q": "mu"}),
        ("forms", coordinator, "/forms/", None),
        ("pathway", prescriber, f"/p/{clinic.ida.pk}/", None),
        ("facts", prescriber, f"/p/{clinic.ida.pk}/facts/", None),
        ("verdict", prescriber, f"/p/{clinic.ida.pk}/screen/", None),
    ):
        with CaptureQueriesContext(connection) as asked:
            response = client.get(path) if typed is None else client.post(path, typed)
        assert response.status_code == 200, path
        # Each person shown leaves a row in the audit trail; SQLite takes these in bundles.
        found[name] = sum('INSERT INTO "people_auditevent"' not in query["sql"] for query in asked)
    return found


def test_no_page_asks_the_database_more_often_in_a_big_clinic(clinic, count):
    fill(clinic, clinic.ida, Case(timezone.localdate()))
    add_people(clinic, 90, mine=30)
    few = queries(clinic)
    add_people(clinic, count(10_000), mine=30)
    assert queries(clinic) == few


def test_the_form_that_is_latest_stands_first_however_many_were_asked_for_since(clinic):
    now = timezone.now()
    old = FormRequest.objects.create(
        patient=clinic.noah, form="phq-9", due=(now - timedelta(days=77)).date(), asked_at=now - timedelta(days=90)
    )
    add_people(clinic, 600, mine=0)
    page = clinic.client(Role.COORDINATOR).get("/today/").content.decode()
    overdue = page.partition('id="h-late"')[2].partition("</section>")[0]
    assert overdue.partition("<li>")[2].partition("</li>")[0].count("77 days late") == 1
    assert old.patient.given in overdue
    late = FormRequest.objects.filter(due__lt=now.date()).count()
    assert f"{late} forms are overdue" in page


def _parts(text: str, folder: Path = Path()) -> set[str]:
    """Names of the static files that a page, a style or a script names."""
    named = set(re.findall(r'(?:href|src)="/static/([^"#?]+)', text))
    near = re.findall(r'url\(["\']?([^"\')#]+)|from\s+["\'](\.[^"\']+)|import\s+["\'](\.[^"\']+)', text)
    return named | {(folder / name).as_posix().removeprefix("./") for found in near for name in found if name}


def _weight_of(pages: list[str]) -> int:
    """Bytes of the pages and of every static file that they bring along, each once."""
    open_, files = {name for page in pages for name in _parts(page)}, {}
    while open_:
        name = open_.pop()
        path = finders.find(name)
        assert path, name
        files[name] = Path(path).read_bytes()
        if name.endswith((".css", ".js")):
            open_ |= _parts(files[name].decode(), Path(name).parent) - set(files)
    assert "web/form.js" in files
    assert "web/components.css" in files
    return sum(len(page.encode()) for page in pages) + sum(map(len, files.values()))


def _form_ids() -> list[str]:
    """Every form that may be sent to a patient."""
    found = []
    for form in asking.form_ids():
        shape = asking.shape_of(form)
        if shape.by == "patient" and not shape.requires and (not shape.is_instrument or item_text(form)):
            found.append(form)
    return found


def test_the_first_visit_of_a_phone_loads_little(clinic):
    weights = {}
    for form in _form_ids():
        _link, token = services.make_link(None, services.ask_form(None, clinic.ida, form))
        phone = Client()
        start = phone.get(f"/f/{token}/")
        assert phone.post(f"/f/{token}/begin/").status_code == 302
        weights[form] = _weight_of([start.content.decode(), phone.get(f"/f/{token}/").content.decode()])
    assert len(weights) > 3
    heavy = {form: weight for form, weight in weights.items() if weight > PHONE_BYTES}
    assert not heavy, heavy
