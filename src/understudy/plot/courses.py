"""Courses: what was known of some subjects, what was foretold from it, and what came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from understudy.plot.label import over_time
from understudy.plot.theme import INDIVIDUAL, OBSERVED, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_COLUMNS = 4


def courses(
    known: pd.DataFrame,
    foretold: pd.DataFrame,
    *,
    measure: str,
    unit: str,
    time_unit: str,
    subjects: Sequence[Any],
    own_scales: bool = False,
) -> alt.FacetChart:
    """Small multiples, one subject each: known values filled, later ones hollow, forecasts with their intervals.

    Parameters
    ----------
    known : pandas.DataFrame
        Columns ``subject``, ``time``, ``value``.
    foretold : pandas.DataFrame
        Columns ``subject``, ``time``, ``observed``, ``forecast``, ``low``, ``high``.
    measure, unit, time_unit : str
    subjects : sequence
        Who is shown, in this order.
    own_scales : bool
        Each panel has an axis of its own, where one would make all others flat.

    Returns
    -------
    altair.FacetChart

    Examples
    --------
    >>> import pandas as pd
    >>> known = pd.DataFrame({"subject": ["a"], "time": [0.0], "value": [9.0]})
    >>> told = pd.DataFrame({"subject": ["a"], "time": [6.0], "observed": [8.0], "forecast": [8.5], "low": [7.0],
    ...                      "high": [10.0]})
    >>> courses(known, told, measure="score", unit="points", time_unit="month", subjects=["a"]).columns
    4
    """
    import altair as alt
    import pandas as pd

    rows = pd.concat([known.assign(kind="known"), foretold.assign(kind="foretold")], ignore_index=True)
    rows = rows[rows["subject"].isin(list(subjects))]
    base = alt.Chart().encode(x=alt.X("time:Q", title=None, axis=alt.Axis(tickCount=4, labelFontSize=10)))
    y = alt.Axis(tickCount=4, labelFontSize=10)
    later = base.transform_filter("datum.kind == 'foretold'")
    bars = later.mark_rule(color=INDIVIDUAL, opacity=0.35, strokeWidth=4).encode(
        y=alt.Y("low:Q", title=None, axis=y, scale=alt.Scale(zero=False)), y2="high:Q"
    )
    middle = later.mark_tick(color=INDIVIDUAL, orient="horizontal", thickness=2, size=10).encode(
        y="forecast:Q"
    )
    came = later.mark_point(color=OBSERVED, size=24, opacity=1, strokeWidth=1.2).encode(y="observed:Q")
    before = base.transform_filter("datum.kind == 'known'")
    seen = before.mark_point(filled=True, color=OBSERVED, size=24, opacity=1).encode(y="value:Q")
    panel = alt.layer(bars, middle, seen, came).properties(width=142, height=92)
    header = alt.Header(title=None, labelPadding=3, labelLimit=136)
    facet = alt.Facet("subject:N", sort=list(subjects), header=header)
    chart = panel.facet(facet, columns=_COLUMNS, data=inline(rows))
    chart = chart.resolve_scale(y="independent" if own_scales else "shared")
    return themed(chart.properties(title=over_time(measure, unit, time_unit)))
