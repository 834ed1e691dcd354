"""What the architecture tests read: tracked files, rooms, content files, marks."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Mark:
    """
    One `pytest.mark.<name>(...)`.

    Args:
        path, line: where.
        arguments: as written.
        runs: it stands on a test that is neither skipped nor expected to fail.
    """

    path: Path
    line: int
    arguments: tuple[Any, ...]
    runs: bool

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line} {self.arguments}"


def marks(name: str) -> list[Mark]:
    """Every mark of this name in tracked tests."""
    return [
        mark
        for path in tracked()
        if path.suffix == ".py" and ("tests" in path.parts)
        for mark in marks_in(path, ast.parse(path.read_text(encoding="utf-8")), name)
    ]


def marks_in(path: Path, tree: ast.Module, name: str) -> list[Mark]:
    """Every mark of this name in one file."""
    live = {id(node) for node in _live(tree)}
    return [
        Mark(path, node.lineno, tuple(getattr(argument, "value", argument) for argument in node.args), id(node) in live)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.mark.{name}"
    ]


def _live(tree: ast.Module) -> Iterator[ast.AST]:
    """What is evaluated for a test that runs: its decorators, `pytestmark`, the `marks` of a parameter."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            words = [ast.unparse(one) for one in node.decorator_list]
            if not any(re.match(r"pytest\.mark\.(skip|skipif|xfail)\b", one) for one in words):
                for decorator in node.decorator_list:
                    yield from ast.walk(decorator)
        elif isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == ["pytestmark"]:
            yield from ast.walk(node.value)
        elif isinstance(node, ast.keyword) and node.arg == "marks":
            yield from ast.walk(node)


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
