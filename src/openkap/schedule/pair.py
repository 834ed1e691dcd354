"""Two searches with different seeds, one on each core, that give each other the better plan now and then."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from openkap.schedule.ground import Ground
from openkap.schedule.placing import Kept
from openkap.schedule.search import Search
from openkap.schedule.types import Instance

MEETINGS = (0.4, 0.6, 0.75, 0.88, 1.0)  # parts of an annealing at which plans are exchanged
CYCLE = 80  # steps for each activity after which heating up again is worth more than cooling more slowly
MOST_CYCLES = 6
PACE = 1500  # steps a second that are reckoned with, to choose the number of annealings under a limit of time
PATIENCE = 5.0  # seconds to wait for the other before going on alone


def go(
    search: Search,
    *,
    until: float | None,
    steps: int | None,
    other: Connection | None = None,
    tell: Callable[[Search], bool] | None = None,
) -> bool:
    """
    Improve in stretches and meet the other search after each.

    Args:
        until: monotonic time; the clock is the same in all processes of a machine. steps: instead of it, for plans
            that can be made again.

    Returns:
        whether the other was there to the end.
    """
    began, before, done = time.monotonic(), 0.0, 0
    reckoned = steps if steps is not None else PACE * max((until or began) - began, 0.0)
    cycles = int(min(max(reckoned / (CYCLE * max(len(search.ground.items), 1)), 1), MOST_CYCLES))
    for cycle, heat in [(n, part) for n in range(cycles) for part in (MEETINGS if n == cycles - 1 else (1.0,))]:
        part = (cycle + heat) / cycles
        span = (before * cycles - cycle, heat)
        if steps is not None:
            share = round(steps * part) - done
            done += share
            search.run(steps=share, span=span, tell=tell)
        else:
            assert until is not None
            since = began + (until - began) * before
            search.run(until=began + (until - began) * part, since=since, span=span, tell=tell)
        before = part
        if tell is not None and tell(search):
            break
        if other is not None and not _meet(search, other, wait=None if steps is not None else PATIENCE):
            other = None
        if heat == 1.0 and search.best is not None:
            search.load(search.best)  # the next annealing begins from the best of both
    return other is not None


def _meet(search: Search, other: Connection, wait: float | None) -> bool:
    """Exchange the best plans; the better one is gone on with."""
    assert search.best is not None
    try:
        other.send(search.best)
        if not other.poll(wait):
            return False
        theirs: Kept = other.recv()
    except (OSError, EOFError):
        return False
    if theirs.value < search.best.value - 1e-9:
        search.load(theirs)
        search.best = theirs
    return True


class Partner:
    """The search in the other process."""

    def __init__(self, instance: Instance, first: Kept, seed: int, until: float | None, steps: int | None):
        # A fresh interpreter, for a fork in a server with threads may hang.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_second, args=(theirs, instance, first, seed, until, steps), daemon=True, name="openkap-schedule"
        )
        self.process.start()
        theirs.close()

    def end(self) -> None:
        """Stop it, whatever it does."""
        self.pipe.close()
        self.process.join(0.2)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _second(
    pipe: Connection, instance: Instance, first: Kept, seed: int, until: float | None, steps: int | None
) -> None:
    search = Search(Ground(instance), seed)
    search.fix()
    search.load(first)
    search.best = first
    go(search, until=until, steps=steps, other=pipe)
