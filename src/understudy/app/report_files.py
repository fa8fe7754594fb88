"""Report files: the report of a result, written where the user says."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_report(found: Any, protocol: Path, out: Path | None) -> None:
    """Write the report into the folder `out`; nothing without one.

    Raises
    ------
    StudyError
        If `out` is a file, or holds the protocol.
    """
    if out is None:
        return
    from understudy.dossier.study_problems import require_own_folder
    from understudy.dossier.trial_parts import chapter_of

    require_own_folder(protocol.parent, out, f"--out {out}")
    chapter_of(found).write(out)


def say_written(out: Path | None) -> None:
    """Tell where the report is."""
    from understudy.app.terminal import console

    if out is not None:
        console().print(f"Written: {out / 'report.html'}", markup=False, soft_wrap=True)
