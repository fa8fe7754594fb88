"""The pooled logistic model of emulated trials against statsmodels on rows that are written out."""

import numpy as np
import pandas as pd
import pytest
from course_of_treatment import course_of_treatment

from understudy.causal.emulation import OutcomeModel, emulate_trials, person_periods, trial_sequence
from understudy.causal.emulation.dense_rows import DenseRows
from understudy.causal.emulation.outcome_model import trial_design
from understudy.causal.emulation.pooled_logistic import find_separation, fit
from understudy.causal.emulation.trial_rows import whole_rows
from understudy.core.errors import StudyError

sm = pytest.importorskip("statsmodels.api")
# Both searches end at scores of about 1e-8 of a coefficient's unit; the numbers have up to eight digits.
CLOSE = {"rtol": 1e-6, "atol": 1e-7}


@pytest.fixture(scope="module")
def periods():
    frame = course_of_treatment(300, 11)[0]
    frame["kind"] = np.where(frame["x"] > 0.8, "c", np.where(frame["x"] > 0, "b", "a"))
    return person_periods(frame, covariates=["x", "kind"])


def written_out(sequence) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = pd.concat(sequence.expanded_rows(), ignore_index=True)
    time, start = rows["followup_time"], rows["trial_period"]
    columns = {"const": 1.0, "arm": rows["assigned_treatment"], "t": start, "t2": start**2, "x": rows["x"],
               "b": rows["kind"] == 1, "c": rows["kind"] == 2, "k": time, "k2": time**2}  # fmt: skip
    return rows, pd.DataFrame(columns).astype(float)


@pytest.mark.parametrize("estimand", ["intention to treat", "per protocol"])
def test_estimates_and_clustered_errors(periods, estimand):
    sequence = trial_sequence(periods, estimand)
    found = emulate_trials(sequence, OutcomeModel(("x", "kind"))).model
    rows, columns = written_out(sequence)
    oracle = sm.GLM(rows["outcome"], columns, family=sm.families.Binomial()).fit(
        tol=1e-12, cov_type="cluster", cov_kwds={"groups": rows["person"], "use_correction": False}
    )
    np.testing.assert_allclose(found.values, oracle.params, **CLOSE)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), oracle.bse, **CLOSE)
    assert found.deviance == pytest.approx(oracle.deviance, rel=1e-10)
    factor = np.sqrt(found.persons / (found.persons - 1) * (len(rows) - 1) / (len(rows) - columns.shape[1]))
    assert found.small_sample_factor == pytest.approx(factor)


def test_weights_of_rows(periods):
    sequence = trial_sequence(periods).sample_controls(0.4, 1)
    found = emulate_trials(sequence, OutcomeModel(("x", "kind"))).model
    rows, columns = written_out(sequence)
    oracle = sm.GLM(rows["outcome"], columns, family=sm.families.Binomial(), freq_weights=rows["weight"]).fit(
        tol=1e-12
    )
    np.testing.assert_allclose(found.values, oracle.params, **CLOSE)


def test_dose_as_treated(periods):
    sequence = trial_sequence(periods, "as treated")
    found = emulate_trials(sequence, OutcomeModel((), "none", "linear", dose="quadratic"))
    rows = pd.concat(sequence.expanded_rows(), ignore_index=True)
    dose = rows.groupby(["person", "trial_period"])["treatment"].cumsum()
    columns = pd.DataFrame({"const": 1.0, "dose": dose, "dose2": dose**2, "k": rows["followup_time"]}).astype(
        float
    )
    oracle = sm.GLM(rows["outcome"], columns, family=sm.families.Binomial()).fit(tol=1e-12)
    assert found.model.names == ("(intercept)", "dose", "dose^2", "followup_time")
    np.testing.assert_allclose(found.model.values, oracle.params, **CLOSE)
    assert found.effects.names == ("dose", "dose^2")


def test_effects_that_vary_and_other_courses(periods):
    sequence = trial_sequence(periods)
    found = emulate_trials(sequence, OutcomeModel((), "categorical", "spline", varying_effect=True)).model
    rows = pd.concat(sequence.expanded_rows(), ignore_index=True)
    design = trial_design(sequence, OutcomeModel((), "categorical", "spline", varying_effect=True))
    states = rows["followup_time"] * 2 + rows["assigned_treatment"]
    start = pd.get_dummies(rows["trial_period"], drop_first=True).to_numpy(float)
    moving = design.moving[states.to_numpy(int)]
    matrix = np.column_stack([np.ones(len(rows)), rows["assigned_treatment"], start, moving])
    oracle = sm.GLM(rows["outcome"], matrix, family=sm.families.Binomial()).fit(tol=1e-12)
    np.testing.assert_allclose(found.values, oracle.params, rtol=1e-5, atol=1e-6)
    # A spline is linear beyond its last knot, so its second differences vanish there.
    assert "followup_time spline 1" in design.names
    assert design.effects[0] == "assigned_treatment"


def test_a_level_without_outcomes_is_flagged_and_the_others_are_as_if_it_were_absent(periods):
    clean = periods.covariates.columns["kind"].copy()
    lucky = np.isin(
        periods.person, np.flatnonzero(np.add.reduceat(periods.outcome, periods.starts) == 0)[:40]
    )
    marked = np.where(lucky, 3.0, clean)
    from dataclasses import replace

    table = replace(periods.covariates.with_columns({"kind": marked}), levels={"kind": ("a", "b", "c", "d")})
    both = replace(periods, covariates=table)
    found = emulate_trials(trial_sequence(both), OutcomeModel(("x", "kind")))
    without = emulate_trials(trial_sequence(both.only(~lucky)), OutcomeModel(("x", "kind")))
    assert found.model.separable == ("kind[d]",)
    assert "kind[d]" not in found.model.coefficients.names
    assert any("kind[d] is separable" in note for note in found.notes)
    np.testing.assert_allclose(found.model.values[found.model.known], without.model.values, rtol=1e-7)
    assert found.model.deviance == pytest.approx(without.model.deviance, rel=1e-12)
    assert "kind[d] occurs at no trial's start" in " ".join(without.notes)


def test_an_arm_without_outcomes_is_an_error():
    frame = course_of_treatment(200, 5)[0]
    frame.loc[frame["treatment"] == 1, "outcome"] = 0
    frame = frame[frame.groupby("id")["treatment"].transform("nunique") == 1]
    sequence = trial_sequence(person_periods(frame))
    with pytest.raises(StudyError, match="treatment separates the outcomes"):
        emulate_trials(sequence, OutcomeModel(()))
    with pytest.raises(StudyError, match="no outcome happens in any trial"):
        emulate_trials(trial_sequence(person_periods(frame.assign(outcome=0))), OutcomeModel(()))


def test_columns_that_depend_on_others_are_named(periods):
    sequence = trial_sequence(periods)
    with pytest.raises(StudyError, match="the column 'x' is a combination"):
        emulate_trials(sequence, OutcomeModel(("x", "x^2", "x")))
    with pytest.raises(StudyError, match="no column makes the term 'age'"):
        emulate_trials(sequence, OutcomeModel(("age",)))


@pytest.mark.parametrize("separated", [False, True])
def test_separation_is_found_by_some_of_the_rows(separated):
    """20,000 rows, of which one decides: only a search over all of them is right."""
    draw = np.random.default_rng(2)
    x = np.sort(draw.uniform(-1, 1, 20_000))
    outcome = (x > 0.3).astype(float)
    if not separated:
        outcome[7_777] = 1.0
    rows = DenseRows(np.column_stack([np.ones(len(x)), x]), outcome, ("(intercept)", "x"), np.ones(len(x)),
                     np.zeros(len(x), np.int64))  # fmt: skip
    assert bool(find_separation(rows)) is separated
    if separated:
        with pytest.raises(StudyError, match="complete separation"):
            fit(rows)


def test_persons_drawn_twice_count_twice(periods):
    sequence = trial_sequence(periods)
    drawn = np.random.default_rng(1).integers(0, 3, periods.persons).astype(float)
    design = trial_design(sequence, OutcomeModel(("x",)))
    found = whole_rows(sequence, design, drawn)
    at = np.linspace(-0.1, 0.2, len(design.names))
    value, score, _information = found.evaluate(at)
    rows = pd.concat(sequence.expanded_rows(), ignore_index=True)
    start, time = rows["trial_period"], rows["followup_time"]
    own = np.column_stack(
        [np.ones(len(rows)), rows["assigned_treatment"], start, start**2, rows["x"], time, time**2]
    )
    dense = DenseRows(
        own, rows["outcome"].to_numpy(float), design.names, drawn[rows["person"]], rows["person"].to_numpy()
    )
    beta = found.back @ at
    other = dense.evaluate(np.linalg.solve(dense.back, beta))
    assert value == pytest.approx(other[0], rel=1e-10)
    np.testing.assert_allclose(
        np.linalg.solve(found.back.T, score), np.linalg.solve(dense.back.T, other[1]), rtol=1e-7, atol=1e-6
    )
