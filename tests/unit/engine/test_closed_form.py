"""The closed form against matrix exponentials, its divided differences against exact ones."""

from fractions import Fraction
from functools import partial
from math import factorial

import mpmath
import numpy as np
import pandas as pd
import pytest
from scipy.linalg import expm

from understudy.engine.divided_differences import divided_differences, work_space
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


def exact_divided_difference(points: list[Fraction], time: Fraction, terms: int = 400) -> float:
    """Of exp(-z t), its sign positive, by its power series in rational arithmetic.

    The divided difference of z^m over n + 1 points is the complete homogeneous polynomial of degree m - n.
    """
    order = len(points) - 1
    complete = [Fraction(1)] + [Fraction(0)] * terms
    for point in points:
        for m in range(1, terms + 1):
            complete[m] += point * complete[m - 1]
    total = sum((-1) ** m * time ** (m + order) * complete[m] / factorial(m + order) for m in range(terms))
    return float(total)


POINTS = [
    ["1/2"],
    ["1/2", "1/2"],
    ["0", "0", "0"],
    ["0", "1", "1"],
    ["1/10", "1/10", "1", "5"],
    ["0", "1/1000000000", "2/1000000000", "3"],
    ["1/3", "1/3", "1/3", "1/3", "1/3"],
    ["0", "1/5", "2", "2", "7"],
    ["0", "1/4", "1/2", "3/4", "1"],
]


@pytest.mark.parametrize("points", POINTS, ids=",".join)
@pytest.mark.parametrize("time", ["1/1000", "1/2", "1", "4", "12"])
def test_divided_differences(points, time):
    exact = sorted([Fraction(p) for p in points], reverse=True)
    count, found = len(exact), np.empty(len(exact))
    divided_differences(
        np.array([float(p) for p in exact]), count, float(Fraction(time)), found, *work_space(count)
    )
    wanted = [exact_divided_difference(exact[: k + 1], Fraction(time)) for k in range(count)]
    assert found == pytest.approx(wanted, rel=2e-12)


def test_the_exact_divided_differences_are_right():
    # Over equal points it is t^n exp(-z t) / n!, over 0 and 1 it is 1 - exp(-t).
    assert exact_divided_difference([Fraction(1, 2)] * 3, Fraction(2)) == pytest.approx(
        2 * np.exp(-1), rel=1e-15
    )
    assert exact_divided_difference([Fraction(0), Fraction(1)], Fraction(3)) == pytest.approx(
        -np.expm1(-3), rel=1e-15
    )


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
