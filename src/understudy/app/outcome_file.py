"""Outcome file: a simulation as a table, a chart or a data set on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from understudy.core.errors import SimulationError
from understudy.core.result import Outcome


def _table(outcome: Outcome, path: Path) -> None:
    outcome.to_frame().to_csv(path, index=False)


def _data_set(outcome: Outcome, path: Path) -> None:
    outcome.save(path)


def _chart(outcome: Outcome, path: Path) -> None:
    from understudy.plot.profile import courses

    drawn = courses(outcome.to_frame(), time_unit=outcome.time_unit)
    # A page holds its own scripts, so that it opens without a network.
    drawn.save(path, **({"inline": True} if path.suffix == ".html" else {}))


_WRITERS: dict[str, Callable[[Outcome, Path], None]] = {
    ".csv": _table,
    ".svg": _chart,
    ".png": _chart,
    ".html": _chart,
    ".nc": _data_set,
    ".zarr": _data_set,
}


def is_streamed(path: Path | None) -> bool:
    """Whether outcomes are written while they come."""
    return path is not None and path.suffix == ".zarr"


def require_format(path: Path) -> None:
    """Raise, before anything is simulated, where a file could not be written.

    Raises
    ------
    SimulationError
        For an unknown ending or a folder that does not exist.
    """
    if path.suffix not in _WRITERS:
        cause = f"unknown ending {path.suffix!r}" if path.suffix else "the file has no ending"
        raise SimulationError(cause, place=f"--out {path}", repair=f"use one of {', '.join(_WRITERS)}")
    if not path.absolute().parent.is_dir():
        raise SimulationError(
            f"there is no folder {str(path.parent)!r}", place="--out", repair="make it first"
        )


def write(outcome: Outcome, path: Path) -> None:
    """Write an outcome in the format of the file's ending; what was streamed there is written already."""
    require_format(path)
    if not is_streamed(path):
        _WRITERS[path.suffix](outcome, path)
