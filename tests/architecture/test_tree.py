"""The shape of the repository."""

import ast
import json
import re
from pathlib import Path

import pytest

from tests.architecture.repository import PACKAGE, ROOT, rooms, short, text_of, tracked

SOURCES = sorted(p for p in tracked() if p.is_relative_to(PACKAGE) and p.suffix == ".py")

# Written in pieces, so that this file does not hold what it looks for.
MACHINE = re.compile(
    r"(?<![\w.\-/])/(?:" + "|".join(["wo" + "rk", "ro" + "ot", "tm" + "p", "ho" + "me", "op" + "t"]) + r")/"
)
REGISTRIES = [
    "pypi" + ".org/simple",
    "python" + "hosted.org",
    "registry." + "npmjs",
    "--index" + "-url ",
    "--find" + "-links",
]
LEFTOVERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "Not" + "ImplementedError"]) + r")\b")
ASSETS = {
    ".woff",
    ".woff2",
    ".ttf",
    ".otf",
    ".eot",
    ".png",
    ".jpg",
    ".gif",
    ".pdf",
    ".jar",
    ".whl",
    ".gz",
    ".zip",
    ".min.js",
}


def texts() -> list[tuple[str, str]]:
    return [(short(p), text) for p in tracked() if (text := text_of(p)) is not None]


def test_no_tracked_file_names_a_machine_path():
    assert [(name, found[0]) for name, text in texts() if (found := MACHINE.search(text))] == []


def test_no_tracked_file_names_a_package_index():
    assert [(name, host) for name, text in texts() for host in REGISTRIES if host in text] == []


def test_the_lock_of_node_packages_has_hashes_and_no_addresses():
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    fetched = {name: entry for name, entry in packages.items() if name and not entry.get("inBundle")}
    assert [name for name, entry in fetched.items() if not entry.get("integrity", "").startswith("sha512-")] == []


def test_the_locks_pin_every_package_by_hash():
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        blocks = re.split(r"\n(?=\w)", text)
        assert [b.splitlines()[0] for b in blocks if "==" not in b or "--hash=sha256:" not in b] == []


def test_run_time_packages_have_one_version_in_both_locks():
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_no_asset_of_others_is_tracked():
    found = [short(p) for p in tracked() if "".join(p.suffixes[-2:]) in ASSETS or p.suffix in ASSETS]
    assert [name for name in found if not name.startswith("docs/images/")] == []  # our own screenshots


def test_no_tracked_file_is_larger_than_a_mebibyte():
    assert [(short(p), p.stat().st_size) for p in tracked() if p.stat().st_size > 2**20] == []


def test_no_source_file_is_longer_than_600_lines():
    lengths = {short(p): len(p.read_text(encoding="utf-8").splitlines()) for p in SOURCES}
    assert {name: n for name, n in lengths.items() if n > 600} == {}


def test_no_stub_or_leftover_is_in_the_product():
    code = [p for p in SOURCES if "tests" not in p.parts]
    assert [(short(p), found[0]) for p in code if (found := LEFTOVERS.search(p.read_text(encoding="utf-8")))] == []


def test_the_init_file_of_every_room_is_empty():
    assert [short(p) for p in PACKAGE.glob("*/__init__.py") if p.read_text(encoding="utf-8").strip()] == []


def own_imports(path: Path) -> set[str]:
    """Modules of its own room that a file imports."""
    room = f"openkap.{path.relative_to(PACKAGE).parts[0]}."
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    named |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return {name.removeprefix(room) for name in named if name.startswith(room)}


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_the_types_of_a_room_rest_on_nothing_else_in_it(room: Path):
    assert [own_imports(path) for path in room.glob("types.py") if own_imports(path)] == []


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_every_room_says_on_one_screen_what_comes_in_and_what_goes_out(room: Path):
    assert 5 <= len((room / "README.md").read_text(encoding="utf-8").splitlines()) <= 60


def test_every_public_module_says_what_it_is_for():
    code = [p for p in SOURCES if "tests" not in p.parts and p.name != "__init__.py"]
    assert [short(p) for p in code if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))] == []


def test_decisions_are_numbered_in_order_and_each_fits_a_page():
    decisions = sorted((ROOT / "docs/adr").glob("*.md"))
    assert [p.name[:4] for p in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} "), path.name
        assert re.search(r"^Date: \d{4}-\d\d-\d\d · Status: (accepted|superseded by \d{4})$", text, re.MULTILINE), (
            path.name
        )
        assert all(f"\n## {part}\n" in text for part in ("Context", "Decision", "Consequences")), path.name
        assert len(text.splitlines()) <= 60, path.name
