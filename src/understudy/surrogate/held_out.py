"""Held-out error: how far a surrogate is from the model at points that it was not made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OutputError:
    """Errors of one output over all held-out runs and times.

    Parameters
    ----------
    output, unit : str
    scale : float
        Largest less smallest value of the output in these runs, over all times, in `unit`.
    rmse, typical_largest, largest : float
        Root of the mean squared error; what 95 % of the errors are within; the largest; as shares of `scale`.
    relative : float or None
        What 95 % of the errors are within as shares of the true values; None where these are not all above zero.
    q2 : float
        1 less the sum of squared errors over that of deviations from each time's mean.
    coverage, coverage_lower, coverage_upper : float
        Share of values within their interval, and its 95 % confidence interval (Clopper and Pearson, with the number of
        runs as size: errors of one run are taken as one).
    nominal : float
        The coverage that was asked for.
    runs : int
    """

    output: str
    unit: str
    scale: float
    rmse: float
    typical_largest: float
    largest: float
    relative: float | None
    q2: float
    coverage: float
    coverage_lower: float
    coverage_upper: float
    nominal: float
    runs: int


def measured(
    output: str,
    unit: str,
    truth: np.ndarray,
    band: tuple[np.ndarray, np.ndarray, np.ndarray],
    nominal: float,
) -> OutputError:
    """Errors of predictions.

    Parameters
    ----------
    output, unit : str
    truth : float array, shape (n, times)
    band : three float arrays, shape (n, times)
        Predicted values and the ends of their intervals.
    nominal : float

    Examples
    --------
    >>> truth = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> found = measured("C", "mg/L", truth, (truth + 0.3, truth, truth + 1), 0.9)
    >>> round(found.rmse, 3), round(found.q2, 3), found.coverage
    (0.1, 0.91, 1.0)
    """
    centre, lower, upper = band
    error = np.abs(centre - truth)
    scale = float(np.ptp(truth)) or float(np.abs(truth).max()) or 1.0
    within = float(((truth >= lower) & (truth <= upper)).mean())
    low, high = share_interval(within, len(truth))
    return OutputError(
        output,
        unit,
        scale,
        rmse=float(np.sqrt((error**2).mean())) / scale,
        typical_largest=float(np.quantile(error, 0.95)) / scale,
        largest=float(error.max()) / scale,
        relative=float(np.quantile(error / truth, 0.95)) if (truth > 0).all() else None,
        q2=explained(truth, centre),
        coverage=within,
        coverage_lower=low,
        coverage_upper=high,
        nominal=nominal,
        runs=len(truth),
    )


def explained(truth: np.ndarray, centre: np.ndarray) -> float:
    """Q², the share of the variance between runs that predictions explain; shapes (n, times)."""
    total = float(((truth - truth.mean(axis=0)) ** 2).sum())
    missed = float(((truth - centre) ** 2).sum())
    return 1.0 - missed / total if total > 0 else float(missed == 0)


def share_interval(share: float, runs: int, level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a share.

    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413. doi:10.1093/biomet/26.4.404

    Examples
    --------
    >>> [round(end, 3) for end in share_interval(0.9, 10)]
    [0.555, 0.997]
    """
    from scipy.special import betaincinv

    hits, tail = share * runs, (1 - level) / 2
    low = float(betaincinv(hits, runs - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, runs - hits, 1 - tail)) if hits < runs else 1.0
    return low, high


def percent(share: float) -> str:
    """A share in percent, with two digits.

    Examples
    --------
    >>> percent(0.0123), percent(0.94), percent(0.000012345), percent(1.0)
    ('1.2 %', '94 %', '0.0012 %', '100 %')
    """
    return f"{float(f'{100 * share:.2g}'):g} %"
