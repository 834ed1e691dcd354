"""What the patient told in lists, one line an entry."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from openkap.assess.inventories import Field, attribute, inventory_rules


def entries_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Lists that were answered: title, what the list is for, and a line for each entry in the order of the room."""
    rows = []
    for row in inventory_rules().inventory:
        lines = [_line([(f, entry.get(attribute(row, f))) for f in row.field]) for entry in document.get(row.id, [])]
        if lines:
            rows.append({"title": row.title, "use": row.use, "lines": lines})
    return rows


def _line(answers: list[tuple[Field, Any]]) -> tuple[str, list[tuple[str, str]]]:
    """The entry's name, and (question, answer) of what else was said."""
    name, said = "", []
    for field, value in answers:
        if value is None:
            continue
        words = field.options.get(str(value), str(value))
        if isinstance(value, bool):
            words = _("yes") if value else _("no")
        if field.needed and not name:
            name = words
        else:
            said.append((field.text, words))
    return name, said
