"""The chair page of one session and what belongs to it; sheets for when the system is down."""

from django.urls import path

from openkap.web.dose.chair import views

inside = [  # p/<uuid:patient_id>/dose/<uuid:session_id>/
    path("", views.chair, name="chair"),
    path("events/", views.events, name="events"),
    path("state/", views.state, name="state"),
    path("emergency/", views.emergency, name="emergency"),
    path("paper/", views.paper, name="paper"),
    path("later/", views.later, name="later"),
]
rooms = [path("downtime/", views.downtime, name="downtime")]  # rooms/
