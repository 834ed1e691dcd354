"""
The rulebook as a whole: no rule passes on an unknown input, and no two rules of a ladder hold together.

Every fact a rule reads is given each value that can make a difference (both sides of each limit, each
answer code, inside and outside each window) and, besides, no value at all. A stale or conflicting fact
reaches a rule as no value, so what holds for the unknown holds for them.
"""

from __future__ import annotations

import itertools
import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from openkap.chart.expression import AnyKnown, Compare, Flag, Seen, Setting, Taken, Taking, Within
from openkap.chart.rule_language import parse
from openkap.chart.types import State
from openkap.chart.vocabulary import facts
from openkap.kernel.clock import Span, When
from openkap.kernel.truth import Answer, Gap
from openkap.screen.rulebook import rules

ON = date(2026, 11, 25)
ARMS = [(rule, arm) for rule in rules().values() for arm in rule.arm]
IDS = [f"{rule.id}-{arm.class_}-{i}" for i, (rule, arm) in enumerate(ARMS)]
MOST = 4000  # assignments tried per arm; smaller spaces are tried whole


class Made:
    """A view that answers from a table; what is not in the table is unknown."""

    def __init__(self, values: dict[str, object], reason: str = "no record"):
        self.values, self.on, self.reason = values, ON, reason

    def state(self, name: str, look_back: object = None) -> State:
        value = self.values.get(name)
        if value is None:
            return State(name, "unknown", reason=f"{name}: {self.reason}")
        return State(name, "absent" if value is False else "known", value, facts()[name].unit or None)

    def taking(self, group: str) -> Answer:
        value = self.values.get(f"taking {group}")
        if value is None:
            return Answer.unknown(Gap("medication-reconciled-on", "unknown", "no list"))
        return Answer.true("takes it") if value else Answer.false("does not")


def evaluate(rule, arm, values, reason="no record") -> Answer:
    limits = {name: limit.limit for name, limit in rule.limits.items()}
    return parse(arm.when).evaluate(Setting(Made(values, reason), limits, {}))


def domain(rule, node) -> dict[str, list[object]]:
    """Each input of a condition with the values that can make a difference."""
    found: dict[str, list[object]] = {}
    for atom in node.atoms():
        if isinstance(atom, Taking):
            found[f"taking {atom.group}"] = [True, False]
        elif isinstance(atom, Taken):
            for name in atom.facts:
                fact = facts()[name]
                found.setdefault(name, list(fact.options) or [fact.least or Decimal(1)])
        elif isinstance(atom, Flag):
            found[atom.fact] = [True, False]
        elif isinstance(atom, Compare):
            limit = rule.limits[atom.limit].limit
            near = [limit - Decimal("0.01"), limit, limit + Decimal("0.01")]
            found[atom.fact] = sorted({*found.get(atom.fact, []), *near})
        elif isinstance(atom, Within):
            start = Span.before(rule.limits[atom.limit].limit, ON)
            days = [start - timedelta(days=1), start, ON]
            found.setdefault(atom.fact, []).extend(When.on(d) for d in days)
        else:
            fact = facts()[atom.fact]
            found[atom.fact] = list(fact.options) or ["positive", "negative"]
    return found


def assignments(space: dict[str, list[object]]):
    names, options = list(space), list(space.values())
    size = 1
    for values in options:
        size *= len(values)
    if size <= MOST:
        return [dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*options)]
    draw = random.Random(20)
    return [{name: draw.choice(values) for name, values in space.items()} for _ in range(MOST)]


def documented(node) -> set[str]:
    """Inputs under `seen` or `any-known`, where silence is documented in the rule's reading."""
    exempt: set[str] = set()

    def walk(part, inside):
        inside = inside or isinstance(part, (Seen, AnyKnown))
        if inside and not part.parts:
            named = part.facts if isinstance(part, Taken) else (part.fact,) if not isinstance(part, Taking) else ()
            exempt.update(named or (f"taking {part.group}",))
        for child in part.parts:
            walk(child, inside)

    walk(node, False)
    return exempt


@pytest.mark.goal("RG-20")
@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize(("rule", "arm"), ARMS, ids=IDS)
def test_no_condition_is_false_because_something_is_unknown(rule, arm):
    """If a condition is false with a fact left out, then it is false whatever that fact is."""
    node = parse(arm.when)
    space = domain(rule, node)
    for complete in assignments(space):
        for name in space:
            if name in documented(node):
                continue
            without = {k: v for k, v in complete.items() if k != name}
            if evaluate(rule, arm, without).is_false:
                for value in space[name]:
                    outcome = evaluate(rule, arm, without | {name: value})
                    assert outcome.is_false, f"{rule.id} clears without knowing {name}: {without}"


# Silence reads as no here, because another rule asks for the same thing; each says so under `reading`.
SILENT = {("SCR-ECL-1", "exclude"), ("SCR-URO-2", "hold")}


@pytest.mark.goal("RG-20")
@pytest.mark.parametrize(("rule", "arm"), ARMS, ids=IDS)
def test_nothing_known_is_never_a_no(rule, arm):
    answer = evaluate(rule, arm, {})
    if (rule.id, arm.class_) in SILENT:
        assert answer.is_false and rule.reading
    else:
        assert answer.is_unknown


@pytest.mark.parametrize("rule", rules().values(), ids=lambda r: r.id)
def test_a_rule_that_uses_seen_or_any_known_explains_it(rule):
    if any(documented(parse(arm.when)) for arm in rule.arm):
        assert rule.reading, f"{rule.id} reads silence in its own way and does not say so"


@pytest.mark.parametrize(("rule", "arm"), ARMS, ids=IDS)
def test_a_conflict_or_an_unconfirmed_record_is_never_passed_over_in_silence(rule, arm):
    """`seen` is silent about what is missing, never about what is doubtful."""
    node = parse(arm.when)
    silent = documented(node)
    for name in silent:
        if name.startswith("taking "):
            continue
        space = {k: v for k, v in domain(rule, node).items() if k != name}
        for rest in assignments(space)[:200]:
            sure = [evaluate(rule, arm, rest | {name: value}) for value in domain(rule, node)[name]]
            if any(a.is_true for a in sure):
                doubted = evaluate(rule, arm, rest, reason="recorded but not confirmed")
                assert not doubted.is_false, f"{rule.id} passes over a doubtful {name}"


@pytest.mark.parametrize("ladder", sorted({rule.ladder for rule in rules().values() if rule.ladder}))
def test_at_most_one_step_of_a_ladder_is_true(ladder):
    steps = [rule for rule in rules().values() if rule.ladder == ladder]
    space: dict[str, list[object]] = {}
    for rule in steps:
        for arm in rule.arm:
            for name, values in domain(rule, parse(arm.when)).items():
                merged = {repr(v): v for v in [*space.get(name, []), *values]}
                space[name] = list(merged.values())
    for values in assignments(space):
        true = [rule.id for rule in steps if any(evaluate(rule, arm, values).is_true for arm in rule.arm)]
        assert len(true) <= 1, f"{true} hold together for {values}"


@pytest.mark.parametrize("rule", [r for r in rules().values() if len(r.arm) > 1], ids=lambda r: r.id)
def test_arms_of_a_rule_stand_worst_first(rule):
    order = ["exclude", "hold", "caution", "inform"]
    places = [order.index(arm.class_) for arm in rule.arm]
    assert places == sorted(places)


def only_asks(node) -> bool:
    """A check that readings were taken at all: unknown or false, never true."""
    return all(isinstance(atom, Taken) for atom in node.atoms())


@pytest.mark.parametrize(("rule", "arm"), ARMS, ids=IDS)
def test_every_condition_can_be_true_and_can_be_false(rule, arm):
    outcomes = {evaluate(rule, arm, values).value for values in assignments(domain(rule, parse(arm.when)))}
    names = {outcome.value for outcome in outcomes}
    if only_asks(parse(arm.when)):
        assert names == {"false"}, "a completeness check is settled by presence alone"
    else:
        assert {"true", "false"} <= names
