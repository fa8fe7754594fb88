"""The provenance record: what made a result, so that anyone can make it again and see that it is the same."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from understudy.core.content import content_hash, decode, encode, later_field
from understudy.core.errors import UnderstudyError
from understudy.core.reported_number import ReportedNumber

_PACKAGES = ("understudy", "numpy", "scipy", "numba", "llvmlite", "sympy", "pandas", "xarray")
_CIRCUMSTANCES = ("started", "duration_s", "stages", "machine", "dispatch")


class Stopwatch:
    """When a run started and how long each of its stages took.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> with watch.stage("read"):
    ...     pass
    >>> list(watch.stages), watch.elapsed >= watch.stages["read"]
    (['read'], True)
    """

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.stages: dict[str, float] = {}
        self._start = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to the stage `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class Record:
    """What made a result. Made by `Record.make`, written beside the result as ``record.json``.

    Parameters
    ----------
    what : str
        What was done, such as ``"simulate"``.
    inputs : mapping of name to SHA-256
        Files by their name relative to the study, or other inputs; never an absolute path.
    model : str
        Hash of the model.
    seed : int or None
    versions : mapping of package to version
    method : str
        Engine or estimation method.
    settings : mapping
        Tolerances and options, as JSON data.
    citations : tuple of str
        Of the model, the data and the methods.
    started : str
        UTC, ISO 8601.
    duration_s : float
        Seconds.
    stages : mapping of stage to seconds
    machine : mapping
        Platform and number of processors; no names of hosts or users.
    dispatch : mapping
        Where many patients were simulated and in what chunks, on which no number depends.
    numbers : tuple of ReportedNumber
        What came out, where a report states it; the hash is of them too.

    Raises
    ------
    UnderstudyError
        If an absolute path is among the inputs or settings.
    """

    what: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    seed: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    method: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    citations: tuple[str, ...] = ()
    started: str = ""
    duration_s: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    dispatch: Mapping[str, Any] = field(default_factory=dict)
    numbers: tuple[ReportedNumber, ...] = later_field(())

    def __post_init__(self) -> None:
        for name in ("inputs", "versions", "settings", "stages", "machine", "dispatch"):
            object.__setattr__(self, name, encode(dict(getattr(self, name))))
        object.__setattr__(self, "citations", tuple(dict.fromkeys(self.citations)))
        for text in _texts([list(self.inputs), self.settings]):
            _require_relative(text, self.what)

    @classmethod
    def make(
        cls,
        what: str,
        *,
        stopwatch: Stopwatch | None = None,
        inputs: Mapping[str, str] | None = None,
        model: str = "",
        seed: int | None = None,
        method: str = "",
        settings: Mapping[str, Any] | None = None,
        citations: tuple[str, ...] = (),
    ) -> Record:
        """A record of this run on this machine, with the versions that are installed.

        Examples
        --------
        >>> record = Record.make("simulate", model="c0ffee", seed=1, method="closed form")
        >>> record.hash == Record.make("simulate", model="c0ffee", seed=1, method="closed form").hash
        True
        """
        watch = stopwatch or Stopwatch()
        return cls(
            what=what,
            inputs=inputs or {},
            model=model,
            seed=seed,
            versions=versions(),
            method=method,
            settings=settings or {},
            citations=citations,
            started=watch.started,
            duration_s=watch.elapsed,
            stages=watch.stages,
            machine={"system": platform.system(), "processor": platform.machine(), "cpus": os.cpu_count()},
        )

    @property
    def hash(self) -> str:
        """SHA-256 of all but when, how long and on what machine: the same run again has the same hash."""
        return _hash(encode(self))

    def to_json(self) -> dict[str, Any]:
        """The record and its hash as JSON data."""
        return {**encode(self), "hash": self.hash}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """The record from `to_json`'s data.

        Raises
        ------
        UnderstudyError
            If the data do not fit, or were changed after they were written.
        """
        record = decode(cls, {key: value for key, value in data.items() if key != "hash"})
        if "hash" in data and data["hash"] != _hash(data):
            raise UnderstudyError(
                "the record does not match its hash: it was changed after it was written",
                place=record.what,
                repair="run it again",
            )
        return record

    def write(self, path: str | Path) -> None:
        """Write ``record.json``."""
        text = json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> Record:
        """The record that `write` wrote."""
        return cls.from_json(json.loads(Path(path).read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def _installed() -> tuple[tuple[str, str], ...]:
    return tuple((name, metadata.version(name)) for name in _PACKAGES)


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of those that make its numbers."""
    return {"python": platform.python_version(), **dict(_installed())}


def _hash(data: Mapping[str, Any]) -> str:
    """Of the data as written, so that fields added by later versions leave old records valid."""
    return content_hash({key: value for key, value in data.items() if key not in (*_CIRCUMSTANCES, "hash")})


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, (dict, list)):
        for item in data.values() if isinstance(data, dict) else data:
            yield from _texts(item)


def _require_relative(text: str, what: str) -> None:
    if PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute() or text.startswith("~"):
        raise UnderstudyError(
            f"{text!r} is an absolute path, which says more about the machine than about the study",
            place=f"record of {what}",
            repair="give the file's name relative to the study",
        )
