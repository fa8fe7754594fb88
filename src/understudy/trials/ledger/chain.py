"""Chain: a file of lines each of which holds the hash of the one before, so that none can change unseen."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from understudy.core.content import canonical_json
from understudy.core.errors import StudyError
from understudy.core.nearest_file import nearest_file

# What the first line names as the hash before it.
ORIGIN = "0" * 64
KINDS = ("prediction", "score")


@dataclass(frozen=True)
class Entry:
    """One line of a ledger.

    Parameters
    ----------
    number : int
        Its line, from 1.
    kind : str
        "prediction" or "score".
    id : str
        Name of the prediction.
    at : str
        UTC, ISO 8601.
    content : mapping
        What was predicted, or observed.
    previous : str
        Hash of the line before; zeros for the first.
    hash : str
        SHA-256 of all of this but the hash.
    """

    number: int
    kind: str
    id: str
    at: str
    content: Mapping[str, Any]
    previous: str
    hash: str

    @classmethod
    def after(cls, entries: tuple[Entry, ...], kind: str, id: str, content: Mapping[str, Any]) -> Entry:
        """The entry that follows, dated now."""
        previous = entries[-1].hash if entries else ORIGIN
        parts = (len(entries) + 1, kind, id, _now(), content, previous)
        return cls(*parts, hash_of(*parts))

    @property
    def line(self) -> str:
        """The one text of this entry, without the end of the line."""
        return canonical_json(self)


def hash_of(number: int, kind: str, id: str, at: str, content: Mapping[str, Any], previous: str) -> str:
    """SHA-256 (64 hexadecimal digits) of an entry."""
    parts = {"number": number, "kind": kind, "id": id, "at": at, "content": content, "previous": previous}
    return sha256(canonical_json(parts).encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def lines_of(path: Path) -> list[str]:
    """Lines of a ledger, as they are.

    Raises
    ------
    StudyError
        If it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise StudyError("the ledger is not text in UTF-8", place=str(path), repair="restore it") from None
    except OSError as error:
        cause = f"cannot read the ledger: {error.strerror or error}"
        raise StudyError(cause, place=str(path), repair=nearest_file(path)) from None
    return text.split("\n")


def entry_of(line: str) -> Entry:
    """The entry of a line.

    Raises
    ------
    ValueError
        If it is none.
    """
    data = json.loads(line)
    wanted = {"number": int, "kind": str, "id": str, "at": str, "content": dict, "previous": str, "hash": str}
    if not isinstance(data, dict) or set(data) != set(wanted):
        raise ValueError("it has not the keys of an entry")
    for name, kind in wanted.items():
        if not isinstance(data[name], kind) or isinstance(data[name], bool):
            raise ValueError(f"{name} is no {kind.__name__}")
    return Entry(**data)


def append(path: Path, entry: Entry, head: str) -> None:
    """Add a line: the file is replaced as a whole, so there is never half a line.

    Parameters
    ----------
    path : path
    entry : Entry
    head : str
        Hash of the line that is believed to be the last; another writer may have been quicker.

    Raises
    ------
    StudyError
        If the ledger is being written by another, or went on in between.
    """
    with _locked(path):
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        last = json.loads(old.splitlines()[-1])["hash"] if old else ORIGIN
        if last != head:
            raise StudyError(
                "the ledger went on while this was made", place=path.name, repair="give the command again"
            )
        _replace(path, old + entry.line + "\n")


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(path.name + ".lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        raise StudyError(
            "the ledger is being written by another program",
            place=path.name,
            repair=f"wait; if none is, a stopped one left {lock.name}: remove it",
        ) from None
    except OSError as error:
        raise StudyError(
            f"cannot write the ledger: {error.strerror}", place=str(path), repair="check folder and rights"
        ) from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
