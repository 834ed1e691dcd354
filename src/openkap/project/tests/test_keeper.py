"""Checkpoints are kept when they are due."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openkap.people import audit, services
from openkap.people.audit import Event
from openkap.project.keeper import keep_due


@pytest.mark.hazard("HAZ-65", "C1")
def test_a_checkpoint_is_kept_after_five_minutes_or_a_thousand_events_and_only_if_something_happened(
    db: None, tmp_path: Path
):
    site, now = services.open_site("Am Fluss"), datetime.now(UTC)

    def happen(times: int) -> None:
        audit.record(site.pk, [Event("export", "R") for _ in range(times)])

    assert keep_due(tmp_path, now) == 0
    happen(1)
    assert keep_due(tmp_path, now) == 1
    happen(1)
    assert keep_due(tmp_path, now + timedelta(minutes=4)) == 0
    assert keep_due(tmp_path, now + timedelta(minutes=6)) == 1
    assert keep_due(tmp_path, now + timedelta(minutes=60)) == 0
    happen(1000)
    assert keep_due(tmp_path, now) == 1
    assert [point.sequence for point in audit.kept_checkpoints(tmp_path, site.pk)] == [1, 2, 1002]
    assert audit.faults(site.pk, audit.kept_checkpoints(tmp_path, site.pk)) == []
