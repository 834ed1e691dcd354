"""Routes of the sealed envelope: how it is opened and what it opens; how a site keeps it."""

from django.urls import path

from openkap.web.dose.sealed import keep, views

app_name = "sealed"
urlpatterns = [
    path("sealed/", views.open_it, name="open"),
    path("sealed/rooms/", views.rooms, name="rooms"),
    path("sealed/rooms/<uuid:session_id>/", views.sheet, name="sheet"),
    path("sealed/end/", views.end, name="end"),
    path("site/sealed/", keep.state, name="state"),
    path("site/sealed/new/", keep.make, name="make"),
    path("site/sealed/<uuid:seal_id>/review/", keep.review, name="review"),
]
