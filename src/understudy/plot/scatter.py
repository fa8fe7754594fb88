"""Scatter: points with a line through them, beside what they are expected to lie around."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.smooth import smooth
from understudy.plot.theme import INDIVIDUAL, OBSERVED, QUIET, inline, thinned

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

SIDE, HIGH, LOW = 290, 205, 132
_LOG_FROM = 30.0
# 95 % of standard normal numbers lie within.
LIMIT = 1.96

Line = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def shared_scale(levels: np.ndarray) -> alt.Scale:
    """One scale for observed and predicted, so that the identity line is the diagonal.

    Logarithmic where the values span more than a factor of 30.
    """
    import altair as alt

    finite = levels[np.isfinite(levels)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low > 0 and high / low > _LOG_FROM:
        return alt.Scale(type="log", domain=[low * 0.9, high * 1.1], nice=False)
    margin = 0.05 * ((high - low) or abs(high) or 1.0)
    return alt.Scale(
        domain=[min(0.0, low - margin if low < 0 else 0.0), high + margin], nice=False, zero=False
    )


def against_identity(
    pairs: pd.DataFrame, x_title: str, y_title: str, scale: alt.Scale, line: Line = smooth
) -> alt.LayerChart:
    """Points around the line on which both are equal.

    Parameters
    ----------
    pairs : DataFrame
        Columns ``x`` and ``y``.
    x_title, y_title : str
    scale : altair.Scale
        Of both axes.
    line : function
        From points to the line through them.
    """
    import altair as alt
    import pandas as pd

    x, y = alt.X("x:Q", title=x_title, scale=scale), alt.Y("y:Q", title=y_title, scale=scale)
    ends = pd.DataFrame({"x": scale.domain, "y": scale.domain})
    identity = alt.Chart(inline(ends)).mark_line(color=QUIET, strokeWidth=1).encode(x=x, y=y)
    pairs = pairs.dropna()
    return alt.layer(
        identity, points(pairs, x, y), line_through(pairs, x, y, line, scale.type == "log")
    ).properties(width=SIDE, height=HIGH)


def around_zero(
    pairs: pd.DataFrame, x_title: str, y_title: str, scale: alt.Scale, line: Line = smooth
) -> alt.LayerChart:
    """Residuals around zero, between the dashed lines that hold 95 % of standard normal ones.

    Parameters
    ----------
    pairs : DataFrame
        Columns ``x`` and ``y``.
    x_title, y_title : str
    scale : altair.Scale
        Of the horizontal axis.
    line : function
    """
    import altair as alt

    pairs = pairs.dropna()
    reach = max(3.0, float(pairs["y"].abs().max()) * 1.08 if len(pairs) else 3.0)
    x = alt.X("x:Q", title=x_title, scale=scale)
    y = alt.Y("y:Q", title=y_title, scale=alt.Scale(domain=[-reach, reach], nice=False))
    return alt.layer(normal_limits(y), points(pairs, x, y), line_through(pairs, x, y, line)).properties(
        width=SIDE, height=LOW
    )


def normal_limits(y: alt.Y) -> alt.Chart:
    """Zero, and dashed the limits that hold 95 % of standard normal numbers."""
    import altair as alt
    import pandas as pd

    levels = pd.DataFrame({"y": [0.0, -LIMIT, LIMIT], "kind": ["zero", "limit", "limit"]})
    dash = alt.StrokeDash(
        "kind:N", scale=alt.Scale(domain=["zero", "limit"], range=[[1, 0], [4, 3]]), legend=None
    )
    return alt.Chart(inline(levels)).mark_rule(color=QUIET).encode(y=y, strokeDash=dash)


def points(pairs: pd.DataFrame, x: alt.X, y: alt.Y) -> alt.Chart:
    """Open circles, through which others can be seen."""
    import altair as alt

    mark = {"size": 26, "filled": False, "color": OBSERVED, "opacity": 0.55, "strokeWidth": 1.1}
    return alt.Chart(inline(thinned(pairs))).mark_point(**mark).encode(x=x, y=y)


def line_through(
    pairs: pd.DataFrame, x: alt.X, y: alt.Y, line: Line = smooth, on_logarithm: bool = False
) -> alt.Chart:
    """The line through the points; one on logarithmic axes is sought there."""
    import altair as alt
    import pandas as pd

    to, back = (np.log, np.exp) if on_logarithm else (np.asarray, np.asarray)
    found = [back(values) for values in line(to(pairs["x"].to_numpy()), to(pairs["y"].to_numpy()))]
    middle = pd.DataFrame(dict(zip("xy", found, strict=True)))
    mark = {"color": INDIVIDUAL, "strokeWidth": 2.2, "clip": True}
    return alt.Chart(inline(middle)).mark_line(**mark).encode(x=x, y=y)
