"""Surrogate file: JSON and arrays in one ``.npz``, with a hash of all of it.

The array ``manifest`` is JSON text: format, version, hash, account and each course's plain values. The other arrays are
numbers. Nothing in the file is run when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.content import canonical_json, decode, encode
from understudy.core.errors import SimulationError, UnderstudyError
from understudy.core.record import Record
from understudy.surrogate.course import Course
from understudy.surrogate.process import Kernel

if TYPE_CHECKING:
    from understudy.surrogate.surrogate import Surrogate

FORMAT, VERSION = "understudy surrogate", 1
_MANIFEST, _TIMES, _POINTS = "manifest", "times", "points"
# Arrays of a course.
_ARRAYS = ("level", "changes", "basis", "scores", "remainder", "factor")


@dataclass(frozen=True)
class CourseEntry:
    """What of a course is no array."""

    name: str
    unit: str
    log: bool
    kernels: tuple[Kernel, ...]


def hash_of(surrogate: Surrogate) -> str:
    """SHA-256 of a surrogate's content; not of when and on what machine it was made."""
    return _hash(_told(surrogate), _arrays(surrogate))


def write(surrogate: Surrogate, path: str | Path) -> None:
    """Write a surrogate; errors as for `Surrogate.save`. A file that is there stays whole until the new one is."""
    path = require_writable(path)
    arrays = _arrays(surrogate)
    told = _told(surrogate)
    told = {"format": FORMAT, "version": VERSION, "hash": _hash(told, arrays), **told}
    text = json.dumps(told, ensure_ascii=False, allow_nan=False).encode()
    draft = path.with_name(f"{path.name}.draft")
    try:
        with open(draft, "wb") as file:
            np.savez_compressed(file, **{_MANIFEST: np.frombuffer(text, np.uint8)}, **arrays)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: str | Path) -> Surrogate:
    """The surrogate in a file; errors as for `Surrogate.load`."""
    path = Path(path)
    if not path.is_file():
        raise SimulationError("the file does not exist", place=str(path), repair="check the path")
    told, arrays = _opened(path)
    if told.get("format") != FORMAT:
        raise _no_surrogate(path)
    if not isinstance(told.get("version"), int) or told["version"] > VERSION:
        raise SimulationError(
            f"the file is of version {told.get('version')!r}, this program reads up to {VERSION}",
            place=path.name,
            repair="install a later version of understudy",
        )
    content = {key: value for key, value in told.items() if key not in ("format", "version", "hash")}
    if told.get("hash") != _hash(content, arrays):
        raise SimulationError(
            "the surrogate does not match its hash: it was changed or damaged after it was written",
            place=path.name,
            repair="emulate the model again",
        )
    return _built(content, arrays, path)


def _opened(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The manifest and the arrays of numbers; objects are never read."""
    try:
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
        told = json.loads(arrays.pop(_MANIFEST).tobytes().decode())
    except (ValueError, KeyError, OSError, EOFError, TypeError, AttributeError, zipfile.BadZipFile):
        raise _no_surrogate(path) from None
    if not isinstance(told, dict):
        raise _no_surrogate(path)
    return told, arrays


def _built(content: dict[str, Any], arrays: dict[str, np.ndarray], path: Path) -> Surrogate:
    from understudy.surrogate.surrogate import Account, Surrogate

    try:
        told = dict(content["account"])
        record = Record.from_json(told["record"])
        account = decode(Account, {**told, "record": encode(record)})
        entries = decode(tuple[CourseEntry, ...], content["courses"])
        courses = tuple(_course(k, entry, arrays) for k, entry in enumerate(entries))
        return Surrogate(account, arrays[_TIMES], courses)
    except (KeyError, TypeError, UnderstudyError) as error:
        raise SimulationError(
            f"the surrogate cannot be read: {error}", place=path.name, repair="emulate the model again"
        ) from None


def _course(number: int, entry: CourseEntry, arrays: dict[str, np.ndarray]) -> Course:
    own = {name: arrays[f"{number}_{name}"] for name in _ARRAYS}
    return Course(
        name=entry.name, unit=entry.unit, log=entry.log, kernels=entry.kernels, points=arrays[_POINTS], **own
    )


def _told(surrogate: Surrogate) -> dict[str, Any]:
    entries = [CourseEntry(c.name, c.unit, c.log, c.kernels) for c in surrogate.courses]
    account = {**encode(surrogate.account), "record": surrogate.record.to_json()}
    return {"account": account, "courses": encode(entries)}


def _arrays(surrogate: Surrogate) -> dict[str, np.ndarray]:
    own = {
        f"{k}_{name}": getattr(course, name) for k, course in enumerate(surrogate.courses) for name in _ARRAYS
    }
    return {_TIMES: surrogate.times, _POINTS: surrogate.courses[0].points, **own}


def _hash(told: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    """Of the content; of the record what its own hash covers, so that the same run again has the same hash."""
    account = told.get("account")
    record = account.get("record") if isinstance(account, dict) else None
    if isinstance(record, dict):
        told = {**told, "account": {**account, "record": record.get("hash")}}
    digest = hashlib.sha256(canonical_json(told).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def require_writable(path: str | Path) -> Path:
    """The path of a file that can be written, before anything is run; errors as for `Surrogate.save`."""
    path = Path(path)
    if path.suffix != ".npz":
        raise SimulationError(
            f"unknown format {path.suffix!r}", place=path.name, repair="give the file the ending .npz"
        )
    if not path.absolute().parent.is_dir():
        raise SimulationError(
            f"there is no folder {str(path.parent)!r}", place=path.name, repair="make it first"
        )
    return path


def _no_surrogate(path: Path) -> SimulationError:
    return SimulationError(
        "the file holds no surrogate",
        place=path.name,
        repair="give a file that Surrogate.save or `understudy emulate` wrote",
    )
