"""The sets' differential equations written out by hand from the fact sheet, in hours and litres, and integrated."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from openkap.pkpd.bands import single
from openkap.pkpd.course import typical_blocks
from openkap.pkpd.draw import typical
from openkap.pkpd.interact import Change
from openkap.pkpd.library import model_named, models
from openkap.pkpd.solve import WORST_CONDITION, Block
from openkap.pkpd.structure import systems
from openkap.pkpd.tests.asking import course, request
from openkap.pkpd.types import Subject

Right = Callable[[float, NDArray], NDArray]


def integrated(
    right: Right, states: int, stops: list[float], times: list[float], jumps: dict[float, NDArray]
) -> NDArray:
    """States at the times (h), stopping at every stop and time; `jumps` are added at their times."""
    at, x, found = 0.0, np.zeros(states) + jumps.get(0.0, 0.0), {}
    for t in sorted({*stops, *times, *jumps} - {0.0}):
        run = solve_ivp(right, (at, t), x, method="Radau", rtol=1e-12, atol=1e-13, max_step=0.5)
        at, x = t, run.y[:, -1] + jumps.get(t, 0.0)
        found[t] = x
    return np.array([found[t] for t in times])


HOURS = [0.25, 2 / 3, 1.0, 1.5, 3.0, 8.0, 24.0]


def test_otto_s_five_equations_with_norketamine():
    def right(t: float, x: NDArray) -> NDArray:
        c, p1, p2, n, q = x
        rate = 35 / (2 / 3) if t <= 2 / 3 else 0.0
        return np.array(
            [
                rate - (95.2 + 23.2 + 157) / 133 * c + 23.2 / 187 * p1 + 157 / 98.8 * p2,
                23.2 / 133 * c - 23.2 / 187 * p1,
                157 / 133 * c - 157 / 98.8 * p2,
                95.2 / 133 * c - (57.72 + 42.778) / 98.638 * n + 42.778 / 160.04 * q,
                42.778 / 98.638 * n - 42.778 / 160.04 * q,
            ]
        )

    expected = integrated(right, 5, [2 / 3], HOURS, {})
    found = course("otto-2021", times_min=[60 * h for h in HOURS])
    assert np.allclose(found.ketamine.typical, expected[:, 0] / 133 * 1000, rtol=1e-7)
    assert found.norketamine is not None
    assert np.allclose(found.norketamine.typical, expected[:, 3] / 98.638 * 1000, rtol=1e-7)


def test_perez_s_nine_equations_with_two_devices_and_an_oral_dose():
    spray = [(0.0, 0.54), (5 / 60, 0.54 * 0.62)]
    oral_at = 2.0

    def right(t: float, x: NDArray) -> NDArray:
        nose, gut, mouth, liver, c, p1, p2, n, q = x
        into_gut = sum(28 * (1 - f) * 0.64 / 0.53 for at, f in spray if at <= t <= at + 0.53)
        into_mouth = 20 * 0.64 / 0.32 if oral_at <= t <= oral_at + 0.32 else 0.0
        return np.array(
            [
                -2.93 * nose,
                into_gut - 1.45 * gut,
                into_mouth - 0.97 * mouth,
                1.45 * gut + 0.97 * mouth + 151 / 192 * c - 151 / 101 * liver - (1.11 + 2.77) * liver,
                2.93 * nose - (151 + 84.3 + 37.6) / 192 * c + 151 / 101 * liver + 84.3 / 143 * p1 + 37.6 / 417 * p2,
                84.3 / 192 * c - 84.3 / 143 * p1,
                37.6 / 192 * c - 37.6 / 417 * p2,
                2.77 * liver - (38 + 26.1) / 70 * n + 26.1 / 115 * q,
                26.1 / 70 * n - 26.1 / 115 * q,
            ]
        )

    jumps = {at: 28 * f * np.eye(9)[0] for at, f in spray}
    expected = integrated(right, 9, [0.53, 5 / 60 + 0.53, oral_at, oral_at + 0.32], HOURS, jumps)
    doses = [{"at_min": 60 * at, "route": "nasal", "amount_mg": 28} for at, _ in spray]
    doses.append({"at_min": 120, "route": "oral", "amount_mg": 20})
    found = course("perez-ruixo-2021", doses, times_min=[60 * h for h in HOURS])
    assert np.allclose(found.ketamine.typical, expected[:, 4] / 192 * 1000, rtol=1e-7)
    assert found.norketamine is not None
    assert np.allclose(found.norketamine.typical, expected[:, 7] / 70 * 1000, rtol=1e-7)


def test_simons_film_with_its_delays():
    def right(t: float, x: NDArray) -> NDArray:  # minutes
        m, c, p2, p3, g, gd, a, b, n, nq = x
        into_mucosa = 50 * 0.263 / 13.1 if t <= 13.1 else 0.0
        into_gut = 50 * 1.16 / 29.9 if t <= 29.9 else 0.0
        k = 2 / 20.1
        return np.array(
            [
                into_mucosa - 0.04 * m,
                0.04 * m - (1.48 + 2.43 + 1.21) / 11.6 * c + 2.43 / 39 * p2 + 1.21 / 174 * p3,
                2.43 / 11.6 * c - 2.43 / 39 * p2,
                1.21 / 11.6 * c - 1.21 / 174 * p3,
                into_gut - 0.049 * g,
                0.049 * g - gd / 10.7,
                1.48 / 11.6 * c + gd / 10.7 - k * a,
                k * a - k * b,
                0.8 * k * b - (1.0 + 2.63) / 11.6 * n + 2.63 / 221 * nq,
                2.63 / 11.6 * n - 2.63 / 221 * nq,
            ]
        )

    minutes = [5.0, 13.1, 20.0, 29.9, 60.0, 240.0]
    expected = integrated(right, 10, [13.1, 29.9], minutes, {})
    found = course("simons-2022", [{"at_min": 0, "route": "sublingual", "amount_mg": 50}], times_min=minutes)
    assert np.allclose(found.ketamine.typical, expected[:, 1] / 11.6 * 1000, rtol=1e-7)
    assert found.norketamine is not None
    assert np.allclose(found.norketamine.typical, expected[:, 8] / 11.6 * 1000 * 223.70 / 237.73, rtol=1e-7)


def test_plain_diagonalisation_of_the_film_is_beyond_the_condition_that_is_trusted():
    row = model_named("simons-2022")
    [system] = systems(row, typical(row, Subject(weight_kg=70)))
    rates, vectors = np.linalg.eig(system.k[0])
    assert np.linalg.cond(vectors) > 10 * WORST_CONDITION
    ordered = np.sort(rates.real)
    assert (np.diff(ordered) / np.abs(ordered[:-1])).min() < 1e-6


WAYS = [(name, route) for name, row in models().items() for route in row.routes]


@pytest.mark.parametrize(("name", "route"), WAYS)
def test_every_set_by_every_route_equals_an_ode_solver_stopped_at_each_time(name: str, route: str):
    """To 1e-8 of the highest value; the ODE solver also stops where an input begins or ends."""
    device = route == "nasal" and name == "perez-ruixo-2021"
    first = {"at_min": 3, "route": route, "amount_mg": 28 if device else 35}
    doses = [first | ({"duration_min": 40} if route == "iv" else {}), first | {"at_min": 20}]
    times = [1.0, 3.0, 10.0, 20.0, 43.0, 60.0, 120.0, 360.0, 1440.0]
    asked_for = request(name, doses, times_min=times)
    blocks = typical_blocks(model_named(name), asked_for.subject, asked_for.doses, Change())
    expected = sum(by_ode_solver(block, times) for block in blocks)
    found = single(blocks, np.array(times))[:, :, 0]
    for mine, theirs in zip(found, expected, strict=True):
        assert np.abs(mine - theirs).max() <= 1e-8 * theirs.max()


def by_ode_solver(block: Block, times: list[float]) -> NDArray:
    """shape (q, T)"""
    k, m = block.k[0], block.k.shape[-1]
    edges = {float(i.start[0]) for i in block.inputs} | {float((i.start + i.duration)[0]) for i in block.inputs}
    state, at, shown = np.zeros(m), 0.0, {}
    for stop in sorted({*times, *edges}):
        flow = np.zeros(m)
        for one in block.inputs:
            start, lasting = one.start[0], one.duration[0]
            if lasting and start <= at and stop <= start + lasting + 1e-9:
                flow[one.port] += one.amount[0] / lasting
        if stop > at:
            run = solve_ivp(lambda _, x, u=flow: k @ x + u, (at, stop), state, method="DOP853", rtol=1e-12, atol=1e-15)
            state, at = run.y[:, -1], stop
        for one in block.inputs:
            if not one.duration[0] and one.start[0] == stop:
                state = state + np.eye(m)[one.port] * one.amount[0]
        shown[stop] = block.c[0] @ state
    return np.array([shown[t] for t in times]).T
