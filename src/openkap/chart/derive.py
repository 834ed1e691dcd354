"""
Facts that follow from other facts: age, body-mass index, mean pressure, multiples of a normal limit.

No clinical limit stands here; a derivation only says what the numbers are, or which are missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from openkap.chart.types import Interval, Reading, State, Value
from openkap.chart.vocabulary import facts, percent, policy
from openkap.kernel.clock import Span, years_between
from openkap.kernel.quantity import Quantity

if TYPE_CHECKING:
    from openkap.chart.view import View

Derivation = Callable[["View", "Span | None"], State]


def _missing(name: str, view: View, *bases: str, look_back: Span | None = None) -> State | None:
    """The unknown state of a derived fact whose base facts are not all settled, or None if they are."""
    states = [view.state(base, look_back) for base in bases]
    open_ = [s for s in states if not s.settled]
    if not open_:
        return None
    status = next((s.status for s in open_ if s.status == "conflict"), open_[0].status)
    return State(
        name,
        status,
        sources=tuple(src for s in open_ for src in s.sources),
        reason="; ".join(s.reason for s in open_),
        missing=tuple(m for s in open_ for m in (s.missing or (s.fact,))),
    )


def age(view: View, _: Span | None) -> State:
    """Whole years at the day of decision; a range where only the year or month of birth is known."""
    born = view.chart.patient.born
    if born is None:
        reason = f"birth date: {view.chart.patient.born_unread or 'no record'}"
        return State("age", "unknown", reason=reason, missing=("birth-date",))
    if born.earliest > view.on:
        reason = f"birth date: {born.text} is after {view.on.isoformat()}: correct it"
        return State("age", "unknown", reason=reason, missing=("birth-date",))
    low, high = years_between(min(born.latest, view.on), view.on), years_between(born.earliest, view.on)
    value: Decimal | Interval = Decimal(low) if low == high else Interval(Decimal(low), Decimal(high))
    missing = () if low == high else ("birth-date",)
    return State("age", "known", value, "a", None, (view.chart.patient.source,), missing=missing)


def bmi(view: View, look_back: Span | None) -> State:
    """Weight over height squared."""
    if gap := _missing("bmi", view, "weight", "height"):
        return gap
    weight, height = view.state("weight", look_back), view.state("height")
    assert isinstance(weight.value, Decimal) and isinstance(height.value, Decimal)
    metres = height.value.scaleb(-2)  # the vocabulary keeps height in cm
    value = weight.value / (metres * metres)
    return State("bmi", "known", value, "kg/m2", weight.when, weight.sources + height.sources)


def _mean(name: str, base: str) -> Derivation:
    """Mean of all fresh readings, of which there must be two on two days."""

    def derive(view: View, look_back: Span | None) -> State:
        readings = view.fresh_numbers(base, look_back)
        newest = view.state(base, look_back)
        if any(r.standing == "disputed" for r in view.usable(base)) or (readings and newest.status == "unknown"):
            return replace(newest, fact=name, missing=(base,))
        days = {r.when.earliest for r in readings if r.when and r.when.whole}
        if len(days) < policy("pressure-mean").count:
            found = view.state(base, look_back)
            reason = (
                f"{len(readings)} usable reading{'s' if len(readings) != 1 else ''} on {len(days)} "
                f"day{'s' if len(days) != 1 else ''}, two on two days are needed"
                if readings
                else found.reason
            )
            return State(name, "unknown" if readings else found.status, reason=reason, missing=(base,))
        values = [r.value for r in readings if isinstance(r.value, Decimal)]
        value = sum(values, Decimal(0)) / len(values)
        latest = max((r.when for r in readings if r.when), key=lambda w: w.earliest)
        return State(
            name, "known", value, readings[0].unit, latest, tuple(r.source for r in readings), "", tuple(readings)
        )

    return derive


def _highest(name: str, base: str) -> Derivation:
    """Highest of the fresh readings: one above a line is not undone by a lower one after it."""

    def derive(view: View, look_back: Span | None) -> State:
        if gap := _missing(name, view, base, look_back=look_back):
            return gap
        readings = view.fresh_numbers(base, look_back)
        best = max(readings, key=lambda r: r.value if isinstance(r.value, Decimal) else Decimal(0))
        return State(name, "known", best.value, best.unit, best.when, (best.source,), "", (best,))

    return derive


def weight_change(view: View, _: Span | None) -> State:
    """Largest difference in percent between the newest weight and another recent one; 0 if it is the only one."""
    if gap := _missing("weight-change", view, "weight"):
        return gap
    newest = view.state("weight")
    assert isinstance(newest.value, Decimal)
    others = [r for r in view.fresh_numbers("weight", policy("weight-comparison")) if r not in newest.readings]
    changes = [abs(newest.value - r.value) / r.value * 100 for r in others if isinstance(r.value, Decimal)]
    value = max(changes, default=Decimal(0))
    return State("weight-change", "known", value, "%", newest.when, newest.sources + tuple(r.source for r in others))


def weight_again(view: View, _: Span | None) -> State:
    """Whether a second clinician weighed what the newest weight says. Never where one of two weights may be pounds."""
    if gap := _missing("weight-again", view, "weight"):
        return gap
    newest = view.state("weight")
    assert isinstance(newest.value, Decimal)
    assert newest.when is not None
    begins = policy("weight-again").before(newest.when.earliest)
    mine = {r.by for r in newest.readings if r.by}
    others = view.fresh_numbers("weight", policy("weight-comparison"))
    recent = [r for r in others if r.when is not None and r.when.earliest >= begins and r.by and r.by not in mine]
    again = [r for r in recent if mine and _per_cent(newest.value, r.value) <= percent("weight-agrees")]
    pounds = any(_may_be_pounds(newest.value, r.value) for r in others)
    held = bool(again) and not pounds
    sources = newest.sources + tuple(r.source for r in again)
    return State("weight-again", "known" if held else "absent", held, None, newest.when, sources)


def _per_cent(one: Decimal, other: Value | None) -> Decimal:
    assert isinstance(other, Decimal)
    return abs(one - other) / other * 100


def _may_be_pounds(one: Decimal, other: Value | None) -> bool:
    """One is the other in pounds, as far as a body may have changed between them."""
    assert isinstance(other, Decimal)
    ratio = max(one, other) / min(one, other)
    pounds = Quantity(Decimal(1), "kg").to("[lb_av]").value
    return _per_cent(ratio, pounds) <= percent("weight-pounds")


def _times_upper_limit(name: str, base: str) -> Derivation:
    """A result as a multiple of the upper limit of its own reference range."""

    def derive(view: View, look_back: Span | None) -> State:
        if gap := _missing(name, view, base, look_back=look_back):
            return gap
        state = view.state(base, look_back)
        reading = state.readings[0]
        if isinstance(state.value, Decimal) and reading.range and reading.range.high:
            value: Decimal | Interval = state.value / reading.range.high
        elif reading.interpretation in ("N", "L"):
            value = Interval(Decimal(0), Decimal(1))
        else:
            return State(
                name, "unknown", reason=f"{base}: no upper limit of normal came with the result", missing=(base,)
            )
        return State(name, "known", value, "1", state.when, state.sources)

    return derive


def _level(reading: Reading) -> str | None:
    """`suppressed`, `in-range` or `raised` by the result's own range, else by its interpretation."""
    if reading.range and isinstance(reading.value, Decimal):
        if reading.range.low is not None and reading.value < reading.range.low:
            return "suppressed"
        if reading.range.high is not None and reading.value > reading.range.high:
            return "raised"
        if reading.range.low is not None and reading.range.high is not None:
            return "in-range"
    return {"N": "in-range", "L": "suppressed", "LL": "suppressed", "H": "raised", "HH": "raised"}.get(
        reading.interpretation
    )


def _hormone_level(name: str, base: str) -> Derivation:
    def derive(view: View, look_back: Span | None) -> State:
        if gap := _missing(name, view, base, look_back=look_back):
            return gap
        state = view.state(base, look_back)
        level = _level(state.readings[0])
        if level is None:
            return State(name, "unknown", reason=f"{base}: no reference range came with the result", missing=(base,))
        return State(name, "known", level, None, state.when, state.sources)

    return derive


def thyroid_uncontrolled(view: View, _: Span | None) -> State:
    """
    True when hyperthyroidism is present and no fresh TSH is in range, or a fresh TSH is suppressed and
    FT4 raised. False when it is absent or the TSH is in range.
    """
    name = "thyroid-uncontrolled"
    disease, tsh, ft4 = view.state("hyperthyroidism"), view.state("tsh-level"), view.state("ft4-level")
    sources = disease.sources + tsh.sources + ft4.sources
    if tsh.value == "in-range":
        return State(name, "absent", False, None, tsh.when, tsh.sources)
    if tsh.value == "suppressed" and ft4.value == "raised":
        return State(name, "known", True, None, tsh.when, sources)
    if disease.status == "known" and tsh.status != "conflict":
        return State(name, "known", True, None, disease.when, sources)
    if disease.status == "absent" and tsh.value == "suppressed":
        return State(name, "unknown", reason="TSH is suppressed and FT4 is not known", missing=("ft4",))
    if disease.status == "absent":
        return State(name, "absent", False, None, disease.when, disease.sources)
    status = "conflict" if "conflict" in (disease.status, tsh.status) else disease.status
    return State(name, status, reason=disease.reason or tsh.reason, missing=("hyperthyroidism",), sources=sources)


def target_diagnosis(view: View, _: Span | None) -> State:
    """
    Yes: a confirmed, current code of a target disorder and a structured interview that asked for it.
    No: an interview asked for all of them and found none. Else unknown.
    """
    name = "target-diagnosis"
    interview, tool, modules = (view.state(f"interview-{part}") for part in ("on", "tool", "modules"))
    asked = set(modules.value) if isinstance(modules.value, tuple) else set()
    found = []
    for disorder in ("gad", "panic", "agoraphobia", "social-anxiety"):
        state = view.state(disorder)
        if state.value is True and any(r.confirmed for r in state.readings):
            found.append((disorder, state))
        if state.status == "conflict":
            return State(name, "conflict", reason=state.reason, missing=(disorder,), sources=state.sources)
    open_parts = [part for part in (interview, tool, modules) if part.status != "known"]
    if open_parts:
        reason = "; ".join(part.reason for part in open_parts)
        return State(name, open_parts[0].status, reason=reason, missing=tuple(part.fact for part in open_parts))
    if tool.value == "other":
        reason = "the interview was not one of MINI, SCID or DIAMOND"
        return State(name, "unknown", reason=reason, missing=("interview-tool",), sources=tool.sources)
    supported = [(d, s) for d, s in found if d in asked or (d == "agoraphobia" and "panic" in asked)]
    if supported:
        sources = tuple(src for _, s in supported for src in s.sources) + interview.sources
        return State(name, "known", True, None, interview.when, sources)
    if found:
        return State(
            name, "unknown", reason=f"the interview did not ask for {found[0][0]}", missing=("interview-modules",)
        )
    if {"gad", "panic", "social-anxiety"} <= asked:
        targets = ("gad", "panic", "agoraphobia", "social-anxiety")
        doubted = [d for d in targets if any(r.standing == "unconfirmed" for r in view.usable(d))]
        if doubted:
            return State(name, "unknown", reason=view.state(doubted[0]).reason, missing=(doubted[0],))
        still = [d for d in targets if view.state(d).value is True]
        if not still:
            return State(name, "absent", False, None, interview.when, interview.sources)
        return State(name, "unknown", reason=f"{still[0]} is coded but not confirmed", missing=(still[0],))
    return State(name, "unknown", reason="no target diagnosis is confirmed", missing=("interview-modules",))


def suicide_screen(view: View, look_back: Span | None) -> State:
    """
    The C-SSRS outcome, with `wish-only` split off from `low` where the items show that nothing beyond a
    wish to be dead was said.

    A high one stands for the look-back, whatever a newer one shows. With item 9 of the PHQ-9 positive, or with
    a diagnosis of suicidal thoughts or of an attempt, the screen must be of that day or later.
    """
    name = "suicide-screen"
    screen = view.state("c-ssrs-screen", look_back)
    contested = screen.sources if screen.status == "conflict" else ()
    rows = view.fresh_readings("c-ssrs-screen", look_back)
    if high := [r for r in rows if r.value == "high" and r.source not in contested]:
        best = max(high, key=lambda r: r.when.earliest if r.when else date.min)
        return State(name, "known", "high", None, best.when, tuple(dict.fromkeys(r.source for r in high)))
    if not screen.settled:
        return State(name, screen.status, reason=screen.reason, missing=("c-ssrs-screen",), sources=screen.sources)
    waits = _item9_since(view, screen, look_back) or _diagnosis_since(view, screen)
    if waits:
        return State(name, "stale", reason=waits, missing=("c-ssrs-screen",), sources=screen.sources)
    value = screen.value
    ideation = view.state("c-ssrs-screen.ideation", look_back)
    whole = all(r.standing == "final" for r in screen.readings)  # else the questions after the wish are open
    if whole and value == "low" and ideation.value == Decimal(1) and ideation.sources == screen.sources:
        value = "wish-only"
    return State(name, "known", value, None, screen.when, screen.sources)


def _item9_since(view: View, screen: State, look_back: Span | None) -> str:
    """Why a screen is too old beside item 9 of the PHQ-9; empty if it is not."""
    item9 = view.state("phq-9.9", look_back)
    positive = isinstance(item9.value, Decimal) and item9.value > 0  # any answer but "not at all"
    if positive and screen.when and item9.when and screen.when.latest < item9.when.earliest:
        return f"C-SSRS of {screen.when.text[:10]} is older than the positive item 9 of {item9.when.text[:10]}"
    return ""


def _diagnosis_since(view: View, screen: State) -> str:
    """Why a screen is too old beside a diagnosis, also a suspected or a resolved one; empty if it is not."""
    for said in view.usable("suicidality-recorded"):
        if said.value is False or said.standing not in ("final", "tentative", "unconfirmed", "disputed"):
            continue
        since = said.when.earliest if said.when else None if said.past else view.on
        if since and screen.when and screen.when.latest < since:
            what = f"{facts()['suicidality-recorded'].words} ({said.source})"
            return f"C-SSRS of {screen.when.text[:10]} is older than the record of {what}: ask it again"
    return ""


def _rise(name: str, base: str) -> Derivation:
    """Newest score minus the one before it, whatever its age."""

    def derive(view: View, look_back: Span | None) -> State:
        if gap := _missing(name, view, base, look_back=look_back):
            return gap
        newest = view.state(base, look_back)
        earlier = [
            r for r in view.usable(base) if r.counts and r.value is not None and r.when and r not in newest.readings
        ]
        if not earlier or not isinstance(newest.value, Decimal):
            return State(name, "unknown", reason=f"{base}: no earlier score to compare with", missing=(base,))
        before = max(earlier, key=lambda r: r.when.earliest if r.when else view.on)
        assert isinstance(before.value, Decimal)
        return State(name, "known", newest.value - before.value, newest.unit, newest.when, newest.sources)

    return derive


def drinking_cut_off(view: View, _: Span | None) -> State:
    """Which AUDIT-C line applies: `men` or `women`; the lower line where sex is not recorded."""
    patient = view.chart.patient
    sex = patient.birth_sex or {"male": "M", "female": "F"}.get(patient.gender or "")
    return State("audit-c-line", "known", "men" if sex == "M" else "women", sources=(patient.source,))


def birth_sex(view: View, _: Span | None) -> State:
    """Birth sex as recorded; administrative gender does not stand in for it."""
    sex = view.chart.patient.birth_sex
    if sex is None:
        return State("birth-sex", "unknown", reason="birth sex: no record", missing=("birth-sex",))
    return State("birth-sex", "known", sex, sources=(view.chart.patient.source,))


def deceased(view: View, _: Span | None) -> State:
    """Recorded as deceased; no statement reads as alive."""
    patient = view.chart.patient
    if patient.deceased:
        return State("deceased", "known", True, None, patient.deceased_on, (patient.source,))
    return State("deceased", "absent", False, sources=(patient.source,))


def medication_list(view: View, look_back: Span | None) -> State:
    """
    Known when somebody reconciled the list inside the look-back and every entry was understood.
    """
    name = "medication-list"
    span = look_back or facts()[name].span
    assert span is not None
    lists = [
        m
        for m in view.chart.lists
        if m.when and m.when.earliest <= view.on and not (m.written and m.written.earliest > view.on)
    ]
    missing = ("medication-reconciled-on",)
    if not lists:
        return State(name, "unknown", reason="medicine list: nobody has reconciled it", missing=missing)
    # Of one day, a list with entries says more than a statement that all was reconciled.
    newest = max(lists, key=lambda m: (m.when.earliest if m.when else view.on, m.entries is not None))
    assert newest.when is not None
    if newest.when.earliest < span.before(view.on) or newest.when.latest > view.on:
        reason = f"medicine list: reconciled {newest.when.text[:10]}; at most {span} old is needed"
        return State(name, "stale", when=newest.when, reason=reason, missing=missing, sources=(newest.source,))
    later = [m for m in view.chart.medicines if m.standing == "current" and m.begun and m.begun.earliest > view.on]
    strange = [u.text or u.code or f"an entry without words ({u.resource})" for u in view.chart.unmapped if u.medicine]
    strange += [f"{m.text or m.ingredients[0]}, dated after the day of decision" for m in later]
    if strange:
        what = ", ".join(dict.fromkeys(strange))
        return State(name, "unknown", reason=f"medicine list: not understood: {what}", missing=missing)
    if newest.entries is not None:
        listed = {i for m in view.chart.medicines if m.source in newest.entries for i in m.ingredients}
        unlisted = [m for m in view.current_medicines() if not set(m.ingredients) <= listed]
        if unlisted:
            what = unlisted[0].text or unlisted[0].ingredients[0]
            reason = f"medicine list: {what} is current but not on the list"
            sources = (newest.source, unlisted[0].source)
            return State(name, "conflict", reason=reason, missing=missing, sources=sources)
    return State(name, "known", True, None, newest.when, (newest.source,))


DERIVED: dict[str, Derivation] = {
    "age": age,
    "birth-sex": birth_sex,
    "deceased": deceased,
    "bmi": bmi,
    "systolic-mean": _mean("systolic-mean", "systolic"),
    "diastolic-mean": _mean("diastolic-mean", "diastolic"),
    "systolic-highest": _highest("systolic-highest", "systolic"),
    "diastolic-highest": _highest("diastolic-highest", "diastolic"),
    "weight-change": weight_change,
    "weight-again": weight_again,
    "alt-times-uln": _times_upper_limit("alt-times-uln", "alt"),
    "ast-times-uln": _times_upper_limit("ast-times-uln", "ast"),
    "alp-times-uln": _times_upper_limit("alp-times-uln", "alp"),
    "ggt-times-uln": _times_upper_limit("ggt-times-uln", "ggt"),
    "bilirubin-times-uln": _times_upper_limit("bilirubin-times-uln", "bilirubin"),
    "tsh-level": _hormone_level("tsh-level", "tsh"),
    "ft4-level": _hormone_level("ft4-level", "ft4"),
    "thyroid-uncontrolled": thyroid_uncontrolled,
    "target-diagnosis": target_diagnosis,
    "suicide-screen": suicide_screen,
    "ipss-rise": _rise("ipss-rise", "ipss"),
    "icsi-rise": _rise("icsi-rise", "icsi"),
    "audit-c-line": drinking_cut_off,
    "medication-list": medication_list,
}
