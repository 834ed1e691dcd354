"""One language and one way to write numbers, whatever a browser asks for, until a translation is whole and reviewed."""

import re

import pytest
from django.conf import settings
from django.utils import timezone

from openkap.people.types import Role
from openkap.synthetic.case import Case
from tests.database import Clinic
from tests.people_in_charts import fill

RANDOM = re.compile(r'(name="(csrfmiddlewaretoken|idempotency_key)" value=)"[^"]*"|nonce="[^"]*"')


@pytest.mark.hazard("HAZ-80", "C1")
@pytest.mark.hazard("HAZ-80", "C2")
@pytest.mark.parametrize("language", ["de", "ar"])
def test_a_browser_of_another_language_gets_the_same_words_and_numbers(clinic: Clinic, language: str):
    today = timezone.localdate()
    fill(clinic, clinic.ida, Case(today, sex="M", disorder="panic", born=clinic.ida.birth_date))
    person = f"/p/{clinic.ida.pk}"
    for path in (
        "/today/",
        f"{person}/",
        f"{person}/facts/",
        f"{person}/screen/",
        f"{person}/plan/",
        f"{person}/assess/",
    ):
        pages = [
            clinic.client(Role.PRESCRIBER, headers={"accept-language": asked}).get(path).content.decode()
            for asked in ("en", language)
        ]
        assert 'lang="en"' in pages[1], path
        assert RANDOM.sub("", pages[0]) == RANDOM.sub("", pages[1]), path


@pytest.mark.hazard("HAZ-80", "C2")
def test_help_in_a_crisis_and_the_faults_of_a_form_are_in_the_language_of_the_page(clinic: Clinic):
    client = clinic.client(None, headers={"accept-language": "de"})
    assert 'lang="en"' in client.get("/account/sign-in/").content.decode()
    answer = client.post("/account/sign-in/", {"login": "", "password": ""}).content.decode()
    assert "This field is required." in answer
    assert dict(settings.LANGUAGES) == {"en": "English"}
