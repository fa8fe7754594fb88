"""The conditional objective functions, FO, FOCE and FOCEI, of every subject, with their exact gradients.

Objective: Wang 2007, doi:10.1007/s10928-007-9060-6. Gradient: Almquist J, Leander J, Jirstrand M. Using sensitivity
equations for computing gradients of the FOCE and FOCEI approximations to the population likelihood. J Pharmacokinet
Pharmacodyn 2015;42:191-209, doi:10.1007/s10928-015-9409-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.inference.likelihood import Likelihood
from understudy.inference.slopes import STEP, Slopes

# Squared length of the last Newton step to a mode, in units of the posterior's standard deviations; each step must
# shrink it. Rounding may stop the steps a little before.
_ARRIVED, _NEAR, _SHRINKS, _MOST_STEPS = 1e-15, 1e-9, 0.5, 30
# How much shorter than needed a step that is not made must promise to be.
_SURELY = 0.1


@dataclass(frozen=True, eq=False)
class SubjectObjectives:
    """Each subject's part of an objective function, with its derivatives.

    Parameters
    ----------
    values : float array, shape (N,)
        On NONMEM's scale, without the terms in 2 pi.
    by_fixed : float array, shape (N, fixed effects that are estimated)
    by_omega : float array, shape (N, active, active)
        By the entries of omega, as if all were free; symmetric.
    joint : float array, shape (N, active, active + fixed effects that are estimated)
        Second derivatives of half of the joint density's term by the random effects and all effects: what says how
        modes move.
    expected : float array, shape (N, active, active)
        The curvature that the objective uses.
    """

    values: np.ndarray
    by_fixed: np.ndarray
    by_omega: np.ndarray
    joint: np.ndarray
    expected: np.ndarray

    @property
    def correction(self) -> np.ndarray:
        """What the random effects' curvature has beyond the expected one, shape (N, active, active)."""
        return self.joint[..., : self.expected.shape[-1]] - self.expected


def polish(
    likelihood: Likelihood, start: np.ndarray, correction: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Modes near a start, by Newton steps with a curvature that is nearly the right one.

    Parameters
    ----------
    likelihood : Likelihood
    start : float array, shape (N, n)
    correction : float array, shape (N, active, active)
        What the curvature of half of the joint density's term has beyond the expected one, at a point near by.

    Returns
    -------
    modes : float array, shape (N, n)
    arrived : bool array, shape (N,)
        False where the steps did not become shorter: a start that was not near enough.
    """
    modes, before = start.copy(), np.full(likelihood.count, np.inf)
    going = np.ones(likelihood.count, dtype=bool)
    for _ in range(_MOST_STEPS):
        at = likelihood.slopes(modes[None])
        gradient, expected = likelihood.gradient(modes[None], at)[0], likelihood.expected_curvature(at)[0]
        curvature = definite(expected + correction, expected)
        step = -np.linalg.solve(curvature, gradient[..., None])[..., 0]
        left = -(gradient * step).sum(axis=1)
        going &= (left > _ARRIVED) & (left < _SHRINKS * before)
        if not going.any():
            break
        modes[:, likelihood.active] += np.where(going[:, None], step, 0.0)
        # As steps have become shorter, so they will: what the next one would be too short for is not asked for again.
        following = np.where(np.isfinite(before), left * left / before, np.inf)
        before = np.where(going, left, before)
        arrives = going & (following < _SURELY * _ARRIVED)
        left, going = np.where(arrives, following, left), going & ~arrives
        if not going.any():
            break
    return modes, (np.abs(left) <= _NEAR) & np.isfinite(left)


def definite(matrices: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Symmetric matrices that are positive definite, others in place of those that are not."""
    symmetric = 0.5 * (matrices + np.swapaxes(matrices, 1, 2))
    good = np.linalg.eigvalsh(symmetric).min(axis=1) > 0
    return np.where(good[:, None, None], symmetric, others)


def subject_values(likelihood: Likelihood, modes: np.ndarray) -> np.ndarray:
    """Each subject's part of the objective function at modes of shape (N, n); zero without an observation."""
    at = likelihood.slopes(modes[None])
    return _values(likelihood, modes, at, likelihood.expected_curvature(at)[0])


def subject_objectives(likelihood: Likelihood, modes: np.ndarray) -> SubjectObjectives:
    """The same with derivatives.

    Parameters
    ----------
    likelihood : Likelihood
    modes : float array, shape (N, n)
        Where the joint density of data and random effects is largest; elsewhere the derivatives are wrong.
    """
    size = likelihood.active.size
    at = likelihood.slopes(modes[None], with_fixed=True)
    curvature = likelihood.expected_curvature(at)[0]
    second = likelihood.second_slopes(modes)
    scores = 2.0 * _summed(likelihood, likelihood.scores(at)[0, :, size:])
    inverse = _inverse(curvature)
    if not size:
        none = np.zeros((likelihood.count, 0, 0))
        joint = np.zeros((likelihood.count, 0, scores.shape[1]))
        return SubjectObjectives(_values(likelihood, modes, at, curvature), scores, none, joint, none)
    if likelihood.predictor.correlated is None:
        by_effects = _log_determinant_slopes(likelihood, at, second, inverse)
    else:
        by_effects = _log_determinant_differences(likelihood, modes)
    joint = _joint_curvature(likelihood, at, second)
    # How the mode moves enters by way of the log-determinant alone: at the mode the joint density does not change.
    pull = np.linalg.solve(joint[..., :size], by_effects[:, :size, None])[..., 0]
    moved = np.einsum("na,nax->nx", pull, joint[..., size:])
    by_fixed = scores + by_effects[:, size:] - moved
    by_omega = _by_omega(likelihood.precision, modes[:, likelihood.active], inverse, pull)
    seen = _seen(likelihood)
    by_omega = np.where(seen[:, None, None], by_omega, 0.0)
    return SubjectObjectives(_values(likelihood, modes, at, curvature), by_fixed, by_omega, joint, curvature)


def _seen(likelihood: Likelihood) -> np.ndarray:
    return np.bincount(likelihood.predictor.patient, minlength=likelihood.count) > 0


def _values(likelihood: Likelihood, modes: np.ndarray, at: Slopes, curvature: np.ndarray) -> np.ndarray:
    joint = likelihood.data_term(at.prediction, at.variance)[0] + likelihood.prior_term(modes[None])[0]
    sizes = (
        np.linalg.slogdet(likelihood.omega)[1] + np.linalg.slogdet(curvature)[1]
        if likelihood.active.size
        else 0
    )
    # A subject without an observation contributes nothing: omega's and the curvature's terms cancel.
    return np.where(_seen(likelihood), joint + sizes, 0.0)


def _summed(likelihood: Likelihood, values: np.ndarray) -> np.ndarray:
    """Sums over subjects of an array whose first axis is observations."""
    flat = values.reshape(len(values), -1).T
    return likelihood.sum_by_patient(flat).T.reshape(likelihood.count, *values.shape[1:])


def _inverse(matrices: np.ndarray) -> np.ndarray:
    return np.linalg.inv(matrices) if matrices.shape[-1] else matrices


def _log_determinant_slopes(
    likelihood: Likelihood, at: Slopes, second: tuple[np.ndarray, np.ndarray], inverse: np.ndarray
) -> np.ndarray:
    """Derivatives of the log-determinant of the expected curvature by all effects, shape (N, effects)."""
    size = likelihood.active.size
    variance = at.variance[0, :, None]
    moved, spread = at.d_prediction[0, :, :size], at.d_variance[0, :, :size]
    own = inverse[likelihood.predictor.patient]
    weighed = np.einsum("oab,ob->oa", own, moved) / variance
    weighed_spread = np.einsum("oab,ob->oa", own, spread) / variance**2
    shrink = (moved * weighed).sum(axis=1) / variance[:, 0] + (spread * weighed_spread).sum(
        axis=1
    ) / variance[:, 0]
    terms = 2.0 * np.einsum("oa,oax->ox", weighed, second[0]) + np.einsum(
        "oa,oax->ox", weighed_spread, second[1]
    )
    return _summed(likelihood, terms - shrink[:, None] * at.d_variance[0])


def _log_determinant_differences(likelihood: Likelihood, modes: np.ndarray) -> np.ndarray:
    """The same by central differences, where the expected curvature is more than a sum over measurements."""
    predictor, found = likelihood.predictor, []
    shifts = [(STEP * np.eye(modes.shape[1])[k], None, STEP) for k in likelihood.active]
    own = predictor.fixed_values(likelihood.fixed)
    for k in np.flatnonzero([not parameter.fixed for parameter in predictor.model.fixed]):
        step = STEP * max(abs(own[k]), STEP)
        shifts.append((np.zeros(modes.shape[1]), step * np.eye(own.size)[k], step))
    for by_modes, by_fixed, step in shifts:
        sizes = []
        for sign in (1.0, -1.0):
            moved = likelihood if by_fixed is None else likelihood.at(own + sign * by_fixed)
            at = moved.slopes((modes + sign * by_modes)[None])
            sizes.append(np.linalg.slogdet(moved.expected_curvature(at)[0])[1])
        found.append((sizes[0] - sizes[1]) / (2.0 * step))
    return np.stack(found, axis=1)


def _joint_curvature(likelihood: Likelihood, at: Slopes, second: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Second derivatives of half of the joint density's term by random and all effects, shape (N, active, effects)."""
    size = likelihood.active.size
    by_prediction, by_variance = (each[0, :, None, None] for each in likelihood.scores_by_moments(at))
    bent, crossed, curved = (each[0, :, None, None] for each in likelihood.second_by_moments(at))
    moved, spread = at.d_prediction[0][:, None], at.d_variance[0][:, None]
    terms = by_prediction * second[0] + by_variance * second[1]
    terms += np.swapaxes(moved[..., :size], 1, 2) * (bent * moved + crossed * spread)
    terms += np.swapaxes(spread[..., :size], 1, 2) * (crossed * moved + curved * spread)
    summed = _summed(likelihood, terms)
    summed[..., :size] += likelihood.precision
    return summed


def _by_omega(
    precision: np.ndarray, effects: np.ndarray, inverse: np.ndarray, pull: np.ndarray
) -> np.ndarray:
    weighed, pulled = effects @ precision, pull @ precision
    crossed = pulled[:, :, None] * weighed[:, None, :]
    found = precision - weighed[:, :, None] * weighed[:, None, :] - precision @ inverse @ precision
    return found + 0.5 * (crossed + np.swapaxes(crossed, 1, 2))
