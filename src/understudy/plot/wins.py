"""Wins: how each outcome of a hierarchy decided pairs of patients, for and against the treated arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.theme import ABOVE, INDIVIDUAL, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _ROW = 420, 26


def wins(decided: pd.DataFrame, *, treated: str, control: str) -> alt.LayerChart:
    """Shares of all pairs that the treated patient wins, to the right, and loses, to the left.

    Parameters
    ----------
    decided : pandas.DataFrame
        Columns ``endpoint``, ``win_share``, ``loss_share``; a row an outcome, the gravest first.
    treated, control : str

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"endpoint": ["death", "walk"], "win_share": [0.3, 0.1], "loss_share": [0.2, 0.05]})
    >>> len(wins(rows, treated="drug", control="placebo").layer)
    3
    """
    import altair as alt
    import pandas as pd

    sides = (f"{treated} better", f"{control} better")
    parts = (("win_share", 1, sides[0]), ("loss_share", -1, sides[1]))
    columns = [
        pd.DataFrame(
            {
                "endpoint": decided["endpoint"],
                "at": sign * decided[name],
                "side": side,
                "share": decided[name],
            }
        )
        for name, sign, side in parts
    ]
    most = max(float(decided[["win_share", "loss_share"]].to_numpy().max()), 0.01) * 1.25
    x = alt.X("at:Q", title="Share of all pairs", scale=alt.Scale(domain=[-most, most], nice=False),
              axis=alt.Axis(labelExpr="format(abs(datum.value), '.0%')"))  # fmt: skip
    y = alt.Y(
        "endpoint:N",
        sort=list(decided["endpoint"]),
        title=None,
        axis=alt.Axis(ticks=False, domain=False, labelLimit=300, labelPadding=8),
    )
    colour = alt.Color("side:N", scale=alt.Scale(domain=list(sides), range=[INDIVIDUAL, ABOVE]), title=None)
    base = alt.Chart(inline(pd.concat(columns, ignore_index=True)))
    bars = base.mark_bar(height=15).encode(x=x, y=y, color=colour)
    words = alt.layer(
        *(
            base.transform_filter(alt.datum.side == side)
            .mark_text(align=align, dx=dx, fontSize=10.5)
            .encode(x=x, y=y, text=alt.Text("share:Q", format=".1%"))
            for side, align, dx in ((sides[0], "left", 4), (sides[1], "right", -4))
        )
    )
    line = alt.Chart(inline(pd.DataFrame({"none": [0.0]}))).mark_rule(color=QUIET).encode(x="none:Q")
    return themed(alt.layer(bars, words, line).properties(width=_WIDTH, height=_ROW * max(len(decided), 2)))
