"""JSON numbers: results as JSON, which knows neither infinities nor not-a-numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def finite(data: dict[str, Any]) -> dict[str, Any]:
    """The data with None for numbers that are not finite.

    Examples
    --------
    >>> finite({"p": float("nan"), "n": 3})
    {'p': None, 'n': 3}
    """
    return {k: None if isinstance(v, float) and not abs(v) < float("inf") else v for k, v in data.items()}


def finite_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as JSON data."""
    return [finite(row) for row in frame.to_dict("records")]
