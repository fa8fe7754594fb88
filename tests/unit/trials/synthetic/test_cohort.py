"""Synthetic cohorts: margins, associations and missing cells come again; rows do not; the mark stays."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from understudy.core.errors import DataError, StudyError
from understudy.core.random import normals, uniforms
from understudy.core.record import Record
from understudy.trials.synthetic import (
    fidelity,
    is_synthetic,
    privacy,
    refuse_synthetic,
    synthesise,
)

CORRELATION = np.array([[1.0, 0.6, -0.4, 0.5], [0.6, 1, 0.0, 0.3], [-0.4, 0.0, 1, 0.0], [0.5, 0.3, 0.0, 1]])


def latent(rows, seed=1):
    return normals(seed, "patients", range(rows), 4) @ np.linalg.cholesky(CORRELATION).T


def patients(rows=1200, seed=1):
    """Age, a skewed marker, a grade of three, a sex; grades are missing in the old."""
    z = latent(rows, seed)
    frame = pd.DataFrame(
        {
            "age": np.round(60 + 9 * z[:, 0]),
            "marker": np.exp(z[:, 1]),
            "grade": np.digitize(z[:, 2], [-0.5, 0.8]) + 1.0,
            "sex": np.where(z[:, 3] > 0.3, "male", "female"),
        }
    )
    frame.loc[uniforms(seed, "missing", range(rows), 1)[:, 0] < 0.5 * ndtr(z[:, 0]), "grade"] = np.nan
    return frame


@pytest.fixture(scope="module")
def cohort():
    return synthesise(patients(), seed=3)


def test_correlations_of_what_lies_behind_mixed_columns_are_recovered(cohort):
    # 900 rows: the standard error of a correlation is about 0.04 where cells are thresholds, 0.03 elsewhere.
    found = cohort.copula.correlation[:4, :4]
    assert found == pytest.approx(CORRELATION, abs=0.12)
    assert found[0, 1] == pytest.approx(0.6, abs=0.08)


def test_margins_are_those_of_the_table(cohort):
    frame = fidelity(cohort).margins
    # Largest of four differences between 900 and 900: 5 % critical value of one is 1.36 sqrt(2 / 900) = 0.064.
    assert frame["difference"].max() < 0.08
    assert set(cohort.rows["sex"]) == {"male", "female"}
    assert set(cohort.rows["grade"].dropna()) == {1, 2, 3}
    assert cohort.rows["age"].min() >= patients()["age"].min()
    assert (cohort.rows["age"] % 1 == 0).all()


def test_missing_cells_hang_together_with_age_as_they_did(cohort):
    rows, real = cohort.rows, cohort.source
    for frame in (rows, real):
        gap = frame["age"][frame["grade"].isna()].mean() - frame["age"][frame["grade"].notna()].mean()
        # Phi(z) / 2 of age z are missing: the truth is 9 (0.564 + 0.188) = 6.8 years, its standard error 0.65.
        assert 4.8 < float(gap) < 8.8
    assert rows["grade"].isna().mean() == pytest.approx(real["grade"].isna().mean(), abs=0.05)


def test_columns_missing_together_stay_missing_together():
    frame = patients(400)
    frame["second"] = frame["grade"] * 2
    made = synthesise(frame, seed=1).rows
    assert (made["grade"].isna() == made["second"].isna()).all()


def test_the_same_seed_gives_the_same_rows(cohort):
    again = synthesise(patients(), seed=3)
    pd.testing.assert_frame_equal(cohort.rows, again.rows)
    assert cohort.record.hash == again.record.hash
    assert not cohort.rows.equals(synthesise(patients(), seed=4).rows)
    more = synthesise(patients(), seed=3, rows=2000).rows
    pd.testing.assert_frame_equal(more.iloc[:900], cohort.rows, check_flags=False)


def test_no_row_is_copied_and_nobody_is_found(cohort):
    found = privacy(cohort)
    assert found.copies == 0
    low, high = found.membership.interval(0.99)
    assert low < 0.5 < high
    assert 0.4 < found.nearer_to_source < 0.6


def test_rows_learnt_by_heart_are_found(cohort):
    import dataclasses

    from understudy.trials.synthetic import SyntheticCohort

    parts = {f.name: getattr(cohort, f.name) for f in dataclasses.fields(cohort)}
    told = privacy(SyntheticCohort(**{**parts, "rows": cohort.source.assign(synthetic=True)}))
    assert told.membership.estimate > 0.95
    # A third of the table's rows are compared with, and each of those is met by its copy.
    assert told.copies > 0.3
    assert told.copies > told.copies_of_held_out + 0.25
    assert told.ratio < told.ratio_held_out


def test_the_propensity_score_sees_lost_associations(cohort):
    import dataclasses

    from understudy.trials.synthetic import SyntheticCohort

    parts = {f.name: getattr(cohort, f.name) for f in dataclasses.fields(cohort)}
    alone = pd.DataFrame(
        {n: cohort.rows[n].sample(frac=1, random_state=k).to_numpy() for k, n in enumerate(cohort.rows)}
    )
    lost = fidelity(SyntheticCohort(**{**parts, "rows": alone}))
    assert fidelity(cohort).propensity < 3 < 10 < lost.propensity
    real = [
        fidelity(SyntheticCohort(**{**parts, "rows": patients(900, seed=k)})).propensity for k in range(5, 9)
    ]
    # 1 for other patients, a chi-square of about 18 degrees of freedom over 18; of four with the same rows that they
    # are compared with, which count half, the standard error is about 0.27.
    assert 0.4 < np.mean(real) < 1.8


def test_a_model_learnt_on_synthetic_rows_does_as_well(cohort):
    told = fidelity(cohort, "age").downstream
    assert told["learnt on real rows"] > 0.3
    assert told["learnt on synthetic rows"] == pytest.approx(told["learnt on real rows"], abs=0.08)
    binary = fidelity(cohort, "sex").downstream
    assert binary["learnt on synthetic rows"] == pytest.approx(binary["learnt on real rows"], abs=0.08)
    assert "model of the outcome, learnt on real rows" in fidelity(cohort, "sex").table().index


def test_a_vine_knows_a_tail_that_correlations_do_not():
    pytest.importorskip("pyvinecopulib", reason="pyvinecopulib, of the extra vines")
    # Clayton with theta 3: both in the lowest tenth with probability (2 * 10^3 - 1)^(-1/3) = 0.0794; a normal
    # copula of the same Kendall's tau, 0.6, has 0.0637.
    drawn = uniforms(2, "clayton", range(3000), 2)
    first = drawn[:, 0]
    second = (first**-3.0 * (drawn[:, 1] ** (-3 / 4) - 1) + 1) ** (-1 / 3)
    frame = pd.DataFrame({"a": norm.ppf(first), "b": norm.ppf(second)})
    low = {}
    for method in ("gaussian", "vine"):
        made = synthesise(frame, method=method, rows=20_000, seed=1, held_out=0.1).rows
        low[method] = ((made["a"] < made["a"].quantile(0.1)) & (made["b"] < made["b"].quantile(0.1))).mean()
    # Binomial standard error of 0.08 in 20,000: 0.002, and as much from the 2,700 rows it was learnt from.
    assert low["vine"] == pytest.approx(0.0794, abs=0.006)
    assert low["gaussian"] < low["vine"] - 0.008


def test_a_vine_is_the_same_again():
    pytest.importorskip("pyvinecopulib", reason="pyvinecopulib, of the extra vines")
    first, again = (synthesise(patients(200), method="vine", seed=2).rows for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_the_mark_is_in_memory_and_in_the_file(cohort, tmp_path):
    assert is_synthetic(cohort.rows)
    assert is_synthetic(cohort.rows.drop(columns="synthetic"))
    cohort.write(tmp_path / "cohort.csv")
    back = pd.read_csv(tmp_path / "cohort.csv")
    assert is_synthetic(back)
    assert Record.read(tmp_path / "cohort.record.json").hash == cohort.record.hash
    assert json.loads(cohort.rows.attrs["synthetic"])["what"] == "synthetic cohort"
    mixed = pd.concat([patients(5), back.head(2)])
    with pytest.raises(DataError, match="synthetic rows cannot be controls of a trial"):
        refuse_synthetic(mixed, "controls.csv", "controls of a trial")
    refuse_synthetic(patients(5), "controls.csv")
    refuse_synthetic(patients(5).assign(synthetic=False), "controls.csv")


def test_a_trial_refuses_synthetic_subjects(tmp_path):
    from understudy.trials import load_trial

    (tmp_path / "trial.toml").write_text(
        'title = "x"\n[subjects]\nfile = "s.csv"\narm = "arm"\n[arms]\ncontrol = "c"\ntreated = ["t"]\n'
        '[endpoint]\nname = "y"\nkind = "continuous"\nvalue = "y"\nunit = "1"\n'
    )
    pd.DataFrame({"arm": ["c", "t"] * 3, "y": range(6), "synthetic": [False] * 5 + [True]}).to_csv(
        tmp_path / "s.csv", index=False
    )
    with pytest.raises(DataError, match="synthetic rows cannot be subjects of a trial"):
        load_trial(tmp_path / "trial.toml")


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        ({}, {"method": "magic"}, "no method 'magic'"),
        ({}, {"rows": 0}, "0 rows"),
        ({}, {"held_out": 0.99}, "hold out 0 to 0.9"),
        ({}, {"columns": ["age"]}, "one column"),
        ({}, {"columns": ["age", "agee"]}, "did you mean age"),
        ({}, {"columns": ["age", "age"]}, "named twice"),
        ({"name": [f"patient {k}" for k in range(100)]}, {}, "may name patients"),
        ({"empty": [np.nan] * 100}, {}, "the column empty is empty"),
        ({"big": [np.inf, *range(99)]}, {}, "infinite"),
        ({"synthetic": [True] * 100}, {}, "synthetic itself"),
    ],
)
def test_what_cannot_be_synthesised(change, options, told):
    with pytest.raises(StudyError) as error:
        synthesise(patients(100).assign(**change), **options)
    assert told in str(error.value)


def test_too_few_rows():
    with pytest.raises(StudyError, match="20 rows are too few"):
        synthesise(patients(20))
    made = synthesise(patients(60), held_out=0.2)
    with pytest.raises(StudyError, match="12 rows were held out"):
        privacy(made)
    with pytest.raises(StudyError, match="no column 'weight'"):
        fidelity(made, "weight")
