"""The line that stands on every page of whoever has an alert in hand: `{% load alerts %}{% alert_line %}`."""

from __future__ import annotations

from typing import Any

from django import template

from openkap.web.in_hand import alerts_in_hand

register = template.Library()


@register.inclusion_tag("forms/line.html", takes_context=True)
def alert_line(context: dict[str, Any]) -> dict[str, Any]:
    """How many alerts are in this person's hands; nothing of whom they are about."""
    principal = context.get("principal")
    if principal is None or not principal.is_staff:
        return {}
    return {"count": len(alerts_in_hand(context["request"]))}
