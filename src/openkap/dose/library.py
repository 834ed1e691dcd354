"""All content of this room as a site uses it, cross-checked, and the protocol that one session runs by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from openkap.chart.vocabulary import facts
from openkap.dose.lines import lines_of
from openkap.dose.protocol import AlertStep, Item, MarkKind, Measure, Protocol
from openkap.dose.rows import (
    AdverseFile,
    DischargeFile,
    EmergencyFile,
    GateFile,
    HarmFile,
    MarksFile,
    MeasureRow,
    PolicyFile,
    ProductsFile,
    ReadingsFile,
)
from openkap.dose.types import RINGS
from openkap.kernel.content import content_version, refuse_dangling, refuse_duplicates, row_ids, sources
from openkap.kernel.errors import ContentFault
from openkap.kernel.site import Site
from openkap.kernel.source import Sourced
from openkap.plan.book import Book, Changes, book_of, site_file
from openkap.plan.limits import APART, OFTEN, limit_for, site_limits
from openkap.plan.site_max import signed_limits
from openkap.plan.types import Alert, Drug, Statement, Watch
from openkap.screen.types import Route

ROOM = "dose"
ALWAYS, FEAR = "MON-X", "LOW-FEAR"
LEVELS = ("amber", "red")


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """The files of the room as one site uses them."""

    readings: ReadingsFile
    marks: MarksFile
    gate: GateFile
    discharge: DischargeFile
    policy: PolicyFile
    adverse: AdverseFile
    emergency: EmergencyFile
    products: ProductsFile
    harm: HarmFile

    def files(self) -> tuple[tuple[str, msgspec.Struct], ...]:
        """Every file with its name."""
        return tuple((name, getattr(self, name)) for name in FILES)

    def rows(self) -> Iterator[Sourced]:
        """Every row."""
        for _, file in self.files():
            for field in msgspec.structs.fields(file):
                found = getattr(file, field.name)
                yield from found if isinstance(found, tuple) else ()

    def statement(self, name: str) -> Statement:
        """A rule of watching or of custody, by id."""
        return next(row for row in self.policy.statement if row.id == name)


FILES: dict[str, type[msgspec.Struct]] = {
    "readings": ReadingsFile,
    "marks": MarksFile,
    "gate": GateFile,
    "discharge": DischargeFile,
    "policy": PolicyFile,
    "adverse": AdverseFile,
    "emergency": EmergencyFile,
    "products": ProductsFile,
    "harm": HarmFile,
}


@cache
def shipped() -> Content:
    """The content as it ships."""
    return _made({})


def content_of(site: Site) -> Content:
    """
    The content of the room as this site uses it.

    Raises:
        ContentFault: a row at fault, a reference to a row that does not exist, steps that do not begin at once, or an
            override that the row does not allow.
    """
    ours = row_ids(ROOM)
    changes = {name: listed for name, listed in site.overrides.items() if name in ours}
    return _made(changes) if changes else shipped()


def _made(changes: Changes) -> Content:
    files: list[Any] = [site_file(ROOM, f"{name}.toml", kind, changes) for name, kind in FILES.items()]
    content = Content(*files)
    _check(content)
    return content


def protocol(site: Site, route: Route, drug: Drug, on: date) -> Protocol:
    """
    What a session by this route and drug runs by at this site on this day.

    Raises:
        UserError: the drug is not given by this route. ContentFault: as `content_of`.
    """
    book, content = book_of(site), content_of(site)
    limit = limit_for(route, drug, book)
    watch, always = book.watch_of(limit), book.continuous()
    frequent = [book.statement(name) for name in (OFTEN, APART)] if limit.parenteral else []
    low_fear = next(row for row in book.dose_limits.start_low if row.id == FEAR)
    used: list[Sourced] = [limit, watch, always, low_fear, *frequent, *book.monitoring.alert, *_rests(book)]
    used += content.rows()
    numbered: list[Watch | Alert | Statement] = [*book.monitoring.watch, *book.monitoring.alert]
    numbered += [*book.monitoring.statement, *content.policy.statement]
    if watch.min_stay_min is None:
        raise ContentFault(f"monitoring.toml: {watch.id} has no min_stay_min; add the shortest stay.")
    later = watch.numbers.get("later_min", Decimal(watch.vitals_min[-1] - watch.vitals_min[-2]))
    return Protocol(
        route=route,
        drug=drug,
        content=content_version(),
        mode=site.mode,
        unsigned=tuple(row.id for row in used if not site.signed(row, on)),
        vitals_min=watch.vitals_min,
        mind_min=watch.mind_min,
        later_min=int(later),
        min_stay_min=watch.min_stay_min,
        after_end_min=int(watch.numbers.get("after_end_min", Decimal(0))),
        lines=lines_of(book, content.readings),
        measures={row.name: measure(row) for row in content.readings.measure},
        marks={m.name: MarkKind(m.name, m.title, m.row, m.level) for m in content.marks.mark},
        steps=tuple(AlertStep(s.level, s.ring, int(s.after_s)) for s in content.policy.step),
        items=tuple(
            Item(i.id, i.name, i.title, i.remedy, i.only, ask=i.ask, unmet=i.unmet)
            for i in content.gate.item
            if i.only in ("", drug, "apart", "later")
        ),
        checks=tuple(Item(c.row, c.name, c.title, after=c.after, ask=c.ask) for c in content.discharge.check),
        book=book,
        site_max=site_limits(site.mode, signed_limits(site, on), book),
        numbers={FEAR: low_fear.limits, **{row.id: row.numbers for row in numbered}},
    )


def measure(row: MeasureRow) -> Measure:
    """A measure with its unit and plausible range, those of the vocabulary where it names a fact."""
    fact = facts()[row.fact] if row.fact else row
    if not fact.unit or fact.least is None or fact.most is None:
        raise ContentFault(f"readings.toml: {row.id} has no unit, least or most; add them, or name a fact that has.")
    return Measure(row.name, row.title, fact.unit, Decimal(fact.least), Decimal(fact.most), row.check, row.group)


def _rests(book: Book) -> list[Sourced]:
    return [row for row in book.monitoring.statement if row.group in ("discharge", "rescue")]


def _check(content: Content) -> None:
    rows = tuple(content.rows())
    refuse_duplicates(rows, "dose/content")
    refuse_dangling(rows, sources(ROOM), "dose/content")
    elsewhere = row_ids("plan") | row_ids("screen")
    refer = [(m.id, m.row) for m in content.marks.mark] + [(c.id, c.row) for c in content.discharge.check]
    refer += [(d.id, d.row) for d in content.emergency.drug] + [(a.id, a.row) for a in content.discharge.advice]
    refer += [(s.id, name) for s in content.emergency.situation for name in (*s.steps, *s.alerts)]
    refer += [(m.id, name) for m in content.readings.measure for name in m.alerts]
    for row_id, named in refer:
        if named not in elsewhere:
            raise ContentFault(f"dose/content: {row_id} names {named}, which is no row of plan or screen; correct it.")
    for check in content.discharge.check:
        if check.after and check.after not in {mark.name for mark in content.marks.mark}:
            raise ContentFault(
                f"discharge.toml: {check.id} is asked after {check.after}, which is no mark; correct it."
            )
    for level in LEVELS:
        ladder = [(step.after_s, RINGS.index(step.ring)) for step in content.policy.step if step.level == level]
        if ladder != sorted(ladder) or [ring for _, ring in ladder] != list(range(len(RINGS))) or ladder[0][0] != 0:
            raise ContentFault(
                f"policy.toml: the {level} steps begin at 0 s at the bedside and widen ring by ring; correct them."
            )
    for measured in content.readings.measure:
        measure(measured)
