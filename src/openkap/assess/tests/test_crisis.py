"""Help at once after a suicidality answer: who is told when, and what the patient reads."""

from datetime import UTC, datetime, timedelta

import pytest

from openkap.assess.crisis import crisis_rules, due_at, flags_of_answer, help_of, rings_of_step, step_at
from openkap.assess.instruments import instrument_ids, instruments
from openkap.kernel.errors import ContentFault
from tests.reading import grade

AT = datetime(2026, 12, 24, 23, 30, tzinfo=UTC)


@pytest.mark.hazard("HAZ-48", "C3")
def test_one_answer_alone_raises_its_flag_whatever_else_is_open():
    assert flags_of_answer("phq-9", 9, 1) == ("SAFETY_PHQ9_ITEM9_POSITIVE",)
    assert flags_of_answer("phq-9", 9, 0) == ()
    assert flags_of_answer("phq-9", 1, 3) == ()
    assert flags_of_answer("c-ssrs-screen", 2, True) == ("SAFETY_CSSRS_LOW",)
    assert flags_of_answer("c-ssrs-screen", 4, True) == ("SAFETY_CSSRS_HIGH",)
    assert flags_of_answer("c-ssrs-screen", 4, False) == ()


def test_every_instrument_with_a_safety_item_is_known_here():
    with_items = {name for name, found in instruments().items() if found.safety or found.screener}
    raising = {
        name
        for name in instrument_ids()
        for position in range(1, instruments()[name].items + 1)
        for answer in (True, 1, 2, 3)
        if flags_of_answer(name, position, answer)
    }
    assert raising == with_items == {"phq-9", "c-ssrs-screen"}


def test_steps_widen_with_time_and_the_last_one_repeats():
    minutes = [step.after_min for step in crisis_rules().step]
    for number, minute in enumerate(minutes, start=1):
        assert step_at(AT, AT + timedelta(minutes=minute)) == number
        if minute:
            assert step_at(AT, AT + timedelta(minutes=minute, seconds=-1)) == number - 1
    again = crisis_rules().again.every_min
    assert step_at(AT, AT + timedelta(minutes=minutes[-1] + 3 * again)) == len(minutes) + 3
    for number in range(1, 9):
        assert step_at(AT, due_at(AT, number)) == number
        assert step_at(AT, due_at(AT, number) - timedelta(seconds=1)) == max(number - 1, 1)


def test_a_step_with_nobody_in_its_ring_tries_the_wider_ones():
    assert list(rings_of_step(1)) == ["on-call", "care-team", "clinicians", "staff"]
    assert list(rings_of_step(3)) == ["clinicians", "staff"]
    assert list(rings_of_step(40)) == ["staff"]


@pytest.mark.hazard("HAZ-48", "C1")
def test_without_numbers_of_its_own_a_site_shows_the_national_line_and_says_so(tmp_path):
    for site in (None, tmp_path):
        shown = help_of(site)
        assert [line.dial for line in shown.lines] == ["988", "911"]
        assert all("United States" in line.name for line in shown.lines)
        assert shown.mark
        assert shown.promise == ""


def test_the_numbers_of_a_site_go_before(tmp_path):
    (tmp_path / "crisis.toml").write_text(
        'promise = "A person reads this within 15 minutes."\n[[line]]\nid = "house"\nname = "Am Fluss, on call"\n'
        'number = "+43 1 555-0100"\nsource = "house list"\nby = "Ada Admin"\non = 2026-11-01\n'
    )
    shown = help_of(tmp_path)
    assert [(line.name, line.dial) for line in shown.lines] == [("Am Fluss, on call", "+4315550100")]
    assert shown.mark == ""
    assert shown.promise.startswith("A person")


def own(more: str) -> str:
    return more + '[[line]]\nid="a"\nname="b"\nnumber="1"\nsource="c"\nby="d"\non=2026-11-01\n'


def test_a_site_may_name_its_page_for_safety_plans_and_nothing_else(tmp_path):
    path = tmp_path / "crisis.toml"
    path.write_text(own('safety_plan = "https://clinic.example/safety-plan"\n'))
    assert help_of(tmp_path).safety_plan == "https://clinic.example/safety-plan"
    assert help_of(None).safety_plan == ""
    for address in ("javascript:alert(1)", "http://clinic.example/", "clinic.example/plan", "https://a b/"):
        path.write_text(own(f'safety_plan = "{address}"\n'))
        with pytest.raises(ContentFault, match="safety_plan"):
            help_of(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "promise = 'soon'\n", "[[line]]\nid='a'\nname='b'\nnumber='ask us'\nsource='c'\nby='d'\non=2026-11-01\n"],
)
def test_a_file_of_a_site_without_a_number_is_refused(tmp_path, text):
    (tmp_path / "crisis.toml").write_text(text)
    with pytest.raises(ContentFault, match=r"crisis\.toml"):
        help_of(tmp_path)


@pytest.mark.hazard("HAZ-53", "C1")
def test_the_page_of_help_reads_at_grade_six_to_eight_or_below():
    texts = crisis_rules().texts
    assert grade([getattr(texts, name) for name in texts.__struct_fields__]) <= 8
