"""
Texts sealed for one person: AES-256-GCM, with a key that is not in the database.

The key is derived (HKDF-SHA-256) from the secret of the deployment and the author; whose record and which note it
is are bound to the text, so that a row moved to another patient or author does not open.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12  # bytes, new for each text


def seal(text: str, secret: str, *, author: UUID, patient: UUID, note: UUID) -> bytes:
    """The sealed text."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_key(secret, author)).encrypt(nonce, text.encode(), patient.bytes + note.bytes)


def unseal(sealed: bytes, secrets: Iterable[str], *, author: UUID, patient: UUID, note: UUID) -> str | None:
    """
    The text.

    Args:
        secrets: the one in use, then former ones.

    Returns:
        None if no secret opens it, or it belongs to another author, patient or note.
    """
    for secret in secrets:
        try:
            opened = AESGCM(_key(secret, author)).decrypt(sealed[:_NONCE], sealed[_NONCE:], patient.bytes + note.bytes)
        except InvalidTag:
            continue
        return opened.decode()
    return None


def _key(secret: str, author: UUID) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"openkap.private-note:" + author.bytes).derive(secret.encode())
