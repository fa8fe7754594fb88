"""Less common things that PEtab's tables and SBML say together, each against a solution in closed form."""

import numpy as np
import pytest
from small_problem import CONVERSION, K2, level, problem, simulated

pytest.importorskip("libsbml")
pytest.importorskip("yaml")

# Ten times what a step of the solver may err by.
EXACT = {"rel": 1e-7}

ONE = """
    parameterId parameterScale lowerBound upperBound nominalValue estimate
    sd lin 0.01 10 0.5 1
"""
ONE_2 = "parameterId lowerBound upperBound nominalValue estimate\nsd 0 10 0.5 true"


def test_a_condition_may_change_what_only_an_observable_uses(tmp_path):
    found = problem(
        tmp_path,
        1,
        observables="observableId observableFormula noiseFormula\nobs_a A+offset*observableParameter1_obs_a 0.5",
        conditions="conditionId offset\nc1 10\nc2 k2",
        measurements="""
            observableId simulationConditionId measurement time observableParameters
            obs_a c1 0.7 1 2
            obs_a c2 0.7 1 offset
        """,
    ).log_likelihood()
    assert simulated(found) == pytest.approx([level(1) + 20, level(1) + K2**2], **EXACT)


def test_in_version_1_parameters_are_those_of_the_condition_at_hand(tmp_path):
    """What an initial assignment makes of a parameter follows it from the steady state to the simulation."""
    model = """
        model source
          compartment c = 1
          species S in c
          S = 5; k = 1; m = 2 * k; d = 0.5
          J: -> S; c * m
          J2: S -> ; c * d * S
        end
    """
    found = problem(
        tmp_path, 1, model, parameters=ONE,
        observables="observableId observableFormula noiseFormula\nobs_s S sd",
        conditions="conditionId k\none 3\ntwo 1\nthree .",
        measurements="""
            observableId preequilibrationConditionId simulationConditionId measurement time
            obs_s one two 1 0
            obs_s one two 1 2
            obs_s one three 1 2
            obs_s two one 1 2
            obs_s . one 1 0
        """,
    ).log_likelihood()  # fmt: skip
    down = 4 + 8 * np.exp(-1)
    assert simulated(found) == pytest.approx([12, down, down, 12 - 8 * np.exp(-1), 5], **EXACT)


AMOUNTS = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4">
  <model id="amounts">
    <listOfCompartments><compartment id="c" size="4"/></listOfCompartments>
    <listOfSpecies>
      <species id="S" compartment="c" initialAmount="8" hasOnlySubstanceUnits="false"/>
      <species id="M" compartment="c" initialConcentration="3" hasOnlySubstanceUnits="true"/>
      <species id="F" compartment="c" initialConcentration="7" constant="true" boundaryCondition="true"/>
    </listOfSpecies>
    <listOfParameters><parameter id="k" value="0.5"/><parameter id="x" constant="false" value="1"/></listOfParameters>
    <listOfRules><rateRule variable="x"><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>k</ci></math></rateRule>
    </listOfRules>
    <listOfReactions>
      <reaction id="J" reversible="false"><listOfReactants><speciesReference species="S"/></listOfReactants>
        <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
          <apply><times/><ci>c</ci><ci>k</ci><ci>S</ci></apply></math></kineticLaw></reaction>
      <reaction id="J2" reversible="false"><listOfReactants><speciesReference species="M"/></listOfReactants>
        <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
          <apply><times/><ci>k</ci><ci>M</ci></apply></math></kineticLaw></reaction>
    </listOfReactions>
  </model>
</sbml>
"""
SEEN = "observableId observableFormula noiseFormula\ns S sd\nm M sd\nf F sd\nx_ x sd"


@pytest.mark.parametrize("old", [False, True])
def test_amounts_and_concentrations_in_a_compartment_of_another_size(tmp_path, old):
    """Level 2: an initial amount of 8 in a volume of 4, or of 2; M is an amount, of concentration 3 at the start."""
    size = 2 if old else 4
    found = problem(
        tmp_path, 1, AMOUNTS, parameters=ONE, observables=SEEN,
        conditions=f"conditionId c\none {size}",
        measurements="""
            observableId simulationConditionId measurement time
            s one 1 0
            s one 1 2
            m one 1 0
            m one 1 2
            f one 1 1
            x_ one 1 2
        """,
    ).log_likelihood()  # fmt: skip
    s, m = 8 / size, 3 * size
    assert simulated(found) == pytest.approx([s, s * np.exp(-1), m, m * np.exp(-1), 7, 2], **EXACT)


def test_starts_of_amounts_concentrations_constants_and_rate_rules(tmp_path):
    found = problem(
        tmp_path, 1, AMOUNTS, parameters=ONE, observables=SEEN,
        conditions="conditionId S M F x\none 5 6 9 10",
        measurements="""
            observableId simulationConditionId measurement time
            s one 1 2
            m one 1 2
            f one 1 1
            x_ one 1 2
        """,
    ).log_likelihood()  # fmt: skip
    assert simulated(found) == pytest.approx([5 * np.exp(-1), 6 * np.exp(-1), 9, 11], **EXACT)


def test_later_values_of_amounts_concentrations_constants_and_rate_rules(tmp_path):
    found = problem(
        tmp_path, 2, AMOUNTS, parameters=ONE_2, observables=SEEN,
        conditions="conditionId targetId targetValue\none S 5\none M M+6\none F F*2\none x x+k+time",
        experiments="experimentId time conditionId\ne 0 .\ne 3 one",
        measurements="""
            observableId experimentId measurement time
            s e 1 5
            m e 1 3
            f e 1 2
            f e 1 4
            x_ e 1 5
        """,
    ).log_likelihood()  # fmt: skip
    expected = [5 * np.exp(-1), 12 * np.exp(-1.5) + 6, 7, 14, 2.5 + 0.5 + 3 + 1]
    assert simulated(found) == pytest.approx(expected, **EXACT)


def test_time_goes_on_from_where_an_experiment_begins(tmp_path):
    model = """
        model clock
          compartment c = 1
          species S in c
          S = 1
          J: -> S; c * time
        end
    """
    found = problem(
        tmp_path, 2, model, parameters=ONE_2,
        observables="observableId observableFormula noiseFormula\ns S+time sd",
        experiments="experimentId time conditionId\ne 2 .\nf -1 .",
        measurements="""
            observableId experimentId measurement time
            s e 1 4
            s f 1 4
            s . 1 4
        """,
    ).log_likelihood()  # fmt: skip
    assert simulated(found) == pytest.approx([1 + 6 + 4, 1 + 7.5 + 4, 1 + 8 + 4], **EXACT)


def test_an_experiment_that_is_a_steady_state_alone(tmp_path):
    found = problem(
        tmp_path, 2,
        conditions="conditionId targetId targetValue\none B 2",
        experiments="experimentId time conditionId\ne -inf one",
        measurements="observableId experimentId measurement time\nobs_a e 1 inf",
    ).log_likelihood()  # fmt: skip
    assert simulated(found) == pytest.approx([3 * 0.6 / 1.4], **EXACT)


def test_a_model_in_which_nothing_is_integrated(tmp_path):
    model = """
        model algebra
          k = 2; m = k ^ 2
          y := m + time
        end
    """
    given = problem(
        tmp_path, 2, model,
        parameters="parameterId lowerBound upperBound nominalValue estimate\nk 0 10 3 true",
        observables="observableId observableFormula noiseFormula\nobs_y y 1",
        measurements="observableId experimentId measurement time\nobs_y . 10 0\nobs_y . 12 2",
    )  # fmt: skip
    found = given.log_likelihood(gradient=True)
    assert simulated(found) == pytest.approx([9, 11], rel=1e-14)
    # Both residuals are 1, and the value grows with k by 2 k.
    assert found.gradient["k"] == pytest.approx(12, rel=1e-12)


def test_steady_states_of_several_conditions_and_a_conserved_total(tmp_path):
    """Binding: A + B <-> C with totals of 1 and 2; the complex is the root of a quadratic equation."""
    model = """
        model binding
          compartment c = 1
          species A in c, B in c, C in c
          A = 1; B = 2; C = 0; on = 3; off = 0.2
          J: A + B -> C; c * (on * A * B - off * C)
        end
    """
    rows = "\n".join(f"obs_c b{k} after 1 0\nobs_c b{k} after 1 1000" for k in range(1, 4))
    found = problem(
        tmp_path, 1, model, parameters=ONE,
        observables="observableId observableFormula noiseFormula\nobs_c C sd",
        conditions="conditionId off\nb1 0.2\nb2 2\nb3 20\nafter 1",
        measurements="observableId preequilibrationConditionId simulationConditionId measurement time\n" + rows,
    ).log_likelihood()  # fmt: skip

    def bound(off):
        half = (3 + off / 3) / 2
        return half - np.sqrt(half**2 - 2)

    expected = [bound(off) for each in (0.2, 2, 20) for off in (each, 1)]
    assert simulated(found) == pytest.approx(expected, **EXACT)


def test_repeated_events_on_the_way_to_a_steady_state(tmp_path):
    """A level is set back to 3 each time it falls below 1, until at 5 this stops; it then falls to zero."""
    model = """
        model refilled
          compartment c = 1
          species S in c
          S = 2; k = 1; on = 1
          J: S -> ; c * k * S
          E1: at S < 1 && on > 0: S = 3
          E2: at time > 5: on = 0
        end
    """
    found = problem(
        tmp_path, 1, model, parameters=ONE,
        observables="observableId observableFormula noiseFormula\nobs_s S+on sd",
        measurements="""
            observableId simulationConditionId measurement time
            obs_s c0 1 4
            obs_s c0 1 inf
        """,
    ).log_likelihood()  # fmt: skip
    last = np.log(2) + 3 * np.log(3)
    assert last < 4
    assert simulated(found) == pytest.approx([3 * np.exp(-(4 - last)) + 1, 0.0], rel=1e-7, abs=1e-7)


def test_a_switch_in_time_that_conditions_set(tmp_path):
    """An input that ends at a time of each condition's own."""
    model = CONVERSION.replace("J1:", "off = 1; J0: -> A; piecewise(1, time < off, 0)\n  J1:").replace(
        "k1 * A", "0 * A"
    ).replace("k2 * B", "0 * B")  # fmt: skip
    found = problem(
        tmp_path, 1, model, parameters=ONE,
        conditions="conditionId off\nc1 2\nc2 5\nc3 50",
        measurements="""
            observableId simulationConditionId measurement time
            obs_a c1 1 10
            obs_a c2 1 10
            obs_a c3 1 10
        """,
    ).log_likelihood()  # fmt: skip
    assert simulated(found) == pytest.approx([3, 6, 11], **EXACT)
