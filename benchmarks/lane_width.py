"""How many patients side by side measure best: ``python -m benchmarks.lane_width``.

The package is copied, its one number of lanes is changed, and the turnover model is solved by each copy in a process of
its own. Every width must give the same bits.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.result import store

WIDTHS = (2, 4, 8)
PATIENTS, REPEATS = 2000, 7
_CHILD = "import benchmarks.lane_width as here; here.solve()"


def solve() -> None:
    """Print CPU seconds for a thousand patients by the package found first on the path, and a digest of the answer."""
    import hashlib

    from benchmarks.turnover import problem

    from understudy.engine.kernel import kernel
    from understudy.engine.kernel.lanes import WIDTH
    from understudy.engine.problem import Tolerances
    from understudy.engine.solve import problem_of, timeline_of

    schedule, rows = problem(PATIENTS)
    this, best = problem_of(rows, timeline_of(schedule, rows)[0]), float("inf")
    states = kernel.solve(this, Tolerances(1e-6, 1e-8)).states
    for _ in range(REPEATS):
        begun = time.process_time()
        kernel.solve(this, Tolerances(1e-6, 1e-8))
        best = min(best, time.process_time() - begun)
    digest = hashlib.sha256(states.tobytes()).hexdigest()
    print(json.dumps({"width": WIDTH, "cpu_seconds_per_1000": best / PATIENTS * 1000, "states": digest}))


def measured(width: int) -> dict:
    """What a copy of the package with another number of lanes prints."""
    import understudy

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "understudy"
        shutil.copytree(Path(understudy.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
        lanes = copy / "engine" / "kernel" / "lanes.py"
        text, changed = re.subn(r"(?m)^WIDTH = \d+", f"WIDTH = {width}", lanes.read_text(encoding="utf-8"))
        if changed != 1:
            raise RuntimeError("the number of lanes is not where it was")
        lanes.write_text(text, encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": folder, "UNDERSTUDY_CACHE_DIR": f"{folder}/cache"}
        command = [sys.executable, "-c", _CHILD]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> int:
    rows = [measured(width) for width in WIDTHS]
    for row in rows:
        print(f"{row['width']} lanes: {row['cpu_seconds_per_1000']:.4f} CPU s for 1,000 patients")
    same = len({row.pop("states") for row in rows}) == 1
    print("Written:", store("lane_width", {"same_bits": same, "patients": PATIENTS, "rows": rows}))
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
