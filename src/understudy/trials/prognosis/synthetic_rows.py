"""Synthetic rows: patients that a model made up are refused as controls and as history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

# The column by which a table says that rows were made up.
MARK = "synthetic"
_YES = ("true", "1", "1.0", "yes", "y")
REASON = (
    "synthetic patients add no information: made from the trial itself, they repeat its own patients' chance errors, "
    "count them again, and so make intervals too narrow and the type I error too high"
)


def refuse_synthetic_rows(frame: pd.DataFrame, place: str, use: str) -> None:
    """Refuse a table in which any row is marked as synthetic.

    Parameters
    ----------
    frame : DataFrame
    place : str
        Its file, for the error.
    use : str
        What the rows were to be, such as "controls of the trial".

    Raises
    ------
    StudyError
        If the column ``synthetic`` says so of any row, or the frame's attribute does.
    """
    count = len(frame) if frame.attrs.get(MARK) else 0
    if MARK in frame:
        count = int(frame[MARK].astype(str).str.strip().str.lower().isin(_YES).sum())
    if count:
        raise StudyError(
            f"{count} synthetic patients cannot be {use}: {REASON}",
            place=place,
            repair="leave them out: a score trained on earlier patients narrows the interval honestly",
        )
