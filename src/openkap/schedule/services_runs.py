"""
Searches that somebody asked for: asked, watched, stopped, taken over. A search runs in a process of its own; a thread
of the server writes down how far it is. If the server ends, the search ends with it, and the page says so.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from openkap.kernel.errors import Conflict, UserError
from openkap.people.audit import Origin
from openkap.people.selectors import principal_of
from openkap.people.types import Principal
from openkap.schedule import hours, selectors
from openkap.schedule.beside import beside
from openkap.schedule.models import (
    BUILD,
    DONE,
    FAILED,
    REPAIR,
    RUNS,
    STOPPED,
    WAITS,
    Absence,
    Guest,
    Retreat,
    Run,
    Version,
)
from openkap.schedule.services import Published, problem, publish, with_past, write_version
from openkap.schedule.services_house import coordinates
from openkap.schedule.types import Instance, Plan
from openkap.schedule.worker import STOP, Told, search, searching

BUILD_S, REPAIR_S, MOST_S = 60, 12, 600
SILENT_S = 20  # a search that said nothing for so long has ended with its server
LOOK_S = 0.5
log = logging.getLogger("openkap.schedule")
_lines: dict[UUID, threading.Event] = {}


@transaction.atomic
def ask(
    principal: Principal | None,
    retreat: Retreat,
    *,
    kind: str = BUILD,
    absence: Absence | None = None,
    seconds: int | None = None,
    seed: int = 1,
    whole: bool = True,
    origin: Origin | None = None,
) -> Run:
    """
    Ask for a plan, or for the smallest repair of the one that was published.

    Args:
        seed: another one may find another plan. whole: everything must be placed, else what cannot be is left out.

    Raises:
        Forbidden: by someone who may not. Conflict: a search of this retreat runs. UserError: nothing was published
            that could be repaired, or the problem cannot be read.
    """
    coordinates(principal)
    Retreat.objects.select_for_update(no_key=True).get(pk=retreat.pk)
    going = selectors.last_run(retreat)
    if going is not None and is_going(going):
        raise Conflict("A search of this retreat is going on: stop it first, or wait.")
    base, now = None, None
    if kind == REPAIR:
        base = selectors.published_of(retreat)
        if base is None:
            raise UserError("Nothing of this retreat was published: build a plan anew instead.")
        now = hours.minute(retreat.start, timezone.now(), ZoneInfo(retreat.site.zone))
    _, searched = problem(retreat, base, now)
    if not whole:
        searched = msgspec.structs.replace(searched, coverage="best_effort")
    asked = timezone.now()
    run = Run.objects.create(
        retreat=retreat,
        kind=kind,
        base=base if kind == REPAIR else selectors.draft_of(retreat),
        absence=absence,
        instance=msgspec.json.encode(searched).decode(),
        whole=whole,
        seconds=min(seconds or (REPAIR_S if kind == REPAIR else BUILD_S), MOST_S),
        seed=seed,
        asked_at=asked,
        asked_by_id=principal.user_id if principal else None,
        seen_at=asked,
    )
    transaction.on_commit(lambda: _start(run.pk))
    return run


def is_going(run: Run) -> bool:
    """Whether a search still says something."""
    return run.state in (WAITS, RUNS) and timezone.now() - run.seen_at < timedelta(seconds=SILENT_S)


def stop(principal: Principal, run: Run) -> None:
    """
    Say that the best plan so far is good enough.

    Raises:
        Forbidden: by someone who may not.
    """
    coordinates(principal)
    Run.objects.filter(pk=run.pk, state__in=(WAITS, RUNS)).update(stop=True)


# -- what came of it --------------------------------------------------------------------------------------


@transaction.atomic
def take_over(principal: Principal | None, run: Run, *, origin: Origin | None = None) -> Version:
    """
    Make the plan that was found the newest version.

    Raises:
        Forbidden: by someone who may not. Conflict: there is a newer version than the one it was made from.
        UserError: it found no plan, or was taken over before.
    """
    coordinates(principal)
    run = Run.objects.select_for_update(of=("self",)).select_related("retreat__site", "base").get(pk=run.pk)
    if not run.plan or run.result_id is not None:
        raise UserError("There is no plan here that could be taken over: ask for one anew.")
    searched, plan = selectors.decoded(run.instance), selectors.plan_of(run.plan)
    instance = msgspec.structs.replace(searched, baseline=None)
    reason = "built"
    if run.kind == REPAIR:
        assert run.base is not None and searched.baseline is not None
        whole, _ = problem(run.retreat)
        instance = msgspec.structs.replace(whole, coverage=searched.coverage)
        plan = with_past(whole, selectors.plan_of(run.base.plan), plan, searched.baseline.now)
        reason = "repaired"
    newest = selectors.draft_of(run.retreat)
    if run.kind == BUILD and (run.base_id or 0) != (newest.pk if newest else 0):
        raise Conflict("Somebody changed this retreat meanwhile: look at it as it is now, then build again.")
    version = write_version(principal, run.retreat, instance, plan, reason=reason, origin=origin)
    run.result = version
    run.save(update_fields=["result"])
    return version


@transaction.atomic
def accept(
    principal: Principal,
    run: Run,
    why_not: Callable[[Sequence[Guest]], list[str]],
    *,
    origin: Origin | None = None,
) -> Published:
    """
    Take a repair over and publish it, both or neither.

    Raises:
        as `take_over` and `services.publish`.
    """
    return publish(principal, take_over(principal, run, origin=origin), why_not, origin=origin)


# -- the search itself ------------------------------------------------------------------------------------


def run_here(run: Run, *, seconds: float | None = None) -> Run:
    """Search in this process until it ends: for a demonstration, and for tests."""
    start = _start_of(run)
    Run.objects.filter(pk=run.pk).update(state=RUNS, seen_at=timezone.now())
    answer = search(
        _problem_of(run),
        start,
        seconds or run.seconds,
        run.seed,
        lambda one: _keep(run.pk, one),
        processes=1,
    )
    _end(run.pk, answer)
    run.refresh_from_db()
    return run


def _problem_of(run: Run) -> Instance:
    """What is searched: the problem as it was asked, beside what the house holds now for anything else."""
    return beside(selectors.decoded(run.instance), selectors.holds(run.retreat))


def _start_of(run: Run) -> Plan | None:
    """Where a search begins: the plan that was published, or the draft, of which what still holds is kept."""
    return selectors.plan_of(run.base.plan) if run.base is not None else None


def _start(run_id: UUID) -> None:
    threading.Thread(target=_carry, args=(run_id,), name="retreat", daemon=True).start()


def _carry(run_id: UUID) -> None:
    over = _lines[run_id] = threading.Event()
    try:
        run = Run.objects.select_related("base", "retreat__site").get(pk=run_id)
        Run.objects.filter(pk=run_id).update(state=RUNS, seen_at=timezone.now())
        with searching(_problem_of(run), _start_of(run), run.seconds, run.seed) as line:
            while not over.is_set():
                if line.poll(LOOK_S):
                    told: Told = line.recv()
                    if told.status:
                        _end(run_id, told)
                        return
                    if _keep(run_id, told):
                        line.send(STOP)
                else:
                    Run.objects.filter(pk=run_id).update(seen_at=timezone.now())
    except Exception:  # whatever it is: the page must say that the search is over
        log.exception("retreat.failed")
        Run.objects.filter(pk=run_id).update(state=FAILED, seen_at=timezone.now())
    finally:
        _lines.pop(run_id, None)
        connection.close()


def _keep(run_id: UUID, told: Told) -> bool:
    """Write down how far it is; whether somebody has enough."""
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        run.course = [*run.course, [round(told.seconds, 1), told.objective, told.missing]]
        if told.plan:
            run.plan, run.terms = told.plan, told.terms
        run.seen_at = timezone.now()
        run.save(update_fields=["course", "plan", "terms", "seen_at"])
    return run.stop and bool(run.plan)


def _end(run_id: UUID, told: Told) -> None:
    """Write down what came of it. A plan that was built becomes the newest version where nothing newer stands."""
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        run.state = STOPPED if run.stop else DONE
        run.conflict = told.conflict
        if told.plan:
            run.plan, run.terms = told.plan, told.terms
            run.course = [*run.course, [round(told.seconds, 1), told.objective, told.missing]]
        run.seen_at = timezone.now()
        run.save()
    if run.kind == BUILD and told.plan:
        try:
            take_over(principal_of(run.asked_by) if run.asked_by else None, run)
        except UserError as why:  # somebody was quicker: the page offers it again
            log.info("retreat.not-taken", extra={"why": type(why).__name__})


@atexit.register
def _end_all() -> None:
    """Let no search outlive its server."""
    for over in list(_lines.values()):
        over.set()
