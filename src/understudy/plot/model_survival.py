"""Model survival: curves that were seen, and those of a model beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from understudy.plot.label import titled
from understudy.plot.survival import ARMS
from understudy.plot.theme import inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT = 440, 230


def model_survival(curves: pd.DataFrame, *, arms: Sequence[str], event: str, unit: str) -> alt.LayerChart:
    """Steps with bands for what was seen, dashed lines for the model.

    Parameters
    ----------
    curves : pandas.DataFrame
        Columns ``arm``, ``kind`` ("seen" or "model"), ``time``, ``survival``, ``low``, ``high``.
    arms : sequence of str
        The control first.
    event : str
        What subjects are free of.
    unit : str
        Of time.

    Examples
    --------
    >>> import pandas as pd
    >>> curves = pd.DataFrame({"arm": "a", "kind": ["seen", "model"], "time": 1.0, "survival": 0.9, "low": 0.8,
    ...     "high": 1.0})
    >>> len(model_survival(curves, arms=["a"], event="death", unit="year").layer)
    3
    """
    import altair as alt

    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=260, columnPadding=20)
    colour = alt.Color(
        "arm:N", title=None, sort=list(arms), scale=alt.Scale(domain=list(arms), range=list(ARMS[: len(arms)])),
        legend=legend,
    )  # fmt: skip
    x = alt.X("time:Q", title=titled("Time", unit), scale=alt.Scale(nice=False))
    y = {
        "title": f"Free of {event}",
        "scale": alt.Scale(domain=[0, 1]),
        "axis": alt.Axis(format="%", tickCount=5),
    }
    base = alt.Chart(inline(curves)).encode(x=x, color=colour)
    seen = base.transform_filter("datum.kind == 'seen'")
    band = seen.mark_area(opacity=0.13, interpolate="step-after").encode(y=alt.Y("low:Q", **y), y2="high:Q")
    steps = seen.mark_line(interpolate="step-after", strokeWidth=1.6).encode(y=alt.Y("survival:Q", **y))
    told = base.transform_filter("datum.kind == 'model'").mark_line(strokeDash=[5, 3], strokeWidth=1.6)
    return themed(
        alt.layer(band, steps, told.encode(y=alt.Y("survival:Q", **y))).properties(
            width=_WIDTH, height=_HEIGHT
        )
    )
