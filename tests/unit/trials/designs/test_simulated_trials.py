"""Simulated trials: error rates and power against closed forms, within Monte Carlo errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from understudy import trials
from understudy.core.errors import SimulationError
from understudy.trials.designs import (
    BinaryPatients,
    BiomarkerPatients,
    Conduct,
    ContinuousPatients,
    Dropout,
    Enrichment,
    Hazard,
    HwangShihDeCaniSpending,
    MultiArmMultiStage,
    ParallelDesign,
    PlatformTrial,
    PredictiveProbability,
    PromisingZone,
    Recruitment,
    ReEstimatedDesign,
    ResampledPatients,
    ResponseAdaptive,
    SurvivalPatients,
    Switch,
    group_sequential,
    multi_arm_limits,
)
from understudy.trials.designs.conduct import permuted_blocks
from understudy.trials.designs.log_rank import log_rank_batch
from understudy.trials.designs.probability_best import highest_share

CONTROL = Hazard.of_median(12.0)
TWO = SurvivalPatients({"control": CONTROL, "drug": CONTROL.times(0.65)})
SOME = np.arange(2000)


def within(found: tuple[float, float], expected: float, more: float = 0.0) -> bool:
    """Whether a rate is within four Monte Carlo errors, and what an approximation may add."""
    return (
        abs(found[0] - expected)
        <= 4
        * math.sqrt(expected * (1 - expected))
        * found[1]
        / math.sqrt(max(found[0] * (1 - found[0]), 1e-9))
        + more
    )


def test_log_rank_written_out():
    rng = np.random.default_rng(1)
    time, event, treated = rng.integers(1, 9, 40).astype(float), rng.random(40) < 0.7, rng.random(40) < 0.5
    score = variance = 0.0
    for at in np.unique(time[event]):
        risk, here = time >= at, event & (time == at)
        n, d, share = risk.sum(), here.sum(), treated[risk].mean()
        score += treated[here].sum() - d * share
        variance += d * share * (1 - share) * (n - d) / max(n - 1, 1)
    z, beta, error = log_rank_batch(time[None], event[None], treated[None])
    assert z[0] == pytest.approx(-score / math.sqrt(variance), rel=1e-12)

    def likelihood(b):
        return sum(
            treated[event & (time == at)].sum() * b
            - (event & (time == at)).sum() * math.log(np.exp(b * treated[time >= at]).sum())
            for at in np.unique(time[event])
        )

    # The maximum, and the curvature there, by differences (their error is the square of the step).
    assert likelihood(beta[0]) > max(likelihood(beta[0] - 1e-3), likelihood(beta[0] + 1e-3))
    curvature = (likelihood(beta[0] + 1e-3) - 2 * likelihood(beta[0]) + likelihood(beta[0] - 1e-3)) / 1e-6
    assert error[0] == pytest.approx(1 / math.sqrt(-curvature), rel=1e-4)


def test_log_rank_where_nothing_can_be_said():
    time = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [-1.0, 0.0, 2.0]])
    treated = np.array([[True, False, False], [True, True, True], [True, False, True]])
    event = np.array([[False] * 3, [True] * 3, [True] * 3])
    z, beta, _ = log_rank_batch(time, event, treated)
    assert z.tolist() == [0, 0, 0]
    assert np.isnan(beta).all()


def test_survival_design_has_the_error_and_power_of_theory():
    plan = group_sequential(3, alpha=0.025, sides=1, futility=HwangShihDeCaniSpending(-2))
    design = ParallelDesign(patients=400, events=260, monitoring=plan)
    found = trials.simulate_trials(design, {"HR 0.65": TWO}, trials=2000, seed=7)
    assert within(found.rejection("null"), plan.rejection(0.0), 0.002)
    # Schoenfeld's drift, which is a little optimistic away from 1.
    drift = -math.log(0.65) * math.sqrt(260) / 2
    assert within(found.rejection("HR 0.65"), plan.rejection(drift), 0.015)
    below, _above = plan.probabilities(0.0)
    assert found.runs["null"].futile.mean() == pytest.approx(below[:2].sum(), abs=0.045)
    table = found.table().set_index(["scenario", "measure"])
    assert table.loc[("null", "patients"), "estimate"] < 400
    assert (table["standard_error"] >= 0).all()
    looks = found.looks_table()
    assert looks.groupby("scenario")["estimate"].sum().to_numpy() == pytest.approx([1.0, 1.0])
    assert "type I error" in repr(found)
    assert "power" in repr(found)
    assert set(found.arms_table()["arm"]) == {"control", "drug"}


def test_a_trial_hangs_on_its_number_only():
    design = ParallelDesign(patients=60, events=40)
    conduct = Conduct(
        Recruitment(5, ramp=4, sites=5, site_variation=0.8), Dropout(0.02, 0.5), visit_every=1.0
    )
    many, few = design.run(TWO, conduct, np.arange(50), 3), design.run(TWO, conduct, np.array([17, 49]), 3)
    for name in ("duration", "estimate", "enrolled", "rejected"):
        assert np.array_equal(getattr(many, name)[[17, 49]], getattr(few, name))


def test_measurements_and_responses():
    design = ParallelDesign(patients=128, follow_up=3.0)
    found = trials.simulate_trials(design, ContinuousPatients({"c": 0, "d": 0.5}), trials=3000, seed=1)
    assert within(found.rejection("null"), 0.025)
    assert within(found.rejection("alternative"), 0.8015)  # the noncentral t distribution's, 64 an arm
    lost = trials.simulate_trials(
        design,
        ContinuousPatients({"c": 0, "d": 0.5}),
        trials=500,
        seed=1,
        conduct=Conduct(dropout=Dropout(0.2)),
    )
    assert lost.runs["null"].measures["measured"].mean() == pytest.approx(128 * math.exp(-0.6), rel=0.03)
    binary = trials.simulate_trials(
        ParallelDesign(patients=186), BinaryPatients({"c": 0.3, "d": 0.5}), trials=2000, seed=2
    )
    assert within(binary.rejection("alternative"), 0.80, 0.01)


def test_informative_dropout_hides_events():
    kinds = {name: Dropout(0.03, strength) for name, strength in (("blind", 0.0), ("informative", 1.0))}
    events = {}
    for name, dropout in kinds.items():
        runs = ParallelDesign(patients=200, follow_up=12).run(
            TWO, Conduct(dropout=dropout), np.arange(300), 5
        )
        events[name] = runs.measures["events"].mean()
    assert events["informative"] < events["blind"] - 5


# Patients.


@pytest.mark.parametrize(
    "hazard", [CONTROL, CONTROL.times(0.5, delay=6.0), Hazard((0.1, 0.02), (5.0,), cured=0.3)], ids=str
)
def test_times_follow_their_hazard(hazard):
    value = (
        SurvivalPatients({"control": hazard, "drug": hazard})
        .outcomes(SOME[:500], 40, 1)
        .value[..., 0]
        .ravel()
    )
    for time in (2.0, 7.0, 30.0):
        survival = hazard.survival(time)
        assert (value > time).mean() == pytest.approx(survival, abs=4 * 0.5 / math.sqrt(len(value)))
    assert np.isinf(value).mean() == pytest.approx(hazard.cured, abs=0.015)


def test_switching_changes_the_hazard_from_then_on():
    patients = SurvivalPatients(
        {"control": Hazard(0.1), "drug": Hazard(0.02)}, switches=(Switch("control", "drug", 5.0, 1.0),)
    )
    value = patients.outcomes(SOME[:500], 40, 1).value[..., 0].ravel()
    for time, expected in ((4.0, math.exp(-0.4)), (25.0, math.exp(-0.5 - 0.4))):
        assert (value > time).mean() == pytest.approx(expected, abs=0.014)


def test_without_adherence_there_is_less_of_an_effect():
    half = SurvivalPatients(TWO.hazards, adherence=(0.5, 50.0)).outcomes(SOME[:300], 40, 1).value
    assert np.log(half[..., 1] / half[..., 0]).mean() == pytest.approx(-0.5 * math.log(0.65), rel=0.03)
    assert np.log(half[..., 1] / half[..., 0]).std() > 0


def test_resampled_patients_are_those_of_the_table():
    values = np.random.default_rng(1).exponential(size=(50, 2))
    twins = ResampledPatients(("control", "drug"), values, "survival", {"age": np.arange(50)})
    drawn = twins.outcomes(np.arange(20), 30, 1)
    assert np.array_equal(values[drawn.covariates["age"]], drawn.value)
    assert np.array_equal(twins.null().outcomes(np.arange(20), 30, 1).value[..., 1], drawn.value[..., 0])
    # Who would have the event early has the worse prognosis.
    assert np.corrcoef(drawn.prognosis.ravel(), drawn.value[..., 0].ravel())[0, 1] < -0.5
    with pytest.raises(SimulationError, match="2 arms"):
        ResampledPatients(("a", "b"), [[1.0]], "binary")


def test_recruitment():
    times = Recruitment(10.0).times(SOME, 100, 1)
    assert times[:, -1].mean() == pytest.approx(10.0, abs=4 * 1.0 / math.sqrt(2000))
    assert (np.diff(times, axis=1) >= 0).all()
    ramp = Recruitment(10.0, ramp=4.0, process="uniform").times(SOME[:1], 100, 1)[0]
    assert ramp[19] == pytest.approx(4.0)
    assert ramp[99] == pytest.approx(12.0)
    sites = Recruitment(10.0, sites=8, site_variation=1.0)
    assert sites.times(SOME, 100, 1)[:, -1].std() > 2 * times[:, -1].std()
    assert set(sites.site_of(SOME[:50], 60, 1).ravel()) == set(range(8))


def test_blocks_are_balanced():
    arm = permuted_blocks(SOME[:50], 60, (1, 2), 1)
    assert (np.cumsum(arm, axis=1)[:, 5::6] == 4 * np.arange(1, 11)).all()
    assert len({tuple(row) for row in arm}) == 50


# Adaptive designs.


def test_dunnett_limits():
    """Dunnett, one-sided 0.025, infinitely many degrees of freedom: 2.212, 2.349 for two and three treatments."""
    for treatments, limit in ((1, 1.9600), (2, 2.2121), (3, 2.3490)):
        assert multi_arm_limits(treatments, (1.0,))[0] == pytest.approx(limit, abs=1e-4)
    # One treatment: the group sequential limits (O'Brien-Fleming, two looks, 1.9774).
    assert multi_arm_limits(1, (0.5, 1.0)) == pytest.approx((2.7965, 1.9774), abs=2e-4)


def test_multi_arm_trial_keeps_the_family_wise_error():
    design = MultiArmMultiStage(60, 3, futility=(-0.5,), keep=2)
    patients = ContinuousPatients({"c": 0, "a": 0, "b": 0.3, "d": 0.7})
    found = trials.simulate_trials(design, patients, trials=2500, seed=3)
    null = found.rejection("null")
    assert null[0] <= 0.025 + 4 * null[1]
    assert found.rejection("alternative", "d better")[0] > 0.85
    assert (found.runs["null"].enrolled[:, 0] <= 60).all()


def test_probability_to_be_best_by_draws():
    a, b = np.array([[5.0, 8.0, 40.0]]), np.array([[7.0, 4.0, 30.0]])
    draws = np.random.default_rng(1).beta(a, b, (200_000, 3))
    share = np.bincount(draws.argmax(axis=1)) / 200_000
    assert highest_share(a, b, (0, 1, 2))[0] == pytest.approx(share, abs=0.005)


def test_response_adaptive_trial_sends_patients_to_the_better_arm():
    design = ResponseAdaptive(120, drop=0.02, futility=0.02)
    found = trials.simulate_trials(design, BinaryPatients({"c": 0.3, "a": 0.3, "b": 0.6}), trials=300, seed=1)
    enrolled = found.runs["alternative"].enrolled.mean(axis=0)
    assert enrolled[2] > 1.5 * enrolled[1]
    assert found.runs["null"].enrolled.sum(axis=1).max() <= 120


@pytest.mark.parametrize("pooled", [False, True])
def test_controls_of_another_time_bias_a_platform_where_patients_change(pooled):
    design = PlatformTrial(40, {"a": 0, "b": 60}, patients=250, non_concurrent=pooled)
    found = trials.simulate_trials(
        design, ContinuousPatients({"c": 0, "a": 0, "b": 0}, trend=1.0), trials=1000, seed=1
    )
    rate = found.rejection("null", "b better")
    assert ("note:" in repr(found)) is pooled
    assert (rate[0] > 0.1) if pooled else within(rate, 0.025, 0.01)
    assert (found.runs["null"].measures["non-concurrent controls used"] > 0).all() == pooled


def test_enrichment_keeps_the_error_and_finds_who_benefits():
    none, some = (ContinuousPatients({"c": 0.0, "d": effect}) for effect in (0.0, 0.7))
    found = trials.simulate_trials(
        Enrichment(100, 100), BiomarkerPatients(none, some, 0.4), trials=2000, seed=2
    )
    null = found.rejection("null")
    assert null[0] <= 0.025 + 4 * null[1]
    assert found.runs["alternative"].measures["enriched"].mean() > 0.3
    assert (
        found.rejection("alternative", "positive benefit")[0]
        > found.rejection("alternative", "all benefit")[0]
    )


@pytest.mark.parametrize("weighted", [True, False])
def test_re_estimated_design_keeps_the_error_and_grows(weighted):
    design = ReEstimatedDesign(PromisingZone(120, power=0.9), weighted)
    found = trials.simulate_trials(design, ContinuousPatients({"c": 0, "d": 0.45}), trials=2000, seed=4)
    null = found.rejection("null")
    assert null[0] <= 0.025 + 4 * null[1]
    fixed = trials.simulate_trials(
        ParallelDesign(patients=120), ContinuousPatients({"c": 0, "d": 0.45}), trials=2000, seed=4
    )
    assert found.rejection("alternative")[0] > fixed.rejection("alternative")[0] + 0.02
    assert found.runs["alternative"].measures["grown"].mean() > 0.2


def test_predictive_probability_stops_early():
    design = PredictiveProbability(40, 0.3, success=0.95, futility=0.05, efficacy=0.99, looks=(10, 20, 30))
    found = trials.simulate_trials(design, BinaryPatients({"c": 0.3, "d": 0.6}), trials=1000, seed=1)
    enrolled = found.runs["null"].enrolled.sum(axis=1)
    assert enrolled.mean() < 30
    assert found.rejection("null")[0] < 0.08 < 0.9 < found.rejection("alternative")[0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: trials.simulate_trials(ParallelDesign(patients=20), TWO, trials=0, seed=1),
        lambda: trials.simulate_trials(ParallelDesign(patients=20), {}, trials=1, seed=1),
        lambda: trials.simulate_trials(
            ParallelDesign(patients=20),
            {"a": TWO, "b": BinaryPatients({"control": 0.1, "drug": 0.1})},
            seed=1,
        ),
        lambda: trials.simulate_trials(
            ParallelDesign(patients=20, monitoring=group_sequential(2)), TWO, seed=1
        ),
        lambda: ParallelDesign(patients=20, events=30),
        lambda: Hazard((0.1, -0.1), (1.0,)),
        lambda: Hazard(0.1, cured=1.0),
        lambda: Recruitment(0.0),
        lambda: Dropout(-1.0),
        lambda: BinaryPatients({"c": 1.2}),
        lambda: PlatformTrial(20, {"a": 500}, patients=100),
        lambda: SurvivalPatients({"c": CONTROL}, switches=(Switch("c", "nothing", 1.0),)),
    ],
)
def test_what_cannot_be_simulated_is_refused(call):
    with pytest.raises(SimulationError):
        call()


def test_closed_test_written_out():
    """Equal stages, so Z is the sum over √2; Simes' p of two equal p values is that p."""
    design, high, low = Enrichment(50, 50), [3.0, 3.0], [0.0, 0.0]
    z1 = np.array([high, high, high, [3.0, -3.0], low])
    z2 = np.array([high, high, high, [3.0, -3.0], [0.0, 2.7]])
    choice = np.array([0, 1, 2, 0, 1])
    # After enrichment all patients are not claimed for, nor after a stop; and in the last row 2.7 / √2 is too little.
    expected = [[True, True], [False, True], [False, False], [True, False], [False, False]]
    assert design._closed_test(z1, z2, choice).tolist() == expected
    # Both alone are enough for 2.1, but Simes' p of 2.1 and -4 is twice that of 2.1: the intersection stands.
    near = np.array([[2.1 / math.sqrt(2), -4.0]])
    assert not design._closed_test(near, near, np.array([0])).any()
