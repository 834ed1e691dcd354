"""What is known of one person, and what arrives about them."""

from django.urls import path

from openkap.web.chart import views

app_name = "chart"
urlpatterns = [
    path("", views.facts_page, name="facts"),
    path("enter/<str:fact>/", views.enter, name="enter"),
    path("settle/<str:fact>/", views.settle, name="settle"),
    path("review/", views.review, name="review"),
    path("imports/", views.bring, name="bring"),
    path("imports/<uuid:import_id>/", views.received, name="received"),
    path("records/<str:resource_type>/<str:logical_id>/", views.record, name="record"),
]
