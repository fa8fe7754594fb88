"""Fault: something wrong in a CDM, with how many rows have it and what may be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from understudy.causal.masking import masked


@dataclass(frozen=True)
class Fault:
    """Something wrong in a table.

    Parameters
    ----------
    severity : str
        "error": results would be wrong, or cannot be had; "warning": worth knowing.
    table : str
    cause : str
        What is wrong, in words.
    rows : int
        How many rows have it; 0 where rows do not count, as for a missing table. Shown masked.
    repair : str
        What may be done.
    detail : str
        What in the table it is, such as names of columns.

    Examples
    --------
    >>> print(Fault("error", "death", "death before birth", 3, "correct the dates"))
    death: <5 rows: death before birth → correct the dates
    """

    severity: str
    table: str
    cause: str
    rows: int = 0
    repair: str = ""
    detail: str = ""

    def __str__(self) -> str:
        rows = f"{self.shown_rows} rows: " if self.rows else ""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.table}: {rows}{self.cause}{detail}" + (f" → {self.repair}" if self.repair else "")

    @property
    def shown_rows(self) -> str:
        """Rows as readers may see them, with commas."""
        return f"{self.rows:,}" if masked(self.rows).isdigit() else masked(self.rows)

    def to_json(self) -> dict[str, Any]:
        """As JSON data; the count is masked."""
        return {
            "severity": self.severity,
            "table": self.table,
            "cause": self.cause,
            "rows": masked(self.rows) if self.rows else None,
            "repair": self.repair,
            "detail": self.detail,
        }
