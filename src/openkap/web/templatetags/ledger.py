"""Words of the drug ledger: `{% load ledger %}`."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from openkap.dose.ledger import milligrams
from openkap.dose.models_ledger import Lot
from openkap.dose.selectors_ledger import seal_shown
from openkap.kernel.quantity import number, round_half_up
from openkap.web.dose.ledger import words

register = template.Library()


@register.filter
def mg(ug: int) -> str:
    """Micrograms as milligrams with the unit."""
    return f"{milligrams(ug)}\N{NO-BREAK SPACE}mg"


@register.filter
def ml(ug: int, lot: Lot) -> str:
    """The volume of so much of a lot, to a hundredth of a millilitre; nothing where it has no strength."""
    if not lot.ug_per_ml:
        return ""
    return f"{number(round_half_up(Decimal(ug) / lot.ug_per_ml, 2))}\N{NO-BREAK SPACE}mL"


@register.filter
def product(lot: Lot) -> words.Words:
    """What a lot is."""
    return words.product(lot)


@register.filter
def kind_words(kind: str) -> words.Words:
    """What a posting, or what waits, is."""
    return words.KINDS[kind]


@register.filter
def moment_words(moment: str) -> words.Words:
    """Open or close of business."""
    return words.MOMENTS[moment]


@register.simple_tag
def place(of: str, id_: str) -> words.Words:
    """An account."""
    return words.place(of, id_)


@register.filter
def many(lot: Lot, count: int) -> str:
    """So many containers of a lot."""
    return f"{number(count)}\N{NO-BREAK SPACE}{(words.FORMS if count == 1 else words.MANY)[lot.form]}"


@register.filter
def seal(text: str) -> str:
    """So much of a seal as people copy."""
    return seal_shown(text)


@register.filter
def gap(ug: int) -> words.Words:
    """A gap between count and books."""
    text = _("{mg} missing") if ug < 0 else _("{mg} too much")
    return format_lazy(text, mg=mg(abs(ug)))


@register.filter
def end_words(how: str) -> words.Words:
    """How something that waited ended."""
    return words.ENDS[how]


@register.filter
def lock_words(lock: str) -> words.Words:
    """Why a lot is not used."""
    return words.LOCKS[lock]
