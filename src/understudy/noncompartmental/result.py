"""NCA: what a non-compartmental analysis found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.core.errors import UnderstudyError
from understudy.core.record import Record
from understudy.data.layout import nearest
from understudy.noncompartmental.summary import summarise

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("id", "output", "interval")


@dataclass(frozen=True, eq=False, repr=False)
class NCA:
    """Parameters of each patient, output and interval, and what could not be calculated. Made by `nca`.

    Parameters
    ----------
    table : DataFrame
        One row a parameter: ``id``, ``output``, the group columns, ``interval``, ``start``, ``end``, ``route``,
        ``dose``, ``parameter``, ``label``, ``code`` (CDISC's PPTESTCD), ``value``, ``unit``, ``status`` ("ok",
        "flagged" or "missing") and ``note``, which says what is doubtful or why there is no value.
    notes : DataFrame
        ``id``, ``output``, ``interval``, ``note``: every sentence once for each interval.
    points : DataFrame
        ``id``, ``output``, ``interval``, ``time`` (on the records' clock), ``value``, ``in_slope``: the curves.
    slopes : DataFrame
        ``id``, ``output``, ``interval``, ``time``, ``value``: first and last point of each line for lambda-z.
    by : tuple of str
        Group columns.
    units : mapping of output to (str, str, str)
        Units of time, concentration and amount.
    record : Record
        How it was made.
    """

    table: pd.DataFrame
    notes: pd.DataFrame
    points: pd.DataFrame
    slopes: pd.DataFrame
    by: tuple[str, ...] = ()
    units: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    record: Record | None = None

    def value(self, parameter: str, id: str | None = None, **where: Any) -> float:
        """One number.

        Parameters
        ----------
        parameter : str
        id : str, optional
            Patient; may be left out where there is one.
        **where
            Other columns of `table` and their value, such as ``interval="dose 7"``.

        Raises
        ------
        UnderstudyError
            Where there is no such number, or more than one.
        """
        rows = self.table
        known = tuple(dict.fromkeys(rows["parameter"]))
        if parameter not in known:
            raise UnderstudyError(f"there is no parameter {parameter!r}", repair=nearest(parameter, known))
        rows = rows[rows["parameter"] == parameter]
        for column, wanted in ({} if id is None else {"id": str(id)}).items() | where.items():
            rows = rows[rows[column] == wanted]
        if len(rows) != 1:
            raise UnderstudyError(
                f"{len(rows)} values of {parameter} fit", repair="say which id, output and interval"
            )
        return float(rows["value"].iloc[0])

    def wide(self, parameters: Sequence[str] | None = None) -> pd.DataFrame:
        """One row a patient, output and interval, one column a parameter.

        Parameters
        ----------
        parameters : sequence of str, optional
            Which, and in what order; all by default.
        """
        keys = ["id", "output", *self.by, "interval"]
        order = list(dict.fromkeys(self.table["parameter"]))
        wide = self.table.pivot(index=keys, columns="parameter", values="value")
        rows = self.table[keys].drop_duplicates()
        found = rows.merge(wide.reset_index(), on=keys, how="left")
        chosen = order if parameters is None else [name for name in parameters if name in wide.columns]
        return found[[*keys, *chosen]].rename_axis(columns=None)

    def summary(self, flagged: bool = True) -> pd.DataFrame:
        """Parameters by output, group and interval.

        Parameters
        ----------
        flagged : bool
            Whether values that are flagged count.

        Returns
        -------
        DataFrame
            One row a parameter: ``n``, ``missing``, ``flagged``, ``geometric_mean``, ``geometric_cv`` (percent),
            ``mean``, ``sd``, ``median``, ``min``, ``max``, with ``label`` and ``unit``.
        """
        return summarise(self.table, ("output", *self.by, "interval"), flagged)

    def to_csv(self, path: str | Path) -> None:
        """Write `table`."""
        self.table.to_csv(path, index=False)

    def to_json(self) -> dict[str, Any]:
        """Table, notes, summary and record as JSON data; a missing number is null."""
        return {
            "parameters": _rows(self.table),
            "notes": _rows(self.notes),
            "summary": _rows(self.summary()),
            "record": self.record.to_json() if self.record else None,
        }

    def __repr__(self) -> str:
        counts = (
            (self.table["id"].nunique(), "patient"),
            (len(self.table[list(KEYS)].drop_duplicates()), "interval"),
            (int((self.table["status"] == "flagged").sum()), "flagged value"),
            (int((self.table["status"] == "missing").sum()), "missing value"),
        )
        told = ", ".join(f"{count} {name}{'s' if count != 1 else ''}" for count, name in counts)
        return f"NCA({told})"


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{key: _plain(value) for key, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
