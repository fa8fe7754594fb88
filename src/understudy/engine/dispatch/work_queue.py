"""Work queue: chunks handed out as there is room, tried again where they fail."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait

from understudy.core.errors import UnderstudyError
from understudy.core.result import Outcome
from understudy.engine.dispatch.plan import Chunk

Job = Callable[[], Outcome]


def work_off(
    chunks: Iterable[Chunk],
    job_of: Callable[[Chunk], Job],
    executor: Executor,
    room: Callable[[], int],
    retries: int,
) -> Iterator[tuple[Chunk, Outcome | Exception]]:
    """Each chunk with its outcome, or with the last error where it failed time after time, as they come.

    Parameters
    ----------
    chunks : iterable of Chunk
    job_of : callable
        What is to be done for a chunk; made when its turn comes.
    executor : concurrent.futures.Executor
    room : callable
        How many jobs the executor may have at a time.
    retries : int
        How often a failed chunk is tried again.

    Raises
    ------
    UnderstudyError
        Where the question itself is wrong: to try again would not help.
    """
    waiting, tries = deque(chunks), {}
    running: dict[Future, Chunk] = {}
    while waiting or running:
        while waiting and len(running) < room():
            chunk = waiting.popleft()
            running[executor.submit(job_of(chunk))] = chunk
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            chunk = running.pop(future)
            error = _error(future)
            if error is None:
                yield chunk, future.result()
            elif tries.setdefault(chunk, retries):
                tries[chunk] -= 1
                waiting.append(chunk)
            else:
                yield chunk, error
            # A result that was handed on is not to be held until the next one comes.
            del future


def _error(future: Future) -> Exception | None:
    if future.cancelled():
        return CancelledError("its work was cancelled")
    error = future.exception()
    if isinstance(error, UnderstudyError):
        raise error
    return error
