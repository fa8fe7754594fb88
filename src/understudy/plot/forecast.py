"""Forecast: held-back measurements against what was foretold for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.label import titled
from understudy.plot.theme import INDIVIDUAL, POPULATION, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_METHODS = (
    ("individual", "From the patient's earlier levels", INDIVIDUAL),
    ("population", "From the population alone", POPULATION),
    ("previous", "Previous level carried forward", QUIET),
)
_SIDE = 196


def forecast(held_back: pd.DataFrame, *, output: str, unit: str) -> alt.HConcatChart:
    """A panel for each way of forecasting, with its interval where it has one.

    Parameters
    ----------
    held_back : pandas.DataFrame
        Columns ``observed``, ``individual``, ``population``, ``previous``, and ``individual_lower``,
        ``individual_upper``, ``population_lower``, ``population_upper``. A method with no values is left out.
    output, unit : str

    Returns
    -------
    altair.HConcatChart
        Points on the line were foretold exactly.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"observed": [20.0], "individual": [21.0], "individual_lower": [15.0],
    ...     "individual_upper": [28.0], "population": [26.0], "population_lower": [12.0],
    ...     "population_upper": [41.0], "previous": [None]})
    >>> len(forecast(frame, output="concentration", unit="mg/L").hconcat)
    2
    """
    import altair as alt

    panels = {column: _panel_rows(held_back, column) for column, _, _ in _METHODS}
    shown = [method for method in _METHODS if len(panels[method[0]])]
    domain = _domain([panels[column] for column, _, _ in shown])
    charts = [
        _panel(panels[column], text, colour, domain, f"{output}", unit, first=k == 0)
        for k, (column, text, colour) in enumerate(shown)
    ]
    return themed(alt.hconcat(*charts, spacing=18))


def _panel_rows(held_back: pd.DataFrame, column: str) -> pd.DataFrame:
    import pandas as pd

    rows = pd.DataFrame({"observed": held_back["observed"], "forecast": held_back[column]}, dtype=float)
    for side in ("lower", "upper"):
        name = f"{column}_{side}"
        rows[side] = held_back[name].astype(float) if name in held_back else np.nan
    return rows.dropna(subset=["observed", "forecast"])


def _domain(panels: list[pd.DataFrame]) -> list[float]:
    values = (
        np.concatenate([panel.to_numpy().ravel() for panel in panels]) if panels else np.array([0.0, 1.0])
    )
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * ((high - low) or 1.0)
    return [min(0.0, low - margin) if low < 0 else 0.0, high + margin]


def _panel(
    rows: pd.DataFrame, text: str, colour: str, domain: list[float], output: str, unit: str, first: bool
) -> alt.LayerChart:
    import altair as alt
    import pandas as pd

    scale = alt.Scale(domain=domain, nice=False)
    x = alt.X("observed:Q", title=titled(f"Observed {output}", unit), scale=scale, axis=alt.Axis(tickCount=5))
    y_title = titled(f"Forecast {output}", unit) if first else None
    y = alt.Y("forecast:Q", title=y_title, scale=scale, axis=alt.Axis(tickCount=5))
    ends = pd.DataFrame({"observed": domain, "forecast": domain})
    identity = alt.Chart(inline(ends)).mark_line(color=QUIET, strokeWidth=1).encode(x=x, y=y)
    bars = (
        alt.Chart(inline(rows.dropna()))
        .mark_rule(color=colour, opacity=0.35, strokeWidth=1.2)
        .encode(x=x, y=alt.Y("lower:Q", scale=scale, title=y_title), y2="upper:Q")
    )
    dots = (
        alt.Chart(inline(rows)).mark_point(filled=True, color=colour, size=26, opacity=0.9).encode(x=x, y=y)
    )
    return alt.layer(identity, bars, dots).properties(width=_SIDE, height=_SIDE, title=text)
