"""Tumour: best changes of all patients as a waterfall, and every course as a spider plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from understudy.plot.theme import INDIVIDUAL, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

# Of classes of courses, in their order: no progression, early, intermediate, acquired.
COLOURS = (INDIVIDUAL, "#b2331f", "#c79a3a", "#5b3a86")
_WIDTH, _HEIGHT, _MOST = 600, 240, 1.0
_PANEL_WIDTH, _PANEL_HEIGHT, _TALLEST = 270, 165, 1.5
_LINES = (-0.3, 0.2)


def waterfall(changes: pd.DataFrame, kinds: Sequence[str]) -> alt.LayerChart:
    """A bar a patient: the largest shrinkage, or the least growth; growth beyond 100 % is cut.

    Parameters
    ----------
    changes : pandas.DataFrame
        Columns ``patient``, ``change`` (a share of the first size), ``kind``; the worst first.
    kinds : sequence of str
        Classes in the order of the legend.

    Examples
    --------
    >>> import pandas as pd
    >>> changes = pd.DataFrame({"patient": ["a", "b"], "change": [0.3, -0.5], "kind": ["early", "none"]})
    >>> len(waterfall(changes, ["none", "early"]).layer)
    2
    """
    import altair as alt

    rows = changes.assign(
        place=range(len(changes)), upto=[k + 0.9 for k in range(len(changes))],
        change=changes["change"].clip(upper=_MOST),
    )  # fmt: skip
    ticks = [-1, -0.6, -0.3, 0, 0.2, 0.6, 1]
    y = alt.Y("change:Q", title="Best change from the first size", axis=alt.Axis(format="+%", values=ticks))
    x = alt.X("place:Q", title=f"{len(rows):,} patients", axis=alt.Axis(labels=False, ticks=False, grid=False),
              scale=alt.Scale(nice=False, domain=[-1, len(rows) + 1]))  # fmt: skip
    bars = (
        alt.Chart(inline(rows))
        .mark_bar(stroke=None)
        .encode(x=x, x2="upto:Q", y=y, y2=alt.Y2(datum=0), color=_colour(kinds))
    )
    return themed(alt.layer(bars, _limits()).properties(width=_WIDTH, height=_HEIGHT))


def spider(changes: pd.DataFrame, kinds: Sequence[str]) -> alt.FacetChart:
    """Change of every patient over time, a panel a class; growth beyond 150 % is cut.

    Parameters
    ----------
    changes : pandas.DataFrame
        Columns ``patient``, ``day``, ``change``, ``kind``.
    kinds : sequence of str

    Examples
    --------
    >>> import pandas as pd
    >>> changes = pd.DataFrame({"patient": "a", "day": [0, 42], "change": [0.0, -0.4], "kind": "none"})
    >>> spider(changes, ["none"]).columns
    2
    """
    import altair as alt
    import pandas as pd

    counts = changes.groupby("kind")["patient"].nunique()
    present = [kind for kind in kinds if kind in counts.index]
    titles = {kind: f"{kind}, {counts[kind]:,}" for kind in present}
    rows = changes.assign(
        panel=changes["kind"].map(titles),
        change=changes["change"].clip(upper=_TALLEST),
        month=changes["day"] / 30.4375,
    )
    lines = [
        {"panel": panel, "at": at, "patient": "", "kind": kind}
        for kind, panel in titles.items()
        for at in _LINES
    ]
    both = pd.concat([rows, pd.DataFrame(lines)], ignore_index=True)
    base = alt.Chart().encode(color=_colour(kinds, legend=False))
    courses = (
        base.transform_filter("isValid(datum.change)")
        .mark_line(strokeWidth=0.9, opacity=0.55)
        .encode(
            x=alt.X("month:Q", title="Months from the first visit"),
            y=alt.Y("change:Q", title="Change from the first size", axis=alt.Axis(format="+%", tickCount=5)),
            detail="patient:N",
        )
    )
    limits = (
        alt.Chart()
        .transform_filter("isValid(datum.at)")
        .mark_rule(color=QUIET, strokeDash=[3, 3])
        .encode(y="at:Q")
    )
    facet = alt.Facet("panel:N", sort=list(titles.values()), header=alt.Header(title=None, labelPadding=3))
    panels = alt.layer(courses, limits).properties(width=_PANEL_WIDTH, height=_PANEL_HEIGHT)
    return themed(
        panels.facet(
            facet, columns=2, data=inline(both[["panel", "patient", "kind", "month", "change", "at"]])
        )
    )


def _colour(kinds: Sequence[str], legend: bool = True) -> alt.Color:
    import altair as alt

    scale = alt.Scale(domain=list(kinds), range=list(COLOURS[: len(kinds)]))
    key = alt.Legend(title=None, symbolType="square", columnPadding=20) if legend else None
    return alt.Color("kind:N", scale=scale, sort=list(kinds), legend=key)


def _limits() -> alt.Chart:
    """Lines at a response and at progression, as RECIST 1.1 has them."""
    import altair as alt
    import pandas as pd

    base = alt.Chart(inline(pd.DataFrame({"change": list(_LINES)})))
    return base.mark_rule(color=QUIET, strokeDash=[3, 3]).encode(y="change:Q")
