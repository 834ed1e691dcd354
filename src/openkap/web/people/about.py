"""One patient as a person: registering, identity and its versions, the care team, and access in an emergency."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from openkap.kernel.errors import UserError
from openkap.people import picture, services, services_photo
from openkap.people.models import Membership, Patient, User
from openkap.people.policy import about_patient, staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import care_team, visible_patients
from openkap.people.services import Identity
from openkap.people.services_emergency import LASTS, open_emergency
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.web.people.forms import AmendForm, AssignForm, EmergencyForm, PhotoForm, ReasonForm, RegisterForm, as_typed
from openkap.web.people.tried import answer

arranging = about_patient(Role.COORDINATOR, *CLINICIANS, purpose=Purpose.ADMINISTRATION)


@staff(Role.COORDINATOR, *CLINICIANS)
def register(request: ClinicRequest) -> HttpResponse:
    """A new patient; people who could be the same are shown first."""
    form = RegisterForm(request.POST or None)
    like: list[Patient] = []
    context = {"like": like}

    def act() -> HttpResponse:
        if not form.cleaned_data["another"]:
            like.extend(_alike(request, form.identity))
            if like:
                disclose(request, like)
                raise UserError("There are people who could be the same: look at them, then say if this is another.")
        patient = services.register_patient(
            request.principal, request.principal.site_id, form.identity, origin=origin_of(request)
        )
        return HttpResponseRedirect(reverse("people:team", args=[patient.pk]))

    return answer(request, "people/register.html", form, act, context)


@arranging
def identity(request: ClinicRequest) -> HttpResponse:
    """Who this is, corrected with a reason; every version stays readable."""
    patient = request.patient
    form = AmendForm(request.POST or None, initial=as_typed(patient))

    def act() -> HttpResponse:
        said = form.cleaned_data
        services.amend_patient(
            request.principal,
            patient,
            form.identity,
            expected_version=said["version"],
            reason=said["reason"],
            origin=origin_of(request),
        )
        return HttpResponseRedirect(reverse("people:identity", args=[patient.pk]))

    versions = patient.versions.select_related("known_by").order_by("-version")
    return answer(request, "people/identity.html", form, act, {"versions": versions})


@arranging
def photo_change(request: ClinicRequest) -> HttpResponse:
    """A photo, another one, or none."""
    if request.method == "POST" and "drop" in request.POST:
        services_photo.drop_photo(request.principal, request.patient, origin=origin_of(request))
        return HttpResponseRedirect(reverse("people:photo-change", args=[request.patient.pk]))
    form = PhotoForm(request.POST or None, request.FILES or None)

    def act() -> HttpResponse:
        file = form.cleaned_data["photo"]
        data = file.read(picture.LARGEST + 1)
        services_photo.keep_photo(request.principal, request.patient, data, origin=origin_of(request))
        return HttpResponseRedirect(reverse("people:photo-change", args=[request.patient.pk]))

    return answer(request, "people/photo.html", form, act)


@about_patient(Role.COORDINATOR, *CLINICIANS, purpose=Purpose.ADMINISTRATION, activity=False, watches=True)
def photo(request: ClinicRequest) -> HttpResponse:
    """The photo itself, as a picture that can do nothing but be looked at."""
    row = services_photo.photo_of(request.patient)
    if row is None:
        raise Http404
    response = HttpResponse(bytes(row.content), content_type=row.kind)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response.headers["Content-Disposition"] = f'inline; filename="photo.{row.kind.rpartition("/")[2]}"'
    return response


@arranging
def team(request: ClinicRequest) -> HttpResponse:
    """Who cares for this patient; a coordinator changes it."""
    patient = request.patient
    now = list(care_team(request.principal, patient).order_by("since"))
    form = AssignForm(request.POST or None, offered=_clinicians(request, patient))
    ending = ReasonForm(request.POST or None)
    leaving = request.POST.get("end")

    def act() -> HttpResponse:
        services.assign_care_team(request.principal, patient, form.cleaned_data["user"], origin=origin_of(request))
        return HttpResponseRedirect(reverse("people:team", args=[patient.pk]))

    def end() -> HttpResponse:
        row = next((row for row in now if str(row.user_id) == leaving), None)
        if row is None:
            raise UserError("This person is not on the care team: nothing was changed.")
        reason = ending.cleaned_data["reason"]
        services.end_assignment(request.principal, patient, row.user, reason=reason, origin=origin_of(request))
        return HttpResponseRedirect(reverse("people:team", args=[patient.pk]))

    context = {
        "team": now,
        "former": patient.care_team.exclude(until=None).select_related("user").order_by("-until"),
        "may": request.principal.has(Role.COORDINATOR),
        "assign": form,
    }
    if leaving is not None:
        context["assign"] = AssignForm(offered=_clinicians(request, patient))
        return answer(request, "people/team.html", ending, end, context)
    return answer(request, "people/team.html", form, act, context)


@staff(*CLINICIANS, once=False)  # sent twice it is one access; what is refused stays in the audit trail
def emergency(request: ClinicRequest) -> HttpResponse:
    """Open the record of someone who is not one's patient, with a reason."""
    form = EmergencyForm(request.POST or None)

    def act() -> HttpResponse:
        access = open_emergency(request.principal, **form.cleaned_data, origin=origin_of(request))
        return HttpResponseRedirect(reverse("patient:pathway", args=[access.patient_id]))

    return answer(request, "people/emergency.html", form, act, {"minutes": int(LASTS.total_seconds() // 60)})


# ---------------------------------------------------------------- parts of the above


def _clinicians(request: ClinicRequest, patient: Patient) -> QuerySet[User]:
    held = Membership.objects.filter(site=request.principal.site_id, until=None, role__in=CLINICIANS)
    there = patient.care_team.filter(until=None).values("user")
    return User.objects.filter(pk__in=held.values("user"), is_active=True).exclude(pk__in=there).order_by("name", "pk")


def _alike(request: ClinicRequest, wanted: Identity) -> list[Patient]:
    """Visible patients with the same birth date and one like name, or with both names alike."""
    near = visible_patients(request.principal, Purpose.ADMINISTRATION)
    family, given = wanted.family.strip().casefold(), wanted.given.strip().casefold()
    born = [
        patient
        for patient in near.filter(birth_date=wanted.birth_date)
        if patient.family.casefold() == family or patient.given.casefold() == given
    ]
    named = near.filter(family__iexact=wanted.family.strip(), given__iexact=wanted.given.strip())
    return list({patient.pk: patient for patient in (*born, *named)}.values())
