"""
The solver of pkpd beside a peer's way and an ODE solver; rewrites its part of docs/benchmarks.md.

The peer is opentiva. Where it cannot be built (its C extension is older than this Python), its way is written anew from
the published equations: coefficients of a three-compartment bolus by the cubic's trigonometric roots, then one step a
second. Every figure is the median of the processor's time in one run.
"""

from __future__ import annotations

import importlib.util
import math
import os
import resource
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from report import write_part
from scipy.integrate import solve_ivp

from openkap.pkpd.bands import between_people
from openkap.pkpd.course import drawn_blocks
from openkap.pkpd.draw import typical
from openkap.pkpd.interact import Change
from openkap.pkpd.library import model_named
from openkap.pkpd.request import read_request
from openkap.pkpd.simulate import simulate
from openkap.pkpd.structure import systems
from openkap.pkpd.types import Subject

HEADING = "## pkpd: what a dose would do"
PERCENTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
DAYS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12)
PERSON = {"weight_kg": 70, "age_y": 40}
INFUSION = {"at_min": 0, "route": "iv", "amount_mg": 35, "duration_min": 40}


def median_s(work: Callable[[], object], times: int) -> float:
    """Median processor time of a call in seconds, after one to warm up."""
    work()
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return statistics.median(spent)


def one_day(model: str) -> dict[str, Any]:
    """(i) One infusion of 40 min, 24 h at 1 min."""
    return {"model": model, "drug": None, "subject": PERSON, "doses": [INFUSION], "times_min": list(range(1441))}


def two_weeks() -> dict[str, Any]:
    """(ii) 12 sessions over 14 days at 5 min."""
    doses = [INFUSION | {"at_min": 1440 * day} for day in DAYS]
    grid = list(range(0, 14 * 1440 + 1, 5))
    return {"model": "otto-2021-racemic", "drug": None, "subject": PERSON, "doses": doses, "times_min": grid}


def peer_s(doses: list[dict[str, Any]], seconds: int) -> np.ndarray:
    """
    The peer's way for kamp-2020 at 70 kg, written anew: a recurrence of one second, plasma and effect site.

    Returns:
        shape (seconds // 60 + 1,), ng/mL at whole minutes.
    """
    v1, v2, v3 = 25.0, 56.0, 157.0
    cl, q2, q3 = 84 / 3600, 161 / 3600, 79 / 3600
    k10, k12, k13, k21, k31 = cl / v1, q2 / v1, q3 / v1, q2 / v2, q3 / v3
    a, b, c = k10 + k12 + k13 + k21 + k31, k10 * (k21 + k31) + k12 * k31 + k13 * k21 + k21 * k31, k10 * k21 * k31
    p, q = b - a * a / 3, 2 * a**3 / 27 - a * b / 3 + c
    r = math.sqrt(-(p**3) / 27)
    phi = math.acos(-q / (2 * r)) / 3
    roots = np.array([a / 3 - 2 * r ** (1 / 3) * math.cos(phi + 2 * math.pi * i / 3) for i in range(3)])
    weight = np.array([(k21 - x) * (k31 - x) / math.prod(y - x for y in roots if y != x) for x in roots])
    decay, gain = np.exp(-roots), weight * -np.expm1(-roots) / roots / v1 * 1000
    flow = np.zeros(seconds + 1)
    for dose in doses:
        start, length = int(dose["at_min"] * 60), int(dose["duration_min"] * 60)
        flow[start : start + length] += dose["amount_mg"] / length
    state, found = np.zeros(3), np.empty(seconds // 60 + 1)
    found[0] = 0.0
    for second in range(1, seconds + 1):
        state = state * decay + flow[second - 1] * gain
        if second % 60 == 0:
            found[second // 60] = state.sum()
    return found


def ode(doses: list[dict[str, Any]], times: np.ndarray, model: str, rtol: float) -> np.ndarray:
    """solve_ivp, stopped at every start and end of a dose and interpolated between."""
    row = model_named(model)
    [system] = systems(row, typical(row, Subject(weight_kg=70)))
    k, port = system.k[0], system.ports["iv"]
    edges = sorted({0.0, float(times[-1]), *(e for d in doses for e in (d["at_min"], d["at_min"] + d["duration_min"]))})
    state, found = np.zeros(len(k)), np.zeros(len(times))
    for low, high in pairwise(edges):
        flow = np.zeros(len(k))
        flow[port] = sum(
            d["amount_mg"] / d["duration_min"] for d in doses if d["at_min"] <= low < d["at_min"] + d["duration_min"]
        )
        inside = (times > low) & (times <= high)
        at = np.append(times[inside], high)
        run = solve_ivp(lambda _, x, u=flow: k @ x + u, (low, high), state, t_eval=np.unique(at), rtol=rtol, atol=1e-9)
        state = run.y[:, -1]
        found[inside] = system.c[0, 0] @ run.y[:, : inside.sum()]
    return found


def population(n: int) -> Callable[[], object]:
    """Draw n people and read the bands of parent and norketamine."""
    request = read_request(two_weeks())
    row, times = model_named(request.model), np.asarray(request.times_min)

    def work() -> object:
        blocks = drawn_blocks(row, request.subject, request.doses, Change(), n, np.random.default_rng(1))
        return between_people(blocks, times, PERCENTILES)

    return work


def store_and_sort(n: int, times: int) -> float:
    """Seconds to store and sort as many numbers, 128 times at once."""
    made = np.random.default_rng(0).lognormal(size=(2, 128, n)).astype(np.float32)
    held = np.empty_like(made)

    def work() -> None:
        for _ in range(math.ceil(times / 128)):
            held[...] = made
            held.sort(axis=-1)

    return median_s(work, 3)


def peak_mb() -> float:
    """The most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Measure, print and write the part."""
    kamp, day = one_day("kamp-2020"), np.arange(1441.0)
    single = {
        "kamp-2020, three compartments": median_s(lambda: simulate(read_request(kamp), ensemble=False), 31),
        "otto-2021-racemic, ten states": median_s(
            lambda: simulate(read_request(one_day("otto-2021-racemic")), ensemble=False), 31
        ),
        "the same with its ensemble": median_s(lambda: simulate(read_request(one_day("otto-2021-racemic"))), 31),
    }
    peer = median_s(lambda: peer_s([INFUSION], 86_400), 3)
    solver = {rtol: median_s(lambda r=rtol: ode([INFUSION], day, "kamp-2020", r), 5) for rtol in (1e-3, 1e-9)}
    ours = simulate(read_request(kamp), ensemble=False).ketamine.typical
    seen = ours > ours.max() * 1e-3
    apart = {
        "peer": peer_s([INFUSION], 86_400),
        "solve_ivp, rtol 1e-3": ode([INFUSION], day, "kamp-2020", 1e-3),
        "solve_ivp, rtol 1e-9": ode([INFUSION], day, "kamp-2020", 1e-9),
    }
    far = {name: float(np.abs(line / np.where(seen, ours, 1) - 1)[seen].max()) for name, line in apart.items()}
    points = len(two_weeks()["times_min"])
    before = peak_mb()
    rows = []
    for n in (250, 500, 1_000, 2_000, 5_000, 10_000):
        spent, least = median_s(population(n), 3), store_and_sort(n, points)
        rows.append((n, spent, least, peak_mb() - before))
    here = importlib.util.find_spec("opentiva") is not None
    lines = [
        f"`bench/pkpd.py` on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of processor time."
        + ("" if here else " opentiva does not build here: its way is written anew from the published equations."),
        "",
        "One 40-minute infusion, 24 h at 1 min, from request to course with validation. Goal: at most 2 ms.",
        "",
        "| what | ms | furthest from the exact line |",
        "|---|---|---|",
        *(f"| OpenKAP, {name} | {1000 * s:.2f} | |" for name, s in single.items()),
        f"| peer's way, one step a second (plasma only) | {1000 * peer:.0f} | {far['peer']:.0e} |",
        *(
            f"| solve_ivp, rtol {r:.0e}, stopped at the edges | {1000 * s:.1f} | {far[f'solve_ivp, rtol {name}']:.0e} |"
            for (r, s), name in zip(solver.items(), ("1e-3", "1e-9"), strict=True)
        ),
        "",
        f"12 sessions over 14 days at 5 min ({points} times), parent and norketamine, 5/25/50/75/95 % bands."
        " Goals: 1,000 people 0.3 s, 10,000 people 2 s, 200 MB more, within 4 times storing and sorting the numbers.",
        "",
        "| people | s | ns a point | store and sort, s | times that | MB more |",
        "|---|---|---|---|---|---|",
        *(
            f"| {n:,} | {s:.2f} | {1e9 * s / (2 * n * points):.0f} | {least:.2f} | {s / least:.1f} | {mb:.0f} |"
            for n, s, least, mb in rows
        ),
    ]
    print("\n".join([HEADING, "", *lines]))
    write_part(HEADING, lines)


if __name__ == "__main__":
    main()
