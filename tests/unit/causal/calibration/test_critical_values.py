"""Critical values of MaxSPRT, and likelihood ratios that are calibrated for them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom, norm

from understudy.causal.calibration import (
    NullDistribution,
    binomial_critical_value,
    calibrated_llr,
    fit_null,
    poisson_critical_value,
    regression_critical_value,
)
from understudy.causal.synthesis import CustomApproximation, NormalApproximation, SkewNormalApproximation
from understudy.core.errors import DataError


def test_published_values():
    # EmpiricalCalibration's help pages for ten looks of one expected event; theirs are simulated, a million times.
    poisson = poisson_critical_value([1] * 10)
    assert (round(poisson.value, 6), round(poisson.alpha, 3)) == (2.545177, 0.044)
    found = binomial_critical_value([1] * 10, 4)
    assert round(found.value, 6) == 3.064954
    # Three Monte Carlo errors of theirs.
    assert found.alpha == pytest.approx(0.049317, abs=0.00065)


def test_critical_values_approach_those_of_looking_all_the_time():
    # Kulldorff 2011, continuous looks, one expected event, alpha 0.05: 2.853937, from below with ever more looks.
    values = [poisson_critical_value([1 / looks] * looks).value for looks in (10, 100, 400)]
    assert sorted(values) == values
    assert 2.80 < values[-1] < 2.853937


def test_the_exact_value_is_that_of_all_paths():
    sizes, share = [2, 3, 2], 1 / 3
    chance: dict[float, float] = {}
    for counts in itertools.product(*(range(n + 1) for n in sizes)):
        weight = np.prod([binom.pmf(k, n, share) for k, n in zip(counts, sizes, strict=True)])
        highest = 0.0
        for have, of in zip(np.cumsum(counts), np.cumsum(sizes), strict=True):
            if have >= of * share:
                ratio = binom.logpmf(have, of, have / of) - binom.logpmf(have, of, share)
                highest = max(highest, ratio)
        key = round(float(highest), 9)
        chance[key] = chance.get(key, 0.0) + weight
    found = binomial_critical_value(sizes, 2, alpha=0.2)
    beyond = sum(weight for ratio, weight in chance.items() if ratio > found.value + 1e-8)
    assert found.alpha == pytest.approx(beyond)
    least = max(ratio for ratio in chance if ratio < found.value - 1e-8)
    assert found.alpha < 0.2 <= sum(weight for ratio, weight in chance.items() if ratio > least + 1e-8)


NULL = NullDistribution(0.2, 0.2, 30)


@pytest.mark.parametrize("null", [None, NULL])
@pytest.mark.parametrize("minimum", [1, 4])
def test_simulation_finds_the_same(null, minimum):
    # At 0.05 the first of these is met by a hair.
    options = {"minimum_events": minimum, "null": null, "alpha": 0.06}
    many = {"method": "simulation", "simulations": 200_000, **options}
    for exact, simulated in (
        (poisson_critical_value([2] * 5, **options), poisson_critical_value([2] * 5, **many)),
        (binomial_critical_value([5] * 5, 2, **options), binomial_critical_value([5] * 5, 2, **many)),
    ):
        # Both are among the same few values.
        assert simulated.value == pytest.approx(exact.value, abs=1e-8)
        # Four Monte Carlo errors.
        assert simulated.alpha == pytest.approx(exact.alpha, abs=0.0025)


def test_systematic_error_asks_for_more():
    assert poisson_critical_value([1] * 10, null=NULL).value > 2 * 2.545177 - 0.6
    assert binomial_critical_value([5] * 10, 1, null=NULL).value > binomial_critical_value([5] * 10, 1).value


def test_regression_as_published():
    # EmpiricalCalibration's help page: 2.687364 with alpha 0.049716, simulated; values lie dense here.
    found = regression_critical_value([1] * 10, 4, simulations=300_000)
    assert found.value == pytest.approx(2.687364, abs=0.03)
    assert 0.048 < found.alpha < 0.05


def test_looks_before_anything_is_expected_do_not_count():
    assert poisson_critical_value([0, 0, 1, 1]).value == poisson_critical_value([1, 1]).value


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: poisson_critical_value([-1, 2]), "no numbers of events"),
        (lambda: poisson_critical_value([]), "no numbers of events"),
        (lambda: poisson_critical_value([1], minimum_events=1.5), "no number of events"),
        (lambda: poisson_critical_value([1], alpha=1.5), "not between 0 and 1"),
        (lambda: poisson_critical_value([1], method="guess"), "no method"),
        (lambda: binomial_critical_value([1.5], 1), "whole numbers"),
        (lambda: binomial_critical_value([1], 0), "z is positive"),
        (lambda: binomial_critical_value([1], 1, alpha=0.01), "no count is so rare"),
        (lambda: regression_critical_value([1], -1), "no ratio of times"),
    ],
)
def test_what_cannot_be_is_refused(call, told):
    with pytest.raises(DataError, match=told):
        call()


def test_llr_of_a_normal_with_a_normal_null_has_a_closed_form():
    found = calibrated_llr(NormalApproximation(0.9, 0.2), NullDistribution(0.2, 0.15, 30))
    p = norm.sf((0.9 - 0.2) / np.hypot(0.2, 0.15))
    assert found.p == pytest.approx(p, rel=1e-4)
    assert found.llr == pytest.approx(norm.isf(p) ** 2 / 2, rel=1e-4)


def test_llr_without_systematic_error_is_the_plain_one():
    found = calibrated_llr(NormalApproximation(0.6, 0.2), NullDistribution(0.0, 0.0, 30))
    assert found.llr == pytest.approx(4.5)
    assert calibrated_llr(NormalApproximation(-0.6, 0.2), NullDistribution(0.0, 0.0, 30)).llr == 0


def test_published_llrs():
    # EmpiricalCalibration's tests, with the null of its case series (0.7921, 0.2834) and, as its numbers have it,
    # location 1, skewness 0.7326, scale 0.0734; they allow a tenth, ours agree to the digits given.
    null = NullDistribution(0.792117, 0.283423, 45)
    log_rr, error = 0.732623502, 0.073408294
    assert calibrated_llr(NormalApproximation(log_rr, error), null).llr == 0
    assert calibrated_llr(CustomApproximation(1, error, log_rr), null).llr == pytest.approx(0.247, abs=0.001)
    assert calibrated_llr(SkewNormalApproximation(1, error, log_rr), null).llr == pytest.approx(
        0.344, abs=0.001
    )


def test_llr_with_a_bayesian_null_has_an_interval():
    rng = np.random.default_rng(1)
    null = fit_null(rng.normal(0.2, 0.3, 30), np.full(30, 0.1), method="quadrature")
    found = calibrated_llr(NormalApproximation(1.2, 0.2), null)
    assert found.low < found.llr < found.high
