"""Mixed models for repeated measurements: published fits, cases that are exact, and a slow and obvious computation."""

from __future__ import annotations

import numpy as np
import pytest
from dental_growth import AGE, CHILD, DISTANCE, DISTANCES, SEX, by_age, by_lines

from understudy.biostatistics.covariance_structure import STRUCTURES, covariance_structure
from understudy.biostatistics.design_matrix import design_matrix
from understudy.biostatistics.linear_model import linear_model
from understudy.biostatistics.mmrm import mmrm
from understudy.core.errors import DataError, UnderstudyError


def dental(design, **settings):
    return mmrm(DISTANCE, CHILD, AGE, design, **settings)


# Verbeke & Molenberghs, Linear Mixed Models for Longitudinal Data, 2000, chapter 17: models 1, 2, 4, 5, 7 and 8.
@pytest.mark.parametrize(
    ("design", "structure", "deviance"),
    [
        (by_age, "unstructured", 416.509),
        (by_lines, "unstructured", 419.477),
        (by_lines, "Toeplitz", 424.643),
        (by_lines, "AR(1)", 440.681),
        (by_lines, "compound symmetry", 428.639),
        (by_lines, "independent", 478.242),
    ],
)
def test_likelihoods_are_those_of_verbeke_and_molenberghs(design, structure, deviance):
    fit = dental(design(), structure=structure, method="ML", freedom="satterthwaite")
    assert fit.deviance == pytest.approx(deviance, abs=6e-4)  # printed with three decimals


# The same models where nine children of little growth have no measurement at age 10 (Little & Rubin 1987, Statistical
# Analysis with Missing Data, example of growth data): girls 3, 6, 9, 10 and boys 2, 5, 12, 13, 16.
@pytest.mark.parametrize(
    ("design", "structure", "deviance"),
    [
        (by_age, "unstructured", 386.957),
        (by_lines, "unstructured", 393.288),
        (by_lines, "Toeplitz", 398.030),
        (by_lines, "AR(1)", 409.523),
        (by_lines, "compound symmetry", 401.313),
        (by_lines, "independent", 441.583),
    ],
)
def test_likelihoods_of_incomplete_growth_are_those_of_verbeke_and_molenberghs(design, structure, deviance):
    y = DISTANCES.copy()
    y[[2, 5, 8, 9, 12, 15, 22, 23, 26], 1] = np.nan
    fit = mmrm(y.ravel(), CHILD, AGE, design(), structure=structure, method="ML", freedom="normal")
    assert fit.deviance == pytest.approx(deviance, abs=6e-4)
    assert (fit.observations, fit.missing) == (99, 9)


def test_unstructured_maximum_likelihood_is_that_of_proc_mixed():
    """SAS/STAT User's Guide, PROC MIXED, example of repeated measures: the same data, TYPE=UN, METHOD=ML."""
    fit = dental(by_lines(), method="ML", freedom="normal")
    found = fit.coefficients
    np.testing.assert_allclose(found.values, [15.8423, 1.5831, 0.8268, -0.3504], atol=6e-5)
    np.testing.assert_allclose(found.standard_errors, [0.9356, 1.4658, 0.07911, 0.1239], atol=6e-5)
    lower = fit.visit_covariance["all"][np.tril_indices(4)]
    printed = [5.1192, 2.4409, 3.9279, 3.6105, 2.7175, 5.9798, 2.5222, 3.0624, 3.8235, 4.6180]
    np.testing.assert_allclose(lower, printed, atol=6e-5)


def test_covariances_of_groups_are_those_of_proc_mixed():
    """The same example with TYPE=CS GROUP=GENDER: residual variances and covariances of girls and boys."""
    fit = dental(by_lines(), structure="compound symmetry", group=SEX, method="ML", freedom="normal")
    girls, boys = fit.visit_covariance["girl"], fit.visit_covariance["boy"]
    assert girls[0, 0] - girls[0, 1] == pytest.approx(0.5900, abs=6e-5)
    assert girls[0, 1] == pytest.approx(3.8804, abs=6e-5)
    assert boys[0, 0] - boys[0, 1] == pytest.approx(2.7577, abs=6e-5)
    assert boys[0, 1] == pytest.approx(2.4463, abs=6e-5)
    assert fit.deviance == pytest.approx(408.8, abs=0.05)
    assert fit.covariance_parameters == 4


@pytest.mark.parametrize("freedom", ["kenward-roger", "satterthwaite"])
@pytest.mark.parametrize("information", ["observed", "expected"])
def test_complete_data_give_students_t_at_each_visit(freedom, information):
    from scipy.stats import ttest_ind

    fit = dental(by_age(), freedom=freedom, information=information)
    found = fit.differences("sex", by=["age"])
    for at, age in enumerate(("8", "10", "12", "14")):
        test = ttest_ind(DISTANCES[:11, at], DISTANCES[11:, at])
        one = found[f"girl - boy, {age}"]
        assert one.degrees_of_freedom == pytest.approx(25, rel=1e-7)
        assert (one.statistic, one.p_value) == pytest.approx((test.statistic, test.pvalue), rel=1e-7)


def test_complete_data_give_hotellings_test_of_parallel_profiles():
    """Kenward and Roger's F of the interaction is exact: T² with 3 and 27 - 2 - 3 + 1 = 23 degrees of freedom."""
    from scipy.stats import f

    gaps = np.diff(DISTANCES, axis=1)
    girls, boys = gaps[:11], gaps[11:]
    pooled = (
        (girls - girls.mean(0)).T @ (girls - girls.mean(0)) + (boys - boys.mean(0)).T @ (boys - boys.mean(0))
    ) / 25
    apart = girls.mean(0) - boys.mean(0)
    squared = apart @ np.linalg.solve(pooled, apart) / (1 / 11 + 1 / 16)
    exact = squared * (25 - 3 + 1) / (25 * 3)
    found = {test.name: test for test in dental(by_age()).type_three()}["sex:age"]
    assert found.numerator == 3
    assert found.denominator == pytest.approx(23, rel=1e-7)
    assert found.statistic == pytest.approx(exact, rel=1e-7)
    assert found.p_value == pytest.approx(f.sf(exact, 3, 23), rel=1e-6)


def test_compound_symmetry_of_complete_data_is_the_split_plot_analysis():
    """Exact F tests of a split plot: between children with 25, within them with 75 degrees of freedom."""
    found = {test.name: test for test in dental(by_age(), structure="compound symmetry").type_three()}
    child = DISTANCES.mean(axis=1)
    between = sum(((part - part.mean()) ** 2).sum() for part in (child[:11], child[11:])) / 25
    gap = child[:11].mean() - child[11:].mean()
    assert found["sex"].statistic == pytest.approx(gap**2 / (between * (1 / 11 + 1 / 16)), rel=1e-7)
    assert found["sex"].denominator == pytest.approx(25, rel=1e-7)
    assert found["sex:age"].denominator == pytest.approx(75, rel=1e-7)
    within, means = 0.0, []
    for part in (DISTANCES[:11], DISTANCES[11:]):
        centred = part - part.mean(axis=1, keepdims=True)
        means.append(centred.mean(axis=0))
        within += ((centred - centred.mean(axis=0)) ** 2).sum() / 75
    apart = (means[0] - means[1]) @ (means[0] - means[1]) / 3 / (1 / 11 + 1 / 16)
    assert found["sex:age"].statistic == pytest.approx(apart / within, rel=1e-7)


def test_independent_visits_are_a_linear_model():
    fit, plain = dental(by_lines(), structure="independent"), linear_model(DISTANCE, by_lines())
    np.testing.assert_allclose(fit.coefficients.values, plain.coefficients.values, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, plain.covariance, rtol=1e-9)
    np.testing.assert_allclose(fit.coefficients.degrees_of_freedom, 104, rtol=1e-7)
    for mine, other in zip(fit.type_three(), plain.type_three(), strict=True):
        assert (mine.statistic, mine.denominator) == pytest.approx((other.statistic, 104), rel=1e-7)


def test_two_visits_of_one_group_are_a_paired_test():
    from scipy.stats import ttest_rel

    pair = DISTANCES[11:, :2]
    design = design_matrix({"age": np.tile([8, 10], 16)}, categories=["age"])
    found = mmrm(pair.ravel(), np.repeat(range(16), 2), np.tile([8, 10], 16), design).coefficients["age[10]"]
    test = ttest_rel(pair[:, 1], pair[:, 0])
    assert (found.statistic, found.degrees_of_freedom) == pytest.approx((test.statistic, 15), rel=1e-7)


@pytest.fixture(scope="module")
def gaps():
    """A third of later measurements taken away, some between measured ones."""
    y = DISTANCES.copy()
    gone = np.random.default_rng(4).random(y.shape) < np.array([0, 0.2, 0.3, 0.4])
    y[gone] = np.nan
    return y.ravel()


def dense(y, design, structure, natural, restricted=True):
    """Everything with one big matrix for all children: Φ, -2 log L."""
    at = ~np.isnan(y)
    x = design.matrix[at]
    block = structure.matrix(natural)
    v = np.kron(np.eye(27), block)[np.ix_(at, at)]
    inverse = np.linalg.inv(v)
    phi = np.linalg.inv(x.T @ inverse @ x)
    p = inverse - inverse @ x @ phi @ x.T @ inverse
    deviance = np.linalg.slogdet(v)[1] + y[at] @ p @ y[at] + at.sum() * np.log(2 * np.pi)
    if restricted:
        deviance += -np.linalg.slogdet(phi)[1] - len(phi) * np.log(2 * np.pi)
    return phi, deviance, x, v, inverse


def differences(function, at, step):
    """First and second derivatives of an array by central differences."""
    units = step * np.eye(len(at))
    first = [(function(at + one) - function(at - one)) / (2 * step) for one in units]
    second = [
        [
            (function(at + a + b) - function(at + a - b) - function(at - a + b) + function(at - a - b))
            / (4 * step**2)
            for b in units
        ]
        for a in units
    ]
    return np.array(first), np.array(second)


@pytest.mark.parametrize("name", ["unstructured", "heterogeneous AR(1)", "Toeplitz"])
def test_missing_visits_agree_with_a_dense_computation(gaps, name):
    design, structure = by_lines(), covariance_structure(name, 4)
    fit = mmrm(gaps, CHILD, AGE, design, structure=name)
    start = structure.natural(structure.free(fit.visit_covariance["all"]))
    phi, deviance, x, _, inverse = dense(gaps, design, structure, start)
    assert fit.deviance == pytest.approx(deviance, rel=1e-10)
    slope, _ = differences(lambda n: dense(gaps, design, structure, n)[1], start, 1e-5)
    assert (
        np.abs(slope).max() < 1e-5
    )  # rounding of the deviance, 1e-13, over the step, times ten for truncation
    _, hessian = differences(lambda n: dense(gaps, design, structure, n)[1], start, 1e-3)
    w = 2 * np.linalg.inv(hessian)
    first, second = differences(lambda n: dense(gaps, design, structure, n)[3], start, 1e-3)
    bias = np.zeros_like(phi)
    p = [-x.T @ inverse @ d @ inverse @ x for d in first]
    for i in range(len(start)):
        for j in range(len(start)):
            q = x.T @ inverse @ first[i] @ inverse @ first[j] @ inverse @ x
            r = x.T @ inverse @ second[i][j] @ inverse @ x
            bias += w[i, j] * (q - p[i] @ phi @ p[j] - r / 4)
    # Differences of differences carry five digits.
    np.testing.assert_allclose(fit.covariance, phi + 2 * phi @ bias @ phi, rtol=2e-4, atol=1e-6)
    row = np.array([0.0, 1, 0, 12])
    variance, _ = differences(lambda n: row @ dense(gaps, design, structure, n)[0] @ row, start, 1e-3)
    expected = 2 * (row @ phi @ row) ** 2 / (variance @ w @ variance)
    found = fit.contrasts({"girls at 12": row})["girls at 12"]
    assert found.degrees_of_freedom == pytest.approx(expected, rel=2e-4)
    assert fit.missing == int(np.isnan(gaps).sum())


def test_rows_that_are_left_out_are_rows_without_outcome(gaps):
    kept = ~np.isnan(gaps)
    design = by_lines()
    short = mmrm(gaps[kept], CHILD[kept], AGE[kept], design.select(kept))
    whole = mmrm(gaps, CHILD, AGE, design)
    np.testing.assert_array_equal(short.coefficients.values, whole.coefficients.values)
    assert short.observations == whole.observations == int(kept.sum())


@pytest.mark.parametrize("structure", STRUCTURES)
def test_every_structure_is_a_maximum_with_missing_visits(gaps, structure):
    """No neighbour has a larger likelihood."""
    fit = mmrm(gaps, CHILD, AGE, by_age(), structure=structure)
    shape = covariance_structure(structure, 4)
    free = shape.free(fit.visit_covariance["all"])
    draw = np.random.default_rng(0)
    for _ in range(10):
        near = shape.natural(free + 0.05 * draw.normal(size=shape.count))
        assert dense(gaps, by_age(), shape, near)[1] > fit.deviance


def test_the_order_of_rows_and_scale_of_columns_do_not_matter(gaps):
    order = np.random.default_rng(1).permutation(108)
    first = mmrm(gaps, CHILD, AGE, by_lines())
    second = mmrm(gaps[order], CHILD[order], AGE[order], by_lines().select(order))
    np.testing.assert_allclose(second.coefficients.values, first.coefficients.values, rtol=1e-7)
    months = design_matrix({"sex": SEX, "age": AGE * 1e6}, interactions=[("sex", "age")])
    third = mmrm(gaps, CHILD, AGE, months)
    assert third.coefficients.statistics == pytest.approx(first.coefficients.statistics, rel=1e-7)
    assert third.coefficients.degrees_of_freedom == pytest.approx(
        first.coefficients.degrees_of_freedom, rel=1e-6
    )


def test_satterthwaites_f_of_equal_degrees_is_theirs():
    """With complete data all contrasts have 25 degrees of freedom, so Fai and Cornelius' F has 25 too."""
    found = {test.name: test for test in dental(by_age(), freedom="satterthwaite").type_three()}
    assert found["sex:age"].denominator == pytest.approx(25, rel=1e-6)


def test_bad_input_is_refused():
    design = by_lines()
    with pytest.raises(DataError, match="two measurements at one visit"):
        mmrm(DISTANCE, CHILD, np.where(AGE == 10, 8, AGE), design)
    with pytest.raises(DataError, match="in two groups"):
        mmrm(DISTANCE, CHILD, AGE, design, group=AGE)
    with pytest.raises(UnderstudyError, match="made for REML"):
        dental(design, method="ML")
    with pytest.raises(UnderstudyError, match="unknown method 'MAP'"):
        dental(design, method="MAP")
    nobody = np.where(AGE == 14, np.nan, DISTANCE)
    with pytest.raises(DataError, match="nobody was measured"):
        mmrm(nobody, CHILD, AGE, design)
    with pytest.raises(DataError, match="row 3, column outcome"):
        mmrm(np.where(np.arange(108) == 3, np.inf, DISTANCE), CHILD, AGE, design)


def test_a_covariance_without_information_is_an_error_with_a_repair():
    """Nobody was measured at both of the last two visits: their covariance is not determined."""
    apart = np.where((AGE == 12) & (CHILD % 2 == 0), np.nan, DISTANCE)
    apart = np.where((AGE == 14) & (CHILD % 2 == 1), np.nan, apart)
    with pytest.raises(UnderstudyError, match="take a simpler structure") as refused:
        mmrm(apart, CHILD, AGE, by_age())
    assert "covariance cannot be estimated" in str(refused.value)
    assert mmrm(apart, CHILD, AGE, by_age(), structure="compound symmetry").deviance > 0


def test_an_outcome_that_does_not_vary_is_an_error():
    with pytest.raises(DataError, match="column visit 1: no residual variance"):
        mmrm(np.ones(108), CHILD, AGE, by_age())
