"""
Filled-in instruments of a chart, scored and put back as readings that rules can use.

An unfinished form may raise a safety finding and never clears one; its total is not used. The same holds for
a form whose instrument the site has not signed: it is scored and shown, and only what it raises counts. Answers outrank
a total that somebody recorded on the same day; where the two disagree both stay, so that the fact is in
conflict.

Source: fact convention, section 5; instruments fact sheet, section 1.1
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from openkap.assess.fhir import read_response
from openkap.assess.instruments import allowed_values, instrument, instrument_ids
from openkap.assess.safety import worst_level
from openkap.assess.scoring import score, score_request
from openkap.assess.types import Score, ScoreRequest
from openkap.chart.types import Chart, Patient, Reading, Response, Standing, Unmapped
from openkap.chart.view import View
from openkap.chart.vocabulary import facts, is_item
from openkap.kernel.clock import When, fresh
from openkap.kernel.coding import INSTRUMENT
from openkap.kernel.errors import UserError
from openkap.kernel.site import Site, unsigned_words

UNIT = "{score}"
COUNTRY = "US"


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """
    One scored form of the chart.

    Args:
        score: the score; `score.instrument` names the instrument.
        answers: as read, in list order; None for unanswered.
        source: the record.
        when: when it was filled in.
        status: of the form: `completed`, `amended`, `in-progress`, `stopped`.
        usable: finished, scored, dated and inside its look-back on the day of decision.
        why_not: why it is not usable.
        signed: a person at the site has signed the instrument as it stands.
        past: it counted on its day and is only too old now: part of the course, no ground of a decision.
    """

    score: Score
    answers: tuple[object, ...]
    source: str
    when: When | None
    status: str
    usable: bool
    why_not: str = ""
    signed: bool = False
    past: bool = False

    @property
    def instrument(self) -> str:
        return self.score.instrument

    def document(self) -> dict[str, Any]:
        """The score document with its date, record and usability."""
        return self.score.document() | {
            "on": self.when.text if self.when else None,
            "source_resource": self.source,
            "form_status": self.status,
            "usable": self.usable,
            "why_not": self.why_not or None,
            "signed": self.signed,
        }


def scored(chart: Chart, on: date, site: Site | None = None) -> tuple[Chart, list[ScoreRecord]]:
    """
    Score every filled-in instrument.

    Args:
        chart: as read from the bundle; its `responses` are raw.
        on: the day of decision; the agoraphobia status and the freshness of scores are read on it.
        site: whose signatures count; None for demonstration mode.

    Returns:
        The chart with the readings of the forms, and one record per form. A form that cannot be read is
        listed in `unmapped` with the reason.
    """
    site, context = site or Site(), _context(chart, on)
    chart = _with_checked_items(chart)
    records: list[ScoreRecord] = []
    readings: list[Reading] = []
    unread: list[Unmapped] = []
    for response in chart.responses:
        try:
            request = read_response(response.resource, context)
            result = score_request(request)
        except UserError as fault:
            name = str(response.resource.get("questionnaire") or "") or None
            unread.append(Unmapped(None, name, None, response.source, str(fault)))
            continue
        row = instrument(request.instrument)
        why_not = _why_not(request, result, response, on)
        too_old = "" if why_not else _too_old(request, response, on)
        found = _readings(request, result, response)
        if not site.signed(row, on):
            why_not = why_not or unsigned_words(row.id)
            found = _only_raising(found, unsigned_words(row.id))
        past = bool(too_old) and not why_not
        why_not = why_not or too_old
        records.append(
            ScoreRecord(
                result,
                request.answers,
                response.source,
                response.when,
                request.status,
                not why_not,
                why_not,
                site.has_signed(row, on),
                past,
            )
        )
        readings.extend(found)
    outranked = _settle(chart, [r for r in readings if r.standing == "final"])
    return replace(outranked, unmapped=(*chart.unmapped, *unread)).with_readings(tuple(readings)), records


def newest(records: Iterable[ScoreRecord], *instruments: str) -> ScoreRecord | None:
    """The newest usable record of any of these instruments, or None."""
    found = [r for r in records if r.usable and r.instrument in instruments and r.when]
    return max(found, key=lambda r: r.when or When.on(date.min), default=None)


# --- what a form says --------------------------------------------------------------------------------


def _readings(request: ScoreRequest, result: Score, response: Response) -> list[Reading]:
    """Total and safety items of one form."""
    found = _safety_items(request, response) + _screen(request, result, response)
    if result.status == "invalid":  # a form that cannot be scored may raise a finding and never clears one
        found = [replace(r, standing="tentative") if r.standing == "final" and not r.value else r for r in found]
    if request.final and result.status in ("ok", "prorated") and result.total is not None:
        found.append(_reading(request.instrument, Decimal(str(result.total)), response))
    if not request.final:
        reason = f"the form in {response.source} is {request.status}: complete it"
        found.append(_reading(request.instrument, None, response, "unreadable", reason))
    if request.final and response.tentative:  # not reviewed, or in dispute: it may raise and not clear
        found = [replace(r, standing="tentative") if r.standing == "final" else r for r in found]
    return [reading for reading in found if reading.fact in facts()]


def _only_raising(readings: list[Reading], why: str) -> list[Reading]:
    """Readings of an unsigned instrument: what they raise counts, what they would clear is not known."""
    raising = [replace(r, standing="tentative") if r.standing == "final" else r for r in readings]
    silent = [replace(r, value=None, standing="unreadable", reason=why) for r in readings if r.standing == "final"]
    return raising + silent


def _safety_items(request: ScoreRequest, response: Response) -> list[Reading]:
    """Safety items that are facts of their own, whatever the rest of the form is like."""
    found = instrument(request.instrument)
    readings = []
    for item in found.safety:
        name = f"{request.instrument}.{item.item}"
        answer = request.answers[item.item - 1]
        repeated = f"REPEATED_ITEM:{item.item}" in request.faults
        if type(answer) is int and answer in allowed_values(found) and not repeated and request.final:
            readings.append(_reading(name, Decimal(answer), response))
        elif isinstance(answer, int | float | Decimal) and not isinstance(answer, bool) and answer >= item.at_least:
            readings.append(_reading(name, Decimal(str(answer)), response, "tentative"))
        elif request.final:
            text = f"not answered in a way that can be read in {response.source}"
            readings.append(replace(_reading(name, None, response, "unreadable", text), unread=True))
    return readings


def _screen(request: ScoreRequest, result: Score, response: Response) -> list[Reading]:
    """Level and depth of a yes/no screener: final from a whole form, else what was already said."""
    screener = instrument(request.instrument).screener
    if screener is None:
        return []
    depth_name = f"{request.instrument}.{screener.depth_id.removesuffix('_level')}"
    if request.final and result.status == "ok" and result.band is not None:
        depth = result.subscores[screener.depth_id]
        return [
            _reading(request.instrument, result.band, response),
            _reading(depth_name, Decimal(str(depth)), response),
        ]
    said = score(request.instrument, request.answers, request.context)
    worst = next((level.word for level in screener.levels if level.flag in said.flags), None)
    readings = [_reading(request.instrument, worst, response, "tentative")] if worst else []
    depth = said.subscores.get(screener.depth_id)
    if depth:
        readings.append(_reading(depth_name, Decimal(str(depth)), response, "tentative"))
    return readings


def _reading(
    fact: str, value: Decimal | str | None, response: Response, standing: Standing = "final", reason: str = ""
) -> Reading:
    unit = UNIT if isinstance(value, Decimal) else None
    return Reading(fact, value, response.when, response.source, unit, standing, reason)


# --- single items that came as observations -----------------------------------------------------------


def _with_checked_items(chart: Chart) -> Chart:
    """The chart without readings of items that no form has; a yes to a screener raises its level, and never clears."""
    kept, refused, raised = dict(chart.readings), list(chart.unmapped), list[Reading]()
    for name in [n for n in chart.readings if is_item(n) and n not in facts()]:
        which, _, number = name.rpartition(".")
        fit = []
        for reading in chart.readings[name]:
            fault = _item_fault(which, int(number), reading)
            if fault:
                refused.append(Unmapped(INSTRUMENT, name, None, reading.source, fault))
            else:
                fit.append(reading)
                raised.extend(_raised_level(which, int(number), reading))
        kept[name] = tuple(fit)
    return replace(chart, readings=kept, unmapped=tuple(refused)).with_readings(tuple(raised))


def _item_fault(which: str, number: int, reading: Reading) -> str:
    if which not in instrument_ids():
        return f"{which} is known by its total only: give the total"
    found = instrument(which)
    if number > found.items:
        return f"{which} has {found.items} items: correct the number of the item"
    allowed = (0, 1) if found.screener else allowed_values(found)
    if reading.counts and reading.value not in allowed:
        return f"{reading.value} is no answer of item {number} of {which}: give {min(allowed)} to {max(allowed)}"
    return ""


def _raised_level(which: str, number: int, reading: Reading) -> list[Reading]:
    screener = instrument(which).screener
    if screener is None or not reading.counts or reading.value != 1:
        return []
    level = worst_level(screener, {number: True})
    return [replace(reading, fact=which, value=level.word, unit=None, standing="tentative")] if level else []


# --- what else the chart says ------------------------------------------------------------------------


def _settle(chart: Chart, from_forms: Sequence[Reading]) -> Chart:
    """The chart in which a recorded value of a form's own day gives way to it, or stands against it."""
    kept = dict(chart.readings)
    for name in {r.fact for r in from_forms}:
        forms = [r for r in from_forms if r.fact == name]
        kept[name] = tuple(r for old in kept.get(name, ()) for r in _against(old, forms))
    return replace(chart, readings=kept)


def _against(old: Reading, forms: Sequence[Reading]) -> tuple[Reading, ...]:
    same_day = [f for f in forms if old.when and f.when and old.when.whole and _day(old) == _day(f)]
    if old.standing != "final" or not same_day:
        return (old,)
    if any(old.value == f.value for f in same_day):
        return ()
    # Without its hour neither can be called the newer one: the view reports a conflict.
    assert old.when
    return (replace(old, when=When(old.when.earliest, old.when.latest, None, old.when.text)),)


def _day(reading: Reading) -> tuple[date, date] | None:
    return (reading.when.earliest, reading.when.latest) if reading.when else None


def _context(chart: Chart, on: date) -> dict[str, object]:
    agoraphobia = View(chart, on).state("agoraphobia")
    return {
        "sex": _sex(chart.patient),
        "agoraphobia": agoraphobia.value if agoraphobia.settled else None,
        "value_set": COUNTRY,
    }


def _sex(patient: Patient) -> str | None:
    """Birth sex, else administrative gender; used for the AUDIT-C line only."""
    if patient.birth_sex in ("F", "M"):
        return patient.birth_sex
    return patient.gender if patient.gender in ("female", "male") else None


def _why_not(request: ScoreRequest, result: Score, response: Response, on: date) -> str:
    if not request.final:
        return f"the form is {request.status}"
    if response.tentative:
        return "nobody has looked at the form yet, or it exists in two versions"
    if result.status not in ("ok", "prorated"):
        return f"the form is {result.status}"
    if response.when is None:
        return "the form has no date"
    if response.when.latest > on:
        return f"dated {response.when.text[:10]}, after {on.isoformat()}"
    return ""


def _too_old(request: ScoreRequest, response: Response, on: date) -> str:
    assert response.when is not None  # else it is not usable for that
    fact = facts().get(request.instrument)
    span = fact.span if fact else None
    if span is not None and not fresh(response.when, span, on):
        return f"of {response.when.text[:10]}; at most {span} old is needed"
    return ""
