"""Files about people who are not here yet."""

from django.urls import path

from openkap.web.referral import views

app_name = "referral"
urlpatterns = [
    path("", views.bring, name="bring"),
    path("<uuid:import_id>/", views.decide, name="decide"),
]
