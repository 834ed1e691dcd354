"""
Draws up a dose, gives it and ends it, and is killed at every statement of each of these acts.

    python tests/crash/doser.py ROUTE     a line for each act: its name, at how many places it was killed; then faults

Each attempt is a process of its own that kills itself (SIGKILL) before its n-th statement, before or after its commit;
what it left is held against the drug ledger. Then comes the next place, until an attempt gets through.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.db import connections  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402

from openkap.dose import events as e  # noqa: E402
from openkap.dose import ledger, orders, selectors_ledger, store  # noqa: E402
from openkap.dose.models import DosingSession, SessionEvent  # noqa: E402
from openkap.dose.models_ledger import Posting  # noqa: E402
from openkap.dose.tests.sessions import PER_ML, STEP_ML  # noqa: E402
from openkap.dose.tests.ward import Ward  # noqa: E402
from openkap.kernel.quantity import DoseMg  # noqa: E402
from openkap.people import audit  # noqa: E402
from openkap.project.start import open_database  # noqa: E402
from tests.database import make_clinic  # noqa: E402


def main(route: Any) -> None:
    """Every act of a dose in turn."""
    open_database()
    ward = Ward(make_clinic(), route=route).to_ready()
    made = ward.session.order
    assert made is not None
    tried("draw", ward, draws(ward, made))
    ward.do(e.CheckDraw, ward.second, per_ml=PER_ML)
    ward.do(e.ConfirmPerson, name=ward.session.person.name, born=ward.session.person.born)
    tried("start", ward, lambda: ward.start(key="start"))
    if route == "iv":
        ward.later(600)
        tried("stop", ward, lambda: ward.act(e.Stop, key="stop", reason="enough", given_mg=half))


def draws(ward: Ward, made: Any) -> Callable[[], Any]:
    """The drawing up, under one key."""
    return lambda: ward.act(e.DrawUp, key="draw", draw=lambda by, *_: orders.drawn(made, "LOT-7", PER_ML, STEP_ML, by))


def half(_by: Any, session: Any, _now: Any) -> DoseMg:
    """What went in when it was stopped."""
    return DoseMg(session.given[-1].mg.mg / 2)


def tried(name: str, ward: Ward, act: Callable[[], Any]) -> None:
    """Kill the act at every place, and look after each what is left."""
    place, killed, faults = 0, 0, []
    while True:
        place += 1
        died = attempt(act, place)
        killed += died
        store.forget()
        faults += [f"{name} at {place}: {one}" for one in faults_of(ward)]
        if not died:
            break
    sys.stdout.write("\n".join([f"{name} {killed}", *faults, ""]))
    sys.stdout.flush()


def attempt(act: Callable[[], Any], place: int) -> bool:
    """Whether the act was killed, in a process of its own, before it came through."""
    connections.close_all()
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    passed = Counter[str]()

    def here() -> None:
        passed["places"] += 1
        if passed["places"] == place:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(execute: Any, *arguments: Any) -> Any:
        here()
        return execute(*arguments)

    commit = BaseDatabaseWrapper._commit

    def committed(self: Any) -> Any:
        here()
        done = commit(self)
        here()
        return done

    BaseDatabaseWrapper._commit = committed  # type: ignore[method-assign]
    with connections["default"].execute_wrapper(statement):
        done = act()
    assert done.refused is None, done.refused
    os._exit(0)


def faults_of(ward: Ward) -> list[str]:
    """Where log, ledger and trail of the session do not say the same."""
    row = DosingSession.objects.select_related("patient", "site").get(pk=ward.row.pk)
    session, _ = store.replayed(row)
    mine, found = Posting.objects.filter(site=row.site_id), []
    drawn = set(SessionEvent.objects.filter(session=row, kind="DrawUp").values_list("key", flat=True))
    if drawn != set(mine.filter(kind="draw", target_id=str(row.pk)).values_list("key", flat=True)):
        found.append("the log and the ledger differ in what was drawn")
    given: Counter[str] = Counter()
    for dose in session.given:
        given[dose.lot] += ledger.micrograms(dose.given_mg) if dose.given_mg else 0
    posted: Counter[str] = Counter()
    for one in mine.filter(kind="give", target_id=str(row.pk)).select_related("lot"):
        posted[one.lot.label] += one.ug
    if +given != +posted:
        found.append(f"the log says {dict(given)} was given, the ledger {dict(posted)}")
    found += selectors_ledger.faults(row.site_id) + audit.faults(row.site_id)
    return found


main(sys.argv[1])
