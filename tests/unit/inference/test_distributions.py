"""Log-densities against SciPy's, slopes against differences, draws against probabilities."""

import numpy as np
import pytest
from scipy import stats

from understudy.inference.distributions import FAMILIES


def _given(**values: float) -> dict[str, np.ndarray]:
    return {name: np.full((1, 1), value) for name, value in values.items()}


GIVEN = {
    "bernoulli": _given(probability=0.3),
    "ordinal": _given(location=0.4, threshold_1=-1.0, threshold_2=0.5, threshold_3=2.0),
    "poisson": _given(mean=3.3),
    "negative_binomial": _given(mean=3.3, overdispersion=0.7),
    "zero_inflated_poisson": _given(mean=3.3, zero=0.25),
    "time_to_event": _given(hazard=0.2, increment=0.9),
}
OUTCOMES = {"bernoulli": (0, 1), "ordinal": (0, 1, 2, 3), "time_to_event": (0, 1, 2)}
CASES = [(kind, y) for kind in GIVEN for y in OUTCOMES.get(kind, (0, 1, 5))]


def log_density(kind: str, y: float, given: dict) -> float:
    with np.errstate(all="ignore"):
        return FAMILIES[kind].log_density(np.array([float(y)]), given)[0, 0]


@pytest.mark.parametrize("kind", ["bernoulli", "ordinal"])
def test_probabilities_sum_to_one(kind):
    whole = sum(np.exp(log_density(kind, y, GIVEN[kind])) for y in OUTCOMES[kind])
    assert whole == pytest.approx(1, abs=1e-14)


def test_cumulative_logits_are_the_given_ones():
    above = sum(np.exp(log_density("ordinal", y, GIVEN["ordinal"])) for y in (2, 3))
    assert np.log(above / (1 - above)) == pytest.approx(0.4 - 0.5, abs=1e-13)


def test_counts_are_those_of_scipy():
    y = np.arange(8.0)
    for kind, wanted in (
        ("poisson", stats.poisson(3.3).logpmf(y)),
        ("negative_binomial", stats.nbinom(1 / 0.7, 1 / (1 + 0.7 * 3.3)).logpmf(y)),
        ("zero_inflated_poisson", np.log(0.25 * (y == 0) + 0.75 * stats.poisson(3.3).pmf(y))),
    ):
        found = FAMILIES[kind].log_density(y, GIVEN[kind])[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_few_overdispersion_is_poisson():
    nearly = _given(mean=3.3, overdispersion=1e-7)
    assert log_density("negative_binomial", 4, nearly) == pytest.approx(
        log_density("poisson", 4, GIVEN["poisson"]), abs=1e-5
    )


def test_events_have_density_and_survival():
    given = GIVEN["time_to_event"]
    assert log_density("time_to_event", 0, given) == pytest.approx(-0.9)
    assert log_density("time_to_event", 1, given) == pytest.approx(np.log(0.2) - 0.9)
    assert log_density("time_to_event", 2, given) == pytest.approx(np.log(1 - np.exp(-0.9)))


@pytest.mark.parametrize(("kind", "y"), CASES)
def test_slopes_are_those_of_differences(kind, y):
    given, step = GIVEN[kind], 1e-6
    with np.errstate(all="ignore"):
        slopes = FAMILIES[kind].slopes(np.array([float(y)]), given)
    assert slopes.keys() == given.keys()
    for name, slope in slopes.items():
        ahead, behind = (log_density(kind, y, given | {name: given[name] + sign * step}) for sign in (1, -1))
        # Central differences of 1e-6 err by 1e-10 in rounding.
        assert slope[0, 0] == pytest.approx((ahead - behind) / (2 * step), abs=2e-8)


@pytest.mark.parametrize(
    "kind", ["bernoulli", "ordinal", "poisson", "negative_binomial", "zero_inflated_poisson"]
)
def test_draws_come_with_their_probabilities(kind):
    # Of 40,000 equally spaced uniform numbers every outcome takes its share, to within one.
    u = (np.arange(40_000) + 0.5)[:, None] / 40_000
    wide = {name: np.broadcast_to(value, u.shape) for name, value in GIVEN[kind].items()}
    drawn = FAMILIES[kind].draws(u, wide)
    for y in range(4):
        share = (drawn == y).mean()
        wanted = np.exp(log_density(kind, y, GIVEN[kind])) if kind != "bernoulli" or y < 2 else 0.0
        assert share == pytest.approx(wanted, abs=2 / 40_000)


def test_intervals_are_drawn_by_their_hazard():
    u = (np.arange(1000) + 0.5)[:, None] / 1000
    drawn = FAMILIES["time_to_event"].draws(u, {"increment": np.full((1000, 1), 0.9)})
    assert (drawn == 2).mean() == pytest.approx(1 - np.exp(-0.9), abs=1e-3)


def test_far_from_the_middle_logistic_densities_stay_finite():
    far = _given(location=800.0, threshold_1=0.0)
    assert log_density("ordinal", 0, far) == pytest.approx(-800.0)
    slope = FAMILIES["ordinal"].slopes(np.array([0.0]), far)["location"][0, 0]
    assert slope == pytest.approx(-1.0)
