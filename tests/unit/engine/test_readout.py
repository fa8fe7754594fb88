"""Compiled outputs against the same equations by NumPy."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from understudy.core.random import normals
from understudy.engine.parameters import ParameterRows, structural
from understudy.engine.readout import evaluate, read, readout
from understudy.engine.steady import _nothing
from understudy.engine.timeline import Timeline
from understudy.library.catalogue import model as library_model
from understudy.library.catalogue import names as library_names
from understudy.model.model import Model

# 27 observations of three patients: no whole number of blocks.
COUNTS = np.array([11, 0, 16])
SEEN = COUNTS.sum()
# Functions are good to 2 units in the last place, and a fused multiplication rounds once: some 1e-15 an operation.
RELATIVE = 1e-12


def looked_at(model: Model, changing: bool = False, seed: int = 1) -> tuple:
    """Parameter rows, a timeline and states of three patients; `changing` parameters differ between observations."""
    owner = np.repeat(np.arange(3), COUNTS)
    typical = np.array([parameter.value for parameter in model.parameters])
    count = SEEN if changing else 3
    table = typical * np.exp(0.3 * normals(seed, "table", np.arange(count), typical.size))
    point = np.arange(SEEN)[::-1] if changing else owner
    states = np.exp(normals(seed, "states", np.arange(SEEN), len(model.states)))
    empty, none = np.zeros(0), np.zeros(0, dtype=np.int64)
    line = Timeline(
        np.zeros(4, dtype=np.int64), empty, none, none, empty, none, none == 1, none == 1,
        np.r_[0, np.cumsum(COUNTS)], np.linspace(0.0, 30.0, SEEN), np.zeros(SEEN, dtype=np.int64), np.arange(SEEN),
        np.zeros(3, dtype=np.int64), np.zeros(3), _nothing(),
    )  # fmt: skip
    return ParameterRows(model, table, point, point), line, states


def assert_agree(model: Model, names=None, **options) -> dict:
    given = looked_at(model, **options)
    names = names or model.output_names
    wanted, found = evaluate(*given, names), read(*given, names)
    assert list(found) == list(wanted) == list(names)
    for name in names:
        largest = np.nanmax(np.abs(wanted[name]), initial=1e-300)
        np.testing.assert_allclose(found[name], wanted[name], RELATIVE, RELATIVE * largest)
    return found


def one_output(text: str, **parts) -> Model:
    return Model(
        "m", "h", {"k": 0.7, "V": 3.0}, {"A": "mg", "B": "mg"}, {"A": "-k * A", "B": "k * A"},
        outputs={"E": text}, **parts,
    )  # fmt: skip


@pytest.mark.parametrize("name", library_names())
def test_library_outputs(name):
    assert_agree(structural(library_model(name)))


@pytest.mark.parametrize(
    "text",
    [
        "A / V * exp(-k * t)",
        "A > B and t < 20",
        "where(A > 1, A, t)",
        "lgamma(A) + tan(k) - sinh(B)",
        "piecewise(1, A > 2, k, B > 1, max(A, B, t))",
        "k / V",
        "3",
    ],
)
@pytest.mark.parametrize("changing", [False, True])
def test_every_kind_of_equation(text, changing):
    assert_agree(one_output(text), changing=changing)


def test_truth_is_one_and_falsehood_zero():
    found = assert_agree(one_output("A > 1"))["E"]
    assert set(found) == {0.0, 1.0}


def test_assignments_on_the_way():
    model = one_output("C ** 2 + D", assignments={"D": "C * t", "C": "A / V", "unused": "exp(B)"})
    assert_agree(model, changing=True)
    assert readout(model, ("E",)).states == (0,)


def test_only_what_was_asked_for_is_printed():
    model = replace(one_output("A"), outputs={"E": "A / V", "F": "lgamma(B) * k"})
    asked = readout(model, ("E",))
    assert (asked.states, asked.parameters) == ((0,), (1,))
    assert "lgamma" not in asked.code
    assert "lgamma" in readout(model, ("F",)).code
    assert_agree(model, ("F",))
    assert_agree(model, ("F", "E"))


def test_values_that_are_undefined_or_infinite_make_no_noise():
    model = replace(one_output("A"), outputs={"E": "log(A - B)", "F": "A / (k - k)", "G": "sqrt(-A)"})
    given = looked_at(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, wanted = read(*given, model.output_names), evaluate(*given, model.output_names)
    for name in model.output_names:
        np.testing.assert_allclose(found[name], wanted[name], RELATIVE)
    assert np.isnan(found["E"]).any()
    assert np.isfinite(found["E"]).any()
    assert np.isposinf(found["F"]).all()
    assert np.isnan(found["G"]).all()


def test_a_patient_who_failed_has_no_outputs():
    rows, line, states = looked_at(one_output("A / V + B"))
    states[4:9] = np.nan
    np.testing.assert_array_equal(np.isnan(read(rows, line, states, ["E"])["E"]), np.isnan(states[:, 0]))


def test_two_thousand_operations():
    parts = {f"D{part}": " + ".join(f"A * {part}.{k} / (V + {k})" for k in range(25)) for part in range(20)}
    assert_agree(one_output(" + ".join(parts), assignments=parts))


def test_threads_and_neighbours_change_no_bit():
    model = one_output("A / V * exp(-k * t) + lgamma(B)")
    rows, line, states = looked_at(model, changing=True)
    alone = read(rows, line, states, ["E"])["E"]
    np.testing.assert_array_equal(read(rows, line, states, ["E"], jobs=2)["E"], alone)
    later = replace(
        line, **{name: getattr(line, name)[5:] for name in ("observation_time", "observation_row")}
    )
    np.testing.assert_array_equal(read(rows, later, states[5:], ["E"])["E"], alone[5:])


def test_states_in_any_order_in_memory():
    rows, line, states = looked_at(one_output("A / V + B"))
    found = read(rows, line, np.asfortranarray(states), ["E"])["E"]
    np.testing.assert_array_equal(found, read(rows, line, states, ["E"])["E"])


def test_nobody_is_looked_at():
    rows, line, states = looked_at(one_output("A"))
    nobody = replace(
        line, observation_time=line.observation_time[:0], observation_row=line.observation_row[:0]
    )
    assert read(rows, nobody, states[:0], ["E"])["E"].shape == (0,)
