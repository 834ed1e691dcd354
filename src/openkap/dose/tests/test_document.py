"""The page that explains the engine shows the table that runs."""

from pathlib import Path

from openkap.dose.ledger import MOVES, WITNESSED
from openkap.dose.steps import IN_HOUSE, TABLE, Row
from openkap.dose.types import Phase

PAGE = Path(__file__).parents[4] / "docs" / "algorithms" / "dose.md"
HEAD = "| in | event | leads to | needs |\n|---|---|---|---|\n"


def words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name.replace("_", " ")).strip()


def phases(row: Row) -> str:
    if row.phases == tuple(Phase):
        return "anywhere"
    if row.phases == IN_HOUSE:
        return "in the house"
    if row.phases == (Phase.BOOKED, *IN_HOUSE):
        return "before the end"
    return ", ".join(phase.value for phase in row.phases)


def table() -> str:
    lines = []
    for row in TABLE:
        needs = ", ".join(words(need.__name__) for need in row.needs)
        event = words(row.event.__name__) + (f", if {words(row.when.__name__)}" if row.when else "")
        lines.append(f"| {phases(row)} | {event} | {row.to.value if row.to else '(stays)'} | {needs} |")
    return HEAD + "\n".join(lines) + "\n"


def test_the_state_table_of_the_page_is_the_one_that_runs():
    assert table() in PAGE.read_text(encoding="utf-8"), f"put this table into {PAGE.name}:\n{table()}"


def test_the_ledger_of_the_page_names_every_kind_of_posting_and_who_needs_a_witness():
    page = PAGE.read_text(encoding="utf-8")
    for kind in (*MOVES, "reverse"):
        (line,) = (one for one in page.splitlines() if one.startswith(f"| {kind.replace('-', ' ')} |"))
        assert line.endswith("| yes |") is (kind in WITNESSED), kind
