"""
Sixty made-up people at every stage that the clinic app knows, with histories that hang together.

The same seed and day give the same people. Each says what it expects to be judged, so that a test can compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Literal

from openkap.kernel import coding
from openkap.synthetic.case import Case, drug_trial, questionnaire_response, therapy_trial
from openkap.synthetic.people import panic, stage, worry

# referred: a file waits for a person. reviewing: in the chart, nobody has looked. forms: questions are out.
# open, held, excluded: as screened. ready: may be planned. drafted, signed: has a programme. left: discharged.
Stage = Literal["referred", "reviewing", "forms", "open", "held", "excluded", "ready", "drafted", "signed", "left"]
_HOW_MANY: dict[Stage, int] = {
    "referred": 5,
    "reviewing": 5,
    "forms": 10,
    "open": 8,
    "held": 5,
    "excluded": 4,
    "ready": 7,
    "drafted": 5,
    "signed": 8,
    "left": 3,
}
SIZE = sum(_HOW_MANY.values())

_NAMES = """
Amara Nwosu|F
Anaïs Lefèvre|F
Arjun Raghavan|M
Beatriz Salgado|F
Björn Håkansson|M
Caoimhe Byrne|F
Chidi Eze|M
Clara Weiss|F
Daniel Katz|M
Deepa Menon|F
Đặng Minh Anh|F
Elif Yılmaz|F
Emeka Obi|M
Eszter Kovács|F
Fatima Zahra Idrissi|F
Finn Mackenzie|M
Giulia Ferraro|F
Grace Kamau|F
Hannah Stern|F
Hiro Tanaka|M
Ingrid Solberg|F
Isabela Prado|F
Ivan Petrov|M
Jonas Keller|M
Joseph Mbeki|M
Júlia Horváth|F
Kaito Mori|M
Katarzyna Wójcik|F
Lakshmi Iyer|F
Leon Fischer|M
Liam O'Connor|M
Lucía Herrera|F
Maja Nielsen|F
Mateo Rojas|M
Mei-Ling Chen|F
Miriam Adler|F
Nadia Rahman|F
Naomi Clarke|F
Nils Bergström|M
Noor al-Hashimi|F
Oksana Shevchenko|F
Omar Farouk|M
Paula Neumann|F
Pavel Dvořák|M
Priya Sharma|F
Rafael Costa|M
Ruth Baker|F
Samuel Osei|M
Sofia Lindgren|F
Sofie Lindgren|F
Tariq Aziz|M
Thandiwe Dlamini|F
Theo Papadakis|M
Valentina Rossi|F
Viktor Lundqvist|M
Yael Cohen|F
يوسف حداد|M
Zoë van Dijk|F
"""


@dataclass(frozen=True)
class Member:
    """
    A person of the cohort.

    Args:
        case: the record that the referring clinic sends.
        stage: how far along the pathway.
        expects: verdicts that the whole record may be given on the day.
    """

    case: Case
    stage: Stage
    expects: frozenset[str]


def cohort(on: date, seed: int = 20261125) -> list[Member]:
    """
    The sixty, in the order in which they came.

    Args:
        on: the day of decision; every date is set from it.
        seed: of the drawing.
    """
    rng = Random(seed)
    names = [tuple(line.split("|")) for line in _NAMES.split("\n") if line]
    rng.shuffle(names)
    stages = [stage_ for stage_, count in _HOW_MANY.items() for _ in range(count)]
    members = []
    known: list[tuple[Stage, Callable[[date], Case]]] = [("drafted", worry), ("ready", panic), ("open", stage)]
    for stage_, make in known:  # the three of the tour keep their place in the clinic
        stages.remove(stage_)
        members.append(Member(make(on), stage_, _EXPECTS[stage_]))
    for place, stage_ in enumerate(stages):
        name, sex = names[place]
        members.append(Member(_person(rng, on, stage_, place, name, sex), stage_, _EXPECTS[stage_]))
    rng.shuffle(members)
    for place, member in enumerate(members, 1):
        member.case.record = f"SYN-{place:04d}"
    return members


_GUESTS = """
Alma Reyes|F
Bruno Costa Lima|M
Chiara Bianchi|F
Dara Sullivan|F
Emil Nowak|M
Freya Madsen|F
Goran Ilić|M
Helene Dubois|F
Idris Bello|M
Jana Svobodová|F
Kofi Mensah|M
Lena Hoffmann|F
"""


def guests(on: date, seed: int = 20261127) -> list[Member]:
    """
    Twelve more, whom nothing stands against, for a retreat.

    Args:
        on: the day of decision; every date is set from it.
        seed: of the drawing.
    """
    rng, members = Random(seed), list[Member]()
    for place, line in enumerate(line for line in _GUESTS.split("\n") if line):
        name, _bar, sex = line.partition("|")
        member = Member(_person(rng, on, "signed", place, name, sex), "signed", _EXPECTS["signed"])
        member.case.record = f"SYN-{SIZE + place + 1:04d}"
        members.append(member)
    return members


_ANY = frozenset({"eligible", "caution", "hold", "exclude", "insufficient"})
_MAY = frozenset({"eligible", "caution"})
_EXPECTS: dict[Stage, frozenset[str]] = {
    "referred": _ANY,
    "reviewing": _ANY,
    "forms": frozenset({"insufficient"}),
    "open": frozenset({"insufficient"}),
    "held": frozenset({"hold"}),
    "excluded": frozenset({"exclude"}),
    "ready": _MAY,
    "drafted": _MAY,
    "signed": _MAY,
    "left": _MAY,
}


def _person(rng: Random, on: date, stage_: Stage, place: int, name: str, sex: str) -> Case:
    disorder = rng.choice(["gad", "gad", "panic", "agoraphobia", "social-anxiety"])
    case = Case(
        on,
        sex=sex,
        disorder=disorder,
        name=name,
        born=on - timedelta(days=365 * rng.randint(19, 64) + rng.randint(1, 364)),
        answers=_signs(rng, disorder) | _reproductive(rng, sex),
        hcg="negative" if sex == "F" else None,
        instruments=_forms(rng, disorder),
        measurements=_body(rng, sex),
        medicines=rng.choice(_MEDICINES),
        trials=_trials(rng, on),
    )
    case.extra = list(_earlier_scores(rng, case))
    if stage_ in _CHANGES:
        changes = _CHANGES[stage_]
        changes[place % len(changes)](case)
    return case


# ---------------------------------------------------------------- what people differ in

_MEDICINES: list[list[str | tuple[str, Any]]] = [
    [("sertraline 100 mg tablet", 100)],
    [("escitalopram 20 mg tablet", 20)],
    [("venlafaxine 150 mg capsule", 150), ("levothyroxine 50 microgram tablet", Decimal("0.05"))],
    [("propranolol 20 mg tablet", 40)],
    [],
]
_DRUGS = ("sertraline", "escitalopram", "paroxetine", "venlafaxine", "duloxetine")
_DOSES = {"sertraline": 150, "escitalopram": 20, "paroxetine": 40, "venlafaxine": 150, "duloxetine": 60}


def _signs(rng: Random, disorder: str) -> dict[str, Any]:
    strong = {"gad": "cognitive", "panic": "somatic", "agoraphobia": "avoidance", "social-anxiety": "social"}[disorder]
    signs = {f"sign-{name}": Decimal(rng.randint(0, 1)) for name in ("cognitive", "somatic", "avoidance", "imagery")}
    signs[f"sign-{strong}"] = Decimal(rng.randint(2, 3))
    more: dict[str, Any] = {"session-fear": Decimal(rng.randint(0, 6))}
    if disorder == "agoraphobia":
        more["agoraphobia"] = True
    if rng.random() < 0.3:
        more |= {"sign-past-event": Decimal(2), "index-event": True}
    return signs | more


def _reproductive(rng: Random, sex: str) -> dict[str, Any]:
    if sex != "F":
        return {}
    return {"could-become-pregnant": True, "contraception": "effective"} if rng.random() < 0.6 else {}


def _forms(rng: Random, disorder: str) -> dict[str, list[Any]]:
    forms: dict[str, list[Any]] = {
        "gad-7": [rng.randint(2, 3) for _ in range(4)] + [rng.randint(1, 3) for _ in range(3)],
        "phq-9": [rng.randint(0, 2) for _ in range(8)] + [0],
        "oasis": [rng.randint(1, 4) for _ in range(5)],
        "wsas": [rng.randint(2, 6) for _ in range(5)],
        "asi-3": [rng.randint(0, 3) for _ in range(18)],
    }
    if disorder == "gad":
        forms["pswq"] = [rng.randint(2, 5) for _ in range(16)]
    if disorder == "social-anxiety":
        forms["spin"] = [rng.randint(1, 4) for _ in range(17)]
    return forms


def _body(rng: Random, sex: str) -> dict[str, Any]:
    tall = rng.randint(155, 175) if sex == "F" else rng.randint(165, 192)
    weight = (Decimal(tall - 100) + Decimal(rng.randint(-60, 140)) / 10).quantize(Decimal("0.1"))
    pressure = rng.randint(104, 132)
    return {
        "weight": [(weight, "kg", rng.randint(1, 9), None)],
        "height": [(tall, "cm", 9, None)],
        "systolic": [(pressure, "mm[Hg]", 3, None), (pressure + rng.randint(-6, 6), "mm[Hg]", 10, None)],
        "diastolic": [(rng.randint(64, 82), "mm[Hg]", 3, None), (rng.randint(64, 82), "mm[Hg]", 10, None)],
    }


def _trials(rng: Random, on: date) -> list[dict[str, Any]]:
    first, second = rng.sample(_DRUGS, 2)
    return [
        drug_trial(first, on - timedelta(days=rng.randint(300, 900)), **{"trial-max-dose": Decimal(_DOSES[first])}),
        drug_trial(second, on - timedelta(days=rng.randint(60, 280)), **{"trial-max-dose": Decimal(_DOSES[second])}),
        therapy_trial("cbt", on - timedelta(days=rng.randint(60, 700))),
    ]


def _earlier_scores(rng: Random, case: Case) -> Iterator[dict[str, Any]]:
    """Some months of GAD-7 and PHQ-9 before the latest, wandering by a point or two an item now and then."""
    for instrument in ("gad-7", "phq-9"):
        answers = list(case.instruments[instrument])
        for number, ago in enumerate((34, 62, 91, 130), 1):
            item = rng.randrange(7)
            answers[item] = max(0, min(3, answers[item] + rng.choice((-1, 0, 1))))
            form = questionnaire_response(instrument, answers, case.day(ago))
            yield form | {"id": f"form-{instrument}-{number}"}


# ---------------------------------------------------------------- what stands between people and treatment

Change = Callable[[Case], None]


def _unknown(*names: str) -> Change:
    return lambda case: case.answers.update(dict.fromkeys(names))


def _says(**answers: Any) -> Change:
    return lambda case: case.answers.update({name.replace("_", "-"): value for name, value in answers.items()})


def _no_consent(case: Case) -> None:
    case.consent = None


def _old_weight(case: Case) -> None:
    ((value, unit, _, top),) = case.measurements["weight"]
    case.measurements["weight"] = [(value, unit, 75, top)]


def _no_suicide_screen(case: Case) -> None:
    case.suicide_screen = None


def _pressure(case: Case) -> None:
    case.measurements["systolic"] = [(168, "mm[Hg]", 3, None), (164, "mm[Hg]", 10, None)]


def _without_forms(case: Case) -> None:
    """The referral has no questionnaires: the clinic sends them."""
    case.instruments = {}
    case.extra = []
    case.suicide_screen = None


def _psychosis(case: Case) -> None:
    case.answers["psychotic-disorder"] = True
    case.conditions.append((coding.ICD10CM, "F20.9", {}))


_CHANGES: dict[Stage, list[Change]] = {
    "forms": [_without_forms],
    "open": [
        _unknown("aneurysm", "escort"),
        _no_consent,
        _old_weight,
        _no_suicide_screen,
        _unknown("contraception", "asa-class"),
        _unknown("capacity-attested", "teach-back-done"),
    ],
    "held": [_pressure, _says(cystitis=True), _says(porphyria=True), _says(altered_state_willing=False)],
    "excluded": [_psychosis, _says(aneurysm=True), _says(intracranial_haemorrhage=True), _says(bp_hazard=True)],
}
