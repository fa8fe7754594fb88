"""Scoring: the outcome is opened, once, and the ledger says hit or miss."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.core.nearest_file import nearest_file
from understudy.trials.condition import Condition, column_of
from understudy.trials.ledger.chain import Entry, append
from understudy.trials.ledger.prediction import CompareSection, OutcomeSection, Prediction
from understudy.trials.ledger.verification import read_ledger

if TYPE_CHECKING:
    import pandas as pd


def score(outcome: str | Path, ledger: str | Path, *, id: str = "") -> Entry:
    """Open an outcome and write into the ledger whether a frozen prediction was a hit.

    Parameters
    ----------
    outcome : path
        A table, ``.csv``.
    ledger : path
    id : str
        Which prediction; may be left out where only one is open.

    Returns
    -------
    Entry
        Content ``observed``, ``hit``, ``error`` (observed less predicted), ``within`` the interval,
        ``interval_score``, ``rows``, and the SHA-256 of the ``outcome``.

    Raises
    ------
    StudyError
        If the prediction is scored already, was made from this file, or was frozen after this file had been opened;
        if the figure cannot be taken from the table; if the ledger was tampered with.
    """
    path, ledger = Path(outcome), Path(ledger)
    entries = read_ledger(ledger)
    frozen = _open_prediction(entries, id, ledger.name)
    made = Prediction.model_validate(frozen.content["prediction"])
    raw = _bytes(path)
    digest = sha256(raw).hexdigest()
    _require_unseen(entries, frozen, digest, path.name)
    observed, rows = figure(_table(raw, path.name), made.outcome, path.name)
    content = {
        "outcome": {"name": path.name, "sha256": digest},
        "observed": observed,
        "rows": rows,
        "hit": made.is_hit(observed),
        "error": observed - made.value,
        "within": None if made.interval is None else made.interval[0] <= observed <= made.interval[1],
        "interval_score": made.interval_score(observed),
        "frozen": frozen.hash,
    }
    entry = Entry.after(entries, "score", frozen.id, content)
    append(ledger, entry, entries[-1].hash)
    return entry


def _open_prediction(entries: tuple[Entry, ...], id: str, ledger: str) -> Entry:
    scored = {entry.id: entry for entry in entries if entry.kind == "score"}
    frozen = {entry.id: entry for entry in entries if entry.kind == "prediction"}
    waiting = [name for name in frozen if name not in scored]
    if id in scored:
        raise StudyError(
            f"the prediction {id!r} was scored on {scored[id].at}",
            place=f"{ledger}, line {scored[id].number}",
            repair="a prediction is scored once; freeze a new one for another outcome",
        )
    if id and id not in frozen:
        raise StudyError(
            f"there is no prediction {id!r}", place=ledger, repair=f"open: {', '.join(waiting) or 'none'}"
        )
    if not id and len(waiting) != 1:
        raise StudyError(
            f"{len(waiting)} predictions are open",
            place=ledger,
            repair=f"name one by its id: {', '.join(waiting)}" if waiting else "freeze one first",
        )
    return frozen[id or waiting[0]]


def _require_unseen(entries: tuple[Entry, ...], frozen: Entry, digest: str, name: str) -> None:
    """The file must not have been used for the prediction, nor opened in this ledger before it was frozen."""
    used = [file for file, known in frozen.content["used"].items() if known == digest]
    if used:
        raise StudyError(
            f"{name} is the file {used[0]} that the prediction was made from",
            place=frozen.id,
            repair="score with an outcome that was not used",
        )
    for entry in entries[: frozen.number]:
        if entry.kind == "score" and entry.content["outcome"]["sha256"] == digest:
            raise StudyError(
                f"{name} was opened on {entry.at}, before this prediction was frozen on {frozen.at}",
                place=f"line {entry.number}",
                repair="what was known is not predicted: score with an outcome that was not",
            )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        cause = f"cannot read the outcome: {error.strerror or error}"
        raise StudyError(cause, place=str(path), repair=nearest_file(path)) from None


def _table(raw: bytes, name: str) -> pd.DataFrame:
    """The table, from the bytes that were hashed."""
    import pandas as pd

    try:
        return pd.read_csv(BytesIO(raw), keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    except ValueError as error:
        told = str(error).splitlines()[0]
        raise StudyError(
            f"cannot read the outcome: {told}", place=name, repair="save it as CSV in UTF-8"
        ) from None


def figure(frame: pd.DataFrame, asked: OutcomeSection, place: str) -> tuple[float, int]:
    """The figure that a prediction is about, and of how many rows it was made.

    Raises
    ------
    StudyError
        If a column, a group or every row is missing, or a cell is no number.
    """
    kept = frame[Condition.of(asked.keep, place).holds(frame)]
    if asked.compare is None:
        return _statistic(kept, asked, place), len(kept)
    groups = [_group(kept, asked.compare, name, place) for name in (asked.compare.of, asked.compare.to)]
    of, to = (_statistic(group, asked, place) for group in groups)
    if asked.compare.by == "ratio" and to == 0:
        raise StudyError("the ratio is to zero", place=place, repair="predict a difference")
    return of - to if asked.compare.by == "difference" else of / to, sum(map(len, groups))


def _group(frame: pd.DataFrame, compare: CompareSection, name: str, place: str) -> pd.DataFrame:
    found = frame[Condition.of({compare.column: name}, place).holds(frame)]
    if not len(found):
        values = ", ".join(sorted({str(v) for v in frame[compare.column].dropna()})[:8])
        raise StudyError(
            f"no row has {compare.column} = {name}",
            place=place,
            repair=f"the column has {values or 'nothing'}",
        )
    return found


def _statistic(rows: pd.DataFrame, asked: OutcomeSection, place: str) -> float:
    if asked.statistic == "count":
        return float(Condition.of(asked.event, place).holds(rows).sum())
    if not len(rows):
        raise StudyError("no row is left to take a figure of", place=place, repair="check what keep asks for")
    if asked.statistic == "share":
        return float(Condition.of(asked.event, place).holds(rows).mean())
    values = _numbers(rows, asked.column, place)
    if asked.statistic == "value" and len(values) != 1:
        raise StudyError(
            f"{len(values)} rows where one value is asked for", place=place, repair="take a mean, or keep one"
        )
    taken = {"value": np.mean, "mean": np.mean, "median": np.median, "sum": np.sum}[asked.statistic]
    return float(taken(values))


def _numbers(rows: pd.DataFrame, column: str, place: str) -> np.ndarray:
    import pandas as pd

    cells = column_of(rows, column, place)
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(float)
    bad = ~np.isfinite(numbers)
    if bad.any():
        shown = cells[bad].iloc[0]
        told = "empty" if pd.isna(shown) else f"no number ({shown!r})"
        raise StudyError(
            f"{int(bad.sum())} of {len(bad)} cells of {column} are {told}",
            place=f"{place}, row {int(rows.index[bad][0]) + 2}",
            repair="say in keep which rows count: { " + column + " = { missing = false } }",
        )
    return numbers
