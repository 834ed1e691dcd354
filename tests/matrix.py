"""
The permission matrix: role × route × method × relation, from a route table and a table that people wrote.

`permissions.toml` beside the architecture tests says for each route who may call it. What it does not list
is refused. The relations of its section `[reach]` are written by hand too and share nothing with the product.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import tomli
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from openkap.people.models import EmergencyAccess
from openkap.people.types import Role
from tests.database import Clinic

TABLE = Path(__file__).parent / "architecture" / "permissions.toml"
# In this order: what an emergency opened is open from then on.
RELATIONS = ("assigned", "same-site", "other-site", "discharged", "absent", "emergency-over", "emergency")
METHODS = ("get", "post")


@dataclass(frozen=True)
class Route:
    """A route: its name, its view and the names of what its path holds."""

    name: str
    view: Any
    holds: tuple[str, ...]


def routes(urlconf: str | None = None) -> list[Route]:
    """Every route that can be reached, in order."""
    return list(_walk(get_resolver(urlconf), "", ()))


def _walk(resolver: URLResolver, space: str, held: tuple[str, ...]) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        pattern = entry.pattern
        here = pattern.converters or (getattr(pattern, "regex", None) and pattern.regex.groupindex) or ()
        holds = (*held, *here)
        if isinstance(entry, URLPattern):
            yield Route(f"{space}{entry.name}", entry.callback, holds)
        else:
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _walk(entry, inner, holds)


def address(route: Route, patient_id: uuid.UUID) -> str:
    """A path of the route: for this patient, and for other things by ids that do not exist."""
    made = {"patient_id": patient_id, "pk": 0, "version": 0, "other": 0, "uidb36": "0", "key": "0-0"}
    return reverse(route.name, kwargs={name: made.get(name, uuid.UUID(int=0)) for name in route.holds})


def patient_of(clinic: Clinic, relation: str, role: str | None = None) -> uuid.UUID:
    """The patient that stands in this relation to the clinicians of `clinic`; emergencies are opened for `role`."""
    if relation.startswith("emergency"):
        if role is not None:
            began = timezone.now() - timedelta(minutes=60 if relation == "emergency-over" else 59)
            EmergencyAccess.objects.create(
                site=clinic.site,
                patient=clinic.noah,
                user=clinic.users[Role(role)],
                reason="collapsed in the waiting room",
                since=began,
                until=began + timedelta(minutes=60),
            )
        return clinic.noah.pk
    found = {"assigned": clinic.ida, "same-site": clinic.noah, "other-site": clinic.far, "discharged": clinic.otto}
    return found[relation].pk if relation in found else uuid.uuid4()


def table() -> dict[str, Any]:
    return tomli.loads(TABLE.read_text(encoding="utf-8"))


def allowed(rule: dict[str, Any], reach: dict[str, Any], role: str | None, relation: str) -> bool:
    """What the table says."""
    if rule.get("anyone"):
        return True
    if role is None:
        return False
    if rule.get("account"):
        return True
    if role not in rule["roles"]:
        return False
    if relation == "emergency" and rule.get("step_up"):
        relation = "same-site"  # an emergency opens nothing that is signed
    return "purpose" not in rule or relation in reach.get(rule["purpose"], {}).get(role, ())
