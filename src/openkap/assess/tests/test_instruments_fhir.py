"""Instruments as FHIR R4, out and back (facts in FHIR, section 5)."""

import json
from decimal import Decimal

import pytest

from openkap.assess.fhir import (
    ORDINAL,
    QUESTIONNAIRE,
    questionnaire,
    read_questionnaire,
    read_response,
    read_score_document,
    response,
)
from openkap.assess.instruments import form, instrument, instrument_ids
from openkap.assess.scoring import score, score_request
from openkap.kernel.coding import LOINC
from openkap.kernel.errors import UnknownName, UserError

PHQ9 = ["44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8"]
FREQUENCY = ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"]


def filled(name, answers, status="completed", **more):
    """A response whose items are given as linkId -> answer value, None for no answer."""
    items = [{"linkId": link} | ({} if a is None else {"answer": [a]}) for link, a in answers]
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": QUESTIONNAIRE + name,
        "status": status,
        "item": items,
    } | more


def integers(values, start=1):
    return [(str(k), None if v is None else {"valueInteger": v}) for k, v in enumerate(values, start)]


def coding(system, code, *ordinal):
    extension = {"extension": [{"url": ORDINAL, "valueDecimal": number} for number in ordinal]} if ordinal else {}
    return {"valueCoding": {"system": system, "code": code} | extension}


def scored(doc):
    return score_request(read_score_document(doc)[0])


# --- Questionnaire ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", instrument_ids())
def test_a_form_survives_the_way_to_fhir_and_back(name):
    assert read_questionnaire(json.loads(json.dumps(questionnaire(form(name))))) == form(name)


def test_a_sites_wording_survives_too(tmp_path):
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "wsas.text.toml").write_text(
        'language = "de"\nstem = "Wie sehr"\n[items]\n' + "\n".join(f'{k} = "Frage {k}"' for k in range(1, 6)),
        encoding="utf-8",
    )
    shape = form("wsas", tmp_path)
    assert read_questionnaire(questionnaire(shape)) == shape
    assert "description" not in questionnaire(shape)


def test_a_questionnaire_without_wording_says_so_and_names_the_licence():
    written = questionnaire(form("spin"))
    assert "does not ship" in written["description"]
    assert written["copyright"] == instrument("spin").licence.status
    assert written["item"][3]["text"] == "Item 4"


def test_a_questionnaire_carries_codes_and_numbers():
    written = questionnaire(form("phq-9"))
    assert written["url"] == "https://openkap.example/fhir/Questionnaire/phq-9"
    assert written["code"] == [{"system": LOINC, "code": "44249-1"}]
    items = [item for item in written["item"] if item["type"] == "choice"]
    assert [item["linkId"] for item in items] == [str(k) for k in range(1, 11)]
    assert [code["code"] for item in items[:9] for code in item["code"] if code["system"] == LOINC] == PHQ9
    options = [option["valueCoding"] for option in items[0]["answerOption"]]
    assert [(o["code"], o["extension"][0]["valueDecimal"]) for o in options] == list(
        zip(FREQUENCY, range(4), strict=True)
    )


def test_another_resource_is_no_questionnaire():
    with pytest.raises(UserError, match="resourceType"):
        read_questionnaire({"resourceType": "Patient"})
    with pytest.raises(UserError, match="questionnaire"):
        read_questionnaire({"resourceType": "Questionnaire", "url": "https://example.org/q"})


# --- QuestionnaireResponse in ----------------------------------------------------------------------


@pytest.mark.parametrize("name", instrument_ids())
def test_answers_survive_the_way_to_fhir_and_back(name):
    found = instrument(name)
    highest = bool(found.highest) if found.booleans else found.highest
    answers = [highest] * found.items
    answers[-1] = None
    written = response(name, answers, authored="2026-11-25", subject="Patient/p1")
    request = read_response(json.loads(json.dumps(written)))
    assert (request.instrument, list(request.answers), request.authored) == (name, answers, "2026-11-25")
    assert (request.form_version, request.final, request.faults) == (found.version, True, ())
    assert score_request(request) == score(name, answers)


def test_not_applicable_survives_too():
    written = response("wsas", ["NA", 1, 2, 3, 4], authored="2026-11-25")
    assert read_response(written).answers == ("NA", 1, 2, 3, 4)


@pytest.mark.parametrize("answers", [[9, *[0] * 6], [True, *[0] * 6], ["NA", *[0] * 6], [0] * 6], ids=str)
def test_an_answer_the_form_does_not_have_is_not_written(answers):
    with pytest.raises(UserError, match="answers"):
        response("gad-7", answers, authored="2026-11-25")


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("name", ["gad-7", "phq-9", "audit-c"])
def test_items_are_found_by_their_loinc_code(name, slash):
    codes = instrument(name).loinc.items
    doc = filled(name, [(slash + code, {"valueInteger": k % 3}) for k, code in enumerate(codes)])
    assert read_response(doc).answers == tuple(k % 3 for k in range(len(codes)))


@pytest.mark.parametrize(
    ("panel", "name"), [("69737-5", "gad-7"), ("44249-1", "phq-9"), ("72109-2", "audit-c"), ("44249-1|2.78", "phq-9")]
)
def test_a_form_is_found_by_its_loinc_panel(panel, name):
    doc = filled(name, integers([0] * instrument(name).items)) | {"questionnaire": f"http://loinc.org/q/{panel}"}
    assert read_response(doc).instrument == name


def test_a_version_in_the_address_is_kept():
    assert read_response(filled("gad-7|3", integers([0] * 7))).form_version == "3"


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ({"valueInteger": 2}, 2),
        ({"valueDecimal": 2.0}, 2),
        ({"valueDecimal": Decimal("2.0")}, 2),
        ({"valueDecimal": 2}, 2),
        (coding(LOINC, "LA6570-1"), 2),
        (coding("https://example.org", "x", 2), 2),
        (coding("https://example.org", "x", Decimal("2.0")), 2),
        (coding(LOINC, "LA6570-1", 2), 2),
    ],
    ids=str,
)
def test_a_value_is_read_in_each_of_its_forms(answer, value):
    doc = filled("gad-7", [("1", answer), *integers([0] * 6, start=2)])
    assert read_response(doc).answers[0] == value
    assert scored(doc).total == value


@pytest.mark.parametrize(
    "answer",
    [
        {"valueDecimal": 1.5},
        {"valueString": "2"},
        {"valueBoolean": True},
        {"valueQuantity": {"value": 2}},
        coding("https://example.org", "x"),
        coding("https://example.org", "LA6570-1"),
        coding(LOINC, "LA6571-9", 0),
        coding(LOINC, "LA33-6"),
        {"valueInteger": 4},
        {"valueDecimal": float("inf")},
        {"valueDecimal": Decimal("Infinity")},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_read_makes_the_form_invalid(answer):
    result = scored(filled("phq-9", [("1", answer), *integers([0] * 7 + [1], start=2)]))
    assert result.status == "invalid"
    assert result.flags == ("OUT_OF_RANGE:1", "SAFETY_PHQ9_ITEM9_POSITIVE")


def test_each_loinc_answer_of_the_alcohol_form_is_read():
    rows = [
        ("1", ["LA6270-8", "LA18926-8", "LA18927-6", "LA18928-4", "LA18929-2"]),
        ("2", ["LA15694-5", "LA15695-2", "LA18930-0", "LA18931-8", "LA18932-6"]),
        ("3", ["LA6270-8", "LA18933-4", "LA18876-5", "LA18891-4", "LA18934-2"]),
    ]
    for value in range(5):
        doc = filled("audit-c", [(link, coding(LOINC, codes[value])) for link, codes in rows])
        assert read_response(doc).answers == (value,) * 3


def test_yes_and_no_of_the_suicide_screener_in_their_forms():
    doc = filled(
        "c-ssrs-screen",
        [
            ("1", {"valueBoolean": True}),
            ("2", coding(LOINC, "LA32-8")),
            ("6", coding(LOINC, "LA33-6")),
            ("7", {"valueBoolean": True}),
        ],
    )
    result = scored(doc)
    assert (result.status, result.band, result.flags) == ("ok", "high", ("SAFETY_CSSRS_HIGH",))


def test_no_answer_and_no_item_are_both_unanswered():
    given = filled("gad-7", [("1", None), *integers([1] * 5, start=2)])
    assert read_response(given).answers == (None, 1, 1, 1, 1, 1, None)
    assert read_response(filled("gad-7", [])).answers == (None,) * 7
    assert read_response({k: v for k, v in filled("gad-7", []).items() if k != "item"}).answers == (None,) * 7


@pytest.mark.parametrize("link", ["8", "69722-7", "/69722-7", "/70274-6"])
def test_questions_outside_the_score_are_allowed_and_ignored(link):
    result = scored(filled("gad-7", [*integers([1] * 7), (link, {"valueInteger": 3})]))
    assert (result.status, result.total) == ("ok", 7)
    assert scored(filled("phq-9", [*integers([1] * 9), ("10", {"valueInteger": 3})])).status == "ok"


def test_groups_are_walked_at_any_depth():
    items = filled("gad-7", integers([1] * 7))["item"]
    nested = [{"linkId": "group", "item": [*items[:3], {"linkId": "deeper", "item": items[3:5]}]}, *items[5:]]
    assert scored(filled("gad-7", []) | {"item": nested}).total == 7
    deep = items
    for k in range(5_000):
        deep = [{"linkId": f"g{k}", "item": deep}]
    assert scored(filled("gad-7", []) | {"item": deep}).total == 7


def test_items_below_an_answer_are_walked():
    items = filled("gad-7", integers([1] * 7))["item"]
    items[0]["answer"][0]["item"] = [items.pop()]
    assert scored(filled("gad-7", []) | {"item": items}).total == 7


@pytest.mark.hazard("HAZ-27", "C1")
def test_an_unknown_item_makes_the_form_invalid_and_keeps_the_safety_flag():
    result = scored(filled("phq-9", [*integers([0] * 8 + [2]), ("11", {"valueInteger": 0})]))
    assert (result.status, result.total, result.band) == ("invalid", None, None)
    assert result.flags == ("SAFETY_PHQ9_ITEM9_POSITIVE", "UNKNOWN_ITEM:11")


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.parametrize(("first", "second"), [(0, 2), (2, 0)])
def test_a_repeated_item_makes_the_form_invalid_and_keeps_the_worse_safety_answer(first, second):
    given = [*integers([0] * 8 + [first]), ("/44260-8", {"valueInteger": second})]
    assert scored(filled("phq-9", given)).flags == ("REPEATED_ITEM:9", "SAFETY_PHQ9_ITEM9_POSITIVE")


def test_two_answers_in_one_item_are_a_repetition():
    doc = filled("gad-7", integers([0] * 7))
    doc["item"][0]["answer"] *= 2
    assert scored(doc).flags == ("REPEATED_ITEM:1",)


@pytest.mark.parametrize("status", ["in-progress", "stopped"])
def test_an_unfinished_form_raises_its_safety_flag_and_has_no_total(status):
    result = scored(filled("phq-9", integers([0] * 8 + [1]), status=status))
    assert (result.status, result.total, result.band) == ("incomplete", None, None)
    assert result.flags == ("FORM_NOT_COMPLETED", "SAFETY_PHQ9_ITEM9_POSITIVE")


def test_an_amended_form_counts():
    assert scored(filled("gad-7", integers([1] * 7), status="amended")).total == 7


@pytest.mark.parametrize(
    ("doc", "field"),
    [
        (filled("gad-7", [], status="entered-in-error"), "status"),
        (filled("gad-7", [], status=None), "status"),
        (filled("gad-7", []) | {"questionnaire": "https://example.org/gad-7"}, "questionnaire"),
        (filled("gad-7", []) | {"questionnaire": None}, "questionnaire"),
        (filled("gad-7", []) | {"questionnaire": "http://loinc.org/q/1-8"}, "questionnaire"),
        (filled("gad-7", []) | {"item": {"linkId": "1"}}, "item"),
        (filled("gad-7", []) | {"item": [{"answer": []}]}, "item"),
        (filled("gad-7", []) | {"item": ["1"]}, "item"),
        (filled("gad-7", []) | {"item": [{"linkId": "1", "answer": [3]}]}, "item"),
        (filled("gad-7", []) | {"modifierExtension": [{"url": "x"}]}, "modifierExtension"),
        (filled("gad-7", []) | {"resourceType": "Observation"}, "resourceType"),
        (filled("gad-9", []), "instrument"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_response_is_refused_in_one_sentence_that_names_the_field(doc, field):
    with pytest.raises(UserError, match=f"^{field}"):
        read_score_document(doc)


# --- plain documents -------------------------------------------------------------------------------


def test_a_plain_document_a_response_and_a_list_are_read():
    plain = {"instrument": "gad-7", "answers": [1] * 7}
    requests = read_score_document([plain, filled("phq-9", integers([0] * 9))])
    assert [r.instrument for r in requests] == ["gad-7", "phq-9"]
    assert read_score_document(plain)[0] == requests[0]
    assert read_score_document([]) == []


def test_an_id_may_be_written_in_capitals():
    assert read_score_document({"instrument": "GAD-7", "answers": []})[0].instrument == "gad-7"


def test_the_context_of_a_plain_document_reaches_the_score():
    doc = {"instrument": "pdss", "answers": [1, 1, 1, 1, 0, 1, 0], "context": {"agoraphobia": False}}
    assert scored(doc).band == "borderline"


def test_wrong_answers_are_no_fault_of_the_document():
    assert scored({"instrument": "gad-7", "answers": [0] * 8}).flags == ("WRONG_ITEM_COUNT",)
    assert scored({"instrument": "gad-7", "answers": [Decimal("2.0"), *[0] * 6]}).flags == ("OUT_OF_RANGE:1",)


@pytest.mark.parametrize(
    ("doc", "sentence"),
    [
        (None, "document: not an object"),
        (3, "document: not an object"),
        ({}, "instrument: missing"),
        ({"instrument": "gad-7"}, "answers: missing"),
        ({"instrument": 7, "answers": []}, "instrument: not a text"),
        ({"instrument": "gad-7", "answers": "1234567"}, "answers: not a list"),
        ({"instrument": "gad-7", "answers": [], "contxt": {}}, "contxt: not known here"),
        ({"instrument": "gad-7", "answers": [], "context": []}, "context: not an object"),
        ({"instrument": "gad-7", "answers": [], "context": {"age": 3}}, "context.age: not known here"),
        ({"instrument": "gad-7", "answers": [], "context": {"sex": "banana"}}, "context.sex: 'banana'"),
        ({"instrument": "gad-7", "answers": [], "context": {"agoraphobia": 1}}, "context.agoraphobia: 1"),
        ([{"instrument": "gad-7", "answers": []}, {"answers": []}], r"\[1\]: instrument: missing"),
        ([[]], r"\[0\]: not an object"),
    ],
    ids=str,
)
def test_a_document_of_another_form_is_refused(doc, sentence):
    with pytest.raises(UserError, match=f"^{sentence}"):
        read_score_document(doc)


def test_an_unknown_instrument_is_refused():
    with pytest.raises(UnknownName, match="'phq-10' is not known; did you mean"):
        read_score_document({"instrument": "phq-10", "answers": []})


# --- good FHIR -------------------------------------------------------------------------------------


def test_referees_find_no_fault_in_what_is_written(referees):
    written = [questionnaire(form(name)) for name in instrument_ids()]
    for name in instrument_ids():
        found = instrument(name)
        answers = [bool(found.lowest) if found.booleans else found.lowest] * found.items
        sent = response(name, answers, authored="2026-11-25T10:00:00Z", subject="Patient/p1")
        written.append(sent | {"id": f"r-{name}"})
    assert referees.check(written) == []


GOOD = {"instrument": "gad-7", "answers": [0] * 7}


@pytest.mark.parametrize(
    "bad",
    [
        {"instrument": "phq-10", "answers": []},
        {"instrument": "gad-7", "answers": [], "context": {"sex": "robot"}},
        {"instrument": "pdss", "answers": [], "context": {"agoraphobia": "maybe"}},
        {"resourceType": "QuestionnaireResponse", "status": "draft"},
        {"resourceType": "Bundle"},
        {"answers": []},
        7,
    ],
)
def test_of_a_list_the_element_at_fault_is_named(bad):
    with pytest.raises(UserError, match=r"^\[3\]: "):
        read_score_document([GOOD, GOOD, GOOD, bad, GOOD])
