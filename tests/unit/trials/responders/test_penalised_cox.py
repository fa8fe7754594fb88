"""Penalised Cox regression: the plain one where nothing is penalised."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.survival.cox import cox
from understudy.core.random import normals, uniforms
from understudy.trials.responders.penalised_cox import penalised_cox


def made(count: int = 200):
    z, u = normals(1, "covariates", np.arange(count), 3), uniforms(1, "times", np.arange(count), 2)
    time = np.ceil(20 * -np.log(u[:, 0]) * np.exp(-z[:, 0] + 0.5 * z[:, 1]))
    lost = np.ceil(60 * u[:, 1])
    return np.minimum(time, lost), (time <= lost).astype(int), z


def test_without_penalty_it_is_cox_regression_with_breslows_ties():
    time, event, x = made()
    found = penalised_cox(time, event, x, penalty=0.0)
    # Where Newton's steps end: the gradient is then below 1e-4 of an event.
    assert found.coefficients == pytest.approx(cox(time, event, x, ties="breslow").coefficients, abs=1e-4)


def test_baseline_is_breslows_sum():
    time, event, x = made(60)
    found = penalised_cox(time, event, x)
    risk = np.exp(x @ found.coefficients)
    expected, total = [], 0.0
    for t in np.unique(time[event > 0]):
        total += ((time == t) & (event > 0)).sum() / risk[time >= t].sum()
        expected.append(total)
    assert found.cumulative == pytest.approx(expected)
    assert found.hazards(x[:1], np.array([0.0, 1e9]))[0] == pytest.approx([0.0, risk[0] * total])


def test_perfect_order_has_finite_coefficients():
    time = np.arange(1.0, 41.0)
    found = penalised_cox(time, np.ones(40, dtype=int), -((time - time.mean()) / time.std())[:, None])
    assert 1 < found.coefficients[0] < 20


def test_penalty_shrinks():
    time, event, x = made()
    sizes = [np.abs(penalised_cox(time, event, x, penalty).coefficients).sum() for penalty in (0.0, 0.1, 1.0)]
    assert sizes == sorted(sizes, reverse=True)
