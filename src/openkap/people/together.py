"""
A change of the database together with a change outside of it, such as a file: both, or neither.

    with together():                       the outermost block owns the transaction
        after_rollback(held.restore)       run if the transaction does not commit, whoever ends it
        hold(holding(folder))              released when the transaction is over, and not before

A crash between the two leaves the file changed and the database not: who changes a file marks it as unfinished, and
takes back at the next start what the database does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from typing import TypeVar

from django.db import transaction

T = TypeVar("T")
_open: ContextVar[tuple[ExitStack, list[Callable[[], None]]] | None] = ContextVar("together", default=None)


@contextmanager
def together() -> Iterator[None]:
    """A transaction; an inner block joins the outer one."""
    if _open.get() is not None:
        with transaction.atomic():
            yield
        return
    with ExitStack() as kept:
        undo: list[Callable[[], None]] = []
        token = _open.set((kept, undo))
        done = False
        try:
            with transaction.atomic():
                yield
                given_up = transaction.get_rollback()
            done = not given_up
        finally:
            _open.reset(token)
            if not done:
                for step in reversed(undo):
                    step()


def after_rollback(step: Callable[[], None]) -> None:
    """What undoes a change outside of the database, if the transaction does not commit."""
    current = _open.get()
    assert current is not None, "outside of together()"
    current[1].append(step)


def hold(manager: AbstractContextManager[T]) -> T:
    """Enter a context that is left when the transaction is over."""
    current = _open.get()
    assert current is not None, "outside of together()"
    return current[0].enter_context(manager)
