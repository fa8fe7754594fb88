"""predictive_check: do quantities that matter come out as the model says, such as the peak, the area or the trough?

Posterior predictive checks: Yano, Beal and Sheiner 2001, Evaluating pharmacokinetic/pharmacodynamic models using the
posterior predictive check, J Pharmacokinet Pharmacodyn 28:171-192, doi:10.1023/A:1011555016423.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.diagnose import tails
from understudy.inference.diagnostics.observation_context import limits
from understudy.inference.diagnostics.replicates import Replicates, replicate
from understudy.inference.fit import Fit

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records
    from understudy.model.population_model import PopulationModel

Statistic = Callable[[np.ndarray, np.ndarray], float]


def maximum(time: np.ndarray, value: np.ndarray) -> float:
    """The highest measurement."""
    return float(value.max())


def minimum(time: np.ndarray, value: np.ndarray) -> float:
    """The lowest measurement."""
    return float(value.min())


def last(time: np.ndarray, value: np.ndarray) -> float:
    """The last measurement."""
    return float(value[np.argmax(time)])


def area(time: np.ndarray, value: np.ndarray) -> float:
    """Area under the measurements by the trapezoidal rule; not-a-number for a single one."""
    return float(np.trapezoid(value, time)) if value.size > 1 else np.nan


STATISTICS: Mapping[str, Statistic] = {"maximum": maximum, "minimum": minimum, "last": last, "area": area}


@dataclass(frozen=True, eq=False, repr=False)
class PredictiveCheck:
    """Statistics of the measurements beside those of simulated studies.

    Parameters
    ----------
    table : DataFrame
        One row a statistic of an output: output, statistic, n (patients), observed (its summary over the patients),
        low, median, high (over the simulated studies), p (two-sided: how often a study of the model's is as far out).
    simulated : DataFrame
        One row a simulated study: output, statistic, replicate, value.
    interval : float
    uncertain : bool
        Whether parameters were drawn too.
    """

    table: pd.DataFrame
    simulated: pd.DataFrame
    interval: float
    uncertain: bool

    def __repr__(self) -> str:
        kind = "with" if self.uncertain else "without"
        return f"Predictive check {kind} parameter uncertainty\n{self.table.to_string(index=False)}"


def predictive_check(
    given: Fit | PopulationModel,
    records: Records,
    statistics: Mapping[str, Statistic] | None = None,
    *,
    summary: Callable[[np.ndarray], float] | None = None,
    replicates: int = 500,
    interval: float = 0.9,
    uncertainty: bool | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> PredictiveCheck:
    """Compare statistics of the measurements with the same of simulated studies.

    Parameters
    ----------
    given : Fit or PopulationModel
    records : Records
    statistics : mapping of str to function, or None
        From one patient's times and measurements of an output, arrays of shape (m,) in the order of the records, to a
        number; not-a-number where it is not defined for the patient. None: maximum, minimum, last, area.
    summary : function or None
        From an array with the patients' numbers, shape (patients,), to the study's; None for the median.
    replicates : int
    interval : float
    uncertainty : bool or None
        Draw the parameters too; None: where there is a fit with a covariance.
    seed, jobs : int

    Returns
    -------
    PredictiveCheck
        Measurements beyond a limit of quantification, and copies of them that are, count as at the limit.

    Raises
    ------
    SimulationError
        Without a measurement, or for a statistic that is not one number.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> found = predictive_check(load_model("phenobarbital_neonates"), records, {"maximum": maximum}, replicates=50)
    >>> bool(found.table["p"].iloc[0] > 0.05)
    True
    """
    import pandas as pd

    uncertain = (
        isinstance(given, Fit) and given.covariance is not None if uncertainty is None else uncertainty
    )
    copies = replicate(given, records, replicates, seed=seed, uncertainty=uncertain, jobs=jobs)
    low, high = limits(copies.predictor)
    studies = np.clip(np.vstack([copies.predictor.raw, copies.natural]), low, high)
    rows, simulated = [], []
    for output in dict.fromkeys(copies.predictor.output):
        for named in (STATISTICS if statistics is None else statistics).items():
            name = named[0]
            values, count = _of_studies(copies, studies, output, named, summary or np.median)
            rows.append({"output": output, "statistic": name, "n": count, **_compared(values, interval)})
            simulated.append(
                pd.DataFrame(
                    {"output": output, "statistic": name, "replicate": range(1, len(values))}
                ).assign(value=values[1:])
            )
    return PredictiveCheck(
        pd.DataFrame(rows), pd.concat(simulated, ignore_index=True), interval, bool(uncertain)
    )


def _of_studies(
    copies: Replicates,
    studies: np.ndarray,
    output: str,
    named: tuple[str, Statistic],
    summary: Callable[[np.ndarray], float],
) -> tuple[np.ndarray, int]:
    """The statistic of each study, the observed one first, and how many patients it is of."""
    predictor, by_patient = copies.predictor, []
    for patient in np.unique(predictor.patient):
        own = (predictor.patient == patient) & (predictor.output == output)
        here = np.flatnonzero(own & copies.computed)
        if here.size:
            time = predictor.time[here]
            by_patient.append([_number(named, time, study) for study in studies[:, here]])
    values = np.array(by_patient).reshape(len(by_patient), len(studies)).T
    values = values[:, np.isfinite(values[0])]
    if not values.shape[1]:
        return np.full(len(studies), np.nan), 0
    return np.array([float(summary(row[np.isfinite(row)])) for row in values]), values.shape[1]


def _number(named: tuple[str, Statistic], time: np.ndarray, value: np.ndarray) -> float:
    name, statistic = named
    found = statistic(time, value)
    if np.ndim(found) != 0:
        raise SimulationError(
            f"the statistic {name!r} gives {type(found).__name__} of shape {np.shape(found)}",
            place="statistics",
            repair="return one number for a patient's times and measurements",
        )
    return float(found)


def _compared(values: np.ndarray, interval: float) -> dict[str, float]:
    observed, theirs = values[0], values[1:][np.isfinite(values[1:])]
    if not np.isfinite(observed) or not theirs.size:
        return dict.fromkeys(("observed", "low", "median", "high", "p"), np.nan)
    low, median, high = np.quantile(theirs, (tails(interval)[0], 0.5, tails(interval)[1]))
    # The observed study is one of the possible ones: no p-value is zero.
    above, below = (1 + (theirs >= observed).sum(), 1 + (theirs <= observed).sum())
    chance = min(1.0, 2 * min(above, below) / (theirs.size + 1))
    return {"observed": float(observed), "low": low, "median": median, "high": high, "p": float(chance)}
