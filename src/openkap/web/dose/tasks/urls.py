"""Calls and follow-ups."""

from django.urls import path

from openkap.web.dose.tasks import views

urlpatterns = [
    path("calls/", views.tasks, name="tasks"),
    path("p/<uuid:patient_id>/calls/<int:pk>/", views.close, name="task"),
]
