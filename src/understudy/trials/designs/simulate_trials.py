"""Simulate trials: a design run many times, under no effect and under all effects that are thought of."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from understudy.core.errors import SimulationError
from understudy.trials.designs.conduct import Conduct
from understudy.trials.designs.operating_characteristics import OperatingCharacteristics
from understudy.trials.designs.patients import Patients
from understudy.trials.designs.runs import Design, Runs

_CELLS = 500_000  # patients worked on at a time, so that memory stays small


def simulate_trials(
    design: Design,
    scenarios: Patients | Mapping[str, Patients],
    *,
    trials: int = 10_000,
    seed: int,
    conduct: Conduct | None = None,
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

    Returns
    -------
    OperatingCharacteristics

    Raises
    ------
    SimulationError
        Where arms of the scenarios differ, or the number of trials is below 1.

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
    began = time.perf_counter()
    runs = {
        name: _run(design, patients, conduct or Conduct(), trials, seed) for name, patients in named.items()
    }
    return OperatingCharacteristics(design, tuple(first.arms), runs, seed, time.perf_counter() - began)


def _run(design: Design, patients: Patients, conduct: Conduct, trials: int, seed: int) -> Runs:
    size = max(1, _CELLS // max(1, getattr(design, "patients", 100)))
    parts = [
        design.run(patients, conduct, np.arange(start, min(start + size, trials)), seed)
        for start in range(0, trials, size)
    ]
    return Runs.together(parts)
