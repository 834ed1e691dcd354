"""
Where one can go. An area adds its row here; who sees it follows from the policy of its view.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.urls import resolve, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from openkap.people.policy import Policy, policy_of
from openkap.people.types import Principal

# (route, words): the bar on top.
MAIN: list[tuple[str, str | Promise]] = [
    ("today:day", _("Today")),
    ("find:people", _("People")),
    ("referral:bring", _("Referrals")),
    ("forms:work", _("Forms")),
    ("duty:alerts", _("Alerts")),
    ("people:register", _("Register")),
    ("people:emergency", _("Emergency")),
    ("people:accounts", _("Accounts")),
    ("people:trail", _("Audit trail")),
    ("people:unusual", _("Unusual access")),
    ("content:index", _("Content")),
]
# (route, words): inside one person's record; each takes patient_id.
INSIDE: list[tuple[str, str | Promise]] = [
    ("patient:pathway", _("Pathway")),
    ("chart:facts", _("Facts")),
    ("assess:scores", _("Scores")),
    ("screen:verdict", _("Verdict")),
    ("plan:newest", _("Plan")),
    ("forms:patient", _("Forms")),
    ("patient:desk", _("Identity and team")),
    ("notes:own", _("Private notes")),
]


@dataclass(frozen=True)
class Entry:
    """A link of a bar; `current` is the area that is open."""

    url: str
    words: str | Promise
    current: bool


def main(principal: Principal, here: str) -> list[Entry]:
    """The bar on top for this principal. `here` is the name of the open route."""
    return [
        Entry(reverse(route), words, _same(route, here))
        for route, words in MAIN
        if _policy(route, False).admits(principal)
    ]


def inside(principal: Principal, patient_id: UUID, here: str) -> list[Entry]:
    """The bar inside a record that the principal may see."""
    return [
        Entry(reverse(route, args=[patient_id]), words, _same(route, here))
        for route, words in INSIDE
        if _policy(route, True).admits(principal)
    ]


def areas(principal: Principal, patient_id: UUID) -> dict[str, str]:
    """Addresses inside a record by area, of those that the principal may open."""
    entries = [(route, _policy(route, True)) for route, _words in INSIDE]
    return {_area(route): reverse(route, args=[patient_id]) for route, policy in entries if policy.admits(principal)}


def _same(route: str, here: str) -> bool:
    """Some areas have several entries; elsewhere an entry is the whole area."""
    return route == here if _area(route) in ("patient", "people") else _area(route) == _area(here)


def _area(route: str) -> str:
    return route.partition(":")[0]


@cache
def _policy(route: str, about_patient: bool) -> Policy:
    found = policy_of(resolve(reverse(route, args=[UUID(int=0)] if about_patient else [])).func)
    assert found is not None, route  # a view without a policy fails the build
    return found
