"""JSON node: a place in a JSON document; what is read of it is noted, so that nothing is passed over in silence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from understudy.core.errors import FormatError

T = TypeVar("T")
_NOTHING = (None, False, "", [], {})


class JsonNode:
    """An object of a JSON document.

    Parameters
    ----------
    data : Any
        The object.
    path : str
        Its place, such as ``$.PrimaryCriteria.CriteriaList[0]``.

    Raises
    ------
    FormatError
        If it is no object.
    """

    def __init__(self, data: Any, path: str = "$"):
        self.path = path
        if not isinstance(data, dict):
            raise self.error("an object was expected, in braces")
        self._data, self._read = data, set[str]()

    @classmethod
    def of_text(cls, text: str, place: str) -> JsonNode:
        """The top of a document.

        Raises
        ------
        FormatError
            If it is no JSON, or gives a key twice.
        """
        try:
            return cls(json.loads(text, object_pairs_hook=_once))
        except json.JSONDecodeError as error:
            raise FormatError(
                f"not valid JSON: {error.msg}", place=f"{place}, line {error.lineno}", repair="export it anew"
            ) from None

    def error(self, cause: str, key: str = "", repair: str = "") -> FormatError:
        """An error at this place, or at a key of it."""
        place = f"{self.path}.{key}" if key else self.path
        return FormatError(
            cause, place=place, repair=repair or "correct it, or take it out of the expression"
        )

    def has(self, key: str) -> bool:
        """Whether a key says something."""
        return self._data.get(key) not in _NOTHING or self._data.get(key) is True

    def take(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is now read; the default where there is none."""
        self._read.add(key)
        found = self._data.get(key)
        return default if found is None else found

    def whole(self, key: str, default: int | None = None) -> int | None:
        """A whole number."""
        found = self.take(key, default)
        if found is not None and (isinstance(found, bool) or not isinstance(found, int)):
            raise self.error(f"{found!r} is no whole number", key)
        return found

    def flag(self, key: str) -> bool:
        """True or false; false where there is none."""
        found = self.take(key, False)
        if not isinstance(found, bool):
            raise self.error(f"{found!r} is neither true nor false", key)
        return found

    def choice(self, key: str, choices: dict[str, T], default: str) -> T:
        """What one of some words means, whatever its case."""
        found = self.take(key, default)
        meanings = {word.lower(): meaning for word, meaning in choices.items()}
        if not isinstance(found, str) or found.lower() not in meanings:
            raise self.error(f"{found!r} is not known", key, f"use one of {', '.join(choices)}")
        return meanings[found.lower()]

    def node(self, key: str) -> JsonNode | None:
        """The object at a key."""
        found = self.take(key)
        return None if found is None else JsonNode(found, f"{self.path}.{key}")

    def nodes(self, key: str) -> list[JsonNode]:
        """The objects in the list at a key."""
        found = self.take(key, [])
        if not isinstance(found, list):
            raise self.error("a list was expected, in brackets", key)
        return [JsonNode(each, f"{self.path}.{key}[{k}]") for k, each in enumerate(found)]

    def only_key(self) -> str:
        """The one key of an object that names its kind."""
        if len(self._data) != 1:
            raise self.error("one key was expected, which names the kind of criterion")
        return next(iter(self._data))

    @contextmanager
    def reading(self) -> Iterator[JsonNode]:
        """Read keys; at the end of the block any other that says something is refused.

        Raises
        ------
        FormatError
            With the path of the first key that nobody has read.
        """
        yield self
        left = [key for key in self._data if key not in self._read and self.has(key)]
        if left:
            raise self.error("this is not supported", left[0], "express the cohort without it")

    def checked(self, make: Callable[[], T]) -> T:
        """What a call makes; an error of Pydantic's becomes one at this place."""
        from pydantic import ValidationError

        try:
            return make()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise self.error(str(first.get("ctx", {}).get("cause") or first["msg"])) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise FormatError(
            f"a key is given twice: {next(key for key in keys if keys.count(key) > 1)}",
            place="$",
            repair="leave one of them",
        )
    return found
