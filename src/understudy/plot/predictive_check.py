"""Predictive checks: shares outside of intervals, statistics, survival and categories, against those of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.grid import grid
from understudy.plot.label import sentence_case, titled
from understudy.plot.theme import ABOVE, INDIVIDUAL, OBSERVED, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_COLUMNS = 3


def numerical_check(table: pd.DataFrame) -> alt.HConcatChart:
    """Observed shares below and above prediction intervals, over what is expected.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``prediction_interval``, ``side``, ``observed``, ``expected``, ``low``, ``high``; one output.

    Returns
    -------
    altair.HConcatChart
        At 1 as many measurements lie outside as the model says; the shade is where that ratio is expected.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"prediction_interval": [0.5, 0.9], "side": "below", "observed": [0.2, 0.06],
    ...                       "expected": [0.25, 0.05], "low": [0.2, 0.02], "high": [0.3, 0.09]})
    >>> len(numerical_check(frame).hconcat)
    1
    """
    import altair as alt
    import pandas as pd

    up, ticks = "Observed over expected", alt.Axis(values=[0, 20, 40, 60, 80, 100])
    y = alt.Y("observed:Q", title=up, scale=alt.Scale(zero=True))
    x = alt.X(
        "prediction_interval:Q",
        title="Prediction interval (%)",
        scale=alt.Scale(domain=[0, 100], nice=False),
        axis=ticks,
    )
    one = alt.Chart(inline(pd.DataFrame({"y": [1.0]}))).mark_rule(color=QUIET).encode(y="y:Q")
    panels = []
    for side, own in table.groupby("side", sort=False):
        ratios = own[["observed", "low", "high"]].div(own["expected"], axis=0)
        rows = ratios.assign(prediction_interval=100 * own["prediction_interval"])
        base = alt.Chart(inline(rows)).encode(x=x)
        band = base.mark_area(color=INDIVIDUAL, opacity=0.2).encode(y=alt.Y("low:Q", title=up), y2="high:Q")
        line = base.mark_line(color=OBSERVED, strokeWidth=1.6).encode(y=y)
        dots = base.mark_point(color=OBSERVED, filled=True, size=30, opacity=1).encode(y=y)
        title = f"Measurements {side} their interval"
        panels.append(alt.layer(band, one, line, dots).properties(width=290, height=150, title=title))
    return themed(alt.hconcat(*panels).resolve_scale(y="shared"))


def statistics(
    table: pd.DataFrame, simulated: pd.DataFrame, *, output: str, unit: str, time_unit: str
) -> alt.ConcatChart:
    """Simulated studies' statistics as histograms, the observed one as a line.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``statistic``, ``observed``, ``p``; one output.
    simulated : pandas.DataFrame
        Columns ``statistic``, ``value``.
    output, unit, time_unit : str

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"statistic": ["maximum"], "observed": [5.0], "p": [0.4]})
    >>> copies = pd.DataFrame({"statistic": "maximum", "value": [4.0, 5.0, 6.0]})
    >>> len(statistics(table, copies, output="level", unit="mg/L", time_unit="h").concat)
    1
    """
    import altair as alt
    import pandas as pd

    panels = []
    for row in table.dropna(subset=["observed"]).to_dict("records"):
        name = row["statistic"]
        area = name == "area"
        words = f"Area under {output}" if area else sentence_case(output)
        text = titled(words, f"{time_unit}*{unit}" if area else unit)
        values = simulated.loc[simulated["statistic"] == name, "value"].dropna().to_numpy(float)
        seen = alt.Chart(inline(pd.DataFrame({"value": [row["observed"]]}))).mark_rule(
            color=ABOVE, strokeWidth=2.2
        )
        seen = seen.encode(x=alt.X("value:Q", title=text, scale=alt.Scale(zero=False, nice=False)))
        panel = alt.layer(_counts(values, text), seen).properties(width=190, height=120)
        panels.append(panel.properties(title=f"{sentence_case(name)}, p = {row['p']:.2g}"))
    return themed(grid(panels, _COLUMNS))


def _counts(values: np.ndarray, title: str) -> alt.Chart:
    """How many simulated studies have which value."""
    import altair as alt
    import pandas as pd

    counts, edges = np.histogram(values, min(25, max(5, int(np.sqrt(len(values))))))
    bars = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "count": counts})
    x = alt.X("from:Q", title=title, bin="binned", scale=alt.Scale(zero=False, nice=False))
    scale = alt.Scale(domain=[0, 1.12 * float(counts.max())], nice=False)
    y = alt.Y("count:Q", title="Simulated studies", axis=alt.Axis(tickCount=4), scale=scale)
    mark = {"color": INDIVIDUAL, "opacity": 0.35, "stroke": "white", "strokeWidth": 0.5}
    return alt.Chart(inline(bars)).mark_bar(**mark).encode(x=x, x2="to:Q", y=y)


def survival(
    curves: pd.DataFrame, observed: pd.DataFrame, *, time_unit: str, event: str = "event"
) -> alt.LayerChart | alt.ConcatChart:
    """Observed survival as steps, with marks where subjects were censored, on the band of simulated studies.

    Parameters
    ----------
    curves : pandas.DataFrame
        Columns ``stratum``, ``time``, ``low``, ``median``, ``high``.
    observed : pandas.DataFrame
        Columns ``stratum``, ``time``, ``survival``, ``censored``.
    time_unit : str
    event : str
        What the subjects are free of.

    Examples
    --------
    >>> import pandas as pd
    >>> curves = pd.DataFrame({"stratum": "", "time": [0.0, 1.0], "low": [1.0, 0.4], "median": [1.0, 0.5],
    ...                        "high": [1.0, 0.6]})
    >>> seen = pd.DataFrame({"stratum": "", "time": [0.0, 1.0], "survival": [1.0, 0.5], "censored": [0, 1]})
    >>> type(survival(curves, seen, time_unit="d")).__name__
    'LayerChart'
    """
    import altair as alt

    x = alt.X("time:Q", title=titled("Time", time_unit), scale=alt.Scale(nice=False))
    scale, title = alt.Scale(domain=[0, 1], nice=False), f"Share without {event}"
    y = alt.Y("low:Q", title=title, scale=scale, axis=alt.Axis(format="%", tickCount=5))
    strata = list(dict.fromkeys(curves["stratum"]))
    panels = []
    for stratum in strata:
        band = alt.Chart(inline(curves[curves["stratum"] == stratum])).encode(x=x)
        own = observed[observed["stratum"] == stratum]
        steps = alt.Chart(inline(own)).encode(x=x, y=alt.Y("survival:Q", title=title, scale=scale))
        ticks = alt.Chart(inline(own[own["censored"] > 0])).encode(
            x=x, y=alt.Y("survival:Q", title=title, scale=scale)
        )
        panel = alt.layer(
            band.mark_area(color=INDIVIDUAL, opacity=0.2, interpolate="step-after").encode(y=y, y2="high:Q"),
            band.mark_line(color=INDIVIDUAL, strokeDash=[5, 3], interpolate="step-after").encode(
                y=alt.Y("median:Q", title=title, scale=scale)
            ),
            steps.mark_line(color=OBSERVED, strokeWidth=1.8, interpolate="step-after"),
            ticks.mark_point(shape="stroke", angle=90, color=OBSERVED, size=36, strokeWidth=1.4),
        ).properties(width=620 if len(strata) == 1 else 300, height=215)
        panels.append(panel.properties(title=stratum) if stratum else panel)
    return themed(panels[0] if len(panels) == 1 else alt.concat(*panels, columns=2))


def categories(table: pd.DataFrame, *, output: str, time_unit: str) -> alt.ConcatChart:
    """Observed share of each category over time on the ribbon of simulated studies; a panel for each category.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``stratum``, ``time``, ``category``, ``observed``, ``low``, ``median``, ``high``.
    output, time_unit : str

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"stratum": "", "time": [1.0, 2.0], "category": 1, "observed": [0.2, 0.3],
    ...                       "low": [0.1, 0.2], "median": [0.2, 0.3], "high": [0.3, 0.4]})
    >>> len(categories(frame, output="pain score", time_unit="h").concat)
    1
    """
    import altair as alt

    x = alt.X(
        "time:Q", title=titled("Time", time_unit), scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=5)
    )
    scale, axis = alt.Scale(domain=[0, 1], nice=False), alt.Axis(format="%", tickCount=5)
    y = {
        name: alt.Y(f"{name}:Q", title="Share of measurements", scale=scale, axis=axis)
        for name in ("low", "median")
    }
    seen = alt.Y("observed:Q", title="Share of measurements", scale=scale, axis=axis)
    panels = []
    for (stratum, category), own in table.groupby(["stratum", "category"], sort=False):
        base = alt.Chart(inline(own.sort_values("time"))).encode(x=x)
        title = ", ".join(part for part in (stratum, f"{sentence_case(output)} {category}") if part)
        panels.append(
            alt.layer(
                base.mark_area(color=INDIVIDUAL, opacity=0.2).encode(y=y["low"], y2="high:Q"),
                base.mark_line(color=INDIVIDUAL, strokeDash=[5, 3], strokeWidth=1.3).encode(y=y["median"]),
                base.mark_line(color=OBSERVED, strokeWidth=1.8).encode(y=seen),
                base.mark_point(color=OBSERVED, filled=True, size=26, opacity=1).encode(y=seen),
            ).properties(width=190, height=130, title=title)
        )
    return themed(grid(panels, _COLUMNS))
