"""One person's first pages."""

from django.urls import path

from openkap.web.patient import views

app_name = "patient"
urlpatterns = [
    path("", views.pathway, name="pathway"),
    path("desk/", views.desk, name="desk"),
]
