"""
What a production site must not start with. Each fault is one sentence; `openkap serve` prints all and exits.

In demonstration mode nothing here is asked, except that a demonstration listens on loopback alone.
"""

from __future__ import annotations

import ctypes
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from openkap.assess import crisis
from openkap.dose.outlets import outlets_of
from openkap.kernel.errors import UserError
from openkap.people import audit
from openkap.people.append_only import open_to_change
from openkap.people.models import Patient, Site, User
from openkap.people.pulse import silent
from openkap.project.environment import LOOPBACK, SECRET_FILE
from openkap.project.sqlite import REPAIRED
from openkap.schedule.outgoing import outgoing_of

NETWORK_DRIVES = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs", "afs"})
_SHORTEST_SECRET = 50  # characters; Django's own check asks the same
WHOLE = "PRAGMA quick_check(1)"  # reads every page once; "ok" if the file is whole
DAMAGED = "SELECT sum(checksum_failures) FROM pg_stat_database WHERE datname = current_database()"
HALF_MADE = (
    "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid "
    "UNION ALL SELECT conname::text FROM pg_constraint WHERE NOT convalidated LIMIT 1"
)
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)


def refuse_if_unsafe() -> None:
    """
    Raises:
        UserError: the deployment has faults; the text names each.
    """
    if found := list(refusals()):
        raise UserError("OpenKAP does not start: " + " ".join(found))


def refusals() -> Iterator[str]:
    """One sentence for each fault, with the remedy."""
    if not settings.PRODUCTION:
        if settings.ENVIRONMENT.bind not in LOOPBACK:
            yield "OPENKAP_BIND opens a demonstration to the network: leave it at 127.0.0.1."
        return
    yield from _settings()
    yield from _files()
    yield from _crisis()
    yield from _outlets()
    if not clock_is_synchronised():
        yield "The clock of this machine is not synchronised: start chrony or another NTP client."
    yield from _database()


def _settings() -> Iterator[str]:
    environment = settings.ENVIRONMENT
    secret = settings.SECRET_KEY
    wrong: list[tuple[bool, str]] = [
        (settings.DEBUG, "OPENKAP_DEBUG is on: unset it."),
        (
            len(secret) < _SHORTEST_SECRET or len(set(secret)) < 10 or secret.startswith("django-insecure-"),
            "OPENKAP_SECRET_KEY is weak: unset it, and a strong one is made.",
        ),
        (environment.secret is None, "There is no secret: start with `openkap serve`, which makes one."),
        (environment.tls == "off", "There is no TLS: set OPENKAP_TLS to proxy or to certificate.pem:key.pem."),
        (any(h[0] in "*." for h in settings.ALLOWED_HOSTS), "OPENKAP_HOSTS has a wildcard: name each host."),
        (not set(settings.ALLOWED_HOSTS) - set(LOOPBACK), "OPENKAP_HOSTS is unset: name the hosts of this site."),
        (not settings.SESSION_COOKIE_SECURE, "The session cookie is not secure: set OPENKAP_TLS."),
        (not settings.SESSION_COOKIE_HTTPONLY, "Scripts can read the session cookie: leave it HttpOnly."),
        (not settings.CSRF_COOKIE_SECURE, "The CSRF cookie is not secure: set OPENKAP_TLS."),
        (settings.SECURE_HSTS_SECONDS == 0, "HSTS is off: set OPENKAP_TLS."),
        (not settings.STAFF_MFA, "OPENKAP_STAFF_MFA is off: staff need a second factor; unset it."),
        (environment.checkpoints is None, "OPENKAP_CHECKPOINTS is unset: name a folder on another machine."),
        (environment.backup is None, "OPENKAP_BACKUP is unset: name a folder on another machine."),
    ]  # fmt: skip
    yield from (sentence for is_wrong, sentence in wrong if is_wrong)


def _files() -> Iterator[str]:
    environment = settings.ENVIRONMENT
    private = [environment.data, environment.data / SECRET_FILE]
    if environment.database.engine == "sqlite":
        private.append(Path(environment.database.name))
        kind = file_system(Path(environment.database.name))
        if kind in NETWORK_DRIVES:
            yield f"The SQLite database is on a network drive ({kind}): move it to a local disk, or use PostgreSQL."
    for path in private:
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield f"Others on this machine can open {path.name!r} of the data folder: chmod go-rwx."


def _crisis() -> Iterator[str]:
    folder = settings.ENVIRONMENT.site
    if folder is None or not (folder / crisis.SITE_FILE).is_file():
        yield "The site's folder has no crisis.toml: write in it whom a patient calls in a crisis (docs/site.md)."
        return
    try:
        crisis.help_of(folder)
    except UserError as fault:
        yield str(fault)


def _outlets() -> Iterator[str]:
    for read in (outlets_of, outgoing_of):
        try:
            read(settings.ENVIRONMENT.site)
        except UserError as fault:
            yield str(fault)


def notes() -> Iterator[str]:
    """What a site should know and starts with all the same."""
    if settings.PRODUCTION and not outlets_of(settings.ENVIRONMENT.site).phones:
        yield "No phone is set up: an alert that nobody takes stays on the screens. Write alerts.toml (docs/site.md)."


def _database() -> Iterator[str]:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield "Migrations are pending: start with `openkap serve`, which applies them."
        return
    yield from _postgresql() if connection.vendor == "postgresql" else _sqlite()
    if User.objects.filter(synthetic=True, is_active=True).exists():
        yield "The database has accounts of the demonstration: use an empty database."
    if Patient.objects.filter(synthetic=True).exists():
        yield "The database has patients of the demonstration: use an empty database."
    for table in open_to_change():
        yield f"Rows of {table} can be changed or deleted, because its triggers are gone: restore the newest backup."
    for table in silent():
        yield f"Writes to {table} no longer show at once, because its triggers are gone: restore the newest backup."
    for site in Site.objects.all():
        for fault in audit.faults_at_the_end(site.pk, _kept_checkpoints(site)):
            yield f"The audit trail is not whole. {fault} Stop, keep the database, and restore the newest backup."


def _kept_checkpoints(site: Site) -> list[audit.Checkpoint]:
    folder = settings.ENVIRONMENT.checkpoints
    return audit.kept_checkpoints(folder, site.pk) if folder else []


def _sqlite() -> Iterator[str]:
    if tuple(map(int, _one("SELECT sqlite_version()").split("."))) < REPAIRED:
        yield "This SQLite can lose data (repaired in 3.51.3): install the package pysqlite3."
    if _one(WHOLE) != "ok":
        yield "The database file is damaged: stop, keep it, and restore the newest backup."
    if int(_one("PRAGMA mmap_size") or 0):
        yield "SQLite maps the database into memory: leave mmap_size at 0."
    if int(_one("PRAGMA synchronous")) < 2:
        yield "SQLite does not wait for the disk: leave synchronous at FULL."


def _postgresql() -> Iterator[str]:
    if _one("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        yield "The database user is a superuser: make one that owns only this database."
    if _one("SHOW fsync") != "on":
        yield "PostgreSQL does not wait for the disk: set fsync to on."
    if _one("SHOW synchronous_commit") not in ("on", "remote_apply", "remote_write", "local"):
        yield "PostgreSQL answers before a commit is on the disk: set synchronous_commit to on."
    if _one(DAMAGED):
        yield "PostgreSQL has found damaged pages in this database: stop, keep it, and restore the newest backup."
    if name := _one(HALF_MADE):
        yield f"{name} of the database is not valid, so it may let wrong rows in: rebuild it, or restore a backup."


def _one(query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    return row[0] if row else None


def clock_is_synchronised() -> bool:
    """What the kernel says of its clock (adjtimex); true where the kernel cannot be asked."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) != _UNSYNCHRONISED)


def file_system(path: Path) -> str:
    """The kind of file system that holds `path`, as Linux names it; empty if unknown."""
    table = Path("/proc/mounts")
    if not table.is_file():
        return ""
    best, kind = "", ""
    whole = str(path.resolve())
    for line in table.read_text(encoding="utf-8").splitlines():
        _, mount, name, *_rest = line.split(" ")
        mount = mount.replace("\\040", " ")
        inside = whole == mount or whole.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, name
    return kind
