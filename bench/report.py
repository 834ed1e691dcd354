"""The parts of docs/benchmarks.md; each measurement rewrites its own and leaves the others."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REPORT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
WEB = "## The clinic app"


def write_part(heading: str, lines: Sequence[str]) -> None:
    """Put the lines under a heading of the second or third level in place of what stands there, or at the end."""
    level = heading.partition(" ")[0]
    text = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    ends = "|".join(re.escape("#" * n + " ") for n in range(1, len(level) + 1))
    pattern = re.compile(rf"^{re.escape(heading)}$.*?(?=^(?:{ends})|\Z)", re.MULTILINE | re.DOTALL)
    part = "\n".join([heading, "", *lines, "", ""])
    whole = pattern.sub(lambda _: part, text, count=1) if pattern.search(text) else text.rstrip("\n") + "\n\n" + part
    REPORT.write_text(whole.rstrip("\n") + "\n", encoding="utf-8")


def write_web(
    found: Sequence[dict[str, Any]], connections: int, goal_ms: int, goal_ratio: float, *, write: bool
) -> None:
    """The table of one size of clinic, all databases."""
    for result in found:
        bare = result["rows"][0]["cpu"]
        loads = [row["load"] for row in result["rows"] if "load" in row]
        name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[result["engine"]]
        heading = f"### {name}, {result['patients']:,} patients, {result['records']:,} records"
        lines = [
            f"| page | p50 ms | p95 ms, goal {goal_ms} | a second | processor ms | times bare, goal {goal_ratio} |"
            " first time, processor ms |",
            "|---|---|---|---|---|---|---|",
            *(_row(row, bare) for row in result["rows"]),
            "",
            f"{connections} connections without a pause on {os.cpu_count()} cores that the client shares; load of the"
            f" machine {min(loads):.1f} to {max(loads):.1f}. Server {result['memory']:.0f} MB.",
        ]
        print("\n".join([heading, "", *lines, ""]))
        if write:
            write_part(heading, lines)


def _row(row: dict[str, Any], bare: float) -> str:
    first = f"{row['first']:.1f}" if "first" in row else ""
    return (
        f"| {row['what']} | {row['p50']:.0f} | {row['p95']:.0f} | {row['per_s']:.0f} | {row['cpu']:.1f} |"
        f" {row['cpu'] / bare:.1f} | {first} |"
    )
