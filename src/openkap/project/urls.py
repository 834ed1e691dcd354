"""All routes. Pages come in from web/urls.py; each view declares its policy (people/policy.py)."""

from __future__ import annotations

from django.urls import include, path

from openkap.project import views

urlpatterns = [
    path("", views.home, name="home"),
    path("alive/", views.alive, name="alive"),
    path("account/", include("openkap.people.urls")),
    path("", include("openkap.web.urls")),
]

handler400 = "openkap.project.views.bad_request"
handler403 = "openkap.project.views.forbidden"
handler404 = "openkap.project.views.not_found"
handler500 = "openkap.project.views.failed"
