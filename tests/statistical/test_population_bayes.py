"""Populations by NUTS, calibrated by simulation: parameters drawn from their priors lie anywhere in their posteriors.

Talts S, Betancourt M, Simpson D, Vehtari A, Gelman A. Validating Bayesian inference algorithms with simulation-based
calibration, arXiv:1804.06788.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import invwishart

from understudy import Model, PopulationModel, Records, fit, methods
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.posterior_draws import posterior_draws
from understudy.inference.predictor import Predictor
from understudy.model.population_model import RandomEffects
from understudy.model.prior import InverseWishart, NormalPrior

REPLICATES, PATIENTS, TIMES = 20, 8, (1.0, 2.0, 4.0, 8.0)
MODE, DEGREES = np.array([[0.6, 0.0], [0.0, 0.1]]), 12.0
LEVEL = Model(
    "level", "h", {"base": 1.0, "slope": 0.0}, {"A": "1"}, {"A": "0"}, outputs={"Y": "base + slope * t"}
)


def lines() -> PopulationModel:
    block = RandomEffects(
        ("eta_base", "eta_slope"),
        ((0.6, 0.05), (0.05, 0.1)),
        prior=InverseWishart(tuple(map(tuple, MODE)), DEGREES),
    )
    return PopulationModel(
        "lines",
        LEVEL,
        {"base": "theta_base + eta_base", "slope": "theta_slope + eta_slope"},
        {"theta_base": 5.0, "theta_slope": 0.5, "add": 0.4},
        (block,),
        {"Y": "add ** 2"},
        priors=(
            NormalPrior(("theta_base", "theta_slope"), (5.0, 0.5), ((0.5, 0.0), (0.0, 0.1))),
            NormalPrior("add", np.log(0.4), 0.1, "log"),
        ),
    )


def drawn_truth(numbers: np.random.Generator) -> tuple[dict[str, float], np.ndarray]:
    """Fixed effects and omega from their priors."""
    fixed = {
        "theta_base": numbers.normal(5.0, 0.5**0.5),
        "theta_slope": numbers.normal(0.5, 0.1**0.5),
        "add": float(np.exp(numbers.normal(np.log(0.4), 0.1**0.5))),
    }
    # Its mode is the scale divided by the degrees of freedom, the size and one.
    omega = invwishart(DEGREES, (DEGREES + 3.0) * MODE).rvs(random_state=numbers)
    return fixed, omega


def measured(fixed: dict[str, float], omega: np.ndarray, numbers: np.random.Generator) -> Records:
    import pandas as pd

    eta = numbers.multivariate_normal(np.zeros(2), omega, PATIENTS)
    rows = [
        {"ID": k + 1, "TIME": t, "EVID": 0, "AMT": 0.0,
         "DV": fixed["theta_base"] + eta[k, 0] + (fixed["theta_slope"] + eta[k, 1]) * t
         + fixed["add"] * numbers.normal()}
        for k in range(PATIENTS) for t in TIMES
    ]  # fmt: skip
    return Records.from_frame(pd.DataFrame(rows))


def rank(replicate: int, parametrisation: str, draws: int = 100) -> dict[str, float]:
    """The share of draws below the truth, of every parameter."""
    numbers = np.random.default_rng([7, replicate])
    fixed, omega = drawn_truth(numbers)
    records, model = measured(fixed, omega, numbers), lines()
    method = methods.NUTS(draws=draws, warmup=80, chains=4, parametrisation=parametrisation)
    table = posterior_draws(fit(model, records, method, seed=replicate, covariance=None))
    space = Task(Predictor(model, records)).space
    values = replace(
        space.values(space.start), fixed=np.array([fixed[p.name] for p in model.fixed]), blocks=(omega,)
    )
    truth = dict(zip(space.names, space.named(values), strict=True))
    return {name: float((table[name] < truth[name]).mean()) for name in space.names}


@pytest.mark.slow
@pytest.mark.parametrize("parametrisation", ["partial", "non-centred"])
def test_truths_lie_anywhere_in_their_posteriors(parametrisation):
    ranks = [rank(k, parametrisation) for k in range(REPLICATES)]
    for name in ranks[0]:
        own = np.array([each[name] for each in ranks])
        # Of uniform ranks the mean has a standard error of sqrt(1 / 12 / n), their variance one of sqrt(1 / 180 / n):
        # 3.5 of them leave two in ten thousand for each of the twelve numbers.
        assert abs(own.mean() - 0.5) < 3.5 * np.sqrt(1 / 12 / REPLICATES), name
        assert abs(own.var() - 1 / 12) < 3.5 * np.sqrt(1 / 180 / REPLICATES), name
