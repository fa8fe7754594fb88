"""Coordinate descent for penalised logistic regression on sparse columns, compiled.

Minimises  Σ w [log(1 + exp(η)) - y η] + Σ (lasso |β| + ridge β² / 2),  η = intercept + X β.  Newton's method outside: a
quadratic at the present coefficients, and a step that is halved until it brings its share of what was foretold. Inside,
cyclic coordinate descent on the quadratic (Friedman, Hastie, Tibshirani 2010, doi:10.18637/jss.v033.i01; Yuan, Ho, Lin
2012, https://jmlr.org/papers/v13/yuan12a.html), in which the intercept is solved for after every move, and every few
passes are extrapolated (Bertrand, Massias 2021, https://proceedings.mlr.press/v130/bertrand21a.html). The caller
chooses working sets of columns (as Johnson, Guestrin 2015, https://proceedings.mlr.press/v37/johnson15.html) and looks
at all of them before the end.

Columns are `starts` (p + 1), `rows`, `values`, `single`, as in `SparseColumns`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from understudy.causal.propensity.logistic_sums import column_dot, loss, residuals, violation

_DECREASE = 1e-4  # share of the foretold decrease that a step has to bring (Armijo)
_HALVINGS = 40
_NEWTON = 100  # Newton steps on one working set
_SWEEPS = 1000  # passes of descent in one Newton step
_MEMORY = 5  # passes that an extrapolation is made of
_RIDGE = 1e-12  # share of the trace that keeps its equations regular
_INEXACT = 0.1  # the quadratic is solved to this share of what was violated when it was made
_SMALLEST_CURVATURE = 1e-12
_CONSTANT = 1e-9  # share of a column's spread about zero, below which it is taken for constant


@njit(cache=True, nogil=True)
def _moved(beta, slope, curvature, lasso, ridge):
    """The coefficient that minimises the quadratic, all others held."""
    pull = curvature * beta - slope
    if pull > lasso:
        return (pull - lasso) / (curvature + ridge)
    if pull < -lasso:
        return (pull + lasso) / (curvature + ridge)
    return 0.0


@njit(cache=True, nogil=True)
def _weighted_dot(starts, rows, values, single, j, both):
    """Sum of a column times curvature times move, over the rows where the column is not zero."""
    first, end = starts[j], starts[j + 1]
    a, b = 0.0, 0.0
    if single[j]:
        whole = first + 2 * ((end - first) // 2)
        for k in range(first, whole, 2):
            a += both[rows[k], 0] * both[rows[k], 1]
            b += both[rows[k + 1], 0] * both[rows[k + 1], 1]
        if whole < end:
            a += both[rows[whole], 0] * both[rows[whole], 1]
        return values[first] * (a + b) if first < end else 0.0
    for k in range(first, end):
        a += values[k] * both[rows[k], 0] * both[rows[k], 1]
    return a


@njit(cache=True, nogil=True)
def _add_column(starts, rows, values, single, j, step, both):
    """Move the rows of a column."""
    first, end = starts[j], starts[j + 1]
    if single[j]:
        step *= values[first]
        for k in range(first, end):
            both[rows[k], 1] += step
    else:
        for k in range(first, end):
            both[rows[k], 1] += step * values[k]


@njit(cache=True, nogil=True)
def _keep(columns, beta, both, past, way):
    for c in range(columns.size):
        past[c] = beta[columns[c]]
    for i in range(way.size):
        way[i] = both[i, 1]


@njit(cache=True, nogil=True)
def _extrapolate(columns, lasso, ridge, slope, beta, both, past, ways, shift, total):
    """Anderson's combination of the last passes, taken where it lies lower (Bertrand, Massias 2021).

    https://proceedings.mlr.press/v130/bertrand21a.html. Returns the move of the intercept.
    """
    share = _combination(past)
    if share.size == 0:
        return shift
    guess, way = _combined(past, share), _combined(ways, share)
    other, height = _height(columns, lasso, ridge, slope, both, past[0], guess, way, total)
    _, now = _height(columns, lasso, ridge, slope, both, past[0], past[share.size], ways[share.size], total)
    if not height < now:
        return shift
    for c in range(columns.size):
        beta[columns[c]] = guess[c]
    for i in range(way.size):
        both[i, 1] = way[i]
    return other


@njit(cache=True, nogil=True)
def _combined(points, share):
    """Weighted sum of all points but the first."""
    found = np.zeros(points.shape[1])
    for k in range(share.size):
        for i in range(found.size):
            found[i] += share[k] * points[k + 1, i]
    return found


@njit(cache=True, nogil=True)
def _height(columns, lasso, ridge, slope, both, origin, point, way, total):
    """The intercept's best move, and the quadratic there, less its value at `origin` without any way."""
    first, second = slope[columns.size], 0.0
    for i in range(way.size):
        first += both[i, 0] * way[i]
        second += both[i, 0] * way[i] * way[i]
    shift = -first / total
    height = 0.5 * second - 0.5 * first * first / total
    for c in range(columns.size):
        j = columns[c]
        height += slope[c] * (point[c] - origin[c])
        height += lasso[j] * abs(point[c]) + 0.5 * ridge[j] * point[c] * point[c]
    return shift, height


@njit(cache=True, nogil=True)
def _combination(past):
    """Weights that sum to one and make the combined change smallest; none where that is not settled."""
    size = past.shape[0] - 1
    left, right, scale = np.zeros((size, size)), np.ones(size), 0.0
    for a in range(size):
        for b in range(size):
            for c in range(past.shape[1]):
                left[a, b] += (past[a + 1, c] - past[a, c]) * (past[b + 1, c] - past[b, c])
        scale += left[a, a]
    for a in range(size):
        left[a, a] += _RIDGE * scale
        if not left[a, a] > 0.0:
            return np.empty(0)
        for b in range(a + 1, size):
            factor = left[b, a] / left[a, a]
            right[b] -= factor * right[a]
            for c in range(size):
                left[b, c] -= factor * left[a, c]
    total = 0.0
    for a in range(size - 1, -1, -1):
        for b in range(a + 1, size):
            right[a] -= left[a, b] * right[b]
        right[a] /= left[a, a]
        total += right[a]
    for a in range(size):
        right[a] /= total
    return right


@njit(cache=True, nogil=True)
def _descend(
    starts, rows, values, single, columns, lasso, ridge, slope, curvature, mean, beta, both, total, target
):
    """Descent on the quadratic over `columns`; `both` is (n, 2): curvature of each row and the move of its predictor.

    The intercept is where it is best after every move of another coefficient: that is as if the columns were centred,
    costs one number, and returns as the move of the intercept. `mean` is each column's sum times curvature, `total`
    that of ones. Passes go over the columns that are not at zero, and over all when those rest.
    """
    everyone = True
    shift = -slope[columns.size] / total
    past, ways, seen = np.empty((_MEMORY + 1, columns.size)), np.empty((_MEMORY + 1, both.shape[0])), 0
    for _ in range(_SWEEPS):
        worst = 0.0
        for c in range(columns.size):
            j = columns[c]
            if curvature[c] <= 0.0 or (beta[j] == 0.0 and not everyone):
                continue
            at = slope[c] + _weighted_dot(starts, rows, values, single, j, both) + shift * mean[c]
            worst = max(worst, violation(beta[j], at, lasso[j], ridge[j]))
            move = _moved(beta[j], at, curvature[c], lasso[j], ridge[j]) - beta[j]
            if move != 0.0:
                beta[j] += move
                shift -= move * mean[c] / total
                _add_column(starts, rows, values, single, j, move, both)
        if worst <= target:
            if everyone:
                break
            everyone = True
            continue
        everyone = False
        _keep(columns, beta, both, past[seen], ways[seen])
        seen += 1
        if seen > _MEMORY:
            shift = _extrapolate(columns, lasso, ridge, slope, beta, both, past, ways, shift, total)
            seen = 0
    for i in range(both.shape[0]):
        both[i, 1] += shift
    return shift


@njit(cache=True, nogil=True)
def _moments(starts, rows, values, single, j, both):
    """Sums of a column, and of its squares, times curvature."""
    mean, square = 0.0, 0.0
    if single[j]:
        for k in range(starts[j], starts[j + 1]):
            mean += both[rows[k], 0]
        value = values[starts[j]] if starts[j] < starts[j + 1] else 0.0
        return value * mean, value * value * mean
    for k in range(starts[j], starts[j + 1]):
        part = values[k] * both[rows[k], 0]
        mean += part
        square += values[k] * part
    return mean, square


@njit(cache=True, nogil=True)
def newton(starts, rows, values, single, columns, lasso, ridge, y, weight, beta, eta, target):
    """Solve on a working set until no condition is broken by more than `target`; returns the intercept's move."""
    n, moved = eta.size, 0.0
    slopes, both = np.empty(n), np.empty((n, 2))
    slope, curvature, mean = np.empty(columns.size + 1), np.empty(columns.size), np.empty(columns.size)
    before, trial = np.empty(columns.size), np.empty(n)
    for _ in range(_NEWTON):
        residuals(eta, y, weight, slopes)
        total = 0.0
        for i in range(n):
            share = abs(slopes[i])
            bend = share - share * share / weight[i] if weight[i] > 0 else 0.0
            both[i, 0] = max(bend, _SMALLEST_CURVATURE * weight[i])
            both[i, 1] = 0.0
            total += both[i, 0]
        worst = 0.0
        for c in range(columns.size):
            j = columns[c]
            slope[c] = column_dot(starts, rows, values, single, j, slopes)
            mean[c], curvature[c] = _moments(starts, rows, values, single, j, both)
            centred = curvature[c] - mean[c] * mean[c] / total
            curvature[c] = centred if centred > _CONSTANT * curvature[c] else 0.0
            before[c] = beta[j]
            worst = max(worst, violation(beta[j], slope[c], lasso[j], ridge[j]))
        slope[columns.size] = 0.0
        for i in range(n):
            slope[columns.size] += slopes[i]
        worst = max(worst, abs(slope[columns.size]))
        if worst <= target:
            break
        near = max(_INEXACT * worst, 0.5 * target)
        shift = _descend(
            starts,
            rows,
            values,
            single,
            columns,
            lasso,
            ridge,
            slope,
            curvature,
            mean,
            beta,
            both,
            total,
            near,
        )

        step = _backtrack(columns, lasso, ridge, slope, y, weight, beta, before, eta, both, shift, trial)
        if step == 0.0:
            break
        moved += step * shift
    return moved


@njit(cache=True, nogil=True)
def _backtrack(columns, lasso, ridge, slope, y, weight, beta, before, eta, both, shift, trial):
    """Halve the step until it brings its share of the foretold decrease; beta and eta go there. 0 if none does."""
    foretold, now = slope[columns.size] * shift, loss(eta, y, weight)
    old, new = 0.0, 0.0
    for c in range(columns.size):
        j = columns[c]
        foretold += slope[c] * (beta[j] - before[c])
        old += lasso[j] * abs(before[c]) + 0.5 * ridge[j] * before[c] ** 2
        new += lasso[j] * abs(beta[j]) + 0.5 * ridge[j] * beta[j] ** 2
    foretold += new - old
    step = 1.0
    for _ in range(_HALVINGS):
        for i in range(eta.size):
            trial[i] = eta[i] + step * both[i, 1]
        reached = loss(trial, y, weight)
        penalty = 0.0
        for c in range(columns.size):
            b = before[c] + step * (beta[columns[c]] - before[c])
            penalty += lasso[columns[c]] * abs(b) + 0.5 * ridge[columns[c]] * b * b
        if reached + penalty <= now + old + _DECREASE * step * min(foretold, 0.0) + 1e-14 * abs(now):
            break
        step *= 0.5
    else:
        step = 0.0
    for c in range(columns.size):
        j = columns[c]
        beta[j] = beta[j] if step == 1.0 else before[c] + step * (beta[j] - before[c])
    if step > 0.0:
        for i in range(eta.size):
            eta[i] = trial[i]
    return step
