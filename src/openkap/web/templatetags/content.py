"""Words of the content pages: `{% load content %}`."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

from openkap.kernel.quantity import unit_words
from openkap.web.content.forms import MARKS
from openkap.web.parts import Words

register = template.Library()
_WORDS = dict(MARKS)


@register.filter
def mark_words(mark: str) -> Words:
    """A mark of a row in words."""
    return _WORDS[mark]


@register.filter
def in_words(unit: str) -> str:
    """A unit as people write it; nothing for a bare number."""
    return "" if unit in ("", "1") else unit_words(unit)


@register.filter
def lookup_count(counted: Mapping[str, int], key: str) -> int:
    """How often something was counted; nothing counted is zero."""
    return counted.get(key, 0)
