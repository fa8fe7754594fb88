"""p-value calibration: how many negative controls have a p below each level, before and after calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.theme import ABOVE, INDIVIDUAL, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_SIZE = 320


def p_value_calibration(curve: pd.DataFrame, *, alpha: float = 0.05) -> alt.LayerChart:
    """Share of negative controls with p below a level against the level: on the diagonal, p is what it says.

    Parameters
    ----------
    curve : pandas.DataFrame
        Columns ``kind`` ("raw", "calibrated"), ``alpha``, ``share``; see `LeaveOneOut.curve`.
    alpha : float
        Where a thin line is drawn.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"kind": ["raw"] * 3, "alpha": [0, 0.01, 1], "share": [0, 1, 1]})
    >>> len(p_value_calibration(rows).layer)
    3
    """
    import altair as alt
    import pandas as pd

    unit = alt.Scale(domain=[0, 1], nice=False)
    values = [0, 0.25, 0.5, 0.75, 1]
    x = alt.X(
        "alpha:Q",
        title="Level of significance",
        scale=unit,
        axis=alt.Axis(values=[alpha, *values[1:]], format=".2~f"),
    )
    y = alt.Y(
        "share:Q",
        title="Negative controls with p below it",
        scale=unit,
        axis=alt.Axis(values=values, format="%"),
    )
    kinds = [each for each in ("raw", "calibrated") if (curve["kind"] == each).any()]
    colours = {"raw": ABOVE, "calibrated": INDIVIDUAL}
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[colours[each] for each in kinds]),
        legend=alt.Legend(title=None, symbolType="stroke", symbolSize=260, columnPadding=28),
    )
    lines = alt.Chart(inline(curve)).mark_line(interpolate="step-after", strokeWidth=1.8, clip=True)
    ideal = alt.Chart(inline(pd.DataFrame({"alpha": [0.0, 1.0], "share": [0.0, 1.0]})))
    level = alt.Chart(inline(pd.DataFrame({"alpha": [alpha]}))).mark_rule(color=QUIET, strokeDash=[3, 3])
    return themed(
        alt.layer(
            ideal.mark_line(color=QUIET, strokeWidth=1).encode(x=x, y=y),
            level.encode(x=x),
            lines.encode(x=x, y=y, color=colour),
        ).properties(width=_SIZE, height=_SIZE, padding={"left": 44, "right": 5, "top": 5, "bottom": 5})
    )
