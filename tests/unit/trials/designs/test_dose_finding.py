"""Dose finding: published boundaries and contrasts, exact probabilities, behaviour of simulated trials."""

from __future__ import annotations

import numpy as np
import pytest

from understudy import trials
from understudy.core.errors import SimulationError
from understudy.trials.designs import (
    BinaryPatients,
    Boin,
    Conduct,
    ContinualReassessment,
    ContinuousPatients,
    DoseEscalation,
    DoseRanging,
    Dropout,
    Keyboard,
    ThreePlusThree,
    contrast_test,
    fit_dose_response,
    mcp_mod,
    optimal_contrasts,
    skeleton,
)
from understudy.trials.designs.dose_escalation import STOP, isotonic
from understudy.trials.designs.dose_response import emax, exponential, linear, linear_log, quadratic
from understudy.trials.designs.mcp_mod import critical_value

STEEP = BinaryPatients(
    {f"dose {number}": p for number, p in enumerate((0.05, 0.12, 0.27, 0.45, 0.6), start=1)}
)


def test_boin_boundaries_of_liu_and_yuan():
    """J R Stat Soc C 64, 507 (2015), table 1; the last digit is at times cut off there (0.3585 is given as 0.358)."""
    table = {
        0.15: (0.118, 0.179),
        0.20: (0.157, 0.238),
        0.25: (0.197, 0.298),
        0.30: (0.236, 0.358),
        0.35: (0.276, 0.419),
        0.40: (0.316, 0.479),
    }
    for target, (low, high) in table.items():
        rule = Boin(target)
        assert (rule.escalate, rule.de_escalate) == pytest.approx((low, high), abs=0.9e-3)


def test_boin_moves_and_gives_doses_up():
    rule, at = Boin(0.3), np.array([1] * 4)
    toxic = np.array([[0, 0, 0], [0, 1, 0], [0, 2, 0], [0, 3, 0]])
    treated = np.array([[3, 3, 0]] * 4)
    assert rule.next_dose(toxic, treated, at).tolist() == [2, 1, 0, 0]
    assert rule.next_dose(np.array([[3, 0, 0]]), np.array([[3, 0, 0]]), np.array([0])).tolist() == [STOP]
    # Three of three are too toxic for good: no way back to the second dose.
    assert rule.next_dose(np.array([[0, 3, 0]]), np.array([[6, 3, 0]]), np.array([0])).tolist() == [0]


def test_isotonic_is_that_of_scikit_learn():
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(1)
    values, weights = rng.random((20, 6)), rng.integers(1, 9, (20, 6)).astype(float)
    for row, weight, found in zip(values, weights, isotonic(values, weights), strict=True):
        assert found == pytest.approx(
            IsotonicRegression().fit(np.arange(6), row, weight).predict(np.arange(6))
        )


def test_three_plus_three_by_exact_probabilities():
    """One dose: six are treated unless it is too toxic, and it is chosen with at most one toxicity (Storer 1989)."""
    p = 0.25
    found = trials.simulate_trials(
        DoseEscalation(ThreePlusThree()), {"one": BinaryPatients({"only": p})}, trials=5000, seed=1
    )
    none, one = (1 - p) ** 3, 3 * p * (1 - p) ** 2
    chosen = none * ((1 - p) ** 3 + 3 * p * (1 - p) ** 2) + one * (1 - p) ** 3
    share, error = found.rejection("one")
    assert share == pytest.approx(chosen, abs=4 * error)


def test_three_plus_three_path():
    rule = ThreePlusThree()
    toxic = np.array([[0, 2], [0, 2], [1, 0], [2, 0], [0, 0]])
    treated = np.array([[3, 3], [6, 6], [3, 0], [6, 0], [3, 6]])
    dose = np.array([1, 1, 0, 0, 1])
    assert rule.next_dose(toxic, treated, dose).tolist() == [0, STOP, 0, STOP, STOP]
    assert rule.select(toxic, treated).tolist() == [STOP, 0, STOP, STOP, 1]


def test_skeleton_has_its_indifference_intervals():
    """Lee and Cheung 2009: where dose k has target + δ, dose k - 1 has target - δ, whatever k."""
    rates = np.array(skeleton(0.06, 0.25, guess=3, doses=5))
    assert rates[2] == pytest.approx(0.25)
    for k in range(1, 5):
        power = np.log(0.31) / np.log(rates[k])
        assert rates[k - 1] ** power == pytest.approx(0.19)


@pytest.mark.parametrize("model", ["power", "logistic"])
def test_continual_reassessment_posterior_by_integration(model):
    from scipy.integrate import quad

    rule = ContinualReassessment((0.05, 0.1, 0.2, 0.35), 0.2, model=model)
    toxic, treated = np.array([[0, 0, 2, 1]]), np.array([[3, 3, 6, 3]])

    def posterior(beta):
        rates = rule.rates(np.array([beta]))[0]
        return np.prod(rates**toxic * (1 - rates) ** (treated - toxic)) * np.exp(-0.5 * (beta / 1.34) ** 2)

    mass, first = quad(posterior, -8, 6)[0], quad(lambda beta: beta * posterior(beta), -8, 6)[0]
    # The grid of 101 points has a step of 0.16; a density this smooth is summed to far more digits than that.
    assert rule.estimate(toxic, treated)[0] == pytest.approx(first / mass, abs=1e-6)


def test_continual_reassessment_skips_no_dose_and_stops():
    rule = ContinualReassessment(skeleton(0.05, 0.25, guess=4, doses=5), 0.25)
    none = np.zeros((1, 5), dtype=int)
    assert rule.next_dose(none, np.array([[3, 0, 0, 0, 0]]), np.array([0])).tolist() == [1]
    assert rule.next_dose(
        np.array([[6, 0, 0, 0, 0]]), np.array([[6, 0, 0, 0, 0]]), np.array([0])
    ).tolist() == [STOP]
    with pytest.raises(SimulationError, match="one rate for each dose"):
        rule.next_dose(np.zeros((1, 3)), np.ones((1, 3)), np.array([0]))


@pytest.mark.parametrize(
    "rule",
    [Boin(0.3), ContinualReassessment(skeleton(0.05, 0.3, guess=3, doses=5), 0.3)],
    ids=["boin", "crm"],
)
def test_model_based_rules_find_the_dose(rule):
    found = trials.simulate_trials(DoseEscalation(rule), {"steep": STEEP}, trials=800, seed=1)
    chosen = [found.rejection("steep", f"select dose {number}")[0] for number in range(1, 6)]
    assert int(np.argmax(chosen)) == 2
    assert chosen[2] > 0.5
    assert "null" not in found.runs


# MCP-Mod.


def test_optimal_contrasts_of_the_biom_example():
    """Five doses of 20 patients: contrasts printed by Bornkamp, Pinheiro and Bretz, J Stat Softw 29 (7), 2009."""
    shapes = {"linear": linear(), "emax": emax(0.2), "quadratic": quadratic(-0.854)}
    found = optimal_contrasts([0, 0.05, 0.2, 0.6, 1], shapes, [1 / 20] * 5)
    assert found[0] == pytest.approx([-0.437, -0.643, -0.574], abs=0.6e-3)
    assert found[:, 1] == pytest.approx([-0.643, -0.361, 0.061, 0.413, 0.530], abs=0.6e-3)
    assert np.allclose(found.sum(axis=0), 0)
    assert np.allclose((found**2).sum(axis=0), 1)


def test_critical_values_of_dunnett():
    correlation = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    # 2.3490 for the normal and 2.19 for 20 degrees of freedom at 5 %; the lattice is good to 0.002.
    assert critical_value(correlation) == pytest.approx(2.3490, abs=3e-3)
    assert critical_value(correlation, freedom=20, alpha=0.05) == pytest.approx(2.19, abs=6e-3)
    # Shapes that are the same are one test.
    assert critical_value(np.ones((4, 4))) == pytest.approx(1.95996, abs=3e-3)


def test_contrast_test_keeps_its_error_and_finds_the_shape():
    doses, n = [0, 0.05, 0.2, 0.6, 1], 20
    shapes = {
        "linear": linear(),
        "emax": emax(0.2),
        "exponential": exponential(0.279),
        "quadratic": quadratic(-0.854),
    }
    found = contrast_test(doses, emax(0.2)(np.array(doses)), [0.02] * 5, shapes, freedom=95)
    assert found.best == "emax"
    assert found.p_value.min() < 0.001
    assert "best emax" in repr(found)
    means = np.random.default_rng(1).normal(0, np.sqrt(1 / n), (20_000, 5))
    known = contrast_test(doses, means[0], [1 / n] * 5, shapes)
    largest = (means @ known.contrasts * np.sqrt(n)).max(axis=1)
    # Standard error 0.0011.
    assert (largest > known.critical).mean() == pytest.approx(0.025, abs=0.0044)
    with pytest.raises(SimulationError, match="shape flat"):
        optimal_contrasts(doses, {"flat": lambda dose: 0 * dose}, [1] * 5)


def test_doses_must_be_binary():
    with pytest.raises(SimulationError, match="binary"):
        trials.simulate_trials(
            DoseEscalation(Boin(0.3)), ContinuousPatients({"a": 1.0, "b": 2.0}), trials=2, seed=1
        )


# The keyboard.


def test_keyboard_by_integration():
    """The strongest key of the posterior, found by SciPy's beta distribution over the keys written out."""
    from scipy.stats import beta

    rule = Keyboard(0.3)
    assert rule.keys == pytest.approx(np.arange(0.05, 0.96, 0.1))
    for n in (3, 6, 9, 12):
        for bad in range(n + 1):
            mass = np.diff(beta(1 + bad, 1 + n - bad).cdf(np.arange(0.05, 0.96, 0.1)))
            move = int(np.sign(2 - mass.argmax()))  # the target's is the third
            toxic, treated = np.array([[0, bad, 0]]), np.array([[3, n, 0]])
            found = int(rule.next_dose(toxic, treated, np.array([1]))[0]) - 1
            gone = beta(1 + bad, 1 + n - bad).sf(0.3) > 0.95
            assert found == (-1 if gone else move), (n, bad)


def test_keyboard_finds_the_dose_as_often_as_boin():
    found = {
        type(rule).__name__: trials.simulate_trials(
            DoseEscalation(rule), {"steep": STEEP}, trials=1500, seed=1
        )
        for rule in (Boin(0.3), Keyboard(0.3))
    }
    right = [each.rejection("steep", "select dose 3")[0] for each in found.values()]
    # Yan and others 2017: much alike.
    assert right[1] == pytest.approx(right[0], abs=0.06)


# MCP-Mod: models and target doses.

# Means of 20 patients a dose in the example of Bretz, Pinheiro and Branson 2005, and what R's DoseFinding prints of it
# on its help page `MCPMod` (openpharma.github.io/DoseFinding, read in 2026): means to the digits given there.
BIOM = ([0, 0.05, 0.2, 0.6, 1], [0.3449054, 0.457, 0.8103158, 0.9344369, 0.9487114], [0.1592893**2] * 5)
SHAPES = {"linear": linear(), "emax1": emax(0.05), "emax2": emax(0.2)}


def test_tests_and_fits_of_the_biom_example():
    found = mcp_mod(*BIOM, SHAPES, effect=0.5, freedom=95)
    assert found.test.t == pytest.approx([2.972, 3.339, 3.464], abs=1.5e-3)  # a mean has three digits only
    assert found.test.p_value[0] == pytest.approx(
        0.00402, abs=0.0015
    )  # there are four shapes there, three here
    assert found.selected == "emax"
    emax_fit, line = found.fits["emax"], found.fits["linear"]
    assert list(emax_fit.parameters.values()) == pytest.approx([0.322, 0.746, 0.142], abs=0.6e-3)
    assert list(line.parameters.values()) == pytest.approx([0.492, 0.559], abs=0.6e-3)
    assert emax_fit.predict([0, 0.2, 0.4, 0.9, 1]) == pytest.approx(
        [0.3216107, 0.7578039, 0.8721944, 0.9660905, 0.9750049], abs=2e-4
    )
    # Standard errors are scaled there by each model's own residual error, 0.706 and 0.714 where ours is 0.7124.
    assert list(emax_fit.standard_errors.values()) == pytest.approx(
        np.array([0.152, 0.236, 0.180]) * 0.7124 / 0.706, rel=0.01
    )
    assert list(line.standard_errors.values()) == pytest.approx(
        np.array([0.0998, 0.1885]) * 0.7124 / 0.714, rel=5e-3
    )
    assert (line.target_dose(0.5), emax_fit.target_dose(0.5)) == pytest.approx((0.8951, 0.2886), abs=5e-4)
    assert found.target == pytest.approx(0.2886, abs=5e-4)
    assert found.low < found.target < found.high
    assert "effect 0.5 at dose 0.2886" in repr(found) or "effect 0.5 at dose 0.2887" in repr(found)


def test_statistics_of_the_glycopyrronium_example():
    """Verkindre and others 2010 as DoseFinding's article "Continuous data MCP-Mod" prints it, errors of 0.015."""
    shapes = {
        "emax1": emax(2.6), "emax2": emax(12.5), "sigmoid": emax(30.5, 3.5), "quadratic": quadratic(-0.00776),
    }  # fmt: skip
    means = [1.243, 1.317, 1.333, 1.374, 1.385]
    found = contrast_test([0, 12.5, 25, 50, 100], means, [0.015**2] * 5, shapes, freedom=295)
    assert found.t == pytest.approx([6.937000, 7.442849, 6.675739, 7.016303], abs=2e-6)
    assert found.contrasts[:, 2] == pytest.approx([-0.486, -0.439, -0.120, 0.448, 0.597], abs=0.6e-3)


def test_general_covariance_of_the_ibs_example():
    """R's DoseFinding, help page `fitMod`: adjusted means over placebo; here with a placebo of 0."""
    means = np.array([0.285, 0.297, 0.350, 0.348])
    cover = np.full((4, 4), 0.00822)
    np.fill_diagonal(cover, [0.01570, 0.01600, 0.01640, 0.01620])
    whole = np.zeros((5, 5))
    whole[0, 0], whole[1:, 1:] = 1e-12, cover
    found = fit_dose_response([0, 1, 2, 3, 4], [0.0, *means], whole, "emax")
    assert found.parameters["Emax"] == pytest.approx(0.3771, abs=2e-3)
    assert found.parameters["ED50"] == pytest.approx(0.363, abs=0.015)  # of inputs with three digits
    assert found.standard_errors["Emax"] == pytest.approx(0.152, abs=2e-3)
    # gAIC there counts two parameters, here three.
    assert found.criterion - 2 == pytest.approx(4.098, abs=5e-3)


@pytest.mark.parametrize(
    ("model", "truth"),
    [
        ("linear", lambda d: 1 + 2 * d),
        ("linear log", lambda d: 1 + 0.5 * np.log(d + 0.01)),
        ("quadratic", lambda d: 1 + 3 * d - 2 * d**2),
        ("emax", lambda d: 1 + 2 * d / (0.3 + d)),
        ("sigmoid emax", lambda d: 1 + 2 * d**3 / (0.4**3 + d**3)),
        ("exponential", lambda d: 1 + 0.5 * np.expm1(d / 0.6)),
        ("logistic", lambda d: 1 + 2 / (1 + np.exp((0.5 - d) / 0.1))),
    ],
)
def test_every_model_finds_itself_and_scipys_estimates(model, truth):
    from scipy.optimize import least_squares

    dose = np.array([0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0])
    exact = fit_dose_response(dose, truth(dose), [0.01] * 7, model)
    assert exact.sum_of_squares < 1e-6
    assert exact.predict(np.linspace(0, 1, 50)) == pytest.approx(truth(np.linspace(0, 1, 50)), abs=1e-3)
    # Noise and a covariance: the weighted sum of squares is at the least that SciPy finds from there.
    rng = np.random.default_rng(2)
    root = 0.05 * np.linalg.cholesky(0.4 + 0.6 * np.eye(7))
    means, cover = truth(dose) + root @ rng.normal(size=7), root @ root.T
    found = fit_dose_response(dose, means, cover, model)
    linear_size = 1 + len(found.model.coefficients)

    def residuals(values):
        design = found.model.design(dose, values[None, linear_size:])[0]
        return np.linalg.solve(root, means - design @ values[:linear_size])

    bounds = np.concatenate([np.tile([-np.inf, np.inf], (linear_size, 1)), found.model.bounds(1.0)])
    start = np.clip(found.estimates * 1.05 + 1e-3, *bounds.T)
    best = least_squares(residuals, start, bounds=tuple(bounds.T), xtol=1e-14, ftol=1e-14, gtol=1e-14)
    assert found.sum_of_squares == pytest.approx(2 * best.cost, rel=1e-6, abs=1e-9)
    if not found.at_limit:
        slopes = np.linalg.inv(best.jac.T @ best.jac)
        assert list(found.standard_errors.values()) == pytest.approx(np.sqrt(np.diag(slopes)), rel=0.02)


def test_a_parameter_at_its_limit_is_named():
    found = fit_dose_response([0, 1, 2, 3], [0.0, 1.0, 1.0, 1.0], [0.01] * 4, "emax")
    assert found.at_limit == ("ED50",)
    assert np.isnan(found.standard_errors["ED50"])
    assert "ED50 at a limit" in repr(found)


def test_target_doses_that_are_averaged():
    """Weights exp(-gAIC / 2), and the dose at which the weighted curve has the effect."""
    found = mcp_mod(*BIOM, SHAPES, effect=0.5, freedom=95, selection="average")
    criteria = np.array([found.fits[name].criterion for name in ("linear", "emax")])
    weight = np.exp(-0.5 * (criteria - criteria.min()))
    # The grid's least is off by less than a thousandth.
    assert list(found.weights.values()) == pytest.approx(weight / weight.sum(), abs=1e-3)
    assert found.predict(found.target)[0] - found.predict(0.0)[0] == pytest.approx(0.5, abs=1e-4)
    assert found.fits["emax"].target_dose(0.5) < found.target < found.fits["linear"].target_dose(0.5)
    largest = mcp_mod(*BIOM, SHAPES, effect=0.5, freedom=95, selection="largest t")
    assert largest.weights == {"linear": 0.0, "emax": 1.0}


def test_no_dose_response_no_target():
    found = mcp_mod(BIOM[0], [0.5, 0.4, 0.5, 0.45, 0.5], BIOM[2], SHAPES, effect=0.5)
    assert found.selected is None
    assert np.isnan(found.target)
    assert "no dose response" in repr(found)
    with pytest.raises(SimulationError, match="no dose response"):
        found.predict(0.5)


def test_an_effect_out_of_reach():
    found = mcp_mod(*BIOM, SHAPES, effect=3.0, freedom=95, draws=500)
    assert np.isnan(found.target)
    assert found.high == np.inf
    assert found.reached < 0.05
    assert "above the doses given" in repr(found)


def test_dose_ranging_trial():
    doses = (0.0, 0.05, 0.2, 0.6, 1.0)
    shapes = {**SHAPES, "exponential": exponential(0.28)}
    design = DoseRanging(250, doses, shapes, effect=0.5)
    truth = ContinuousPatients({f"{d:g}": 0.8 * d / (0.2 + d) for d in doses})
    found = trials.simulate_trials(design, truth, trials=2000, seed=1)
    null = found.rejection("null")
    assert null[0] == pytest.approx(0.025, abs=4 * null[1])
    runs = found.runs["alternative"]
    # Power by the multivariate normal of the contrasts, by simulation of 200,000 means with a known variance.
    means = np.array([0.8 * d / (0.2 + d) for d in doses]) + np.random.default_rng(1).normal(
        0, 1 / np.sqrt(50), (200_000, 5)
    )
    exact = ((means @ design._contrasts * np.sqrt(50)).max(axis=1) > design._critical).mean()
    power = found.rejection("alternative")
    assert power[0] == pytest.approx(exact, abs=4 * power[1] + 0.005)
    assert np.nanmedian(runs.estimate) == pytest.approx(1 / 3, abs=0.06)
    assert runs.measures["emax chosen"].mean() > runs.measures["exponential chosen"].mean()
    assert runs.measures["target found"].mean() > 0.6
    lossy = trials.simulate_trials(
        DoseRanging(250, doses, shapes, effect=0.5, follow_up=2.0), truth, trials=500, seed=1,
        conduct=Conduct(dropout=Dropout(0.4)),
    )  # fmt: skip
    assert lossy.rejection("alternative")[0] < power[0] - 0.1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mcp_mod(*BIOM, SHAPES, effect=0.0), "effect 0"),
        (lambda: mcp_mod(*BIOM, SHAPES, effect=0.5, selection="best"), "selection 'best'"),
        (lambda: mcp_mod(*BIOM, SHAPES, effect=0.5, draws=10), "10 draws"),
        (lambda: mcp_mod(*BIOM, {"own": lambda dose: dose}, effect=0.5), "no shape has a model"),
        (lambda: mcp_mod(BIOM[0], BIOM[1][:4], BIOM[2], SHAPES, effect=0.5), "4 means"),
        (lambda: mcp_mod([0, 0, 1, 2, 3], *BIOM[1:], SHAPES, effect=0.5), "each once"),
        (
            lambda: mcp_mod(BIOM[0], BIOM[1], [0.1, 0.1, 0.0, 0.1, 0.1], SHAPES, effect=0.5),
            "not positive definite",
        ),
        (lambda: mcp_mod(BIOM[0], [np.nan] * 5, BIOM[2], SHAPES, effect=0.5), "missing"),
        (lambda: mcp_mod(*BIOM, {"a": linear_log(0.1), "b": linear_log(1.0)}, effect=0.5), "offsets"),
        (lambda: fit_dose_response(*BIOM, "cubic"), "no dose-response model 'cubic'"),
        (lambda: contrast_test(*BIOM, {}), "0 shapes"),
        (lambda: emax(-1.0), "emax with -1"),
        (lambda: DoseRanging(100, (0.0, 1.0), SHAPES, effect=0.5), "doses"),
        (lambda: DoseRanging(10, (0.0, 0.5, 1.0), SHAPES, effect=0.5), "10 patients"),
        (lambda: DoseRanging(100, (0.0, 0.5, 1.0), {"a": lambda d: d}, effect=0.5), "no shapes"),
        (lambda: Keyboard(0.3, below=0.4), "Keyboard"),
        (
            lambda: trials.simulate_trials(
                DoseEscalation(ThreePlusThree(), cohort=2), STEEP, trials=1, seed=1
            ),
            "cohorts of 2",
        ),
        (lambda: ContinualReassessment((), 0.3), "skeleton"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(SimulationError, match=words):
        call()
