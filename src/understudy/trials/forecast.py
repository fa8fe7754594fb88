"""Forecast: how a measure of a trial's subjects goes on from its first values, by methods tried on others held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.core.record import Record, Stopwatch
from understudy.trials.forecasting.comparison import BASELINE, Comparison, compare
from understudy.trials.forecasting.courses import Courses, courses_of
from understudy.trials.forecasting.forecaster import UNTESTABLE, Forecaster, fit_forecaster
from understudy.trials.tables import ROW
from understudy.trials.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

ARM, SUBJECT = "arm", "subject"


@dataclass(frozen=True, eq=False, repr=False)
class TrialForecast:
    """Forecasts of a measure in a trial. Made by `forecast`.

    Parameters
    ----------
    trial : Trial
    courses : Courses
    comparison : Comparison
        Of the methods, in subjects held out.
    record : Record
    """

    trial: Trial
    courses: Courses
    comparison: Comparison
    record: Record

    @property
    def best(self) -> str:
        """The method of the least error, if it is shown to be better than carrying forward; else that."""
        table = self.table()
        better = table.index[table["to"] < 0]
        return str(table.loc[better, "error"].idxmin()) if len(better) else BASELINE

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer, first what it comes to."""
        asked, table = self.trial.protocol.forecast, self.table()
        name, count = f"{asked.name[:1].upper()}{asked.name[1:]}", len(self.comparison.question.patients)
        told = f"{name} of {count:,} subjects, foretold from {_known(asked)}"
        row = table.loc[self.best]
        found = (
            f"{told}: no method is shown to be better than the last value carried forward"
            if self.best == BASELINE
            else f"{told}: best by {self.best}"
        )
        error = f"mean absolute error {row['error']:.3g}{_unit(asked)}"
        against = "" if self.best == BASELINE else f", {_change(row)} of carrying forward"
        held = (
            f"{100 * row['coverage']:.1f} ± {100 * row['coverage_error']:.1f} % of what came later lay within"
        )
        return (
            f"{found}; {error}{against}.",
            f"{held} the {100 * asked.level:g} % intervals.",
            f"What a subject would have had in another arm {UNTESTABLE} in a parallel trial: nobody is seen in both.",
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return self.comparison.warnings

    def table(self) -> pd.DataFrame:
        """A row a method: errors, their difference from carrying forward with a 95 % interval, coverage, width."""
        return self.comparison.table()

    def coverage(self) -> pd.DataFrame:
        """Rows (method, subgroup): subjects, coverage and its standard error, mean absolute error, width."""
        return self.comparison.coverage()

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by their names."""
        return {
            "methods": self.table().reset_index(), "coverage": self.coverage().reset_index(), "forecasts": self.values()
        }  # fmt: skip

    def values(self) -> pd.DataFrame:
        """A row a forecast: subject, subgroup, time, observed, and of the best method forecast, low and high."""
        import pandas as pd

        asked, told = self.comparison.question, self.comparison.forecasts[self.best]
        owner = asked.target.patient
        return pd.DataFrame(
            {
                SUBJECT: asked.patients[owner], "subgroup": asked.history.group[owner], "time": asked.target.time,
                "observed": self.comparison.observed, "forecast": told.centre, "low": told.low, "high": told.high,
            }
        )  # fmt: skip

    def forecaster(self, method: str = "") -> Forecaster:
        """A method that has learnt from all subjects, for those to come; that of the least error, if none is named."""
        asked = self.trial.protocol.forecast
        known = {"first": asked.first, "until": asked.until}
        return fit_forecaster(
            self.courses,
            method=method or self.best,
            arm=ARM,
            level=asked.level,
            seed=self.trial.protocol.seed,
            **known,
        )

    def __repr__(self) -> str:
        return "\n".join((self.trial.protocol.title, *self.sentences))


def forecast(trial: Trial) -> TrialForecast:
    """Foretell the measure of the protocol's ``[forecast]``, each subject by models that did not know the subject.

    Raises
    ------
    StudyError
        Without ``[forecast]``, for columns that are missing or known only after randomisation, or too few subjects.
    DataError
        With every row that has no time, or a value that the scale does not take.
    """
    asked, watch = trial.protocol.forecast, Stopwatch()
    if asked is None:
        raise StudyError(
            "the protocol does not say what to foretell",
            place=trial.protocol.title,
            repair='add [forecast] with time, value and first: time = "week", value = "score", first = 3',
        )
    courses = _courses(trial)
    found = compare(
        courses, first=asked.first, until=asked.until, fewest=asked.fewest, methods=asked.methods, level=asked.level,
        seed=trial.protocol.seed,
    )  # fmt: skip
    record = Record.make(
        "trial forecast", stopwatch=watch, inputs=trial.inputs or {}, seed=trial.protocol.seed,
        method=", ".join(asked.methods), settings={"protocol": trial.settings},
    )  # fmt: skip
    return TrialForecast(trial, courses, found, record)


def _courses(trial: Trial) -> Courses:
    """The measure with what was known of each subject before."""
    asked, frame = trial.protocol.forecast, trial.measurements
    covariates = tuple(dict.fromkeys((ARM, *(asked.covariates or trial.protocol.baseline.covariates))))
    known = _before(trial, (*covariates, asked.by))
    rows = frame[[name for name in (ROW, asked.time, asked.value) if name in frame]]
    rows = rows.assign(**{SUBJECT: frame.index.astype(str)})
    clash = [name for name in known if name in rows]
    if clash:
        raise StudyError(
            f"{clash[0]} is a column of measurements and a covariate",
            place="[forecast] covariates",
            repair="give one of them another name",
        )
    rows = rows.join(known, how="inner")
    place = asked.file or trial.protocol.endpoint.file or trial.protocol.subjects.file
    return courses_of(
        rows, id=SUBJECT, time=asked.time, value=asked.value, covariates=covariates, by=asked.by, scale=asked.scale,
        limits=asked.limits or (-np.inf, np.inf), place=place,
    )  # fmt: skip


def _before(trial: Trial, names: Sequence[str]) -> pd.DataFrame:
    """Columns of subjects that were known before randomisation, categories as words."""
    for name in names:
        if name not in trial.subjects:
            raise StudyError(
                f"there is no column {name!r}",
                place="[forecast]",
                repair="name a column of the subjects' table",
            )
        if name in trial.protocol.baseline.after:
            raise StudyError(
                f"{name} was measured after randomisation",
                place="[forecast]",
                repair="take a baseline column",
            )
    found = trial.subjects[list(dict.fromkeys(names))].copy()
    for name in found:
        if name == ARM or name in trial.protocol.baseline.categorical:
            found[name] = found[name].astype(str).where(found[name].notna())
    return found


def _known(asked) -> str:
    return f"their first {asked.first} measurements" if asked.first else f"all up to time {asked.until:g}"


def _unit(asked) -> str:
    return f" {asked.unit}" if asked.unit else ""


def _change(row: pd.Series) -> str:
    return f"{row['difference']:+.3g} ({row['from']:+.3g} to {row['to']:+.3g}) beside that"
