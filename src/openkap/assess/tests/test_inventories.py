"""Inventories: read as answered, ranked, and never guessed."""

from dataclasses import FrozenInstanceError
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from openkap.assess.intake import response
from openkap.assess.inventories import KINDS, inventory_rules, read_inventories, understood
from openkap.chart.fhir.reader import read_chart
from openkap.chart.types import Response
from openkap.kernel import r4
from openkap.kernel.clock import When

ON = date(2026, 11, 25)


def written(day: str = "2026-11-20", **inventories: Any) -> dict[str, Any]:
    named = {name.replace("_", "-"): entries for name, entries in inventories.items()}
    return response({}, authored=day, subject="Patient/p", inventories=named)


def received(resource: dict[str, Any], name: str = "r1", tentative: bool = False) -> Response:
    return Response(resource, f"QuestionnaireResponse/{name}", When.parse(resource["authored"]), tentative)


def trigger(label: str, distress: int | None = None, avoided: bool | None = None) -> dict[str, Any]:
    return {"trigger-label": label, "trigger-distress": distress, "trigger-avoided": avoided}


FULL: dict[str, list[dict[str, Any]]] = {
    "trigger": [trigger("bus", 7, True), trigger("phone", 3, False), trigger("crowd", 9, True)],
    "root-event": [
        {"root-event-label": "fainted at school", "root-event-on": "2001", "root-event-linked-fear": "fainting"},
        {"root-event-label": "car crash", "root-event-on": "1999-05-02"},
    ],
    "image": [{"image-scene": "I fall", "image-kind": "flash-forward", "image-vividness": 8, "image-distress": 9}],
    "worry-domain": [
        {
            "worry-domain-domain": "money",
            "worry-domain-hours": Decimal("2.5"),
            "worry-domain-real-threat": "yes",
            "worry-domain-useful-action": "talk to the bank",
            "worry-domain-proportion": 6,
        }
    ],
    "life-space": [{"life-space-place-or-role": "choir", "life-space-avoided": True, "life-space-since": "2019"}],
    "medicine-burden": [
        {
            "medicine-burden-medicine": "sertraline",
            "medicine-burden-effect": "blunting",
            "medicine-burden-bother": 6,
        }
    ],
    "panic-attack": [
        {
            "panic-attack-on": "2026-11-10",
            "panic-attack-place": "shop",
            "panic-attack-expected": False,
            "panic-attack-peak": 9,
            "panic-attack-feared": "dying",
        }
    ],
    "body-load": [{"body-load-symptom": "palpitations", "body-load-days": 5, "body-load-bother": 7}],
}


def full() -> dict[str, Any]:
    return response({}, authored="2026-11-20", subject="Patient/p", inventories=FULL)


def test_every_inventory_comes_back_with_what_was_written():
    assert r4.faults(full()) == []
    found = read_inventories([received(full())], ON)
    assert found.not_read == ()
    assert list(found.entries) == list(KINDS) == [row.id for row in inventory_rules().inventory]
    assert found.of("worry-domain")[0].real_threat == "yes"
    assert found.of("worry-domain")[0].hours == Decimal("2.5")
    assert found.of("panic-attack")[0].expected is False
    assert found.document()["medicine-burden"] == [
        {
            "source": "QuestionnaireResponse/r1",
            "when": "2026-11-20",
            "tentative": False,
            "medicine": "sertraline",
            "effect": "blunting",
            "bother": 6,
        }
    ]


def test_triggers_are_ranked_by_distress_and_the_unrated_come_last():
    entries = [trigger("phone", 3), trigger("lift"), trigger("crowd", 10), trigger("home", 0)]
    found = read_inventories([received(written(trigger=entries))], ON)
    assert [(t.label, t.distress) for t in found.of("trigger")] == [
        ("crowd", Decimal(10)),
        ("phone", Decimal(3)),
        ("home", Decimal(0)),
        ("lift", None),
    ]


def test_root_events_stand_in_order_of_time():
    found = read_inventories([received(full())], ON)
    assert [e.label for e in found.of("root-event")] == ["car crash", "fainted at school"]


def test_entries_cannot_be_changed():
    entry = read_inventories([received(full())], ON).of("trigger")[0]
    with pytest.raises(FrozenInstanceError):
        entry.label = "other"


def broken(link: str, answer: dict[str, Any]) -> dict[str, Any]:
    """A response whose only trigger has this answer to one question."""
    items = [{"linkId": "trigger-label", "answer": [{"valueString": "bus"}]}]
    items = [i for i in items if i["linkId"] != link] + [{"linkId": link, "answer": [answer]}]
    group = {"linkId": "trigger", "item": items}
    return {"resourceType": "QuestionnaireResponse", "authored": "2026-11-20", "item": [group]}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"valueInteger": 11}, "outside 0 to 10"),
        ({"valueInteger": -1}, "outside 0 to 10"),
        ({"valueString": "very bad"}, "give a rating"),
        ({"valueBoolean": True}, "give a rating"),
        ({"valueDecimal": float("nan")}, "outside 0 to 10"),
    ],
)
def test_a_bad_rating_is_listed_and_left_out(answer, says):
    found = read_inventories([received(broken("trigger-distress", answer))], ON)
    (entry,) = found.of("trigger")
    assert entry.distress is None
    (fault,) = found.not_read
    assert (fault.link, fault.source) == ("trigger-distress", "QuestionnaireResponse/r1")
    assert says in fault.reason


@pytest.mark.parametrize("rating", [0, 10])
def test_both_ends_of_a_rating_can_be_answered(rating):
    found = read_inventories([received(broken("trigger-distress", {"valueInteger": rating}))], ON)
    assert found.of("trigger")[0].distress == rating


def test_an_entry_without_its_name_is_left_out_and_listed():
    found = read_inventories([received(broken("trigger-label", {"valueInteger": 4}))], ON)
    assert found.of("trigger") == ()
    assert "trigger-label" in {fault.link for fault in found.not_read}


def test_a_strange_question_inside_an_inventory_is_listed():
    found = read_inventories([received(broken("trigger-colour", {"valueString": "red"}))], ON)
    assert [f.link for f in found.not_read] == ["trigger-colour"]


def changed(node: Any, old: str, new: str) -> Any:
    """The same tree with one text replaced."""
    if isinstance(node, dict):
        return {key: changed(value, old, new) for key, value in node.items()}
    if isinstance(node, list):
        return [changed(value, old, new) for value in node]
    return new if node == old else node


def test_a_code_outside_the_list_and_a_date_that_is_none_are_listed():
    resource = changed(changed(full(), "money", "cash"), "1999-05-02", "1999-02-30")
    found = read_inventories([received(resource)], ON)
    assert {f.link for f in found.not_read} == {"worry-domain-domain", "root-event-on"}
    assert found.of("worry-domain") == ()
    assert [e.on for e in found.of("root-event") if e.label == "car crash"] == [None]


def test_the_newest_finished_response_stands_for_each_inventory():
    old = received(written("2026-10-01", trigger=[trigger("bus")], life_space=FULL["life-space"]), "old")
    new = received(written("2026-11-20", trigger=[trigger("crowd")]), "new")
    unfinished = received(written("2026-11-24", trigger=[trigger("phone")], image=FULL["image"]), "half", True)
    future = received(written("2026-11-26", trigger=[trigger("lift")]), "future")
    found = read_inventories([old, new, unfinished, future], ON)
    assert [t.label for t in found.of("trigger")] == ["crowd"]
    assert found.of("life-space")[0].source == "QuestionnaireResponse/old"
    assert found.of("image")[0].tentative is True


def test_nothing_answered_is_nothing_listed():
    assert read_inventories([], ON).entries == {}
    assert read_inventories([received(written())], ON).of("trigger") == ()


def test_the_chart_keeps_the_response_and_what_it_lists_as_not_used_is_understood_here():
    entries = [{"resource": {"resourceType": "Patient", "id": "p"}}, {"resource": full() | {"id": "r1"}}]
    chart = read_chart({"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert len(read_inventories(chart.intake, ON).of("trigger")) == 3
    assert all(understood(listed) for listed in chart.unmapped)
