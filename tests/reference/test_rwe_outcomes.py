"""Outcome models and case series against those that OHDSI's packages stored, and the same recomputed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from gibleed_comparison import RWE, answers, att_weights, covariates, population

from understudy.causal import LikelihoodProfile
from understudy.causal.outcomes import (
    follow_up,
    interaction_model,
    minimum_detectable_relative_risk,
    outcome_model,
    survival_curves,
)
from understudy.causal.sccs import fit_sccs_intervals

pytestmark = pytest.mark.skipif(not RWE.is_dir(), reason="shared/reference/rwe is not beside the project")

CRUDE, WEIGHTED = 1, 3  # analysis_id


@pytest.fixture(scope="module")
def estimates() -> dict:
    rows = population()
    data = (rows.time, rows.event, rows.treatment)
    return {CRUDE: outcome_model(*data), WEIGHTED: outcome_model(*data, weights=att_weights())}


def test_the_persons_are_those_of_the_answer_key() -> None:
    rows, key = population(), answers("cm_result").iloc[0]
    groups = rows.groupby("treatment").agg(days=("time", "sum"), events=("event", "sum"), n=("event", "size"))
    assert groups.loc[1].tolist() == [key.target_days, key.target_outcomes, key.target_subjects]
    assert groups.loc[0].tolist() == [key.comparator_days, key.comparator_outcomes, key.comparator_subjects]


def test_the_crude_hazard_ratio(estimates: dict) -> None:
    found = estimates[CRUDE]
    assert found.exp == pytest.approx(
        1.1340672471, abs=1e-8
    )  # recomputed, printed with ten decimals, to 5e-9
    assert found.exp == pytest.approx(1.1340672422578013, abs=1e-8)  # published
    assert found.log_likelihood_ratio == pytest.approx(0.2632140312, abs=1e-9)
    assert found.interval == pytest.approx((0.81091, 1.61247), abs=5e-6)  # recomputed, five decimals
    # Cyclops searches its limits with a tolerance of about 1e-4.
    assert found.interval == pytest.approx((0.8108212938585398, 1.6125026002476504), abs=2e-4)
    assert found.standard_error == pytest.approx(0.1753845962577618, abs=5e-5)
    assert found.p_value == pytest.approx(0.4731639314194087, abs=2e-4)
    assert found.one_sided_p == pytest.approx(0.23658196570970436, abs=1e-4)


def test_efrons_ties_differ_in_the_fourth_digit() -> None:
    rows = population()
    found = outcome_model(rows.time, rows.event, rows.treatment, ties="efron")
    assert found.exp == pytest.approx(1.13422627, abs=5e-9)  # PHReg(..., ties="efron") of statsmodels 0.14
    assert found.exp == pytest.approx(1.1342263784, abs=2e-7)  # recomputed by a search that stopped sooner


def test_the_weighted_hazard_ratio_and_both_errors(estimates: dict) -> None:
    found = estimates[WEIGHTED]
    # The score ends where its search does: about 1e-8 of the ratio between solvers.
    assert found.exp == pytest.approx(1.1315578611, abs=3e-8)
    assert found.interval == pytest.approx((0.753176, 1.743472), abs=1e-6)
    assert found.log_likelihood_ratio == pytest.approx(0.1708185951, abs=5e-8)
    assert found.standard_error == pytest.approx(0.214120, abs=5e-7)
    assert found.robust_error == pytest.approx(0.18316, abs=5e-6)
    assert found.interval == pytest.approx((0.7531585414905049, 1.7434813243657206), abs=2e-5)  # published


@pytest.mark.parametrize("analysis", [CRUDE, WEIGHTED])
def test_likelihood_profiles(estimates: dict, analysis: int) -> None:
    """At each of their points; a constant, the height of the top, is theirs and ours to subtract."""
    theirs = answers("cm_likelihood_profile").query("analysis_id == @analysis")
    found = estimates[analysis]
    assert len(theirs) > 60
    ours = found.profile.at(theirs.log_rr)
    assert (
        np.abs(ours - theirs.log_likelihood).max() < 1e-3
    )  # of heights up to 108: the tolerance of our grid
    stored = LikelihoodProfile(*theirs[["log_rr", "log_likelihood", "gradient"]].to_numpy().T)
    assert stored.maximum == pytest.approx(found.log, abs=1e-7)
    assert stored.interval() == pytest.approx((found.low, found.high), abs=1e-7)


def test_profiles_at_their_points_exactly(estimates: dict) -> None:
    """Without interpolation: the likelihood itself at each of CohortMethod's points."""
    from understudy.causal.outcomes.one_parameter import climb, profile_at
    from understudy.causal.outcomes.two_groups import risk_sets

    rows = population()
    one, none = np.ones(len(rows)), np.zeros(len(rows), np.int64)
    likelihood = risk_sets(
        rows.time.to_numpy(), rows.event.to_numpy(), rows.treatment.to_numpy() == 1, none, one
    ).terms
    theirs = answers("cm_likelihood_profile").query("analysis_id == 1")
    ours = profile_at(likelihood, theirs.log_rr, climb(likelihood).height)
    assert np.abs(ours.values - theirs.log_likelihood).max() < 1e-9
    assert np.abs(ours.gradients - theirs.gradient).max() < 1e-8


def test_follow_up_and_curves() -> None:
    rows = population()
    found, key = follow_up(rows.time, rows.treatment, rows.start), answers("cm_follow_up_dist").iloc[0]
    names = ("min", "p_10", "p_25", "median", "p_75", "p_90", "max")
    for group in ("target", "comparator"):
        one = getattr(found, group)
        assert list(one.quantiles) == [key[f"{group}_{name}_days"] for name in names]
        assert [str(one.first), str(one.last)] == [key[f"{group}_min_date"], key[f"{group}_max_date"]]
    curves = survival_curves(rows.time, rows.event, rows.treatment).table()
    theirs = answers("cm_kaplan_meier_dist").query("analysis_id == 1")
    assert curves.time.tolist() == theirs.time_day.tolist()
    for group in ("target", "comparator"):
        for ours, name in (("survival", "survival"), ("low", "survival_lb"), ("high", "survival_ub")):
            difference = curves[f"{group}_{ours}"].to_numpy() - theirs[f"{group}_{name}"].to_numpy()
            assert np.abs(difference).max() < 1e-13


def test_detectable_risk() -> None:
    assert minimum_detectable_relative_risk(159, 1797 / 2627) == pytest.approx(1.6127112395729981, abs=1e-14)
    stored = pd.read_csv(RWE / "gibleed_cohortmethod_results" / "cm_diagnostics_summary.csv").set_index(
        ["target_comparator_id", "analysis_id", "outcome_id"]
    )
    for analysis, outcome, events, share in ((1, 4, 2627, 1797 / 2627), (2, 3, 89, 0.5), (2, 4, 1660, 0.5)):
        theirs = stored.mdrr[(894409308, analysis, outcome)]
        assert minimum_detectable_relative_risk(events, share) == pytest.approx(theirs, abs=1e-13)


def test_an_interaction_with_sex_runs_on_the_same_persons() -> None:
    """Theirs is on matched persons that cannot be found again; ours on all: by subgroups, which decide it."""
    rows, woman = population(), covariates().female.to_numpy()
    found = interaction_model(rows.time, rows.event, rows.treatment, {"woman": woman}, strata=woman)
    women, men = (
        outcome_model(*(rows[name][woman == k] for name in ("time", "event", "treatment"))).log
        for k in (1, 0)
    )
    assert found.by["woman"].log == pytest.approx(women - men, abs=1e-8)


def test_the_pooled_cox_model_of_ten_sites() -> None:
    rows = pd.read_csv(RWE / "evidence_synthesis" / "cox_populations.csv")
    strata = rows.groupby(["site", "stratumId"]).ngroup()
    found = outcome_model(rows.time, rows.y, rows.x, strata=strata)
    assert int(rows.y.sum()) == 28
    assert found.exp == pytest.approx(2.914644253015281, abs=1e-9)
    assert found.interval == pytest.approx((1.374367, 6.180870), abs=1e-6)  # recomputed
    assert found.interval == pytest.approx((1.374312804623984, 6.181116), abs=3e-4)  # published, by a grid
    sites = [
        outcome_model(*one[["time", "y", "x"]].to_numpy().T, strata=one.stratumId)
        for _, one in rows.groupby("site")
    ]
    points = np.linspace(-1.0, 2.3, 34)
    pooled = sum(each.profile.at(points) for each in sites)
    apart = pooled - found.profile.at(points)
    assert np.ptp(apart) < 1e-2  # what sites send is all: ten grids to 1e-3 each


def test_the_pooled_case_series_of_ten_sites() -> None:
    rows = pd.read_csv(RWE / "evidence_synthesis" / "sccs_populations.csv")
    person = rows.groupby(["site", "stratumId"]).ngroup()
    splines = rows[["x1", "x2", "x3", "x4", "x5"]]
    fit = fit_sccs_intervals(person, rows.time, rows.y, {"a": rows.a}, splines)
    assert fit["a"].exp == pytest.approx(2.107838, abs=5e-7)
    assert fit["a"].interval == pytest.approx((1.496396, 2.957627), abs=5e-7)
    assert fit.notes == ("left out, since others say the same: x5",)
    four = fit_sccs_intervals(person, rows.time, rows.y, {"a": rows.a}, splines.drop(columns="x5"))
    assert four["a"].log == pytest.approx(fit["a"].log, abs=1e-9)
