"""Walls that show the board: made by a nurse or a site admin, for some hours, and taken back by one."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from openkap.dose.models_wall import WallScreen
from openkap.kernel.errors import Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.types import Principal, Role

MAKERS = (Role.NURSE, Role.SITE_ADMIN)
LONGEST_H = 16


@transaction.atomic
def make_wall(principal: Principal, name: str, hours: int, *, origin: Origin | None = None) -> tuple[WallScreen, str]:
    """
    Let the browser that gets the token show the board, initials only.

    Returns:
        The screen, and its token, which is kept nowhere else.

    Raises:
        Forbidden: by somebody who is neither nurse nor site admin. UserError: no name, or too many hours.
    """
    if not principal.has(*MAKERS):
        raise Forbidden("Only a nurse or a site admin puts the board on a wall: ask one.")
    if not name.strip():
        raise UserError("Where it hangs is empty: say which wall this is.")
    if not 1 <= hours <= LONGEST_H:
        raise UserError(f"Hours is {hours}: write a number from 1 to {LONGEST_H}.")
    token, now = secrets.token_urlsafe(32), timezone.now()
    row = WallScreen.objects.create(
        site_id=principal.site_id,
        name=name.strip(),
        digest=_digest(token),
        made_by_id=principal.user_id,
        made_at=now,
        until=now + timedelta(hours=hours),
    )
    _audit(principal, "C", row, origin)
    return row, token


@transaction.atomic
def end_wall(principal: Principal, wall_id: UUID, *, origin: Origin | None = None) -> None:
    """
    Take a screen back; it goes dark within seconds.

    Raises:
        Forbidden: by somebody who is neither nurse nor site admin. UserError: it is over already, or another site's.
    """
    if not principal.has(*MAKERS):
        raise Forbidden("Only a nurse or a site admin takes a wall screen back: ask one.")
    row = open_walls(principal.site_id).filter(pk=wall_id).first()
    if row is None:
        raise UserError("This wall screen is over already: nothing was changed.")
    row.ended_at, row.ended_by_id = timezone.now(), principal.user_id
    row.save(update_fields=["ended_at", "ended_by"])
    _audit(principal, "D", row, origin)


def open_walls(site_id: UUID) -> QuerySet[WallScreen]:
    """The screens of a site that show the board now."""
    found = WallScreen.objects.filter(site=site_id, ended_at=None, until__gt=timezone.now())
    return found.select_related("made_by").order_by("made_at")


def wall_of(token: str) -> WallScreen | None:
    """The screen that holds this token, if it may show the board still."""
    if not token:
        return None
    found = WallScreen.objects.filter(digest=_digest(token), ended_at=None, until__gt=timezone.now())
    return found.select_related("site").first()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _audit(principal: Principal, action: audit.Action, row: WallScreen, origin: Origin | None) -> None:
    event = Event("setting", action, entity=f"WallScreen/{row.pk}", reason=row.name)
    audit.record(principal.site_id, [event], principal=principal, origin=origin)
