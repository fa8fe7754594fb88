"""Forest: effects with their intervals, one below another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.theme import INDIVIDUAL, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _ROW = 380, 26


def forest(effects: pd.DataFrame, *, measure: str, ratio: bool) -> alt.LayerChart:
    """Estimates and intervals against the line of no effect.

    Limits that are infinite run out of the axis; an estimate that is infinite or zero ratio has no dot.

    Parameters
    ----------
    effects : pandas.DataFrame
        Columns ``label``, ``value``, ``low``, ``high``; in the order in which they are shown.
    measure : str
        Title of the axis.
    ratio : bool
        On a logarithmic axis, with one as no effect.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"label": ["drug"], "value": [0.7], "low": [0.5], "high": [0.9]})
    >>> len(forest(rows, measure="hazard ratio", ratio=True).layer)
    3
    """
    import altair as alt
    import pandas as pd

    none = 1.0 if ratio else 0.0
    domain = _domain(effects, none)
    effects = _within(effects, domain)
    scale = alt.Scale(type="log" if ratio else "linear", domain=domain, nice=False)
    y = alt.Y(
        "label:N",
        sort=list(effects["label"]),
        title=None,
        axis=alt.Axis(ticks=False, domain=False, labelLimit=420, labelPadding=8),
    )
    base = alt.Chart(inline(effects[["label", "value", "low", "high"]]))
    rules = base.mark_rule(color=INDIVIDUAL, strokeWidth=1.6).encode(
        x=alt.X("low:Q", scale=scale, title=measure), x2="high:Q", y=y
    )
    dots = base.mark_point(filled=True, color=INDIVIDUAL, size=60, opacity=1).encode(
        x=alt.X("value:Q", scale=scale, title=measure), y=y
    )
    line = (
        alt.Chart(inline(pd.DataFrame({"none": [none]})))
        .mark_rule(color=QUIET, strokeDash=[3, 3])
        .encode(x="none:Q")
    )
    size = {"width": _WIDTH, "height": _ROW * max(len(effects), 2)}
    return themed(
        alt.layer(line, rules, dots).properties(
            **size, padding={"left": 44, "right": 5, "top": 5, "bottom": 5}
        )
    )


def _within(effects: pd.DataFrame, domain: list[float]) -> pd.DataFrame:
    """Limits cut at the axis; estimates beyond it, or that are no numbers, are not drawn."""
    beyond = ~effects["value"].between(*domain)
    return effects.assign(
        low=effects["low"].fillna(domain[0]).clip(*domain),
        high=effects["high"].fillna(domain[1]).clip(*domain),
        value=effects["value"].mask(beyond),
    )


def _domain(effects: pd.DataFrame, none: float) -> list[float]:
    """From the lowest to the highest limit that is finite and the line of no effect, with a margin of a tenth."""
    numbers = effects[["value", "low", "high"]].to_numpy(dtype=float).ravel()
    known = numbers[np.isfinite(numbers) & ((numbers > 0) if none == 1.0 else True)]
    low, high = min([*known, none]), max([*known, none])
    if low == high:
        return [none / 2, none * 2] if none else [-1.0, 1.0]
    if none == 1.0:
        margin = (high / low) ** 0.1
        return [float(low / margin), float(high * margin)]
    return [float(low - 0.1 * (high - low)), float(high + 0.1 * (high - low))]
