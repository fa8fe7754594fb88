"""The closed form against matrix exponentials, where it matters in 40 digits."""

from functools import partial

import mpmath
import numpy as np
import pandas as pd
import pytest
from scipy.linalg import expm

from understudy.engine.directions import Directions
from understudy.engine.linear import linear_system
from understudy.engine.parameters import parameter_rows
from understudy.engine.schedule import from_doses
from understudy.engine.simulate import simulate
from understudy.engine.solve import solve
from understudy.library.pk import compartments
from understudy.model.model import Model

# Scaling and squaring gives an exponential good to some 1e-13 of its largest element; so much is allowed here.
RELATIVE, FLOOR = 1e-10, 1e-13


def mammillary_model(count: int) -> Model:
    """A depot and `count` compartments with free rate constants, all states seen."""
    names = ["ka", "k", *[f"{d}{i}" for i in range(1, count) for d in ("to", "back")]]
    central = "ka * D - k * C" + "".join(f" - to{i} * C + back{i} * P{i}" for i in range(1, count))
    rates = {"D": "-ka * D", "C": central} | {f"P{i}": f"to{i} * C - back{i} * P{i}" for i in range(1, count)}
    states = dict.fromkeys(rates, "mg")
    return Model(
        "m", "h", dict.fromkeys(names, 1.0), states, rates, outputs={f"of_{s}": (s, "mg") for s in states}
    )


def matrix_of(values: dict, count: int) -> np.ndarray:
    matrix = np.zeros((count + 1, count + 1))
    matrix[0, 0], matrix[1, 0], matrix[1, 1] = -values["ka"], values["ka"], -values["k"]
    for i in range(1, count):
        to, back = values[f"to{i}"], values[f"back{i}"]
        matrix[1, 1] -= to
        matrix[1 + i, 1 + i] -= back
        matrix[1 + i, 1], matrix[1, 1 + i] = to, back
    return matrix


def after(
    matrix: np.ndarray, start: np.ndarray, inputs: np.ndarray, time: float, exponential=expm
) -> np.ndarray:
    """States a time after `start` under constant inputs: the exponential of the matrix with one more column."""
    size = len(matrix)
    wide = np.zeros((size + 1, size + 1))
    wide[:size, :size], wide[:size, size] = matrix, inputs
    return (exponential(wide * time) @ np.append(start, 1.0))[:size]


def many_digits(matrix: np.ndarray) -> np.ndarray:
    """The exponential in 40 digits: SciPy's loses half of its 16 on triangular matrices with close eigenvalues."""
    with mpmath.workdps(40):
        return np.array(mpmath.expm(mpmath.matrix(matrix.tolist())).tolist(), dtype=float)


def run(count: int, values: dict, times: np.ndarray, rate: float = 0.0, dose_into: str = "D") -> np.ndarray:
    """States at `times` after 100 mg at time 0, as a bolus or at a rate, shape (times, states)."""
    model = mammillary_model(count)
    dose = {"id": ["a"], "time": 0.0, "amt": 100.0, "rate": rate, "ii": 0.0, "addl": 0, "ss": 0}
    schedule = from_doses(pd.DataFrame(dose | {"route": dose_into}), ["a"], times, np.array(False), model)
    rows = parameter_rows(model, schedule, {name: np.array([value]) for name, value in values.items()})
    answer = solve(schedule, rows, model.output_names, "closed_form")
    assert answer.solution.status[0] == 0, answer.solution.messages
    return answer.solution.states


def rates(kind: str, count: int, rng: np.random.Generator) -> dict:
    """Rate constants of a kind: four orders of magnitude at random, or a special case."""
    names = mammillary_model(count).parameter_names
    values = dict(zip(names, 10 ** rng.uniform(-2, 2, len(names)), strict=True))
    if kind == "absorption as fast as elimination":
        values["ka"] = values["k"] = 0.3
    elif kind == "absorption at an eigenvalue":
        values["ka"] = -np.linalg.eigvals(matrix_of(values, count)[1:, 1:]).real.max()
    elif kind == "nearly equal":
        values = {name: 0.5 * (1 + 1e-9 * k) for k, name in enumerate(names)}
    elif kind == "no elimination":
        values["k"] = 0.0
    elif kind == "no distribution":
        values |= {name: 0.0 for name in names if name.startswith("to")}
    elif kind == "a peripheral that keeps all":
        values |= {name: 0.0 for name in names if name.startswith("back")}
    elif kind == "nothing moves":
        values = dict.fromkeys(names, 0.0)
    return values


KINDS = (
    "random",
    "absorption as fast as elimination",
    "absorption at an eigenvalue",
    "nearly equal",
    "no elimination",
    "no distribution",
    "a peripheral that keeps all",
    "nothing moves",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("route", ["D", "C"])
def test_boluses_and_infusions_against_the_matrix_exponential(kind, count, route):
    rng = np.random.default_rng([len(kind), count])
    times = np.array([0.01, 2.0, 4.0, 25.0])
    exact = partial(after, exponential=many_digits if kind == "nearly equal" else expm)
    for _ in range(6 if kind == "random" else 1):
        values = rates(kind, count, rng)
        matrix, entry = matrix_of(values, count), np.eye(count + 1)[int(route == "C")]
        none = np.zeros(count + 1)
        bolus = [exact(matrix, 100 * entry, none, t) for t in times]
        assert_close(run(count, values, times, dose_into=route), np.array(bolus))
        # 100 mg over 4 h; from then on nothing comes in.
        full = exact(matrix, none, 25 * entry, 4.0)
        during = [exact(matrix, none, 25 * entry, t) for t in times if t <= 4]
        later = [exact(matrix, full, none, t - 4) for t in times if t > 4]
        assert_close(run(count, values, times, rate=25.0, dose_into=route), np.array(during + later))


def assert_close(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found, wanted, rtol=RELATIVE, atol=FLOOR * 100)


@pytest.mark.parametrize("time", [1e-12, 1e-6, 1e4, 1e8])
def test_times_short_and_long(time):
    values = {"ka": 1.5, "k": 0.1, "to1": 0.4, "back1": 0.2}
    found = run(2, values, np.array([time]))
    assert_close(found[0], after(matrix_of(values, 2), np.array([100.0, 0, 0]), np.zeros(3), time))
    assert (found >= 0).all()


def test_amounts_of_a_short_time_keep_their_relative_precision():
    # ka t exp(...) near zero: a difference of exponentials would have lost ten digits.
    found = run(1, {"ka": 1.5, "k": 0.1}, np.array([1e-10]))
    assert found[0, 1] == pytest.approx(100 * 1.5e-10 * (1 - 0.8e-10), rel=1e-14)


def test_nothing_is_lost_where_nothing_is_eliminated():
    values = {"ka": 1.5, "k": 0.0, "to1": 30.0, "back1": 0.002, "to2": 0.4, "back2": 5.0}
    found = run(3, values, np.geomspace(1e-3, 1e4, 40))
    # The eigenvalue zero is known to some 1e-16 of the largest, 37 per h: over 1e4 h to 4e-11.
    np.testing.assert_allclose(found.sum(axis=1), 100.0, rtol=4e-11)


SHAPES = {
    "metabolites in a row": {"C": "-k * C - q * C + r * P", "P": "q * C - r * P", "M": "k * C - m * M",
                             "N": "m * M - n * N"},
    "an effect compartment": {"D": "-k * D", "C": "k * D - q * C", "E": "r * (C / 3 - E)"},
    "transit compartments": {
        "T1": "-k * T1", "T2": "k * (T1 - T2)", "T3": "k * (T2 - T3)", "T4": "k * (T3 - T4)", "T5": "k * (T4 - T5)",
        "D": "k * T5 - m * D", "C": "m * D - q * C - r * C + n * P", "P": "r * C - n * P",
    },
    "two depots, one that loses": {"D": "-(k + q) * D", "E": "-m * E", "C": "k * D + m * E - n * C"},
    "a collector of all": {"D": "-k * D", "C": "k * D - q * C", "U": "q * C", "AUC": "C / 5"},
    "exchange in a row": {"A": "k * B - q * A", "B": "q * A - k * B + m * C - n * B", "C": "n * B - m * C - r * C"},
}  # fmt: skip
RATES = {
    "apart": {"k": 1.3, "q": 0.2, "r": 0.05, "m": 0.7, "n": 3.0},
    "all equal": dict.fromkeys("kqrmn", 0.4),
    "nearly equal": {name: 0.4 * (1 + 1e-7 * i**2) for i, name in enumerate("kqrmn")},
    "slow and fast": {"k": 500.0, "q": 1e-4, "r": 20.0, "m": 1e-6, "n": 0.3},
}


def shaped(name: str, values: dict[str, float]) -> Model:
    rates = SHAPES[name]
    outputs = {f"of_{state}": (state, "mg") for state in rates}
    inputs = {"first": next(iter(rates))}
    return Model("m", "h", values, dict.fromkeys(rates, "mg"), rates, inputs=inputs, outputs=outputs)


def one_patient(model: Model, times: np.ndarray, **dose):
    given = {
        "id": ["a"],
        "time": 0.0,
        "amt": 100.0,
        "rate": 0.0,
        "ii": 0.0,
        "addl": 0,
        "ss": 0,
        "route": "first",
    }
    schedule = from_doses(pd.DataFrame(given | dose), ["a"], times, np.array(False), model)
    return schedule, parameter_rows(model, schedule, {})


def precise(model: Model, values: dict, times: np.ndarray, rate: float, until: float) -> list:
    """States in 40 digits, after a bolus of 100 or during and after an infusion."""
    system, size = linear_system(model), len(model.states)
    known = {name: mpmath.mpf(value) for name, value in values.items()}
    wide = mpmath.zeros(size + 1)
    for (row, column), expression in system.matrix:
        wide[row, column] = mpmath.mpf(1) * eval_precisely(expression.text, known)
    found = []
    for time in times:
        state = mpmath.zeros(size + 1, 1)
        state[0], state[size] = (0 if rate else 100), 1
        wide[0, size] = rate
        state = mpmath.expm(wide * mpmath.mpf(min(time, until) if rate else time)) * state
        if rate and time > until:
            wide[0, size] = 0
            state = mpmath.expm(wide * (mpmath.mpf(time) - until)) * state
        found.append([state[k] for k in range(size)])
    return found


def eval_precisely(text: str, known: dict):
    """An entry of the matrix in the digits of its parameters: sums, products and quotients only."""
    import ast

    sign = {ast.Add: "__add__", ast.Sub: "__sub__", ast.Mult: "__mul__", ast.Div: "__truediv__"}

    def value(tree):
        if isinstance(tree, ast.BinOp):
            return getattr(value(tree.left), sign[type(tree.op)])(value(tree.right))
        if isinstance(tree, ast.UnaryOp):
            return -value(tree.operand)
        return known[tree.id] if isinstance(tree, ast.Name) else mpmath.mpf(tree.value)

    return value(ast.parse(text, mode="eval").body)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.0, 25.0])
@pytest.mark.parametrize("kind", RATES)
@pytest.mark.parametrize("name", SHAPES)
def test_all_shapes_and_their_sensitivities_in_many_digits(name, kind, rate):
    check_in_many_digits(name, kind, rate, np.array([0.03, 1.0, 3.7, 4.5, 11.0, 40.0]))


@pytest.mark.parametrize(
    ("name", "kind", "rate"),
    [
        ("metabolites in a row", "all equal", 25.0),
        ("an effect compartment", "nearly equal", 0.0),
        ("two depots, one that loses", "apart", 25.0),
        ("a collector of all", "slow and fast", 25.0),
        ("exchange in a row", "apart", 0.0),
    ],
)
def test_shapes_and_their_sensitivities_in_many_digits(name, kind, rate):
    check_in_many_digits(name, kind, rate, np.array([0.03, 3.7, 11.0]))


def check_in_many_digits(name: str, kind: str, rate: float, times: np.ndarray) -> None:
    values = RATES[kind]
    model = shaped(name, values)
    schedule, rows = one_patient(model, times, rate=rate)
    names = tuple(sorted({parameter for row in linear_system(model).matrix for parameter in row[1].names}))
    answer = solve(schedule, rows, model.output_names, "closed_form", directions=Directions(names))
    assert answer.engine == "closed_form"
    with mpmath.workdps(40):
        wanted = np.array(precise(model, values, times, rate, 4.0), dtype=float)
        shift = mpmath.mpf(10) ** -15
        for k, parameter in enumerate(names):
            step = shift * values[parameter]
            up, down = (
                precise(model, values | {parameter: values[parameter] + way * step}, times, rate, 4.0)
                for way in (1, -1)
            )
            slopes = (
                np.array((mpmath.matrix(up) - mpmath.matrix(down)) / (2 * step))
                .reshape(wanted.shape)
                .astype(float)
            )
            found = np.stack([answer.sensitivities[output][:, k] for output in model.output_names], axis=1)
            peak = np.abs(wanted).max() / values[parameter]
            np.testing.assert_allclose(found, slopes, rtol=1e-9, atol=1e-11 * peak)
    np.testing.assert_allclose(answer.solution.states, wanted, rtol=1e-10, atol=1e-11)


def test_lags_and_durations_have_sensitivities_at_steady_state():
    model = compartments(2, "mixed")
    outcome = {
        engine: solve(
            *one_patient(model, np.linspace(0.4, 30, 40), route="oral", ii=12.0, ss=1, addl=3),
            ("Cp",), engine, directions=Directions(("D1", "Fz", "CL", "V2", "ka", "lag(oral)", "dose(oral)")),
        ).sensitivities["Cp"]
        for engine in ("closed_form", "matrix_exponential")
    }  # fmt: skip
    exact = outcome["matrix_exponential"]
    np.testing.assert_allclose(outcome["closed_form"], exact, rtol=1e-8, atol=1e-9 * np.abs(exact).max())


@pytest.mark.parametrize("name", ["CL", "V1", "ka"])
def test_an_undefined_parameter_is_a_status_of_its_patient_alone(name):
    model = compartments(2, "first_order")
    typical = {p.name: p.value for p in model.parameters}
    patients = pd.DataFrame([typical, typical | {name: np.nan}, typical], index=["a", "b", "c"])
    outcome = simulate(model, patients, "100 mg every 12 h for 3 doses", [1, 20], engine="closed_form")
    assert list(outcome.failures) == ["b"]
    alone = simulate(
        model, patients.loc[["a"]], "100 mg every 12 h for 3 doses", [1, 20], engine="closed_form"
    )
    np.testing.assert_array_equal(outcome["Cp"].values[[0, 2]], np.tile(alone["Cp"].values, (2, 1)))


def test_an_exchange_beside_what_flows_in_evenly():
    """The exchange's smaller rate constant is zero, and rounding puts it below the zero of what flows in."""
    model = Model(
        "exchange and inflow", "h",
        {"out": 7.5e5, "back": 2.5e-4, "inflow": 1e-7}, {"A": ("mg", 1), "B": "mg", "D": "mg"},
        {"A": "back * B - out * A", "B": "out * A - back * B", "D": "inflow"},
        outputs={"of_A": ("A", "mg"), "of_D": ("D", "mg")},
    )  # fmt: skip
    outcome = simulate(model, times=[0, 1, 2], engine="closed_form")
    # What is left is the difference of two parts of 1, each with a rounding.
    np.testing.assert_allclose(outcome["of_A"].values[0, 1:], 2.5e-4 / (7.5e5 + 2.5e-4), rtol=0, atol=1e-15)
    np.testing.assert_allclose(outcome["of_D"].values[0], [0, 1e-7, 2e-7], rtol=1e-12)


def test_growth_that_is_fed():
    """dA/dt = A - 1 from 3 is 1 + 2 exp(t): the rate constant -1 is below the zero of what flows in."""
    model = Model(
        "growth", "h", {"k": 1.0}, {"A": ("mg", 3), "B": "mg"}, {"A": "k * A - 1[mg/h]", "B": "1[mg/h] - k * A"},
        outputs={"of_A": ("A", "mg"), "of_B": ("B", "mg")},
    )  # fmt: skip
    outcome = simulate(model, times=[0, 1, 2], engine="closed_form")
    grown = 1 + 2 * np.exp([0, 1, 2])
    # Exact but for rounding.
    np.testing.assert_allclose(outcome["of_A"].values[0], grown, rtol=1e-12)
    np.testing.assert_allclose(outcome["of_B"].values[0], 3 - grown, rtol=1e-12, atol=1e-12)
