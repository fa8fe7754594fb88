"""Mark: what tells that rows are synthetic, in memory and in a file, and what refuses them as patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

# A column of a table and the key of its attributes.
SYNTHETIC = "synthetic"


def is_synthetic(frame: pd.DataFrame) -> bool:
    """Whether any row is synthetic: by the attribute, which copies keep, or by the column, which files keep.

    Examples
    --------
    >>> import pandas as pd
    >>> is_synthetic(pd.DataFrame({"age": [61], "synthetic": [True]}))
    True
    """
    if frame.attrs.get(SYNTHETIC):
        return True
    if SYNTHETIC not in frame:
        return False
    return bool(
        frame[SYNTHETIC].map(lambda cell: str(cell).strip().lower() in ("true", "1", "1.0", "yes")).any()
    )


def refuse_synthetic(frame: pd.DataFrame, place: str, use: str = "subjects of a trial") -> None:
    """Refuse synthetic rows where only patients will do.

    Parameters
    ----------
    frame : DataFrame
    place : str
        File or table that errors name.
    use : str
        What rows were to be.

    Raises
    ------
    DataError
        If a row is synthetic: it was drawn from a model of patients, as many as anybody liked.
    """
    if is_synthetic(frame):
        cause, repair = f"synthetic rows cannot be {use}", "use the records of patients"
        raise DataError(
            [Problem(cause, repair, column=SYNTHETIC if SYNTHETIC in frame else None)], place=place
        )
