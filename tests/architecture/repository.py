"""What the architecture tests read: tracked files, rooms, content files, marks."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "openkap"


def tracked() -> list[Path]:
    """Files that git tracks and that exist, as absolute paths."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str | None:
    """The text of a file; None if it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def rooms() -> list[Path]:
    """Folders of the package that hold more than an empty __init__.py."""
    return sorted(p for p in PACKAGE.iterdir() if p.is_dir() and any(m.name != "__init__.py" for m in p.glob("*.py")))


def rooms_with_sources() -> list[Path]:
    return [room for room in rooms() if (room / "content" / "sources.toml").is_file()]


def parsed(path: Path) -> dict[str, Any]:
    return tomli.loads(path.read_text(encoding="utf-8"))


def content_files(room: Path) -> list[Path]:
    return sorted(p for p in (room / "content").rglob("*.toml") if p.name != "sources.toml")


def cited(value: Any, key: str = "") -> Iterator[str]:
    """Every source key that a parsed content file names, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from cited(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from cited(inner, key)
    elif isinstance(value, str) and value and (key in ("source", "sources", "works") or key.endswith("_source")):
        yield value


def marks(name: str) -> list[tuple[Path, int, tuple[Any, ...]]]:
    """(file, line, arguments) of every `pytest.mark.<name>(...)` in tracked tests."""
    return [
        (path, node.lineno, tuple(getattr(argument, "value", argument) for argument in node.args))
        for path in tracked()
        if path.suffix == ".py" and ("tests" in path.parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.mark.{name}"
    ]


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
