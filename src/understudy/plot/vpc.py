"""Visual predictive check: quantiles of the observations against those of simulated studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.plot.label import sentence_case, titled, wrapped
from understudy.plot.theme import ABOVE, INDIVIDUAL, OBSERVED, QUIET, inline, themed, thinned

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT, _LOW = 620, 215, 80
_NARROW = 300
# Letters of a title beside an axis of `_HEIGHT`.
_TITLE = 34


@dataclass(frozen=True)
class _Axes:
    """Titles of both axes, whether levels are on a logarithmic one, and from where to where both go."""

    across: str
    up: str
    logarithmic: bool
    levels: tuple[float, float]
    reach: tuple[float, float]

    @property
    def x(self) -> alt.X:
        import altair as alt

        scale = alt.Scale(domain=list(self.reach), nice=False)
        return alt.X("time:Q", title=self.across, axis=alt.Axis(tickCount=9), scale=scale)

    def y(self, column: str) -> alt.Y:
        import altair as alt

        kind = {"type": "log"} if self.logarithmic else {}
        scale = alt.Scale(domain=list(self.levels), nice=False, **kind)
        lines = wrapped(self.up, _TITLE).split("\n")
        return alt.Y(f"{column}:Q", title=lines[0] if len(lines) == 1 else lines, scale=scale)


def vpc(
    quantiles: pd.DataFrame,
    *,
    output: str,
    unit: str,
    time_unit: str,
    observations: pd.DataFrame | None = None,
    censored: pd.DataFrame | None = None,
    axis: str = "Time",
    logarithmic: bool = False,
    title: str = "",
    subtitle: str = "",
) -> alt.LayerChart | alt.VConcatChart | alt.ConcatChart:
    """Observed quantiles as lines on ribbons of where the model expects them.

    Parameters
    ----------
    quantiles : pandas.DataFrame
        Columns ``time`` (middle of the bin), ``quantile``, ``observed``, and ``low``, ``median``, ``high`` of
        that quantile over the simulated studies; with a column ``stratum`` a panel for each of its values, in their
        order. Gaps are where a quantile is beyond the limit of quantification.
    output, unit, time_unit : str
    observations : pandas.DataFrame or None
        Columns ``time`` and ``observed``, and ``stratum`` where `quantiles` has one; drawn as points.
    censored : pandas.DataFrame or None
        Columns ``time``, ``side``, ``limit``, ``observed``, ``low``, ``median``, ``high``, and ``stratum``: shares of
        measurements beyond the limit, drawn in a panel below; the limit is a line in the panel above.
    axis : str
        What lies on the horizontal axis; `time_unit` is its unit.
    logarithmic : bool
        Levels on a logarithmic axis; those of zero or below are not shown.
    title, subtitle : str
        Above all, where the chart stands by itself.

    Returns
    -------
    altair.LayerChart
        Or charts beside and below one another, where there are strata or shares beyond a limit.

    References
    ----------
    Holford N. The visual predictive check. PAGE 14 (2005) Abstr 738, https://www.page-meeting.org/?abstract=738

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"time": [1.0, 9.0], "quantile": [0.5, 0.5], "observed": [9.0, 5.0],
    ...                       "low": [8.0, 4.0], "median": [9.0, 5.0], "high": [10.0, 6.0]})
    >>> type(vpc(frame, output="concentration", unit="mg/L", time_unit="h")).__name__
    'LayerChart'
    """
    import altair as alt

    levels = _levels(quantiles, observations, censored, logarithmic)
    reach = _reach(quantiles, observations)
    axes = _Axes(titled(axis, time_unit), titled(sentence_case(output), unit), logarithmic, levels, reach)
    strata = list(dict.fromkeys(quantiles["stratum"])) if "stratum" in quantiles else [""]
    panels = []
    for stratum in strata:
        own = [_of(frame, stratum) for frame in (quantiles, observations, censored)]
        width = _WIDTH if len(strata) == 1 else _NARROW
        panel = _stratum(*own, axes, width)
        panels.append(panel.properties(title=stratum) if stratum else panel)
    chart = panels[0] if len(panels) == 1 else alt.concat(*panels, columns=2).resolve_scale(color="shared")
    return themed(chart.properties(title=alt.Title(title, subtitle=subtitle)) if title else chart)


def _reach(quantiles: pd.DataFrame, observations: pd.DataFrame | None) -> tuple[float, float]:
    """From where to where the horizontal axis goes, in all panels."""
    import numpy as np

    parts = [frame["time"].to_numpy(float) for frame in (quantiles, observations) if frame is not None]
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    return min(low, 0.0), high if high > min(low, 0.0) else low + 1.0


def _levels(
    quantiles: pd.DataFrame,
    observations: pd.DataFrame | None,
    censored: pd.DataFrame | None,
    logarithmic: bool,
) -> tuple[float, float]:
    """From the lowest to the highest that any panel shows, so that all have one scale."""
    import numpy as np

    parts = [quantiles[["observed", "low", "median", "high"]].to_numpy(float).ravel()]
    parts += [] if observations is None else [observations["observed"].to_numpy(float)]
    parts += [] if censored is None else [censored["limit"].to_numpy(float)]
    values = np.concatenate(parts)
    values = values[np.isfinite(values) & ((values > 0) | (not logarithmic))]
    if not values.size:
        return (0.1, 1.0) if logarithmic else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if logarithmic:
        return low / 1.1, high * 1.1
    margin = 0.04 * (max(high, 0.0) - min(low, 0.0) or 1.0)
    return min(0.0, low - margin if low < 0 else 0.0), max(0.0, high + margin if high > 0 else 0.0)


def _of(frame: pd.DataFrame | None, stratum: str) -> pd.DataFrame | None:
    if frame is None or "stratum" not in frame:
        return frame
    return frame[frame["stratum"] == stratum]


def _stratum(
    quantiles: pd.DataFrame,
    observations: pd.DataFrame | None,
    censored: pd.DataFrame | None,
    axes: _Axes,
    width: int,
) -> alt.LayerChart | alt.VConcatChart:
    import altair as alt

    limits = [] if censored is None else censored["limit"].dropna().unique().tolist()
    layers = _layers(_filled(quantiles, censored), axes)
    if limits:
        layers.insert(0, _limit_rule(limits, axes))
    if observations is not None:
        layers.insert(0, _points(observations, axes))
    main = alt.layer(*layers).properties(width=width, height=_HEIGHT)
    if censored is None or not len(censored):
        return main
    return alt.vconcat(main, _beyond(censored, axes, width), spacing=10).resolve_scale(color="independent")


def _filled(quantiles: pd.DataFrame, censored: pd.DataFrame | None) -> pd.DataFrame:
    """Quantiles whose ribbon ends below the limit, with the limit for its end; one that lies wholly below has none."""
    rows = quantiles.copy()
    below = None if censored is None else censored[censored["side"] == "below"]
    if below is not None and len(below):
        cut = rows["low"].isna() & rows["high"].notna()
        rows.loc[cut, "low"] = float(below["limit"].iloc[0])
    return rows


def _layers(quantiles: pd.DataFrame, axes: _Axes) -> list[alt.Chart]:
    import altair as alt

    columns = ["time", "quantile", "observed", "low", "median", "high"]
    frame = quantiles[columns].astype(float).sort_values(["quantile", "time"])
    if axes.logarithmic:
        values = ["observed", "low", "median", "high"]
        frame[values] = frame[values].where(frame[values] > 0)
    frame["label"] = [f"{100 * value:g} %" for value in frame["quantile"]]
    labels = list(dict.fromkeys(frame["label"]))[::-1]
    colour = alt.Color(
        "label:N", title="Quantile", sort=labels, scale=alt.Scale(domain=labels, range=_colours(len(labels)))
    )
    base = alt.Chart(inline(frame)).encode(x=axes.x, color=colour, detail="quantile:Q")
    ribbons = base.mark_area(opacity=0.22).encode(y=axes.y("low"), y2="high:Q")
    expected = base.mark_line(strokeDash=[5, 3], strokeWidth=1.3).encode(y=axes.y("median"))
    lines = base.mark_line(strokeWidth=2.2).encode(y=axes.y("observed"))
    dots = base.mark_point(filled=True, size=30, opacity=1).encode(y=axes.y("observed"))
    return [ribbons, expected, lines, dots]


def _points(observations: pd.DataFrame, axes: _Axes) -> alt.Chart:
    import altair as alt

    shown = observations[["time", "observed"]].astype(float).dropna()
    if axes.logarithmic:
        shown = shown[shown["observed"] > 0]
    mark = {"size": 22, "filled": False, "color": OBSERVED, "opacity": 0.35, "strokeWidth": 1}
    return alt.Chart(inline(thinned(shown))).mark_point(**mark).encode(x=axes.x, y=axes.y("observed"))


def _limit_rule(limits: Sequence[float], axes: _Axes) -> alt.Chart:
    import altair as alt
    import pandas as pd

    rows = pd.DataFrame({"limit": [float(limit) for limit in limits]})
    rule = alt.Chart(inline(rows)).mark_rule(color=QUIET, strokeDash=[2, 3], strokeWidth=1.2)
    return rule.encode(y=axes.y("limit"))


def _beyond(censored: pd.DataFrame, axes: _Axes, width: int) -> alt.LayerChart:
    """Shares of measurements beyond a limit: observed as a line, expected as a ribbon."""
    import altair as alt

    sides = list(dict.fromkeys(censored["side"]))
    title = f"Share {' or '.join(sides)} limit"
    columns = ["time", "observed", "low", "median", "high"]
    rows = censored[columns].astype(float).assign(side=censored["side"]).sort_values(["side", "time"])

    def y(column: str) -> alt.Y:
        axis = alt.Axis(format="%", tickCount=4)
        return alt.Y(f"{column}:Q", title=title, scale=alt.Scale(domainMin=0), axis=axis)

    base = alt.Chart(inline(rows)).encode(x=axes.x, detail="side:N")
    return alt.layer(
        base.mark_area(color=INDIVIDUAL, opacity=0.2).encode(y=y("low"), y2="high:Q"),
        base.mark_line(color=INDIVIDUAL, strokeDash=[5, 3], strokeWidth=1.3).encode(y=y("median")),
        base.mark_line(color=OBSERVED, strokeWidth=1.6).encode(y=y("observed")),
        base.mark_point(color=OBSERVED, filled=True, size=26, opacity=1).encode(y=y("observed")),
    ).properties(width=width, height=_LOW)


def _colours(count: int) -> list[str]:
    """The middle quantile in one colour, the others in two more, from the highest to the lowest."""
    outer = count // 2
    return [ABOVE] * outer + [INDIVIDUAL] * (count % 2) + [QUIET] * outer
