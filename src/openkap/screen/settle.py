"""
The shortest list of facts that would settle a verdict.

Each blocking condition is unknown because some facts are. For each we find the smallest sets of facts
which, answered reassuringly, would make it false; then the smallest union that serves all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from openkap.chart import expression
from openkap.chart.expression import Node, Setting
from openkap.chart.vocabulary import facts
from openkap.kernel.truth import Answer

Facts = frozenset[str]

_MOST_ALTERNATIVES = 64


def shortest_list(blocking: Iterable[tuple[Node, Setting]]) -> Facts:
    """
    Args:
        blocking: conditions that are unknown and block a verdict.

    Returns:
        A smallest set of facts whose reassuring answers would leave none of them unknown.
    """
    demands = [list(_settling(node, setting, False)) for node, setting in blocking]
    demands = sorted((d for d in demands if d), key=len)
    return _smallest_union(demands, frozenset())


def _smallest_union(demands: list[list[Facts]], have: Facts) -> Facts:
    forced = have
    undecided = []
    for demand in demands:
        if len(demand) == 1:
            forced |= demand[0]
        else:
            undecided.append(demand)
    undecided = [d for d in undecided if not any(option <= forced for option in d)]
    if not undecided:
        return forced
    best = forced | frozenset().union(*(min(d, key=lambda o: (len(o - forced), _preference(o))) for d in undecided))
    for chosen in _choices(undecided, forced, len(best)):
        if len(chosen) < len(best):
            best = chosen
    return best


def _choices(demands: list[list[Facts]], have: Facts, bound: int) -> Iterator[Facts]:
    """Every union of one option per demand that stays below the bound, depth first."""
    stack = [(0, have)]
    steps = 0
    while stack and steps < 20_000:
        steps += 1
        place, chosen = stack.pop()
        if len(chosen) >= bound:
            continue
        if place == len(demands):
            bound = len(chosen)
            yield chosen
            continue
        for option in sorted(demands[place], key=lambda o: (len(o - chosen), _preference(o)), reverse=True):
            stack.append((place + 1, chosen | option))


def _settling(node: Node, setting: Setting, want: bool) -> list[Facts]:
    """The smallest sets of now unknown facts with which `node` could be known to be `want`; empty if it cannot."""
    answer = node.evaluate(setting)
    if not answer.is_unknown:
        return [frozenset()] if answer.is_true is want else []
    if isinstance(node, expression.Not):
        return _settling(node.parts[0], setting, not want)
    if isinstance(node, expression.Seen):
        return _settling(node.parts[0], setting, want)
    if isinstance(node, expression.Taken):
        return _minimal(frozenset((fact,)) for fact in _base(node, setting)) if want else []
    if isinstance(node, expression.AnyKnown):
        return _known_measures(node, answer, setting, want)
    if isinstance(node, (expression.Both, expression.Either)):
        any_part_will_do = isinstance(node, expression.Either) is want
        options = [_settling(part, setting, want) for part in node.parts]
        if any_part_will_do:
            return _minimal(option for part in options for option in part)
        return _all_parts(options)
    asked = frozenset(gap.fact for gap in answer.gaps)
    if any(_waits_for_parent(name, setting) for name in asked):
        return []
    by_interview = _interview_would_deny(answer, setting)
    return [by_interview, asked] if by_interview and not want else [asked]


def _interview_would_deny(answer: Answer, setting: Setting) -> Facts | None:
    """What is missing of the structured interview, if a complete one would deny the facts an answer waits for."""
    modules = {facts()[gap.fact].module if gap.fact in facts() else "" for gap in answer.gaps}
    if "" in modules or any(gap.reason in ("conflict", "unconfirmed") for gap in answer.gaps):
        return None
    covered = setting.view.state("interview-modules")
    if isinstance(covered.value, tuple) and not modules <= set(covered.value):
        return None
    parts = ("interview-on", "interview-modules")
    return frozenset(part for part in parts if not setting.view.state(part).settled) or None


def _waits_for_parent(name: str, setting: Setting) -> bool:
    """A detail cannot be asked before its parent is known to be present."""
    fact = facts().get(name)
    return bool(fact and fact.detail_of) and setting.view.state(fact.detail_of).value is not True  # type: ignore[union-attr]


def _base(node: expression.Taken, setting: Setting) -> Iterator[str]:
    for fact in node.facts:
        yield from setting.state(fact).missing or (fact,)


def _known_measures(node: Node, answer: Answer, setting: Setting, want: bool) -> list[Facts]:
    """Of several measures any one will do, unless a conflict among them has to be settled first."""
    doubted = frozenset(gap.fact for gap in answer.gaps if gap.reason in ("conflict", "unconfirmed"))
    if doubted:
        return [doubted]
    return _minimal(option for part in node.parts for option in _settling(part, setting, want))


def _all_parts(options: list[list[Facts]]) -> list[Facts]:
    unions: list[Facts] = [frozenset()]
    for part in options:
        if not part:
            return []
        unions = _minimal(union | option for union in unions for option in part)
    return unions


def _minimal(candidates: Iterable[Facts]) -> list[Facts]:
    kept: list[Facts] = []
    for candidate in sorted(set(candidates), key=_preference):
        if not any(smaller <= candidate for smaller in kept):
            kept.append(candidate)
    return kept[:_MOST_ALTERNATIVES]


def _preference(option: Facts) -> tuple[int, list[int]]:
    """Fewer facts first; among as many, those that stand first in the vocabulary, which is the order of asking."""
    order = list(facts())
    return len(option), sorted(order.index(name) if name in facts() else len(order) for name in option)
