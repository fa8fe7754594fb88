"""Dispatch: where patients are simulated, and how much memory that may take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    from distributed import Client

_AMOUNT = re.compile(
    r"\s*(?P<number>\d+(\.\d*)?(e\d+)?)\s*((?P<prefix>[kmgt])(?P<binary>i?))?b?\s*", re.IGNORECASE
)
PLACES = ("serial", "threads", "dask")


@dataclass(frozen=True)
class Dispatch:
    """How `simulate` works through many patients: in chunks, none of which a patient's numbers depend on.

    Parameters
    ----------
    where : {"serial", "threads", "dask"} or distributed.Client
        One chunk after the other; `jobs` chunks at a time in threads; or in Dask's workers, `jobs` of them on this
        machine, or those of a client of your own.
    memory : str or float
        What the processes on this machine may take all together, such as ``"2 GB"`` (or bytes), the program itself
        included (about 0.4 GB a process). Of a client of your own: what each worker may take.
    chunk : int, optional
        Patients in a chunk. None: as many as the memory allows, 32,768 at most.
    retries : int
        How often a chunk that fails is tried again.

    Raises
    ------
    SimulationError
        For an unknown place, or numbers that make no sense.

    Examples
    --------
    >>> Dispatch("threads", memory="1.5 GB").bytes
    1500000000
    """

    where: str | Client = "threads"
    memory: str | float = "2 GB"
    chunk: int | None = None
    retries: int = 2

    def __post_init__(self) -> None:
        if self.name not in PLACES or (self.name == "dask" and not self._is_dask):
            raise SimulationError(
                f"patients cannot be simulated in {self.where!r}",
                place="dispatch",
                repair=f"use {', '.join(map(repr, PLACES))} or a client of Dask",
            )
        if self.chunk is not None and self.chunk < 1:
            raise SimulationError(
                f"a chunk of {self.chunk} patients", place="dispatch", repair="give 1 or more"
            )
        if self.retries < 0:
            raise SimulationError(f"{self.retries} retries", place="dispatch", repair="give 0 or more")
        _ = self.bytes

    @property
    def name(self) -> str:
        """Where, in a word."""
        return self.where if isinstance(self.where, str) else "dask"

    @property
    def client(self) -> Client | None:
        """A client of the user's own."""
        return None if isinstance(self.where, str) else self.where

    @property
    def bytes(self) -> int:
        """The memory in bytes."""
        return _bytes(self.memory)

    @property
    def _is_dask(self) -> bool:
        return self.where == "dask" or hasattr(self.where, "get_executor")


def as_dispatch(given: Dispatch | str | Client | None) -> Dispatch:
    """The settings of what a user wrote."""
    if given is None:
        return Dispatch()
    return given if isinstance(given, Dispatch) else Dispatch(given)


def _bytes(memory: str | float) -> int:
    written = _AMOUNT.fullmatch(str(memory))
    if written is None or not float(written["number"]) > 0:
        raise _no_memory(memory)
    base = 1024 if written["binary"] else 1000
    return round(float(written["number"]) * base ** " kmgt".index((written["prefix"] or " ").lower()))


def _no_memory(memory: str | float) -> SimulationError:
    return SimulationError(
        f"{memory!r} is no amount of memory",
        place="memory",
        repair="write it like '500 MB', '2 GB' or '4 GiB'",
    )
