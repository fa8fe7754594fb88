"""History: earlier patients on control, from whom a prognostic score learns; no table of the trial is opened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.content import file_hash
from understudy.core.errors import DataError, Problem, StudyError
from understudy.core.toml_file import in_order, parse, read_text, validated
from understudy.trials.condition import column_of
from understudy.trials.doubts import impossible_rows
from understudy.trials.prognosis.target import measured_of, require_kind, target_of
from understudy.trials.protocol import Protocol, arm_name
from understudy.trials.synthetic.mark import refuse_synthetic
from understudy.trials.tables import kept_rows, outcome_of, read_table

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "baseline"
# Digits of a hash that stand for a subject or a row: enough that chance repeats none among millions.
_DIGITS = 16


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """Earlier patients on control. Made by `load_history`.

    Parameters
    ----------
    protocol : Protocol
        Of the trial to come.
    table : DataFrame
        Index ``subject``; the covariates by the trial's names.
    target : Series
        What the score foretells, see `understudy.trials.prognosis.target`.
    measured : DataFrame
        The outcome as it was measured.
    names : tuple of str
        Hashes of the subjects' names.
    file : str
    file_hash : str
    """

    protocol: Protocol
    table: pd.DataFrame
    target: pd.Series
    measured: pd.DataFrame
    names: tuple[str, ...]
    file: str
    file_hash: str

    @property
    def rows(self) -> tuple[str, ...]:
        """Hashes of each subject's covariates and outcome."""
        return row_hashes(self.table, self.measured)

    @property
    def alike(self) -> float:
        """Probability that two patients have the same row: as seen, or as columns would make it by themselves."""
        columns = [part[name] for part in (self.table, self.measured) for name in part]
        alone = np.prod([_doubles([_cell(cell) for cell in each]) for each in columns])
        return float(max(alone, _doubles(self.rows)))

    def __repr__(self) -> str:
        return f"History of {len(self.table)} patients, {self.table.shape[1]} covariates, from {self.file}"


def load_history(path: str | Path) -> History:
    """The history that a protocol's ``[history]`` names.

    Parameters
    ----------
    path : path
        The protocol. The trial's own tables are not opened and need not exist yet.

    Raises
    ------
    StudyError
        With every problem of the protocol, without ``[history]`` or covariates, or for synthetic patients.
    DataError
        With bad rows, or a subject with two rows.
    """
    path = Path(path)
    text = read_text(path, "protocol")
    protocol, problems = validated(Protocol, parse(text, path.name, "protocol"))
    if protocol is None or problems:
        raise StudyError.of(in_order(problems, text), path.name)
    return history_of(protocol, path.absolute().parent)


def history_of(protocol: Protocol, folder: Path) -> History:
    """The history of a protocol whose paths are relative to a folder."""
    section = protocol.history
    if section is None:
        raise StudyError(
            "the protocol has no history",
            place="history",
            repair="give [history] with file, earlier patients on control",
        )
    require_kind(protocol.endpoint.kind)
    frame = read_table(folder / section.file)
    refuse_synthetic(frame, section.file, "the history of a prognostic score")
    kept = _by_names_of_the_trial(kept_rows(frame, section.keep, section.file), protocol)
    hashed = file_hash(folder / section.file)
    names = subject_hashes(kept, section.id, hashed)
    kept.index = _index(kept, section.id)
    target, measured, outcome = _target(kept, protocol)
    table = covariate_table(protocol, kept, outcome)
    known = target.index
    _refuse_doubles(known, section.file)
    chosen = np.flatnonzero(kept.index.isin(known))
    hashes = dict(zip(kept.index[chosen], np.array(names)[chosen], strict=True))
    own = tuple(hashes[each] for each in known)
    return History(protocol, table.loc[known], target, measured, own, section.file, hashed)


def _by_names_of_the_trial(frame: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Columns under the names that the trial gives them."""
    given = protocol.history.columns
    for theirs in given.values():
        column_of(frame, theirs, protocol.history.file)
    hidden = [ours for ours, theirs in given.items() if ours in frame and ours != theirs]
    return frame.drop(columns=hidden).rename(columns={theirs: ours for ours, theirs in given.items()})


def _index(frame: pd.DataFrame, column: str | None) -> pd.Index:
    import pandas as pd

    cells = (
        pd.Series(np.arange(1, len(frame) + 1), frame.index) if column is None else column_of(frame, column)
    )
    return pd.Index(cells.map(arm_name), name="subject")


def _target(frame: pd.DataFrame, protocol: Protocol) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
    """What is foretold and what was measured, where it is known, and the endpoint's rows."""
    section, endpoint = protocol.history, protocol.endpoint
    changed = {"event": section.event or endpoint.event, "known": section.known or endpoint.known}
    outcome = outcome_of(frame, endpoint.model_copy(update=changed), section.file)
    needed = [name for name in ("time", "event", "value") if name in outcome]
    whole = outcome[outcome[needed].notna().all(axis=1)]
    if whole.empty:
        problem = Problem(
            "no patient has a known outcome", "check the endpoint's columns and history.columns"
        )
        raise DataError([problem], place=section.file)
    bad = impossible_rows(whole, endpoint)
    if bad:
        raise DataError(bad, place=section.file)
    return (
        target_of(endpoint.kind, whole, endpoint.at),
        measured_of(endpoint.kind, whole, endpoint.at),
        outcome,
    )


def _refuse_doubles(subjects: pd.Index, place: str) -> None:
    twice = subjects[subjects.duplicated()].unique()
    if len(twice):
        problem = Problem("a patient with two outcomes", "keep one: narrow history.keep", value=str(twice[0]))
        raise DataError([problem], place=place)


def covariate_table(protocol: Protocol, subjects: pd.DataFrame, outcome: pd.DataFrame) -> pd.DataFrame:
    """Covariates of a score: those of the protocol, and the endpoint's baseline; a row a subject.

    Raises
    ------
    StudyError
        If the protocol names none, or one that was measured after randomisation.
    """
    named = dict.fromkeys((*protocol.baseline.covariates, *protocol.analysis.covariates))
    names = [name for name in named if name != protocol.endpoint.baseline]
    late = [name for name in names if name in protocol.baseline.after]
    if late:
        raise StudyError(
            f"{late[0]} was measured after randomisation",
            place="baseline.covariates",
            repair="a score may only use what was known before",
        )
    if not names and not protocol.endpoint.baseline:
        raise StudyError(
            "the protocol names no covariates",
            place="baseline.covariates",
            repair="name what a score may learn from",
        )
    place = "the covariates of the prognostic score"
    first = subjects[~subjects.index.duplicated()]
    table = first[[]].assign(**{name: column_of(first, name, place) for name in names})
    if "baseline" in outcome:
        own = outcome["baseline"].dropna()
        table[BASELINE] = own[~own.index.duplicated()].reindex(table.index)
    return table


def subject_hashes(frame: pd.DataFrame, column: str | None, file_hash: str) -> tuple[str, ...]:
    """A hash of each row's subject: of the name, or of the row's place in its file where subjects have no names."""
    from understudy.trials.tables import ROW

    if column is None:
        return tuple(_hash(f"{file_hash}:{row}") for row in frame[ROW])
    return tuple(_hash(arm_name(cell)) for cell in column_of(frame, column))


def row_hashes(table: pd.DataFrame, measured: pd.DataFrame) -> tuple[str, ...]:
    """A hash of each subject's covariates and outcome; numbers to nine digits, words as they are."""
    columns = [
        part[name].astype(object).map(_cell) for part in (table, measured) for name in sorted(part.columns)
    ]
    cells = zip(*columns, strict=True)
    return tuple(_hash(json.dumps(row)) for row in cells)


def _doubles(values: Sequence[str]) -> float:
    """Share of all pairs that are equal."""
    counts = np.unique(np.array(values), return_counts=True)[1].astype(float)
    return float((counts * (counts - 1)).sum() / (len(values) * (len(values) - 1)))


def _cell(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(float(value))
    if isinstance(value, (int, float, np.number)):
        return f"{float(value) + 0.0:.9g}"
    return "nan" if value is None else str(value)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGITS]
