"""
A change of the site's files and its audit events: both, or neither.

The row of the site is locked before the folder is, as every writer of the audit trail does first; so two people
never wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from django.utils import timezone

from openkap.kernel.errors import Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Action, Event, Origin
from openkap.people.models import Site
from openkap.people.together import after_rollback, hold, together
from openkap.people.types import Principal, Role
from openkap.review import signing
from openkap.review.folder import Held, holding
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
    with _changing(principal) as held:
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
    with _changing(principal) as held:
        signing.withdraw(
            held, row, seen=seen, by=principal.name, role=Role.PRESCRIBER, on=timezone.localdate(), reason=reason
        )
        _record(principal, "D", [row], reason, origin)


def set_limit(
    principal: Principal, row: str, limit: str, value: str, *, seen: str, reason: str, origin: Origin | None = None
) -> None:
    """Set the site's own value of a limit. Raises Forbidden, or as `review.signing.set_limit`."""
    _only(principal, Role.SITE_ADMIN, Role.PRESCRIBER)
    with _changing(principal) as held:
        signing.set_limit(held, row, limit, value, seen=seen, by=principal.name, on=timezone.localdate(), reason=reason)
        _record(principal, "U", [row], f"{limit}: {reason}", origin)


def end_limit(
    principal: Principal, row: str, limit: str, *, seen: str, reason: str, origin: Origin | None = None
) -> None:
    """Let the shipped value hold again. Raises Forbidden, or as `review.signing.end_limit`."""
    _only(principal, Role.SITE_ADMIN, Role.PRESCRIBER)
    with _changing(principal) as held:
        signing.end_limit(held, row, limit, seen=seen, by=principal.name, on=timezone.localdate(), reason=reason)
        _record(principal, "U", [row], f"{limit} as shipped: {reason}", origin)


@contextmanager
def _changing(principal: Principal) -> Iterator[Held]:
    with together():
        Site.objects.select_for_update(no_key=True).get(pk=principal.site_id)
        here = folder()
        if is_practice():
            try:
                here.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as fault:
                raise UserError(f"{here} cannot be made ({fault.strerror}): check the data folder.") from None
        held = hold(holding(here))
        after_rollback(held.restore)
        yield held


def _only(principal: Principal, *roles: Role) -> None:
    if not principal.has(*roles):
        raise Forbidden("Your role does not change content: ask a prescriber or a site admin.")


def _record(principal: Principal, action: Action, rows: list[str], reason: str, origin: Origin | None) -> None:
    kind = "content-practice" if is_practice() else "content"
    events = [Event(kind, action, entity=f"Row/{row}"[:100], reason=reason[:500]) for row in rows]
    audit.record(principal.site_id, events, principal=principal, origin=origin)
