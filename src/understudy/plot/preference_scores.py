"""Preference scores: how alike are those who got one treatment and those who got the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.survival import ARMS
from understudy.plot.theme import inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT = 420, 200


def preference_scores(shares: pd.DataFrame, *, equipoise: tuple[float, float] = (0.3, 0.7)) -> alt.LayerChart:
    """Share of each cohort by preference score; the grey band is equipoise.

    Parameters
    ----------
    shares : pandas.DataFrame
        Columns ``cohort``, ``low``, ``high`` (ends of the bin), ``share`` (of the cohort; masked bins are left out).
    equipoise : pair of float
        Ends of the band.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"cohort": ["a", "b"], "low": [0.4, 0.5], "high": [0.5, 0.6], "share": [1.0, 1.0]})
    >>> len(preference_scores(rows).layer)
    2
    """
    import altair as alt
    import pandas as pd

    cohorts = list(dict.fromkeys(shares["cohort"]))
    scale = alt.Scale(domain=[0, 1], nice=False)
    band = alt.Chart(inline(pd.DataFrame({"low": [equipoise[0]], "high": [equipoise[1]]}))).mark_rect(
        color="#eceef0"
    )
    bars = alt.Chart(inline(shares.assign(zero=0.0))).mark_rect(opacity=0.45)
    colour = alt.Color(
        "cohort:N", scale=alt.Scale(domain=cohorts, range=list(ARMS[1 : len(cohorts) + 1])),
        legend=alt.Legend(title=None, columnPadding=28, symbolOpacity=0.7, symbolType="square"),
    )  # fmt: skip
    x = alt.X("low:Q", scale=scale, title="Preference score", axis=alt.Axis(tickCount=10))
    top = alt.Scale(domain=[0, 1.05 * float(shares["share"].max())], nice=False)
    y = alt.Y("share:Q", scale=top, title="Share of the cohort", axis=alt.Axis(format="%", tickCount=5))
    return themed(
        alt.layer(
            band.encode(x=x, x2="high:Q"),
            bars.encode(x=x, x2="high:Q", y=y, y2="zero:Q", color=colour),
        ).properties(width=_WIDTH, height=_HEIGHT)
    )
