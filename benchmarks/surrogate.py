"""A surrogate beside its model: time per patient, time to make it, and errors on patients it has not seen.

Run with ``python -m benchmarks.surrogate``; writes benchmarks/results/surrogate.json. Needs the `surrogate` extra.

Three questions: a stiff model of target-mediated disposition (binding a thousand times as fast as in the library)
dosed daily for a year; the library's model dosed daily for four weeks; and one compartment with absorption, which has a
closed form. Each surrogate is made by `emulate` as it is, with its default accuracy. Then both answer for the same
fresh patients, in one process, on one thread. What is compiled is warmed up before the clock starts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.result import store

from understudy.core.random import uniforms
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model as library_model
from understudy.model.model import Model
from understudy.surrogate.emulate import emulate
from understudy.surrogate.held_out import measured
from understudy.surrogate.surrogate import Surrogate

FOLD = 2.0
# Of these the errors are measured, the same number for every question.
COMPARED = 1000


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of model and surrogate."""

    name: str
    model: Model
    varied: tuple[str, ...]
    regimen: str
    times: np.ndarray
    patients: int

    @property
    def box(self) -> dict[str, tuple[float, float]]:
        """Every varied parameter from half to twice its value."""
        values = {parameter.name: parameter.value for parameter in self.model.parameters}
        return {name: (values[name] / FOLD, values[name] * FOLD) for name in self.varied}


def questions() -> tuple[Question, ...]:
    """From the slowest to the fastest."""
    binding = library_model("tmdd_full")
    values = {parameter.name: parameter.value for parameter in binding.parameters}
    stiff = binding.with_values(kon=1000 * values["kon"], koff=1000 * values["koff"])
    turnover = ("CL", "ksyn", "kdeg", "kint")
    weeks, days = np.arange(1, 53) * 168.0, np.arange(1, 29) * 24.0
    oral = library_model("one_compartment_oral")
    return (
        Question("stiff TMDD, a year", stiff, turnover, "3 mg every 24 h for 364 doses", weeks, 1000),
        Question("TMDD, four weeks", binding, turnover, "3 mg every 24 h for 28 doses", days, 10_000),
        Question("one compartment, oral", oral, ("CL", "V", "ka"), "100 mg", np.linspace(1, 24, 24), 10_000),
    )


def measure(question: Question) -> dict[str, Any]:
    """Figures of one question."""
    simulate(question.model, None, question.regimen, question.times)
    start = time.process_time()
    surrogate = emulate(question.model, question.box, question.regimen, question.times, jobs=1)
    made = time.process_time() - start
    patients = fresh(surrogate, question.patients)
    points = surrogate.box.points(patients.to_numpy(), patients.index)
    truth, of_model = clocked(
        lambda: simulate(question.model, patients, question.regimen, question.times), len(patients)
    )
    predicted, with_intervals = clocked(lambda: surrogate.predict(patients), len(patients))
    _, alone = clocked(lambda: [course.centre(points) for course in surrogate.courses], len(patients))
    gain = of_model - with_intervals
    return {
        "question": question.name,
        "regimen": question.regimen,
        "patients": question.patients,
        "varied": list(question.varied),
        "outputs": list(surrogate.outputs),
        "times": question.times.size,
        "runs": surrogate.account.training_runs
        + surrogate.account.calibration_runs
        + surrogate.account.test_runs,
        "failed": len(surrogate.failed),
        "reached": surrogate.reached,
        "make_cpu_s": round(made, 3),
        "fit_wall_s": round(surrogate.record.stages["fit"], 3),
        "model_cpu_us": round(of_model, 2),
        "surrogate_cpu_us": round(with_intervals, 2),
        "surrogate_without_intervals_cpu_us": round(alone, 2),
        "ratio": round(of_model / with_intervals, 2),
        "ratio_without_intervals": round(of_model / alone, 2),
        "pays_from_patients": int(np.ceil(1e6 * made / gain)) if gain > 0 else None,
        "errors": [errors(surrogate, k, truth, predicted) for k in range(len(surrogate.outputs))],
    }


def fresh(surrogate: Surrogate, count: int) -> pd.DataFrame:
    """Patients that are in none of its designs."""
    names = surrogate.box.names
    drawn = uniforms(1, "surrogate benchmark", np.arange(count), len(names))
    return pd.DataFrame(surrogate.box.values(drawn), columns=list(names))


def clocked(work: Callable[[], Any], count: int) -> tuple[Any, float]:
    """The result, and processor time per patient in µs: the least of three tries, after one to warm up."""
    work()
    spent = []
    for _ in range(3):
        start = time.process_time()
        result = work()
        spent.append(time.process_time() - start)
    return result, 1e6 * min(spent) / count


def errors(surrogate: Surrogate, k: int, truth: Any, predicted: Any) -> dict[str, Any]:
    """What is stated of an output, and what is found in fresh patients."""
    stated = surrogate.account.errors[k]
    band = tuple(predicted[stated.output + end].values[:COMPARED] for end in ("", "_lower", "_upper"))
    right = truth[stated.output].values[:COMPARED]
    found = measured(stated.output, stated.unit, right, band, stated.nominal)
    return {"stated": asdict(stated), "found": asdict(found)}


def main() -> int:
    """Measure, store, print; 1 where a stated accuracy was not reached."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        found = [measure(question) for question in questions()]
    store("surrogate", {"compared_patients": COMPARED, "fold": FOLD, "questions": found})
    for each in found:
        times = (
            f"model {each['model_cpu_us']:8.1f} µs, surrogate {each['surrogate_cpu_us']:6.1f} µs a patient"
        )
        pays = f"made in {each['make_cpu_s']:.1f} s, pays from {each['pays_from_patients']} patients"
        print(f"{each['question']:>22}: {times} ({each['ratio']:.3g} times); {pays}")
    return int(not all(each["reached"] for each in found))


if __name__ == "__main__":
    sys.exit(main())
