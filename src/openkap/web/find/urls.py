"""Finding a person."""

from django.urls import path

from openkap.web.find import views

app_name = "find"
urlpatterns = [path("", views.people, name="people")]
