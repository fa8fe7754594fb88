"""Working folder: what does not fit into memory lies there for a while."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path

from understudy.core.errors import StudyError


class WorkingFolder:
    """A new folder in another one; it goes when it is removed, forgotten, or the program ends.

    Parameters
    ----------
    parent : path or None
        The system's folder for temporary files, if None.

    Raises
    ------
    StudyError
        If there is no such folder.
    """

    def __init__(self, parent: Path | str | None = None):
        if parent is not None and not Path(parent).is_dir():
            raise StudyError("no such folder", place=f"spill {str(parent)!r}", repair="make the folder first")
        within = None if parent is None else str(Path(parent).resolve())
        self.path = Path(tempfile.mkdtemp(prefix="understudy-cdm-", dir=within)).resolve()
        self.remove = weakref.finalize(self, shutil.rmtree, str(self.path), ignore_errors=True)
