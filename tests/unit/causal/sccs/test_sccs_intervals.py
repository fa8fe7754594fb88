"""fit_sccs_intervals: the conditional Poisson likelihood, by other ways to it and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.outcomes import outcome_model
from understudy.causal.sccs import fit_sccs_intervals
from understudy.core.errors import DataError, UnderstudyError

rng = np.random.default_rng(8)
PERSONS = 60
PERSON = np.repeat(np.arange(PERSONS), 4)
DAYS = rng.integers(10, 200, PERSON.size).astype(float)
EXPOSED = np.tile([0.0, 1.0, 0.0, 0.0], PERSONS)
SEASON = rng.normal(size=PERSON.size)
EVENTS = rng.poisson(0.006 * DAYS * np.exp(0.7 * EXPOSED + 0.2 * SEASON))


def test_one_exposure_by_hand() -> None:
    """Three persons, an event each; two in exposed time. Risk shares p = 30 r / (30 r + 335), twice, and 60 r / (…)."""
    from scipy.optimize import brentq

    fit = fit_sccs_intervals(
        [1, 1, 2, 2, 3, 3], [30, 335, 30, 335, 60, 305], [1, 0, 0, 1, 1, 0], {"drug": [1, 0, 1, 0, 1, 0]}
    )

    def excess(log: float) -> float:
        r = np.exp(log)
        return 2 - 2 * 30 * r / (30 * r + 335) - 60 * r / (60 * r + 305)

    assert fit["drug"].log == pytest.approx(brentq(excess, 0, 5, xtol=1e-13), abs=1e-9)


def test_it_is_poisson_regression_with_an_intercept_for_each_person() -> None:
    one = fit_sccs_intervals(PERSON, DAYS, EVENTS, {"drug": EXPOSED}, {"season": SEASON})
    other = outcome_model(
        DAYS, EVENTS, EXPOSED, model="poisson", strata=PERSON, covariates={"season": SEASON}, clusters=PERSON
    )
    for name in ("log", "low", "high", "robust_error", "log_likelihood_ratio", "p_value"):
        assert getattr(one["drug"], name) == pytest.approx(getattr(other, name), abs=1e-9), name
    api = pytest.importorskip("statsmodels.api", reason="the oracle comes with the extra [trials]")
    seen = np.isin(PERSON, PERSON[EVENTS > 0])  # without events an intercept runs away, and says nothing
    dummies = (PERSON[seen][:, None] == np.unique(PERSON[seen])).astype(float)
    design = np.column_stack([EXPOSED[seen], SEASON[seen], dummies])
    known = api.GLM(EVENTS[seen], design, family=api.families.Poisson(), offset=np.log(DAYS[seen])).fit(
        tol=1e-12
    )
    assert one["drug"].log == pytest.approx(known.params[0], abs=1e-8)
    assert one.coefficients["season"] == pytest.approx(known.params[1], abs=1e-8)


def test_cutting_intervals_changes_nothing() -> None:
    whole = fit_sccs_intervals(PERSON, DAYS, EVENTS, {"drug": EXPOSED})
    halves = [np.repeat(each, 2) for each in (PERSON, DAYS / 2, EXPOSED)]
    counts = np.column_stack([EVENTS, np.zeros_like(EVENTS)]).ravel()
    cut = fit_sccs_intervals(halves[0], halves[1], counts, {"drug": halves[2]})
    assert (cut["drug"].log, cut["drug"].low) == pytest.approx(
        (whole["drug"].log, whole["drug"].low), abs=1e-10
    )


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_the_unit_of_a_dose_is_nothing(unit: float) -> None:
    dose = EXPOSED * (1 + PERSON % 3)
    one, other = (fit_sccs_intervals(PERSON, DAYS, EVENTS, {"dose": dose * k})["dose"] for k in (1.0, unit))
    for name in ("log", "low", "high", "standard_error", "robust_error"):
        assert unit * getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-7), name
    never = fit_sccs_intervals(PERSON, DAYS, EVENTS * (dose == 0), {"dose": dose * unit})["dose"]
    assert never.log == -np.inf
    assert np.isfinite(never.high)


def test_persons_without_events_and_without_contrast_say_nothing() -> None:
    fit = fit_sccs_intervals(PERSON, DAYS, EVENTS, {"drug": EXPOSED})
    more = fit_sccs_intervals(
        np.r_[PERSON, 500, 501], np.r_[DAYS, 90, 90], np.r_[EVENTS, 0, 2], {"drug": np.r_[EXPOSED, 1, 1]}
    )
    assert more["drug"].log == pytest.approx(fit["drug"].log, abs=1e-10)
    assert (more.cases, more.events) == (fit.cases + 1, fit.events + 2)


@pytest.mark.parametrize(("inside", "sign"), [(1.0, 1), (0.0, -1)])
def test_events_on_one_side_only_have_one_limit(inside: float, sign: int) -> None:
    found = fit_sccs_intervals(PERSON, DAYS, EVENTS * (inside == EXPOSED), {"drug": EXPOSED})["drug"]
    assert found.log == sign * np.inf
    assert np.isfinite(found.low if sign > 0 else found.high)
    assert "one limit only" in found.notes[0]


def test_without_events_or_contrast_there_is_no_estimate() -> None:
    for events, exposed in ((0 * EVENTS, EXPOSED), (EVENTS, np.ones_like(EXPOSED))):
        found = fit_sccs_intervals(PERSON, DAYS, events, {"drug": exposed}, {"season": SEASON})
        assert np.isnan(found["drug"].log)
        assert "exposed and not" in found["drug"].notes[0]
        assert found["drug"].profile.edge == "both"


def test_covariates_that_repeat_others_are_left_out() -> None:
    shares = rng.dirichlet(np.ones(3), PERSON.size)  # their sum is one, like that of splines
    covariates = {f"spline {k}": shares[:, k] for k in range(3)}
    found = fit_sccs_intervals(PERSON, DAYS, EVENTS, {"drug": EXPOSED}, covariates)
    assert found.notes == ("left out, since others say the same: spline 2",)
    two = fit_sccs_intervals(
        PERSON, DAYS, EVENTS, {"drug": EXPOSED}, {k: covariates[k] for k in ("spline 0", "spline 1")}
    )
    assert found["drug"].log == pytest.approx(two["drug"].log, abs=1e-9)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ((PERSON, DAYS * 0, EVENTS, EXPOSED), "not positive"),
        ((PERSON, DAYS, EVENTS - 0.5, EXPOSED), "no count"),
        ((PERSON, DAYS, EVENTS[:-1], EXPOSED), "elements"),
        ((PERSON[:-1], DAYS, EVENTS, EXPOSED), "stratum"),
        ((PERSON, DAYS, EVENTS, np.where(EXPOSED > 0, np.nan, 0)), "missing"),
    ],
)
def test_bad_intervals_are_told(given: tuple, word: str) -> None:
    with pytest.raises(DataError, match=word):
        fit_sccs_intervals(*given)


def test_names_have_one_place_and_are_known() -> None:
    with pytest.raises(UnderstudyError, match="exposure and covariate"):
        fit_sccs_intervals(PERSON, DAYS, EVENTS, {"drug": EXPOSED}, {"drug": SEASON})
    with pytest.raises(UnderstudyError, match="no exposure 'x'"):
        fit_sccs_intervals(PERSON, DAYS, EVENTS, {"drug": EXPOSED})["x"]
