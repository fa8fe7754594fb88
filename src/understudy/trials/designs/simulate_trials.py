"""Simulate trials: a design run many times, under no effect and under all effects that are thought of."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.dispatch.executor import open_executor
from understudy.engine.dispatch.settings import Dispatch, as_dispatch
from understudy.trials.designs.conduct import Conduct
from understudy.trials.designs.operating_characteristics import OperatingCharacteristics
from understudy.trials.designs.patients import Patients
from understudy.trials.designs.runs import Design, Runs

if TYPE_CHECKING:
    from distributed import Client

_CELLS = 500_000  # patients worked on at a time, so that memory stays small


def simulate_trials(
    design: Design,
    scenarios: Patients | Mapping[str, Patients],
    *,
    trials: int = 10_000,
    seed: int,
    conduct: Conduct | None = None,
    jobs: int = 1,
    dispatch: Dispatch | str | Client | None = None,
) -> OperatingCharacteristics:
    """Run a design many times under the null hypothesis and under alternatives.

    Parameters
    ----------
    design : Design
        Such as `ParallelDesign`, `MultiArmMultiStage`, `DoseEscalation`.
    scenarios : Patients, or mapping of str to Patients
        What is true. A scenario ``"null"``, where every arm is like the first, is added where none is given
        (unless the design asks for no null hypothesis, as in dose finding).
    trials : int
        Of each scenario.
    seed : int
        Trial i's numbers hang on seed and i only: designs and scenarios are compared on the same patients, and
        more trials leave the first ones as they were.
    conduct : Conduct, optional
        Recruitment, dropout, visits; without it ten patients a unit of time, without dropout.
    jobs : int
        Parts of the trials that are worked on at a time, 0 for one per core. No number depends on it.
    dispatch : Dispatch, {"serial", "threads", "dask"} or distributed.Client, optional
        Where, as of `understudy.simulate`: threads of this process unless said otherwise.

    Returns
    -------
    OperatingCharacteristics

    Raises
    ------
    SimulationError
        Where arms of the scenarios differ, or the number of trials is below 1.
    MissingExtraError
        For Dask that is not installed.

    Examples
    --------
    >>> from understudy.trials.designs.parallel_design import ParallelDesign
    >>> from understudy.trials.designs.response_patients import BinaryPatients
    >>> patients = BinaryPatients({"control": 0.3, "drug": 0.5})
    >>> found = simulate_trials(ParallelDesign(patients=200), patients, trials=500, seed=1)
    >>> list(found.runs)
    ['null', 'alternative']
    """
    if trials < 1:
        raise SimulationError(f"{trials} trials", place="trials", repair="give at least 1")
    named = dict(scenarios) if isinstance(scenarios, Mapping) else {"alternative": scenarios}
    if not named:
        raise SimulationError("no scenario", place="scenarios", repair="give patients")
    first = next(iter(named.values()))
    if "null" not in named and getattr(design, "has_null", True):
        named = {"null": first.null(), **named}
    for name, patients in named.items():
        if tuple(patients.arms) != tuple(first.arms) or patients.endpoint != first.endpoint:
            raise SimulationError(
                f"arms {', '.join(patients.arms)} ({patients.endpoint})",
                place=f"scenario {name}",
                repair=f"give the arms {', '.join(first.arms)} and the endpoint {first.endpoint}, as in the others",
            )
    if jobs < 0:
        raise SimulationError(f"{jobs} jobs", place="jobs", repair="give 1 or more, or 0 for one per core")
    began = time.perf_counter()
    with open_executor(as_dispatch(dispatch), jobs) as (pool, at_once):
        runs = {
            name: Runs.together(
                list(_parts(pool, at_once(), (design, patients, conduct or Conduct()), trials, seed))
            )
            for name, patients in named.items()
        }
    return OperatingCharacteristics(design, tuple(first.arms), runs, seed, time.perf_counter() - began)


def _parts(pool: Executor, at_once: int, given: tuple, trials: int, seed: int) -> Iterator[Runs]:
    """Results of the trials in parts of bounded size, in order, some of them at a time."""
    design, patients, conduct = given
    size = max(1, _CELLS // max(1, getattr(design, "patients", 100)))
    waiting = (
        pool.submit(_part, design, patients, conduct, start, min(start + size, trials), seed)
        for start in range(0, trials, size)
    )
    begun: list[Future] = list(islice(waiting, at_once))
    while begun:
        yield begun.pop(0).result()
        begun += islice(waiting, 1)


def _part(design: Design, patients: Patients, conduct: Conduct, start: int, stop: int, seed: int) -> Runs:
    return design.run(patients, conduct, np.arange(start, stop), seed)
