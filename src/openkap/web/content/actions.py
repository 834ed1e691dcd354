"""
A change of the site's files and its audit events: both, or neither.

The row of the site is locked before the folder is, as every writer of the audit trail does first; so two people
never wait for each other. A change has the id of its request, in the folder and in the trail, so that one that a killed
process left half done is found and taken back: at the next start, and before the next change.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from uuid import UUID

from django.utils import timezone

from openkap.kernel.errors import Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Action, Event, Origin
from openkap.people.models import AuditEvent, Site
from openkap.people.together import after_rollback, hold, together
from openkap.people.types import Principal, Role
from openkap.review import signing
from openkap.review.folder import Held, holding, unfinished
from openkap.review.folder import settle as settle_folder
from openkap.web.content.lines import folder, is_practice


def sign(
    principal: Principal,
    rows: Mapping[str, str],
    *,
    review_by: date | None,
    meaning: str,
    origin: Origin | None = None,
) -> list[str]:
    """
    Sign rows as the person saw them.

    Args:
        rows: fingerprint by row id.

    Raises:
        Forbidden: by someone who is no prescriber. Otherwise as `review.signing.sign_rows`.
    """
    _only(principal, Role.PRESCRIBER)
    origin = _named(origin)
    with _changing(principal, origin) as held:
        signed = signing.sign_rows(
            held,
            rows,
            by=principal.name,
            role=Role.PRESCRIBER,
            on=timezone.localdate(),
            review_by=review_by,
            meaning=meaning,
        )
        _record(principal, "C", [one.row for one in signed], meaning, origin)
    return [one.row for one in signed]


def withdraw(principal: Principal, row: str, *, seen: str, reason: str, origin: Origin | None = None) -> None:
    """Take back a signature. Raises Forbidden, or as `review.signing.withdraw`."""
    _only(principal, Role.PRESCRIBER)
    origin = _named(origin)
    with _changing(principal, origin) as held:
        signing.withdraw(
            held, row, seen=seen, by=principal.name, role=Role.PRESCRIBER, on=timezone.localdate(), reason=reason
        )
        _record(principal, "D", [row], reason, origin)


def set_limit(
    principal: Principal, row: str, limit: str, value: str, *, seen: str, reason: str, origin: Origin | None = None
) -> None:
    """Set the site's own value of a limit. Raises Forbidden, or as `review.signing.set_limit`."""
    _only(principal, Role.SITE_ADMIN, Role.PRESCRIBER)
    origin = _named(origin)
    with _changing(principal, origin) as held:
        signing.set_limit(held, row, limit, value, seen=seen, by=principal.name, on=timezone.localdate(), reason=reason)
        _record(principal, "U", [row], f"{limit}: {reason}", origin)


def end_limit(
    principal: Principal, row: str, limit: str, *, seen: str, reason: str, origin: Origin | None = None
) -> None:
    """Let the shipped value hold again. Raises Forbidden, or as `review.signing.end_limit`."""
    _only(principal, Role.SITE_ADMIN, Role.PRESCRIBER)
    origin = _named(origin)
    with _changing(principal, origin) as held:
        signing.end_limit(held, row, limit, seen=seen, by=principal.name, on=timezone.localdate(), reason=reason)
        _record(principal, "U", [row], f"{limit} as shipped: {reason}", origin)


def settle(site_id: UUID) -> None:
    """Take back a change that was cut off before the trail held it, and record that."""
    here = folder()
    if not unfinished(here):
        return
    with together():
        Site.objects.select_for_update(no_key=True).get(pk=site_id)
        held = hold(holding(here, "settling"))
        told = AuditEvent.objects.filter(type=_kind())
        taken_back = settle_folder(held, lambda change: told.filter(request_id=change).exists())
        if taken_back:
            reason = "cut off before it was recorded; taken back"
            event = Event(_kind(), "D", "failure", entity=f"Change/{taken_back}", reason=reason)
            audit.record(site_id, [event])


def _named(origin: Origin | None) -> Origin:
    """The origin with an id, by which the folder and the trail name a change."""
    origin = origin or Origin()
    return origin if origin.request_id else replace(origin, request_id=secrets.token_hex(8))


@contextmanager
def _changing(principal: Principal, origin: Origin) -> Iterator[Held]:
    settle(principal.site_id)
    with together():
        Site.objects.select_for_update(no_key=True).get(pk=principal.site_id)
        here = folder()
        if is_practice():
            try:
                here.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as fault:
                raise UserError(f"{here} cannot be made ({fault.strerror}): check the data folder.") from None
        held = hold(holding(here, origin.request_id))
        after_rollback(held.restore)
        yield held


def _only(principal: Principal, *roles: Role) -> None:
    if not principal.has(*roles):
        raise Forbidden("Your role does not change content: ask a prescriber or a site admin.")


def _record(principal: Principal, action: Action, rows: list[str], reason: str, origin: Origin) -> None:
    events = [Event(_kind(), action, entity=f"Row/{row}"[:100], reason=reason[:500]) for row in rows]
    audit.record(principal.site_id, events, principal=principal, origin=origin)


def _kind() -> str:
    return "content-practice" if is_practice() else "content"
