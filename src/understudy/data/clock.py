"""Clock: calendar dates and times of day as time elapsed since a patient's first record."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import numpy as np

from understudy.data.cells import MISSING, numbers

# Order of year, month and day in NONMEM's four calendar columns.
ORDERS = {"date": "mdy", "dat1": "dmy", "dat2": "ymd", "dat3": "ydm"}
_DATE = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})")
_CLOCK = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")
_LAST_YEAR_OF_THIS_CENTURY = 50
_DAY = 86400.0


def has_clock(cells: Sequence[str] | np.ndarray) -> bool:
    """Whether some cell of a TIME column is a time of day such as ``8:30``."""
    return not isinstance(cells, np.ndarray) and any(":" in cell for cell in set(cells))


def clock_seconds(cells: Sequence[str] | np.ndarray, dated: bool) -> tuple[np.ndarray, np.ndarray]:
    """Seconds since midnight, and which cells are no time; a plain number is in hours.

    Examples
    --------
    >>> clock_seconds(["8:30", "9.5", "25 o'clock"], dated=False)[0].tolist()
    [30600.0, 34200.0, nan]
    """
    values, wrong = numbers(cells)
    seconds = values * 3600.0
    for k in np.flatnonzero(wrong):
        found = _CLOCK.fullmatch(str(cells[k]).strip())
        if found:
            seconds[k] = int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3] or 0)
            wrong[k] = False
    outside = (seconds < 0) | (seconds > _DAY if dated else np.isinf(seconds))
    return np.where(wrong | outside, np.nan, seconds), wrong | outside


def date_seconds(cells: Sequence[str] | np.ndarray, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of each date since a common day, and which cells are no date; a whole number counts days.

    Parameters
    ----------
    cells : sequence of str
    column : {"date", "dat1", "dat2", "dat3"}
        Says in which order day, month and year stand; a four-digit year may always come first.

    Examples
    --------
    >>> seconds, wrong = date_seconds(["1/31/1985", "2/1/85", "1985-02-02"], "date")
    >>> (np.diff(seconds) / 86400).tolist()
    [1.0, 1.0]
    """
    if isinstance(cells, np.ndarray):
        cells = ["" if np.isnan(value) else f"{value:.15g}" for value in cells]
    known = {cell: _day(cell.strip(), ORDERS[column]) for cell in set(cells)}
    days = np.array([known[cell] for cell in cells], dtype=float)
    missing = np.array([cell.strip() in MISSING for cell in cells], dtype=bool)
    return days * _DAY, np.isnan(days) & ~missing


def _day(text: str, order: str) -> float:
    if text.isascii() and text.isdigit() and len(text) < 6:
        return float(text)
    found = _DATE.fullmatch(text)
    if not found:
        return np.nan
    parts = found.groups()
    order = "ymd" if len(parts[0]) == 4 and order[0] != "y" else order
    year, month, day = (parts[order.index(letter)] for letter in "ymd")
    try:
        return float(datetime.date(_year(year), int(month), int(day)).toordinal())
    except ValueError:
        return np.nan


def _year(text: str) -> int:
    """The year; two digits above 50 are of the last century, as in NONMEM (LAST20)."""
    if len(text) > 2:
        return int(text)
    return int(text) + (1900 if int(text) > _LAST_YEAR_OF_THIS_CENTURY else 2000)


def elapsed_hours(seconds: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Hours since each patient's first record.

    Parameters
    ----------
    seconds : float array, shape (rows,)
    starts : int array
        First row of each patient.

    Examples
    --------
    >>> elapsed_hours(np.array([3600.0, 9000.0, 7200.0]), np.array([0, 2])).tolist()
    [0.0, 1.5, 0.0]
    """
    counts = np.diff(np.append(starts, len(seconds)))
    return (seconds - np.repeat(seconds[starts], counts)) / 3600.0
