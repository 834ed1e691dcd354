"""The Django app of this room."""

from django.apps import AppConfig


class DoseConfig(AppConfig):
    """Watched sessions, their alerts, and the drug ledger."""

    name = "openkap.dose"
    label = "dose"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from openkap.dose import services_book
        from openkap.schedule import services_booking

        services_booking.follow(services_book.prepare, services_book.follow)
