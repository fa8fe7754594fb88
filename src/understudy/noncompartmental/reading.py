"""Reading: from records to the profiles that are analysed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem, UnderstudyError, UnitError
from understudy.core.units import UNKNOWN, convert, factor
from understudy.data.layout import nearest
from understudy.data.records import Records
from understudy.noncompartmental.profile import GivenDose, Profile, patient_doses, require_usable_doses
from understudy.noncompartmental.question import Question

if TYPE_CHECKING:
    import pandas as pd

_CENSORED = {"CENS": "cens", "BLQ": "BLQ"}
# The name of the only output of records that name none.
_ONLY = "DV"


@dataclass(frozen=True, eq=False)
class Reading:
    """What there is to analyse.

    Parameters
    ----------
    profiles : tuple of Profile
        By patient, in the records' order, and output.
    units : mapping of output to (str, str, str)
        Units of time, concentration and amount.
    unmeasured : tuple of str
        Patients without a measurement.
    """

    profiles: tuple[Profile, ...]
    units: Mapping[str, tuple[str, str, str]]
    unmeasured: tuple[str, ...] = ()


def read(records: Records, question: Question) -> Reading:
    """The profiles of the records.

    Raises
    ------
    DataError, UnderstudyError, UnitError
        See `nca`.
    """
    question.require_sense(records)
    time, amount, factors = _units(records)
    require_usable_doses(records.doses, question.route, records.source)
    _require_something(records, question)
    table = _table(records, question)
    measured = _measured(records, table, question)
    question.require_times(measured)
    doses = _doses(table, question, factors)
    units = {
        output: (time, _dv_unit(records, output), amount) for output in dict.fromkeys(measured["output"])
    }
    profiles = tuple(_profiles(table, measured, doses, question))
    seen = set(measured["id"])
    unmeasured = tuple(name for name in records.ids if name not in seen)
    return Reading(profiles, units, unmeasured)


def _doses(
    table: pd.DataFrame, question: Question, factors: Mapping[str, float]
) -> dict[str, tuple[GivenDose, ...]]:
    """The doses of each patient."""
    rows: dict[str, list[dict]] = {name: [] for name in table["id"].unique()}
    for row in table[table["evid"].isin((1, 4))].to_dict("records"):
        rows[row["id"]].append(row)
    starts: dict[str, dict[int, float]] = {name: {} for name in rows}
    for (name, segment), time in table.groupby(["id", "segment"], sort=False)["time"].first().items():
        starts[name][segment] = time
    last = table.groupby("id", sort=False)["time"].max()
    return {
        name: patient_doses(rows[name], starts[name], last[name], question.route, tuple(question.by), factors)
        for name in rows
    }


def _units(records: Records) -> tuple[str, str, dict[str, float]]:
    """Unit of time, unit of amounts, and what amounts into each compartment are multiplied by."""
    dosed = list(dict.fromkeys(records.doses["cmt"]))
    measured = (unit for name, unit in records.units.items() if name.partition(":")[0] == "dv")
    wanted = [("TIME", records.unit("time")), ("DV", next(measured, ""))]
    for name, unit in (*wanted, *(("AMT", records.unit("amt", cmt)) for cmt in dosed)):
        if not unit or UNKNOWN in unit:
            raise UnitError(
                f"{name} has no declared unit",
                place=records.source,
                repair="declare units: TIME=h,AMT=mg,DV=mg/L",
            )
    amounts = [records.unit("amt", cmt) for cmt in dosed]
    first = amounts[0] if amounts else "1"
    return (
        records.unit("time"),
        first,
        {cmt: factor(unit, first) for cmt, unit in zip(dosed, amounts, strict=True)},
    )


def _dv_unit(records: Records, output: str) -> str:
    unit = records.unit("dv", output)
    if not unit:
        repair = f'declare it: {{"DV": {{"{output}": "mg/L"}}}}, or choose the outputs wanted'
        raise UnitError(f"DV {output} has no declared unit", place=records.source, repair=repair)
    return unit


def _require_something(records: Records, question: Question) -> None:
    problems = []
    if not len(records.doses) and question.intervals is None:
        cause = "there is no dose"
        repair = "write doses as rows with AMT, or give `intervals` for areas without clearance"
        problems.append(Problem(cause, repair, column="AMT"))
    if not len(records.observations):
        problems.append(
            Problem("there is no measurement", "write concentrations as rows with DV", column="DV")
        )
    if problems:
        raise DataError(problems, place=records.source)


def _table(records: Records, question: Question) -> pd.DataFrame:
    """The records with their place, their segment between resets, and nominal times where wanted."""
    table = records.table
    table["place"] = np.arange(len(table))
    reset = table["evid"].isin((3, 4)) | ((table["evid"] == 1) & (table["ss"] == 1))
    table["segment"] = reset.groupby(table["id"]).cumsum().astype(int)
    if question.nominal_time is not None:
        table["time"] = _nominal(records, table, question.nominal_time)
    return table


def _nominal(records: Records, table: pd.DataFrame, column: str) -> np.ndarray:
    times, used = table[column].to_numpy(), table["evid"].isin((0, 1, 4)).to_numpy()
    ids, lines = table["id"].to_numpy(), table["row"].to_numpy()
    repair = "write nominal times of doses and measurements, on the clock of TIME"
    problems = [
        Problem("no nominal time", repair, int(line), column) for line in lines[used & np.isnan(times)]
    ]
    back = np.r_[False, (times[1:] < times[:-1]) & (ids[1:] == ids[:-1])]
    problems += [Problem("the nominal time goes back", repair, int(line), column) for line in lines[back]]
    if problems:
        raise DataError(problems, place=records.source)
    unit = records.unit(column)
    return convert(times, unit, records.unit("time")) if unit else times


def _measured(records: Records, table: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Measurements of the outputs wanted, with zero where below the limit of quantification."""
    seen = table[(table["evid"] == 0) & (table["mdv"] == 0)].copy()
    seen["output"] = _outputs(seen)
    known = list(dict.fromkeys(seen["output"]))
    for output in question.outputs or ():
        if output not in known:
            raise UnderstudyError(
                f"there is no output {output!r}", place=records.source, repair=nearest(output, known)
            )
    seen = seen[seen["output"].isin(question.outputs or known)]
    limits = seen["output"].map(question.limit).to_numpy()
    below = (seen["dv"].to_numpy() < limits) & (limits > 0)
    for name, column in _CENSORED.items():
        if column in seen:
            _require_lower(records, seen, name, column)
            below |= (seen[column] == 1).to_numpy()
    if "lloq" in seen:
        below |= (seen["dv"] < seen["lloq"]).to_numpy()
    seen["dv"] = seen["dv"].mask(below, 0.0)
    _require_positive(records, seen)
    return seen


def _outputs(seen: pd.DataFrame) -> pd.Series:
    """Name of the output of each measurement: its DVID, or its CMT where these differ."""
    if (seen["dvid"] != "").any():
        return seen["dvid"]
    return seen["cmt"] if seen["cmt"].nunique() > 1 else seen["dvid"].mask(seen["dvid"] == "", _ONLY)


def _require_lower(records: Records, seen: pd.DataFrame, name: str, column: str) -> None:
    above = seen[seen[column] < 0]
    cause, repair = (
        "a concentration above the limit of quantification",
        "leave it out (MDV = 1), or give its value",
    )
    if len(above):
        raise DataError(
            [Problem(cause, repair, int(row), name) for row in above["row"]], place=records.source
        )


def _require_positive(records: Records, seen: pd.DataFrame) -> None:
    repair = "write 0 where it is below the limit of quantification, or choose the outputs wanted"
    negative = seen[seen["dv"] < 0]
    problems = [
        Problem("a negative concentration", repair, int(row.row), "DV", f"{row.dv:g}")
        for row in negative.itertuples()
    ]
    if problems:
        raise DataError(problems, place=records.source)


def _profiles(
    table: pd.DataFrame,
    measured: pd.DataFrame,
    doses: Mapping[str, tuple[GivenDose, ...]],
    question: Question,
) -> Iterator[Profile]:
    firsts = table.drop_duplicates("id")
    values = firsts[list(question.by)].to_dict("records")
    groups = {name: tuple(row.values()) for name, row in zip(firsts["id"], values, strict=True)}
    for (name, output), rows in measured.groupby(["id", "output"], sort=False):
        yield Profile(
            name,
            output,
            rows["time"].to_numpy(),
            rows["dv"].to_numpy(),
            rows["place"].to_numpy(),
            rows["row"].to_numpy(),
            rows["segment"].to_numpy(),
            doses[name],
            groups[name],
        )
