"""Alerts and the rota."""

from django.urls import path

from openkap.web.forms import duty

app_name = "duty"
urlpatterns = [
    path("alerts/", duty.alerts, name="alerts"),
    path("alerts/<uuid:alert_id>/", duty.alert, name="alert"),
    path("on-call/", duty.rota, name="rota"),
    path("on-call/<int:pk>/end/", duty.take_off, name="take-off"),
]
