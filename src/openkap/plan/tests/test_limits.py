"""Limits of dose and frequency, both sides of each."""

import inspect
import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, DoseMgPerKg
from openkap.plan import limits, regimens
from openkap.plan.choices import SiteMax
from openkap.plan.limits import beyond_never, frequency, limit_for, site_limits, within_limits

DEMO = site_limits("demonstration")
WIDE = {name: SiteMax(Decimal("1.0"), Decimal(100_000)) for name in ("DOS-IV", "DOS-SC", "DOS-IM", "DOS-PO")}
WIDE |= {name: SiteMax(mg=Decimal(10_000)) for name in ("DOS-SL", "DOS-IN")}
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


def levels(route, drug="ketamine", mg="1", per_kg=None, minutes=None, site=DEMO):
    found = within_limits(
        route,
        drug,
        DoseMg(Decimal(mg)) if mg else None,
        DoseMgPerKg(Decimal(per_kg)) if per_kg else None,
        Decimal(minutes) if minutes else None,
        site=site,
    )
    return [b.level for b in found]


@pytest.mark.hazard("HAZ-09", "C2")
@pytest.mark.parametrize(
    ("route", "mg", "per_kg", "minutes", "expected"),
    [
        ("iv", "50", "0.5", "40", []),
        ("iv", "50", "0.51", "40", ["site-max"]),
        ("iv", "50.1", "0.5", "40", ["site-max"]),
        ("iv", "50", "0.5", "39.9", ["duration"]),
        ("iv", "50", "0.5", None, ["bolus"]),
        ("sc", "100", "1.0", None, []),
        ("sc", "100", "1.01", None, ["never", "ceiling", "site-max"]),
        ("sc", "100.1", "1.0", None, ["site-max"]),
        ("im", "50", "0.5", None, []),
        ("im", "50", "0.51", None, ["site-max"]),
        ("im", "50.1", "0.5", None, ["site-max"]),
        ("im", "50", "1.99", None, ["ceiling", "site-max"]),
        ("im", "50", "2.0", None, ["never", "ceiling", "site-max"]),
        ("sublingual", "100", None, None, []),
        ("sublingual", "100.1", None, None, ["site-max"]),
        ("sublingual", "400", None, None, ["site-max"]),
        ("sublingual", "400.1", None, None, ["never", "ceiling", "site-max"]),
        ("oral", "50", "0.5", None, []),
        ("oral", "50", "0.51", None, ["site-max"]),
        ("oral", "50", "2.5", None, ["ceiling", "site-max"]),
        ("oral", "50", "2.51", None, ["never", "ceiling", "site-max"]),
    ],
)
def test_an_amount_is_judged_in_mg_and_in_mg_per_kg(route, mg, per_kg, minutes, expected):
    assert levels(route, mg=mg, per_kg=per_kg, minutes=minutes) == expected


def test_the_nasal_spray_ends_at_its_label():
    assert levels("nasal", "esketamine", mg="84") == []
    assert levels("nasal", "esketamine", mg="84.1") == ["never", "ceiling", "site-max"]


@pytest.mark.parametrize(
    ("per_kg", "minutes", "refused"),
    [("1.0", "40", False), ("1.0", "39", True), ("1.01", "90", True), ("0.99", "39", False)],
)
def test_one_mg_per_kg_into_a_vein_is_never_given_fast_and_more_is_never_given(per_kg, minutes, refused):
    assert ("never" in levels("iv", mg=None, per_kg=per_kg, minutes=minutes, site=WIDE)) is refused


@pytest.mark.hazard("HAZ-09", "C2")
def test_a_route_without_a_site_limit_is_disabled_and_nothing_stands_in_for_it():
    assert levels("sc", mg="10", per_kg="0.1", site={}) == ["disabled"]
    assert site_limits("production") == {}
    assert site_limits("production", {}) == {}


def test_in_demonstration_mode_every_route_has_its_demonstration_limit():
    assert set(DEMO) == {"DOS-IV", "DOS-SC", "DOS-IM", "DOS-SL", "DOS-PO", "DOS-IN"}


@pytest.mark.parametrize(
    ("row", "limit", "words"),
    [
        ("DOS-SC", SiteMax(Decimal("1.01"), signed_by="md"), "above the evidence ceiling"),
        ("DOS-SC", SiteMax(mg=Decimal(50), signed_by="md"), "no amount in mg/kg"),
        ("DOS-SC", SiteMax(Decimal(0), signed_by="md"), "no amount"),
        ("DOS-SC", SiteMax(Decimal("0.5")), "not signed"),
        ("DOS-XX", SiteMax(Decimal("0.5"), signed_by="md"), "is not a limit row"),
    ],
)
def test_a_site_limit_that_cannot_be_meant_is_refused_in_one_sentence(row, limit, words):
    with pytest.raises(UserError, match=words):
        site_limits("production", {row: limit})


@pytest.mark.hazard("HAZ-12", "C1")
@pytest.mark.hazard("HAZ-13", "C1")
def test_every_route_and_drug_that_do_not_belong_together_are_refused():
    known = {
        ("iv", "ketamine"),
        ("sc", "ketamine"),
        ("im", "ketamine"),
        ("sublingual", "ketamine"),
        ("oral", "ketamine"),
    }
    known |= {("nasal", "esketamine")}
    for route, drug in itertools.product(("iv", "im", "sc", "sublingual", "oral", "nasal"), ("ketamine", "esketamine")):
        if (route, drug) in known:
            assert (limit_for(route, drug).route, limit_for(route, drug).drug) == (route, drug)
        else:
            with pytest.raises(UserError):
                limit_for(route, drug)


@pytest.mark.hazard("HAZ-10", "C1")
def test_mg_and_mg_per_kg_are_not_taken_for_one_another():
    with pytest.raises(TypeError):
        within_limits("sc", "ketamine", DoseMgPerKg(Decimal(1)), None, site=DEMO)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        within_limits("sc", "ketamine", None, DoseMg(Decimal(1)), site=DEMO)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="give mg or mg/kg"):
        within_limits("sc", "ketamine", None, None, site=DEMO)


@pytest.mark.hazard("HAZ-09", "C2")
def test_ten_times_a_dose_is_beyond_a_limit_on_every_route():
    for route, drug, mg, per_kg, minutes in [
        ("iv", "ketamine", "350", "5", "40"),
        ("sc", "ketamine", "175", "2.5", None),
        ("im", "ketamine", "175", "2.5", None),
        ("sublingual", "ketamine", "500", None, None),
        ("oral", "ketamine", "350", "5", None),
        ("nasal", "esketamine", "560", None, None),
    ]:
        assert "never" in levels(route, drug, mg, per_kg, minutes, site=WIDE)


def test_the_line_of_never_is_also_asked_alone():
    assert beyond_never("sc", "ketamine", None, DoseMgPerKg(Decimal("1.0"))) == ""
    assert "1.01 mg/kg" in beyond_never("sc", "ketamine", None, DoseMgPerKg(Decimal("1.01")))


@pytest.mark.hazard("HAZ-15", "C1")
@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([0], []),
        ([0, 48], []),
        ([0, 47], ["interval"]),
        ([0, 48, 96], []),
        ([0, 48, 96, 168], []),
        ([0, 48, 96, 167], ["needs-reason"]),
        ([0, 48, 96, 144], ["needs-reason"]),
        ([0, 48, 96, 144, 192], ["needs-reason", "needs-reason"]),
        ([0, 40, 80, 120, 160], ["interval", "interval", "needs-reason", "interval", "never", "interval"]),
        ([96, 0, 48, 167], ["needs-reason"]),
    ],
)
def test_three_doses_in_a_week_and_two_days_between(hours, expected):
    times = [MONDAY + timedelta(hours=h) for h in hours]
    assert [f.level for f in frequency(times, "iv")] == expected


@pytest.mark.parametrize(
    ("route", "drug", "counted"),
    [
        ("iv", "ketamine", True),
        ("im", "ketamine", True),
        ("sc", "ketamine", True),
        ("sublingual", "ketamine", False),
        ("oral", "ketamine", False),
        ("nasal", "esketamine", False),
    ],
)
def test_the_weekly_limit_is_for_parenteral_routes(route, drug, counted):
    times = [MONDAY + timedelta(days=d) for d in range(5)]
    assert bool(frequency(times, route, drug)) is counted


@pytest.mark.hazard("HAZ-12", "C1")
def test_no_function_of_dose_takes_an_aim_and_none_converts_between_routes():
    words = {"target", "aim", "goal", "level", "concentration", "effect", "to_route", "from_route", "bioavailability"}
    for module in (limits, regimens):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__:
                names = set(inspect.signature(function).parameters)
                assert not names & words, name
                assert len([n for n in names if "route" in n]) <= 1, name
        assert "bioavailability" not in inspect.getsource(module)
