"""
Every template has these without loading them (settings: `builtins`).

`date` is Django's own, and names the zone where the clocks show the time twice that night; `capfirst` leaves eGFR
alone.
"""

from __future__ import annotations

from datetime import date as day
from datetime import datetime
from typing import Any

from django import template
from django.template.defaultfilters import capfirst as plain_capfirst
from django.template.defaultfilters import date as plain_date
from django.utils import timezone

register = template.Library()


@register.filter(expects_localtime=True, is_safe=False)
def date(value: day | datetime | str | None, how: str | None = None) -> Any:
    """A day or an instant in the zone of the page; `D j M Y, H:i` becomes `Sun 31 Oct 2027, 02:30 CEST`."""
    if isinstance(value, datetime) and how and how.endswith(("H:i", "H:i:s")) and _is_shown_twice(value):
        return f"{plain_date(value, how)} {value.tzname()}"  # Django's own T says nothing just then
    return plain_date(value, how)


@register.filter(is_safe=True)
def capfirst(value: Any) -> str:
    """Django's own, but a name such as eGFR stays as it is."""
    text = str(value)
    return text if text[1:2].isupper() else plain_capfirst(text)


def _is_shown_twice(local: datetime) -> bool:
    if timezone.is_naive(local):
        return False
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
