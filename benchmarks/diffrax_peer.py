"""diffrax as its own users write it: a vector field in jax.numpy, a scan over the doses, vmap over the patients.

Nothing of Understudy's JAX engine is used. Tsit5 for non-stiff cases and Kvaerno5 for stiff ones, both with a PID
controller; the best of several numbers of patients a call counts; compilation is timed apart.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache
from typing import Any

# CPU seconds are compared: a second thread would only add its own. It must stand before JAX is imported.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from benchmarks.cases import Case, case
from benchmarks.equations import function

from understudy.engine.problem import initial_states

SIZES = (1, 10, 100, 1000)
REPEATS, MOST_STEPS = 3, 100_000
# CPU seconds after which nothing is repeated or tried with more patients, and that all patients may take.
LONG, LONGEST = 2.0, 30.0


def run(this: Case, tolerance: float, patients: int) -> tuple[np.ndarray, float, float]:
    """Solve many patients of a case.

    Parameters
    ----------
    this : Case
    tolerance : float
        Relative; the absolute one is a hundredth of it.
    patients : int

    Returns
    -------
    states : float array, shape (patients, times, states)
        Of the first patients only, ten at least, where all would take more than `LONGEST`.
    cpu_seconds_per_1000 : float
    compile_s : float
        CPU seconds of the compilation at the number of patients a call that was best.
    """
    values = this.parameters(patients)
    start = initial_states(this.model, values)
    with jax.enable_x64(True):
        size, each = _best_size(this, tolerance, values, start)
        count = min(patients, max(size, 10, int(LONGEST / each)))
        solve, compiling = _compiled(this.name, size)
        best, spent = np.inf, 0.0
        while spent < LONG and spent < REPEATS * best:
            begin = time.process_time()
            parts = [
                np.asarray(solve(_filled(values, k, size), _filled(start, k, size), tolerance))
                for k in range(0, count, size)
            ]
            seconds = time.process_time() - begin
            best, spent = min(best, seconds), spent + seconds
    states = np.concatenate(parts)[:count]
    if not np.isfinite(states).all():
        raise RuntimeError(f"diffrax did not reach the end within {MOST_STEPS} steps between doses")
    return states, best / count * 1000, compiling


def _best_size(this: Case, tolerance: float, values: np.ndarray, start: np.ndarray) -> tuple[int, float]:
    """The number of patients a call that costs least for each of them, and that cost."""
    best = (0, np.inf)
    for size in SIZES:
        if size > len(values):
            break
        seconds = _seconds(this, tolerance, values[:size], start[:size])
        best = min(best, (size, seconds / size), key=lambda found: found[1])
        if seconds > LONG:
            break
    return best


def _filled(rows: np.ndarray, first: int, size: int) -> np.ndarray:
    """`size` rows, the last one repeated where there are no more."""
    return rows[np.minimum(np.arange(first, first + size), len(rows) - 1)]


def _seconds(this: Case, tolerance: float, values: np.ndarray, start: np.ndarray) -> float:
    """Least CPU time of one call, after one that does not count."""
    solve, _ = _compiled(this.name, len(values))
    best, spent = np.inf, 0.0
    for repeat in range(REPEATS + 1):
        begin = time.process_time()
        jax.block_until_ready(solve(values, start, tolerance))
        seconds = time.process_time() - begin
        spent += seconds
        best = min(best, seconds if repeat or spent > LONG else np.inf)
        if spent > LONG:
            break
    return best


@lru_cache(maxsize=64)
def _compiled(name: str, size: int) -> tuple[Any, float]:
    """The solution of `size` patients as machine code, and the CPU seconds that took."""
    this = case(name)
    one = _patient(this)
    numbers = lambda count: jax.ShapeDtypeStruct((size, count), float)  # noqa: E731
    begin = time.process_time()
    lowered = jax.jit(jax.vmap(one, in_axes=(0, 0, None))).lower(
        numbers(len(this.model.parameters)), numbers(len(this.model.states)), jax.ShapeDtypeStruct((), float)
    )
    code = lowered.compile()
    return lambda values, start, tolerance: code(
        values, start, np.float64(tolerance)
    ), time.process_time() - begin


def _patient(this: Case) -> Any:
    """States of one patient, shape (times, states), from its parameters, initial states and the tolerance."""
    rates = function(this.model, vars(jnp))
    field = diffrax.ODETerm(lambda t, y, p: jnp.stack(rates(t, y, p)))
    solver = diffrax.Kvaerno5() if this.stiff else diffrax.Tsit5()
    begins, ends, looks, place = _grid(this)

    def solve(values: Any, start: Any, tolerance: Any) -> Any:
        control = diffrax.PIDController(rtol=tolerance, atol=1e-2 * tolerance)

        def to_next_dose(y: Any, span: Any) -> tuple[Any, Any]:
            begin, end, times = span
            found = diffrax.diffeqsolve(
                field, solver, begin, end, None, y.at[this.dosed].add(this.dose), values,
                stepsize_controller=control, max_steps=MOST_STEPS, throw=False, adjoint=diffrax.ForwardMode(),
                saveat=diffrax.SaveAt(subs=[diffrax.SubSaveAt(t1=True), diffrax.SubSaveAt(ts=times)]),
            )  # fmt: skip
            return found.ys[0][0], found.ys[1]

        seen = jax.lax.scan(to_next_dose, start, (begins, ends, looks))[1]
        return seen.reshape(-1, start.size)[place]

    return solve


def _grid(this: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Begin and end of each dosing interval, its observation times filled up to equal number, and where each lies."""
    begins = np.array([k * this.interval for k in range(this.doses) if k * this.interval <= this.times[-1]])
    ends = np.append(begins[1:], this.times[-1])
    interval = np.searchsorted(begins, this.times, side="right") - 1
    rank = np.arange(this.times.size) - np.searchsorted(interval, interval)
    width = int(rank.max()) + 1
    looks = np.repeat(ends[:, None], width, axis=1)
    looks[interval, rank] = this.times
    return begins, ends, looks, interval * width + rank


if __name__ == "__main__":
    for letter in "abcd":
        for asked in (1e-4, 1e-6, 1e-8):
            _, spent, compiling = run(case(letter), asked, 1000)
            print(
                f"({letter}) {asked:.0e}: {spent:.4f} CPU s per 1,000 patients, {compiling:.1f} s to compile"
            )
