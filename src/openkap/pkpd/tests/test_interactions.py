"""Interactions: the trial's own route first, the passage model next, else nothing and a word."""

import numpy as np
import pytest

from openkap.pkpd.library import agents, interactions
from openkap.pkpd.tests.asking import auc, course

MINUTES = [float(t) for t in range(0, 1441, 2)]
ROUTES = {
    "oral": ("esketamine", [{"at_min": 0, "route": "oral", "amount_mg": 30}]),
    "nasal": ("esketamine", [{"at_min": 0, "route": "nasal", "amount_mg": 28}]),
    "iv": ("ketamine", [{"at_min": 0, "route": "iv", "amount_mg": 35, "duration_min": 40}]),
    "im": ("ketamine", [{"at_min": 0, "route": "im", "amount_mg": 35}]),
}


def ratio(agent: str, route: str, model: str | None = None) -> float:
    drug, doses = ROUTES[route]
    times = [*MINUTES, *[float(t) for t in range(1500, 14 * 1440, 60)]]
    with_agent, without = (
        course(model, doses, drug=drug, times_min=times, interactions=listed).ketamine.typical
        for listed in ([agent], [])
    )
    return auc(with_agent, times) / auc(without, times)


SIZED = [
    (row.agent, row.route, float(row.auc_ratio)) for row in interactions().interaction if row.auc_ratio is not None
]


@pytest.mark.hazard("HAZ-24", "C1")
@pytest.mark.parametrize(("agent", "route", "expected"), SIZED)
def test_exposure_by_a_studied_route_changes_as_in_the_trial(agent: str, route: str, expected: float):
    assert ratio(agent, route) == pytest.approx(expected, rel=1e-3)


def test_the_sheet_s_rows_are_the_ones_that_are_computed():
    assert {(a, r): x for a, r, x in SIZED} == {
        ("ticlopidine", "oral"): 2.4,
        ("ticlopidine", "nasal"): 1.29,
        ("itraconazole", "oral"): 1.0,
        ("clarithromycin", "oral"): 2.6,
        ("clarithromycin", "nasal"): 1.04,
        ("grapefruit-juice", "oral"): 3.0,
        ("st-johns-wort", "oral"): 0.42,
        ("rifampicin", "oral"): 0.14,
        ("rifampicin", "iv"): 0.86,
        ("nasal-decongestant-or-steroid", "nasal"): 1.0,
    }


@pytest.mark.parametrize(
    ("agent", "route", "expected"),
    [
        ("rifampicin", "nasal", 0.71),
        ("ticlopidine", "iv", 1.14),
        ("rifampicin", "im", 0.86),
        ("ticlopidine", "im", 1.14),
    ],
)
def test_a_route_without_a_trial_takes_the_passage_model_and_says_so(agent: str, route: str, expected: float):
    assert ratio(agent, route) == pytest.approx(expected, abs=0.01)
    drug, doses = ROUTES[route]
    said = course(None, doses, drug=drug, interactions=[agent]).warnings
    assert any("no trial by this route" in text for text in said)


@pytest.mark.parametrize("agent", ["clarithromycin", "grapefruit-juice", "st-johns-wort", "diazepam"])
def test_where_no_size_is_known_nothing_is_computed_and_that_is_said(agent: str):
    assert ratio(agent, "iv") == 1.0
    drug, doses = ROUTES["iv"]
    said = course(None, doses, drug=drug, interactions=[agent]).warnings
    assert any("nothing is computed" in text and agent in text for text in said)


def test_a_size_from_memory_says_that_it_is_unverified():
    drug, doses = ROUTES["nasal"]
    said = course(None, doses, drug=drug, interactions=["clarithromycin"]).warnings
    assert any("size unverified" in text for text in said)


def test_a_peak_that_changed_more_than_the_exposure_is_told():
    drug, doses = ROUTES["oral"]
    said = course(None, doses, drug=drug, interactions=["clarithromycin"]).warnings
    assert any("the peak was 3.6 times in the trial" in text for text in said)


def test_norketamine_follows_its_own_trial_or_stays_as_without_the_agent():
    def metabolite(agents_: list[str], route: str) -> float:
        drug, doses = ROUTES[route]
        found = course(None, doses, drug=drug, times_min=MINUTES, interactions=agents_).norketamine
        assert found is not None
        return auc(found.typical, MINUTES)

    assert metabolite(["rifampicin"], "iv") / metabolite([], "iv") == pytest.approx(0.5, abs=0.03)
    assert metabolite(["st-johns-wort"], "oral") / metabolite([], "oral") == pytest.approx(0.82, rel=1e-6)
    assert metabolite(["grapefruit-juice"], "oral") / metabolite([], "oral") == pytest.approx(1.0, rel=1e-6)


def test_agents_are_known_by_the_names_of_the_sheet():
    first_column = {
        "ticlopidine", "itraconazole", "clarithromycin", "grapefruit-juice", "st-johns-wort", "rifampicin",
        "long-term-barbiturates", "diazepam", "secobarbital", "hydroxyzine", "nasal-decongestant-or-steroid",
    }  # fmt: skip
    assert first_column <= set(agents())
    oral = ROUTES["oral"][1]
    apostrophe = course(None, oral, drug="esketamine", interactions=["st-john's-wort"], times_min=[60.0])
    plain = course(None, oral, drug="esketamine", interactions=["st-johns-wort"], times_min=[60.0])
    assert np.array_equal(apostrophe.ketamine.typical, plain.ketamine.typical)


def test_attributes_act_where_the_set_has_them_and_nowhere_else():
    def area(model: str, **subject: object) -> float:
        return auc(course(model, times_min=MINUTES, subject=subject).ketamine.typical, MINUTES)

    assert area("perez-ruixo-2021", age_y=80) > area("perez-ruixo-2021", age_y=60) == area("perez-ruixo-2021")
    assert area("perez-ruixo-2021", ancestry="asian") > area("perez-ruixo-2021")
    assert area("otto-2021", ancestry="japanese", age_y=80, sex="female") == area("otto-2021")
    spray = ROUTES["nasal"][1]
    japanese, asian = (
        course(None, spray, drug="esketamine", times_min=[30.0], subject={"ancestry": a}).ketamine.typical[0]
        for a in ("japanese", "asian")
    )
    assert japanese > asian
