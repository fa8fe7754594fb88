"""The engine against other solvers, at equal achieved error.

Run with ``python -m benchmarks.peers``; writes benchmarks/results/peers.json. It needs libroadrunner, antimony,
numbalsoda, diffrax and a C compiler; a peer that is missing is left out and named. ``python -m benchmarks.peers ad``
measures cases (a) and (d) and stores nothing.

One process, one thread, CPU seconds (all threads of the process counted), compile time apart. Every solver runs at
several tolerances; what is compared is the time it takes at an achieved error of 1e-4 and of 1e-6, read off the line
between the runs on both sides of it (logarithms). Errors are the largest over patients, times and states, relative to
the value or to a thousandth of the state's peak, whichever is larger, against SciPy at a tolerance of 1e-13 (1e-12 for
stiff cases). Slow solvers are timed on few patients and scaled.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np
from benchmarks.cases import CASES, Case, case
from benchmarks.equations import antimony, function, in_place
from benchmarks.peers_section import ratio
from benchmarks.result import store
from scipy.integrate import solve_ivp

from understudy.engine.problem import Tolerances, initial_states
from understudy.engine.solve import solve

PATIENTS, SAMPLE = 1000, 8
# For diffrax, whose implicit method is slow.
STIFF_PATIENTS = 100
# Seconds for 1,000 patients; a solver that takes longer is run no more once it is as exact as is asked for.
SLOW = 20.0
ERRORS = (1e-4, 1e-6)
TOLERANCES = tuple(10.0**-k for k in range(2, 11))

# States of the first patients, CPU seconds for a thousand, and what else is to be stored.
Run = tuple[np.ndarray, float] | tuple[np.ndarray, float, dict[str, Any]]


def error(found: np.ndarray, exact: np.ndarray) -> float:
    """Largest error of states of shape (patients, times, states)."""
    scale = np.maximum(np.abs(exact), 1e-3 * np.abs(exact).max(axis=1, keepdims=True))
    return float((np.abs(found - exact) / scale).max())


def spent(work: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """The result, and the least CPU time of several runs after one that does not count."""
    result, best = work(), np.inf
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        best = min(best, time.process_time() - start)
    return result, best


def starts(this: Case, count: int) -> np.ndarray:
    """Initial states, shape (count, states)."""
    return initial_states(this.model, this.parameters(count))


def segments(this: Case) -> list[tuple[float, float, np.ndarray]]:
    """From each dose to the next: start, end, and which observations lie there (the last of all with the last)."""
    end = float(this.times[-1])
    begins = [k * this.interval for k in range(this.doses) if k * this.interval <= end]
    found = []
    for k, begin in enumerate(begins):
        last = k + 1 == len(begins)
        until = end if last else begins[k + 1]
        here = (this.times >= begin) & ((this.times <= until) if last else (this.times < until))
        found.append((begin, until, np.flatnonzero(here)))
    return found


def by_understudy(this: Case, count: int = PATIENTS) -> Callable[[float], Run]:
    """The engine that Understudy chooses, from the schedule to the outputs."""
    schedule, rows = this.problem(count)

    def run(tolerance: float) -> Run:
        how = Tolerances(tolerance, 1e-2 * tolerance)
        answer, seconds = spent(lambda: solve(schedule, rows, this.model.output_names, tolerances=how), 5)
        states = answer.solution.states.reshape(count, this.times.size, -1)
        return states[:SAMPLE], seconds / count * 1000, {"engine": answer.engine}

    return run


def by_scipy(this: Case, method: str = "LSODA", count: int = SAMPLE) -> Callable[[float], Run]:
    """SciPy's solve_ivp, patient by patient and dose by dose, the right-hand side in plain Python."""
    rates, values, begin = (
        function(this.model, vars(math)),
        this.parameters(count).tolist(),
        starts(this, count),
    )

    def run(tolerance: float, absolute: float | None = None) -> Run:
        absolute = 1e-2 * tolerance if absolute is None else absolute
        each = lambda i: _follow(this, rates, values[i], begin[i], method, tolerance, absolute)  # noqa: E731
        states, seconds = spent(lambda: np.array([each(i) for i in range(count)]), 1)
        return states, seconds / count * 1000

    return run


def _follow(this: Case, rates, values, y, method: str, relative: float, absolute: float) -> np.ndarray:
    found = np.empty((this.times.size, y.size))
    for begin, until, here in segments(this):
        y = y.copy()
        y[this.dosed] += this.dose
        wanted = np.append(this.times[here], until) if until not in this.times[here] else this.times[here]
        result = solve_ivp(
            rates,
            (begin, until),
            y,
            method=method,
            t_eval=wanted,
            rtol=relative,
            atol=absolute,
            args=(values,),
        )
        if result.y.shape[1] != wanted.size:
            raise RuntimeError(f"{method} stopped at {result.t[-1:]}: {result.message}")
        found[here] = result.y.T[: here.size]
        y = result.y[:, -1]
    return found


def exact(this: Case) -> np.ndarray:
    """The answer, far more exact than what is compared: to some 1e-11 at steps, 1e-8 or better between them."""
    method, tolerance = ("LSODA", 1e-12) if this.stiff else ("DOP853", 1e-13)
    rates, values, begin = (
        function(this.model, vars(math)),
        this.parameters(SAMPLE).tolist(),
        starts(this, SAMPLE),
    )
    return np.array(
        [_follow(this, rates, values[i], begin[i], method, tolerance, 1e-15) for i in range(SAMPLE)]
    )


def by_roadrunner(this: Case, count: int = 4 * SAMPLE) -> Callable[[float], Run]:
    """libRoadRunner (CVODE), one instance used again for every patient; doses set between simulations."""
    import roadrunner
    from antimony import getLastError, getSBMLString, loadAntimonyString

    initial = dict(zip(this.model.state_names, starts(this, 1)[0].tolist(), strict=True))
    if loadAntimonyString(antimony(this.model, initial)) < 0:
        raise RuntimeError(f"Antimony refused the model: {getLastError()}")
    runner = roadrunner.RoadRunner(getSBMLString("m"))
    names, values, begin = list(this.model.state_names), this.parameters(count), starts(this, count)
    runner.timeCourseSelections = names
    runner.integrator.stiff = True

    def follow(i: int) -> np.ndarray:
        found, y = np.empty((this.times.size, len(names))), begin[i].copy()
        for name, value in zip(this.model.parameter_names, values[i].tolist(), strict=True):
            runner[name] = value
        for start, until, here in segments(this):
            y[this.dosed] += this.dose
            runner.reset(roadrunner.SelectionRecord.TIME | roadrunner.SelectionRecord.RATE)
            for name, value in zip(names, y.tolist(), strict=True):
                runner[name] = value
            wanted = np.unique(np.concatenate([[start], this.times[here], [until]])) - start
            states = np.asarray(runner.simulate(times=wanted.tolist()))
            found[here] = states[np.searchsorted(wanted, this.times[here] - start)]
            y = states[-1].copy()
        return found

    def run(tolerance: float) -> Run:
        runner.integrator.relative_tolerance = tolerance
        runner.integrator.absolute_tolerance = 1e-2 * tolerance
        states, seconds = spent(lambda: np.array([follow(i) for i in range(count)]), 1)
        return states[:SAMPLE], seconds / count * 1000

    return run


def by_numbalsoda(this: Case, count: int = 16 * SAMPLE) -> Callable[[float], Run]:
    """numbalsoda (LSODA in C++), its right-hand side and the walk from dose to dose compiled by Numba."""
    import numba
    from numbalsoda import lsoda, lsoda_sig

    rates, size, width = in_place(this.model), len(this.model.states), len(this.model.parameters)
    inner = numba.njit(rates)

    @numba.cfunc(lsoda_sig)
    def right(t, u, du, p):
        inner(t, numba.carray(u, (size,)), numba.carray(p, (width,)), numba.carray(du, (size,)))

    grid = [
        (np.unique(np.concatenate([[start], this.times[here], [until]])), here)
        for start, until, here in segments(this)
    ]
    wanted = numba.typed.List(times for times, _ in grid)
    place = numba.typed.List(np.searchsorted(times, this.times[here]) for times, here in grid)
    seen = numba.typed.List(here for _, here in grid)
    values, begin, address = this.parameters(count), starts(this, count), right.address

    @numba.njit
    def follow(begin, values, wanted, place, seen, found, dosed, dose, relative, absolute):
        for i in range(len(begin)):
            y = begin[i].copy()
            for k in range(len(wanted)):
                y[dosed] += dose
                states, done = lsoda(address, y, wanted[k], values[i], relative, absolute)
                if not done:
                    return False
                for j in range(len(place[k])):
                    found[i, seen[k][j]] = states[place[k][j]]
                y = states[-1].copy()
        return True

    def run(tolerance: float) -> Run:
        found = np.empty((count, this.times.size, size))
        how = (this.dosed, this.dose, tolerance, 1e-2 * tolerance)
        done, seconds = spent(lambda: follow(begin, values, wanted, place, seen, found, *how), 2)
        if not done:
            raise RuntimeError("lsoda failed")
        return found[:SAMPLE], seconds / count * 1000

    return run


def by_diffrax(this: Case) -> Callable[[float], Run]:
    """diffrax, vmapped over its best number of patients at a time."""
    from benchmarks.diffrax_peer import run as diffrax

    count = STIFF_PATIENTS if this.stiff else PATIENTS

    def run(tolerance: float) -> Run:
        states, seconds, compiling = diffrax(this, tolerance, count)
        return np.asarray(states)[:SAMPLE], seconds, {"compile_s": compiling}

    return run


def by_lanes(this: Case) -> Callable[[float], Run]:
    """A kernel in C written for case (a) alone: the ceiling."""
    from benchmarks.ceiling import run

    return lambda tolerance: run(this, tolerance, PATIENTS, SAMPLE)


SOLVERS: dict[str, Callable[[Case], Callable[[float], Run]]] = {
    "Understudy": by_understudy,
    "C lanes": by_lanes,
    "diffrax": by_diffrax,
    "numbalsoda": by_numbalsoda,
    "libRoadRunner": by_roadrunner,
    "SciPy LSODA": by_scipy,
}
# Solvers that are measured in some cases only, and why.
LIMITED = {"C lanes": ("a", "written for case (a) alone")}
PACKAGES = ("scipy", "diffrax", "jax", "numbalsoda", "libroadrunner", "antimony")


def time_at(runs: list[dict[str, float]], wanted: float) -> float | None:
    """CPU time at an achieved error, between the runs on both sides of it; None where there are none."""
    front, best = [], np.inf
    for run in sorted(runs, key=lambda r: r["cpu_s_per_1000"]):
        if run["error"] < best:
            front.append(run)
            best = run["error"]
    below = [r for r in front if r["error"] <= wanted]
    above = [r for r in front if r["error"] > wanted]
    if not below:
        return None
    if not above:
        return below[0]["cpu_s_per_1000"]
    low, high = below[0], above[-1]
    span = math.log(high["error"] / low["error"])
    share = math.log(high["error"] / wanted) / span
    return math.exp((1 - share) * math.log(high["cpu_s_per_1000"]) + share * math.log(low["cpu_s_per_1000"]))


def versions_of_peers() -> dict[str, str]:
    """Versions of the packages that are there."""
    known = {name for each in metadata.distributions() if (name := each.metadata["Name"])}
    return {name: metadata.version(name) for name in PACKAGES if name in known}


def runs_of(name: str, this: Case, reference: np.ndarray, found: list[dict[str, Any]]) -> None:
    """Add a solver's runs to those found, from loose to tight, until it is more exact than is asked for."""
    run = SOLVERS[name](this)
    for tolerance in TOLERANCES:
        states, seconds, *more = run(tolerance)
        row = {"tolerance": tolerance, "error": error(states, reference), "cpu_s_per_1000": seconds}
        found.append(row | (more[0] if more else {}))
        print(f"({this.name}) {name:14} {tolerance:.0e} {row['error']:.1e} {seconds:9.4f} s", flush=True)
        if row["error"] < min(ERRORS) / (10 if seconds < SLOW else 1):
            return


def measure(this: Case, names: list[str]) -> dict[str, Any]:
    """All solvers on one case; those that are not there or stopped are named with the reason."""
    reference, solvers, missing = exact(this), {}, {}
    for name in names:
        letters, reason = LIMITED.get(name, (this.name, ""))
        if this.name not in letters:
            missing[name] = reason
            continue
        runs: list[dict[str, Any]] = []
        try:
            runs_of(name, this, reference, runs)
        except (ImportError, RuntimeError) as cause:
            missing[name] = str(cause)
            print(f"({this.name}) {name}: {cause}", flush=True)
        if runs:
            at = {f"{wanted:.0e}": time_at(runs, wanted) for wanted in ERRORS}
            solvers[name] = {"runs": runs, "at": at}
    return {"title": this.title, "stiff": this.stiff, "solvers": solvers, "missing": missing}


def main() -> int:
    """Measure, store, print the ratios."""
    letters = sys.argv[1] if len(sys.argv) > 1 else "".join(CASES)
    found = {letter: measure(case(letter), list(SOLVERS)) for letter in letters}
    for letter, result in found.items():
        for wanted in (f"{each:.0e}" for each in ERRORS):
            ratios = {name: ratio(result, name, wanted) for name in result["solvers"]}
            said = {name: round(each, 1) for name, each in ratios.items() if each is not None}
            print(f"({letter}) at {wanted}: times as long as Understudy: {said}")
    if letters == "".join(CASES):
        made = {"patients": PATIENTS, "sample": SAMPLE, "peer_versions": versions_of_peers(), "cases": found}
        print(store("peers", made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
