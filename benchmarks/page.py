"""The page docs/performance.md, made from the stored results: ``python -m benchmarks.page > docs/performance.md``."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.result import FOLDER

INTRODUCTION = """# Performance

Every figure on this page is a stored result under `benchmarks/results`, measured in one run on one machine
({processor}, {cores} cores, one thread used, commit `{commit}`). `python -m benchmarks` measures them again;
`python -m benchmarks.page` writes this page.
"""

ENGINE = """## The kernel engine against SciPy

The model of `benchmarks/turnover.py`: a depot, saturable elimination from a central compartment, a peripheral
compartment and a turnover response (4 states); 15 doses, 241 observation times, {patients:,} patients whose parameters
vary by 30 %. Each row compares at equal achieved error: the kernel's tolerance is the loosest at which it is at least
as exact as the row's solver. Errors are the largest over patients, times and states, relative to the value or to a
thousandth of the state's peak, against DOP853 at a relative tolerance of 1e-13. SciPy and the reference engine were
timed on {sample} patients and scaled; their right-hand sides are plain Python.

| solver | tolerance | error | CPU s per 1,000 patients | kernel's error | kernel faster by |
|---|---|---|---|---|---|
{rows}

The kernel alone, from the schedule to the outputs:

| tolerance | error | CPU s per 1,000 patients |
|---|---|---|
{kernel}

A new 4-state model is machine code after {compile:.0f} ms (nothing cached). A first simulation in a fresh process, with
the solvers compiled before, takes {first:.1f} s from the import on. The closed form of two compartments with
absorption gives {closed:.1f} million observation values per CPU second.

The reference engine is the most exact; where a row's error is below every error of the kernel, the comparison is with
the kernel's most exact run.
"""

STARTUP = """## Start

Median of {runs} fresh processes.

| what | seconds | limit |
|---|---|---|
{rows}
"""


def load(name: str) -> dict[str, Any]:
    """A stored result."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def engine_section(found: dict[str, Any]) -> str:
    """Tables of benchmarks/engine.py."""
    named = [("SciPy LSODA", row) for row in found["scipy_lsoda"]] + [
        ("reference engine", found["reference"])
    ]
    rows = [
        f"| {name} | {row.get('tolerance', 1e-11):.0e} | {row['error']:.1e} | {row['cpu_s_per_1000']:.1f} "
        f"| {row['kernel_error']:.1e} | {row['kernel_times_faster']:.0f} times |"
        for name, row in named
    ]
    kernel = [
        f"| {row['tolerance']:.0e} | {row['error']:.1e} | {row['cpu_s_per_1000']:.3f} |"
        for row in found["kernel"]
    ]
    return ENGINE.format(
        patients=found["patients"],
        sample=found["sample"],
        rows="\n".join(rows),
        kernel="\n".join(kernel),
        compile=found["compile_s"] * 1e3,
        first=found["first_simulation_s"],
        closed=found["closed_form"]["values_per_cpu_s"] / 1e6,
    )


def startup_section(found: dict[str, Any]) -> str:
    """Table of benchmarks/startup.py."""
    rows = [
        f"| `{name}` | {row['median_s']:.2f} | {row['limit_s'] or ''} |"
        for name, row in found["cases"].items()
    ]
    return STARTUP.format(runs=found["runs"], rows="\n".join(rows))


def page() -> str:
    """The whole page."""
    engine, startup = load("engine"), load("startup")
    head = INTRODUCTION.format(
        processor=engine["machine"]["processor"],
        cores=engine["machine"]["cores"],
        commit=engine["commit"][:10],
    )
    return "\n".join([head, engine_section(engine), startup_section(startup)]).rstrip()


if __name__ == "__main__":
    print(page())
