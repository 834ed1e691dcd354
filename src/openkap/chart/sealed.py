"""Notes sealed for one person (kernel/sealing.py): the key is their author's, and patient and note are bound to it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from openkap.kernel import sealing


def seal(text: str, secret: str, *, author: UUID, patient: UUID, note: UUID) -> bytes:
    """The sealed text."""
    return sealing.seal(text, secret, use=_use(author), bound=patient.bytes + note.bytes)


def unseal(sealed: bytes, secrets: Iterable[str], *, author: UUID, patient: UUID, note: UUID) -> str | None:
    """
    The text.

    Args:
        secrets: the one in use, then former ones.

    Returns:
        None if no secret opens it, or it belongs to another author, patient or note.
    """
    return sealing.unseal(sealed, secrets, use=_use(author), bound=patient.bytes + note.bytes)


def _use(author: UUID) -> bytes:
    return b"openkap.private-note:" + author.bytes
