"""A complete person taken apart into the pieces in which a referral grows: each a record and the facts it answers."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from openkap.kernel import coding
from openkap.synthetic.case import Case, condition, item

ON = date(2026, 11, 25)

# Records that answer a fact under another name than their own.
ALSO = {
    "condition-0": ("gad", "panic", "agoraphobia", "social-anxiety", "target-diagnosis"),
    "consent": ("consent",),
    "c-ssrs": ("c-ssrs-screen",),
    "drug-screen": ("urine-drug-screen",),
    "form-phq-9": ("phq-9", "phq-9.9"),
}
# Intake items that are asked as one question.
TOGETHER = (
    ("interview-on", "interview-tool", "interview-modules", "panic", "agoraphobia", "social-anxiety"),
    ("treatment-history-complete", "prior-treatment"),
)


@dataclass(frozen=True)
class Piece:
    """A record or an intake answer, and the facts that it answers."""

    name: str
    facts: tuple[str, ...]
    resource: Mapping[str, Any] | None = None
    items: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Referral:
    """
    A person's record in pieces.

    Args:
        patient: the Patient as a referral always has it: without birth sex.
        frame: the empty intake response, and who filled it in.
        pieces: everything else.
    """

    patient: Mapping[str, Any]
    frame: tuple[Mapping[str, Any], ...]
    pieces: tuple[Piece, ...]

    def bundle(self, names: Iterable[str], more: Iterable[Piece] = ()) -> dict[str, Any]:
        """The bundle of the pieces with these names, and of further ones."""
        wanted = set(names)
        kept = [piece for piece in self.pieces if piece.name in wanted] + list(more)
        patient = deepcopy(dict(self.patient))
        items = [dict(one) for piece in kept for one in piece.items]
        resources = [patient]
        for frame in self.frame:
            resources.append(
                dict(frame) | ({"item": items} if frame["resourceType"] == "QuestionnaireResponse" else {})
            )
        for piece in kept:
            if piece.resource and piece.resource["resourceType"] == "Patient":
                patient.update(piece.resource)
            elif piece.resource:
                resources.append(dict(piece.resource))
        return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}

    def answering(self, fact: str) -> list[str]:
        """Names of the pieces that answer a fact."""
        return [piece.name for piece in self.pieces if fact in piece.facts]


def referral(case: Case) -> Referral:
    """Take a case apart."""
    patient, frame, pieces = {}, [], []
    for entry in case.bundle()["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Patient":
            sex = {"extension": resource.pop("extension"), "gender": resource.pop("gender")}
            pieces.append(Piece("birth-sex", ("birth-sex",), {"resourceType": "Patient"} | sex))
            patient = resource
        elif resource["resourceType"] == "Practitioner":
            frame.append(resource)
        elif resource["id"] == "intake":
            pieces += _answers(resource.pop("item"))
            frame.append(resource)
        else:
            pieces.append(Piece(resource["id"], _facts(resource["id"]), resource))
    return Referral(patient, tuple(frame), tuple(pieces))


def _answers(items: list[dict[str, Any]]) -> Iterator[Piece]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in items:
        name = one["linkId"]
        groups.setdefault(next((group[0] for group in TOGETHER if name in group), name), []).append(one)
    for name, group in groups.items():
        facts = next((together for together in TOGETHER if name == together[0]), (name,))
        yield Piece(name, facts, items=tuple(group))


def _facts(identity: str) -> tuple[str, ...]:
    if identity in ALSO:
        return ALSO[identity]
    name = identity.removeprefix("form-").removeprefix("score-")
    head, _, tail = name.rpartition("-")
    return (head if tail.isdigit() and identity == name else name,)


# -- answers that the person's record does not hold ---------------------------------------------------


def denial(fact: str) -> Piece:
    """The plain statement that something is not there."""
    return Piece(f"denied-{fact}", (fact,), items=(item(fact, False),))


def diagnosis(fact: str, code: str, on: date) -> Piece:
    """A confirmed, current diagnosis."""
    return Piece(f"has-{fact}", (fact,), condition(f"has-{fact}", coding.ICD10CM, code, on - timedelta(days=20)))


def total(instrument: str, points: int, on: date) -> Piece:
    """The total of an instrument that was filled in elsewhere."""
    score = {
        "resourceType": "Observation",
        "id": f"total-{instrument}",
        "status": "final",
        "code": {"coding": [{"system": coding.INSTRUMENT, "code": instrument}]},
        "subject": {"reference": "Patient/synthetic"},
        "effectiveDateTime": (on - timedelta(days=1)).isoformat(),
        "valueInteger": points,
    }
    return Piece(f"total-{instrument}", (instrument,), score)
