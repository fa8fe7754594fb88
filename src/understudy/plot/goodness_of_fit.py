"""Goodness of fit: observed against predicted, and residuals against time and prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.label import titled
from understudy.plot.theme import INDIVIDUAL, OBSERVED, QUIET, inline, themed, thinned

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_SIDE = 290
_HIGH = 205
_LOW = 132
_LOG_FROM = 30.0


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
    import altair as alt

    names = ["time", "observed", "population", "individual", "iwres"]
    frame = observations[names].astype(float)
    levels = frame[["observed", "population", "individual"]].to_numpy()
    predicted = {"population": "Population prediction", "individual": "Individual prediction"}
    scale = _scale(levels)
    upper = [
        _against_identity(frame, column, titled(text, unit), titled(f"Observed {output}", unit), scale)
        for column, text in predicted.items()
    ]
    lower = [
        _residuals(frame, "time", titled("Time", time_unit), alt.Scale(nice=True)),
        _residuals(frame, "individual", titled(predicted["individual"], unit), scale),
    ]
    return themed(alt.vconcat(alt.hconcat(*upper), alt.hconcat(*lower)))


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
    scale = _scale(frame[["observed", "predicted"]].to_numpy())
    titles = titled("Prediction", unit), titled(f"Observed {output}", unit)
    left = _against_identity(frame, "predicted", *titles, scale)
    pairs = frame.assign(x=frame["time"], y=frame["predicted"] - frame["observed"])[["x", "y"]].dropna()
    x = alt.X("x:Q", title=titled("Time", time_unit), scale=alt.Scale(nice=True))
    y = alt.Y("y:Q", title=titled("Error", unit))
    zero = alt.Chart(inline(pairs.head(1).assign(y=0.0))).mark_rule(color=QUIET).encode(y=y)
    right = alt.layer(zero, _points(pairs, x, y), _trend_line(pairs, x, y))
    return themed(alt.hconcat(left, right.properties(width=_SIDE, height=_HIGH)))


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


def _scale(levels: np.ndarray) -> alt.Scale:
    """One scale for observed and predicted, so that the identity line is the diagonal."""
    import altair as alt

    finite = levels[np.isfinite(levels)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low > 0 and high / low > _LOG_FROM:
        return alt.Scale(type="log", domain=[low * 0.9, high * 1.1], nice=False)
    margin = 0.05 * ((high - low) or abs(high) or 1.0)
    return alt.Scale(
        domain=[min(0.0, low - margin if low < 0 else 0.0), high + margin], nice=False, zero=False
    )


def _against_identity(
    frame: pd.DataFrame, column: str, x_title: str, y_title: str, scale: alt.Scale
) -> alt.LayerChart:
    import altair as alt
    import pandas as pd

    x = alt.X("x:Q", title=x_title, scale=scale)
    y = alt.Y("y:Q", title=y_title, scale=scale)
    pairs = frame[[column, "observed"]].set_axis(["x", "y"], axis=1).dropna()
    ends = pd.DataFrame({"x": scale.domain, "y": scale.domain})
    identity = alt.Chart(inline(ends)).mark_line(color=QUIET, strokeWidth=1).encode(x=x, y=y)
    return alt.layer(identity, _points(pairs, x, y), _trend_line(pairs, x, y)).properties(
        width=_SIDE, height=_HIGH
    )


def _residuals(frame: pd.DataFrame, column: str, x_title: str, scale: alt.Scale) -> alt.LayerChart:
    import altair as alt
    import pandas as pd

    x = alt.X("x:Q", title=x_title, scale=scale)
    pairs = frame[[column, "iwres"]].set_axis(["x", "y"], axis=1).dropna()
    reach = max(3.0, float(pairs["y"].abs().max()) * 1.08 if len(pairs) else 3.0)
    y = alt.Y(
        "y:Q", title="Individual weighted residual", scale=alt.Scale(domain=[-reach, reach], nice=False)
    )
    levels = pd.DataFrame({"y": [0.0, -1.96, 1.96], "kind": ["zero", "limit", "limit"]})
    rules = alt.Chart(inline(levels)).mark_rule(color=QUIET)
    rules = rules.encode(
        y=y,
        strokeDash=alt.StrokeDash(
            "kind:N", scale=alt.Scale(domain=["zero", "limit"], range=[[1, 0], [4, 3]]), legend=None
        ),
    )
    return alt.layer(rules, _points(pairs, x, y), _trend_line(pairs, x, y)).properties(
        width=_SIDE, height=_LOW
    )


def _points(pairs: pd.DataFrame, x: alt.X, y: alt.Y) -> alt.Chart:
    import altair as alt

    mark = {"size": 26, "filled": False, "color": OBSERVED, "opacity": 0.55, "strokeWidth": 1.1}
    return alt.Chart(inline(thinned(pairs))).mark_point(**mark).encode(x=x, y=y)


def _trend_line(pairs: pd.DataFrame, x: alt.X, y: alt.Y) -> alt.Chart:
    import altair as alt
    import pandas as pd

    middle = pd.DataFrame(dict(zip("xy", trend(pairs["x"], pairs["y"]), strict=True)))
    return alt.Chart(inline(middle)).mark_line(color=INDIVIDUAL, strokeWidth=2.2).encode(x=x, y=y)
