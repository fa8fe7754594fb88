"""ReportContent: everything that a report shows, as numbers and text, before it is laid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from understudy.core.errors import UnderstudyError
from understudy.core.record import Record
from understudy.data.report import RecordsReport
from understudy.dossier.study_fit import StudyFit
from understudy.dossier.typical_patient import TypicalPatient
from understudy.model.population_model import PopulationModel
from understudy.population.attainment import Target

if TYPE_CHECKING:
    import pandas as pd

_NEEDED = {
    "exclusions": ("id", "row", "reason"),
    "observations": ("id", "time", "observed", "population", "individual", "lower", "upper", "iwres"),
    "curves": ("id", "time", "median", "lower", "upper", "population"),
    "vpc": ("time", "n", "quantile", "observed", "low", "median", "high"),
    "forecast": (
        "id", "time", "observed", "individual", "individual_lower", "individual_upper", "population",
        "population_lower", "population_upper", "previous",
    ),
    "forecast_scores": ("method", "n", "mae", "rmse", "bias", "coverage", "coverage_low", "coverage_high"),
    "attainment": (
        "source", "regimen", "by", "stratum", "measure", "n", "below", "within", "above", "se",
    ),
    "profile": ("source", "regimen", "time", "low", "median", "high"),
    "doses": ("id", "best", "within", "below", "above", "se", "runner_up", "runner_up_within", "note"),
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class ReportContent:
    """What was asked, assumed and found.

    A frame without rows means that this was not done; its section is left out. Levels are in the unit of their
    output, times in the model's time unit, ``below``, ``within``, ``above``, ``se`` and ``coverage`` are
    fractions.

    Parameters
    ----------
    title, question : str
    created : str
        ISO 8601.
    assumptions : tuple of str
    target : Target
        In the unit of the model's output.
    regimens : tuple of (label, sentence)
        In the order in which tables and charts show them.
    model : PopulationModel
    records : RecordsReport or None
        None where the study has none.
    exclusions : DataFrame
        id, row, reason: patients (row empty) and rows that were left out.
    observations : DataFrame
        id, time, observed, population, individual, lower, upper (of the individual prediction), iwres; and
        ``output`` where several are observed.
    curves : DataFrame
        id, time, median, lower, upper, population of the first observed output.
    vpc : DataFrame
        time, n, quantile, observed, low, median, high; and ``output``.
    forecast : DataFrame
        id, time, observed, individual, individual_lower, individual_upper, population, population_lower,
        population_upper, previous.
    forecast_scores : DataFrame
        method, n, mae, rmse, bias, coverage, coverage_low, coverage_high.
    forecast_sentence : str
        Whether individualising helped.
    interval : float
        Probability of the intervals in `observations`, `curves`, `vpc`, `forecast` and `profile`.
    attainment : DataFrame
        source (``"twins"``, ``"virtual"``), regimen, by (``"all"`` or a covariate), stratum, measure
        (``"trough"``, ``"time"``), n, below, within, above, se (Monte Carlo standard error of within).
    profile : DataFrame
        source, regimen, time, low, median, high.
    doses : DataFrame
        id, covariates, individual parameters, best, within, below, above, se, runner_up, runner_up_within,
        note; one row a patient.
    failures : mapping of patient to sentence
        Patients who are left out of summaries.
    tested, limits : str
        What the model was tested on and where it should not be used.
    record : Record
    typical : TypicalPatient or None
        Of a mechanism, which has no population: `model` is then the mechanism alone, and most frames are empty.
    fit : StudyFit or None
        Where the parameters were estimated for this study.

    Raises
    ------
    UnderstudyError
        If a frame lacks a column.
    """

    title: str
    question: str
    created: str
    assumptions: tuple[str, ...]
    target: Target
    regimens: tuple[tuple[str, str], ...]
    model: PopulationModel
    records: RecordsReport | None
    exclusions: pd.DataFrame
    observations: pd.DataFrame
    curves: pd.DataFrame
    vpc: pd.DataFrame
    forecast: pd.DataFrame
    forecast_scores: pd.DataFrame
    forecast_sentence: str
    interval: float
    attainment: pd.DataFrame
    profile: pd.DataFrame
    doses: pd.DataFrame
    failures: Mapping[str, str]
    tested: str
    limits: str
    record: Record
    typical: TypicalPatient | None = None
    fit: StudyFit | None = None

    def __post_init__(self) -> None:
        for name, columns in _NEEDED.items():
            frame = getattr(self, name)
            missing = [column for column in columns if column not in frame]
            if missing and len(frame):
                raise UnderstudyError(
                    f"the frame {name} has no column {', '.join(missing)}",
                    place="report",
                    repair=f"give {', '.join(columns)}",
                )

    @property
    def time_unit(self) -> str:
        """Unit of all times."""
        return self.model.structural.time_unit

    @property
    def regimen_labels(self) -> list[str]:
        """Short names of the regimens, in order."""
        return [label for label, _ in self.regimens]

    @property
    def first_output(self) -> str:
        """The output of frames that name none."""
        return next(iter(self.model.output_names), self.target.output)

    @cached_property
    def observed_outputs(self) -> list[str]:
        """Outputs with observations."""
        frame = self.observations
        return (
            list(dict.fromkeys(frame["output"])) if "output" in frame else [self.first_output][: len(frame)]
        )

    def unit(self, output: str) -> str:
        """Unit of an output."""
        return self.model.structural.output(output).unit

    def described(self, output: str) -> str:
        """An output in words."""
        return self.model.structural.output(output).description or output

    def of_output(self, frame: pd.DataFrame, output: str) -> pd.DataFrame:
        """The rows of one output."""
        return frame[frame["output"] == output] if "output" in frame else frame

    @property
    def range_text(self) -> str:
        """The target range with its unit."""
        from understudy.core.unit_label import unit_label
        from understudy.dossier.number import compact

        return f"{compact(self.target.low)} to {compact(self.target.high)} {unit_label(self.target.unit)}".strip()

    @property
    def covariates_in_doses(self) -> list[str]:
        """Columns of `doses` that are covariates or individual parameters, in order."""
        return [column for column in self.doses if column not in _NEEDED["doses"]]
