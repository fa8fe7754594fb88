"""Content: frozen objects as JSON data, back again, and their hashes.

No pickle: what is read back is built field by field from the type hints of the class asked for.
"""

from __future__ import annotations

import hashlib
import json
import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, field, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from understudy.core.errors import UnderstudyError
from understudy.core.expression import Expression

T = TypeVar("T")

_WORDS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
_LARGEST_EXACT_INTEGER = 2**53
_LATER = "later"


def later_field(default: Any) -> Any:
    """A dataclass field that did not exist when contents were first hashed and stored.

    While it has its default it is left out of the content, so that old hashes stand.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Plan:
    ...     name: str
    ...     note: str = later_field("")
    >>> encode(Plan("a")), encode(Plan("a", "new"))
    ({'name': 'a'}, {'name': 'a', 'note': 'new'})
    """
    return field(default=default, metadata={_LATER: True})


def encode(obj: Any) -> Any:
    """JSON data (dict, list, str, int, float, bool, None) of an object.

    Parameters
    ----------
    obj : dataclass, Expression, mapping, sequence, NumPy array or scalar, str, number or None
        Dataclasses become mappings of their fields (see `later_field`), expressions their text. JSON has no
        infinite numbers, so these become the words ``"inf"``, ``"-inf"`` and ``"nan"``.

    Raises
    ------
    UnderstudyError
        For an object of any other kind, naming its place.

    Examples
    --------
    >>> encode({"omega": ((0.09, float("inf")),), "CL": Expression("theta*exp(eta)")})
    {'omega': [[0.09, 'inf']], 'CL': 'theta * exp(eta)'}
    """
    return _encode(obj, "")


def _encode(obj: Any, path: str) -> Any:
    if isinstance(obj, (np.generic, np.ndarray)):
        obj = obj.tolist()
    if obj is None or isinstance(obj, (bool, int, str)):
        return obj
    if isinstance(obj, float):
        return obj if math.isfinite(obj) else str(obj)
    if isinstance(obj, Expression):
        return obj.text
    if is_dataclass(obj) and not isinstance(obj, type):
        return {f.name: _encode(getattr(obj, f.name), _join(path, f.name)) for f in _written(obj)}
    if isinstance(obj, Mapping):
        return {_key(key, path): _encode(value, _join(path, str(key))) for key, value in obj.items()}
    if isinstance(obj, (tuple, list)):
        return [_encode(item, f"{path}[{k}]") for k, item in enumerate(obj)]
    raise _complaint(f"a {type(obj).__name__} cannot be written as JSON", path, "use numbers, text or tuples")


def _written(obj: Any) -> list[Field]:
    """Fields that belong to the content."""
    unset = lambda f: f.metadata.get(_LATER) and getattr(obj, f.name) == f.default  # noqa: E731
    return [f for f in fields(obj) if f.init and not unset(f)]


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise _complaint(f"the key {key!r} is not text", path, "use text as keys")
    return key


def decode(kind: type[T], data: Any) -> T:
    """The object that `encode` wrote.

    Parameters
    ----------
    kind : type
        A dataclass or any type hint made of dataclasses, `Expression`, numbers, text, ``tuple``, ``list``,
        ``dict``, ``Literal`` and ``X | None``.
    data : JSON data

    Raises
    ------
    UnderstudyError
        Naming the place of an unknown key, a missing key or a value of the wrong type.

    Examples
    --------
    >>> decode(tuple[tuple[float, ...], ...], [[1, "inf"], [0.5, 2.0]])
    ((1.0, inf), (0.5, 2.0))
    """
    return _decode(kind, data, "")


def _decode(kind: Any, data: Any, path: str) -> Any:
    origin, choices = get_origin(kind), get_args(kind)
    if kind is Any:
        return data
    if origin in (Union, types.UnionType):
        return _decode_union(choices, data, path)
    if origin is Literal:
        return _require(data in choices, data, path, f"one of {', '.join(map(repr, choices))}")
    if kind is Expression:
        return Expression(_require(isinstance(data, str), data, path, "an equation as text"))
    if is_dataclass(kind):
        return _decode_dataclass(kind, data, path)
    if (origin or kind) in (tuple, list, Sequence):
        return _decode_sequence(origin or kind, choices, data, path)
    if (origin or kind) in (dict, Mapping):
        _require(isinstance(data, Mapping), data, path, "a mapping")
        value = choices[1] if choices else Any
        return {key: _decode(value, item, _join(path, key)) for key, item in data.items()}
    return _decode_scalar(kind, data, path)


def _decode_scalar(kind: Any, data: Any, path: str) -> Any:
    if kind is float:
        is_number = isinstance(data, (int, float)) and not isinstance(data, bool)
        number = is_number or (isinstance(data, str) and data in _WORDS)
        _require(number, data, path, "a number")
        return _WORDS[data] if isinstance(data, str) else float(data)
    if kind in (int, str, bool, types.NoneType):
        fits = isinstance(data, kind) and (kind is not int or not isinstance(data, bool))
        return _require(
            fits, data, path, "nothing (null)" if kind is types.NoneType else f"a {kind.__name__}"
        )
    raise _complaint(f"{kind!r} cannot be read from JSON", path, "use plain types in the class")


def _decode_union(choices: tuple, data: Any, path: str) -> Any:
    if data is None and types.NoneType in choices:
        return None
    kinds = [choice for choice in choices if choice is not types.NoneType]
    for kind in kinds[:-1]:
        try:
            return _decode(kind, data, path)
        except UnderstudyError:
            continue
    return _decode(kinds[-1], data, path)


def _decode_sequence(container: Any, choices: tuple, data: Any, path: str) -> Any:
    _require(isinstance(data, (list, tuple)), data, path, "a list")
    if container is tuple and choices and choices[-1] is not Ellipsis:
        _require(len(data) == len(choices), data, path, f"a list of {len(choices)}")
        kinds = choices
    else:
        kinds = (choices[0] if choices else Any,) * len(data)
    items = [_decode(k, item, f"{path}[{i}]") for i, (k, item) in enumerate(zip(kinds, data, strict=True))]
    return items if container is list else tuple(items)


def _decode_dataclass(kind: type, data: Any, path: str) -> Any:
    _require(isinstance(data, Mapping), data, path, f"a mapping with the fields of {kind.__name__}")
    known = {f.name: f for f in fields(kind) if f.init}
    unknown = [key for key in data if key not in known]
    if unknown:
        raise _complaint(
            f"{kind.__name__} has no field {unknown[0]!r}", path, f"its fields are {', '.join(known)}"
        )
    missing = [name for name, f in known.items() if name not in data and _is_required(f)]
    if missing:
        raise _complaint(f"{kind.__name__} lacks {', '.join(missing)}", path, "give every required field")
    hints = _hints(kind)
    return kind(**{name: _decode(hints[name], value, _join(path, name)) for name, value in data.items()})


def _is_required(field: Field) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


@lru_cache(maxsize=256)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _require(fits: bool, data: Any, path: str, wanted: str) -> Any:
    if not fits:
        shown = repr(data)
        shown = shown if len(shown) <= 60 else shown[:60] + "…"
        raise _complaint(f"{shown} is not {wanted}", path, f"give {wanted}")
    return data


def _complaint(cause: str, path: str, repair: str) -> UnderstudyError:
    return UnderstudyError(cause, place=path or "the top level", repair=repair)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def canonical_json(obj: Any) -> str:
    """The one JSON text of an object: keys sorted, no spaces, shortest exact numbers.

    Whole numbers are written alike whether they are held as int or float, so that equal objects have
    equal texts.

    Examples
    --------
    >>> canonical_json({"b": 70.0, "a": (0.1, None)})
    '{"a":[0.1,null],"b":70}'
    """
    data = _plain_numbers(encode(obj))
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain_numbers(data: Any) -> Any:
    if isinstance(data, float) and data.is_integer() and abs(data) < _LARGEST_EXACT_INTEGER:
        return int(data)
    if isinstance(data, dict):
        return {key: _plain_numbers(value) for key, value in data.items()}
    return [_plain_numbers(item) for item in data] if isinstance(data, list) else data


def content_hash(obj: Any) -> str:
    """SHA-256 (64 hexadecimal digits) of an object's class name and canonical JSON.

    Examples
    --------
    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2.0, "a": 1.0})
    True
    """
    return hashlib.sha256(f"{type(obj).__name__}\n{canonical_json(obj)}".encode()).hexdigest()


def file_hash(path: str | Path) -> str:
    """SHA-256 (64 hexadecimal digits) of a file's bytes.

    Raises
    ------
    UnderstudyError
        If the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnderstudyError(
            f"cannot read the file: {error.strerror}", place=str(path), repair="check the path"
        ) from None


class Content:
    """What frozen dataclasses share that are stored, compared and cited by their content."""

    @property
    def hash(self) -> str:
        """SHA-256 of the content."""
        return content_hash(self)

    def to_json(self) -> dict[str, Any]:
        """The content as JSON data; `from_json` gives it back equal."""
        return encode(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` was called on, from its data."""
        return decode(cls, data)
