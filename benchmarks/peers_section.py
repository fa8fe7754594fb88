"""Section of docs/performance.md: other solvers at equal achieved error, from the result of benchmarks/peers.py."""

from __future__ import annotations

from typing import Any

from benchmarks.figure import figure, power, table, times

OURS, CEILING = "Understudy", "C lanes"
CHART = "images/work-precision.svg"
COMMAND = "python -m benchmarks.peers"

HEAD = """## Against other solvers

Time at equal achieved error, not at equal tolerance: every solver runs at tolerances from 1e-2 to 1e-10, or until its
error is below 1e-7 (1e-6 if it is slow), and the time at an achieved error of 1e-4 and 1e-6 is read off between its
runs. Errors are the largest over {sample} patients, all times and all states, relative to the value or to a thousandth
of the state's peak, against SciPy at its tightest tolerances. CPU seconds of one process and one thread for 1,000
patients whose parameters vary by 30 %, compilation not counted. `times` is how many times as long as Understudy a
solver takes; below 1 it is faster.

- **Understudy** chooses its engine itself; from the schedule to the outputs.
- **C lanes** is the ceiling: a kernel in C (`benchmarks/ceiling.c`) for the one model of case (a) and its dosing, eight
  patients side by side. It reads no schedule and no model, and can do nothing else.
- **diffrax**, compiled by JAX, over the number of patients a call that is fastest for it; Tsit5, or
  Kvaerno5 where a case is stiff.
- **numbalsoda** (LSODA in C++), its equations and the loop over doses compiled by Numba.
- **libRoadRunner** (CVODE, compiled by LLVM), one instance for all patients, driven from Python from dose to dose.
- **SciPy** `solve_ivp` with LSODA, equations in plain Python, timed on {sample} patients.

LSODA finds out by itself what is stiff; libRoadRunner always takes its method for stiff systems; Understudy is told
nothing.

Patients of slow solvers are fewer and the time is scaled. mrgsolve, NONMEM and other programs that need R or a licence
are not compared. Versions: {versions}.
"""

PICTURE = f"""![Achieved error against CPU time, a panel for each model]({CHART})

Further left is faster, further down more exact; a dot is a run at one tolerance. A triangle on the
lower edge is more exact than 1e-9.
"""


def peers_section(found: dict[str, Any]) -> str:
    """The chart, and a table for each case."""
    versions = ", ".join(f"{name} {version}" for name, version in found["peer_versions"].items())
    head = HEAD.format(sample=found["sample"], versions=versions)
    return "\n".join([head, PICTURE, *(case_section(*item) for item in found["cases"].items())])


def case_section(letter: str, case: dict[str, Any]) -> str:
    """The table of a case, and what is to be said of it."""
    ours = case["solvers"].get(OURS)
    wanted = list(next(iter(case["solvers"].values()))["at"])
    order = sorted(case["solvers"].items(), key=lambda item: item[1]["at"][wanted[0]] or float("inf"))
    heads = ["solver"]
    for each in wanted:
        heads += [f"CPU s at {power(float(each))}", "times"]
    rows = [row(name, solver, ours, wanted) for name, solver in order]
    kind = ", stiff" if case["stiff"] and "stiff" not in case["title"] else ""
    parts = [f"### ({letter}) {case['title']}{kind}", "", table(heads, rows), "", *remarks(case, wanted)]
    return "\n".join([*parts, ""]) if parts[-1] else "\n".join(parts)


def row(name: str, solver: dict[str, Any], ours: dict[str, Any] | None, wanted: list[str]) -> list[str]:
    """A solver's times and their ratios to Understudy's."""
    cells = [called(name, solver)]
    for each in wanted:
        seconds, base = solver["at"][each], ours["at"][each] if ours else None
        if seconds is None:
            cells += [f"not reached ({min(run['error'] for run in solver['runs']):.0e})", ""]
            continue
        mark = r" \*" if more_exact(solver, float(each)) else ""
        cells += [figure(seconds) + mark, times(seconds / base) if base else ""]
    return cells


def called(name: str, solver: dict[str, Any]) -> str:
    """The name as the table has it."""
    if name == OURS:
        engines = list(dict.fromkeys(run["engine"] for run in solver["runs"] if "engine" in run))
        return f"**{OURS}**" + (f" ({', '.join(engines).replace('_', ' ')})" if engines else "")
    return f"{name} (the ceiling)" if name == CEILING else name


def more_exact(solver: dict[str, Any], wanted: float) -> bool:
    """Whether even the loosest run is at least as exact."""
    return all(run["error"] <= wanted for run in solver["runs"])


def ratio(case: dict[str, Any], name: str, wanted: str) -> float | None:
    """How many times as long as Understudy a solver takes; None where one of both did not get there."""
    solver, ours = case["solvers"].get(name), case["solvers"].get(OURS)
    seconds, base = (each["at"][wanted] if each else None for each in (solver, ours))
    return seconds / base if seconds and base else None


def remarks(case: dict[str, Any], wanted: list[str]) -> list[str]:
    """Who is faster, who is missing and why, what compilation took."""
    said = []
    faster = [
        f"{name} at {power(float(each))} ({times(share)} of Understudy's time)"
        for name in case["solvers"]
        for each in wanted
        if name not in (OURS, CEILING) and (share := ratio(case, name, each)) is not None and share < 1
    ]
    if faster:
        said.append(f"**Faster than Understudy here:** {', '.join(faster)}.")
    if any(more_exact(solver, float(each)) for solver in case["solvers"].values() for each in wanted):
        said.append(r"\* More exact than that even at its loosest tolerance.")
    compiled = {
        name: max(run["compile_s"] for run in solver["runs"])
        for name, solver in case["solvers"].items()
        if "compile_s" in solver["runs"][0]
    }
    said += [f"{name} is compiled in {figure(seconds)} CPU s." for name, seconds in compiled.items()]
    stopped = {name: why for name, why in case["missing"].items() if name in case["solvers"]}
    absent = {name: why for name, why in case["missing"].items() if name not in case["solvers"]}
    said += [f"{name} stopped early: {why}." for name, why in stopped.items()]
    if absent:
        said.append(f"Not here: {'; '.join(f'{name} ({why})' for name, why in absent.items())}.")
    return [" ".join(said)] if said else []
