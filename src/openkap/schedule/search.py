"""
Ruin and recreate with annealing: take some of the plan away, put it back where it costs least, keep it or not.

The plan keeps every rule at every moment, so the search can be stopped whenever somebody wants. With a given number of
steps the same seed gives the same plan; under a limit of time it gives as good a plan as the machine had time for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from openkap.schedule.ground import Ground
from openkap.schedule.ruin import Ruin

SWEEP = 15.0  # a programme built anew that is so much too dear is looked through once more before it is given up
HOT, COLD = 12.0, 0.3  # temperatures in units of the objective: a switch of therapist is about three at the start


RUINS = ("patients", "run", "day", "therapist", "one", "bench", "groups", "wish", "push", "return")


class Search(Ruin):
    """One search on one board."""

    def __init__(self, ground: Ground, seed: int):
        super().__init__(ground, seed)
        self.tries = {name: [0, 0] for name in RUINS}

    def run(
        self,
        *,
        until: float | None = None,
        steps: int | None = None,
        since: float | None = None,
        heat: tuple[float, float] = (HOT, COLD),
        span: tuple[float, float] = (0.0, 1.0),
        tell: Callable[[Search], bool] | None = None,
    ) -> None:
        """
        Improve the plan.

        Args:
            until: monotonic time at which to stop. steps: number of steps after which to stop; the same seed and
                steps give the same plan.
            since: when this part of the annealing began.
            heat: first and last temperature of the whole annealing. span: which part of it this is.
            tell: called now and then; True stops.
        """
        board, rng = self.board, self.rng
        began = time.monotonic() if since is None else since
        if self.best is None:
            self.best = self.keep()
        hot, cold = heat
        low, high = span
        value, temperature = board.value(), hot
        count = 0
        while True:
            if steps is not None:
                if count >= steps:
                    break
                part = count / steps
            else:
                assert until is not None
                now = time.monotonic()
                if now >= until:
                    break
                part = (now - began) / (until - began)
            if count & 63 == 0 and tell is not None and tell(self):
                break
            count += 1
            temperature = hot * (cold / hot) ** (low + (high - low) * part)
            board.mark()
            gaps = board.gaps
            self.hopeless = gaps == 0
            self.limit = value - temperature * math.log(1.0 - rng.random())
            name, whole = self.step()
            if self.hopeless and not whole:
                board.back()
                continue
            new = board.value()
            if new <= value or (board.gaps <= gaps and new <= self.limit):
                value = new
                if new < self.best.value - 1e-9:
                    self.best = self.keep()
                    self.tries[name][1] += 1
            else:
                board.back()
        self.steps += count
        self.hopeless = False
        board.mark()

    def step(self) -> tuple[str, bool]:
        """One ruin and its recreation; the name of the ruin, and whether nothing is missing of those it touched."""
        rng, board, chooser = self.rng, self.board, self.chooser
        chooser.main = chooser.barred = -1
        chooser.early = 0.0
        if not self.loose:
            return "one", True
        patient = rng.choice(self.loose)
        if board.gaps and rng.random() < 0.7:
            patient = rng.choice([p for p in self.loose if board.missing[p]] or self.loose)
        draw = rng.random()
        strayed = self.strayed() if self.could_stay and board.changed > self.forced else []
        if strayed and not board.gaps and rng.random() < 0.6:
            name, touched = "return", self.take_return(rng.choice(strayed))
        elif board.missing[patient] and rng.random() < 0.5:
            name, touched = "push", self.take_push(patient)
        elif board.missing[patient] or draw < 0.12:
            name, touched = "patients", self.take_patients(patient)
        elif draw < 0.15:
            name, touched = "wish", self.take_wish(patient)
        elif draw < 0.40:
            name, touched = "run", self.take_run(patient)
        elif draw < 0.55:
            name, touched = "day", self.take_day(patient)
        elif draw < 0.65:
            name, touched = "therapist", self.take_therapist(patient)
        elif draw < 0.80:
            name, touched = "one", self.take_one(patient)
        elif draw < 0.92:
            name, touched = "bench", self.take_bench()
        else:
            name, touched = "groups", self.take_groups(patient)
        self.tries[name][0] += 1
        whole = True
        self.slack = SWEEP if name in ("wish", "patients", "therapist") else 0.0
        if name == "wish":
            for one in touched:
                chooser.main = self.ground.preferred[one]
                whole = self.fill([one], shuffle=rng.choice((0.0, 2.0))) and whole
                if self.hopeless and not whole:
                    break
        elif name == "patients":
            for one in touched:
                chooser.main = self.draw_therapist(one)
                chooser.early = rng.choice((0.02, 0.2, 0.7, 2.0, 6.0))
                whole = self.fill([one]) and whole
                if self.hopeless and not whole:
                    break
        else:
            whole = self.fill(touched, shuffle=rng.choice((0.0, 0.0, 2.0, 20.0)))
        if self.slack and self.hopeless and whole and self.limit < board.value() < self.limit + self.slack:
            self.sweep(touched)
        return name, whole

    def sweep(self, patients: list[int]) -> None:
        """Look for a better place for each activity of these patients in turn, until the plan is cheap enough."""
        board, items, chooser = self.board, self.ground.items, self.chooser
        chooser.early = 0.0
        chooser.pending = set()
        for patient in patients:
            for n in self._placed(patient):
                spot = board.spot[n]
                assert spot is not None
                board.remove(n)
                found = chooser.find(items[n])
                board.place(n, spot if found is None else found[1])
                if board.value() <= self.limit:
                    return
