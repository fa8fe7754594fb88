"""Damaged model files: whatever stands in them, the answer is a model or an error of this package."""

import random
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy import UnderstudyError, load, load_model
from understudy.formats.sbml.writer import write

pytest.importorskip("libsbml")
pytest.importorskip("antimony")

LAW = '<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>k</ci><ci>A</ci></apply></math>'
REACTION = f"""<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="m" timeUnits="second">
<listOfFunctionDefinitions><functionDefinition id="f"><math xmlns="http://www.w3.org/1998/Math/MathML"><lambda>
<bvar><ci>x</ci></bvar><apply><power/><ci>x</ci><cn type="integer">2</cn></apply></lambda></math></functionDefinition>
</listOfFunctionDefinitions>
<listOfCompartments><compartment id="C" size="2" spatialDimensions="3" constant="false"/></listOfCompartments>
<listOfSpecies>
<species id="A" compartment="C" initialConcentration="5" hasOnlySubstanceUnits="false" boundaryCondition="false"
 constant="false"/>
<species id="B" compartment="C" initialAmount="0" hasOnlySubstanceUnits="true" boundaryCondition="false"
 constant="false"/>
</listOfSpecies>
<listOfParameters>
<parameter id="k" value="0.5" constant="false"/><parameter id="y" constant="false"/>
</listOfParameters>
<listOfInitialAssignments>
<initialAssignment symbol="k">{LAW.replace("<ci>k</ci>", "<cn>2</cn>")}</initialAssignment>
</listOfInitialAssignments>
<listOfRules><algebraicRule>{LAW.replace("<ci>k</ci>", "<ci>y</ci>")}</algebraicRule></listOfRules>
<listOfReactions><reaction id="J" reversible="false" fast="true"><listOfReactants>
<speciesReference id="n" species="A" stoichiometry="1" constant="false"/></listOfReactants><listOfProducts>
<speciesReference species="B" stoichiometry="2" constant="true"/></listOfProducts>
<kineticLaw>{LAW}</kineticLaw></reaction>
</listOfReactions>
<listOfEvents><event id="E" useValuesFromTriggerTime="true"><trigger initialValue="false" persistent="true">
{LAW.replace("times", "gt")}</trigger><delay>{LAW}</delay><listOfEventAssignments>
<eventAssignment variable="k">{LAW}</eventAssignment></listOfEventAssignments></event></listOfEvents>
</model></sbml>
"""
SEEDS = (REACTION, write(load_model("tmdd_full")))
WORDS = (
    "A", "B", "k", "y", "C", "J", "n", "E", "f", "x", "0", "-1", "1e400", "NaN", "INF", "true", "false", "3", "",
    "times", "plus", "lt", "piecewise", "lambda", "ci", "cn", "apply", "delay", "event", "species", "rateRule",
)  # fmt: skip


def readable(path: Path) -> None:
    """A model, or an error that says what is wrong."""
    with suppress(UnderstudyError):
        load(path)


@settings(max_examples=150, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.sampled_from(SEEDS),
    start=st.integers(0, 4000),
    length=st.integers(0, 40),
    put=st.binary(max_size=8),
)
def test_bytes(tmp_path, seed, start, length, put):
    content = seed.encode()
    path = tmp_path / "model.xml"
    path.write_bytes(content[:start] + put + content[start + length :])
    readable(path)


@settings(max_examples=400, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.sampled_from(SEEDS), number=st.integers(0, 2**32), edits=st.integers(1, 4))
def test_words(tmp_path, seed, number, edits):
    """Words of the file in place of others: mostly well-formed, mostly senseless."""
    rng = random.Random(number)
    for _ in range(edits):
        spots = list(re.finditer(r'(?<=")[^"<>]*(?=")|(?<=>)[^<>\s]+(?=<)|(?<=</)\w+|(?<=<)\w+(?=/>)', seed))
        spot = rng.choice(spots[4:])
        seed = seed[: spot.start()] + rng.choice(WORDS) + seed[spot.end() :]
    path = tmp_path / "model.xml"
    path.write_text(seed, encoding="utf-8")
    readable(path)


PIECES = (
    "model m\n", "end\n", "x", "y", "S1", " = ", " := ", "' = ", "1", "-2.5", "1e5", ";", "\n", " -> ", "species ",
    "compartment ", "at ", "(", ")", "time > 1", ": ", ", ", "+", "*", "^", "delay(x, 1)", "piecewise(1, x>2, 3)",
    "const ", "var ", "$S1", " in ", "function f(x) x end\n", "f(2)", "unit u = 3 second\n", "# c\n", "rateOf(x)",
)  # fmt: skip


# Each takes a process of its own, so there are few.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_antimony(tmp_path, pieces):
    path = tmp_path / "model.ant"
    path.write_text("".join(pieces), encoding="utf-8")
    readable(path)
