"""Target attainment: how many patients each regimen keeps below, within and above the target range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from understudy.plot.theme import ABOVE, BELOW, INK, WITHIN, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_ZONES = {"below": ("Below", BELOW), "within": ("Within", WITHIN), "above": ("Above", ABOVE)}
_MEASURES = {"trough": "At trough", "time": "Share of time"}


def attainment(
    shares: pd.DataFrame,
    *,
    target: str,
    regimens: Sequence[str],
    sources: dict[str, str] | None = None,
) -> alt.FacetChart:
    """Stacked bars of the shares below, within and above the range, by regimen.

    Parameters
    ----------
    shares : pandas.DataFrame
        Columns ``source``, ``regimen``, ``measure`` (``"trough"`` or ``"time"``) and the fractions ``below``,
        ``within``, ``above``; one row for each bar.
    target : str
        The range as text, such as ``"15–40 mg/L"``.
    regimens : sequence of str
        Their order, from the top.
    sources : dict of source to label, or None
        Rows of panels in this order; None for the sources as they come.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"source": ["virtual"], "regimen": ["A"], "measure": ["trough"],
    ...                       "below": [0.1], "within": [0.7], "above": [0.2]})
    >>> type(attainment(frame, target="15–40 mg/L", regimens=["A"])).__name__
    'FacetChart'
    """
    import altair as alt

    names = sources or {source: source for source in dict.fromkeys(shares["source"])}
    rows = _long(shares, names, target)
    zones = list(dict.fromkeys(rows["zone"]))
    measures = [label for key, label in _MEASURES.items() if key in set(shares["measure"])]
    y = alt.Y(
        "regimen:N", title=None, sort=list(regimens), axis=alt.Axis(ticks=False, domain=False, labelPadding=8)
    )
    base = alt.Chart().encode(y=y)
    axis = alt.Axis(format="%", tickCount=5, grid=False)
    bars = base.mark_bar(height=18).encode(
        x=alt.X("start:Q", title="Share of patients", axis=axis, scale=alt.Scale(domain=[0, 1], nice=False)),
        x2="end:Q",
        color=alt.Color(
            "zone:N",
            title=None,
            sort=zones,
            scale=alt.Scale(domain=zones, range=[colour for _, colour in _ZONES.values()]),
        ),
    )
    text = base.mark_text(fontSize=10.5).encode(
        x=alt.X("middle:Q"),
        text="label:N",
        color=alt.Color("ink:N", scale=None),
    )
    width = 250 if len(measures) > 1 else 440
    panel = alt.layer(bars, text).properties(width=width, height=alt.Step(26))
    rows_of = alt.Row(
        "source:N",
        sort=list(names.values()),
        title=None,
        header=alt.Header(labelAngle=0, labelAlign="left", labelAnchor="start", labelOrient="top"),
    )
    column = alt.Column("measure:N", sort=measures, title=None)
    return themed(panel.facet(row=rows_of, column=column, data=inline(rows)))


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


def _long(shares: pd.DataFrame, names: dict[str, str], target: str) -> pd.DataFrame:
    """One row for each piece of a bar: where it starts and ends, its label where it fits."""
    import pandas as pd

    pieces = []
    for row in shares.itertuples():
        start = 0.0
        for zone, (word, _) in _ZONES.items():
            share = float(getattr(row, zone))
            pieces.append(
                {
                    "source": names[row.source],
                    "regimen": row.regimen,
                    "measure": _MEASURES[row.measure],
                    "zone": f"{word} {target}",
                    "start": start,
                    "end": start + share,
                    "middle": start + share / 2,
                    "label": f"{100 * share:.0f} %" if share >= 0.12 else "",
                    "ink": INK if zone == "below" else "white",
                }
            )
            start += share
    return pd.DataFrame(pieces)


def _heat(part: pd.DataFrame, name: str, regimens: list[str], first: bool) -> alt.LayerChart:
    import altair as alt

    rows = (
        part[["regimen", "within"]]
        .astype({"within": float})
        .assign(
            column=[f"{row.stratum}\nn = {int(row.n)}" for row in part.itertuples()],
            label=[f"{100 * row.within:.0f} ± {100 * row.se:.0f}" for row in part.itertuples()],
            ink=["white" if row.within > 0.62 else INK for row in part.itertuples()],
        )
    )
    columns = list(dict.fromkeys(rows["column"]))
    x_axis = alt.Axis(
        orient="top",
        labelAngle=0,
        labelExpr="split(datum.label, '\\n')",
        ticks=False,
        domain=False,
        labelPadding=6,
    )
    y_axis = alt.Axis(ticks=False, domain=False, labels=first, labelPadding=8)
    base = alt.Chart(inline(rows)).encode(
        x=alt.X("column:N", title=name, sort=columns, axis=x_axis),
        y=alt.Y("regimen:N", title=None, sort=regimens, axis=y_axis),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=2).encode(
        color=alt.Color("within:Q", scale=alt.Scale(domain=[0, 1], range=["#f3f7fb", WITHIN]), legend=None)
    )
    text = base.mark_text(fontSize=11).encode(text="label:N", color=alt.Color("ink:N", scale=None))
    return alt.layer(cells, text).properties(width=alt.Step(84), height=alt.Step(30))
