"""Adverse events."""

from django.urls import path

from openkap.web.dose.adverse import views

PERSON = "p/<uuid:patient_id>/adverse/"
urlpatterns = [
    path(PERSON, views.events, name="adverse"),
    path(PERSON + "new/", views.new, name="adverse-new"),
    path(PERSON + "<int:pk>/", views.event, name="adverse-event"),
    path(PERSON + "<int:pk>/review/", views.review, name="adverse-review"),
    path("p/<uuid:patient_id>/dose/<uuid:session_id>/adverse/", views.tap, name="adverse-tap"),
]
