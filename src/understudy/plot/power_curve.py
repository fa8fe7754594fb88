"""Power curve: how often a design shows effects of different size, with fewer and with more patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.theme import QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT = 460, 260
_COLOURS = ("#9bc4de", "#0072b2", "#003f63", "#8a5a00", "#b2331f")


def power_curve(curve: pd.DataFrame, *, measure: str, ratio: bool, wanted: float) -> alt.LayerChart:
    """Power against the effect, a line for each size, with 95 % intervals of the simulation.

    Parameters
    ----------
    curve : pandas.DataFrame
        Columns ``size`` (in words), ``effect``, ``power``, ``lower``, ``upper``.
    measure : str
        Title of the axis.
    ratio : bool
        On a logarithmic axis.
    wanted : float
        Power at which a thin line is drawn.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"size": ["60 patients"] * 2, "effect": [1.0, 0.5], "power": [0.025, 0.8]})
    >>> rows = rows.assign(lower=rows["power"] - 0.01, upper=rows["power"] + 0.01)
    >>> len(power_curve(rows, measure="Hazard ratio", ratio=True, wanted=0.9).layer)
    4
    """
    import altair as alt
    import pandas as pd

    sizes = list(dict.fromkeys(curve["size"]))
    domain = [float(curve["effect"].min()), float(curve["effect"].max())]
    scale = alt.Scale(type="log" if ratio else "linear", domain=domain, nice=False)
    x = alt.X("effect:Q", title=measure, scale=scale, axis=alt.Axis(format=".2~f", tickCount=8))
    axis = alt.Axis(format="%", values=[0, 0.2, 0.4, 0.6, 0.8, 1])
    y = alt.Y("power:Q", title="Significant trials", scale=alt.Scale(domain=[0, 1]), axis=axis)
    colour = alt.Color(
        "size:N", scale=alt.Scale(domain=sizes, range=list(_COLOURS[: len(sizes)])),
        legend=alt.Legend(title=None, symbolType="stroke", symbolSize=260, columnPadding=28),
    )  # fmt: skip
    base = alt.Chart(inline(curve))
    line = base.mark_line(strokeWidth=1.8).encode(x=x, y=y, color=colour)
    dots = base.mark_point(filled=True, size=26, opacity=1).encode(x=x, y=y, color=colour)
    ends = alt.Y("lower:Q", title="Significant trials")
    bars = base.mark_rule(strokeWidth=1.2).encode(x=x, y=ends, y2="upper:Q", color=colour)
    level = (
        alt.Chart(inline(pd.DataFrame({"power": [wanted]})))
        .mark_rule(color=QUIET, strokeDash=[3, 3])
        .encode(y=y)
    )
    return themed(alt.layer(level, line, bars, dots).properties(width=_WIDTH, height=_HEIGHT))
