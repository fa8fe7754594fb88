"""All benchmarks: ``python -m benchmarks``."""

from __future__ import annotations

import sys

from benchmarks import engine, startup

if __name__ == "__main__":
    sys.exit(max(benchmark.main() for benchmark in (startup, engine)))
