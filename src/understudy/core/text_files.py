"""Text files: several files of one folder, of which none is left half written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_texts(folder: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Write files into a folder, which is made where it does not exist; each takes its place whole.

    Parameters
    ----------
    folder : Path
    texts : mapping of str to str
        Path within the folder → content.

    Returns
    -------
    tuple of Path
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    half_written = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    try:
        for name, text in texts.items():
            (half_written / name).parent.mkdir(parents=True, exist_ok=True)
            (half_written / name).write_text(text, encoding="utf-8", newline="\n")
        for name in texts:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(half_written / name, folder / name)
    finally:
        shutil.rmtree(half_written)
    return tuple(folder / name for name in texts)
