"""Regimen: what is given, how much, how and when, as a clinician says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.content import Content
from understudy.core.errors import RegimenError
from understudy.model.dose import Dose, start_after, time_unit_name

if TYPE_CHECKING:
    import pandas as pd

_SIZE_COLUMN = {"kg": "weight", "m**2": "surface"}


@dataclass(frozen=True, repr=False)
class Regimen(Content):
    """Doses over time for any patient; amounts may be per kilogram or per square metre.

    Parameters
    ----------
    doses : tuple of Dose
        Lines of the regimen, each counted from the regimen's start. Empty: no treatment.
    time_unit : str
        Unit of all times in `doses`: s, min, h, d or week.

    Raises
    ------
    RegimenError
        For a unit of time that is not known.

    Examples
    --------
    >>> regimen = Regimen.parse("20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 10 days")
    >>> regimen
    Regimen('20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 20 doses')
    >>> regimen.dose_times()[:3], regimen.end
    (array([ 0., 12., 24.]), 252.0)
    """

    doses: tuple[Dose, ...] = ()
    time_unit: str = "h"

    def __post_init__(self) -> None:
        object.__setattr__(self, "doses", tuple(self.doses))
        object.__setattr__(self, "time_unit", time_unit_name(self.time_unit))

    @classmethod
    def parse(cls, sentence: str, time_unit: str = "h") -> Regimen:
        """The regimen that a sentence describes.

        ``and`` joins doses in parallel, ``then`` starts when the last interval before it has ended (a single
        dose has none, so what follows waits for its own interval), ``after`` counts from the last dose
        before, ``at`` from the regimen's start.

        Parameters
        ----------
        sentence : str
            Such as ``"100 mg every 24 h for 7 doses then 50 mg every 12 h"``, ``"500 mg oral q8h x 10"``.
        time_unit : str
            Unit in which the regimen holds its times.

        Raises
        ------
        RegimenError
            With a caret under the word that is not understood.

        Examples
        --------
        >>> Regimen.parse("1 g iv over 1 h q12h for 5 days and 200 mg oral q24h for 5 days").end
        120.0
        >>> Regimen.parse("100 mg evry 24 h")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        understudy.core.errors.RegimenError: 'evry' is not understood...
        """
        from understudy.model.dosing_sentence import read_sentence

        return cls(read_sentence(sentence, time_unit_name(time_unit)), time_unit)

    def then(self, other: Regimen) -> Regimen:
        """This regimen, and the other when the last interval of this one has ended (see `parse`).

        Examples
        --------
        >>> load, maintain = Regimen.parse("1 g"), Regimen.parse("100 mg q8h x 6")
        >>> load.then(maintain)
        Regimen('1 g then 100 mg every 8 h for 6 doses')
        """
        if not (self.doses and other.doses):
            return self if not other.doses else other.in_time_unit(self.time_unit)
        later = other.in_time_unit(self.time_unit).doses
        start = start_after(self.doses, later[0])
        return Regimen((*self.doses, *(dose.shifted(start) for dose in later)), self.time_unit)

    def in_time_unit(self, time_unit: str) -> Regimen:
        """The same regimen with its times in another unit.

        Examples
        --------
        >>> Regimen.parse("5 mg every 12 h x 4").in_time_unit("d")
        Regimen('5 mg every 12 h for 4 doses', time_unit='d')
        """
        target = time_unit_name(time_unit)
        if target == self.time_unit:
            return self
        return Regimen(tuple(dose.in_time_unit(self.time_unit, target) for dose in self.doses), target)

    @property
    def end(self) -> float:
        """When the last interval has ended, in `time_unit`: infinite for an open end, 0 without doses."""
        return max((dose.end for dose in self.doses), default=0.0)

    @property
    def is_open(self) -> bool:
        """Whether some line has no end of its own."""
        return any(dose.is_open for dose in self.doses)

    def dose_times(self, until: float | None = None) -> np.ndarray:
        """Times of all doses, sorted, up to but without `until`; shape (doses,), in `time_unit`.

        Raises
        ------
        RegimenError
            For an open-ended regimen without `until`.
        """
        times = [dose.times(until) for dose in self.doses]
        return np.sort(np.concatenate(times)) if times else np.empty(0)

    def expand(self, until: float) -> Regimen:
        """The regimen with its open ends closed: no dose and no infusion of them from `until` on.

        Examples
        --------
        >>> Regimen.parse("50 mg every 12 h").expand(48)
        Regimen('50 mg every 12 h for 4 doses')
        """
        closed = [dose.closed(until) for dose in self.doses]
        return Regimen(tuple(dose for dose in closed if dose is not None), self.time_unit)

    def events(
        self, covariates: pd.DataFrame, until: float | None = None, weight: str = "WT", surface: str = "BSA"
    ) -> pd.DataFrame:
        """Dose records of each patient, in NONMEM's terms.

        Parameters
        ----------
        covariates : DataFrame
            One row a patient, the index its identifier; with the columns that doses per kg or m² need.
        until : float, optional
            Closes open ends, in `time_unit`.
        weight, surface : str
            Columns with body weight in kg and body surface in m².

        Returns
        -------
        DataFrame
            A row for each patient and line, by patient and time: ``id``, ``time``, ``amt`` (already times
            weight or surface), ``unit``, ``rate`` (0: bolus), ``ii``, ``addl``, ``ss``, ``route``.
            An infusion that is at steady state and goes on has two rows: steady state at its rate
            (``amt`` 0), then the infusion.

        Raises
        ------
        RegimenError
            For an open end without `until`, a patient twice, or a weight or surface that is missing or not
            above 0 (naming the patients).

        Examples
        --------
        >>> import pandas as pd
        >>> newborns = pd.DataFrame({"WT": [1.4, 0.9]}, index=["1", "4"])
        >>> Regimen.parse("20 mg/kg over 30 min").events(newborns)[["id", "amt", "rate"]]
          id   amt  rate
        0  1  28.0  56.0
        1  4  18.0  36.0
        """
        import pandas as pd

        lines = _event_lines(self, until)
        patients = _identifiers(covariates)
        sizes = _sizes(lines, covariates, {"kg": weight, "m**2": surface})
        tiled = {name: np.tile(lines[name].to_numpy(), len(patients)) for name in _PER_LINE}
        scaled = {name: (sizes * lines[name].to_numpy()).ravel() for name in ("amt", "rate")}
        table = pd.DataFrame({"id": np.repeat(patients, len(lines)), **tiled, **scaled})
        return table[list(_COLUMNS)]

    def __str__(self) -> str:
        from understudy.model.dosing_sentence import write_sentence

        return write_sentence(self.doses, self.time_unit)

    def __repr__(self) -> str:
        return f"Regimen({str(self)!r}{'' if self.time_unit == 'h' else f', time_unit={self.time_unit!r}'})"


_COLUMNS = ("id", "time", "amt", "unit", "rate", "ii", "addl", "ss", "route")
_PER_LINE = ("time", "unit", "ii", "addl", "ss", "route")


def _event_lines(regimen: Regimen, until: float | None) -> pd.DataFrame:
    """Dose records of one patient of size 1, by time, with the size that scales them in `per`."""
    import pandas as pd

    if regimen.is_open and until is None:
        raise RegimenError(
            "the regimen is open-ended",
            place=str(regimen),
            repair="give `until`, or say 'for 10 doses' or 'for 5 days'",
        )
    closed = regimen.expand(until) if regimen.is_open else regimen
    rows = [row for dose in closed.doses for row in _event_rows(dose)]
    columns = ["time", "amt", "unit", "rate", "ii", "addl", "ss", "route", "per"]
    table = pd.DataFrame(rows, columns=columns)
    kinds = {"time": float, "amt": float, "rate": float, "ii": float, "addl": int, "ss": int}
    return table.astype(kinds).sort_values("time", kind="stable", ignore_index=True)


def _event_rows(dose: Dose) -> list[tuple]:
    how, end = dose.rate, (dose.route, dose.per)
    if dose.steady_state and dose.interval == 0:
        steady = (dose.time, 0.0, dose.unit, how, 0.0, 0, 1, *end)
        return [steady, (dose.time, dose.amount, dose.unit, how, 0.0, 0, 0, *end)]
    repeated = dose.count > 1 or dose.steady_state
    interval = dose.interval if repeated else 0.0
    return [(dose.time, dose.amount, dose.unit, how, interval, dose.count - 1, int(dose.steady_state), *end)]


def _identifiers(covariates: pd.DataFrame) -> np.ndarray:
    patients = covariates.index.astype(str).to_numpy(dtype=object)
    if not covariates.index.is_unique:
        twice = covariates.index[covariates.index.duplicated()].astype(str)
        raise RegimenError(
            f"patients occur twice: {_listed(twice)}", repair="give one row of covariates a patient"
        )
    return patients


def _sizes(lines: pd.DataFrame, covariates: pd.DataFrame, columns: Mapping[str, str]) -> np.ndarray:
    """What each line's amount is multiplied by in each patient, shape (patients, lines)."""
    sizes = np.ones((len(covariates), len(lines)))
    for per, column in columns.items():
        scaled = lines["per"].to_numpy() == per
        if scaled.any():
            sizes[:, scaled] = _size(covariates, column, per)[:, None]
    return sizes


def _size(covariates: pd.DataFrame, column: str, per: str) -> np.ndarray:
    if column not in covariates:
        raise RegimenError(
            f"the regimen doses per {per}, but the patients have no column {column!r}",
            place=f"columns: {', '.join(map(str, covariates.columns)) or 'none'}",
            repair=f"add it, or name the column: {_SIZE_COLUMN[per]}=...",
        )
    values = covariates[column].to_numpy(dtype=float, na_value=np.nan)
    wrong = ~((values > 0) & np.isfinite(values))
    if wrong.any():
        raise RegimenError(
            f"the regimen doses per {per}, but {column} is missing or not above 0",
            place=f"patients {_listed(covariates.index[wrong].astype(str))}",
            repair=f"give these patients a {column}, or leave them out",
        )
    return values


def _listed(names: Any, shown: int = 10) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
