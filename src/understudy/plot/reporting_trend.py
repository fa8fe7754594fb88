"""Reporting trend: reports of a pair by period, and its odds ratio up to each period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.theme import INDIVIDUAL, POPULATION, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _RATIOS, _COUNTS = 520, 200, 90
_MOST_LABELS = 8


def reporting_trend(table: pd.DataFrame, *, change: str = "") -> alt.VConcatChart:
    """Above the odds ratio of all reports so far with its band, and of each period as dots; below the reports.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``period``, ``n`` (missing where it is below five and hidden), ``ror``, ``ror_low``, ``ror_high``,
        ``ror_so_far``, ``ror_so_far_low``, ``ror_so_far_high``; missing where there is none.
    change : str
        Period of a change point, marked by a line; empty for none.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"period": ["2021", "2022"], "n": [5, 9], "ror": [2.0, 3.0], "ror_low": [1.0, 1.5],
    ...     "ror_high": [4.0, 6.0], "ror_so_far": [2.0, 2.6], "ror_so_far_low": [1.0, 1.6],
    ...     "ror_so_far_high": [4.0, 4.2]})
    >>> len(reporting_trend(rows).vconcat)
    2
    """
    import altair as alt

    periods = list(table["period"])
    step = -(-len(periods) // _MOST_LABELS)
    x = {"sort": periods, "title": None, "scale": alt.Scale(domain=periods, paddingOuter=0.4)}
    bare = alt.X("period:O", axis=alt.Axis(labels=False, ticks=False), **x)
    told = alt.X("period:O", axis=alt.Axis(values=periods[::step], labelAngle=0, labelOverlap=False), **x)
    marks = _change(periods, change)
    ratios = alt.layer(*_ratios(table, bare), *([marks.encode(x=bare)] if marks else []))
    hidden = table[table["n"].isna()].assign(n=0, text="<5")
    words = (
        alt.Chart(inline(hidden[["period", "n", "text"]]))
        .mark_text(color=QUIET, fontSize=10, dy=-8)
        .encode(x=told, y="n:Q", text="text:N")
    )
    bars = (
        alt.Chart(inline(table[["period", "n"]]))
        .mark_bar(color=INDIVIDUAL, opacity=0.75, width={"band": 0.6})
        .encode(x=told, y=alt.Y("n:Q", title="Reports", axis=alt.Axis(tickCount=3)))
    )
    counts = alt.layer(bars, words) if len(hidden) else bars
    return themed(
        alt.vconcat(
            ratios.properties(width=_WIDTH, height=_RATIOS), counts.properties(width=_WIDTH, height=_COUNTS),
            spacing=10,
        )
    )  # fmt: skip


def _ratios(table: pd.DataFrame, x: alt.X) -> list[alt.Chart]:
    import altair as alt
    import pandas as pd

    domain = _domain(table)
    ticks = [each * 10.0**power for power in range(-3, 6) for each in (1, 2, 5)]
    y = {
        "title": "Reporting odds ratio",
        "axis": alt.Axis(values=[each for each in ticks if domain[0] <= each <= domain[1]]),
        "scale": alt.Scale(type="log", domain=domain, nice=False, clamp=True),
    }
    kinds = ["all reports so far", "reports of the period"]
    colour = alt.Color(
        "kind:N", title=None, scale=alt.Scale(domain=kinds, range=[INDIVIDUAL, POPULATION]),
        legend=alt.Legend(symbolType="circle", symbolOpacity=1, columnPadding=18),
    )  # fmt: skip
    so_far = table.assign(
        value=table["ror_so_far"], low=table["ror_so_far_low"], high=table["ror_so_far_high"], kind=kinds[0]
    )
    own = table.assign(value=table["ror"], low=table["ror_low"], high=table["ror_high"], kind=kinds[1])
    columns = ["period", "value", "low", "high", "kind"]
    sums, each = (alt.Chart(inline(_numbers(part[columns]))) for part in (so_far, own))
    none = alt.Chart(inline(pd.DataFrame({"value": [1.0]}))).mark_rule(color=QUIET, strokeDash=[3, 3])
    return [
        none.encode(y=alt.Y("value:Q", **y)),
        sums.mark_area(opacity=0.16).encode(x=x, y=alt.Y("low:Q", **y), y2="high:Q", color=colour),
        sums.mark_line(strokeWidth=1.8).encode(x=x, y=alt.Y("value:Q", **y), color=colour),
        each.mark_rule(strokeWidth=1.2).encode(x=x, y=alt.Y("low:Q", **y), y2="high:Q", color=colour),
        each.mark_point(filled=True, size=38, opacity=1).encode(x=x, y=alt.Y("value:Q", **y), color=colour),
    ]


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """With floats in place of objects that masking has left."""
    return frame.astype({name: float for name in ("value", "low", "high")})


def _domain(table: pd.DataFrame) -> list[float]:
    """Around all estimates and the limits so far; wider limits of single periods run out of the axis."""
    import numpy as np

    columns = ["ror", "ror_so_far", "ror_so_far_low", "ror_so_far_high"]
    values = table[columns].astype(float).to_numpy().ravel()
    known = values[np.isfinite(values) & (values > 0)]
    return [float(min([*known, 1.0]) / 1.5), float(max([*known, 1.0]) * 1.5)]


def _change(periods: list[str], change: str) -> alt.Chart | None:
    import altair as alt
    import pandas as pd

    if change not in periods:
        return None
    return alt.Chart(inline(pd.DataFrame({"period": [change]}))).mark_rule(
        color=QUIET, strokeDash=[6, 3], strokeWidth=1.4
    )
