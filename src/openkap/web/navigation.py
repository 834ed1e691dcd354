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
from openkap.people.types import Principal, Role

# (route, words): the bar on top.
MAIN: list[tuple[str, str | Promise]] = [
    ("today:day", _("Today")),
    ("find:people", _("People")),
    ("referral:bring", _("Referrals")),
    ("forms:work", _("Forms")),
    ("retreat:all", _("Calendar")),
    ("dose:board", _("Rooms")),
    ("dose:tasks", _("Calls")),
    ("duty:alerts", _("Alerts")),
    ("ledger:stock", _("Drug ledger")),
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
    ("dose:sessions", _("Dosing")),
    ("dose:adverse", _("Adverse events")),
    ("retreat:appointments", _("Appointments")),
    ("forms:patient", _("Forms")),
    ("patient:desk", _("Identity and team")),
    ("notes:own", _("Private notes")),
]


ROOMS = ("board", "live-rooms", "shift", "here", "go", "walls", "wall-end", "downtime")  # of `dose`, about no one

ABOUT_ONE = (
    "appointments",
    "mine",
    "book",
    "one",
    "wait",
    "entry",
    "contacts",
    "my-contacts",
)  # of `retreat`, about one person

NOBODY = UUID(int=0)  # whose place in an address somebody takes


@dataclass(frozen=True)
class Entry:
    """A link of a bar; `current` is the area that is open."""

    url: str
    words: str | Promise
    current: bool


def main(roles: frozenset[Role], here: str) -> list[Entry]:
    """The bar on top for who holds these roles. `here` is the name of the open route."""
    return [
        Entry(_address(route, False), words, _same(route, here))
        for route, words in MAIN
        if _policy(route, False).admits(roles)
    ]


def inside(roles: frozenset[Role], patient_id: UUID, here: str) -> list[Entry]:
    """The bar inside a record that may be seen."""
    return [
        Entry(_about(route, patient_id), words, _same(route, here))
        for route, words in INSIDE
        if _policy(route, True).admits(roles)
    ]


def areas(principal: Principal, patient_id: UUID) -> dict[str, str]:
    """Addresses inside a record by area, of those that the principal may open."""
    entries = [(route, _policy(route, True)) for route, _words in INSIDE]
    return {_area(route): _about(route, patient_id) for route, policy in entries if policy.admits(principal.roles)}


@cache
def find_url(roles: frozenset[Role]) -> str:
    """Where a person is looked for; empty for roles that find nobody."""
    return _address("find:people", False) if _policy("find:people", False).admits(roles) else ""


def _about(route: str, patient_id: UUID) -> str:
    return _address(route, True).replace(str(NOBODY), str(patient_id))


@cache
def _address(route: str, about_patient: bool) -> str:
    return reverse(route, args=[NOBODY] if about_patient else [])


def _same(route: str, here: str) -> bool:
    """Some areas have several entries; elsewhere an entry is the whole area."""
    return route == here if _area(route) in ("patient", "people") else _entry(route) == _entry(here)


def _entry(route: str) -> str:
    """Under which entry a page stands: pages of sessions have four, those of the calendar two."""
    area, _, page = route.partition(":")
    if area == "retreat":
        return "appointments" if page in ABOUT_ONE else "calendar"
    if area != "dose":
        return area
    if page.startswith(("adverse", "task")):
        return page[:4]
    return "rooms" if page in ROOMS else "session"


def _area(route: str) -> str:
    return route.partition(":")[0]


@cache
def _policy(route: str, about_patient: bool) -> Policy:
    found = policy_of(resolve(_address(route, about_patient)).func)
    assert found is not None, route  # a view without a policy fails the build
    return found
