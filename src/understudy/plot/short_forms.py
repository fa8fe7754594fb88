"""Short forms: what each size of a questionnaire is worth, and what each cut-off decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.theme import INDIVIDUAL, OBSERVED, POPULATION, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT = 380, 210
_HELD, _SAMPLE = "held out, 95 % interval", "in sample"
_DECIDES = ("sensitivity", "specificity", "balanced accuracy")


def area_by_size(forms: pd.DataFrame, chosen: int) -> alt.LayerChart:
    """Areas under the curve by number of items; a line down at the size that was taken.

    Parameters
    ----------
    forms : pandas.DataFrame
        Columns ``size``, ``auc``, ``auc_held_out``, ``auc_error``.
    chosen : int
        The size that was taken.

    Examples
    --------
    >>> import pandas as pd
    >>> forms = pd.DataFrame({"size": [1, 2], "auc": [0.9, 0.95], "auc_held_out": [0.88, 0.94], "auc_error": 0.01})
    >>> len(area_by_size(forms, 2).layer)
    4
    """
    import altair as alt
    import pandas as pd

    held = forms.assign(
        kind=_HELD, area=forms["auc_held_out"], low=(forms["auc_held_out"] - 1.959964 * forms["auc_error"]).clip(0, 1),
        high=(forms["auc_held_out"] + 1.959964 * forms["auc_error"]).clip(0, 1),
    )  # fmt: skip
    sample = forms.assign(kind=_SAMPLE, area=forms["auc"], low=float("nan"), high=float("nan"))
    rows = pd.concat([held, sample], ignore_index=True)[["size", "kind", "area", "low", "high"]]
    colour = alt.Color(
        "kind:N", title=None, scale=alt.Scale(domain=[_HELD, _SAMPLE], range=[INDIVIDUAL, OBSERVED]),
        legend=alt.Legend(symbolType="circle", symbolOpacity=1, columnPadding=24),
    )  # fmt: skip
    x = alt.X("size:O", title="Number of items", axis=alt.Axis(labelAngle=0))
    y = alt.Y("area:Q", title="Area under the curve", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
    base = alt.Chart(inline(rows)).encode(x=x, color=colour)
    mark = alt.Chart(inline(pd.DataFrame({"size": [chosen]}))).mark_rule(color=QUIET, strokeDash=[3, 3])
    known = base.transform_filter("isValid(datum.low)")
    return themed(
        alt.layer(
            mark.encode(x=x), known.mark_rule(strokeWidth=1.8).encode(y=alt.Y("low:Q"), y2="high:Q"),
            base.transform_filter(f"datum.kind == '{_HELD}'").mark_point(filled=True, size=60, opacity=1).encode(y=y),
            base.transform_filter(f"datum.kind == '{_SAMPLE}'").mark_point(size=60, opacity=1).encode(y=y),
        ).properties(width=_WIDTH, height=_HEIGHT)
    )  # fmt: skip


def decisions_by_cut(cuts: pd.DataFrame, chosen: float) -> alt.LayerChart:
    """Sensitivity and specificity at every cut-off; a line down at the one that was taken.

    Parameters
    ----------
    cuts : pandas.DataFrame
        Columns ``cut``, ``sensitivity``, ``specificity``, ``balanced_accuracy``.
    chosen : float

    Examples
    --------
    >>> import pandas as pd
    >>> cuts = pd.DataFrame({"cut": [1.0], "sensitivity": [0.9], "specificity": [0.7], "balanced_accuracy": [0.8]})
    >>> len(decisions_by_cut(cuts, 1.0).layer)
    3
    """
    import altair as alt
    import pandas as pd

    rows = cuts.rename(columns={"balanced_accuracy": _DECIDES[2]}).melt(
        "cut", list(_DECIDES), "what", "share"
    )
    x = alt.X("cut:Q", title="A case from this score on", scale=alt.Scale(zero=False, nice=False, padding=8))
    y = alt.Y("share:Q", title=None, axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domain=[0, 1]))
    colour = alt.Color(
        "what:N", title=None, sort=list(_DECIDES),
        scale=alt.Scale(domain=list(_DECIDES), range=[INDIVIDUAL, POPULATION, QUIET]),
        legend=alt.Legend(symbolType="stroke", symbolSize=260, columnPadding=24),
    )  # fmt: skip
    base = alt.Chart(inline(rows)).encode(x=x, y=y, color=colour)
    mark = (
        alt.Chart(inline(pd.DataFrame({"cut": [chosen]})))
        .mark_rule(color=QUIET, strokeDash=[3, 3])
        .encode(x=x)
    )
    lines, dots = base.mark_line(strokeWidth=1.6), base.mark_point(filled=True, size=28, opacity=1)
    return themed(alt.layer(mark, lines, dots).properties(width=_WIDTH, height=_HEIGHT))
