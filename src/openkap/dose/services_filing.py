"""Readings taken before a dose are facts of the chart: the screening of the dose day rests on them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from openkap.chart import services as chart
from openkap.chart.fhir.statement import Author, statement
from openkap.chart.models import Record
from openkap.chart.selectors import history_of, version_of
from openkap.dose import store
from openkap.dose.library import shipped
from openkap.dose.models import DosingSession
from openkap.dose.session import Session
from openkap.dose.types import Reading
from openkap.people.audit import Origin
from openkap.people.types import Principal

WHY = "read at the chair before the dose"


def file_readings(principal: Principal, row: DosingSession, session: Session, origin: Origin | None = None) -> int:
    """
    Write the readings of before the first dose into the chart, each once; one that was struck is taken back there too.

    Values of under the drug are none of the resting values that rules read, and stay in the session.

    Args:
        session: with its clock at now.

    Returns:
        How many records were written.
    """
    facts = {one.name: one.fact for one in shipped().readings.measure if one.fact}
    read = [r for r in session.readings if r.measure in facts]
    kept = _kept(row, read)
    new = [r for r in read if not r.voided and _id(r) not in kept and _before_the_dose(session, r)]
    resources = [_observation(row, session, r, facts[r.measure]) for r in new]
    if resources:
        chart.add_records(principal, row.patient, resources, by="staff", reason=WHY, origin=origin)
    struck = [r for r in read if r.voided and kept.get(_id(r)) == "final"]
    for reading in struck:
        _take_back(principal, row, reading, origin)
    return len(resources) + len(struck)


def _before_the_dose(session: Session, reading: Reading) -> bool:
    return not session.given or reading.taken_s < session.given[0].started.elapsed_s


def _id(reading: Reading) -> str:
    """The id of the record of a reading: its key, as FHIR lets an id be."""
    return "".join(c if c.isalnum() or c in "-." else "-" for c in reading.id)[:64]


def _kept(row: DosingSession, readings: list[Reading]) -> dict[str, str]:
    """Status of the newest version of each record, by id."""
    ids = [_id(r) for r in readings]
    found = Record.objects.filter(patient=row.patient_id, resource_type="Observation", logical_id__in=ids)
    return {r.logical_id: msgspec.json.decode(r.content)["status"] for r in found.order_by("version")}


def _observation(row: DosingSession, session: Session, reading: Reading, fact: str) -> dict[str, Any]:
    assert session.clock is not None
    taken = session.clock.at - timedelta(seconds=session.now_s - reading.taken_s)
    local = taken.astimezone(store.zone_of(row.site))
    author = Author(reading.by.id, reading.by.name)  # who read it, not who has the screening judged
    made = statement(str(row.patient_id), fact, reading.quantity.value, local.date(), author, note=WHY)
    return {**made, "id": _id(reading), "effectiveDateTime": local.isoformat(timespec="seconds")}


def _take_back(principal: Principal, row: DosingSession, reading: Reading, origin: Origin | None) -> None:
    record = history_of(row.patient, "Observation", _id(reading))[-1]
    content = msgspec.json.decode(record.content) | {"status": "entered-in-error"}
    version = version_of(row.patient)
    chart.amend(
        principal, row.patient, record, content, expected_version=version, reason=reading.voided[:500], origin=origin
    )
