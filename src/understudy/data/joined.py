"""joined: records and what came in later, as one table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem
from understudy.data.records import Records

if TYPE_CHECKING:
    import pandas as pd

_SAME = ("id", "time", "evid", "amt", "dv", "dvid", "cmt")


def join(records: Records, more: Records) -> Records:
    """Old and new records of the same patients and of others, each patient's in the order of time.

    Parameters
    ----------
    records : Records
    more : Records
        In the same units. A new record comes after the old ones of its time. Covariates that it has not stay as they
        were last; those that the old records have not are left out.

    Returns
    -------
    Records
        Old lines keep their numbers (``row``), new ones are numbered on.

    Raises
    ------
    DataError
        For a record that is there already, other units, or a covariate that a new patient has not.

    Examples
    --------
    >>> import pandas as pd
    >>> old = Records.from_frame(pd.DataFrame({"ID": 1, "TIME": [0, 2], "AMT": [25, 0], "DV": [None, 17.3]}))
    >>> new = Records.from_frame(pd.DataFrame({"ID": [1, 2], "TIME": [12, 0], "DV": [12.1, 3.0]}))
    >>> join(old, new).table[["row", "id", "time", "dv"]]
       row id  time    dv
    0    2  1   0.0   NaN
    1    3  1   2.0  17.3
    2    4  1  12.0  12.1
    3    5  2   0.0   3.0
    """
    _require_units(records, more)
    _require_new(records.table, more.table, more.source)
    return insert(records, more.table, more.source)


def insert(records: Records, rows: pd.DataFrame, source: str = "the new records") -> Records:
    """Records with further rows, each after the old ones of its time.

    Parameters
    ----------
    records : Records
    rows : DataFrame
        Columns of `Records.table` (``row`` and covariates may be missing), in the same units; checked by the caller.
    source : str
        For errors.

    Raises
    ------
    DataError
        For a covariate that a new patient has not.
    """
    old, new = records.table, rows.copy()
    for name in records.covariates:
        if name not in new:
            new[name] = np.nan
    new["row"] = int(old["row"].max()) + 1 + np.arange(len(new))
    return replace(records, data=_filled(_ordered(old, new), records, source))


def _ordered(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    both = pd.concat([old, new[list(old.columns)]], ignore_index=True)
    place = {name: k for k, name in enumerate(both["id"].unique())}
    order = np.lexsort((np.arange(len(both)), both["time"].to_numpy(), both["id"].map(place).to_numpy()))
    return both.iloc[order].reset_index(drop=True)


def _filled(table: pd.DataFrame, records: Records, source: str) -> pd.DataFrame:
    """Covariates and occasions of new records that say none, carried forward."""
    names = list(records.covariates)
    if names:
        table[names] = table.groupby("id", sort=False)[names].ffill()
        missing = table[names].isna() & ~table["id"].isin(records.ids).to_numpy()[:, None]
        lacking = [
            Problem(f"a new patient has no {name}", "give the covariate", column=name, value=str(own))
            for name in names
            for own in table.loc[missing[name], "id"].unique()
        ]
        if lacking:
            raise DataError(lacking, place=source)
    silent = table["occ"] == ""
    if silent.any() and not silent.all():
        table["occ"] = table["occ"].mask(silent).groupby(table["id"], sort=False).ffill().fillna("")
    return table


def _require_units(records: Records, more: Records) -> None:
    problems = [
        Problem(
            f"{name} is in {unit} here, in {records.units[name]} in the old records",
            "convert it",
            column=name,
        )
        for name, unit in more.units.items()
        if name in records.units and records.units[name] != unit
    ]
    if problems:
        raise DataError(problems, place=more.source)


def _require_new(old: pd.DataFrame, new: pd.DataFrame, source: str) -> None:
    """No record twice, nobody's doses and levels counted again."""
    keys = {key for key in old[list(_SAME)].fillna(-np.inf).itertuples(index=False, name=None)}
    again = [key in keys for key in new[list(_SAME)].fillna(-np.inf).itertuples(index=False, name=None)]
    problems = [
        Problem("this record is there already", "leave it out: only what is new is assimilated", int(row))
        for row in new["row"][again]
    ]
    if problems:
        raise DataError(problems, place=source)
