"""Tags that every form of the clinic uses: `{% load clinic %}`, then `{% idempotency_key %}` in the form."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from openkap.people.once import FIELD, new_key

register = template.Library()


@register.simple_tag
def idempotency_key() -> SafeString:
    """A hidden field whose random value lets the form take effect once."""
    return format_html('<input type="hidden" name="{}" value="{}">', FIELD, new_key())
