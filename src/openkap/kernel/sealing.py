"""
Texts sealed with a key that is not in the database: AES-256-GCM, the key derived (HKDF-SHA-256) from the secret of the
deployment and what it is for. Whose text it is, is bound to it: a row that was moved to somebody else does not open.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12  # bytes, new for each text


def seal(text: str, secret: str, *, use: bytes, bound: bytes) -> bytes:
    """
    The sealed text.

    Args:
        use: what the key is for. bound: whose text it is, and which.
    """
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_key(secret, use)).encrypt(nonce, text.encode(), bound)


def unseal(sealed: bytes, secrets: Iterable[str], *, use: bytes, bound: bytes) -> str | None:
    """
    The text; None if no secret opens it, or it belongs to something else.

    Args:
        secrets: the one in use, then former ones.
    """
    for secret in secrets:
        try:
            opened = AESGCM(_key(secret, use)).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
        except InvalidTag:
            continue
        return opened.decode()
    return None


def _key(secret: str, use: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=use).derive(secret.encode())
