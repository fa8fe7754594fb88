"""choose_dose: of the regimens that may be prescribed, those that bring a patient to a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from understudy.core import units
from understudy.core.errors import SimulationError
from understudy.core.result import Outcome
from understudy.core.unit_label import unit_label
from understudy.inference.forecast import forecast
from understudy.inference.twins.continuation import Since
from understudy.inference.twins.dosing import Candidate, Dosing
from understudy.inference.twins.model_average import ModelAverage
from understudy.inference.twins.twins import Twins
from understudy.model.dose import in_time_unit
from understudy.population.attainment import Target
from understudy.population.exposure import (
    Limit,
    Measure,
    exposure,
    measure_unit,
    require_measure,
    share_of_time,
    target_ends,
)

if TYPE_CHECKING:
    import pandas as pd

_POINTS = 97
# A continuous range is searched around its best amount so many times, at so many amounts.
_ROUNDS, _AROUND = 3, 5

Loss = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False, repr=False)
class DoseChoice:
    """Regimens ranked for each patient.

    Parameters
    ----------
    table : DataFrame
        A row a patient and regimen, the best first: patient, rank, regimen, amount, unit, interval, within (probability
        that the measure is in the target range; of ``time`` the expected share), se (its Monte Carlo standard error),
        below, above, lower, median, upper (interval of the measure, in the target's unit), loss where one was asked
        for, a column for each limit with the probability of exceeding it, allowed, reason.
    target : Target
    measure : str
    window : tuple of float
    interval : float
        Probability of the interval.
    limits : tuple of Limit
    at_least : float
        Probability of the target that is required.
    """

    table: pd.DataFrame
    target: Target
    measure: Measure
    window: tuple[float, float]
    interval: float
    limits: tuple[Limit, ...] = ()
    at_least: float = 0.0

    @property
    def best(self) -> pd.DataFrame:
        """The first regimen of each patient; only of patients for whom one is allowed."""
        first = self.table[(self.table["rank"] == 1) & self.table["allowed"]]
        return first.set_index("patient")

    def of(self, patient: str) -> pd.DataFrame:
        """The regimens of one patient, ranked."""
        return self.table[self.table["patient"] == patient].reset_index(drop=True)

    def sentence(self, patient: str) -> str:
        """What to prescribe, or that nothing satisfies the conditions and what comes nearest."""
        own = self.of(patient)
        if not len(own):
            raise SimulationError(
                f"no regimens were tried for {patient!r}", repair="name one of the patients"
            )
        first = own.iloc[0]
        told = (
            f"{first['regimen']}: {self.target.output} {self.measure} {first['median']:.3g} {self._unit} "
            + (
                f"({100 * self.interval:g} %: {first['lower']:.3g} to {first['upper']:.3g}), "
                f"{self._aim} with probability {first['within']:.2f}"
            )
        )
        if self.measure == "time":
            told = f"{first['regimen']}: {self._aim} for {100 * first['within']:.0f} % of the time"
        if first["allowed"]:
            return f"Patient {patient}: {told}."
        return f"Patient {patient}: no regimen satisfies the conditions. Nearest is {told}; but {first['reason']}."

    @property
    def _unit(self) -> str:
        return unit_label(self.target.unit)

    @property
    def _aim(self) -> str:
        low, high = self.target.low, self.target.high
        if np.isinf(high):
            return f"at least {low:g} {self._unit}"
        return (
            f"within {low:g} to {high:g} {self._unit}"
            if np.isfinite(low)
            else f"at most {high:g} {self._unit}"
        )

    def __repr__(self) -> str:
        names = self.table["patient"].unique()
        lines = [self.sentence(name) for name in names[:10]]
        return "\n".join([*lines, *([f"… and {len(names) - 10} more patients"] if len(names) > 10 else [])])


@dataclass(frozen=True, eq=False)
class _Question:
    source: Twins | ModelAverage
    target: Target
    dosing: Dosing
    measure: Measure
    window: tuple[float, float]
    since: Since | None
    limits: tuple[Limit, ...]
    at_least: float
    loss: Loss | None
    interval: float
    draws: int
    seed: int
    engine: str
    jobs: int


def choose_dose(
    twins: Twins | ModelAverage,
    target: Target,
    dosing: Dosing,
    window: tuple[float, float],
    *,
    measure: Measure = "trough",
    since: Since | None = None,
    limits: Sequence[Limit] = (),
    at_least: float = 0.0,
    loss: Loss | Literal["log"] | None = None,
    interval: float = 0.9,
    draws: int = 500,
    seed: int = 0,
    engine: str = "auto",
    jobs: int = 1,
) -> DoseChoice:
    """Rank the regimens that may be prescribed by what they do in each twin.

    Parameters
    ----------
    twins : Twins or ModelAverage
    target : Target
        Range of the measure, in a unit of the output (of output times time for ``auc``, such as ``"mg*h/L"``); an end
        may be infinite.
    dosing : Dosing
    window : tuple of float
        From when to when the measure is taken, in the model's time unit from the regimen's start: ``(96, 120)`` is the
        fifth day. No dose is given at its end, so that the last level is a trough.
    measure : {"trough", "peak", "mean", "auc", "time"}
        Of the level in the window: its last, highest or mean value, the area under it, or the share of time that it is
        in the range.
    since : float or "last", optional
        Whether the regimen goes on from the records; see `forecast`.
    limits : sequence of Limit
        What must not be exceeded. Regimens that exceed one too probably come last.
    at_least : float
        Probability of the target that is required.
    loss : callable or "log", optional
        Rank by the least expected loss, not by the highest probability of the target. The callable is given the measure
        in the target's unit, shape (draws,); ``"log"`` is the squared logarithm of its ratio to the geometric middle of
        the range.
    interval : float
        Probability of the intervals.
    draws, seed : int
    engine, jobs
        As for `simulate`.

    Returns
    -------
    DoseChoice
        True levels, without the scatter of a measurement. Patients of whom there is no twin, or whose levels are
        undefined under some regimen, are left out.

    Raises
    ------
    SimulationError
        For a window or measure that is none, or a target without a middle for ``loss="log"``.

    Examples
    --------
    >>> from understudy import Records, individualise, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> twins = individualise(load_model("phenobarbital_neonates"), records.select(["1"]))
    >>> dosing = Dosing(intervals=(12, 24), low=1, high=6, step=0.5, unit="mg/kg")
    >>> choice = choose_dose(twins, Target("Cp", 15, 30, "mg/L"), dosing, window=(216, 240))
    >>> len(choice.table), bool(choice.best.loc["1", "within"] > 0.5)
    (22, True)
    """
    require_measure(measure)
    if not (len(window) == 2 and 0 <= window[0] < window[1]):
        raise SimulationError(f"{window} is no stretch of time", place="window", repair="give (start, end)")
    stands = twins.succeeded() if isinstance(twins, Twins) else twins
    judged = _log_loss(target) if loss == "log" else loss
    asked = (measure, (float(window[0]), float(window[1])), since, tuple(limits), at_least, judged, interval)
    question = _Question(stands, target, dosing, *asked, draws, seed, engine, jobs)
    rows = [row for candidate in dosing.candidates() for row in _tried(question, stands, candidate)]
    if dosing.is_continuous:
        rows += [row for name in stands.patients for row in _refined(question, name, rows)]
    return DoseChoice(
        _ranked(rows, question), target, measure, question.window, interval, question.limits, at_least
    )


def _log_loss(target: Target) -> Loss:
    if not (target.low > 0 and np.isfinite(target.high)):
        raise SimulationError(
            "the target range has no geometric middle",
            place="loss",
            repair="give both ends, above 0, or a callable",
        )
    middle = np.sqrt(target.low * target.high)
    return lambda values: np.log(np.maximum(values, 1e-300) / middle) ** 2


def _tried(question: _Question, source: Twins | ModelAverage, candidate: Candidate) -> list[dict]:
    """One row a patient."""
    grid = _grid(candidate, question, source)
    plan = candidate.regimen.expand(
        in_time_unit(question.window[1], _time_unit(source), candidate.regimen.time_unit)
    )
    wanted = dict.fromkeys([question.target.output, *(limit.output for limit in question.limits)])
    outcome = forecast(
        source, plan, grid, since=question.since, draws=question.draws, seed=question.seed, outputs=list(wanted),
        engine=question.engine, jobs=question.jobs,
    ).succeeded()  # fmt: skip
    shared = {
        "regimen": str(candidate.regimen), "amount": candidate.amount, "unit": question.dosing.unit,
        "interval": candidate.interval,
    }  # fmt: skip
    numbers = _numbers(outcome, grid, question)
    return [
        {"patient": str(name)} | shared | {key: values[k] for key, values in numbers.items()}
        for k, name in enumerate(outcome.patients)
    ]


def _time_unit(source: Twins | ModelAverage) -> str:
    first = source if isinstance(source, Twins) else next(iter(source.twins.values()))
    return first.model.structural.time_unit


def _grid(candidate: Candidate, question: _Question, source: Twins | ModelAverage) -> np.ndarray:
    """Times of the window; at a dose both just before and after it. For troughs alone its end is enough."""
    start, end = question.window
    if {question.measure, *(limit.measure for limit in question.limits)} == {"trough"}:
        return np.array([end])
    unit = candidate.regimen.time_unit
    doses = candidate.regimen.dose_times(in_time_unit(end, _time_unit(source), unit))
    doses = np.array([in_time_unit(time, unit, _time_unit(source)) for time in doses])
    inside = doses[(doses > start) & (doses < end)]
    return np.unique(
        np.concatenate([np.linspace(start, end, _POINTS), inside, np.nextafter(inside, -np.inf)])
    )


def _numbers(outcome: Outcome, grid: np.ndarray, question: _Question) -> dict[str, np.ndarray]:
    """Each number of the table, shape (N,)."""
    target, measure = question.target, question.measure
    unit, time_unit = outcome.units[target.output], outcome.time_unit
    values = outcome[target.output].values
    if measure == "time":
        ends = target_ends(target, unit, time_unit, "trough")
        below, within, above = share_of_time(values, grid, *ends)
        drawn = within
    else:
        drawn = exposure(values, grid, measure) * units.factor(
            measure_unit(unit, time_unit, measure), target.unit
        )
        below, above = (drawn < target.low).astype(float), (drawn > target.high).astype(float)
        within = 1.0 - below - above
    tails = ((1 - question.interval) / 2, 0.5, (1 + question.interval) / 2)
    lower, median, upper = np.quantile(drawn, tails, axis=1)
    found = {"within": within.mean(axis=1), "se": within.std(axis=1) / np.sqrt(within.shape[1])}
    found |= {"below": below.mean(axis=1), "above": above.mean(axis=1)}
    found |= {"lower": lower, "median": median, "upper": upper}
    if question.loss is not None:
        found["loss"] = np.array([np.mean(question.loss(own)) for own in drawn])
    for limit in question.limits:
        found[f"P({limit})"] = _exceeding(outcome, grid, limit)
    return found


def _exceeding(outcome: Outcome, grid: np.ndarray, limit: Limit) -> np.ndarray:
    unit = measure_unit(outcome.units[limit.output], outcome.time_unit, limit.measure)
    drawn = exposure(outcome[limit.output].values, grid, limit.measure) * units.factor(unit, limit.unit)
    return (drawn > limit.above).mean(axis=1)


def _refined(question: _Question, patient: str, rows: list[dict]) -> list[dict]:
    """Rows of amounts ever nearer to the best of a patient, at each interval."""
    alone, dosing, added = question.source.select([patient]), question.dosing, []
    for interval in dosing.intervals:
        own = [row for row in rows if row["patient"] == patient and row["interval"] == interval]
        for _ in range(_ROUNDS if own else 0):
            own.sort(key=lambda row: row["amount"])
            best = min(range(len(own)), key=lambda k: _order(own[k], question))
            low, high = own[max(best - 1, 0)]["amount"], own[min(best + 1, len(own) - 1)]["amount"]
            amounts = {float(f"{a:.4g}") for a in np.geomspace(low, high, _AROUND + 2)} - {
                r["amount"] for r in own
            }
            new = [
                row
                for amount in sorted(amounts)
                if dosing.allows(amount, interval)
                for row in _tried(question, alone, dosing.candidate(amount, interval))
            ]
            own, added = own + new, added + new
    return added


def _order(row: dict, question: _Question) -> tuple:
    """Allowed ones first, then by loss or probability, then the lesser dose."""
    value = row["loss"] if question.loss is not None else -row["within"]
    excess = sum(max(row[f"P({limit})"] - limit.probability, 0.0) for limit in question.limits)
    short = max(question.at_least - row["within"], 0.0)
    return (bool(excess or short), excess, value, row["amount"] / row["interval"])


def _reason(row: dict, question: _Question) -> str:
    reasons = [
        f"{limit} has probability {row[f'P({limit})']:.2f}, more than {limit.probability:g}"
        for limit in question.limits
        if row[f"P({limit})"] > limit.probability
    ]
    if row["within"] < question.at_least:
        reasons.append(
            f"the target is met with probability {row['within']:.2f}, less than {question.at_least:g}"
        )
    return " and ".join(reasons)


def _ranked(rows: list[dict], question: _Question) -> pd.DataFrame:
    import pandas as pd

    place = {name: k for k, name in enumerate(question.source.patients)}
    ordered = sorted(rows, key=lambda row: (place[row["patient"]], *_order(row, question)))
    told = [row | {"allowed": not (why := _reason(row, question)), "reason": why} for row in ordered]
    table = pd.DataFrame(told)
    if len(table):
        table.insert(1, "rank", table.groupby("patient", sort=False).cumcount() + 1)
    return table
