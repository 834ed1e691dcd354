"""Everything that Today lists for somebody, but for safety answers, which go by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import get_language

from openkap.assess.selectors import DueForm, due_forms, open_forms
from openkap.people.models import CareTeam
from openkap.people.selectors import visible_ids, visible_patients
from openkap.people.types import CLINICIANS, Principal, Purpose, Role
from openkap.web.case import following_all
from openkap.web.today import items
from openkap.web.today.items import Item


@dataclass(frozen=True)
class Lists:
    """
    Args:
        todo: most urgent first.
        late_count, late: forms past their day, the latest of them with where to go.
        soon: forms due within a week, by person. new: people who came into one's care.
        shown: whose records these lists show.
    """

    todo: tuple[Item, ...]
    late_count: int
    late: tuple[tuple[DueForm, str], ...]
    soon: tuple[tuple[list[DueForm], str], ...]
    soon_more: bool
    new: tuple[CareTeam, ...]
    new_more: bool

    @property
    def shown(self) -> Iterator[UUID]:
        yield from items.people_in(self.todo[: items.MOST])
        yield from (form.patient_id for form, _url in self.late)
        yield from (forms[0].patient_id for forms, _url in self.soon)
        yield from (row.patient_id for row in self.new)


def lists(principal: Principal, now: datetime) -> Lists:
    """
    The lists of this person.

    What clinicians see follows from the people in their care, and is kept as long as nothing is written about these
    (case.py); what is the whole site's is looked up each time.

    Args:
        now: in the site's own time.
    """
    if principal.roles - CLINICIANS:
        return _gathered(principal, now)[0]
    whole: list[bool] = []

    def gather() -> Lists:
        found, is_whole = _gathered(principal, now)
        whole.append(is_whole)
        return found

    mine = visible_ids(principal, Purpose.TREATMENT)

    def holds() -> bool:
        """Every verdict is of now, and the people are still those whom the lists were made from."""
        return whole[-1] and visible_ids(principal, Purpose.TREATMENT) == mine

    what = ("today", principal.user_id, principal.roles, get_language())
    return following_all(mine, principal.zone, what, gather, holds)


def _gathered(principal: Principal, now: datetime) -> tuple[Lists, bool]:
    todo, whole = list[Item](), True
    treats, arranges = principal.has(*CLINICIANS), principal.has(Role.COORDINATOR)
    if treats:
        mine = visible_patients(principal, Purpose.TREATMENT).select_related("site").order_by("family", "given")
        people = list(mine)
        todo, whole = items.decisions(principal, people)
        todo += items.calls(principal, people, now)
    if arranges:
        todo += items.to_arrange(principal)
    if principal.has(Role.SITE_ADMIN):
        todo += items.to_administer(principal)
    if principal.has(Role.PRIVACY_LEAD):
        todo += items.to_oversee(principal, now)
    if principal.has(Role.PRIVACY_LEAD, Role.SITE_ADMIN):
        todo += items.unusual_access(principal)
    late_count, late, soon = 0, list[DueForm](), list[DueForm]()
    if treats or arranges:
        open_, day = open_forms(principal, Purpose.ADMINISTRATION), now.date()
        late_count, late, soon = due_forms(open_, day, day + items.SOON, items.MOST)
    new = items.newcomers(principal, now) if treats else []
    due = items.by_person(soon)
    found = Lists(
        todo=tuple(todo),
        late_count=late_count,
        late=tuple((form, _page(form.patient_id)) for form in late),
        soon=tuple((forms, _page(forms[0].patient_id)) for forms in due[: items.BESIDE]),
        soon_more=len(due) > items.BESIDE,
        new=tuple(new[: items.BESIDE]),
        new_more=len(new) > items.BESIDE,
    )
    return found, whole


def _page(patient: UUID) -> str:
    return reverse("forms:patient", args=[patient])
