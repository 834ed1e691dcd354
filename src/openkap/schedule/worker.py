"""A search in a process of its own, so that a server goes on answering; it says how far it is, and stops when told."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from openkap.schedule.beside import apart
from openkap.schedule.solve import Answer, Glimpse, solve
from openkap.schedule.types import Instance, Plan

STOP = "stop"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a search stands; `status` is empty while it goes on.

    Args:
        plan: the best so far, as JSON; empty where there is none that may be shown. because: of a conflict.
    """

    seconds: float
    objective: float
    missing: int
    terms: dict[str, int] = {}
    plan: str = ""
    status: str = ""
    conflict: dict[str, Any] | None = None


def search(
    instance: Instance,
    start: Plan | None,
    seconds: float,
    seed: int,
    told: Callable[[Told], bool],
    *,
    processes: int = 2,
) -> Told:
    """Search here and now; `told` is called about once a second and returns True when it is good enough."""

    def look(one: Glimpse) -> bool:
        plan = msgspec.json.encode(apart(one.plan)).decode() if one.terms else ""
        return told(Told(seconds=one.seconds, objective=one.objective, missing=one.missing, terms=one.terms, plan=plan))

    return _told(solve(instance, seconds=seconds, start=start, seed=seed, processes=processes, look=look))


def _told(answer: Answer) -> Told:
    return Told(
        seconds=answer.seconds,
        objective=answer.objective,
        missing=answer.left_out,
        terms=answer.terms,
        plan=msgspec.json.encode(apart(answer.plan)).decode() if answer.status == "feasible" else "",
        status=answer.status,
        conflict=answer.conflict.document() if answer.conflict else None,
    )


@contextmanager
def searching(instance: Instance, start: Plan | None, seconds: float, seed: int) -> Iterator[Connection]:
    """The line to a search in another process; it ends with the block, whatever it does."""
    context = multiprocessing.get_context("spawn")  # a fork in a server with threads may hang
    ours, theirs = context.Pipe()
    begin = None if start is None else msgspec.json.encode(start)
    process = context.Process(
        target=_work, args=(theirs, msgspec.json.encode(instance), begin, seconds, seed), name="openkap-retreat"
    )
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(2.0)
        if process.is_alive():
            process.kill()
            process.join()


def _work(pipe: Connection, instance: bytes, start: bytes | None, seconds: float, seed: int) -> None:
    def told(one: Told) -> bool:
        try:
            pipe.send(one)
            return pipe.poll() and pipe.recv() == STOP
        except (OSError, EOFError):
            return True  # nobody listens any more

    begin = None if start is None else msgspec.json.decode(start, type=Plan)
    answer = search(msgspec.json.decode(instance, type=Instance), begin, seconds, seed, told)
    told(answer)
