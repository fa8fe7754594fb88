"""Goodness of fit: observed against predicted, and residuals against time and prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.label import titled
from understudy.plot.scatter import (
    HIGH,
    SIDE,
    Line,
    against_identity,
    around_zero,
    line_through,
    points,
    shared_scale,
)
from understudy.plot.smooth import smooth
from understudy.plot.theme import QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

# What a reader calls NONMEM's residuals.
RESIDUALS = {
    "WRES": "Weighted residual (WRES)",
    "CWRES": "Conditional weighted residual (CWRES)",
    "CWRESI": "Conditional weighted residual (CWRESI)",
    "IWRES": "Individual weighted residual (IWRES)",
    "NPD": "Prediction distribution error (NPD)",
    "NPDE": "Prediction distribution error (NPDE)",
}
_NAMES = {
    "time": "TIME", "observed": "DV", "population": "PRED", "individual": "IPRED", "iwres": "IWRES"
}  # fmt: skip
_PREDICTED = {"PRED": "Population prediction", "IPRED": "Individual prediction"}


def goodness_of_fit(
    observations: pd.DataFrame, *, output: str, unit: str, time_unit: str
) -> alt.VConcatChart:
    """Observed against population and individual prediction, residuals against time and prediction.

    Parameters
    ----------
    observations : pandas.DataFrame
        Columns ``time``, ``observed``, ``population``, ``individual``, ``iwres``.
    output : str
        What was observed, such as ``"plasma concentration"``.
    unit, time_unit : str

    Returns
    -------
    altair.VConcatChart
        With logarithmic axes where the values span more than a factor of 30. The line through each panel is
        the median in groups of equal size along its horizontal axis.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"time": [1.0, 2.0], "observed": [9.0, 8.0], "population": [10.0, 8.0],
    ...                       "individual": [9.1, 7.9], "iwres": [-0.2, 0.3]})
    >>> chart = goodness_of_fit(frame, output="concentration", unit="mg/L", time_unit="h")
    >>> len(chart.vconcat)
    2
    """
    frame = observations[list(_NAMES)].rename(columns=_NAMES).astype(float)
    return _panels(frame, "IWRES", ("TIME", "IPRED"), output, (unit, time_unit), trend)


def residual_panels(
    table: pd.DataFrame, *, output: str, unit: str, time_unit: str, residual: str = "CWRESI"
) -> alt.VConcatChart:
    """Observed against both predictions; a residual against time and population prediction.

    Parameters
    ----------
    table : pandas.DataFrame
        As of `goodness_of_fit` in ``inference.diagnostics``: columns ``TIME``, ``DV``, ``PRED``, ``IPRED`` and the
        residual's.
    output : str
        What was observed, such as ``"plasma concentration"``.
    unit, time_unit : str
    residual : str
        NONMEM's name of the residual.

    Returns
    -------
    altair.VConcatChart
        The line through each panel is a robust local regression.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"TIME": [1.0, 2.0], "DV": [9.0, 8.0], "PRED": [10.0, 8.0], "IPRED": [9.1, 7.9],
    ...                       "CWRESI": [-0.2, 0.3]})
    >>> len(residual_panels(frame, output="concentration", unit="mg/L", time_unit="h").vconcat)
    2
    """
    frame = table[["TIME", "DV", "PRED", "IPRED", residual]].astype(float)
    return _panels(frame, residual, ("TIME", "PRED"), output, (unit, time_unit), smooth)


def residuals(
    table: pd.DataFrame, *, output: str, unit: str, time_unit: str, residual: str = "NPDE"
) -> alt.VConcatChart:
    """One residual against time, time after dose and population prediction.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``TIME``, ``TAD``, ``PRED`` and the residual's.
    output, unit, time_unit, residual : str

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"TIME": [1.0, 2.0], "TAD": [1.0, 2.0], "PRED": [10.0, 8.0], "NPDE": [-0.2, 0.3]})
    >>> len(residuals(frame, output="concentration", unit="mg/L", time_unit="h").hconcat)
    3
    """
    import altair as alt

    titles = {
        "TIME": titled("Time", time_unit),
        "TAD": titled("Time after dose", time_unit),
        "PRED": titled(_PREDICTED["PRED"], unit),
    }
    panels = [
        around_zero(
            _pairs(table, name, residual), title, RESIDUALS[residual], alt.Scale(nice=True, zero=False)
        ).properties(width=0.72 * SIDE, height=190)
        for name, title in titles.items()
        if table[name].notna().any()
    ]
    return themed(alt.hconcat(*panels))


def _panels(
    frame: pd.DataFrame,
    residual: str,
    below: tuple[str, str],
    output: str,
    units: tuple[str, str],
    line: Line,
) -> alt.VConcatChart:
    import altair as alt

    unit, time_unit = units
    scale = shared_scale(frame[["DV", "PRED", "IPRED"]].to_numpy())
    titles = {name: titled(text, unit) for name, text in _PREDICTED.items()} | {
        "TIME": titled("Time", time_unit)
    }
    observed = titled(f"Observed {output}", unit)
    upper = [
        against_identity(_pairs(frame, name, "DV"), titles[name], observed, scale, line)
        for name in _PREDICTED
    ]
    scales = {"TIME": alt.Scale(nice=True)}
    lower = [
        around_zero(
            _pairs(frame, name, residual),
            titles[name],
            RESIDUALS[residual].split(" (")[0],
            scales.get(name, scale),
            line,
        )
        for name in below
    ]
    return themed(alt.vconcat(alt.hconcat(*upper), alt.hconcat(*lower)))


def _pairs(frame: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    return frame[[x, y]].set_axis(["x", "y"], axis=1).astype(float)


def prediction_errors(
    observations: pd.DataFrame, *, output: str, unit: str, time_unit: str
) -> alt.HConcatChart:
    """Observed against predicted, and the error of prediction over time.

    Parameters
    ----------
    observations : pandas.DataFrame
        Columns ``time``, ``observed``, ``predicted``.
    output, unit, time_unit : str

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"time": [1.0, 2.0], "observed": [9.0, 8.0], "predicted": [10.0, 8.0]})
    >>> len(prediction_errors(frame, output="concentration", unit="mg/L", time_unit="h").hconcat)
    2
    """
    import altair as alt

    frame = observations[["time", "observed", "predicted"]].astype(float)
    scale = shared_scale(frame[["observed", "predicted"]].to_numpy())
    titles = titled("Prediction", unit), titled(f"Observed {output}", unit)
    left = against_identity(_pairs(frame, "predicted", "observed"), *titles, scale, trend)
    pairs = frame.assign(x=frame["time"], y=frame["predicted"] - frame["observed"])[["x", "y"]].dropna()
    x = alt.X("x:Q", title=titled("Time", time_unit), scale=alt.Scale(nice=True))
    y = alt.Y("y:Q", title=titled("Error", unit))
    zero = alt.Chart(inline(pairs.head(1).assign(y=0.0))).mark_rule(color=QUIET).encode(y=y)
    right = alt.layer(zero, points(pairs, x, y), line_through(pairs, x, y, trend))
    return themed(alt.hconcat(left, right.properties(width=SIDE, height=HIGH)))


def trend(x: np.ndarray, y: np.ndarray, fewest: int = 6, most: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Medians of `x` and `y` in groups of equal size along `x`.

    Parameters
    ----------
    x, y : array, shape (n,)
        Pairs with a value that is not finite are left out.
    fewest : int
        Points a group needs.
    most : int
        Groups at most.

    Returns
    -------
    x, y : array, shape (groups,)
        Empty where there are too few points for two groups.

    Examples
    --------
    >>> trend(np.arange(12.0), np.arange(12.0) ** 2)
    (array([2.5, 8.5]), array([ 6.5, 72.5]))
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    kept = np.isfinite(x) & np.isfinite(y)
    x, y = x[kept], y[kept]
    groups = min(most, len(x) // fewest)
    if groups < 2:
        return np.empty(0), np.empty(0)
    order = np.array_split(np.argsort(x, kind="stable"), groups)
    return np.array([np.median(x[k]) for k in order]), np.array([np.median(y[k]) for k in order])
