"""Populations by NUTS: exact gradients, a posterior that is known, what is told of chains, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_data import LEVEL, between_occasions, measured, oral, straight_lines

from understudy import methods
from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.logarithmic_axes import LogarithmicAxes
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.population_coordinates import PopulationCoordinates
from understudy.inference.estimation.population_density import PopulationDensity
from understudy.inference.estimation.population_prior import PopulationPrior, WeakPriors
from understudy.inference.estimation.posterior_draws import posterior_draws, posterior_models
from understudy.inference.estimation.posterior_summary import _doubts, _status, posterior_estimate
from understudy.inference.fit import Fit
from understudy.inference.predictor import Predictor
from understudy.inference.sampling.long_chains import Stand
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


def without_effects() -> PopulationModel:
    individual = {"ka": "theta_ka", "CL": "theta_CL * (WT / 70[kg]) ** 0.75", "V": "theta_V"}
    return oral(individual=individual, random=())


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
    "no effects": (without_effects, 1),
}


def coordinates_of(density: PopulationDensity, partial: bool = True) -> PopulationCoordinates:
    """About the model's own values, from which nothing is known of the parameters."""
    nothing = np.full((density.parameters,) * 2, np.nan)
    return PopulationCoordinates.about(density, density.task.start, nothing, partial)


@pytest.mark.parametrize("partial", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_differences(case, partial):
    make, occasions = CASES[case]
    coordinates = coordinates_of(density_of(make(), measured(make(), 3, occasions)), partial)
    if case == "M3":
        assert coordinates.density.task.predictor.censoring.affected.size
    dimensions = coordinates.density.dimensions
    points = np.random.default_rng(1).normal(size=(2, dimensions))
    _, gradient = coordinates(points)
    shifts = 1e-5 * np.eye(dimensions)
    for k, point in enumerate(points):
        moved = coordinates(np.concatenate([point + shifts, point - shifts]))[0]
        differences = (moved[:dimensions] - moved[dimensions:]) / 2e-5
        # Central differences of values of some hundreds err by 1e-16 * 1e3 / 1e-5 = 1e-8 at least.
        np.testing.assert_allclose(gradient[k], differences, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("partial", [True, False])
def test_coordinates_keep_the_density(partial):
    """The density of the coordinates is that of the points times the determinant of the map, by differences."""
    density = density_of(oral(), measured(oral(), 2))
    coordinates = coordinates_of(density, partial)
    points = np.random.default_rng(2).normal(size=(3, density.dimensions))

    def log_volume(y: np.ndarray) -> float:
        shifts = 1e-5 * np.eye(y.size)
        moved = coordinates.points(y + shifts) - coordinates.points(y - shifts)
        return np.linalg.slogdet(moved / 2e-5)[1]

    own = coordinates(points)[0] - density(coordinates.points(points))[0]
    expected = np.array([log_volume(y) for y in points])
    # Differences of second order: 1e-10 each, of fifteen coordinates.
    np.testing.assert_allclose(own - own[0], expected - expected[0], atol=1e-7)


def test_individuals_are_standard_normal_where_data_are_normal():
    """Straight lines with normal effects and errors: given any parameters, each individual's are exactly that."""
    density = density_of(straight_lines(), measured(straight_lines(), 4))
    coordinates = coordinates_of(density)
    numbers = np.random.default_rng(3)
    point = np.zeros((1, density.dimensions))
    move = 0.6 * numbers.normal(size=density.parameters)
    point[:, : density.parameters] = np.linalg.solve(coordinates.root, move)
    w = numbers.normal(size=(5, density.dimensions - density.parameters))
    points = np.tile(point, (6, 1))
    points[1:, density.parameters :] = w
    value, gradient = coordinates(points)
    # The axis of the residual error is a hyperbolic sine, a logarithm to 1e-4: so is the information along it.
    np.testing.assert_allclose(value[1:] - value[0], -0.5 * (w**2).sum(axis=1), atol=1e-3)
    np.testing.assert_allclose(gradient[1:, density.parameters :], -w, atol=1e-3)


def test_axes_are_logarithmic_where_parameters_are_proportional():
    density = density_of(oral(), measured(oral(), 2))
    bent = coordinates_of(density).axes.bent
    assert dict(zip(density.task.space.names, bent, strict=True)) == {
        n: n in ("theta_ka", "theta_CL", "theta_V", "prop") for n in density.task.space.names
    }
    # Those with a bound are logarithms already; means of normal effects are straight.
    own = density_of(bounded(), measured(bounded(), 2))
    assert {own.task.space.names[k] for k in np.flatnonzero(coordinates_of(own).axes.bent)} == {"prop"}
    lines = density_of(straight_lines(), measured(straight_lines(), 2))
    assert {lines.task.space.names[k] for k in np.flatnonzero(coordinates_of(lines).axes.bent)} == {"add"}


def test_an_axis_goes_through_zero():
    axes = LogarithmicAxes(np.array([-4.0]), np.array([True]))
    beyond = axes.vectors(np.array([[-2 * np.arcsinh(100.0)], [-np.arcsinh(100.0)], [0.0]]))
    np.testing.assert_allclose(beyond[:, 0], [4.0, 0.0, -4.0], atol=1e-12)


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


def test_stated_priors_are_the_penalty_that_other_methods_have():
    model = with_priors()
    held = tuple(replace(p, fixed=p.name == "theta_slope") for p in model.fixed)
    for each in (model, replace(model, fixed=held)):
        space = Task(Predictor(each, measured(each, 2))).space
        vectors = space.start + 0.3 * np.random.default_rng(4).normal(size=(3, space.start.size))
        value, gradient = PopulationPrior(space, WeakPriors())._stated(vectors)
        penalty = np.array([space.penalty(vector) for vector in vectors])
        slopes = np.array([space.penalty_gradient(vector) for vector in vectors])
        # Up to a constant; roundings of some tens.
        np.testing.assert_allclose(value - value[0], -0.5 * (penalty - penalty[0]), atol=1e-11)
        np.testing.assert_allclose(gradient, -0.5 * slopes, rtol=1e-9, atol=1e-10)


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


def test_one_parameter_without_agreement_is_no_success():
    row = {"rhat": 1.0, "ess_bulk": 900.0, "ess_tail": 800.0}
    for order in (("a", "b"), ("b", "a")):
        rows = {"a": row, "b": dict.fromkeys(row, np.nan)}
        details = told() | {"posterior": {name: rows[name] for name in order}}
        assert _status(details)[1] is False


def test_chains_that_never_move_are_told_and_do_not_end_in_an_error():
    density = density_of(straight_lines(), measured(straight_lines(), 3))
    coordinates = coordinates_of(density)
    stand = Stand.begin(np.zeros((2, density.dimensions)), density.parameters)
    stuck = replace(stand, samples=np.zeros((2, 6, density.dimensions)), energy=np.zeros((2, 6)))
    found = posterior_estimate(density, coordinates, stuck, {})
    assert not found.succeeded
    assert "R-hat nan" in found.status


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


@pytest.mark.parametrize("partial", [True, False])
@pytest.mark.parametrize("far", [-2000.0, 2000.0, np.nan])
def test_a_chain_that_is_lost_does_not_end_the_others(partial, far):
    """Of exponentials that underflow and overflow: omega is singular, or no number."""
    coordinates = coordinates_of(density_of(straight_lines(), measured(straight_lines(), 2)), partial)
    own = 0.1 * np.ones(coordinates.density.dimensions)
    lost = own.copy()
    lost[3], lost[0] = 10.0 * far, np.nan
    value, gradient = coordinates(np.array([own, lost]))
    alone = coordinates(own[None])
    assert value[0] == pytest.approx(alone[0][0], rel=1e-12)
    np.testing.assert_allclose(gradient[0], alone[1][0], rtol=1e-9, atol=1e-9)
    assert value[1] == -np.inf
