"""The language of rules: what it says, what it refuses and where, and that silence never becomes a no."""

import itertools
from datetime import date
from decimal import Decimal

import pytest

from openkap.chart.expression import Setting, facts_named, limits_named
from openkap.chart.rule_language import parse
from openkap.chart.types import Chart, Medicine, MedicineList, Patient, Reading
from openkap.chart.view import View
from openkap.kernel.clock import Span, When
from openkap.kernel.errors import ContentFault
from openkap.kernel.truth import Truth
from tests.fhir_cases import ON

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
ROWS = {T: True, F: False}


def truth(text: str, *readings: Reading, chart: Chart | None = None, limits=None, **more) -> Truth:
    return answer(text, *readings, chart=chart, limits=limits, **more).value


def answer(text, *readings, chart=None, limits=None, look_back=None, all_look_back=None):
    view = View((chart or Chart(Patient("Patient/p"))).with_readings(readings), ON)
    return parse(text).evaluate(Setting(view, limits or {}, look_back or {}, all_look_back))


def said(fact, value, day=date(2026, 11, 20), **more):
    return Reading(fact, value, When.on(day), f"r/{fact}", **more)


# -- three values ----------------------------------------------------------------------------------

AND = {(T, T): T, (T, F): F, (T, U): U, (F, T): F, (F, F): F, (F, U): F, (U, T): U, (U, F): F, (U, U): U}
OR = {(T, T): T, (T, F): T, (T, U): T, (F, T): T, (F, F): F, (F, U): U, (U, T): T, (U, F): U, (U, U): U}


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize(("a", "b"), list(itertools.product((T, F, U), repeat=2)))
def test_and_or_and_not_follow_kleene(a, b):
    rows = [said(name, ROWS[value]) for name, value in (("aneurysm", a), ("avm", b)) if value in ROWS]
    assert truth("aneurysm and avm", *rows) is AND[a, b]
    assert truth("aneurysm or avm", *rows) is OR[a, b]
    assert truth("not aneurysm", *rows) is {T: F, F: T, U: U}[a]
    assert truth("not (aneurysm and avm)", *rows) is {T: F, F: T, U: U}[AND[a, b]]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("aneurysm or avm and porphyria", "aneurysm or (avm and porphyria)"),
        ("not aneurysm and avm", "(not aneurysm) and avm"),
        ("not not aneurysm", "not (not aneurysm)"),
        ("aneurysm\n  or avm", "aneurysm or avm"),
    ],
)
def test_not_binds_before_and_and_and_before_or(text, same):
    assert parse(text) == parse(same)


# -- seen and any-known ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        ([], F),
        ([said("aneurysm", True)], T),
        ([said("aneurysm", False)], F),
        ([said("aneurysm", False, date(2020, 1, 1))], F),
        ([said("aneurysm", True), said("aneurysm", False)], U),
        ([said("aneurysm", None, standing="unconfirmed", reason="not confirmed")], U),
        ([said("aneurysm", None, standing="declined", reason="asked, declines to say")], F),
    ],
)
def test_seen_raises_on_evidence_waits_on_doubt_and_is_silent_without(rows, value):
    assert truth("seen(aneurysm)", *rows) is value


@pytest.mark.parametrize("text", ["not seen(aneurysm)", "not (avm or seen(aneurysm))", "not not seen(aneurysm)"])
def test_seen_may_not_stand_under_not(text):
    with pytest.raises(ContentFault, match="silence would clear"):
        parse(text)


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [(12, None, T), (None, 12, T), (3, None, F), (3, 3, F), (3, 12, T), (None, None, U)],
)
def test_any_known_is_decided_by_the_measures_at_hand(first, second, value):
    rows = [
        said(name, Decimal(n), unit="{score}") for name, n in (("gad-7", first), ("ham-a", second)) if n is not None
    ]
    assert truth("any-known(gad-7 >= $line, ham-a >= $line)", *rows, limits={"line": Decimal(10)}) is value


def test_any_known_waits_where_a_conflict_stands_among_the_measures():
    rows = [said("gad-7", Decimal(3)), said("ham-a", Decimal(3)), said("ham-a", Decimal(4))]
    assert truth("any-known(gad-7 >= $line, ham-a >= $line)", *rows, limits={"line": Decimal(10)}) is U


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        ([], U),
        ([said("suds", Decimal(0), ON)], T),
        ([said("suds", Decimal(9), ON)], T),
        ([said("suds", Decimal(1))], U),
    ],
)
def test_taken_is_true_whatever_the_reading_shows_and_never_false(rows, value):
    assert truth("taken(suds, cadss-6)", *rows) is value


# -- comparisons -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "below", "at", "above"), [(">=", F, T, T), (">", F, F, T), ("<=", T, T, F), ("<", T, F, F)]
)
def test_each_comparison_on_both_sides_and_on_its_limit(op, below, at, above):
    limits = {"line": Decimal("40")}
    found = [truth(f"bmi {op} $line", *body(w), limits=limits) for w in ("39.9", "40", "40.1")]
    assert found == [below, at, above]


def body(bmi):
    return [said("weight", Decimal(bmi) * 4, unit="kg"), said("height", Decimal(200), unit="cm")]


@pytest.mark.parametrize(("born", "value"), [("2007", T), ("2009", F), ("2008", U), ("2008-11", U), ("2008-11-25", T)])
def test_a_range_is_decided_only_where_both_ends_agree(born, value):
    person = Chart(Patient("Patient/p", born=When.parse(born)))
    found = answer("age >= $adult", chart=person, limits={"adult": Decimal(18)})
    assert found.value is value
    assert [gap.fact for gap in found.gaps] == (["birth-date"] if value is U else [])


@pytest.mark.parametrize(
    ("day", "value"), [("2026-05-25", T), ("2026-05-24", F), ("2026-05", T), ("2026-04", F), ("2026", T), ("2025", F)]
)
def test_an_event_within_a_window_is_read_at_its_latest_day(day, value):
    event = Reading("stroke-tia-on", When.parse(day), When.on(ON), "r/1")
    assert truth("within(stroke-tia-on, $recent)", event, limits={"recent": Span(6, "mo")}) is value


def test_an_event_without_a_date_leaves_the_window_unknown_and_never_is_false():
    limits = {"recent": Span(6, "mo")}
    assert truth("within(stroke-tia-on, $recent)", limits=limits) is U
    assert truth("within(stroke-tia-on, $recent)", said("stroke-tia-on", False), limits=limits) is F


@pytest.mark.parametrize(("code", "value"), [("A", F), ("B", T), ("C", F)])
def test_an_answer_is_compared_with_one_option_or_with_several(code, value):
    assert truth("child-pugh = B", said("child-pugh", code)) is value
    assert truth("child-pugh in (B)", said("child-pugh", code)) is value
    assert truth("child-pugh = B") is U


def test_a_test_result_is_an_answer_too():
    assert truth("hcg = positive", said("hcg", "positive")) is T
    assert truth("not hcg = negative", said("hcg", "negative")) is F
    assert truth("hcg = positive") is U


# -- medicines -------------------------------------------------------------------------------------


def taking(*ingredients, known=True):
    medicines = tuple(Medicine((i,), "current", None, f"m/{i}", None, i) for i in ingredients)
    return Chart(Patient("Patient/p"), medicines=medicines, lists=(MedicineList(When.on(ON), "l"),) if known else ())


@pytest.mark.hazard("HAZ-23", "C1")
@pytest.mark.parametrize(
    ("chart", "value"),
    [
        (taking("methadone"), T),
        (taking("methadone", known=False), T),
        (taking("sertraline"), F),
        (taking(), F),
        (taking(known=False), U),
        (taking("sertraline", known=False), U),
    ],
)
def test_a_class_of_medicines_is_absent_only_from_a_known_list(chart, value):
    assert truth("taking(opioid)", chart=chart) is value


# -- look-backs ------------------------------------------------------------------------------------


def test_a_rule_s_look_back_replaces_the_fact_s_own_and_a_dose_day_replaces_all():
    old = said("weight", Decimal(70), date(2026, 9, 1), unit="kg")
    limits = {"line": Decimal(60)}
    assert truth("weight > $line", old, limits=limits) is U
    assert truth("weight > $line", old, limits=limits, look_back={"weight": Span(90, "d")}) is T
    recent = said("weight", Decimal(70), date(2026, 11, 24), unit="kg")
    assert truth("weight > $line", recent, limits=limits, all_look_back=Span(0, "d")) is U


# -- gaps and words --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "unknown"),
        ([said("aneurysm", False, date(2020, 1, 1))], "stale"),
        ([said("aneurysm", True), said("aneurysm", False)], "conflict"),
        ([said("aneurysm", None, standing="unconfirmed", reason="not confirmed")], "unconfirmed"),
        ([said("aneurysm", None, standing="declined", reason="asked, declines to say")], "declined"),
    ],
)
def test_an_unknown_answer_names_the_fact_and_the_reason(rows, reason):
    (gap,) = answer("aneurysm", *rows).gaps
    assert (gap.fact, gap.reason) == ("aneurysm", reason) and gap.text.startswith("aneurysm")


def test_a_detail_is_asked_through_its_parent_until_the_parent_is_known():
    assert [gap.fact for gap in answer("hcm").gaps] == ["heart-failure-valve-hcm"]
    known = said("heart-failure-valve-hcm", True)
    assert [gap.fact for gap in answer("hcm", known).gaps] == ["hcm"]


def test_a_true_answer_says_the_value_its_date_and_its_limit():
    found = answer("weight > $line", said("weight", Decimal(70), unit="kg"), limits={"line": Decimal(60)})
    assert found.because == ("weight 70 kg (2026-11-20) is above 60 kg",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not (aneurysm or avm)", "no aneurysm or dissection and no arteriovenous malformation"),
        ("weight > $line", "weight above 60 kg"),
        ("not weight > $line", "weight at or below 60 kg"),
        ("within(stroke-tia-on, $recent)", "stroke or TIA within 6 months"),
        ("child-pugh in (B, C)", "Child-Pugh class being B or C"),
        ("taking(opioid)", "taking opioid"),
    ],
)
def test_an_expression_reads_as_words(text, words):
    assert parse(text).words({"line": Decimal(60), "recent": Span(6, "mo")}) == words


def test_the_names_and_limits_of_an_expression_are_told():
    node = parse("aneurysm or (weight > $line and within(stroke-tia-on, $recent)) or taking(opioid)")
    assert facts_named(node) == ("aneurysm", "weight", "stroke-tia-on", "medication-list")
    assert limits_named(node) == {"line", "recent"}


# -- faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "a name is missing"),
        ("aneurysm or", "a name is missing"),
        ("aneurysm avm", "ends before 'avm'"),
        ("(aneurysm", "')' is missing"),
        ("aneurysm)", "ends before ')'"),
        ("not", "a name is missing"),
        ("aneurism", "'aneurism' is not a fact"),
        ("weight", "weight is a number"),
        ("weight > 60", "a limit is missing"),
        ("weight > $", "cannot read"),
        ("weight >= ", "a limit is missing"),
        ("aneurysm > $line", "aneurysm is a history"),
        ("child-pugh = D", "'D' is no answer"),
        ("child-pugh in B", "'(' is missing"),
        ("child-pugh in ()", "a name is missing"),
        ("hcg = maybe", "'maybe' is no answer"),
        ("within(aneurysm, $recent)", "aneurysm is a history"),
        ("within(stroke-tia-on)", "',' is missing"),
        ("taking(nothing)", "nothing"),
        ("taking opioid", "'(' is missing"),
        ("seen()", "a name is missing"),
        ("weight * 2", "cannot read"),
        ("aneurysm == true", "a name is missing"),
        ("missing(weight)", "'missing' is not a fact"),
    ],
)
def test_what_is_not_of_the_language_is_refused_and_its_place_named(text, where):
    with pytest.raises(ContentFault) as caught:
        parse(text)
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("text", "limits"),
    [("weight > $line", {"line": Span(6, "mo")}), ("within(stroke-tia-on, $line)", {"line": Decimal(6)})],
)
def test_a_limit_of_the_wrong_kind_is_a_fault_of_the_content(text, limits):
    rows = [said("weight", Decimal(70), unit="kg"), said("stroke-tia-on", When.on(ON))]
    with pytest.raises(ContentFault):
        answer(text, *rows, limits=limits)
