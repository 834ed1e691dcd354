"""Text as it may be shown: no character in it may turn the reading direction of what stands around it."""

from __future__ import annotations

# Embeddings, overrides and isolates (Unicode Bidirectional Algorithm, UAX 9). Marks that belong to a name, such as
# U+200F before an Arabic one, stay.
_DIRECTION = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def without_direction_marks(text: str) -> str:
    """
    The text without the controls that turn its direction round; every letter stays, in the order it was written.

    >>> without_direction_marks("Ida \\u202eKonijn\\u202c")
    'Ida Konijn'
    """
    return text.translate(_DIRECTION)
