"""
The pathway line of one person, and what blocks it, from counts of what stands in the rooms.

Each stage is done, blocked, waiting for facts, or still to come; the first that is not done is the current one.
Nothing here reads the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from openkap.web import words
from openkap.web.parts import Shape, Step


@dataclass(frozen=True)
class Where:
    """
    How far one person is.

    Args:
        records: in the chart. unreviewed: imported ones that nobody looked at. arrived: files nobody decided on.
        forms_open, forms_late, forms_done: of those asked for.
        scored: usable scores. disorders: target disorders that the record confirms.
        verdict: of today. missing, excludes, holds, cautions: findings of it.
        verdict_signed: `in-force`, `stale`, or empty.
        plan: `draft`, `unsigned`, `signed`, `needs-review`, `withdrawn`, or empty.
        plan_version: of the newest plan.
        in_house: phase of the session that runs now, or empty. booked_on: day of the next one, as written.
        sessions: how many have ended after a dose.
    """

    records: int
    unreviewed: int
    arrived: int
    forms_open: int
    forms_late: int
    forms_done: int
    scored: int
    verdict: str
    missing: int
    excludes: int
    holds: int
    cautions: int
    verdict_signed: str = ""
    plan: str = ""
    plan_version: int = 0
    in_house: str = ""
    booked_on: str = ""
    sessions: int = 0


def steps(where: Where, urls: Mapping[str, str]) -> list[Step]:
    """
    The line.

    Args:
        urls: of the stages `record`, `assess`, `screen`, `plan`, `dose`; a stage without one is no link.
    """
    rows = [
        ("record", _("Record"), _record(where)),
        ("assess", _("Assess"), _assess(where)),
        ("screen", _("Screen"), _screen(where)),
        ("plan", _("Plan"), _plan(where)),
        ("dose", _("Dose"), _dose(where)),
    ]
    current = next((key for key, _name, (shape, _note) in rows if shape != "ok"), "")
    return [
        Step(name, shape, note, urls.get(key, ""), key == current, state(shape), action(key))
        for key, name, (shape, note) in rows
    ]


def action(stage: str) -> str:
    """What the button to a stage says."""
    return {
        "record": _("Open the facts"),
        "assess": _("Open the scores"),
        "screen": _("Open the verdict"),
        "plan": _("Open the plan"),
        "dose": _("Open the sessions"),
    }[stage]


def state(shape: Shape) -> str:
    """A stage's shape in a word, for those who do not see it."""
    return {
        "ok": _("done"),
        "stop": _("blocked"),
        "hold": _("blocked"),
        "caution": _("needs a look"),
        "info": _("needs a signature"),
        "miss": _("waits for facts"),
        "plain": _("to come"),
    }[shape]


def _record(where: Where) -> tuple[Shape, str]:
    if not where.records:
        return "miss", _("nothing is recorded")
    if where.unreviewed:
        return "caution", ngettext(
            "%d imported record not looked at", "%d imported records not looked at", where.unreviewed
        ) % (where.unreviewed)
    if where.arrived:
        return "caution", ngettext("%d file waits", "%d files wait", where.arrived) % where.arrived
    return "ok", ngettext("%d record", "%d records", where.records) % where.records


def _assess(where: Where) -> tuple[Shape, str]:
    if where.forms_late:
        return "caution", ngettext("%d form overdue", "%d forms overdue", where.forms_late) % where.forms_late
    if where.forms_open:
        return "plain", ngettext("%d form is out", "%d forms are out", where.forms_open) % where.forms_open
    if not where.scored:
        return "miss", _("nothing is scored")
    return "ok", ngettext("%d usable score", "%d usable scores", where.scored) % where.scored


def _screen(where: Where) -> tuple[Shape, str]:
    if where.verdict in ("exclude", "hold", "insufficient"):
        return words.VERDICT_SHAPES[where.verdict], "; ".join(_counts(where))  # type: ignore[return-value]
    if where.verdict_signed == "in-force":
        return "ok", str(words.VERDICTS[where.verdict])
    if where.verdict_signed == "stale":
        return "info", _("signed before something changed: sign again")
    return "info", _("not signed yet")


def _counts(where: Where) -> Iterator[str]:
    if where.excludes:
        yield ngettext("%d exclusion", "%d exclusions", where.excludes) % where.excludes
    if where.holds:
        yield ngettext("%d hold", "%d holds", where.holds) % where.holds
    if where.missing:
        yield ngettext("%d finding not known", "%d findings not known", where.missing) % where.missing


def _plan(where: Where) -> tuple[Shape, str]:
    if where.verdict in ("exclude", "hold", "insufficient") and where.plan != "signed":
        return "plain", _("waits for the verdict")
    if not where.plan:
        return "plain", _("no plan yet")
    number = {"version": where.plan_version}
    if where.plan == "signed":
        return "ok", _("version %(version)d is signed") % number
    if where.plan == "needs-review":
        return "hold", _("version %(version)d stood on what has changed") % number
    if where.plan == "withdrawn":
        return "hold", _("version %(version)d was taken back") % number
    if where.plan == "draft":
        return "plain", _("version %(version)d is a draft to compare") % number
    return "info", _("version %(version)d waits for a signature") % number


def _dose(where: Where) -> tuple[Shape, str]:
    if where.in_house:
        return "caution", _("in the house: %(phase)s") % {"phase": where.in_house}
    if where.booked_on:
        return "plain", _("booked for %(day)s") % {"day": where.booked_on}
    if where.sessions:
        return "ok", ngettext("%d session", "%d sessions", where.sessions) % where.sessions
    return "plain", _("no session is booked") if where.plan == "signed" else _("waits for the plan")
