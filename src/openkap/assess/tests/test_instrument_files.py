"""The instrument files: what loads, what is refused, what ships."""

import shutil
from pathlib import Path

import msgspec
import pytest

from openkap.assess import instruments as room
from openkap.assess.definition import ItemText
from openkap.assess.instruments import check, form, instrument, instrument_ids, item_text, totals_only
from openkap.kernel.coding import LOINC, Code
from openkap.kernel.content import content_folder, sources
from openkap.kernel.errors import ContentFault, UnknownName

# From the fact sheet, section 1.5: the column "Ship item text?".
MAY_SHIP = {"gad-7", "phq-9", "pcl-5", "audit-c", "maia-2", "cgi-s", "cgi-i", "suds", "voc", "pgic", "ham-a"}
TEXT_FOLDER = content_folder("assess") / "instruments" / "text"


# --- loading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", instrument_ids())
def test_a_file_holds_a_whole_instrument(name):
    found = instrument(name)
    assert found.version
    assert found.basis
    assert found.works
    assert found.licence.status


@pytest.mark.parametrize("name", instrument_ids())
def test_every_work_an_instrument_cites_is_in_the_list_of_sources(name):
    assert set(instrument(name).sources) <= set(sources("assess"))


def test_every_work_listed_is_cited():
    cited = {key for name in instrument_ids() for key in instrument(name).sources}
    other_files = [path for path in content_folder("assess").glob("*.toml") if path.name != "sources.toml"]
    rest = "".join(path.read_text(encoding="utf-8") for path in other_files)
    assert not {key for key in sources("assess") if key not in cited and f'"{key}"' not in rest}


def test_parts_tagged_as_seen_name_a_source():
    for name in instrument_ids():
        change = instrument(name).change
        for part in (change.response, change.remission, change.reliable, change.mcid, *change.values):
            assert part is None or part.tag not in ("V", "S") or part.source, f"{name}: {part.words}"


def test_looking_one_instrument_up_reads_no_other(monkeypatch):
    read = []
    load = room.load
    monkeypatch.setattr(room, "load", lambda place, file, kind: read.append(file) or load(place, file, kind))
    instrument.cache_clear()
    instrument("gad-7")
    assert read == ["instruments/gad-7.toml"]


BANDS = [{"low": 0, "high": 9, "word": "low"}, {"low": 10, "high": 21, "word": "high"}]


@pytest.mark.parametrize(
    ("bands", "fault"),
    [
        (BANDS[::-1], "wrong order of bands"),
        ([BANDS[0], BANDS[1] | {"low": 11}], "wrong order of bands"),
        ([BANDS[0], BANDS[1] | {"low": 9}], "wrong order of bands"),
        ([BANDS[0] | {"low": 1}, BANDS[1]], "do not cover 0 to 21"),
        ([BANDS[0], BANDS[1] | {"high": 20}], "do not cover 0 to 21"),
        ([BANDS[0] | {"high": -1}, BANDS[1] | {"low": 0}], "wrong order of bands"),
    ],
    ids=["reversed", "gap", "overlap", "starts late", "ends early", "upside down"],
)
def test_bands_that_do_not_cover_the_range_once_are_refused(bands, fault):
    found = instrument("gad-7")
    changed = msgspec.structs.replace(
        found, bands=msgspec.convert([{"list": bands}], type=tuple[type(found.bands[0]), ...])
    )
    with pytest.raises(ContentFault, match=fault):
        check(changed, "gad-7.toml")


def test_good_bands_pass():
    found = instrument("gad-7")
    check(
        msgspec.structs.replace(found, bands=msgspec.convert([{"list": BANDS}], type=tuple[type(found.bands[0]), ...])),
        "gad-7.toml",
    )


@pytest.mark.parametrize("change", [{"reverse": (8,)}, {"total_high": 22}, {"total_items": (0,)}], ids=str)
def test_positions_and_ranges_that_do_not_fit_are_refused(change):
    with pytest.raises(ContentFault):
        check(msgspec.structs.replace(instrument("gad-7"), **change), "gad-7.toml")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The content folder, copied where a test may spoil it."""
    shutil.copytree(content_folder("assess"), tmp_path / "openkap" / "assess" / "content")
    monkeypatch.setattr("openkap.kernel.content.files", lambda package: tmp_path.joinpath(*package.split(".")))
    for cached in (instrument, instrument_ids):
        cached.cache_clear()
    yield tmp_path / "openkap" / "assess" / "content" / "instruments"
    for cached in (instrument, instrument_ids):
        cached.cache_clear()


def test_a_typing_error_in_a_file_stops_its_load(copied):
    path = copied / "isi.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("highest =", "heighest ="), encoding="utf-8")
    with pytest.raises(ContentFault, match=r"isi\.toml.*(heighest|highest)"):
        instrument("isi")


def test_a_file_under_another_name_is_refused(copied):
    shutil.copy(copied / "isi.toml", copied / "insomnia.toml")
    instrument_ids.cache_clear()
    with pytest.raises(ContentFault, match="holds id 'isi'"):
        instrument("insomnia")


def test_an_instrument_whose_file_is_gone_is_unknown(copied):
    (copied / "isi.toml").unlink()
    with pytest.raises(UnknownName, match="'isi' is not known"):
        instrument("isi")


# --- totals only -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "highest"),
    [("audit", 40), ("ymrs", 60), ("stop-bang", 8), ("ipss", 35), ("icsi", 20), ("icpi", 16), ("lsas", 144)],
)
def test_a_total_only_instrument_has_a_range_marked_unverified(name, highest):
    row = totals_only()[name]
    assert row.holds(0)
    assert row.holds(highest)
    assert not row.holds(highest + 1)
    assert not row.holds(-1)
    assert {part.tag for part in row.basis} == {"K"}


def test_no_other_instrument_is_known_by_its_total_only():
    assert sorted(totals_only()) == ["audit", "icpi", "icsi", "ipss", "lsas", "stop-bang", "ymrs"]


# --- codes -----------------------------------------------------------------------------------------


def test_every_loinc_code_has_its_check_digit():
    for name in instrument_ids():
        codes = instrument(name).loinc
        for code in (codes.panel, codes.total, *codes.items, *codes.unscored):
            assert not code or Code(LOINC, code)


def test_the_alcohol_form_does_not_use_the_trap_code():
    assert instrument("audit-c").loinc.items == ("68518-0", "68519-8", "68520-6")


# --- licence ---------------------------------------------------------------------------------------


def test_only_wording_that_may_ship_is_in_the_package():
    assert {path.stem for path in TEXT_FOLDER.glob("*.toml")} == MAY_SHIP
    assert {n for n in instrument_ids() if instrument(n).licence.ship in ("full", "headings_only")} == MAY_SHIP


def test_the_oasis_waits_for_its_comparison():
    assert instrument("oasis").licence.ship == "full_after_check"
    assert item_text("oasis") is None


@pytest.mark.parametrize(
    "sentence",
    [
        "how often have you felt anxious",  # OASIS
        "I am afraid of people in authority",  # SPIN
        "I feel calm",  # STAI
        "My worries overwhelm me",  # PSWQ
        "wish you were dead",  # C-SSRS
        "Because of my",  # WSAS
        "Have you used drugs other than",  # DAST-10
    ],
)
def test_no_sentence_of_a_protected_form_is_in_the_package(sentence):
    root = Path(room.__file__).parent
    for path in [*root.rglob("*.toml"), *root.rglob("*.py")]:
        if "tests" not in path.parts:
            assert sentence not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("name", sorted(set(instrument_ids()) - MAY_SHIP))
def test_a_form_whose_wording_does_not_ship_has_neutral_labels(name):
    for k, item in enumerate(form(name).items, 1):
        assert item.text == f"Item {k}"
        assert not item.worded


@pytest.mark.parametrize("name", sorted(MAY_SHIP))
def test_a_form_whose_wording_ships_is_worded(name):
    shape = form(name)
    assert all(item.worded for item in shape.items)
    assert len([item for item in shape.items if item.scored]) == instrument(name).items


def test_shipped_wording_is_that_of_the_sheet():
    assert (
        form("phq-9").items[8].text == "Thoughts that you would be better off dead, or of hurting yourself in some way"
    )
    assert [o.text for o in form("gad-7").items[0].options][3] == "Nearly every day"
    assert form("audit-c").items[1].options[3].text == "7 to 9"
    assert form("gad-7").items[7].scored is False


# --- a site's own text -----------------------------------------------------------------------------


def install(site, name, items, **more):
    folder = site / "instruments"
    folder.mkdir(exist_ok=True)
    lines = ["[items]", *(f'{k} = "wording {k}"' for k in items)]
    for table, rows in more.items():
        lines += [f"[{table}]", *(f'{k} = "{v}"' for k, v in rows.items())]
    (folder / f"{name}.text.toml").write_text("\n".join(lines), encoding="utf-8")


def test_a_site_installs_the_text_it_has_the_right_to(tmp_path):
    install(tmp_path, "wsas", range(1, 6), options={0: "not at all", 8: "very severely"})
    shape = form("wsas", tmp_path)
    assert [item.text for item in shape.items] == [f"wording {k}" for k in range(1, 6)]
    assert (shape.items[0].options[8].text, shape.items[0].options[1].text) == ("very severely", "1")
    assert item_text("wsas") is None


@pytest.mark.parametrize("items", [range(1, 5), range(1, 7), range(5), []], ids=["few", "many", "from zero", "none"])
def test_text_with_the_wrong_items_is_refused(tmp_path, items):
    install(tmp_path, "wsas", items)
    with pytest.raises(ContentFault, match=r"wsas\.text\.toml.*items"):
        item_text("wsas", tmp_path)


def test_answer_words_for_an_answer_that_does_not_exist_are_refused(tmp_path):
    install(tmp_path, "wsas", range(1, 6), options={9: "beyond"})
    with pytest.raises(ContentFault, match="no answers of"):
        item_text("wsas", tmp_path)


def test_a_typing_error_in_a_sites_text_is_refused(tmp_path):
    install(tmp_path, "wsas", range(1, 6), optoins={0: "no"})
    with pytest.raises(ContentFault, match="optoins"):
        item_text("wsas", tmp_path)


def test_an_empty_site_folder_leaves_the_shipped_text(tmp_path):
    assert isinstance(item_text("gad-7", tmp_path), ItemText)
