"""Theme: the palette, the type and the grid that all charts share.

Colours are of Okabe and Ito (https://jfly.uni-koeln.de/color/) or darker or lighter shades of them, so that
readers with any of the common colour vision deficiencies tell them apart. Nothing is registered with Altair:
each chart carries its configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

FONT = '"Segoe UI", "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif'

INK = "#1f2328"
QUIET = "#5a6169"

INDIVIDUAL = "#0072b2"
POPULATION = "#8a5a00"
OBSERVED = "#1f2328"

BELOW = "#f0c75e"
WITHIN = "#0072b2"
ABOVE = "#b2331f"

MOST_ROWS = 4000
# Vega's axes and headers break a label into lines where it is a list.
LINES = "split(datum.label, '\\n')"


def themed(chart: alt.TopLevelMixin) -> alt.TopLevelMixin:
    """The chart with the theme's configuration."""
    return chart.configure(**config())


def config() -> dict[str, Any]:
    """Vega-Lite configuration: dark text on white, hairline grid, no frame."""
    return {
        "background": "white",
        "font": FONT,
        "aria": False,
        "view": {"stroke": None},
        "axis": {
            "domainColor": QUIET,
            "gridColor": "#eceef0",
            "tickColor": QUIET,
            "tickSize": 4,
            "labelColor": INK,
            "labelFontSize": 11,
            "titleColor": INK,
            "titleFontSize": 11.5,
            "titleFontWeight": "normal",
            "titlePadding": 7,
            "labelLimit": 260,
            "labelOverlap": "greedy",
            "labelSeparation": 4,
        },
        "header": {
            "labelColor": INK,
            "labelFontSize": 11.5,
            "labelFontWeight": 600,
            "labelLimit": 320,
            "titleColor": INK,
        },
        "legend": {
            "labelColor": INK,
            "labelFontSize": 11,
            "labelLimit": 320,
            "titleColor": INK,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "orient": "top",
            "symbolStrokeWidth": 2,
        },
        "title": {"color": INK, "fontSize": 11.5, "fontWeight": 600, "anchor": "start", "offset": 8},
        "concat": {"spacing": 24},
        "facet": {"spacing": 16},
    }


def inline(frame: pd.DataFrame) -> alt.InlineData:
    """The frame's rows as data of a chart; a number that is not finite becomes a gap.

    Charts take rows in this form because Altair refuses frames of more than 5,000 rows unless a global
    option is changed.
    """
    import altair as alt
    import numpy as np

    clean = frame.replace([np.inf, -np.inf], np.nan)
    columns = {name: _plain(clean[name]) for name in clean.columns}
    return alt.InlineData(
        values=[dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    )


def thinned(frame: pd.DataFrame, most: int = MOST_ROWS) -> pd.DataFrame:
    """The frame, or evenly spaced rows of it where it has more than `most`.

    Examples
    --------
    >>> import pandas as pd
    >>> thinned(pd.DataFrame({"x": range(10)}), 4)["x"].tolist()
    [0, 3, 6, 9]
    """
    import numpy as np

    if len(frame) <= most:
        return frame
    return frame.iloc[np.linspace(0, len(frame) - 1, most).round().astype(int)]


def _plain(column: pd.Series) -> list[Any]:
    """The column as Python values, None where there is none."""
    missing = column.isna()
    return [None if gone else value for value, gone in zip(column.tolist(), missing.tolist(), strict=True)]
