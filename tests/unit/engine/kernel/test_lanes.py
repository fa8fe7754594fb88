"""Work shared out over threads covers every patient once, in ranges that begin at whole blocks."""

import threading

import pytest

from understudy.engine.kernel.lanes import WIDTH, run_in_threads


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 63, 64, 65, 1000])
@pytest.mark.parametrize("jobs", [0, 1, 2, 3, 16])
def test_every_patient_once(count, jobs):
    ranges, lock = [], threading.Lock()

    def work(first, last):
        with lock:
            ranges.append((first, last))

    run_in_threads(work, count, jobs)
    covered = [k for first, last in sorted(ranges) for k in range(first, last)]
    assert covered == list(range(count))
    assert all(first % WIDTH == 0 for first, _ in ranges)


def test_an_error_in_a_thread_is_raised():
    def work(first, last):
        raise ValueError("in a thread")

    with pytest.raises(ValueError, match="in a thread"):
        run_in_threads(work, 100, 2)
