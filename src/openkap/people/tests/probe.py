"""Routes that exist only in tests: one of each kind of policy."""

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import include, path

from openkap.people import services
from openkap.people.models import Patient
from openkap.people.policy import about_patient, public, signed_in, staff
from openkap.people.request import disclose, origin_of
from openkap.people.selectors import visible_patients
from openkap.people.types import Purpose, Role

handler403 = "openkap.project.views.forbidden"
handler404 = "openkap.project.views.not_found"


@public()
def open_to_all(request):
    return HttpResponse("open")


@signed_in()
def mine(request):
    return HttpResponse("mine")


@signed_in(activity=False)
def poll(request):
    return HttpResponse("polled")


@staff(Role.COORDINATOR)
def desk(request):
    if request.method == "POST":
        services.create_user(None, request.principal.site_id, email=request.POST["email"], name="New Person")
        return HttpResponseRedirect("/desk/")
    return HttpResponse("desk")


@staff(Role.COORDINATOR)
def people(request):
    found = visible_patients(request.principal, Purpose.ADMINISTRATION)
    disclose(request, found)
    return HttpResponse(", ".join(patient.given for patient in found))


@about_patient(Role.PRESCRIBER, Role.NURSE, purpose=Purpose.TREATMENT)
def chart(request):
    if request.method == "POST":
        return JsonResponse({"written": str(request.patient.pk)})
    return HttpResponse(request.patient.given)


@about_patient(Role.COORDINATOR, purpose=Purpose.ADMINISTRATION)
def identity(request):
    patient: Patient = request.patient
    if "family" not in request.POST:
        return HttpResponse("form")
    changed = services.Identity(request.POST["family"], patient.given, patient.birth_date, patient.birth_sex)
    services.amend_patient(
        request.principal,
        patient,
        changed,
        expected_version=int(request.POST["version"]),
        reason="spelling",
        origin=origin_of(request),
    )
    if changed.family == "fault":
        return HttpResponse("typed again", status=422)
    return HttpResponseRedirect("/done/")


@about_patient(Role.PATIENT, purpose=Purpose.OWN)
def portal(request):
    return HttpResponse(request.patient.given)


@about_patient(Role.PRESCRIBER, purpose=Purpose.TREATMENT, step_up=True)
def sign(request):
    return HttpResponse("signed")


def undeclared(request):
    return HttpResponse("should not be seen")


urlpatterns = [
    path("open/", open_to_all, name="open"),
    path("mine/", mine, name="mine"),
    path("poll/", poll, name="poll"),
    path("desk/", desk, name="desk"),
    path("people/", people, name="people"),
    path("patient/<uuid:patient_id>/chart/", chart, name="chart"),
    path("patient/<uuid:patient_id>/identity/", identity, name="identity"),
    path("patient/<uuid:patient_id>/portal/", portal, name="portal"),
    path("patient/<uuid:patient_id>/sign/", sign, name="sign"),
    path("undeclared/", undeclared, name="undeclared"),
    path("", include("openkap.project.urls")),
]
