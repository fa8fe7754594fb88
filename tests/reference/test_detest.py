"""The non-stiff problems of DETEST on the kernel engine, at every tolerance from 1e-4 to 1e-10 (see `detest_set`).

Errors are counted in tolerances: so much of a value, and a hundredth as much of the largest value. At the end they are
to be less than ten. On the way values of an oscillation pass through zero, and with them what is allowed (A5, B4 and
E2 come to 13 there); there errors are measured by the largest value alone, as in the scaled variant of NSDTST.

Six problems magnify errors. On the orbits D1 to D5 a body that is a little off has another period, and is ahead or
behind ever after; E3 is a driven spring whose period depends on how far it swings. An error of one tolerance, made
once, becomes hundreds by the end (E3: 60), whoever makes it. There all errors of the kernel together are to stay below
that (for the orbits below a tenth of it), and below those of SciPy's LSODA at the same tolerance.
"""

import numpy as np
import pytest
from detest_set import CASES, TIMES, Case, duffing

from understudy.engine.kernel import kernel
from understudy.engine.problem import Tolerances
from understudy.engine.simulate import simulate
from understudy.model.model import Model

ASKED = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
# An absolute tolerance of a hundredth of the relative one, as by default.
SHARE = 1e-2


def attraction(t: float, y: np.ndarray) -> np.ndarray:
    """D1 to D5."""
    return np.array([y[2], y[3], *(-y[:2] / (y[0] ** 2 + y[1] ** 2) ** 1.5)])


MAGNIFYING = {name: attraction for name in CASES if name.startswith("D")} | {"E3": duffing}
# The part of the magnification that errors may come to.
PART = dict.fromkeys(MAGNIFYING, 0.1) | {"E3": 1.0}
STEADY = [name for name in CASES if name not in MAGNIFYING]


def found(model: Model, engine: str, tolerances: Tolerances | None = None) -> np.ndarray:
    """States by the engine, shape (states, times)."""
    outcome = simulate(model, times=TIMES, engine=engine, tolerances=tolerances).raise_failures()
    return np.array([outcome[state].values.ravel() for state in model.state_names])


def largest(case: Case) -> np.ndarray:
    return np.abs(case.course).max(axis=1, keepdims=True)


def allowed(case: Case) -> np.ndarray:
    return np.abs(case.course) + SHARE * largest(case)


def errors(case: Case, relative: float, model: Model | None = None) -> np.ndarray:
    """What the kernel is off by, as a multiple of the relative tolerance."""
    states = found(model or case.model, "kernel", Tolerances(relative, SHARE * relative))
    return np.abs(states - case.course) / relative


def worst(case: Case, relative: float, model: Model | None = None) -> tuple[float, float]:
    """Errors in tolerances at the end, and by the largest value at any time."""
    off = errors(case, relative, model)
    return np.max(off[:, -1] / allowed(case)[:, -1]), np.max(off / largest(case))


def magnification(case: Case, rates) -> np.ndarray:
    """By time: how many tolerances an error of one becomes, made once at the worst time and in the worst direction."""
    flow = sensitivity(case, rates)
    unit, most = allowed(case).T, np.ones(TIMES.size)
    for made in range(TIMES.size):
        onwards = np.abs(flow[made:] @ np.linalg.inv(flow[made]))
        most[made:] = np.maximum(most[made:], np.max(onwards @ unit[made] / unit[made:], axis=1))
    return most


def sensitivity(case: Case, rates) -> np.ndarray:
    """Derivatives of the states by those at the start, by central differences, shape (times, states, states)."""
    from scipy.integrate import solve_ivp

    count, small = len(case.course), 1e-6
    moved = small * np.hstack([np.eye(count), -np.eye(count)])
    start = case.course[:, :1] + moved
    together = solve_ivp(
        lambda t, y: rates(t, y.reshape(count, -1)).ravel(),
        (0, TIMES[-1]),
        start.ravel(),
        "DOP853",
        TIMES,
        rtol=1e-12,
        atol=1e-13,
    )
    ahead, behind = np.split(together.y.reshape(count, 2 * count, -1), 2, axis=1)
    return np.moveaxis((ahead - behind) / (2 * small), 2, 0)


@pytest.mark.parametrize("name", CASES)
def test_solutions_are_those_that_were_published(name):
    case = CASES[name]
    off, end = np.abs(case.course[:, -1] - case.end), np.abs(case.end)
    assert np.all(off < 1e-12 * largest(case).max()), off
    # No digit of a small value is mistyped: what was published has at least seven of them.
    assert np.all(off < 2e-7 * end), off / end


@pytest.mark.parametrize("name", STEADY)
def test_the_error_is_within_ten_times_the_tolerance(name):
    for relative in ASKED:
        at_end, on_the_way = worst(CASES[name], relative)
        assert at_end < 10, relative
        assert on_the_way < 10, relative


@pytest.mark.parametrize("name", MAGNIFYING)
def test_less_comes_of_all_errors_than_of_one_tolerance_made_once(name):
    case = CASES[name]
    most = magnification(case, MAGNIFYING[name])
    # Ten times the tolerance is more than local control of errors can promise.
    assert most[-1] > 50
    for relative in ASKED:
        off = np.max(errors(case, relative) / allowed(case), axis=0)
        assert np.all(off[1:] < PART[name] * most[1:]), relative


@pytest.mark.parametrize("name", MAGNIFYING)
def test_the_error_is_less_than_that_of_another_solver(name):
    from scipy.integrate import solve_ivp

    case = CASES[name]
    absolute, start = SHARE * largest(case).ravel(), case.course[:, 0]
    for relative in ASKED:
        other = solve_ivp(
            MAGNIFYING[name], (0, TIMES[-1]), start, "LSODA", TIMES, rtol=relative, atol=relative * absolute
        )
        theirs = np.abs(other.y - case.course) / relative / largest(case)
        assert worst(case, relative)[1] < theirs.max(), relative


@pytest.mark.parametrize("name", ["A3", "B1", "B5", "C5", "D2", "E2", "E3"])
def test_the_reference_engine_finds_the_same(name):
    case = CASES[name]
    assert np.max(np.abs(found(case.model, "reference") - case.course) / largest(case)) < 1e-8


@pytest.mark.parametrize(("name", "coefficient"), [("C5", "G"), ("C5", "m1"), ("E3", "w")])
def test_a_wrong_coefficient_is_seen(name, coefficient):
    case = CASES[name]
    value = case.model.parameter(coefficient).value
    wrong = case.model.with_values(**{coefficient: value * (1 + 1e-5)})
    assert worst(case, 1e-8)[0] < 10 < worst(case, 1e-8, wrong)[0]


@pytest.mark.parametrize("name", ["A3", "A5", "B1", "B4", "B5", "E2"])
def test_an_engine_that_allows_too_much_is_seen(name, monkeypatch):
    monkeypatch.setattr(kernel, "PER_STEP", 300 * kernel.PER_STEP)
    assert max(worst(CASES[name], 1e-6)) > 10
