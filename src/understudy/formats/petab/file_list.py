"""File list: the files that a problem's YAML names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.core.errors import FormatError


def file_list(path: Path, told: dict[str, Any], key: str, needed: bool = True) -> list[Path]:
    """Files under a key: one, or a list.

    Raises
    ------
    FormatError
        Where the key is missing though needed, or holds something else.
    """
    given = told.get(key)
    given = [given] if isinstance(given, str) else given or []
    if not isinstance(given, list) or (needed and not given):
        cause = f"{key}: is missing" if not given else f"{key}: is no list of files"
        raise FormatError(cause, place=path.name, repair="name at least one file")
    return [beside(path, each, key) for each in given]


def beside(path: Path, name: Any, key: str) -> Path:
    """A file by its name relative to the problem's."""
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise FormatError(
            f"{key}: {str(name)[:60]!r} is no file's name", place=path.name, repair="name a file"
        )
    if "://" in name:
        raise FormatError(
            f"{key}: {name[:100]} is an address",
            place=path.name,
            repair="download the file, and name it here",
        )
    return path.parent / name


def section(path: Path, given: Any, key: str) -> dict[str, Any]:
    """What stands under a key, which must be a mapping.

    Raises
    ------
    FormatError
    """
    if not isinstance(given, dict):
        raise FormatError(
            f"{key}: is missing, or no mapping", place=path.name, repair="write keys and values"
        )
    return given
