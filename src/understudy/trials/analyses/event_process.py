"""Event process: the rows of recurrent events as each subject's intervals, numbered by its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.recurrent import CountingProcess
from understudy.core.errors import DataError, Problem
from understudy.trials.tables import ROW

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

_ROUNDING = 1e-9  # gaps that small, against the largest time, are of numbers written with few digits


def process_of(rows: pd.DataFrame) -> tuple[CountingProcess, pd.DataFrame]:
    """Intervals in the order of subjects and time, and a row a subject, in the order of the process' patients.

    Parameters
    ----------
    rows : DataFrame
        Index ``subject``; columns ``start``, ``time``, ``event``; checked.
    """
    ordered = rows.rename_axis("subject").reset_index().sort_values(["subject", "time"], kind="stable")
    codes, names = ordered["subject"].factorize()
    event = ordered["event"].to_numpy().astype(np.int64)
    seen = ordered.groupby("subject", sort=False)["event"].cumsum().to_numpy().astype(np.int64)
    follow_up = ordered.groupby("subject", sort=False)["time"].max().to_numpy(dtype=float)
    process = CountingProcess(
        codes, ordered["start"].to_numpy(dtype=float), ordered["time"].to_numpy(dtype=float), event,
        seen - event + 1, follow_up,
    )  # fmt: skip
    return process, ordered.drop_duplicates("subject").set_index("subject").loc[names]


def gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that do not begin where the subject's earlier interval ended, or at 0 for its first."""
    ordered = rows.sort_values("time", kind="stable")
    before = ordered.groupby(level=0)["time"].shift().fillna(0.0)
    apart = (ordered["start"] - before).abs() > _ROUNDING * max(float(rows["time"].max()), 1.0)
    return ordered[apart]


def require_from_zero(trial: Trial, rows: pd.DataFrame) -> None:
    """Every subject is watched from randomisation on, without gaps.

    Raises
    ------
    DataError
        With every row after a gap.
    """
    found = gaps(rows)
    problems = [
        Problem(f"begins after a gap (subject {name})", "write intervals from 0 on, each after the other, or take "
                "proportional rates or andersen-gill", int(row), trial.protocol.endpoint.start, f"{start:g}")
        for name, row, start in zip(found.index, found[ROW], found["start"], strict=True)
    ]  # fmt: skip
    if problems:
        raise DataError(problems, place=trial.protocol.endpoint.file or trial.protocol.subjects.file)
