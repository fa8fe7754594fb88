"""Work shared out over threads, patient range by patient range."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

# Eight doubles fill an AVX-512 register, or two AVX2 ones.
WIDTH = 8


def run_in_threads(work: Callable[[int, int], None], count: int, jobs: int) -> None:
    """Call ``work(first, last)`` on ranges that cover ``range(count)``, on `jobs` threads (0: one per core).

    Ranges begin at multiples of the lane width; what a patient's numbers are does not depend on them.
    """
    jobs = jobs or os.cpu_count() or 1
    chunk = -(-count // (4 * jobs * WIDTH)) * WIDTH
    if jobs == 1 or count <= WIDTH:
        work(0, count)
        return
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(work, first, min(first + chunk, count)) for first in range(0, count, chunk)]
        for future in futures:
            future.result()
