"""Nearest: how far rows are from the closest of two tables, and correlations of two tables against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.theme import INDIVIDUAL, OBSERVED, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_SHARES = np.linspace(0.0, 1.0, 101)
_WIDTH, _HEIGHT, _SIDE = 380, 210, 250
_KINDS = ("of rows they were made from", "of rows held out")


def nearest(source: np.ndarray, held_out: np.ndarray) -> alt.Chart:
    """Share of synthetic rows that are closer than a distance to a row of either kind.

    Parameters
    ----------
    source, held_out : float arrays
        Distances to the closest row, in standard deviations.

    Examples
    --------
    >>> nearest(np.array([0.1, 0.2]), np.array([0.1, 0.3])).width
    380
    """
    import altair as alt
    import pandas as pd

    parts = [
        pd.DataFrame({"kind": kind, "share": _SHARES, "distance": np.quantile(each, _SHARES)})
        for kind, each in zip(_KINDS, (source, held_out), strict=True)
    ]
    colour = alt.Scale(domain=list(_KINDS), range=[INDIVIDUAL, OBSERVED])
    dash = alt.Scale(domain=list(_KINDS), range=[[1, 0], [5, 3]])
    return themed(
        alt.Chart(inline(pd.concat(parts, ignore_index=True)))
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X("distance:Q", title="Distance to the closest row (standard deviations)"),
            y=alt.Y("share:Q", title="Synthetic rows within", axis=alt.Axis(format="%", tickCount=5)),
            color=alt.Color(
                "kind:N",
                scale=colour,
                title=None,
                legend=alt.Legend(symbolType="stroke", symbolSize=260, columnPadding=30),
            ),
            strokeDash=alt.StrokeDash("kind:N", scale=dash, legend=None),
            order="share:Q",
        )
        .properties(width=_WIDTH, height=_HEIGHT)
    )


def correlations(pairs: pd.DataFrame) -> alt.LayerChart:
    """Rank correlations of pairs of columns, in synthetic rows against the table.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Columns ``real`` and ``synthetic``.

    Examples
    --------
    >>> import pandas as pd
    >>> correlations(pd.DataFrame({"real": [0.2], "synthetic": [0.25]})).width
    250
    """
    import altair as alt
    import pandas as pd

    reach = float(np.ceil(10 * np.abs(pairs[["real", "synthetic"]].to_numpy()).max() + 0.5) / 10)
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    axis = alt.Axis(tickCount=5)
    x = alt.X("real:Q", title="In the table", scale=scale, axis=axis)
    y = alt.Y("synthetic:Q", title="In synthetic rows", scale=scale, axis=axis)
    ends = alt.Chart(inline(pd.DataFrame({"real": [-reach, reach], "synthetic": [-reach, reach]})))
    line = ends.mark_line(color=QUIET, strokeDash=[3, 3], strokeWidth=1).encode(x=x, y=y)
    dots = alt.Chart(inline(pairs[["real", "synthetic"]])).mark_point(
        filled=True, color=INDIVIDUAL, size=36, opacity=0.7
    )
    return themed(alt.layer(line, dots.encode(x=x, y=y)).properties(width=_SIDE, height=_SIDE))
