"""The content files of the plan room: a header and tables of the rows in `types.py`."""

from __future__ import annotations

import msgspec

from openkap.kernel.content import Header
from openkap.plan.types import (
    AdverseEvent,
    Alert,
    Attribute,
    Calendar,
    Claim,
    DoseLimit,
    Modality,
    Moment,
    Option,
    Pathway,
    Regimen,
    RouteFact,
    SessionRow,
    StartLow,
    Statement,
    Trial,
    Watch,
)


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A content file of this room."""

    content: Header


class StatementsFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sentences of one subject."""

    statement: tuple[Statement, ...]


class OptionsFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`options.toml`."""

    option: tuple[Option, ...]


class TrialsFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`trials.toml`."""

    trial: tuple[Trial, ...]


class RoutesFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`routes.toml`."""

    route: tuple[RouteFact, ...]


class DoseLimitsFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`dose-limits.toml`."""

    limit: tuple[DoseLimit, ...]
    start_low: tuple[StartLow, ...]
    statement: tuple[Statement, ...]


class RegimensFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`regimens.toml`."""

    regimen: tuple[Regimen, ...]
    attribute: tuple[Attribute, ...]


class ModalitiesFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`modalities.toml`."""

    modality: tuple[Modality, ...]
    statement: tuple[Statement, ...]


class CalendarsFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`calendars.toml`."""

    calendar: tuple[Calendar, ...]
    session: tuple[SessionRow, ...]
    pathway: tuple[Pathway, ...]
    moment: tuple[Moment, ...]


class MonitoringFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`monitoring.toml`."""

    watch: tuple[Watch, ...]
    alert: tuple[Alert, ...]
    statement: tuple[Statement, ...]


class AdverseEventsFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`adverse-events.toml`."""

    event: tuple[AdverseEvent, ...]


class ClaimsFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`claims.toml`."""

    claim: tuple[Claim, ...]
