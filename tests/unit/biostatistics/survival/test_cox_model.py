"""Cox's model against published figures, brute force, and equivalent ways to say the same."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from remission import EVENT, ON_PLACEBO, TIME

from understudy.biostatistics import (
    baseline_hazard,
    cox,
    martingale_residuals,
    profile_interval,
    proportional_hazards_test,
    schoenfeld_residuals,
    score_residuals,
)
from understudy.biostatistics.survival.censored import censored
from understudy.biostatistics.survival.cox_data import sorted_patients
from understudy.core.errors import DataError, SimulationError
from understudy.core.random import normals, uniforms


@pytest.fixture(scope="module")
def cohort() -> pd.DataFrame:
    """Eighty patients with ties, two covariates, three strata, counts as weights and late entries."""
    size = 80
    u, x = uniforms(3, "cohort", range(size), 4), normals(3, "covariates", range(size), 2)
    time = np.ceil(-12 * np.log(u[:, 0]) * np.exp(-0.5 * x[:, 0]))
    watched = np.ceil(30 * u[:, 1])
    return pd.DataFrame(
        {
            "time": np.minimum(time, watched),
            "event": (time <= watched).astype(int),
            "entry": np.floor(np.minimum(time, watched) * u[:, 2] * 0.9),
            "x": x[:, 0],
            "z": np.round(x[:, 1]),
            "stratum": np.arange(size) % 3,
            "count": 1 + np.arange(size) % 4,
        }
    )


COVARIATES = ["x", "z"]


@pytest.mark.parametrize(
    ("ties", "coefficient", "error"),
    [
        # Efron and Breslow as in R's survival, SAS PHREG and Stata for these data; the discrete likelihood as by
        # TIES=DISCRETE. Kalbfleisch and Prentice 2002, section 4.2.4, give 1.509 and 1.628.
        ("efron", 1.572, 0.412),
        ("breslow", 1.509, 0.410),
        ("exact", 1.628, 0.433),
    ],
)
def test_published_hazard_ratio_of_the_remissions(ties, coefficient, error):
    fit = cox(TIME, EVENT, {"placebo": ON_PLACEBO}, ties=ties)
    assert fit.coefficients[0] == pytest.approx(coefficient, abs=5.01e-4)
    assert fit.standard_errors[0] == pytest.approx(error, abs=5.01e-4)


def test_exact_likelihood_by_all_subsets():
    time, event, x = np.array([1, 1, 1, 2, 2, 3, 3]), np.array([1, 1, 0, 1, 0, 1, 0]), np.arange(7.0) % 3
    fit = cox(time, event, x, ties="exact")

    def likelihood(beta):
        total = 0.0
        for now in (1, 2, 3):
            at_risk, events = np.flatnonzero(time >= now), np.flatnonzero((time == now) & (event == 1))
            ways = [np.exp(beta * x[list(chosen)].sum()) for chosen in combinations(at_risk, len(events))]
            total += beta * x[events].sum() - np.log(sum(ways))
        return total

    beta, h = fit.coefficients[0], 1e-4
    assert fit.log_likelihood == pytest.approx(likelihood(beta), rel=1e-12)
    curve = (likelihood(beta + h) - 2 * likelihood(beta) + likelihood(beta - h)) / h**2
    # Second differences with this step are good to about 1e-7.
    assert fit.covariance[0, 0] == pytest.approx(-1 / curve, rel=1e-5)
    assert likelihood(beta) > max(likelihood(beta - 0.01), likelihood(beta + 0.01))


def test_efron_and_breslow_likelihoods_written_out():
    time, event, x = [1, 1, 1, 2, 3], [1, 1, 0, 1, 0], np.array([0.0, 1, 2, 1, 0])
    r = np.exp(0.3 * x)
    first = 0.3 * x[0] + 0.3 * x[1]
    efron = first - np.log(r.sum()) - np.log(r.sum() - (r[0] + r[1]) / 2) + 0.3 * x[3] - np.log(r[3] + r[4])
    breslow = first - 2 * np.log(r.sum()) + 0.3 * x[3] - np.log(r[3] + r[4])
    for ties, expected in (("efron", efron), ("breslow", breslow)):
        data = sorted_patients(censored(time, event), x[:, None], None, None, ties)
        assert data.likelihood(np.array([0.3]) * data.scale)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_cutting_rows_at_any_time_changes_nothing(cohort, ties):
    cut = 6.5
    long = cohort.time > cut
    first = cohort.assign(time=np.minimum(cohort.time, cut), event=np.where(long, 0, cohort.event), start=0.0)
    rows = pd.concat([first, cohort[long].assign(start=cut)])
    whole = cox(cohort.time, cohort.event, cohort[COVARIATES], ties=ties)
    cut_up = cox(rows.time, rows.event, rows[COVARIATES], entry=rows.start, ties=ties)
    assert cut_up.coefficients == pytest.approx(whole.coefficients, rel=1e-8)
    assert cut_up.covariance == pytest.approx(whole.covariance, rel=1e-8)
    if ties != "exact":
        robust = cox(cohort.time, cohort.event, cohort[COVARIATES], ties=ties, robust=True)
        owner = np.r_[np.arange(80), np.flatnonzero(long)]
        clustered = cox(rows.time, rows.event, rows[COVARIATES], entry=rows.start, ties=ties, cluster=owner)
        assert clustered.covariance == pytest.approx(robust.covariance, rel=1e-8)
        assert clustered.clusters == 80


def test_weights_are_repeated_rows_with_breslow_ties(cohort):
    repeated = cohort.loc[cohort.index.repeat(cohort["count"])]
    settings = {"ties": "breslow", "robust": False}
    weighted = cox(cohort.time, cohort.event, cohort[COVARIATES], weights=cohort["count"], **settings)
    plain = cox(repeated.time, repeated.event, repeated[COVARIATES], **settings)
    assert weighted.coefficients == pytest.approx(plain.coefficients, rel=1e-8)
    assert weighted.covariance == pytest.approx(plain.covariance, rel=1e-8)


def test_robust_errors_do_not_depend_on_the_scale_of_weights(cohort):
    fits = [
        cox(cohort.time, cohort.event, cohort[COVARIATES], weights=scale * cohort["count"], robust=True)
        for scale in (1, 5)
    ]
    assert fits[0].standard_errors == pytest.approx(fits[1].standard_errors, rel=1e-8)
    assert fits[0].naive_covariance == pytest.approx(5 * fits[1].naive_covariance, rel=1e-8)


def test_an_offset_is_a_coefficient_that_is_known(cohort):
    both = cox(cohort.time, cohort.event, cohort[COVARIATES])
    known = cox(cohort.time, cohort.event, cohort[["x"]], offset=both.coefficients[1] * cohort.z + 100)
    assert known.coefficients[0] == pytest.approx(both.coefficients[0], rel=1e-8)
    assert known.log_likelihood == pytest.approx(both.log_likelihood, rel=1e-12)


def test_strata_add_their_likelihoods(cohort):
    whole = cox(cohort.time, cohort.event, cohort[COVARIATES], strata=cohort.stratum, entry=cohort.entry)
    beta = whole.coefficients
    total = 0.0
    for _, part in cohort.groupby("stratum"):
        data = sorted_patients(
            censored(part.time, part.event, part.entry), part[COVARIATES].to_numpy(), None, None, "efron"
        )
        total += data.likelihood(beta * data.scale)[0]
    assert whole.log_likelihood == pytest.approx(total, rel=1e-12)
    assert whole.strata == 3


def test_the_scale_and_order_of_what_is_given_do_not_matter(cohort):
    plain = cox(cohort.time, cohort.event, cohort[COVARIATES], entry=cohort.entry, strata=cohort.stratum)
    mixed = cohort.iloc[::-1]
    moved = cox(
        mixed.time * 365, mixed.event, {"x": mixed.x * 1e6 + 1e7, "z": mixed.z}, entry=mixed.entry * 365,
        strata=mixed.stratum,
    )  # fmt: skip
    # Ten million of a mean take seven digits of the covariate.
    assert moved.coefficients * [1e6, 1] == pytest.approx(plain.coefficients, rel=1e-7)
    assert moved.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-10)


# Residuals


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_score_residuals_are_slopes_of_the_score_by_weights(cohort, ties):
    fit = cox(
        cohort.time, cohort.event, cohort[COVARIATES], ties=ties, weights=cohort["count"],
        entry=cohort.entry, strata=cohort.stratum,
    )  # fmt: skip
    found = score_residuals(fit)
    assert cohort["count"].to_numpy() @ found == pytest.approx([0, 0], abs=1e-6)
    for row in (0, 7, 33, 79):
        scores = []
        for step in (1e-4, -1e-4):
            weights = cohort["count"].to_numpy(float, copy=True)
            weights[row] += step
            watched = censored(cohort.time, cohort.event, cohort.entry, weights)
            data = sorted_patients(watched, cohort[COVARIATES].to_numpy(), cohort.stratum, None, ties)
            scores.append(data.likelihood(fit.coefficients * data.scale)[1] * data.scale)
        # Differences of numbers of size 10 with a step of 1e-4.
        assert found[row] == pytest.approx((scores[0] - scores[1]) / 2e-4, abs=1e-6)


def test_robust_errors_are_those_of_the_infinitesimal_jackknife(cohort):
    """Each patient's influence is the slope of the coefficients by its weight: found by differences here."""
    fit = cox(cohort.time, cohort.event, cohort[COVARIATES], robust=True)
    influence = []
    for row in range(80):
        weights = np.ones(80)
        weights[row] += 1e-4
        moved = cox(cohort.time, cohort.event, cohort[COVARIATES], weights=weights)
        influence.append((moved.coefficients - fit.coefficients) / 1e-4)
    # Differences to one side with a step of 1e-4.
    assert fit.covariance == pytest.approx(np.transpose(influence) @ np.array(influence), rel=1e-3)


def test_martingale_residuals_written_out():
    time, event, x = np.array([1.0, 1, 2, 3]), np.array([1, 1, 1, 0]), np.array([0.0, 1, 1, 0])
    fit = cox(time, event, x, ties="breslow")
    r = np.exp(fit.coefficients[0] * x)
    hazard = np.array([2 / r.sum(), 1 / (r[2] + r[3])])
    expected = np.array([hazard[0], hazard[0], hazard.sum(), hazard.sum()])
    assert martingale_residuals(fit) == pytest.approx(event - r * expected)
    efron = cox(time, event, x, ties="efron")
    r = np.exp(efron.coefficients[0] * x)
    first, second = 1 / r.sum(), 1 / (r.sum() - (r[0] + r[1]) / 2)
    # Under Efron's ties who has the event bears half of the second step.
    assert martingale_residuals(efron)[:2] == pytest.approx(1 - r[:2] * (first + second / 2))
    assert martingale_residuals(efron).sum() == pytest.approx(0, abs=1e-12)


def test_martingale_residuals_sum_to_nothing_within_strata(cohort):
    fit = cox(cohort.time, cohort.event, cohort[COVARIATES], entry=cohort.entry, strata=cohort.stratum)
    sums = np.bincount(cohort.stratum, martingale_residuals(fit))
    assert sums == pytest.approx(np.zeros(3), abs=1e-10)


def test_schoenfeld_residuals_sum_to_nothing_and_tell_their_rows(cohort):
    fit = cox(cohort.time, cohort.event, cohort[COVARIATES], strata=cohort.stratum, entry=cohort.entry)
    found = schoenfeld_residuals(fit)
    assert found[COVARIATES].sum().to_numpy() == pytest.approx([0, 0], abs=1e-6)
    assert len(found) == cohort.event.sum()
    assert (cohort.time[found.row].to_numpy() == found.time).all()
    assert (cohort.stratum[found.row].to_numpy() == found.stratum).all()


@pytest.mark.parametrize("transform", ["identity", "log"])
def test_the_test_of_proportional_hazards_is_a_score_test(cohort, transform):
    """Rows cut at each time of an event, with covariates that change: x, z and x g(t), at the same coefficients."""
    fit = cox(cohort.time, cohort.event, cohort[COVARIATES], ties="breslow")
    cuts = np.unique(cohort.time[cohort.event == 1])
    rows = []
    for _, patient in cohort.iterrows():
        inner = np.r_[0, cuts[cuts < patient.time], patient.time]
        for begin, end in pairwise(inner):
            seen = patient.event if end == patient.time else 0
            rows.append((begin, end, seen, patient.x, patient.z))
    begin, end, seen, x, z = np.array(rows).T
    g = end if transform == "identity" else np.log(end)
    watched = censored(end, seen, begin)
    data = sorted_patients(watched, np.column_stack([x, z, x * g]), None, None, "breslow")
    _, score, information = data.likelihood(np.r_[fit.coefficients, 0] * data.scale)
    others = information[:2, :2]
    left = information[2, 2] - information[2, :2] @ np.linalg.solve(others, information[:2, 2])
    found = proportional_hazards_test(fit, transform).statistics[0]
    assert found == pytest.approx(score[2] ** 2 / left, rel=1e-6)


def test_a_hazard_that_turns_round_is_seen():
    """Early deaths with x, late ones without: the planted change must be found, by every transform."""
    size = 300
    u = uniforms(5, "turning", range(size), 1)[:, 0]
    x = np.arange(size) % 2
    time = np.where(x == 1, u**3, u)
    for transform in ("km", "identity", "rank", "log"):
        fit = cox(time, np.ones(size), x)
        assert proportional_hazards_test(fit, transform).global_p < 0.01
    with pytest.raises(SimulationError, match="km, identity, rank or log"):
        proportional_hazards_test(fit, "cube")


# Baseline


def test_baseline_written_out():
    time, event, x = np.array([1.0, 1, 2, 3]), np.array([1, 1, 1, 0]), np.array([0.0, 1, 1, 0])
    fit = cox(time, event, {"x": x}, ties="breslow")
    r = np.exp(fit.coefficients[0] * x)
    steps = np.array([2 / r.sum(), 1 / (r[2] + r[3])])
    found = baseline_hazard(fit)
    assert found.hazard.to_numpy() == pytest.approx(steps)
    at_one = baseline_hazard(fit, {"x": 1})
    assert at_one.cumulative_hazard.to_numpy() == pytest.approx(np.cumsum(steps) * r[1])
    assert at_one.survival.to_numpy() == pytest.approx(np.exp(-at_one.cumulative_hazard))
    # Variance of H(1) at x = 0: Σ d / S0² + (Σ mean d / S0)² V.
    mean = (r * x).sum() / r.sum()
    spread = 2 / r.sum() ** 2 + (mean * steps[0]) ** 2 * fit.covariance[0, 0]
    assert found.standard_error[0] == pytest.approx(np.sqrt(spread))


def test_baseline_begins_anew_in_each_stratum_and_wants_the_models_covariates(cohort):
    fit = cox(cohort.time, cohort.event, cohort[COVARIATES], strata=cohort.stratum)
    found = baseline_hazard(fit, [0.5, 1])
    for _, part in found.groupby("stratum"):
        assert part.cumulative_hazard.to_numpy() == pytest.approx(np.cumsum(part.hazard))
        assert part.time.is_monotonic_increasing
    assert (found.low <= found.survival).all()
    with pytest.raises(DataError, match="give x, z"):
        baseline_hazard(fit, {"x": 1})
    with pytest.raises(DataError, match="3 values"):
        baseline_hazard(fit, [1, 2, 3])


# Profile likelihood


def test_profile_limits_are_where_the_likelihood_has_fallen(cohort):
    fit = cox(cohort.time, cohort.event, cohort[COVARIATES], strata=cohort.stratum)
    found = profile_interval(fit, level=0.9)
    for k, other in ((0, "z"), (1, "x")):
        for limit in (found.low[k], found.high[k]):
            held = cox(
                cohort.time, cohort.event, cohort[[other]], strata=cohort.stratum,
                offset=limit * cohort[COVARIATES[k]],
            )  # fmt: skip
            assert 2 * (fit.log_likelihood - held.log_likelihood) == pytest.approx(2.7055, abs=1e-4)


def test_separation_is_named_and_has_a_limit_on_one_side():
    time, event, x = [5, 6, 7, 8, 9, 10], [1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]
    fit = cox(time, event, {"placebo": x, "age": [3, 1, 2, 3, 1, 2]})
    assert fit.monotone == ("placebo",)
    assert fit.coefficients[0] == np.inf
    assert np.isnan(fit.standard_errors[0])
    # The other coefficient is that of the three events' order among those with the marker.
    within = cox(time[:3], event[:3], {"age": [3, 1, 2]})
    assert fit.coefficients[1] == pytest.approx(within.coefficients[0], abs=1e-6)
    assert fit.standard_errors[1] == pytest.approx(within.standard_errors[0], rel=1e-6)
    assert np.isnan(
        cox(time, event, {"placebo": x, "age": [3, 1, 2, 3, 1, 2]}, robust=True).standard_errors
    ).all()
    assert "monotone likelihood: placebo has no finite estimate" in fit.warnings[0]
    assert fit.likelihood_ratio_test.p < 0.05
    alone = cox(time, event, {"placebo": x})
    found = profile_interval(alone)
    assert found.high[0] == np.inf
    assert cox(time, event, {"drug": 1 - np.array(x)}).coefficients[0] == -np.inf

    def likelihood(beta):  # three events among 3 + 3, 2 + 3 and 1 + 3 at risk
        r = np.exp(beta)
        return 3 * beta - np.log(3 * r + 3) - np.log(2 * r + 3) - np.log(r + 3)

    best = -np.log(3) - np.log(2)
    assert 2 * (best - likelihood(found.low[0])) == pytest.approx(3.8415, abs=1e-4)
    for refused in (martingale_residuals, schoenfeld_residuals, baseline_hazard, proportional_hazards_test):
        with pytest.raises(SimulationError, match="no finite estimate"):
            refused(fit)


def test_a_combination_that_separates_is_found():
    """No event in the reference group: both indicators go to infinity together, neither orders events alone."""
    group = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    time = np.array([4, 5, 9, 3, 5, 7, 2, 6, 9])
    event = np.array([0, 0, 0, 1, 1, 0, 1, 1, 0])
    fit = cox(time, event, {"low": group == 1, "high": group == 2})
    assert set(fit.monotone) == {"low", "high"}


def test_a_strong_effect_is_not_taken_for_separation():
    x = np.linspace(-30, 30, 200)
    u = uniforms(1, "strong", range(200), 1)[:, 0]
    fit = cox(-np.log(u) * np.exp(-x), np.ones(200), x)
    assert not fit.monotone
    assert fit.coefficients[0] == pytest.approx(1, abs=4 * fit.standard_errors[0])


def test_a_strong_effect_in_a_large_cohort_is_not_taken_for_separation():
    """Too many pairs for the proof: what is left of the information says that there is a maximum."""
    x = normals(2, "strong", range(20_000), 1)[:, 0]
    u = uniforms(2, "times", range(20_000), 1)[:, 0]
    fit = cox(-np.log(u) * np.exp(-3 * x), np.ones(20_000), x)
    assert np.ptp(fit.coefficients[0] * x) > 20
    assert fit.coefficients[0] == pytest.approx(3, abs=4 * fit.standard_errors[0])
    ordered = cox(-x + 10, np.ones(20_000), {"noise": u, "order": x})
    assert ordered.monotone == ("order",)


# What is refused


@pytest.mark.parametrize(
    ("covariates", "message"),
    [
        ({"x": [1, 2, 3, 4], "y": [2, 4, 6, 8]}, "x, y are collinear"),
        ({"x": [1, 1, 1, 1]}, "column x: is the same in everyone at risk"),
        ({"x": [1, 2, 3, np.nan]}, "element 3 is missing"),
        ({"x": [1, 2, 3]}, "has 3 elements, time has 4"),
        ({"x": ["a", "b", "a", "b"]}, "no number"),
        ({}, "no covariate"),
    ],
)
def test_bad_covariates(covariates, message):
    with pytest.raises(DataError, match=message):
        cox([1, 2, 3, 4], [1, 1, 1, 0], covariates)


def test_a_covariate_of_strata_says_nothing():
    with pytest.raises(DataError, match="constant within strata"):
        cox([1, 2, 3, 4], [1, 1, 1, 1], [0, 0, 1, 1], strata=["a", "a", "b", "b"])


def test_settings_that_exclude_each_other():
    plain = ([1, 2, 3, 4], [1, 1, 1, 0], [1, 0, 1, 0])
    with pytest.raises(SimulationError, match="neither weights nor robust"):
        cox(*plain, ties="exact", robust=True)
    with pytest.raises(SimulationError, match="efron, breslow, exact"):
        cox(*plain, ties="cox")
    with pytest.raises(SimulationError, match="no event was seen"):
        cox([1, 2], [0, 0], [0, 1])
    with pytest.raises(SimulationError, match="not defined for the exact likelihood"):
        martingale_residuals(cox(*plain, ties="exact"))
    with pytest.raises(SimulationError, match="too many ties"):
        cox(np.ones(4000), np.arange(4000) % 2, np.arange(4000) % 3, ties="exact")
    with pytest.raises(DataError, match="2 names for 1 columns"):
        cox(*plain, names=["a", "b"])
    with pytest.raises(DataError, match="offset"):
        cox(*plain, offset=[1, 2])


def test_few_clusters_are_warned_of():
    fit = cox([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 0], [1, 0, 1, 0, 0, 1], cluster=[1, 1, 1, 2, 2, 2])
    assert "from 2 clusters cannot be trusted" in fit.warnings[0]
    assert "2 clusters" in repr(fit)


def test_one_event_gives_a_wide_interval():
    fit = cox([3, 4, 5, 6], [0, 1, 0, 0], [0.0, 0.5, 1.0, 0.0])
    assert fit.events == 1
    row = fit.table().iloc[0]
    assert row.low < 1 < row.high
