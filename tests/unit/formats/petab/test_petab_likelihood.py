"""Likelihoods of small problems, each against a solution in closed form."""

import numpy as np
import pytest
from small_problem import CONVERSION, K1, K2, laplace, level, normal, problem, simulated

pytest.importorskip("libsbml")
pytest.importorskip("yaml")

# The solver's own tolerance is 1e-8, steady states are found to 1e-11: ten times what a step may err by.
EXACT = {"rel": 1e-7}


def test_the_smallest_problem(tmp_path):
    found = problem(tmp_path, 1).log_likelihood()
    expected = normal(0.7, level(0), 0.5) + normal(0.1, level(10), 0.5)
    assert found.log_likelihood == pytest.approx(expected, **EXACT)
    assert found.chi_square == pytest.approx(
        ((0.7 - level(0)) / 0.5) ** 2 + ((0.1 - level(10)) / 0.5) ** 2, **EXACT
    )
    assert found.log_prior is None
    assert found.log_posterior is None
    assert float(found) == found.log_likelihood
    assert simulated(found) == pytest.approx([level(0), level(10)], **EXACT)


def test_a_problem_of_version_2_without_conditions(tmp_path):
    found = problem(tmp_path, 2).log_likelihood()
    assert simulated(found) == pytest.approx([level(0), level(10)], **EXACT)


def test_parameters_in_place_of_nominal_ones(tmp_path):
    found = problem(tmp_path, 1).log_likelihood({"k1": 2.0})
    assert simulated(found) == pytest.approx([level(0), level(10, k1=2.0)], **EXACT)


@pytest.mark.parametrize(
    ("distribution", "transformation", "expected"),
    [
        ("normal", "lin", lambda m, y: normal(m, y, 0.5)),
        ("normal", "log", lambda m, y: normal(np.log(m), np.log(y), 0.5) - np.log(m)),
        ("normal", "log10", lambda m, y: normal(np.log10(m), np.log10(y), 0.5) - np.log(m * np.log(10))),
        ("laplace", "lin", lambda m, y: laplace(m, y, 0.5)),
        ("laplace", "log", lambda m, y: laplace(np.log(m), np.log(y), 0.5) - np.log(m)),
        ("laplace", "log10", lambda m, y: laplace(np.log10(m), np.log10(y), 0.5) - np.log(m * np.log(10))),
    ],
)
def test_noise_of_version_1(tmp_path, distribution, transformation, expected):
    observables = f"""
        observableId observableFormula noiseFormula observableTransformation noiseDistribution
        obs_a A 0.5 {transformation} {distribution}
    """
    found = problem(tmp_path, 1, observables=observables).log_likelihood()
    assert found.log_likelihood == pytest.approx(expected(0.7, level(0)) + expected(0.1, level(10)), **EXACT)


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ("normal", lambda m, y: normal(m, y, 0.5)),
        ("log-normal", lambda m, y: normal(np.log(m), np.log(y), 0.5) - np.log(m)),
        ("laplace", lambda m, y: laplace(m, y, 0.5)),
        ("log-laplace", lambda m, y: laplace(np.log(m), np.log(y), 0.5) - np.log(m)),
    ],
)
def test_noise_of_version_2(tmp_path, distribution, expected):
    observables = f"""
        observableId observableFormula noiseFormula noiseDistribution
        obs_a A 0.5 {distribution}
    """
    found = problem(tmp_path, 2, observables=observables).log_likelihood()
    assert found.log_likelihood == pytest.approx(expected(0.7, level(0)) + expected(0.1, level(10)), **EXACT)


def test_conditions_give_parameters_values_and_other_parameters(tmp_path):
    found = problem(
        tmp_path,
        1,
        parameters="""
            parameterId parameterScale lowerBound upperBound nominalValue estimate
            k1 log10 0.01 10 0.8 1
            k2 lin 0.01 10 0.6 1
            start_2 log 0.01 10 3 1
            start_3 lin . . 4 0
        """,
        conditions="""
            conditionId conditionName a0
            c1 one 2
            c2 two start_2
            c3 three start_3
        """,
        measurements="""
            observableId simulationConditionId measurement time
            obs_a c2 0.7 1
            obs_a c1 0.7 1
            obs_a c3 0.7 1
        """,
    ).log_likelihood()
    assert simulated(found) == pytest.approx([level(1, a0=3), level(1, a0=2), level(1, a0=4)], **EXACT)


def test_conditions_give_species_their_starts_over_initial_assignments(tmp_path):
    found = problem(
        tmp_path,
        1,
        conditions="""
            conditionId B
            c1 2
            c2 NaN
        """,
        measurements="""
            observableId simulationConditionId measurement time
            obs_a c1 0.7 1
            obs_a c2 0.7 1
        """,
    ).log_likelihood()
    assert simulated(found) == pytest.approx([level(1, b0=2), level(1)], **EXACT)


def test_conditions_give_compartments_their_sizes(tmp_path):
    """A fixed amount per time enters: its effect on the concentration goes with the size."""
    model = """
        model inflow
          compartment c = 1
          species S in c
          S = 3; k = 2
          J: -> S; k
        end
    """
    found = problem(
        tmp_path,
        1,
        model,
        parameters="""
            parameterId parameterScale lowerBound upperBound nominalValue estimate
            k lin 0 10 2 1
        """,
        observables="""
            observableId observableFormula noiseFormula
            obs_a S 1
        """,
        conditions="""
            conditionId c
            c0 4
            c1 1
        """,
        measurements="""
            observableId simulationConditionId measurement time
            obs_a c0 0 5
            obs_a c1 0 5
        """,
    ).log_likelihood()
    assert simulated(found) == pytest.approx([3 + 2 * 5 / 4, 3 + 2 * 5], **EXACT)


def test_placeholders_by_measurement(tmp_path):
    found = problem(
        tmp_path,
        1,
        parameters="""
            parameterId parameterScale lowerBound upperBound nominalValue estimate
            k1 log10 0.01 10 0.8 1
            k2 lin 0.01 10 0.6 1
            scale lin 0 10 3 1
            sd lin 0 10 0.2 1
        """,
        observables="""
            observableId observableFormula noiseFormula
            obs_a observableParameter1_obs_a*A+observableParameter2_obs_a noiseParameter1_obs_a+0.1*A
        """,
        measurements="""
            observableId simulationConditionId measurement time observableParameters noiseParameters
            obs_a c0 0.7 0 scale;1 0.5
            obs_a c0 0.1 10 2;scale sd
            obs_a c0 0.1 10 2;0 sd
        """,
    ).log_likelihood()
    a, b = level(0), level(10)
    assert simulated(found) == pytest.approx([3 * a + 1, 2 * b + 3, 2 * b], **EXACT)
    expected = normal(0.7, 3 * a + 1, 0.5 + 0.1 * a) + normal(0.1, 2 * b + 3, 0.2 + 0.1 * b)
    assert found.log_likelihood == pytest.approx(expected + normal(0.1, 2 * b, 0.2 + 0.1 * b), **EXACT)


def test_placeholders_as_declared_and_noise_that_uses_the_observable(tmp_path):
    found = problem(
        tmp_path,
        2,
        observables="""
            observableId observableFormula noiseFormula observablePlaceholders noisePlaceholders
            obs_a factor*A sd+0.1*obs_a factor sd
        """,
        measurements="""
            observableId experimentId measurement time observableParameters noiseParameters
            obs_a . 0.7 0 3 0.5
            obs_a . 0.1 10 k1 0.2
        """,
    ).log_likelihood()
    a, b = 3 * level(0), K1 * level(10)
    expected = normal(0.7, a, 0.5 + 0.1 * a) + normal(0.1, b, 0.2 + 0.1 * b)
    assert found.log_likelihood == pytest.approx(expected, **EXACT)


def test_measurements_at_steady_state(tmp_path):
    found = problem(
        tmp_path,
        1,
        measurements="""
            observableId simulationConditionId measurement time
            obs_a c0 0.7 inf
            obs_a c0 0.7 1
        """,
    ).log_likelihood()
    assert simulated(found) == pytest.approx([1.5 * K2 / (K1 + K2), level(1)], **EXACT)


BEFORE = """
    observableId preequilibrationConditionId simulationConditionId measurement time
    obs_a before after 0.7 0
    obs_a before after 0.7 1
    obs_a . after 0.7 1
"""


def test_preequilibration(tmp_path):
    found = problem(
        tmp_path, 1, conditions="conditionId k1\nbefore 0.3\nafter 0.8", measurements=BEFORE,
        parameters="""
            parameterId parameterScale lowerBound upperBound nominalValue estimate
            k2 lin 0.01 10 0.6 1
        """,
    ).log_likelihood()  # fmt: skip
    rest = 1.5 * 0.6 / 0.9
    assert simulated(found) == pytest.approx([rest, level(1, rest, 1.5 - rest), level(1)], **EXACT)


def test_preequilibration_then_one_species_set_and_one_left(tmp_path):
    found = problem(
        tmp_path,
        1,
        conditions="conditionId k1 A B\nbefore 0.3 0 2\nafter 0.8 NaN 1",
        measurements=BEFORE,
        parameters="""
            parameterId parameterScale lowerBound upperBound nominalValue estimate
            k2 lin 0.01 10 0.6 1
        """,
    ).log_likelihood()
    rest = 2 * 0.6 / 0.9
    assert simulated(found) == pytest.approx([rest, level(1, rest, 1), level(1, 1, 1)], **EXACT)


def test_several_problems_of_version_1_are_added(tmp_path):
    import yaml

    one = problem(tmp_path, 1).log_likelihood()
    path = tmp_path / "problem.yaml"
    told = yaml.safe_load(path.read_text())
    told["problems"] *= 2
    path.write_text(yaml.safe_dump(told))
    from understudy import load

    both = load(path).log_likelihood()
    assert both.log_likelihood == pytest.approx(2 * one.log_likelihood, rel=1e-12)
    assert len(both.simulations) == 2


PERIODS = """
    observableId experimentId measurement time
    obs_a e 0.7 -5
    obs_a e 0.7 0
    obs_a e 0.7 1
    obs_a e 0.7 2
    obs_a e 0.7 3
    obs_a e 0.7 inf
"""


def test_periods_follow_one_another_and_changes_last(tmp_path):
    found = problem(
        tmp_path,
        2,
        parameters="""
            parameterId lowerBound upperBound nominalValue estimate
            k2 0 10 0.6 true
            dose 0 10 2 true
        """,
        conditions="""
            conditionId targetId targetValue
            slow k1 0.3
            fast k1 k1*2
            add A A+dose
        """,
        experiments="""
            experimentId time conditionId
            e 0 fast
            e -5 slow
            e 2 add
            e 1 .
        """,
        measurements=PERIODS,
    ).log_likelihood()
    a0 = level(5, k1=0.3)
    a1 = level(1, a0, 1.5 - a0, k1=0.6)
    a2 = level(2, a0, 1.5 - a0, k1=0.6)
    a3 = level(1, a2 + 2, 1.5 - a2, k1=0.6)
    assert simulated(found) == pytest.approx([1, a0, a1, a2 + 2, a3, 3.5 / 2], **EXACT)


def test_two_conditions_at_once(tmp_path):
    found = problem(
        tmp_path,
        2,
        parameters="parameterId lowerBound upperBound nominalValue estimate\nk2 0 10 0.6 true",
        conditions="conditionId targetId targetValue\none k1 0.3\ntwo B 2",
        experiments="experimentId time conditionId\ne 0 one\ne 0 two",
        measurements="observableId experimentId measurement time\nobs_a e 0.7 1",
    ).log_likelihood()
    assert simulated(found) == pytest.approx([level(1, b0=2, k1=0.3)], **EXACT)


def test_a_steady_state_before_the_first_period(tmp_path):
    found = problem(
        tmp_path,
        2,
        parameters="parameterId lowerBound upperBound nominalValue estimate\nk2 0 10 0.6 true",
        conditions="conditionId targetId targetValue\none k1 0.3\ntwo A A/2",
        experiments="experimentId time conditionId\ne -inf one\ne 0 two",
        measurements="observableId experimentId measurement time\nobs_a e 0.7 0\nobs_a e 0.7 1",
    ).log_likelihood()
    rest = 1.5 * 0.6 / 0.9
    a0, b0 = rest / 2, 1.5 - rest
    assert simulated(found) == pytest.approx([a0, level(1, a0, b0, k1=0.3)], **EXACT)


GROWING = """
model growing
  compartment c = 2
  substanceOnly species M in c
  species S in c
  S = 3; M = 4; k = 0
  p := M
  J: S -> ; k * S
  J2: M -> ; k * M
end
"""


def test_a_compartment_that_is_resized_keeps_concentrations_and_amounts(tmp_path):
    """Of a concentration the concentration stays, of an amount the amount: PEtab 2.0, Detailed semantics."""
    found = problem(
        tmp_path,
        2,
        GROWING,
        parameters="parameterId lowerBound upperBound nominalValue estimate\nk 0 10 0 true",
        observables="observableId observableFormula noiseFormula\nobs_s S 1\nobs_m M 1\nobs_c c 1",
        conditions="conditionId targetId targetValue\nbig c 10",
        experiments="experimentId time conditionId\ne 0 .\ne 1 big",
        measurements="""
            observableId experimentId measurement time
            obs_s e 1 0
            obs_s e 1 2
            obs_m e 1 2
            obs_c e 1 0.5
            obs_c e 1 1
        """,
    ).log_likelihood()
    assert simulated(found) == pytest.approx([3, 3, 4, 2, 10], **EXACT)


def test_a_concentration_and_its_compartment_changed_at_once(tmp_path):
    found = problem(
        tmp_path,
        2,
        GROWING,
        parameters="parameterId lowerBound upperBound nominalValue estimate\nk 0 10 0 true",
        observables="observableId observableFormula noiseFormula\nobs_s S 1",
        conditions="conditionId targetId targetValue\nbig c c*5\nbig S S+1",
        experiments="experimentId time conditionId\ne 0 .\ne 1 big",
        measurements="observableId experimentId measurement time\nobs_s e 1 0\nobs_s e 1 2",
    ).log_likelihood()
    assert simulated(found) == pytest.approx([3, 4], **EXACT)


KEPT = """
model kept
  compartment c = 1
  species S in c
  S = 1; k = 1; m = 2 * k
  J: -> S; c * m
end
"""


def test_initial_assignments_are_worked_out_once(tmp_path):
    """In version 2 a later change of k leaves m = 2 k as it was at the start; the first one does not."""
    found = problem(
        tmp_path,
        2,
        KEPT,
        parameters="parameterId lowerBound upperBound nominalValue estimate\nsd 0 10 1 true",
        observables="observableId observableFormula noiseFormula\nobs_s S sd",
        conditions="conditionId targetId targetValue\none k 3\ntwo k 5\nthree m k",
        experiments="experimentId time conditionId\ne 0 one\ne 1 two\ne 2 three",
        measurements="""
            observableId experimentId measurement time
            obs_s e 1 1
            obs_s e 1 2
            obs_s e 1 3
        """,
    ).log_likelihood()
    assert simulated(found) == pytest.approx([7, 13, 18], **EXACT)


def test_several_models(tmp_path):
    fast = CONVERSION.replace("model conversion", "model fast").replace("k1 * A", "2 * k1 * A")
    found = problem(
        tmp_path,
        2,
        {"one": CONVERSION, "two": fast},
        measurements="""
            observableId experimentId measurement time modelId
            obs_a . 0.7 1 one
            obs_a . 0.7 1 two
        """,
    ).log_likelihood()
    assert simulated(found) == pytest.approx([level(1), level(1, k1=1.6)], **EXACT)


def test_a_local_parameter_by_the_mapping_table(tmp_path):
    model = """
        model local
          compartment c = 1
          species S in c
          S = 1; k = 9
          J: S -> ; c * k * S
        end
    """
    from understudy.formats.antimony import sbml_of

    law = '<listOfLocalParameters><localParameter id="k" value="9"/></listOfLocalParameters></kineticLaw>'
    text = sbml_of(model, "local").replace("</kineticLaw>", law)
    found = problem(
        tmp_path,
        2,
        text,
        parameters="parameterId lowerBound upperBound nominalValue estimate\nJ_k 0 10 0.5 true",
        mappings="petabEntityId modelEntityId\nJ_k J.k",
        observables="observableId observableFormula noiseFormula\nobs_s S 1",
        measurements="observableId experimentId measurement time\nobs_s . 1 2",
    ).log_likelihood()
    assert simulated(found) == pytest.approx([np.exp(-1)], **EXACT)


def test_observables_may_use_others_time_and_rules(tmp_path):
    model = CONVERSION.replace("J1:", "total := A + B\n  J1:")
    found = problem(
        tmp_path,
        2,
        model,
        observables="""
            observableId observableFormula noiseFormula
            obs_a A 1
            twice 2*obs_a+time+total 1
        """,
        measurements="observableId experimentId measurement time\ntwice . 0.7 1",
    ).log_likelihood()
    assert simulated(found) == pytest.approx([2 * level(1) + 1 + 1.5], **EXACT)


EVENTS = """
model switched
  compartment c = 1
  species S in c
  S = 0; k = 1; dose = 2
  J: -> S; c * k
  E1: at S > 2: k = 0.5
  E2: at time >= 5: S = S + dose
end
"""


def test_events_across_periods(tmp_path):
    """S rises by 1, from 2 on by 1/2; at 4 it is halved; at 5 the second event comes; at 6 S is set above 2 again.

    The first event fires again at 6, as its condition has become false at 4.
    """
    found = problem(
        tmp_path,
        2,
        EVENTS,
        parameters="parameterId lowerBound upperBound nominalValue estimate\ndose 0 10 0.25 true",
        observables="observableId observableFormula noiseFormula\nobs_s S 1\nobs_k k 1",
        conditions="conditionId targetId targetValue\nhalf S S/2\nback k 1\nup S 4",
        experiments="experimentId time conditionId\ne 0 .\ne 4 half\ne 4 back\ne 5 .\ne 5.25 up",
        measurements="""
            observableId experimentId measurement time
            obs_s e 1 3
            obs_s e 1 4
            obs_k e 1 4
            obs_s e 1 4.25
            obs_s e 1 5
            obs_k e 1 5.2
            obs_k e 1 5.25
            obs_s e 1 6.25
        """,
    ).log_likelihood()
    # At 5 S has reached 2.5, beyond 2 since 4.5.
    assert simulated(found) == pytest.approx([2.5, 1.5, 1, 1.75, 2.5, 0.5, 0.5, 4.5], **EXACT)


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        ("k", "c0: no steady state was found"),
        ("k * S", "c0: no steady state was found: a state became infinite or undefined"),
    ],
)
def test_an_experiment_that_never_rests_is_told(tmp_path, rate, told):
    model = f"""
        model up
          compartment c = 1
          species S in c
          S = 1; k = 1
          J: -> S; c * {rate}
        end
    """
    found = problem(
        tmp_path,
        1,
        model,
        parameters="""
            parameterId parameterScale lowerBound upperBound nominalValue estimate
            k lin 0 10 1 1
        """,
        observables="observableId observableFormula noiseFormula\nobs_s S 1",
        measurements="observableId simulationConditionId measurement time\nobs_s c0 0.7 inf",
    ).log_likelihood()
    assert found.log_likelihood == -np.inf
    assert found.messages == (told,)


def test_a_point_that_is_left_again_is_no_steady_state(tmp_path):
    """Logistic growth from almost nothing: nothing seems to change for long, but what is reached at last is 1."""
    model = """
        model growth
          compartment c = 1
          species S in c
          S = 1e-9; k = 0.1
          J: -> S; c * k * S * (1 - S)
        end
    """
    found = problem(
        tmp_path,
        1,
        model,
        parameters="""
            parameterId parameterScale lowerBound upperBound nominalValue estimate
            k lin 0 10 0.1 1
        """,
        observables="observableId observableFormula noiseFormula\nobs_s S 1",
        measurements="observableId simulationConditionId measurement time\nobs_s c0 0.7 inf",
    ).log_likelihood()
    assert simulated(found) == pytest.approx([1.0], **EXACT)


@pytest.mark.parametrize(
    ("observable", "told"),
    [
        ("A noiseParameter1_obs_a", "measurements.tsv, row 3: the scale of the noise is 0"),
        ("-A noiseParameter1_obs_a+1", "measurements.tsv, row 2: the simulated value is -1"),
        ("1/(time-10) 1", "measurements.tsv, row 2: the simulated value is -0.1"),
    ],
)
def test_measurements_without_a_likelihood_are_told(tmp_path, observable, told):
    head = "observableId observableFormula noiseFormula observableTransformation"
    both = "0.5 0" if "noiseParameter" in observable else ". ."
    first, second = both.split()
    found = problem(
        tmp_path,
        1,
        observables=f"{head}\nobs_a {observable} log",
        measurements=f"""
            observableId simulationConditionId measurement time noiseParameters
            obs_a c0 0.7 0 {first}
            obs_a c0 0.1 10 {second}
        """,
    ).log_likelihood()
    assert found.log_likelihood == -np.inf
    assert found.messages[0] == told
