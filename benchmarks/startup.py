"""How long a user waits before anything happens: ``import understudy`` and ``understudy --help``.

Run with ``python -m benchmarks.startup``; writes benchmarks/results/startup.json.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.result import store

RUNS = 9
PROGRAM = str(Path(sys.executable).with_name("understudy"))
# What is run, and the most seconds it may take; None is for comparison only.
CASES: dict[str, tuple[Sequence[str], float | None]] = {
    "python -c pass": ([sys.executable, "-c", "pass"], None),
    "import understudy": ([sys.executable, "-c", "import understudy"], 0.7),
    "from understudy import simulate": ([sys.executable, "-c", "from understudy import simulate"], None),
    "understudy --help": ([PROGRAM, "--help"], 0.5),
    "understudy models": ([PROGRAM, "models"], None),
}


def seconds(command: Sequence[str]) -> float:
    """Wall-clock time of a command, from start to exit."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(command: Sequence[str], limit: float | None) -> dict[str, Any]:
    """Median, least and most of several runs after one that does not count (it fills the disk cache)."""
    seconds(command)
    runs = [seconds(command) for _ in range(RUNS)]
    return {
        "median_s": round(statistics.median(runs), 4),
        "least_s": round(min(runs), 4),
        "most_s": round(max(runs), 4),
        "limit_s": limit,
    }


def main() -> int:
    """Measure, store, print; 1 where a limit is passed."""
    cases = {name: measure(command, limit) for name, (command, limit) in CASES.items()}
    path = store("startup", {"runs": RUNS, "cases": cases})
    for name, found in cases.items():
        limit = f"  (limit {found['limit_s']} s)" if found["limit_s"] else ""
        print(f"{name:<34}{found['median_s']:.3f} s{limit}")
    print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    return int(any(each["limit_s"] and each["median_s"] > each["limit_s"] for each in cases.values()))


if __name__ == "__main__":
    sys.exit(main())
