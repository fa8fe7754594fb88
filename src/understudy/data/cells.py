"""Cells: from what is written in a column to numbers and labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

MISSING = frozenset({"", ".", "NA", "NaN", "nan", "NAN"})
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?")
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_WHOLE = re.compile(r"(\d+)\.0*")


def numbers(cells: Sequence[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of a column, and which cells are text.

    Returns
    -------
    values : float array
        Not-a-number where the cell is missing or text; infinite where it is too large.
    text : bool array

    Examples
    --------
    >>> values, text = numbers(["1.5", ".", "NA", "1e3", "high"])
    >>> values.tolist(), text.tolist()
    ([1.5, nan, nan, 1000.0, nan], [False, False, False, False, True])
    """
    if isinstance(cells, np.ndarray):
        return cells.astype(float), np.zeros(len(cells), bool)
    known = {cell: _number(cell) for cell in set(cells)}
    words = {cell for cell, value in known.items() if value is None}
    if not words:
        return np.array([known[cell] for cell in cells], dtype=float), np.zeros(len(cells), bool)
    text = np.array([cell in words for cell in cells], dtype=bool)
    return np.array([np.nan if cell in words else known[cell] for cell in cells], dtype=float), text


def _number(cell: str) -> float | None:
    text = cell.strip()
    if text in MISSING:
        return np.nan
    if _NUMBER.fullmatch(text) and text.isascii():
        return float(text.replace("d", "e").replace("D", "e"))
    return float(text) if _INFINITE.fullmatch(text) else None


def labels(cells: Sequence[str] | np.ndarray) -> np.ndarray:
    """Names or numbers as text; a whole number is written without a decimal point, a missing one is empty.

    Examples
    --------
    >>> labels(["2", "2.0", "central", "."]).tolist()
    ['2', '2', 'central', '']
    """
    if isinstance(cells, np.ndarray):
        cells = ["" if np.isnan(value) else f"{value:.15g}" for value in cells]
    known = {cell: _label(cell) for cell in set(cells)}
    return np.array([known[cell] for cell in cells], dtype=object)


def _label(cell: str) -> str:
    text = cell.strip()
    whole = _WHOLE.fullmatch(text)
    return "" if text in MISSING else whole[1] if whole else text


def identifiers(cells: Sequence[str] | np.ndarray) -> np.ndarray:
    """Patients' identifiers as written, without white space around them; empty where missing.

    Unlike `labels`, ``1.0`` stays ``1.0``: it may be patient 0 of site 1.
    """
    if isinstance(cells, np.ndarray):
        return labels(cells)
    known = {cell: cell.strip() for cell in set(cells)}
    return np.array(["" if known[cell] in MISSING else known[cell] for cell in cells], dtype=object)


def categories(
    cells: Sequence[str] | np.ndarray, codes: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers that stand for the words of a column, and which cells are none of them.

    Examples
    --------
    >>> categories(["male", "female", "NA"], {"male": 1, "female": 0})[0].tolist()
    [1.0, 0.0, nan]
    """
    written = labels(cells)
    by_label = {str(word): float(code) for word, code in codes.items()} | {"": np.nan}
    values = np.array([by_label.get(word, np.nan) for word in written], dtype=float)
    return values, np.array([word not in by_label for word in written], dtype=bool)
