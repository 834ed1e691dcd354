"""Going home."""

from django.urls import path

from openkap.web.dose.leave import views

SESSION = "p/<uuid:patient_id>/dose/<uuid:session_id>/"
urlpatterns = [
    path(SESSION + "leave/", views.leave, name="leave"),
    path(SESSION + "leave/discharge/", views.discharge, name="discharge"),
    path(SESSION + "leave/early/", views.early, name="leave-early"),
    path(SESSION + "leave/transfer/", views.transfer, name="transfer"),
    path(SESSION + "leave/instructions/", views.instructions, name="instructions"),
]
