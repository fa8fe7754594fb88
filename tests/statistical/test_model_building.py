"""Model building: absent covariates are taken at the nominal rate, planted ones are found, and intervals agree."""

from pathlib import Path

import numpy as np
import pytest
from small_study import lines, study

from understudy import Records, fit, load_model, search_covariates
from understudy.inference.building.bootstrap import bootstrap
from understudy.inference.building.likelihood_profile import profile
from understudy.inference.building.sir import sir

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def records():
    return Records.read_csv(
        ROOT / "examples" / "phenobarbital" / "phenobarbital.csv",
        units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    )


@pytest.fixture(scope="module")
def found(records):
    return fit(load_model("phenobarbital_neonates"), records)


def taken(seed: int, covariate: str, power: float) -> bool:
    records = study(30, power=power, seed=seed)
    made = search_covariates(
        lines(), records, {"base": [covariate]}, forward=0.05, backward=0.05, method="fo"
    )
    return bool(made.effects)


def test_an_absent_covariate_is_taken_at_about_the_nominal_rate():
    share = np.mean([taken(seed, "NOISE", 0.75) for seed in range(100)])
    # Of 100 studies 5 are expected, 1 to 12 in 99.5 of 100 runs; 30 patients make chi-square a little too small.
    assert 0.01 <= share <= 0.13


def test_a_planted_covariate_is_found():
    # Weights spread by a quarter: an effect of 1.25 on a mean of 5 beside a standard deviation of 1.
    assert np.mean([taken(seed, "WT", 1.0) for seed in range(20)]) >= 0.9


def test_the_bootstrap_agrees_with_the_sandwich(found, records):
    table = bootstrap(found, records, 60, seed=2).table()
    for name in ("theta_CL", "theta_V"):
        # A standard error from 60 replicates errs by 9 %, the sandwich from 59 patients by as much.
        assert table.loc[name, "standard error"] == pytest.approx(found.standard_errors[name], rel=0.35)
        assert abs(table.loc[name, "bias"]) < 0.5 * found.standard_errors[name]


def test_the_profile_agrees_with_the_sandwich(found, records):
    for name in ("theta_CL", "theta_V"):
        low, high = found.interval(name)
        # The model holds, so both estimate the same; 59 patients leave some 10 % between them.
        assert profile(found, records, name).interval == pytest.approx((low, high), abs=0.15 * (high - low))


def test_resampling_agrees_with_the_sandwich(found, records):
    made = sir(found, records, samples=(200, 300), resamples=(80, 120))
    for name in ("theta_CL", "theta_V"):
        # A standard error from 120 draws errs by 6.5 %.
        error = made.table().loc[name, "standard error"]
        assert error == pytest.approx(found.standard_errors[name], rel=0.3)
    assert made.diagnostics()["resampled"].iloc[-1] < 8.0
