"""Normality: whether residuals that should be standard normal are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# Beyond these Shapiro and Wilk's test is not defined, or its p-values are not reliable.
_FEWEST, _MOST = 3, 5000


def standard_normal_tests(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Tests that columns are standard normal, as Comets et al. 2008 (doi:10.1016/j.cmpb.2007.12.002) put them together.

    Parameters
    ----------
    table : DataFrame
        With a column DVID (the output) and `columns`.
    columns : tuple of str

    Returns
    -------
    DataFrame
        output, residual, n, mean, variance; p_mean (Wilcoxon's signed ranks: the middle is zero), p_variance
        (chi-square: the variance is one), p_normal (Shapiro and Wilk); p, of the three together (Bonferroni). The tests
        take residuals for independent, which those of one patient are only nearly.

    Examples
    --------
    >>> import pandas as pd
    >>> shifted = pd.DataFrame({"DVID": "Cp", "NPDE": np.linspace(0.0, 3.0, 40)})
    >>> bool(standard_normal_tests(shifted, ("NPDE",))["p"].iloc[0] < 0.001)
    True
    """
    import pandas as pd

    rows = [
        {"output": output, "residual": name, **_tests(own[name].dropna().to_numpy(float))}
        for output, own in table.groupby("DVID", sort=False)
        for name in columns
    ]
    return pd.DataFrame(rows)


def _tests(values: np.ndarray) -> dict[str, float]:
    from scipy import stats

    n = values.size
    moments = {
        "n": n,
        "mean": float(values.mean()) if n else np.nan,
        "variance": float(values.var(ddof=1)) if n > 1 else np.nan,
    }
    if n < _FEWEST or np.ptp(values) == 0:
        return moments | dict.fromkeys(("p_mean", "p_variance", "p_normal", "p"), np.nan)
    lower = stats.chi2.cdf((n - 1) * moments["variance"], n - 1)
    tests = {
        "p_mean": float(stats.wilcoxon(values).pvalue),
        "p_variance": float(2 * min(lower, 1 - lower)),
        "p_normal": float(stats.shapiro(values).pvalue) if n <= _MOST else np.nan,
    }
    known = [p for p in tests.values() if np.isfinite(p)]
    return moments | tests | {"p": min(1.0, len(known) * min(known))}
