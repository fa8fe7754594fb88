"""Adjustment: the rows that an analysis can use, and the columns of arm and covariates in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from understudy.biostatistics.design_matrix import Design, design_matrix

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from understudy.trials.trial import Trial


def usable(
    trial: Trial, rows: pd.DataFrame, more: Sequence[str] = ()
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Rows whose covariates are known, the arm in them, and what to say of the others."""
    section = trial.protocol.analysis
    named = [name for name in (*section.covariates, *section.strata, *more) if name not in rows]
    joined = rows.join(trial.subjects[["arm", *dict.fromkeys(named)]]) if "arm" not in rows else rows
    used = [*section.covariates, *section.strata, *more]
    whole = joined[used].notna().all(axis=1) if used else joined.index == joined.index
    lost = joined.index[~whole].nunique()
    told = (f"{lost} subjects without all covariates ({', '.join(used)}) are left out",) if lost else ()
    return joined[whole], told


def design_of(trial: Trial, rows: pd.DataFrame, extra: dict[str, Sequence] | None = None, **how) -> Design:
    """Arm, baseline and covariates as a design; `extra` columns come after the arm."""
    covariates = trial.protocol.analysis.covariates
    columns = {"arm": rows["arm"].astype(str).tolist(), **(extra or {})}
    columns |= {name: _cells(rows[name], name in trial.categorical) for name in covariates}
    categories = [name for name in covariates if name in trial.categorical]
    return design_matrix(
        columns,
        reference={"arm": trial.control},
        levels={"arm": list(trial.arms)},
        categories=categories + [name for name in (extra or {}) if name == "visit"],
        **how,
    )


def _cells(cells: pd.Series, categorical: bool) -> list:
    return cells.astype(str).tolist() if categorical and cells.dtype == object else cells.tolist()


def strata_of(trial: Trial, rows: pd.DataFrame) -> np.ndarray | None:
    """A label of each row's stratum, or None without strata."""
    names = list(trial.protocol.analysis.strata)
    return rows[names].astype(str).agg(" ".join, axis=1).to_numpy() if names else None
