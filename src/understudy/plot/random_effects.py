"""Random effects: individual estimates beside the distribution they were drawn from, and against covariates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.grid import grid
from understudy.plot.label import titled
from understudy.plot.normal_quantiles import density_histogram
from understudy.plot.scatter import line_through, points
from understudy.plot.theme import INDIVIDUAL, QUIET, inline, themed, thinned

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_COLUMNS, _MOST_COLUMNS, _WIDTH, _HEIGHT = 3, 4, 190, 130
# A covariate with at most so many values is drawn as boxes.
_MOST_VALUES = 6


def effect_histograms(effects: pd.DataFrame, shrinkage: pd.DataFrame | None = None) -> alt.ConcatChart:
    """A histogram of each random effect, under the normal density that the model gives it.

    Parameters
    ----------
    effects : pandas.DataFrame
        Columns ``effect``, ``value``, ``sd`` (of the model).
    shrinkage : pandas.DataFrame or None
        Columns ``name`` and ``shrinkage_sd``, told in the heading of each panel.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"effect": "eta_CL", "value": np.linspace(-0.5, 0.5, 11), "sd": 0.3})
    >>> len(effect_histograms(frame).concat)
    1
    """

    shrunk = {} if shrinkage is None else dict(zip(shrinkage["name"], shrinkage["shrinkage_sd"], strict=True))
    panels = []
    for name, own in effects.groupby("effect", sort=False):
        told = (
            f"{name}, shrinkage {round(100 * shrunk[name])} %"
            if np.isfinite(shrunk.get(name, np.nan))
            else str(name)
        )
        panel = density_histogram(
            own["value"].to_numpy(float), float(own["sd"].iloc[0]), str(name), width=_WIDTH, height=_HEIGHT
        )
        panels.append(panel.properties(title=told))
    return themed(grid(panels, _COLUMNS))


def effects_against_covariates(
    effects: pd.DataFrame, covariates: Sequence[str], units: dict[str, str] | None = None
) -> alt.ConcatChart:
    """Each random effect against each covariate: what is left of a covariate's influence shows as a slope.

    Parameters
    ----------
    effects : pandas.DataFrame
        Columns ``effect``, ``value`` and the covariates.
    covariates : sequence of str
    units : dict of str to str or None
        Unit of each covariate, where known.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"effect": "eta_CL", "value": np.linspace(-0.5, 0.5, 11), "WT": np.arange(11.0)})
    >>> len(effects_against_covariates(frame, ["WT"], {"WT": "kg"}).concat)
    1
    """
    import altair as alt

    units = units or {}
    panels = []
    for name, own in effects.groupby("effect", sort=False):
        reach = float(own["value"].abs().max()) * 1.1 or 1.0
        y = alt.Y("y:Q", title=str(name), scale=alt.Scale(domain=[-reach, reach], nice=False))
        panels += [
            _panel(own, covariate, titled(covariate, units.get(covariate, "")), y) for covariate in covariates
        ]
    return themed(grid(panels, min(len(covariates), _MOST_COLUMNS)))


def _panel(own: pd.DataFrame, covariate: str, title: str, y: alt.Y) -> alt.LayerChart:
    import altair as alt
    import pandas as pd

    pairs = own[[covariate, "value"]].set_axis(["x", "y"], axis=1).astype(float).dropna()
    zero = alt.Chart(inline(pd.DataFrame({"y": [0.0]}))).mark_rule(color=QUIET).encode(y=y)
    if pairs["x"].nunique() <= _MOST_VALUES:
        shown = [zero, *_boxes(pairs, title, y)]
    else:
        x = alt.X("x:Q", title=title, scale=alt.Scale(zero=False, padding=6), axis=alt.Axis(tickCount=5))
        shown = [zero, points(pairs, x, y), line_through(pairs, x, y)]
    return alt.layer(*shown).properties(width=_WIDTH, height=_HEIGHT)


def _boxes(pairs: pd.DataFrame, title: str, y: alt.Y) -> list[alt.Chart]:
    """A box for each value, with the points beside it."""
    import altair as alt

    labels = {value: f"{value:g} (n = {(pairs['x'] == value).sum()})" for value in np.unique(pairs["x"])}
    rows = pairs.assign(x=pairs["x"].map(labels))
    x = alt.X("x:N", title=title, sort=list(labels.values()), axis=alt.Axis(labelAngle=0, grid=False))
    box = {
        "size": 26,
        "color": INDIVIDUAL,
        "opacity": 0.35,
        "outliers": False,
        "median": {"color": INDIVIDUAL},
    }
    mark = {"size": 18, "filled": False, "color": "#1f2328", "opacity": 0.5, "strokeWidth": 1}
    return [
        alt.Chart(inline(rows)).mark_boxplot(**box).encode(x=x, y=y),
        alt.Chart(inline(thinned(rows))).mark_point(**mark).encode(x=x, y=y),
    ]
