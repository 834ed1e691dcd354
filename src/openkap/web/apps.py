"""The Django app that holds all pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages, their templates and static files; no tables."""

    name = "openkap.web"
    label = "web"
    default_auto_field = "django.db.models.BigAutoField"
