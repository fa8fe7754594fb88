"""Trial: the subjects of a trial with their arms, covariates and outcomes, as its protocol describes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.content import content_hash, file_hash
from understudy.core.errors import StudyError
from understudy.core.toml_file import in_order, parse, read_text, validated
from understudy.trials.condition import Condition
from understudy.trials.doubts import doubts, require_single, subject_doubts
from understudy.trials.endpoint_section import MeasureSection
from understudy.trials.protocol import AnalysisSection, Protocol, SecondarySection
from understudy.trials.reading import TableFolder, endpoint_rows, measurement_rows, subjects_of
from understudy.trials.synthetic.mark import refuse_synthetic
from understudy.trials.tables import ROW, kept_rows

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Trial:
    """A clinical trial: its protocol and its tables. Made by `load_trial`.

    Parameters
    ----------
    protocol : Protocol
    subjects : DataFrame
        Index ``subject`` (text); the column ``arm`` (a categorical of labels, the control first) and the columns of the
        subjects' table.
    outcome : DataFrame
        The endpoint: index ``subject``, one row a subject or, for repeated measurements and recurrent events, many. Its
        columns are those of `understudy.trials.tables.outcome_of`. Subjects without any row have no outcome.
    flow : mapping of str to int
        How many rows and subjects were left after each step.
    warnings : tuple of str
        What is doubtful in the tables.
    inputs : mapping of str to str
        SHA-256 of the protocol and the tables, by their names.
    parts : tuple of Trial
        Of a hierarchy: the trial with each of its outcomes as the endpoint, the gravest first.
    secondary : tuple of Trial
        The trial with each secondary endpoint in the primary one's place.
    measurements : DataFrame or None
        Rows of the measure of ``[forecast]``, of the subjects: index ``subject``, columns as its table has them.

    Examples
    --------
    >>> trial = load_trial("examples/leukaemia/trial.toml")
    >>> trial.arms
    ('placebo', '6-MP')
    """

    protocol: Protocol
    subjects: pd.DataFrame
    outcome: pd.DataFrame
    flow: dict[str, int]
    warnings: tuple[str, ...] = ()
    inputs: dict[str, str] | None = None
    parts: tuple[Trial, ...] = ()
    secondary: tuple[Trial, ...] = ()
    measurements: pd.DataFrame | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """Labels of the arms, the control first."""
        return tuple(self.subjects["arm"].cat.categories)

    @property
    def control(self) -> str:
        """Label of the arm that others are compared with."""
        return self.arms[0]

    @property
    def unit(self) -> str:
        """Unit of the endpoint's times, as reports count them: "weeks"."""
        return f"{self.protocol.endpoint.unit}s"

    @property
    def table(self) -> pd.DataFrame:
        """Subjects with their outcome beside them: one row each, for endpoints with one row a subject.

        Raises
        ------
        StudyError
            For repeated measurements, recurrent events and hierarchies.
        """
        if self.protocol.endpoint.kind in ("longitudinal", "recurrent", "hierarchical"):
            raise StudyError(
                f"a {self.protocol.endpoint.kind} endpoint has several rows a subject",
                repair="use `outcome` or `parts`, or ask for one visit",
            )
        own = self.outcome.drop(columns=ROW)
        kept = self.subjects.drop(columns=[name for name in own if name in self.subjects])
        return kept.join(own, how="left")

    @property
    def covariates(self) -> tuple[str, ...]:
        """Columns known before randomisation, as the protocol names them."""
        named = (*self.protocol.baseline.covariates, *self.protocol.analysis.covariates)
        return tuple(dict.fromkeys(named))

    @property
    def categorical(self) -> tuple[str, ...]:
        """Covariates that are categories: named so, or written in words."""
        from pandas.api.types import is_numeric_dtype

        said = {*self.protocol.baseline.categorical, *self.protocol.analysis.categorical}
        return tuple(n for n in self.covariates if n in said or not is_numeric_dtype(self.subjects[n]))

    def only(self, condition: Condition) -> Trial:
        """The trial in the subjects that meet a condition on what was known before randomisation.

        Raises
        ------
        StudyError
            If an arm is then empty, or the condition looks at what was measured afterwards.
        """
        late = [name for name in condition.columns if name in self.protocol.late]
        if late:
            raise StudyError(
                f"{late[0]} was measured after randomisation",
                place=str(condition),
                repair="select by a baseline column",
            )
        kept = self.subjects[condition.holds(self.subjects, self.protocol.subjects.file)]
        return self.of_subjects(kept.index, str(condition))

    def of_subjects(self, index: Any, place: str = "") -> Trial:
        """The trial in some of its subjects.

        Raises
        ------
        StudyError
            If an arm is then empty.
        """
        subjects = self.subjects.loc[index]
        counts = subjects["arm"].value_counts()
        empty = [arm for arm in self.arms if not counts.get(arm, 0)]
        if empty:
            raise StudyError(
                f"no subject of the arm {empty[0]} is left", place=place, repair="select fewer out"
            )
        outcome, measured = self.outcome[self.outcome.index.isin(subjects.index)], self.measurements
        if measured is not None:
            measured = measured[measured.index.isin(subjects.index)]
        below = {
            name: tuple(each.of_subjects(index, place) for each in getattr(self, name))
            for name in ("parts", "secondary")
        }
        return replace(self, subjects=subjects, outcome=outcome, measurements=measured, **below)

    @property
    def hash(self) -> str:
        """SHA-256 of the protocol and the tables."""
        return content_hash(dict(self.inputs or {}))

    @property
    def settings(self) -> dict[str, Any]:
        """The protocol as JSON data; files by their names, wherever they lie."""
        found = self.protocol.model_dump(mode="json")
        endpoints = [found["endpoint"], *found["secondary"]]
        below = [outcome for each in endpoints for outcome in each["outcomes"]]
        for section in (found["subjects"], *endpoints, *below, found["history"], found["forecast"]):
            for key in ("file", "score_file"):
                if section and section.get(key):
                    section[key] = Path(section[key]).name
        return found

    def __repr__(self) -> str:
        counts = self.subjects["arm"].value_counts()
        parts = ", ".join(f"{arm} {counts[arm]}" for arm in self.arms)
        return f"Trial({self.protocol.title!r}: {self.protocol.endpoint.kind}, {parts})"


def load_trial(path: str | Path) -> Trial:
    """A trial from its protocol, ``trial.toml``, and the tables it names.

    Raises
    ------
    StudyError
        With every problem of the protocol, each with its key, line and repair.
    DataError
        With every bad row of the tables.
    """
    path = Path(path)
    text = read_text(path, "protocol")
    protocol, problems = validated(Protocol, parse(text, path.name, "protocol"))
    if protocol is None or problems:
        raise StudyError.of(in_order(problems, text), path.name)
    return trial_of(protocol, path.absolute().parent, {path.name: file_hash(path)})


def trial_of(protocol: Protocol, folder: Path, inputs: dict[str, str] | None = None) -> Trial:
    """A trial from its protocol, with the paths in it relative to a folder."""
    section, tables = protocol.subjects, TableFolder(folder)
    frame = tables[section.file]
    refuse_synthetic(frame, section.file)
    randomised = kept_rows(frame, section.keep, section.file)
    subjects, left_out = subjects_of(randomised, protocol)
    require_single(subjects, protocol)
    bare = Trial(protocol, subjects, subjects[[ROW]], {})
    primary = _measured(bare, protocol.endpoint, tables)
    secondary = tuple(_secondary(bare, each, tables) for each in protocol.secondary)
    flow = {
        "rows of the subjects' table": len(frame),
        "randomised": len(randomised),
        "in the arms compared": len(subjects),
        "with an outcome": int(subjects.index.isin(primary.outcome.index).sum()),
    }
    told = [f"{each.protocol.endpoint.name}: {said}" for each in secondary for said in each.warnings]
    warnings = dict.fromkeys((*left_out, *tables.warnings, *primary.warnings, *subject_doubts(bare), *told))
    measured = measurement_rows(tables, protocol, subjects) if protocol.forecast else None
    return replace(
        primary,
        flow=flow,
        measurements=measured,
        secondary=secondary,
        warnings=tuple(warnings),
        inputs=(inputs or {}) | tables.hashes,
    )


def _measured(bare: Trial, endpoint: MeasureSection, tables: TableFolder) -> Trial:
    """The trial with an endpoint's rows, checked; of a hierarchy with all its outcomes."""
    protocol = bare.protocol.model_copy(update={"endpoint": endpoint})
    if endpoint.kind == "hierarchical":
        parts = tuple(_measured(bare, each, tables) for each in endpoint.outcomes)
        seen = [bare.subjects.index.isin(each.outcome.index) for each in parts]
        outcome = bare.subjects.loc[np.any(seen, axis=0), [ROW]]
        told = tuple(f"{each.protocol.endpoint.name}: {said}" for each in parts for said in each.warnings)
        return replace(bare, protocol=protocol, outcome=outcome, parts=parts, warnings=told)
    outcome, told = endpoint_rows(tables, endpoint, protocol, bare.subjects)
    trial = replace(bare, protocol=protocol, outcome=outcome)
    return replace(trial, warnings=(*told, *doubts(trial)))


def _secondary(bare: Trial, section: SecondarySection, tables: TableFolder) -> Trial:
    """The trial as one of its secondary endpoints has it."""
    own = bare.protocol
    usual = {name: getattr(own.analysis, name) for name in ("covariates", "categorical", "strata", "level")}
    changed = {
        "analysis": section.analysis or AnalysisSection(**usual),
        "estimand": section.estimand or own.estimand.model_copy(update={"summary": None}),
    }
    return _measured(replace(bare, protocol=own.model_copy(update=changed)), section, tables)
