"""
A site's own limits in the place of the shipped ones.

Tightening is free, loosening goes as far as the content allows. An override that may not be is refused
wherever rules are used, not only where content is checked, so that no door works with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec

from openkap.kernel.clock import Span
from openkap.kernel.errors import ContentFault
from openkap.kernel.site import Override, Site, may_override
from openkap.screen.types import NamedLimit, Rule

_ANY_DAY = date(2026, 1, 1)  # spans of days and months are compared as they would run from one day


def overridden(rules: Mapping[str, Rule], site: Site) -> list[Rule]:
    """
    The rulebook with the site's own limits in place.

    Raises:
        ContentFault: an override of a row or limit that does not exist, of another kind, or too loose.
    """
    for name in site.overrides:
        if name not in rules:
            raise ContentFault(f"overrides.toml: {name} is no screening rule; correct the row, or remove the override.")
    return [
        _with_overrides(rule, site.overrides[rule.id]) if rule.id in site.overrides else rule for rule in rules.values()
    ]


def _with_overrides(rule: Rule, changes: Mapping[str, Override]) -> Rule:
    limits = dict(rule.limits)
    for change in changes.values():
        limits[change.limit] = _changed(rule, change)
    return msgspec.structs.replace(rule, limits=limits)


def _changed(rule: Rule, change: Override) -> NamedLimit:
    where = f"overrides.toml: {rule.id} {change.limit}"
    limit = rule.limits.get(change.limit)
    if limit is None:
        known = ", ".join(rule.limits) or "it has none"
        raise ContentFault(f"{where}: no limit of that name; use one of: {known}.")
    if isinstance(change.value, str) is not isinstance(limit.value, str):
        raise ContentFault(f"{where}: {change.value!r} is not of the kind of {limit.value!r}; give one like it.")
    loosest = None if limit.loosest is None else _size(limit.loosest)
    if not may_override(_size(limit.value), _size(change.value), limit.tighter, loosest):
        far = f"no looser than {limit.loosest}" if limit.loosest is not None else "only stricter values"
        raise ContentFault(f"{where}: {change.value} is looser than allowed ({far}); choose a {limit.tighter} value.")
    return msgspec.structs.replace(limit, value=change.value)


def _size(value: Decimal | str) -> Decimal:
    if isinstance(value, str):
        return Decimal((_ANY_DAY - Span.parse(value).before(_ANY_DAY)).days)
    return value
