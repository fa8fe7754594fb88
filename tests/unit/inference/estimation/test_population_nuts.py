"""Populations by NUTS: exact gradients, a posterior that is known, what is told of chains, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_data import LEVEL, between_occasions, measured, oral, straight_lines

from understudy import methods
from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.omega_factor import OmegaFactor
from understudy.inference.estimation.population_density import PopulationDensity
from understudy.inference.estimation.population_prior import PopulationPrior, WeakPriors
from understudy.inference.estimation.posterior_draws import posterior_draws, posterior_models
from understudy.inference.estimation.posterior_summary import _doubts, _status
from understudy.inference.fit import Fit
from understudy.inference.predictor import Predictor
from understudy.model.mixture import Mixture
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects, Residual
from understudy.model.prior import InverseWishart, NormalPrior


def censored() -> PopulationModel:
    return oral(residual=(Residual("Cp", "(prop * Cp) ** 2", lower_limit=0.8, blq="M3"),))


def with_priors() -> PopulationModel:
    model = straight_lines()
    block = replace(model.random[0], prior=InverseWishart(((0.6, 0.0), (0.0, 0.1)), 25.0))
    priors = (
        NormalPrior(("theta_base", "theta_slope"), (4.5, 0.7), ((0.04, 0.01), (0.01, 0.05))),
        NormalPrior("add", np.log(0.5), 0.04, "log"),
    )
    return replace(model, random=(block,), priors=priors)


def bounded() -> PopulationModel:
    model = oral()
    bounds = {"theta_ka": (0.0, np.inf), "theta_CL": (0.0, 10.0), "theta_V": (-np.inf, 100.0)}
    changed = [
        replace(p, lower=bounds[p.name][0], upper=bounds[p.name][1]) if p.name in bounds else p
        for p in model.fixed
    ]
    return replace(model, fixed=tuple(changed))


def density_of(model: PopulationModel, records: Records) -> PopulationDensity:
    task = Task(Predictor(model, records))
    return PopulationDensity(task, PopulationPrior(task.space, WeakPriors()))


def test_values_come_back_from_their_names():
    task = Task(Predictor(oral(), measured(oral(), 2)))
    vector = task.start + 0.2
    named = task.space.named(task.space.values(vector))
    # Exponentials and roots there and back: some roundings.
    np.testing.assert_allclose(task.space.vector(task.space.values_of_named(named)), vector, rtol=1e-12)


CASES = {
    "block": (oral, 1),
    "occasions": (between_occasions, 2),
    "M3": (censored, 1),
    "priors": (with_priors, 1),
    "bounds": (bounded, 1),
}


@pytest.mark.parametrize("centred", ["none", "all", "last"])
@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_differences(case, centred):
    make, occasions = CASES[case]
    density = density_of(make(), measured(make(), 3, occasions), centred)
    if case == "M3":
        assert density.task.predictor.censoring.affected.size
    own = np.concatenate([density.task.start, np.zeros(density.dimensions - density.parameters)])
    points = own + 0.1 * np.random.default_rng(1).normal(size=(2, density.dimensions))
    _, gradient = density(points)
    shifts = 1e-5 * np.eye(density.dimensions)
    for k, point in enumerate(points):
        moved = density(np.concatenate([point + shifts, point - shifts]))[0]
        differences = (moved[: len(shifts)] - moved[len(shifts) :]) / 2e-5
        # Central differences of values of some hundreds err by 1e-16 * 1e3 / 1e-5 = 1e-8 at least.
        np.testing.assert_allclose(gradient[k], differences, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("which", ["all", "last"])
def test_both_parametrisations_are_one_density(which):
    """The density of eta is that of z divided by the determinant of L's centred blocks for every individual."""
    scaled = density_of(oral(), measured(oral(), 3))
    centred = density_of(oral(), measured(oral(), 3), which)
    point = np.concatenate([scaled.task.start, np.random.default_rng(2).normal(size=9)])[None]
    vectors, z = scaled.split(point)
    factor = OmegaFactor(scaled.task.space).of(vectors)
    mask = centred.is_centred
    own = np.where(mask, z @ np.swapaxes(factor, 1, 2), z)
    other = np.concatenate([vectors, own.reshape(1, -1)], axis=1)
    expected = scaled(point)[0] - 3 * np.log(np.diagonal(factor[0])[mask]).sum()
    # Sums of some tens of terms: rounding alone.
    np.testing.assert_allclose(centred(other)[0], expected, rtol=1e-12)


def test_default_priors_of_a_block_are_half_t_and_lkj():
    """By the change of variables in numbers: standard deviations and correlation from the vector, by differences."""
    from scipy.stats import t

    task = Task(Predictor(straight_lines(), measured(straight_lines(), 2)))
    prior = PopulationPrior(task.space, WeakPriors())

    def stated(vector: np.ndarray) -> np.ndarray:
        ((a, b), (_, d)) = task.space.values(vector).blocks[0]
        return np.array([np.sqrt(a), np.sqrt(d), b / np.sqrt(a * d)])

    def expected(vector: np.ndarray) -> float:
        jacobian = np.array([
            (stated(vector + 1e-6 * e) - stated(vector - 1e-6 * e)) / 2e-6 for e in np.eye(6)[3:]
        ])  # fmt: skip
        s, scales = stated(vector), prior.omega_scales(0)
        spreads = t.logpdf(s[:2], 3, scale=scales).sum()
        # LKJ(2) of one correlation is proportional to 1 - r squared.
        return spreads + np.log(1 - s[2] ** 2) + np.linalg.slogdet(jacobian)[1]

    start = task.start
    others = [start + np.r_[np.zeros(3), shift] for shift in ([0.3, -0.5, 0.2], [-1.0, 0.8, -0.4])]
    own = prior(np.array([start, *others]))[0]
    for value, vector in zip(own[1:], others, strict=True):
        # Differences of second order: 1e-10.
        assert value - own[0] == pytest.approx(expected(vector) - expected(start), abs=1e-7)


def levels(patients: int = 6) -> tuple[PopulationModel, Records]:
    """One unknown: the mean level, normal before the data and after them."""
    model = PopulationModel(
        "levels",
        LEVEL,
        {"base": "theta + eta"},
        {"theta": 5.0, "add": 0.5},
        (RandomEffects(("eta",), ((1.0,),), fixed=True),),
        {"Y": "add ** 2"},
        priors=(NormalPrior("theta", 4.0, 0.25),),
    )
    fixed = tuple(replace(p, fixed=p.name == "add") for p in model.fixed)
    model = replace(model, fixed=fixed)
    return model, measured(model, patients, times=(1.0, 2.0))


@pytest.fixture(scope="module")
def known():
    model, records = levels()
    return fit(model, records, methods.NUTS(draws=150, warmup=60, chains=4), seed=2)


def test_the_posterior_of_a_normal_mean_is_the_exact_one(known):
    model, records = levels()
    predictor = Predictor(model, records)
    means = np.bincount(predictor.patient, predictor.measured) / 2
    precision = len(means) / (1.0 + 0.25 / 2) + 1 / 0.25
    mean = (means.sum() / (1.0 + 0.25 / 2) + 4.0 / 0.25) / precision
    told = known.details["posterior"]["theta"]
    # Four Monte Carlo errors of the mean, of the standard deviation (1 / sqrt(2 ess)) and of the 2.5 % quantile, whose
    # density there makes it 2.7 times that of the mean.
    assert told["mean"] == pytest.approx(mean, abs=4 * told["mcse"])
    assert told["sd"] * precision**0.5 == pytest.approx(1.0, abs=4 / np.sqrt(2 * 0.5 * told["ess_bulk"]))
    assert known.interval("theta")[0] == pytest.approx(
        mean - 1.96 / precision**0.5, abs=4 * 2.7 * told["mcse"]
    )


def test_an_individual_is_shrunk_as_it_must_be(known):
    model, records = levels()
    predictor = Predictor(model, records)
    means = np.bincount(predictor.patient, predictor.measured) / 2
    expected = (means - known.estimates["theta"]) / (1.0 + 0.25 / 2)
    # Four Monte Carlo errors of about 0.35 / sqrt(500).
    np.testing.assert_allclose(known.effects["eta"], expected, atol=0.07)


def test_what_is_told_survives_the_file(known, tmp_path):
    known.write(tmp_path / "fit.json")
    again = Fit.read(tmp_path / "fit.json")
    assert again.interval("theta") == known.interval("theta")
    assert np.shape(again.details["draws"]["theta"]) == (4, 150)
    assert known.covariance_kind == again.covariance_kind == "posterior"
    assert known.estimates["theta"] == pytest.approx(np.mean(known.details["draws"]["theta"]))
    assert known.standard_errors["theta"] == pytest.approx(known.details["posterior"]["theta"]["sd"])


def test_draws_are_populations_to_simulate_from(known):
    table = posterior_draws(known)
    assert table.shape == (600, 1)
    first, last = posterior_models(known, 2)
    assert first.fixed_values["theta"] == table["theta"].iloc[0]
    assert last.fixed_values["theta"] == table["theta"].iloc[-1]
    with pytest.raises(SimulationError, match="has no draws"):
        posterior_draws(replace(known, details={}))


def test_the_prior_was_the_models_own(known):
    assert known.details["priors"] == ("theta: the model's, normal",)
    assert not any("default prior" in text for text in known.warnings)


def test_an_interrupted_run_gives_the_same_draws(tmp_path):
    model, records = levels(3)
    method = methods.NUTS(draws=60, warmup=20, chains=2)
    whole = fit(model, records, method, seed=5)

    def stop(step):
        if step.state.get("stage", 0) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model, records, method, seed=5, checkpoint=tmp_path / "kept.json", watch=stop)
    again = fit(model, records, method, seed=5, checkpoint=tmp_path / "kept.json")
    assert again.details["draws"] == whole.details["draws"]


def told(**changes) -> dict:
    row = {"rhat": 1.0, "ess_bulk": 900.0, "ess_tail": 800.0}
    found = {"posterior": {"theta": row | {k: v for k, v in changes.items() if k in row}}, "individuals": {}}
    return found | {"divergences": 0, "saturated": 0, "ebfmi": [0.9]} | changes


@pytest.mark.parametrize(
    ("changes", "word", "succeeded"),
    [
        ({}, "", True),
        ({"rhat": 1.02}, "R-hat 1.020", True),
        ({"rhat": 1.06}, "R-hat 1.060", False),
        ({"rhat": np.nan}, "R-hat nan", False),
        ({"ess_tail": 300.0}, "300 independent", True),
        ({"divergences": 3}, "3 trajectories diverged", True),
        ({"saturated": 2}, "limit on doublings", True),
        ({"ebfmi": [0.9, 0.2]}, "E-BFMI 0.20", True),
    ],
)
def test_doubts_are_told(changes, word, succeeded):
    details = told(**changes)
    assert _status(details)[1] is succeeded
    doubts = list(_doubts(details))
    assert bool(doubts) == bool(changes)
    assert word in " ".join(doubts)


def test_settings_without_meaning_are_refused():
    for bad in ({"draws": 0}, {"acceptance": 1.5}, {"omega_scale": -1.0}, {"parametrisation": "half"}):
        with pytest.raises(SimulationError, match="NUTS cannot have"):
            methods.NUTS(**bad)


def test_several_starts_are_refused():
    with pytest.raises(SimulationError, match="no best of 3 starts"):
        fit(*levels(2), "nuts", starts=3)


def test_a_mixture_is_refused():
    model = straight_lines()
    two = replace(
        model,
        fixed=(*model.fixed, replace(model.fixed[2], name="low", value=0.4)),
        covariates=(Covariate("GROUP"),),
        mixture=Mixture("GROUP", ("low", "1 - low")),
    )
    with pytest.raises(SimulationError, match="NUTS cannot estimate a mixture"):
        fit(two, measured(model, 2), "nuts")


@pytest.mark.parametrize("centred", ["none", "all", "last"])
def test_a_chain_that_is_lost_does_not_end_the_others(centred):
    density = density_of(straight_lines(), measured(straight_lines(), 2), centred)
    own = np.concatenate([density.task.start, np.full(4, 0.1)])
    lost = own.copy()
    lost[3] = -2000.0  # the exponential underflows: omega is singular
    lost[0] = np.nan
    value, _ = density(np.array([own, lost]))
    alone = density(own[None])[0]
    assert value[0] == pytest.approx(alone[0], rel=1e-12)
    assert value[1] == -np.inf
