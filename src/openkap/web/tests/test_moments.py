"""Instants in the database and on a page: exact, in every zone, and never one for another."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
import time_machine
from django.template import Context, Template
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from openkap.assess.models import OnCall
from openkap.kernel.clock import zone_data
from openkap.people import audit
from openkap.people.models import AuditEvent, Site
from openkap.people.types import Role
from openkap.project.start import note_zone_data
from tests.database import Clinic

FALL_BACK = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)  # 02:30 in Vienna, for the first time


@pytest.mark.hazard("HAZ-56", "C1")
@pytest.mark.goal("RG-12")
def test_an_instant_written_in_any_zone_is_read_back_exactly_and_two_instants_stay_two(clinic: Clinic):
    nurse, wrong = clinic.users[Role.NURSE], []
    rows, written = [], {}
    for number, name in enumerate(sorted(available_timezones())):
        zone = ZoneInfo(name)
        for hour in (0, 1):  # the same time on the wall where clocks go back that night
            moment = FALL_BACK + timedelta(days=number % 9 - 4, hours=hour, microseconds=number)
            rows.append(
                OnCall(
                    site=clinic.site,
                    user=nurse,
                    begins=moment.astimezone(zone),
                    ends=(moment + timedelta(hours=25)).astimezone(zone),
                    entered_at=moment.astimezone(zone),
                    entered_by=nurse,
                )
            )
            written[number, hour] = moment
    OnCall.objects.bulk_create(rows)
    kept = list(OnCall.objects.order_by("pk"))
    for row, moment in zip(kept, written.values(), strict=True):
        if (row.begins, row.ends - row.begins, row.begins.tzinfo) != (moment, timedelta(hours=25), UTC):
            wrong.append(row)
    assert wrong == []
    assert len(kept) == len(set(written.values())) > 1000


@pytest.mark.hazard("HAZ-56", "C1")
@pytest.mark.goal("RG-12")
@given(st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31)), st.sampled_from(sorted(available_timezones())))
def test_two_instants_are_never_shown_as_the_same_time(moment: datetime, name: str):
    first = moment.replace(tzinfo=UTC, second=0, microsecond=0)
    for apart in (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2)):
        assert shown(first, name) != shown(first + apart, name)


@pytest.mark.hazard("HAZ-56", "C1")
def test_the_zone_stands_beside_a_time_only_where_the_clocks_show_it_twice():
    texts = [shown(FALL_BACK + timedelta(hours=h), "Europe/Vienna") for h in range(-1, 3)]
    assert texts == [
        "Sun 31 Oct 2027, 01:30",
        "Sun 31 Oct 2027, 02:30 CEST",
        "Sun 31 Oct 2027, 02:30 CET",
        "Sun 31 Oct 2027, 03:30",
    ]
    assert re.fullmatch(r"\w{3} 31 Oct 2027", shown(FALL_BACK, "Europe/Vienna", "D j M Y"))


@pytest.mark.hazard("HAZ-56", "C1")
def test_every_page_is_in_the_time_of_the_site_whatever_the_zone_of_the_server(clinic: Clinic):
    Site.objects.filter(pk=clinic.site.pk).update(zone="Europe/Vienna")
    for hour in range(2):
        with time_machine.travel(FALL_BACK + timedelta(hours=hour), tick=False):
            audit.record(clinic.site.pk, [audit.Event("setting", "U", entity=f"Hour/{hour}")])
    with time_machine.travel(FALL_BACK + timedelta(hours=20), tick=False):
        page = clinic.client(Role.PRIVACY_LEAD).get("/audit/").content.decode()
    assert "31 Oct 2027, 02:30:00 CEST" in page
    assert "31 Oct 2027, 02:30:00 CET" in page
    assert "Times are those of Europe/Vienna." in page


@pytest.mark.hazard("HAZ-56", "C1")
def test_the_zone_data_that_instants_are_shown_by_is_recorded_once_for_each_version(clinic: Clinic, monkeypatch):
    def recorded() -> list[str]:
        return list(AuditEvent.objects.filter(site=clinic.site, type="setting").values_list("entity", flat=True))

    note_zone_data()
    note_zone_data()
    assert recorded() == [f"ZoneData/{zone_data()}"]
    assert re.fullmatch(r"20\d\d[a-z]?.*", zone_data())
    monkeypatch.setattr("openkap.project.start.zone_data", lambda: "2099z")
    note_zone_data()
    assert recorded()[-1] == "ZoneData/2099z"


def shown(moment: datetime, zone: str, how: str = "D j M Y, H:i") -> str:
    with timezone.override(ZoneInfo(zone)):
        return Template("{{ at|date:how }}").render(Context({"at": moment, "how": how}))
