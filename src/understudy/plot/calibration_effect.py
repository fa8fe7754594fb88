"""Calibration effect: estimates by their errors, with where p is 0.05 before and after calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.theme import ABOVE, BELOW, INDIVIDUAL, INK, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT = 420, 320
_Z = 1.959963984540054
_TICKS = [0.1, 0.25, 0.5, 1, 2, 4, 6, 10]
_NEGATIVE, _ASKED = "negative control", "of interest"


def calibration_effect(
    estimates: pd.DataFrame, *, mean: float, sd: float, measure: str = "Relative risk"
) -> alt.LayerChart:
    """A point each estimate; below the dashed lines p < 0.05 as usual, in the shaded area p < 0.05 after calibration.

    As of Schuemie et al. 2014, doi:10.1002/sim.5925: if there were no systematic error, one in twenty negative controls
    would lie below the dashed lines.

    Parameters
    ----------
    estimates : pandas.DataFrame
        Columns ``kind`` ("negative control" or "of interest"), ``log_rr``, ``standard_error``.
    mean, sd : float
        Of the null distribution.
    measure : str
        Title of the axis.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"kind": ["negative control"], "log_rr": [0.4], "standard_error": [0.2]})
    >>> len(calibration_effect(rows, mean=0.3, sd=0.2).layer)
    6
    """
    import altair as alt
    import pandas as pd

    highest = 1.08 * float(max(estimates["standard_error"].max(), 0.3))
    ends = _ends(estimates["log_rr"].to_numpy(float))
    scale = alt.Scale(type="log", domain=list(np.exp(ends)), nice=False, clamp=True)
    ticks = [each for each in _TICKS if ends[0] <= np.log(each) <= ends[1]]
    x = {"title": measure, "scale": scale, "axis": alt.Axis(values=ticks, format="~g")}
    y = alt.Y("standard_error:Q", title="Standard error", scale=alt.Scale(domain=[0, highest], nice=False))
    error = np.linspace(0.0, highest, 200)
    reach = _Z * np.hypot(sd, error)
    area = pd.DataFrame(
        {
            "standard_error": error,
            "low": np.exp(np.clip(mean - reach, *ends)),
            "high": np.exp(np.clip(mean + reach, *ends)),
            "left": np.exp(ends[0]),
            "right": np.exp(ends[1]),
        }
    )
    base = alt.Chart(inline(area))
    shade = {"orient": "horizontal", "color": BELOW, "opacity": 0.45, "stroke": None}
    areas = [
        base.mark_area(**shade).encode(y=y, x=alt.X(f"{one}:Q", **x), x2=f"{two}:Q")
        for one, two in (("left", "low"), ("high", "right"))
    ]
    lines = [_usual(error, side, ends, x, y) for side in (-1, 1)]
    none = alt.Chart(inline(pd.DataFrame({"rr": [1.0]}))).mark_rule(color=QUIET, strokeWidth=0.8)
    return themed(
        alt.layer(*areas, *lines, none.encode(x=alt.X("rr:Q", **x)), _dots(estimates, x, y)).properties(
            width=_WIDTH, height=_HEIGHT, padding={"left": 44, "right": 5, "top": 5, "bottom": 5}
        )
    )


def _usual(error: np.ndarray, side: int, ends: tuple[float, float], x: dict, y: alt.Y) -> alt.Chart:
    """Where p is 0.05 without calibration."""
    import altair as alt
    import pandas as pd

    log = side * _Z * error
    kept = (log >= ends[0]) & (log <= ends[1])
    rows = pd.DataFrame({"standard_error": error[kept], "rr": np.exp(log[kept])})
    mark = alt.Chart(inline(rows)).mark_line(color=INK, strokeDash=[4, 3], strokeWidth=1.2)
    return mark.encode(x=alt.X("rr:Q", **x), y=y, order="standard_error:Q")


def _dots(estimates: pd.DataFrame, x: dict, y: alt.Y) -> alt.Chart:
    import altair as alt

    rows = estimates[["kind", "log_rr", "standard_error"]].assign(rr=np.exp(estimates["log_rr"]))
    kinds = [each for each in (_NEGATIVE, _ASKED) if (rows["kind"] == each).any()]
    colours, shapes = {_NEGATIVE: INDIVIDUAL, _ASKED: ABOVE}, {_NEGATIVE: "circle", _ASKED: "diamond"}
    legend = alt.Legend(title=None)
    base = alt.Chart(inline(rows)).mark_point(filled=True, size=52, opacity=0.85)
    return base.encode(
        x=alt.X("rr:Q", **x),
        y=y,
        color=alt.Color(
            "kind:N", legend=legend, scale=alt.Scale(domain=kinds, range=[colours[k] for k in kinds])
        ),
        shape=alt.Shape(
            "kind:N", legend=legend, scale=alt.Scale(domain=kinds, range=[shapes[k] for k in kinds])
        ),
        size=alt.condition(f"datum.kind == '{_ASKED}'", alt.value(130), alt.value(46)),
    )


def _ends(log_rr: np.ndarray) -> tuple[float, float]:
    """Of the axis: a quarter to ten, or farther where estimates lie there."""
    low, high = min(np.log(0.25), float(log_rr.min()) - 0.1), max(np.log(10.0), float(log_rr.max()) + 0.1)
    return max(low, np.log(0.05)), min(high, np.log(50.0))
