"""What a tablet may send from its queue: nothing that gives, orders, draws, checks or signs out."""

from __future__ import annotations

from uuid import uuid4

import pytest

from openkap.dose import events as e
from openkap.kernel.errors import UserError
from openkap.web.dose.chair import wire

GIVES = (e.Start, e.DrawUp, e.CheckDraw, e.SignOrder, e.PassGate, e.UseDevice, e.Finish, e.Discharge, e.Leave)


@pytest.mark.hazard("HAZ-14", "C3")
@pytest.mark.parametrize("kind", GIVES)
def test_a_step_of_a_dose_never_comes_from_a_queue_that_may_be_hours_old(kind: type[e.Event]):
    assert kind.__name__ not in wire.KINDS
    assert kind not in {event for _shape, event in wire.KINDS.values()}
    entry = wire.Entry(key=str(uuid4()), kind=kind.__name__, fields={})
    with pytest.raises(UserError, match="is nothing that is entered on this page"):
        wire.event_of(entry, "p1", lambda _: None)
