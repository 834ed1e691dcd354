"""The Django app of this room."""

from django.apps import AppConfig


class ScreenConfig(AppConfig):
    """What people decided about findings, and signed verdicts."""

    name = "openkap.screen"
    label = "screen"
    default_auto_field = "django.db.models.BigAutoField"
