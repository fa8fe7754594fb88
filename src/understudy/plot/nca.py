"""NCA: each concentration curve on a logarithmic axis, with the line whose slope is lambda-z."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from understudy.plot.label import over_time
from understudy.plot.theme import ABOVE, INDIVIDUAL, OBSERVED, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_COLUMNS = 4


def terminal_slopes(
    points: pd.DataFrame,
    slopes: pd.DataFrame,
    *,
    unit: str,
    time_unit: str,
    output: str = "concentration",
    ids: Sequence[str] | None = None,
) -> alt.FacetChart:
    """Small multiples, one curve each; the points in the regression are filled.

    Parameters
    ----------
    points, slopes : pandas.DataFrame
        As of `NCA`: columns ``id``, ``output``, ``interval``, ``time``, ``value``, and ``in_slope`` in `points`.
    unit, time_unit : str
    output : str
        What is measured, for the heading.
    ids : sequence of str or None
        Whose curves are shown; None for all.

    Returns
    -------
    altair.FacetChart
        Zeros, which have no logarithm, are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> points = pd.DataFrame({"id": "1", "output": "DV", "interval": "dose 1", "time": [1.0, 2.0, 4.0],
    ...                        "value": [8.0, 4.0, 1.0], "in_slope": True})
    >>> line = points.iloc[[0, 2]].drop(columns="in_slope")
    >>> terminal_slopes(points, line, unit="mg/L", time_unit="h").columns
    1
    """
    import altair as alt

    rows, order = _rows(points, slopes, ids)
    axis = alt.Axis(tickCount=4, labelFontSize=10)
    y = alt.Y("value:Q", title=None, axis=axis, scale=alt.Scale(type="log", nice=False, padding=6))
    base = alt.Chart().encode(x=alt.X("time:Q", title=None, axis=axis, scale=alt.Scale(nice=False)), y=y)
    measured = base.transform_filter("datum.kind == 'point'")
    line = base.transform_filter("datum.kind == 'line'").mark_line(color=ABOVE, strokeWidth=1.6)
    course = measured.mark_line(color=INDIVIDUAL, strokeWidth=1.2, opacity=0.7)
    dots = measured.mark_point(size=26, opacity=1, strokeWidth=1.2).encode(
        color=alt.condition("datum.in_slope", alt.value(ABOVE), alt.value(OBSERVED)),
        fill=alt.condition("datum.in_slope", alt.value(ABOVE), alt.value("white")),
    )
    panel = alt.layer(course, line, dots).properties(width=150, height=110)
    facet = alt.Facet("panel:N", sort=order, header=alt.Header(title=None, labelPadding=3))
    return themed(
        panel.facet(facet, columns=min(_COLUMNS, len(order)), data=inline(rows))
        .resolve_scale(x="independent", y="independent")
        .properties(title=f"{over_time(output, unit, time_unit)}; red: the points and line for λz")
    )


def _rows(
    points: pd.DataFrame, slopes: pd.DataFrame, ids: Sequence[str] | None
) -> tuple[pd.DataFrame, list[str]]:
    """Points and lines in one table with the panel each belongs to, and the panels in order."""
    import pandas as pd

    parts = [points.assign(kind="point"), slopes.assign(kind="line", in_slope=False)]
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    rows = rows[(rows["value"] > 0) & (rows["id"].isin(ids) if ids is not None else True)]
    panel = "Patient " + rows["id"].astype(str)
    for column in ("output", "interval"):
        if points[column].nunique() > 1:
            panel = panel + ", " + rows[column].astype(str)
    rows = rows.assign(panel=panel)
    return rows[["time", "value", "in_slope", "kind", "panel"]], list(dict.fromkeys(panel))
