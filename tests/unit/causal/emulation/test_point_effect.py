"""Effects of a treatment given once: exact where models are saturated, and against statsmodels."""

import numpy as np
import pandas as pd
import pytest

from understudy.biostatistics import design_matrix, logistic_model, standardised_risks
from understudy.causal.emulation import PointModels, point_effect, point_table
from understudy.core.errors import DataError, StudyError

METHODS = ("unadjusted", "weighting", "standardisation", "doubly robust")


@pytest.fixture(scope="module")
def frame():
    draw = np.random.default_rng(8)
    site, age = draw.integers(0, 3, 900), draw.normal(50, 10, 900)
    treated = (draw.random(900) < 1 / (1 + np.exp(-(-1 + 0.5 * site + 0.03 * (age - 50))))).astype(int)
    measure = 2 * treated + site + 0.1 * age + draw.normal(size=900)
    event = (draw.random(900) < 1 / (1 + np.exp(-(-1 + 0.4 * site - 0.6 * treated)))).astype(int)
    return pd.DataFrame({"a": treated, "site": site, "age": age, "y": measure, "event": event})


@pytest.fixture(scope="module")
def table(frame):
    return point_table(frame, treatment="a", outcome="y", covariates=["site", "age"], categorical=["site"])


def of_events(frame):
    return point_table(
        frame, treatment="a", outcome="event", covariates=["site", "age"], categorical=["site"]
    )


@pytest.mark.parametrize("outcome", ["y", "event"])
def test_saturated_models_give_the_mean_over_strata(frame, outcome):
    """Weighting, standardisation and both at once are then the same: strata by their size."""
    found = point_table(frame, treatment="a", outcome=outcome, covariates=["site"], categorical=["site"])
    models = PointModels(("site",), ("site",), ("site",))
    share = frame["site"].value_counts(normalize=True)
    means = frame.groupby(["a", "site"])[outcome].mean()
    wanted = [float((means[arm] * share).sum()) for arm in (0, 1)]
    for method in METHODS[1:]:
        np.testing.assert_allclose(point_effect(found, method, models).means.values, wanted, rtol=1e-8)


def test_against_statsmodels(frame, table):
    sm = pytest.importorskip("statsmodels.api")
    from statsmodels.treatment.treatment_effects import TreatmentEffect

    models = PointModels(("site", "age"), ("site", "age"), ("site", "age"))
    columns = np.column_stack([np.ones(900), frame["site"] == 1, frame["site"] == 2, frame["age"]]).astype(
        float
    )
    chance = sm.Logit(frame["a"], columns).fit(disp=0, tol=1e-12)
    oracle = TreatmentEffect(sm.OLS(frame["y"], columns), frame["a"].to_numpy(), results_select=chance)
    both = point_effect(table, "doubly robust", models)
    assert both.differences.values[0] == pytest.approx(oracle.aipw(return_results=False)[0], rel=1e-6)
    ipw = point_effect(table, "weighting", models)
    assert ipw.differences.values[0] == pytest.approx(oracle.ipw(return_results=False)[0], rel=1e-6)
    plain = point_effect(table, "standardisation", models)
    assert plain.differences.values[0] == pytest.approx(oracle.ra(return_results=False)[0], rel=1e-6)
    p = chance.predict()
    weights = np.where(frame["a"] == 1, 1 / p, 1 / (1 - p))
    wls = sm.WLS(frame["y"], sm.add_constant(frame["a"]), weights=weights).fit(cov_type="HC0")
    assert ipw.differences.standard_errors[0] == pytest.approx(wls.bse.iloc[1], rel=1e-6)


def test_stabilised_weights_change_nothing_but_themselves(table):
    one, other = (
        point_effect(table, "weighting", PointModels(("site", "age"), stabilised=stabilised))
        for stabilised in (True, False)
    )  # fmt: skip
    np.testing.assert_allclose(one.means.values, other.means.values, rtol=1e-12)
    assert one.weights.mean == pytest.approx(1, abs=0.02)
    assert other.weights.mean == pytest.approx(2, abs=0.04)
    assert np.abs(one.overlap.after).max() < 0.05 < np.abs(one.overlap.before).max()


def test_standardised_risks_are_those_of_biostatistics(frame):
    found = point_effect(of_events(frame), "standardisation", PointModels((), ("site", "age")))
    design = design_matrix(
        {"a": frame["a"].astype(str), "site": frame["site"], "age": frame["age"]}, categories=["site"]
    )
    wanted = standardised_risks(logistic_model(frame["event"], design), "a", variance="conditional HC0")
    np.testing.assert_allclose(found.means.values, wanted.risks.values, rtol=1e-7)
    # Errors are of the model and of whom was sampled: a little larger than of the model alone.
    assert (found.means.standard_errors > wanted.risks.standard_errors).all()
    np.testing.assert_allclose(found.means.standard_errors, wanted.risks.standard_errors, rtol=0.05)
    assert found.ratios["treated / untreated"].value == pytest.approx(wanted.ratios["1 / 0"].value, rel=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_bootstrap_and_formula_agree(table, method):
    models = PointModels(("site", "age"), ("site", "age"))
    found = point_effect(table, method, models, resamples=200, seed=2)
    ratio = found.bootstrap.standard_errors[0] / found.differences.standard_errors[0]
    # The sandwich of weighting takes weights as known, which is conservative; 200 resamples know an error to 5 %.
    assert (0.3 if method == "weighting" else 0.8) < ratio < 1.2


def test_what_cannot_be_read_or_compared(frame, table):
    with pytest.raises(DataError, match=r"row 5, column y: missing value"):
        point_table(
            frame.assign(y=frame["y"].where(frame.index != 3)), treatment="a", outcome="y", first_row=2
        )
    left = point_table(
        frame.assign(y=frame["y"].where(frame.index > 2)),
        treatment="a",
        outcome="y",
        missing="complete cases",
    )
    assert left.persons == 897
    assert left.notes == ("<5 of 900 rows with missing values are left out",)
    with pytest.raises(StudyError, match="all persons have the treatment 1: the other group is empty"):
        point_table(frame.assign(a=1), treatment="a", outcome="y")
    with pytest.raises(StudyError, match="unknown method"):
        point_effect(table, "matching", PointModels())
    with pytest.raises(StudyError, match=r"site\[1\] modifies the effect, but is no term"):
        point_effect(table, "standardisation", PointModels((), ("age",), ("site",)))


def test_positivity(frame):
    never = point_table(
        frame.assign(a=np.where(frame["site"] == 2, 0, frame["a"])),
        treatment="a", outcome="y", covariates=["site"], categorical=["site"],
    )  # fmt: skip
    with pytest.raises(StudyError, match=r"site\[2\] foretell the treatment of some persons exactly") as told:
        point_effect(never, "weighting", PointModels(("site",)))
    assert "leave persons out who could be treated one way only" in told.value.repair


def test_separated_outcomes(frame):
    found = point_table(
        frame.assign(event=np.where(frame["site"] == 2, 1, frame["event"])),
        treatment="a", outcome="event", covariates=["site"], categorical=["site"],
    )  # fmt: skip
    with pytest.raises(StudyError, match="the outcome model has no estimate"):
        point_effect(found, "standardisation", PointModels((), ("site",)))
