"""TOML place: on which line of a file a key stands. Only asked when something is wrong with it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

Path = tuple[str | int, ...]


def lines_of(text: str, paths: Iterable[Path]) -> dict[Path, int]:
    """Lines on which keys are given, counted from 1.

    The first lines of a file that are valid by themselves are parsed, more and more of them, until each key
    has appeared: so every way of writing TOML is understood, by the parser that reads it.

    Parameters
    ----------
    text : str
        The file.
    paths : iterable of tuple of str or int
        Keys and positions from the top, such as ``("regimens", 1, "doses")``.

    Returns
    -------
    dict
        Line of each path; without those that are not given.

    Examples
    --------
    >>> lines_of('title = "x"\\n\\n[target]\\nlow = 15\\nhigh = 40\\n', [("target", "high"), ("seed",)])
    {('target', 'high'): 5}
    """
    lines, wanted = text.splitlines(), [path for path in dict.fromkeys(paths) if path]
    found: dict[Path, int] = {}
    read = 0
    for count in range(1, len(lines) + 1):
        data = _parsed(lines[:count])
        if data is None:
            continue
        found |= {path: read + 1 for path in wanted if path not in found and _holds(data, path)}
        read = count
        if len(found) == len(wanted):
            break
    return found


def _parsed(lines: Sequence[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return None


def _holds(data: Any, path: Path) -> bool:
    for key in path:
        inside = isinstance(data, dict) and key in data
        if not inside and not (isinstance(data, list) and isinstance(key, int) and key < len(data)):
            return False
        data = data[key]
    return True
