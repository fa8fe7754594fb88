"""What sensitivities cost: cases (a) to (d) with k of them against the plain solution.

One sensitivity is that by the parameter for which it is dearest, several are those by the model's first parameters.
Second ones of a linear model are exact; they are compared with differences of exact first ones, to which other models
are left. Run with ``python -m benchmarks.sensitivities``; writes benchmarks/results/sensitivities.json. One thread, CPU
seconds, least of several runs that take turns. Tolerances are the same, and the sensitivities' own errors are
controlled too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from benchmarks.cases import Case, case
from benchmarks.result import store

from understudy.engine.problem import Tolerances
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.sensitivity.second_differences import second_differences
from understudy.engine.sensitivity.second_sensitivity import second_sensitivities
from understudy.engine.solve import solve
from understudy.library.catalogue import model

PATIENTS, REPEATS = 1000, 5
LETTERS, COUNTS = "abcd", (3, 9)
HOW = Tolerances(1e-6, 1e-8)
# Second sensitivities: by what, along which parameters, and of how many patients.
ORAL = Case(
    "e", "two compartments, oral", model("two_compartment_oral"), 100.0, 8, 12.0, np.linspace(0.5, 100, 60)
)
SECOND = (
    ("closed_form", ("CL",), 500),
    ("closed_form", ("CL", "V1", "ka"), 500),
    ("closed_form", ("ka", "F", "CL", "V1", "Q", "V2"), 500),
    ("matrix_exponential", ("CL", "V1", "ka"), 20),
)


def cpu_times(letter: str) -> dict[int, float]:
    """CPU seconds for 1,000 patients of a case, by the number of sensitivities."""
    this = case(letter)
    names = this.model.parameter_names
    schedule, rows = this.problem(PATIENTS)

    def work(*along: str) -> Callable[[], Any]:
        directions = Directions(along)
        return lambda: solve(schedule, rows, this.model.output_names, "kernel", HOW, directions=directions)

    counts = sorted({min(count, len(names)) for count in COUNTS})
    each = {(name,): work(name) for name in names}
    best = taking_turns({(): work(), **each, **{names[:count]: work(*names[:count]) for count in counts}})
    seconds = {0: best[()], 1: max(best[one] for one in each)}
    seconds |= {count: best[names[:count]] for count in counts}
    return {count: found / PATIENTS * 1000 for count, found in seconds.items()}


def taking_turns(work: dict[Any, Callable[[], Any]]) -> dict[Any, float]:
    """The least CPU seconds of each, of several runs."""
    best = dict.fromkeys(work, np.inf)
    for repeat in range(REPEATS + 1):
        for name, each in work.items():
            start = time.process_time()
            each()
            # The first time compiles.
            best[name] = min(best[name], time.process_time() - start) if repeat else np.inf
    return best


def second_row(engine: str, names: tuple[str, ...], patients: int) -> dict[str, Any]:
    """What all second sensitivities by some parameters cost, and how far differences are from them.

    The error is the largest over all patients, times and pairs, as a part of the largest second sensitivity by parts
    of the parameters.
    """
    schedule, rows = ORAL.problem(patients)
    output, along = ORAL.model.output_names[0], Directions(names)
    ways = {
        method.__name__: lambda method=method: method(schedule, rows, [output], along, engine)[output]
        for method in (second_sensitivities, second_differences)
    }
    size = np.array([ORAL.model.parameter(name).value for name in names])
    exact, rough = (way() * size[:, None] * size for way in ways.values())
    seconds = [each / patients * 1000 for each in taking_turns(ways).values()]
    return {
        "engine": engine,
        "sensitivities": len(names),
        "patients": patients,
        "cpu_s_per_1000": seconds[0],
        "differences_cpu_s_per_1000": seconds[1],
        "share_of_differences": seconds[0] / seconds[1],
        "error_of_differences": float(np.abs(exact - rough).max() / np.abs(exact).max()),
    }


def ratios(letter: str, seconds: dict[int, float]) -> list[dict[str, Any]]:
    """A row for each number of sensitivities: its cost in plain solutions, and in shares of 1 + k of them."""
    return [
        {
            "case": letter,
            "sensitivities": count,
            "cpu_s_per_1000": each,
            "times_plain": each / seconds[0],
            "share_of_limit": each / seconds[0] / (1 + count),
        }
        for count, each in seconds.items()
    ]


def main() -> int:
    """Measure, store, print; 1 where k sensitivities cost more than 1 + k solutions."""
    figures: dict[str, Any] = {"tolerance": HOW.relative, "patients": PATIENTS}
    figures["rows"] = [row for letter in LETTERS for row in ratios(letter, cpu_times(letter))]
    figures |= {"second_doses": ORAL.doses, "second_times": ORAL.times.size}
    figures["second"] = [second_row(*asked) for asked in SECOND]
    for row in figures["rows"]:
        print(
            f"({row['case']}), {row['sensitivities']} sensitivities: {row['cpu_s_per_1000']:.4f} CPU s / 1,000,"
            f" {row['times_plain']:.2f} times the plain solution"
        )
    for row in figures["second"]:
        print(
            f"second ones by {row['sensitivities']}, {row['engine']}: {row['cpu_s_per_1000']:.4f} CPU s / 1,000,"
            f" {row['share_of_differences']:.2f} of what differences cost, whose error is"
            f" {row['error_of_differences']:.1e}"
        )
    print(store("sensitivities", figures))
    return int(any(row["share_of_limit"] > 1 for row in figures["rows"]))


if __name__ == "__main__":
    sys.exit(main())
