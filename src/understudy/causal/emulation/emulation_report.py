"""Emulation report: what an emulation found, as numbers, tables and sentences, with small counts masked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.record import Record
from understudy.core.reported_number import ReportedNumber

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class EmulationReport:
    """What an emulation found. Made by `run_emulation`.

    Parameters
    ----------
    title, method : str
    numbers : tuple of ReportedNumber
        The answer.
    tables : mapping of str to DataFrame
        By their names; small counts are masked.
    notes : tuple of str
        What was left out, and what is in doubt.
    record : Record
    found : object
        The result itself, for Python.
    """

    title: str
    method: str
    numbers: tuple[ReportedNumber, ...]
    tables: Mapping[str, pd.DataFrame]
    notes: tuple[str, ...]
    record: Record
    found: Any

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON data; what has no number is null."""
        return {
            "title": self.title,
            "method": self.method,
            "numbers": [_plain(_number(each)) for each in self.numbers],
            "tables": {name: _plain(frame.to_dict("records")) for name, frame in self.tables.items()},
            "notes": list(self.notes),
            "hash": self.record.hash,
        }

    def write(self, folder: str | Path) -> tuple[Path, ...]:
        """Write ``result.json``, ``record.json`` and a CSV file for each table.

        Returns
        -------
        tuple of Path
            What was written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        texts = {
            "result.json": json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        }
        texts |= {f"{name}.csv": frame.to_csv(index=False) for name, frame in self.tables.items()}
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        self.record.write(folder / "record.json")
        return tuple(folder / name for name in (*texts, "record.json"))

    def __repr__(self) -> str:
        return "\n".join([f"{self.title}: {self.method}", *map(str, self.numbers), *self.notes])


def _number(each: ReportedNumber) -> dict[str, Any]:
    keys = ("name", "value", "unit", "low", "high", "level", "error", "source")
    return {key: getattr(each, key) for key in keys}


def _plain(data: Any) -> Any:
    """JSON data of NumPy's numbers, without not-a-numbers and infinities."""
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    if isinstance(data, (bool, np.bool_)):
        return bool(data)
    if isinstance(data, (int, np.integer)):
        return int(data)
    if isinstance(data, (float, np.floating)):
        return float(data) if np.isfinite(data) else None
    return data
