"""All pages; an area comes in by one line."""

from django.urls import include, path

urlpatterns = [
    path("", include("openkap.web.forms.urls")),
    path("", include("openkap.web.forms.duty_urls")),
    path("p/<uuid:patient_id>/assess/", include("openkap.web.assess.urls")),
    path("today/", include("openkap.web.today.urls")),
    path("people/", include("openkap.web.find.urls")),
    path("referrals/", include("openkap.web.referral.urls")),
    path("", include("openkap.web.people.urls")),
    path("", include("openkap.web.schedule.urls")),
    path("", include("openkap.web.dose.urls")),
    path("", include("openkap.web.dose.sealed.urls")),
    path("", include("openkap.web.dose.device.urls")),
    path("content/", include("openkap.web.content.urls")),
    path("ledger/", include("openkap.web.dose.ledger.urls")),
    path("p/<uuid:patient_id>/notes/", include("openkap.web.notes.urls")),
    path("p/<uuid:patient_id>/", include("openkap.web.patient.urls")),
    path("p/<uuid:patient_id>/facts/", include("openkap.web.chart.urls")),
    path("p/<uuid:patient_id>/screen/", include("openkap.web.screen.urls")),
    path("p/<uuid:patient_id>/plan/", include("openkap.web.plan.urls")),
]
