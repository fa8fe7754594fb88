"""Processes: others of this program that work on the same records."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from understudy.data.records import Records


@contextmanager
def open_processes(
    jobs: int, begin: Callable[..., None], given: tuple[Any, ...]
) -> Iterator[Executor | None]:
    """So many processes (0: one per core) in which `begin(*given)` was called; None for one, which is this.

    Raises
    ------
    SimulationError
        Where a process ends before its work is done.
    """
    count = jobs or os.cpu_count() or 1
    if count == 1:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # Processes begin anew: a copy of this one could hold a thread's lock for ever.
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=begin, initargs=given)
    try:
        yield pool
    except BrokenProcessPool:
        raise SimulationError(
            "a process ended before its work was done",
            repair="call from below `if __name__ == '__main__':` where this is a script; or take jobs=1, or fewer "
            "jobs if memory ran out",
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def record_parts(records: Records) -> tuple[Any, ...]:
    """Records as what a process can be given, in the order of their fields."""
    return records.data, dict(records.units), records.covariates, records.source, records.notes
