"""YAML file: what a problem's YAML says, as plain lists and mappings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.core.errors import FormatError, MissingExtraError
from understudy.core.nearest_file import nearest_file

# A file that lists others is short; one that refers to its own parts over and over grows without end when read.
_MOST_BYTES, _MOST_ALIASES, _DEEPEST = 1_000_000, 20, 30


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Parameters
    ----------
    path : path

    Raises
    ------
    FormatError
        For a file that cannot be read, is no YAML, or is too large or deep to list other files.
    MissingExtraError
        Where PyYAML is not installed.
    """
    text = _text(path)
    try:
        from yaml import SafeLoader, YAMLError
    except ImportError:
        raise MissingExtraError(
            "PEtab problems are read with PyYAML, which is not installed",
            repair='pip install "understudy[petab]"',
        ) from None
    try:
        _check_events(SafeLoader(text), path)
        found = SafeLoader(text).get_single_data()
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path.name}, line {mark.line + 1}, column {mark.column + 1}" if mark else path.name
        cause = getattr(error, "problem", None) or " ".join(str(error).split())[:200]
        raise FormatError(f"the file is not YAML: {cause}", place=place, repair="correct the file") from None
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"the file is not YAML: {error}"[:200], place=path.name, repair="correct it"
        ) from None
    if not isinstance(found, dict):
        raise FormatError(
            "the file holds no mapping",
            place=path.name,
            repair="begin with format_version: and the tables' files",
        )
    return found


def _text(path: Path) -> str:
    if not path.is_file():
        raise FormatError("cannot read the problem's file", place=str(path), repair=nearest_file(path))
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise FormatError(
            f"the file has {size:,} bytes",
            place=path.name,
            repair="give the YAML file that lists a problem's tables",
        )
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"byte {error.start} is not UTF-8", place=path.name, repair="save the file as UTF-8"
        ) from None


def _check_events(loader: Any, path: Path) -> None:
    """Refuse what would nest too deeply, or grow, before anything is built."""
    depth = aliases = 0
    while loader.check_event():
        event = loader.get_event()
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        aliases += kind == "AliasEvent"
        place = f"{path.name}, line {event.start_mark.line + 1}"
        if depth > _DEEPEST:
            raise FormatError("the file is nested too deeply", place=place, repair="list the files flatly")
        if aliases > _MOST_ALIASES:
            raise FormatError(
                f"the file refers to its own parts more than {_MOST_ALIASES} times",
                place=place,
                repair="write them out",
            )
