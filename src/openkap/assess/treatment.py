"""
Treatment history: was each trial adequate, did it fail, and is an arm of treatment resistance met?

The working rule stands in `content/treatment.toml`. The consensus staging that will replace it could not
be read; its place there is empty, and the summary says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import msgspec

from openkap.chart.derive import Derivation
from openkap.chart.types import State, Status, Trial
from openkap.chart.view import View
from openkap.chart.vocabulary import ingredients
from openkap.kernel.clock import Span
from openkap.kernel.content import Header, load, refuse_dangling
from openkap.kernel.content import sources as cited_works
from openkap.kernel.errors import ContentFault
from openkap.kernel.quantity import number
from openkap.kernel.source import Sourced
from openkap.kernel.truth import Answer, Gap, conjunction

Arm = Literal["drug", "therapy"]

COMPLETE = "treatment-history-complete"
FACT: dict[Arm, str] = {"drug": "drug-arm", "therapy": "therapy-arm"}
_KIND: dict[Arm, str] = {"drug": "medication", "therapy": "psychotherapy"}
_THERAPY_CODES = ("cbt", "exposure", "emdr", "act", "psychodynamic", "mindfulness", "other-therapy")


class Consensus(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    The published consensus, whose criteria could not be read.

    Args:
        text: what is known of it.
        gap: what is missing and how to close it.
        supersedes: rules that it replaces once encoded.
        drug_criteria, therapy_criteria, stages: the place of the criteria; empty while the gap is open.
    """

    text: str
    gap: str
    supersedes: tuple[str, ...]
    drug_criteria: tuple[str, ...] = ()
    therapy_criteria: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()


class WorkingRule(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    How many adequate failures each arm needs.

    Args:
        severity_rule: id of the screening rule that holds the severity threshold.
    """

    text: str
    drug_failures: int
    therapy_failures: int
    severity_rule: str

    def needed(self, arm: Arm) -> int:
        """Failures that the arm needs."""
        return self.drug_failures if arm == "drug" else self.therapy_failures


class Statement(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fact to show beside a result."""

    text: str


class Failure(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    Args:
        response_fall_percent: instrument -> fall that is response.
        failed_outcomes: outcome words that mean response not met.
    """

    text: str
    response_fall_percent: dict[str, int]
    failed_outcomes: tuple[str, ...]


class Adequacy(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    Args:
        adherence_percent: least adherence.
        adherence_fact: stands for a trial without its own adherence; denied is adherent.
        not_resistance: outcome words that are recorded and say nothing about resistance.
    """

    text: str
    adherence_percent: Decimal
    adherence_fact: str
    not_resistance: tuple[str, ...]


class Dose(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A row of the adequate-trial table.

    Args:
        arm: which arm a failure speaks for.
        minimum_mg: ingredient -> least daily dose in mg.
        range_mg: usual daily range in mg, for display.
        therapies: therapy codes of the row.
        sessions: least sessions attended.
        planned_sessions: usual plan, for display.
        disorders: those the guideline lists; they inform only.
        weeks: least weeks at the minimum dose, or of therapy.
        counts: whether a failure counts as first-line failure.
    """

    arm: Arm
    words: str
    disorders: tuple[str, ...]
    weeks: Decimal
    counts: Literal["yes", "second-line", "never"]
    minimum_mg: dict[str, Decimal] = {}
    range_mg: tuple[Decimal, ...] = ()
    therapies: tuple[str, ...] = ()
    sessions: int | None = None
    planned_sessions: tuple[int, ...] = ()

    @property
    def treatments(self) -> tuple[str, ...]:
        """Ingredients or therapies that the row speaks of."""
        return (*self.minimum_mg, *self.therapies)


class TreatmentFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content/treatment.toml`."""

    content: Header
    consensus: Consensus
    working: WorkingRule
    definitions_in_use: Statement
    failure: Failure
    adequacy: Adequacy
    dose: tuple[Dose, ...]

    @property
    def rows(self) -> tuple[Sourced, ...]:
        """Every row that carries an id."""
        return (self.consensus, self.working, self.definitions_in_use, self.failure, self.adequacy, *self.dose)


@cache
def treatment() -> TreatmentFile:
    """The rules of treatment history, checked."""
    file = load("assess", "treatment.toml", TreatmentFile)
    where = "assess/content/treatment.toml"
    refuse_dangling(file.rows, cited_works("assess"), where)
    named = [name for row in file.dose for name in row.treatments]
    if len(set(named)) != len(named):
        raise ContentFault(f"{where}: a treatment stands in two dose rows; name it in one.")
    for row in file.dose:
        if bool(row.minimum_mg) == bool(row.therapies) or bool(row.therapies) != (row.sessions is not None):
            raise ContentFault(f"{where}: {row.id} needs minimum_mg, or therapies with sessions; give one of the two.")
    return file


@cache
def _row_of() -> dict[str, Dose]:
    return {name: row for row in treatment().dose for name in row.treatments}


@dataclass(frozen=True, slots=True)
class TrialJudgement:
    """
    What one trial amounts to.

    Args:
        trial: as recorded.
        row: id of the dose row it was judged by; empty where none fits.
        arm: the arm it could speak for; None for none.
        counts: `yes`, `second-line`, `never`, or `no-row`.
        adequate: dose, weeks (sessions) and adherence together, with reasons.
        failed: response not met at its end.
        speaks: it meets the arm: a first-line row, adequate, failed.
    """

    trial: Trial
    row: str
    arm: Arm | None
    counts: str
    adequate: Answer
    failed: Answer
    speaks: Answer

    @property
    def words(self) -> str:
        """The trial in a few words: treatment and year."""
        ended = f" (ended {self.trial.ended.text[:10]})" if self.trial.ended else ""
        return f"{self.trial.treatment or 'a treatment without a name'}{ended}"

    def document(self) -> dict[str, Any]:
        """As `openkap assess` shows it."""
        trial = self.trial
        return {
            "kind": trial.kind,
            "treatment": trial.treatment,
            "max_dose_mg": _plain(trial.max_dose_mg),
            "weeks": _plain(trial.weeks),
            "sessions": _plain(trial.sessions),
            "adherence_percent": _plain(trial.adherence),
            "outcome": trial.outcome,
            "ended": trial.ended.text if trial.ended else None,
            "told_by": trial.told_by,
            "source": trial.source,
            "rule": self.row or None,
            "arm": self.arm,
            "counts": self.counts,
            "adequate": self.adequate.value.value,
            "failed": self.failed.value.value,
            "meets_arm": self.speaks.value.value,
            "because": list(dict.fromkeys((*self.adequate.because, *self.failed.because, *self.speaks.because))),
        }


def history(view: View) -> list[TrialJudgement]:
    """Every trial judged, in the order of the record; one that ends after the day of decision is not used."""
    return [judge(trial, view) for trial in view.chart.trials if not _ends_later(trial, view)]


def judge(trial: Trial, view: View) -> TrialJudgement:
    """Judge one trial by the row of its treatment."""
    row = _row_of().get((trial.treatment or "").strip().lower())
    if row is None:
        arms = _possible_arms(trial)
        failed = _failed(trial, arms[0] if arms else "drug")
        if not arms:
            no = Answer.false("its treatment is no first-line one")
            return TrialJudgement(trial, "", None, "no-row", Answer.false("no minimum is set for it"), failed, no)
        gap = Gap(FACT[arms[0]], "no record", "which treatment it was is not recorded in a way that can be read")
        speaks = conjunction(Answer.unknown(gap), failed)
        return TrialJudgement(trial, "", arms[0], "no-row", Answer.unknown(gap), failed, speaks)
    failed = _failed(trial, row.arm)
    adequate = conjunction(_amount(trial, row), _weeks(trial, row), _adherence(trial, row, view))
    first_line = (
        Answer.true(f"{row.words}: first line ({row.id})")
        if row.counts == "yes"
        else Answer.false(f"{row.words}: {row.counts}, does not count as first-line failure ({row.id})")
    )
    speaks = conjunction(first_line, _kind_fits(trial, row), adequate, failed)
    return TrialJudgement(trial, row.id, row.arm, row.counts, adequate, failed, speaks)


def drug_arm(view: View, _: Span | None) -> State:
    """`met`, `met-by-report` or `not-met` for medicines, or unknown with what is missing."""
    return _arm(view, "drug")


def therapy_arm(view: View, _: Span | None) -> State:
    """`met`, `met-by-report` or `not-met` for psychotherapy, or unknown with what is missing."""
    return _arm(view, "therapy")


DERIVED: dict[str, Derivation] = {"drug-arm": drug_arm, "therapy-arm": therapy_arm}


def resistance(view: View) -> dict[str, Any]:
    """Arms, trials and rules as `openkap assess` shows them, with the gap of the consensus named."""
    rules = treatment()
    consensus = rules.consensus
    encoded = bool(consensus.drug_criteria and consensus.therapy_criteria)
    return {
        "drug_arm": _arm_document(drug_arm(view, None)),
        "therapy_arm": _arm_document(therapy_arm(view, None)),
        "rule": {"id": rules.working.id, "text": rules.working.text, "severity_rule": rules.working.severity_rule},
        "consensus": {
            "id": consensus.id,
            "status": "criteria recorded, not applied" if encoded else "gap",
            "text": consensus.text,
            "gap": consensus.gap,
            "stage": None,
            "supersedes": list(consensus.supersedes),
        },
        "note": rules.definitions_in_use.text,
        "trials": [judged.document() for judged in history(view)],
        "not_used": [
            f"{t.treatment} ends after {view.on.isoformat()}" for t in view.chart.trials if _ends_later(t, view)
        ],
    }


# --- an arm ------------------------------------------------------------------------------------------


def _arm(view: View, arm: Arm) -> State:
    name = FACT[arm]
    judged = [j for j in history(view) if _concerns(j, arm)]
    speaking = [j for j in judged if j.speaks.is_true]
    if len(speaking) >= treatment().working.needed(arm):
        recorded = [j for j in speaking if j.trial.told_by == "record"]
        value = "met" if len(recorded) >= treatment().working.needed(arm) else "met-by-report"
        because = "; ".join(j.words for j in recorded or speaking)
        return State(name, "known", value, sources=_sources(recorded or speaking), reason=because)
    waiting = [j for j in judged if j.speaks.is_unknown]
    complete = view.state(COMPLETE)
    if not waiting and complete.value is True:
        return State(name, "known", "not-met", None, complete.when, complete.sources)
    gaps = [gap for j in waiting for gap in j.speaks.gaps]
    said = [f"{j.words}: {gap.text}" for j in waiting for gap in j.speaks.gaps]
    missing = [name if gap.fact in FACT.values() else gap.fact for gap in gaps]
    status: Status = "unknown"
    if complete.value is not True:
        said.append(complete.reason or "the list of prior treatments is not complete")
        missing.append(COMPLETE)
        status = complete.status if complete.status in ("stale", "conflict") and not waiting else "unknown"
    if complete.status == "conflict" or any(gap.reason == "conflict" for gap in gaps):
        status = "conflict"
    sources = tuple(dict.fromkeys((*_sources(waiting), *complete.sources)))
    return State(name, status, sources=sources, reason=_joined(said), missing=tuple(dict.fromkeys(missing)))


def _concerns(judged: TrialJudgement, arm: Arm) -> bool:
    return judged.arm == arm or (judged.row == "" and arm in _possible_arms(judged.trial))


def _possible_arms(trial: Trial) -> tuple[Arm, ...]:
    """The arms that a trial without a row could still speak for, because nobody can tell what it was."""
    name = (trial.treatment or "").strip().lower()
    if trial.kind == "other" or name in ingredients() or name in _THERAPY_CODES:
        return ()
    if trial.kind is None:
        return ("drug", "therapy")
    return tuple(arm for arm, kind in _KIND.items() if kind == trial.kind)


def _joined(said: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(said))


def _sources(judged: Iterable[TrialJudgement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(j.trial.source for j in judged))


def _arm_document(state: State) -> dict[str, Any]:
    return {"status": state.status, "value": state.value, "because": state.reason, "missing": list(state.missing)}


# --- parts of a judgement ----------------------------------------------------------------------------


def _amount(trial: Trial, row: Dose) -> Answer:
    """Dose of a medicine, sessions of a therapy."""
    if row.sessions is not None:
        return _at_least(trial.sessions, Decimal(row.sessions), "sessions attended", row)
    name = (trial.treatment or "").strip().lower()
    return _at_least(trial.max_dose_mg, row.minimum_mg[name], "mg/d at most taken", row)


def _weeks(trial: Trial, row: Dose) -> Answer:
    unit = "weeks of therapy" if row.sessions is not None else "weeks at or above the minimum dose"
    return _at_least(trial.weeks, row.weeks, unit, row)


def _adherence(trial: Trial, row: Dose, view: View) -> Answer:
    rule = treatment().adequacy
    if trial.adherence is not None:
        return _at_least(trial.adherence, rule.adherence_percent, "% adherence", row)
    state = view.state(rule.adherence_fact)
    if state.value is True:
        return Answer.false(f"not taken as agreed ({rule.id})", rule.adherence_fact)
    if state.status == "absent":
        return Answer.true(f"taken as agreed ({rule.id})", rule.adherence_fact)
    reason = state.status if state.status in ("stale", "conflict") else "no record"
    return Answer.unknown(Gap(rule.adherence_fact, reason, f"adherence is not recorded ({state.reason})"))


def _at_least(value: Decimal | None, least: Decimal, unit: str, row: Dose) -> Answer:
    if value is None:
        text = f"{unit} not recorded, at least {number(least)} count ({row.id})"
        return Answer.unknown(Gap(FACT[row.arm], "no record", text))
    said = f"{number(value)} {unit}, at least {number(least)} count ({row.id})"
    return Answer.true(said) if value >= least else Answer.false(said)


def _kind_fits(trial: Trial, row: Dose) -> Answer:
    if trial.kind in (None, _KIND[row.arm]):
        return Answer.true()
    text = f"recorded as {trial.kind}, but {trial.treatment} is a {_KIND[row.arm]}: correct one of the two"
    return Answer.unknown(Gap(FACT[row.arm], "conflict", text))


def _failed(trial: Trial, arm: Arm) -> Answer:
    rules = treatment()
    if trial.outcome is None:
        return Answer.unknown(Gap(FACT[arm], "no record", "its outcome is not recorded"))
    if trial.outcome in rules.failure.failed_outcomes:
        return Answer.true(f"ended with outcome {trial.outcome} ({rules.failure.id})")
    if trial.outcome in rules.adequacy.not_resistance:
        return Answer.false(f"ended by {trial.outcome}, which is not resistance ({rules.adequacy.id})")
    return Answer.false(f"ended with outcome {trial.outcome}: not a failure ({rules.failure.id})")


def _ends_later(trial: Trial, view: View) -> bool:
    return trial.ended is not None and trial.ended.earliest > view.on


def _plain(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)
