"""Estimate uncertainty: distributions of resampled estimates, likelihood profiles, and the check of resampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.grid import grid
from understudy.plot.theme import ABOVE, INDIVIDUAL, INK, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT = 270, 150


def resampled_estimates(estimates: pd.DataFrame, table: pd.DataFrame) -> alt.ConcatChart:
    """A histogram for each parameter, with its estimate and its interval.

    Parameters
    ----------
    estimates : pandas.DataFrame
        One set of estimates a row, as of `Bootstrap.estimates` or `SIR.estimates`.
    table : pandas.DataFrame
        By parameter, with columns ``estimate``, ``low``, ``high``.

    Returns
    -------
    altair.ConcatChart
        The line is at the estimate, the bar below spans the interval.

    Examples
    --------
    >>> import pandas as pd
    >>> drawn = pd.DataFrame({"theta_CL": [4.0, 5.0, 6.0]})
    >>> table = pd.DataFrame({"estimate": [5.0], "low": [4.1], "high": [5.9]}, index=["theta_CL"])
    >>> len(resampled_estimates(drawn, table).concat)
    1
    """
    panels = [_histogram(estimates[name].dropna().to_numpy(float), table.loc[name]) for name in table.index]
    return themed(grid(panels, 2))


def likelihood_profile(
    table: pd.DataFrame, name: str, rise: float, interval: tuple[float, float]
) -> alt.LayerChart:
    """How the objective rises to both sides of an estimate.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``value`` and ``rise``, as of `Profile.table`.
    name : str
        Of the parameter.
    rise : float
        What the interval's ends are at.
    interval : (float, float)

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"value": [3.0, 4.0, 5.0], "rise": [3.8, 0.0, 3.9]})
    >>> len(likelihood_profile(frame, "theta_CL", 3.84, (3.0, 5.0)).layer)
    4
    """
    import altair as alt
    import pandas as pd

    rows = table[np.isfinite(table["rise"])].sort_values("value")[["value", "rise"]]
    # Values far outside, which the search may have begun with, would press the curve flat.
    rows = rows[rows["rise"] <= 3.0 * rise]
    x = alt.X("value:Q", title=name, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6))
    y = alt.Y("rise:Q", title="Rise of the objective", axis=alt.Axis(tickCount=5))
    curve = alt.Chart(inline(rows)).mark_line(color=INDIVIDUAL, interpolate="monotone").encode(x=x, y=y)
    dots = alt.Chart(inline(rows)).mark_circle(color=INDIVIDUAL, size=36, opacity=1).encode(x=x, y=y)
    level = alt.Chart(inline(pd.DataFrame({"rise": [rise]})))
    across = level.mark_rule(color=QUIET, strokeDash=[4, 3]).encode(y=y)
    ends = pd.DataFrame({"value": [end for end in interval if np.isfinite(end)]})
    down = alt.Chart(inline(ends)).mark_rule(color=ABOVE, strokeWidth=1.2).encode(x=x)
    return themed(alt.layer(across, down, curve, dots).properties(width=460, height=250))


def resampling_check(quantiles: pd.DataFrame) -> alt.FacetChart:
    """Quantiles of the objective's rise among proposals and resamples, beside those of chi-square.

    Parameters
    ----------
    quantiles : pandas.DataFrame
        Columns ``iteration``, ``kind``, ``quantile``, ``rise``, ``chi-square``, as of `SIR.rise_quantiles`.

    Returns
    -------
    altair.FacetChart
        A panel for each iteration. Where resamples lie at or below chi-square and do not move any more between
        iterations, the resampling has done its work.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"iteration": 1, "kind": ["proposals", "resamples"], "quantile": 0.5, "rise": [6.0, 5.2],
    ...                       "chi-square": 5.3})
    >>> resampling_check(frame).columns
    3
    """
    import altair as alt
    import pandas as pd

    expected = quantiles[quantiles["kind"] == "resamples"].assign(kind="chi-square")
    expected = expected.assign(rise=expected["chi-square"])
    rows = pd.concat([quantiles, expected])[["iteration", "kind", "quantile", "rise"]]
    kinds = ["proposals", "resamples", "chi-square"]
    legend = alt.Legend(title=None, orient="top")
    colours = alt.Scale(domain=kinds, range=[QUIET, INDIVIDUAL, INK])
    dashes = alt.Scale(domain=kinds, range=[[2, 2], [1, 0], [6, 3]])
    colour = alt.Color("kind:N", sort=kinds, legend=legend, scale=colours)
    dash = alt.StrokeDash("kind:N", sort=kinds, legend=legend, scale=dashes)
    line = (
        alt.Chart()
        .mark_line(strokeWidth=1.8, clip=True)
        .encode(
            x=alt.X("quantile:Q", title="Quantile", axis=alt.Axis(tickCount=5, format="%")),
            y=alt.Y(
                "rise:Q", title="Rise of the objective",
                scale=alt.Scale(domain=[0, 1.5 * float(expected["rise"].max())]),
            ),
            color=colour, strokeDash=dash,
        )
    )  # fmt: skip
    rows = rows.assign(iteration=[f"Iteration {number}" for number in rows["iteration"]])
    facet = alt.Facet("iteration:N", title=None, sort=list(dict.fromkeys(rows["iteration"])))
    return themed(line.properties(width=220, height=200).facet(facet, columns=3, data=inline(rows)))


def _histogram(values: np.ndarray, found: Mapping[str, float]) -> alt.LayerChart:
    import altair as alt
    import pandas as pd

    count = int(np.clip(np.ceil(2 * np.cbrt(max(len(values), 1))), 5, 40))
    heights, edges = np.histogram(values, count)
    bars = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "count": heights})
    title = str(getattr(found, "name", ""))
    scale = alt.Scale(zero=False, nice=False, padding=8)
    x = alt.X("from:Q", title=title, scale=scale, bin="binned", axis=alt.Axis(tickCount=5))
    y = alt.Y("count:Q", title="Number", axis=alt.Axis(tickCount=4, tickMinStep=1))
    drawn = alt.Chart(inline(bars)).mark_bar(color=INDIVIDUAL, opacity=0.35, stroke="white", strokeWidth=0.5)
    at = alt.Chart(inline(pd.DataFrame({"from": [found["estimate"]]})))
    ends = alt.Chart(inline(pd.DataFrame({"from": [found["low"]], "to": [found["high"]], "count": [0]})))
    layers = [
        drawn.encode(x=x, x2="to:Q", y=y),
        at.mark_rule(color=INK, strokeWidth=1.6).encode(x=alt.X("from:Q", title=title, scale=scale)),
        ends.mark_rule(color=ABOVE, strokeWidth=4).encode(
            x=alt.X("from:Q", title=title, scale=scale), x2="to:Q", y=y
        ),
    ]
    return alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)
