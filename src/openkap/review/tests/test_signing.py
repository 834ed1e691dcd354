"""Signing, withdrawing and overriding in a site's folder: what is kept, what is refused, what two people do at once."""

import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import pytest

from openkap.cli.content import check_document
from openkap.cli.page import content_page
from openkap.kernel.content import fingerprint
from openkap.kernel.errors import Conflict, ContentFault, UnknownName, UserError
from openkap.kernel.site import Site
from openkap.review import signing
from openkap.review.catalogue import chapters, signature_state
from openkap.review.folder import holding, settle, unfinished

ON = date(2026, 11, 25)
BY = {"by": "Dr Ines Varga", "role": "prescriber", "on": ON}
ROW = "SCR-HTN-1"


def row_of(folder: Path, name: str = ROW):
    return signing.signable(chapters(Site.open(folder)))[name]


def state(folder: Path, name: str = ROW, on: date = ON) -> str:
    return signature_state(row_of(folder, name), Site.open(folder), on)


def seen(folder: Path, name: str = ROW) -> str:
    return fingerprint(row_of(folder, name))


def sign(folder: Path, *names: str, **more) -> None:
    with holding(folder) as held:
        signing.sign_rows(held, {name: seen(folder, name) for name in names or (ROW,)}, **BY | more)


def set_limit(folder: Path, value: str, limit: str = "systolic", **more) -> None:
    with holding(folder) as held:
        about = {"seen": seen(folder), "by": "Dr Ines Varga", "on": ON, "reason": "no anaesthetist on site"}
        signing.set_limit(held, ROW, limit, value, **about | more)


@pytest.mark.hazard("HAZ-78", "C1")
def test_a_signature_withdrawn_and_given_again_leaves_all_three_in_the_file(tmp_path: Path):
    sign(tmp_path, meaning="right for this site", review_by=date(2027, 11, 25))
    with holding(tmp_path) as held:
        signing.withdraw(held, ROW, seen=seen(tmp_path), reason="new guideline", **BY)
    assert state(tmp_path) == "unsigned"
    sign(tmp_path)
    assert state(tmp_path) == "signed"
    kept = Site.open(tmp_path).signed_before
    assert [(one.withdrawn, one.reason) for one in kept] == [(False, ""), (True, "new guideline"), (False, "")]
    assert kept[0].meaning == "right for this site"


def test_what_a_person_wrote_in_the_files_by_hand_stays(tmp_path: Path):
    hand = '# ours, checked by the pharmacy\n[[signature]]\nrow = "SCR-HTN-2"\nfingerprint = "old"\nby = "A"\n'
    hand += 'role = "medical director"\non = 2026-01-02'
    (tmp_path / "signatures.toml").write_text(hand, encoding="utf-8")
    sign(tmp_path)
    assert (tmp_path / "signatures.toml").read_text(encoding="utf-8").startswith(hand)
    assert set(Site.open(tmp_path).signatures) == {"SCR-HTN-2", ROW}


@pytest.mark.hazard("HAZ-74", "C1")
@pytest.mark.goal("RG-05")
def test_many_who_sign_at_once_lose_no_signature(tmp_path: Path):
    names = list(signing.signable(chapters(Site())))[:24]
    threads = [threading.Thread(target=sign, args=(tmp_path, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(Site.open(tmp_path).signatures) == set(names)
    assert [path.name for path in tmp_path.iterdir()] == ["signatures.toml"]


@pytest.mark.hazard("HAZ-74", "C1")
def test_a_row_that_changed_while_it_was_read_is_not_signed(tmp_path: Path):
    before = seen(tmp_path)
    set_limit(tmp_path, "150")
    with holding(tmp_path) as held, pytest.raises(Conflict, match=ROW):
        signing.sign_rows(held, {ROW: before, "SCR-HTN-2": None}, **BY)
    assert Site.open(tmp_path).signed_before == ()


def test_a_signature_that_was_given_anew_is_not_withdrawn_by_who_saw_the_old_one(tmp_path: Path):
    sign(tmp_path)
    old = seen(tmp_path)
    set_limit(tmp_path, "150")
    sign(tmp_path)
    with holding(tmp_path) as held, pytest.raises(Conflict):
        signing.withdraw(held, ROW, seen=old, reason="late", **BY)


def test_an_override_is_set_replaced_and_ended_and_each_stays_readable(tmp_path: Path):
    set_limit(tmp_path, "150")
    set_limit(tmp_path, "145", reason="older people")
    assert Site.open(tmp_path).overrides[ROW]["systolic"].value == 145
    with holding(tmp_path) as held:
        about = {"seen": seen(tmp_path), "by": "A", "on": ON, "reason": "staff trained"}
        signing.end_limit(held, ROW, "systolic", **about)
    here = Site.open(tmp_path)
    assert here.overrides == {}
    assert [(o.value, o.withdrawn) for o in here.overridden_before] == [
        (150, False),
        (150, True),
        (145, False),
        (145, True),
    ]
    assert seen(tmp_path) == fingerprint(signing.signable(chapters(Site()))[ROW])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("161", "looser than allowed"),
        ("12 mo", "no number"),
        ("1e9", "no number"),
        ("NaN", "no number"),
        ("", "no number"),
        ("150\n[[override]]", "no number"),
    ],
)
def test_a_value_that_may_not_be_is_refused_in_one_sentence_and_nothing_is_written(
    tmp_path: Path, value: str, words: str
):
    with pytest.raises(UserError, match=words):
        set_limit(tmp_path, value)
    assert list(tmp_path.iterdir()) == []


def test_a_limit_that_is_none_and_an_empty_reason_are_refused(tmp_path: Path):
    with pytest.raises(UnknownName):
        set_limit(tmp_path, "150", limit="systolik")
    with pytest.raises(UserError, match="reason"):
        set_limit(tmp_path, "150", reason="  ")
    assert list(tmp_path.iterdir()) == []


def test_a_review_day_that_is_not_to_come_signs_nothing(tmp_path: Path):
    with pytest.raises(UserError, match="not to come"):
        sign(tmp_path, review_by=ON)


def test_what_was_written_is_taken_back_whole(tmp_path: Path):
    sign(tmp_path)
    before = (tmp_path / "signatures.toml").read_bytes()
    with holding(tmp_path) as held:
        signing.sign_rows(held, {"SCR-HTN-2": None}, **BY)
        signing.set_limit(held, ROW, "systolic", "150", seen=seen(tmp_path), by="A", on=ON, reason="no anaesthetist")
        held.restore()
    assert (tmp_path / "signatures.toml").read_bytes() == before
    assert not (tmp_path / "overrides.toml").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from openkap.review.folder import holding, settle, unfinished
with holding(Path(sys.argv[1]), "the-change") as held:
    held.append("signatures.toml", "[[signature]]\\n")
    held.append("overrides.toml", "[[override]]\\n")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.hazard("HAZ-65", "C1")
@pytest.mark.parametrize("recorded", [True, False])
def test_a_change_whose_process_was_killed_stands_only_if_it_was_recorded(tmp_path: Path, recorded: bool):
    sign(tmp_path)
    before = (tmp_path / "signatures.toml").read_bytes()
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert (tmp_path / "signatures.toml").read_bytes() != before
    assert unfinished(tmp_path)
    with pytest.raises(UserError, match="cut off"), holding(tmp_path):
        pass
    with holding(tmp_path, "next") as held:
        assert settle(held, lambda change: recorded and change == "the-change") == ("" if recorded else "the-change")
    assert ((tmp_path / "signatures.toml").read_bytes() == before) is not recorded
    assert (tmp_path / "overrides.toml").exists() is recorded
    assert not unfinished(tmp_path)


def test_a_second_override_without_an_end_and_an_end_without_a_beginning_are_faults(tmp_path: Path):
    one = f'[[override]]\nrow = "{ROW}"\nlimit = "systolic"\nvalue = 150\nreason = "r"\nby = "b"\non = 2026-01-02\n'
    for text, words in ((one + one, "twice"), (one + "withdrawn = true\n", "none is in force")):
        (tmp_path / "overrides.toml").write_text(text, encoding="utf-8")
        with pytest.raises(ContentFault, match=words):
            Site.open(tmp_path)


def test_names_with_quotes_and_control_characters_come_back_as_they_were(tmp_path: Path):
    name = 'Dr "A." \\ Ünal \x7f\n[[signature]]'
    sign(tmp_path, by=name)
    assert Site.open(tmp_path).signatures[ROW].by == name


def test_the_page_of_the_command_line_shows_what_was_signed_here(tmp_path: Path):
    sign(tmp_path)
    assert (
        check_document(Site.open(tmp_path), ON)["signable"] - check_document(Site.open(tmp_path), ON)["unsigned"] == 1
    )
    assert "Dr Ines Varga" in content_page(Site.open(tmp_path), ON)
