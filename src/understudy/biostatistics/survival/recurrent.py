"""Recurrent events: patients' repeated events as intervals, and the three models of their hazards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import numbers, stop_for
from understudy.biostatistics.survival.covariates import covariate_matrix
from understudy.biostatistics.survival.cox import CoxFit, cox
from understudy.core.errors import Problem, SimulationError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class CountingProcess:
    """Each patient's time cut at its events: a patient with two events and time after them has three rows.

    Parameters
    ----------
    patient : int array, shape (rows,)
        Place of the patient in what was given.
    entry, time : float array, shape (rows,)
        The interval (entry, time].
    event : int array, shape (rows,)
        1 if it ends with an event.
    number : int array, shape (rows,)
        1 up to the first event, 2 from there to the second, …
    follow_up : float array, shape (patients,)
    """

    patient: np.ndarray
    entry: np.ndarray
    time: np.ndarray
    event: np.ndarray
    number: np.ndarray
    follow_up: np.ndarray

    def table(self) -> pd.DataFrame:
        """One row for each interval."""
        import pandas as pd

        names = ("patient", "entry", "time", "event", "number")
        return pd.DataFrame({name: getattr(self, name) for name in names})


def counting_process(follow_up: ArrayLike, events: Sequence[ArrayLike]) -> CountingProcess:
    """Cut each patient's time at its events.

    Parameters
    ----------
    follow_up : array, shape (patients,)
        How long each patient was watched, from 0.
    events : sequence of arrays
        For each patient the times of its events, up to its follow-up; none, or any number.

    Raises
    ------
    DataError
        For events outside of the follow-up, two at one time in a patient, or values that are no numbers.

    Examples
    --------
    >>> counting_process([10, 8], [[3, 7], []]).table().values.tolist()
    [[0.0, 0.0, 3.0, 1.0, 1.0], [0.0, 3.0, 7.0, 1.0, 2.0], [0.0, 7.0, 10.0, 0.0, 3.0], [1.0, 0.0, 8.0, 0.0, 1.0]]
    """
    problems: list[Problem] = []
    ends = numbers(follow_up, "follow_up", problems)
    if len(events) != ends.size:
        problems.append(
            Problem(f"{len(events)} lists of events for {ends.size} patients", "give one for each")
        )
    stop_for(problems, "recurrent events")
    rows = []
    for patient, (end, given) in enumerate(zip(ends, events, strict=True)):
        times = np.sort(np.asarray(given, dtype=float))
        _check_patient(patient, end, times, problems)
        cuts = np.r_[0.0, times, end] if not times.size or times[-1] < end else np.r_[0.0, times]
        size = cuts.size - 1
        seen = np.arange(size) < times.size
        rows.append(
            np.column_stack([np.full(size, patient), cuts[:-1], cuts[1:], seen, np.arange(1, size + 1)])
        )
    stop_for(problems, "recurrent events")
    patient, entry, time, event, number = np.concatenate(rows).T
    whole = (each.astype(np.int64) for each in (patient, event, number))
    patient, event, number = whole
    return CountingProcess(patient, entry, time, event, number, ends)


def _check_patient(patient: int, end: float, times: np.ndarray, problems: list[Problem]) -> None:
    place = f"events of patient {patient}"
    if not end > 0:
        problems.append(
            Problem(f"patient {patient} was not watched", "give a time above 0", value=f"{end:g}")
        )
    if not np.isfinite(times).all() or (times <= 0).any() or (times > end).any():
        told = ", ".join(f"{time:g}" for time in times)
        problems.append(
            Problem(f"not all within its follow-up of {end:g}", "correct the times", column=place, value=told)
        )
    if (np.diff(times) == 0).any():
        problems.append(Problem("two at one time", "count them as one, or move one", column=place))


def andersen_gill(
    process: CountingProcess, covariates: Any, *, robust: bool = False, **settings: Any
) -> CoxFit:
    """One hazard of any next event, whatever came before (Andersen, Gill 1982, doi:10.1214/aos/1176345976).

    Parameters
    ----------
    process : CountingProcess
    covariates : as for `cox`
        One row for each patient.
    robust : bool
        Errors clustered by patient.
    **settings
        Further settings of `cox`: names, ties, level.

    Examples
    --------
    >>> process = counting_process([10, 8, 9, 10], [[3, 7], [2], [5], []])
    >>> andersen_gill(process, {"drug": [0, 0, 1, 1]}).hazard_ratios.round(3)
    array([0.333])
    """
    x, names = _by_row(process, covariates, settings)
    cluster = process.patient if robust else None
    return cox(process.time, process.event, x, names=names, entry=process.entry, cluster=cluster, **settings)


def lin_wei_yang_ying(process: CountingProcess, covariates: Any, **settings: Any) -> CoxFit:
    """Proportional means: Andersen and Gill's estimate with errors that allow for any dependence between events.

    Source: Lin, Wei, Yang, Ying 2000, J R Stat Soc B 62:711-730, doi:10.1111/1467-9868.00259. Parameters are those of
    `andersen_gill`.

    Examples
    --------
    >>> process = counting_process([10, 8, 9, 10], [[3, 7], [2], [5], []])
    >>> lin_wei_yang_ying(process, {"drug": [0, 0, 1, 1]}).clusters
    4
    """
    return andersen_gill(process, covariates, robust=True, **settings)


def prentice_williams_peterson(
    process: CountingProcess,
    covariates: Any,
    *,
    clock: Literal["total", "gap"] = "total",
    at_most: int | None = None,
    robust: bool = True,
    **settings: Any,
) -> CoxFit:
    """A baseline hazard for each number of event (Prentice, Williams, Peterson 1981, doi:10.1093/biomet/68.2.373).

    Parameters
    ----------
    process : CountingProcess
    covariates : as for `cox`
        One row for each patient.
    clock : {"total", "gap"}
        Time since the beginning, or since the event before.
    at_most : int, optional
        Events after this number are left out; few patients have them.
    robust : bool
        Errors clustered by patient.
    **settings
        Further settings of `cox`: names, ties, level.

    Raises
    ------
    SimulationError
        For a clock that is not known.

    Examples
    --------
    >>> process = counting_process([10, 8, 9, 10], [[3, 7], [2], [5], []])
    >>> prentice_williams_peterson(process, {"drug": [0, 0, 1, 1]}, at_most=1).events
    3
    """
    if clock not in ("total", "gap"):
        raise SimulationError(f"unknown clock {clock!r}", place="clock", repair="use total or gap")
    x, names = _by_row(process, covariates, settings)
    kept = process.number <= (process.number.max() if at_most is None else at_most)
    entry, time = process.entry[kept], process.time[kept]
    begin = {"entry": entry} if clock == "total" else {}
    return cox(
        time if clock == "total" else time - entry,
        process.event[kept],
        x[kept],
        names=names,
        strata=process.number[kept],
        cluster=process.patient[kept] if robust else None,
        **begin,
        **settings,
    )


def _by_row(process: CountingProcess, covariates: Any, settings: dict) -> tuple[np.ndarray, tuple[str, ...]]:
    matrix, names = covariate_matrix(covariates, process.follow_up.size, settings.pop("names", None))
    return matrix[process.patient], names
