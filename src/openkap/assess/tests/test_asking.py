"""Forms as people fill them in: what is asked, what counts as an answer, when a form is complete."""

import random

import pytest

from openkap.assess import asking
from openkap.assess.asking import CLOSED, asked, is_blank, read_answer, required, shape_of
from openkap.assess.fhir import read_response
from openkap.assess.intake import DECLINED
from openkap.assess.intake_form import intake
from openkap.chart.fhir.reader import read_chart
from openkap.kernel import r4
from openkap.kernel.errors import UnknownName, UserError

WHO = {"authored": "2026-11-25T10:00:00+01:00", "subject": "Patient/p", "author": "Patient/p"}


def given(shape, links, code="1"):
    return {str(link): code for link in links}


def test_each_page_of_the_intake_is_in_one_form_and_the_clinicians_pages_are_in_none_for_patients():
    shape = shape_of("intake")
    clinicians = {item.id for group in intake().group if group.part == "clinician" for item in group.item}
    assert shape.by == "patient"
    assert not clinicians & {question.link for question in shape.questions}


@pytest.mark.parametrize("form", asking.form_ids())
def test_every_form_can_be_shown(form):
    shape = shape_of(form)
    assert shape.title and shape.minutes and shape.questions
    assert all(question.text for question in shape.questions)


@pytest.mark.parametrize("form", ["c-ssrs-screen", "ham-a", "intake-clinician"])
def test_a_form_for_trained_people_is_never_sent_to_a_patient(form):
    with pytest.raises(UserError, match="trained person"):
        asking.fit_for_patient(form)


def test_a_form_without_its_wording_is_not_sent_because_item_4_says_nothing():
    with pytest.raises(UserError, match="wording of pdss-sr"):
        asking.fit_for_patient("pdss-sr")


def test_the_wording_of_a_site_lets_the_form_be_sent(tmp_path):
    (tmp_path / "instruments").mkdir()
    items = "\n".join(f'{k} = "Question {k}"' for k in range(1, 8))
    (tmp_path / "instruments" / "pdss-sr.text.toml").write_text(f"[items]\n{items}\n")
    asking.fit_for_patient("pdss-sr", tmp_path)


def test_a_form_that_asks_a_fact_is_found():
    assert asking.form_that_asks("pregnant") == "intake"
    assert asking.form_that_asks("solids-h") == "dose-day"
    assert asking.form_that_asks("psychotic-symptoms") == "intake-clinician"
    assert asking.form_that_asks("phq-9.9") == "phq-9"
    assert asking.form_that_asks("qtc") is None


# --- completion --------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-27", "C1")
def test_a_form_is_complete_when_scoring_can_do_without_what_is_open():
    shape = shape_of("gad-7")
    assert len(required(shape, {})) == 7
    assert len(required(shape, given(shape, range(1, 6)))) == 2
    assert required(shape, given(shape, range(1, 7))) == []  # one of seven may be missing


@pytest.mark.hazard("HAZ-48", "C2")
def test_the_suicidality_item_is_never_dropped_in_silence():
    shape = shape_of("phq-9")
    answers = given(shape, range(1, 9))
    assert [q.link for q in required(shape, answers)] == ["9"]  # a total could be prorated without it
    assert required(shape, answers | {"9": DECLINED}) == []


@pytest.mark.parametrize(("form", "link", "items"), [("gad-7", "8", 7), ("phq-9", "10", 9)])
def test_the_difficulty_question_is_asked_last_kept_and_never_scored_nor_required(form, link, items):
    shape = shape_of(form)
    last = shape.questions[-1]
    assert (last.link, last.scored, len(shape.questions)) == (link, False, items + 1)
    answers = {str(k): "1" for k in range(1, items + 1)}
    assert required(shape, answers) == []
    about = {"authored": "2026-11-25T10:00:00Z", "subject": "Patient/x", "author": "Patient/x"}
    without, kept = (asking.resource(shape, given, **about) for given in (answers, answers | {link: "2"}))
    assert kept["item"][:items] == without["item"] and len(without["item"]) == items
    assert kept["item"][items]["answer"][0]["valueCoding"]["display"] == "Very difficult"
    assert read_response(kept).answers == read_response(without).answers
    assert not r4.faults(kept)


def test_a_declined_answer_is_neither_open_nor_said():
    shape = shape_of("gad-7")
    declined = dict.fromkeys(map(str, range(1, 8)), DECLINED)
    assert required(shape, declined) == []
    assert is_blank(shape, declined)
    assert not is_blank(shape, declined | {"3": "0"})  # "not at all" is an answer


def test_a_question_that_depends_on_another_is_asked_only_then():
    shape = shape_of("audit-c")
    assert [q.link for q in asked(shape, {"1": "0"})] == ["1"]
    assert [q.link for q in asked(shape, {"1": "2"})] == ["1", "2", "3"]
    shape = shape_of("intake")
    assert "stroke-tia-on" not in {q.link for q in asked(shape, {"stroke-tia": "false"})}
    assert "stroke-tia-on" in {q.link for q in asked(shape, {"stroke-tia": "true"})}


# --- answers -----------------------------------------------------------------------------------------


def test_answers_are_kept_as_they_were_given():
    shape = shape_of("intake")
    assert read_answer(shape, "pregnant", {"value": ["false"]}) == "false"
    assert read_answer(shape, "pregnant", {"value": [DECLINED]}) == DECLINED
    assert read_answer(shape, "session-fear", {"value": [" 7 "]}) == 7
    assert read_answer(shape, "stroke-tia-on", {"value": ["2019-03"]}) == "2019-03"
    assert read_answer(shape, "trigger", {"value": [CLOSED]}) == CLOSED
    entry = {
        "value-trigger-label": ["Buses 🚌 والزحام"],
        "value-trigger-distress": ["8"],
        "value-trigger-avoided": ["true"],
    }
    assert read_answer(shape, "trigger/1", entry) == {
        "trigger-label": "Buses 🚌 والزحام",
        "trigger-distress": 8,
        "trigger-avoided": "true",
    }


@pytest.mark.parametrize(
    ("form", "link", "sent"),
    [
        ("gad-7", "1", {}),
        ("gad-7", "1", {"value": ["4"]}),
        ("gad-7", "1", {"value": ["1", "2"]}),
        ("intake", "session-fear", {"value": ["11"]}),
        ("intake", "session-fear", {"value": ["seven"]}),
        ("intake", "session-fear", {"value": ["7.5"]}),
        ("intake", "session-fear", {"value": ["NaN"]}),
        ("intake", "stroke-tia-on", {"value": ["last spring"]}),
        ("intake", "trigger/1", {"value-trigger-distress": ["8"]}),
        ("intake", "trigger/1", {"value-trigger-label": ["x" * 10_000_000]}),
        ("intake-clinician", "psychotic-symptoms", {"value": [DECLINED]}),
    ],
)
def test_what_is_no_answer_is_refused_in_one_sentence(form, link, sent):
    with pytest.raises(UserError) as fault:
        read_answer(shape_of(form), link, sent)
    assert len(str(fault.value)) < 400


@pytest.mark.parametrize("link", ["9", "-1", "1/1", "trigger/1", "x" * 500, ""])
def test_a_question_the_form_does_not_have_is_refused(link):
    with pytest.raises(UnknownName):
        read_answer(shape_of("gad-7"), link, {"value": ["1"]})


# --- resources ---------------------------------------------------------------------------------------


def test_a_finished_instrument_is_the_response_that_scoring_reads():
    shape = shape_of("phq-9")
    answers = given(shape, range(1, 10)) | {"4": DECLINED, "9": "0"}
    made = asking.resource(shape, answers, **WHO)
    assert read_response(made).answers == (1, 1, 1, None, 1, 1, 1, 1, 0)


def some(question, rng):
    """Some answer to a question, made without asking the product how."""
    if question.kind == "choice":
        codes = [code for code, _ in question.options]
        return rng.sample(codes, rng.randint(1, len(codes))) if question.several else rng.choice(codes)
    if question.kind == "number":
        return rng.randint(int(question.least or 0), int(question.most or 50))
    return {"decimal": "2.5", "date": "2019-03", "text": "emoji 🙂 and عربي"}[question.kind]


@pytest.mark.seeded
@pytest.mark.parametrize("form", ["intake", "intake-clinician", "dose-day", "dose-day-staff"])
def test_any_answers_to_pages_of_the_intake_make_a_valid_response_that_the_chart_reads(form, seed, count):
    rng, shape = random.Random(seed), shape_of(form)
    for _ in range(count(1000)):
        answers: dict[str, object] = {}
        for question in shape.questions:
            if question not in asked(shape, answers) or rng.random() < 0.1:
                continue
            if question.may_decline and rng.random() < 0.1:
                answers[question.link] = DECLINED
            elif question.kind == "entries":
                answers[question.link] = CLOSED
                for number in range(1, rng.randint(1, 3)):
                    entry = {f.link: some(f, rng) for f in question.fields if f.needed or rng.random() < 0.7}
                    answers[f"{question.link}/{number}"] = entry
            else:
                answers[question.link] = some(question, rng)
        made = asking.resource(shape, answers, **WHO)
        assert r4.faults(made) == []
        patient = {"resourceType": "Patient", "id": "p", "birthDate": "1988-04-02"}
        bundle = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": r} for r in (patient, made | {"id": "q"})],
        }
        chart = read_chart(bundle)
        assert len(chart.intake) == 1


def test_a_text_that_no_database_keeps_is_refused_in_one_sentence():
    shape = shape_of("intake")
    entry, field = next((q, f) for q in shape.questions for f in q.fields if f.kind == "text")
    sent = {f"value-{f.link}": ["x"] for f in entry.fields} | {f"value-{field.link}": ["ka\x00va"]}
    with pytest.raises(UserError, match="cannot be kept"):
        read_answer(shape, f"{entry.link}/1", sent)
