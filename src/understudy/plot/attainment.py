"""Target attainment: how many patients each regimen keeps below, within and above the target range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from understudy.core.unit_label import unit_label
from understudy.plot.label import wrapped
from understudy.plot.theme import ABOVE, BELOW, INK, LINES, WITHIN, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_COLOURS = {"below": BELOW, "within": WITHIN, "above": ABOVE}
_MEASURES = {"time": "Share of time, whole course", "trough": "Share of patients, last trough"}
_FITS = 0.12
# From here on white text has more contrast on a cell than dark text.
_DARK = 0.84


def attainment(
    shares: pd.DataFrame,
    *,
    target: tuple[float, float],
    unit: str,
    regimens: Sequence[str],
    sources: dict[str, str] | None = None,
) -> alt.VConcatChart:
    """Stacked bars of the shares below, within and above the range, by regimen.

    Parameters
    ----------
    shares : pandas.DataFrame
        Columns ``source``, ``regimen``, ``measure`` (``"trough"`` or ``"time"``) and the fractions ``below``,
        ``within``, ``above``; one row for each bar.
    target : (float, float)
        The range, in `unit`.
    unit : str
    regimens : sequence of str
        Their order, from the top.
    sources : dict of source to label, or None
        Panels below each other in this order; None for the sources as they come.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"source": ["virtual"], "regimen": ["A"], "measure": ["trough"],
    ...                       "below": [0.1], "within": [0.7], "above": [0.2]})
    >>> len(attainment(frame, target=(15, 40), unit="mg/L", regimens=["A"]).vconcat)
    1
    """
    import altair as alt

    names = sources or {source: str(source) for source in dict.fromkeys(shares["source"])}
    zones = _zones(target, unit_label(unit))
    order = [wrapped(regimen) for regimen in regimens]
    charts = [
        _bars(shares[shares["source"] == source], label, zones, order, first=k == 0)
        for k, (source, label) in enumerate(names.items())
    ]
    return themed(alt.vconcat(*charts, spacing=12))


def _zones(target: tuple[float, float], unit: str) -> dict[str, str]:
    low, high = (f"{limit:g}" for limit in target)
    return {
        "below": f"Below {low} {unit}".strip(),
        "within": f"Within {low} to {high} {unit}".strip(),
        "above": f"Above {high} {unit}".strip(),
    }


def _bars(
    shares: pd.DataFrame, label: str, zones: dict[str, str], order: list[str], first: bool
) -> alt.FacetChart:
    """The bars of one source, a column for each measure; the first has the legend and the measures' names."""
    import altair as alt

    measures = [name for key, name in _MEASURES.items() if key in set(shares["measure"])]
    y_axis = alt.Axis(ticks=False, domain=False, labelPadding=8, labelExpr=LINES)
    percent = alt.Axis(labelExpr="format(100 * datum.value, 'd') + '\u00a0%'", tickCount=5, grid=False)
    scale = alt.Scale(domain=list(zones.values()), range=list(_COLOURS.values()))
    base = alt.Chart().encode(y=alt.Y("regimen:N", title=None, sort=order, axis=y_axis))
    bars = base.mark_bar(height=18).encode(
        x=alt.X("start:Q", title=None, axis=percent, scale=alt.Scale(domain=[0, 1], nice=False)),
        x2="end:Q",
        color=alt.Color(
            "zone:N", scale=scale, legend=alt.Legend(title=None, symbolType="square") if first else None
        ),
    )
    text = base.mark_text(fontSize=10.5).encode(
        x="middle:Q", text="label:N", color=alt.Color("ink:N", scale=None)
    )
    panel = alt.layer(bars, text).properties(
        width=260 if len(measures) > 1 else 460, height=alt.Step(_step(order))
    )
    column = alt.Column("measure:N", sort=measures, title=None, header=alt.Header(labels=first))
    return panel.facet(column=column, data=inline(_pieces(shares, zones))).properties(title=label)


def _pieces(shares: pd.DataFrame, zones: dict[str, str]) -> pd.DataFrame:
    """One row for each piece of a bar: where it starts and ends, and its label where that fits."""
    import pandas as pd

    pieces = []
    for row in shares.to_dict("records"):
        start = 0.0
        for zone, name in zones.items():
            share = float(row[zone])
            pieces.append(
                {
                    "regimen": wrapped(row["regimen"]),
                    "measure": _MEASURES[row["measure"]],
                    "zone": name,
                    "start": start,
                    "end": start + share,
                    "middle": start + share / 2,
                    "label": f"{100 * share:.0f}\u00a0%" if share >= _FITS else "",
                    "ink": INK if zone == "below" else "white",
                }
            )
            start += share
    return pd.DataFrame(pieces)


def attainment_by_stratum(shares: pd.DataFrame, *, regimens: Sequence[str]) -> alt.HConcatChart:
    """A heat table for each covariate: share within the range by regimen and stratum.

    Parameters
    ----------
    shares : pandas.DataFrame
        Columns ``regimen``, ``by`` (the covariate), ``stratum``, ``n``, ``within``, ``se`` (its Monte Carlo
        standard error); one row for each cell.
    regimens : sequence of str
        Their order, from the top.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"regimen": ["A"], "by": ["WT"], "stratum": ["below 1 kg"], "n": [120],
    ...                       "within": [0.7], "se": [0.04]})
    >>> len(attainment_by_stratum(frame, regimens=["A"]).hconcat)
    1
    """
    import altair as alt

    groups = [(name, part) for name, part in shares.groupby("by", sort=False)]
    charts = [_heat(part, str(name), list(regimens), first=k == 0) for k, (name, part) in enumerate(groups)]
    return themed(alt.hconcat(*charts, spacing=16))


def _heat(part: pd.DataFrame, name: str, regimens: list[str], first: bool) -> alt.LayerChart:
    import altair as alt

    order = [wrapped(regimen) for regimen in regimens]
    rows = (
        part[["within"]]
        .astype({"within": float})
        .assign(
            regimen=part["regimen"].map(wrapped),
            column=[f"{row.stratum}\nn = {int(row.n)}" for row in part.itertuples()],
            label=_share_labels(part),
            ink=["white" if row.within > _DARK else INK for row in part.itertuples()],
        )
    )
    columns = list(dict.fromkeys(rows["column"]))
    x_axis = alt.Axis(
        orient="top",
        labelAngle=0,
        labelExpr=LINES,
        ticks=False,
        domain=False,
        labelPadding=20,
        labelLineHeight=13,
        titlePadding=6,
    )
    y_axis = alt.Axis(ticks=False, domain=False, labels=first, labelPadding=8, labelExpr=LINES)
    base = alt.Chart(inline(rows)).encode(
        x=alt.X("column:N", title=name, sort=columns, axis=x_axis),
        y=alt.Y("regimen:N", title=None, sort=order, axis=y_axis),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=2).encode(
        color=alt.Color("within:Q", scale=alt.Scale(domain=[0, 1], range=["#f3f7fb", WITHIN]), legend=None)
    )
    text = base.mark_text(fontSize=11).encode(text="label:N", color=alt.Color("ink:N", scale=None))
    return (
        alt.layer(cells, text)
        .resolve_scale(color="independent")
        .properties(width=alt.Step(_width(columns)), height=alt.Step(_step(order) + 4))
    )


def _share_labels(part: pd.DataFrame) -> list[str]:
    """Shares in percent with their standard errors where there are any, all with as many decimals."""
    digits = int(((part["se"] > 0) & (part["se"] < 0.005)).any())
    known = zip(part["within"], part["se"], strict=True)
    return [
        f"{100 * share:.{digits}f}" + (f" ± {100 * se:.{digits}f}" if se == se else "") for share, se in known
    ]


def _step(labels: list[str]) -> int:
    """Height of a row that holds the longest label."""
    return max(26, 14 * max((label.count("\n") + 1 for label in labels), default=1) + 8)


def _width(labels: list[str]) -> float:
    """Width of a column that holds the longest line."""
    return max(72.0, 6.3 * max(len(line) for label in labels for line in label.split("\n")) + 6)
