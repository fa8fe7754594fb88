"""Simulate courses of treatment whose truth is known, with confounding that past treatment changes, and recover it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from course_of_treatment import course_of_treatment

from understudy.causal.emulation import (
    CurveSettings,
    Evolution,
    GModels,
    OutcomeModel,
    PointModels,
    StructuralModel,
    TrialWeights,
    WeightModel,
    clone_trials,
    emulate_trials,
    g_formula,
    marginal_structural_model,
    person_periods,
    point_effect,
    point_table,
    trial_sequence,
)

sm = pytest.importorskip("statsmodels.api")
EACH = -1.2  # by a treated period, at once or by way of the next period's illness
NEVER_ALWAYS = {"never": lambda x, time, chosen, ever: 0, "always": lambda x, time, chosen, ever: 1}


def two_periods(persons: int, seed: int) -> pd.DataFrame:
    """Illness decides on treatment, treatment changes illness: E[Y] under (a, b) is 11 - 1.2 (a + b)."""
    draw = np.random.default_rng(seed)
    ill = draw.integers(0, 2, persons)
    first = (draw.random(persons) < 0.25 + 0.5 * ill).astype(int)
    then = (draw.random(persons) < 0.3 + 0.4 * ill - 0.2 * first).astype(int)
    second = (draw.random(persons) < 0.25 + 0.5 * then).astype(int)
    y = 10 + 2 * then - 0.8 * first + EACH * second + draw.normal(size=persons)
    one = pd.DataFrame({"id": range(persons), "period": 0, "treatment": first, "ill": ill, "y": np.nan})
    two = pd.DataFrame({"id": range(persons), "period": 1, "treatment": second, "ill": then, "y": y})
    return pd.concat([one, two], ignore_index=True)


def of_two(frame: pd.DataFrame):
    return person_periods(frame, outcome="y", covariates=["ill"], measure=True)


WEIGHTS = TrialWeights(WeightModel(("ill", "time", "ill:time"), ("time",)))
G = GModels(
    (Evolution("ill", "binary", ("previous(ill)", "previous_treatment")),),
    ("ill", "time"),
    ("ill", "treatment", "previous_treatment"),
)


def test_ordinary_regression_fails_where_weighting_and_simulation_do_not():
    """Adjusted for later illness the first treatment loses what it does by it; unadjusted both are confounded."""
    frame = two_periods(40_000, 1)
    wide = frame.pivot(index="id", columns="period")
    a, b, ill, then, y = (
        wide[name] for name in (("treatment", 0), ("treatment", 1), ("ill", 0), ("ill", 1), ("y", 1))
    )
    plain = sm.OLS(y, np.column_stack([np.ones(len(y)), a, b])).fit().params.to_numpy()
    adjusted = sm.OLS(y, np.column_stack([np.ones(len(y)), a, b, ill, then])).fit().params.to_numpy()
    assert adjusted[1] == pytest.approx(-0.8, abs=0.05)  # the direct part only, a third of the effect lost
    assert abs(plain[1] + plain[2] - 2 * EACH) > 0.5
    # 40,000 persons: standard errors of about 0.015.
    msm = marginal_structural_model(of_two(frame), WEIGHTS, StructuralModel("cumulative"), measure=True)
    assert msm.coefficients.values[1] == pytest.approx(EACH, abs=0.06)
    found = g_formula(of_two(frame), G, {"never": "0", "always": "1"}, measure=True, simulated=40_000)
    assert found.table()["difference"][1] == pytest.approx(2 * EACH, abs=0.08)


def test_structural_intervals_cover():
    """95 % intervals, weights taken as known: 200 studies of 300 cover 92 to 100 % if the truth is 95 to 99 %."""
    hits = 0
    for seed in range(200):
        found = marginal_structural_model(
            of_two(two_periods(300, seed)), WEIGHTS, StructuralModel("cumulative"), measure=True
        )
        low, high = found.coefficients.intervals[1]
        hits += low < EACH < high
    assert 184 <= hits <= 200


def test_sequential_intervals_cover_and_errors_that_forget_persons_are_too_small():
    """Treatment does nothing, and up to five trials of one person overlap: 150 studies of 250 persons."""
    hits, estimates, errors, naive = 0, [], [], []
    for seed in range(150):
        frame = course_of_treatment(250, seed, effect=0.0, on_x=0.0)[0]
        sequence = trial_sequence(person_periods(frame, covariates=["x"]))
        found = emulate_trials(sequence, OutcomeModel(("x",), "linear", "linear"))
        low, high = found.effects.intervals[0]
        hits += low < 0 < high
        estimates.append(found.effects.values[0])
        errors.append(found.effects.standard_errors[0])
        rows = pd.concat(sequence.expanded_rows())
        columns = [
            np.ones(len(rows)),
            *(rows[name] for name in ("assigned_treatment", "trial_period", "x", "followup_time")),
        ]
        own = sm.GLM(rows["outcome"], np.column_stack(columns), family=sm.families.Binomial()).fit()
        naive.append(own.bse.iloc[1])
    spread = np.std(estimates)
    # A standard deviation of 150 is known to 6 %; 95 % of 150 is 142.5, with a standard deviation of 2.7.
    assert np.mean(errors) == pytest.approx(spread, rel=0.13)
    assert np.mean(naive) < 0.9 * spread
    assert 136 <= hits <= 149


@pytest.mark.slow
def test_clone_intervals_cover_the_truth_of_never_and_always():
    """Clones without grace are the static strategies; a model with a chance for each arm and time is always right."""
    truth = {name: course_of_treatment(400_000, 1, rule)[1] for name, rule in NEVER_ALWAYS.items()}
    wanted = truth["always"] - truth["never"]
    assert wanted < -0.15
    hits, estimates = 0, []
    for seed in range(100):
        periods = person_periods(course_of_treatment(3_000, 100 + seed)[0], covariates=["x"])
        sequence = clone_trials(periods, 0, sustained=True)
        model = OutcomeModel((), "none", "categorical", varying_effect=True)
        found = emulate_trials(
            sequence, model, TrialWeights(WeightModel(("x",))), CurveSettings(draws=200)
        ).curves
        row = found.table().iloc[-1]
        hits += row["difference_low"] < wanted < row["difference_high"]
        estimates.append(row["difference"])
    # One study has an error of 0.033; with 1,000 persons, few of whom keep to a strategy, 89 % are covered.
    assert np.mean(estimates) == pytest.approx(wanted, abs=0.012)
    assert 90 <= hits <= 100


def test_grace_period_against_the_truth():
    """Start within two periods, by natural choice, and all who have not at the last chance."""

    def grace(x, time, chosen, ever):
        return np.where((time == 2) & (ever == 0), 1, chosen)

    truth = course_of_treatment(400_000, 1, grace)[1]
    never = course_of_treatment(400_000, 1, NEVER_ALWAYS["never"])[1]
    periods = person_periods(course_of_treatment(20_000, 2)[0], covariates=["x"])
    model = OutcomeModel((), "none", "categorical", varying_effect=True)
    found = emulate_trials(
        clone_trials(periods, 2), model, TrialWeights(WeightModel(("x",))), CurveSettings(draws=0)
    )
    # 20,000 persons of whom few keep to a strategy: standard errors of about 0.005.
    np.testing.assert_allclose(found.curves.incidence[:, -1], [never, truth], atol=0.02)


@pytest.mark.slow
def test_dynamic_rules_and_bootstrap_intervals_of_the_g_formula():
    """Right models, 40 studies of 400 persons, 80 resamples each: 95 % intervals of percentiles."""
    rules = {"never": "0", "when ill": "x > 0.5"}
    truth = course_of_treatment(400_000, 1, lambda x, time, chosen, ever: x > 0.5)[1]
    evolves = Evolution("x", "normal", ("previous(x)", "previous_treatment"))
    models = GModels((evolves,), ("x", "previous_treatment"), ("x", "treatment"))
    hits, estimates = 0, []
    for seed in range(40):
        periods = person_periods(course_of_treatment(400, 5_000 + seed)[0], covariates=["x"])
        found = g_formula(periods, models, rules, simulated=1_000, resamples=80, seed=seed)
        row = found.table().set_index("strategy").loc["when ill"]
        hits += row["outcome_low"] < truth < row["outcome_high"]
        estimates.append(row["outcome"])
    # The mean of 40 studies has a standard error of 0.0035; x is cut to the range that was seen.
    assert np.mean(estimates) == pytest.approx(truth, abs=0.012)
    assert 35 <= hits <= 40


@pytest.mark.parametrize("wrong", ["none", "treatment", "outcome"])
def test_doubly_robust_needs_one_right_model(wrong):
    """x acts by its square; a model that has x alone is wrong."""
    draw = np.random.default_rng(3)
    x = draw.normal(size=20_000)
    a = (draw.random(len(x)) < 1 / (1 + np.exp(-(-0.5 + 0.3 * x**2)))).astype(int)
    frame = pd.DataFrame({"x": x, "a": a, "y": 1.0 * a + 2 * x**2 + draw.normal(size=len(x))})
    table = point_table(frame, treatment="a", outcome="y", covariates=["x"])
    models = PointModels(
        ("x",) if wrong == "treatment" else ("x", "x^2"), ("x",) if wrong == "outcome" else ("x", "x^2")
    )
    both = point_effect(table, "doubly robust", models).differences.values[0]
    assert both == pytest.approx(1, abs=0.12)  # standard errors of 0.02 to 0.04
    one = {"treatment": "weighting", "outcome": "standardisation"}.get(wrong)
    if one:
        assert abs(point_effect(table, one, models).differences.values[0] - 1) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("when", ["outcome known", "outcome unknown"])
def test_informative_loss_is_weighed_away(when):
    """Who is ill is lost more often, after or before the outcome of the period; weights recover the incidence."""
    truth = course_of_treatment(400_000, 1, NEVER_ALWAYS["never"])[1]
    model = OutcomeModel((), "none", "categorical", varying_effect=True)
    loss = WeightModel(("x", "x^2", "x^3"), (), "both")  # the chance of loss is no logistic function of x
    found = []
    for seed in range(6):
        frame = course_of_treatment(20_000, 90 + seed)[0]
        lost = np.random.default_rng(seed).random(len(frame)) < 0.6 / (1 + np.exp(-2.0 * frame["x"]))
        if when == "outcome known":
            frame["lost"] = (lost & (frame["outcome"] == 0)).astype(int)
        else:
            frame["lost"], frame["outcome"] = lost.astype(int), frame["outcome"].where(~lost, 0)
        periods = person_periods(frame, covariates=["x"], censored="lost")
        sequence = clone_trials(periods, 0, sustained=True, censored_period=when)
        for each in (None, loss):
            weights = TrialWeights(WeightModel(("x",)), each)
            curves = emulate_trials(sequence, model, weights, CurveSettings(draws=0)).curves
            found.append(curves.incidence[0, -1])
    plain, weighed = np.reshape(found, (6, 2)).mean(axis=0)
    # Few stay, with heavy weights: a standard error of 0.02 in one study, of 0.008 in the mean of six.
    assert weighed == pytest.approx(truth, abs=0.025)
    assert plain < truth - 0.025
