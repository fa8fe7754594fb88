"""The matrix exponential engine against SciPy's exponential, exact ones and the reference engine."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from scipy.linalg import expm

from understudy.core.errors import SimulationError
from understudy.engine.linear import matrix_exponential
from understudy.engine.linear.linear import is_linear
from understudy.engine.linear.matrix_exponential import (
    EIGENVECTORS,
    PADE,
    UNDEFINED,
    exponential,
    spectrum_of,
)
from understudy.engine.problem import BAD_PARAMETER, NOT_FINITE, Problem, Tolerances
from understudy.engine.reference import reference
from understudy.engine.simulate import simulate
from understudy.engine.solve import choose
from understudy.engine.timeline import BOLUS, ROW, SteadyDoses, Timeline
from understudy.library.pk import compartments
from understudy.model.model import Model
from understudy.model.parts import Input

# In units of the largest amount: both sides are good to some 1e-13 of it.
FLOOR = 1e-11
ENGINE = "matrix_exponential"


def linear_model(matrix: np.ndarray, inflow=None, start=None, inputs=()) -> Model:
    """A model with these coefficients as parameters, every state seen."""
    size = len(matrix)
    inflow = np.zeros(size) if inflow is None else inflow
    parameters = {f"a_{i}_{j}": (matrix[i, j],) for i, j in zip(*np.nonzero(matrix), strict=True)}
    parameters |= {f"b_{i}": (inflow[i],) for i in range(size)}
    rates = {
        f"X{i}": " + ".join([f"b_{i}", *(f"a_{i}_{j} * X{j}" for j in range(size) if matrix[i, j] != 0)])
        for i in range(size)
    }
    states = {f"X{i}": ("mg", 0.0 if start is None else start[i]) for i in range(size)}
    outputs = {f"of_{i}": (f"X{i}", "mg") for i in range(size)}
    return Model("linear", "h", parameters, states, rates, inputs, outputs)


def states(model: Model, times, regimen=None, engine=ENGINE, patients=None, **kwargs) -> np.ndarray:
    """Shape (patients, times, states)."""
    found = simulate(model, patients, regimen, times, engine=engine, **kwargs).raise_failures()
    return np.stack([found[name].values for name in model.output_names], axis=-1)


def after(matrix, start, inputs, time) -> np.ndarray:
    wide = np.zeros((len(matrix) + 1, len(matrix) + 1))
    wide[:-1, :-1], wide[:-1, -1] = matrix, inputs
    return (expm(wide * time) @ np.append(start, 1.0))[:-1]


def compartmental(size: int, rng: np.random.Generator, links: float = 0.4) -> np.ndarray:
    """Flows between random pairs of compartments, rates over three orders of magnitude, some loss."""
    flows = 10 ** rng.uniform(-2, 1, (size, size)) * (rng.uniform(size=(size, size)) < links)
    np.fill_diagonal(flows, 0.0)
    return flows - np.diag(flows.sum(axis=0) + 0.3 * (rng.uniform(size=size) < 0.5))


def chain(size: int, rate: float = 0.7) -> np.ndarray:
    return rate * (np.eye(size, k=-1) - np.eye(size))


def ring(size: int) -> np.ndarray:
    """Recycling with equal rates: complex eigenvalues, and one of zero."""
    return np.roll(np.eye(size), 1, axis=0) - np.eye(size)


def collector() -> np.ndarray:
    """Absorption, exchange, excretion, and an area under the excreted amount: zero eigenvalues without a basis."""
    return np.array(
        [[-1.0, 0, 0, 0, 0], [1, -0.7, 0.2, 0, 0], [0, 0.5, -0.2, 0, 0], [0, 0.2, 0, 0, 0], [0, 0, 0, 1, 0]]
    )


def oscillator() -> np.ndarray:
    return np.array([[-0.1, -2.0, 0.0], [2.0, -0.1, 0.0], [1.0, 0.0, 0.0]])


SYSTEMS = {
    **{f"random {n}": compartmental(n, np.random.default_rng(n)) for n in (2, 3, 5, 8, 13, 20)},
    "non-normal": np.triu(np.full((6, 6), 5.0), 1) - np.diag(np.arange(1.0, 7.0)),
    "equal rates": chain(3),
    "ten equal rates": chain(10),
    "nearly equal rates": chain(4) * (1 + 1e-7 * np.arange(4)),
    "ring": ring(6),
    "collector": collector(),
    "oscillator": oscillator(),
    "growth": np.array([[0.05, 0.1], [0.0, -1.0]]),
    "nothing moves": np.zeros((3, 3)),
    "units far apart": np.array([[-0.3, 0.0, 0.0], [1e6, -0.3, 0.0], [0.0, 1e-7, -0.3]]),
}
TIMES = np.array([0.0, 0.01, 0.5, 1.0, 1.5, 2.0, 2.5, 7.0, 30.0])


@pytest.mark.parametrize("name", SYSTEMS)
def test_states_inflow_and_infusion_against_scipy(name):
    matrix, size = SYSTEMS[name], len(SYSTEMS[name])
    rng = np.random.default_rng(size)
    inflow, start = rng.uniform(0, 3, size), rng.uniform(0, 10, size)
    model = linear_model(matrix, inflow, start, (Input("tablet", "X0"),))
    assert is_linear(model)
    found = states(model, TIMES, "50 mg via tablet over 2 h")[0]
    rate = 25.0 * np.eye(size)[0]
    middle = after(matrix, start, inflow + rate, 2.0)
    wanted = [
        after(matrix, start, inflow + rate, t) if t <= 2 else after(matrix, middle, inflow, t - 2)
        for t in TIMES
    ]
    assert_close(found, np.array(wanted))


def assert_close(found: np.ndarray, wanted: np.ndarray, allowed: float = FLOOR) -> None:
    peak = np.abs(wanted).max(axis=0) + 1e-300
    assert (np.abs(found - wanted) / peak).max() < allowed


@pytest.mark.parametrize("name", SYSTEMS)
def test_doses_of_every_kind_against_the_reference_engine(name):
    matrix, size = SYSTEMS[name], len(SYSTEMS[name])
    model = linear_model(
        matrix,
        np.full(size, 0.1),
        np.full(size, 1.0),
        (Input("lagged", "X0", "0.4"), Input("slow", f"X{size - 1}")),
    )
    regimen = "100 mg via lagged every 6 h for 4 doses and 40 mg via slow over 9 h every 6 h for 3 doses"
    times = np.linspace(0, 30, 61)
    wanted = states(model, times, regimen, "reference")
    assert_close(states(model, times, regimen)[0], wanted[0], 1e-8)


STEADY = ["random 5", "random 20", "equal rates", "ten equal rates", "oscillator with loss"]


@pytest.mark.parametrize(
    "how",
    ["100 mg via X0 every 6 h", "100 mg via X0 over 2 h every 6 h", "100 mg via X0 over 15 h every 6 h"],
)
@pytest.mark.parametrize("name", STEADY)
def test_steady_states_against_many_doses(name, how):
    matrix = (
        oscillator() - 0.3 * np.eye(3)
        if name == "oscillator with loss"
        else SYSTEMS[name] - 0.1 * np.eye(len(SYSTEMS[name]))
    )
    model, times = linear_model(matrix), np.array([0.0, 1.0, 5.0])
    wanted = states(model, 600 + times, f"{how} for 101 doses")
    found = states(model, times, f"{how} at steady state")
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-8 * np.abs(wanted).max())


def test_which_way_each_system_goes():
    ways = {name: spectrum_of(m[None], np.zeros((1, len(m)))).way[0] for name, m in SYSTEMS.items()}
    padé = {name for name, way in ways.items() if way == PADE}
    assert padé == {"equal rates", "ten equal rates", "nearly equal rates", "collector", "units far apart"}
    assert set(ways.values()) == {EIGENVECTORS, PADE}


def test_the_units_of_the_states_do_not_matter():
    rng, start = np.random.default_rng(5), np.arange(1.0, 7.0)
    for spread in (1.0, 3.0, 6.0):
        matrix, units = compartmental(6, rng), 10 ** rng.uniform(-spread, spread, 6)
        wanted = states(linear_model(matrix, start, start), TIMES)[0]
        found = states(linear_model(matrix * units / units[:, None], start / units, start / units), TIMES)[0]
        assert_close(found * units, wanted)


def test_a_chain_of_equal_rates_is_a_gamma_density():
    k, size = 0.7, 8
    times = np.array([0.1, 1.0, 5.0, 20.0])
    found = states(linear_model(chain(size, k)), times, "1 mg via X0")[0]
    factorial = np.cumprod(np.r_[1.0, np.arange(1, size)])
    wanted = (k * times[:, None]) ** np.arange(size) / factorial * np.exp(-k * times)[:, None]
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_rates_that_draw_together_cost_no_accuracy(size):
    """From eigenvectors over doubtful ones to Padé: at every gap the better way is good enough."""
    times, ways = np.array([0.2, 1.0, 4.0, 15.0]), set()
    for gap in 10.0 ** -np.arange(9):
        rates = 0.5 * (1 + gap * np.arange(size))
        matrix = np.diag(rates[:-1], -1) - np.diag(rates)
        ways.add(spectrum_of(matrix[None], np.zeros((1, size))).way[0])
        with mpmath.workdps(60):
            exact = [mpmath.expm(mpmath.matrix((matrix * t).tolist())).tolist() for t in times]
        wanted = np.array(exact, dtype=float)[:, :, 0]
        assert_close(states(linear_model(matrix), times, "1 mg via X0")[0], wanted)
    assert ways == {EIGENVECTORS, PADE}


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 30.0])
def test_the_padé_exponential_against_one_in_many_digits(scale):
    matrix = scale * np.random.default_rng(3).normal(size=(7, 7))
    with mpmath.workdps(60):
        wanted = np.array(mpmath.expm(mpmath.matrix(matrix.tolist())).tolist(), dtype=float)
    np.testing.assert_allclose(exponential(matrix), wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("name", ["ring", "random 20", "ten equal rates"])
def test_the_answer_to_two_doses_is_the_sum_of_the_answers(name):
    model = linear_model(SYSTEMS[name])
    one, two = "100 mg via X0 over 3 h", "70 mg via X1 every 5 h for 2 doses"
    both = states(model, TIMES, f"{one} and {two}")
    np.testing.assert_allclose(
        both, states(model, TIMES, one) + states(model, TIMES, two), atol=1e-11, rtol=1e-11
    )


@pytest.mark.parametrize("size", [3, 7, 20])
def test_no_amount_is_lost_where_all_that_leaves_is_collected(size):
    matrix = compartmental(size, np.random.default_rng(size))
    matrix[size - 1] = 0.0
    matrix[:, size - 1] = 0.0
    matrix[size - 1] = -matrix.sum(axis=0)
    assert is_linear(linear_model(matrix))
    found = states(linear_model(matrix), np.linspace(0, 500, 501), "100 mg via X0")
    np.testing.assert_allclose(found.sum(axis=-1), 100.0, rtol=1e-11)


def test_endogenous_production_starts_at_its_baseline_and_stays():
    model = Model(
        "cortisol, effect site",
        "h",
        {"kin": (10.0, "mg/h"), "kout": (0.4, "1/h"), "V": (8.0, "L"), "ke0": (0.3, "1/h")},
        {"A": ("mg", "kin / kout"), "Ce": ("mg/L", "kin / kout / V"), "U": "mg"},
        {"A": "kin - kout * A", "Ce": "ke0 * (A / V - Ce)", "U": "kout * A"},
        outputs={"Ce": ("Ce", "mg/L"), "U": ("U", "mg")},
    )
    found = simulate(model, times=[0.0, 5.0, 100.0], engine=ENGINE)
    np.testing.assert_allclose(found["Ce"].values[0], 25.0 / 8.0, rtol=1e-13)
    np.testing.assert_allclose(found["U"].values[0], [0.0, 50.0, 1000.0], rtol=1e-13)


@pytest.mark.parametrize("name", ["random 8", "equal rates", "oscillator"])
def test_parameters_that_change_between_doses(name):
    model = linear_model(SYSTEMS[name])
    size, values = len(model.states), np.array([p.value for p in model.parameters])
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    line = Timeline(
        event_start=np.array([0, 4]),
        event_time=np.array([0.0, 3.0, 3.0, 7.0]),
        event_kind=np.array([BOLUS, ROW, BOLUS, ROW]),
        event_target=np.array([0, 1, 1, 2]),
        event_value=np.array([100.0, 0.0, 50.0, 0.0]),
        event_source=np.full(4, -1),
        event_moves=np.zeros(4, bool),
        event_ends=np.zeros(4, bool),
        observation_start=np.array([0, 6]),
        observation_time=np.array([1.0, 2.0, 3.0, 4.0, 8.0, 12.0]),
        observation_after=np.array([1, 1, 1, 3, 4, 4]),
        observation_row=np.arange(6),
        first_row=np.array([0]),
        start_time=np.zeros(1),
        steady=SteadyDoses(whole, whole, whole, real, real, real, real, whole, real),
    )
    table, slots = np.outer([1.0, 1.3, 0.5], values), np.zeros((size, 2), dtype=np.int64)
    problem = Problem(model, slots, line, table, np.zeros((1, size)), np.zeros((0, size)))
    wanted = reference.solve(problem, reference.TIGHT).states
    assert_close(matrix_exponential.solve(problem, Tolerances()).states, wanted, 1e-9)


def patients_with_other_rates(model: Model, count: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {p.name: p.value * np.exp(0.2 * rng.normal(size=count)) for p in model.parameters if p.value}
    )


@pytest.mark.parametrize("name", ["random 8", "ten equal rates", "oscillator"])
def test_neighbours_and_threads_change_no_bit(name):
    model = linear_model(SYSTEMS[name])
    table = patients_with_other_rates(model, 40)
    if name == "ten equal rates":
        table = table.mul(0).add(0.7)
        table.loc[:, [c for c in table if c[2] == c[4]]] = -0.7
        assert (spectrum_of(np.array([chain(10)]), np.zeros((1, 10))).way == PADE).all()
    times = np.array([0.0, 0.3, 1.0, 2.0, 3.0, 8.0])
    wanted = states(model, times, "100 mg via X0 over 1.5 h every 4 h for 2 doses", patients=table)
    run = lambda part, jobs: states(  # noqa: E731
        model, times, "100 mg via X0 over 1.5 h every 4 h for 2 doses", patients=part, jobs=jobs
    )
    np.testing.assert_array_equal(run(table, 2), wanted)
    np.testing.assert_array_equal(run(table.iloc[7:8], 1), wanted[7:8])
    np.testing.assert_array_equal(run(table.iloc[::-1], 1), wanted[::-1])


@pytest.mark.parametrize("name", ["random 5", "equal rates"])
def test_a_fine_grid_of_uneven_rounding_costs_no_accuracy(name):
    """A tenth is not a binary number: gaps differ in their last bits, and 10,000 steps must not add that up."""
    matrix = SYSTEMS[name] - (0 if name == "equal rates" else 0.01 * np.eye(5))
    times = np.arange(10_001) * 0.1
    found = states(linear_model(matrix, np.ones(len(matrix))), times, "100 mg via X0")[0]
    start = 100.0 * np.eye(len(matrix))[0]
    some = [1, 3, 77, 400, 10_000]
    wanted = np.array([after(matrix, start, np.ones(len(matrix)), times[k]) for k in some])
    np.testing.assert_allclose(found[some], wanted, rtol=1e-10)


def test_a_patient_with_an_undefined_parameter_fails_alone():
    model = linear_model(SYSTEMS["random 5"])
    name = model.parameter_names[0]
    value = model.parameter(name).value
    table = pd.DataFrame({name: [value, np.nan, np.inf]})
    found = simulate(model, table, "100 mg via X0", TIMES, engine=ENGINE)
    assert found.dataset["status"].values.tolist() == [0, BAD_PARAMETER, BAD_PARAMETER]
    assert np.isnan(found["of_0"].values[1:]).all()
    alone = simulate(model, table.iloc[:1], "100 mg via X0", TIMES, engine=ENGINE)
    np.testing.assert_array_equal(found["of_0"].values[0], alone["of_0"].values[0])


def test_an_infinite_rate_constant_and_an_explosion_have_a_status():
    parameters = {"CL": (1.0, "L/h"), "V": (10.0, "L"), "g": (0.0, "1/h")}
    rates = {"A": "-CL / V * A", "B": "CL / V * A + g * B", "C": "B"}
    model = Model("m", "h", parameters, dict.fromkeys("ABC", "mg"), rates, outputs={"B": ("B", "mg")})
    table = pd.DataFrame({"V": [10.0, 0.0, 10.0], "g": [0.0, 0.0, 100.0]})
    with np.errstate(divide="ignore"):
        found = simulate(model, table, "100 mg via A", [1.0, 50.0], engine=ENGINE)
    assert found.dataset["status"].values.tolist() == [0, NOT_FINITE, NOT_FINITE]


def test_a_matrix_whose_eigenvalues_are_not_found_goes_by_padé(monkeypatch):
    eig, hard = np.linalg.eig, SYSTEMS["ring"] - np.eye(6)

    def stubborn(matrices):
        if any(np.array_equal(m, hard) for m in matrices):
            raise np.linalg.LinAlgError("Eigenvalues did not converge")
        return eig(matrices)

    monkeypatch.setattr(matrix_exponential.np.linalg, "eig", stubborn)
    many = np.stack([SYSTEMS["ring"], hard, SYSTEMS["ring"], np.full((6, 6), np.nan)])
    assert spectrum_of(many, np.zeros((4, 6))).way.tolist() == [EIGENVECTORS, PADE, EIGENVECTORS, UNDEFINED]


def test_what_is_not_linear_is_refused():
    saturable = compartments(1, "iv", "michaelis_menten")
    assert not is_linear(saturable)
    with pytest.raises(SimulationError, match=r"not linear in the states[\s\S]*engine='kernel'"):
        choose(saturable, ENGINE)


def test_the_closed_form_goes_first_and_large_networks_go_to_the_kernel():
    assert choose(compartments(2, "lagged")) == "closed_form"
    assert choose(linear_model(SYSTEMS["random 20"])) == ENGINE
    assert choose(linear_model(chain(80))) == "kernel"
