"""Key problem: something wrong at one key of a file that its author wrote, in words that its author understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic.fields import FieldInfo

from understudy.core.errors import StudyError
from understudy.core.section import Section

Keys = tuple[str | int, ...]
# What Pydantic's kinds of error mean to somebody who writes TOML.
_SHOULD = {
    "string_type": "should be text in quotes",
    "string_too_short": "should not be empty",
    "string_too_long": "should be no longer than {max_length}",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "finite_number": "should be a finite number",
    "greater_than": "should be above {gt}",
    "greater_than_equal": "should be {ge} or more",
    "less_than": "should be below {lt}",
    "less_than_equal": "should be {le} or less",
    "literal_error": "should be {expected}",
    "tuple_type": "should be an array, in square brackets or as [[tables]]",
    "too_short": "should have at least {min_length} of them",
    "dict_type": "should be a table: {{ key = value }}",
    "model_type": "should be a table: [section]",
}


@dataclass(frozen=True)
class KeyProblem:
    """Something wrong at a key.

    Parameters
    ----------
    keys : tuple of str or int
        Keys and positions from the top of the file.
    cause, repair : str
    detail : str
        Follows the place: the text at fault, or a sentence with a caret.
    """

    keys: Keys
    cause: str
    repair: str
    detail: str = ""

    def line(self, lines: Mapping[Keys, int]) -> int:
        """Line of the key, or of the nearest table around it; 0 where there is none."""
        above = (self.keys[:n] for n in range(len(self.keys), 0, -1))
        return next((lines[keys] for keys in above if keys in lines), 0)

    def as_error(self, lines: Mapping[Keys, int]) -> StudyError:
        """The problem as an error that names the line."""
        line = self.line(lines)
        place = ", ".join(part for part in (f"line {line}" if line else "", dotted(self.keys)) if part)
        glue = ": " if self.detail and not self.detail.startswith("\n") else ""
        return StudyError(self.cause, place=place + glue + self.detail, repair=self.repair)


def translated(error: Mapping[str, Any], kind: type[Section]) -> KeyProblem:
    """What Pydantic found, an unknown, missing or ill-typed key, in plain words.

    Parameters
    ----------
    error : mapping
        An item of ``ValidationError.errors()``.
    kind : type of Section
        What was validated.
    """
    keys, context = tuple(error["loc"]), error.get("ctx", {})
    if error["type"] == "study":
        return KeyProblem(keys, context["cause"], context["repair"], context["place"])
    if error["type"] == "extra_forbidden":
        return KeyProblem(keys, f"unknown key {keys[-1]!r}", _known_key(keys, kind))
    meaning = _nearest_field(keys, kind)[1].description or ""
    if error["type"] == "missing":
        return KeyProblem(keys, f"{keys[-1]} is missing", f"give {keys[-1]}: {meaning}")
    should = _SHOULD.get(error["type"], error["msg"]).format(**context)
    return KeyProblem(keys, f"{dotted(keys[-1:])} {should}, is {_shown(error['input'])}", meaning)


def _known_key(keys: Keys, kind: type[Section]) -> str:
    """The nearest key of the same table, or the table where the key belongs."""
    here = _nearest_field(keys[:-1], kind)[0]
    near = get_close_matches(str(keys[-1]), fields_of(here), 1, 0.6)
    if near:
        return f"did you mean {near[0]}?"
    for name, field in fields_of(kind).items():
        inside = _section_of(field.annotation)
        if inside and keys[-1] in fields_of(inside):
            return f"it belongs in [{name}]"
    return f"known keys here: {', '.join(fields_of(here))}"


def fields_of(kind: type[Section]) -> dict[str, FieldInfo]:
    """Fields by the names they have in the file."""
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def _nearest_field(keys: Keys, kind: type[Section]) -> tuple[type[Section], FieldInfo]:
    """The last section and the last field that a path of keys leads through."""
    here, field = kind, FieldInfo()
    for key in keys:
        if key in fields_of(here):
            field = fields_of(here)[key]
            here = _section_of(field.annotation) or here
    return here, field


def _section_of(annotation: Any) -> type[Section] | None:
    """The section that a field holds, alone or in a tuple."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_of(part))), None)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def dotted(keys: Keys) -> str:
    """A path as text; positions count from one: ``regimens[2].doses``."""
    text = ""
    for key in keys:
        text += f"[{key + 1}]" if isinstance(key, int) else f".{key}"
    return text.lstrip(".")
