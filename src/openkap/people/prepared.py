"""
A query that the query builder writes once and the database answers often.

Building a query of a page's frame costs the query builder ten times what it costs the database to answer it. The
text stays the builder's own, so that what may be seen is written in one place (selectors.py).

    in_care = Prepared(lambda user, patient: CareTeam.objects.filter(user=user, patient=patient), user=..., patient=...)
    in_care.rows(user=principal.user_id, patient=patient.pk)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import DateTimeField, Field, Model, QuerySet, UUIDField

M = TypeVar("M", bound=Model)


class Prepared(Generic[M]):
    """
    Args:
        make: gives the query for values of these names; its text must not depend on the values.
        fields: of the kind that each value has: a UUIDField, a DateTimeField or a field of text.
    """

    def __init__(self, make: Callable[..., QuerySet[M]], **fields: Field[Any, Any]):
        self._make, self._fields = make, fields
        self._written: tuple[type[M], str, list[Any]] | None = None

    def rows(self, **values: Any) -> list[M]:
        """The rows for these values, one for each name."""
        if self._written is None:
            self._written = self._write()
        model, text, parameters = self._written
        if not text:
            return []
        asked = {name: self._as_asked(name, value) for name, value in values.items()}
        filled = [asked[p.name] if isinstance(p, _Place) else p for p in parameters]
        return list(model._default_manager.raw(text, filled))

    def first(self, **values: Any) -> M | None:
        """The first of them; None if there is none."""
        return next(iter(self.rows(**values)), None)

    def _write(self) -> tuple[type[M], str, list[Any]]:
        """The text, written twice with other values: what differs between the two must be one of ours."""
        model, text, one = self._with_stand_ins(0)
        _model, again, other = self._with_stand_ins(1)
        if text != again or len(one) != len(other):
            raise ValueError("The text of the query depends on its values.")
        parameters = []
        for this, that in zip(one, other, strict=True):
            if isinstance(this, _Place) != isinstance(that, _Place) or this != that:
                raise ValueError(f"The query holds {this!r}, which is none of {sorted(self._fields)} and changes.")
            parameters.append(this)
        return model, text, parameters

    def _with_stand_ins(self, turn: int) -> tuple[type[M], str, list[Any]]:
        values = {name: _stand_in(field, 2 * n + turn) for n, (name, field) in enumerate(self._fields.items())}
        query = self._make(**values)
        try:
            text, parameters = query.query.sql_with_params()
        except EmptyResultSet:
            return query.model, "", []
        names = {self._as_asked(name, value): name for name, value in values.items()}
        return query.model, text, [_Place(names[p]) if p in names else p for p in parameters]

    def _as_asked(self, name: str, value: Any) -> Any:
        return self._fields[name].get_db_prep_value(value, connection, prepared=False)


@dataclass(frozen=True)
class _Place:
    """Where a value goes."""

    name: str


def _stand_in(field: Field[Any, Any], place: int) -> Any:
    """A value that no query of ours holds by itself."""
    if isinstance(field, UUIDField):
        return UUID(int=2**127 + place)
    if isinstance(field, DateTimeField):
        return datetime(1901, 1, 1 + place, 3, 4, 5, 6, tzinfo=UTC)
    return f"\x01{place}"
