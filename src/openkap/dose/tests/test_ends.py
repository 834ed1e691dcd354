"""Ends that come too early or are noted late: infusions, the stay on the form, what is not known of a course."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace as replace_row

from openkap.dose import events as e
from openkap.dose import library
from openkap.dose.form import monitoring_form
from openkap.dose.gate import gate
from openkap.dose.steps import step
from openkap.dose.tests.sessions import BEGIN, CLERK, DAY, DUTY, NURSE, SYSTEM, by_mouth, case
from openkap.dose.types import Phase
from openkap.kernel.errors import ContentFault
from openkap.kernel.quantity import DoseMg
from openkap.kernel.site import Site
from openkap.kernel.truth import Truth


@pytest.mark.hazard("HAZ-51", "C1")
@pytest.mark.parametrize(("seconds", "incident"), [(1, True), (38 * 60 - 1, True), (38 * 60, False), (40 * 60, False)])
def test_an_infusion_that_went_in_too_fast_is_an_incident_and_is_kept(seconds, incident):
    run = case().to_dosing()
    effects = run.do(e.Finish, after_s=seconds)
    found = [(one.kind, type(one.data)) for one in effects if one.kind in ("incident", "hold-next")]
    assert found == ([("incident", e.Finish), ("hold-next", e.Finish)] if incident else [])
    assert run.session.ended_s == run.now_s


@pytest.mark.hazard("HAZ-36", "C2")
@pytest.mark.parametrize(
    ("name", "kinds"),
    [("vomit", ["task"]), ("chest", ["task", "incident", "hold-next"])],
)
def test_a_mark_that_comes_in_after_the_end_keeps_its_own_time_and_is_followed_up(name, kinds):
    run = case().to_dosing()
    seen = run.now_s
    run.do(e.Stop, after_s=60, reason="wishes", given_mg=DoseMg(Decimal(1)))
    run.do(e.Leave, how="against advice", reason="bus", advice_given=True)
    effects = run.do(e.SetMark, after_s=600, name=name, text="seen in the corridor", happened_s=seen)
    mark = run.session.marks[-1]
    assert (mark.name, mark.seen_s, mark.stamp.elapsed_s, mark.by) == (name, seen, run.now_s, NURSE)
    assert mark.text == "seen in the corridor"
    title = run.session.protocol.marks[name].title
    assert [(one.kind, one.data) for one in effects] == [
        ("task", ("follow up what was seen", title)),
        *((kind, mark) for kind in kinds[1:]),
    ]
    run.do(e.SetMark, after_s=600, name=name)
    assert run.session.marks[-1].seen_s == run.now_s


def test_a_pause_is_no_time_of_the_infusion_and_a_part_has_its_part_of_the_time():
    run = case().to_dosing()
    run.do(e.Pause, reason="line", after_s=60)
    run.do(e.Resume, after_s=30)
    again = case().to_dosing()
    again.do(e.Pause, reason="line", after_s=60)
    effects = again.do(e.Stop, after_s=1200, reason="enough", given_mg=DoseMg(Decimal("20.5")))
    assert "incident" in {one.kind for one in effects}
    effects = run.do(e.Stop, after_s=18 * 60 - 60, reason="enough", given_mg=DoseMg(Decimal("20.5")))
    assert "incident" not in {one.kind for one in effects}


def test_a_note_of_the_next_day_lengthens_no_stay():
    run = case().to_leaving()
    run.do(e.Discharge)
    stay = monitoring_form(run.session)
    run.do(e.Note, after_s=86_400, text="called, well")
    later = monitoring_form(run.session)
    assert (later.stay_min, later.missing) == (stay.stay_min, stay.missing)


def test_the_worst_sedation_is_that_of_the_session_not_of_the_last_dose():
    run = case("sublingual").to_dosing(by_mouth("50")).watch(10)
    run.read(moaas=4)
    run.now_s += 60
    run.check()
    run.session = replace(run.session, given=(run.session.given[0], run.session.given[0]))
    later = replace(run.session.given[1], started=run.stamp())
    run.session = replace(run.session, given=(run.session.given[0], later))
    assert monitoring_form(run.session).worst_sedation == "Alertness, MOAA/S 4"


@pytest.mark.goal("RG-20")
@pytest.mark.parametrize(("maintenance", "met"), [(None, [Truth.UNKNOWN]), (False, []), (True, [])])
def test_a_course_of_which_nobody_knows_whether_it_is_maintenance_is_not_green(maintenance, met):
    run = case(maintenance=maintenance).to_gate()
    assert [f.met for f in gate(run.session, run.stamp()) if f.row == "HARM-REVIEW"] == met


def test_a_route_without_a_shortest_stay_is_a_fault_of_the_content(monkeypatch):
    shipped = library.book_of(Site())
    bare = tuple(replace_row(row, min_stay_min=None) for row in shipped.monitoring.watch)
    book = replace(shipped, monitoring=replace_row(shipped.monitoring, watch=bare))
    monkeypatch.setattr(library, "book_of", lambda site: book)
    with pytest.raises(ContentFault, match="min_stay_min"):
        library.protocol(Site(), "iv", "ketamine", DAY)


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.parametrize(("people", "faults"), [((), 1), ((CLERK,), 0)])
def test_a_last_ring_with_nobody_in_it_is_a_fault(people, faults):
    run = case().to_dosing()
    run.do(e.DutyNow, SYSTEM, duty=replace(DUTY, rings={**DUTY.rings, "site-phone": people}))
    run.do(e.SetMark, name="chest")
    run.wait(2)
    assert len(run.told("fault")) == faults


@pytest.mark.goal("RG-20")
@pytest.mark.parametrize(("hours", "asked"), [(47, True), (48, False)])
def test_a_dose_too_close_to_the_last_asks_for_new_checks(hours, asked):
    run = case().arrive()
    run.session = replace(run.session, dose_times=(BEGIN - timedelta(hours=hours),))
    found = [f.met for f in gate(run.session, run.stamp()) if f.row == "GATE-APART"]
    assert found == ([Truth.UNKNOWN] if asked else [])
    run.answer_all()
    assert all(f.met is Truth.TRUE for f in gate(run.session, run.stamp()) if f.row == "GATE-APART")


@pytest.mark.hazard("HAZ-37", "C1")
def test_after_a_restart_the_minutes_between_devices_count_from_then():
    run = case("nasal", "esketamine").to_dosing(by_mouth("56", drug="esketamine", route="nasal"))
    run.do(e.UseDevice)
    run.now_s += 300
    event = run.event(e.UseDevice)
    _, effects = step(run.session, event, replace(run.stamp(), unsure_s=300, sure_from_s=run.now_s))
    assert effects[0].data.rule == "WATCH-DEVICES"
    run.send(event)
    assert len(run.session.given[0].devices_s) == 2


@pytest.mark.hazard("HAZ-36", "C1")
def test_a_stop_and_a_pause_told_late_are_of_the_moment_when_they_were_done():
    """A tablet without contact tells them minutes later: stay, forecast and speed count from when the drug ended."""
    run = case().to_dosing()
    begun = run.now_s
    run.now_s = begun + 900
    run.do(e.Pause, reason="nausea", happened_s=begun + 600)
    assert run.session.given[-1].paused_s == ((begun + 600, None),)
    run.now_s = begun + 1200
    run.do(e.Stop, reason="enough", given_mg=DoseMg(Decimal("10.25")), happened_s=begun + 660)
    ended = run.session.given[-1].ended
    assert ended is not None and ended.elapsed_s == begun + 660
    assert ended.at == run.stamp().at - timedelta(seconds=540)
    assert run.session.given[-1].paused_s == ((begun + 600, begun + 660),)


def test_a_stop_told_late_is_of_no_moment_before_what_was_done_to_the_drug_since():
    run = case().to_dosing()
    begun = run.now_s
    run.do(e.Pause, reason="nausea", after_s=300)
    assert run.session.phase is Phase.PAUSED
    run.do(e.Resume, after_s=60)
    run.now_s += 60
    assert run.refused(e.Pause, reason="told late", happened_s=begun + 100).rule == "PHASE"
    run.do(e.Stop, reason="told late", given_mg=DoseMg(Decimal(5)), happened_s=begun)
    ended = run.session.given[-1].ended
    assert ended is not None and ended.elapsed_s == begun + 360


@pytest.mark.goal("RG-20")
@pytest.mark.parametrize(("maintenance", "met"), [(None, [Truth.UNKNOWN]), (False, []), (True, [Truth.UNKNOWN])])
def test_a_step_of_maintenance_courses_only_is_asked_of_them_and_of_one_that_may_be(maintenance, met):
    """A protocol as sessions kept it before the screens for harm had rows of their own."""
    run = case(maintenance=maintenance).to_gate()
    first = replace(run.session.protocol.items[0], only="maintenance")
    asked = replace(run.session.protocol, items=(first,))
    run.session = replace(run.session, protocol=asked, checks=())
    assert [f.met for f in gate(run.session, run.stamp()) if f.row == first.row] == met
