"""The content of the dosing room: transcribed, cross-checked, signed or deciding nothing."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from openkap.dose import library
from openkap.dose.lines import ELSEWHERE, TABLE, lines_of, loosens
from openkap.dose.rows import MarksFile
from openkap.kernel.content import convert, row_ids
from openkap.kernel.errors import ContentFault, UserError
from openkap.kernel.site import Override, Site
from openkap.plan.book import book_of, shipped
from openkap.plan.tests.numbers import numbers_of
from openkap.review.catalogue import chapters
from openkap.review.effects import effect

ON = date(2026, 11, 29)
ROUTES = [(row.route, row.drug) for row in shipped().dose_limits.limit]

# Every number of the room, written down by hand from the fact sheet, the hazard log and the goals.
NUMBERS = {
    "READ-MOAAS": "0 5", "READ-RASS": "-5 4", "READ-NAUSEA": "0 10 0 10", "READ-ALDRETE": "0 10", "READ-MPADSS": "0 10",
    "WATCH-RECHECK": "5 5", "WATCH-GATE-BP": "5 2 10 5 2 10", "WATCH-SILENCE": "120 120", "WATCH-BEAT": "5 15 5 15",
    "WATCH-CONTACT": "10 10", "WATCH-SKEW": "60 60", "WATCH-IDLE": "5 5", "WATCH-ACUTE": "1 1", "WATCH-DAY": "15 15",
    "WATCH-RECEIPT": "15 15", "WATCH-OWNER": "5 5",

    "WATCH-SOUND": "10 10", "WATCH-BUDGET": "4 4", "WATCH-PHONE": "4 5 4 5", "WATCH-DEVICES": "5 5",
    "ORDER-ROUND": "5 5", "ORDER-FAST": "2 2", "RECORD-LATE": "60 60", "WATCH-DECIDE": "2 2", "LEAVE-CONTACT": "24",
    "LEDGER-WITNESS": "5 5", "LEDGER-LOSS": "1 106 1", "LEDGER-INVENTORY": "24 24", "LEDGER-RECORDS": "2 2",
    "STEP-RED-BEDSIDE": "0", "STEP-RED-ROOM": "0", "STEP-RED-PRESCRIBER": "0", "STEP-RED-PHONE": "120",
    "STEP-AMBER-BEDSIDE": "0", "STEP-AMBER-ROOM": "120", "STEP-AMBER-PRESCRIBER": "300", "STEP-AMBER-PHONE": "600",
    "GRADE-1": "1", "GRADE-2": "2", "GRADE-3": "3", "GRADE-4": "4", "GRADE-5": "5", "GATE-FEAR": "0 10",
    "HARM-BLADDER": "1 4", "HARM-LIVER": "1 0", "HARM-MISUSE": "1 0", "HARM-COGNITION": "12 0",
    "HARM-REVIEW": "2 3 4 2 3",
    "PROD-KET-VIAL": "10 50 100", "PROD-ESK-DEVICE": "28",
    "READ-DISTRESS": "0 10", "READ-CADSS-6": "6",
}  # fmt: skip


def override(row: str, limit: str, value: str) -> Site:
    change = Override(row=row, limit=limit, value=Decimal(value), reason="quiet room", by="Dr Varga", on=ON)
    return Site(None, {}, {row: {limit: change}})


REFERENCES = {
    "row": "",
    "steps": (),
    "alerts": (),
    "name": "",
    "fact": "",
    "group": "",
}  # names of rows hold digits too


def own_numbers(row: msgspec.Struct) -> str:
    there = {name: nothing for name, nothing in REFERENCES.items() if hasattr(row, name)}
    return " ".join(numbers_of(msgspec.structs.replace(row, **there)))


@pytest.mark.hazard("HAZ-19", "C1")
def test_every_number_of_a_row_is_the_one_written_down_by_hand():
    found = {row.id: own_numbers(row) for row in library.shipped().rows() if not row.id.startswith("CALM")}
    assert {row: said for row, said in found.items() if said} == NUMBERS


@pytest.mark.hazard("HAZ-24", "C1")
def test_every_row_has_grade_and_basis_and_no_row_claims_more_than_its_weakest_part():
    for row in library.shipped().rows():
        assert row.evidence and row.basis, row.id
        assert all(part.source or part.tag in "KDP" for part in row.basis), row.id


def test_every_row_stands_on_the_page_and_says_what_happens_while_it_is_unsigned():
    ours = [chapter for chapter in chapters(Site()) if chapter.room == "dose"]
    assert {row.id for chapter in ours for row in chapter.rows} == {row.id for row in library.shipped().rows()}
    assert all(chapter.signed and effect(chapter) for chapter in ours)


def test_a_rule_of_custody_is_found_by_its_id():
    assert library.shipped().statement("LEDGER-WITNESS").numbers == {"within_min": 5}


def test_plausible_ranges_come_from_the_vocabulary_where_the_chart_knows_the_fact():
    measures = library.protocol(Site(), "iv", "ketamine", ON).measures
    ranges = {
        name: (m.unit, m.least, m.most) for name, m in measures.items() if name in ("systolic", "spo2", "cadss-6")
    }
    assert ranges == {"systolic": ("mm[Hg]", 20, 350), "spo2": ("%", 1, 100), "cadss-6": ("{score}", 0, 24)}
    row = library.shipped().readings.measure[0]
    with pytest.raises(ContentFault, match="no unit, least or most"):
        library.measure(msgspec.structs.replace(row, fact=""))


# -- the lines -------------------------------------------------------------------------------------------


def test_every_number_of_every_alert_row_has_one_comparison():
    numbers = {(row.id, name) for row in shipped().monitoring.alert for name in row.numbers}
    assert {(row, name) for row, name, _, _ in TABLE} | ELSEWHERE == numbers
    assert len(TABLE) == len({(row, name) for row, name, _, _ in TABLE})


def test_a_number_without_a_comparison_stops_the_load():
    book = shipped()
    row = next(r for r in book.monitoring.alert if r.id == "ALT-HR")
    more = msgspec.structs.replace(row, numbers={**row.numbers, "crimson": Decimal(150)})
    rows = tuple(more if r.id == row.id else r for r in book.monitoring.alert)
    wrong = replace(book, monitoring=msgspec.structs.replace(book.monitoring, alert=rows))
    with pytest.raises(ContentFault, match="ALT-HR crimson"):
        lines_of(wrong, library.shipped().readings)


def test_a_distress_line_of_the_dissociation_row_is_not_held_against_the_scale_of_dissociation():
    lines = library.protocol(Site(), "iv", "ketamine", ON).lines
    assert {(line.row, line.measure) for line in lines if line.row == "ALT-DIS"} == {("ALT-DIS", "distress")}


@pytest.mark.hazard("HAZ-40", "C1")
def test_stricter_is_lower_for_a_high_line_and_higher_for_a_low_one_as_the_row_says():
    lines = library.protocol(Site(), "iv", "ketamine", ON).lines
    may = {row.id: row.site_may for row in shipped().monitoring.alert}
    assert [line for line in lines if may[line.row][line.name].tighter != line.tighter] == []
    high, low = (
        next(one for one in lines if (one.row, one.name) == key) for key in (("ALT-SBP", "red"), ("ALT-SPO2", "red"))
    )
    assert loosens(high, high.limit + 1) and not loosens(high, high.limit)
    assert loosens(low, low.limit - 1) and not loosens(low, low.limit)


# -- the protocol ------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-12", "C1")
@pytest.mark.parametrize(("route", "drug"), ROUTES)
def test_every_route_has_its_own_clock_and_stay(route, drug):
    """Minutes of the fact sheet, section 4.3."""
    sheet = {
        "iv": ((-5, 10, 20, 30, 40, 55, 70, 85, 100), (20, 40, 80, 100), 100, 60, 15),
        "sc": ((-5, 10, 20, 30, 45, 60, 90, 120), (30, 60, 90, 120), 120, 0, 30),
        "im": ((-5, 5, 15, 25, 40, 60, 90, 120), (20, 40, 60, 90), 120, 0, 30),
        "nasal": ((-5, 40), (40, 60, 90, 120), 120, 0, 15),
        "sublingual": ((-5, 30, 45, 60, 90, 120), (45, 90, 120), 120, 0, 30),
    }
    made = library.protocol(Site(), route, drug, ON)
    expected = sheet["sublingual" if route == "oral" else route]
    assert (made.vitals_min, made.mind_min, made.min_stay_min, made.after_end_min, made.later_min) == expected


def test_a_drug_that_is_not_given_by_a_route_has_no_protocol():
    with pytest.raises(UserError, match="esketamine"):
        library.protocol(Site(), "iv", "esketamine", ON)


@pytest.mark.hazard("HAZ-13", "C2")
def test_only_esketamine_asks_for_a_certified_site_and_an_enrolled_patient():
    names = {drug: {item.name for item in library.protocol(Site(), route, drug, ON).items} for route, drug in ROUTES}
    assert {"site-certified", "patient-enrolled"} <= names["esketamine"]
    assert not {"site-certified", "patient-enrolled"} & names["ketamine"]


@pytest.mark.hazard("HAZ-24", "C1")
def test_at_a_site_every_row_a_session_rests_on_is_named_until_it_is_signed(tmp_path: Path):
    made = library.protocol(Site.open(tmp_path), "iv", "ketamine", ON)
    every = {row.id for row in library.shipped().rows()}
    for named in (
        "MON-IV",
        "MON-X",
        "DOS-IV",
        "DOS-FREQ-1",
        "LOW-FEAR",
        "ALT-SBP",
        "DIS-2",
        "RES-8",
        "WATCH-LEAP",
        "READ-SBP",
    ):
        assert named in made.unsigned
    assert every <= set(made.unsigned)
    assert library.protocol(Site(), "iv", "ketamine", ON).unsigned == ()


# -- what a site may set -----------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-40", "C1")
@pytest.mark.parametrize(
    ("row", "limit", "value"),
    [("WATCH-RECHECK", "recheck_min", "3"), ("STEP-RED-PHONE", "after_s", "60"), ("WATCH-SILENCE", "silence_s", "60"),
     ("WATCH-GATE-BP", "repeats", "3"), ("LEDGER-WITNESS", "within_min", "2")],
)  # fmt: skip
def test_a_site_may_be_stricter_and_the_text_says_so(row, limit, value):
    here = override(row, limit, value)
    changed = next(r for r in library.content_of(here).rows() if r.id == row)
    assert changed.set_here[0].value == Decimal(value)
    if hasattr(changed, "text"):
        assert value in changed.text
    assert book_of(here) is shipped()


@pytest.mark.parametrize(
    ("row", "limit", "value", "fault"),
    [("WATCH-RECHECK", "recheck_min", "6", "looser than allowed"),
     ("WATCH-RECHECK", "minutes", "4", "no limit of that name"),
     ("WATCH-ACUTE", "patients", "2", "no row whose numbers a site may set"),
     ("READ-MOAAS", "most", "4", "no row whose numbers a site may set")],
)  # fmt: skip
def test_what_a_site_may_not_set_is_refused(row, limit, value, fault):
    with pytest.raises(ContentFault, match=fault):
        library.content_of(override(row, limit, value))


def test_a_row_of_this_room_is_known_to_the_plan_room_by_name_only():
    assert {"WATCH-RECHECK", "READ-SBP", "STEP-RED-PHONE"} <= row_ids("dose")
    with pytest.raises(ContentFault, match="no row whose numbers a site may set"):
        book_of(override("WATCH-NOTHING", "x", "1"))


# -- what stops a load -------------------------------------------------------------------------------------


def content_with(**files) -> library.Content:
    return replace(library.shipped(), **files)


def test_a_reference_to_a_row_that_does_not_exist_stops_the_load():
    marks = library.shipped().marks
    wrong = msgspec.structs.replace(
        marks, mark=(msgspec.structs.replace(marks.mark[0], row="ALT-NONE"), *marks.mark[1:])
    )
    with pytest.raises(ContentFault, match="MARK-CHEST names ALT-NONE"):
        library._check(content_with(marks=wrong))


@pytest.mark.parametrize("at", ["late", "narrow", "gone"])
def test_steps_that_do_not_begin_at_once_and_widen_stop_the_load(at: str):
    policy = library.shipped().policy
    red = [step for step in policy.step if step.level == "red"]
    if at == "late":
        red[0] = msgspec.structs.replace(red[0], after_s=Decimal(1))
    elif at == "narrow":
        red[0], red[1] = red[1], red[0]
    else:
        red = red[:-1]
    others = tuple(step for step in policy.step if step.level != "red")
    with pytest.raises(ContentFault, match="the red steps begin at 0 s"):
        library._check(content_with(policy=msgspec.structs.replace(policy, step=(*red, *others))))


def test_a_key_that_no_row_has_stops_the_load():
    data = {"content": {"title": "t", "version": "1"}, "mark": [{"id": "MARK-X", "colour": "red"}]}
    with pytest.raises(ContentFault, match="MARK-X"):
        convert(data, MarksFile, "marks.toml")


def test_a_check_after_a_mark_that_does_not_exist_stops_the_load():
    discharge = library.shipped().discharge
    late = msgspec.structs.replace(discharge.check[0], after="nothing")
    wrong = msgspec.structs.replace(discharge, check=(late, *discharge.check[1:]))
    with pytest.raises(ContentFault, match=f"{late.id} is asked after nothing, which is no mark"):
        library._check(content_with(discharge=wrong))
