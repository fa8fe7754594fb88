"""The work queue: every chunk once, failed ones again, and never more at a time than there is room for."""

import threading
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest

from understudy.core.errors import SimulationError
from understudy.engine.dispatch.executor import SerialExecutor
from understudy.engine.dispatch.plan import Plan
from understudy.engine.dispatch.work_queue import work_off

CHUNKS = list(Plan(20, 2, {}))


class Flaky:
    """Work on chunks of which some fail a few times."""

    def __init__(self, failures):
        self.left, self.calls, self.lock = dict(failures), [], threading.Lock()
        self.running = self.most = 0

    def of(self, chunk):
        def job():
            with self.lock:
                self.calls.append(chunk.number)
                self.running += 1
                self.most = max(self.most, self.running)
                fails = self.left.get(chunk.number, 0)
                self.left[chunk.number] = fails - 1
            time.sleep(0.002)
            with self.lock:
                self.running -= 1
            if fails > 0:
                raise OSError(f"chunk {chunk.number}")
            return f"outcome {chunk.number}"

        return job


@pytest.fixture(params=["serial", "threads"])
def executor(request):
    with SerialExecutor() if request.param == "serial" else ThreadPoolExecutor(4) as pool:
        yield pool


def test_every_chunk_comes_once(executor):
    work = Flaky({})
    found = dict(work_off(CHUNKS, work.of, executor, lambda: 3, 0))
    assert found == {chunk: f"outcome {chunk.number}" for chunk in CHUNKS}
    assert sorted(work.calls) == list(range(10))
    assert work.most <= 3


def test_what_fails_is_tried_again(executor):
    work = Flaky({2: 2, 7: 1})
    found = dict(work_off(CHUNKS, work.of, executor, lambda: 2, 2))
    assert found == {chunk: f"outcome {chunk.number}" for chunk in CHUNKS}
    assert [work.calls.count(number) for number in (2, 7, 3)] == [3, 2, 1]


def test_what_keeps_failing_comes_with_its_error(executor):
    work = Flaky({4: 99})
    found = dict(work_off(CHUNKS, work.of, executor, lambda: 2, 1))
    assert work.calls.count(4) == 2
    assert isinstance(found[CHUNKS[4]], OSError)
    assert sum(isinstance(outcome, str) for outcome in found.values()) == 9


def test_a_wrong_question_is_not_asked_again(executor):
    calls = []

    def job_of(chunk):
        def job():
            calls.append(chunk)
            raise SimulationError("no such output", repair="ask for another")

        return job

    with pytest.raises(SimulationError, match="no such output"):
        list(work_off(CHUNKS, job_of, executor, lambda: 1, 5))
    assert len(calls) == 1


def test_cancelled_work_is_a_failure():
    class Cancelling(SerialExecutor):
        def submit(self, fn, /, *args, **kwargs):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    found = dict(work_off(CHUNKS[:1], Flaky({}).of, Cancelling(), lambda: 1, 1))
    assert isinstance(found[CHUNKS[0]], CancelledError)
