"""TOML file: a file of sections that a user writes, read, and everything wrong with it told at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from understudy.core.errors import StudyError
from understudy.core.key_problem import KeyProblem, translated
from understudy.core.nearest_file import nearest_file
from understudy.core.section import Section
from understudy.core.toml_place import lines_of

S = TypeVar("S", bound=Section)


def read_text(path: Path, what: str) -> str:
    """The text of a file; `what` is what errors call it, such as ``"study"``.

    Raises
    ------
    StudyError
        If there is no such file, or it is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudyError(
            f"the {what} is not text in UTF-8", place=f"{path}, byte {error.start}", repair="save it as UTF-8"
        ) from None
    except OSError as error:
        cause = f"cannot read the {what}: {error.strerror or error}"
        raise StudyError(cause, place=str(path), repair=nearest_file(path)) from None


def parse(text: str, file: str, what: str) -> dict[str, Any]:
    """The keys of a TOML text.

    Raises
    ------
    StudyError
        If it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(
            f"the {what} is not valid TOML: {error}", place=file, repair="correct the line named"
        ) from None


def validated(kind: type[S], data: Mapping[str, Any]) -> tuple[S | None, list[KeyProblem]]:
    """A section from its keys, or None, and what is wrong with them."""
    try:
        return kind.model_validate(data), []
    except ValidationError as error:
        found = error.errors(include_url=False)
        return None, [translated(each, kind) for each in found if not _is_echo(each)]


def _is_echo(error: Mapping[str, Any]) -> bool:
    """Whether an array is called too short only because items of it are faulty, which is told by itself."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def in_order(problems: Iterable[KeyProblem], text: str) -> tuple[StudyError, ...]:
    """Problems with their lines, in the order of the file."""
    problems = list(problems)
    above = {problem.keys[:n] for problem in problems for n in range(1, len(problem.keys) + 1)}
    lines = lines_of(text, above) if problems else {}
    ordered = sorted(problems, key=lambda problem: problem.line(lines))
    return tuple(problem.as_error(lines) for problem in ordered)
