"""Null distribution: how estimates of things without an effect scatter, beyond chance."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.calibration.expected_error import folded_mean
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from understudy.causal.synthesis.hierarchy import HierarchyPosterior

Array = NDArray[np.float64]
Side = Literal["two-sided", "upper", "lower"]
_LIMITS = [0.5, 0.025, 0.975]


@dataclass(frozen=True, eq=False)
class CalibratedP:
    """Calibrated p-values.

    Parameters
    ----------
    p : float array
        By the posterior median of the null where that is Bayesian.
    low, high : float array
        95 % credible limits; NaN for a null by maximum likelihood.
    """

    p: Array
    low: Array
    high: Array

    def table(self) -> pd.DataFrame:
        """Columns p, low, high."""
        import pandas as pd

        return pd.DataFrame({"p": self.p, "low": self.low, "high": self.high})


@dataclass(frozen=True, eq=False, repr=False)
class NullDistribution:
    """Systematic error of estimates whose true effect is none: normal on the scale of log ratios.

    Parameters
    ----------
    mean, sd : float
        The maximum of the likelihood, or posterior medians.
    controls : int
        Negative controls it was fitted to.
    method : str
        "maximum likelihood", "quadrature" or "mcmc".
    posterior : HierarchyPosterior or None
        Of mean and sd, for the Bayesian methods.
    notes : tuple of str
        Such as what was left out, or that there are few controls.

    Examples
    --------
    >>> null = NullDistribution(0.7921, 0.2834, 45)
    >>> round(float(null.calibrated_p(0.7326, 0.0667).p), 3)
    0.838
    """

    mean: float
    sd: float
    controls: int
    method: str = "maximum likelihood"
    posterior: HierarchyPosterior | None = None
    notes: tuple[str, ...] = ()

    @property
    def precision(self) -> float:
        """1 / sd²."""
        return self.sd**-2 if self.sd else float("inf")

    @property
    def mean_interval(self) -> tuple[float, float]:
        """95 % credible limits of the mean; NaN by maximum likelihood."""
        return (nan, nan) if self.posterior is None else self._interval(self.posterior.means)

    @property
    def precision_interval(self) -> tuple[float, float]:
        """95 % credible limits of the precision; NaN by maximum likelihood."""
        return (nan, nan) if self.posterior is None else self._interval(self.posterior.sds**-2.0)

    @property
    def expected_absolute_error(self) -> float:
        """EASE, the expected absolute systematic error: of the mean and sd, or the posterior median.

        Schuemie et al. 2020, J Am Med Inform Assoc 27:1268-1277, doi:10.1093/jamia/ocaa124: how far off, as a log
        ratio, an estimate of something without an effect is expected to be.
        """
        if self.posterior is None:
            return float(folded_mean(self.mean, self.sd))
        return float(self._quantiles(folded_mean(self.posterior.means, self.posterior.sds))[0])

    @property
    def expected_absolute_error_interval(self) -> tuple[float, float]:
        """95 % credible limits of EASE; NaN by maximum likelihood."""
        if self.posterior is None:
            return nan, nan
        return self._interval(folded_mean(self.posterior.means, self.posterior.sds))

    def calibrated_p(
        self, log_rr: ArrayLike, standard_error: ArrayLike, side: Side = "two-sided"
    ) -> CalibratedP:
        """Probability of so extreme an estimate if there were no effect, chance and systematic error together.

        Schuemie et al. 2014, Stat Med 33:209-218, doi:10.1002/sim.5925.

        Parameters
        ----------
        log_rr, standard_error : float or array of float
            NaN gives NaN.
        side : {"two-sided", "upper", "lower"}
            "upper" asks for effects above the null.

        Returns
        -------
        CalibratedP
            Shape of `log_rr`.
        """
        if side not in get_args(Side):
            problem = Problem(
                "no side of a test", f"take one of {', '.join(get_args(Side))}", value=str(side)
            )
            raise DataError([problem], place="a calibrated p-value")
        log_rr, error = np.broadcast_arrays(np.asarray(log_rr, float), np.asarray(standard_error, float))
        if self.posterior is None:
            p = _p(log_rr, error, self.mean, self.sd, side)
            return CalibratedP(p, np.full(p.shape, nan), np.full(p.shape, nan))
        found = np.full((*log_rr.shape, 3), nan)
        for k in np.ndindex(log_rr.shape):
            if np.isfinite(log_rr[k]) and np.isfinite(error[k]):
                found[k] = self._quantiles(
                    _p(log_rr[k], error[k], self.posterior.means, self.posterior.sds, side)
                )
        return CalibratedP(found[..., 0], found[..., 1], found[..., 2])

    def table(self) -> pd.DataFrame:
        """Rows mean, sd, precision and EASE with estimate, low, high."""
        import pandas as pd

        precision = self.precision_interval
        rows = [
            ("mean", self.mean, *self.mean_interval),
            ("sd", self.sd, *(each**-0.5 for each in precision[::-1])),
            ("precision", self.precision, *precision),
            (
                "expected absolute systematic error",
                self.expected_absolute_error,
                *self.expected_absolute_error_interval,
            ),
        ]
        return pd.DataFrame(rows, columns=["quantity", "estimate", "low", "high"])

    def _quantiles(self, values: Array) -> Array:
        return self.posterior.quantiles(np.broadcast_to(values, self.posterior.means.shape), _LIMITS)

    def _interval(self, values: Array) -> tuple[float, float]:
        _, low, high = self._quantiles(values)
        return float(low), float(high)

    def __repr__(self) -> str:
        lines = [
            f"null distribution of {self.controls} negative controls ({self.method}): "
            f"mean {self.mean:.4f}, sd {self.sd:.4f}, EASE {self.expected_absolute_error:.4f}"
        ]
        return "\n".join([*lines, *(f"  note: {each}" for each in self.notes)])


def _p(log_rr: Array, error: Array, mean: Array | float, sd: Array | float, side: Side) -> Array:
    """Of one or more nulls."""
    from scipy.special import ndtr

    z = (log_rr - mean) / np.sqrt(np.asarray(sd) ** 2 + error**2)
    if side == "two-sided":
        return 2 * ndtr(-np.abs(z))
    return ndtr(-z) if side == "upper" else ndtr(z)
