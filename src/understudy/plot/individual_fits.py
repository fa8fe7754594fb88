"""Individual fits: each patient's course with its interval, through the observations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from understudy.plot.label import over_time
from understudy.plot.theme import INDIVIDUAL, OBSERVED, POPULATION, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_COLUMNS = 4


def individual_fits(
    curves: pd.DataFrame,
    observations: pd.DataFrame,
    *,
    output: str,
    unit: str,
    time_unit: str,
    ids: Sequence[Any] | None = None,
    noun: str = "Patient",
) -> alt.FacetChart:
    """Small multiples, one patient each.

    Parameters
    ----------
    curves : pandas.DataFrame
        Columns ``id``, ``time``, ``median``, ``lower``, ``upper``, ``population``.
    observations : pandas.DataFrame
        Columns ``id``, ``time``, ``observed``.
    output, unit, time_unit : str
    ids : sequence or None
        Who is shown, in this order; None for all, in the order of `curves`.
    noun : str
        Stands before the identifier over each panel.

    Returns
    -------
    altair.FacetChart
        One vertical axis for all, a horizontal axis for each.

    Examples
    --------
    >>> import pandas as pd
    >>> curves = pd.DataFrame({"id": [1, 1], "time": [0.0, 9.0], "median": [9.0, 5.0], "lower": [8.0, 4.0],
    ...                        "upper": [10.0, 6.0], "population": [8.0, 6.0]})
    >>> seen = pd.DataFrame({"id": [1], "time": [4.0], "observed": [7.0]})
    >>> chart = individual_fits(curves, seen, output="concentration", unit="mg/L", time_unit="h")
    >>> chart.columns
    4
    """
    import altair as alt

    chosen = list(dict.fromkeys(curves["id"]) if ids is None else ids)
    rows, order = _rows(curves, observations, chosen, noun)
    axis = alt.Axis(tickCount=4, labelFontSize=10)
    x = alt.X("time:Q", title=None, axis=axis)
    base = alt.Chart().encode(x=x)
    curve = base.transform_filter("datum.kind == 'curve'")
    band = curve.mark_area(color=INDIVIDUAL, opacity=0.18).encode(
        y=alt.Y("lower:Q", title=None, axis=axis), y2="upper:Q"
    )
    typical = curve.mark_line(color=POPULATION, strokeDash=[4, 3], strokeWidth=1.2).encode(y="population:Q")
    middle = curve.mark_line(color=INDIVIDUAL, strokeWidth=1.6).encode(y="median:Q")
    dots = (
        base.transform_filter("datum.kind == 'observed'")
        .mark_point(filled=True, color=OBSERVED, size=24, opacity=1)
        .encode(y="observed:Q")
    )
    panel = alt.layer(band, typical, middle, dots).properties(width=142, height=92)
    header = alt.Header(title=None, labelPadding=3)
    return themed(
        panel.facet(alt.Facet("patient:N", sort=order, header=header), columns=_COLUMNS, data=inline(rows))
        .resolve_scale(x="independent")
        .properties(title=over_time(output, unit, time_unit))
    )


def individual_pages(
    curves: pd.DataFrame, observations: pd.DataFrame, *, per_page: int = 20, **words: Any
) -> list[alt.FacetChart]:
    """All patients, so many on a page; `words` and tables as for `individual_fits`.

    Examples
    --------
    >>> import pandas as pd
    >>> curves = pd.DataFrame({"id": [1, 2, 3], "time": 0.0, "median": 9.0, "lower": 8.0, "upper": 10.0,
    ...                        "population": 8.0})
    >>> seen = pd.DataFrame({"id": [1], "time": [4.0], "observed": [7.0]})
    >>> words = {"output": "concentration", "unit": "mg/L", "time_unit": "h"}
    >>> len(individual_pages(curves, seen, per_page=2, **words))
    2
    """
    everyone = list(dict.fromkeys(curves["id"]))
    pages = [everyone[first : first + per_page] for first in range(0, len(everyone), per_page)]
    return [individual_fits(curves, observations, ids=page, **words) for page in pages]


def _rows(
    curves: pd.DataFrame, observations: pd.DataFrame, chosen: list[Any], noun: str
) -> tuple[pd.DataFrame, list[str]]:
    """Curves and observations of the chosen in one table, and their labels in order."""
    import pandas as pd

    names = {identifier: f"{noun} {identifier}".strip() for identifier in chosen}
    parts = [curves.assign(kind="curve"), observations[["id", "time", "observed"]].assign(kind="observed")]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[rows["id"].isin(chosen)]
    columns = ["time", "median", "lower", "upper", "population", "observed", "kind"]
    return rows[columns].assign(patient=rows["id"].map(names)), list(names.values())
