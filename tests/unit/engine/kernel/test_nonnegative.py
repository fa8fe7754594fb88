"""States that are declared non-negative stay so, and the answer is that of the equation as far as it holds."""

import numpy as np
import pytest

from understudy.engine.linear.linear import is_linear
from understudy.engine.problem import Tolerances
from understudy.engine.simulate import simulate
from understudy.model.model import Model
from understudy.model.parts import State


def zero_order(nonnegative: bool = True, stiff: bool = False) -> Model:
    """Elimination at a constant rate, which an empty compartment cannot keep up."""
    return Model(
        "zero-order elimination",
        "h",
        {"k0": (10.0, "mg/h")},
        (State("A", "mg", nonnegative=nonnegative),),
        {"A": "-k0"},
        outputs={"A": ("A", "mg")},
        stiff=stiff,
    )


TIMES = np.linspace(0.5, 30, 60)
# 100 mg last ten hours; the dose at 24 h does so again.
WANTED = np.where(TIMES < 24, np.maximum(100 - 10 * TIMES, 0), np.maximum(100 - 10 * (TIMES - 24), 0))
DOSES = "100 mg every 24 h for 2 doses"


@pytest.mark.parametrize("engine", ["kernel", "reference"])
@pytest.mark.parametrize("stiff", [False, True])
def test_an_empty_compartment_loses_nothing(engine, stiff):
    found = (
        simulate(zero_order(stiff=stiff), None, DOSES, TIMES, engine=engine).raise_failures()["A"].values[0]
    )
    assert (found >= 0).all()
    np.testing.assert_allclose(found, WANTED, atol=1e-5)


def test_without_the_declaration_the_equation_is_taken_at_its_word():
    found = simulate(zero_order(nonnegative=False), None, "100 mg", [20.0], engine="kernel")["A"].values
    np.testing.assert_allclose(found, [[-100.0]])


@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_an_infusion_slower_than_the_loss_leaves_nothing(engine):
    slow, fast = (
        simulate(zero_order(), None, dose, [5.0], engine=engine)["A"].values.item()
        for dose in ("50 mg over 10 h", "150 mg over 10 h")
    )
    assert slow == 0
    assert fast == pytest.approx(25.0, rel=1e-6)


def test_the_declaration_leaves_a_state_that_stays_positive_as_it_was():
    plain = Model("decay", "h", {"k": 0.5}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": "A"})
    declared = Model(
        "decay", "h", {"k": 0.5}, (State("A", "mg", nonnegative=True),), {"A": "-k * A"}, outputs={"A": "A"}
    )
    assert is_linear(plain)
    assert not is_linear(declared)
    assert plain.hash != declared.hash
    found, wanted = (
        simulate(m, None, "100 mg", TIMES, engine="kernel")["A"].values for m in (declared, plain)
    )
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("stiff", [False, True])
def test_errors_are_not_hidden(stiff):
    """A stiff state near zero is solved as exactly as it would be without the declaration."""
    build = lambda nonnegative: Model(  # noqa: E731
        "fast loss",
        "h",
        {"k": 1e4},
        (State("A", "mg", initial=1, nonnegative=nonnegative), State("B", "mg", nonnegative=nonnegative)),
        {"A": "-0.1 * A", "B": "0.1 * A - k * B * sqrt(1 + B)"},
        outputs={"B": "B"},
        stiff=stiff,
    )
    times, how = np.linspace(1, 40, 14), Tolerances(1e-7, 1e-9)
    exact = simulate(build(False), times=times, engine="reference")["B"].values
    found = simulate(build(True), times=times, engine="kernel", tolerances=how)["B"].values
    np.testing.assert_allclose(found, exact, rtol=1e-6)


@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_a_state_that_runs_empty_and_fills_again_begins_at_nothing(engine):
    """A' = 10 + 15 cos t - 12 from 20 on: empty where the loss has caught up, filled again once 15 cos t is above 2."""
    model = Model(
        "tidal inflow",
        "h",
        {"k0": (12.0, "mg/h")},
        (State("A", "mg", initial=20, nonnegative=True),),
        {"A": "10 + 15 * cos(t) - k0"},
        outputs={"A": ("A", "mg")},
    )
    refilled = 2 * np.pi - np.arccos(2 / 15)
    times = np.array([4.3, refilled, 5.0, 5.5, 6.0])
    wanted = np.where(times > refilled, 15 * (np.sin(times) - np.sin(refilled)) - 2 * (times - refilled), 0.0)
    exact = Tolerances(1e-9, 1e-11) if engine == "kernel" else None
    found = simulate(model, times=times, engine=engine, tolerances=exact)
    np.testing.assert_allclose(found.raise_failures()["A"].values[0], wanted, atol=1e-6)
