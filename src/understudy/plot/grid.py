"""Grid: charts of one size in rows, their axes in line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import altair as alt


def grid(panels: Sequence[alt.LayerChart], columns: int) -> alt.ConcatChart:
    """Panels in rows of so many.

    Parameters
    ----------
    panels : sequence of altair charts
        All of one width and height.
    columns : int

    Examples
    --------
    >>> import altair as alt
    >>> panel = alt.layer(alt.Chart(alt.InlineData(values=[])).mark_point())
    >>> len(grid([panel, panel, panel], 2).concat)
    3
    """
    import altair as alt

    # Axes and headings are left out of what is put in line, so that room for them stands between the panels.
    return alt.concat(*panels, columns=columns, bounds="flush", spacing={"row": 74, "column": 66})
