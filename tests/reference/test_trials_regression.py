"""Regression of trials' records against published and recomputed results of real trials.

Expected numbers are those listed beside the records; those of the antidepressant trial after imputation are printed in
the vignettes of the R package rbmi (Gower-Page et al. 2022, doi:10.21105/joss.04251), quickstart and inference with
conditional mean imputation, with the sign of drug minus placebo.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy.biostatistics import (
    conditional_mean,
    design_matrix,
    impute,
    linear_model,
    logistic_model,
    mmrm,
    risk_difference,
    standardised_risks,
)

RECORDS = Path(__file__).parents[3] / "shared/reference/trials"
ACTG_COVARIATES = [
    *("cd40", "age", "wtkg", "karnof", "symptom", "z30", "preanti"),
    *("hemo", "homo", "drugs", "race", "gender", "str2"),
]


def records(name: str, **options) -> pd.DataFrame:
    path = RECORDS / name
    if not path.exists():
        pytest.skip(f"needs the reference data {name}")
    return pd.read_csv(path, low_memory=False, **options)


@pytest.fixture(scope="module")
def alzheimer() -> pd.DataFrame:
    """ADAS-Cog(11) at week 24, with last observations carried forward, as the primary analysis has it."""
    frame = records("cdisc_adqsadas.csv.gz")
    chosen = (frame.PARAMCD == "ACTOT") & (frame.AVISIT == "Week 24")
    return frame[chosen & (frame.EFFFL == "Y") & (frame.ANL01FL == "Y")].reset_index(drop=True)


def test_alzheimer_dose_response(alzheimer):
    columns = {"dose": alzheimer.TRTPN, "site": alzheimer.SITEGR1.astype(str), "base": alzheimer.BASE}
    slope = linear_model(alzheimer.CHG, design_matrix(columns)).coefficients["dose"]
    assert slope.value == pytest.approx(-0.011792, abs=5e-7)  # as many digits as are given
    assert slope.p_value == pytest.approx(0.245, abs=5e-4)


def test_alzheimer_pairs_of_doses(alzheimer):
    columns = {"dose": alzheimer.TRTPN, "site": alzheimer.SITEGR1.astype(str), "base": alzheimer.BASE}
    fit = linear_model(alzheimer.CHG, design_matrix(columns, categories=["dose"]))
    found = fit.differences("dose")
    low, high = found["54 - 0"], found["81 - 0"]
    assert (low.value, low.standard_error) == pytest.approx((-0.466782, 0.818042), abs=5e-7)
    assert (high.value, high.standard_error) == pytest.approx((-1.006014, 0.840529), abs=5e-7)
    assert (low.p_value, high.p_value) == pytest.approx((0.569, 0.233), abs=5e-4)
    pair = fit.differences("dose", 54)["81 - 54"]
    assert (pair.value, pair.standard_error) == pytest.approx((-0.5392, 0.836), abs=5e-4)
    assert pair.p_value == pytest.approx(0.520, abs=5e-4)
    assert alzheimer.TRTPN.value_counts().to_dict() == {0: 79, 54: 81, 81: 74}


@pytest.fixture(scope="module")
def hiv() -> pd.DataFrame:
    return records("actg175.csv")


def test_hiv_cd4_with_and_without_covariates(hiv):
    def treated(covariates):
        columns = {"treat": hiv.treat, **{name: hiv[name] for name in covariates}}
        return linear_model(hiv.cd420, design_matrix(columns)).coefficients["treat"]

    plain, full, base = treated([]), treated(ACTG_COVARIATES), treated(["cd40"])
    assert (plain.value, plain.standard_error) == pytest.approx((46.810, 7.165), abs=5e-4)
    assert (full.value, full.standard_error) == pytest.approx((49.671, 5.666), abs=5e-4)
    assert (base.value, base.standard_error) == pytest.approx((49.381, 5.780), abs=5e-4)
    gain = full.standard_error**2 / plain.standard_error**2 - 1
    assert gain == pytest.approx(-0.375, abs=5e-4)


@pytest.fixture(scope="module")
def depression():
    """Change of HAMD-17 by patient and visit, with arm and baseline."""
    frame = records("antidepressant_hamd.csv")
    wide = frame.pivot(index="PATIENT", columns="VISIT", values="CHANGE")
    patients = frame.groupby("PATIENT").first().loc[wide.index]
    columns = {"therapy": patients.THERAPY, "baseline": patients.BASVAL}
    return frame, wide.to_numpy(), design_matrix(columns, reference={"therapy": "PLACEBO"})


def test_depression_completers(depression):
    _, wide, design = depression
    seen = ~np.isnan(wide[:, -1])
    found = linear_model(wide[seen, -1], design.select(seen)).coefficients["therapy[DRUG]"]
    assert (found.value, found.standard_error) == pytest.approx((-2.657, 1.174), abs=5e-4)
    assert found.p_value == pytest.approx(0.025, abs=5e-4)
    assert seen.sum() == 64 + 65
    assert design.rows == 84 + 88


# By visit: difference and standard error with conditional means and the jackknife, jump to reference.
CONDITIONAL = {0: (-0.092, 0.695), 1: (1.305, 0.878), 2: (1.929, 0.862), 3: (2.126, 0.858)}


@pytest.fixture(scope="module")
def jump(depression):
    _, wide, design = depression
    return conditional_mean(wide, design, arm="therapy", strategy="jump to reference")


@pytest.mark.parametrize("visit", CONDITIONAL)
def test_depression_conditional_means(jump, visit):
    """Nothing is random here, so that three printed decimals must be met."""
    drug = jump.ancova(visit)["DRUG - PLACEBO"]
    assert (-drug.value, drug.standard_error) == pytest.approx(CONDITIONAL[visit], abs=6e-4)


def test_depression_adjusted_means_of_conditional_means(jump):
    drug, placebo = jump.ancova()["DRUG"], jump.ancova()["PLACEBO"]
    assert (drug.value, drug.standard_error) == pytest.approx((-6.965, 0.685), abs=6e-4)
    assert (placebo.value, placebo.standard_error) == pytest.approx((-4.839, 0.762), abs=6e-4)


# By visit: difference and standard error of 150 imputations by Rubin's rules, jump to reference.
MULTIPLE = {0: (-0.092, 0.683), 1: (1.307, 0.931), 2: (1.907, 0.998), 3: (2.106, 1.130)}


def test_depression_multiple_imputation(depression):
    _, wide, design = depression
    found = impute(wide, design, arm="therapy", strategy="jump to reference", imputations=400, seed=1)
    for visit, (value, error) in MULTIPLE.items():
        pooled = found.ancova(visit)
        noise = float(pooled.monte_carlo_errors[0])
        # Both have the noise of their imputations, theirs of 150: three standard errors of the difference.
        allowed = 3 * np.hypot(noise, noise * np.sqrt(400 / 150)) + 6e-4
        assert -pooled["DRUG - PLACEBO"].value == pytest.approx(value, abs=allowed)
        assert pooled["DRUG - PLACEBO"].standard_error == pytest.approx(error, rel=0.03 if visit else 1e-3)


def test_depression_methods_agree_at_random(depression):
    """Under missing at random a mixed model, conditional means and multiple imputation estimate the same."""
    frame, wide, design = depression
    columns = {"therapy": frame.THERAPY, "visit": frame.VISIT, "baseline": frame.BASVAL}
    long = design_matrix(
        columns,
        reference={"therapy": "PLACEBO"},
        categories=["visit"],
        interactions=[("therapy", "visit"), ("baseline", "visit")],
    )
    mixed = mmrm(frame.CHANGE, frame.PATIENT, frame.VISIT, long).coefficients
    weights = {"drug": {"therapy[DRUG]": 1, "therapy[DRUG]:visit[7]": 1}}
    model = mmrm(frame.CHANGE, frame.PATIENT, frame.VISIT, long).contrasts(weights)["drug"]
    plain = conditional_mean(wide, design, arm="therapy").ancova()["DRUG - PLACEBO"]
    pooled = impute(wide, design, arm="therapy", imputations=300, seed=3, thin=5).ancova()
    assert mixed.names[1] == "therapy[DRUG]"
    assert model.value == pytest.approx(plain.value, abs=1e-6)  # the same likelihood, two ways
    assert pooled["DRUG - PLACEBO"].value == pytest.approx(plain.value, abs=3 * pooled.monte_carlo_errors[0])
    assert model.standard_error == pytest.approx(
        1.11, abs=0.01
    )  # that of the quickstart's 1.1, to its digits
    assert pooled["DRUG - PLACEBO"].standard_error == pytest.approx(model.standard_error, rel=0.03)


@pytest.fixture(scope="module")
def stroke() -> pd.DataFrame:
    return records("ist.csv.gz", encoding="utf-8")


def test_stroke_counts_and_risk_differences(stroke):
    known = stroke[stroke.OCCODE.between(1, 4)]
    bad = known.OCCODE <= 2
    aspirin, heparin = known.RXASP == "Y", known.RXHEP != "N"
    counts = [int(bad[aspirin].sum()), int(aspirin.sum()), int(bad[~aspirin].sum()), int((~aspirin).sum())]
    assert counts == [6000, 9639, 6125, 9646]
    found = risk_difference(*counts)
    assert found.value == pytest.approx(0.622 - 0.635, abs=1e-3)  # of shares printed with one decimal
    assert found.low < 0 < found.high
    other = [int(bad[heparin].sum()), int(heparin.sum()), int(bad[~heparin].sum()), int((~heparin).sum())]
    assert other == [6063, 9641, 6062, 9644]
    assert risk_difference(*other).p_value > 0.9


def test_stroke_deaths_by_day_14(stroke):
    dead = stroke.ID14 == 1
    aspirin, heparin = stroke.RXASP == "Y", stroke.RXHEP != "N"
    shares = [dead[arm].mean() for arm in (aspirin, ~aspirin, heparin, ~heparin)]
    assert 100 * np.array(shares) == pytest.approx([8.97, 9.36, 9.02, 9.31], abs=5e-3)


def test_stroke_adjusted_risk_difference_gains_precision(stroke):
    known = stroke[stroke.OCCODE.between(1, 4)]
    columns = {
        "aspirin": known.RXASP,
        "age": known.AGE,
        "consciousness": known.RCONSC,
        "sex": known.SEX,
    }
    fit = logistic_model((known.OCCODE <= 2) * 1, design_matrix(columns))
    adjusted = standardised_risks(fit, "aspirin").differences["Y - N"]
    plain = risk_difference(6000, 9639, 6125, 9646, method="wald")
    raw_error = (plain.high - plain.low) / 2 / 1.959964
    assert adjusted.value == pytest.approx(plain.value, abs=2 * raw_error)
    assert adjusted.standard_error < 0.95 * raw_error  # age alone explains a good part of the outcome
