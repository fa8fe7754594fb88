"""Gradients of the log-likelihood, against central differences."""

import pytest
from small_problem import CONVERSION, problem

from understudy.engine.problem import Tolerances

pytest.importorskip("libsbml")
pytest.importorskip("yaml")

TIGHT = Tolerances(1e-11, 1e-13)


def require_gradient(given, gradient_is_nonzero_by=()):
    """The gradient is what differences say, on each parameter's scale."""
    found = given.log_likelihood(gradient=True, tolerances=TIGHT)
    assert tuple(found.gradient) == given.estimated
    for name, slope in found.gradient.items():
        parameter, step = given.parameters[name], 1e-4
        at = parameter.to_scale(parameter.value)
        ends = [
            given.log_likelihood({name: parameter.from_scale(at + h)}, tolerances=TIGHT).log_likelihood
            for h in (step, -step)
        ]
        # Differences of second order over 1e-4 err by 1e-8 of the third derivative, and by rounding of 1e-11 / 1e-4.
        assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-5), name
    for name in gradient_is_nonzero_by:
        assert abs(found.gradient[name]) > 1e-3, name


PARAMETERS = """
    parameterId parameterScale lowerBound upperBound nominalValue estimate
    k1 log10 0.01 10 0.8 1
    k2 log 0.01 10 0.6 1
    a0 lin 0.01 10 1.2 1
    start lin 0.01 10 2 1
    scale lin 0.01 10 3 1
    sd lin 0.01 10 0.4 1
    fixed lin . . 4 0
"""
OBSERVABLES = """
    observableId observableFormula noiseFormula observableTransformation noiseDistribution
    obs_a observableParameter1_obs_a*A^2+0.1*B noiseParameter1_obs_a+0.1*A log normal
    obs_b B sd lin laplace
"""


def test_conditions_placeholders_and_scales(tmp_path):
    given = problem(
        tmp_path,
        1,
        parameters=PARAMETERS,
        observables=OBSERVABLES,
        conditions="conditionId B\nc1 start\nc2 NaN",
        measurements="""
            observableId simulationConditionId measurement time observableParameters noiseParameters
            obs_a c1 0.7 0 scale sd
            obs_a c2 0.1 2 fixed 0.5
            obs_a c1 0.1 2 scale 0.5
            obs_b c2 0.1 1 . .
        """,
    )
    require_gradient(given, ("k1", "k2", "a0", "start", "scale", "sd"))


def test_steady_states_before_and_after(tmp_path):
    given = problem(
        tmp_path,
        1,
        CONVERSION.replace("J1: A -> B; c * k1 * A", "J1: A -> B; c * k1 * A * A"),
        parameters=PARAMETERS,
        observables="observableId observableFormula noiseFormula\nobs_a A sd\nobs_b B scale*start",
        conditions="conditionId B\nbefore start\nafter NaN",
        measurements="""
            observableId preequilibrationConditionId simulationConditionId measurement time
            obs_a before after 0.7 0
            obs_a before after 0.7 inf
            obs_b . after 0.7 inf
        """,
    )
    require_gradient(given, ("k1", "k2", "a0", "start", "scale", "sd"))


def test_periods_with_equations_and_resized_compartments(tmp_path):
    given = problem(
        tmp_path,
        2,
        parameters="""
            parameterId lowerBound upperBound nominalValue estimate
            k1 0 10 0.8 true
            size 0 10 3 true
            dose 0 10 1.5 true
        """,
        conditions="""
            conditionId targetId targetValue
            one c size
            two A A+dose*k2
            two k2 k2^2
            two c 2*c
        """,
        experiments="experimentId time conditionId\ne -inf .\ne 0 one\ne 1 two",
        observables="observableId observableFormula noiseFormula\nobs_a A+c 0.3",
        measurements="observableId experimentId measurement time\nobs_a e 3 0.5\nobs_a e 5 1\nobs_a e 5 2",
    )
    require_gradient(given, ("k1", "size", "dose"))


def test_a_gradient_where_a_value_at_the_start_is_an_equation(tmp_path):
    given = problem(
        tmp_path,
        2,
        CONVERSION.replace("A = a0", "A = a0 * k1 ^ 2").replace("b0 = 0.5", "b0 = exp(k2)"),
        observables="observableId observableFormula noiseFormula\nobs_a A+time*k1 0.3",
    )
    require_gradient(given, ("k1", "k2"))


def test_a_gradient_where_events_happen(tmp_path):
    given = problem(tmp_path, 1, CONVERSION.replace("J1:", "at A < 0.9: B = 2\n  J1:"))
    require_gradient(given, ("k1", "k2"))
