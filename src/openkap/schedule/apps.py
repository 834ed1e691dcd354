"""The Django app of this room."""

from django.apps import AppConfig


class ScheduleConfig(AppConfig):
    """Retreats, appointments and who holds which quarter of an hour."""

    name = "openkap.schedule"
    label = "schedule"
    default_auto_field = "django.db.models.BigAutoField"
