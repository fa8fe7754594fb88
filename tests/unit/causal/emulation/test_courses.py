"""Marginal structural models and the g-formula: exact cases, rules, checks, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from course_of_treatment import course_of_treatment

from understudy.causal.emulation import (
    Evolution,
    GModels,
    StructuralModel,
    TrialWeights,
    WeightModel,
    g_formula,
    marginal_structural_model,
    person_periods,
)
from understudy.causal.emulation.marginal_structural_model import course_weights, exposure_of
from understudy.causal.emulation.strategy import Strategy
from understudy.core.errors import DataError, ExpressionError, StudyError

MODELS = GModels(
    (Evolution("x", "normal", ("previous(x)", "previous_treatment")),),
    ("x", "previous_treatment"),
    ("x", "treatment"),
)
WEIGHTS = TrialWeights(WeightModel(("x",), ()))


@pytest.fixture(scope="module")
def periods():
    return person_periods(course_of_treatment(800, 31)[0], covariates=["x"])


def at_the_end(persons: int = 600, seed: int = 3) -> pd.DataFrame:
    """Two periods, one binary covariate, a measure at the end: everything can be counted."""
    draw = np.random.default_rng(seed)
    sick = draw.integers(0, 2, persons)
    first = (draw.random(persons) < 0.3 + 0.4 * sick).astype(int)
    then = (draw.random(persons) < 0.2 + 0.5 * sick - 0.1 * first).astype(int)
    second = (draw.random(persons) < 0.3 + 0.4 * then).astype(int)
    measure = 10 + 2 * then - first - 3 * second + draw.normal(size=persons)
    both = [
        pd.DataFrame({"id": range(persons), "period": 0, "treatment": first, "sick": sick, "y": np.nan}),
        pd.DataFrame({"id": range(persons), "period": 1, "treatment": second, "sick": then, "y": measure}),
    ]
    return pd.concat(both, ignore_index=True)


def counted(frame: pd.DataFrame, treatment: tuple[int, int]) -> float:
    """The g-formula by counting: shares of covariates given the past, times means of the outcome given all."""
    wide = frame.pivot(index="id", columns="period", values=["treatment", "sick", "y"])
    one, two = wide["treatment"][0], wide["treatment"][1]
    sick, then, y = wide["sick"][0], wide["sick"][1], wide["y"][1]
    total = 0.0
    for s in (0, 1):
        begun = (sick == s) & (one == treatment[0])
        for t in (0, 1):
            share = (sick == s).mean() * (then[begun] == t).mean()
            total += share * y[begun & (then == t) & (two == treatment[1])].mean()
    return total


def test_a_saturated_g_formula_counts():
    frame = at_the_end()
    periods = person_periods(frame, outcome="y", covariates=["sick"], measure=True)
    full = ("previous(sick)", "previous_treatment", "previous(sick):previous_treatment")
    rest = ("sick", "previous(sick)", "previous_treatment", "treatment")
    pairs = [f"{a}:{b}" for k, a in enumerate(rest) for b in rest[k + 1 :]]
    triples = [
        f"{a}:{b}:{c}"
        for k, a in enumerate(rest)
        for j, b in enumerate(rest[k + 1 :], k + 1)
        for c in rest[j + 1 :]
    ]
    models = GModels(
        (Evolution("sick", "binary", full),), ("sick",), (*rest, *pairs, *triples, ":".join(rest))
    )
    found = g_formula(periods, models, {"never": "0", "always": "1"}, simulated=60_000, measure=True)
    for row, treatment in ((0, (0, 0)), (1, (1, 1))):
        # 60,000 simulated persons know a mean of spread 1 to 0.005.
        assert found.outcomes[row, 0] == pytest.approx(counted(frame, treatment), abs=0.015)


def test_weights_of_a_saturated_model_count_the_same():
    frame = at_the_end()
    periods = person_periods(frame, outcome="y", covariates=["sick"], measure=True)
    denominator = (
        "sick",
        "time",
        "sick:time",
        "previous(sick)",
        "previous(sick):time",
        "previous(sick):sick:time",
    )
    weight, _, _ = course_weights(periods, TrialWeights(WeightModel(denominator, ())))
    last = periods.ends - 1
    for treatment in ((0, 0), (1, 1)):
        same = (periods.treatment[last - 1] == treatment[0]) & (periods.treatment[last] == treatment[1])
        mean = np.average(periods.outcome[last][same], weights=weight[last][same])
        assert mean == pytest.approx(counted(frame, treatment), abs=1e-6)
    found = marginal_structural_model(
        periods,
        TrialWeights(WeightModel(denominator, ())),
        StructuralModel("cumulative"),
        measure=True,
        resamples=40,
    )
    assert found.measure == "difference at the end"
    assert found.coefficients.values[1] == pytest.approx(
        -2.1, abs=0.3
    )  # -3 now and -1 - 0.1 · 2 before, over two
    ratio = found.resamples.standard_error / found.coefficients.standard_errors[1]
    assert 0.6 < ratio < 1.3


def test_weighted_model_against_statsmodels(periods):
    sm = pytest.importorskip("statsmodels.api")
    found = marginal_structural_model(periods, WEIGHTS, StructuralModel("ever", ("first(x)",), "linear"))
    weight, _, _ = course_weights(periods, WEIGHTS)
    time = periods.period - periods.period[periods.first]
    columns = np.column_stack([np.ones(periods.rows), exposure_of(periods, "ever"), time,
                               periods.covariates.columns["x"][periods.first]])  # fmt: skip
    oracle = sm.GLM(periods.outcome, columns, family=sm.families.Binomial(), freq_weights=weight).fit(
        tol=1e-12
    )
    assert found.coefficients.names == ("(intercept)", "ever treatment", "time", "first(x)")
    np.testing.assert_allclose(found.coefficients.values, oracle.params, rtol=1e-6, atol=1e-7)
    score = columns * (weight * (periods.outcome - oracle.fittedvalues))[:, None]
    by_person = np.add.reduceat(score, periods.starts)
    bread = np.linalg.inv(
        (columns * (weight * oracle.fittedvalues * (1 - oracle.fittedvalues))[:, None]).T @ columns
    )
    errors = np.sqrt(np.diag(bread @ (by_person.T @ by_person) @ bread))
    np.testing.assert_allclose(found.coefficients.standard_errors, errors, rtol=1e-6)


def test_exposures(periods):
    assert exposure_of(periods, "current").tolist() == periods.treatment.tolist()
    ever = exposure_of(periods, "ever")
    assert (ever == (exposure_of(periods, "cumulative") > 0)).all()
    with pytest.raises(StudyError, match="unknown exposure"):
        exposure_of(periods, "never")


def test_strategies_are_rules():
    known = {
        "x": np.array([1.0, 5.0]),
        "time": np.array([0.0, 0.0]),
        "natural_treatment": np.array([1.0, 0.0]),
    }
    assert Strategy("all", "1").treatment(known, 2).tolist() == [1, 1]
    assert Strategy("high", "x >= 3").treatment(known, 2).tolist() == [0, 1]
    assert Strategy("wait", "where(time < 1, 0, natural_treatment)").treatment(known, 2).tolist() == [0, 0]
    assert Strategy("as it was", "natural").treatment(known, 2).tolist() == [1, 0]
    with pytest.raises(StudyError, match="neither 0 nor 1"):
        Strategy("odd", "x / 2").treatment(known, 2)
    with pytest.raises(ExpressionError):
        Strategy("attack", "__import__('os').system('true')")


def test_rules_may_name_numbers_only(periods):
    with pytest.raises(StudyError, match="nothing is called y"):
        g_formula(periods, MODELS, {"low": "y < 1"}, simulated=100)
    frame = course_of_treatment(200, 2)[0]
    frame["sex"] = np.where(frame["id"] % 2, "w", "m")
    with pytest.raises(StudyError, match="sex is a category"):
        g_formula(person_periods(frame, covariates=["x", "sex"]), MODELS, {"men": "sex < 1"}, simulated=100)


def test_the_natural_course_is_told_and_so_are_wrong_models(periods):
    found = g_formula(periods, MODELS, {"never": "0", "always": "1"}, simulated=20_000)
    course = found.natural_course()
    assert np.abs(course["incidence"] - course["incidence_observed"]).max() < 0.02
    assert np.abs(course["x"] - course["x_observed"]).max() < 0.1
    assert np.abs(course["treatment"] - course["treatment_observed"]).max() < 0.03
    assert not any("departs" in note for note in found.notes)
    assert [each.name for each in found.strategies] == ["never", "always", "natural course"]
    frame = course_of_treatment(800, 31)[0]
    late = person_periods(frame.assign(outcome=frame["outcome"] * (frame["period"] == 3)), covariates=["x"])
    wrong = g_formula(
        late, MODELS, {"never": "0"}, simulated=20_000
    )  # all at once, where the model has none of time
    assert any("departs from what was observed in the incidence" in note for note in wrong.notes)


def test_resamples_give_intervals_that_repeat(periods):
    one, again = (
        g_formula(periods, MODELS, {"never": "0", "always": "1"}, simulated=800, resamples=20, seed=5)
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(one.table(), again.table())
    always = one.table().set_index("strategy").loc["always"]
    assert always["difference_low"] < always["difference"] < always["difference_high"] < 0
    assert (one.curves()["low"] <= one.curves()["high"]).all()


def test_what_the_g_formula_refuses(periods):
    with pytest.raises(StudyError, match="no strategy is named"):
        g_formula(periods, MODELS, {"as it was": "natural"})
    with pytest.raises(StudyError, match="follow-up ends at time 4"):
        g_formula(periods, MODELS, {"never": "0"}, horizon=9)
    with pytest.raises(StudyError, match="x changes over time, but nothing says how"):
        g_formula(periods, GModels((), (), ("x",)), {"never": "0"})
    with pytest.raises(StudyError, match="x has other values than two"):
        g_formula(periods, GModels((Evolution("x", "binary", ()),), (), ("x",)), {"never": "0"})
    with pytest.raises(StudyError, match="no column makes the term 'z'"):
        g_formula(periods, GModels(MODELS.covariates, ("z",), ("x",)), {"never": "0"})
    one = person_periods(course_of_treatment(100, 1)[0].assign(treatment=0), covariates=["x"])
    with pytest.raises(StudyError, match="all periods have the treatment 0"):
        g_formula(one, MODELS, {"never": "0"})


def test_what_structural_models_refuse(periods):
    with pytest.raises(StudyError, match="needs a model of treatment"):
        marginal_structural_model(periods, TrialWeights(), StructuralModel())
    nobody = person_periods(course_of_treatment(100, 1)[0].assign(outcome=0), covariates=["x"])
    with pytest.raises(StudyError, match="nobody has the outcome"):
        marginal_structural_model(nobody, WEIGHTS, StructuralModel())
    with pytest.raises(DataError, match="the outcome is not known in the person's last period"):
        person_periods(at_the_end(5).assign(y=np.nan), outcome="y", measure=True)


def test_a_column_may_not_be_called_like_a_history():
    frame = course_of_treatment(50, 1)[0].rename(columns={"x": "time"})
    periods = person_periods(frame, covariates=["time"])
    with pytest.raises(StudyError, match="a covariate is called time"):
        marginal_structural_model(periods, TrialWeights(WeightModel(("time",))), StructuralModel())
