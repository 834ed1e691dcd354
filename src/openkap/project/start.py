"""What happens before the first request: tables, and at the first run of a site its administrator."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from openkap import __version__
from openkap.kernel.clock import zone_data
from openkap.kernel.errors import UserError
from openkap.people import audit, services
from openkap.people.models import AuditEvent, Site
from openkap.people.sign_in import invitation_path
from openkap.people.types import Role
from openkap.web.content import actions


def open_database(update: str = "") -> None:
    """
    Make the tables, or bring them up to this version.

    Args:
        update: why the tables are changed although sessions run (OPENKAP_UPDATE); kept in the audit trail.

    Raises:
        UserError: the database cannot be opened, or sessions run and nobody said why it must be now (HAZ-45).
    """
    try:
        sites = _sites_with_sessions() if _changes() else []
        if sites and not update.strip():
            raise UserError(
                "Sessions are running and this version changes the database: start the version from before until they "
                "have ended, or, with the downtime sheets in hand, set OPENKAP_UPDATE to the reason why it must be now."
            )
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        for site in sites:
            audit.record(site, [audit.Event("setting", "U", entity=f"Update/{__version__}", reason=update[:500])])
    except DatabaseError as fault:
        # The text of the fault may hold the address of the database, not its password.
        raise UserError(f"The database cannot be opened ({type(fault).__name__}): check OPENKAP_DATABASE.") from fault


def _changes() -> bool:
    """True if tables that exist would be changed."""
    executor = MigrationExecutor(connection)
    begun = bool(executor.loader.applied_migrations)
    return begun and bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _sites_with_sessions() -> list[UUID]:
    """Sites where a patient is in the house, asked of the table as it stands, whatever version made it."""
    if "dose_dosingsession" not in connection.introspection.table_names():
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT site_id FROM dose_dosingsession WHERE ended_at IS NULL AND phase <> 'booked'")
        return [UUID(str(site)) for (site,) in cursor.fetchall()]


def settle_content() -> None:
    """Take back a change of the site's files that a killed process left without its audit event."""
    if (site := Site.objects.order_by("pk").first()) is not None:
        actions.settle(site.pk)


def note_zone_data() -> None:
    """Record in every site's trail by which time zone data instants are shown from now on, where it is another."""
    entity = f"ZoneData/{zone_data()}"
    for site in Site.objects.all():
        before = AuditEvent.objects.filter(site=site, type="setting", entity__startswith="ZoneData/")
        if before.order_by("-sequence").values_list("entity", flat=True).first() != entity:
            audit.record(site.pk, [audit.Event("setting", "U", entity=entity, reason=site.zone)])


def first_run() -> Iterator[str]:
    """At the first run of a production site: make it, with one administrator, and say where to go."""
    if not settings.PRODUCTION or Site.objects.exists():
        return
    site = services.open_site(str(settings.ALLOWED_HOSTS[0]), settings.TIME_ZONE)
    host = settings.ALLOWED_HOSTS[0]
    admin = services.create_user(None, site, email=f"admin@{host}", name="Administrator")
    services.grant_role(None, admin, site, Role.SITE_ADMIN)
    yield f"First run. Sign in as admin@{host}; set the password within a day, once, at:"
    yield f"https://{host}{invitation_path(admin)}"
