"""Dose-response fit: generalised least squares of a model to estimated means, one set of means or thousands.

Pinheiro, Bornkamp, Glimm and Bretz, Stat Med 33, 1646 (2014), doi:10.1002/sim.6052.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.dose_response import DoseResponseModel, model_named

if TYPE_CHECKING:
    import pandas as pd

_AT_LIMIT = 1e-3  # of the logarithm: as near to a limit the limit has decided
_CURVE = 2001  # doses at which a target is sought


@dataclass(frozen=True, eq=False, repr=False)
class DoseResponseFit:
    """A fitted model.

    Parameters
    ----------
    model : DoseResponseModel
    doses : array, shape (d,)
    estimates : array, shape (p,)
        E₀, β and θ, in the order of ``model.names``.
    covariance : array, shape (p, p)
        Asymptotic; not a number where a bending parameter stands at its limit or the doses cannot tell it.
    criterion : float
        gAIC, the weighted sum of squares + 2 p.
    sum_of_squares : float
        Weighted by the inverse of the means' covariance.
    at_limit : tuple of str
        Bending parameters that stand at a limit.
    """

    model: DoseResponseModel
    doses: NDArray[np.float64]
    estimates: NDArray[np.float64]
    covariance: NDArray[np.float64]
    criterion: float
    sum_of_squares: float
    at_limit: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, float]:
        """Estimates by their names."""
        return dict(zip(self.model.names, self.estimates.tolist(), strict=True))

    @property
    def standard_errors(self) -> dict[str, float]:
        """By the parameters' names."""
        return dict(zip(self.model.names, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    def predict(self, dose: ArrayLike) -> NDArray[np.float64]:
        """Mean response at doses, shape (doses,)."""
        linear, theta = _split(self.model, self.estimates)
        return self.model.design(np.atleast_1d(dose), theta[None])[0] @ linear

    def target_dose(self, effect: float) -> float:
        """Smallest dose, up to the largest that was given, at which the response is ``effect`` above that of no dose;
        not a number where there is none."""
        curve = curve_doses(self.doses)
        return float(dose_reaching(curve, self.predict(curve)[None], effect)[0])

    def table(self) -> pd.DataFrame:
        """A row a parameter: estimate and standard error."""
        import pandas as pd

        return pd.DataFrame(
            {
                "parameter": self.model.names,
                "estimate": self.estimates,
                "standard_error": list(self.standard_errors.values()),
            }
        )

    def __repr__(self) -> str:
        told = ", ".join(
            f"{name} {value:.4g} ± {error:.2g}"
            for (name, value), error in zip(
                self.parameters.items(), self.standard_errors.values(), strict=True
            )
        )
        limit = f"; {', '.join(self.at_limit)} at a limit" if self.at_limit else ""
        return f"DoseResponseFit {self.model.name}: {told}; gAIC {self.criterion:.2f}{limit}"


def fit_dose_response(
    doses: Sequence[float], means: Sequence[float], covariance, model: str, *, offset: float | None = None
) -> DoseResponseFit:
    """Fit a model to the estimated means of doses.

    Parameters
    ----------
    doses, means : sequence of float
    covariance : array
        Of the means; a vector is a diagonal.
    model : str
        linear, linear log, quadratic, emax, sigmoid emax, exponential or logistic.
    offset : float, optional
        Of ``linear log``; a hundredth of the largest dose without one.

    Returns
    -------
    DoseResponseFit

    Raises
    ------
    SimulationError
        For an unknown model, more parameters than doses, or a covariance that is none.

    Examples
    --------
    >>> found = fit_dose_response([0, 1, 2, 4], [0.0, 0.5, 0.667, 0.8], [0.01] * 4, "emax")
    >>> {name: round(value, 2) for name, value in found.parameters.items()}
    {'E0': -0.0, 'Emax': 1.0, 'ED50': 1.0}
    """
    dose, mean, cover = checked_means(doses, means, covariance)
    chosen = model_named(model, float(dose.max()), offset)
    search = GridSearch(chosen, dose, np.linalg.inv(cover))
    theta = search.polished(mean)
    linear, squares = search.solve(theta, mean)
    estimates = np.concatenate([linear, theta])
    close = _near_limits(chosen, dose, theta)
    spread = _covariance(chosen, dose, estimates, search.weight, bool(close))
    return DoseResponseFit(chosen, dose, estimates, spread, squares + 2 * chosen.size, squares, close)


@dataclass(frozen=True, eq=False)
class GridSearch:
    """Least squares over a grid of the bending parameters, for many sets of means of one covariance at once.

    Parameters
    ----------
    model : DoseResponseModel
    doses : array, shape (d,)
    weight : array, shape (d, d)
        Inverse covariance of the means, up to a factor.
    """

    model: DoseResponseModel
    doses: NDArray[np.float64]
    weight: NDArray[np.float64]

    @cached_property
    def theta(self) -> NDArray[np.float64]:
        """The grid, shape (n, k)."""
        return self.model.grid(float(self.doses.max()))

    @cached_property
    def solver(self) -> NDArray[np.float64]:
        """From means to linear parameters, shape (n, 1 + terms, d)."""
        design = self.model.design(self.doses, self.theta)
        weighted = np.swapaxes(design, 1, 2) @ self.weight
        return np.linalg.pinv(weighted @ design, hermitian=True) @ weighted

    @cached_property
    def residual(self) -> NDArray[np.float64]:
        """Quadratic form of the weighted sum of squares at each point of the grid, shape (n, d·d)."""
        leave = np.eye(len(self.doses)) - self.model.design(self.doses, self.theta) @ self.solver
        return (np.swapaxes(leave, 1, 2) @ self.weight @ leave).reshape(len(leave), -1)

    def best(self, means: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Least sum of squares of each row of means, shape (trials,), and its place in the grid."""
        squares = (means[:, :, None] * means[:, None, :]).reshape(len(means), -1)
        least, place = np.full(len(means), np.inf), np.zeros(len(means), dtype=np.int64)
        for start in range(0, len(means), 2000):  # so that trials × grid fits into memory
            part = slice(start, start + 2000)
            all_of = squares[part] @ self.residual.T
            place[part] = all_of.argmin(axis=1)
            least[part] = all_of.min(axis=1)
        return np.maximum(least, 0.0), place

    def curves(self, means: NDArray[np.float64], place: NDArray[np.int64], at: NDArray[np.float64]):
        """Fitted response at other doses, shape (trials, doses)."""
        linear = np.einsum("tkd,td->tk", self.solver[place], means)
        return np.einsum("tmk,tk->tm", self.model.design(at, self.theta[place]), linear)

    def solve(self, theta: NDArray[np.float64], mean: NDArray[np.float64]):
        """Linear parameters at one θ, and the weighted sum of squares."""
        design = self.model.design(self.doses, theta[None])[0]
        weighted = design.T @ self.weight
        linear = np.linalg.pinv(weighted @ design, hermitian=True) @ weighted @ mean
        rest = mean - design @ linear
        return linear, float(rest @ self.weight @ rest)

    def polished(self, mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """θ of the least sum of squares, from the best point of the grid on."""
        from scipy.optimize import minimize, minimize_scalar

        bounds = np.log(self.model.bounds(float(self.doses.max())))
        if not len(bounds):
            return np.zeros(0)
        start = np.log(self.theta[self.best(mean[None])[1][0]])
        step = (bounds[:, 1] - bounds[:, 0]) / (len(self.theta) ** (1 / len(bounds)) - 1)
        low, high = np.maximum(start - step, bounds[:, 0]), np.minimum(start + step, bounds[:, 1])

        def squares(log) -> float:
            return self.solve(np.exp(np.atleast_1d(log)), mean)[1]

        if len(bounds) == 1:
            found = minimize_scalar(
                squares, bounds=(low[0], high[0]), method="bounded", options={"xatol": 1e-12}
            )
        else:
            found = minimize(
                squares, start, bounds=list(zip(low, high, strict=True)), method="Nelder-Mead",
                options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 2000},
            )  # fmt: skip
        best = np.atleast_1d(found.x) if found.fun <= squares(start) else start
        return np.exp(best)


def dose_reaching(
    dose: NDArray[np.float64], curve: NDArray[np.float64], effect: float
) -> NDArray[np.float64]:
    """Smallest dose at which each curve is ``effect`` above its first value, by straight lines; else not a number.

    Parameters
    ----------
    dose : array, shape (m,)
        Rising, from no dose.
    curve : array, shape (n, m)
    effect : float
        Above 0.

    Examples
    --------
    >>> dose_reaching(np.array([0.0, 1.0, 2.0]), np.array([[0.0, 1.0, 2.0], [0.0, 0.1, 0.2]]), 1.5).tolist()
    [1.5, nan]
    """
    gain = curve - curve[:, :1]
    reached = gain >= effect
    place = np.maximum(reached.argmax(axis=1), 1)
    rows = np.arange(len(curve))
    before, after = gain[rows, place - 1], gain[rows, place]
    share = (effect - before) / np.where(after > before, after - before, 1.0)
    found = dose[place - 1] + share * (dose[place] - dose[place - 1])
    return np.where(reached.any(axis=1), found, np.nan)


def checked_means(doses, means, covariance):
    """Doses, means and the square covariance, or an error that says what is wrong."""
    dose, mean = (np.asarray(each, dtype=float) for each in (doses, means))
    cover = square(covariance)
    if dose.ndim != 1 or mean.shape != dose.shape or cover.shape != (len(dose), len(dose)):
        raise SimulationError(
            f"{len(np.atleast_1d(dose))} doses, {len(np.atleast_1d(mean))} means, a covariance of shape {cover.shape}",
            place="doses", repair="give one mean for each dose, and their covariance or variances",
        )  # fmt: skip
    if not (np.isfinite(dose).all() and np.isfinite(mean).all() and np.isfinite(cover).all()):
        raise SimulationError("missing or infinite numbers", place="doses", repair="give finite ones")
    if (dose < 0).any() or len(np.unique(dose)) < max(len(dose), 2):
        raise SimulationError(
            f"doses {dose.tolist()}", place="doses", repair="give two doses or more, each once, from 0 up"
        )
    if not np.allclose(cover, cover.T) or np.linalg.eigvalsh(cover)[0] <= 0:
        raise SimulationError(
            "the covariance is not positive definite", place="covariance", repair="give variances above 0"
        )
    return dose, mean, cover


def square(covariance) -> NDArray[np.float64]:
    """A covariance matrix; a vector is its diagonal."""
    matrix = np.asarray(covariance, dtype=float)
    return np.diag(matrix) if matrix.ndim == 1 else matrix


def curve_doses(doses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Doses from none to the largest, at which a target is sought."""
    return np.linspace(0.0, float(doses.max()), _CURVE)


def _split(model: DoseResponseModel, estimates: NDArray[np.float64]):
    linear = 1 + len(model.coefficients)
    return estimates[:linear], estimates[linear:]


def _near_limits(model: DoseResponseModel, dose, theta) -> tuple[str, ...]:
    bounds = model.bounds(float(dose.max()))
    close = [
        np.abs(np.log(edge / value)).min() < _AT_LIMIT for edge, value in zip(bounds, theta, strict=True)
    ]
    return tuple(name for name, near in zip(model.bending, close, strict=True) if near)


def _covariance(model: DoseResponseModel, dose, estimates, weight, at_limit: bool) -> NDArray[np.float64]:
    """Inverse of J' S⁻¹ J; derivatives by θ are central differences."""
    linear, theta = _split(model, estimates)
    slopes = []
    for k, value in enumerate(theta):
        step = np.zeros(len(theta))
        step[k] = 1e-5 * value
        ends = model.design(dose, np.stack([theta + step, theta - step])) @ linear
        slopes.append((ends[0] - ends[1]) / (2 * step[k]))
    jacobian = np.column_stack([model.design(dose, theta[None])[0], *slopes])
    information = jacobian.T @ weight @ jacobian
    scale = np.sqrt(np.diag(information))
    lost = at_limit or (scale == 0).any()
    if lost or np.linalg.cond(information / np.outer(scale, scale)) > 1e12:
        return np.full(information.shape, np.nan)
    return np.linalg.inv(information)
