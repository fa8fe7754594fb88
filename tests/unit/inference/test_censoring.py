"""Measurements beyond a limit of quantification: their probability, its slope, and the whole marginal likelihood."""

import numpy as np
import pandas as pd
import pytest
from normal_model import OMEGA, SIGMA2, THETA, measured, normal_population
from scipy.integrate import quad
from scipy.stats import norm

from understudy.core.errors import DataError, ModelError, SimulationError
from understudy.data.records import Records
from understudy.inference.censoring import Censoring
from understudy.inference.diagnose import measurement_draws
from understudy.inference.estimation.fitting import fit
from understudy.inference.likelihood import Likelihood
from understudy.inference.modes import find_modes
from understudy.inference.objective import objective
from understudy.inference.predictor import Predictor
from understudy.model.population_model import Residual

VALUES = {"a": [5.5, 1.0, 4.9], "b": [1.0], "c": [7.2, 9.9], "d": [1.0, 1.0, 6.0]}
LOW, HIGH = 4.0, 8.0


def likelihood() -> Likelihood:
    limited = normal_population(residual=(Residual("y", str(SIGMA2), lower_limit=LOW, upper_limit=HIGH),))
    return Likelihood(Predictor(limited, measured(VALUES)))


def density(values: list[float], eta: float) -> float:
    """Of a patient's data at a random effect, written out; normal densities without their 2 pi."""
    level, sd, found = THETA + eta, np.sqrt(SIGMA2), 1.0
    for value in values:
        if value < LOW:
            found *= norm.cdf((LOW - level) / sd)
        elif value > HIGH:
            found *= norm.sf((HIGH - level) / sd)
        else:
            found *= np.exp(-0.5 * (value - level) ** 2 / SIGMA2) / sd
    return found


def test_the_joint_density_written_out():
    eta = np.array([0.3, -1.0, 2.0, -0.5])
    found = likelihood().value(eta.reshape(1, 4, 1))[0]
    wanted = [
        -2 * np.log(density(own, e)) + e**2 / OMEGA for e, own in zip(eta, VALUES.values(), strict=True)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_the_slope_is_that_of_the_value():
    at, step = likelihood(), 1e-5
    eta = np.array([0.3, -1.0, 2.0, -0.5]).reshape(1, 4, 1)
    found = at.gradient(eta, at.slopes(eta))[0, :, 0]
    wanted = (at.value(eta + step) - at.value(eta - step))[0] / (4 * step)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_modes_are_where_the_slope_is_zero():
    at = likelihood()
    modes, failed = find_modes(at)
    assert not failed.any()
    assert np.abs(at.gradient(modes[None], at.slopes(modes[None]))).max() < 1e-4


def test_laplace_is_near_the_integral():
    limited = normal_population(residual=(Residual("y", str(SIGMA2), lower_limit=LOW, upper_limit=HIGH),))
    found = objective(limited, measured(VALUES), method="laplace")
    wanted = 0.0
    for own in VALUES.values():
        whole, _ = quad(
            lambda e, own=own: density(own, e) * np.exp(-0.5 * e**2 / OMEGA), -10, 10, points=[-1, 0, 1]
        )
        # On NONMEM's scale, without the terms in 2 pi, those of the integral among them.
        wanted += -2 * np.log(whole / np.sqrt(2 * np.pi * OMEGA))
    # Laplace's approximation of one patient with nothing but a censored level is off by some hundredths.
    assert found == pytest.approx(wanted, abs=0.1)
    plain = objective(normal_population(), measured(VALUES), method="laplace")
    assert abs(plain - wanted) > 10


def test_focei_is_refused():
    limited = normal_population(residual=(Residual("y", str(SIGMA2), lower_limit=LOW),))
    with pytest.raises(SimulationError, match="FOCEI is not defined"):
        objective(limited, measured(VALUES))


def test_far_beyond_the_limit_the_slope_stays_finite():
    below = Censoring(np.full(1, -np.inf), np.zeros(1), np.zeros(1, bool))
    none = np.zeros((1, 1))
    by_prediction, by_variance = below.slopes(np.array([[1e3]]), np.array([[1.0]]), (none, none))
    # So far out the hazard is the distance itself.
    assert by_prediction[0, 0] == pytest.approx(1e3, rel=1e-5)
    assert np.isfinite(by_variance).all()


def levels(frame: pd.DataFrame, **residual: object) -> Likelihood:
    model = normal_population(residual=(Residual("y", str(SIGMA2), **residual),))
    return Likelihood(Predictor(model, Records.from_frame(frame)))


def test_rows_say_themselves_what_is_known_of_their_level():
    frame = pd.DataFrame(
        {"ID": 1, "TIME": [1.0, 2, 3, 4, 5], "DV": [4.0, 8.0, 4.5, 3.0, 5.2], "CENS": [1, -1, 1, 0, 0]}
    ).assign(LIMIT=[None, None, 3.5, None, None], LLOQ=[None, None, None, 4.0, 4.0])
    found = levels(frame).value(np.full((1, 1, 1), 0.3))[0, 0]
    level, sd = THETA + 0.3, np.sqrt(SIGMA2)
    parts = [
        norm.cdf((4.0 - level) / sd), norm.sf((8.0 - level) / sd),
        norm.cdf((4.5 - level) / sd) - norm.cdf((3.5 - level) / sd), norm.cdf((4.0 - level) / sd),
        np.exp(-0.5 * (5.2 - level) ** 2 / SIGMA2) / sd,
    ]  # fmt: skip
    assert found == pytest.approx(-2 * np.log(parts).sum() + 0.3**2 / OMEGA, rel=1e-12)


def test_limits_change_their_unit_with_the_level():
    frame = pd.DataFrame({"ID": 1, "TIME": [1.0, 2], "DV": [4.0, 3.0], "CENS": [1, 0], "LLOQ": [None, 2.0]})
    told = Records.from_frame(frame.assign(LIMIT=[1.0, None]), units={"TIME": "h", "DV": "mg/L"})
    table = told.convert({"DV": "ug/L"}).table
    assert table["limit"][0] == 1000.0
    assert table["lloq"][1] == 2000.0
    assert told.report().outputs[0].below_limit == 1


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"CENS": [2, 0]}, "CENS is none of"),
        ({"CENS": [1, 0], "LIMIT": [5.0, None]}, "enclose no level"),
        ({"CENS": [0, 1], "DV": [4.0, None], "MDV": [0, 0]}, "no measurement|without its limit"),
    ],
)
def test_limits_that_make_no_sense_are_refused(columns, match):
    frame = pd.DataFrame({"ID": 1, "TIME": [1.0, 2], "DV": [4.0, 3.0]} | columns)
    with pytest.raises(DataError, match=match):
        Records.from_frame(frame)


def test_m1_leaves_out_and_says_so():
    told = levels(
        pd.DataFrame({"ID": 1, "TIME": [1.0, 2, 3], "DV": [1.0, 5.0, 6.0]}), lower_limit=LOW, blq="M1"
    )
    assert told.predictor.output.size == 2
    assert told.predictor.left_out == 1
    assert "1 of 3 measurements" in told.predictor.notes[0]
    assert not told.predictor.not_normal
    kept = levels(pd.DataFrame({"ID": 1, "TIME": [2.0, 3], "DV": [5.0, 6.0]}))
    eta = np.full((1, 1, 1), 0.3)
    assert told.value(eta) == pytest.approx(kept.value(eta))


def test_m1_is_fitted_by_focei_and_tells_of_it():
    model = normal_population(
        residual=(Residual("y", "s2", lower_limit=4.5, blq="M1"),), fixed={"theta": 5.0, "s2": 0.3}
    )
    found = fit(
        model, measured(VALUES | {str(k): [4.6 + k / 9, 5.1, 4.2] for k in range(9)}), covariance=None
    )
    assert any("left out (M1)" in each for each in found.warnings)


def test_m4_is_given_that_levels_are_positive():
    near = normal_population(residual=(Residual("y", "4", lower_limit=1.0, blq="M4"),))
    data = measured({"a": [0.5, 2.0]})
    at = Likelihood(Predictor(near, data))
    level = THETA - 4.0
    above = norm.cdf(level / 2)
    below = (norm.cdf((1.0 - level) / 2) - norm.cdf(-level / 2)) / above
    seen = np.exp(-0.5 * (2.0 - level) ** 2 / 4) / 2 / above
    found = at.value(np.full((1, 1, 1), -4.0))[0, 0]
    assert found == pytest.approx(-2 * np.log([below, seen]).sum() + 16 / OMEGA, rel=1e-12)
    assert at.predictor.not_normal
    drawn = measurement_draws(at.predictor, np.full((4000, 1, 1), -4.0), 1)
    assert (drawn > 0).all()
    # Mean of a normal distribution cut off at zero.
    assert drawn.mean() == pytest.approx(level + 2 * norm.pdf(level / 2) / above, abs=0.06)


def test_m4_needs_levels_that_could_be_negative():
    with pytest.raises(ModelError, match="could make negative"):
        Residual("y", "1", scale="log", blq="M4")
    with pytest.raises(ModelError, match="unknown method"):
        Residual("y", "1", blq="M2")


def test_slopes_and_second_slopes_of_all_kinds_are_those_of_differences():
    lower = np.array([-np.inf, 1.0, 1.0, -np.inf, 0.0])
    upper = np.array([2.0, np.inf, 1.4, np.inf, 1.2])
    known = Censoring(lower, upper, np.array([False, False, False, True, True]))
    f, v, step = np.full((1, 5), 1.3), np.full((1, 5), 0.7), 1e-4

    def normal(f, v):
        return (1.9 - f) ** 2 / v + np.log(v)

    def term(f, v):
        return known.term(f, v, normal(f, v)) / 2

    def slope(f, v):
        r = 1.9 - f
        return known.slopes(f, v, (-r / v, 0.5 * (1 / v - (r / v) ** 2)))

    r = 1.9 - f
    second = known.second_slopes(f, v, (1 / v, r / v**2, r**2 / v**3 - 0.5 / v**2))
    by_f = (term(f + step, v) - term(f - step, v)) / (2 * step)
    by_v = (term(f, v + step) - term(f, v - step)) / (2 * step)
    # Central differences of 1e-4 err by 1e-8.
    np.testing.assert_allclose(slope(f, v), (by_f, by_v), atol=1e-7)
    ff = (slope(f + step, v)[0] - slope(f - step, v)[0]) / (2 * step)
    fv = (slope(f, v + step)[0] - slope(f, v - step)[0]) / (2 * step)
    vv = (slope(f, v + step)[1] - slope(f, v - step)[1]) / (2 * step)
    np.testing.assert_allclose(second, (ff, fv, vv), atol=1e-7)
