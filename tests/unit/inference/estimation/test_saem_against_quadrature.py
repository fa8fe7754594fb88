"""SAEM and the likelihood by quadrature: outcomes that are no levels, limits, logarithms, effects between occasions."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_data import LEVEL, measured
from test_outcomes_in_fits import drawn, outcome, survival, survived

from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.gauss_hermite import GaussHermite
from understudy.inference.estimation.saem import SAEM
from understudy.inference.objective import objective
from understudy.model.population_model import PopulationModel, RandomEffects, Residual

TIMES = (1.0, 2.0, 4.0, 8.0)


def falling(residual: tuple[Residual, ...], level: str = "occasion", blocks: int = 1) -> PopulationModel:
    """A level that falls from subject to subject's own height, by one random effect, or by one on each occasion too."""
    random = (RandomEffects(("eta",), ((0.09,),)), RandomEffects(("iov",), ((0.06,),), level=level))[:blocks]
    base = "theta * exp(eta + iov)" if blocks > 1 else "theta * exp(eta)"
    return PopulationModel(
        "falling", LEVEL, {"base": base, "slope": "-theta_slope"},
        {"theta": 5.0, "theta_slope": 0.3, "add": 0.4}, random, residual,
    )  # fmt: skip


def occasions() -> PopulationModel:
    return falling((Residual("Y", "add ** 2"),), blocks=2)


def limited() -> PopulationModel:
    return falling((Residual("Y", "add ** 2", lower_limit=3.5),))


def logarithms() -> PopulationModel:
    return replace(falling((Residual("Y", "add ** 2", scale="log"),))).with_values(add=0.15)


CASES = {
    "between occasions": (occasions, lambda: measured(occasions(), 25, occasions=2, times=TIMES)),
    "M3": (limited, lambda: measured(falling((Residual("Y", "add ** 2"),)), 30, times=TIMES)),
    "logarithms on both sides": (logarithms, lambda: measured(logarithms(), 25, times=TIMES)),
    "yes or no": (lambda: outcome("bernoulli"), lambda: drawn(outcome("bernoulli"), 40, 1)),
    "grades": (lambda: outcome("ordinal"), lambda: drawn(outcome("ordinal"), 40, 2)),
    "counts": (lambda: outcome("poisson"), lambda: drawn(outcome("poisson"), 30, 3)),
    "events": (survival, lambda: survived(40, 1)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_saem_finds_what_quadrature_finds(name):
    make, draw = CASES[name]
    model, data = make(), draw()
    exact = fit(model, data, GaussHermite(points=7), covariance="R")
    begin = model.with_values(**{n: 1.2 * v for n, v in model.fixed_values.items()})
    found = fit(begin, data, SAEM(samples=1000), covariance="R", seed=1)
    assert exact.succeeded, exact.status
    assert found.succeeded, found.status
    for parameter, value in exact.estimates.items():
        # Newton's steps end where they promise 0.1 at most: a third of a standard error in the worst direction.
        error = exact.standard_errors[parameter]
        assert found.estimates[parameter] == pytest.approx(value, abs=0.2 * error), parameter
        assert found.standard_errors[parameter] == pytest.approx(error, rel=0.15), parameter
    assert objective(found.model, data, GaussHermite(points=7)) - exact.objective < 0.1
    assert abs(found.objective - exact.objective) < 4 * found.objective_error + 0.1


def test_the_cases_are_what_they_are_called():
    assert 0.05 < (CASES["M3"][1]().observations["dv"] < 3.5).mean() < 0.6
    assert np.ptp(CASES["grades"][1]().observations["dv"]) == 2
    assert occasions().random[1].level == "occasion"
