"""What is written as SBML is valid, has consistent units, and simulates alike when it is read again."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import Event, FormatError, Model, load_model, save, simulate
from understudy.core.grammar import FUNCTIONS
from understudy.engine.parameters import structural
from understudy.formats.sbml.unit_definitions import UnitDefinitions
from understudy.formats.sbml.unit_labels import UnitLabels
from understudy.formats.sbml.writer import write
from understudy.library.catalogue import names
from understudy.model.parts import Assignment, Output, State

libsbml = pytest.importorskip("libsbml")

TIMES = [0, 1, 2, 5, 10]
TANK = Model(
    "tank", "h", {"k": (0.4, "1/h"), "low": (20, "mg"), "n": (0, "1")}, {"A": ("mg", 100)}, {"A": "-k * A"},
    outputs={"A": ("A", "mg"), "share": ("A / 100[mg]", "1"), "n": ("n", "1")},
    events=(
        Event("refill", "A < low", {"A": "A + 50[mg]", "n": "n + 1"}, delay="0.5[h]", initial_value=False),
        Event("stop", "n >= 2", {"k": 0}, persistent=False, from_trigger_time=False, priority="n"),
    ),
)  # fmt: skip


def read(text: str, tmp_path):
    path = tmp_path / "model.xml"
    path.write_text(text, encoding="utf-8")
    return load_model(path)


def complaints(text: str) -> list[str]:
    document = libsbml.readSBMLFromString(text)
    document.checkConsistency()
    found = [document.getError(k) for k in range(document.getNumErrors())]
    return [each.getMessage() for each in found if each.getSeverity() >= libsbml.LIBSBML_SEV_WARNING]


def require_alike(model: Model, again: Model, times) -> None:
    before, after = simulate(model, times=times), simulate(again, times=times)
    for name in model.output_names:
        # Equations are the same; a solver may take another way where the model is written otherwise.
        np.testing.assert_allclose(after[name].values, before[name].values, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", names())
def test_library_models_come_back(name, tmp_path):
    model = structural(load_model(name))
    # Nothing happens from empty states: begin with something in each.
    model = replace(model, states=tuple(replace(state, initial="1.5") for state in model.states))
    text = write(model)
    assert complaints(text) == []
    again = read(text, tmp_path)
    assert [s.unit for s in again.states] == [_known(s.unit) for s in model.states]
    require_alike(model, again, TIMES)


def _known(unit: str) -> str:
    """A unit as it comes back: of the same size, in this package's words."""
    return {"percent": "percent"}.get(unit, unit)


def test_events_come_back(tmp_path):
    again = read(write(TANK), tmp_path)
    assert [event.name for event in again.events] == ["refill", "stop"]
    first, second = again.events
    assert (first.initial_value, first.persistent, first.from_trigger_time) == (False, True, True)
    assert (second.initial_value, second.persistent, second.from_trigger_time) == (True, False, False)
    assert (str(first.delay), str(second.priority)) == ("0.5", "n")
    require_alike(TANK, again, np.linspace(0, 20, 41))


def test_every_function_comes_back(tmp_path):
    x = 0.3
    functions = sorted({name for name, each in FUNCTIONS.items() if each.most == 1} - {"lgamma"})
    items = [Assignment(f"f_{name}", f"{name}(x)") for name in functions]
    items += [
        Assignment("a", "where(x < 1 and not x > 2, min(x, 2, 3), 5)"),
        Assignment("b", "piecewise(1, x > 1, 2, 0 < x <= 1, 3)"),
        Assignment("c", "max(x, 1) ** 2 / pi - 1e-30 * t"),
    ]
    outputs = tuple(Output(f"out_{item.name}", item.name) for item in items)
    model = Model("all", "h", {"x": x}, (State("S", "1", "x"),), ("-S",), (), outputs, tuple(items))
    again = read(write(model), tmp_path)
    require_alike(model, again, [0, 1])


def test_what_sbml_cannot_say_is_refused():
    with pytest.raises(FormatError, match="not the differences between patients"):
        write(load_model("phenobarbital_neonates"))
    gamma = Model("g", "h", {"k": 1.0}, {"A": "1"}, {"A": "-lgamma(k) * A"})
    with pytest.raises(FormatError, match="no function lgamma"):
        write(gamma)


def test_nothing_is_written_where_something_is_refused(tmp_path):
    with pytest.raises(FormatError):
        save(load_model("phenobarbital_neonates"), tmp_path / "model.xml")
    with pytest.raises(FormatError, match=r"cannot be written as \.doc"):
        save(TANK, tmp_path / "model.doc")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "mg",
        "mg/L",
        "mL/min",
        "1/h",
        "umol/L",
        "10^9/L",
        "percent",
        "d",
        "wk",
        "kg*m**2/s**2",
        "mg/m**2",
        "kg",
    ],
)
def test_units_come_back(text):
    definitions = UnitDefinitions()
    identifier = definitions.identifier(text)
    model = Model(
        "u",
        text if text in ("d", "wk") else "h",
        {"p": (1, text)},
        {"A": "1"},
        {"A": "p * 0"},
        units_are_labels=True,
    )
    document = libsbml.readSBMLFromString(write(model))
    labels = UnitLabels.__new__(UnitLabels)
    labels.model = document.getModel()
    assert labels._text(identifier) == text
