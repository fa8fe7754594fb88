"""Weights of trials and clones against products written out, and curves against shares."""

import numpy as np
import pandas as pd
import pytest
from course_of_treatment import course_of_treatment

from understudy.causal.emulation import (
    CurveSettings,
    OutcomeModel,
    TrialWeights,
    WeightModel,
    clone_trials,
    emulate_trials,
    person_periods,
    trial_sequence,
)
from understudy.causal.emulation.clones import weigh_clones
from understudy.causal.emulation.history import with_history
from understudy.causal.emulation.trial_weights import relevant, weigh
from understudy.causal.emulation.weight_model import treatment_ratios
from understudy.causal.emulation.weight_summary import summarised, truncated
from understudy.core.errors import StudyError

SWITCHING = TrialWeights(WeightModel(("x", "time"), ("time",)))


@pytest.fixture(scope="module")
def periods():
    return person_periods(course_of_treatment(400, 21)[0], covariates=["x"])


def test_history_by_hand():
    frame = pd.DataFrame({
        "id": [1] * 4 + [2] * 2, "period": [3, 4, 5, 6, 3, 4], "treatment": [0, 1, 1, 0, 1, 1], "outcome": 0,
        "x": [1.0, 2, 3, 4, 5, 6],
    })  # fmt: skip
    table = with_history(
        person_periods(frame, covariates=["x"]),
        [
            "time",
            "period",
            "previous_treatment",
            "cumulative_treatment",
            "time_on_regime",
            "previous(x)",
            "first(x)^2",
        ],
    ).columns
    assert table["time"].tolist() == [0, 1, 2, 3, 0, 1]
    assert table["period"].tolist() == [3, 4, 5, 6, 3, 4]
    assert table["previous_treatment"].tolist() == [0, 0, 1, 1, 0, 1]
    assert table["cumulative_treatment"].tolist() == [0, 0, 1, 2, 0, 1]
    assert table["time_on_regime"].tolist() == [0, 1, 1, 2, 0, 1]
    assert table["previous(x)"].tolist() == [1, 1, 2, 3, 5, 5]
    assert table["first(x)"].tolist() == [1, 1, 1, 1, 5, 5]


def test_weights_are_products_of_the_periods_after_the_start(periods):
    sequence = trial_sequence(periods, "per protocol")
    used = relevant(sequence)
    ratio = np.ones(periods.rows)
    ratio[used], _ = treatment_ratios(periods.only(used), SWITCHING.switching)
    found, summary, fits = weigh(sequence, SWITCHING)
    at = 0
    for start, length in zip(sequence.start, sequence.length, strict=True):
        wanted = np.cumprod(np.concatenate([[1.0], ratio[start + 1 : start + length]]))
        np.testing.assert_allclose(found.weight[at : at + length], wanted, rtol=1e-12)
        at += length
    assert summary.count == sequence.expanded
    assert [each.label for each in fits] == [
        f"{what}: treated, previous treatment {k}" for what in ("numerator", "denominator") for k in (0, 1)
    ]


def test_stabilised_weights_have_a_mean_of_one():
    large = person_periods(course_of_treatment(20_000, 4)[0], covariates=["x"])
    _, summary, _ = weigh(trial_sequence(large, "per protocol"), SWITCHING)
    assert summary.mean == pytest.approx(1, abs=0.03)  # the tail of the weights makes it noisy


def test_a_stratum_in_which_all_are_treated_alike_weighs_one():
    frame = course_of_treatment(200, 6)[0]
    ever = frame.groupby("id")["treatment"].cummax()  # nobody stops: after treatment the chance is one
    periods = person_periods(frame.assign(treatment=ever), covariates=["x"])
    ratio, _ = treatment_ratios(periods, WeightModel(("x",)))
    assert (ratio[periods.previous_treatment == 1] == 1).all()
    assert np.isfinite(ratio).all()


def test_weights_that_mean_nothing_are_refused(periods):
    with pytest.raises(StudyError, match="an intention-to-treat analysis"):
        weigh(trial_sequence(periods), SWITCHING)
    with pytest.raises(StudyError, match="nobody is censored"):
        weigh(trial_sequence(periods), TrialWeights(censoring=WeightModel(("x",))))
    with pytest.raises(StudyError, match="clones need a model of treatment"):
        weigh_clones(clone_trials(periods, 1), TrialWeights())


def test_truncation_and_summary():
    cut, count = truncated(np.arange(1.0, 101.0), 0.95, "here")
    assert count == 10
    assert (cut.min(), cut.max()) == pytest.approx((5.95, 95.05))
    with pytest.raises(StudyError, match="cannot be cut"):
        truncated(cut, 0.4, "here")
    found = summarised(np.r_[np.ones(99), 100.0])
    assert found.effective == pytest.approx(199**2 / (99 + 100**2))
    assert len(found.doubts) == 2
    assert "positivity is in doubt" in found.doubts[0]


@pytest.mark.parametrize("sustained", [False, True])
def test_clones_by_hand(periods, sustained):
    grace = 2
    sequence = clone_trials(periods, grace, sustained=sustained)
    for start, length, arm in zip(sequence.start, sequence.length, sequence.arm, strict=True):
        own = slice(start, periods.stop[start])
        treatment, time = periods.treatment[own], np.arange(periods.stop[start] - start)
        before = np.cumsum(treatment) - treatment
        if arm == 0:
            departs = treatment == 1
        else:
            departs = (time == grace) & (before == 0) & (treatment == 0)
            if sustained:
                departs |= (before > 0) & (treatment == 0)
        wanted = int(np.argmax(departs)) if departs.any() else len(treatment)
        assert length == wanted
    both = np.bincount(sequence.person, minlength=periods.persons)
    assert set(both) <= {1, 2}
    assert (periods.previous_treatment[sequence.start] == 0).all()


def test_clones_weigh_the_inverse_chance_of_keeping_to_the_strategy(periods):
    sequence = clone_trials(periods, 1)
    found, _, fits = weigh_clones(sequence, TrialWeights(WeightModel(("x",))))
    chance = {}
    for fitted in fits:
        group = int(fitted.label[-1])
        beta = fitted.coefficients
        chance[group] = 1 / (1 + np.exp(-(beta["(intercept)"] + beta["x"] * periods.covariates.columns["x"])))
    p = np.where(periods.previous_treatment == 1, chance[1], chance[0])
    at = 0
    for start, length, arm in zip(sequence.start, sequence.length, sequence.arm, strict=True):
        rows = np.arange(start, start + length)
        if arm == 0:
            wanted = np.cumprod(1 / (1 - p[rows]))
        else:
            decided = (rows - start == 1) & (periods.treated[rows] - periods.treatment[rows] == 0)
            wanted = np.cumprod(np.where(decided, 1 / p[rows], 1.0))
        np.testing.assert_allclose(found.weight[at : at + length], wanted, rtol=1e-9)
        at += length


def test_clones_of_nobody():
    frame = course_of_treatment(50, 6)[0]
    always = frame.assign(treatment=1, eligible=(frame["period"] > 0).astype(int))
    with pytest.raises(StudyError, match="nobody is eligible who was not treated before"):
        clone_trials(person_periods(always, eligible="eligible"), 1)
    with pytest.raises(StudyError, match="a grace period of -1"):
        clone_trials(person_periods(frame), -1)


def test_curves_of_a_saturated_model_are_shares(periods):
    """With a chance for each arm and time, curves are products of the shares without the outcome."""
    sequence = trial_sequence(periods, first_trial=0, last_trial=0)
    model = OutcomeModel((), "none", "categorical", varying_effect=True)
    found = emulate_trials(sequence, model, curves=CurveSettings(draws=100)).curves
    rows = pd.concat(sequence.expanded_rows())
    share = rows.groupby(["assigned_treatment", "followup_time"])["outcome"].mean()
    for arm in (0, 1):
        np.testing.assert_allclose(found.incidence[arm], 1 - (1 - share[arm]).cumprod(), rtol=1e-8)
    table = found.table()
    assert (table["difference_low"] < table["difference"]).all()
    assert (table["difference"] < table["difference_high"]).all()


def test_curves_are_averages_over_trials(periods):
    sequence = trial_sequence(periods)
    found = emulate_trials(sequence, OutcomeModel(("x",)), curves=CurveSettings(horizon=2, draws=0))
    beta = dict(zip(found.model.names, found.model.values, strict=True))
    start, x = periods.period[sequence.start], periods.covariates.columns["x"][sequence.start]
    for arm in (0, 1):
        free = np.ones(sequence.trials)
        for k in range(3):
            eta = (
                beta["(intercept)"] + beta["assigned_treatment"] * arm + beta["trial_period"] * start
                + beta["trial_period^2"] * start**2 + beta["x"] * x
                + beta["followup_time"] * k + beta["followup_time^2"] * k**2
            )  # fmt: skip
            free *= 1 / (1 + np.exp(eta))
            assert found.curves.incidence[arm, k] == pytest.approx(1 - free.mean(), rel=1e-9)
    with pytest.raises(StudyError, match="follow-up ends after 5 periods"):
        emulate_trials(sequence, OutcomeModel(()), curves=CurveSettings(horizon=5))
    with pytest.raises(StudyError, match="no trial starts in period 9"):
        emulate_trials(sequence, OutcomeModel(()), curves=CurveSettings(trial_period=9))


def test_draws_and_resamples_agree_and_repeat(periods):
    sequence = trial_sequence(periods, "per protocol")
    widths = {}
    for name, asked in (("draws", CurveSettings(draws=400)), ("resamples", CurveSettings(resamples=60))):
        one, again = (
            emulate_trials(sequence, OutcomeModel(("x",)), SWITCHING, asked).curves for _ in range(2)
        )
        np.testing.assert_array_equal(one.draws, again.draws)
        table = one.table().iloc[-1]
        widths[name] = table["difference_high"] - table["difference_low"]
    # Quantiles of 60 resamples are known to about a fifth.
    assert widths["resamples"] == pytest.approx(widths["draws"], rel=0.4)
