"""Visual predictive check: quantiles of the observations against those of simulated studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.label import sentence_case, titled
from understudy.plot.theme import ABOVE, INDIVIDUAL, OBSERVED, QUIET, inline, themed, thinned

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


def vpc(
    quantiles: pd.DataFrame,
    *,
    output: str,
    unit: str,
    time_unit: str,
    observations: pd.DataFrame | None = None,
) -> alt.LayerChart:
    """Observed quantiles as lines on ribbons of where the model expects them.

    Parameters
    ----------
    quantiles : pandas.DataFrame
        Columns ``time`` (middle of the bin), ``quantile``, ``observed``, and ``low``, ``median``, ``high`` of
        that quantile over the simulated studies.
    output, unit, time_unit : str
    observations : pandas.DataFrame or None
        Columns ``time`` and ``observed``, drawn as points.

    Returns
    -------
    altair.LayerChart

    References
    ----------
    Holford N. The visual predictive check. PAGE 14 (2005) Abstr 738, https://www.page-meeting.org/?abstract=738

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"time": [1.0, 9.0], "quantile": [0.5, 0.5], "observed": [9.0, 5.0],
    ...                       "low": [8.0, 4.0], "median": [9.0, 5.0], "high": [10.0, 6.0]})
    >>> type(vpc(frame, output="concentration", unit="mg/L", time_unit="h")).__name__
    'LayerChart'
    """
    import altair as alt

    columns = ["time", "quantile", "observed", "low", "median", "high"]
    frame = quantiles[columns].astype(float).sort_values(["quantile", "time"])
    frame["label"] = [f"{100 * value:g} %" for value in frame["quantile"]]
    labels = list(dict.fromkeys(frame["label"]))[::-1]
    x = alt.X(
        "time:Q",
        title=titled("Time", time_unit),
        axis=alt.Axis(tickCount=9),
        scale=alt.Scale(zero=True, nice=False),
    )
    y = titled(sentence_case(output), unit)
    base = alt.Chart(inline(frame)).encode(
        x=x,
        color=alt.Color(
            "label:N",
            title="Quantile",
            sort=labels,
            scale=alt.Scale(domain=labels, range=_colours(len(labels))),
        ),
        detail="quantile:Q",
    )
    ribbons = base.mark_area(opacity=0.22).encode(y=alt.Y("low:Q", title=y), y2="high:Q")
    expected = base.mark_line(strokeDash=[5, 3], strokeWidth=1.3).encode(y="median:Q")
    lines = base.mark_line(strokeWidth=2.2).encode(y="observed:Q")
    dots = base.mark_point(filled=True, size=30, opacity=1).encode(y="observed:Q")
    layers = [ribbons, expected, lines, dots]
    if observations is not None:
        points = thinned(observations[["time", "observed"]].astype(float).dropna())
        mark = {"size": 22, "filled": False, "color": OBSERVED, "opacity": 0.35, "strokeWidth": 1}
        layers.insert(0, alt.Chart(inline(points)).mark_point(**mark).encode(x=x, y="observed:Q"))
    return themed(alt.layer(*layers).properties(width=620, height=215))


def _colours(count: int) -> list[str]:
    """The middle quantile in one colour, the others in two more, from the highest to the lowest."""
    outer = count // 2
    return [ABOVE] * outer + [INDIVIDUAL] * (count % 2) + [QUIET] * outer
