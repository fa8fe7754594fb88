"""Trial: the subjects of a trial with their arms, covariates and outcomes, as its protocol describes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.content import content_hash, file_hash
from understudy.core.errors import StudyError
from understudy.core.toml_file import in_order, parse, read_text, validated
from understudy.trials.check import check
from understudy.trials.condition import Condition, column_of
from understudy.trials.protocol import Protocol, arm_name, labels_of
from understudy.trials.synthetic.mark import refuse_synthetic
from understudy.trials.tables import ROW, kept_rows, outcome_of, read_table

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
    def table(self) -> pd.DataFrame:
        """Subjects with their outcome beside them: one row each, for endpoints with one row a subject.

        Raises
        ------
        StudyError
            For repeated measurements and recurrent events.
        """
        if self.protocol.endpoint.kind in ("longitudinal", "recurrent"):
            raise StudyError(
                f"a {self.protocol.endpoint.kind} endpoint has several rows a subject",
                repair="use `outcome`, or ask for one visit",
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
        late = [name for name in condition.columns if name in self.protocol.baseline.after]
        if late:
            raise StudyError(
                f"{late[0]} was measured after randomisation",
                place=str(condition),
                repair="select by a baseline column",
            )
        kept = self.subjects[condition.holds(self.subjects)]
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
        return replace(self, subjects=subjects, outcome=outcome, measurements=measured)

    @property
    def hash(self) -> str:
        """SHA-256 of the protocol and the tables."""
        return content_hash(dict(self.inputs or {}))

    @property
    def settings(self) -> dict[str, Any]:
        """The protocol as JSON data; files by their names, wherever they lie."""
        found = self.protocol.model_dump(mode="json")
        for section in ("subjects", "endpoint"):
            name = found[section]["file"]
            found[section]["file"] = Path(name).name if name else None
        for section in ("history", "forecast"):
            if found[section] and found[section]["file"]:
                found[section]["file"] = Path(found[section]["file"]).name
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
    section, endpoint = protocol.subjects, protocol.endpoint
    frame = read_table(folder / section.file)
    refuse_synthetic(frame, section.file)
    randomised = kept_rows(frame, section.keep, section.file)
    subjects, left_out = _subjects(randomised, protocol)
    own_table = endpoint.file in (None, section.file)
    source = frame if own_table else read_table(folder / endpoint.file)
    outcome, strangers = _outcome(source, protocol, subjects)
    flow = {
        "rows of the subjects' table": len(frame),
        "randomised": len(randomised),
        "in the arms compared": len(subjects),
        "with an outcome": int(subjects.index.isin(outcome.index).sum()),
    }
    asked = protocol.forecast
    named = (section.file, endpoint.file, asked.file if asked else None)
    files = dict.fromkeys(name for name in named if name)
    hashes = (inputs or {}) | {Path(name).name: file_hash(folder / name) for name in files}
    measured = None if asked is None else _measurements(folder, protocol, subjects, source)
    trial = Trial(protocol, subjects, outcome, flow, (), hashes, measured)
    return replace(trial, warnings=(*left_out, *strangers, *check(trial)))


def _subjects(frame: pd.DataFrame, protocol: Protocol) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Subjects of the arms compared, and what to say of the others."""
    import pandas as pd

    place, labels = protocol.subjects.file, labels_of(protocol)
    arms = column_of(frame, protocol.subjects.arm, place).map(arm_name, na_action="ignore")
    named = arms.isin(list(labels))
    told = ()
    if not named.all():
        others = arms[~named].fillna("nothing").value_counts()
        said = ", ".join(f"{name} {count}" for name, count in others.items())
        told = (f"{int((~named).sum())} rows of other arms are left out: {said}",)
    found = _without_arm(frame[named], protocol)
    found.insert(0, "arm", pd.Categorical(arms[named].map(labels), categories=list(labels.values())))
    found.index = _identities(found, protocol.subjects.id, place)
    return found, told


def _without_arm(frame: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """The table without the name that the arms' labels take."""
    if "arm" in frame and protocol.subjects.arm != "arm":
        raise StudyError(
            f"the arm stands in {protocol.subjects.arm}, but there is a column 'arm' too",
            place=protocol.subjects.file,
            repair="give that one another name",
        )
    return frame.drop(columns="arm", errors="ignore")


def _identities(frame: pd.DataFrame, column: str | None, place: str) -> pd.Index:
    import pandas as pd

    cells = frame[ROW] - 1 if column is None else column_of(frame, column, place)
    return pd.Index(cells.map(arm_name), name="subject")


def _outcome(
    frame: pd.DataFrame, protocol: Protocol, subjects: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The endpoint of the subjects, and what to say of rows of others."""
    endpoint = protocol.endpoint
    place = endpoint.file or protocol.subjects.file
    kept = kept_rows(frame, endpoint.keep or (protocol.subjects.keep if endpoint.file is None else {}), place)
    identity = _identities(kept, endpoint.id or protocol.subjects.id, place)
    found = outcome_of(kept, endpoint, place)
    found.index = identity
    ours = identity.isin(subjects.index)
    needed = [name for name in ("time", "event", "cause", "value") if name in found]
    known = found[needed].notna().all(axis=1).to_numpy()
    strange = int((~ours).sum()) if endpoint.file else 0
    told = (f"{strange} rows of the endpoint belong to subjects who were not compared",) if strange else ()
    return found[ours & known], told


def _measurements(
    folder: Path, protocol: Protocol, subjects: pd.DataFrame, source: pd.DataFrame
) -> pd.DataFrame:
    """Rows of the subjects in the table of ``[forecast]``; `source` is the endpoint's table."""
    asked, endpoint = protocol.forecast, protocol.endpoint
    place = asked.file or endpoint.file or protocol.subjects.file
    frame = source if asked.file in (None, endpoint.file) else read_table(folder / asked.file)
    kept = kept_rows(frame, asked.keep, place)
    own = asked.id or (endpoint.id if asked.file in (None, endpoint.file) else None) or protocol.subjects.id
    if own is None:
        raise StudyError(
            "rows of a table of measurements must name their subject",
            place="[forecast]",
            repair="give id here, and in [subjects]",
        )
    found = kept.set_axis(_identities(kept, own, place), axis=0)
    return found[found.index.isin(subjects.index)]


def arm_of(trial: Trial, rows: pd.DataFrame) -> np.ndarray:
    """Place of each row's arm among `Trial.arms`, shape (rows,)."""
    return trial.subjects["arm"].cat.codes.reindex(rows.index).to_numpy()
