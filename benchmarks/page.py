"""The page docs/performance.md and its chart, made from the stored results: ``python -m benchmarks.page``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import engine_section as own
from benchmarks.aims import Results, aims, aims_table
from benchmarks.figure import table
from benchmarks.peers_section import CHART, peers_section
from benchmarks.result import FOLDER
from benchmarks.surrogate_section import surrogate_section

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
# Stored results in the order of the page, and what each needs besides the package.
NAMES = ("peers", "engine", "million", "sensitivities", "startup", "lane_width", "surrogate", "gpu")

INTRODUCTION = """# Performance

Every figure on this page is a stored result under `benchmarks/results`, measured on one machine
({processor}, {cores} cores; one thread where nothing else is said). Nothing here is typed in by hand:
`python -m benchmarks.page` writes this page. [How to measure again](#how-to-measure-again) is at its end.
"""

AIMS = """## Aims, and what was measured

{rows}

Letters are the models of the comparison with other solvers, 1e-4 and 1e-6 achieved errors. These are aims for speed;
those for accuracy, sensitivities and faults are tests (`make slow`), which fail where they are not met.
"""

AGAIN = """## How to measure again

```bash no-run
python -m benchmarks          # what needs nothing else: startup, engine, sensitivities, lane_width; some 2 minutes
python -m benchmarks --all    # peers, million and surrogate too; some 15 minutes
python -m benchmarks.page     # writes this page from what is stored
```

Nothing else should run on the machine. The peers need more packages: `pip install libroadrunner antimony diffrax`, a C
compiler for the ceiling, and numbalsoda, which is built from source (`pip install numbalsoda` with cmake and a Fortran
compiler there). A peer that is not installed is left out and named. The million patients need the `dask` extra,
surrogates the `surrogate` extra. The GPU is measured where there is one, with `python -m benchmarks.gpu` and the `cuda`
extra.

Measured were:

{rows}
"""


def load(name: str) -> dict[str, Any]:
    """A stored result."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def stored() -> Results:
    """All results, None where there is none."""
    return {name: load(name) if (FOLDER / f"{name}.json").exists() else None for name in NAMES}


def page(results: Results) -> str:
    """The whole page."""
    machine = results["engine"]["machine"]
    head = INTRODUCTION.format(processor=machine["processor"], cores=machine["cores"])
    first = AIMS.format(rows=aims_table(aims(results)))
    parts = [head, first, *sections(results), again(results)]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def sections(results: Results) -> list[str]:
    """What was measured, section by section; a result that is not there has none."""
    engine = results["engine"]
    made = [
        ("peers", peers_section),
        ("engine", own.kernel_section),
        ("engine", own.schedules_section),
        ("million", own.many_section),
        ("sensitivities", own.sensitivities_section),
        ("engine", own.closed_section),
        ("engine", own.compile_section),
        ("startup", own.startup_section),
        ("lane_width", own.lanes_section),
        ("surrogate", surrogate_section),
    ]
    found = [write(results[name]) for name, write in made if results.get(name) is not None]
    return [*found, own.gpu_section(results.get("gpu"))] if engine is not None else found


def again(results: Results) -> str:
    """The commands, and from when and which commit each result is."""
    rows = [
        (f"`python -m benchmarks.{name}`", found["date"], commit(found["commit"]))
        for name, found in results.items()
        if found is not None
    ]
    absent = [(f"`python -m benchmarks.{name}`", "not yet", "") for name in results if results[name] is None]
    return AGAIN.format(rows=table(("command", "date", "commit"), [*rows, *absent], left=3))


def commit(told: str) -> str:
    """Ten digits of a commit's hash, and whether files differed from it."""
    digits, _, changed = told.partition(" ")
    return f"`{digits[:10]}`" + (f" {changed}" if changed else "")


def write() -> None:
    """Write the page, and the chart where other solvers were measured."""
    results = stored()
    PAGE.write_text(page(results), encoding="utf-8")
    if results["peers"] is not None:
        from benchmarks.work_precision import drawing

        (PAGE.parent / CHART).write_text(drawing(results["peers"]), encoding="utf-8")


if __name__ == "__main__":
    write()
