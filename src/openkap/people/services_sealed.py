"""
The sealed envelope: how the emergency sheets are reached when nobody can sign in (HAZ-47).

A site admin makes a word, which is shown once and goes into an envelope. Whoever opens it types the word, their name
and why; for some hours that browser reads the emergency sheets of the sessions in the house and charts emergency
events under the typed name, and nothing else. A word opens once; then another is made. It needs this server alone: no
account, no passkey, no network.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from openkap.kernel.content import Header, load
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit, services
from openkap.people.audit import Event, Origin
from openkap.people.models import AuditEvent, Site, User
from openkap.people.models_sealed import SealedKey
from openkap.people.types import Principal, Role

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is mistaken for something else
GROUPS, LONG = 5, 4  # 100 bits
SHORTEST_REASON = 10
_WRONG = "This is not the word of an unopened envelope: look at it again."


class _Opened(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hours: int


class _Tries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    most: int
    within_min: int


class SealedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`content/sealed.toml`."""

    content: Header
    opened: _Opened
    tries: _Tries


@cache
def policy() -> SealedFile:
    """Times and tries as shipped."""
    return load("people", "sealed.toml", SealedFile)


@dataclass(frozen=True)
class State:
    """
    What stands at a site.

    Args:
        sealed: the envelope that is shut; None: there is none. opened: those that were opened, newest first.
    """

    sealed: SealedKey | None
    opened: tuple[SealedKey, ...]

    @property
    def to_review(self) -> tuple[SealedKey, ...]:
        return tuple(row for row in self.opened if row.reviewed_at is None)


def state_of(site_id: UUID) -> State:
    """The envelopes of a site."""
    rows = SealedKey.objects.filter(site=site_id).select_related("made_by", "reviewed_by")
    shut = rows.filter(opened_at=None, void_at=None).first()
    return State(shut, tuple(rows.exclude(opened_at=None).order_by("-opened_at")[:50]))


@transaction.atomic
def make_seal(
    principal: Principal | None, site: Site | UUID, place: str, *, origin: Origin | None = None
) -> tuple[SealedKey, str]:
    """
    A new word; the one before, if nobody has used it, opens nothing any more.

    Args:
        principal: None is the command, whose user holds the server.

    Returns:
        The row, and the word, which is kept nowhere.

    Raises:
        Forbidden: by somebody who is no site admin there. UserError: no place.
    """
    site_id = site if isinstance(site, UUID) else site.pk
    if principal is not None and (principal.site_id != site_id or not principal.has(Role.SITE_ADMIN)):
        raise Forbidden("Only a site admin seals an envelope: ask one.")
    if not place.strip():
        raise UserError("Where it lies is empty: say where the envelope is found in an emergency.")
    Site.objects.select_for_update(no_key=True).get(pk=site_id)
    now = timezone.now()
    SealedKey.objects.filter(site=site_id, opened_at=None, void_at=None).update(void_at=now)
    word = "-".join("".join(secrets.choice(ALPHABET) for _ in range(LONG)) for _ in range(GROUPS))
    row = SealedKey.objects.create(
        site_id=site_id,
        account=_account(site_id),
        secret=make_password(_plain(word)),
        place=place.strip()[:80],
        made_at=now,
        made_by_id=principal.user_id if principal else None,
    )
    _audit(row, "C", "sealed", principal=principal, origin=origin)
    return row, word


def open_seal(word: str, name: str, reason: str, *, origin: Origin) -> tuple[SealedKey, str]:
    """
    Open the envelope. What failed is recorded too.

    Returns:
        The row, and the token for the browser that opened it.

    Raises:
        UserError: the word is wrong or used, or name or reason are missing; then the word stays good.
        Forbidden: too many wrong words came from this address.
    """
    if not name.strip():
        raise UserError("Your name is empty: write first and family name; it stands under what you do.")
    if len(reason.strip()) < SHORTEST_REASON:
        raise UserError("The reason is too short: say in a sentence what the emergency is.")
    tries = policy().tries
    since = timezone.now() - timedelta(minutes=tries.within_min)
    sites = list(Site.objects.order_by("pk").values_list("pk", flat=True))
    wrong = AuditEvent.objects.filter(
        site__in=sites[:1], type="sealed-key", outcome="denied", client=origin.client[:64], at__gt=since
    )  # each stands in the trail of every site
    if wrong.count() >= tries.most:
        raise Forbidden(
            f"Too many wrong words came from here: wait {tries.within_min} minutes, or use the paper sheets."
        )
    with transaction.atomic():
        found = _opened(word, name.strip()[:80], reason.strip()[:300], origin)
        if found is None:
            for site in sites:
                audit.record(site, [Event("sealed-key", "E", "denied", reason="wrong word")], origin=origin)
    if found is None:
        raise UserError(_WRONG)
    return found


def _opened(word: str, name: str, reason: str, origin: Origin) -> tuple[SealedKey, str] | None:
    shut = SealedKey.objects.filter(opened_at=None, void_at=None).order_by("pk")
    row = next((one for one in shut if check_password(_plain(word), one.secret)), None)
    if row is None:
        return None
    held = SealedKey.objects.select_for_update(no_key=True).get(pk=row.pk)
    if held.opened_at is not None or held.void_at is not None:
        return None
    token = secrets.token_urlsafe(32)
    held.opened_at, held.opened_by, held.reason = timezone.now(), name, reason
    held.until = held.opened_at + timedelta(hours=policy().opened.hours)
    held.digest = _digest(token)
    held.save(update_fields=["opened_at", "opened_by", "reason", "until", "digest"])
    _audit(held, "E", f"opened by {name}: {reason}", origin=origin)
    return held, token


def seal_of(token: str, now: datetime | None = None) -> SealedKey | None:
    """The envelope whose token this is, while it opens anything."""
    if not token:
        return None
    found = SealedKey.objects.filter(digest=_digest(token), until__gt=now or timezone.now())
    return found.select_related("site", "account").first()


def principal_by_seal(row: SealedKey) -> Principal:
    """Whoever opened it, for audit trail and entries: without any role."""
    return Principal(row.account_id, row.site_id, frozenset(), f"{row.opened_by} (sealed envelope)", row.site.zone)


@transaction.atomic
def end_seal(row: SealedKey, *, origin: Origin | None = None) -> None:
    """It opens nothing from now on."""
    now = timezone.now()
    SealedKey.objects.filter(pk=row.pk, until__gt=now).update(until=now)
    _audit(row, "U", f"ended by {row.opened_by}", origin=origin)


@transaction.atomic
def review_seal(principal: Principal, row_id: UUID, note: str, *, origin: Origin | None = None) -> None:
    """
    A privacy lead says what came of an opening.

    Raises:
        Forbidden: by somebody else. UserError: no note. Conflict: there is nothing to review.
    """
    if not principal.has(Role.PRIVACY_LEAD):
        raise Forbidden("Only a privacy lead of the site reviews an opening: ask one.")
    if not note.strip():
        raise UserError("The note is empty: say what you found.")
    row = SealedKey.objects.select_for_update(no_key=True).filter(pk=row_id, site=principal.site_id).first()
    if row is None or row.opened_at is None or row.reviewed_at is not None:
        raise Conflict("Someone else reviewed this meanwhile: look at what was found.")
    row.reviewed_at, row.reviewed_by_id, row.note = timezone.now(), principal.user_id, note.strip()[:500]
    row.save(update_fields=["reviewed_at", "reviewed_by", "note"])
    _audit(row, "U", "reviewed", principal=principal, origin=origin)


def _account(site_id: UUID) -> User:
    """Stands for whoever opens an envelope of the site: closed, without a password, without a role."""
    email = f"envelope-{site_id.hex}@sealed.invalid"
    found = User.objects.filter(email=email).first()
    if found is None:
        found = services.create_user(None, site_id, email=email, name="Sealed envelope")
        User.objects.filter(pk=found.pk).update(is_active=False)
    return found


def _plain(word: str) -> str:
    """As it is compared: hand-copied words differ in case, spaces and dashes."""
    return "".join(c for c in word.upper() if c.isalnum())[:64]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _audit(row: SealedKey, action: audit.Action, reason: str, **more: Any) -> None:
    principal = more.pop("principal", None)
    user_id = None if principal or action == "C" else row.account_id
    event = Event("sealed-key", action, entity=f"SealedKey/{row.pk}", reason=reason[:500])
    audit.record(row.site_id, [event], principal=principal, user_id=user_id, **more)
