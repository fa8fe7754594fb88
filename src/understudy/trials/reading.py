"""Reading: from a trial's files to its subjects and the rows of its endpoints, and what is to be said of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from understudy.core.content import file_hash
from understudy.core.errors import DataError, Problem
from understudy.trials.condition import Condition, column_of
from understudy.trials.endpoint_section import MeasureSection
from understudy.trials.protocol import Protocol, arm_name, labels_of
from understudy.trials.tables import ROW, kept_rows, outcome_of, padded_columns, read_table

if TYPE_CHECKING:
    import pandas as pd


class TableFolder:
    """Tables of a folder, each read once.

    Parameters
    ----------
    folder : path
        What names of files are relative to.
    """

    def __init__(self, folder: Path):
        self.folder, self._frames = folder, {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            self._frames[name] = read_table(self.folder / name)
        return self._frames[name]

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of the tables read; of two with the same name the second is counted."""
        found: dict[str, str] = {}
        for name in self._frames:
            key, k = Path(name).name, 1
            while key in found:
                key, k = f"{Path(name).name} ({k + 1})", k + 1
            found[key] = file_hash(self.folder / name)
        return found

    @property
    def warnings(self) -> tuple[str, ...]:
        """What reading changed."""
        return tuple(
            f"spaces around cells of {', '.join(padded)} in {Path(name).name} are taken away"
            for name, frame in self._frames.items()
            if (padded := padded_columns(frame))
        )


def subjects_of(frame: pd.DataFrame, protocol: Protocol) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Subjects of the arms compared, index ``subject``, and what to say of the others.

    Raises
    ------
    DataError
        If an arm has no subjects, or a row no subject's name.
    """
    import pandas as pd

    place, labels = protocol.subjects.file, labels_of(protocol)
    arms = column_of(frame, protocol.subjects.arm, place).map(arm_name, na_action="ignore")
    _require_arms(arms, list(labels), protocol)
    named = arms.isin(list(labels))
    told = ()
    if not named.all():
        said = _counts(arms[~named].fillna("nothing"))
        told = (f"{int((~named).sum())} rows of other arms are left out: {said}",)
    found = _without_arm(frame[named], protocol)
    found.insert(0, "arm", pd.Categorical(arms[named].map(labels), categories=list(labels.values())))
    found.index = identities(found, protocol.subjects.id, place)
    return found, told


def _without_arm(frame: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """The table without the name that the arms' labels take."""
    if "arm" in frame and protocol.subjects.arm != "arm":
        cause = f"the arm stands in {protocol.subjects.arm}, but there is a column 'arm' too"
        raise DataError(
            [Problem(cause, "give that one another name", column="arm")], place=protocol.subjects.file
        )
    return frame.drop(columns="arm", errors="ignore")


def _require_arms(arms: pd.Series, names: list[str], protocol: Protocol) -> None:
    empty = [name for name in names if not (arms == name).any()]
    problems = [
        Problem(f"the arm {name} has no subjects", f"write it as the column does: {_counts(arms.dropna())}",
                column=protocol.subjects.arm, value=name)
        for name in empty
    ]  # fmt: skip
    if problems:
        raise DataError(problems, place=protocol.subjects.file)


def _counts(cells: pd.Series, most: int = 8) -> str:
    counts = cells.value_counts()
    told = ", ".join(f"{name} {count}" for name, count in counts.head(most).items())
    return f"{told}, … ({len(counts)} values)" if len(counts) > most else told or "nothing"


def identities(frame: pd.DataFrame, column: str | None, place: str) -> pd.Index:
    """Names of the subjects of rows; the number of the row without a column.

    Raises
    ------
    DataError
        With every row that names nobody.
    """
    import pandas as pd

    cells = frame[ROW] - 1 if column is None else column_of(frame, column, place)
    nameless = frame.loc[cells.isna().to_numpy(), ROW]
    if len(nameless):
        repair = "write the subject's name, or take the row out"
        raise DataError(
            [Problem("no subject is named", repair, int(row), column) for row in nameless], place=place
        )
    return pd.Index(cells.map(arm_name), name="subject")


def endpoint_rows(
    tables: TableFolder, endpoint: MeasureSection, protocol: Protocol, subjects: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """An endpoint's rows of the subjects, those with a known outcome, and what to say of rows of others."""
    own = endpoint.file in (None, protocol.subjects.file)
    place = protocol.subjects.file if own else endpoint.file
    kept = kept_rows(
        tables[place], endpoint.keep or (protocol.subjects.keep if endpoint.file is None else {}), place
    )
    identity = identities(kept, endpoint.id or protocol.subjects.id, place)
    found = outcome_of(kept, endpoint, place)
    found.index = identity
    ours = identity.isin(subjects.index)
    if not own and not ours.any():
        cause = "no row is of a subject who was compared"
        known = f"subjects are called {', '.join(map(str, subjects.index[:3]))}, …; rows {', '.join(identity[:3])}, …"
        raise DataError([Problem(cause, known, column=endpoint.id or protocol.subjects.id)], place=place)
    needed = [name for name in ("time", "event", "cause", "value") if name in found]
    known = found[needed].notna().all(axis=1).to_numpy()
    strange = int((~ours).sum()) if endpoint.file else 0
    told = (f"{strange} rows of {endpoint.name} belong to subjects who were not compared",) if strange else ()
    return found[ours & known], (*told, *_empty_events(kept[ours], endpoint, place))


def measurement_rows(tables: TableFolder, protocol: Protocol, subjects: pd.DataFrame) -> pd.DataFrame:
    """Rows of the measure of ``[forecast]``, of the subjects: index ``subject``, columns as its table has them."""
    asked, endpoint = protocol.forecast, protocol.endpoint
    same = asked.file in (None, endpoint.file)
    place = asked.file or endpoint.file or protocol.subjects.file
    column = asked.id or (endpoint.id if same else None) or protocol.subjects.id
    if column is None:
        cause = "rows of measurements must name their subject"
        raise DataError([Problem(cause, "give id in [forecast], and in [subjects]")], place=place)
    kept = kept_rows(tables[place], asked.keep, place)
    found = kept.set_axis(identities(kept, column, place), axis=0)
    return found[found.index.isin(subjects.index)]


def _empty_events(rows: pd.DataFrame, endpoint: MeasureSection, place: str) -> list[str]:
    """Numeric columns of events with empty cells; words such as "Y" leave empty what did not happen."""
    from pandas.api.types import is_numeric_dtype

    names = Condition.of(endpoint.event or {}).columns if not endpoint.known else ()
    counts = {name: int(rows[name].isna().sum()) for name in names if is_numeric_dtype(rows[name])}
    return [
        f"{name} is empty in {count} rows of {place}: taken as no event; give endpoint.known if it is not known"
        for name, count in counts.items()
        if count
    ]
