"""Survival: curves of arms with their limits, and how many were at risk below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.label import titled
from understudy.plot.theme import INK, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

# Of Okabe and Ito, as the theme; the control is quiet.
ARMS = ("#5a6169", "#0072b2", "#b2331f", "#8a5a00", "#007a5e", "#8b4a86")
_WIDTH, _HEIGHT = 520, 260


def survival_curves(curves: pd.DataFrame, *, event: str, unit: str) -> alt.VConcatChart:
    """Steps with a band of pointwise limits and marks where subjects were censored; numbers at risk below.

    Parameters
    ----------
    curves : pandas.DataFrame
        Columns ``arm``, ``time``, ``survival``, ``low``, ``high``, ``at_risk``, ``censored``; the control first.
    event : str
        What subjects are free of.
    unit : str
        Of time.

    Examples
    --------
    >>> import pandas as pd
    >>> curves = pd.DataFrame({"arm": ["a", "a"], "time": [0.0, 3.0], "survival": [1.0, 0.5], "low": [1.0, 0.2],
    ...     "high": [1.0, 0.8], "at_risk": [4, 4], "censored": [0, 1]})
    >>> len(survival_curves(curves, event="death", unit="month").vconcat)
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
    colour = alt.Color("arm:N", scale=alt.Scale(domain=arms, range=list(ARMS[: len(arms)])), title=None)
    shown = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=260)
    y = alt.Y(
        "survival:Q", title=f"Free of {event}", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")
    )
    base = alt.Chart(inline(curves))
    band = base.mark_area(opacity=0.13, interpolate="step-after").encode(
        x=x, y=alt.Y("low:Q", title=f"Free of {event}"), y2="high:Q", color=colour.legend(shown)
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=1.8).encode(
        x=x, y=y, color=colour.legend(shown)
    )
    lost = curves[curves["censored"] > 0]
    marks = (
        alt.Chart(inline(lost))
        .mark_tick(orient="vertical", thickness=1, size=7)
        .encode(x=x, y=y, color=colour)
    )
    drawn = alt.layer(band, line, marks).properties(width=_WIDTH, height=_HEIGHT)
    # Readers' fonts are wider than the one in which labels of arms were measured.
    beside = {"left": 5 + 2 * max(map(len, arms)), "right": 5, "top": 5, "bottom": 5}
    return themed(alt.vconcat(drawn, numbers_at_risk(curves, arms, ticks, colour), spacing=6, padding=beside))


def round_times(end: float) -> list[float]:
    """Five to nine round times from zero to past the end."""
    size = 10.0 ** np.floor(np.log10(end / 5))
    step = next(each for each in (size, 2 * size, 2.5 * size, 5 * size, 10 * size) if end / each <= 8)
    return (step * np.arange(int(np.ceil(end / step)) + 1)).tolist()


def numbers_at_risk(
    curves: pd.DataFrame, arms: list[str], ticks: list[float], colour: alt.Color
) -> alt.Chart:
    """A row of numbers at risk for each arm."""
    import altair as alt
    import pandas as pd

    rows = [
        {"arm": arm, "time": tick, "at_risk": _at_risk(curves[curves["arm"] == arm], tick)}
        for arm in arms
        for tick in ticks
    ]
    x = alt.X("time:Q", scale=alt.Scale(domain=[0, ticks[-1]], nice=False), axis=None)
    y = alt.Y(
        "arm:N",
        sort=arms,
        title=None,
        axis=alt.Axis(ticks=False, domain=False, labelColor=INK, labelPadding=20),
    )
    text = (
        alt.Chart(inline(pd.DataFrame(rows)))
        .mark_text(fontSize=10.5)
        .encode(x=x, y=y, text="at_risk:Q", color=colour)
    )
    return text.properties(
        width=_WIDTH,
        height=18 * len(arms),
        title=alt.Title("At risk", fontWeight="normal", color=QUIET, offset=2),
    )


def _at_risk(curve: pd.DataFrame, time: float) -> int:
    later = curve[curve["time"] >= time]
    return int(later["at_risk"].iloc[0]) if len(later) else 0
