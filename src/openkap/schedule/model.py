"""
The planning problem as a constraint model in which every named constraint can be left out (OR-Tools CP-SAT).

Used for proofs and explanations; plans come from `search`. OR-Tools is loaded only where a model is built.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from openkap.schedule.ground import Event, Ground, Item
from openkap.schedule.sieve import Count, Sieve
from openkap.schedule.types import DAY

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

FEW = 3  # people offered for a requirement in a narrow model
FEASIBLE, INFEASIBLE, UNKNOWN = "feasible", "infeasible", "unknown"


@dataclass
class Found:
    """What the solver said, and with `feasible` where things stand: start and people of each activity."""

    status: str
    starts: dict[int, int] = field(default_factory=dict)  # item -> unit
    people: dict[int, tuple[int, ...]] = field(default_factory=dict)
    excess: int = 0  # of the softened constraint
    least: bool = False  # whether less excess is proven to be impossible
    going: list[tuple[int, int]] = field(default_factory=list)  # patient and group
    work: float = 0.0  # of the solver, in its own count


def names(ground: Ground, patients: Collection[int], only: Collection[str] = ()) -> list[str]:
    """Ids of every constraint that says something about these patients."""
    instance, sieve = ground.instance, Sieve(ground, frozenset())
    found: dict[str, None] = {}
    staff: set[int] = set()
    on_duty: set[int] = set()
    for p in patients:
        mine = [ground.items[n] for n in ground.of_patient[p] if not only or ground.items[n].id in only]
        if mine or ground.wanted[p]:
            found[f"patient:{ground.patients[p].id}:availability"] = None
            found[f"patient:{ground.patients[p].id}:one_at_a_time"] = None
        for item in mine:
            activity = sieve.activity(item)
            if activity.window is not None:
                found[f"activity:{item.id}:window"] = None
            if any(need.credentials for need in activity.staff):
                found[f"activity:{item.id}:credential"] = None
            for need in activity.staff:
                staff |= {n for n, one in enumerate(ground.staff) if one.role == need.role}
            if activity.room_kind:
                found[f"room_kind:{activity.room_kind}:capacity"] = None
            for role in activity.monitored_by:
                found[f"ratio:{role}"] = None
            for role in activity.on_site:
                found[f"on_site:{role}"] = None
            roles = {*activity.monitored_by, *activity.on_site}
            on_duty |= {n for n, one in enumerate(ground.staff) if one.role in roles}
        if ground.wanted[p] and not only:
            for event in instance.group_events:
                staff |= {n for n, one in enumerate(ground.staff) if one.role == event.role}
                found[f"room_kind:{event.room_kind}:capacity"] = None
    for n in sorted(staff | on_duty):
        found[f"staff:{ground.staff[n].id}:shifts"] = None
        if n in staff:
            found[f"staff:{ground.staff[n].id}:one_at_a_time"] = None
    inside = {ground.items[n].id for p in patients for n in ground.of_patient[p]}
    for lag in instance.lags:
        both = lag.before in inside and lag.after in inside
        if both and (not only or (lag.before in only and lag.after in only)):
            found[f"lag:{lag.id}:min"] = None
            if lag.at_most is not None:
                found[f"lag:{lag.id}:max"] = None
    return list(found)


def items_of(ground: Ground, patients: Collection[int], only: Collection[str] = ()) -> list[Item]:
    """Activities of some patients, or those of them that are named."""
    found = (ground.items[n] for p in sorted(patients) for n in ground.of_patient[p])
    return [item for item in found if not only or item.id in only]


def crowded(ground: Ground, patients: Collection[int], kept: Collection[str], only: Collection[str] = ()) -> bool:
    """Whether a count alone shows that these patients cannot be planned under the constraints that are kept."""
    return Count(Sieve(ground, frozenset(kept)), items_of(ground, patients, only)).crowded()


class Model:
    """One model: some patients with all they need, and the constraints that are kept."""

    def __init__(
        self,
        ground: Ground,
        patients: Collection[int],
        kept: Collection[str],
        *,
        only: Collection[str] = (),
        soft: str | None = None,
        narrow: bool = False,
        may: Collection[int] | None = None,
        most: int | None = None,
    ):
        """
        Build it.

        Args:
            patients: whose activities. kept: ids of constraints that hold. only: ids of the only activities looked at.
            soft: one constraint that may give way, as little as possible.
            narrow: offer each requirement only a few people. Quicker; only `feasible` then says something.
            may: the only activities that may leave their place in the published plan; None is every one.
            most: so many of them do so at most.
        """
        from ortools.sat.python import cp_model

        self.cp = cp_model
        self.ground, self.soft, self.narrow = ground, soft, narrow
        self.sieve = Sieve(ground, frozenset(kept), soft, may)
        self.model = cp_model.CpModel()
        self.patients = sorted(patients)
        self.items = items_of(ground, self.patients, only)
        self.at: dict[int, cp_model.IntVar] = {}
        self.by: dict[int, list[dict[int, cp_model.IntVar]]] = {}
        self.work: dict[int, list[tuple[cp_model.IntervalVar, int, int]]] = {}  # interval, first and last unit
        self.rooms: dict[int, list[cp_model.IntervalVar]] = {}
        self.watched: dict[int, list[cp_model.IntervalVar]] = {}
        self.visits: dict[int, list[cp_model.IntervalVar]] = {}
        self.excess: list[Any] = []
        self.going: dict[tuple[int, int], Any] = {}  # (patient, event) -> literal
        self.leads: dict[int, list[Any]] = {}  # person -> units of groups led
        for item in self.items:
            self._add(item)
        if not only:
            self._groups()
        self._lags()
        self._resources()
        if most is not None:
            self._change(most)
        if not narrow and Count(self.sieve, self.items).crowded():
            self.model.add_bool_or([])  # the solver alone would search for hours for what a count shows
        if self.excess:
            self.model.minimize(sum(self.excess))

    # -- pieces -----------------------------------------------------------------------------------

    def _has(self, name: str) -> bool:
        return self.sieve.has(name)

    def _domain(self, mask: int) -> cp_model.Domain:
        spans = []
        while mask:
            low = (mask & -mask).bit_length() - 1
            run = mask >> low
            length = ((run + 1) & ~run).bit_length() - 1
            spans.append([low, low + length - 1])
            mask &= -1 << low + length
        return self.cp.Domain.from_intervals(spans)

    def _change(self, most: int) -> None:
        """Let so many published placements change at most."""
        changed = []
        for item in self.items:
            if item.was is None or self.sieve.stays(item):
                continue
            start, people = item.was
            changes = self.model.new_bool_var("")
            self.model.add(self.at[item.number] == start).only_enforce_if(~changes)
            for choice, one in zip(self.by[item.number], people, strict=False):
                self.model.add_bool_or([changes, choice[one]] if one in choice else [changes])
            if len(people) != len(item.needs):
                self.model.add_bool_or([changes])
            changed.append(changes)
        self.model.add(sum(changed) <= most)

    def _add(self, item: Item) -> None:
        model, sieve, activity = self.model, self.sieve, self.sieve.activity(item)
        strict, wide = sieve.starts(item), sieve.starts(item, self.soft)
        if not wide:
            model.add_bool_or([])
            wide = strict = 1
        start = self.at[item.number] = model.new_int_var_from_domain(self._domain(wide), item.id)
        if strict != wide:
            inside = model.new_bool_var("")
            if strict:
                model.add_linear_expression_in_domain(start, self._domain(strict)).only_enforce_if(inside)
            else:
                model.add(inside == 0)
            self.excess.append(1 - inside)
        self.by[item.number] = [self._choice(item, k, start, wide) for k in range(len(item.needs))]
        self.visits.setdefault(item.patient, []).append(model.new_fixed_size_interval_var(start, item.hold, ""))
        if activity.room_kind and self._has(f"room_kind:{activity.room_kind}:capacity"):
            self._room(activity.room_kind, start, item.length, None, tuple(pool for pool, _ in item.pools))
        for pool in item.watched:
            self.watched.setdefault(pool, []).append(model.new_fixed_size_interval_var(start, item.length, ""))

    def _choice(self, item: Item, need: int, start: Any, wide: int) -> dict[int, cp_model.IntVar]:
        """Who takes one part of an activity: exactly one of those who can."""
        model, sieve = self.model, self.sieve
        choice: dict[int, cp_model.IntVar] = {}
        begins, ends = item.needs[need].begins, item.needs[need].ends
        able = sieve.takes(item, need)
        turn = item.number % max(1, len(able))  # so that a narrow choice spreads the work
        for n in (*able[turn:], *able[:turn]):
            if len(choice) == FEW and self.narrow:
                break
            can = sieve.duty(n, begins, ends) & wide
            if not can:
                continue
            taken = choice[n] = model.new_bool_var("")
            if can != wide:
                model.add_linear_expression_in_domain(start, self._domain(can)).only_enforce_if(taken)
            if self.soft == f"staff:{self.ground.staff[n].id}:shifts":
                self._late(start, taken, sieve.duty(n, begins, ends, shifts=True) & wide, can)
            interval = model.new_optional_fixed_size_interval_var(start + begins, ends - begins, taken, "")
            first, last = (can & -can).bit_length() - 1 + begins, can.bit_length() - 1 + ends
            self.work.setdefault(n, []).append((interval, first, last))
        if choice:
            model.add_exactly_one(choice.values())
        else:
            model.add_bool_or([])
        return choice

    def _late(self, start: Any, taken: Any, on: int, can: int) -> None:
        """Whoever takes it may do so off shift, where that is the constraint that gives way; it costs."""
        if on == can:
            return
        model, late = self.model, self.model.new_bool_var("")
        if on:
            model.add_linear_expression_in_domain(start, self._domain(on)).only_enforce_if(taken, ~late)
        else:
            model.add_implication(taken, late)
        self.excess.append(late)

    def _room(self, kind: str, start: Any, length: int, present: Any, pools: tuple[int, ...] | None = None) -> None:
        """One of these pools, or of all of a kind."""
        ground, model = self.ground, self.model
        if pools is None:
            pools = ground.of_kind.get(kind, ())
        if not pools:
            model.add_bool_or([] if present is None else [~present])
            return
        literals = []
        for pool in pools:
            size = length + ground.pools[pool].turnover
            if len(pools) == 1 and present is None:
                interval = model.new_fixed_size_interval_var(start, size, "")
            else:
                here = present if len(pools) == 1 else model.new_bool_var("")
                literals.append(here)
                interval = model.new_optional_fixed_size_interval_var(start, size, here, "")
            self.rooms.setdefault(pool, []).append(interval)
        if len(pools) > 1:
            if present is None:
                model.add_exactly_one(literals)
            else:
                model.add(sum(literals) == 1).only_enforce_if(present)

    def _groups(self) -> None:
        ground, model = self.ground, self.model
        wanting = [p for p in self.patients if ground.wanted[p]]
        if not wanting or ground.instance.coverage != "all":
            return
        going: dict[int, dict[int, Any]] = {p: {} for p in wanting}
        for event in ground.events:
            guests = {}
            for p in wanting:
                if self._may_attend(p, event):
                    guests[p] = going[p][event.number] = self.going[p, event.number] = model.new_bool_var("")
            if not guests:
                continue
            held = model.new_bool_var("")
            for literal in guests.values():
                model.add_implication(literal, held)
            model.add(sum(guests.values()) <= event.capacity)
            leaders = {}
            offered = ground.instance.group_events[event.number]
            for n, person in enumerate(ground.staff):
                if person.role != offered.role or ground.worn[n]:
                    continue
                if self.sieve.duty(n, 0, event.length) >> event.start & 1:
                    literal = leaders[n] = model.new_bool_var("")
                    self.leads.setdefault(n, []).append(event.length * literal)
                    interval = model.new_optional_fixed_size_interval_var(event.start, event.length, literal, "")
                    self.work.setdefault(n, []).append((interval, event.start, event.start + event.length))
            model.add(sum(leaders.values()) == 1).only_enforce_if(held)
            if self._has(f"room_kind:{offered.room_kind}:capacity"):
                self._room(offered.room_kind, event.start, event.length, held)
            for p, literal in guests.items():
                size = event.length + ground.gap
                interval = model.new_optional_fixed_size_interval_var(event.start, size, literal, "")
                self.visits.setdefault(p, []).append(interval)
        for p in wanting:
            model.add(sum(going[p].values()) == ground.wanted[p])
            for day in {ground.events[n].day for n in going[p]}:
                model.add(sum(one for n, one in going[p].items() if ground.events[n].day == day) <= 1)

    def _may_attend(self, patient: int, event: Event) -> bool:
        ground = self.ground
        offered, who = ground.instance.group_events[event.number], ground.patients[patient]
        start, end = offered.start, offered.start + offered.duration
        low, high = ground.instance.opening
        base = ground.instance.baseline
        if not (event.day * DAY + low <= start and end <= event.day * DAY + high) or (base and start < base.now):
            return False
        if self._has(f"patient:{who.id}:availability"):
            away = any(start < b and a < end for a, b in who.unavailable)
            return who.stay[0] <= start and end <= who.stay[1] and not away
        return True

    def _lags(self) -> None:
        ground, model = self.ground, self.model
        numbers = {item.id: item for item in self.items}
        for lag in ground.instance.lags:
            before, after = numbers.get(lag.before), numbers.get(lag.after)
            if before is None or after is None:
                continue
            gap = self.at[after.number] - self.at[before.number]
            shift = before.length if lag.from_point == "end" else 0
            low, high = (
                shift + ground.up(lag.at_least),
                None if lag.at_most is None else shift + ground.down(lag.at_most),
            )
            if self._has(f"lag:{lag.id}:min"):
                model.add(gap >= low)
            elif self.soft == f"lag:{lag.id}:min":
                short = model.new_int_var(0, 4 * ground.size, "")
                model.add(gap >= low - short)
                self.excess.append(short)
            if high is not None and self._has(f"lag:{lag.id}:max"):
                model.add(gap <= high)
            elif high is not None and self.soft == f"lag:{lag.id}:max":
                more = model.new_int_var(0, 4 * ground.size, "")
                model.add(gap <= high + more)
                self.excess.append(more)

    def _resources(self) -> None:
        ground, model = self.ground, self.model
        for p, visits in self.visits.items():
            if self._has(f"patient:{ground.patients[p].id}:one_at_a_time"):
                model.add_no_overlap(visits)
        for n, work in self.work.items():
            once = self._has(f"staff:{ground.staff[n].id}:one_at_a_time")
            if once:
                model.add_no_overlap([one for one, _, _ in work])
            for low, high, minutes in ground.pauses[n]:
                near = [one for one, first, last in work if first < high and low < last]
                if not near:
                    continue
                pause = model.new_fixed_size_interval_var(model.new_int_var(low, high - minutes, ""), minutes, "")
                if once:
                    model.add_no_overlap([*near, pause])
                else:
                    for one in near:
                        model.add_no_overlap([one, pause])
        for pool, uses in self.rooms.items():
            model.add_cumulative(uses, [1] * len(uses), len(ground.pools[pool].rooms))
        for pool, uses in self.watched.items():
            role = ground.pools[pool].name
            if self._has(f"ratio:{role}"):
                most, fillers = _absent(self.sieve, role)
                blocks = [model.new_fixed_size_interval_var(low, high - low, "") for low, high, _ in fillers]
                model.add_cumulative([*uses, *blocks], [1] * len(uses) + [lack for _, _, lack in fillers], most)

    # -- asking -----------------------------------------------------------------------------------

    def solve(self, seconds: float, *, work: float | None = None, small: bool = False) -> Found:
        """
        Ask; `unknown` where the time ended first, which says nothing.

        Args:
            work: a bound in the solver's own count, by which the answer is the same every time.
            small: one plain search, which is done before two have begun where little is asked.
        """
        cp_model = self.cp
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = max(seconds, 0.01)
        solver.parameters.cp_model_probing_level = 0  # probing costs seconds a pass and finds nothing here
        solver.parameters.symmetry_level = 0  # and so does this
        solver.parameters.num_workers = 1 if small or work is not None else 2
        if small:
            solver.parameters.linearization_level = 0
        if work is not None:
            solver.parameters.max_deterministic_time = work
        solver.parameters.random_seed = 1
        code = solver.solve(self.model)
        if code == cp_model.INFEASIBLE:
            return Found(INFEASIBLE, work=_work(solver))
        if code not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Found(UNKNOWN, work=_work(solver))
        starts = {n: solver.value(var) for n, var in self.at.items()}
        people = {
            n: tuple(next(p for p, one in choice.items() if solver.boolean_value(one)) for choice in choices)
            for n, choices in self.by.items()
        }
        going = [pair for pair, literal in self.going.items() if solver.boolean_value(literal)]
        excess, least = int(solver.objective_value) if self.excess else 0, code == cp_model.OPTIMAL
        return Found(FEASIBLE, starts, people, excess, least, going, _work(solver))


def _work(solver: Any) -> float:
    return float(solver.response_proto.deterministic_time)


def _absent(sieve: Sieve, role: str) -> tuple[int, list[tuple[int, int, int]]]:
    """The most that can be watched at any time, and the stretches with how many fewer."""
    ground, masks = sieve.ground, sieve.watchers(role)
    ratio = ground.instance.monitor_ratio[role]
    edges = sorted({0, ground.size, *_edges(masks, ground.size)})
    counts = [(low, high, ratio * sum(mask >> low & 1 for mask in masks)) for low, high in pairwise(edges)]
    most = max((count for _, _, count in counts), default=0)
    return most, [(low, high, most - count) for low, high, count in counts if count < most]


def _edges(planes: Collection[int], size: int) -> Iterator[int]:
    """Units at which one of the planes changes."""
    for plane in planes:
        change = (plane ^ plane << 1) & ((1 << size) - 1)
        while change:
            yield (change & -change).bit_length() - 1
            change &= change - 1
