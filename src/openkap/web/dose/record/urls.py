"""The record of a session."""

from django.urls import path

from openkap.web.dose.record import views

SESSION = "p/<uuid:patient_id>/dose/<uuid:session_id>/record/"
urlpatterns = [
    path(SESSION, views.record, name="record"),
    path(SESSION + "print/", views.printed, name="record-print"),
    path(SESSION + "note/", views.note, name="note"),
    path(SESSION + "themes/", views.theme, name="theme"),
    path(SESSION + "fhir/", views.fhir, name="record-fhir"),
]
