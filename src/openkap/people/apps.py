"""The Django app of this room."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """Accounts, patients, permission, audit."""

    name = "openkap.people"
    label = "people"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from openkap.people import models_photo, models_sealed, sign_in  # noqa: F401  tables in files of their own

        sign_in.connect()
