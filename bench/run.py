"""
Speed and memory, side by side in one run; rewrites docs/benchmarks.md down to the part of the clinic app (web.py).

Figures belong to the machine they were made on. What is compared with what matters more: every figure
stands beside a baseline of the same run.
"""

from __future__ import annotations

import gc
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import fhirkit
import msgspec
from report import REPORT, WEB

from openkap import __version__
from openkap.chart.fhir.bundle import decode
from openkap.kernel.content import content_version
from openkap.kernel.r4 import entries_at_fault, survey
from openkap.pathway import assess_case, open_case, plan_case, screen_case
from openkap.synthetic.case import Case, measurement
from openkap.synthetic.people import panic

ON = date(2026, 11, 25)
ENTRIES = 200
BUNDLES = 1000

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def big_bundle() -> bytes:
    """A complete case with older readings, up to 200 entries."""
    case: Case = panic(ON)
    names = (("systolic", "mm[Hg]", 124), ("diastolic", "mm[Hg]", 79), ("heart-rate", "/min", 74), ("spo2", "%", 98))
    base = len(case.bundle()["entry"])
    for place in range(ENTRIES - base):
        name, unit, value = names[place % len(names)]
        day = ON - timedelta(days=12 + place)
        case.extra.append(measurement(f"older-{place}", name, Decimal(value), unit, day))
    bundle = case.bundle()
    assert len(bundle["entry"]) == ENTRIES
    return _ENCODER.encode(bundle)


def median_ms(work: Callable[[], object], times: int = 30) -> float:
    """Median processor time of a call in milliseconds, after one call to warm up."""
    work()
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append((time.process_time() - start) * 1000)
    return statistics.median(spent)


def parse_and_validate(data: bytes) -> None:
    """The baseline: decode the JSON and validate it as R4, nothing else."""
    msgspec.json.decode(data)
    fhirkit.validate(data)


def parse_and_check(data: bytes) -> None:
    """Decode the JSON and validate it as the product does: structure, and our own tables."""
    document = decode(data, "The bundle")
    entries_at_fault(data)
    for entry in document["entry"]:
        survey(entry["resource"])


def whole(data: bytes) -> None:
    """Parse, facts, scores, formulation, screening and plan."""
    plan_case(open_case(data, ON))  # assesses and screens on the way


def stages(data: bytes) -> dict[str, float]:
    """Each stage by itself."""
    case = open_case(data, ON)
    return {
        "parse + facts + scores": median_ms(lambda: open_case(data, ON)),
        "formulation": median_ms(lambda: assess_case(open_case(data, ON))) - median_ms(lambda: open_case(data, ON)),
        "screen (a warm view)": median_ms(lambda: screen_case(case)),
        "screen + plan (a warm view)": median_ms(lambda: plan_case(case)),
    }


def children_time() -> float:
    """Processor time of the processes that have ended, in seconds."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def start_s(call: Callable[[], object]) -> tuple[float, float]:
    """Median time of a process from start to end, in seconds: on the wall, and of the processor."""
    spent = []
    for _ in range(9):
        wall, processor = time.perf_counter(), children_time()
        call()
        spent.append((time.perf_counter() - wall, children_time() - processor))
    return statistics.median(w for w, _ in spent), statistics.median(p for _, p in spent)


def command(data: bytes, name: str) -> tuple[float, float]:
    """Median time of the command line from start to output, in seconds."""
    executable = Path(sys.executable).with_name("openkap")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.json"
        path.write_bytes(data)
        arguments = [str(executable), name, str(path), "--on", ON.isoformat()]
        call = lambda: subprocess.run(arguments, check=True, capture_output=True)  # noqa: E731
        return start_s(call)


def memory_of_many(data: bytes) -> tuple[float, float, float]:
    """Resident memory in MB after 100 and after all bundles, and processor seconds for all."""
    start = time.process_time()
    after_100 = 0.0
    for count in range(1, BUNDLES + 1):
        open_case(data, ON)
        if count == BUNDLES // 10:
            gc.collect()
            after_100 = resident_mb()
    gc.collect()
    return after_100, resident_mb(), time.process_time() - start


def resident_mb() -> float:
    """Resident memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    """Measure, print and write the report."""
    data = big_bundle()
    bare = median_ms(lambda: parse_and_validate(data))
    checked = median_ms(lambda: parse_and_check(data))
    full = median_ms(lambda: whole(data))
    parts = stages(data)
    starts = {name: command(data, name) for name in ("chart", "assess", "screen", "plan")}
    empty = start_s(lambda: subprocess.run([sys.executable, "-c", ""], check=True))
    early, late, seconds = memory_of_many(data)
    rows = [
        "# Benchmarks",
        "",
        f"OpenKAP {__version__}, content {content_version()}; `make bench` on {os.cpu_count()} cores,"
        f" CPython {platform.python_version()}. One run, medians; a figure means something only beside its baseline."
        " In process: processor time.",
        "",
        f"## One patient in process ({ENTRIES}-entry bundle, {len(data) / 1000:.0f} KB)",
        "",
        "| what | ms | times the baseline |",
        "|---|---|---|",
        f"| baseline: decode JSON + validate R4 (fhirkit) | {bare:.1f} | 1.0 |",
        f"| decode JSON + validate as the product does (fhirkit, our tables) | {checked:.1f} | {checked / bare:.1f} |",
        f"| parse + facts + scores + formulation + screen + plan | {full:.1f} | {full / bare:.1f} |",
        *(f"| {name} | {ms:.1f} | {ms / bare:.1f} |" for name, ms in parts.items()),
        "",
        "Goal: at most 60 ms warm, at most 4 times the baseline."
        f" The whole is {full / checked:.1f} times decoding and validating as the product does.",
        "",
        "## Command line, start to output",
        "",
        "| command | s on the wall | s of processor |",
        "|---|---|---|",
        f"| baseline: an empty Python process | {empty[0]:.2f} | {empty[1]:.2f} |",
        *(f"| `openkap {name}` | {wall:.2f} | {cpu:.2f} |" for name, (wall, cpu) in starts.items()),
        "",
        "Goal: at most 0.6 s on the wall of a machine that does nothing else"
        f" (load here: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores).",
        "",
        f"## Import of {BUNDLES} bundles",
        "",
        f"Resident memory {early:.0f} MB after {BUNDLES // 10}, {late:.0f} MB after {BUNDLES}"
        f" (growth {late - early:+.1f} MB); {BUNDLES / seconds:.0f} bundles/s on one core.",
        "",
    ]
    former = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    _, found, app = former.partition(WEB)
    REPORT.write_text("\n".join([*rows, found + app]) if found else "\n".join(rows), encoding="utf-8")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
