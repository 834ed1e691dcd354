"""A file and the database change together or not at all."""

import pytest
from django.db import transaction

from openkap.people.models import Site
from openkap.people.together import after_rollback, hold, together


@pytest.fixture
def undone() -> list[str]:
    return []


def test_what_commits_is_not_undone(db: None, undone: list[str]):
    with together():
        after_rollback(lambda: undone.append("file"))
        Site.objects.create(name="A")
    assert undone == [] and Site.objects.count() == 1


def test_a_fault_undoes_in_the_reverse_order(db: None, undone: list[str]):
    def change() -> None:
        with together():
            after_rollback(lambda: undone.append("first"))
            after_rollback(lambda: undone.append("second"))
            Site.objects.create(name="A")
            raise RuntimeError("given up")

    with pytest.raises(RuntimeError, match="given up"):
        change()
    assert undone == ["second", "first"] and not Site.objects.exists()


def test_a_transaction_given_up_without_a_fault_undoes_too(db: None, undone: list[str]):
    with together():
        after_rollback(lambda: undone.append("file"))
        Site.objects.create(name="A")
        transaction.set_rollback(True)
    assert undone == ["file"] and not Site.objects.exists()


def test_what_an_inner_block_did_is_undone_when_the_outer_one_fails_later(db: None, undone: list[str]):
    def change() -> None:
        with together():
            with together():
                after_rollback(lambda: undone.append("file"))
            assert undone == []
            raise RuntimeError("given up")

    with pytest.raises(RuntimeError, match="given up"):
        change()
    assert undone == ["file"]


@pytest.mark.django_db(transaction=True)
def test_a_commit_that_fails_undoes_while_the_lock_is_still_held(undone: list[str], monkeypatch: pytest.MonkeyPatch):
    from contextlib import contextmanager

    from django.db import DatabaseError, connection

    @contextmanager
    def lock():
        try:
            yield
        finally:
            undone.append("released")

    def fail() -> None:
        raise DatabaseError("disk full")

    def change() -> None:
        with together():
            hold(lock())
            after_rollback(lambda: undone.append("file"))
            Site.objects.create(name="A")
            monkeypatch.setattr(connection, "commit", fail)

    with pytest.raises(DatabaseError):
        change()
    assert undone == ["file", "released"]
