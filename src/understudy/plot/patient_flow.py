"""Patient flow: boxes from the table's rows to the subjects of each arm with an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.theme import INK, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDE, _WIDTH, _HEIGHT, _GAP, _BESIDE, _LINE = 260, 190, 46, 26, 18, 16


def patient_flow(steps: list[str], arms: pd.DataFrame) -> alt.LayerChart:
    """Steps below each other, then a column of boxes for each arm.

    Parameters
    ----------
    steps : list of str
        What is common to all arms, a box each; a line break parts its lines.
    arms : pandas.DataFrame
        A column an arm, a row a step, texts.

    Examples
    --------
    >>> import pandas as pd
    >>> len(patient_flow(["42 randomised"], pd.DataFrame({"a": ["21"], "b": ["21"]})).layer)
    3
    """
    import altair as alt
    import pandas as pd

    count = arms.shape[1]
    width = max(count * _WIDTH + (count - 1) * _BESIDE, _WIDE)
    boxes = [_box(width / 2, level, text, _WIDE) for level, text in enumerate(steps)]
    for k, name in enumerate(arms):
        x = width / 2 + (k - (count - 1) / 2) * (_WIDTH + _BESIDE)
        boxes += [_box(x, len(steps) + level, text, _WIDTH) for level, text in enumerate(arms[name])]
    frame, height = pd.DataFrame(boxes), (len(steps) + len(arms)) * (_HEIGHT + _GAP) - _GAP
    across = {"scale": alt.Scale(domain=[0, width], nice=False), "axis": None}
    down = {"scale": alt.Scale(domain=[height, 0], nice=False), "axis": None}
    x, y = alt.X("x:Q", **across), alt.Y("y:Q", **down)
    lines = alt.Chart(inline(_lines(frame, len(steps)))).mark_rule(color=QUIET, strokeWidth=1)
    drawn = alt.Chart(inline(frame)).mark_rect(fill="white", stroke=QUIET, strokeWidth=1, cornerRadius=3)
    words = alt.Chart(inline(_words(frame))).mark_text(
        fontSize=11.5, color=INK, baseline="middle", limit=_WIDE
    )
    return themed(
        alt.layer(
            lines.encode(x=x, y=y, x2="x2:Q", y2="y2:Q"),
            drawn.encode(x=alt.X("left:Q", **across), x2="right:Q", y=alt.Y("top:Q", **down), y2="foot:Q"),
            words.encode(x=x, y=y, text="text:N"),
        ).properties(width=width, height=height)
    )


def _box(x: float, level: int, text: str, width: float) -> dict[str, object]:
    """Its centre, sides, level and text."""
    top = level * (_HEIGHT + _GAP)
    sides = {"left": x - width / 2, "right": x + width / 2, "top": top, "foot": top + _HEIGHT}
    return {"x": x, "y": top + _HEIGHT / 2, "level": level, "text": text, **sides}


def _words(boxes: pd.DataFrame) -> pd.DataFrame:
    """A row a line of text, about its box's centre."""
    import pandas as pd

    rows = []
    for box in boxes.to_dict("records"):
        lines = box["text"].split("\n")
        first = box["y"] - _LINE * (len(lines) - 1) / 2
        rows += [{"x": box["x"], "y": first + _LINE * k, "text": line} for k, line in enumerate(lines)]
    return pd.DataFrame(rows)


def _lines(boxes: pd.DataFrame, steps: int) -> pd.DataFrame:
    """From each box to the ones that follow it; to the arms by way of a bar."""
    import pandas as pd

    half, rows = _HEIGHT / 2, []
    last = boxes[boxes["level"] == steps - 1].iloc[0]
    for level in range(steps - 1):
        rows.append(_down(boxes[boxes["level"] == level].iloc[0]))
    bar = last["y"] + half + _GAP / 2
    rows.append({"x": last["x"], "y": last["y"] + half, "x2": last["x"], "y2": bar})
    columns = boxes[boxes["level"] == steps]["x"]
    rows.append({"x": columns.min(), "y": bar, "x2": columns.max(), "y2": bar})
    rows += [{"x": x, "y": bar, "x2": x, "y2": bar + _GAP / 2} for x in columns]
    rows += [_down(box) for _, box in boxes.iterrows() if steps <= box["level"] < boxes["level"].max()]
    return pd.DataFrame(rows)


def _down(box: pd.Series) -> dict[str, float]:
    foot = box["y"] + _HEIGHT / 2
    return {"x": box["x"], "y": foot, "x2": box["x"], "y2": foot + _GAP}
