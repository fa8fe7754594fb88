"""Cumulative incidence, Gray's test and the Fine-Gray model against what they must be equal to."""

from __future__ import annotations

import numpy as np
import pytest
from remission import EVENT, ON_PLACEBO, TIME

from understudy.biostatistics import cox, cumulative_incidence, fine_gray, gray_test, kaplan_meier, log_rank
from understudy.core.errors import DataError, SimulationError
from understudy.core.random import uniforms


@pytest.fixture(scope="module")
def rivals():
    """Times in whole months, with ties, causes 0, 1 and 2, and a covariate."""
    u = uniforms(11, "rivals", range(120), 4)
    x = (u[:, 3] > 0.5).astype(float)
    first, second, watched = -20 * np.log(u[:, 0]) * np.exp(-0.6 * x), -25 * np.log(u[:, 1]), 40 * u[:, 2]
    time = np.minimum(np.minimum(first, second), watched)
    cause = np.where(time == watched, 0, np.where(time == first, 1, 2))
    return np.ceil(time), cause, x


def test_one_cause_is_one_minus_kaplan_meier_with_greenwoods_error():
    curve, found = kaplan_meier(TIME, EVENT), cumulative_incidence(TIME, EVENT)
    at = curve.at(found.times)
    assert found.incidence[:, 0] == pytest.approx(1 - at.survival.to_numpy())
    assert found.standard_error[:, 0] == pytest.approx(at.standard_error.to_numpy())


def test_incidence_by_hand():
    # Four at risk at 1, three at 2, one at 4: F1 = 1/4 + 1/2·1/1, F2 = 3/4·1/3.
    found = cumulative_incidence([1, 2, 3, 4], [1, 2, 0, 1])
    assert found.incidence[-1].tolist() == pytest.approx([0.75, 0.25])
    early = found.at([0.5, 2, 9], cause=1)
    assert early.incidence.tolist()[:2] == [0, 0.25]
    # The variance at 2: (1/4·3/4)/4 as long as only the first step matters.
    assert early.standard_error[1] ** 2 == pytest.approx(3 / 64)


def test_causes_and_survival_sum_to_one(rivals):
    time, cause, _ = rivals
    found = cumulative_incidence(time, cause, entry=np.minimum(time * 0.4, 3.3))
    assert found.incidence.sum(axis=1) + found.survival == pytest.approx(np.ones(found.times.size))
    assert ((found.low <= found.incidence) & (found.incidence <= found.high)).all()
    with pytest.raises(SimulationError, match="nobody had cause 3"):
        found.at(1, cause=3)


def test_error_of_the_incidence_is_that_of_the_jackknife(rivals):
    time, cause, _ = rivals
    found = cumulative_incidence(time, cause).at(15, cause=1)
    without = np.array(
        [
            cumulative_incidence(np.delete(time, k), np.delete(cause, k)).at(15, cause=1).incidence[0]
            for k in range(time.size)
        ]
    )
    jackknife = np.sqrt((time.size - 1) / time.size * ((without - without.mean()) ** 2).sum())
    # Two estimates of one variance from 120 patients.
    assert found.standard_error[0] == pytest.approx(jackknife, rel=0.05)


# Gray's test


def test_without_competitors_grays_score_is_that_of_the_log_rank_test():
    found, plain = gray_test(TIME, EVENT, ON_PLACEBO), log_rank(TIME, EVENT, ON_PLACEBO)
    assert found.score == pytest.approx(plain.score)
    # Its variance is estimated under the pooled curve, with other corrections for ties.
    assert found.statistic == pytest.approx(plain.statistic, rel=0.25)


def test_gray_does_not_see_labels_or_scale(rivals):
    time, cause, x = rivals
    found, turned = gray_test(time, cause, x), gray_test(time * 30, cause, 1 - x)
    assert found.statistic == pytest.approx(turned.statistic)
    assert found.score == pytest.approx(turned.score[::-1])
    assert found.df == 1
    assert found.covariance.sum() == pytest.approx(0, abs=1e-9)
    assert found.score.sum() == pytest.approx(0, abs=1e-9)


def test_gray_is_near_the_score_of_fine_and_gray(rivals):
    """Both test the same; they differ in whether censoring is estimated by group."""
    time, cause, x = rivals
    z = fine_gray(time, cause, x).table().z[0]
    assert np.sqrt(gray_test(time, cause, x).statistic) == pytest.approx(abs(z), abs=0.15)


def test_gray_by_strata_adds_scores(rivals):
    time, cause, x = rivals
    layer = np.arange(120) % 2
    parts = [gray_test(time[layer == k], cause[layer == k], x[layer == k], rho=0.5) for k in (0, 1)]
    whole = gray_test(time, cause, x, strata=layer, rho=0.5)
    assert whole.score == pytest.approx(parts[0].score + parts[1].score)
    assert whole.covariance == pytest.approx(parts[0].covariance + parts[1].covariance)


def test_what_gray_refuses(rivals):
    time, cause, x = rivals
    with pytest.raises(DataError, match="only one group"):
        gray_test(time, cause, np.ones(120))
    with pytest.raises(SimulationError, match="nobody had cause 7"):
        gray_test(time, cause, x, of=7)
    with pytest.raises(DataError, match="is no cause"):
        gray_test(time, cause - 0.5, x)


# Fine and Gray


def test_without_competitors_it_is_coxs_model_with_robust_errors():
    fit = fine_gray(TIME, EVENT, ON_PLACEBO)
    plain = cox(TIME, EVENT, ON_PLACEBO, ties="breslow", robust=True)
    assert fit.coefficients == pytest.approx(plain.coefficients, rel=1e-8)
    assert fit.standard_errors == pytest.approx(plain.standard_errors, rel=1e-8)
    assert fit.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-10)


def test_without_censoring_competitors_stay_at_risk_for_ever(rivals):
    time, cause, x = (each[rivals[1] > 0] for each in rivals)
    fit = fine_gray(time, cause, x)
    kept = cox(np.where(cause == 2, 1000.0, time), cause == 1, x, ties="breslow", robust=True)
    assert fit.coefficients == pytest.approx(kept.coefficients, rel=1e-8)
    assert fit.standard_errors == pytest.approx(kept.standard_errors, rel=1e-8)


def test_weights_written_out_as_rows(rivals):
    """Competing events go on in rows between events of the cause, with G(t-) / G(T-) as case weights."""
    time, cause, x = rivals
    fit = fine_gray(time, cause, x)
    # Censorings come after events at the same time: half a month later.
    censoring = kaplan_meier(np.where(cause == 0, time + 0.5, time), cause == 0)
    end = np.unique(time[cause == 1])

    def watched(t):  # just before t
        return (
            censoring.survival[np.searchsorted(censoring.times, t, side="left") - 1]
            if t > censoring.times[0]
            else 1
        )

    rows = [(0, t, c == 1, x_, 1.0) for t, c, x_ in zip(time, cause, x, strict=True)]
    for t, x_ in zip(time[cause == 2], x[cause == 2], strict=True):
        begin = t
        for stop in end[end > t]:
            rows.append((begin, stop, 0, x_, watched(stop) / watched(t)))
            begin = stop
    entry, stop, event, covariate, weight = np.array(rows, dtype=float).T
    kept = weight > 0
    plain = cox(
        stop[kept], event[kept], covariate[kept], entry=entry[kept], weights=weight[kept], ties="breslow"
    )
    assert fit.coefficients == pytest.approx(plain.coefficients, rel=1e-8)


def test_incidence_of_the_model_is_near_that_of_the_group(rivals):
    time, cause, x = rivals
    model = fine_gray(time, cause, x).incidence([1.0])
    group = cumulative_incidence(time[x == 1], cause[x == 1]).at(20, cause=1)
    by_model = model.incidence[model.time <= 20].iloc[-1]
    assert by_model == pytest.approx(group.incidence[0], abs=2 * group.standard_error[0])


def test_what_fine_and_gray_refuse(rivals):
    time, cause, x = rivals
    with pytest.raises(SimulationError, match="no finite maximum"):
        fine_gray([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 2, 0], [1, 1, 1, 0, 0, 0])
    with pytest.raises(DataError, match="collinear"):
        fine_gray(time, cause, {"x": x, "y": 2 * x})
    with pytest.raises(SimulationError, match="nobody had cause 9"):
        fine_gray(time, cause, x, of=9)
