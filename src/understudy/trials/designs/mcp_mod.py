"""MCP-Mod: is there a dose response, tested by contrasts that are best for candidate shapes, and which one?

Bretz, Pinheiro and Branson, Biometrics 61, 738 (2005), doi:10.1111/j.1541-0420.2005.00344.x; Pinheiro and others, Stat
Med 33, 1646 (2014), doi:10.1002/sim.6052.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.dose_response_fit import checked_means, square

if TYPE_CHECKING:
    import pandas as pd

_SHIFTS = 16  # of the lattice
_POINTS = 32_749
Shape = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class ContrastTest:
    """Result of a multiple contrast test.

    Parameters
    ----------
    names : tuple of str
    contrasts : array, shape (doses, shapes)
    correlation : array, shape (shapes, shapes)
    t : array, shape (shapes,)
    p_value : array, shape (shapes,)
        Adjusted for all shapes, one-sided.
    critical : float
    """

    names: tuple[str, ...]
    contrasts: NDArray[np.float64]
    correlation: NDArray[np.float64]
    t: NDArray[np.float64]
    p_value: NDArray[np.float64]
    critical: float

    @property
    def best(self) -> str | None:
        """Shape with the largest statistic, or None where none is significant."""
        place = int(self.t.argmax())
        return self.names[place] if self.t[place] >= self.critical else None

    def table(self) -> pd.DataFrame:
        """A row a shape, the most significant first."""
        import pandas as pd

        frame = pd.DataFrame({"shape": self.names, "t": self.t, "p_value": self.p_value})
        return frame.sort_values("t", ascending=False, ignore_index=True)

    def __repr__(self) -> str:
        rows = [
            f"  {row.shape:<12} t {row.t:.4f}, adjusted p {row.p_value:.5f}"
            for row in self.table().itertuples()
        ]
        return "\n".join(
            [f"ContrastTest: critical value {self.critical:.4f}, best {self.best or 'none'}", *rows]
        )


def optimal_contrasts(doses: Sequence[float], shapes: Mapping[str, Shape], covariance) -> NDArray[np.float64]:
    """Contrasts with the most power for each shape, each of length 1, shape (doses, shapes).

    c ∝ S⁻¹ (μ - 1 (1' S⁻¹ μ) / (1' S⁻¹ 1)), S the covariance of the doses' means (Pinheiro and others 2014).

    Parameters
    ----------
    doses : sequence of float
    shapes : mapping of str to function
        From doses to a mean response; location and scale do not matter.
    covariance : array, shape (doses, doses) or (doses,)
        Of the estimated means, up to a factor; a vector is a diagonal, as 1 / patients.

    Examples
    --------
    >>> from understudy.trials.designs.dose_response import linear
    >>> optimal_contrasts([0, 1, 2], {"linear": linear()}, [1, 1, 1]).round(4).ravel().tolist()
    [-0.7071, 0.0, 0.7071]
    """
    dose = np.asarray(doses, dtype=float)
    inverse = np.linalg.inv(square(covariance))
    ones = np.ones(len(dose))
    columns = []
    for name, shape in shapes.items():
        mean = np.asarray(shape(dose), dtype=float)
        if mean.shape != dose.shape or not np.isfinite(mean).all() or np.ptp(mean) == 0:
            raise SimulationError(
                "no finite response that changes with the dose",
                place=f"shape {name}",
                repair="give another one",
            )
        contrast = inverse @ (mean - (ones @ inverse @ mean) / (ones @ inverse @ ones))
        columns.append(contrast / np.linalg.norm(contrast))
    return np.stack(columns, axis=1)


def contrast_test(
    doses: Sequence[float],
    means: Sequence[float],
    covariance,
    shapes: Mapping[str, Shape],
    *,
    freedom: float | None = None,
    alpha: float = 0.025,
) -> ContrastTest:
    """Test whether there is a dose response, one-sided, over all shapes.

    Parameters
    ----------
    doses, means : sequence of float
        Estimated response of each dose.
    covariance : array
        Of the means, on their scale; a vector is a diagonal.
    shapes : mapping of str to function
    freedom : float, optional
        Degrees of freedom of the variance; None: the normal distribution.
    alpha : float

    Returns
    -------
    ContrastTest

    Examples
    --------
    >>> from understudy.trials.designs.dose_response import emax, linear
    >>> found = contrast_test([0, 1, 2], [0.0, 1.0, 2.0], [0.1] * 3, {"linear": linear(), "emax": emax(0.5)})
    >>> found.best
    'linear'
    """
    if not shapes or not 0 < alpha < 0.5 or (freedom is not None and not freedom > 0):
        raise SimulationError(
            f"{len(shapes)} shapes, alpha {alpha}, {freedom} degrees of freedom", place="contrast_test",
            repair="give a shape or more, alpha as 0.025, and degrees of freedom above 0",
        )  # fmt: skip
    doses, means, cover = checked_means(doses, means, covariance)
    contrasts = optimal_contrasts(doses, shapes, cover)
    between = contrasts.T @ cover @ contrasts
    error = np.sqrt(np.diag(between))
    correlation = between / np.outer(error, error)
    t = contrasts.T @ np.asarray(means, dtype=float) / error
    # The largest of the statistics at the lattice's points, for tails and quantile of one distribution.
    largest = _sorted_largest(correlation.round(12).tobytes(), len(correlation), freedom)
    p_value = 1 - np.searchsorted(largest, t) / len(largest)
    critical = float(np.quantile(largest, 1 - alpha))
    return ContrastTest(tuple(shapes), contrasts, correlation, t, p_value, critical)


def critical_value(correlation, *, freedom: float | None = None, alpha: float = 0.025) -> float:
    """Equicoordinate upper quantile of a multivariate t or normal distribution.

    From half a million points of a randomly shifted lattice, whose shifts are fixed: an error of about 0.002. Shapes
    that depend on each other (as many as there are doses, or more) are no hindrance.

    Examples
    --------
    >>> round(critical_value([[1.0, 0.5], [0.5, 1.0]]), 2)  # Dunnett's test of two doses
    2.21
    """
    return float(np.quantile(_largest(np.asarray(correlation, dtype=float), freedom), 1 - alpha))


@lru_cache(maxsize=4)  # four megabytes each; the same doses and shapes are asked for again and again
def _sorted_largest(correlation: bytes, size: int, freedom: float | None) -> NDArray[np.float64]:
    """`_largest` of a correlation matrix in bytes, sorted."""
    found = np.sort(_largest(np.frombuffer(correlation).reshape(size, size), freedom))
    found.flags.writeable = False
    return found


def _largest(correlation: NDArray[np.float64], freedom: float | None) -> NDArray[np.float64]:
    """Largest element of each of many multivariate t vectors, from a Richtmyer lattice (Genz and Bretz,
    J Comput Graph Stat 11, 950 (2002), doi:10.1198/106186002394)."""
    from scipy.special import gammaincinv, ndtri

    from understudy.core.random import uniforms

    value, vector = np.linalg.eigh(correlation)
    kept = value > 1e-10 * value.max()
    root = vector[:, kept] * np.sqrt(value[kept])
    size = int(kept.sum()) + 1
    primes = [n for n in range(2, 400) if all(n % d for d in range(2, int(n**0.5) + 1))][:size]
    steps = np.arange(1, _POINTS + 1)[:, None] * np.sqrt(primes)
    shifts = uniforms(1, "contrast lattice", range(_SHIFTS), size)
    points = np.clip((steps[None] + shifts[:, None]) % 1.0, 1e-12, 1 - 1e-12).reshape(-1, size)
    normal = ndtri(points[:, 1:]) @ root.T
    if freedom is not None:
        normal /= np.sqrt(2 * gammaincinv(freedom / 2, points[:, :1]) / freedom)
    return normal.max(axis=1)
