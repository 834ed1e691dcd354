"""
Answers that follow from rows and cost much to compute: kept in this process, and gone with it.

The key of an answer holds the version of every row it follows from, so that an old one is never asked for again.
Inside of a transaction nothing is kept and nothing is taken: rows may be written whose version is not raised yet, and
what is undone would leave answers under versions that come again with other rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from django.db import connection

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """
    The answers that were asked for last.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int):
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K, compute: Callable[[], V], holds: Callable[[], bool] = lambda: True) -> V:
        """
        The answer under a key.

        Args:
            compute: makes the answer from rows as they are now.
            holds: after that, whether the key is still that of the rows; if not, the answer is not kept. Needless
                where whoever has an old key may be given newer rows.
        """
        if connection.in_atomic_block:
            return compute()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = compute()
        if holds():
            with self._lock:
                self._kept[key] = made
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return made
