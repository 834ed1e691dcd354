"""Private notes: a page for their author."""

from django.urls import path

from openkap.web.notes import views

app_name = "notes"
urlpatterns = [
    path("", views.notes, name="own"),
    path("<uuid:note_id>/", views.amend, name="amend"),
]
