"""Designs on times to an event, proportional hazards or not: errors and power, within Monte Carlo errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from understudy import trials
from understudy.biostatistics import log_rank, max_combo
from understudy.core.errors import SimulationError
from understudy.trials.designs import (
    MAX_COMBO,
    BinaryPatients,
    BiomarkerPatients,
    BlindedDesign,
    Conduct,
    ContinuousPatients,
    Dropout,
    Enrichment,
    Hazard,
    MultiArmMultiStage,
    ParallelDesign,
    PlatformTrial,
    PromisingZone,
    Recruitment,
    ReEstimatedDesign,
    ResponseAdaptive,
    SurvivalPatients,
    group_sequential,
)
from understudy.trials.designs.event_times import EventTimes
from understudy.trials.designs.probability_best import highest_mean, lowest_hazard
from understudy.trials.designs.weighted_log_rank import _below, survival_z

CONTROL = Hazard.of_median(12.0)
LATE = CONTROL.times(0.5, delay=5.0)
CROSSING = CONTROL.times((1.5, 0.5), breaks=(4.0,))
CURE = Hazard(CONTROL.rates, (), cured=0.2)
SMALL = ParallelDesign(patients=50, events=20)
BUSY = Conduct(Recruitment(20), Dropout(0.01))


def two(drug: Hazard) -> SurvivalPatients:
    return SurvivalPatients({"control": CONTROL, "drug": drug})


def share(found, scenario="null", hypothesis=None) -> tuple[float, float]:
    return found.rejection(scenario, hypothesis)


# Tests of many trials at once.


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(3)
    treated = rng.random((12, 150)) < 0.5
    time = rng.exponential(np.where(treated, 14.0, 10.0))
    return np.round(time, 1) + 0.1, rng.random((12, 150)) < 0.7, treated


@pytest.mark.parametrize("weight", [(0.0, 1.0), (1.0, 0.0), (0.5, 0.5)])
def test_a_weighted_test_is_that_of_one_trial(made, weight):
    time, event, treated = made
    z, _ = survival_z(time, event, treated, (weight,))
    for row in range(3):
        alone = log_rank(time[row], event[row], treated[row].astype(int), weight=weight)
        assert z[row] ** 2 == pytest.approx(alone.statistic, rel=1e-9)


def test_the_largest_of_several_is_max_combo(made):
    z, _ = survival_z(*made, MAX_COMBO)
    expected = [
        max_combo(t, e, g.astype(int), weights=MAX_COMBO, alternative="less").p
        for t, e, g in zip(*made, strict=True)
    ]
    # 1,024 points of a lattice on dependent tests (S and 1 - S add to 1): a hundredth of the p value and a bit.
    assert norm.sf(z) == pytest.approx(np.array(expected), rel=0.02, abs=0.002)


def test_who_is_not_under_observation_counts_for_nothing(made):
    time, event, treated = made
    more = [np.concatenate([each, each[:, :20]], axis=1) for each in (time, event, treated)]
    more[0][:, 150:] = [[0.0, -3.0] * 10]
    for weights in (((0.0, 0.0),), ((0.0, 1.0),), MAX_COMBO):
        assert survival_z(*more, weights)[0] == pytest.approx(survival_z(*made, weights)[0], abs=1e-12)


def test_joint_probability_by_scipy():
    correlation = np.array([[1.0, 0.6, 0.3], [0.6, 1.0, 0.5], [0.3, 0.5, 1.0]])
    for limit in (0.5, 2.0, 2.4):
        exact = 1 - multivariate_normal.cdf([limit] * 3, np.zeros(3), correlation)
        assert 1 - _below(np.array([limit]), correlation[None])[0] == pytest.approx(exact, rel=0.01)


def test_event_times():
    trial = EventTimes(
        np.array([[False, True, False, True]]), np.array([[0.0, 1.0, 2.0, np.inf]]),
        np.array([[3.0, 5.0, np.inf, 1.0]]), np.array([[9.0, 4.0, 7.0, 9.0]]),
    )  # fmt: skip
    all_of = np.ones((1, 4), bool)
    assert trial.when(all_of, np.array([1])).tolist() == [3.0]
    # The second never comes: one leaves, one has none, one is never enrolled. The last leaves at 2 + 7.
    assert trial.when(all_of, np.array([2])).tolist() == [9.0]
    assert trial.test_at(all_of, np.array([2.5]))[2].tolist() == [0]
    assert trial.test_at(all_of, np.array([20.0]))[2].tolist() == [1]


# Hazards that are not proportional.


def test_weights_find_a_late_effect_and_curves_that_cross():
    scenarios = {"late": two(LATE), "crossing": two(CROSSING), "cure": two(CURE)}
    found = {
        name: trials.simulate_trials(
            ParallelDesign(patients=300, events=190, weights=weights),
            scenarios,
            trials=1500,
            seed=3,
            conduct=BUSY,
        )
        for name, weights in (("log-rank", ((0, 0),)), ("late", ((0, 1),)), ("max", MAX_COMBO))
    }
    for each in found.values():
        null = share(each)
        # The normal approximation of weighted tests of 190 events is a little liberal: half a point.
        assert null[0] == pytest.approx(0.025, abs=4 * null[1] + 0.005)
    for scenario in ("late", "crossing"):
        plain, late, largest = (share(found[name], scenario)[0] for name in ("log-rank", "late", "max"))
        assert plain + 0.03 < largest < late
    assert share(found["log-rank"], "cure")[0] > 0.2


def test_group_sequential_looks_with_weights_say_what_they_are():
    plan = group_sequential(3, alpha=0.025, sides=1)
    design = ParallelDesign(patients=300, events=190, weights=MAX_COMBO, monitoring=plan)
    found = trials.simulate_trials(design, {"late": two(LATE)}, trials=1000, seed=3, conduct=BUSY)
    null = share(found)
    assert null[0] == pytest.approx(0.025, abs=4 * null[1] + 0.006)
    assert share(found, "late")[0] > 0.8
    assert "another: see the type I error" in repr(found)


# Adaptive designs.


@pytest.mark.parametrize("weighted", [True, False])
def test_re_estimated_events(weighted):
    zone = PromisingZone(200, power=0.9)
    design = ReEstimatedDesign(zone, weighted, enrolled=320)
    scenarios = {"some": two(CONTROL.times(0.72)), "late": two(LATE)}
    found = trials.simulate_trials(design, scenarios, trials=1000, seed=4, conduct=BUSY)
    null = share(found)
    assert null[0] <= 0.025 + 4 * null[1]
    fixed = ParallelDesign(patients=320, events=200)
    plain = trials.simulate_trials(fixed, scenarios, trials=1000, seed=4, conduct=BUSY)
    assert share(found, "some")[0] > share(plain, "some")[0] + 0.03
    runs = found.runs["some"]
    assert runs.measures["events"].max() <= 400
    assert (runs.enrolled.sum(axis=1)[runs.measures["grown"] > 0] >= 320).all()
    assert (
        runs.duration[runs.measures["grown"] > 0].mean() > runs.duration[runs.measures["grown"] == 0].mean()
    )


def test_arms_are_dropped_by_their_events():
    scenarios = {
        "one": SurvivalPatients(
            {"control": CONTROL, "a": CONTROL, "b": CONTROL.times(0.8), "c": CONTROL.times(0.55)}
        ),
        "late": SurvivalPatients({"control": CONTROL, "a": CONTROL, "b": CONTROL, "c": LATE}),
    }
    design = MultiArmMultiStage(120, 3, futility=(0.0,), keep=2, control_events=80)
    found = trials.simulate_trials(design, scenarios, trials=1000, seed=1, conduct=BUSY)
    null = share(found)
    assert null[0] == pytest.approx(0.025, abs=4 * null[1] + 0.003)
    assert share(found, "one", "c better")[0] > 0.85
    enrolled = found.runs["one"].enrolled.mean(axis=0)
    assert enrolled[1] < enrolled[3]
    assert enrolled[0] <= 120
    free = trials.simulate_trials(
        MultiArmMultiStage(120, 3, control_events=80), scenarios, trials=300, seed=1, conduct=BUSY
    )
    # Who is enrolled no longer in one arm is enrolled sooner in the others: the trial is shorter.
    assert found.runs["null"].enrolled.sum() < free.runs["null"].enrolled.sum() * 1000 / 300
    late = MultiArmMultiStage(120, 3, futility=(0.0,), keep=2, control_events=80, weights=((0, 1),))
    weighted = trials.simulate_trials(late, scenarios, trials=400, seed=1, conduct=BUSY)
    assert share(weighted, "late", "c better")[0] > share(found, "late", "c better")[0] + 0.05


def test_one_treatment_in_one_stage_is_the_parallel_design():
    """Schoenfeld's power, for a control arm's events: those of both arms are more."""
    design = MultiArmMultiStage(150, 1, (1.0,), control_events=90)
    found = trials.simulate_trials(
        design, two(CONTROL.times(0.6)), trials=1500, seed=1, conduct=Conduct(Recruitment(20))
    )
    events = found.runs["alternative"].measures["events"].mean()
    expected = norm.cdf(-math.log(0.6) * math.sqrt(events) / 2 - 1.959964)
    power = share(found, "alternative")
    assert power[0] == pytest.approx(expected, abs=4 * power[1] + 0.015)


def test_lowest_hazard_by_draws():
    shape, rate = np.array([[9.0, 20.0, 6.0]]), np.array([[100.0, 250.0, 80.0]])
    draws = np.random.default_rng(1).gamma(shape, 1 / rate, (200_000, 3))
    expected = np.bincount(draws.argmin(axis=1)) / 200_000
    assert lowest_hazard(shape, rate, (0, 1, 2))[0] == pytest.approx(expected, abs=0.005)


def test_randomisation_follows_the_events():
    patients = SurvivalPatients({"control": CONTROL, "a": CONTROL, "b": CONTROL.times(0.45)})
    design = ResponseAdaptive(200, batch=25, drop=0.02, hazard_prior=(0.5, 8.0), follow_up=9.0)
    found = trials.simulate_trials(design, patients, trials=400, seed=1, conduct=BUSY)
    enrolled = found.runs["alternative"].enrolled.mean(axis=0)
    assert enrolled[2] > 1.25 * enrolled[1]
    assert found.runs["null"].enrolled.mean(axis=0) == pytest.approx([200 / 3] * 3, abs=8)
    assert share(found, "alternative", "b better")[0] > 0.8
    null = share(found, "null", "a better")
    assert null[0] < 0.025 + 4 * null[1] + 0.02
    assert np.median(found.runs["alternative"].estimate[:, 1]) == pytest.approx(math.log(0.45), abs=0.15)


@pytest.mark.parametrize("futility", [None, 0.0])
def test_platform_of_events(futility):
    patients = SurvivalPatients({"control": CONTROL, "a": CONTROL, "b": CONTROL.times(0.55)})
    design = PlatformTrial(90, {"a": 0, "b": 70}, patients=420, events=110, futility=futility)
    found = trials.simulate_trials(design, patients, trials=800, seed=1, conduct=Conduct(Recruitment(8)))
    for arm in ("a better", "b better"):
        null = share(found, "null", arm)
        assert null[0] == pytest.approx(0.025, abs=4 * null[1] + 0.003)
    assert share(found, "alternative", "b better")[0] > 0.8
    assert (found.runs["null"].enrolled[:, 1:] <= 90).all()
    assert (found.runs["null"].measures["non-concurrent controls used"] == 0).all()
    # Who is given up has got fewer than all patients.
    assert (found.runs["null"].enrolled[:, 1:] < 90).any() == (futility is not None)


def test_enrichment_of_events():
    patients = BiomarkerPatients(two(CONTROL), two(CONTROL.times(0.4)), 0.4)
    found = trials.simulate_trials(
        Enrichment(160, 160, follow_up=9.0), patients, trials=800, seed=1, conduct=BUSY
    )
    null = share(found)
    assert null[0] <= 0.025 + 4 * null[1]
    assert share(found, "alternative", "positive benefit")[0] > 0.8
    assert share(found, "alternative", "all benefit")[0] < share(found, "alternative", "positive benefit")[0]
    assert found.runs["alternative"].measures["enriched"].mean() > 0.3


def test_more_patients_come_after_the_look_that_asks_for_them():
    """Fast enrolment: all are in before the look, so that a grown trial waits for it."""
    quick = Conduct(Recruitment(1000))
    design = ReEstimatedDesign(PromisingZone(100, power=0.9), enrolled=120)
    runs = trials.simulate_trials(design, two(CONTROL.times(0.7)), trials=300, seed=1, conduct=quick).runs[
        "alternative"
    ]
    grown = runs.measures["grown"] > 0
    fixed = trials.simulate_trials(
        ReEstimatedDesign(PromisingZone(100, most=1.0001, power=0.9), enrolled=120), two(CONTROL.times(0.7)),
        trials=300, seed=1, conduct=quick,
    ).runs["alternative"]  # fmt: skip
    assert grown.any()
    assert np.allclose(runs.duration[~grown], fixed.duration[~grown])
    # Half of the events of exponential times: about a median's time; later patients begin there.
    assert runs.duration[grown].min() > np.quantile(fixed.duration, 0.01)
    measured = ReEstimatedDesign(PromisingZone(100, power=0.9), follow_up=5.0)
    patients = ContinuousPatients({"c": 0.0, "d": 0.4})
    runs = trials.simulate_trials(measured, patients, trials=300, seed=1, conduct=quick).runs["alternative"]
    grown = runs.measures["grown"] > 0
    assert runs.duration[grown].min() > 10.0 > 5.3 > runs.duration[~grown].max()


def test_highest_mean_by_draws():
    mean, error = np.array([[0.0, 0.4, 0.3]]), np.array([[0.3, 0.5, 0.2]])
    draws = np.random.default_rng(1).normal(mean, error, (200_000, 3))
    expected = np.bincount(draws.argmax(axis=1)) / 200_000
    assert highest_mean(mean, error, (0, 1, 2))[0] == pytest.approx(expected, abs=0.005)


def test_randomisation_follows_measurements():
    patients = ContinuousPatients({"control": 0.0, "a": 0.0, "b": 0.7})
    found = trials.simulate_trials(ResponseAdaptive(150, batch=30, drop=0.02), patients, trials=500, seed=1)
    enrolled = found.runs["alternative"].enrolled.mean(axis=0)
    assert enrolled[2] > 1.4 * enrolled[1]
    assert share(found, "alternative", "b better")[0] > 0.8
    assert np.median(found.runs["alternative"].estimate[:, 1]) == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize("sd", [1.0, 1.5])
def test_a_blinded_look_keeps_the_error_and_brings_the_power(sd):
    """168 patients have power 0.9 for 0.5 with a standard deviation of 1: with 1.5 they would have 0.58."""
    design = BlindedDesign(168, 0.5, most=3.0)
    patients = ContinuousPatients({"c": 0.0, "d": 0.5}, sd=sd)
    found = trials.simulate_trials(design, patients, trials=2000, seed=1)
    null, power = share(found), share(found, "alternative")
    assert null[0] == pytest.approx(0.025, abs=4 * null[1])
    # The one-sample variance counts the effect as noise: a little more power than asked for.
    assert 0.9 - 4 * power[1] - 0.01 < power[0] < 0.95
    expected = 4 * (sd**2 + 0.0625) * (norm.ppf(0.975) + norm.ppf(0.9)) ** 2 / 0.25
    mean = found.runs["alternative"].enrolled.sum(axis=1).mean()
    assert mean == pytest.approx(max(expected, 168), rel=0.07)


# Dropout reaches every design.


@pytest.mark.parametrize(
    ("design", "patients"),
    [
        (MultiArmMultiStage(60, 1, follow_up=3.0), ContinuousPatients({"c": 0.0, "d": 0.6})),
        (PlatformTrial(60, {"d": 0}, patients=140, follow_up=3.0), ContinuousPatients({"c": 0.0, "d": 0.6})),
        (ResponseAdaptive(120, batch=30, follow_up=3.0), BinaryPatients({"c": 0.3, "d": 0.55})),
        (ReEstimatedDesign(PromisingZone(120), follow_up=3.0), ContinuousPatients({"c": 0.0, "d": 0.6})),
        (
            Enrichment(60, 60, follow_up=3.0),
            BiomarkerPatients(
                ContinuousPatients({"c": 0.0, "d": 0.6}), ContinuousPatients({"c": 0.0, "d": 0.6}), 0.5
            ),
        ),
    ],
    ids=lambda each: type(each).__name__,
)
def test_who_leaves_is_missed(design, patients):
    """A rate of 0.25 for 3 units of time loses more than half."""
    power = [
        trials.simulate_trials(
            design, patients, trials=400, seed=1, conduct=Conduct(dropout=dropout)
        ).rejection("alternative")[0]
        for dropout in (None, Dropout(0.25))
    ]
    assert power[1] < power[0] - 0.1


# Trials in parallel, and what is refused.


def test_no_number_hangs_on_the_number_of_jobs():
    design, given = ParallelDesign(patients=2000, events=900), {"trials": 300, "seed": 1}
    alone, many = (trials.simulate_trials(design, two(LATE), jobs=jobs, **given) for jobs in (1, 3))
    serial = trials.simulate_trials(design, two(LATE), dispatch="serial", **given)
    for other in (many, serial):
        for scenario, runs in alone.runs.items():
            assert np.array_equal(runs.duration, other.runs[scenario].duration)
            assert np.array_equal(runs.rejected, other.runs[scenario].rejected)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ParallelDesign(patients=50, weights=()), "weights"),
        (lambda: ParallelDesign(patients=50, weights=((0, -1),)), "weights"),
        (lambda: ParallelDesign(patients=50, weights=((0, 0), (0, 0))), "weights"),
        (lambda: CONTROL.times((1.0, 0.5)), "ratios"),
        (lambda: CONTROL.times(-1.0), "ratios"),
        (lambda: CONTROL.times(0.5, delay=-1.0), "ratios"),
        (lambda: Hazard.of_median(0.0), "median"),
        (lambda: Hazard(math.nan), "rates"),
        (lambda: SurvivalPatients({}), "no arm"),
        (lambda: Conduct(visit_every=0.0), "visit every"),
        (lambda: Dropout(math.nan), "rate nan"),
        (lambda: Recruitment(math.inf), "Recruitment"),
        (lambda: Recruitment(3.0, sites=0), "Recruitment"),
        (lambda: ContinuousPatients({"a": math.nan}), "means"),
        (lambda: BinaryPatients({}), "probabilities"),
        (lambda: ReEstimatedDesign(PromisingZone(100), enrolled=80), "80 patients for 100 events"),
        (lambda: MultiArmMultiStage(50, 2, control_events=60), "60 events of 50"),
        (lambda: MultiArmMultiStage(50, 2, (0.7, 0.4)), "looks"),
        (lambda: PlatformTrial(50, {"a": 0}, patients=100, events=200), "200 events"),
        (lambda: ResponseAdaptive(50, hazard_prior=(0.0, 1.0)), "prior"),
        (lambda: BlindedDesign(100, 0.0), "difference"),
        (lambda: BlindedDesign(100, 0.5, interim=0.01), "8 patients"),
        (lambda: trials.simulate_trials(ResponseAdaptive(50), two(LATE), trials=2, seed=1), "hazard_prior"),
        (lambda: trials.simulate_trials(ReEstimatedDesign(PromisingZone(50)), two(LATE), trials=2, seed=1), "enrolled"),
        (lambda: trials.simulate_trials(MultiArmMultiStage(50, 1), two(LATE), trials=2, seed=1), "control_events"),
        (lambda: trials.simulate_trials(PlatformTrial(50, {"drug": 0}, 100), two(LATE), trials=2, seed=1), "events"),
        (lambda: trials.simulate_trials(SMALL, two(LATE), trials=2, seed=1, jobs=-1), "jobs"),
        (lambda: trials.simulate_trials(SMALL, two(LATE), trials=2, seed=1, dispatch="moon"), "moon"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(SimulationError, match=words):
        call()
