"""Survival in eight sets of records of published trials: hazard ratios with their limits, events, and concordance.

The expected figures were found in other programs from the same files, and are given with three or four digits: a
tolerance is half a unit of the last one. Published reports differ where they adjust, or count otherwise.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy.biostatistics import (
    concordance,
    cox,
    deviance_residuals,
    kaplan_meier,
    log_rank,
    log_rank_many,
    martingale_residuals,
    proportional_hazards_test,
    restricted_mean,
)
from understudy.biostatistics.survival.kaplan_meier import Quantile

SEARCH = 1e-5  # lifelines stops its search for the coefficients a few millionths from the maximum
FOLDER = Path(__file__).parents[3] / "shared/reference/trials"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"needs the patient-level records in {FOLDER.name}, beside the checkout"
)


def records(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{name}.csv")


def shown(fit, k: int = 0) -> tuple[float, float, float]:
    row = fit.table().iloc[k]
    return row.hazard_ratio, row.low, row.high


def close(expected, digits: int = 3):
    return pytest.approx(expected, abs=0.501 * 10.0**-digits)


def indicators(column: pd.Series, levels) -> dict:
    return {str(level): (column == level).astype(int) for level in levels}


def test_first_skin_event_under_xanomeline():
    adtte = records("cdisc_adtte")
    event = 1 - adtte.CNSR
    doses = indicators(adtte.TRTP, ["Xanomeline Low Dose", "Xanomeline High Dose"])
    fit = cox(adtte.AVAL, event, doses)
    assert shown(fit, 0) == close((4.148, 2.645, 6.504))
    assert shown(fit, 1) == close((5.026, 3.182, 7.939))
    events = event.groupby(adtte.TRTP).sum()
    assert events[["Placebo", *doses]].tolist() == [29, 62, 61]


def test_actg175_against_zidovudine():
    data = records("actg175")
    fit = cox(data.days, data.cens, indicators(data.arms, [1, 2, 3]))
    expected = [(0.492, 0.386, 0.627), (0.525, 0.414, 0.666), (0.586, 0.467, 0.735)]
    for k, row in enumerate(expected):
        assert shown(fit, k) == close(row)
    assert data.cens.groupby(data.arms).sum().tolist() == [181, 103, 109, 128]
    # The primary report gives two digits, with strata of the trial's own.
    assert fit.hazard_ratios == pytest.approx([0.50, 0.54, 0.61], abs=0.03)


@pytest.mark.parametrize(
    ("etype", "events", "levamisole_5fu", "levamisole"),
    [(2, 452, (0.690, 0.546, 0.870), 0.974), (1, 468, (0.599, 0.475, 0.756), 0.985)],
)
def test_adjuvant_treatment_of_colon_cancer(etype, events, levamisole_5fu, levamisole):
    data = records("colon").query(f"etype == {etype}")
    fit = cox(data.time, data.status, indicators(data.rx, ["Lev+5FU", "Lev"]))
    assert (fit.patients, fit.events) == (929, events)
    assert shown(fit, 0) == close(levamisole_5fu)
    assert fit.hazard_ratios[1] == close(levamisole)
    # The report says a third fewer deaths, two fifths fewer recurrences.
    assert 1 - fit.hazard_ratios[0] == pytest.approx(0.33 if etype == 2 else 0.40, abs=0.025)


def test_penicillamine_in_primary_biliary_cholangitis_does_nothing():
    data = records("pbc").dropna(subset="trt")
    fit = cox(data.time, data.status == 2, {"penicillamine": (data.trt == 1).astype(int)})
    assert (fit.patients, fit.events) == (312, 125)
    assert shown(fit) == close((1.059, 0.745, 1.504))
    assert fit.table().p[0] == close(0.75, 2)


def test_lung_cancer_of_veterans():
    data = records("veteran")
    test = {"test": (data.trt == 2).astype(int)}
    assert shown(cox(data.time, data.status, test)) == close((1.018, 0.714, 1.450))
    adjusted = cox(data.time, data.status, {**test, **data[["karno", "age", "diagtime"]]})
    assert adjusted.events == 128
    assert shown(adjusted) == close((1.208, 0.839, 1.739))
    assert adjusted.hazard_ratios[1] == close(0.9662, 4)


def test_colorectal_cancer_sequential_against_combined():
    data = records("ffcd2000_events")
    assert int(data["new.lesions"].sum()) == 139
    last = data.groupby("id").tail(1)
    fit = cox(last["time1"], last["state"], {"combination": (last["treatment"] == "C").astype(int)})
    assert (fit.patients, fit.events) == (150, 121)
    assert shown(fit) == close((0.879, 0.613, 1.259))


def test_follow_up_visits_of_the_cholangitis_trial():
    data = records("pbc2").groupby("id").head(1)
    assert data.status.value_counts()[["dead", "transplanted", "alive"]].tolist() == [140, 29, 143]
    dead = data.status == "dead"
    fit = cox(data.years, dead, {"penicillamine": (data.drug == "D-penicil").astype(int)})
    assert shown(fit) == close((0.998, 0.717, 1.391))
    bilirubin = np.log(data.serBilir.to_numpy())
    assert shown(cox(data.years, dead, {"log bilirubin": bilirubin})) == close((2.895, 2.419, 3.464))
    assert concordance(data.years, dead, bilirubin).estimate == close(0.779)


def test_didanosine_against_zalcitabine():
    data = records("aids").groupby("patient").head(1)
    assert data.death.groupby(data.drug).sum()[["ddC", "ddI"]].tolist() == [88, 100]
    assert len(data) == 467
    fit = cox(data.Time, data.death, {"ddI": (data.drug == "ddI").astype(int)})
    assert shown(fit) == close((1.234, 0.926, 1.643))
    assert shown(cox(data.Time, data.death, {"CD4": data.CD4})) == close((0.834, 0.798, 0.871))


# lifelines 0.30.3 on veteran.csv, test = (trt == 2):
#   fit = CoxPHFitter().fit(veteran[["time", "status", "test", "karno", "age", "diagtime"]], "time", "status")


@pytest.fixture(scope="module")
def veteran():
    data = records("veteran")
    columns = {"test": (data.trt == 2).astype(int), **data[["karno", "age", "diagtime"]]}
    return data, cox(data.time, data.status, columns)


def test_lifelines_coefficients_and_likelihood(veteran):
    _, fit = veteran
    assert fit.coefficients == pytest.approx([0.189052, -0.034411, -0.003816, 0.000435], abs=5.1e-7)
    assert fit.standard_errors == pytest.approx([0.185779, 0.005272, 0.009238, 0.008326], abs=5.1e-7)
    assert fit.log_likelihood == pytest.approx(-483.8766238257707, rel=1e-10)


def test_lifelines_martingale_and_deviance_residuals_without_ties(veteran):
    # time += row * 1e-4; fit.compute_residuals(frame, "martingale").martingale.sort_index().head(3), then "deviance"
    data, _ = veteran
    columns = {"test": (data.trt == 2).astype(int), **data[["karno", "age"]]}
    fit = cox(data.time + np.arange(len(data)) * 1e-4, data.status, columns)
    martingale = [0.43439579023629493, -1.306182388092766, -0.9072884170522493]
    deviance = [0.5205092337049206, -0.9701431611179423, -0.7233337550893114]
    assert martingale_residuals(fit)[:3] == pytest.approx(martingale, rel=SEARCH)
    assert deviance_residuals(fit)[:3] == pytest.approx(deviance, rel=SEARCH)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        # proportional_hazard_test(fit, frame, time_transform=...).summary, rows test, karno, age, diagtime
        ("identity", (1.081746, 3.104716, 1.200004, 0.221697)),
        ("log", (1.242710, 12.207143, 6.683870, 0.115204)),
    ],
)
def test_lifelines_test_of_proportional_hazards(veteran, transform, expected):
    found = proportional_hazards_test(veteran[1], transform, variance="average")
    assert found.statistics == pytest.approx(expected, rel=5 * SEARCH)


def test_lifelines_curve(veteran):
    # curve = KaplanMeierFitter().fit(time, status); median_survival_times(curve.confidence_interval_)
    data, _ = veteran
    curve = kaplan_meier(data.time, data.status)
    found = curve.at([30, 80, 200])
    assert found.survival.tolist() == pytest.approx(
        [0.7004350070043504, 0.4939910049399101, 0.2053028434145963]
    )
    assert [found.low[1], found.high[1]] == pytest.approx([0.4075851076813889, 0.5745553636948864])
    assert curve.median == Quantile(0.5, 80.0, 52.0, 100.0)
    # restricted_mean_survival_time(curve, t=200, return_variance=True): its variance is of the time, not of the mean.
    assert restricted_mean(data.time, data.status, 200).estimate == pytest.approx(92.8489891076915)


@pytest.mark.parametrize(
    ("weight", "statistic"),
    [
        # logrank_test(…, weightings=…).test_statistic
        ("log-rank", 0.008227343202350305),
        ("gehan", 0.9607502152527158),
        ("tarone-ware", 0.5457201742117685),
        ((1, 0.5), 0.6458719590609109),
    ],
)
def test_lifelines_weighted_log_rank(veteran, weight, statistic):
    data, _ = veteran
    found = log_rank(data.time, data.status, data.trt, weight=weight)
    assert found.statistic == pytest.approx(statistic, rel=1e-9)


def test_lifelines_log_rank_of_four_groups(veteran):
    # multivariate_logrank_test(time, celltype, status).test_statistic
    data, _ = veteran
    found = log_rank(data.time, data.status, data.celltype)
    assert (found.statistic, found.df) == (pytest.approx(25.403700345785367, rel=1e-9), 3)


def test_lifelines_concordance(veteran):
    data, fit = veteran
    risk = fit.data.x @ fit.beta
    given = np.empty_like(risk)
    given[fit.data.order] = risk
    assert concordance(data.time, data.status, given).estimate == pytest.approx(0.7119491140390731, rel=1e-12)


@pytest.mark.parametrize(
    ("settings", "errors"),
    [
        # CoxPHFitter().fit(frame, "time", "status", robust=True), then cluster_col="age", after time += row * 1e-4
        ({"robust": True}, (0.20241260906372302, 0.004781958297979674, 0.009771826476553534)),
        ({"cluster": "age"}, (0.17244854548560476, 0.005292438179844179, 0.0076996177802283895)),
    ],
)
def test_lifelines_robust_errors_without_ties(veteran, settings, errors):
    """With ties lifelines takes Breslow's residuals for Efron's estimate; ours are compared with differences."""
    data, _ = veteran
    columns = {"test": (data.trt == 2).astype(int), **data[["karno", "age"]]}
    if "cluster" in settings:
        settings = {"cluster": data.age}
    fit = cox(data.time + np.arange(len(data)) * 1e-4, data.status, columns, **settings)
    assert fit.coefficients == pytest.approx([0.1873147895, -0.0344982471, -0.0039489141], rel=SEARCH)
    assert fit.standard_errors == pytest.approx(errors, rel=SEARCH)


@pytest.mark.parametrize(
    ("settings", "coefficients", "errors"),
    [
        # statsmodels 0.15.0, PHReg(time, [test, karno, age], status, strata=celltype, ties="breslow").fit()
        (
            {"ties": "breslow", "strata": True},
            (0.285713674323063, -0.037224562376786854, -0.01172159457199958),
            (0.20713198679768563, 0.0057327926263937715, 0.0097453229911589),
        ),
        # the same with entry=minimum(0.37 time, 5 (age mod 4) + 0.25), without strata. Where an entry is the time of an
        # event statsmodels counts the patient as at risk then; here and in others (entry, time] is open on the left.
        (
            {"ties": "efron", "entry": True},
            (0.18750377644057653, -0.03370888980869105, -0.0032014307277986064),
            (0.1855021532392516, 0.005242052561566982, 0.009159856836491256),
        ),
        (
            {"ties": "breslow", "entry": True},
            (0.1825074274319085, -0.03345025844018527, -0.003094847660769816),
            (0.18542259595049104, 0.0052369980810329335, 0.009167855135963613),
        ),
    ],
)
def test_statsmodels_strata_and_delayed_entry(veteran, settings, coefficients, errors):
    data, _ = veteran
    columns = {"test": (data.trt == 2).astype(int), **data[["karno", "age"]]}
    given = {"ties": settings["ties"]}
    if "strata" in settings:
        given["strata"] = data.celltype
    else:
        given["entry"] = np.minimum(data.time * 0.37, 5 * (data.age % 4) + 0.25)
    fit = cox(data.time, data.status, columns, **given)
    assert fit.coefficients == pytest.approx(coefficients, rel=1e-6)
    assert fit.standard_errors == pytest.approx(errors, rel=1e-6)


def test_trials_that_are_compared_at_once_are_those_compared_alone():
    """The batch on the two arms of three real trials, padded to one length by patients censored at time 0."""
    colon, pbc, veterans = (
        records("colon").query("etype == 2 and rx != 'Lev'"),
        records("pbc"),
        records("veteran"),
    )
    pbc = pbc.dropna(subset="trt")
    trials = [
        (colon.time, colon.status, colon.rx == "Lev+5FU"),
        (pbc.time, pbc.status == 2, pbc.trt == 1),
        (veterans.time, veterans.status, veterans.trt == 2),
    ]
    size = max(len(time) for time, *_ in trials)
    tables = [
        [np.pad(np.asarray(part, float), (0, size - len(part))) for part in parts]
        for parts in zip(*trials, strict=True)
    ]
    found = log_rank_many(*tables)
    for k, trial in enumerate(trials):
        assert found.z[k, 0] == pytest.approx(log_rank(*trial).z, rel=1e-10)
        fit = cox(trial[0], trial[1], np.asarray(trial[2], float))
        assert found.log_hazard_ratio[k] == pytest.approx(fit.coefficients[0], abs=1e-9)
        assert found.standard_error[k] == pytest.approx(fit.standard_errors[0], rel=1e-8)
