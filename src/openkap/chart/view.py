"""
What a chart says on a given day: every fact as known, absent, stale, conflicting or unknown.

The rules of adding up are those of the fact convention: the newest fresh value wins for
measurements, scores and states; a history fact that one record states and another denies is a
conflict; a denial holds for twelve months; a presence in the history never goes stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from openkap.chart.derive import DERIVED, Derivation
from openkap.chart.types import Chart, Interval, Medicine, Reading, State, Unmapped
from openkap.chart.vocabulary import Fact, fact_of, facts, implying, members, policy
from openkap.kernel.clock import Span, When, fresh
from openkap.kernel.quantity import number, round_half_up, unit_words
from openkap.kernel.truth import Answer, Gap

SAME_DAY = Span(0, "d")

_SHOWN_PLACES = 2  # for a reader only: limits are compared with the exact value
_ONE_MOMENT = timedelta(days=2)  # days on the wall, at one moment, differ by two at most


class View:
    """
    A chart as it stands on one day.

    Args:
        chart: what is known.
        on: the day of decision.
        tentative: also read what may raise a finding but never clear one: preliminary results and
            unfinished forms. Rules are evaluated once without and once with it.
        derived: derivations that later rooms add (the treatment-history arms of the assess room).
    """

    def __init__(
        self, chart: Chart, on: date, *, tentative: bool = False, derived: Mapping[str, Derivation] | None = None
    ):
        self.chart = chart
        self.on = on
        self.tentative = tentative
        self._derived = {**DERIVED, **(derived or {})}
        self._states: dict[tuple[str, Span | None], State] = {}

    def state(self, name: str, look_back: Span | None = None) -> State:
        """
        The state of a fact.

        Args:
            name: in the vocabulary.
            look_back: replaces the fact's own, as where a rule allows an older thyroid test or a
                dose day wants today's reading.
        """
        key = (name, look_back)
        if key not in self._states:
            self._states[key] = self._compute(fact_of(name), look_back)
        return self._states[key]

    def usable(self, name: str) -> list[Reading]:
        """Readings of a fact that are not dated after the day of decision, tentative ones only if asked."""
        return [r for r in self.chart.readings.get(name, ()) if self._counts(r) and not self._future(r)]

    def fresh_readings(self, name: str, look_back: Span | None = None) -> list[Reading]:
        """All fresh readings with a value, where the newest is not the only one that counts."""
        span = look_back or facts()[name].span
        return [r for r in self.usable(name) if r.counts and r.value is not None and self._fresh(r, span)]

    def fresh_numbers(self, name: str, look_back: Span | None = None) -> list[Reading]:
        """All fresh readings of a number, for means and comparisons."""
        return [r for r in self.fresh_readings(name, look_back) if isinstance(r.value, Decimal)]

    def from_the_future(self) -> list[Unmapped]:
        """Whatever is dated after the day of decision: seen, and not used."""
        readings = (r for rows in self.chart.readings.values() for r in rows)
        dated = [(r.fact, r.source, self._late(r.when, r.written, r.value)) for r in readings]
        dated += [(m.text, m.source, self._late(m.begun)) for m in self.chart.medicines]
        dated += [("birthDate", self.chart.patient.source, self._late(self.chart.patient.born))]
        dated += [("medicine list", m.source, self._late(m.when, m.written)) for m in self.chart.lists]
        return [
            Unmapped(None, None, text, source, f"dated {day.text}, after {self.on.isoformat()}: correct the date")
            for text, source, day in dated
            if day
        ]

    def current_medicines(self, group: str | None = None) -> list[Medicine]:
        """Medicines current on the day, all or those of a class or ingredient."""
        wanted = members(group) if group else None
        return [
            m
            for m in self.chart.medicines
            if m.standing == "current" and not self._late(m.begun) and (wanted is None or wanted & set(m.ingredients))
        ]

    def taking(self, group: str) -> Answer:
        """
        Is the patient taking a medicine of this class?

        True if one is current. False only where the list is known to be complete and up to date;
        otherwise unknown, because a medicine nobody listed is not a medicine nobody takes.
        """
        found = self.current_medicines(group)
        if found:
            names = ", ".join(dict.fromkeys(m.text or " and ".join(m.ingredients) for m in found))
            return Answer.true(f"takes {names}", "medicines")
        reconciled = self.state("medication-list")
        if reconciled.status == "known":
            return Answer.false("none on the reconciled list", "medicines")
        return Answer.unknown(Gap("medication-reconciled-on", reconciled.status, reconciled.reason))

    # -- adding up ---------------------------------------------------------------------------------

    def _compute(self, fact: Fact, look_back: Span | None) -> State:
        if fact.kind == "derived":
            return self._derived[fact.id](self, look_back)
        span = look_back or fact.span
        readings = self.usable(fact.id)
        if any(r.standing == "disputed" for r in readings):
            return _conflict(fact, readings)
        if fact.is_yes_no:
            state = self._yes_no(fact, readings, span, fact.kind == "history")
            return self._denied_by_parent(fact, state)
        if fact.kind == "date":
            return self._date(fact, readings, span)
        return self._newest(fact, readings, span)

    def _yes_no(self, fact: Fact, readings: list[Reading], span: Span | None, history: bool) -> State:
        final = [r for r in readings if r.counts and isinstance(r.value, bool)]
        if history:
            present = [r for r in final if r.value]
            denials = [r for r in final if not r.value]
        else:
            present, denials = self._newest_yes_no(fact, final, span)
        denied = [r for r in denials if self._denial_holds(r, span)]
        if present:
            denied = [r for r in denied if not r.by_interview]
        if present and denied:
            return _conflict(fact, present + denied)
        if present:
            best = max(present, key=self._order)
            return State(fact.id, "known", True, None, best.when, _sources(present), "", tuple(present))
        doubtful = [r for r in readings if r.standing == "unconfirmed"]
        if doubtful:
            return State(
                fact.id, "unknown", sources=_sources(doubtful), reason=f"{fact.words}: recorded but not confirmed"
            )
        stated = [
            r for child in implying(fact.id) for r in self.usable(child) if r.counts and r.value not in (None, False)
        ]
        if denied and stated:
            return _conflict(fact, denied + stated)
        if denied:
            best = max(denied, key=self._order)
            if overtaken := self._overtaken(fact, readings, best):
                return overtaken
            return State(fact.id, "absent", False, None, best.when, _sources(denied), "", tuple(denied))
        if denials:
            best = max(denials, key=self._order)
            return State(
                fact.id, "stale", when=best.when, sources=_sources(denials), reason=self._stale_text(fact, best, span)
            )
        return self._without_value(fact, readings, final, span)

    def _newest_yes_no(
        self, fact: Fact, final: list[Reading], span: Span | None
    ) -> tuple[list[Reading], list[Reading]]:
        """For a state: the newest fresh statement stands; a record that is over says nothing about now."""
        live = [r for r in final if not self._over(r)]
        current = [r for r in live if r.stands_now or self._fresh(r, span)]
        if not current:
            return [], [r for r in live if not r.value]
        coded = [r for r in current if not r.by_interview]
        if any(r.value for r in coded):
            current = coded
        newest = current if fact.stands else self._newest_of(current)
        return [r for r in newest if r.value], [r for r in newest if not r.value]

    def _denied_by_parent(self, fact: Fact, state: State) -> State:
        if state.status in ("known", "absent", "conflict"):
            return state
        for parent in fact.denied_by:
            above = self.state(parent)
            if above.status == "absent" and "not confirmed" not in state.reason:
                return State(fact.id, "absent", False, None, above.when, above.sources)
        return state

    def _newest(self, fact: Fact, readings: list[Reading], span: Span | None) -> State:
        final = [r for r in readings if r.counts and r.value is not None]
        good = [r for r in final if self._fresh(r, span)]
        if not good:
            return self._without_value(fact, readings, final, span)
        newest = self._newest_of(good)
        if not fact.repeats and len({_comparable(r.value) for r in newest}) > 1:
            return _conflict(fact, newest)
        best = newest[0]
        if overtaken := self._overtaken(fact, readings, best):
            return overtaken
        if fact.repeats:  # several forms may each hold a part of one answer
            parts = (part for r in newest if isinstance(r.value, tuple) for part in r.value)
            best = replace(best, value=tuple(dict.fromkeys(parts)))
        absent = fact.kind == "result" and best.value == "negative"
        return State(
            fact.id,
            "absent" if absent else "known",
            best.value,
            best.unit,
            best.when,
            _sources(newest),
            "",
            tuple(newest),
        )

    def _date(self, fact: Fact, readings: list[Reading], span: Span | None) -> State:
        """A date fact holds the latest such date; how old it may be is judged on the date itself."""
        never = [r for r in readings if r.value is False]
        final = [
            replace(r, value=When.on(self.on)) if r.stands_now and not self._over(r) else r
            for r in readings
            if r.counts and (r.stands_now or isinstance(r.value, When))
        ]
        past = [r for r in final if isinstance(r.value, When) and r.value.earliest <= self.on]
        undated = _unanswered([r for r in readings if r.event and r.value is None and not r.stands_now], past + never)
        if never and not past and not undated:
            return State(fact.id, "absent", False, None, never[0].when, _sources(never), "", tuple(never))
        if not past:
            return self._without_value(fact, readings, [], None)
        best = max(past, key=lambda r: r.value.latest)  # type: ignore[union-attr]
        value = best.value
        assert isinstance(value, When)
        if span is not None and not fresh(value, span, self.on):
            return State(
                fact.id, "stale", when=value, sources=_sources([best]), reason=_too_old(fact, value, span, self.on)
            )
        if undated:
            reason, sources = f"{fact.words}: {undated[0].reason}", _sources([best, *undated])
            return State(fact.id, "known", value, None, value, sources, reason, (best,), (fact.id,))
        return State(fact.id, "known", value, None, value, _sources([best]), "", (best,))

    def _overtaken(self, fact: Fact, readings: list[Reading], best: Reading) -> State | None:
        """
        Unknown, where a later statement could not be read; nobody knows that it says the same.

        A denial gives way to one of the same day too; a number does not, because records give it twice, once in words.
        """
        denied = best.value is False
        later = [r for r in readings if r.unread and (not _newer(best, r) if denied else _newer(r, best))]
        if not later:
            return None
        last = max(later, key=self._order)
        reason = f"{fact.words}: {last.reason}"
        return State(fact.id, "unknown", when=last.when, sources=_sources(later), reason=reason, unread=True)

    def _without_value(self, fact: Fact, readings: list[Reading], final: list[Reading], span: Span | None) -> State:
        """No value may be used: say the most helpful reason."""
        excuses = [r for r in readings if r.standing == "unobtainable" and self._denial_holds(r, span)]
        if excuses:
            best = max(excuses, key=self._order)
            reason = f"{fact.words}: cannot be had ({best.reason})"
            return State(fact.id, "unknown", when=best.when, sources=_sources([best]), reason=reason, excused=True)
        if final:
            best = max(final, key=self._order)
            return State(
                fact.id, "stale", when=best.when, sources=_sources(final), reason=self._stale_text(fact, best, span)
            )
        for standing, text in (("declined", "asked, declines to say"), ("unconfirmed", "recorded but not confirmed")):
            found = [r for r in readings if r.standing == standing]
            if found:
                return State(fact.id, "unknown", sources=_sources(found), reason=f"{fact.words}: {text}")
        unreadable = [r for r in readings if r.standing == "unreadable"]
        if unreadable:
            reason = f"{fact.words}: {unreadable[-1].reason}"
            unread = any(r.unread and (r.when is None or self._fresh(r, span)) for r in unreadable)
            return State(fact.id, "unknown", sources=_sources(unreadable), reason=reason, unread=unread)
        return State(fact.id, "unknown", reason=f"{fact.words}: no record")

    def _stale_text(self, fact: Fact, reading: Reading, span: Span | None) -> str:
        if reading.when is None:
            return f"{fact.words}: recorded without a date"
        return _too_old(fact, reading.when, span or policy("denial-holds"), self.on)

    # -- single readings ---------------------------------------------------------------------------

    def _counts(self, reading: Reading) -> bool:
        return self.tentative or reading.standing != "tentative"

    def _future(self, reading: Reading) -> bool:
        return self._late(reading.when, reading.written) is not None

    def _late(self, *days: object) -> When | None:
        """The first of some dates that lies after the day of decision."""
        return next((day for day in days if isinstance(day, When) and day.earliest > self.on), None)

    def _over(self, reading: Reading) -> bool:
        return reading.past or (reading.until is not None and reading.until.latest <= self.on)

    def _fresh(self, reading: Reading, span: Span | None) -> bool:
        if reading.stands_now:
            return True
        if reading.when is None:
            return False
        return reading.when.latest <= self.on if span is None else fresh(reading.when, span, self.on)

    def _denial_holds(self, reading: Reading, span: Span | None) -> bool:
        return reading.when is not None and fresh(reading.when, span or policy("denial-holds"), self.on)

    def _order(self, reading: Reading) -> tuple[date, datetime]:
        """Sort key: by day, then by instant; a day without an hour sorts first within its day."""
        if reading.stands_now:
            return self.on, datetime.max.replace(tzinfo=UTC)
        if reading.when is None:
            return date.min, datetime.min.replace(tzinfo=UTC)
        return reading.when.earliest, reading.when.instant or datetime.min.replace(tzinfo=UTC)

    def _newest_of(self, readings: list[Reading]) -> list[Reading]:
        """The newest of some dated readings; several where they cannot be ordered."""
        top = max(self._order(r)[0] for r in readings)
        near = [r for r in readings if self._order(r)[0] >= top - _ONE_MOMENT]
        return [r for r in near if not any(_newer(other, r) for other in near)] or near


def show(state: State) -> str:
    """The value of a state for a reader: with unit, and with its date where it has one."""
    value = state.value
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, Decimal):
        shown = number(round_half_up(value, _SHOWN_PLACES))
        text = f"{shown} {unit_words(state.unit)}".strip() if state.unit else shown
    elif isinstance(value, Interval):
        text = f"between {number(value.low)} and {number(value.high)} {unit_words(state.unit or '')}".strip()
    elif isinstance(value, When):
        return value.text
    elif isinstance(value, tuple):
        text = ", ".join(value)
    else:
        text = str(value)
    return f"{text} ({state.when.text[:10]})" if state.when and state.when.text else text


def _conflict(fact: Fact, readings: list[Reading]) -> State:
    said = "; ".join(f"{_word(r)} in {r.source}" for r in readings)
    return State(fact.id, "conflict", sources=_sources(readings), reason=f"{fact.words}: records disagree ({said})")


def _unanswered(events: list[Reading], dates: list[Reading]) -> list[Reading]:
    """The events without a day that were not known yet when somebody last said when the last one was."""
    answers = [r.when for r in dates if not r.event and r.when]
    return [e for e in events if not any(e.when is None or a.latest >= e.when.earliest for a in answers)]


def _newer(one: Reading, other: Reading) -> bool:
    """By the instant where both have one, else by the day; of one day, without an hour, neither is newer."""
    if one.stands_now or other.stands_now:
        return one.stands_now and not other.stands_now
    if one.when is None or other.when is None:
        return other.when is None and one.when is not None
    if one.when.instant and other.when.instant:
        return one.when.instant > other.when.instant
    return one.when.earliest > other.when.earliest


def _word(reading: Reading) -> str:
    if isinstance(reading.value, bool):
        return "yes" if reading.value else "no"
    return number(reading.value) if isinstance(reading.value, Decimal) else str(reading.value)


def _comparable(value: object) -> object:
    return value.normalize() if isinstance(value, Decimal) else value


def _sources(readings: Iterable[Reading]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(r.source for r in readings))


def _too_old(fact: Fact, when: When, span: Span, on: date) -> str:
    days = (on - when.earliest).days
    return f"{fact.words}: last known {when.text[:10]}, {days} days ago; at most {span} old is needed"
