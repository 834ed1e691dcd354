"""How a site keeps its sealed envelope: whether one is shut, who opened one, a new one."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from openkap.people import services_sealed
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.services_sealed import policy, state_of
from openkap.people.types import Role
from openkap.web.dose.sealed.forms import NoteForm, PlaceForm
from openkap.web.people.tried import answer


@staff(Role.SITE_ADMIN, Role.PRIVACY_LEAD)
def state(request: ClinicRequest) -> HttpResponse:
    """The envelope that is shut, and every one that was opened."""
    context = {
        "state": state_of(request.principal.site_id),
        "hours": policy().opened.hours,
        "seals": request.principal.has(Role.SITE_ADMIN),
        "reviews": request.principal.has(Role.PRIVACY_LEAD),
    }
    return render(request, "dose/sealed/state.html", context)


@staff(Role.SITE_ADMIN, step_up=True)
@sensitive_variables("word")
def make(request: ClinicRequest) -> HttpResponse:
    """A new word, shown on this page once and nowhere again."""
    form = PlaceForm(request.POST or None)

    def act() -> HttpResponse:
        site, place = request.principal.site_id, form.cleaned_data["place"]
        row, word = services_sealed.make_seal(request.principal, site, place, origin=origin_of(request))
        return render(request, "dose/sealed/made.html", {"word": word, "row": row, "hours": policy().opened.hours})

    return answer(request, "dose/sealed/make.html", form, act, {"state": state_of(request.principal.site_id)})


@staff(Role.PRIVACY_LEAD)
def review(request: ClinicRequest, seal_id: UUID) -> HttpResponse:
    """Say what came of an opening."""
    row = next((one for one in state_of(request.principal.site_id).opened if one.pk == seal_id), None)
    if row is None:
        raise Http404
    form = NoteForm(request.POST or None)

    def act() -> HttpResponse:
        note = form.cleaned_data["note"]
        services_sealed.review_seal(request.principal, row.pk, note, origin=origin_of(request))
        return HttpResponseRedirect(reverse("sealed:state"))

    return answer(request, "dose/sealed/review.html", form, act, {"row": row})
