"""Derivatives through JAX against central differences of the reference engine, and backwards against forwards."""

import numpy as np
import pytest
from jax_packages import import_jax

from understudy.core.errors import SimulationError
from understudy.engine.jax.jax_simulator import simulator
from understudy.engine.problem import Tolerances
from understudy.engine.simulate import simulate
from understudy.model.model import Model
from understudy.model.parts import Input, State

# Compiling derivatives takes JAX ten seconds and more; the doctest of `simulator` and the docs take some in every run.
pytestmark = pytest.mark.slow
jax = import_jax()

EXACT = Tolerances(relative=1e-10, absolute=1e-12)
REGIMEN = "100 mg every 6 h for 3 doses"
TIMES = np.array([0.0, 0.2, 1.0, 3.0, 6.1, 7.0, 9.0, 13.5, 20.0])


def saturable() -> Model:
    """Each dose enters by three ways: with lag and bioavailability, over a time, and by a profile."""
    return Model(
        "saturable", "h",
        {"ka": (1.0,), "Vm": (8.0,), "lag": (0.4,), "D": (2.5,), "F": (0.8,), "mat": (1.3,), "A0": (3.0,)},
        {"depot": "mg", "central": ("mg", "A0")},
        {"depot": "-ka * depot", "central": "ka * depot - Vm * C / (2 + C)"},
        inputs=(
            Input("oral", "depot", lag="lag", bioavailability="F"),
            Input("oral", "central", duration="D", bioavailability="0.5 * F"),
            Input("oral", "central", lag="2 * lag", profile="(2 / mat) ** 2 * tad * exp(-2 * tad / mat)"),
        ),
        assignments={"C": "central / 20"}, outputs={"C": ("C", "mg/L")},
    )  # fmt: skip


def differences(model: Model, name: str) -> np.ndarray:
    """Central differences of the reference engine, shape (times,)."""
    value = model.parameter(name).value
    step = 1e-4 * value
    high, low = (
        simulate(model.with_values(**{name: value + sign * step}), None, REGIMEN, TIMES, engine="reference")[
            "C"
        ]
        for sign in (1, -1)
    )
    return (high.values[0] - low.values[0]) / (2 * step)


@pytest.fixture(scope="module", autouse=True)
def _doubles():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def forwards():
    """Levels and their derivatives by parameters and amounts, by forward differentiation."""
    levels = simulator(saturable(), REGIMEN, TIMES, tolerances=EXACT, derivatives="forward")

    @jax.jit
    def both(parameters, amounts):
        keep = lambda p, a: (levels(p, a)[:, 0],) * 2  # noqa: E731
        slopes, found = jax.jacfwd(keep, argnums=(0, 1), has_aux=True)(parameters, amounts)
        return found, slopes

    return levels, both(np.array([*levels.parameters.values()]), levels.amounts)


def test_levels_are_those_of_the_reference_engine(forwards):
    wanted = simulate(saturable(), None, REGIMEN, TIMES, engine="reference")["C"].values[0]
    assert np.asarray(forwards[1][0]) == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize("name", saturable().parameter_names)
def test_derivatives_by_parameters_agree_with_differences(forwards, name):
    levels, (_, (slopes, _)) = forwards
    wanted = differences(saturable(), name)
    found = np.asarray(slopes)[:, levels.parameter_names.index(name)]
    # The differences are good to the square of their step.
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-7 * np.abs(wanted).max())
    assert np.abs(wanted).max() > 1e-3


def test_derivatives_by_amounts_agree_with_differences(forwards):
    levels, (_, (by_parameters, by_amounts)) = forwards
    # More of each dose by one part is what more bioavailability is, but for the way that has none.
    assert levels.amounts.tolist() == [100.0] * 3
    ways = np.asarray(by_amounts)
    by_bioavailability = np.asarray(by_parameters)[:, levels.parameter_names.index("F")]
    assert 100 / 0.8 * (ways[:, 0] + ways[:, 1]) == pytest.approx(by_bioavailability, rel=1e-9, abs=1e-12)
    assert (ways[1:, 2] != 0).any()


def simple() -> Model:
    return Model(
        "simple", "h", {"k": (0.3,), "lag": (0.5,)}, {"A": "mg"}, {"A": "-k * A / (1 + A / 50)"},
        inputs=(Input("iv", "A", lag="lag"),), outputs={"A": "A"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def backwards():
    """A compiled loss of a simple model and its gradient, backwards."""
    levels = simulator(simple(), "100 mg every 4 h for 2 doses", [1.0, 4.2, 9.0], tolerances=EXACT)
    loss = lambda p, a: (levels(p, a)[:, 0] ** 2).sum()  # noqa: E731
    return levels, jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))


def test_backwards_agrees_with_forwards(backwards):
    levels, gradient = backwards
    given = np.array([0.3, 0.5]), levels.amounts
    ahead = simulator(
        simple(), "100 mg every 4 h for 2 doses", levels.times, tolerances=EXACT, derivatives="forward"
    )
    wanted = jax.jit(jax.jacfwd(lambda p, a: (ahead(p, a)[:, 0] ** 2).sum(), argnums=(0, 1)))(*given)
    found = gradient(*given)[1]
    # Both differentiate the same steps.
    for mine, theirs in zip(found, wanted, strict=True):
        assert np.asarray(mine) == pytest.approx(np.asarray(theirs), rel=1e-10)
    assert np.abs(found[0][1]) > 1


def test_doses_change_places_with_observations_as_the_lag_grows(backwards):
    levels, gradient = backwards
    for lag in (0.0, 0.9, 1.1, 4.5):
        model = simple().with_values(lag=lag)
        wanted = simulate(model, None, "100 mg every 4 h for 2 doses", levels.times, engine="reference")[
            "A"
        ].values
        assert float(gradient(np.array([0.3, lag]), levels.amounts)[0]) == pytest.approx(
            (wanted**2).sum(), rel=1e-8
        )


def test_it_can_be_mapped_over_patients(backwards):
    levels, gradient = backwards
    given = np.array([[0.3, 0.5], [0.6, 0.2]])
    mapped = jax.vmap(lambda p: levels(p)[:, 0])(given)
    for row, p in zip(np.asarray(mapped), given, strict=True):
        assert (row**2).sum() == pytest.approx(float(gradient(p, levels.amounts)[0]), rel=1e-9)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda: simulator(simple(), "100 mg", [2.0, 1.0]), "do not rise"),
        (lambda: simulator(simple(), "100 mg every 12 h at steady state", [1.0]), "steady-state"),
        (lambda: simulator(simple(), "100 mg", [1.0], outputs=["B"]), "no output"),
        (lambda: simulator(simple(), "100 mg", [1.0])({"K": 1.0}), "no parameter 'K'"),
    ],
)
def test_what_cannot_be_done_is_said(what, message):
    with pytest.raises(Exception, match=message):
        what()


def test_32_bits_are_refused():
    with jax.enable_x64(False), pytest.raises(SimulationError, match="32 bits"):
        simulator(simple(), "100 mg", [1.0])()


def test_a_derivative_ends_where_a_state_is_empty():
    """It rises, is empty at 4.02 h, and fills again from the time at which 15 cos t = 1.2 k0 - 10 on."""
    model = Model(
        "tide", "h", {"k0": (10.0,)}, (State("A", "mg", initial=20, nonnegative=True),),
        {"A": "10 + 15 * cos(t) - 1.2 * k0"}, outputs={"A": "A"},
    )  # fmt: skip
    times = np.array([1.0, 3.0, 4.5, 5.0, 6.0])
    found = simulator(model, None, times, derivatives="forward")
    level = lambda k0: found({"k0": k0})[:, 0]  # noqa: E731
    fills = 2 * np.pi - np.arccos(2 / 15)
    wanted = [-1.2, -3.6, 0.0, *(-1.2 * (times[3:] - fills))]
    # It fills at first with no speed, so a tolerance of 1e-8 leaves open when by about its square root.
    assert np.asarray(jax.jacfwd(level)(10.0)) == pytest.approx(wanted, abs=1e-3)
