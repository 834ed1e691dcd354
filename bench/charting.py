"""
What it takes a nurse to chart a set of vital values: screens, taps and seconds, in a real browser.

    python bench/charting.py [--write]

A nurse stands before the board; the first value of a check is in the tile's chair. Counted are the screens and taps
up to the first key of a value, the taps of the whole set, and the seconds of a script that taps as fast as each tap is
answered on the screen. What a thumb and an eye add, no script knows.

Beside it stands the published task of another system: openemr issue 10606 names the screens that one goes through.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from live import PASSWORD, build  # noqa: E402
from report import write_part  # noqa: E402
from web import Server, _free_port, sign_in  # noqa: E402

GOAL_TAPS, GOAL_S = 2, 8
SET = ((12, 8), (8, 1), (7, 4), (9, 8), (1, 4))  # tens and ones: pressure 128/81, pulse 74, saturation 98, breaths 14
PEER = "patient, encounter, vitals form"  # github.com/openemr/openemr/issues/10606, as described there


def chart(url: str, cookies: dict[str, str], tries: int) -> list[dict[str, float]]:
    """Chart the set so many times, each from the board."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1024, "height": 768}, has_touch=True)
        context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
        page = context.new_page()
        for _ in range(tries):
            page.goto(f"{url}/rooms/")
            tile = page.locator(".tile a.tile-in").first
            tile.wait_for()
            began, taps = time.perf_counter(), 1
            tile.tap()
            page.locator('[data-k="t-12"]').wait_for()
            ready, before = time.perf_counter(), taps
            for tens, ones in SET:
                page.locator(f'[data-k="t-{tens}"]').tap()
                page.locator(f'[data-k="o-{ones}"]').tap()
                taps += 2
            page.locator("#saved", has_text="saved").wait_for()
            found.append({"before": before, "taps": taps, "ready": ready - began, "whole": time.perf_counter() - began})
        browser.close()
    return found


def report(found: list[dict[str, float]]) -> list[str]:
    """The lines of docs/benchmarks.md."""

    def median(name: str) -> float:
        return statistics.median(one[name] for one in found)

    return [
        f"`bench/charting.py` in Chromium, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f};"
        f" medians of {len(found)}. Goal: at most {GOAL_TAPS} taps from the board to a value, {GOAL_S} s for the set by"
        " a script that waits for each answer of the screen.",
        "",
        "| | screens to the first value | taps to it | taps for five values | s to the first key | s for the set |",
        "|---|---|---|---|---|---|",
        f"| OpenKAP, from the board | board, chair | {median('before'):.0f} | {median('taps'):.0f} |"
        f" {median('ready'):.1f} | {median('whole'):.1f} |",
        f"| OpenEMR, as its issue 10606 describes it | {PEER} | not published | not published | not measured | |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--tries", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="rewrite this part of docs/benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update({"OPENKAP_DATA": folder, "OPENKAP_TZ": "UTC", "OPENKAP_PORT": str(port := _free_port())})
        os.environ.pop("OPENKAP_SITE", None)
        os.environ.pop("OPENKAP_DATABASE", None)
        from openkap.project.serve import make_ready

        make_ready()
        build(3)
        with Server("openkap.project.asgi:application", port):
            signed_in = asyncio.run(sign_in(port, "nurse@bench.example", PASSWORD))
            found = chart(f"http://127.0.0.1:{port}", signed_in.cookies, arguments.tries)
    lines = report(found)
    print("\n".join(lines))
    if arguments.write:
        write_part("## Charting a set of vital values", lines)


if __name__ == "__main__":
    main()
