"""`openkap plan --preferences`: every key, each shown to do what it says."""

from pathlib import Path
from typing import Any

import pytest

from openkap.cli.tests.command import ON, Outcome, call, called, encoded, person


@pytest.fixture
def plan(tmp_path: Path):
    def run(wishes: dict[str, Any], name: str = "eligible") -> Outcome:
        path = tmp_path / "wishes.json"
        path.write_bytes(encoded(wishes))
        return call("plan", "-", "--on", ON, "--preferences", path, stdin=person(name))

    return run


def test_no_wishes_and_empty_wishes_give_the_same_plan(plan):
    assert plan({}) == called("plan", "eligible")


def test_a_named_regimen_is_planned_and_said_to_be_named(plan):
    regimen = plan({"regimen": "REG-B1"}).json["regimen"]
    assert (regimen["id"], regimen["chosen_by"]) == ("REG-B1", "preferences")


@pytest.mark.parametrize("name", ["REG-C1", "REG-C2"])
def test_a_comfort_regimen_is_offered_only_by_name(plan, name: str):
    assert name not in [option["id"] for option in called("plan", "eligible").json["options"]]
    answer = plan({"regimen": name})
    assert answer.status == 0 and answer.json["regimen"]["id"] == name
    assert plan({"regimen": "REG-A1"}).json["regimen"]["id"] == "REG-A1"


def test_the_exception_is_never_planned_not_even_by_name(plan):
    answer = plan({"regimen": "REG-X1"})
    assert answer.status == 3
    assert "REG-X1" in answer.json["reason"]
    assert "regimen" not in answer.json
    answer = plan({"regimen": "REG-X1", "reasons": {"REG-X1": "wished", "DOS-FREQ-1": "wished"}})
    assert answer.status == 3


def test_routes_bound_the_options(plan):
    options = plan({"routes": ["iv"]}).json["options"]
    assert options and {option["route"] for option in options} == {"iv"}


def test_wished_ways_of_working_are_weighed_and_avoided_ones_are_not_planned(plan):
    document = plan({"modalities": ["emdr"], "avoid": ["cbt"]}).json
    assert "emdr" in {m["id"] for m in document["modalities"]}
    assert "cbt" not in {session["modality"] for session in document["programme"]["sessions"]}
    assert "cbt" in {session["modality"] for session in called("plan", "eligible").json["programme"]["sessions"]}


def test_a_low_start_lowers_the_first_dose(plan):
    routes = {"routes": ["iv"]}
    usual, low = plan(routes).json["regimen"]["dose"], plan({**routes, "start_low": True}).json["regimen"]["dose"]
    assert (usual["start_low"], low["start_low"]) == (False, True)
    assert low["mg"] < usual["mg"]


def test_a_first_day_gives_every_session_its_date(plan):
    sessions = plan({"start_on": "2026-12-01"}).json["programme"]["sessions"]
    assert sessions[0]["date"] == "2026-12-01"
    assert all(session["date"] >= "2026-12-01" for session in sessions)
    assert not any("date" in session for session in called("plan", "eligible").json["programme"]["sessions"])


def test_a_dosing_weight_scales_the_dose_and_keeps_the_measured_one_beside_it(plan):
    wishes = {"dosing_weight_kg": 70, "reasons": {"dosing_weight_kg": "ideal weight"}}
    dose = plan(wishes).json["regimen"]["dose"]
    assert dose["weight_kg"] == 70
    assert dose["measured_weight_kg"] == 82.6
    assert dose["mg"] == pytest.approx(dose["mg_per_kg"] * 70)


def test_an_alternate_day_template_needs_the_prescribers_reason(plan):
    asked = {"regimen": "REG-B4"}
    assert plan(asked).status == 3
    with_reason = plan({**asked, "reasons": {"DOS-FREQ-1": "the trial's schedule, discussed in the team"}})
    assert with_reason.status == 0 and with_reason.json["regimen"]["id"] == "REG-B4"


def test_null_is_no_wish(plan):
    assert plan({"regimen": None, "start_on": None}) == called("plan", "eligible")


def test_nothing_left_ends_with_three_and_the_reason_for_each_template(plan):
    answer = plan({"routes": ["oral"]})
    assert answer.status == 3
    refused = answer.json["refused_options"]
    assert refused and all(option["reasons"] for option in refused)
    assert answer.json["verdict"] == "eligible"


def test_wishes_come_from_standard_input_too(tmp_path: Path):
    path = tmp_path / "case.json"
    path.write_bytes(person("eligible"))
    answer = call("plan", path, "--on", ON, "--preferences", "-", stdin=b'{"regimen": "REG-B1"}')
    assert answer.json["regimen"]["id"] == "REG-B1"
