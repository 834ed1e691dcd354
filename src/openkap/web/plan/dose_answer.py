"""
What a typed dose would do in people like this, put together for a page. It proposes no amount and acts on none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import ROUND_UP, Decimal
from typing import Any

import msgspec
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from openkap.kernel.content import sources
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, Quantity, number
from openkap.kernel.site import Site
from openkap.pkpd.effect import Expectation, expectation
from openkap.pkpd.exposure import Accumulation, accumulation, exposure
from openkap.pkpd.library import ROOM, covariate, effect, model_named, parameters, say, told
from openkap.pkpd.picture import inset
from openkap.pkpd.request import read_request
from openkap.pkpd.simulate import simulate, unsigned
from openkap.pkpd.types import CHECKED_WORDS, Course, Curve, Model, Request
from openkap.plan.book import Book, book_of
from openkap.plan.library import statement
from openkap.plan.limits import beyond_never, site_limits, within_limits
from openkap.plan.site_max import signed_limits
from openkap.plan.types import DoseLimit
from openkap.plan.words import ROUTE_WORDS
from openkap.web.parts import Evidence, Words
from openkap.web.plan.dose_form import Asked
from openkap.web.plan.dose_person import Person

PEOPLE, SEED = 400, 1
COMPARED = 100  # people behind one row of the comparison of routes
HORIZON_MIN, STEP_MIN, DAY_MIN = 360, 3, 1440
TABLE_MIN = (15, 30, 60, 90, 120, 180, 240, 360)
REFUSING = {"never": "amount", "bolus": "duration"}  # limits without an override, and the field they speak of
HOME = "PREP-DRIVER"
FIELDS = {  # what a request calls a field, and what the page calls it
    "subject.weight_kg": "Weight",
    "subject.age_y": "Age",
    "subject.child_pugh": "Child-Pugh class",
    "options.sex needs subject.sex": "Count sex needs the birth sex, which is not known",
    "doses[0].amount_mg": "Amount",
    "doses[0].route": "Route",
    "doses[0]": "The dose",
}


class Refusal(Exception):
    """A dose of which nothing is computed: field of the form (None: none of them) and one sentence."""

    def __init__(self, field: str | None, sentence: str):
        super().__init__(sentence)
        self.field, self.sentence = field, sentence


@dataclass(frozen=True)
class Band:
    """One kind of spread: what it holds, 5 and 95 % where the typical line is highest, ng/mL; or why there is none."""

    key: str
    name: Words
    what: Words
    low: str = ""
    high: str = ""
    lacking: Words = ""


@dataclass(frozen=True)
class RouteLine:
    """One route of the comparison; `note` says why there are no numbers."""

    title: str
    model: str = ""
    grade: str = ""
    peak: str = ""
    peak_band: str = ""
    at: str = ""
    area: str = ""
    area_band: str = ""
    note: str = ""


@dataclass(frozen=True)
class Ready:
    """
    When people like this are ready to leave.

    Args:
        lines: share and time from which that share is ready, never before the fixed stay.
        asked: chance at the time that was typed, in words; empty where none was.
        stay: the fixed stay of the route in words.
        extrapolated: the sentence where the route is not the one it was calibrated on.
    """

    lines: tuple[tuple[str, str], ...]
    asked: str
    stay: str
    home: str
    basis: Evidence
    extrapolated: str


@dataclass(frozen=True)
class Answer:
    """All that the panel shows of one dose."""

    said: str
    dose: str
    limits: tuple[str, ...]
    picture: SafeString
    peak: str
    peak_at: str
    bands: tuple[Band, ...]
    norketamine: bool
    table: tuple[tuple[str, ...], ...]
    window: str
    window_basis: Evidence
    ready: Ready
    sums: Accumulation | None
    sums_days: str
    sums_peak: str
    sums_left: str
    sums_norketamine: str
    sums_note: str
    routes: tuple[RouteLine, ...]
    warnings: tuple[str, ...]
    model: Model
    evidence: Evidence
    numbers: tuple[tuple[str, ...], ...]
    attributes: tuple[tuple[str, str], ...]


def answer(asked: Asked, person: Person, site: Site, on: date, days: Sequence[int]) -> Answer:
    """
    What the dose would do.

    Args:
        asked: the dose. person: for whom. site: whose limits count. on: the day.
        days: days of the plan's dose sessions; empty without a plan.

    Raises:
        Refusal: the dose is never given, or nothing can be computed.
    """
    if person.refusal:
        raise Refusal(None, person.refusal)
    book = book_of(site)
    mg, limits = _allowed(asked, person, site, on, book)
    request = _request(asked, person, asked.limit, mg, asked.model or None)
    try:
        course, expected = simulate(request), expectation(request)
    except UserError as fault:
        raise Refusal(None, _plain(str(fault))) from None
    model = model_named(request.model)
    times = request.times_min
    top = int(course.ketamine.typical.argmax())
    dose = _dose_words(asked, person, mg)
    peak = _rough(float(course.ketamine.typical[top]))
    at = _at(times[top], asked.start)
    sums = _sums(request, days)
    warnings = [*person.notes, *course.warnings, *unsigned(request, site, on)]
    return Answer(
        said=_("%(dose)s: typical peak about %(peak)s ng/mL, %(at)s.") % {"dose": dose, "peak": peak, "at": at},
        dose=dose,
        limits=limits,
        picture=mark_safe(inset(course, window=_middle(expected))),  # our own drawing, every text escaped
        peak=peak,
        peak_at=at,
        bands=tuple(_bands(course, top)),
        norketamine=course.norketamine is not None,
        table=tuple(_table(course, asked.start)),
        window=_window(expected, asked.start),
        window_basis=_basis("PKE-WINDOW"),
        ready=_ready(expected, asked, book),
        sums=sums,
        sums_days=", ".join(str(day) for day in days),
        sums_peak=_percent(sums.peak_ratio) if sums else "",
        sums_left=_rough(sums.left) if sums else "",
        sums_norketamine=_percent(sums.norketamine_ratio) if sums and sums.norketamine_ratio else "",
        sums_note=told(effect("PKE-ACCUM")),
        routes=tuple(_routes(asked, person, mg, book)),
        warnings=tuple(dict.fromkeys(warnings)),
        model=model,
        evidence=_evidence(model, "; ".join(part.what for part in model.basis)),
        numbers=tuple(_numbers(model)),
        attributes=tuple((row.title, told(row)) for row in map(covariate, ("PKC-SEX", "PKC-KIDNEY", "PKC-CYP2B6"))),
    )


# -- may it be looked at ------------------------------------------------------------------------------------


def _allowed(asked: Asked, person: Person, site: Site, on: date, book: Book) -> tuple[DoseMg, tuple[str, ...]]:
    """The amount in mg, and the limits it breaks that leave it to be looked at."""
    limit, amount, kg = asked.limit, asked.amount, person.dosing_weight
    if isinstance(amount, DoseMgPerKg):
        if kg is None:
            raise Refusal("unit", _("Weight is not known, so an amount per kg is none in mg: weigh, or give mg."))
        mg = amount.times(Quantity(kg, "kg"))
    else:
        mg = amount
    weights = [w for w in dict.fromkeys((kg, person.weight)) if w]
    if limit.never.mg_per_kg is not None and not weights:
        sentence = _("Weight is not known, and by this route an amount is judged per kg: weigh first.")
        raise Refusal("amount", sentence)
    signed = site_limits(site.mode, signed_limits(site, on), book)
    per_kg: list[DoseMgPerKg | None] = [_per_kg(mg, w) for w in weights] or [None]
    if isinstance(amount, DoseMgPerKg):
        per_kg[0] = amount  # as it was typed, not multiplied and divided
    broken = [
        breach
        for each in per_kg
        for breach in within_limits(limit.route, limit.drug, mg, each, asked.duration, site=signed, book=book)
    ]
    for breach in broken:
        if breach.level in REFUSING:
            raise Refusal(REFUSING[breach.level], f"{breach.text} {_('Nothing is computed.')}")
    return mg, tuple(dict.fromkeys(breach.text for breach in broken))


def _per_kg(mg: DoseMg, kg: Decimal) -> DoseMgPerKg:
    """For comparing with a limit: four places, never rounded down."""
    return DoseMgPerKg((mg.mg / kg).quantize(Decimal("0.0001"), rounding=ROUND_UP))


def _request(
    asked: Asked, person: Person, limit: DoseLimit, mg: DoseMg, model: str | None, people: int = PEOPLE
) -> Request:
    infused = asked.duration if limit.id == asked.limit.id else limit.duration_min
    horizon = max(HORIZON_MIN, int(infused or 0) + 240)
    step = STEP_MIN * math.ceil(horizon / HORIZON_MIN / 2)
    subject = {
        name: value for name in person.subject.__struct_fields__ if (value := getattr(person.subject, name)) is not None
    }
    document = {
        "model": model,
        "drug": limit.drug,
        "subject": subject,
        "doses": _doses(limit, mg, infused),
        "times_min": sorted({*map(float, range(0, horizon + 1, step)), float(infused or 0)}),  # the peak too
        "population": {"n": people, "seed": SEED},
        "interactions": list(person.agents),
        "options": asked.options,
    }
    try:
        return read_request(document)
    except UserError as fault:
        raise Refusal(None, _plain(str(fault))) from None


def _doses(limit: DoseLimit, mg: DoseMg, duration: Decimal | None) -> list[dict[str, Any]]:
    dose: dict[str, Any] = {"at_min": 0, "route": limit.route, "amount_mg": float(mg.mg)}
    if limit.route == "nasal":  # a nasal entry is one device
        session = covariate("PKC-SESSION")
        device, gap = session.number("device_mg"), session.number("device_gap_min")
        return [dose | {"at_min": gap * place, "amount_mg": device} for place in range(int(mg.mg / int(device)))]
    return [dose | ({"duration_min": float(duration)} if duration else {})]


def _plain(sentence: str) -> str:
    """A request's own sentence, with the names that the page uses."""
    for name, word in FIELDS.items():
        sentence = sentence.replace(name, word)
    return sentence


# -- parts --------------------------------------------------------------------------------------------------


def _bands(course: Course, top: int) -> Iterable[Band]:
    model, alone = _("this set gives none"), _("no other set stands beside this one")
    unseen = _("no standard errors of it were seen")
    curves: tuple[tuple[str, Words, Words, Words, Curve | None], ...] = (
        ("between", _("Between people"), _("5 to 95 % of people like this, within one set"), model, course.ketamine),
        ("sample", _("Blood samples"), _("the same with the error of one sample added"), model, course.sample),
        ("doubt", _("Typical person"), _("how well the line is known, by standard errors"), unseen, course.uncertainty),
        ("ensemble", _("Several sets"), _("how far the set and its alternatives disagree"), alone, course.ensemble),
    )
    for key, name, what, lacking, curve in curves:
        if curve is None or curve.p05 is None or curve.p95 is None:
            yield Band(key, name, what, lacking=lacking)
        else:
            yield Band(key, name, what, _rough(float(curve.p05[top])), _rough(float(curve.p95[top])))


def _table(course: Course, start: time | None) -> Iterable[tuple[str, ...]]:
    """Time, typical, then 5 and 95 % of each band, then norketamine."""
    times = list(course.request.times_min)
    for at in TABLE_MIN:
        if at not in times:
            continue
        place = times.index(at)
        cells = [_at(at, start), _rough(float(course.ketamine.typical[place]))]
        for curve in (course.ketamine, course.sample, course.ensemble):
            if curve is None or curve.p05 is None or curve.p95 is None:
                cells.append("–")
            else:
                cells.append(f"{_rough(float(curve.p05[place]))}–{_rough(float(curve.p95[place]))}")
        if course.norketamine is not None:
            cells.append(_rough(float(course.norketamine.typical[place])))
        yield tuple(cells)


def _middle(expected: Expectation) -> tuple[float, float] | None:
    return (expected.start_min[1], expected.end_min[1]) if expected.start_min else None


def _window(expected: Expectation, start: time | None) -> str:
    if not expected.start_min:
        return _("Hardly anyone like this passes the level at which people notice the drug.")
    begins, ends = expected.start_min, expected.end_min
    words = {
        "begins": _at(begins[1], start),
        "begin_low": _at(begins[0], start),
        "begin_high": _at(begins[2], start),
        "ends": _at(ends[1], start),
        "end_low": _at(ends[0], start),
        "end_high": _at(ends[2], start),
        "share": _share(expected.reached),
    }
    return (
        _(
            "From about %(begins)s (%(begin_low)s to %(begin_high)s) until about %(ends)s (%(end_low)s to "
            "%(end_high)s), in the %(share)s of people like this who notice it."
        )
        % words
    )


def _ready(expected: Expectation, asked: Asked, book: Book) -> Ready:
    watch = book.watch_of(asked.limit)
    longer = (asked.duration or Decimal(0)) - (asked.limit.duration_min or Decimal(0))  # than the stay reckons with
    stay = max(float(watch.min_stay_min or 0), expected.not_before_min or 0.0) + max(0.0, float(longer))
    lines = []
    for share, at in expected.ready_at_min.items():
        when = _("not within 12 h") if at is None else _at(_later(max(at, stay)), asked.start)
        if at is not None and _later(at) < stay:
            when = _("%(stay)s; by the model %(model)s") % {"stay": when, "model": _at(_later(at), asked.start)}
        lines.append((_share(float(share)), when))
    said = ""
    if asked.start and asked.leave:
        minutes = _minutes(asked.leave) - _minutes(asked.start)
        words = {"clock": asked.leave.strftime("%H:%M"), "after": _span(minutes)}
        if minutes < stay:
            said = _("At %(clock)s, %(after)s after the start, the fixed stay is not over: nobody leaves yet.") % words
        else:
            words["share"] = _share(expected.chance_at(minutes))
            said = _("At %(clock)s, %(after)s after the start: %(share)s of people like this are ready.") % words
    route = asked.limit.route
    return Ready(
        lines=tuple(lines),
        asked=said,
        stay=_("Never before %(at)s: the fixed stay of this route (%(row)s).")
        % {"at": _at(_later(stay), asked.start), "row": watch.id},
        home=statement(HOME).text,
        basis=_basis("PKE-READY"),
        extrapolated="" if expected.not_before_min is not None else say("PKW-READY", route=ROUTE_WORDS[route]),
    )


def _sums(request: Request, days: Sequence[int]) -> Accumulation | None:
    """What the plan's sessions add up to, each with this dose; None without sessions."""
    if len(days) < 2:
        return None
    shifted = [
        {
            "at_min": DAY_MIN * (day - days[0]) + dose.at_min,
            "route": dose.route,
            "amount_mg": dose.amount_mg,
            "duration_min": dose.duration_min,
        }
        for day in days
        for dose in request.doses
    ]
    doses = tuple(msgspec.convert(one, type(request.doses[0])) for one in shifted)
    return accumulation(msgspec.structs.replace(request, doses=doses))


def _routes(asked: Asked, person: Person, mg: DoseMg, book: Book) -> Iterable[RouteLine]:
    """The same amount by every route that the drug has; no amount of another route is worked out."""
    same = [row for row in book.dose_limits.limit if row.drug == asked.limit.drug]
    if len(same) < 2:
        return
    for limit in same:
        per_kg = _per_kg(mg, person.dosing_weight) if person.dosing_weight else None
        if beyond_never(limit.route, limit.drug, mg, per_kg, book):
            yield RouteLine(limit.title, note=_("Not computed: so much is never given by this route."))
            continue
        try:
            request = _request(asked, person, limit, mg, None, COMPARED)
            found = exposure(request)
        except (Refusal, UserError) as fault:
            yield RouteLine(limit.title, note=_plain(str(fault)))
            continue
        yield RouteLine(
            title=limit.title,
            model=found.model,
            grade=model_named(found.model).evidence,
            peak=_rough(found.peak),
            peak_band=f"{_rough(found.peak_low)}–{_rough(found.peak_high)}",
            at=_span(found.peak_min),
            area=_rough(found.area),
            area_band=f"{_rough(found.area_low)}–{_rough(found.area_high)}",
        )


def _evidence(row: Any, claim: str) -> Evidence:
    works = sources(ROOM)
    read = [works[name] for name in dict.fromkeys(part.source for part in row.basis) if name]
    cited = "; ".join(f"{one.citation} ({one.read_as})" for one in read)
    return Evidence(row.evidence, claim, cited or _("no work"), "")


def _basis(name: str) -> Evidence:
    row = effect(name)
    return _evidence(row, told(row))


def _numbers(model: Model) -> Iterable[tuple[str, ...]]:
    """Every typical value of the set: name, value, unit, how far it was checked, work."""
    works = sources(ROOM)
    for part in parameters(model):
        work = works[part.source].citation if part.source else "–"
        yield part.name, number(part.value), "" if part.unit == "1" else part.unit, CHECKED_WORDS[part.checked], work


def _dose_words(asked: Asked, person: Person, mg: DoseMg) -> str:
    words = str(mg)  # as it was typed
    if isinstance(asked.amount, DoseMgPerKg) and person.dosing_weight is not None:
        shown = DoseMg(round(mg.mg, 1 if mg.mg >= 1 else 4))
        words = f"{shown} ({asked.amount} × {number(person.dosing_weight)} kg)"
    over = _(" over %(min)s min") % {"min": number(asked.duration)} if asked.duration else ""
    return f"{words}{over}, {asked.limit.title[:1].lower()}{asked.limit.title[1:]}"


# -- numbers as far as they can be known --------------------------------------------------------------------


def _rough(value: float) -> str:
    """Two figures: the sets disagree by more."""
    if value < 0.1:
        return "<0.1" if value else "0"
    places = 1 - math.floor(math.log10(value))
    return number(Decimal(str(round(value, places))))


def _share(chance: float) -> str:
    percent = round(100 * chance)
    return ">99 %" if percent > 99 else "<1 %" if percent < 1 else f"{percent} %"


def _percent(ratio: float) -> str:
    change = 100 * (ratio - 1)
    return _("the same") if abs(change) < 0.05 else f"{change:+.1f} %"


def _minutes(at: time) -> int:
    return 60 * at.hour + at.minute


def _five(minutes: float) -> int:
    """To the nearest five minutes."""
    return 5 * round(minutes / 5)


def _later(minutes: float) -> float:
    """To the next five minutes: nobody is called ready early."""
    return 5.0 * math.ceil(minutes / 5)


def _span(minutes: float) -> str:
    hours, rest = divmod(_five(minutes), 60)
    if not hours:
        return _("%(n)s min") % {"n": rest}
    return _("%(h)s h %(n)s min") % {"h": hours, "n": rest} if rest else _("%(h)s h") % {"h": hours}


def _at(minutes: float, start: time | None) -> str:
    """Time after the start; by the clock too where the start is known."""
    if start is None:
        return _span(minutes)
    days, clock = divmod(_minutes(start) + _five(minutes), DAY_MIN)
    shown = f"{clock // 60:02}:{clock % 60:02}"
    return _("%(clock)s the next day") % {"clock": shown} if days else shown
