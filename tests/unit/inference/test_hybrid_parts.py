"""Parts of fitting neural terms that need no JAX: variances, densities, folds, and what a fit has not seen."""

import numpy as np
import pandas as pd
import pytest
from normal_model import LEVEL, OMEGA, SIGMA2, THETA, marginal, measured, normal_population

from understudy import Model, PopulationModel, Records, SimulationError
from understudy.core.random import normals
from understudy.inference.hybrid.comparison import _folds, log_predictive_density
from understudy.inference.hybrid.extrapolation import TrainingRange, check_extrapolation
from understudy.inference.hybrid.mixed_step import MixedModel, packed, unpacked


def balanced(patients, each, seed):
    """Measurements ``5 + u + e`` of as many patients, as often each; shape (patients, each)."""
    u = normals(seed, "u", range(patients), 1) * OMEGA**0.5
    return THETA + u + normals(seed, "e", range(patients), each) * SIGMA2**0.5


def mixed_model(values, precision=0.0):
    patients, each = values.shape
    ones = np.ones((values.size, 1))
    patient = np.repeat(np.arange(patients), each)
    variance = lambda residual: np.full(values.size, residual[0] ** 2)  # noqa: E731
    return MixedModel(values.ravel(), ones, ones, patient, np.array([precision]), variance, (1,))


def test_the_value_is_the_density_of_the_multivariate_normal():
    from scipy.stats import multivariate_normal

    values = balanced(4, 3, 1)
    covariance = OMEGA + SIGMA2 * np.eye(3)
    best = values.mean()
    right = -2 * sum(multivariate_normal.logpdf(row, np.full(3, best), covariance) for row in values)
    found = mixed_model(values).value(np.array([[OMEGA]]), np.array([SIGMA2**0.5]))
    # A dozen operations in double precision.
    assert found == pytest.approx(right, rel=1e-12)


def test_variances_are_those_of_the_balanced_one_way_layout():
    values = balanced(30, 4, 2)
    omega, residual, _ = mixed_model(values).fitted(np.array([[0.2]]), np.array([1.0]))
    # Maximum likelihood in closed form: Searle, Casella and McCulloch, Variance Components, Wiley 1992, section 3.7.
    within = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum() / (30 * 3)
    between = 4 * ((values.mean(axis=1) - values.mean()) ** 2).sum() / 30
    # The search ends when a step changes the value by 2e-9 of itself; near the top that is 1e-3 of a parameter.
    assert residual[0] ** 2 == pytest.approx(within, rel=2e-3)
    assert omega[0, 0] == pytest.approx((between - within) / 4, rel=5e-3)


def test_a_strong_prior_keeps_what_is_common_at_zero():
    values = balanced(10, 3, 3)
    one = (np.array([[OMEGA]]), np.array([SIGMA2**0.5]))
    assert mixed_model(values, 1e8).value(*one) > mixed_model(values).value(*one) + 10


@pytest.mark.parametrize("blocks", [(1, 1, 1), (3,), (2, 1)])
def test_covariances_are_packed_without_loss(blocks):
    factor = np.tril(normals(1, "factor", range(3), 3)) + 2 * np.eye(3)
    whole = factor @ factor.T
    number = np.repeat(np.arange(len(blocks)), blocks)
    omega = np.where(number[:, None] == number, whole, 0.0)
    np.testing.assert_allclose(unpacked(packed(omega, blocks), blocks), omega, rtol=1e-12, atol=1e-12)


# densities and folds


def test_the_density_of_normal_measurements_is_exact():
    values = {"a": [5.5, 6.1, 4.9], "b": [3.9]}
    found = log_predictive_density(normal_population(), measured(values), draws=4000, seed=1)
    right = [-0.5 * (marginal(own) + len(own) * np.log(2 * np.pi)) for own in values.values()]
    # Weights of a proposal 1.3 times as wide vary by a third: 4,000 draws err by 0.005.
    np.testing.assert_allclose(found, right, atol=0.02)


def test_a_density_of_logarithms_is_one_of_the_measurements():
    residual = [{"output": "y", "variance": str(SIGMA2), "scale": "log"}]
    from understudy import Residual

    logged = normal_population(
        individual={"base": "exp(theta + eta)"}, residual=tuple(Residual(**item) for item in residual)
    )
    values = {"a": [5.5, 6.1, 4.9]}
    found = log_predictive_density(logged, measured({"a": np.exp(values["a"]).tolist()}), draws=4000)
    right = -0.5 * (marginal(values["a"]) + 3 * np.log(2 * np.pi)) - sum(values["a"])
    np.testing.assert_allclose(found, right, atol=0.02)


def test_folds_are_as_equal_as_can_be_and_the_seed_makes_them():
    fold = _folds(13, 4, 1)
    assert sorted(np.bincount(fold)) == [3, 3, 3, 4]
    assert (fold == _folds(13, 4, 1)).all()
    assert (fold != _folds(13, 4, 2)).any()


# what was not seen


@pytest.fixture(scope="module")
def hybrid():
    mechanism = Model(
        "learnt elimination",
        "h",
        {"V": (20, "L"), "scale": (2.5, "mg/L")},
        {"A": "mg"},
        {"A": "-elimination(A / V / scale) * A"},
        inputs={"iv": "A"},
        outputs={"C": ("A / V", "mg/L")},
        networks={"elimination": (1, 2, 1, "tanh", "softplus", "1/h")},
    )
    return PopulationModel(
        "learnt",
        mechanism,
        {"V": "theta_V * (WT / 70[kg]) * exp(eta_V)"},
        {"theta_V": (20, "L"), "sigma": (0.1, "1")},
        {"eta_V": 0.04},
        {"C": "(sigma * C) ** 2"},
        {"WT": "kg"},
    )


def given(doses, weight=70.0, until=8.0):
    rows = []
    for k, dose in enumerate(doses):
        rows.append({"ID": k, "TIME": 0.0, "AMT": dose, "EVID": 1, "DV": np.nan, "MDV": 1, "WT": weight + k})
        rows += [
            {"ID": k, "TIME": t, "AMT": 0.0, "EVID": 0, "DV": 1.0, "MDV": 0, "WT": weight + k}
            for t in (1.0, until)
        ]
    return Records.from_frame(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def seen(hybrid):
    return TrainingRange.of(hybrid, given([50.0, 100.0]), np.array([[0.0], [0.1]]))


def test_what_was_seen_is_what_the_records_held(seen):
    found = {entry.quantity: (entry.lower, entry.upper) for entry in seen.entries}
    assert found["dose iv"] == (50.0, 100.0)
    assert found["sum of doses iv"] == (50.0, 100.0)
    assert found["covariate WT"] == (70.0, 71.0)
    assert found["time of measurement"] == (1.0, 8.0)
    # From the second patient's level right after the dose down to the first one's last.
    top = 100 / (20 * 71 / 70 * np.exp(0.1)) / 2.5
    lower, upper = found["elimination(A / V / scale)"]
    assert upper == pytest.approx(top, rel=1e-6)
    assert 0 < lower < 50 / 20 / 2.5


def test_the_records_themselves_are_within(hybrid, seen):
    # The typical patients of lower doses: their levels are within those of the fitted ones.
    check = check_extrapolation(seen, hybrid, records=given([50.0]))
    assert check.outside == ()
    assert repr(check) == "Within what the fit has seen."


@pytest.mark.parametrize(
    ("asked", "outside"),
    [
        ({"regimen": "400 mg"}, {"dose iv", "sum of doses iv", "elimination(A / V / scale)"}),
        ({"regimen": "60 mg every 2 h for 2 doses"}, {"sum of doses iv"}),
        ({"regimen": "60 mg", "times": [1.0, 9.0]}, {"time of measurement"}),
        ({"regimen": "60 mg", "patients": pd.DataFrame({"WT": [90.0]})}, {"covariate WT"}),
        ({"regimen": "60 mg"}, set()),
    ],
)
def test_what_lies_outside_is_named(hybrid, seen, asked, outside):
    asked = {"patients": pd.DataFrame({"WT": [70.5]}), "times": [1.0, 4.0]} | asked
    check = check_extrapolation(seen, hybrid, **asked)
    assert set(check.outside) - {"elimination(A / V / scale)"} == outside - {"elimination(A / V / scale)"}
    assert ("elimination(A / V / scale)" in check.outside) >= ("elimination(A / V / scale)" in outside)
    assert ("EXTRAPOLATION" in repr(check)) == bool(check.outside)


def test_a_dose_in_another_unit_is_compared_in_the_models(hybrid, seen):
    weight = pd.DataFrame({"WT": [70.5]})
    same = check_extrapolation(seen, hybrid, regimen="0.06 g", patients=weight, times=[1.0, 4.0])
    assert same.table.set_index("quantity").loc["dose iv", "asked_to"] == pytest.approx(60.0)


def test_what_was_never_given_at_all_is_outside(hybrid):
    empty = TrainingRange(())
    check = check_extrapolation(empty, hybrid, records=given([50.0]))
    assert set(check.outside) == set(check.table["quantity"])


# refusals


def test_records_that_this_fit_does_not_know_are_refused_before_anything_is_compiled():
    pytest.importorskip("jax", reason="needs pip install 'understudy[jax]'")
    pytest.importorskip("diffrax", reason="needs pip install 'understudy[jax]'")
    pytest.importorskip("equinox", reason="needs pip install 'understudy[jax]'")
    from understudy.inference.hybrid.fit_hybrid import fit_hybrid

    infused = Records.from_frame(
        pd.DataFrame(
            {
                "ID": [1, 1],
                "TIME": [0.0, 1.0],
                "AMT": [10.0, 0.0],
                "RATE": [5.0, 0.0],
                "EVID": [1, 0],
                "MDV": [1, 0],
                "DV": [np.nan, 5.0],
            }
        )
    )
    with pytest.raises(SimulationError, match="do not know infusions"):
        fit_hybrid(normal_population(structural=Model.from_json({**LEVEL.to_json()})), infused)
