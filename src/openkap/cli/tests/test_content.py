"""Checking and signing content for a site."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from openkap.cli.content import check_document, sign
from openkap.cli.tests.command import call
from openkap.kernel.errors import ContentFault, UnknownName, UserError
from openkap.kernel.site import Override, Site
from openkap.review.catalogue import chapters, signature_state, tags_of
from openkap.review.folder import entry

ON = date(2026, 11, 25)
LATER = date(2027, 11, 25)

TIGHTER = Override(
    row="SCR-HTN-1",
    limit="systolic",
    value=Decimal(150),
    reason="older people",
    by="Dr Ines Varga",
    on=date(2026, 11, 1),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def site(folder: Path, *overrides: Override) -> Site:
    return replace(Site.open(folder), overrides={o.row: {o.limit: o} for o in overrides})


def row_of(here: Site, name: str):
    return next(row for chapter in chapters(here) for row in chapter.rows if row.id == name)


def state(folder: Path, name: str, on: date = ON, *overrides: Override) -> str:
    here = site(folder, *overrides)
    return signature_state(row_of(here, name), here, on)


def test_all_shipped_content_is_well_formed_and_counted():
    found = check_document(Site(), ON)
    assert found["ok"] is True
    assert found["files"] >= 60
    assert found["rows"] == sum(chapter["rows"] for chapter in found["chapters"])
    assert found["unsigned"] == found["signable"] > 400
    assert {"SCR-IND-2", "DOS-IV", "gad-7"} <= set(found["unverified"])
    assert "SCR-ALT-1" in found["unverified"]
    assert found["readings"] > 50
    assert "REG-B3" in found["retracted"]


def test_a_row_counts_as_unverified_if_a_limit_alone_is():
    row = row_of(Site(), "SCR-IND-2")
    assert {tag for what, tag, _ in tags_of(row) if what == "limit pdss"} == {"D"}


def test_every_content_file_of_every_room_is_part_of_the_catalogue():
    rooms = {chapter.room for chapter in chapters(Site())}
    assert rooms == {"chart", "assess", "screen", "plan", "dose", "pkpd"}
    ids = {row.id for chapter in chapters(Site()) for row in chapter.rows}
    samples = (
        "SCR-CVD-1 DDI-MAO-1 PRE-5 BPG-6 phq-9 audit TRX-DOSE-ESC FORM-COUNT REG-A1 DOS-SC EVI-7 MKT-1 weight ketamine "
        "otto-2021 PKI-RIF-PO READ-MOAAS STEP-RED-PHONE"
    )
    assert set(samples.split()) <= ids


def test_signing_needs_a_site():
    done = call("content", "sign", "SCR-HTN-1", "--by", "Dr Ines Varga")
    assert "OPENKAP_SITE" in done.refusal()


def test_a_signed_row_counts_until_its_review_day_and_not_after(folder):
    assert sign(site(folder), ["SCR-HTN-1"], by="Dr Ines Varga", on=ON, review_by=LATER) == ["SCR-HTN-1"]
    assert state(folder, "SCR-HTN-1") == "signed"
    assert state(folder, "SCR-HTN-2") == "unsigned"
    assert state(folder, "SCR-HTN-1", LATER) == "signed"
    assert state(folder, "SCR-HTN-1", LATER + timedelta(days=1)) == "review overdue"
    assert state(folder, "SCR-HTN-1", ON - timedelta(days=1)) == "signed for a later day"


def test_a_signature_no_longer_counts_when_a_value_of_the_row_changes(folder):
    sign(site(folder), ["SCR-HTN-1"], by="Dr Ines Varga", on=ON)
    assert state(folder, "SCR-HTN-1", ON, TIGHTER) == "changed since it was signed"
    (folder / "overrides.toml").write_text(entry("override", TIGHTER), encoding="utf-8")
    sign(site(folder), ["SCR-HTN-1"], by="Dr Ines Varga", on=ON)
    assert state(folder, "SCR-HTN-1", ON, TIGHTER) == "signed"
    assert state(folder, "SCR-HTN-1") == "changed since it was signed"


def test_all_rows_are_signed_as_a_set_and_signing_again_adds_to_the_file(folder):
    sign(site(folder), ["SCR-HTN-1"], by="Dr Ines Varga", on=ON)
    assert check_document(site(folder), ON)["unsigned"] == check_document(site(folder), ON)["signable"] - 1
    sign(site(folder), ["all"], by='Dr "A." \\ Ünal', on=ON)
    assert check_document(site(folder), ON)["unsigned"] == 0
    assert site(folder).signatures["REG-A1"].by == 'Dr "A." \\ Ünal'


def test_an_unknown_row_among_known_ones_signs_nothing(folder):
    with pytest.raises(UnknownName, match="NOPE-1"):
        sign(site(folder), ["SCR-HTN-1", "NOPE-1"], by="Dr Ines Varga", on=ON)
    assert list(folder.iterdir()) == []


def test_a_row_that_decides_nothing_alone_cannot_be_signed(folder):
    with pytest.raises(UnknownName, match="weight"):
        sign(site(folder), ["weight"], by="Dr Ines Varga", on=ON)


def test_nobody_signs_without_a_name(folder):
    with pytest.raises(UserError, match="--by"):
        sign(site(folder), ["SCR-HTN-1"], by="  ", on=ON)


def test_when_the_folder_cannot_be_written_the_old_signatures_stand(folder, monkeypatch):
    sign(site(folder), ["SCR-HTN-1"], by="Dr Ines Varga", on=ON)
    before = (folder / "signatures.toml").read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(UserError, match="cannot be written"):
        sign(site(folder), ["SCR-HTN-2"], by="Dr Ines Varga", on=ON)
    assert (folder / "signatures.toml").read_bytes() == before
    assert [p.name for p in folder.iterdir()] == ["signatures.toml"]


@pytest.mark.parametrize("text", ["2025-01-01", "soon"])
def test_a_review_day_must_be_a_day_to_come(text, folder):
    done = call("content", "sign", "all", "--by", "x", "--review-by", text, site=str(folder))
    assert "--review-by" in done.refusal()


def test_a_site_may_tighten_freely(folder):
    assert check_document(site(folder, TIGHTER), ON)["overrides"] == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": Decimal(161)}, "looser than allowed"),
        ({"row": "SCR-HTN-9"}, "SCR-HTN-9 is no row"),
        ({"limit": "systolik"}, "use one of: systolic, diastolic"),
        ({"row": "SCR-HTN-3", "limit": "recent", "value": "3 mo"}, "looser than allowed"),
    ],
)
def test_an_override_that_loosens_or_names_nothing_is_refused_with_row_and_remedy(change, words, folder):
    with pytest.raises(ContentFault, match=words):
        check_document(site(folder, msgspec.structs.replace(TIGHTER, **change)), ON)


def test_a_broken_site_file_ends_with_two_and_one_sentence(folder):
    (folder / "signatures.toml").write_text('[[signature]]\nrow = "SCR-HTN-1"\nbye = "x"\n', encoding="utf-8")
    said = call("content", "check", site=str(folder)).refusal()
    assert "signatures.toml" in said
