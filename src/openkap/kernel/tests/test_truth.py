"""Kleene's strong logic, checked against a table of numbers: false 0, unknown ½, true 1."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openkap.kernel.truth import Answer, Gap, Truth, conjunction, disjunction, negation

RANK = {Truth.FALSE: 0, Truth.UNKNOWN: 1, Truth.TRUE: 2}
VALUE = {rank: value for value, rank in RANK.items()}

TSH_OLD = Gap("tsh", "stale", "TSH is 120 days old, the limit is 90")
BP_TWICE = Gap("systolic", "conflict", "two readings of one time differ")


def answer(value: Truth, name: str = "fact") -> Answer:
    if value is Truth.UNKNOWN:
        return Answer.unknown(Gap(name, "no record", f"{name} has no record"))
    return (Answer.true if value is Truth.TRUE else Answer.false)(f"{name} is {value.value}", name)


answers = st.builds(answer, st.sampled_from(Truth), st.sampled_from(["a", "b", "c"]))
ALL_UP_TO_FOUR = [values for n in range(5) for values in itertools.product(Truth, repeat=n)]


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("values", ALL_UP_TO_FOUR)
def test_and_is_the_least_and_or_the_greatest(values: tuple[Truth, ...]):
    given_answers = [answer(v) for v in values]
    ranks = [RANK[v] for v in values]
    assert conjunction(*given_answers).value is VALUE[min(ranks, default=2)]
    assert disjunction(*given_answers).value is VALUE[max(ranks, default=0)]


@pytest.mark.parametrize("value", Truth)
def test_not_mirrors_and_twice_is_nothing(value: Truth):
    assert negation(answer(value)).value is VALUE[2 - RANK[value]]
    assert negation(negation(answer(value))) == answer(value)


@given(st.lists(answers, max_size=6))
def test_de_morgan_holds(given_answers: list[Answer]):
    inside = [negation(a) for a in given_answers]
    assert negation(conjunction(*given_answers)).value is disjunction(*inside).value
    assert negation(disjunction(*given_answers)).value is conjunction(*inside).value


trees = st.recursive(
    st.integers(0, 3),
    lambda inner: (
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3))
        | st.tuples(st.just("not"), inner)
    ),
    max_leaves=10,
)


def judge(tree, leaves: list[Answer]) -> Answer:
    if isinstance(tree, int):
        return leaves[tree]
    if tree[0] == "not":
        return negation(judge(tree[1], leaves))
    return {"and": conjunction, "or": disjunction}[tree[0]](*(judge(t, leaves) for t in tree[1]))


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.goal("RG-20")
@given(trees, st.lists(st.sampled_from(Truth), min_size=4, max_size=4))
def test_learning_an_unknown_never_turns_a_known_result(tree, values: list[Truth]):
    before = judge(tree, [answer(v) for v in values]).value
    choices = [[Truth.TRUE, Truth.FALSE] if v is Truth.UNKNOWN else [v] for v in values]
    after = {judge(tree, [answer(v) for v in learned]).value for learned in itertools.product(*choices)}
    if before is not Truth.UNKNOWN:
        assert after == {before}


@pytest.mark.hazard("HAZ-20", "C1")
def test_an_unknown_result_says_what_it_waits_for_and_only_that():
    result = conjunction(Answer.true("weight is 80 kg", "weight"), Answer.unknown(TSH_OLD), Answer.unknown(BP_TWICE))
    assert result.is_unknown
    assert result.gaps == (TSH_OLD, BP_TWICE)
    assert result.because == (TSH_OLD.text, BP_TWICE.text)
    assert result.facts == ("tsh", "systolic")
    assert result.in_conflict
    assert not conjunction(Answer.unknown(TSH_OLD)).in_conflict


def test_a_known_result_carries_the_reasons_that_decide_and_no_gap():
    result = disjunction(Answer.unknown(TSH_OLD), Answer.true("on lithium", "lithium"), Answer.false("no fits", "fits"))
    assert result == Answer.true("on lithium", "lithium")


def test_reasons_are_given_once():
    same = Answer.false("no fits", "fits")
    assert disjunction(same, same) == same


def test_truth_of_an_answer_is_asked_by_name():
    assert [(a.is_true, a.is_false, a.is_unknown) for a in map(answer, (Truth.TRUE, Truth.FALSE, Truth.UNKNOWN))] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
