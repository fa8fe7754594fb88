"""Imputation: distributions of strategies, posteriors that are known exactly, reproducibility, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.conditional_mean import conditional_mean
from understudy.biostatistics.conditional_normal import conditional_normal
from understudy.biostatistics.design_matrix import design_matrix
from understudy.biostatistics.imputation import impute
from understudy.biostatistics.imputation_posterior import draw_parameters
from understudy.biostatistics.incomplete_outcomes import STRATEGIES, incomplete_outcomes
from understudy.biostatistics.linear_model import linear_model
from understudy.biostatistics.reference_based import strategy_covariance, strategy_mean
from understudy.biostatistics.rubin import pool
from understudy.biostatistics.tipping_point import tipping_point
from understudy.core.errors import DataError, UnderstudyError

SIGMA = np.array([[4.0, 2, 1], [2, 5, 3], [1, 3, 6]])
OTHER = np.array([[3.0, 1, 0.5], [1, 4, 2], [0.5, 2, 7]])


@pytest.fixture(scope="module")
def trial():
    """Three visits of sixty patients, a third of the drug's dropping out, one gap between visits."""
    draw = np.random.default_rng(6)
    arm, base = np.repeat(["placebo", "drug"], 30), draw.normal(20, 3, 60)
    y = draw.multivariate_normal(np.zeros(3), SIGMA, 60) + base[:, None] / 5
    y += np.array([-1, -2, -3]) * (arm == "drug")[:, None]
    y[30:36, 2] = np.nan
    y[36:40, 1:] = np.nan
    y[3, 2] = np.nan
    y[5, 1] = np.nan
    design = design_matrix({"arm": arm, "base": base}, reference={"arm": "placebo"})
    return y, design


def test_conditional_normal_is_the_regression_on_what_was_measured():
    values, missing = np.array([1.0, np.nan, 2.0]), np.array([False, True, False])
    mean = np.array([0.5, 1, 1.5])
    slopes = SIGMA[1, [0, 2]] @ np.linalg.inv(SIGMA[np.ix_([0, 2], [0, 2])])
    expected = 1 + slopes @ np.array([0.5, 0.5])
    assert conditional_normal(values, missing, mean, SIGMA) == pytest.approx([expected], rel=1e-12)
    left = SIGMA[1, 1] - slopes @ SIGMA[[0, 2], 1]
    drawn = conditional_normal(values, missing, mean, SIGMA, np.array([9.0, 1.0, 9.0]))
    assert drawn == pytest.approx([expected + np.sqrt(left)], rel=1e-12)


def test_nothing_measured_is_the_marginal_distribution():
    nothing = np.full(3, np.nan)
    mean = np.arange(3.0)
    np.testing.assert_array_equal(conditional_normal(nothing, np.ones(3, dtype=bool), mean, SIGMA), mean)


def test_increments_of_a_patient_without_a_visit_are_those_from_the_start():
    own, reference = np.array([-5.0, -8, -10]), np.array([-3.0, -4, -6])
    copied = strategy_mean("copy increments in reference", own, reference, 0)
    np.testing.assert_array_equal(copied, reference)
    np.testing.assert_array_equal(
        strategy_mean("copy increments in reference", own, reference, 1), [-5, -6, -8]
    )
    for strategy in STRATEGIES:
        np.testing.assert_array_equal(strategy_mean(strategy, own, reference, 3), own)


@pytest.mark.parametrize("deviation", [0, 1, 2, 3])
def test_joint_covariances_keep_the_past_and_take_the_references_regression(deviation):
    joint = strategy_covariance("jump to reference", SIGMA, OTHER, deviation)
    past, future = slice(None, deviation), slice(deviation, None)
    assert np.linalg.eigvalsh(joint).min() > 0
    np.testing.assert_allclose(joint[past, past], SIGMA[past, past])
    if 0 < deviation < 3:
        mine = np.linalg.solve(joint[past, past], joint[past, future])
        theirs = np.linalg.solve(OTHER[past, past], OTHER[past, future])
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)
        left = joint[future, future] - mine.T @ joint[past, future]
        np.testing.assert_allclose(left, OTHER[future, future] - theirs.T @ OTHER[past, future], rtol=1e-12)
    np.testing.assert_allclose(
        strategy_covariance("jump to reference", SIGMA, SIGMA.copy(), deviation), SIGMA
    )


def test_draws_of_complete_data_have_the_moments_of_their_posterior():
    """Complete data of two visits: means of the multivariate regression posterior are known in closed form."""
    draw = np.random.default_rng(0)
    x = np.column_stack([np.ones(40), draw.normal(size=40)])
    y = x @ np.array([[1.0, 2], [0.5, -1]]) + draw.multivariate_normal([0, 0], SIGMA[:2, :2], 40)
    found = draw_parameters(y, x, 4000, seed=1)
    assert found.iterations == 0
    best = np.linalg.lstsq(x, y, rcond=None)[0]
    noise = found.coefficients.std(axis=0) / np.sqrt(4000)
    assert (np.abs(found.coefficients.mean(axis=0) - best) < 4 * noise).all()
    rest = y - x @ best
    first = (
        rest[:, 0] @ rest[:, 0] / (38 - 2)
    )  # mean of a scaled inverse chi-square with 38 degrees of freedom
    error = found.covariances[:, 0, 0].std() / np.sqrt(4000)
    assert found.covariances[:, 0, 0].mean() == pytest.approx(first, abs=4 * error)
    spread = np.cov(found.coefficients[:, :, 0].T)
    np.testing.assert_allclose(spread, first * np.linalg.inv(x.T @ x), rtol=0.1, atol=5e-4)


def test_monotone_draws_and_data_augmentation_agree():
    """The same posterior by independent draws and, with one value of thousands taken away, by a chain."""
    draw = np.random.default_rng(2)
    y = draw.multivariate_normal(np.zeros(3), SIGMA, 300)
    y[200:, 2] = np.nan
    x = np.ones((300, 1))
    gap = y.copy()
    gap[0, 1] = np.nan
    single, chain = draw_parameters(y, x, 800, seed=1), draw_parameters(gap, x, 800, seed=2, thin=2)
    assert chain.iterations == 200 + 1600
    for mine, other in ((single.coefficients, chain.coefficients), (single.covariances, chain.covariances)):
        error = np.sqrt(mine.var(axis=0) / 800 + other.var(axis=0) / 800)
        # One value of 300 moves a posterior mean by about a tenth of its deviation at most.
        assert (np.abs(mine.mean(axis=0) - other.mean(axis=0)) < 4 * error + 0.1 * mine.std(axis=0)).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_measured_values_stay_and_imputed_ones_are_near_conditional_means(trial, strategy):
    y, design = trial
    found = impute(y, design, arm="arm", strategy=strategy, imputations=150, seed=4, thin=5)
    seen = ~np.isnan(y)
    assert (found.values[:, seen] == y[seen]).all()
    assert np.isfinite(found.values).all()
    means = conditional_mean(y, design, arm="arm", strategy=strategy).values
    noise = found.values.std(axis=0) / np.sqrt(150)
    # Posterior means of small samples differ from REML by a little; imputations scatter by about 2.
    assert (np.abs(found.values.mean(axis=0) - means)[~seen] < 4 * noise[~seen] + 0.3).all()


def test_the_reference_arm_is_always_imputed_at_random(trial):
    y, design = trial
    first = impute(y, design, arm="arm", imputations=5, seed=1)
    second = impute(y, design, arm="arm", strategy="jump to reference", imputations=5, seed=1)
    np.testing.assert_array_equal(first.values[:, :30], second.values[:, :30])
    assert (first.values[:, 30:36, 2] != second.values[:, 30:36, 2]).all()
    np.testing.assert_array_equal(first.values[:, 5, 1], second.values[:, 5, 1])


def test_strategies_by_arm_and_another_reference(trial):
    y, design = trial
    mapped = impute(y, design, arm="arm", strategy={"drug": "copy reference"}, imputations=3, seed=1)
    whole = impute(y, design, arm="arm", strategy="copy reference", imputations=3, seed=1)
    np.testing.assert_array_equal(mapped.values, whole.values)
    other = impute(
        y, design, arm="arm", strategy="jump to reference", reference="drug", imputations=3, seed=1
    )
    assert other.outcomes.reference == "drug"
    assert list(other.ancova().estimates.names) == ["placebo - drug", "placebo", "drug"]


def test_seeds_make_numbers_and_nothing_else_does(trial):
    y, design = trial
    first, again = (impute(y, design, arm="arm", imputations=4, seed=9) for _ in range(2))
    np.testing.assert_array_equal(first.values, again.values)
    assert (impute(y, design, arm="arm", imputations=4, seed=10).values != first.values).any()


@pytest.mark.parametrize("covariance", ["common", "by arm"])
def test_jump_to_reference_is_between_nothing_and_missing_at_random(trial, covariance):
    """The drug lowers values: jumping to placebo loses part of its effect."""
    y, design = trial
    settings = {"arm": "arm", "imputations": 100, "seed": 2, "covariance": covariance}
    random = impute(y, design, **settings).ancova()["drug - placebo"].value
    jump = impute(y, design, strategy="jump to reference", **settings).ancova()["drug - placebo"].value
    assert random < jump < 0


def test_complete_outcomes_give_the_plain_analysis(trial):
    _, design = trial
    y = np.random.default_rng(3).normal(size=(60, 3))
    found = impute(y, design, arm="arm", imputations=3).ancova(1)["drug - placebo"]
    plain = linear_model(y[:, 1], design).coefficients["arm[drug]"]
    assert (found.value, found.standard_error) == pytest.approx((plain.value, plain.standard_error), rel=1e-9)
    single = conditional_mean(y, design, arm="arm")
    assert single.ancova(1)["drug - placebo"].value == pytest.approx(plain.value, rel=1e-9)


def test_values_after_a_deviation_do_not_enter_the_model(trial):
    y, design = trial
    deviation = np.full(60, 3)
    deviation[50:] = 2
    kept = y.copy()
    kept[50:, 2] += 1000
    found = impute(kept, design, arm="arm", strategy="jump to reference", deviation=deviation, imputations=5)
    assert np.abs(found.values[:, 30:36, 2]).max() < 100
    data = incomplete_outcomes(kept, design, arm="arm", strategy="jump to reference", deviation=deviation)
    assert np.isnan(data.model_values[50:, 2]).all()
    assert (data.values[50:, 2] > 900).all()


def test_the_first_missing_visit_that_nothing_follows_is_the_deviation(trial):
    y, design = trial
    y = y.copy()
    y[0] = np.nan
    data = incomplete_outcomes(y, design, arm="arm")
    assert data.deviation[[0, 1, 3, 5, 30, 36]].tolist() == [0, 3, 2, 3, 2, 1]


def test_delta_adjustment_moves_what_it_should(trial):
    y, design = trial
    found = impute(y, design, arm="arm", imputations=3)
    moved = found.shifted([0.0, 1.0, 2.0], arm="drug").values - found.values
    np.testing.assert_allclose(moved[:, 36], np.tile([0, 1, 2], (3, 1)), rtol=1e-12)
    assert not moved[:, :30].any()
    assert not (found.shifted(5.0).values - found.values)[:, 5].any()  # a gap between visits is at random
    assert (found.shifted(5.0, intermittent=True).values - found.values)[0, 5, 1] == pytest.approx(5)


def test_a_shift_moves_the_difference_by_its_share_of_missing_values(trial):
    y, design = trial
    unadjusted = design_matrix({"arm": design.columns["arm"]}, reference={"arm": "placebo"})
    found = impute(y, unadjusted, arm="arm", imputations=20)
    before, after = found.ancova(), found.shifted(3.0, arm="drug").ancova()
    assert after["drug - placebo"].value - before["drug - placebo"].value == pytest.approx(
        3 * 10 / 30, rel=1e-9
    )


def test_tipping_point_is_where_the_p_value_is_alpha(trial):
    y, design = trial
    found = impute(y, design, arm="arm", imputations=50, seed=1)
    tip = tipping_point(found, [0, 5, 10, 15, 20], arm="drug")
    assert np.isfinite(tip.tipping)
    assert found.shifted(tip.tipping, arm="drug").ancova()["drug - placebo"].p_value == pytest.approx(
        0.05, abs=1e-6
    )
    assert np.isnan(tipping_point(found, [0, 0.01], arm="drug").tipping)
    with pytest.raises(UnderstudyError, match="two deltas"):
        tipping_point(found, [1.0], arm="drug")


def test_rubins_rules_by_hand():
    """Barnard & Rubin 1999, written out for M = 5."""
    q, u = np.array([1.0, 1.4, 0.8, 1.1, 1.2]), np.array([0.2, 0.25, 0.22, 0.21, 0.24])
    between, within = q.var(ddof=1), u.mean()
    total = within + 1.2 * between
    share = 1.2 * between / total
    old, observed = 4 / share**2, 31 / 33 * 30 * (1 - share)
    found = pool(["x"], q[:, None], u[:, None], complete_degrees_of_freedom=30)
    assert found["x"].standard_error == pytest.approx(np.sqrt(total), rel=1e-12)
    assert found["x"].degrees_of_freedom == pytest.approx(1 / (1 / old + 1 / observed), rel=1e-12)
    assert found.missing_information[0] == pytest.approx(share, rel=1e-12)
    assert pool(["x"], q[:, None], u[:, None])["x"].degrees_of_freedom == pytest.approx(old, rel=1e-12)
    with pytest.raises(UnderstudyError, match="two or more"):
        pool(["x"], [[1.0]], [[1.0]])


def test_the_jackknife_is_that_of_fits_without_each_patient(trial):
    y, design = trial
    found = conditional_mean(y, design, arm="arm", strategy="jump to reference")
    for patient in (5, 32, 59):
        kept = np.arange(60) != patient
        again = conditional_mean(y[kept], design.select(kept), arm="arm", strategy="jump to reference")
        np.testing.assert_allclose(found.leave_one_out[patient], again.estimates, atol=1e-7)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strategy": "last value"}, "strategy 'last value'"),
        ({"strategy": {"both": "copy reference"}}, "arm 'both'"),
        ({"reference": "both"}, "unknown level"),
        ({"covariance": "by site"}, "unknown covariance"),
        ({"imputations": 1}, "two imputations or more"),
        ({"deviation": np.full(60, 4)}, "no such visit"),
        ({"deviation": np.zeros(3)}, "one whole number a patient"),
    ],
)
def test_impossible_settings_are_refused(trial, change, said):
    y, design = trial
    with pytest.raises(UnderstudyError) as refused:
        impute(y, design, **({"arm": "arm"} | change))
    assert said in str(refused.value)


def test_bad_outcomes_are_refused(trial):
    y, design = trial
    infinite = y.copy()
    infinite[4, 1] = np.inf
    with pytest.raises(DataError, match="row 4, column 2: infinite outcome"):
        impute(infinite, design, arm="arm")
    nobody = y.copy()
    nobody[:, 2] = np.nan
    with pytest.raises(DataError, match="column 3: nobody was measured"):
        impute(nobody, design, arm="arm")
    one_arm = y.copy()
    one_arm[30:, 2] = np.nan
    with pytest.raises(UnderstudyError, match="an arm or level without any"):
        impute(one_arm, design, arm="arm")
    with pytest.raises(UnderstudyError, match="two visits or more"):
        impute(y[:, :1], design, arm="arm")
