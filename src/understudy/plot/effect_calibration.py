"""Effect calibration: effects that were foretold for groups of subjects, beside those seen in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.theme import INDIVIDUAL, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT = 380, 260


def effect_calibration(groups: pd.DataFrame, *, measure: str) -> alt.LayerChart:
    """Seen against foretold effects with their intervals, the line on which they are equal, and dashed no effect.

    Parameters
    ----------
    groups : pandas.DataFrame
        Columns ``foretold``, ``seen``, ``low``, ``high``; a row a group.
    measure : str
        Of an effect.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"foretold": [0.1, 0.4], "seen": [0.0, 0.5], "low": [-0.2, 0.3], "high": [0.2, 0.7]})
    >>> len(effect_calibration(rows, measure="risk difference").layer)
    4
    """
    import altair as alt
    import pandas as pd

    horizontal = _domain(groups["foretold"].to_numpy())
    vertical = _domain(np.append(groups[["low", "high"]].to_numpy(), 0.0))
    across = alt.Scale(domain=horizontal, nice=False, zero=False)
    up = {"title": f"Seen {measure}", "scale": alt.Scale(domain=vertical, nice=False, zero=False)}
    x, y = alt.X("foretold:Q", title=f"Foretold {measure}", scale=across), alt.Y("seen:Q", **up)
    ends = [max(horizontal[0], vertical[0]), min(horizontal[1], vertical[1])]
    equal = alt.Chart(inline(pd.DataFrame({"foretold": ends, "seen": ends}))).mark_line(
        color=QUIET, strokeWidth=1
    )
    none = alt.Chart(inline(pd.DataFrame({"seen": [0.0]}))).mark_rule(color=QUIET, strokeDash=[3, 3])
    base = alt.Chart(inline(groups[["foretold", "seen", "low", "high"]]))
    rules = base.mark_rule(color=INDIVIDUAL, strokeWidth=1.6).encode(x=x, y=alt.Y("low:Q", **up), y2="high:Q")
    dots = base.mark_point(filled=True, color=INDIVIDUAL, size=60, opacity=1).encode(x=x, y=y)
    return themed(
        alt.layer(none.encode(y=y), equal.encode(x=x, y=y), rules, dots).properties(
            width=_WIDTH, height=_HEIGHT
        )
    )


def _domain(values: np.ndarray) -> list[float]:
    """From the least to the greatest, with a margin of a tenth."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (-1.0, 1.0)
    margin = 0.1 * ((high - low) or abs(high) or 1.0)
    return [low - margin, high + margin]
