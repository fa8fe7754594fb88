"""RecordsReport: what is in a table of records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem
from understudy.data.draft import DOSE_EVENTS

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

_CENSORED = ("BLQ",)


@dataclass(frozen=True)
class Spread:
    """Smallest, middle and largest of some numbers.

    Parameters
    ----------
    minimum, median, maximum : float
    """

    minimum: float
    median: float
    maximum: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of numbers; not-a-numbers are left out, and all three are not-a-number where nothing is left.

        Examples
        --------
        >>> print(Spread.of([3, 1, 2]))
        1 to 3, median 2
        """
        known = np.asarray(list(values), dtype=float)
        known = known[np.isfinite(known)]
        if not known.size:
            return cls(np.nan, np.nan, np.nan)
        return cls(float(known.min()), float(np.median(known)), float(known.max()))

    def __str__(self) -> str:
        if self.minimum == self.maximum:
            return f"{self.median:.6g}"
        return f"{self.minimum:.6g} to {self.maximum:.6g}, median {self.median:.6g}"


@dataclass(frozen=True)
class OutputReport:
    """Measurements of one output.

    Parameters
    ----------
    name : str
        DVID, empty where there is only one.
    unit : str
    count : int
    values : Spread
    not_positive : int
        How many are zero or negative.
    limit : float or None
        Lower limit of quantification, where given.
    below_limit : int
        How many are below it, or marked in a column CENS or BLQ.
    """

    name: str
    unit: str
    count: int
    values: Spread
    not_positive: int
    limit: float | None
    below_limit: int


@dataclass(frozen=True)
class CovariateReport:
    """One covariate over patients.

    Parameters
    ----------
    name, unit : str
    varying : int
        Patients in whom it changes; 0 is a constant covariate.
    missing : int
        Patients in whom it is never known.
    incomplete : int
        Patients in whom it is known on some records only.
    values : Spread
        Of the patients' first known values.
    """

    name: str
    unit: str
    varying: int
    missing: int
    incomplete: int
    values: Spread


@dataclass(frozen=True)
class RecordsReport:
    """What is in a table; prints as a paragraph a person can check.

    Parameters
    ----------
    source, hash : str
    records, patients : int
    dose_records, doses : int
        Rows, and doses given (with ADDL).
    outputs : tuple of OutputReport
    records_per_patient, doses_per_patient, observations_per_patient : Spread
    first_time, last_time : float
        In `time_unit`; the last counts additional doses.
    time_unit : str
        Empty where it is not declared.
    covariates : tuple of CovariateReport
    notes, warnings : tuple of str
        What was left aside when it was read, and what deserves a look.
    """

    source: str
    hash: str
    records: int
    patients: int
    dose_records: int
    doses: int
    outputs: tuple[OutputReport, ...]
    records_per_patient: Spread
    doses_per_patient: Spread
    observations_per_patient: Spread
    first_time: float
    last_time: float
    time_unit: str
    covariates: tuple[CovariateReport, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def observations(self) -> int:
        """Measurements of all outputs."""
        return sum(output.count for output in self.outputs)

    def to_frame(self) -> pd.DataFrame:
        """The same as a table with columns ``item``, ``value`` and ``detail``."""
        import pandas as pd

        return pd.DataFrame(list(_lines(self)), columns=["item", "value", "detail"])

    def __str__(self) -> str:
        rows = [(item, f"{value}{f' ({detail})' if detail else ''}") for item, value, detail in _lines(self)]
        width = max(len(item) for item, _ in rows)
        return "\n".join(f"{item:<{width}}  {text}" for item, text in rows)


def make_report(records: Records, limits: Mapping[str, float]) -> RecordsReport:
    """See `Records.report`."""
    table = records.data
    by_patient = table.groupby("id", sort=False)
    dose = table["evid"].isin(DOSE_EVENTS)
    seen = (table["evid"] == 0) & (table["mdv"] == 0)
    given = (table["addl"] + 1).where(dose, 0)
    last = table["time"] + (table["addl"] * table["ii"]).where(dose, 0)
    return RecordsReport(
        source=records.source,
        hash=records.hash,
        records=len(table),
        patients=by_patient.ngroups,
        dose_records=int(dose.sum()),
        doses=int(given.sum()),
        outputs=_outputs(records, limits),
        records_per_patient=Spread.of(by_patient.size()),
        doses_per_patient=Spread.of(given.groupby(table["id"], sort=False).sum()),
        observations_per_patient=Spread.of(seen.groupby(table["id"], sort=False).sum()),
        first_time=float(table["time"].min()),
        last_time=float(last.max()),
        time_unit=records.unit("time"),
        covariates=tuple(_covariate(records, name) for name in records.covariates),
        notes=records.notes,
        warnings=tuple(_warnings(records, dose, seen)),
    )


def _outputs(records: Records, limits: Mapping[str, float]) -> tuple[OutputReport, ...]:
    observed = records.observations
    names = tuple(observed["dvid"].unique())
    repair = f"outputs: {', '.join(map(repr, names)) or 'none'}"
    unknown = [Problem(f"no output {name!r} to have a limit", repair) for name in limits if name not in names]
    if unknown:
        raise DataError(unknown, place=records.source)
    return tuple(
        _output(records, observed[observed["dvid"] == name], name, limits.get(name)) for name in names
    )


def _output(records: Records, rows: pd.DataFrame, name: str, limit: float | None) -> OutputReport:
    below = rows["dv"] < limit if limit is not None else rows["dv"] != rows["dv"]
    for flag in set(_CENSORED) & set(records.covariates):
        below |= rows[flag] == 1
    if "cens" in rows:
        below |= rows["cens"] == 1
    if "lloq" in rows:
        below |= rows["dv"] < rows["lloq"]
    values, unit = Spread.of(rows["dv"]), records.unit("dv", name)
    return OutputReport(name, unit, len(rows), values, int((rows["dv"] <= 0).sum()), limit, int(below.sum()))


def _covariate(records: Records, name: str) -> CovariateReport:
    by_patient = records.data.groupby("id", sort=False)[name]
    known, size = by_patient.count(), by_patient.size()
    varying = int((by_patient.nunique() > 1).sum())
    incomplete = int(((known > 0) & (known < size)).sum())
    unit = records.unit(name)
    return CovariateReport(
        name, unit, varying, int((known == 0).sum()), incomplete, Spread.of(by_patient.first())
    )


def _warnings(records: Records, dose: pd.Series, seen: pd.Series) -> Iterable[str]:
    table = records.data
    ids = table["id"]
    has_dose, has_seen = dose.groupby(ids, sort=False).any(), seen.groupby(ids, sort=False).any()
    dosed = dose.groupby(ids).cumsum() > 0
    early = ids[seen & ~dosed & ids.map(has_dose)].unique()
    if len(early):
        yield f"observation before any dose: {_patients(early)}"
    if has_dose.any() and not has_dose.all():
        yield f"no dose: {_patients(has_dose.index[~has_dose])}"
    if not has_seen.all():
        yield f"no observation: {_patients(has_seen.index[~has_seen])}"
    for name in records.covariates:
        missing = table[name].groupby(ids, sort=False).count() == 0
        if missing.any():
            yield f"no {name}: {_patients(missing.index[missing])}"
    low = seen & (table["dv"] <= 0)
    if low.any():
        rows = table.loc[low, "row"].tolist()
        shown = ", ".join(map(str, rows[:8])) + (", …" if len(rows) > 8 else "")
        yield f"{len(rows)} measurement{'s' if len(rows) > 1 else ''} of zero or less (row {shown})"


def _patients(ids: Iterable[str], shown: int = 8) -> str:
    ids = list(ids)
    named = ", ".join(ids[:shown]) + (f" and {len(ids) - shown} more" if len(ids) > shown else "")
    return f"patient{'s' if len(ids) > 1 else ''} {named}"


def _lines(report: RecordsReport) -> Iterable[tuple[str, str, str]]:
    """Item, value and detail of every line of the report."""
    per = "a patient: "
    yield "file", report.source, f"SHA-256 {report.hash[:12]}"
    yield "patients", str(report.patients), ""
    yield "records", str(report.records), f"{per}{report.records_per_patient}"
    rows = "" if report.doses == report.dose_records else f"on {report.dose_records} records; "
    yield "doses", str(report.doses), f"{rows}{per}{report.doses_per_patient}"
    yield "observations", str(report.observations), f"{per}{report.observations_per_patient}"
    for output in report.outputs:
        if output.name:
            yield f"output {output.name}", str(output.count), _with_unit(output.values, output.unit)
        elif output.count:
            yield "measured", str(output.values), output.unit
        if output.limit is not None or output.below_limit:
            limit = f"{output.limit:g} {output.unit}".strip() if output.limit is not None else ""
            yield f"below limit {output.name}".strip(), str(output.below_limit), limit
    yield "time", f"{report.first_time:.6g} to {report.last_time:.6g}", report.time_unit
    for item in report.covariates:
        yield f"covariate {item.name}", _with_unit(item.values, item.unit), _gaps(item)
    yield from (("note", text, "") for text in report.notes)
    yield from (("warning", text, "") for text in report.warnings)


def _with_unit(values: Spread, unit: str) -> str:
    return f"{values} {unit}".strip() if unit != "1" else str(values)


def _gaps(item: CovariateReport) -> str:
    told = [
        f"varying in {item.varying} patient{'s' if item.varying > 1 else ''}" if item.varying else "constant"
    ]
    told += [f"missing in {item.missing}"] if item.missing else []
    told += [f"known on some records only in {item.incomplete}"] if item.incomplete else []
    return ", ".join(told)
