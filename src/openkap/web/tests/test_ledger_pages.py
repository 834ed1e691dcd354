"""Pages of the drug ledger: what each shows, what each refuses, and the second person on a screen of their own."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from openkap.dose import floor, services_ledger, services_witness
from openkap.dose import selectors_ledger as selectors
from openkap.dose.models_ledger import (
    CaseClosing,
    Count,
    Discrepancy,
    LossNotice,
    Lot,
    PendingEnd,
    PendingPosting,
    Posting,
    Recall,
)
from openkap.dose.tests.stockroom import LOZENGE, SESSION, SPRAY, Stockroom, prove, stockroom
from tests.database import Clinic

RECEIVE = {
    "label": "K50", "drug": "ketamine", "form": "vial", "unit_mg": "500", "per_ml": "50", "basis": "base",
    "expires": "2031-01-31", "containers": "2", "ref": "note 7",
}  # fmt: skip


@pytest.fixture
def room(clinic: Clinic) -> Stockroom:
    return stockroom(clinic)


@pytest.fixture
def day(room: Stockroom) -> Stockroom:
    """Two vials came, one was opened, 41 mg drawn and given; 459 mg are in the vial."""
    room.receive()
    room.open()
    room.draw(41_000)
    room.give(41_000)
    return room


def send(client: Client, name: str, *args: Any, status: int = 302, **fields: Any) -> str:
    """Send a form; what the page says, or where it leads."""
    reply = client.post(reverse(f"ledger:{name}", args=args), {"idempotency_key": str(uuid4())} | fields)
    assert reply.status_code == status, said(reply)
    return reply.headers["Location"] if status == 302 else said(reply)


def said(reply: Any) -> str:
    """The words of a page, a space for each mark-up."""
    text = re.sub(r"<(style|script|svg).*?</\1>", " ", reply.content.decode(), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def page(client: Client, name: str, *args: Any, **query: str) -> str:
    reply = client.get(reverse(f"ledger:{name}", args=args), query)
    assert reply.status_code == 200, reply.status_code
    return said(reply)


def lot(label: str = "K50") -> int:
    return Lot.objects.get(label=label).pk


# -- what is shown ---------------------------------------------------------------------------------------


def test_the_stock_page_says_what_is_here_in_containers_and_milligrams(day: Stockroom):
    text = page(day.client("tom"), "stock")
    for words in ("K50", "1 vial", "500 mg", "459 mg", "959 mg", "31 Jan 2031", "vial K50-1", "not yet", "9.18 mL"):
        assert words in text, words
    assert "given in session" not in text


@pytest.mark.hazard("HAZ-60", "C1")
def test_the_stock_page_says_when_the_inventory_is_due(day: Stockroom):
    tom = day.client("tom")
    assert "The inventory is due" in page(tom, "stock")
    day.count(K50=959_000, inventory=True)
    assert "The inventory is due" not in page(tom, "stock")


def test_a_lot_shows_its_postings_with_the_balance_after_each(day: Stockroom):
    day.confirm(day.ask(459_000))
    text = page(day.client("ines"), "lot", lot())
    rows = re.findall(r"(\d) Sun.{0,24}?(Wasted|Given|Drawn|Vial opened|Received)", text) or re.findall(
        r"(\d) \w{3} \d+ \w{3} \d{4}, \d\d:\d\d (Wasted|Given|Drawn|Vial opened|Received)", text
    )
    assert rows == [("5", "Wasted"), ("4", "Given"), ("3", "Drawn"), ("2", "Vial opened"), ("1", "Received")]
    assert "459 mg 500 mg Ana nurse Tom nurse" in text
    assert "41 mg 959 mg Ana nurse" in text
    assert Posting.objects.get(number=5).seal[:16] in text


@pytest.mark.hazard("HAZ-58", "C2")
def test_neither_the_page_to_count_on_nor_the_sheet_shows_a_balance(day: Stockroom):
    ana = day.client("ana")
    for name in ("count", "sheet"):
        text = page(ana, name)
        assert "K50" in text and "500 mg" in text  # what one container holds
        assert not re.search(r"959|459|1\W?000 mg|41 mg", text)
    assert Posting.objects.get(number=4).seal[:16] in page(ana, "sheet")


@pytest.mark.hazard("HAZ-59", "C2")
def test_patterns_of_waste_are_read_by_prescriber_and_site_admin(day: Stockroom):
    day.confirm(day.ask(100_000))
    refused = day.ask(1_000)
    services_witness.refuse(day.who("tom"), refused.pk, reason="I saw nothing")
    for name in ("ines", "adam"):
        text = page(day.client(name), "patterns")
        assert "Ana Tom 1 100 % 1 100 mg" in text
        assert "I saw nothing" in text
    assert day.client("tom").get(reverse("ledger:patterns")).status_code == 403


@pytest.mark.hazard("HAZ-58", "C1")
def test_the_page_of_seals_says_whole_or_which_posting_is_not(day: Stockroom):
    from tests.database import changing

    tom = day.client("tom")
    assert "4 postings are as they were sealed" in page(tom, "seals")
    with changing("dose_posting"):
        Posting.objects.filter(number=3).update(ug=40_000)
    assert "Posting 3 of lot K50 is not as it was sealed." in page(tom, "seals")


def test_a_site_admin_reads_and_finds_nothing_to_press(day: Stockroom):
    adam = day.client("adam")
    text = page(adam, "stock") + page(adam, "lot", lot())
    for words in ("Receive", "Open a vial", "Waste or loss", "Undo 1"):
        assert words not in text.replace("Received", ""), words
    assert adam.get(reverse("ledger:waste", args=[lot()])).status_code == 403


def test_what_is_of_another_site_is_not_there(day: Stockroom):
    Lot.objects.filter(pk=0)
    other = Lot.objects.create(
        site=day.clinic.other, label="X1", drug="ketamine", form="lozenge", unit_ug=1, basis="base",
        expires="2031-01-31", at=timezone.now(), by=day.users["ana"],
    )  # fmt: skip
    ana = day.client("ana")
    assert "X1" not in page(ana, "stock")
    for name in ("lot", "open", "waste", "return", "recall"):
        assert ana.get(reverse(f"ledger:{name}", args=[other.pk])).status_code == 404
    assert ana.get(reverse("ledger:count"), {"lot": str(other.pk)}).status_code == 404


# -- one person ------------------------------------------------------------------------------------------


def test_a_delivery_is_received_and_a_double_tap_receives_it_once(room: Stockroom):
    ana, key = room.client("ana"), str(uuid4())
    for _ in range(2):
        assert send(ana, "receive", idempotency_key=key, **RECEIVE) == reverse("ledger:lot", args=[lot()])
    assert (Posting.objects.get().ug, Lot.objects.get().ug_per_ml) == (1_000_000, 50_000)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"label": ""}, "This field is required."),
        ({"unit_mg": "0"}, "A container that holds nothing was mistyped"),
        ({"unit_mg": "500,0001"}, "Enter a number."),
        ({"unit_mg": "0.0001"}, "no more than 3 decimal places"),
        ({"unit_mg": "NaN"}, "Enter a number."),
        ({"unit_mg": "1e99"}, "less than or equal"),
        ({"per_ml": ""}, "The strength of the vial is not given"),
        ({"form": "lozenge"}, "Only a liquid has a strength"),
        ({"basis": ""}, "This field is required."),
        ({"expires": "2031-02-30"}, "Enter a valid date."),
        ({"containers": "0"}, "greater than or equal to 1"),
        ({"containers": "two"}, "Enter a whole number."),
        ({"drug": "heroin"}, "Select a valid choice."),
    ],
)
def test_a_wrong_delivery_changes_nothing_and_says_what_is_wrong(
    room: Stockroom, change: dict[str, str], sentence: str
):
    assert sentence in send(room.client("ana"), "receive", status=422, **{**RECEIVE, **change})
    assert Lot.objects.count() == Posting.objects.count() == 0


def test_a_lot_that_is_listed_otherwise_is_a_conflict(room: Stockroom):
    room.receive()
    text = send(room.client("ana"), "receive", status=409, **{**RECEIVE, "expires": "2032-01-31"})
    assert "compare labels" in text


def test_a_vial_is_opened_and_gets_a_number(day: Stockroom):
    send(day.client("ana"), "open", lot())
    assert Posting.objects.filter(kind="open").last().target_id == "K50-2"
    assert "holds 0 mg" in send(day.client("ana"), "open", lot(), status=422)


def test_containers_are_returned_and_no_more_than_there_are(day: Stockroom):
    ana = day.client("ana")
    assert "holds 500 mg, not 1 000 mg" in send(ana, "return", lot(), status=422, containers="2", ref="RMA 4")
    send(ana, "return", lot(), containers="1", ref="RMA 4")
    assert Posting.objects.get(kind="return").ref == "RMA 4"


@pytest.mark.hazard("HAZ-60", "C1")
def test_a_recall_locks_the_lot_from_the_page_even_off_shift(day: Stockroom):
    gil = day.client("gil")
    assert "You are not on the floor" in page(gil, "lot", lot())
    send(gil, "recall", lot(), status=422, notice=" ")
    send(gil, "recall", lot(), notice="recall 2026-7")
    assert Recall.objects.get().name == "Gil"
    text = page(day.client("ana"), "lot", lot())
    assert "This lot is not used" in text and "recall 2026-7" in text and "Open a vial" not in text
    assert "recalled" in page(day.client("ana"), "stock")
    assert "was recalled on" in send(day.client("ana"), "open", lot(), status=422)


def test_off_shift_nothing_is_posted(day: Stockroom):
    assert "on shift handles the drug" in send(day.client("gil"), "open", lot(), status=422)


# -- two people ------------------------------------------------------------------------------------------

WASTE = {"kind": "waste", "source": "vial:K50-1", "mg": "459", "reason": "rest of the vial"}


def asked(room: Stockroom, **change: str) -> PendingPosting:
    send(room.client("ana"), "waste", lot(), **{**WASTE, **change})
    return PendingPosting.objects.latest("at")


@pytest.mark.hazard("HAZ-59", "C1")
def test_the_second_person_sees_amount_and_reason_proves_who_they_are_and_confirms(day: Stockroom):
    tom = day.client("tom")  # proved before it was asked
    row = asked(day)
    assert Posting.objects.filter(kind="waste").count() == 0
    text = page(tom, "waits", row.pk)
    for words in ("Wasted", "459 mg", "9.18 mL", "Lot K50", "Vial K50-1", "rest of the vial", "Ana nurse"):
        assert words in text, words
    assert "Waits for a second person" in page(tom, "stock")
    to = tom.get(reverse("ledger:confirm", args=[row.pk]))
    assert to.status_code == 302 and to.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert "Prove who you are anew for this one" in send(tom, "confirm", row.pk, status=422)
    assert Posting.objects.filter(kind="waste").count() == 0
    prove(tom, day.users["tom"])
    assert "saw this with my own eyes" in page(tom, "confirm", row.pk)
    send(tom, "confirm", row.pk)
    posting = Posting.objects.get(kind="waste")
    assert (posting.ug, posting.witness_name) == (459_000, "Tom")
    assert "confirmed" in page(tom, "waits", row.pk)


@pytest.mark.hazard("HAZ-59", "C1")
def test_one_proof_confirms_one_thing(day: Stockroom):
    first, second = asked(day, mg="400"), asked(day, mg="59")
    tom = day.client("tom")
    send(tom, "confirm", first.pk)
    assert tom.get(reverse("ledger:confirm", args=[second.pk])).status_code == 302
    assert "You used this proof for something else" in send(tom, "confirm", second.pk, status=422)
    prove(tom, day.users["tom"])
    send(tom, "confirm", second.pk)


@pytest.mark.hazard("HAZ-59", "C1")
def test_a_stale_session_confirms_nothing(day: Stockroom, time_machine):
    row, tom = asked(day), day.client("tom")
    time_machine.move_to(timezone.now() + timedelta(minutes=5, seconds=1))
    reply = tom.post(reverse("ledger:confirm", args=[row.pk]), {"idempotency_key": str(uuid4())})
    assert reply.status_code == 401
    assert Posting.objects.filter(kind="waste").count() == 0


@pytest.mark.hazard("HAZ-59", "C1")
def test_who_asked_cannot_confirm_and_is_not_offered_to(day: Stockroom):
    row, ana = asked(day), day.client("ana")
    text = page(ana, "waits", row.pk)
    assert "then confirm" not in text and "Withdraw" in text
    prove(ana, day.users["ana"])
    assert "You cannot witness your own waste" in send(ana, "confirm", row.pk, status=422)


def test_what_is_asked_is_refused_withdrawn_or_asked_again(day: Stockroom, time_machine):
    refused, withdrawn, late = asked(day, mg="1"), asked(day, mg="2"), asked(day, mg="3")
    ana, tom = day.client("ana"), day.client("tom")
    send(tom, "refuse", refused.pk, status=422, reason="")
    send(tom, "refuse", refused.pk, reason="I saw 400 mg")
    assert "I saw 400 mg" in page(ana, "waits", refused.pk)
    assert "they withdraw it" in send(tom, "withdraw", withdrawn.pk, status=403, reason="x")
    send(ana, "withdraw", withdrawn.pk, reason="wrong vial")
    time_machine.move_to(timezone.now() + timedelta(minutes=6))
    prove(ana, day.users["ana"])
    assert "too late: nothing was posted" in page(ana, "waits", late.pk)
    assert "Ask again" in page(ana, "waits", late.pk)
    to = send(ana, "again", late.pk)
    assert PendingPosting.objects.get(pk=to.strip("/").split("/")[-1]).ug == 3_000
    assert PendingEnd.objects.count() == 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mg": "460"}, "holds 459 mg, not 460 mg"),
        ({"mg": ""}, "This field is required."),
        ({"mg": "-1"}, "greater than or equal to 0"),
        ({"mg": "0"}, "above 0"),
        ({"reason": " "}, "This field is required."),
        ({"source": "vial:other"}, "Select a valid choice."),
        ({"kind": "send-home"}, "Select a valid choice."),
    ],
)
def test_a_wrong_waste_asks_nobody(day: Stockroom, change: dict[str, str], sentence: str):
    assert sentence in send(day.client("ana"), "waste", lot(), status=422, **{**WASTE, **change})
    assert PendingPosting.objects.count() == 0


def test_a_posting_is_undone_by_two(day: Stockroom):
    first = Posting.objects.get(number=4)
    ana = day.client("ana")
    assert "given: 41 mg" in page(ana, "undo", first.pk).replace("\xa0", " ")
    send(ana, "undo", first.pk, reason="charted for the wrong one")
    row = PendingPosting.objects.get()
    send(day.client("tom"), "confirm", row.pk)
    text = page(ana, "lot", lot())
    assert "undone by no. 5" in text and "of no. 4" in text
    assert "undone before" in send(ana, "undo", first.pk, status=422, reason="again")


# -- counting --------------------------------------------------------------------------------------------


def counted(**said: Any) -> dict[str, str]:
    return {"moment": "close", **{f"{name}-{lot()}": str(value) for name, value in said.items()}}


@pytest.mark.hazard("HAZ-58", "C2")
def test_two_count_each_on_their_own_screen_and_a_gap_is_a_case(day: Stockroom):
    ana, tom = day.client("ana"), day.client("tom")
    send(ana, "count", **counted(whole=1, loose="449"))
    row = PendingPosting.objects.get()
    assert Count.objects.count() == 0
    text = page(tom, "waits", row.pk)
    assert "949 mg" in text and "959" not in text
    assert tom.get(reverse("ledger:confirm", args=[row.pk])).status_code == 302
    prove(tom, day.users["tom"])
    assert "neither of us looked at a balance" in page(tom, "confirm", row.pk)
    send(tom, "confirm", row.pk)
    case = Discrepancy.objects.get()
    assert case.gap_ug == -10_000
    text = page(tom, "stock")
    assert "Open cases" in text and "10 mg missing" in text and "notice of a loss due" in text
    assert "Owner Ana" in page(ana, "case", case.pk)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "No lot was counted"),
        ({"whole": 1}, "One of the two is empty"),
        ({"loose": 1}, "One of the two is empty"),
        ({"whole": -1, "loose": 0}, "greater than or equal to 0"),
        ({"whole": "x", "loose": 0}, "Enter a whole number."),
    ],
)
def test_a_wrong_count_is_not_handed_in(day: Stockroom, fields: dict[str, Any], sentence: str):
    assert sentence in send(day.client("ana"), "count", status=422, **counted(**fields))
    assert PendingPosting.objects.count() == 0


def test_a_lot_that_the_books_hold_to_be_used_up_can_be_counted_all_the_same(room: Stockroom):
    room.receive(LOZENGE, 1)
    room.draw(100_000, "L100")
    room.give(100_000, "L100")
    ana = room.client("ana")
    assert "L100" not in page(ana, "count")
    assert "L100" in page(ana, "count", lot=str(lot("L100")))
    address = reverse("ledger:count") + f"?lot={lot('L100')}"
    fields = {"moment": "open", f"whole-{lot('L100')}": "1", f"loose-{lot('L100')}": "0"}
    assert ana.post(address, {"idempotency_key": str(uuid4()), **fields}).status_code == 302
    room.confirm(PendingPosting.objects.get())
    assert Discrepancy.objects.get().gap_ug == 100_000


@pytest.mark.hazard("HAZ-58", "C2")
def test_a_case_is_explained_noticed_and_closed_from_its_pages(day: Stockroom):
    day.count(K50=949_000)
    case = Discrepancy.objects.get()
    ana, ines = day.client("ana"), day.client("ines")
    assert "The gap is not explained" in send(ines, "close", case.pk, status=422, reason="gone")
    row = asked(day, kind="lose", mg="10", case=case.case)
    send(day.client("tom"), "confirm", row.pk)
    assert "Record the notice of the loss first." in send(ines, "close", case.pk, status=422, reason="broken")
    today = selectors.day_at(day.clinic.site.pk).isoformat()
    assert "still to come" in send(ana, "notice", case.pk, status=422, written_on="2999-01-01", to="field office")
    send(ana, "notice", case.pk, written_on=today, to="field office", form_106="106-1")
    assert "A prescriber other than the owner" in send(ana, "close", case.pk, status=422, reason="broken")
    send(ines, "close", case.pk, reason="broken at the chair")
    assert LossNotice.objects.get().form_106 == "106-1"
    text = page(ana, "case", case.pk) + page(ana, "cases")
    assert "Form 106 no. 106-1" in text and "broken at the chair" in text
    assert CaseClosing.objects.count() == 1


@pytest.mark.hazard("HAZ-58", "C2")
def test_a_notice_that_is_overdue_is_said_on_every_page_of_the_case(day: Stockroom, time_machine):
    day.count(K50=949_000)
    time_machine.move_to(timezone.now() + timedelta(days=7))
    tom = day.client("tom")
    assert "notice overdue since" in page(tom, "stock")
    assert "Notice is overdue" in page(tom, "case", Discrepancy.objects.get().pk)


def test_rows_of_custody_that_nobody_signed_here_are_named(day: Stockroom, settings, tmp_path):
    from dataclasses import replace

    site = tmp_path / "site"
    site.mkdir()
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, site=site)
    assert "LEDGER-WITNESS" in page(day.client("tom"), "stock")


def test_a_session_stands_in_the_ledger_by_the_beginning_of_its_id_alone(room: Stockroom):
    room.receive(SPRAY)
    room.draw(28_000, "E28")
    text = page(room.client("tom"), "lot", lot("E28"))
    assert f"drawn for session {SESSION[:8]}" in text.lower() and SESSION not in text
    assert floor.on_shift(room.clinic.site.pk) and services_ledger


@pytest.mark.hazard("HAZ-13", "C1")
def test_a_search_for_ket_shows_both_drugs_with_form_strength_and_orders_and_converts_nothing(room: Stockroom):
    address, client = reverse("ledger:products"), room.client("ana")
    page = client.get(address, {"q": "ket"}).content.decode()
    for words in ("<h2>ketAMINE</h2>", "<h2>ESketamine</h2>", "10, 50 or 100 mg/mL", "28 mg each", "single-use device"):
        assert words in page
    assert page.index("DOS-IV") < page.index("DOS-SL") < page.index("<h2>ESketamine</h2>") < page.index("DOS-IN")
    assert "equivalent" not in page and "Nothing is converted from one into the other" in page
    none = client.get(address, {"q": "midazolam"}).content.decode()
    assert "No product is called that" in none and "ketAMINE" not in none
