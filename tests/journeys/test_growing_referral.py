"""A referral that grows: who answers exactly what is asked as decisive, gets a verdict."""

import random
from collections.abc import Callable

import pytest

from openkap.pathway import open_case, screen_case
from openkap.screen.types import Screening
from openkap.synthetic.case import Case
from tests.journeys.referral import ON, Piece, Referral, denial, diagnosis, referral, total

PEOPLE: dict[str, Callable[[], Case]] = {
    "worry": lambda: Case(ON),
    "a man": lambda: Case(ON, sex="M"),
    "panic": lambda: Case(ON, disorder="panic"),
    "agoraphobia": lambda: Case(ON, disorder="agoraphobia", answers={"agoraphobia": True}),
    "social anxiety": lambda: Case(ON, disorder="social-anxiety"),
    "may become pregnant": lambda: Case(
        ON, answers={"could-become-pregnant": True, "contraception": "effective"}, hcg="negative"
    ),
    "on medicines": lambda: Case(ON, medicines=["sertraline 100 mg tablet", "lisinopril 10 mg tablet"]),
    "a seizure long ago": lambda: Case(
        ON, answers={"seizure-disorder": True, "last-seizure-on": ON.replace(year=2019)}
    ),
}
# Scores of disorders that the person does not have: asked for while the diagnosis is open, answered by nobody.
UNANSWERABLE = {"pdss-sr", "pdss", "lsas-sr", "lsas-ca", "ham-a", "gad-7"}


def screened(document: dict) -> Screening:
    return screen_case(open_case(document, ON))


def decisive(screening: Screening) -> list[str]:
    return [ask.fact for ask in screening.ask if ask.decisive]


def grow(person: Referral, have: set[str]) -> tuple[Screening, list[list[str]], set[str]]:
    """Answer what is decisive, truthfully, until nothing is: the outcome, the rounds, and what is known then."""
    denied: dict[str, Piece] = {}
    rounds: list[list[str]] = []
    while True:
        screening = screened(person.bundle(have, denied.values()))
        asked = decisive(screening)
        if screening.verdict != "insufficient":
            return screening, rounds, have
        assert asked, "insufficient, and nothing that would settle it"
        assert len(rounds) < 4, rounds
        rounds.append(asked)
        for fact in asked:
            answers = person.answering(fact)
            have |= set(answers)
            if not answers and fact not in UNANSWERABLE:
                denied[fact] = denial(fact)


@pytest.mark.parametrize("name", PEOPLE)
def test_the_whole_record_needs_no_question(name: str):
    person = referral(PEOPLE[name]())
    screening = screened(person.bundle(piece.name for piece in person.pieces))
    assert screening.verdict in ("eligible", "caution")
    assert decisive(screening) == []


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize("name", PEOPLE)
def test_decisive_answers_settle_a_thin_referral_in_a_round_or_two(name: str, seed: int, count: Callable[[int], int]):
    person = referral(PEOPLE[name]())
    every = [piece.name for piece in person.pieces]
    draw = random.Random(f"{seed} {name}")
    for _ in range(count(1_500)):
        size = draw.choice([1, 2, 5, 15, 40, len(every)])
        gone = set(draw.sample(every, min(size, len(every))))
        screening, rounds, have = grow(person, set(every) - gone)
        deeper = "birth-sex" in gone  # sex opens pregnancy, pregnancy opens its test
        assert len(rounds) <= (3 if deeper else 2), (gone, rounds)
        asked = [fact for questions in rounds for fact in questions]
        assert len(asked) == len(set(asked)), "a question was asked again"
        undiagnosed = "condition-0" not in have
        assert screening.verdict in (("eligible", "caution", "hold") if undiagnosed else ("eligible", "caution")), gone


def test_each_single_gap_is_settled_by_its_own_question():
    person = referral(Case(ON))
    every = {piece.name for piece in person.pieces}
    for piece in person.pieces:
        before = screened(person.bundle(every - {piece.name}))
        if before.verdict == "insufficient":
            assert set(decisive(before)) & set(piece.facts), piece.name
            after, rounds, _ = grow(person, every - {piece.name})
            assert len(rounds) == 1 and after.verdict in ("eligible", "caution"), (piece.name, rounds)


# A diagnosis, a code of it, and totals that are severe on its own scales.
SEVERE = {
    "gad": ("F41.1", {"gad-7": 18, "ham-a": 30}),
    "panic": ("F41.0", {"pdss-sr": 20, "pdss": 20}),
    "agoraphobia": ("F40.01", {"pdss-sr": 20, "pdss": 20}),
    "social-anxiety": ("F40.10", {"lsas-sr": 100, "lsas-ca": 100}),
}


def test_a_bare_name_is_settled_by_reassuring_answers_and_the_detail_that_they_open():
    """Reassuring: for a diagnosis that is asked for, to have it and severely; for everything else, that it is well."""
    person = referral(Case(ON, sex="M"))
    asked = decisive(screened(person.bundle([])))
    assert len(asked) > 30
    [wanted] = [fact for fact in asked if fact in SEVERE]  # one disorder is enough
    code, scales = SEVERE[wanted]
    [scale] = [fact for fact in asked if fact in scales]
    more = [diagnosis(wanted, code, ON), total(scale, scales[scale], ON)]
    names = {name for fact in asked for name in person.answering(fact)} - {"condition-0", "form-gad-7"}
    opened = screened(person.bundle(names, more))
    assert decisive(opened) == ["non-adherence"]  # a course of therapy is on record now, and no word of adherence
    settled = screened(person.bundle(names | {"non-adherence"}, more))
    assert (settled.verdict, decisive(settled)) == ("caution", [])


def test_a_bare_name_without_any_answer_stays_open_and_asks_for_consent_escort_and_interview():
    asked = decisive(screened(referral(Case(ON)).bundle([])))
    assert {"consent", "escort", "interview-on", "weight", "systolic", "c-ssrs-screen"} <= set(asked)


def test_an_answer_that_is_not_reassuring_opens_its_details():
    person = referral(Case(ON, answers={"coronary-event": True}))
    screening = screened(person.bundle(piece.name for piece in person.pieces))
    assert (screening.verdict, decisive(screening)) == ("insufficient", ["coronary-event-on"])
