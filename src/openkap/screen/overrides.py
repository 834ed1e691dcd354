"""
A site's own limits in the place of the shipped ones.

Tightening is free, loosening goes as far as the content allows. An override that may not be is refused
wherever rules are used, not only where content is checked, so that no door works with it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from openkap.kernel.site import Override, Site, no_such_limit, set_by
from openkap.screen.types import Rule


def overridden(rules: Mapping[str, Rule], site: Site) -> list[Rule]:
    """
    The rulebook with the site's own limits in place.

    Overrides of rows that are no screening rule are left to the rooms that own them.

    Raises:
        ContentFault: an override of a limit that does not exist, of another kind, or too loose.
    """
    return [
        _with_overrides(rule, site.overrides[rule.id]) if rule.id in site.overrides else rule for rule in rules.values()
    ]


def _with_overrides(rule: Rule, changes: Mapping[str, Override]) -> Rule:
    limits, here = dict(rule.limits), []
    for change in changes.values():
        limit = rule.limits.get(change.limit)
        if limit is None:
            raise no_such_limit(change, rule.limits)
        made = set_by(change, limit.value, limit.tighter, limit.loosest)
        limits[change.limit] = msgspec.structs.replace(limit, value=made.value)
        here.append(made)
    return msgspec.structs.replace(rule, limits=limits, set_here=tuple(here))
