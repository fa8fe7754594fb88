"""Forecasts of others' data in patients held out, beside the last value carried forward: better, or not."""

from pathlib import Path

import pandas as pd
import pytest

from understudy.trials.forecasting import compare, courses_of

FOLDER = Path(__file__).parents[3] / "shared" / "reference" / "trials"
pytestmark = pytest.mark.skipif(
    not (FOLDER / "lesion_sizes.csv").exists(), reason="the reference folder has no trials/lesion_sizes.csv"
)


def lesions():
    frame = pd.read_csv(FOLDER / "lesion_sizes.csv")
    size = frame["longest_diameter_mm"].replace({"TOO SMALL TO MEASURE": "2"})
    frame["size"] = pd.to_numeric(size, errors="coerce").clip(lower=2)
    options = {"scale": "log", "limits": (0, 300), "covariates": ["study"]}
    return courses_of(frame, id=["study", "patient"], time="day", value="size", **options)


def test_who_is_forecast():
    courses = lesions()
    assert len(courses.patients) == 490
    assert courses.known["study"].value_counts().sort_index().tolist() == [24, 55, 132, 221, 58]
    assert len(courses.value) == 2783


def test_errors_of_lesion_sizes_are_those_computed_elsewhere():
    found = compare(lesions(), first=3, fewest=2, methods=["own line"], seed=1)
    assert len(found.question.patients) == 268
    table = found.table()
    # As printed: three decimals.
    assert table.loc["carry forward", ["error", "median_error"]].tolist() == pytest.approx(
        [5.399, 3.533], abs=5e-4
    )
    assert table.loc["own line", ["error", "median_error"]].tolist() == pytest.approx(
        [10.276, 5.811], abs=5e-4
    )
    # 268 patients: the standard error of coverage is 1.5 %.
    assert table["coverage"].tolist() == pytest.approx([0.9, 0.9], abs=0.045)


@pytest.mark.slow
def test_no_method_is_better_for_lesions_than_carrying_forward():
    found = compare(lesions(), first=3, fewest=2, methods=["mixed", "boosted"], seed=1)
    assert found.difference("mixed")[0] > 0  # worse
    low, high = found.difference("boosted")
    assert low < 0 < high  # no difference shown
    assert (abs(found.table()["coverage"] - 0.9) < 0.045).all()


@pytest.mark.slow
def test_root_cd4_is_forecast_better_than_by_carrying_forward():
    frame = pd.read_csv(FOLDER / "aids.csv")
    names = ["drug", "prevOI", "AZT", "gender"]
    courses = courses_of(frame, id="patient", time="obstime", value="CD4", covariates=names, by="drug")
    found = compare(courses, first=2, methods=["mixed", "boosted"], seed=1)
    assert len(found.question.patients) == 315
    for name in ("mixed", "boosted"):
        assert found.difference(name)[1] < -0.2
    # 150 patients of an arm: 2.4 %.
    assert (abs(found.coverage()["coverage"] - 0.9) < 0.07).all()


def test_an_aids_model_of_random_slopes():
    """Between patients 4.59 and 0.17 of root CD4, residual 1.75: what mixed models of these data are known to give.

    From memory of the vignettes of JM and JMbayes (Rizopoulos), which fit the same but for the main effect of the drug.
    """
    import numpy as np

    from understudy.biostatistics.random_slopes import fit_random_slopes

    frame = pd.read_csv(FOLDER / "aids.csv")
    time, drug = frame["obstime"].to_numpy(float), (frame["drug"] == "ddI").to_numpy(float)
    fixed = np.column_stack([np.ones(len(frame)), time, drug * time])
    found = fit_random_slopes(frame["patient"].to_numpy() - 1, time, frame["CD4"].to_numpy(), fixed)
    spread = np.sqrt([*np.diag(found.covariance), found.residual])
    assert spread == pytest.approx([4.59, 0.17, 1.75], abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mixed", "boosted"])
def test_bilirubin_and_adas_are_not_shown_to_be_forecast_better(method):
    frame = pd.read_csv(FOLDER / "pbc2.csv")
    options = {"covariates": ["drug", "age", "sex"], "by": "drug", "scale": "log", "limits": (0, 60)}
    bilirubin = courses_of(frame, id="id", time="year", value="serBilir", **options)
    frame = pd.read_csv(FOLDER / "cdisc_adqsadas.csv.gz", low_memory=False)
    kept = (
        (frame["PARAMCD"] == "ACTOT")
        & frame["DTYPE"].isna()
        & (frame["EFFFL"] == "Y")
        & frame["AVISIT"].notna()
    )
    options = {"covariates": ["TRTP", "AGE", "SEX"], "by": "TRTP", "limits": (0, 70)}
    adas = courses_of(frame[kept], id="USUBJID", time="ADY", value="AVAL", **options)
    for courses, known in ((bilirubin, {"first": 3}), (adas, {"until": 70})):
        found = compare(courses, methods=[method], seed=1, **known)
        low, high = found.difference(method)
        assert low < 0 < high
        assert abs(found.table().loc[method, "coverage"] - 0.9) < 0.05
