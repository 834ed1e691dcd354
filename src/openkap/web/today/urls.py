"""The first page of each role."""

from django.urls import path

from openkap.web.today import views

app_name = "today"
urlpatterns = [path("", views.day, name="day")]
