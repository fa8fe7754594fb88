"""Coordinate descent for penalised logistic regression on sparse columns, compiled.

Minimises  Σ w [log(1 + exp(η)) - y η] + Σ (lasso |β| + ridge β² / 2),  η = intercept + X β.  Newton's method outside: a
quadratic at the present coefficients, and a step that is halved until it brings its share of what was foretold. Inside,
cyclic coordinate descent on the quadratic (Friedman, Hastie, Tibshirani 2010, doi:10.18637/jss.v033.i01; Yuan, Ho, Lin
2012, https://jmlr.org/papers/v13/yuan12a.html), in which the intercept is solved for after every move, and every few
passes are extrapolated (Bertrand, Massias 2021, https://proceedings.mlr.press/v130/bertrand21a.html). The caller
chooses working sets of columns (as Johnson, Guestrin 2015, https://proceedings.mlr.press/v37/johnson15.html) and looks
at all of them before the end. Sums run in one order: the same input gives the same bits.

Columns are `starts` (p + 1), `rows`, `values`, `single`, as in `SparseColumns`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_DECREASE = 1e-4  # share of the foretold decrease that a step has to bring (Armijo)
_HALVINGS = 40
_NEWTON = 100  # Newton steps on one working set
_SWEEPS = 1000  # passes of descent in one Newton step
_MEMORY = 5  # passes that an extrapolation is made of
_RIDGE = 1e-12  # share of the trace that keeps its equations regular
_INEXACT = 0.1  # the quadratic is solved to this share of what was violated when it was made
_SMALLEST_CURVATURE = 1e-12
_CONSTANT = 1e-9  # share of a column's spread about zero, below which it is taken for constant
_EXACT = 1e-12  # of the intercept's own equation, by the sum of weights


@njit(cache=True, nogil=True)
def column_dot(starts, rows, values, single, j, vector):
    """Sum of a column times a vector; four sums side by side hide the time an addition takes."""
    first, end = starts[j], starts[j + 1]
    total = 0.0
    if single[j]:
        if first == end:
            return 0.0
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        whole = first + 4 * ((end - first) // 4)
        for k in range(first, whole, 4):
            a += vector[rows[k]]
            b += vector[rows[k + 1]]
            c += vector[rows[k + 2]]
            d += vector[rows[k + 3]]
        for k in range(whole, end):
            a += vector[rows[k]]
        total = values[first] * ((a + b) + (c + d))
    else:
        for k in range(first, end):
            total += values[k] * vector[rows[k]]
    return total


@njit(cache=True, nogil=True)
def gradient(starts, rows, values, single, vector):
    """Every column times a vector, shape (p,)."""
    found = np.empty(starts.size - 1)
    for j in range(found.size):
        found[j] = column_dot(starts, rows, values, single, j, vector)
    return found


@njit(cache=True, nogil=True)
def linear_predictor(starts, rows, values, single, beta, intercept, n):
    """eta = intercept + X beta, shape (n,)."""
    eta = np.full(n, intercept)
    for j in range(beta.size):
        if beta[j] != 0.0:
            for k in range(starts[j], starts[j + 1]):
                eta[rows[k]] += values[starts[j] if single[j] else k] * beta[j]
    return eta


@njit(cache=True, nogil=True)
def softplus(x):
    """log(1 + exp(x)) without overflow."""
    return x + np.log1p(np.exp(-x)) if x > 0 else np.log1p(np.exp(x))


@njit(cache=True, nogil=True)
def sigmoid(x):
    """1 / (1 + exp(-x)) without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + np.exp(-x))
    grown = np.exp(x)
    return grown / (1.0 + grown)


@njit(cache=True, nogil=True)
def loss(eta, y, weight):
    """Negative log-likelihood."""
    total = 0.0
    for i in range(eta.size):
        if weight[i] != 0.0:
            total += weight[i] * softplus(eta[i] if y[i] == 0 else -eta[i])
    return total


@njit(cache=True, nogil=True)
def penalty(beta, lasso, ridge):
    total = 0.0
    for j in range(beta.size):
        if beta[j] != 0.0:
            total += lasso[j] * abs(beta[j]) + 0.5 * ridge[j] * beta[j] * beta[j]
    return total


@njit(cache=True, nogil=True)
def residuals(eta, y, weight, found):
    """Into `found`, w (p - y): the slope of the loss by each linear predictor."""
    for i in range(eta.size):
        miss = sigmoid(eta[i]) if y[i] == 0 else -sigmoid(-eta[i])
        found[i] = weight[i] * miss


@njit(cache=True, nogil=True)
def centre(eta, y, weight, slopes):
    """Move the intercept to where its own equation holds; returns the way it went."""
    moved, total = 0.0, 0.0
    for i in range(weight.size):
        total += weight[i]
    for _ in range(50):
        residuals(eta, y, weight, slopes)
        slope, curvature = 0.0, 0.0
        for i in range(eta.size):
            slope += slopes[i]
            share = abs(slopes[i])
            curvature += share - share * share / weight[i] if weight[i] > 0 else 0.0
        if abs(slope) <= _EXACT * total or curvature <= 0.0:
            break
        step = -slope / curvature
        step = min(max(step, -2.0), 2.0)  # Newton's step overshoots where all are far from their outcome
        moved += step
        for i in range(eta.size):
            eta[i] += step
    return moved


@njit(cache=True, nogil=True)
def duality_gap(eta, y, weight, beta, slope, lasso, ridge):
    """How far the objective may be above its minimum, at most; `slope` is X' (p - y) w.

    The dual point are the residuals, shrunk until no lasso column breaks its bound. It is exact as far as the
    unpenalised coefficients solve their equations.
    """
    shrink, dual = 1.0, 0.0
    for j in range(beta.size):
        if lasso[j] > 0 and ridge[j] == 0 and abs(slope[j]) * shrink > lasso[j]:
            shrink = lasso[j] / abs(slope[j])
    for i in range(eta.size):
        if weight[i] != 0.0:
            tail = shrink * sigmoid(eta[i] if y[i] == 0 else -eta[i])
            if tail > 0.0:
                dual -= weight[i] * (tail * np.log(tail) + (1 - tail) * np.log1p(-tail))
    for j in range(beta.size):
        if ridge[j] > 0:
            dual -= (shrink * slope[j]) ** 2 / (2 * ridge[j])
    return loss(eta, y, weight) + penalty(beta, lasso, ridge) - dual


@njit(cache=True, nogil=True)
def violation(beta, slope, lasso, ridge):
    """How far a coefficient's slope is from the condition of optimality."""
    smooth = slope + ridge * beta
    if beta > 0:
        return abs(smooth + lasso)
    if beta < 0:
        return abs(smooth - lasso)
    return max(abs(smooth) - lasso, 0.0)


@njit(cache=True, nogil=True)
def violations(beta, slope, lasso, ridge):
    """`violation` of every coefficient, shape (p,)."""
    found = np.empty(beta.size)
    for j in range(beta.size):
        found[j] = violation(beta[j], slope[j], lasso[j], ridge[j])
    return found


@njit(cache=True, nogil=True)
def spread(starts, rows, values, single, j, eta, y, weight):
    """A column's spread about its mean, weighted by the variance of the outcome, and as if all were in doubt."""
    total, mean, square, all_total, all_mean, all_square = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(eta.size):
        share = sigmoid(eta[i]) * sigmoid(-eta[i]) * weight[i]
        total += share
        all_total += weight[i]
    for k in range(starts[j], starts[j + 1]):
        value, i = values[k], rows[k]
        share = sigmoid(eta[i]) * sigmoid(-eta[i]) * weight[i]
        mean += share * value
        square += share * value * value
        all_mean += weight[i] * value
        all_square += weight[i] * value * value
    return square - mean * mean / total, all_square - all_mean * all_mean / all_total


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
