"""Nearest file: what to do about a path that leads nowhere."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path


def nearest_file(path: Path) -> str:
    """What to do about a path that leads nowhere: the nearest name beside it, or where it was looked for."""
    try:
        return _nearest(path)
    except OSError:
        # A name that no file system takes.
        return "check the path: it is no name of a file"


def _nearest(path: Path) -> str:
    if path.is_dir():
        return "this is a folder: name the file in it"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent.name!r}: check the path"
    names = [each.name for each in path.parent.iterdir() if each.is_file()]
    near = get_close_matches(path.name, names, 1, 0.6)
    return f"did you mean {near[0]}?" if near else "check the path: there is no such file"
