"""Patient flow: boxes from the table's rows to the subjects of each arm with an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.plot.theme import INK, QUIET, inline, themed

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_WIDTH, _HEIGHT, _GAP, _BESIDE, _LINE = 190, 46, 26, 18, 16


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
    width = max(count * _WIDTH + (count - 1) * _BESIDE, _WIDTH)
    boxes = [_box(width / 2, level, text) for level, text in enumerate(steps)]
    for k, name in enumerate(arms):
        x = _WIDTH / 2 + k * (_WIDTH + _BESIDE)
        boxes += [_box(x, len(steps) + level, text) for level, text in enumerate(arms[name])]
    frame = pd.DataFrame(boxes)
    height = (len(steps) + len(arms)) * (_HEIGHT + _GAP) - _GAP
    plane = {"width": width, "height": height}
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, width], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    drawn = alt.Chart(inline(frame)).mark_rect(
        width=_WIDTH, height=_HEIGHT, fill="white", stroke=QUIET, strokeWidth=1, cornerRadius=3
    )
    words = alt.Chart(inline(_words(frame))).mark_text(fontSize=11.5, color=INK, baseline="middle")
    lines = alt.Chart(inline(_lines(frame, len(steps), count))).mark_rule(color=QUIET, strokeWidth=1)
    return themed(
        alt.layer(
            lines.encode(x=x, y=y, x2="x2:Q", y2="y2:Q"),
            drawn.encode(x=x, y=y),
            words.encode(x=x, y=y, text="text:N"),
        ).properties(**plane)
    )


def _box(x: float, level: int, text: str) -> dict[str, object]:
    """Its centre, level and text."""
    return {"x": x, "y": level * (_HEIGHT + _GAP) + _HEIGHT / 2, "level": level, "text": text}


def _words(boxes: pd.DataFrame) -> pd.DataFrame:
    """A row a line of text, about its box's centre."""
    import pandas as pd

    rows = []
    for box in boxes.to_dict("records"):
        lines = box["text"].split("\n")
        first = box["y"] - _LINE * (len(lines) - 1) / 2
        rows += [{"x": box["x"], "y": first + _LINE * k, "text": line} for k, line in enumerate(lines)]
    return pd.DataFrame(rows)


def _lines(boxes: pd.DataFrame, steps: int, arms: int) -> pd.DataFrame:
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
