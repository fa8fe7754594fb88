"""Outcomes that are no levels in the likelihood: written out, sloped, found, refused, drawn."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from understudy.core.errors import DataError, ModelError, SimulationError, UnitError
from understudy.data.records import Records
from understudy.inference.diagnose import diagnose, measurement_draws
from understudy.inference.estimation.fitting import fit
from understudy.inference.forecast import forecast
from understudy.inference.individualise import individualise
from understudy.inference.likelihood import Likelihood
from understudy.inference.modes import find_modes
from understudy.inference.objective import objective
from understudy.inference.predictor import Predictor
from understudy.model.distribution import Distribution
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

# A drug that leaves the body, an effect of its level, and a hazard that grows into a state.
BASE = Model(
    "drug", "h", {"k": (0.2, "1/h"), "base": 0.5, "slope": (0.3, "L/mg"), "rate": (0.05, "1/h")},
    {"A": "mg", "H": "1"}, {"A": "-k * A", "H": "rate * exp(slope * A / 10[L])"},
    outputs={
        "C": ("A / 10[L]", "mg/L"), "x": "base + slope * A / 10[L]", "mean": "exp(base + slope * A / 10[L])",
        "events": ("H", "1"), "hazard": ("rate * exp(slope * A / 10[L])", "1/h"),
    },
)  # fmt: skip
KINDS = {
    "bernoulli": ("x", {"probability": "expit(x)"}, [0, 1, 1, 0]),
    "ordinal": ("x", {"threshold_1": "cut", "threshold_2": "cut + 1.5 * exp(eta_base / 3)"}, [0, 1, 2, 1]),
    "poisson": ("mean", {}, [0, 3, 1, 2]),
    "negative_binomial": ("mean", {"overdispersion": "alpha * exp(eta_base)"}, [0, 7, 1, 2]),
    "zero_inflated_poisson": ("mean", {"zero": "expit(cut)"}, [0, 3, 0, 2]),
    "time_to_event": ("events", {"hazard": "hazard"}, [0, 1, 0, 2]),
    "log_likelihood": (
        "x",
        {"log_density": "-0.5 * ((DV - x) / alpha) ** 2 - log(alpha)"},
        [0.3, 1.2, -0.4, 0.9],
    ),
}


def population(kind: str) -> PopulationModel:
    output, parameters, _ = KINDS[kind]
    return PopulationModel(
        kind, BASE,
        individual={"base": "theta + eta_base", "slope": "theta_slope * exp(eta_slope)"},
        fixed={"theta": 0.4, "theta_slope": (0.3, "L/mg"), "cut": -0.6, "alpha": 0.8},
        random={"eta_base": 0.3, "eta_slope": 0.1},
        distributions=(Distribution(output, kind, parameters),),
    )  # fmt: skip


def records(kind: str, patients: int = 3) -> Records:
    rows = []
    for n in range(patients):
        rows.append({"ID": n + 1, "TIME": 0.0, "AMT": 40.0, "DV": None})
        values = np.roll(KINDS[kind][2], n)
        rows += [{"ID": n + 1, "TIME": 1.0 + 2 * k, "AMT": 0.0, "DV": v} for k, v in enumerate(values)]
    return Records.from_frame(pd.DataFrame(rows).assign(DVID=KINDS[kind][0]))


def written_out(kind: str, eta: np.ndarray) -> float:
    """Minus twice the joint log-density of the first patient."""
    times, values = np.array([1.0, 3.0, 5.0, 7.0]), np.array(KINDS[kind][2], dtype=float)
    level = 4.0 * np.exp(-0.2 * times)
    slope, base = 0.3 * np.exp(eta[1]), 0.4 + eta[0]
    x, mean = base + slope * level, np.exp(base + slope * level)
    if kind == "bernoulli":
        log = stats.bernoulli(expit(x)).logpmf(values)
    elif kind == "ordinal":
        cuts = [np.inf, -np.inf, -0.6, -0.6 + 1.5 * np.exp(eta[0] / 3)]
        above = [np.ones(4), *(expit(x - cut) for cut in cuts[2:]), np.zeros(4)]
        log = np.log([above[int(v)][k] - above[int(v) + 1][k] for k, v in enumerate(values)])
    elif kind == "poisson":
        log = stats.poisson(mean).logpmf(values)
    elif kind == "negative_binomial":
        alpha = 0.8 * np.exp(eta[0])
        log = stats.nbinom(1 / alpha, 1 / (1 + alpha * mean)).logpmf(values)
    elif kind == "zero_inflated_poisson":
        zero = expit(-0.6)
        log = np.log(zero * (values == 0) + (1 - zero) * stats.poisson(mean).pmf(values))
    elif kind == "time_to_event":
        hazard = lambda t: 0.05 * np.exp(slope * 4.0 * np.exp(-0.2 * t))  # noqa: E731
        grid = np.linspace(0, 7, 70_001)
        whole = np.interp(
            times, grid, np.r_[0, np.cumsum((hazard(grid[1:]) + hazard(grid[:-1])) / 2 * np.diff(grid))]
        )
        growth = np.diff(whole, prepend=0.0)
        log = [-growth[0], np.log(hazard(3.0)) - growth[1], -growth[2], np.log(1 - np.exp(-growth[3]))]
    else:
        log = -0.5 * ((values - x) / 0.8) ** 2 - np.log(0.8)
    return -2 * float(np.sum(log)) + eta[0] ** 2 / 0.3 + eta[1] ** 2 / 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_the_joint_density_written_out(kind):
    eta = np.array([0.3, -0.2])
    likelihood = Likelihood(Predictor(population(kind), records(kind)))
    found = likelihood.value(np.broadcast_to(eta, (1, 3, 2)))[0, 0]
    # The solver's error of the hazard's integral is 1e-7; the others are exact.
    assert found == pytest.approx(written_out(kind, eta), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_by_random_and_fixed_effects_are_those_of_differences(kind):
    likelihood = Likelihood(Predictor(population(kind), records(kind)))
    eta, step = np.array([0.3, -0.2])[None, None] * np.array([1.0, 0.5, -1.0])[None, :, None], 1e-4
    at = likelihood.slopes(eta, with_fixed=True)
    gradient = likelihood.gradient(eta, at)[0]
    for k in range(2):
        shift = step * np.eye(2)[k]
        wanted = (likelihood.value(eta + shift) - likelihood.value(eta - shift))[0] / (4 * step)
        # Differences err by 1e-8 in their own step and by the solver's 1e-9 over the step.
        np.testing.assert_allclose(gradient[:, k], wanted, atol=3e-5)
    scores = likelihood.sum_by_patient(np.moveaxis(likelihood.scores(at)[0, :, 2:], -1, 0))
    own = np.array([p.value for p in likelihood.predictor.model.fixed])
    for k in range(own.size):
        ahead, behind = (
            Likelihood(likelihood.predictor, own + sign * step * np.eye(own.size)[k]).value(eta)[0]
            for sign in (1, -1)
        )
        np.testing.assert_allclose(scores[k], (ahead - behind) / (4 * step), atol=3e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_modes_are_found(kind):
    likelihood = Likelihood(Predictor(population(kind), records(kind)))
    modes, failed = find_modes(likelihood)
    assert not failed.any()
    gradient = likelihood.gradient(modes[None], likelihood.slopes(modes[None]))
    assert np.abs(gradient).max() < 1e-4


def test_laplace_is_near_the_integral():
    model = population("poisson")
    single = PopulationModel(
        "one effect",
        BASE,
        {"base": "theta + eta"},
        {"theta": 0.4},
        {"eta": 0.3},
        distributions={"mean": "poisson"},
    )
    data = records("poisson")
    eta = np.linspace(-6, 6, 4001)
    likelihood = Likelihood(Predictor(single, data))
    joint = np.concatenate(
        [likelihood.value(np.repeat(part[:, None, None], 3, 1)) for part in np.split(eta[:-1], 40)]
    )
    whole = (np.exp(-0.5 * joint).sum(0)) * (eta[1] - eta[0]) / np.sqrt(2 * np.pi * 0.3)
    # Four counts bend the posterior little: Laplace's approximation is off by a hundredth a patient.
    assert objective(single, data, method="laplace") == pytest.approx(-2 * np.log(whole).sum(), abs=0.05)
    assert model.output_names == ("mean",)


def test_focei_is_refused_with_the_way_out():
    with pytest.raises(SimulationError, match="no level") as caught:
        fit(population("poisson"), records("poisson"), "focei")
    assert "Laplace() or SAEM()" in caught.value.repair
    with pytest.raises(SimulationError, match="no level"):
        objective(population("poisson"), records("poisson"))


def test_impossible_outcomes_name_the_row():
    frame = records("bernoulli").table
    frame["dv"] = frame["dv"].where(frame["row"] != 3, 2.0)
    with pytest.raises(DataError, match="no outcome of x") as caught:
        Predictor(population("bernoulli"), Records.from_frame(frame))
    assert caught.value.problems[0].row == 3


def test_a_cumulative_hazard_may_not_be_reset():
    frame = records("time_to_event").table
    frame.loc[len(frame)] = frame.iloc[-1]
    frame.loc[len(frame) - 1, ["time", "evid", "mdv", "dv"]] = [9.0, 3, 1, np.nan]
    frame["row"] = range(2, len(frame) + 2)
    with pytest.raises(SimulationError, match="resets"):
        Predictor(population("time_to_event"), Records.from_frame(frame.drop(columns="row")))


@pytest.mark.parametrize(
    ("kind", "parameters", "match"),
    [
        ("gamma", {}, "unknown distribution"),
        ("negative_binomial", {}, "parameters of x"),
        ("ordinal", {"threshold_2": "1"}, "parameters of x"),
        ("poisson", {"spread": "1"}, "parameters of x"),
    ],
)
def test_parameters_must_fit_the_kind(kind, parameters, match):
    with pytest.raises(ModelError, match=match):
        Distribution("x", kind, parameters)


def test_undefined_and_ambiguous_names_are_refused():
    with pytest.raises(ModelError, match="undefined name 'DV'"):
        PopulationModel("p", BASE, distributions=(Distribution("x", "poisson", {"mean": "x * DV"}),))
    with pytest.raises(ModelError, match="scatters in two ways"):
        PopulationModel("p", BASE, residual={"x": "1"}, distributions={"x": "poisson"})


def test_units_are_proved():
    population("time_to_event").check_units()
    wrong = PopulationModel("p", BASE, distributions=(Distribution("C", "poisson"),))
    with pytest.raises(UnitError, match="mean of C"):
        wrong.check_units()


def test_the_content_goes_through_json():
    model = population("ordinal")
    assert PopulationModel.from_json(model.to_json()) == model
    assert "x ~ ordinal(location = x, threshold_1 = cut" in repr(model)


def test_outcomes_are_drawn_at_the_records_times():
    predictor = Predictor(population("poisson"), records("poisson"))
    vectors = np.zeros((4000, 3, 2))
    drawn = measurement_draws(predictor, vectors, seed=1)
    mean = predictor.natural(vectors[:1])[0]
    # Standard errors of 4000 draws.
    assert (np.abs(drawn.mean(0) - mean) < 4 * np.sqrt(mean / 4000)).all()
    assert (drawn == np.floor(drawn)).all()


def test_twins_and_forecasts_of_counts():
    twins = individualise(population("poisson"), records("poisson"))
    table = diagnose(twins, draws=20).observations
    assert table["iwres"].isna().all()
    assert np.isfinite(table[["population", "individual", "lower", "upper"]].to_numpy()).all()
    outcome = forecast(twins, "40 mg", [1.0, 4.0], draws=10, measured=True, outputs=["mean"])
    values = outcome["mean"].values
    assert (values == np.floor(values)).all()


def test_exact_event_times_and_own_likelihoods_are_not_drawn():
    zero = np.zeros((1, 3, 2))
    with pytest.raises(SimulationError, match="times of events are outcomes themselves"):
        measurement_draws(Predictor(population("time_to_event"), records("time_to_event")), zero, 0)
    with pytest.raises(SimulationError, match="cannot be drawn"):
        measurement_draws(Predictor(population("log_likelihood"), records("log_likelihood")), zero, 0)
