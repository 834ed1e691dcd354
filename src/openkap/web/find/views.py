"""Finding a person among those one may see. What was typed stays out of addresses, and so out of logs and history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from openkap.people import names
from openkap.people.models import Patient
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, disclose
from openkap.people.selectors import found_patients, like_named, visible_patients
from openkap.people.types import CLINICIANS, Principal, Purpose, Role
from openkap.web.identity import full_name, page_of
from openkap.web.words import age

MINE = 40  # rows of one's own people, shown before anything is typed
SHOWN = 20  # rows; whoever sees more has typed too little, and each row is a read of a record


@dataclass(frozen=True)
class Row:
    """One person found; `like` counts the others whose names begin alike."""

    name: str
    born: date
    age: int
    record_number: str
    synthetic: bool
    url: str
    like: int


@staff(Role.COORDINATOR, *CLINICIANS, once=False)  # a form that only reads may be sent as often as one likes
def people(request: ClinicRequest) -> HttpResponse:
    """People whose names, record number or birth date begin as typed, by name."""
    typed = request.POST.get("q", "").strip()[:100]
    context = {"typed": typed, "too_short": bool(typed) and not names.enough(typed), "shown": SHOWN}
    if names.enough(typed):
        found = find(request.principal, typed)
        disclose(request, found[:SHOWN])
        context |= {"rows": rows_of(request.principal, found[:SHOWN]), "more": len(found) > SHOWN}
    elif not typed and request.principal.has(*CLINICIANS):
        mine = list(
            visible_patients(request.principal, Purpose.TREATMENT).order_by("family", "given", "pk")[: MINE + 1]
        )
        disclose(request, mine[:MINE])
        context |= {"mine": rows_of(request.principal, mine[:MINE]), "mine_more": len(mine) > MINE}
    return render(request, "find/people.html", context)


def find(principal: Principal, typed: str) -> list[Patient]:
    """The first who fit, one more than are shown."""
    visible = visible_patients(principal, Purpose.ADMINISTRATION)
    return list(found_patients(visible, typed)[: SHOWN + 1])


def rows_of(principal: Principal, patients: list[Patient]) -> list[Row]:
    """How they are shown: who treats goes to the pathway, who arranges to the desk. The number of queries is fixed."""
    visible = visible_patients(principal, Purpose.ADMINISTRATION)
    treated = visible_patients(principal, Purpose.TREATMENT).filter(pk__in=[p.pk for p in patients])
    treats = set(treated.values_list("pk", flat=True))
    alike, today = like_named(visible, patients), timezone.localdate()
    return [
        Row(
            name=full_name(p),
            born=p.birth_date,
            age=age(p.birth_date, today),
            record_number=p.record_number,
            synthetic=p.synthetic,
            url=reverse(page_of(Purpose.TREATMENT if p.pk in treats else Purpose.ADMINISTRATION), args=[p.pk]),
            like=len(alike[p.pk]),
        )
        for p in patients
    ]
