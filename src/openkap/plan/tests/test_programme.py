"""The programme: windows, order and pathways, checked against an independent reading of the rules."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openkap.assess.formulation import with_decisions
from openkap.plan.html import plan_html
from openkap.plan.limits import frequency
from openkap.plan.preferences import read_preferences
from openkap.plan.propose import propose
from openkap.plan.tests.people import DIMENSIONS, ON, finding, formulation, reading, screening, view

KINDS = {"preparation", "dose", "integration", "exposure", "therapy", "check-in", "measure", "review"}
NAMED = ["REG-A1", "REG-A3", "REG-B1", "REG-B2", "REG-B3", "REG-B4", "REG-C1", "REG-C2"]
REASON = {"reasons": {"DOS-FREQ-1": "a reason"}}


def sessions(regimen="REG-B1", levels=None, verdict=None, wishes=None, **chart):
    given_ = {"regimen": regimen, **REASON, **(wishes or {})}
    chart.setdefault("more", (reading("c-ssrs-screen", "none_identified"),))
    document = propose(
        view(**chart), verdict or screening(), formulation(**(levels or {})), read_preferences(given_, ON)
    )
    return document["programme"]["sessions"]


def by_id(found):
    return {s["id"]: s for s in found}


def feasible(found):
    """Hours of each session that keep every window, or None (longest paths over the difference constraints)."""
    at = {s["id"]: 0 for s in found}
    edges = [(a["id"], s["id"], a["min_h"]) for s in found for a in s["after"]]
    edges += [(s["id"], a["id"], -a["max_h"]) for s in found for a in s["after"] if a["max_h"] is not None]
    for _ in range(len(found) + 1):
        moved = False
        for before, later, hours in edges:
            if at[before] + hours > at[later]:
                at[later] = at[before] + hours
                moved = True
        if not moved:
            return at
    return None


def check(found):
    names = [s["id"] for s in found]
    assert len(names) == len(set(names))
    seen = set()
    for session in found:
        assert session["kind"] in KINDS
        assert session["minutes"] > 0
        assert session["roles"]
        assert session["why"]
        assert session["basis"]
        for after in session["after"]:
            assert after["id"] in seen, (session["id"], after["id"])
            assert after["max_h"] is None or after["max_h"] >= after["min_h"]
        seen.add(session["id"])
    days = by_id(found)
    for session in found:
        for after in session["after"]:
            hours = 24 * (session["day"] - days[after["id"]]["day"])
            assert hours >= after["min_h"] - 23
            assert after["max_h"] is None or hours <= after["max_h"] + 23
    assert feasible(found) is not None


def doses(found):
    return [s for s in found if s["kind"] == "dose"]


@settings(max_examples=120, deadline=None)
@given(
    st.fixed_dictionaries({d.replace("-", "_"): st.sampled_from([None, 0, 1, 2, 3]) for d in DIMENSIONS}),
    st.sampled_from(NAMED),
    st.booleans(),
    st.booleans(),
    st.sets(st.sampled_from(["emdr", "yoga", "interoceptive-exposure", "pmr"])),
)
def test_whatever_the_formulation_every_dose_is_prepared_and_integrated_and_every_window_can_be_kept(
    levels, regimen, panic, social, wished
):
    found = sessions(regimen, levels, wishes={"modalities": sorted(wished)}, panic=panic, **{"social-anxiety": social})
    check(found)
    days = by_id(found)
    ids = [s["id"] for s in doses(found)]
    preparations = [s for s in found if s["kind"] == "preparation"]
    assert 1 <= len(preparations) <= 3
    assert {p["id"] for p in preparations} <= {a["id"] for a in days["dose-1"]["after"]}
    for place, dose in enumerate(ids, 1):
        integration = days[f"integration-{place}"]
        window = next(a for a in integration["after"] if a["id"] == dose)
        assert (window["min_h"], window["preferred_max_h"], window["max_h"]) == (24, 72, 96)
        assert days[f"check-in-{place}"]["day"] == days[dose]["day"] + 1
        if place < len(ids):
            following = days[ids[place]]
            assert f"integration-{place}" in {a["id"] for a in following["after"]}
            gap = next(a for a in following["after"] if a["id"] == dose)
            assert gap["min_h"] >= 48
    times = [datetime(2026, 12, 1, 9, tzinfo=UTC) + timedelta(days=days[d]["day"]) for d in ids]
    often = frequency(times, "iv")
    assert {f.level for f in often} <= ({"needs-reason"} if regimen in {"REG-B4"} else set())


@pytest.mark.parametrize("regimen", ["REG-B1", "REG-B2", "REG-B3", "REG-B4"])
def test_even_the_earliest_hours_that_keep_the_windows_keep_the_weekly_limit(regimen):
    found = sessions(regimen)
    earliest = feasible(found)
    times = [datetime(2026, 12, 1, tzinfo=UTC) + timedelta(hours=earliest[d["id"]]) for d in doses(found)]
    assert {f.level for f in frequency(times, "iv")} <= ({"needs-reason"} if regimen == "REG-B4" else set())
    assert all(b - a >= timedelta(hours=48) for a, b in itertools.pairwise(times))


@pytest.mark.parametrize(
    ("regimen", "days"),
    [
        ("REG-A1", [0, 7, 14]), ("REG-A3", [0]), ("REG-B1", [0, 2, 4, 7, 9, 11]), ("REG-B2", [0, 3, 7, 10, 14, 17]),
        ("REG-B3", [0, 3, 7, 10, 14, 17, 21, 24]), ("REG-B4", [0, 2, 4, 6, 8]), ("REG-C1", [0, 7, 14, 21]),
        ("REG-C2", [0, 3, 7, 10, 14, 17, 21, 24]),
    ],
)  # fmt: skip
def test_doses_fall_on_the_days_of_the_template(regimen, days):
    found = [s["day"] for s in doses(sessions(regimen))]
    assert [d - found[0] for d in found] == days


def test_panic_has_more_preparation_a_therapist_in_the_room_twice_and_no_body_exercise_near_a_dose():
    found = sessions("REG-A1", {"somatic": 2}, panic=True)
    days = by_id(found)
    assert len([s for s in found if s["kind"] == "preparation"]) == 3
    assert any("interoceptive preparation" in n for n in days["prep-3"]["needs"])
    assert ["therapist in the room throughout" in d["needs"] for d in doses(found)] == [True, True, False]
    exposures = [s for s in found if s["modality"] == "interoceptive-exposure"]
    assert exposures
    for exposure in exposures:
        assert all(a["min_h"] >= 24 for a in exposure["after"])
        later = [a for s in doses(found) for a in s["after"] if a["id"] == exposure["id"]]
        assert all(a["min_h"] >= 24 for a in later)
        assert later or exposure["id"] == "exposure-3"


def test_gad_and_social_anxiety_have_pathways_of_their_own():
    worry = by_id(sessions("REG-A1"))
    shy = by_id(sessions("REG-A1", gad=False, **{"social-anxiety": True}))
    assert any("worries sorted" in n for n in worry["prep-2"]["needs"])
    assert any("who will see me" in n for n in shy["prep-2"]["needs"])
    assert len([n for n in worry if n.startswith("prep")]) == len([n for n in shy if n.startswith("prep")]) == 2
    assert not any("therapist in the room throughout" in n for n in worry["dose-1"]["needs"])


def test_a_feared_session_gets_a_further_preparation():
    assert "prep-3" in by_id(sessions("REG-A1", session_fear=7))
    assert "prep-3" not in by_id(sessions("REG-A1", session_fear=6))


@pytest.mark.parametrize(
    ("levels", "wishes", "expected"),
    [
        ({"avoidance": 1}, {}, True),
        ({"somatic": 1}, {}, True),
        ({}, {"modalities": ["exposure"]}, True),
        ({"cognitive": 3}, {}, False),
        ({"avoidance": 3}, {"avoid": ["exposure"]}, False),
    ],
)
def test_an_exposure_task_is_paired_with_a_dose_where_avoidance_points_to_it_or_it_is_chosen(levels, wishes, expected):
    found = sessions("REG-A1", levels, wishes=wishes)
    exposures = [s for s in found if s["kind"] == "exposure"]
    assert bool(exposures) is expected
    for exposure in exposures:
        (window,) = exposure["after"]
        assert window["id"].startswith("dose-")
        assert (window["min_h"], window["max_h"]) == (24, 336)


def test_emdr_prepares_before_the_first_dose_and_is_planned_only_through_an_open_gate():
    found = sessions("REG-A1", {"past_event": 3})
    days = by_id(found)
    assert any("EMDR phases 1" in n for n in days["prep-2"]["needs"])
    memory = [s for s in found if s["modality"] == "emdr"]
    assert memory
    assert all(s["kind"] == "therapy" and any("4 desensitisation" in n for n in s["needs"]) for s in memory)
    assert not [s for s in sessions("REG-A1", {"past_event": 3}, des_ii=None) if s["modality"] == "emdr"]
    assert not [s for s in sessions("REG-A1", {"past_event": 3}, des_ii=30) if s["modality"] == "emdr"]


@pytest.mark.parametrize(
    ("regimen", "reviews"),
    [("REG-B1", [4]), ("REG-B2", [4]), ("REG-B3", [1, 2, 3, 4]), ("REG-B4", [4]), ("REG-A1", []), ("REG-C1", [3])],
)
def test_progress_is_reviewed_before_more_doses(regimen, reviews):
    found = sessions(regimen)
    days = by_id(found)
    assert [n for n in range(1, 9) if f"review-{n}" in days] == reviews
    for n in reviews:
        assert f"review-{n}" in {a["id"] for a in days[f"dose-{n + 1}"]["after"]}
    assert "review-end" in days


def test_suicidal_thoughts_on_the_record_bring_a_second_call():
    found = by_id(sessions("REG-A1", verdict=screening("caution", finding("SCR-SI-3"))))
    assert found["check-in-1b"]["after"] == [{"id": "dose-1", "min_h": 60, "max_h": 84}]
    assert "check-in-1b" not in by_id(sessions("REG-A1"))


def test_the_end_and_the_months_after_it_follow_relapse_prevention():
    found = by_id(sessions("REG-A3"))
    end = found["end"]["day"]
    assert [found[f"follow-up-{m}"]["day"] - end for m in (1, 3, 6, 12)] == [30, 90, 180, 360]
    assert found["relapse-prevention"]["after"][0]["id"].startswith("closing-")


def test_a_start_gives_every_session_and_measure_its_date():
    document = propose(view(), screening(), formulation(), read_preferences({"start_on": "2026-12-07"}, ON))
    for item in (*document["programme"]["sessions"], *document["measures"]):
        assert item["date"] == (date(2026, 12, 7) + timedelta(days=item["day"])).isoformat()
    assert "date" not in propose(view(), screening(), formulation(), read_preferences(None))["measures"][0]


def test_a_modality_is_planned_only_where_it_is_usable():
    document = propose(
        view(), screening(), formulation(parts=3, past_event=2), read_preferences({"avoid": ["cbt"]}, ON)
    )
    planned = {s["modality"] for s in document["programme"]["sessions"]} - {None}
    shut = {m["id"] for m in document["modalities"] if m["gate"]["state"] != "open" or m["avoided"]}
    assert "cbt" in shut
    assert not planned & shut
    lines = document["programme"]["combination"]
    assert {line["modality"] for line in lines} >= {m["id"] for m in document["modalities"]}


def test_the_combination_calls_planned_only_what_has_a_session():
    for levels, wishes in (
        ({"cognitive": 1}, None),
        ({"past_event": 3, "parts": 2}, None),
        ({"cognitive": 1}, {"modalities": ["ifs"]}),
    ):
        document = propose(view(), screening(), formulation(**levels), read_preferences(wishes, ON))
        given = {s["modality"] for s in document["programme"]["sessions"]} - {None}
        lines = document["programme"]["combination"]
        assert {line["modality"] for line in lines if line["planned"]} - {None} == given
        exposed = any(s["kind"] == "exposure" for s in document["programme"]["sessions"])
        assert {line["planned"] for line in lines if line["modality"] is None} <= {exposed}


def test_a_dimension_that_the_clinician_did_not_take_over_points_to_nothing():
    refused = with_decisions(formulation(imagery=3, cognitive=2), {"imagery": False})
    document = propose(view(), screening(), refused, read_preferences(None, ON))
    assert "imagery-rescripting" not in {m["id"] for m in document["modalities"]}
    assert document["summary"]["formulation"]["imagery"]["level"] is None
    assert "not taken over" in plan_html(dict(document) | {"openkap": "0", "content": "0", "mode": "demonstration"})


@pytest.mark.hazard("HAZ-28", "C2")
def test_a_method_without_any_study_in_the_disorder_waits_until_the_formulation_is_accepted():
    def of(wishes=None, chart=None, signs=None):
        said = signs or formulation(imagery=3)
        document = propose(chart or view(), screening(), said, read_preferences(wishes, ON))
        entries = {m["id"]: m for m in document["modalities"]}
        return {s["modality"] for s in document["programme"]["sessions"]}, entries["imagery-rescripting"]

    given, entry = of()
    assert "imagery-rescripting" not in given  # grade D in generalised anxiety
    assert entry["offered_once_accepted"] is True
    assert "offered once that is done" in entry["later"]
    given, entry = of({"modalities": ["imagery-rescripting"]})
    assert "imagery-rescripting" in given
    assert (entry["offered_once_accepted"], entry["later"]) == (False, None)
    taken = with_decisions(formulation(imagery=3), {"imagery": True})
    given, entry = of(signs=taken)
    assert "imagery-rescripting" in given
    assert entry["offered_once_accepted"] is False
    given, entry = of(chart=view(gad=False, social_anxiety=True))
    assert "imagery-rescripting" in given  # grade B in social anxiety
    assert entry["offered_once_accepted"] is False
