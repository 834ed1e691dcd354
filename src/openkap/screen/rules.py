"""
Screening: every rule judged on the facts of a day, added up to one verdict.

Pure: rules and facts in, findings out. A rule that is not known to be false is never passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from openkap.chart import expression
from openkap.chart.document import state_document
from openkap.chart.expression import Node, Setting
from openkap.chart.rule_language import parse
from openkap.chart.view import SAME_DAY, View
from openkap.chart.vocabulary import facts
from openkap.kernel.clock import Span
from openkap.kernel.site import Site, unsigned_words
from openkap.kernel.truth import Answer, Gap, Truth
from openkap.screen.settle import shortest_list
from openkap.screen.types import CLASSES, Arm, Ask, Finding, Missing, Rule, RuleClass, Screening, VerdictWord

_POLICIES: tuple[Missing, ...] = ("MB", "MH", "MC")  # worst first

# Base facts stand in a finding in place of what is computed from them, except these.
_KEEP_DERIVED = ("age", "birth-sex", "deceased", "drug-arm", "therapy-arm")


@dataclass(frozen=True, slots=True)
class Judged:
    """One arm of a rule, judged."""

    arm: Arm
    node: Node
    setting: Setting
    answer: Answer
    class_: RuleClass
    missing: Missing
    excused: bool = False


def screen(
    rules: Iterable[Rule],
    view: View,
    *,
    suspicion: View | None = None,
    dose_day: bool = False,
    routes: frozenset[str] = frozenset(),
    site: Site | None = None,
    everything: bool = False,
) -> Screening:
    """
    Judge all rules and give the verdict.

    Args:
        rules: the rulebook, site overrides applied.
        view: the chart on the day of decision.
        suspicion: the same chart read with preliminary results and unfinished forms, which may raise
            a finding and never clear one; None where there are none.
        dose_day: also judge the checks of the day, from that day's facts.
        routes: routes still open at this site; arms about other routes are dropped.
        site: decides which rows are signed.
        everything: also list rules that are known to be false.
    """
    site = site or Site()
    findings: list[Finding] = []
    waiting: list[Judged] = []
    checked = 0
    list_known = view.state("medication-list").settled
    for rule in rules:
        if rule.dose_day and not dose_day:
            continue
        checked += 1
        if not site.signed(rule, view.on):
            findings.append(_unsigned(rule))
            continue
        judged = [
            _judge(rule, arm, view, suspicion, dose_day)
            for arm in rule.arm
            if _arm_counts(rule, arm, dose_day) and (not arm.routes or routes & set(arm.routes))
        ]
        found, open_ = _add_up(rule, judged, view, everything)
        if rule.group == "interaction" and not list_known:
            # One finding speaks for all of them (SCR-MED-1); none counts as false meanwhile.
            found = [f for f in found if f.truth is not Truth.FALSE and not _waits_for_medicines(f)]
            open_ = [j for j in open_ if not any(g.fact == "medication-reconciled-on" for g in j.answer.gaps)]
        findings.extend(f for f in found if everything or f.truth is not Truth.FALSE)
        waiting.extend(open_)
    findings.sort(key=lambda f: (CLASSES.index(f.class_), f.truth is not Truth.TRUE))
    verdict = verdict_of(findings)
    would_settle = _would_settle(waiting, view)
    return Screening(
        verdict,
        tuple(findings),
        _asks(findings, would_settle if verdict == "insufficient" else frozenset()),
        site.mode,
        dose_day,
        checked,
        tuple(f.rule for f in findings if f.truth is Truth.FALSE),
        would_settle,
    )


def verdict_of(findings: Iterable[Finding]) -> VerdictWord:
    """The verdict table: the first line that fits decides."""
    live = [f for f in findings if f.truth is not Truth.FALSE]
    true = {f.class_ for f in live if f.truth is Truth.TRUE}
    unknown = [f for f in live if f.truth is Truth.UNKNOWN]
    if "exclude" in true:
        return "exclude"
    if "hold" in true:
        return "hold"
    if any(blocks(f) for f in unknown):
        return "insufficient"
    if "caution" in true or unknown:
        return "caution"
    return "eligible"


def blocks(finding: Finding) -> bool:
    """True for an unknown that no caution can carry: missing data that blocks, or a conflict."""
    return finding.missing in ("MB", "MH") or finding.conflict


def _arm_counts(rule: Rule, arm: Arm, dose_day: bool) -> bool:
    return arm.on_dose_day != ("never" if dose_day else "only")


def _judge(rule: Rule, arm: Arm, view: View, suspicion: View | None, dose_day: bool) -> Judged:
    node = parse(arm.when)
    setting = _setting(rule, arm, view)
    answer = node.evaluate(setting)
    if not answer.is_true and suspicion is not None:
        doubted = _setting(rule, arm, suspicion)
        suspected = node.evaluate(doubted)
        if suspected.is_true:
            where = "a preliminary, unfinished or unsigned record, or in another unit"
            because = tuple(f"{text} (from {where})" for text in suspected.because)
            answer = replace(suspected, because=because)
        elif answer.is_false and suspected.is_unknown:
            # An answer about death begun after the last C-SSRS; a record nobody looked at against an older denial.
            answer, setting = suspected, doubted
    missing = arm.missing or "MB"
    for case in arm.missing_if:
        holds = parse(case.when).evaluate(setting)
        stricter = _POLICIES.index(case.policy) < _POLICIES.index(missing)
        if holds.is_true or (holds.is_unknown and stricter):
            missing = case.policy
            break
    class_ = arm.dose_day_class if dose_day and arm.dose_day_class else arm.class_
    if missing == "MH" and answer.gaps and all(gap.reason == "unobtainable" for gap in answer.gaps):
        # The recorded reason why it cannot be had makes the unknown a caution, never more than the rule's own class.
        texts = tuple(dict.fromkeys(gap.text for gap in answer.gaps))
        reasoned = Answer(Truth.TRUE, texts, tuple(dict.fromkeys(gap.fact for gap in answer.gaps)))
        return Judged(arm, node, setting, reasoned, max(class_, "caution", key=CLASSES.index), missing, excused=True)
    return Judged(arm, node, setting, answer, class_, missing)


def _setting(rule: Rule, arm: Arm, view: View) -> Setting:
    return Setting(
        view,
        {name: limit.limit for name, limit in rule.limits.items()},
        {fact: Span.parse(text) for fact, text in rule.look_back.items()},
        SAME_DAY if rule.dose_day or arm.on_dose_day == "only" else None,
    )


def _add_up(rule: Rule, judged: list[Judged], view: View, everything: bool) -> tuple[list[Finding], list[Judged]]:
    """The worst true class, and an unknown where a worse one is still possible; what is false only if all is listed."""
    unknown: list[Judged] = []
    for class_ in CLASSES:
        of_class = [j for j in judged if j.class_ == class_]
        true = [j for j in of_class if j.answer.is_true]
        if true:
            found = [_finding(rule, class_, Truth.TRUE, true, judged, view)]
            if unknown:
                found.insert(0, _finding(rule, unknown[0].class_, Truth.UNKNOWN, unknown, judged, view))
            return found, unknown
        unknown.extend(j for j in of_class if j.answer.is_unknown)
    if unknown:
        return [_finding(rule, unknown[0].class_, Truth.UNKNOWN, unknown, judged, view)], unknown
    if not judged or not everything:
        return [], []
    worst = min((j.class_ for j in judged), key=CLASSES.index)
    return [_finding(rule, worst, Truth.FALSE, judged, judged, view)], []


def _finding(
    rule: Rule, class_: RuleClass, truth: Truth, arms: list[Judged], all_arms: list[Judged], view: View
) -> Finding:
    gaps = _askable([g for j in arms for g in j.answer.gaps], view) if truth is Truth.UNKNOWN else ()
    missing = min((j.missing for j in arms), key=_POLICIES.index) if truth is Truth.UNKNOWN else None
    texts = dict.fromkeys(text for j in arms for text in j.answer.because if text)
    if truth is Truth.UNKNOWN:
        texts = dict.fromkeys(g.text for g in gaps)
    change = ""
    if truth is Truth.TRUE:
        first = arms[0]
        change = f"{_named(first)} obtained" if first.excused else _would_change(first.node, first.setting)
    named = tuple(dict.fromkeys(g.fact for g in gaps)) or _facts_of(arms)
    return Finding(
        rule=rule.id,
        title=rule.title,
        class_=class_,
        truth=truth,
        missing=missing,
        facts=_base_facts(named),
        because="; ".join(texts) or rule.text,
        action=rule.action,
        source=rule.sources,
        evidence=rule.evidence,
        verified=rule.verified,
        needs_site_protocol=rule.needs_site_protocol,
        would_change=change,
        inputs=tuple(_inputs(all_arms)),
        mitigation=rule.mitigation,
        gaps=gaps,
        conflict=any(j.answer.in_conflict for j in arms) if truth is Truth.UNKNOWN else False,
        retracted=rule.retracted,
        basis=rule.basis,
        reading=rule.reading,
        set_here=rule.set_here,
    )


def _unsigned(rule: Rule) -> Finding:
    """A row that nobody at the site has signed decides nothing; only a signature settles it."""
    worst = min((arm.class_ for arm in rule.arm), key=CLASSES.index)
    return Finding(
        rule=rule.id,
        title=rule.title,
        class_=worst,
        truth=Truth.UNKNOWN,
        missing="MB",
        facts=(),
        because=unsigned_words(rule.id),
        action="Have the medical director review and sign it (openkap content page, openkap content sign).",
        source=rule.sources,
        evidence=rule.evidence,
        verified=rule.verified,
        needs_site_protocol=rule.needs_site_protocol,
        retracted=rule.retracted,
        basis=rule.basis,
        reading=rule.reading,
        set_here=rule.set_here,
    )


def _askable(gaps: list[Gap], view: View) -> tuple[Gap, ...]:
    """A detail is asked only where its parent is present; until then the parent is asked."""
    kept = []
    for gap in gaps:
        fact = facts().get(gap.fact)
        if fact and fact.detail_of and view.state(fact.detail_of).value is not True:
            continue
        kept.append(gap)
    return tuple(dict.fromkeys(kept or gaps))


def _facts_of(arms: list[Judged]) -> tuple[str, ...]:
    carried = tuple(dict.fromkeys(f for j in arms for f in j.answer.facts))
    return carried or tuple(dict.fromkeys(f for j in arms for f in expression.facts_named(j.node)))


def _base_facts(names: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in names:
        fact = facts().get(name)
        if fact and fact.kind == "derived" and name not in _KEEP_DERIVED:
            found.update(dict.fromkeys(fact.from_))
        else:
            found[name] = None
    return tuple(found)


def _inputs(arms: list[Judged]) -> Iterable[dict]:
    seen = set()
    for judged in arms:
        for name in expression.facts_named(judged.node):
            if name not in seen:
                seen.add(name)
                yield state_document(judged.setting.state(name))


def _waits_for_medicines(finding: Finding) -> bool:
    return finding.truth is Truth.UNKNOWN and any(g.fact == "medication-reconciled-on" for g in finding.gaps)


def _named(judged: Judged) -> str:
    return " and ".join(facts()[name].words for name in judged.answer.facts)


def _would_change(node: Node, setting: Setting) -> str:
    """What would have to be different for a true condition to be false, naming only what holds now."""
    if isinstance(node, expression.Either):
        true = [part for part in node.parts if part.evaluate(setting).is_true]
        return " and ".join(_would_change(part, setting) for part in true)
    if isinstance(node, expression.Both):
        return " or ".join(_would_change(part, setting) for part in node.parts)
    if isinstance(node, expression.Not):
        return node.parts[0].words(setting.limits)
    return node.words(setting.limits, negated=True)


def _would_settle(waiting: list[Judged], view: View) -> frozenset[str]:
    blocking = [j for j in waiting if j.missing in ("MB", "MH") or j.answer.in_conflict]
    shortest = shortest_list((j.node, j.setting) for j in blocking)
    return frozenset(g.fact for g in _askable([Gap(name, "", "") for name in sorted(shortest)], view))


def _asks(findings: list[Finding], decisive: frozenset[str]) -> tuple[Ask, ...]:
    unknown = [f for f in findings if f.truth is Truth.UNKNOWN]
    by_fact: dict[str, list[tuple[Finding, Gap]]] = {}
    for finding in unknown:
        for gap in finding.gaps:
            by_fact.setdefault(gap.fact, []).append((finding, gap))
    order = {name: place for place, name in enumerate(facts())}

    def weight(item: tuple[str, list[tuple[Finding, Gap]]]) -> tuple[bool, bool, int, int, int]:
        name, rows = item
        return (
            name not in decisive,
            not any(blocks(f) for f, _ in rows),
            min(CLASSES.index(f.class_) for f, _ in rows),
            -len(rows),
            order.get(name, len(order)),
        )

    return tuple(
        Ask(
            fact=name,
            question=question_for(name),
            rules=tuple(dict.fromkeys(f.rule for f, _ in rows)),
            decisive=name in decisive,
            reason=rows[0][1].text,
        )
        for name, rows in sorted(by_fact.items(), key=weight)
    )


def question_for(name: str) -> str:
    """What to ask to know a fact."""
    fact = facts().get(name)
    return (fact.question if fact else "") or f"Record {name.replace('-', ' ')}."
