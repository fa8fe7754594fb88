"""Quadrature: each subject's likelihood by adaptive Gauss-Hermite quadrature about the mode, with its gradient.

Pinheiro JC, Bates DM. Approximations to the log-likelihood function in the nonlinear mixed-effects model. J Comput
Graph Stat 1995;4:12-35, doi:10.1080/10618600.1995.10474663. With one node it is Laplace's approximation (Wang 2007,
doi:10.1007/s10928-007-9060-6).

Nodes lie at ``mode + L z``, where ``L L'`` is the inverse of the joint density's curvature H at the mode. As parameters
move, so do mode and H: their part of the gradient needs third derivatives of the joint density, of which only the sum
over a few directions counts. It is had from second differences of the exact gradient along these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from understudy.inference.estimation.conditional import SubjectObjectives
from understudy.inference.likelihood import Likelihood
from understudy.inference.slopes import Slopes

# Of differences over five points, in standard deviations: their error is some 1e-7, against that of a solver, 1e-8,
# over the step or its square.
_FIRST, _SECOND = 0.02, 0.05
_PLACES = np.array([-2.0, -1.0, 1.0, 2.0])
_SLOPE = np.array([1.0, -8.0, 8.0, -1.0]) / 12.0
_BEND, _BEND_MIDDLE = np.array([-1.0, 16.0, 16.0, -1.0]) / 12.0, -30.0 / 12.0
# Subjects times copies that are predicted at once.
_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class Nodes:
    """Nodes and weights for the standard normal distribution.

    Parameters
    ----------
    places : float array, shape (nodes, effects)
    weights : float array, shape (nodes,)
        Sum to one.
    """

    places: np.ndarray
    weights: np.ndarray

    @classmethod
    def product(cls, points: int, effects: int) -> Nodes:
        """As many points along each effect.

        Examples
        --------
        >>> nodes = Nodes.product(3, 2)
        >>> round(float(nodes.weights @ (nodes.places[:, 0] * nodes.places[:, 1]) ** 2), 12)
        1.0
        """
        along, weights = np.polynomial.hermite_e.hermegauss(points)
        grid = np.meshgrid(*[along] * effects, indexing="ij")
        products = np.meshgrid(*[weights / weights.sum()] * effects, indexing="ij")
        count = points**effects
        if not effects:
            return cls(np.zeros((1, 0)), np.ones(1))
        return cls(
            np.stack(grid, axis=-1).reshape(count, effects),
            np.prod(np.stack(products, axis=-1).reshape(count, effects), axis=1),
        )


@dataclass(frozen=True, eq=False)
class _Joint:
    """Half of minus twice the joint log-densities near the modes.

    Parameters
    ----------
    values : float array, shape (copies, N)
        Of the whole, not of its half.
    slopes : float array, shape (copies, N, active + fixed effects that are estimated)
    """

    values: np.ndarray
    slopes: np.ndarray


def quadrature_objectives(likelihood: Likelihood, modes: np.ndarray, nodes: Nodes) -> SubjectObjectives:
    """Each subject's objective function with derivatives.

    Parameters
    ----------
    likelihood : Likelihood
    modes : float array, shape (N, n)
        Where the joint density of data and random effects is largest; elsewhere the derivatives are wrong.
    nodes : Nodes

    Raises
    ------
    numpy.linalg.LinAlgError
        Where the joint density's curvature is not positive definite: no mode.
    """
    size = likelihood.active.size
    curved, expected = _curvature_at(likelihood, modes)
    own = 0.5 * (curved[..., :size] + np.swapaxes(curved[..., :size], 1, 2))
    # The transposed inverse of H's Cholesky factor: L L' is the inverse of H.
    root = np.swapaxes(np.linalg.inv(np.linalg.cholesky(own)), 1, 2)
    at = _joint(likelihood, _around(likelihood, modes, np.einsum("nab,kb->kna", root, nodes.places)))
    weights, logs = _weights(at.values, nodes)
    values = _log_determinants(likelihood.omega) + _log_determinants(own) - 2.0 * logs
    first = 2.0 * np.einsum("kn,knx->nx", weights, at.slopes)
    twisted = _twist(root, np.einsum("kn,kna,kb->nab", weights, 2.0 * at.slopes[..., :size], nodes.places))
    third = _third(likelihood, modes, root, twisted)
    # At the nodes the joint density moves with the mode; at the mode itself it would not.
    pull = np.linalg.solve(own, (first + third)[:, :size, None])[..., 0]
    by_fixed = (first + third)[:, size:] - np.einsum("na,nax->nx", pull, curved[..., size:])
    by_omega = _by_omega(likelihood, modes, nodes, root, weights, twisted, pull)
    seen = np.bincount(likelihood.predictor.patient, minlength=likelihood.count) > 0
    return SubjectObjectives(
        np.where(seen, values, 0.0),
        np.where(seen[:, None], by_fixed, 0.0),
        np.where(seen[:, None, None], by_omega, 0.0),
        np.concatenate([own, curved[..., size:]], axis=-1),
        expected,
    )


def _around(likelihood: Likelihood, modes: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Vectors of all random effects, the active ones moved from the modes by shape (copies, N, active)."""
    vectors = np.repeat(modes[None], len(shifts), axis=0)
    vectors[..., likelihood.active] += shifts
    return vectors


def _data_slopes(likelihood: Likelihood, at: Slopes) -> np.ndarray:
    """Derivatives of half of the data's term by all effects, shape (copies, N, effects)."""
    scores = np.moveaxis(likelihood.scores(at), -1, 0)
    return np.moveaxis(likelihood.sum_by_patient(scores), 0, -1)


def _in_parts(likelihood: Likelihood, vectors: np.ndarray, of: Callable[[np.ndarray], np.ndarray]) -> list:
    parts = -(-len(vectors) * likelihood.count // _AT_ONCE)
    return [of(part) for part in np.array_split(vectors, max(1, min(parts, len(vectors))))]


def _joint(likelihood: Likelihood, vectors: np.ndarray) -> _Joint:
    """The joint density at copies of the random effects."""
    found = [
        _Joint(*each) for each in _in_parts(likelihood, vectors, lambda part: _joint_part(likelihood, part))
    ]
    return _Joint(np.concatenate([j.values for j in found]), np.concatenate([j.slopes for j in found]))


def _joint_part(likelihood: Likelihood, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = likelihood.slopes(vectors, with_fixed=True)
    values = likelihood.data_term(at.prediction, at.variance) + likelihood.prior_term(vectors)
    slopes = _data_slopes(likelihood, at)
    slopes[..., : likelihood.active.size] += vectors[..., likelihood.active] @ likelihood.precision
    # A node where predictions are undefined has no weight.
    return values, np.where(np.isfinite(values)[..., None], slopes, 0.0)


def _curvature_at(likelihood: Likelihood, modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Second derivatives of half of the joint density's term by random and all effects, shape (N, active, effects), and
    the expected ones by the random effects."""
    size = likelihood.active.size
    steps = _FIRST * np.sqrt(np.diag(likelihood.omega))
    shifts = np.concatenate([np.zeros((1, size)), *(place * np.diag(steps) for place in _PLACES)])
    at = likelihood.slopes(
        _around(likelihood, modes, np.repeat(shifts[:, None], likelihood.count, axis=1)), True
    )
    middle = Slopes(at.prediction[:1], at.variance[:1], at.d_prediction[:1], at.d_variance[:1])
    expected = likelihood.expected_curvature(middle)[0]
    slopes = _data_slopes(likelihood, at)[1:]
    found = np.einsum("p,panx->nax", _SLOPE, slopes.reshape(4, size, likelihood.count, slopes.shape[-1]))
    found = found / steps[:, None]
    found[..., :size] += likelihood.precision
    return found, expected


def _weights(values: np.ndarray, nodes: Nodes) -> tuple[np.ndarray, np.ndarray]:
    """Each node's share of a subject's integral, shape (nodes, N), and the integral's logarithm."""
    logs = np.log(nodes.weights)[:, None] + 0.5 * (nodes.places**2).sum(axis=1)[:, None] - 0.5 * values
    highest = logs.max(axis=0)
    shares = np.exp(logs - highest)
    total = shares.sum(axis=0)
    return shares / total, np.log(total) + highest


def _log_determinants(matrices: np.ndarray) -> np.ndarray:
    return np.linalg.slogdet(matrices)[1]


def _twist(root: np.ndarray, by_root: np.ndarray) -> np.ndarray:
    """What derivatives by the root L are by H, shape (N, active, active): the objective changes by the sum of the
    entries of this matrix times those of ``L' dH L``."""
    size = root.shape[-1]
    # dL = -L U, with U the upper triangle of L' dH L, the diagonal halved.
    lower = np.tril(np.ones((size, size))) - 0.5 * np.eye(size)
    own = lower * np.swapaxes(np.swapaxes(root, 1, 2) @ by_root, 1, 2)
    return np.eye(size) - 0.5 * (own + np.swapaxes(own, 1, 2))


def _third(likelihood: Likelihood, modes: np.ndarray, root: np.ndarray, twisted: np.ndarray) -> np.ndarray:
    """How the objective changes with H as effects move, shape (N, effects): third derivatives, summed."""
    size = likelihood.active.size
    sizes, directions = np.linalg.eigh(twisted)
    along = np.einsum("nab,nbj->jna", root, directions)
    shifts = np.concatenate(
        [np.zeros((1, *along.shape[1:])), *(_SECOND * place * along for place in _PLACES)]
    )
    slopes = np.concatenate(
        _in_parts(
            likelihood,
            _around(likelihood, modes, shifts),
            lambda part: _data_slopes(likelihood, likelihood.slopes(part, True)),
        )
    )
    moved = np.einsum("p,pjnx->jnx", _BEND, slopes[1:].reshape(4, size, *slopes.shape[1:]))
    bent = (moved + _BEND_MIDDLE * slopes[0]) / _SECOND**2
    return np.einsum("nj,jnx->nx", sizes, bent)


def _by_omega(
    likelihood: Likelihood, modes: np.ndarray, nodes: Nodes, root: np.ndarray, weights: np.ndarray,
    twisted: np.ndarray, pull: np.ndarray,
) -> np.ndarray:  # fmt: skip
    precision, own = likelihood.precision, modes[:, likelihood.active]
    effects = own + np.einsum("nab,kb->kna", root, nodes.places)
    products = np.einsum("kn,kna,knb->nab", weights, effects, effects)
    spread = root @ twisted @ np.swapaxes(root, 1, 2)
    crossed = (pull @ precision)[:, :, None] * (own @ precision)[:, None, :]
    return (
        precision - precision @ (products + spread) @ precision + 0.5 * (crossed + np.swapaxes(crossed, 1, 2))
    )
