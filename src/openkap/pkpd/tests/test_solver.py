"""The solver against algebra that knows nothing of it: balances, limits, closed forms, an ODE solver."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.linalg import expm as reference_expm

from openkap.pkpd import solve
from openkap.pkpd.bands import single
from openkap.pkpd.expm import expm, integral
from openkap.pkpd.solve import Block, Input, courses, poorly_diagonal, split

rng = np.random.default_rng(20261125)


def entry(n: int, port: int, amount: float, start: float = 0.0, duration: float = 0.0) -> Input:
    return Input(port, np.full(n, amount), np.full(n, start), np.full(n, duration))


def three(n: int, *, seed: int = 1, depot: bool = False) -> tuple[NDArray, dict[str, NDArray]]:
    """Random three-compartment people: K and their volumes and clearances, L and L/min."""
    draw = np.random.default_rng(seed)
    size = {name: value * np.exp(0.3 * draw.standard_normal(n)) for name, value in BASE.items()}
    m = 4 if depot else 3
    k = np.zeros((n, m, m))
    for there, volume, flow in ((1, "V2", "Q2"), (2, "V3", "Q3")):
        k[:, there, 0] = size[flow] / size["V1"]
        k[:, 0, there] = size[flow] / size[volume]
        k[:, there, there] = -size[flow] / size[volume]
    k[:, 0, 0] = -(size["CL"] + size["Q2"] + size["Q3"]) / size["V1"]
    if depot:
        k[:, 0, 3], k[:, 3, 3] = size["KA"], -size["KA"]
    return k, size


BASE = {"V1": 130.0, "V2": 180.0, "V3": 99.0, "CL": 1.6, "Q2": 0.4, "Q3": 2.6, "KA": 0.12}


def shown(k: NDArray, size: dict[str, NDArray]) -> NDArray:
    c = np.zeros((len(k), 1, k.shape[-1]))
    c[:, 0, 0] = 1000 / size["V1"]
    return c


def line(k: NDArray, c: NDArray, inputs: list[Input], times: NDArray) -> NDArray:
    """shape (T, n)"""
    return single([Block(k, c, tuple(inputs))], np.asarray(times, dtype=float))[0].copy()


# -- balances and limits ----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 40])
def test_what_is_in_the_body_and_what_has_left_it_is_what_was_given(n: int):
    k, _ = three(n, depot=True)
    whole = np.zeros((n, 5, 5))
    whole[:, :4, :4] = k
    whole[:, 4, :4] = -k.sum(axis=1)  # what leaves arrives in a fifth state
    everything = np.ones((n, 1, 5))
    inputs = [entry(n, 3, 20.0), entry(n, 0, 30.0, 10.0, 40.0), entry(n, 0, 5.0, 100.0)]
    times = np.array([0.0, 5.0, 10.0, 30.0, 50.0, 99.0, 100.0, 1000.0, 5000.0])
    given = np.array([20.0, 20.0, 20.0, 35.0, 50.0, 50.0, 55.0, 55.0, 55.0])
    total = line(whole, everything, inputs, times)
    assert np.abs(total / given[:, None] - 1).max() < 1e-9


@pytest.mark.parametrize("n", [2, 30])
def test_courses_add_scale_and_shift_with_their_doses(n: int):
    k, size = three(n)
    c, times = shown(k, size), np.arange(0.0, 600.0, 7.0)
    one, two = entry(n, 0, 35.0, 0.0, 40.0), entry(n, 0, 20.0, 133.0)
    both = line(k, c, [one, two], times)
    apart = line(k, c, [one], times) + line(k, c, [two], times)
    assert np.allclose(both, apart, rtol=1e-10, atol=1e-13)
    tripled = line(k, c, [entry(n, 0, 105.0, 0.0, 40.0)], times)
    assert np.allclose(tripled, 3 * line(k, c, [one], times), rtol=1e-10)
    shifted = line(k, c, [entry(n, 0, 35.0, 91.0, 40.0)], times + 91.0)
    assert np.allclose(shifted, line(k, c, [one], times), rtol=1e-10, atol=1e-12)


def test_the_whole_area_under_the_line_is_dose_over_clearance():
    n = 5
    k, size = three(n, depot=True)
    c = shown(k, size)
    for port, duration in ((0, 0.0), (0, 40.0), (3, 0.0)):
        modes, _ = split([Block(k, c, (entry(n, port, 35.0, 0.0, duration),))])
        assert modes is not None
        area = (modes.gains[0] / -modes.rate).sum(axis=0)  # ng·min/mL: each mode's own integral
        assert np.abs(area / (35.0 / size["CL"] * 1000) - 1).max() < 1e-6


def test_an_endless_infusion_settles_at_rate_over_clearance():
    n = 4
    k, size = three(n)
    settled = line(k, shown(k, size), [entry(n, 0, 1e6, 0.0, 1e6)], np.array([2e5]))
    assert np.abs(settled[0] / (1000 / size["CL"]) - 1).max() < 1e-8


def test_coefficients_sum_as_the_closed_form_says():
    n = 6
    k, size = three(n)
    modes, _ = split([Block(k, shown(k, size), (entry(n, 0, 1.0),))])
    assert modes is not None
    coefficients = modes.gains[0]
    assert np.abs(coefficients.sum(axis=0) * size["V1"] / 1000 - 1).max() < 1e-10
    assert np.abs((coefficients / -modes.rate).sum(axis=0) * size["CL"] / 1000 - 1).max() < 1e-10


def test_the_coefficients_of_the_effect_site_sum_to_nought():
    from openkap.pkpd.structure import System, with_effect_site

    n = 6
    k, size = three(n)
    whole = with_effect_site(System(k, shown(k, size), {"iv": 0}), np.full(n, 0.114))
    modes, _ = split([Block(whole.k, whole.c, (entry(n, 0, 35.0),))])
    assert modes is not None
    site = modes.gains[0][modes.output == 1]
    assert np.abs(site.sum(axis=0)).max() < 1e-10 * np.abs(site).max()
    endless = single([Block(whole.k, whole.c, (entry(n, 0, 1e6, 0.0, 1e6),))], np.array([2e5]))
    assert np.allclose(endless[0], endless[1], rtol=1e-8)


def test_the_rates_satisfy_vieta_s_relations_of_the_cubic():
    k, size = three(50)
    modes, _ = split([Block(k, shown(k, size), (entry(50, 0, 1.0),))])
    assert modes is not None
    a, b, g = -modes.rate
    k10, k12, k13 = size["CL"] / size["V1"], size["Q2"] / size["V1"], size["Q3"] / size["V1"]
    k21, k31 = size["Q2"] / size["V2"], size["Q3"] / size["V3"]
    assert np.allclose(a + b + g, k10 + k12 + k13 + k21 + k31, rtol=1e-12)
    assert np.allclose(a * b + b * g + g * a, k10 * k21 + k10 * k31 + k12 * k31 + k13 * k21 + k21 * k31, rtol=1e-11)
    assert np.allclose(a * b * g, k10 * k21 * k31, rtol=1e-10)


def test_a_bolus_is_the_limit_of_ever_shorter_infusions():
    n = 20
    k, size = three(n)
    c, times = shown(k, size), np.array([1.0, 5.0, 60.0, 600.0])
    bolus = line(k, c, [entry(n, 0, 35.0)], times)
    for minutes, closeness in ((1e-2, 1e-3), (1e-4, 1e-5), (1e-7, 1e-8)):
        assert np.allclose(line(k, c, [entry(n, 0, 35.0, 0.0, minutes)], times), bolus, rtol=closeness)


# -- time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 30])
def test_a_dose_counts_at_its_own_time_and_not_before(n: int):
    k, size = three(n)
    c, times = shown(k, size), np.arange(0.0, 31.0, 5.0)
    peak = 35.0 * 1000 / size["V1"]
    assert np.allclose(line(k, c, [entry(n, 0, 35.0)], times)[0], peak)
    on = line(k, c, [entry(n, 0, 35.0, 10.0)], times)
    assert np.allclose(on[2], peak) and (on[:2] == 0).all()
    before = line(k, c, [entry(n, 0, 35.0, 10.0 - 1e-6)], times)
    after = line(k, c, [entry(n, 0, 35.0, 10.0 + 1e-6)], times)
    assert np.allclose(before[2], peak, rtol=1e-5) and (after[2] == 0).all()
    assert np.allclose(before[3:], on[3:], rtol=1e-6) and np.allclose(after[3:], on[3:], rtol=1e-6)


@pytest.mark.parametrize(
    "doses",
    [
        [(0.0, 40.0), (20.0, 40.0)],  # overlapping
        [(0.0, 40.0), (40.0, 40.0)],  # back to back
        [(5.0, 5.0)],  # as long as an interval
        [(3.0, 1.0)],  # within an interval
        [(7.0, 0.0), (7.0, 0.0)],  # of no length, twice
        [(0.0, 500.0)],  # longer than the picture
    ],
)
@pytest.mark.parametrize("n", [1, 30])
def test_infusions_of_any_lie_equal_an_exponential_of_the_whole_matrix(doses: list[tuple[float, float]], n: int):
    k, size = three(n)
    c, times = shown(k, size), np.arange(0.0, 120.0, 5.0)
    inputs = [entry(n, 0, 35.0, start, duration) for start, duration in doses]
    expected = np.array([[exact(k[p], inputs, float(t), p)[0] * c[p, 0, 0] for p in range(n)] for t in times])
    assert np.allclose(line(k, c, inputs, times), expected, rtol=1e-10, atol=1e-12)


def exact(k: NDArray, inputs: list[Input], t: float, person: int) -> NDArray:
    """One person's states by scipy's exponential of the augmented matrix, dose by dose."""
    m = len(k)
    total = np.zeros(m)
    for one in inputs:
        since, lasting = t - one.start[person], one.duration[person]
        if since < 0:
            continue
        if lasting == 0:
            total += reference_expm(k * since)[:, one.port] * one.amount[person]
            continue
        whole = np.zeros((m + 1, m + 1))
        whole[:m, :m], whole[one.port, m] = k, one.amount[person] / lasting
        filled = reference_expm(whole * min(since, lasting))[:m, m]
        total += reference_expm(k * max(since - lasting, 0.0)) @ filled
    return total


def test_the_order_of_doses_changes_nothing():
    n = 25
    k, size = three(n)
    c, times = shown(k, size), np.arange(0.0, 400.0, 3.0)
    inputs = [entry(n, 0, 10.0 + i, 31.0 * i, 15.0 * (i % 2)) for i in range(6)]
    assert np.allclose(line(k, c, inputs, times), line(k, c, inputs[::-1], times), rtol=1e-12, atol=1e-13)


def test_stepping_along_a_grid_and_the_closed_form_agree():
    n = 40
    k, size = three(n, depot=True)
    c, times = shown(k, size), np.arange(0.0, 14 * 1440 + 1, 5.0)
    inputs = [entry(n, 0, 35.0, 1440.0 * day, 40.0) for day in range(12)] + [entry(n, 3, 20.0, 333.3)]
    stepped = line(k, c, inputs, times)
    for person in (0, 17, 39):
        who = slice(person, person + 1)
        alone = [Input(i.port, i.amount[who], i.start[who], i.duration[who]) for i in inputs]
        direct = line(k[who], c[who], alone, times)[:, 0]
        assert np.abs(stepped[:, person] - direct).max() < 1e-11 * direct.max()
        assert np.allclose(stepped[:, person], direct, rtol=1e-11, atol=1e-14)


def test_uneven_times_and_repeated_times_are_as_good_as_even_ones():
    n = 12
    k, size = three(n)
    c = shown(k, size)
    times = np.sort(np.concatenate([np.arange(0.0, 500.0, 5.0), rng.uniform(0, 500, 60), [40.0, 40.0]]))
    inputs = [entry(n, 0, 35.0, 0.0, 40.0)]
    even = line(k, c, inputs, np.arange(0.0, 500.0, 5.0))
    uneven = line(k, c, inputs, times)
    places = np.searchsorted(times, np.arange(0.0, 500.0, 5.0))
    assert np.allclose(uneven[places], even, rtol=1e-11)


@pytest.mark.parametrize("n", [1, 64])
def test_four_weeks_stay_above_nought_and_free_of_subnormal_and_missing_numbers(n: int):
    k, size = three(n)
    k[:, 0, 0] *= 40  # a fast mode that vanishes within minutes
    c = shown(k, size)
    inputs = [entry(n, 0, 35.0, 0.0, 40.0)]
    for step in (1.0, 60.0, 1440.0):
        found = line(k, c, inputs, np.arange(0.0, 28 * 1440 + 1, step))
        assert np.isfinite(found).all() and (found >= 0).all()
        assert not ((found > 0) & (found < np.finfo(float).tiny)).any()
    modes, _ = split([Block(k, c, tuple(inputs))])
    assert modes is not None
    stepper = solve._ModeStepper(modes, 1)
    grid = solve._Grid.of(np.arange(0.0, 28 * 1440 + 1, 5.0))
    for place in range(len(grid.times)):
        stepper.step(grid, place)
    assert not ((stepper.now != 0) & (np.abs(stepper.now) < np.finfo(float).tiny)).any()


def test_chunks_of_time_join_without_a_seam_and_hold_no_more_than_they_may():
    n = 300
    k, size = three(n)
    block = Block(k, shown(k, size), (entry(n, 0, 35.0, 0.0, 40.0),))
    times = np.arange(0.0, 3000.0, 3.0)
    parts = [out.copy() for _, out in courses([block], times, length=7)]
    assert max(part.nbytes for part in parts) <= 7 * n * 8
    assert np.array_equal(np.concatenate(parts, axis=1)[0], line(block.k, block.c, list(block.inputs), times))
    assert solve.chunk_length(10_000, 2, 4033) * 10_000 * 2 * 8 <= solve.CHUNK_BYTES


# -- without a good basis of eigenvectors -------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 20])
@pytest.mark.parametrize("nearness", [0.0, 1e-13, 1e-9, 1e-7, 1e-5])
def test_a_depot_as_fast_as_the_body_is_exact(nearness: float, n: int):
    """Closed form of ka = k: C = D k t exp(-k t) / V; near it, the difference quotient's limit."""
    rate = 0.02
    k = np.tile(np.array([[-rate * (1 + nearness), 0.0], [rate * (1 + nearness), -rate]]), (n, 1, 1))
    c = np.tile(np.array([[[0.0, 1.0]]]), (n, 1, 1))
    times = np.arange(0.0, 600.0, 5.0)
    found = line(k, c, [entry(n, 0, 1.0)], times)[:, 0]
    assert np.allclose(found, rate * times * np.exp(-rate * times), rtol=1e-6 + 4 * nearness * rate * 600, atol=1e-12)


def test_a_chain_of_equal_rates_is_seen_as_defective_and_computed_all_the_same():
    rate = 0.1
    k = np.diag([-rate] * 5) + np.diag([rate] * 4, -1)
    rates, vectors = np.linalg.eig(k[None])
    inverse = np.linalg.pinv(vectors)
    assert poorly_diagonal(rates, vectors, inverse).all()
    c = np.zeros((1, 1, 5))
    c[0, 0, 4] = 1.0
    times = np.arange(0.0, 200.0, 4.0)
    gamma = (rate * times) ** 4 / 24 * np.exp(-rate * times)  # Erlang
    assert np.allclose(line(k[None], c, [entry(1, 0, 1.0)], times)[:, 0], gamma, rtol=1e-9, atol=1e-13)


def test_only_those_people_whose_system_is_defective_leave_the_fast_way():
    n = 20
    k, size = three(n, depot=True)
    rates = np.linalg.eigvals(k[7, :3, :3])
    k[7, 3, 3], k[7, 0, 3] = rates.min(), -rates.min()
    block = Block(k, shown(k, size), (entry(n, 3, 35.0),))
    modes, apart = split([block])
    assert modes is not None and [list(who) for who, _ in apart] == [[7]]
    times = np.arange(0.0, 300.0, 5.0)
    found = line(k, block.c, list(block.inputs), times)
    for person in (6, 7, 8):
        expected = [exact(k[person], list(block.inputs), float(t), person)[0] * block.c[person, 0, 0] for t in times]
        assert np.allclose(found[:, person], expected, rtol=1e-9, atol=1e-11)


def test_inputs_of_each_person_s_own_length_are_exact_both_ways():
    n = 12
    k, size = three(n, depot=True)
    lasting = np.linspace(3.0, 47.0, n)
    one = Input(3, np.full(n, 20.0), np.full(n, 2.5), lasting)
    times = np.arange(0.0, 90.0, 4.0)
    expected = np.array([[exact(k[p], [one], float(t), p)[0] * 1000 / size["V1"][p] for p in range(n)] for t in times])
    assert np.allclose(line(k, shown(k, size), [one], times), expected, rtol=1e-10, atol=1e-12)
    stepper = solve._MatrixStepper(Block(k, shown(k, size), (one,)), np.arange(n))
    grid, found = solve._Grid.of(times), np.zeros((1, len(times), n))
    for place in range(len(times)):
        stepper.step(grid, place)
        stepper.show(found, place)
    assert np.allclose(found[0], expected, rtol=1e-10, atol=1e-12)


def test_the_matrix_exponential_equals_scipy_s():
    k, _ = three(30, depot=True)
    for minutes in (1e-6, 1.0, 60.0, 1e4):
        ours = expm(k * minutes)
        theirs = np.array([reference_expm(one * minutes) for one in k])
        assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-13)
    filled = integral(k, 0, np.full(30, 40.0))
    e0 = np.eye(4)[0]
    assert np.allclose(
        filled, np.array([np.linalg.solve(one, (reference_expm(one * 40) - np.eye(4)) @ e0) for one in k])
    )


def test_an_ode_solver_stopped_at_each_time_gives_the_same_to_1e_8():
    k, size = three(1)
    times = np.array([1.0, 10.0, 40.0, 41.0, 90.0, 300.0, 1440.0])
    found = line(k, shown(k, size), [entry(1, 0, 35.0, 0.0, 40.0)], times)[:, 0]
    state, at, expected = np.zeros(3), 0.0, []
    for t in times:
        flow = np.array([35.0 / 40.0, 0, 0]) if t <= 40 else np.zeros(3)
        run = solve_ivp(lambda _, x, u=flow: k[0] @ x + u, (at, t), state, method="DOP853", rtol=1e-12, atol=1e-14)
        state, at = run.y[:, -1], t
        expected.append(state[0] * 1000 / size["V1"][0])
    assert np.allclose(found, expected, rtol=1e-8)
