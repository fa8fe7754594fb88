"""Margins: columns of two tables beside each other, numbers as histograms and words as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.plot.theme import INDIVIDUAL, OBSERVED, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

KINDS = ("Table", "Synthetic")
_BINS, _LEVELS, _WIDTH, _HEIGHT, _COLUMNS = 24, 6, 178, 96, 3
# For labels of either axis, so that panels stand below each other.
_ROOM = 42


def margins(real: pd.DataFrame, drawn: pd.DataFrame) -> alt.VConcatChart:
    """Small multiples, one column each: the table as outlines, synthetic rows filled; shares of the known cells.

    Parameters
    ----------
    real, drawn : pandas.DataFrame
        Of the same columns.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"age": [40.0, 50.0, 60.0], "sex": ["f", "m", "f"]})
    >>> len(margins(frame, frame).vconcat)
    1
    """
    import altair as alt
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    panels = []
    for k, name in enumerate(real):
        many = real[name].nunique() > _LEVELS
        numeric = is_numeric_dtype(real[name]) and not is_bool_dtype(real[name]) and many
        first = k == 0
        panels.append(
            (_histogram if numeric else _bars)(real[name].dropna(), drawn[name].dropna(), str(name), first)
        )
    rows = [
        alt.hconcat(*panels[k : k + _COLUMNS], spacing=14).resolve_scale(
            color="shared", yOffset="independent"
        )
        for k in range(0, len(panels), _COLUMNS)
    ]
    return themed(alt.vconcat(*rows, spacing=20).resolve_scale(color="shared", yOffset="independent"))


def _histogram(real: pd.Series, drawn: pd.Series, name: str, first: bool) -> alt.LayerChart:
    import altair as alt
    import pandas as pd

    both = np.concatenate([real.to_numpy(float), drawn.to_numpy(float)])
    # The outer hundredth would make all others a single bar.
    low, high = np.quantile(both, [0.005, 0.995])
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    parts = []
    for kind, column in zip(KINDS, (real, drawn), strict=True):
        share = np.histogram(np.clip(column.to_numpy(float), edges[0], edges[-1]), edges)[0] / max(
            len(column), 1
        )
        parts.append(pd.DataFrame({"kind": kind, "from": edges[:-1], "to": edges[1:], "share": share}))
    x = alt.X("from:Q", title=None, axis=alt.Axis(tickCount=4), scale=alt.Scale(nice=False, zero=False))
    y = alt.Y("share:Q", title=None, axis=alt.Axis(tickCount=3, format="%", minExtent=_ROOM))
    base = alt.Chart(inline(pd.concat(parts, ignore_index=True))).encode(x=x, color=_colour(first))
    filled = base.transform_filter(f"datum.kind == '{KINDS[1]}'").mark_bar(opacity=0.55, stroke=None)
    line = base.transform_filter(f"datum.kind == '{KINDS[0]}'").mark_line(
        interpolate="step-after", strokeWidth=1.3
    )
    return alt.layer(filled.encode(x2="to:Q", y=y, y2=alt.Y2(datum=0)), line.encode(y=y)).properties(
        width=_WIDTH, height=_HEIGHT, title=name
    )


def _bars(real: pd.Series, drawn: pd.Series, name: str, first: bool) -> alt.Chart:
    import altair as alt
    import pandas as pd

    shares = [column.astype(str).value_counts(normalize=True) for column in (real, drawn)]
    known = list(shares[0].index[:_LEVELS])
    rows = [
        (level, kind, float(share.get(level, 0.0)))
        for kind, share in zip(KINDS, shares, strict=True)
        for level in known
    ]
    more = f"{name}, {len(known)} of {len(shares[0])} levels" if len(shares[0]) > len(known) else name
    frame = pd.DataFrame(rows, columns=["level", "kind", "share"])
    return (
        alt.Chart(inline(frame))
        .mark_bar(opacity=0.75)
        .encode(
            y=alt.Y(
                "level:N",
                title=None,
                sort=known,
                axis=alt.Axis(labelLimit=72, ticks=False, domain=False, minExtent=_ROOM),
            ),
            yOffset=alt.YOffset("kind:N", sort=list(KINDS)),
            x=alt.X("share:Q", title=None, axis=alt.Axis(tickCount=3, format="%")),
            color=_colour(first),
        )
        .properties(width=_WIDTH, height=_HEIGHT, title=more)
    )


def _colour(first: bool) -> alt.Color:
    import altair as alt

    legend = alt.Legend(title=None, symbolType="square", symbolOpacity=0.8) if first else None
    return alt.Color(
        "kind:N", scale=alt.Scale(domain=list(KINDS), range=[OBSERVED, INDIVIDUAL]), legend=legend
    )
