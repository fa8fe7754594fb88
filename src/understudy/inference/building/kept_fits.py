"""Kept fits: a file to which each fit is added as it ends, one a line, and which the same work takes up again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.core.errors import FormatError
from understudy.inference.fit import Fit

_FORMAT = "understudy fits 1"
_REPAIR = "name another file, or remove this one to begin anew"


@dataclass(frozen=True, eq=False)
class KeptFits:
    """Fits by what they are of.

    Parameters
    ----------
    path : path or None
        None: they are kept in memory only.
    fits : dict of str to Fit
    """

    path: Path | None
    fits: dict[str, Fit] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | Path | None, task: str) -> KeptFits:
        """The fits of a file, which is begun where it is not there.

        Raises
        ------
        FormatError
            For a file that is damaged, or of other work.
        """
        if path is None:
            return cls(None)
        path = Path(path)
        if not path.exists() or not path.stat().st_size:
            path.write_text(json.dumps({"format": _FORMAT, "task": task}) + "\n", encoding="utf-8")
            return cls(path)
        return cls(path, _read(path, task))

    def add(self, key: str, found: Fit) -> None:
        """Keep a fit."""
        self.fits[key] = found
        if self.path is not None:
            line = json.dumps({"key": key, "fit": found.to_json()}, allow_nan=False)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def _read(path: Path, task: str) -> dict[str, Fit]:
    content = path.read_bytes()
    whole, _, torn = content.rpartition(b"\n")
    head, *lines = whole.split(b"\n")
    told = _json(head, path)
    if told.get("format") != _FORMAT:
        raise FormatError("this is no file of kept fits", place=path.name, repair=_REPAIR)
    if told.get("task") != task:
        raise FormatError(
            "this file is of another model, other records, another method or other settings",
            place=path.name,
            repair=_REPAIR,
        )
    found = {}
    for line in lines:
        kept = _json(line, path)
        found[kept["key"]] = Fit.from_json(kept["fit"])
    if torn:
        # The program was stopped while it wrote its last line: that fit is made again.
        with path.open("r+b") as file:
            file.truncate(len(whole) + 1)
    return found


def _json(line: bytes, path: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError):
        told = None
    if not isinstance(told, dict) or not ({"format", "task"} <= told.keys() or {"key", "fit"} <= told.keys()):
        raise FormatError("this is no file of kept fits", place=path.name, repair=_REPAIR)
    return told
