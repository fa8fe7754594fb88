"""Priors and scales of parameters, against SciPy's distributions."""

import math

import numpy as np
import pytest
from scipy import stats
from small_problem import problem

from understudy.core.errors import FormatError
from understudy.formats.petab.parameter import PetabParameter
from understudy.formats.petab.prior import Prior

pytest.importorskip("libsbml")
pytest.importorskip("yaml")

CASES = {
    "normal": ((1.0, 2.0), stats.norm(1, 2)),
    "laplace": ((1.0, 2.0), stats.laplace(1, 2)),
    "cauchy": ((1.0, 2.0), stats.cauchy(1, 2)),
    "uniform": ((0.5, 4.0), stats.uniform(0.5, 3.5)),
    "log-uniform": ((0.5, 4.0), stats.loguniform(0.5, 4)),
    "gamma": ((2.0, 3.0), stats.gamma(2, scale=3)),
    "chisquare": ((3.0,), stats.chi2(3)),
    "exponential": ((2.0,), stats.expon(scale=2)),
    "rayleigh": ((2.0,), stats.rayleigh(scale=2)),
}


@pytest.mark.parametrize("family", CASES)
@pytest.mark.parametrize("value", [0.7, 1.3, 3.9])
def test_densities(family, value):
    numbers, expected = CASES[family]
    assert Prior(family, numbers).log_density(value) == pytest.approx(expected.logpdf(value), rel=1e-12)
    cut = Prior(family, numbers, within=(0.6, 5.0))
    share = expected.cdf(5) - expected.cdf(0.6)
    assert cut.log_density(value) == pytest.approx(expected.logpdf(value) - np.log(share), rel=1e-12)
    assert cut.log_density(5.5) == -math.inf


@pytest.mark.parametrize("family", CASES)
@pytest.mark.parametrize("logarithmic", [False, True])
def test_slopes(family, logarithmic):
    prior = Prior(family, CASES[family][0], logarithmic)
    value = 5.3 if logarithmic else 1.3
    ends = prior.log_density(value + 1e-5), prior.log_density(value - 1e-5)
    # Differences of second order over 1e-5.
    assert prior.slope(value) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-8)


def test_logarithmic_densities():
    expected = stats.lognorm(s=0.5, scale=np.exp(0.3))
    assert Prior("normal", (0.3, 0.5), True).log_density(2.0) == pytest.approx(
        expected.logpdf(2.0), rel=1e-12
    )
    cut = Prior("normal", (0.3, 0.5), True, within=(0.0, 3.0))
    assert cut.log_density(2.0) == pytest.approx(expected.logpdf(2.0) - expected.logcdf(3.0), rel=1e-12)
    assert cut.log_density(-1.0) == -math.inf


def test_scales_go_there_and_back():
    for scale in ("lin", "log", "log10"):
        parameter = PetabParameter("k", 0.3, True, scale)
        assert parameter.from_scale(parameter.to_scale(0.3)) == pytest.approx(0.3, rel=1e-14)
        step = 1e-6
        at = parameter.to_scale(0.3)
        slope = (parameter.from_scale(at + step) - parameter.from_scale(at - step)) / (2 * step)
        assert parameter.slope(0.3) == pytest.approx(slope, rel=1e-8)
    assert PetabParameter("k", 0.0, True, "log").to_scale(0.0) == -math.inf


HEAD = (
    "parameterId parameterScale lowerBound upperBound nominalValue estimate "
    "objectivePriorType objectivePriorParameters"
)


@pytest.mark.parametrize(
    ("scale", "kind", "numbers", "expected"),
    [
        ("lin", "normal", "0.5;0.1", stats.norm(0.5, 0.1).logpdf(0.8)),
        ("log10", "normal", "0.5;0.1", stats.norm(0.5, 0.1).logpdf(0.8)),
        ("log10", "parameterScaleNormal", "0.5;0.1", stats.norm(0.5, 0.1).logpdf(np.log10(0.8))),
        ("log", "parameterScaleLaplace", "0.5;0.1", stats.laplace(0.5, 0.1).logpdf(np.log(0.8))),
        ("lin", "logNormal", "0.5;0.1", stats.lognorm(0.1, scale=np.exp(0.5)).logpdf(0.8)),
        ("lin", "logLaplace", "0.5;0.1", stats.laplace(0.5, 0.1).logpdf(np.log(0.8)) - np.log(0.8)),
        ("log10", "parameterScaleUniform", ".", -np.log(3)),
        ("log10", "uniform", ".", -np.log(9.99)),
    ],
)
def test_priors_of_version_1(tmp_path, scale, kind, numbers, expected):
    rows = (
        f"{HEAD}\nk1 {scale} 0.01 10 0.8 1 {kind} {numbers}\nk2 lin 0 10 0.6 1 . .\nx lin . . 2 0 normal 0;1"
    )
    found = problem(tmp_path, 1, parameters=rows).log_likelihood()
    assert found.log_prior == pytest.approx(expected, rel=1e-12)
    assert found.log_posterior == pytest.approx(found.log_likelihood + expected, rel=1e-12)


def test_priors_of_version_2_are_cut_to_the_bounds_and_uniform_where_not_given(tmp_path):
    rows = """
        parameterId lowerBound upperBound nominalValue estimate priorDistribution priorParameters
        k1 0 1 0.8 true normal 0.5;0.1
        k2 0 4 0.6 true . .
        x . . 2 false . .
    """
    found = problem(tmp_path, 2, parameters=rows).log_likelihood()
    normal = stats.norm(0.5, 0.1)
    expected = normal.logpdf(0.8) - np.log(normal.cdf(1) - normal.cdf(0)) - np.log(4)
    assert found.log_prior == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "numbers", "told"),
    [
        ("normal", "0.5", "a normal distribution has 2 parameters, not 1"),
        ("normal", "0.5;-1", "parameter 2 of the normal distribution must be above zero"),
        ("uniform", "3;1", "not below the upper one"),
        ("normal", "a;b", "these are not numbers"),
        ("cauchy", "0;1", "this is not supported"),
    ],
)
def test_wrong_priors(tmp_path, kind, numbers, told):
    with pytest.raises(FormatError, match=told) as caught:
        problem(tmp_path, 1, parameters=f"{HEAD}\nk1 lin 0.01 10 0.8 1 {kind} {numbers}")
    assert caught.value.place.startswith("parameters.tsv, row 2, column objectivePrior")
