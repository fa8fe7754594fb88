"""Rising curves: incidences or mean numbers of events of arms over time, as steps from zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.label import titled
from understudy.plot.survival import ARMS, numbers_at_risk, round_times
from understudy.plot.theme import inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT = 520, 260


def rising_curves(curves: pd.DataFrame, *, title: str, unit: str, share: bool = False) -> alt.VConcatChart:
    """Steps with a band of pointwise limits; numbers at risk below.

    Parameters
    ----------
    curves : pandas.DataFrame
        Columns ``arm``, ``time``, ``value``, ``low``, ``high``, ``at_risk``; the control first.
    title : str
        Of the axis.
    unit : str
        Of time.
    share : bool
        Values are probabilities, shown in per cent.

    Examples
    --------
    >>> import pandas as pd
    >>> curves = pd.DataFrame({"arm": ["a", "a"], "time": [0.0, 3.0], "value": [0.0, 0.5], "low": [0.0, 0.2],
    ...     "high": [0.0, 0.8], "at_risk": [4, 4]})
    >>> len(rising_curves(curves, title="Events", unit="month").vconcat)
    2
    """
    import altair as alt

    arms = list(dict.fromkeys(curves["arm"]))
    ticks = round_times(float(curves["time"].max()))
    x = alt.X(
        "time:Q",
        title=titled("Time since randomisation", unit),
        scale=alt.Scale(domain=[0, ticks[-1]], nice=False),
        axis=alt.Axis(values=ticks),
    )
    y = {"title": title, "axis": alt.Axis(format="%") if share else alt.Axis()}
    colour = alt.Color(
        "arm:N",
        scale=alt.Scale(domain=arms, range=list(ARMS[: len(arms)])),
        title=None,
        legend=alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=260),
    )
    base = alt.Chart(inline(curves[["arm", "time", "value", "low", "high"]]))
    band = base.mark_area(opacity=0.13, interpolate="step-after").encode(
        x=x, y=alt.Y("low:Q", **y), y2="high:Q", color=colour
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=1.8).encode(
        x=x, y=alt.Y("value:Q", **y), color=colour
    )
    drawn = alt.layer(band, line).properties(width=_WIDTH, height=_HEIGHT)
    return themed(alt.vconcat(drawn, numbers_at_risk(curves, arms, ticks, colour), spacing=6))
