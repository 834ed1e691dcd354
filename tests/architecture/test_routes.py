"""Every route declares who may call it, a table says so too, and the two are compared by calling it."""

import io

import pytest
from django.core.management import call_command
from django.test import Client

from openkap.people.policy import policy_of
from openkap.people.types import Role
from tests.database import Clinic
from tests.matrix import METHODS, RELATIONS, Route, address, allowed, patient_of, routes, table

ROUTES = routes()


@pytest.mark.hazard("HAZ-71", "C1")
def test_every_route_declares_a_policy():
    assert [route.name for route in ROUTES if policy_of(route.view) is None] == []


def test_every_route_has_a_name_of_its_own():
    names = [route.name for route in ROUTES]
    assert len(names) == len(set(names))
    assert not [name for name in names if name.endswith("None")]


@pytest.mark.hazard("HAZ-71", "C1")
def test_the_table_of_permissions_has_each_route_and_no_other():
    assert sorted(table()["routes"]) == sorted(route.name for route in ROUTES)


@pytest.mark.hazard("HAZ-71", "C1", "C2")
@pytest.mark.goal("RG-25")
@pytest.mark.parametrize("route", ROUTES, ids=[route.name for route in ROUTES])
def test_a_route_lets_in_whom_the_table_says_and_nobody_else(clinic: Clinic, route: Route):
    rule = table()["routes"][route.name]
    wrong = {role: found for role in (None, *Role) if (found := differences(clinic, route, role, rule))}
    assert wrong == {}


def differences(clinic: Clinic, route: Route, role: Role | None, rule: dict) -> list[str]:
    """Method and relation for which the gate and the table do not say the same."""
    wrong = []
    for relation in RELATIONS if "patient_id" in route.holds else RELATIONS[:1]:
        path = address(route, patient_of(clinic, relation, role))
        for method in METHODS:
            client = clinic.client(role) if role else Client()
            response = getattr(client, method)(path)
            entered = response.wsgi_request.access == "allowed"
            if entered != allowed(rule, table()["reach"], role, relation):
                wrong.append(f"{method} {relation}: {'entered' if entered else 'refused'}")
    return wrong


@pytest.mark.hazard("HAZ-77", "C1")
@pytest.mark.django_db
def test_no_change_of_a_model_lacks_its_migration():
    said = io.StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=said)
    assert "No changes" in said.getvalue()
