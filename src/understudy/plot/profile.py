"""Profiles: courses over time, of a population by regimen or of single patients by output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from understudy.plot.label import over_time, titled, wrapped
from understudy.plot.theme import INDIVIDUAL, INK, LINES, OBSERVED, WITHIN, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_MOST_LINES = 12
# Okabe and Ito's, those that a line can have on white.
_LINE_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8a5a00")


def profile(
    bands: pd.DataFrame,
    *,
    output: str,
    unit: str,
    time_unit: str,
    target: tuple[float, float] | None = None,
    regimens: Sequence[str] | None = None,
) -> alt.FacetChart:
    """Median and interval of a population over time, a panel for each regimen, the target range shaded.

    Parameters
    ----------
    bands : pandas.DataFrame
        Columns ``regimen``, ``time``, ``low``, ``median``, ``high``.
    output, unit, time_unit : str
    target : (float, float) or None
        In `unit`.
    regimens : sequence of str or None
        Their order; None for the order of `bands`.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"regimen": ["A", "A"], "time": [0.0, 9.0], "low": [8.0, 4.0],
    ...                       "median": [9.0, 5.0], "high": [10.0, 6.0]})
    >>> chart = profile(frame, output="concentration", unit="mg/L", time_unit="h", target=(15, 40))
    >>> chart.columns
    1
    """
    import altair as alt

    names = list(dict.fromkeys(bands["regimen"]) if regimens is None else regimens)
    order = [wrapped(name, 48) for name in names]
    rows = bands[["time", "low", "median", "high"]].assign(
        regimen=bands["regimen"].map(lambda n: wrapped(n, 48))
    )
    rows = rows.assign(target_low=target[0] if target else None, target_high=target[1] if target else None)
    base = alt.Chart().encode(
        x=alt.X("time:Q", title=None, axis=alt.Axis(tickCount=6), scale=alt.Scale(nice=False))
    )
    y = alt.Y("low:Q", title=None, axis=alt.Axis(tickCount=5))
    band = base.mark_area(color=OBSERVED, opacity=0.18).encode(y=y, y2="high:Q")
    middle = base.mark_line(color=INK, strokeWidth=1.6).encode(y="median:Q")
    layers = [band, middle]
    if target:
        shade = base.mark_area(color=WITHIN, opacity=0.14).encode(y="target_low:Q", y2="target_high:Q")
        edges = [
            base.mark_line(color=WITHIN, strokeWidth=0.8).encode(y=f"target_{side}:Q")
            for side in ("low", "high")
        ]
        layers = [shade, *edges, *layers]
    columns = min(2, len(order))
    panel = alt.layer(*layers).properties(width=300 if columns > 1 else 620, height=140)
    facet = alt.Facet("regimen:N", sort=order, title=None, header=alt.Header(labelPadding=4, labelExpr=LINES))
    chart = panel.facet(facet, columns=columns, data=inline(rows)).resolve_axis(x="independent")
    return themed(chart.properties(title=over_time(output, unit, time_unit)))


def by_regimen(
    courses: pd.DataFrame,
    *,
    titles: Mapping[str, str],
    time_unit: str,
    regimens: Sequence[str],
    target: tuple[float, float] | None = None,
) -> alt.FacetChart:
    """Outputs over time, a panel for each, a line for each regimen.

    Parameters
    ----------
    courses : pandas.DataFrame
        Columns ``regimen``, ``time``, ``output``, ``value``, ``unit``.
    titles : mapping of output to str
        What an output is called.
    time_unit : str
    regimens : sequence of str
        Their order.
    target : (float, float) or None
        A range to be shaded.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"regimen": ["A", "A"], "time": [0.0, 9.0], "output": "C", "value": [9.0, 5.0],
    ...                       "unit": "mg/L"})
    >>> by_regimen(frame, titles={"C": "concentration"}, time_unit="h", regimens=["A"]).columns
    1
    """
    import altair as alt

    named = courses.dropna(subset=["value"])
    named = named.assign(output=named["output"].map(titles), regimen=named["regimen"].map(wrapped))
    rows = named.assign(panel=_panel_titles(named))[["panel", "regimen", "time", "value"]]
    order, alone = [wrapped(name) for name in regimens], rows["panel"].nunique() == 1
    legend = alt.Legend(title=None, orient="bottom", columns=2, columnPadding=28, labelLimit=330)
    colour = alt.Color(
        "regimen:N", sort=order, scale=alt.Scale(domain=order, range=_hues(len(order))), legend=legend
    )
    dash = alt.StrokeDash(
        "regimen:N", sort=order, scale=alt.Scale(domain=order, range=_dashes(len(order))), legend=legend
    )
    x = alt.X(
        "time:Q", title=titled("Time", time_unit), axis=alt.Axis(tickCount=6), scale=alt.Scale(nice=False)
    )
    lines = (
        alt.Chart()
        .mark_line(strokeWidth=1.7)
        .encode(
            x=x, y=alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=5)), color=colour, strokeDash=dash
        )
    )
    layers = [lines]
    if target:
        rows = rows.assign(low=target[0], high=target[1])
        shade = alt.Chart().mark_area(color=WITHIN, opacity=0.12).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
        layers = [shade, lines]
    panel = alt.layer(*layers).properties(width=620 if alone else 290, height=220 if alone else 120)
    facet = alt.Facet(
        "panel:N", sort=list(dict.fromkeys(rows["panel"])), title=None, header=alt.Header(labelAnchor="start")
    )
    chart = panel.facet(facet, columns=1 if alone else 2, data=inline(rows))
    return themed(chart.resolve_scale(y="independent").resolve_axis(x="independent"))


def _hues(count: int) -> list[str]:
    return [_LINE_COLOURS[k % len(_LINE_COLOURS)] for k in range(count)]


def _dashes(count: int) -> list[list[int]]:
    """Whole lines first; broken ones where colours come again."""
    kinds = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
    return [kinds[k // len(_LINE_COLOURS) % len(kinds)] for k in range(count)]


def courses(
    outcome: pd.DataFrame, *, time_unit: str, most_lines: int = _MOST_LINES, interval: float = 0.9
) -> alt.FacetChart:
    """What was simulated, a panel for each output: a line for each patient, or median and interval of many.

    Parameters
    ----------
    outcome : pandas.DataFrame
        As of `Outcome.to_frame`: columns ``patient``, ``time``, ``output``, ``value``, ``unit``.
    time_unit : str
    most_lines : int
        More patients than this are drawn as median and interval.
    interval : float
        Share of the patients in the interval.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"patient": [1, 1], "time": [0.0, 9.0], "output": "C", "value": [9.0, 5.0],
    ...                       "unit": "mg/L"})
    >>> courses(frame, time_unit="h").columns
    1
    """
    import altair as alt

    known = outcome.dropna(subset=["value"])
    rows = known.assign(panel=_panel_titles(known))
    many = rows["patient"].nunique() > most_lines
    base = alt.Chart().encode(x=alt.X("time:Q", title=titled("Time", time_unit), scale=alt.Scale(nice=False)))
    value = alt.Y("middle:Q" if many else "value:Q", title=None)
    if many:
        rows = _summary(rows, interval)
        band = base.mark_area(color=INDIVIDUAL, opacity=0.2).encode(y=alt.Y("low:Q", title=None), y2="high:Q")
        layers = [band, base.mark_line(color=INDIVIDUAL, strokeWidth=1.8).encode(y=value)]
    else:
        rows = rows.assign(patient=rows["patient"].astype(str))
        layers = [
            base.mark_line(color=INDIVIDUAL, strokeWidth=1.5, opacity=0.8).encode(y=value, detail="patient:N")
        ]
    panel = alt.layer(*layers).properties(width=620, height=220)
    facet = alt.Facet(
        "panel:N", sort=list(dict.fromkeys(rows["panel"])), title=None, header=alt.Header(labelAnchor="start")
    )
    return themed(panel.facet(facet, columns=1, data=inline(rows)).resolve_scale(y="independent"))


def _panel_titles(outcome: pd.DataFrame) -> list[str]:
    return [
        titled(str(name), str(unit)) for name, unit in zip(outcome["output"], outcome["unit"], strict=True)
    ]


def _summary(rows: pd.DataFrame, interval: float) -> pd.DataFrame:
    tail = (1 - interval) / 2
    grouped = rows.groupby(["panel", "time"], sort=False)["value"]
    table = grouped.quantile([tail, 0.5, 1 - tail]).unstack()
    return table.set_axis(["low", "middle", "high"], axis=1).reset_index()
