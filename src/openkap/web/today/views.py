"""Today: what needs a decision, what is overdue, who is coming; for each role what is its own."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from openkap.assess.selectors import FormState
from openkap.people.models import Site
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, disclose
from openkap.people.selectors import visible_patients
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.web.today import items


@staff()
def day(request: ClinicRequest) -> HttpResponse:
    """What this person should look at first."""
    principal, now = request.principal, timezone.now()
    zone = ZoneInfo(Site.objects.values_list("zone", flat=True).get(pk=principal.site_id))
    with timezone.override(zone):
        local = timezone.localtime(now)
        urgent, todo = items.alerts(principal, now), []
        treats, arranges = principal.has(*CLINICIANS), principal.has(Role.COORDINATOR)
        mine = list(visible_patients(principal, Purpose.TREATMENT).select_related("site").order_by("family", "given"))
        if treats:
            todo += items.decisions(principal, mine)
        if arranges:
            todo += items.to_arrange(principal)
        if principal.has(Role.SITE_ADMIN):
            todo += items.to_administer(principal)
        if principal.has(Role.PRIVACY_LEAD):
            todo += items.to_oversee(principal, now)
        if principal.has(Role.PRIVACY_LEAD, Role.SITE_ADMIN):
            todo += items.unusual_access(principal)
        late_count, late, soon = 0, list[FormState](), list[FormState]()
        if treats or arranges:
            late_count, late, soon = items.forms_by_day(visible_patients(principal, Purpose.ADMINISTRATION), local)
        new = items.newcomers(principal, now) if treats else []
        shown = [*urgent, *todo[: items.MOST]]
        due = items.by_person(soon)
        beside = due[: items.BESIDE]
        disclose(request, items.patients_of(shown))
        disclose(request, [state.request.patient for state in (*late, *(states[0] for states in beside))])
        disclose(request, [row.patient for row in new[: items.BESIDE]])

        def page(state: FormState) -> str:
            return reverse("forms:patient", args=[state.request.patient_id])

        context = {
            "now": local,
            "items": shown,
            "more": len(todo) - len(todo[: items.MOST]),
            "decisions": len(urgent) + len(todo),
            "late": [(state, page(state)) for state in late],
            "late_count": late_count,
            "soon": [(states, page(states[0])) for states in beside],
            "soon_more": len(due) > items.BESIDE,
            "new": new[: items.BESIDE],
            "new_more": len(new) > items.BESIDE,
            "with_people": treats or arranges,
        }
        return render(request, "today/day.html", context)
