"""Normal quantiles: residuals that should be standard normal, in order, against the numbers they should be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.goodness_of_fit import RESIDUALS
from understudy.plot.grid import grid
from understudy.plot.scatter import points
from understudy.plot.theme import INDIVIDUAL, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_SIDE = 230


def normal_quantiles(table: pd.DataFrame, residuals: Sequence[str] = ("CWRESI", "NPDE")) -> alt.ConcatChart:
    """A quantile-quantile panel and a histogram for each residual.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column for each residual.
    residuals : sequence of str
        NONMEM's names.

    Returns
    -------
    altair.ConcatChart
        The shade holds each of as many independent standard normal numbers with a probability of 95 %, by the beta
        distribution of the order statistics; the curve over the histogram is the standard normal density.

    Examples
    --------
    >>> import pandas as pd
    >>> chart = normal_quantiles(pd.DataFrame({"NPDE": np.linspace(-2.0, 2.0, 20)}), ["NPDE"])
    >>> len(chart.concat)
    2
    """
    panels: list[alt.LayerChart] = []
    for name in residuals:
        values = np.sort(table[name].dropna().to_numpy(float))
        panels += [_quantiles(values, RESIDUALS[name]), _histogram(values, RESIDUALS[name])]
    return themed(grid(panels, 2))


def _quantiles(values: np.ndarray, title: str) -> alt.LayerChart:
    import altair as alt
    import pandas as pd
    from scipy import special, stats

    rank = np.arange(1, len(values) + 1)
    expected = special.ndtri((rank - 0.375) / (len(values) + 0.25))
    low, high = (special.ndtri(stats.beta.ppf(p, rank, len(values) + 1 - rank)) for p in (0.025, 0.975))
    reach = max(3.0, float(np.abs(np.r_[values, low, high]).max(initial=0)) * 1.05)
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    x = alt.X("x:Q", title="Standard normal quantile", scale=scale)
    y = alt.Y("y:Q", title=title, scale=scale)
    band = pd.DataFrame({"x": expected, "low": low, "high": high})
    shade = (
        alt.Chart(inline(band))
        .mark_area(color=INDIVIDUAL, opacity=0.15)
        .encode(x=x, y=alt.Y("low:Q", title=title, scale=scale), y2="high:Q")
    )
    ends = pd.DataFrame({"x": [-reach, reach], "y": [-reach, reach]})
    identity = alt.Chart(inline(ends)).mark_line(color=QUIET, strokeWidth=1).encode(x=x, y=y)
    dots = points(pd.DataFrame({"x": expected, "y": values}), x, y)
    return alt.layer(shade, identity, dots).properties(width=_SIDE, height=_SIDE)


def _histogram(values: np.ndarray, title: str) -> alt.LayerChart:
    return density_histogram(values, 1.0, title, width=_SIDE, height=_SIDE)


def density_histogram(
    values: np.ndarray, spread: float, title: str, *, width: float, height: float
) -> alt.LayerChart:
    """A histogram as a density, under the density of the normal distribution it should have.

    Parameters
    ----------
    values : array, shape (n,)
    spread : float
        Standard deviation of the normal distribution around zero.
    title : str
        Of the horizontal axis.
    width, height : float
    """
    import altair as alt
    import pandas as pd

    reach = max(3.2 * spread, float(np.abs(values).max(initial=0)) * 1.02)
    count = int(np.clip(np.ceil(2 * np.cbrt(len(values))), 7, 40)) | 1
    edges = np.linspace(-reach, reach, count + 1)
    heights = np.histogram(values, edges)[0] / max(len(values), 1) / np.diff(edges)
    bars = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "density": heights})
    grid = np.linspace(-reach, reach, 121)
    curve = pd.DataFrame(
        {"x": grid, "density": np.exp(-0.5 * (grid / spread) ** 2) / spread / np.sqrt(2 * np.pi)}
    )
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    top = 1.12 * max(float(heights.max()), float(curve["density"].max()))
    up = alt.Scale(domain=[0, top], nice=False)
    y = alt.Y("density:Q", title="Density", axis=alt.Axis(tickCount=4), scale=up)
    drawn = (
        alt.Chart(inline(bars))
        .mark_bar(color=INDIVIDUAL, opacity=0.35, stroke="white", strokeWidth=0.5)
        .encode(x=alt.X("from:Q", title=title, scale=scale, bin="binned"), x2="to:Q", y=y)
    )
    line = alt.Chart(inline(curve)).mark_line(color=QUIET, strokeWidth=1.6)
    line = line.encode(x=alt.X("x:Q", title=title, scale=scale), y=y)
    return alt.layer(drawn, line).properties(width=width, height=height)
