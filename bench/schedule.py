"""
The scheduler beside first-fit and beside one CP-SAT model with a hint; rewrites its part of docs/benchmarks.md.

All on the same problems, in the same run: two searches against two workers of the solver, which begins from the same
first whole plan. Wall time, for that is what somebody waits. `--quick` looks at two small problems for a few seconds
and writes nothing; files of the format may be given beside those that are drawn.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from report import write_part

from openkap.schedule.bound import bound
from openkap.schedule.ground import Ground
from openkap.schedule.model import Model, names
from openkap.schedule.objective import objective, terms
from openkap.schedule.pair import Partner, go
from openkap.schedule.placing import Kept
from openkap.schedule.publish import publish
from openkap.schedule.read import read_instance
from openkap.schedule.rules import breaches
from openkap.schedule.search import Search
from openkap.schedule.solve import solve
from openkap.schedule.tests.make import problem
from openkap.schedule.types import DAY, Instance

HEADING = "## schedule: whole programmes in one plan"
SIZES, SEEDS, MARKS = (10, 20, 40, 80), (1, 2, 3), (10.0, 30.0, 60.0)
FIRST_S = {10: 0.5, 20: 1.0, 40: 2.0, 80: 8.0}  # goals: seconds to the first whole plan, by patients
ABSENCES = 8  # of each problem
CONFLICT_S = 60.0  # given to find a conflict; the goal is 15


def drawn(patients: int, seed: int) -> dict[str, Any]:
    """A fortnight of programmes with five doses each; groups have room for all who want them."""
    raw = problem(100 * seed + patients, patients=patients, days=14, doses=5)
    for event in raw["group_events"]:
        event["capacity"] = max(event["capacity"], patients // 8)
    return raw


def worth(instance: Instance, ground: Ground, kept: Kept) -> float:
    """The objective of a plan that keeps every rule."""
    plan = publish(ground, kept)
    assert breaches(instance, plan) == []
    return objective(instance, terms(instance, plan))


def first_fit(instance: Instance) -> tuple[float, float]:
    """Each activity at its first free start with the first who can: seconds and objective."""
    began = time.perf_counter()
    ground = Ground(instance)
    search = Search(ground, 1)
    for patient in search.loose:
        for n in sorted(ground.of_patient[patient], key=lambda n: (search.rank[n], n)):
            item = ground.items[n]
            found = search.chooser.room_for(item)
            while found:
                start = (found & -found).bit_length() - 1
                team = [next((p for p in need.people if _free(search, p, need, start)), -1) for need in item.needs]
                spot = search.valid(n, start, tuple(team))
                if spot is not None:
                    search.board.place(n, spot)
                    break
                found &= found - 1
        search.gather([patient])
    search.close(search.loose)
    return time.perf_counter() - began, worth(instance, ground, search.keep())


def _free(search: Search, person: int, need: Any, start: int) -> bool:
    return bool(search.board.can(person, need.begins, need.ends) >> start & 1)


@dataclass
class Line:
    """Our search over time."""

    first_s: float = 0.0
    whole_s: float | None = None
    at: dict[float, float] = field(default_factory=dict)


def ours(instance: Instance, marks: list[float]) -> tuple[Line, Kept]:
    """First plan, first whole plan, and the objective at each mark."""
    line = Line()
    began = time.perf_counter()
    ground = Ground(instance)
    search = Search(ground, 1)
    search.construct()
    line.first_s = time.perf_counter() - began
    assert search.best is not None
    first = search.best
    search.run(steps=4_000, tell=lambda one: one.board.gaps == 0)
    if search.board.gaps == 0:
        line.whole_s, first = time.perf_counter() - began, search.keep()
    for seconds in marks:
        fresh = Search(ground, 1)
        until = time.monotonic() + seconds
        fresh.construct()
        assert fresh.best is not None
        partner = Partner(instance, fresh.best, 2, until, None)
        try:
            go(fresh, until=until, steps=None, other=partner.pipe)
        finally:
            partner.end()
        line.at[seconds] = worth(instance, ground, fresh.best)
    return line, first


def one_model(raw: dict[str, Any], first: Kept, marks: list[float]) -> list[float | None]:
    """One CP-SAT model of everything, hinted with the same first whole plan: at each mark, None for nothing."""
    instance = read_instance(raw | {"coverage": "all"})
    ground = Ground(instance)
    everyone = list(range(len(ground.patients)))
    made = Model(ground, everyone, names(ground, everyone))
    model, weight = made.model, ground.weight
    cost: list[Any] = []
    load: dict[int, list[Any]] = {n: [] for n in ground.therapists}
    for p in everyone:
        _people(made, p, cost, load)
        _waiting(made, p, cost, int(weight["patient_idle"]))
    for n, literals in made.leads.items():
        load.setdefault(n, []).extend(literals)
    most, least = model.new_int_var(0, ground.size, ""), model.new_int_var(0, ground.size, "")
    for loads in load.values():
        model.add(sum(loads) <= most)
        model.add(sum(loads) >= least)
    cost.append(int(weight["load_spread"]) * (most - least))
    model.minimize(sum(cost))
    for n, spot in enumerate(first.spots):
        if spot is not None:
            model.add_hint(made.at[n], spot.start)
            for person, choice in zip(spot.people, made.by[n], strict=True):
                for one, literal in choice.items():
                    model.add_hint(literal, one == person)
    for (p, event), literal in made.going.items():
        model.add_hint(literal, any((p, event) == (a, b) for a, b, _, _ in first.groups))
    solver = made.cp.CpSolver()
    solver.parameters.max_time_in_seconds = max(marks)
    solver.parameters.num_workers = 2
    solver.parameters.cp_model_probing_level = 0
    found: list[tuple[float, float]] = []

    class Watch(made.cp.CpSolverSolutionCallback):  # type: ignore[misc]
        def on_solution_callback(self) -> None:
            found.append((self.wall_time, self.objective_value))

    solver.solve(model, Watch())
    return [min((value for at, value in found if at <= mark), default=None) for mark in marks]


def _people(made: Model, p: int, cost: list[Any], load: dict[int, list[Any]]) -> None:
    """Therapists and hours of one patient."""
    ground, model, weight = made.ground, made.model, made.ground.weight
    seen: dict[int, list[Any]] = {}
    for n in ground.of_patient[p]:
        item = ground.items[n]
        for need, choice in zip(item.needs, made.by[n], strict=True):
            for person, literal in choice.items():
                if need.therapist:
                    seen.setdefault(person, []).append(literal)
                    load[person].append((need.ends - need.begins) * literal)
                    if ground.preferred[p] >= 0 and person != ground.preferred[p]:
                        cost.append(int(weight["not_preferred"]) * literal)
        if item.liked >= 0:
            off = model.new_bool_var("")
            inside = made._domain(item.liked & ground.whole)
            model.add_linear_expression_in_domain(made.at[n], inside).only_enforce_if(~off)
            cost.append(int(weight["off_hours"]) * off)
    used = []
    for literals in seen.values():
        one = model.new_bool_var("")
        for literal in literals:
            model.add_implication(literal, one)
        used.append(one)
    if used:
        cost.append(int(weight["therapist_switch"]) * (sum(used) - 1))


def _waiting(made: Model, p: int, cost: list[Any], weight: int) -> None:
    """Waiting of one patient: last end minus first start of each day, minus the time in activities."""
    ground, model = made.ground, made.model
    total = sum(ground.items[n].length for n in ground.of_patient[p])
    events = {event: literal for (q, event), literal in made.going.items() if q == p}
    for day in range(ground.days):
        low, high = day * ground.day, (day + 1) * ground.day
        first, last = model.new_int_var(low, high, ""), model.new_int_var(low, high, "")
        model.add(last >= first)
        for n in ground.of_patient[p]:
            item, here = ground.items[n], model.new_bool_var("")
            model.add_linear_expression_in_domain(made.at[n], made.cp.Domain(low, high - 1)).only_enforce_if(here)
            outside = made.cp.Domain(low, high - 1).complement()
            model.add_linear_expression_in_domain(made.at[n], outside).only_enforce_if(~here)
            model.add(first <= made.at[n]).only_enforce_if(here)
            model.add(last >= made.at[n] + item.length).only_enforce_if(here)
        for event, literal in events.items():
            offered = ground.events[event]
            if offered.day == day:
                model.add(first <= offered.start).only_enforce_if(literal)
                model.add(last >= offered.start + offered.length).only_enforce_if(literal)
        cost.append(weight * (last - first))
    cost.append(-weight * (total + sum(ground.events[n].length * one for n, one in events.items())))


@dataclass
class Repaired:
    """One absence: activities it hits, those changed, seconds until the repair stands, and whether it is proven."""

    hit: int
    changed: int
    seconds: float
    proven: bool


def absences(raw: dict[str, Any]) -> list[Repaired]:
    """Somebody ill for a day, again and again; the repair before any polishing, check of every rule included."""
    plan = solve(read_instance(raw), steps=2000, processes=1).plan
    listed = [
        {"activity": one.activity, "start": one.start, "staff": list(one.staff), "room": one.room}
        for one in plan.assignments
    ]
    starts = {one["id"]: one["start"] for one in raw["group_events"]}
    worked = sorted({(name, one["start"] // DAY) for one in listed for name in one["staff"] if one["start"] >= 2 * DAY})
    found = []
    for person, day in worked[:: max(1, len(worked) // ABSENCES)]:
        hurt = deepcopy(raw)
        for one in hurt["staff"]:
            if one["id"] == person:
                one["shifts"] = [span for span in one["shifts"] if span[0] // DAY != day]
        for who in hurt["patients"]:
            past = (held for held in plan.groups if starts[held.event] < day * DAY)
            who["group_sessions"] -= sum(who["id"] in held.attendees for held in past)
        hurt["baseline"] = {"now": day * DAY, "assignments": listed, "pinned": []}
        instance = read_instance(hurt)
        began = time.perf_counter()
        answer = solve(instance, steps=1, processes=1, start=plan)
        spent = time.perf_counter() - began
        if answer.repair is None:  # what must stay cannot be completed: there is no repair
            continue
        told = answer.repair.document(instance, answer.plan, answer.least)
        hit = sum(person in one["staff"] and one["start"] // DAY == day for one in listed)
        found.append(Repaired(hit, len(told["changed"]), spent, told.get("smallest") == "proven"))
    return found


def conflicts(raw: dict[str, Any]) -> list[tuple[float, bool]]:
    """The same problem in which not everything can be: seconds to a conflict, and whether it is minimal by test."""
    found = []
    for spoil in (_short_stay, _one_bay, _prescribers_away):
        instance = read_instance(_spoilt(raw, spoil))
        began = time.perf_counter()
        answer = solve(instance, seconds=CONFLICT_S)
        told = answer.conflict is not None and answer.conflict.minimal
        found.append((time.perf_counter() - began, told))
    return found


def _spoilt(raw: dict[str, Any], spoil: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    found = deepcopy(raw) | {"coverage": "all"}
    spoil(found)
    return found


def _short_stay(raw: dict[str, Any]) -> None:
    raw["patients"][0]["stay"] = [480, 6 * DAY]


def _one_bay(raw: dict[str, Any]) -> None:
    bays = [one for one in raw["rooms"] if one["kind"] == "dosing_bay"]
    raw["rooms"] = [one for one in raw["rooms"] if one not in bays[1:]]
    raw["opening"] = [480, 480 + 60 * 8]


def _prescribers_away(raw: dict[str, Any]) -> None:
    for one in raw["staff"]:
        if one["role"] == "prescriber":
            one["shifts"] = [span for span in one["shifts"] if span[0] // DAY in (3, 4, 10)]


def memory(raw: dict[str, Any], seconds: float) -> float:
    """Megabytes at most of a search with both its processes, what they share counted once; seen 20 times a second."""
    process = multiprocessing.get_context("spawn").Process(target=_search, args=(raw, seconds))
    process.start()
    most = 0.0
    while process.is_alive():
        most = max(most, sum(map(_held, _family(process.pid or 0))))
        time.sleep(0.05)
    return most


def _search(raw: dict[str, Any], seconds: float) -> None:
    solve(read_instance(raw), seconds=seconds)


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _family(int(child)))]


def _held(pid: int) -> float:
    """Megabytes of a process, its share of what others hold too."""
    try:
        found = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:  # it has just ended
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in found.splitlines() if line.startswith("Pss:")), 0.0)


@dataclass
class Found:
    """All that is measured of one problem."""

    fit_s: float
    fit: float
    line: Line
    model: list[float | None]
    low: float


def measured(raw: dict[str, Any], marks: list[float]) -> Found:
    """First-fit, our search and the solver on one problem."""
    instance = read_instance(raw)
    fit_s, fit = first_fit(instance)
    line, first = ours(instance, marks)
    model = one_model(raw, first, marks) if first.gaps == 0 else [None] * len(marks)
    return Found(fit_s, fit, line, model, bound(Ground(instance)).value)


def _row(name: str, found: list[Found], marks: list[float], goal: float | None) -> str:
    """Medians of the problems of one size."""
    mid = statistics.median
    whole = [one.line.whole_s for one in found if one.line.whole_s is not None]
    first = f"{mid(whole):.2f}" if len(whole) == len(found) else f"{len(whole)} of {len(found)} found"
    cells = []
    for n, mark in enumerate(marks):
        our = mid(one.line.at[mark] for one in found)
        theirs = [one.model[n] for one in found]
        known = [value for value in theirs if value is not None]
        if len(known) < len(theirs):
            cells.append(f"{our:.0f} / nothing")
        else:
            cells.append(f"{our:.0f} / {mid(known):.0f}, {mid(known) / our:.1f} times")
    head = f"| {name} | {mid(one.fit for one in found):.0f} in {mid(one.fit_s for one in found):.2f} s | {first}"
    return f"{head}{f' (goal {goal:g})' if goal else ''} | {' | '.join(cells)} | {mid(one.low for one in found):.0f} |"


@dataclass
class Results:
    """What is measured so far."""

    rows: list[str] = field(default_factory=list)
    repairs: list[Repaired] = field(default_factory=list)
    proofs: list[tuple[int, list[tuple[float, bool]]]] = field(default_factory=list)
    peak: float = 0.0
    proof: float = 0.0


def report(marks: list[float], seeds: int, all_: Results) -> list[str]:
    """The part of docs/benchmarks.md, from what is measured so far."""
    heads = [f"at {s:.0f} s: OpenKAP / one CP-SAT model" for s in marks]
    repairs = all_.repairs
    hit, changed = sum(one.hit for one in repairs), sum(one.changed for one in repairs)
    slow = max(one.seconds for one in repairs)
    return [
        f"`bench/schedule.py` on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; synthetic programmes of five"
        f" doses in a fortnight, medians of {seeds} draws; objective, lower is better; wall time. The model gets"
        " the first whole plan as hint and two workers.",
        "",
        f"| problem | first-fit | first whole plan, s | {' | '.join(heads)} | counted bound |",
        "|---|---|---|" + "---|" * len(heads) + "---|",
        *all_.rows,
        "",
        f"Somebody ill for a day, {len(repairs)} times: {hit} activities hit, {changed} changed,"
        f" {changed / max(hit, 1):.2f} times (goal 1.2); {sum(one.proven for one in repairs)} proven to be the fewest;"
        f" repaired in {statistics.median(one.seconds for one in repairs):.2f} s, at most {slow:.1f} s with what the"
        " solver is asked (goal 1 s).",
        "",
        "No plan (a stay too short, one bay and eight hours, prescribers away), seconds to a conflict and its ways out"
        " (goal 15): "
        + "; ".join(
            f"{size} patients "
            + ", ".join(f"{s:.1f}{'' if sure else ' (not shown to be minimal)'}" for s, sure in these)
            for size, these in all_.proofs
        )
        + f". Peak memory of both searches: {all_.peak:.0f} MB, with a conflict {all_.proof:.0f} MB (goal 300).",
    ]


def main() -> None:
    """Measure and print; write the part after each size unless it is quick."""
    asked = argparse.ArgumentParser()
    asked.add_argument("files", nargs="*", help="problems of the format, beside those that are drawn")
    asked.add_argument("--quick", action="store_true", help="two small problems, a few seconds; nothing is written")
    asked.add_argument("--seconds", type=float, nargs="+", default=None)
    asked.add_argument("--patients", type=int, nargs="+", default=None)
    asked.add_argument("--seeds", type=int, nargs="+", default=None)
    given = asked.parse_args()
    marks = sorted(given.seconds or ((3.0,) if given.quick else MARKS))
    sizes = given.patients or ((10, 20) if given.quick else SIZES)
    seeds = given.seeds or ((1,) if given.quick else SEEDS)
    found = Results()
    for file in given.files:
        raw = json.loads(Path(file).read_text(encoding="utf-8"))
        found.rows.append(_row(raw["name"], [measured(raw, marks)], marks, None))
        found.repairs += absences(raw)
    for size in sizes:
        raws = [drawn(size, seed) for seed in seeds]
        found.rows.append(_row(f"{size} drawn", [measured(raw, marks) for raw in raws], marks, FIRST_S.get(size)))
        for raw in raws:
            found.repairs += absences(raw)
        found.peak = max(found.peak, memory(raws[0], marks[0]))
        found.proof = max(found.proof, memory(_spoilt(raws[0], _prescribers_away), CONFLICT_S))
        found.proofs.append((size, conflicts(raws[0])))
        lines = report(marks, len(seeds), found)
        if not given.quick:
            write_part(HEADING, lines)
    print("\n".join([HEADING, "", *lines]))


if __name__ == "__main__":
    main()
