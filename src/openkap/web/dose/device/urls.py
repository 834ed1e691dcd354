"""Routes of the door for devices."""

from django.urls import path

from openkap.web.dose.device import api, views

app_name = "device"
urlpatterns = [
    path("api/fhir/Observation", api.observation, name="observation"),
    path("site/devices/", views.keep, name="keep"),
    path("site/devices/switch/", views.switch, name="switch"),
    path("site/devices/new/", views.new, name="new"),
    path("site/devices/<uuid:device_id>/revoke/", views.revoke, name="revoke"),
    path("rooms/quarantine/", views.quarantine, name="quarantine"),
    path("p/<uuid:patient_id>/dose/<uuid:session_id>/device/", views.bind, name="bind"),
]
