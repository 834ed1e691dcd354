"""What the sheet for a downtime shows beside the values: the limits in force and the times of the checks."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.dose.session import Session
from openkap.kernel.quantity import unit_words
from openkap.web.dose.chair.shown import MINUTE, SHORT, When, figure, in_order
from openkap.web.parts import Words

_TESTS: dict[str, Words] = {
    "at-least": gettext_lazy("%(n)s or more"),
    "above": gettext_lazy("above %(n)s"),
    "below": gettext_lazy("below %(n)s"),
    "at-most": gettext_lazy("%(n)s or less"),
    "rise": gettext_lazy("up %(n)s or more"),
    "fall": gettext_lazy("down %(n)s or more"),
}


def limits(session: Session) -> tuple[tuple[str, str, str], ...]:
    """The alert lines in force: what, amber, red."""
    lines, found = session.lines or session.protocol.lines, []
    for measure in in_order(session.protocol.measures):
        name, said = measure.name, {"amber": "", "red": ""}
        for level in said:
            mine = [one for one in lines if one.measure == name and one.level == level]
            words = dict.fromkeys(str(_TESTS[one.test]) % {"n": figure(one.limit)} for one in mine)
            said[level] = ", ".join(words)
        if any(said.values()):
            unit = "" if measure.unit == "{score}" else f", {unit_words(measure.unit)}"
            found.append((f"{SHORT.get(name, measure.title)}{unit}", said["amber"], said["red"]))
    return tuple(found)


def due_times(session: Session, when: When) -> tuple[tuple[str, str], ...]:
    """What is to be measured, at which minutes after the start, and by the clock once the dose has begun."""
    start, found = session.started_s, []
    for words, minutes in (
        (_("Vital signs"), session.protocol.vitals_min),
        (_("Dissociation and alertness"), session.protocol.mind_min),
    ):
        after = [minute for minute in minutes if minute >= 0]
        if start is None:
            times = ", ".join(str(minute) for minute in after)
            found.append((words, _("%(times)s min after the start") % {"times": times}))
        else:
            left = [minute for minute in after if start + minute * MINUTE >= session.now_s]
            times = ", ".join(f"{when.clock(start + minute * MINUTE)} ({minute})" for minute in left)
            later = _("then every %(n)s min") % {"n": session.protocol.later_min}
            found.append((words, f"{times}, {later}" if times else later))
    return tuple(found)
