"""outcome_model against other code, in degenerate data, and with bad input."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics import cox, profile_interval
from understudy.causal.outcomes import outcome_model
from understudy.core.errors import DataError, UnderstudyError

N = 400
rng = np.random.default_rng(20)
TREATED = (rng.random(N) < 0.4).astype(float)
DAYS = np.ceil(rng.exponential(30 / np.exp(0.5 * TREATED)))
EVENT = (DAYS < 40).astype(float)
TIME = np.minimum(DAYS, 40)
STRATUM = rng.integers(0, 5, N)
PAIRS = np.arange(N) // 4
WEIGHT = rng.uniform(0.3, 3, N)
AGE, SMOKER = rng.normal(60, 10, N), (rng.random(N) < 0.3).astype(float)
COUNT = rng.poisson(0.03 * TIME * np.exp(0.4 * TREATED))

DESIGNS = {
    "crude": {},
    "strata": {"strata": STRATUM},
    "weights": {"weights": WEIGHT},
    "both": {"strata": STRATUM, "weights": WEIGHT},
}


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize("adjusted", [False, True])
def test_cox_is_that_of_biostatistics(design: dict, ties: str, adjusted: bool) -> None:
    covariates = {"age": AGE, "smoker": SMOKER} if adjusted else {}
    found = outcome_model(TIME, EVENT, TREATED, covariates=covariates or None, ties=ties, **design)
    known = cox(TIME, EVENT, {"drug": TREATED, **covariates}, ties=ties, robust=True, **design)
    limits = profile_interval(known)
    # Two ways to one likelihood: equal to rounding, the limits to the tolerance of their searches.
    assert found.log == pytest.approx(known.coefficients[0], abs=1e-10)
    assert (found.low, found.high) == pytest.approx((limits.low[0], limits.high[0]), abs=1e-8)
    assert found.robust_error == pytest.approx(known.standard_errors[0], abs=1e-9)
    if not adjusted:
        ratio = known.likelihood_ratio_test.statistic / 2
        assert found.log_likelihood_ratio == pytest.approx(ratio, abs=1e-9)


@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("model", ["poisson", "logistic"])
def test_poisson_and_logistic_are_those_of_statsmodels(model: str, adjusted: bool) -> None:
    api = pytest.importorskip("statsmodels.api", reason="the oracle comes with the extra [trials]")
    y, family, offset = COUNT, api.families.Poisson(), np.log(TIME)
    if model == "logistic":
        y, family, offset = EVENT, api.families.Binomial(), None
    x = np.column_stack([np.ones(N), TREATED, *([AGE, SMOKER] if adjusted else [])])
    fit = api.GLM(y, x, family=family, offset=offset)
    covariates = {"age": AGE, "smoker": SMOKER} if adjusted else None
    found = outcome_model(TIME, y, TREATED, model=model, covariates=covariates)
    assert found.log == pytest.approx(
        fit.fit().params[1], abs=1e-7
    )  # statsmodels stops at 1e-8 of the deviance
    assert found.robust_error == pytest.approx(fit.fit(cov_type="HC0").bse[1], abs=1e-6)
    assert found.standard_error == pytest.approx(fit.fit().bse[1], rel=0.02)  # limits are not symmetric


@pytest.mark.parametrize("adjusted", [False, True])
def test_stratified_poisson_is_that_with_an_intercept_each(adjusted: bool) -> None:
    covariates = {"age": AGE} if adjusted else {}
    dummies = {f"s{k}": (k == STRATUM).astype(float) for k in range(1, 5)}
    one = outcome_model(TIME, COUNT, TREATED, model="poisson", strata=STRATUM, covariates=covariates or None)
    other = outcome_model(TIME, COUNT, TREATED, model="poisson", covariates=covariates | dummies)
    for name in ("log", "low", "high", "robust_error", "log_likelihood_ratio"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-8), name


def test_weighted_poisson_repeats_persons_and_its_robust_error_does_not() -> None:
    twice = np.full(N, 2.0)
    one = outcome_model(TIME, COUNT, TREATED, model="poisson")
    two = outcome_model(TIME, COUNT, TREATED, model="poisson", weights=twice)
    assert two.log == pytest.approx(one.log, abs=1e-12)
    assert two.robust_error == pytest.approx(one.robust_error, abs=1e-12)
    assert two.standard_error < 0.75 * one.standard_error


@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("strata", [PAIRS, STRATUM], ids=["fours", "five"])
def test_conditional_logistic_is_the_exact_partial_likelihood(strata: np.ndarray, adjusted: bool) -> None:
    """All of a stratum at risk at one time: the discrete partial likelihood conditions on the events' number."""
    kept = np.arange(N) if strata is PAIRS else np.arange(N) % 4 == 0  # few ties for the other recursion
    covariates = {"age": AGE[kept]} if adjusted else {}
    found = outcome_model(
        None, EVENT[kept], TREATED[kept], model="logistic", strata=strata[kept], covariates=covariates or None
    )
    data = {"drug": TREATED[kept], **covariates}
    known = cox(np.ones(len(data["drug"])), EVENT[kept], data, strata=strata[kept], ties="exact")
    limits = profile_interval(known)
    assert found.log == pytest.approx(known.coefficients[0], abs=1e-9)
    assert (found.low, found.high) == pytest.approx((limits.low[0], limits.high[0]), abs=1e-8)


def test_matched_pairs_are_decided_by_discordant_ones() -> None:
    """Cox in pairs: the ratio of pairs in which the treated, or the other, had the outcome first: 40 / 45.

    As in CohortMethod's matched analysis of GiBleed: hazard ratio 0.8889 (0.5786-1.3606), its printed limits.
    """
    first = np.r_[np.ones(40), np.zeros(45), np.full(200, np.nan)]
    treated = np.tile([1.0, 0.0], first.size)
    pair = np.repeat(np.arange(first.size), 2)
    happened = np.where(np.isnan(first[pair]), False, first[pair] == treated)
    found = outcome_model(np.where(happened, 5.0, 30.0), happened, treated, strata=pair)
    assert found.exp == pytest.approx(40 / 45, abs=1e-12)
    assert found.interval == pytest.approx((0.5786, 1.3606), abs=5e-4)  # Cyclops' limits are to about 1e-4


def test_pairs_of_the_logistic_model_likewise() -> None:
    treated = np.tile([1.0, 0.0], 85)
    pair = np.repeat(np.arange(85), 2)
    event = np.where(pair < 40, treated, 1 - treated)
    found = outcome_model(None, event, treated, model="logistic", strata=pair)
    assert found.exp == pytest.approx(40 / 45, abs=1e-12)
    assert found.robust_error == pytest.approx(np.sqrt(1 / 40 + 1 / 45), abs=1e-9)  # McNemar


@pytest.mark.parametrize("model", ["cox", "poisson", "logistic"])
@pytest.mark.parametrize("kind", ["crude", "strata", "covariates", "weights"])
@pytest.mark.parametrize(("group", "sign"), [("target", -1), ("comparator", 1)])
def test_a_group_without_outcome_has_one_limit(model: str, kind: str, group: str, sign: int) -> None:
    more = {"strata": {"strata": PAIRS}, "covariates": {"covariates": {"age": AGE}}}.get(kind, {})
    if kind == "weights":
        more = {"weights": WEIGHT}
    event = EVENT * ((group == "comparator") == TREATED)
    found = outcome_model(TIME, event, TREATED, model=model, **more)
    assert found.log == sign * np.inf
    ends = (found.low, found.high)
    assert np.isfinite(ends[0 if sign > 0 else 1])
    assert ends[1 if sign > 0 else 0] == sign * np.inf
    assert found.p_value < 0.001
    assert f"no outcome in the {group} group" in found.notes[0]
    assert found.profile.edge == ("high" if sign > 0 else "low")
    # The limit lies where the likelihood is half the quantile of chi-square below its supremum.
    if kind == "crude" and model == "poisson":
        share = TIME[TREATED == 1].sum() / TIME.sum()
        events = event.sum()
        other = 1 - share
        risk = other + share * np.exp(found.high) if sign < 0 else share + other * np.exp(-found.low)
        alone = other if sign < 0 else share
        assert events * np.log(risk / alone) == pytest.approx(1.959963984540054**2 / 2, abs=1e-8)


@pytest.mark.parametrize("model", ["cox", "poisson", "logistic"])
@pytest.mark.parametrize("more", [{}, {"strata": PAIRS}, {"covariates": {"age": AGE}}], ids=str)
def test_without_any_outcome_there_is_no_estimate(model: str, more: dict) -> None:
    found = outcome_model(TIME, np.zeros(N), TREATED, model=model, **more)
    assert np.isnan(found.log)
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert np.isnan(found.standard_error)
    assert np.isnan(found.p_value)
    assert "no outcome was seen" in found.notes[0]
    assert found.profile.edge == "both"  # level: a synthesis may take it, and learns nothing from it


def test_strata_with_one_group_only_say_nothing() -> None:
    found = outcome_model(TIME, EVENT, TREATED, strata=TREATED)
    assert np.isnan(found.log)
    assert "in no stratum could both groups be compared" in found.notes[0]
    mixed = np.where(np.arange(N) < 300, PAIRS, 1000 + TREATED)
    some, alone = outcome_model(TIME, EVENT, TREATED, strata=mixed), slice(0, 300)
    few = outcome_model(TIME[alone], EVENT[alone], TREATED[alone], strata=PAIRS[alone])
    assert some.log == pytest.approx(few.log, abs=1e-12)


def test_everybody_having_the_outcome_says_nothing_to_a_logistic_model() -> None:
    found = outcome_model(TIME, np.ones(N), TREATED, model="logistic")
    assert np.isnan(found.log)


def test_heavy_ties_are_told() -> None:
    found = outcome_model(np.ones(N), np.ones(N), TREATED)
    assert "same time" in found.notes[0]
    assert not outcome_model(TIME + np.arange(N) / N, EVENT, TREATED).notes


def test_a_covariate_that_separates_is_told_and_leaves_the_treatment_alone() -> None:
    never = (np.arange(N) % 10 == 0).astype(float)
    event = EVENT * (1 - never)
    found = outcome_model(TIME, event, TREATED, covariates={"never": never})
    assert found.notes == ("never: no finite coefficient, since outcomes are separated by it",)
    rest = never == 0
    alone = outcome_model(TIME[rest], event[rest], TREATED[rest])
    assert found.log == pytest.approx(alone.log, abs=1e-6)  # as if they were not there
    assert found.low == pytest.approx(alone.low, abs=1e-5)


def test_covariates_that_repeat_others_are_left_out_with_a_note() -> None:
    doubled = {"age": AGE, "months": 12 * AGE, "one": np.ones(N)}
    found = outcome_model(TIME, EVENT, TREATED, covariates=doubled)
    assert found.log == pytest.approx(
        outcome_model(TIME, EVENT, TREATED, covariates={"age": AGE}).log, abs=1e-9
    )
    assert [note.split()[0] for note in found.notes] == ["months", "one"]
    same = outcome_model(TIME, EVENT, TREATED, covariates={"drug": TREATED})
    assert np.isnan(same.log)
    assert "treatment is left out" in same.notes[0]


def test_covariates_of_any_unit_do_the_same() -> None:
    one, other = (outcome_model(TIME, EVENT, TREATED, covariates={"x": AGE * k}) for k in (1.0, 1e-5))
    assert not other.notes
    assert other.log == pytest.approx(one.log, abs=1e-9)


def test_exact_ties_are_those_of_biostatistics() -> None:
    few = np.arange(N) % 4 == 0
    found = outcome_model(TIME[few], EVENT[few], TREATED[few], ties="exact")
    known = cox(TIME[few], EVENT[few], {"drug": TREATED[few]}, ties="exact")
    assert found.log == pytest.approx(known.coefficients[0], abs=1e-9)
    assert found.low == pytest.approx(profile_interval(known).low[0], abs=1e-8)
    assert np.isnan(found.robust_error)


def test_clusters_widen_the_robust_error() -> None:
    copies = np.repeat(np.arange(N), 3)
    data = (TIME[copies], EVENT[copies], TREATED[copies])
    alone = outcome_model(TIME, EVENT, TREATED)
    assert outcome_model(*data, clusters=copies).robust_error == pytest.approx(alone.robust_error, rel=1e-9)
    assert outcome_model(*data).robust_error == pytest.approx(alone.robust_error / np.sqrt(3), rel=1e-9)
    conditional = outcome_model(None, EVENT, TREATED, model="logistic", strata=PAIRS, clusters=PAIRS)
    plain = outcome_model(None, EVENT, TREATED, model="logistic", strata=PAIRS)
    assert conditional.robust_error == pytest.approx(plain.robust_error, rel=1e-7)


def test_the_order_of_persons_and_the_unit_of_time_are_nothing() -> None:
    mixed = np.random.default_rng(1).permutation(N)
    one = outcome_model(TIME, EVENT, TREATED, strata=STRATUM, weights=WEIGHT)
    two = outcome_model(
        TIME[mixed] / 365, EVENT[mixed], TREATED[mixed], strata=STRATUM[mixed], weights=WEIGHT[mixed]
    )
    for name in ("log", "low", "high", "robust_error"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), abs=1e-10), name


def test_exchanging_groups_turns_the_ratio_over() -> None:
    one, two = (outcome_model(TIME, EVENT, each, strata=STRATUM) for each in (TREATED, 1 - TREATED))
    assert (one.log, one.low, one.high) == pytest.approx((-two.log, -two.high, -two.low), abs=1e-10)
    assert one.robust_error == pytest.approx(two.robust_error, abs=1e-12)


def test_the_profile_is_the_likelihood() -> None:
    found = outcome_model(TIME, EVENT, TREATED, covariates={"age": AGE})
    assert found.profile.maximum == pytest.approx(found.log, abs=1e-6)
    assert found.profile.interval() == pytest.approx((found.low, found.high), abs=1e-3)
    asked = outcome_model(TIME, EVENT, TREATED, covariates={"age": AGE}, bounds=(-5.0, 5.0)).profile
    assert (asked.points[0], asked.points[-1]) == (-5.0, 5.0)
    assert asked.at(2.0) == pytest.approx(found.profile.at(2.0), abs=2e-3)  # both are to 1e-3
    assert outcome_model(TIME, EVENT, TREATED, bounds=None).profile is None


def test_level_is_that_of_the_interval() -> None:
    wide, narrow = (outcome_model(TIME, EVENT, TREATED, level=level) for level in (0.99, 0.5))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert wide.standard_error == pytest.approx(narrow.standard_error, rel=0.02)


def bad(**changed: object) -> dict:
    return {"time": TIME, "event": EVENT, "treatment": TREATED} | changed


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (bad(treatment=np.ones(N)), "nobody is in the comparator group"),
        (bad(treatment=np.zeros(N)), "nobody is in the target group"),
        (bad(treatment=TREATED + 1), "neither 0 nor 1"),
        (bad(time=-TIME), "is negative"),
        (bad(time=np.where(TIME > 30, np.nan, TIME)), "missing or infinite"),
        (bad(event=EVENT * 2), "neither 0 nor 1"),
        (bad(event=EVENT / 2, model="poisson"), "is no count"),
        (bad(time=TIME * 0, model="poisson"), "is not positive"),
        (bad(time=None), "cox needs it"),
        (bad(event=EVENT[:-1]), "elements"),
        (bad(weights=WEIGHT - 0.5), "is not positive"),
        (bad(strata=STRATUM[:5]), "strata"),
        (bad(clusters=[None] * N), "is missing"),
        (bad(covariates={"age": AGE[:5]}), "age"),
        (bad(covariates={"name": ["x"] * N}), "no number"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_bad_arrays_are_told(given: dict, word: str) -> None:
    with pytest.raises(DataError, match=word):
        outcome_model(**given)


def test_bad_settings_are_told() -> None:
    from scipy.sparse import csc_matrix

    for more, word in (
        ({"model": "probit"}, "unknown outcome model 'probit'"),
        ({"ties": "random"}, "unknown ties"),
        ({"ties": "exact", "weights": WEIGHT}, "exact ties have no weights"),
        ({"model": "logistic", "strata": PAIRS, "weights": WEIGHT}, "has no weights"),
        ({"covariates": csc_matrix(np.eye(N))}, "without a penalty"),
    ):
        with pytest.raises(UnderstudyError, match=word):
            outcome_model(TIME, EVENT, TREATED, **more)


def test_too_many_outcomes_for_an_exact_recursion_are_told() -> None:
    size = 3000
    event, treated = np.arange(size) % 2, np.arange(size) % 3 == 0
    with pytest.raises(UnderstudyError, match="too many outcomes in a stratum"):
        outcome_model(
            None,
            event,
            treated,
            model="logistic",
            strata=np.zeros(size),
            covariates={"x": np.sin(np.arange(size))},
        )
