"""Dot intervals: estimates with their intervals, one below another, against a line of reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.theme import INDIVIDUAL, POPULATION, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _ROW = 380, 24
_COLOURS = (INDIVIDUAL, POPULATION, "#2f7d5b", "#7a4b94")


def dot_intervals(
    rows: pd.DataFrame, *, measure: str, reference: float | None = None, share: bool = False
) -> alt.LayerChart:
    """Estimates and intervals.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``label``, ``value``, ``low``, ``high``, in the order in which they are shown; ``series``, if several
        estimates stand in one row.
    measure : str
        Title of the axis.
    reference : float, optional
        Where a dashed line stands.
    share : bool
        Values are shown in per cent.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"label": ["women"], "value": [0.88], "low": [0.84], "high": [0.92]})
    >>> len(dot_intervals(rows, measure="Coverage", reference=0.9, share=True).layer)
    3
    """
    import altair as alt
    import pandas as pd

    names = list(dict.fromkeys(rows["label"]))
    series = list(dict.fromkeys(rows["series"])) if "series" in rows else []
    numbers = np.r_[
        rows[["value", "low", "high"]].to_numpy(float).ravel(), [] if reference is None else [reference]
    ]
    numbers = numbers[np.isfinite(numbers)]
    margin = 0.06 * (np.ptp(numbers) or 1.0)
    ends = [float(numbers.min() - margin), float(numbers.max() + margin)]
    if share:
        ends = [max(ends[0], 0.0), min(ends[1], 1.0)]
    axis = alt.Axis(format="%", tickCount=6) if share else alt.Axis(tickCount=6)
    scale = alt.Scale(domain=ends, nice=False)
    x = alt.X("value:Q", title=measure, scale=scale, axis=axis)
    y = alt.Y(
        "label:N",
        sort=names,
        title=None,
        axis=alt.Axis(ticks=False, domain=False, labelLimit=320, labelPadding=8),
    )
    keys = {"y": y}
    if series:
        legend = alt.Legend(title=None, symbolType="circle", symbolOpacity=1)
        keys["yOffset"] = alt.YOffset("series:N", sort=series)
        colours = alt.Scale(domain=series, range=list(_COLOURS[: len(series)]))
        keys["color"] = alt.Color("series:N", scale=colours, legend=legend, sort=series)
    else:
        keys["color"] = alt.value(INDIVIDUAL)
    base = alt.Chart(inline(rows)).encode(**keys)
    rules = base.mark_rule(strokeWidth=1.6).encode(
        x=alt.X("low:Q", title=measure, scale=scale, axis=axis), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=54, opacity=1).encode(x=x)
    layers = [rules, dots]
    if reference is not None:
        line = alt.Chart(inline(pd.DataFrame({"at": [reference]})))
        layers.insert(0, line.mark_rule(color=QUIET, strokeDash=[3, 3]).encode(x=alt.X("at:Q", scale=scale)))
    height = _ROW * max(len(names) * max(len(series), 1) * (0.7 if series else 1.0), 2)
    return themed(alt.layer(*layers).properties(width=_WIDTH, height=height))
