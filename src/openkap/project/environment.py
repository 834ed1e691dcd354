"""
What the environment says about this deployment. Nothing else is configuration, and nothing here is clinical.

| variable | meaning | without it |
|---|---|---|
| OPENKAP_SITE | the site's content folder; its presence means production mode | demonstration mode |
| OPENKAP_DATA | folder of the database, the secret and the checkpoints | `openkap-data` |
| OPENKAP_DATABASE | `sqlite:///path` or `postgresql://user:password@host:port/name` | a file in the data folder |
| OPENKAP_SECRET_KEY | secret behind sessions and checkpoints | made at the first run, kept in the data folder |
| OPENKAP_HOSTS | names this server answers to, with commas | loopback only |
| OPENKAP_BIND, OPENKAP_PORT | where it listens | 127.0.0.1, 8000 |
| OPENKAP_WORKERS | processes that serve pages; each keeps opened charts of its own | one a processor, at most 4 |
| OPENKAP_TLS | `proxy` (in front, sends X-Forwarded-Proto) or `certificate.pem:key.pem` | no TLS |
| OPENKAP_STAFF_MFA | `on` or `off`: must staff have a second factor | on in production, off in demonstration |
| OPENKAP_CHECKPOINTS | folder on another machine for audit checkpoints | none |
| OPENKAP_BACKUP | folder on another machine for backups | none |
| OPENKAP_DEBUG | `on` or `off` | off |
| OPENKAP_TABLET_STORE | `memory` or `encrypted`: where entries wait on a tablet that has no contact | memory |
| OPENKAP_UPDATE | why the database is changed by a new version although sessions run; unset it afterwards | it is not |
| OPENKAP_TZ | time zone of the site | UTC |
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from openkap.kernel.errors import UserError

SECRET_FILE = "secret-key"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Database:
    """Where rows live. For SQLite only `name` counts: the path of the file."""

    engine: Literal["sqlite", "postgresql"]
    name: str
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: str = ""


@dataclass(frozen=True)
class Environment:
    """One deployment, as the table at the top of this module says."""

    site: Path | None
    data: Path
    database: Database
    secret: str | None = field(repr=False)
    hosts: tuple[str, ...]
    bind: str
    port: int
    workers: int
    tls: Literal["off", "proxy", "files"]
    certificate: Path | None
    key: Path | None
    staff_mfa: bool
    checkpoints: Path | None
    backup: Path | None
    debug: bool
    tablet_store: Literal["memory", "encrypted"]
    update: str
    zone: str

    @property
    def production(self) -> bool:
        return self.site is not None

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Environment:
        """
        Read all variables.

        Raises:
            UserError: some are wrong; the text has one sentence for each.
        """
        faults: list[str] = []
        site = _folder(variables, "OPENKAP_SITE", faults)
        data = Path(variables.get("OPENKAP_DATA") or "openkap-data").absolute()
        tls, certificate, key = _tls(variables.get("OPENKAP_TLS", ""), faults)
        made = cls(
            site=site,
            data=data,
            database=_database(variables.get("OPENKAP_DATABASE", ""), data, faults),
            secret=variables.get("OPENKAP_SECRET_KEY") or _kept_secret(data),
            hosts=tuple(h.strip() for h in variables.get("OPENKAP_HOSTS", "").split(",") if h.strip()) or LOOPBACK,
            bind=variables.get("OPENKAP_BIND") or LOOPBACK[0],
            port=_number(variables, "OPENKAP_PORT", 8000, 65535, faults),
            workers=_number(variables, "OPENKAP_WORKERS", min(os.cpu_count() or 1, 4), 64, faults),
            tls=tls,
            certificate=certificate,
            key=key,
            staff_mfa=_switch(variables, "OPENKAP_STAFF_MFA", site is not None, faults),
            checkpoints=_folder(variables, "OPENKAP_CHECKPOINTS", faults),
            backup=_folder(variables, "OPENKAP_BACKUP", faults),
            debug=_switch(variables, "OPENKAP_DEBUG", False, faults),
            tablet_store=_tablet_store(variables.get("OPENKAP_TABLET_STORE", ""), faults),
            update=variables.get("OPENKAP_UPDATE", ""),
            zone=_zone(variables.get("OPENKAP_TZ", ""), faults),
        )
        if faults:
            raise UserError(" ".join(faults))
        return made


def prepare(environment: Environment) -> None:
    """
    Make the data folder and, at the first run, the secret. Only this account can read them.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        environment.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if environment.secret is None:
            handle = os.open(environment.data / SECRET_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(64))
    except OSError as fault:
        raise UserError(
            f"OPENKAP_DATA {str(environment.data)!r} cannot be written ({fault.strerror}): name another folder."
        ) from None


def _kept_secret(data: Path) -> str | None:
    path = data / SECRET_FILE
    return path.read_text(encoding="ascii").strip() if path.is_file() else None


def _folder(variables: Mapping[str, str], name: str, faults: list[str]) -> Path | None:
    text = variables.get(name, "")
    if not text:
        return None
    if not Path(text).is_dir():
        faults.append(f"{name} names {text!r}, which is not a folder: create it or unset it.")
    return Path(text).absolute()


def _switch(variables: Mapping[str, str], name: str, default: bool, faults: list[str]) -> bool:
    text = variables.get(name, "")
    if text not in ("", "on", "off"):
        faults.append(f"{name} is {text!r}: write on or off.")
    return text == "on" if text else default


def _number(variables: Mapping[str, str], name: str, default: int, most: int, faults: list[str]) -> int:
    text = variables.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
        faults.append(f"{name} is {text!r}: write a number from 1 to {most}.")
        return default
    return int(text)


def _zone(text: str, faults: list[str]) -> str:
    try:
        ZoneInfo(text or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        faults.append(f"OPENKAP_TZ {text!r} is not a time zone: write a name such as Europe/Vienna.")
        return "UTC"
    return text or "UTC"


def _tablet_store(text: str, faults: list[str]) -> Literal["memory", "encrypted"]:
    if text not in ("", "memory", "encrypted"):
        faults.append(f"OPENKAP_TABLET_STORE is {text!r}: write memory or encrypted.")
    return "encrypted" if text == "encrypted" else "memory"


def _tls(text: str, faults: list[str]) -> tuple[Literal["off", "proxy", "files"], Path | None, Path | None]:
    if text in ("", "off"):
        return "off", None, None
    if text == "proxy":
        return "proxy", None, None
    certificate, _, key = text.partition(":")
    if not (Path(certificate).is_file() and Path(key).is_file()):
        faults.append("OPENKAP_TLS is neither proxy nor certificate.pem:key.pem with two files that exist: correct it.")
    return "files", Path(certificate), Path(key)


def _database(text: str, data: Path, faults: list[str]) -> Database:
    if not text:
        return Database("sqlite", str(data / "openkap.sqlite3"))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        return Database("sqlite", unquote(parts.path))
    if parts.scheme == "postgresql" and parts.hostname and len(parts.path) > 1:
        return Database(
            "postgresql",
            unquote(parts.path[1:]),
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            unquote(parts.hostname),
            str(port or 5432),
        )
    # The text may hold a password, so it is not repeated.
    faults.append("OPENKAP_DATABASE cannot be read: write sqlite:///path or postgresql://user:password@host:port/name.")
    return Database("sqlite", str(data / "openkap.sqlite3"))
