"""The picture of scores over time: the course is whole, and what does not count is not in its line."""

from datetime import date

from openkap.chart.standing import held_back
from openkap.pathway import open_case, open_chart
from openkap.synthetic.case import Case, questionnaire_response
from openkap.web.assess.drawing import series_of

ON = date(2026, 11, 25)


def gad_7(case: Case, **more):
    opened = open_chart(more["chart"], ON) if more else open_case(case.bundle(), ON)
    (drawing,) = [d for d in series_of(opened.records) if "GAD-7" in d.series.name]
    return drawing.series.points


def case_with(*earlier: tuple[int, list[int]]) -> Case:
    case = Case(ON)
    case.extra = [
        questionnaire_response("gad-7", answers, case.day(ago)) | {"id": f"before-{ago}"} for ago, answers in earlier
    ]
    return case


def test_a_score_that_is_too_old_to_decide_by_is_part_of_the_course():
    points = gad_7(case_with((62, [3] * 7), (130, [2] * 7)))
    assert [(p.value, p.counts) for p in sorted(points, key=lambda p: p.on)] == [(14, True), (21, True), (17, True)]
    assert "old" not in " ".join(str(p.note) for p in points)


def test_a_score_dated_later_and_a_form_that_nobody_has_looked_at_are_not():
    points = gad_7(case_with((-3, [3] * 7)))
    assert {p.on: p.counts for p in points} == {date(2026, 11, 28): False, date(2026, 11, 20): True}
    case = case_with((62, [3] * 7))
    chart = held_back(open_case(case.bundle(), ON).chart, frozenset({"QuestionnaireResponse/before-62"}))
    counts = {p.on: p.counts for p in gad_7(case, chart=chart)}
    assert counts[case.day(62)] is False
