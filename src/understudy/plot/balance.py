"""Balance: how far arms are apart in each covariate, beside what chance does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.survival import ARMS
from understudy.plot.theme import inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _ROW = 380, 24


def balance(differences: pd.DataFrame) -> alt.LayerChart:
    """Absolute standardised differences, a dot an arm; grey bars are what chance alone keeps to in 95 %.

    Parameters
    ----------
    differences : pandas.DataFrame
        Columns ``covariate``, ``arm``, ``difference``, ``chance``; those that are not-a-number are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"covariate": ["age"], "arm": ["drug"], "difference": [-0.1], "chance": [0.3]})
    >>> len(balance(rows).layer)
    2
    """
    import altair as alt

    rows = differences.dropna().assign(size=lambda frame: frame["difference"].abs(), zero=0.0)
    arms = list(dict.fromkeys(rows["arm"]))
    y = alt.Y(
        "covariate:N", sort=list(dict.fromkeys(rows["covariate"])), title=None,
        axis=alt.Axis(ticks=False, domain=False, labelLimit=320, labelPadding=8),
    )  # fmt: skip
    end = 1.05 * max(float(rows["size"].max()), float(rows["chance"].max()), 0.1)
    scale = alt.Scale(domain=[0, end], nice=False)
    axis = alt.Axis(tickCount=5, format=".2~f")
    title = "Standardised difference from the control, absolute"
    widest = rows.groupby("covariate", as_index=False)[["chance", "zero"]].max()
    bars = alt.Chart(inline(widest)).mark_bar(color="#dfe3e6", height=10)
    colour = alt.Color(
        "arm:N", scale=alt.Scale(domain=arms, range=list(ARMS[1 : len(arms) + 1])),
        legend=alt.Legend(title=None, columnPadding=28) if len(arms) > 1 else None,
    )  # fmt: skip
    dots = alt.Chart(inline(rows)).mark_point(filled=True, size=60, opacity=1)
    return themed(
        alt.layer(
            bars.encode(x=alt.X("zero:Q", scale=scale, title=title, axis=axis), x2="chance:Q", y=y),
            dots.encode(x=alt.X("size:Q", scale=scale, title=title), y=y, color=colour),
        ).properties(
            width=_WIDTH,
            height=_ROW * max(widest.shape[0], 2),
            padding={"left": 44, "right": 5, "top": 5, "bottom": 5},
        )
    )
