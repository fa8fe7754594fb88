"""Design: the samples of a study over the course of a typical patient, a panel a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.label import over_time, sentence_case, titled
from understudy.plot.theme import ABOVE, INDIVIDUAL, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_COLUMNS = 2


def design_chart(
    curves: pd.DataFrame, samples: pd.DataFrame, *, time_unit: str, start: pd.DataFrame | None = None
) -> alt.FacetChart:
    """Curves with a dot at each sample; where there is a `start`, its samples are grey ticks at the foot.

    Parameters
    ----------
    curves, samples : pandas.DataFrame
        Columns ``group``, ``kind``, ``output``, ``unit``, ``time``, ``value``.
    time_unit : str
    start : pandas.DataFrame, optional
        Samples of the design that an optimisation began with: columns ``group``, ``output``, ``time``.

    Examples
    --------
    >>> import pandas as pd
    >>> own = {"group": "group 1", "kind": 0, "output": "C", "unit": "mg/L"}
    >>> curve = pd.DataFrame({"time": [0.0, 9.0], "value": [9.0, 5.0]}).assign(**own)
    >>> design_chart(curve, curve.iloc[1:], time_unit="h").columns
    1
    """
    import altair as alt
    import pandas as pd

    parts = [curves.assign(what="curve"), samples.assign(what="sample")]
    if start is not None:
        parts.append(start.assign(what="start", kind=0, value=None, unit=""))
    rows = pd.concat([part.astype({"value": float}) for part in parts], ignore_index=True)
    several = rows["output"].nunique() > 1
    names = sentence_case_each(rows["group"])
    units = dict(zip(curves["output"], curves["unit"], strict=True))
    outputs = rows["output"].map(lambda name: titled(name, units.get(name, "")))
    rows = rows.assign(panel=names + (": " + outputs if several else ""))
    order = list(dict.fromkeys(rows.loc[rows["what"] == "curve", "panel"]))
    rows = rows[rows["panel"].isin(order)]
    x = alt.X("time:Q", title=titled("Time", time_unit), scale=alt.Scale(nice=False, zero=True))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=True))
    base = alt.Chart().encode(x=x)
    line = base.transform_filter("datum.what == 'curve'").mark_line(color=INDIVIDUAL, strokeWidth=1.6)
    dots = base.transform_filter("datum.what == 'sample'").mark_point(
        filled=True, size=52, color=ABOVE, opacity=1, stroke="white", strokeWidth=0.8
    )
    ticks = base.transform_filter("datum.what == 'start'").mark_rule(
        color=QUIET, strokeWidth=1.2, strokeDash=[2, 3]
    )
    height = 190
    ticks = ticks.encode(y=alt.value(height - 26), y2=alt.value(height))
    layers = [line.encode(y=y, detail="kind:N"), dots.encode(y=y)]
    panel = alt.layer(*([ticks] if start is not None else []), *layers).properties(width=330, height=height)
    facet = alt.Facet("panel:N", sort=order, header=alt.Header(title=None, labelPadding=4))
    heading = (
        over_time(curves["output"].iloc[0], curves["unit"].iloc[0], time_unit)
        if not several
        else "Typical course"
    )
    told = "red: samples" + ("; dashes: those of the start" if start is not None else "")
    return themed(
        panel.facet(facet, columns=min(_COLUMNS, len(order)), data=inline(rows))
        .resolve_scale(y="independent")
        .properties(title=f"{heading}; {told}")
    )


def sentence_case_each(names: pd.Series) -> pd.Series:
    """Names as headings."""
    return names.map(sentence_case)
