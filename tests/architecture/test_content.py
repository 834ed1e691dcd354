"""Content that a clinician reviews: every source cited exists, every source listed is used."""

from pathlib import Path

import pytest

from openkap.kernel.source import GRADE_WORDS, TAG_WORDS
from tests.architecture.repository import cited, content_files, parsed, rooms, rooms_with_sources, short

ROOMS = rooms_with_sources()
FILES = [path for room in rooms() for path in content_files(room)]
a_room = pytest.mark.parametrize("room", ROOMS, ids=[r.name for r in ROOMS])
a_file = pytest.mark.parametrize("path", FILES, ids=map(short, FILES))


def source_ids(room: Path) -> list[str]:
    return [row["id"] for row in parsed(room / "content" / "sources.toml")["source"]]


@pytest.mark.hazard("HAZ-24", "C1")
@a_room
def test_every_source_cited_by_a_room_is_in_its_list(room: Path):
    known = set(source_ids(room))
    dangling = {(short(path), key) for path in content_files(room) for key in cited(parsed(path)) if key not in known}
    assert dangling == set()


@pytest.mark.hazard("HAZ-24", "C1")
@a_room
def test_every_source_in_a_room_s_list_is_used(room: Path):
    used = {key for path in content_files(room) for key in cited(parsed(path))}
    assert sorted(set(source_ids(room)) - used) == []


@a_file
def test_a_content_file_says_what_it_is_and_which_version(path: Path):
    header = parsed(path)["content"]
    assert header["title"]
    assert header["version"]


@pytest.mark.hazard("HAZ-24", "C1")
@a_file
def test_every_tag_and_grade_is_one_that_readers_are_told_the_meaning_of(path: Path):
    strange = []

    def look(value: object) -> None:
        if isinstance(value, dict):
            strange.extend(v for k, v in value.items() if k == "tag" and v not in TAG_WORDS)
            strange.extend(v for k, v in value.items() if k == "evidence" and v not in GRADE_WORDS)
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(parsed(path))
    assert strange == []


def test_no_wording_is_shipped_of_an_instrument_whose_licence_does_not_allow_it():
    files = [path for path in FILES if "assess" in path.parts]
    ship = {f["instrument"]["id"]: f["instrument"]["licence"]["ship"] for f in map(parsed, files) if _is_instrument(f)}
    worded = {path.stem for path in files if _is_wording(parsed(path).get("items"))}
    assert ship
    assert {name for name in worded if ship.get(name) not in {"full", "headings_only"}} == set()


def _is_instrument(file: dict) -> bool:
    return isinstance(file.get("instrument"), dict) and "licence" in file["instrument"]


def _is_wording(items: object) -> bool:
    return isinstance(items, dict) and all(isinstance(text, str) for text in items.values())
