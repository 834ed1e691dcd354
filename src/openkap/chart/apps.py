"""The Django app of this room."""

from django.apps import AppConfig


class ChartConfig(AppConfig):
    """What is known of a patient, kept so that nothing is overwritten."""

    name = "openkap.chart"
    label = "chart"
    default_auto_field = "django.db.models.BigAutoField"
