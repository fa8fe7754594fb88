"""Executor: what runs chunks: this thread, threads, or Dask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from understudy.core.errors import MissingExtraError
from understudy.engine.dispatch.settings import Dispatch


class SerialExecutor(Executor):
    """Runs what is submitted at once, in the thread that submits it."""

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """A future that is done."""
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def at_once(dispatch: Dispatch, jobs: int) -> int:
    """How many chunks share the memory while they are simulated."""
    if dispatch.name == "serial":
        return 1
    if dispatch.client is None:
        return jobs or os.cpu_count() or 1
    return max([1, *dispatch.client.nthreads().values()])


@contextmanager
def open_executor(dispatch: Dispatch, jobs: int) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """An executor, and a function that tells how many chunks to hand it at a time.

    Raises
    ------
    MissingExtraError
        Where Dask is asked for and not installed.
    """
    count = at_once(dispatch, jobs)
    if dispatch.name == "serial":
        yield SerialExecutor(), lambda: 1
    elif dispatch.name == "threads":
        with ThreadPoolExecutor(count) as pool:
            yield pool, lambda: count
    elif dispatch.client is not None:
        with dispatch.client.get_executor(pure=False) as pool:
            yield pool, lambda: _threads(dispatch.client)
    else:
        with _local_client(count) as client, client.get_executor(pure=False) as pool:
            yield pool, lambda: _threads(client)


def _threads(client: Any) -> int:
    """Threads of all workers that are there now: they come and go."""
    return max(1, sum(client.nthreads().values()))


@contextmanager
def _local_client(workers: int) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise MissingExtraError(
            "dask is not installed", place="dispatch='dask'", repair="pip install 'understudy[dask]'"
        ) from None
    # The size of the chunks keeps to the memory; a limit here would make Dask pause workers.
    options = {"processes": True, "dashboard_address": None, "memory_limit": 0}
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, **options) as cluster,
        Client(cluster) as client,
    ):
        yield client
