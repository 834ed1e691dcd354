"""Bands: against an independent draw, by seed, by kind."""

import math

import numpy as np
import pytest

from openkap.pkpd.bands import between_people, read_off
from openkap.pkpd.course import drawn_blocks
from openkap.pkpd.draw import drawn, log_sd, occasion
from openkap.pkpd.effect import expectation
from openkap.pkpd.exposure import accumulation, exposure
from openkap.pkpd.interact import Change
from openkap.pkpd.library import model_named, variations
from openkap.pkpd.tests.asking import course, request
from openkap.pkpd.types import Subject

TIMES = (20.0, 40.0, 90.0, 240.0)
PEOPLE = 80_000  # 3 % is then six standard errors or more of what is compared, whatever the seed


def test_percentiles_equal_those_of_an_independent_draw_within_3_percent(seed: int):
    """Otto written out anew: plain normal deviates by another generator, closed form of eigenvalues by numpy."""
    rng = np.random.Generator(np.random.MT19937(seed))
    v, cl = rng.multivariate_normal([0, 0], [[0.084177, 0.02261], [0.02261, 0.026048]], PEOPLE).T
    v1, clear = 133 * np.exp(v), 95.2 * np.exp(cl)
    k = np.zeros((PEOPLE, 3, 3))
    k[:, 0, 0], k[:, 0, 1], k[:, 0, 2] = -(clear + 23.2 + 157) / v1, 23.2 / 187, 157 / 98.8
    k[:, 1, 0], k[:, 1, 1], k[:, 2, 0], k[:, 2, 2] = 23.2 / v1, -23.2 / 187, 157 / v1, -157 / 98.8
    rates, vectors = np.linalg.eig(k)
    weight = vectors[:, 0, :] * np.linalg.inv(vectors)[:, :, 0]
    lasting = 2 / 3
    found = course("otto-2021", times_min=list(TIMES), population={"n": PEOPLE, "seed": seed}).ketamine
    for place, minutes in enumerate(TIMES):
        t = minutes / 60
        grown = (np.exp(rates * min(t, lasting)) - 1) / rates * np.exp(rates * max(t - lasting, 0))
        mine = np.quantile((weight * grown).sum(axis=1) * 35 / lasting / v1 * 1000, (0.05, 0.5, 0.95))
        for ours, theirs in zip((found.p05, found.p50, found.p95), mine, strict=True):
            assert ours is not None
            assert float(ours[place]) == pytest.approx(theirs, rel=0.03)


def test_a_depot_with_its_own_spread_equals_an_independent_draw_too(seed: int):
    """An injection into a muscle written out anew: S and R, ka and the ratio of clearances log-normal, F flat."""
    rng = np.random.Generator(np.random.MT19937(seed))
    v, cl = rng.multivariate_normal([0, 0], [[0.084177, 0.02261], [0.02261, 0.026048]], PEOPLE).T
    v1, clear = 133 * np.exp(v), 95.2 * np.exp(cl)
    ka, f = 0.12 * 60 * np.exp(0.6 * rng.standard_normal(PEOPLE)), rng.uniform(0.85, 1.0, PEOPLE)
    ratio = 0.86 * np.exp(0.04 * rng.standard_normal(PEOPLE))
    hours = np.array(TIMES) / 60
    total = np.zeros((len(TIMES), PEOPLE))
    for cleared in (clear, clear * ratio):
        k = np.zeros((PEOPLE, 4, 4))
        k[:, 0, 0], k[:, 0, 1], k[:, 0, 2] = -(cleared + 23.2 + 157) / v1, 23.2 / 187, 157 / 98.8
        k[:, 1, 0], k[:, 1, 1], k[:, 2, 0], k[:, 2, 2] = 23.2 / v1, -23.2 / 187, 157 / v1, -157 / 98.8
        k[:, 3, 3], k[:, 0, 3] = -ka, ka
        rates, vectors = np.linalg.eig(k)
        weight = (vectors[:, 0, :] * np.linalg.inv(vectors)[:, :, 3]).real
        total += np.array([(weight * np.exp(rates.real * t)).sum(axis=1) * f * 17.5 / v1 * 1000 for t in hours])
    injection = [{"at_min": 0, "route": "im", "amount_mg": 35}]
    found = course("im-generic", injection, times_min=list(TIMES), population={"n": PEOPLE, "seed": seed}).ketamine
    mine = np.quantile(total, (0.05, 0.5, 0.95), axis=1)
    for ours, theirs in zip((found.p05, found.p50, found.p95), mine, strict=True):
        assert ours is not None
        assert np.allclose(ours, theirs, rtol=0.03)


def test_deviations_have_the_published_size_and_covariance(seed: int):
    p = drawn(model_named("otto-2021"), Subject(weight_kg=70), 3 * PEOPLE, np.random.default_rng(seed))
    found = np.cov(np.log(p["V1"]), np.log(p["CL"]))
    assert np.allclose(found, [[0.084177, 0.02261], [0.02261, 0.026048]], rtol=0.03)
    assert (p["Q2"] == p["Q2"][0]).all()


def test_a_cv_is_that_of_the_log_normal_and_a_fraction_stays_a_fraction():
    kel = next(v for v in variations(model_named("perez-ruixo-2021")) if v.name == "KEL")
    assert math.sqrt(math.expm1(log_sd(kel) ** 2)) == pytest.approx(1.2)
    p = drawn(model_named("perez-ruixo-2021"), Subject(weight_kg=70), 5000, np.random.default_rng(1))
    assert p["FRN"].min() > 0 and p["FRN"].max() < 1
    assert np.median(p["FRN"]) == pytest.approx(0.54, rel=0.01)
    free = drawn(model_named("nasal-racemic-generic"), Subject(weight_kg=70), 5000, np.random.default_rng(1))["F"]
    assert free.min() >= 0.10 and free.max() <= 0.45


def test_another_day_changes_what_varies_by_occasion_and_nothing_else():
    row, rng = model_named("simons-2022"), np.random.default_rng(1)
    people = drawn(row, Subject(weight_kg=70), 200, rng)
    one, two = occasion(people, row, rng), occasion(people, row, rng)
    changed = {name for name in people if not np.array_equal(one[name], two[name])}
    assert changed == {"F1", "D1", "KA1", "F2", "D2", "KA2", "MTTG"}
    films = [{"at_min": 1440 * d, "route": "sublingual", "amount_mg": 50} for d in (0, 1)]
    blocks = drawn_blocks(row, Subject(weight_kg=70), request("simons-2022", films).doses, Change(), 50, rng)
    assert len(blocks) == 2 and not np.array_equal(blocks[0].k, blocks[1].k)


def test_the_same_seed_gives_the_same_bands_and_another_seed_others():
    def p95(seed: int) -> list[float]:
        found = course("otto-2021", population={"n": 300, "seed": seed}).ketamine.p95
        assert found is not None
        return list(found)

    assert p95(4) == p95(4) != p95(5)


def test_the_median_lies_near_the_typical_line_and_the_bands_lie_around_it():
    found = course("otto-2021-racemic", population={"n": 4000, "seed": 1}).ketamine
    assert found.p05 is not None and found.p50 is not None and found.p95 is not None
    assert np.allclose(found.p50[1:], found.typical[1:], rtol=0.02)
    assert (found.p05[1:] < found.p50[1:]).all() and (found.p50[1:] < found.p95[1:]).all()


@pytest.mark.hazard("HAZ-28", "C1")
def test_the_three_bands_are_kept_apart_and_widen_in_that_order():
    found = course("otto-2021-racemic", population={"n": 4000, "seed": 1}, times_min=[40.0])
    between, sample, ensemble = found.ketamine, found.sample, found.ensemble
    assert sample is not None and ensemble is not None
    widths = []
    for one in (between, sample, ensemble):
        assert one.p05 is not None and one.p95 is not None
        widths.append(float(one.p95[0] / one.p05[0]))
    assert widths[0] < widths[1] < widths[2]
    assert set(found.members) == {"otto-2021-racemic", "kamp-2020", "domino-1982", "clements-1981"}


def test_in_obesity_the_sets_that_disagree_stand_side_by_side():
    found = course("otto-2021-racemic", subject={"weight_kg": 110, "height_cm": 170})
    assert {"kamp-2020", "perez-ruixo-2021"} <= set(found.members)


def test_weights_move_the_ensemble():
    from openkap.pkpd.simulate import simulate

    asked_for = request("otto-2021", population={"n": 2000, "seed": 1}, times_min=[40.0])
    alone = simulate(asked_for, weights={"otto-2021": 1.0}).ensemble
    equal = simulate(asked_for).ensemble
    assert alone is not None and equal is not None and alone.p95 is not None and equal.p95 is not None
    between = simulate(asked_for).ketamine.p95
    assert between is not None
    assert float(alone.p95[0]) == pytest.approx(float(between[0]), rel=0.03)
    assert float(equal.p95[0]) > float(alone.p95[0])


def test_percentiles_are_read_like_numpy_s():
    values = np.random.default_rng(1).lognormal(size=(7, 333))
    expected = np.quantile(values, (0.05, 0.25, 0.5, 0.95), axis=1)
    assert np.allclose(read_off(values, (0.05, 0.25, 0.5, 0.95)), expected, rtol=1e-6)


def test_any_percentiles_may_be_asked_for():
    row = model_named("otto-2021")
    blocks = drawn_blocks(
        row, Subject(weight_kg=70), request("otto-2021").doses, Change(), 500, np.random.default_rng(1)
    )
    found, sampled = between_people(blocks, np.array([40.0, 90.0]), (0.05, 0.25, 0.5, 0.75, 0.95))
    assert found.shape == (2, 5, 2) and sampled is None
    assert (np.diff(found, axis=1) > 0).all()


# -- what may be expected ------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-43", "C1")
def test_nobody_is_ready_before_the_peak_and_readiness_then_only_grows():
    found = expectation(request("otto-2021", population={"n": 500, "seed": 1}))
    assert found.ready[0] == 0.0 and found.chance_at(-5) == 0.0
    assert (np.diff(found.ready[found.times_min >= 40]) >= -1e-12).all()
    at = found.ready_at_min
    assert at["0.5"] is not None and at["0.9"] is not None and at["0.97"] is not None
    assert 0 < at["0.5"] <= at["0.9"] <= at["0.97"]


def test_more_drug_means_later_and_a_longer_window():
    def of(mg: float) -> tuple[float, float, float]:
        dose = [{"at_min": 0, "route": "iv", "amount_mg": mg, "duration_min": 40}]
        found = expectation(request("otto-2021", dose, population={"n": 500, "seed": 1}))
        at = found.ready_at_min["0.9"]
        assert at is not None
        return at, found.reached, found.end_min[1] - found.start_min[1]

    assert all(more >= less for less, more in zip(of(20), of(50), strict=True))


def test_hardly_any_drug_opens_no_window():
    dose = [{"at_min": 0, "route": "oral", "amount_mg": 1}]
    found = expectation(request(None, dose, drug="ketamine", population={"n": 200, "seed": 1}))
    assert found.reached < 0.05 and found.start_min == () and found.end_min == ()


def test_the_last_session_is_looked_at_with_what_earlier_ones_left():
    doses = [{"at_min": 1440 * d, "route": "iv", "amount_mg": 35, "duration_min": 40} for d in (0, 1)]
    found = expectation(request("otto-2021", doses, population={"n": 300, "seed": 1}))
    assert found.session_at_min == 1440


# -- exposures ------------------------------------------------------------------------------------------------


def test_an_exposure_is_peak_and_area_of_the_day_with_its_spread():
    odd = [{"at_min": 7, "route": "iv", "amount_mg": 35, "duration_min": 41}]
    found = exposure(request("otto-2021", odd))
    times = np.arange(0.0, 7 + 1441.0, 0.5)
    line = course("otto-2021", odd, times_min=times.tolist()).ketamine.typical
    assert found.peak == pytest.approx(float(line.max()), rel=1e-9) and found.peak_min == 41
    assert found.area == pytest.approx(float(np.trapezoid(line, times)) / 60, rel=2e-3)
    assert found.peak_low < found.peak < found.peak_high and found.area_low < found.area < found.area_high
    doubled = exposure(request("otto-2021", [odd[0] | {"amount_mg": 70}]))
    assert doubled.area_high == pytest.approx(2 * found.area_high, rel=1e-9)


def test_one_session_adds_up_to_itself_and_leaves_nothing():
    found = accumulation(request("otto-2021"))
    assert (found.sessions, found.peak_ratio, found.norketamine_ratio, found.left) == (1, 1.0, 1.0, 0.0)


# -- how well the typical person is known, and options -----------------------------------------------------


@pytest.mark.hazard("HAZ-28", "C1")
def test_standard_errors_make_a_band_of_their_own_around_the_typical_line_and_touch_no_other():
    population = {"n": 2000, "seed": 3}
    found = course("kamp-2020", times_min=[40.0, 90.0, 600.0], population=population)
    doubt = found.uncertainty
    assert doubt is not None and doubt.p05 is not None and doubt.p95 is not None
    assert (doubt.p05 < found.ketamine.typical).all() and (found.ketamine.typical < doubt.p95).all()
    assert found.ketamine.p95 is not None
    assert (doubt.p95 < found.ketamine.p95).all()  # narrower than people differ


def test_the_band_of_the_typical_person_is_that_of_an_independent_draw():
    """Kamp anew: clearance with one plain normal deviate, an infusion long enough to be level."""
    n = 20_000
    endless = [{"at_min": 0, "route": "iv", "amount_mg": 69, "duration_min": 20_000}]
    found = course("kamp-2020", endless, times_min=[19_999.0], population={"n": 500, "seed": 3}).uncertainty
    level = 69 / 20_000 / (84 / 60 * np.exp(0.081 * np.random.default_rng(9).standard_normal(n))) * 1000
    assert found is not None and found.p05 is not None and found.p95 is not None
    for ours, share in ((found.p05, 0.05), (found.p95, 0.95)):
        assert float(ours[0]) == pytest.approx(float(np.quantile(level, share)), rel=0.01)


def test_where_only_norketamine_has_standard_errors_only_norketamine_has_the_band():
    found = course("otto-2021", population={"n": 200, "seed": 1})
    assert found.uncertainty is None and found.uncertainty_norketamine is not None
    assert course("clements-1981", population={"n": 200, "seed": 1}).uncertainty is None


@pytest.mark.parametrize("model", ["otto-2021-racemic", "clements-1981", "simons-2022"])
def test_sex_counts_only_where_it_is_asked_for_and_then_by_a_fifth(model: str):
    times = [float(t) for t in range(0, 4321, 2)]
    plain, women, men = (
        course(model, subject={"sex": sex}, times_min=times, options=options)
        for sex, options in (("female", None), ("female", {"sex": True}), ("male", {"sex": True}))
    )
    assert np.array_equal(plain.ketamine.typical, men.ketamine.typical)
    areas = [np.trapezoid(one.ketamine.typical, times) for one in (plain, women)]
    assert areas[0] / areas[1] == pytest.approx(1.2, rel=0.002)
    assert any("20 % higher in women" in text for text in women.warnings)
    assert not any("in women" in text for text in plain.warnings)


def test_a_set_that_found_no_difference_between_the_sexes_says_so_and_stays():
    one, two = (
        course("perez-ruixo-2021", subject={"sex": "female"}, options={"sex": wanted}) for wanted in (False, True)
    )
    assert np.array_equal(one.ketamine.typical, two.ketamine.typical)
    assert any("found no difference between the sexes" in text for text in two.warnings)


def test_the_exponent_of_kamp_is_an_option_that_changes_nothing_at_70_kg():
    dose = [{"at_min": 0, "route": "iv", "amount_mg_per_kg": 0.5, "duration_min": 40}]

    def at_40(kg: float, **options: bool) -> float:
        found = course("kamp-2020", dose, times_min=[40], subject={"weight_kg": kg}, options=options)
        return float(found.ketamine.typical[0])

    assert at_40(70, exponent=True) == pytest.approx(at_40(70))
    assert at_40(140, exponent=True) > at_40(140)
    assert at_40(140) == pytest.approx(at_40(70))
    found = course("kamp-2020", dose, options={"exponent": True})
    assert any("to the power 0.75" in text for text in found.warnings)
