"""Stopping limits: the values of Z at which each look ends a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.theme import ABOVE, INDIVIDUAL, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT = 460, 230
_NAMES = {"upper": "effect shown", "lower": "stopped for futility"}


def stopping_limits(limits: pd.DataFrame, *, counted: str) -> alt.LayerChart:
    """Limits over the information at each look; those beyond reason are left out.

    Parameters
    ----------
    limits : pandas.DataFrame
        Columns ``size`` (events or patients at the look), ``upper``, ``lower``.
    counted : str
        What the size is: "Events".

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"size": [20, 40], "upper": [2.96, 1.97], "lower": [float("-inf")] * 2})
    >>> len(stopping_limits(rows, counted="Events").layer)
    2
    """
    import altair as alt

    wide = limits[["size", "upper", "lower"]].replace([np.inf, -np.inf], np.nan)
    rows = wide.melt("size", var_name="limit", value_name="z").dropna()
    rows = rows.assign(limit=rows["limit"].map(_NAMES), told=[f"{z:.2f}" for z in rows["z"]])
    kinds = [name for name in _NAMES.values() if name in set(rows["limit"])]
    colours = {_NAMES["upper"]: INDIVIDUAL, _NAMES["lower"]: ABOVE}
    colour = alt.Color(
        "limit:N", scale=alt.Scale(domain=kinds, range=[colours[kind] for kind in kinds]),
        legend=alt.Legend(title=None, symbolType="stroke", columnPadding=24) if len(kinds) > 1 else None,
    )  # fmt: skip
    margin = 0.08 * float(wide["size"].max())
    x = alt.X(
        "size:Q", title=f"{counted} at the look", axis=alt.Axis(values=sorted(set(wide["size"])), format=",.0f"),
        scale=alt.Scale(domain=[max(wide["size"].min() - margin, 0), wide["size"].max() + margin], nice=False),
    )  # fmt: skip
    low, high = min(float(rows["z"].min()), 0.0), float(rows["z"].max())
    y = alt.Y("z:Q", title="Z", scale=alt.Scale(domain=[low - 0.2, high + 0.5], nice=False))
    line = alt.Chart(inline(rows)).mark_line(point={"filled": True, "size": 55}, strokeWidth=1.4)
    words = alt.Chart(inline(rows)).mark_text(dy=-12, fontSize=11, color=QUIET)
    return themed(
        alt.layer(line.encode(x=x, y=y, color=colour), words.encode(x=x, y=y, text="told:N")).properties(
            width=_WIDTH, height=_HEIGHT
        )
    )
