"""Sums over sparse columns for a penalised logistic regression, compiled: loss, slopes, duality gap.

Columns are `starts` (p + 1), `rows`, `values`, `single`, as in `SparseColumns`. Sums run in one order: the same input
gives the same bits.
"""

from __future__ import annotations

import numpy as np
from numba import njit

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
    """Σ (lasso |β| + ridge β² / 2)."""
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
