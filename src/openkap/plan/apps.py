"""The Django app of this room."""

from django.apps import AppConfig


class PlanConfig(AppConfig):
    """Programmes in their versions, and signatures under them."""

    name = "openkap.plan"
    label = "plan"
    default_auto_field = "django.db.models.BigAutoField"
