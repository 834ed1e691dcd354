"""Scores, formulation, and the page before the first hour."""

from django.urls import path

from openkap.web.assess import views

app_name = "assess"
urlpatterns = [
    path("", views.scores, name="scores"),
    path("formulation/<str:dimension>/", views.decide, name="decide"),
    path("first-hour/", views.first_hour, name="first-hour"),
]
