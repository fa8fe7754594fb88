"""SAEM where the exact answer is known, its randomness, and what it keeps to."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from simulated_data import LEVEL, between_occasions, combined, measured, oral, straight_lines

from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.estimation.fitting import fit
from understudy.inference.estimation.gauss_hermite import GaussHermite
from understudy.inference.estimation.saem import SAEM
from understudy.model.parts import Parameter
from understudy.model.population_model import PopulationModel, RandomEffects, Residual

SHORT = SAEM(exploration=20, smoothing=15, samples=200)


@pytest.fixture(scope="module")
def lines() -> Records:
    return measured(straight_lines(), 25, seed=3)


@pytest.fixture(scope="module")
def exact(lines):
    """For straight lines FOCEI is the exact likelihood."""
    return fit(straight_lines(), lines, "focei", covariance="R")


@pytest.fixture(scope="module")
def found(lines):
    # Far from the estimates, with a covariance that begins small.
    start = replace(
        straight_lines().with_values(theta_base=3.0, theta_slope=1.5, add=1.2),
        random=(RandomEffects(("eta_base", "eta_slope"), ((0.3, 0.02), (0.02, 0.2))),),
    )
    return fit(start, lines, SAEM(samples=1000), covariance="R", seed=1)


def test_straight_lines_have_the_exact_maximum(found, exact):
    assert found.succeeded
    assert found.status == "converged"
    for name, value in exact.estimates.items():
        # A tenth of a standard error is what the tolerance of 0.2 complete-data standard errors bounds twice over.
        assert found.estimates[name] == pytest.approx(value, abs=0.1 * exact.standard_errors[name]), name


def test_the_objective_is_the_exact_one_within_its_error(found, exact):
    # The estimates' own distance from the maximum costs p * 0.1 ** 2 at most.
    assert 0 < found.objective_error < 0.2
    assert abs(found.objective - exact.objective) < 4 * found.objective_error + 0.06


def test_standard_errors_are_those_of_the_exact_likelihood(found, exact):
    for name, error in exact.standard_errors.items():
        # Relative error of a standard error, with a thousand draws and estimates a tenth of one away.
        assert found.standard_errors[name] == pytest.approx(error, rel=0.08), name


def test_what_it_tells(found):
    assert set(found.details["closed_form"]) == {"theta_base", "theta_slope"}
    trace = found.details["trace"]
    assert trace.shape == (found.iterations, 1 + len(found.standard_errors))
    assert 150 <= found.details["explored"] < found.iterations
    assert set(found.details["acceptance"]) == {"population", "visited", "one effect", "all effects"}
    # The walks are adapted to 0.3; one iteration's rate of some 100 draws scatters by 0.05.
    assert 0.1 < found.details["acceptance"]["all effects"] < 0.5


def test_a_seed_determines_everything(lines):
    one, again, other = (fit(straight_lines(), lines, SHORT, covariance=None, seed=s) for s in (1, 1, 2))
    assert one.estimates == again.estimates
    assert one.objective == again.objective
    assert one.estimates != other.estimates


@pytest.mark.parametrize("stop", [7, 24])
def test_an_interrupted_estimation_goes_on_as_if_it_had_not_been(lines, tmp_path, stop):
    path = tmp_path / "part.json"

    def interrupt(step):
        if step.number == stop:
            raise KeyboardInterrupt

    whole = fit(straight_lines(), lines, SHORT, covariance=None)
    with pytest.raises(KeyboardInterrupt):
        fit(straight_lines(), lines, SHORT, covariance=None, checkpoint=path, watch=interrupt)
    assert json.loads(path.read_text())["number"] == stop
    numbers = []
    rest = fit(
        straight_lines(),
        lines,
        SHORT,
        covariance=None,
        checkpoint=path,
        watch=lambda s: numbers.append(s.number),
    )
    assert numbers == list(range(stop + 1, 36))
    assert rest.estimates == whole.estimates
    assert rest.objective == whole.objective
    np.testing.assert_array_equal(rest.details["trace"], whole.details["trace"])


def test_one_that_was_cut_short_is_no_success(lines):
    start = straight_lines().with_values(theta_base=2.0, add=2.0)
    short = fit(start, lines, SAEM(exploration=15, smoothing=4, samples=100), covariance=None)
    assert not short.succeeded
    assert "drifted" in short.status or "trend" in short.status


def test_what_is_held_stays():
    model = oral(
        fixed=(
            Parameter("theta_ka", 1.2, "1/h", fixed=True), Parameter("theta_CL", 4.0, "L/h"),
            Parameter("theta_V", 40.0, "L"), Parameter("prop", 0.15, "1", fixed=True),
        ),
        random=(
            RandomEffects(("eta_ka",), ((0.2,),), fixed=True),
            RandomEffects(("eta_CL", "eta_V"), ((0.09, 0.0), (0.0, 0.06))),
        ),
    )  # fmt: skip
    found = fit(model, measured(oral(), 10), SHORT, covariance=None)
    assert found.estimates["theta_ka"] == 1.2
    assert found.estimates["prop"] == 0.15
    assert found.model.random[0].covariance == ((0.2,),)
    assert found.model.random[1].covariance[0][1] == 0.0
    assert found.estimates["theta_CL"] != 4.0


def test_bounds_are_kept():
    fixed = (
        Parameter("theta_ka", 1.2, "1/h", lower=0.1, upper=5.0), Parameter("theta_CL", 4.0, "L/h", lower=3.9),
        Parameter("theta_V", 30.0, "L", lower=20.0, upper=35.0), Parameter("prop", 0.15, "1", lower=0.0, upper=0.16),
    )  # fmt: skip
    steps = []
    found = fit(oral(fixed=fixed), measured(oral(), 10), SHORT, covariance=None, watch=steps.append)
    for parameter in fixed:
        assert parameter.lower < found.estimates[parameter.name] < parameter.upper
    # The records were drawn with 40 L: the estimate goes to its bound of 35.
    assert found.estimates["theta_V"] > 33.5
    assert len(steps) == 35
    assert all(np.isfinite(step.vector).all() for step in steps)


def test_a_model_without_random_effects_is_refused(lines):
    model = replace(
        straight_lines(), random=(RandomEffects(("eta_base", "eta_slope"), ((0.0, 0.0), (0.0, 0.0))),)
    )
    with pytest.raises(SimulationError, match="SAEM needs random effects"):
        fit(model, lines, SAEM())


def test_an_undefined_start_names_patients():
    bad = PopulationModel(
        "bad", LEVEL, {"base": "theta + eta"}, {"theta": -100.0}, {"eta": 0.01},
        (Residual("Y", "0.1", scale="log"),),
    )  # fmt: skip
    records = Records.from_frame(pd.DataFrame({"ID": ["x", "y"], "TIME": [1.0, 1.0], "DV": [1.0, 2.0]}))
    with pytest.raises(SimulationError, match="x, y"):
        fit(bad, records, SAEM())


def nearly_best(model: PopulationModel, records: Records, **settings) -> None:
    """Fit, and find the score at the estimates, by importance sampling, to be zero as nearly as chance lets it be."""
    found = fit(model, records, SAEM(**settings), covariance="R", seed=2)
    # Converged includes that a Newton step on the likelihood itself would gain less than 0.1.
    assert found.succeeded, found.status


@pytest.mark.slow
def test_combined_error_with_a_random_effect_and_fixed_effects_without():
    model = combined()
    individual = {i.name: str(i.expression) for i in model.individual} | {"ka": "theta_ka"}
    random = tuple(b for b in model.random if b.names != ("eta_ka",))
    model = replace(
        model, individual=PopulationModel("i", model.structural, individual, model.fixed, random,
                                          model.residual, model.covariates).individual, random=random,
    )  # fmt: skip
    nearly_best(model, measured(model, 40))


@pytest.mark.slow
def test_effects_between_occasions():
    model = between_occasions()
    nearly_best(model, measured(model, 30, occasions=2))


@pytest.mark.slow
def test_measurements_below_a_limit_of_quantification():
    model = oral()
    limited = replace(model, residual=(Residual("Cp", "(prop * Cp) ** 2", lower_limit=0.5),))
    records = measured(model, 40)
    assert (records.table["dv"][records.table["evid"] == 0] < 0.5).mean() > 0.05
    nearly_best(limited, records)


@pytest.mark.slow
def test_a_random_effect_that_is_no_deviation_from_a_mean():
    # theta * (1 + eta): nothing is referenced, all fixed effects take Newton's steps.
    model = oral(
        individual={"ka": "theta_ka", "CL": "theta_CL * (1 + eta_CL)", "V": "theta_V * (1 + eta_V)"},
        random=(RandomEffects(("eta_CL", "eta_V"), ((0.04, 0.01), (0.01, 0.03))),),
        covariates={},
    )
    nearly_best(model, measured(model, 40))


@pytest.mark.slow
def test_counts():
    # Events in a day, more frequent in some patients than in others, with a drug's effect that is common to all.
    model = PopulationModel(
        "counts", LEVEL, {"base": "theta + eta", "slope": "theta_slope"},
        {"theta": 0.7, "theta_slope": -0.2}, {"eta": 0.3}, distributions={"Y": ("poisson", {"mean": "exp(Y)"})},
    )  # fmt: skip
    rng = np.random.default_rng(3)
    rows = [
        {"ID": k + 1, "TIME": t, "DV": rng.poisson(np.exp(0.9 + eta - 0.1 * t))}
        for k, eta in enumerate(0.5 * rng.standard_normal(40))
        for t in (0.0, 1.0, 2.0, 4.0)
    ]
    records = Records.from_frame(pd.DataFrame(rows))
    nearly_best(model, records)
    # With one random effect the likelihood is an integral that quadrature gives to many digits.
    found, exact = (fit(model, records, m, covariance="R") for m in (SAEM(), GaussHermite(points=11)))
    for name, value in exact.estimates.items():
        assert found.estimates[name] == pytest.approx(value, abs=0.15 * exact.standard_errors[name]), name
        assert found.standard_errors[name] == pytest.approx(exact.standard_errors[name], rel=0.1), name
    assert abs(found.objective - exact.objective) < 4 * found.objective_error + 0.1
