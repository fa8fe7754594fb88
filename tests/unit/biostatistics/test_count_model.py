from __future__ import annotations

import builtins

import numpy as np
import pytest

from understudy.biostatistics.count_model import count_model
from understudy.biostatistics.design_matrix import design_matrix
from understudy.core.errors import DataError, MissingExtraError, UnderstudyError

pytest.importorskip("statsmodels")


@pytest.fixture(scope="module")
def trial():
    draw = np.random.default_rng(8)
    arm, time = np.repeat(["placebo", "drug"], 150), draw.uniform(0.5, 2, 300)
    mean = time * np.where(arm == "drug", 0.9, 1.5)
    design = design_matrix({"arm": arm}, reference={"arm": "placebo"})
    return draw.negative_binomial(2, 2 / (2 + mean)), draw.poisson(mean), design, time, arm


def test_poisson_rates_of_two_arms_are_events_over_time(trial):
    """Closed form: ratio of rates, variance of its logarithm the sum of reciprocals of events."""
    _, y, design, time, arm = trial
    found = count_model(y, design, exposure=time, distribution="poisson").rate_ratios["arm[drug]"]
    drug, placebo = y[arm == "drug"].sum(), y[arm == "placebo"].sum()
    rate = drug / time[arm == "drug"].sum() / (placebo / time[arm == "placebo"].sum())
    assert found.value == pytest.approx(rate, rel=1e-9)
    assert found.standard_error == pytest.approx(np.sqrt(1 / drug + 1 / placebo), rel=1e-8)


def test_the_sandwich_of_two_arms_is_their_squared_residuals(trial):
    y, _, design, time, arm = trial
    found = count_model(y, design, exposure=time, distribution="poisson", variance="HC0")
    variance = 0.0
    for name in ("drug", "placebo"):
        events, at_risk = y[arm == name], time[arm == name]
        rate = events.sum() / at_risk.sum()
        variance += np.sum((events - rate * at_risk) ** 2) / events.sum() ** 2
    assert found.coefficients["arm[drug]"].standard_error == pytest.approx(np.sqrt(variance), rel=1e-7)


def test_negative_binomial_is_a_maximum(trial):
    """The likelihood written out (Lawless 1987) is largest there, in coefficients and dispersion."""
    from scipy.special import gammaln

    y, _, design, time, _ = trial
    fit = count_model(y, design, exposure=time)

    def log_likelihood(beta, alpha):
        mean, k = time * np.exp(design.matrix @ beta), 1 / alpha
        return np.sum(
            gammaln(y + k)
            - gammaln(k)
            - gammaln(y + 1)
            + k * np.log(k / (k + mean))
            + y * np.log(mean / (k + mean))
        )

    beta, alpha, step = fit.coefficients.values, fit.dispersion, 1e-4
    best = log_likelihood(beta, alpha)
    assert fit.log_likelihood == pytest.approx(best, rel=1e-10)
    moves = [(step, 0, 0), (0, step, 0), (0, 0, step)]
    slopes = [
        (
            log_likelihood(beta + np.array([a, b]), alpha + c)
            - log_likelihood(beta - np.array([a, b]), alpha - c)
        )
        / (2 * step)
        for a, b, c in moves
    ]
    assert np.abs(slopes).max() < 1e-5  # truncation, of order step squared times a hundred events
    assert fit.dispersion == pytest.approx(0.5, abs=3 * fit.dispersion_error)


def test_overdispersion_is_said(trial):
    y, poisson, design, time, _ = trial
    noted = count_model(y, design, exposure=time, distribution="poisson").notes
    assert noted
    assert "overdispersed" in noted[0]
    assert count_model(poisson, design, exposure=time, distribution="poisson").notes == ()


def test_underdispersed_counts_are_poisson_and_say_so():
    design = design_matrix({"arm": ["a", "b"] * 10})
    fit = count_model([2, 3] * 9 + [3, 2], design)
    assert (fit.dispersion, fit.notes) == (
        0.0,
        ("no overdispersion: the negative binomial became a Poisson model",),
    )


def test_rates_and_ratios_by_arm(trial):
    y, _, design, time, _ = trial
    fit = count_model(y, design, exposure=time)
    rates = fit.rates(["arm"])
    assert fit.ratios("arm")["drug / placebo"].value == pytest.approx(
        rates["drug"].value / rates["placebo"].value, rel=1e-12
    )
    test = fit.type_three()[0]
    assert test.statistic == pytest.approx(fit.coefficients["arm[drug]"].statistic ** 2, rel=1e-9)


def test_bad_counts_and_exposures_are_listed_together():
    design = design_matrix({"arm": ["a", "a", "b", "b"]})
    with pytest.raises(DataError) as refused:
        count_model([1, -1, 0.5, 2], design, exposure=[1, 1, 1, 0])
    assert [problem.row for problem in refused.value.problems] == [1, 2, 3]


def test_an_arm_without_events_is_named():
    design = design_matrix({"arm": ["a", "a", "b", "b"]})
    with pytest.raises(UnderstudyError, match="no events in arm 'b'"):
        count_model([1, 2, 0, 0], design)
    with pytest.raises(UnderstudyError, match="there are no events"):
        count_model([0, 0, 0, 0], design)


def test_without_statsmodels_the_pip_line_is_told(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest):
        if name.startswith("statsmodels"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtraError) as told:
        count_model([1, 2, 2, 3], design_matrix({"arm": ["a", "a", "b", "b"]}))
    assert "pip install 'understudy[trials]'" in str(told.value)
