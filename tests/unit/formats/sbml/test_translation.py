"""What an SBML model means here: quantities, names, and constructs whose solution is known in closed form."""

import numpy as np
import pytest
from sbml_text import document, listed, math, parameter, rule

from understudy import FormatError, load, simulate

# The engine's own tolerance, with what adds up over some steps.
CLOSE = 1e-6


def values(model, times, *names, **more):
    outcome = simulate(model, times=times, outputs=names, **more)
    outcome.raise_failures()
    return [outcome[name].values[0] for name in names]


def test_a_species_is_a_concentration_and_its_state_an_amount(antimony):
    model = antimony("model m; compartment V = 2; species S in V; S -> ; V*k*S; S = 5; k = 0.3; end")
    assert model.state_names == ("S_amount",)
    assert model.output_names == ("S", "_J0", "S_amount")
    level, amount = values(model, [0, 2], "S", "S_amount")
    np.testing.assert_allclose(level, [5, 5 * np.exp(-0.6)], rtol=CLOSE)
    np.testing.assert_allclose(amount, 2 * level, rtol=1e-12)


def test_a_species_of_substance_only_is_an_amount(antimony):
    model = antimony(
        "model m; compartment V = 2; substanceOnly species S in V; S -> ; k*S; S = 5; k = 0.3; end"
    )
    level, amount = values(model, [0, 2], "S_concentration", "S")
    np.testing.assert_allclose(amount, [5, 5 * np.exp(-0.6)], rtol=CLOSE)
    np.testing.assert_allclose(level, amount / 2, rtol=1e-12)


def test_a_compartment_that_grows_dilutes(antimony):
    model = antimony("model m; compartment V = 1; species S in V; V' = 1; S = 6; end")
    level, volume = values(model, [0, 1, 2], "S", "V")
    np.testing.assert_allclose(volume, [1, 2, 3], rtol=CLOSE)
    np.testing.assert_allclose(level, [6, 3, 2], rtol=CLOSE)


def test_a_rate_rule_of_a_concentration_in_a_compartment_that_grows(antimony):
    model = antimony("model m; compartment V = 1; species $S in V; V' = 1; S' = 2; S = 6; end")
    level, amount = values(model, [0, 1], "S", "S_amount")
    np.testing.assert_allclose(level, [6, 8], rtol=CLOSE)
    np.testing.assert_allclose(amount, [6, 16], rtol=CLOSE)


def test_an_event_assigns_by_the_volume_before_it(antimony):
    text = "model m; compartment V = 1; species S in V; S = 1; at (time > 1): V = 5, S = 3; end"
    level, amount = values(antimony(text), [0, 2], "S", "S_amount")
    np.testing.assert_allclose(amount, [1, 3], rtol=1e-12)
    np.testing.assert_allclose(level, [1, 0.6], rtol=1e-12)


def test_initial_assignments_follow_parameters(antimony):
    model = antimony("model m; k = 2; x = 3*k; y = x + 1; x' = -x; y' = 1; z = y*2; end")
    assert values(model.with_values(k=10), [0], "x", "y") == [30, 31]
    assert float(model.ordered_assignments[0].expression.evaluate({"k": 10})) == 62


def test_initial_assignments_follow_what_events_change(antimony):
    model = antimony("model m; k = 2; var k; x = 3*k; x' = 0*x; at (time > 1): k = 7; end")
    assert model.parameter_names == ("k_start",)
    x, k = values(model.with_values(k_start=10), [0, 2], "x", "k")
    assert (x.tolist(), k.tolist()) == ([30, 30], [10, 7])


def test_local_parameters_are_their_reactions_own(sbml):
    reactions = [
        f'<reaction id="{name}" reversible="false"><listOfProducts>'
        f'<speciesReference species="{species}" stoichiometry="1" constant="true"/></listOfProducts>'
        f"<kineticLaw>{math('<ci>k</ci>')}"
        f'<listOfLocalParameters><localParameter id="k" value="{value}"/></listOfLocalParameters>'
        "</kineticLaw></reaction>"
        for name, species, value in (("J1", "A", 2), ("J2", "B", 3))
    ]
    species = [
        f'<species id="{each}" compartment="C" initialAmount="0" hasOnlySubstanceUnits="true" '
        'boundaryCondition="false" constant="false"/>'
        for each in "AB"
    ]
    model = sbml(
        document(
            listed("Compartments", '<compartment id="C" size="1" constant="true"/>')
            + listed("Species", *species)
            + listed("Reactions", *reactions)
        )
    )
    assert {"J1_k", "J2_k"} <= set(model.parameter_names)
    a, b = values(model, [0, 2], "A", "B")
    np.testing.assert_allclose([a[1], b[1]], [4, 6], rtol=CLOSE)


def test_identifiers_that_equations_cannot_use_get_an_underscore(sbml):
    names = ("lambda", "exp", "t", "time", "fine")
    model = sbml(document(listed("Parameters", *(parameter(name, k) for k, name in enumerate(names)))))
    assert model.parameter_names == ("lambda_", "exp_", "t_", "time_", "fine")


def test_an_algebraic_rule_determines_what_is_left(antimony, sbml):
    content = "<apply><minus/><apply><times/><ci>k</ci><ci>y</ci></apply><ci>x</ci></apply>"
    text = document(
        listed("Parameters", parameter("k", 4), parameter("x", 8, False), parameter("y", constant=False))
        + listed("Rules", f"<algebraicRule>{math(content)}</algebraicRule>", rule("rate", "x", "<cn>2</cn>"))
    )
    model = sbml(text)
    assert str(model.assignments[0].expression) == "x / k"
    np.testing.assert_allclose(values(model, [0, 2], "y")[0], [2, 3], rtol=CLOSE)


FAST = (
    '<reaction id="J" reversible="true" fast="true"><listOfReactants>'
    '<speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants><listOfProducts>'
    '<speciesReference species="B" stoichiometry="1" constant="true"/></listOfProducts>'
    "<kineticLaw>{}</kineticLaw></reaction>"
)
BALANCE = "<apply><minus/><apply><times/><cn>3</cn><ci>A</ci></apply><ci>B</ci></apply>"
SLOW = (
    '<reaction id="out" reversible="false" fast="false"><listOfReactants>'
    '<speciesReference species="B" stoichiometry="1" constant="true"/></listOfReactants>'
    "<kineticLaw>" + math("<apply><times/><cn>0.4</cn><ci>B</ci></apply>") + "</kineticLaw></reaction>"
)


def fast_model(law: str, more: str = "") -> str:
    species = [
        f'<species id="{name}" compartment="C" initialAmount="{amount}" hasOnlySubstanceUnits="true" '
        'boundaryCondition="false" constant="false"/>'
        for name, amount in (("A", 4), ("B", 0))
    ]
    return document(
        listed("Compartments", '<compartment id="C" size="1" constant="true"/>')
        + listed("Species", *species)
        + listed("Reactions", FAST.format(math(law)), SLOW)
        + more,
        version=1,
    )


def test_a_fast_reaction_is_at_equilibrium(sbml):
    """B is three quarters of the whole, which leaves by 0.4 B."""
    a, b = values(sbml(fast_model(BALANCE)), [0, 1, 2], "A", "B")
    whole = 4 * np.exp(-0.3 * np.arange(3))
    np.testing.assert_allclose(a, whole / 4, rtol=CLOSE)
    np.testing.assert_allclose(b, 3 * whole / 4, rtol=CLOSE)


def test_an_event_on_a_fast_reaction_is_followed_by_equilibrium(sbml):
    trigger = math(
        "<apply><gt/><csymbol encoding='text' definitionURL='http://www.sbml.org/sbml/symbols/time'>t</csymbol><cn>1</cn></apply>"
    )
    event = (
        f'<event useValuesFromTriggerTime="true"><trigger initialValue="true" persistent="true">{trigger}</trigger>'
        f'<listOfEventAssignments><eventAssignment variable="A">{math("<cn>10</cn>")}</eventAssignment>'
        "</listOfEventAssignments></event>"
    )
    a, b = values(sbml(fast_model(BALANCE, listed("Events", event))), [1, 2], "A", "B")
    before = 3 * np.exp(-0.3)
    whole = (10 + before) * np.exp(-0.3)
    np.testing.assert_allclose([a[1], b[1]], [whole / 4, 3 * whole / 4], rtol=CLOSE)


def test_fast_reactions_without_a_known_equilibrium_are_refused(sbml):
    runaway = "<apply><times/><cn>3</cn><ci>B</ci></apply>"
    with pytest.raises(FormatError, match="lead to no equilibrium"):
        sbml(fast_model(runaway))
    with pytest.raises(FormatError, match="not linear in A"):
        sbml(fast_model("<apply><times/><ci>A</ci><ci>A</ci></apply>"))


def test_a_constant_species_takes_part_at_the_boundary_only(sbml):
    flag = 'boundaryCondition="false" constant="{}"/>'.format
    text = fast_model(BALANCE).replace(flag("false"), flag("true"), 1)
    with pytest.raises(FormatError, match="the reaction changes A, which is constant"):
        sbml(text)


def test_a_delayed_quantity_is_what_it_was(antimony):
    model = antimony("model m; x' = -0.5*x; x = 4; tau = 1.5; y := delay(x, tau); end")
    times = np.array([0, 1, 2, 4.0])
    was = 4 * np.exp(-0.5 * np.maximum(times - 1.5, 0))
    np.testing.assert_allclose(values(model, times, "y")[0], was, rtol=CLOSE)
    later = 4 * np.exp(-0.5 * np.maximum(times - 3, 0))
    np.testing.assert_allclose(values(model.with_values(tau=3), times, "y")[0], later, rtol=CLOSE)


def test_events_are_delayed_with_what_they_change(antimony):
    text = "model m; x = 1; x' = 0*x; at (time > 1): x = 5; y := delay(x, 2); at (y > 3): z = 9; z = 0; end"
    y, z = values(antimony(text), [0, 2.5, 3.5], "y", "z")
    assert (y.tolist(), z.tolist()) == ([1, 1, 5], [0, 0, 9])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x' = -delay(x, 1); x = 1", "depends on itself some time ago"),
        ("x' = -x; x = 1; y := delay(x, time/2)", "the delay changes with time"),
        ("x' = -x; x = 1; y := delay(x, -1)", "the delay is negative"),
        ("x' = k; x = 1; const k", "k has no value, and the rate of x needs it"),
        ("species S; J: -> S; ; S = 1", "no kinetic law"),
    ],
)
def test_refused(antimony, text, told):
    with pytest.raises(FormatError, match=told):
        antimony(f"model m; {text}; end")


def test_circles_are_refused(sbml):
    parameters = listed("Parameters", parameter("x", constant=False), parameter("y", constant=False))
    circle = listed("Rules", rule("assignment", "x", "<ci>y</ci>"), rule("assignment", "y", "<ci>x</ci>"))
    with pytest.raises(FormatError, match="circular assignments: x → y → x"):
        sbml(document(parameters + circle))
    starts = [
        f'<initialAssignment symbol="{a}">{math(f"<ci>{b}</ci>")}</initialAssignment>'
        for a, b in ("xy", "yx")
    ]
    moving = listed("Rules", rule("rate", "x", "<cn>1</cn>"), rule("rate", "y", "<cn>1</cn>"))
    with pytest.raises(FormatError, match="depend on one another: x → y → x"):
        sbml(document(parameters + listed("InitialAssignments", *starts) + moving))


def test_engines_agree(antimony):
    text = """
    model m
      compartment V = 2; species A in V, B in V
      A -> B; V*k*A/(1 + A); B -> ; V*0.2*B*(time + 1)^0.5
      A = 3; B = 0; k = 0.8
      at 0.5 after (B > 0.6): A = A + 2
    end
    """
    model = antimony(text)
    found = [values(model, [0, 1, 2, 5], "A", "B", engine=engine) for engine in ("kernel", "reference")]
    np.testing.assert_allclose(found[0], found[1], rtol=CLOSE)


def test_units_are_labels(antimony):
    text = (
        "model m; unit time_unit = 3600 second; unit volume = litre; unit substance = 1e-3 mole; "
        "compartment V = 2; species S in V; S -> ; V*k*S; S = 5; k = 0.3; end"
    )
    model = antimony(text)
    units = {output.name: output.unit for output in model.outputs}
    assert (model.time_unit, units["S"], units["S_amount"]) == ("h", "mmol/L", "mmol")
    model.check_units()
    outcome = simulate(model, regimen="4 mmol via S", times=[0])
    assert outcome["S"].values[0, 0] == 7


def test_flux_balance_is_solved(antimony, sbml):
    pytest.importorskip("libsbml")
    space = 'xmlns:fbc="http://www.sbml.org/sbml/level3/version1/fbc/version2" fbc:required="false"'
    reaction = (
        '<reaction id="{}" reversible="false" fast="false" fbc:lowerFluxBound="low" fbc:upperFluxBound="{}">'
        '<listOf{}s><speciesReference species="A" stoichiometry="{}" constant="true"/></listOf{}s></reaction>'
    ).format
    text = document(
        listed("Compartments", '<compartment id="C" size="1" constant="true"/>')
        + listed(
            "Species",
            '<species id="A" compartment="C" hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"/>',
        )
        + listed("Parameters", parameter("low", 0), parameter("most", 10), parameter("much", 1000))
        + listed(
            "Reactions",
            reaction("uptake", "most", "Product", 1, "Product"),
            reaction("growth", "much", "Reactant", 2, "Reactant"),
        )
        + '<fbc:listOfObjectives fbc:activeObjective="obj"><fbc:objective fbc:id="obj" fbc:type="maximize">'
        '<fbc:listOfFluxObjectives><fbc:fluxObjective fbc:reaction="growth" fbc:coefficient="1"/>'
        "</fbc:listOfFluxObjectives></fbc:objective></fbc:listOfObjectives>",
        version=1,
        more=space,
    ).replace('<model id="m">', '<model id="m" fbc:strict="true">')
    assert sbml(text).solve() == {"uptake": 10.0, "growth": 5.0, "obj": 5.0}


LEVEL_1 = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level1" level="1" version="2">
  <model name="old">
    <listOfCompartments><compartment name="C"/><compartment name="D" volume="4"/></listOfCompartments>
    <listOfSpecies>
      <species name="A" compartment="C" initialAmount="6"/>
      <species name="B" compartment="D" initialAmount="8" boundaryCondition="true"/>
    </listOfSpecies>
    <listOfParameters>
      <parameter name="k" value="0.5"/><parameter name="grown" value="1"/><parameter name="free"/>
      <parameter name="twice" value="0"/>
    </listOfParameters>
    <listOfRules>
      <parameterRule name="grown" formula="0.25" type="rate"/>
      <parameterRule name="twice" formula="2 * A"/>
      <compartmentVolumeRule compartment="D" formula="1" type="rate"/>
      <algebraicRule formula="free - 3 * k"/>
    </listOfRules>
    <listOfReactions>
      <reaction name="J" reversible="false">
        <listOfReactants><speciesReference species="A"/></listOfReactants>
        <kineticLaw formula="k * A"/>
      </reaction>
    </listOfReactions>
  </model>
</sbml>
"""


def test_in_level_1_rules_change_parameters_and_compartments(tmp_path):
    # Level 1 declares nothing constant.
    (tmp_path / "old.xml").write_text(LEVEL_1)
    model = load(tmp_path / "old.xml")
    a, grown, twice, free, size, level = values(model, [0, 2], "A", "grown", "twice", "free", "D", "B")
    np.testing.assert_allclose(a, [6, 6 * np.exp(-1)], rtol=CLOSE)
    np.testing.assert_allclose(grown, [1, 1.5], rtol=CLOSE)
    np.testing.assert_allclose(twice, 2 * a, rtol=1e-12)
    np.testing.assert_allclose(free, [1.5, 1.5], rtol=1e-12)
    np.testing.assert_allclose(size, [4, 6], rtol=CLOSE)
    # The same amount in a compartment that grows.
    np.testing.assert_allclose(level, [2, 8 / 6], rtol=CLOSE)
