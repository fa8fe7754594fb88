"""Crossings are found to a few roundings, the earliest first, in no more looks than bisection needs and one."""

import numpy as np
import pytest

from understudy.engine.events.crossing import (
    NARROW,
    any_differs,
    differs,
    estimate,
    is_followed,
    propose,
    sign,
    sign_behind,
    vertex,
)


def locate(functions, before, after):
    """Narrow a bracket as compiled solvers do; also the number of looks, and of those that bisection would need."""
    look = lambda t: np.array([[float(f(t))] for f in functions])  # noqa: E731
    tolerance, width = NARROW * max(abs(before), abs(after)), after - before
    lower, upper, looks = look(before), look(after), 0
    known = np.array([[sign(v)] for v in lower[:, 0]])
    assert any_differs(upper, known, 0)
    while after - before > tolerance:
        guess = estimate(before, after, lower, upper, known, 0)
        at = propose(before, after, guess, looks, width, tolerance)
        assert before < at < after
        values, looks = look(at), looks + 1
        if any_differs(values, known, 0):
            after, upper = at, values
        else:
            before, lower = at, values
    return before, after, looks, int(np.ceil(np.log2(width / tolerance)))


@pytest.mark.parametrize(
    ("functions", "span", "root"),
    [
        ([lambda t: t - 5], (3, 9), 5),
        ([np.sin], (3, 4), np.pi),
        ([lambda t: np.exp(t) - 1000, lambda t: t**9 - 1e5], (0, 10), 1e5 ** (1 / 9)),
        ([lambda t: 1 if t > 2.345 else -1], (0, 10), 2.345),
        ([lambda t: (t - 1) ** 9], (0, 7), 1),
        ([lambda t: 2 - t, lambda t: t - 3], (0, 7), 2),
        ([lambda t: t - 5], (5, 9), 5),
    ],
)
def test_the_first_change_is_bracketed(functions, span, root):
    before, after, looks, bisection = locate(functions, *map(float, span))
    # Four roundings beside the bracket's own width: the root itself is known no better.
    assert before - 4e-15 * root <= root <= after + 4e-15 * root
    assert after - before <= 2 * NARROW * max(span)
    assert looks <= bisection + 2


def test_smooth_differences_take_few_looks():
    assert locate([lambda t: np.exp(-0.3 * t) - 0.2], 5.0, 6.0)[2] <= 12


def test_leaving_zero_is_a_change_and_undefined_is_one_sign():
    pairs = [(1e-300, 0.0), (0.0, 1.0), (np.nan, 1.0), (1.0, np.nan), (-2.0, -1.0), (np.nan, np.nan)]
    assert [differs(*pair) for pair in pairs] == [True, True, True, True, False, False]


def test_the_sign_behind_a_crossing_is_not_that_of_rounding():
    cases = {
        (0, 1e-16, -3.0): -1,
        (1, 0.0, -2.0): -1,
        (1, -1e-16, 2.0): -1,
        (0, -1.0, 2.0): -1,
        (1, 0.0, 0.0): 0,
    }
    assert {case: sign_behind(*case) for case in cases} == cases


def test_the_vertex_of_a_parabola_that_dips_below_zero_is_found():
    dips = lambda t: (t - 0.3) ** 2 - 1e-3  # noqa: E731
    assert vertex(0.0, 0.25, 0.5, dips(0), dips(0.25), dips(0.5)) == pytest.approx(0.3)
    stays = lambda t: (t - 0.3) ** 2 + 1.0  # noqa: E731
    assert np.isnan(vertex(0.0, 0.25, 0.5, stays(0), stays(0.25), stays(0.5)))
    assert vertex(0.0, 0.25, 0.5, -dips(0), -dips(0.25), -dips(0.5)) == pytest.approx(0.3)
    assert vertex(0.25, 0.5, 0.75, dips(0.25), dips(0.5), dips(0.75)) == pytest.approx(0.3)
    assert np.isnan(vertex(0.5, 0.75, 1.0, dips(0.5), dips(0.75), dips(1.0)))
    assert np.isnan(vertex(0.0, 1.0, 2.0, 1.0, 2.0, 3.0))


def test_looks_follow_what_is_slow_against_them():
    times = np.linspace(0, 1, 5)
    for speed, followed in ((1.0, True), (3.0, True), (10.0, False), (41.0, False)):
        assert is_followed(np.sin(speed * times)[:, None, None], 0, 0) == followed, speed
    assert is_followed(np.zeros((5, 1, 1)), 0, 0)
