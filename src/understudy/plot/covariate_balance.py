"""Covariate balance: standardised differences of all covariates, before and after adjustment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.theme import ABOVE, INDIVIDUAL, QUIET, inline, themed, thinned

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_SIZE = 260


def covariate_balance(differences: pd.DataFrame, *, threshold: float = 0.1) -> alt.LayerChart:
    """A dot a covariate: its absolute difference before (across) and after (up); red ones are above the threshold.

    Parameters
    ----------
    differences : pandas.DataFrame
        Columns ``covariate``, ``before``, ``after``; those that are not-a-number are left out.
    threshold : float

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"covariate": ["age", "sex"], "before": [-0.3, 0.05], "after": [0.02, 0.12]})
    >>> len(covariate_balance(rows).layer)
    3
    """
    import altair as alt
    import numpy as np
    import pandas as pd

    rows = differences[["before", "after"]].abs().dropna()
    rows["verdict"] = np.where(rows["after"] >= threshold, "fail", "pass")
    # All that fail are shown, and as many of the others as a chart can hold.
    rows = pd.concat([thinned(rows[rows["verdict"] == "pass"]), thinned(rows[rows["verdict"] == "fail"])])
    end = 1.08 * max(float(rows[["before", "after"]].to_numpy().max(initial=0.0)), 1.5 * threshold)
    scale = alt.Scale(domain=[0, end], nice=False)
    axis = alt.Axis(tickCount=5, format=".2~f")
    colour = alt.Color(
        "verdict:N", scale=alt.Scale(domain=["pass", "fail"], range=[INDIVIDUAL, ABOVE]), legend=None
    )
    dots = alt.Chart(inline(rows)).mark_point(filled=True, size=26, opacity=0.7)
    x = alt.X("before:Q", scale=scale, axis=axis, title="Before adjustment")
    y = alt.Y("after:Q", scale=scale, axis=axis, title="After adjustment")
    limit = alt.Chart(inline(pd.DataFrame({"after": [threshold]}))).mark_rule(color=ABOVE, strokeDash=[4, 3])
    corner = pd.DataFrame({"before": [0.0, end], "after": [0.0, end]})
    same = alt.Chart(inline(corner)).mark_line(color=QUIET, strokeWidth=0.8)
    return themed(
        alt.layer(same.encode(x=x, y=y), limit.encode(y=y), dots.encode(x=x, y=y, color=colour)).properties(
            width=_SIZE, height=_SIZE, padding={"left": 44, "right": 5, "top": 5, "bottom": 5}
        )
    )
