"""Fit file: a fit that was written, read again; its model has the estimates."""

from __future__ import annotations

from pathlib import Path

from understudy.inference.fit import Fit


def read(path: Path) -> Fit:
    """A fit that `Fit.write` wrote.

    Raises
    ------
    FormatError
        For a file that is damaged or no fit.
    """
    return Fit.read(path)
