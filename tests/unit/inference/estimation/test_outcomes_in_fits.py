"""Everything beyond normal levels by the methods that take the likelihood as it is: exact gradients, and recovery."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from simulated_data import measured, oral

from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.diagnose import measurement_draws
from understudy.inference.diagnostics.replicates import prior_vectors
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.laplace import Laplace
from understudy.inference.estimation.method import Task
from understudy.inference.event_times import simulate_events
from understudy.inference.predictor import Predictor
from understudy.model.mixture import Mixture
from understudy.model.model import Model
from understudy.model.parts import Parameter
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects, Residual
from understudy.model.prior import NormalPrior
from understudy.model.residual import ResidualCorrelation
from understudy.population.virtual import virtual_patients

# Quantities that a dose moves, and a hazard that it lowers.
BASE = Model(
    "effect", "d", {"base": 0.5, "slope": 0.5, "rate": (0.05, "1/d"), "protection": 0.5}, {"A": "mg", "H": "1"},
    {"A": "-0.3[1/d] * A", "H": "rate * exp(-protection * A / 10[mg])"},
    outputs={
        "x": "base + slope * A / 10[mg]", "mean": "exp(base + slope * A / 10[mg])", "event": "H",
        "hazard": ("rate * exp(-protection * A / 10[mg])", "1/d"),
    },
)  # fmt: skip
KINDS = {
    "bernoulli": ("x", {"probability": "expit(x)"}),
    "ordinal": ("x", {"threshold_1": "-0.5", "threshold_2": "cut"}),
    "poisson": ("mean", {}),
    "negative_binomial": ("mean", {"overdispersion": "alpha"}),
    "zero_inflated_poisson": ("mean", {"zero": "share"}),
}


def outcome(kind: str) -> PopulationModel:
    output, parameters = KINDS[kind]
    fixed = [Parameter("theta", 0.6), Parameter("theta_slope", 0.4)]
    added = {
        "ordinal": ("cut", 1.0),
        "negative_binomial": ("alpha", 0.4),
        "zero_inflated_poisson": ("share", 0.3),
    }
    if kind in added:
        fixed.append(
            Parameter(*added[kind], lower=0.0, upper=1.0 if kind == "zero_inflated_poisson" else np.inf)
        )
    return PopulationModel(
        kind, BASE, {"base": "theta + eta", "slope": "theta_slope"}, tuple(fixed), {"eta": 0.5},
        distributions={output: (kind, parameters)},
    )  # fmt: skip


def drawn(model: PopulationModel, patients: int, seed: int, times=(0.5, 1, 2, 3, 5, 7, 10, 14)) -> Records:
    rows = []
    for n in range(patients):
        rows.append({"ID": n + 1, "TIME": 0.0, "AMT": 10.0 * (n % 4), "EVID": 1 if n % 4 else 2, "DV": None})
        rows += [{"ID": n + 1, "TIME": t, "AMT": 0.0, "EVID": 0, "DV": 0.0} for t in times]
    frame = pd.DataFrame(rows).assign(DVID=model.output_names[0])
    predictor = Predictor(model, Records.from_frame(frame))
    frame.loc[frame["EVID"] == 0, "DV"] = measurement_draws(
        predictor, prior_vectors(predictor, 1, seed), seed
    )[0]
    return Records.from_frame(frame)


def survival() -> PopulationModel:
    return PopulationModel(
        "events", BASE, {"rate": "theta * exp(eta)", "protection": "theta_protection"},
        (Parameter("theta", 0.08, "1/d", lower=0.0), Parameter("theta_protection", 0.8)), {"eta": 0.3},
        distributions={"event": ("time_to_event", {"hazard": "hazard"})},
    )  # fmt: skip


def survived(patients: int, seed: int) -> Records:
    """Repeated events of patients of whom half are dosed."""
    model, frames = survival(), []
    table = virtual_patients(model, count=patients, seed=seed)
    for dosed in (0, 1):
        own = table.iloc[dosed::2]
        events = simulate_events(
            model, own, "40 mg" if dosed else None, until=40.0, repeated=True, seed=seed + dosed
        )
        events["AMT"] = np.where(events["EVID"] == 2, 40.0 * dosed, 0.0)
        events["EVID"] = np.where(events["AMT"] > 0, 1, events["EVID"])
        frames.append(events)
    return Records.from_frame(pd.concat(frames, ignore_index=True))


def limited(blq: str) -> PopulationModel:
    return oral(
        residual=(Residual("Cp", "add ** 2", lower_limit=0.5, blq=blq),),
        fixed={"theta_ka": (1.2, "1/h"), "theta_CL": (4.0, "L/h"), "theta_V": (40.0, "L"), "add": 0.25},
        random=(RandomEffects(("eta_CL", "eta_V"), ((0.09, 0.03), (0.03, 0.06))),),
        individual={"ka": "theta_ka", "CL": "theta_CL * exp(eta_CL)", "V": "theta_V * exp(eta_V)"}, covariates={},
    )  # fmt: skip


def correlated() -> PopulationModel:
    """Correlated in pairs, in a model of two levels."""
    base = Model(
        "two", "h", {"k": 0.2, "E0": 3.0}, {"A": "1"}, {"A": "-k * A"}, outputs={"C": "A", "E": "E0 + A"}
    )
    return PopulationModel(
        "two", base, {"k": "0.2 * exp(eta)", "E0": "theta"}, {"theta": 3.0, "prop": 0.2, "rho": 0.6}, {"eta": 0.1},
        {"C": "(prop * C) ** 2 + 0.01", "E": "(prop * E) ** 2"},
        correlations=(ResidualCorrelation(("C", "E"), "rho"),),
    )  # fmt: skip


def both(model: PopulationModel, patients: int) -> Records:
    rows = []
    for n in range(patients):
        rows.append({"ID": n + 1, "TIME": 0.0, "AMT": 5.0, "DV": None, "DVID": "C"})
        rows += [
            {"ID": n + 1, "TIME": t, "AMT": 0.0, "DV": 1.0, "DVID": o}
            for t in (1.0, 3.0, 6.0)
            for o in ("C", "E")
        ]
    frame = pd.DataFrame(rows)
    predictor = Predictor(model, Records.from_frame(frame))
    frame.loc[frame["AMT"] == 0, "DV"] = measurement_draws(predictor, prior_vectors(predictor, 1, 3), 3)[0]
    return Records.from_frame(frame)


CASES = {
    **{kind: (outcome(kind), lambda kind=kind: drawn(outcome(kind), 6, 1)) for kind in KINDS},
    "events": (survival(), lambda: survived(6, 1)),
    "M4": (limited("M4"), lambda: measured(limited("M4"), 6)),
    "correlated": (correlated(), lambda: both(correlated(), 5)),
    "priors": (
        replace(outcome("poisson"), priors=(NormalPrior("theta", 0.2, 0.04),)), lambda: drawn(outcome("poisson"), 6, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_laplace_are_exact(name):
    model, data = CASES[name]
    search = Laplace().objective(task := Task(Predictor(model, data())))
    vector, step = task.start + 0.05 * np.sin(np.arange(task.start.size) + 1.0), 1e-3
    at = search.point(vector, None)
    assert np.isfinite(at.value)
    for k in range(vector.size):
        ahead, behind = (
            search.point(vector + sign * step * np.eye(vector.size)[k], at).value for sign in (1, -1)
        )
        # Central differences of 1e-3 err by a third derivative times 2e-7; hazards are integrated to 1e-8.
        assert at.gradient[k] == pytest.approx((ahead - behind) / (2 * step), rel=1e-4, abs=2e-3), name


def _near(found, truth: PopulationModel) -> None:
    assert found.succeeded, found.status
    for name, value in truth.fixed_values.items():
        assert abs(found.estimates[name] - value) < 4 * found.standard_errors[name], name


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_outcomes_are_found_again(kind):
    truth = outcome(kind)
    begin = truth.with_values(theta=0.2, theta_slope=0.1)
    _near(fit(begin, drawn(truth, 100, 5), Laplace(), covariance="R"), truth)


@pytest.mark.slow
def test_hazards_are_found_again():
    truth = survival()
    begin = truth.with_values(theta=0.04, theta_protection=0.1)
    _near(fit(begin, survived(120, 5), Laplace(), covariance="R"), truth)


@pytest.mark.slow
@pytest.mark.parametrize("blq", ["M3", "M4"])
def test_levels_below_the_limit_do_not_bias(blq):
    truth = limited(blq)
    data = measured(truth, 80, seed=7)
    below = (data.observations["dv"] < 0.5).mean()
    assert 0.1 < below < 0.5
    _near(fit(truth.with_values(theta_CL=6.0, add=0.4), data, Laplace(), covariance="R"), truth)


def test_methods_of_expectation_and_maximisation_refuse_mixtures():
    model = replace(
        outcome("poisson"), covariates=(Covariate("GROUP"),), mixture=Mixture("GROUP", ("0.4", "0.6")),
    )  # fmt: skip
    data = drawn(outcome("poisson"), 3, 1)
    for method in ("saem", "its", "imp", "impmap"):
        with pytest.raises(SimulationError, match="cannot estimate a mixture"):
            fit(model, data, method)
