"""The Django app of this room."""

from django.apps import AppConfig


class AssessConfig(AppConfig):
    """Forms that are asked for and answered, help after a suicidality answer, decisions about the formulation."""

    name = "openkap.assess"
    label = "assess"
    default_auto_field = "django.db.models.BigAutoField"
