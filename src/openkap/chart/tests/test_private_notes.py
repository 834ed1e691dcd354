"""Psychotherapy notes: sealed, for their author, and in no other place."""

import ast
from pathlib import Path

import pytest
from django.test import override_settings

from openkap.chart.models import PrivateNote, Record
from openkap.chart.selectors import bundle_of
from openkap.chart.services_private import notes_of, write_note
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import services
from openkap.people.models import AuditEvent, User
from openkap.people.selectors import principal_of
from openkap.people.types import Role
from tests.database import Clinic

TEXT = "she said a thing that stays here: canary-5c1e 🙂"
PACKAGE = Path(__file__).parents[2]


def second_therapist(clinic: Clinic) -> User:
    user = services.create_user(None, clinic.site, email="second@clinic.example", name="Second Therapist")
    services.grant_role(None, user, clinic.site, Role.THERAPIST)
    services.assign_care_team(None, clinic.ida, user)
    return user


def path(clinic: Clinic) -> str:
    return f"/p/{clinic.ida.pk}/notes/"


@pytest.mark.hazard("HAZ-62", "C1")
def test_the_author_reads_it_and_the_database_holds_no_word_of_it(clinic: Clinic):
    who = clinic.principal(Role.THERAPIST)
    write_note(who, clinic.ida, TEXT)
    assert [note.text for note in notes_of(who, clinic.ida)] == [TEXT]
    row = PrivateNote.objects.get()
    assert b"canary" not in bytes(row.sealed)
    assert not Record.objects.filter(content__contains="canary").exists()
    assert "canary" not in str(bundle_of(clinic.ida))
    assert not AuditEvent.objects.filter(reason__contains="canary").exists()
    assert len(bytes(row.sealed)) >= 12 + len(TEXT.encode()) + 16


@pytest.mark.hazard("HAZ-62", "C1")
def test_another_therapist_of_the_same_patient_finds_nothing_and_no_sign_of_it(clinic: Clinic):
    note = write_note(clinic.principal(Role.THERAPIST), clinic.ida, TEXT)
    other = second_therapist(clinic)
    found = principal_of(other)
    assert found and notes_of(found, clinic.ida) == []
    client = clinic.client(None)
    client.force_login(other)
    assert "canary" not in client.get(path(clinic)).content.decode()
    absent = client.get(f"{path(clinic)}00000000-0000-0000-0000-000000000000/")
    foreign = client.get(f"{path(clinic)}{note}/")
    assert (foreign.status_code, foreign.content) == (404, absent.content)


@pytest.mark.hazard("HAZ-62", "C1")
@pytest.mark.parametrize("role", sorted(set(Role) - {Role.THERAPIST}))
def test_to_every_other_role_the_page_does_not_exist(clinic: Clinic, role: Role):
    write_note(clinic.principal(Role.THERAPIST), clinic.ida, TEXT)
    response = clinic.client(role).get(path(clinic))
    assert response.status_code == 404
    assert b"canary" not in response.content
    with pytest.raises(Forbidden):
        write_note(clinic.principal(role), clinic.ida, "x")


@pytest.mark.hazard("HAZ-62", "C1")
@pytest.mark.parametrize("moved", ["patient", "author", "id", "secret", "bytes"])
def test_a_sealed_text_opens_nowhere_but_in_its_place(clinic: Clinic, moved: str):
    from uuid import uuid4

    from openkap.chart.sealed import seal, unseal

    place = {"author": uuid4(), "patient": uuid4(), "note": uuid4()}
    sealed = seal(TEXT, "a" * 50, **place)
    assert unseal(sealed, ["b" * 50, "a" * 50], **place) == TEXT
    secrets = ["a" * 50]
    if moved == "bytes":
        sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    elif moved == "secret":
        secrets = ["c" * 50]
    else:
        place["note" if moved == "id" else moved] = uuid4()
    assert unseal(sealed, secrets, **place) is None


def test_a_correction_stands_beside_the_former_and_a_note_is_corrected_once(clinic: Clinic):
    who = clinic.principal(Role.THERAPIST)
    first = write_note(who, clinic.ida, TEXT)
    write_note(who, clinic.ida, "corrected", amends=first)
    newest, former = notes_of(who, clinic.ida)
    assert (newest.text, newest.amends, former.amended) == ("corrected", first, True)
    with pytest.raises(Conflict):
        write_note(who, clinic.ida, "again", amends=first)
    with pytest.raises(UserError):
        write_note(who, clinic.ida, "   ")


def test_a_note_outlives_a_change_of_the_secret_that_keeps_the_former_one(clinic: Clinic):
    who = clinic.principal(Role.THERAPIST)
    with override_settings(SECRET_KEY="first " * 10):
        write_note(who, clinic.ida, TEXT)
    with override_settings(SECRET_KEY="second " * 10, SECRET_KEY_FALLBACKS=["first " * 10]):
        assert notes_of(who, clinic.ida)[0].text == TEXT
    with override_settings(SECRET_KEY="second " * 10, SECRET_KEY_FALLBACKS=[]):
        assert notes_of(who, clinic.ida)[0].text is None


@pytest.mark.hazard("HAZ-62", "C1")
def test_no_other_module_names_the_table_or_its_reader():
    named = set()
    for file in PACKAGE.rglob("*.py"):
        if "tests" in file.parts or "migrations" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            module = getattr(node, "module", "") or ""
            if "PrivateNote" in names or module == "openkap.chart.services_private":
                named.add(file.relative_to(PACKAGE).as_posix())
    assert named == {"chart/services_private.py", "web/notes/forms.py", "web/notes/views.py"}
