"""Benchmarks that need nothing but the package, ``python -m benchmarks``; all of them with ``--all``."""

from __future__ import annotations

import subprocess
import sys

OWN = ("startup", "engine", "sensitivities", "lane_width")
# They take longer, and the first needs other solvers.
FURTHER = ("peers", "million", "surrogate", "many_trials", "trial_simulation")


def main(arguments: list[str]) -> int:
    """Run each in a process of its own; 1 where one failed or missed an aim."""
    if set(arguments) - {"--all"}:
        print(__doc__)
        return 2
    worst = 0
    for name in (*OWN, *(FURTHER if arguments else ())):
        print(f"== {name}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode)
    return int(worst != 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
