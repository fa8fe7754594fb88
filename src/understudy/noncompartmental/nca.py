"""nca: non-compartmental analysis of patients' records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from understudy.core.record import Record, Stopwatch
from understudy.data.records import Records
from understudy.noncompartmental.analysis import analyse
from understudy.noncompartmental.interval import after_doses, as_named
from understudy.noncompartmental.profile import Profile
from understudy.noncompartmental.question import Question, Spans, Times
from understudy.noncompartmental.reading import Reading, read
from understudy.noncompartmental.result import NCA
from understudy.noncompartmental.rules import NCARules
from understudy.noncompartmental.tables import Finding, collect

_CITATIONS = (
    "Gabrielsson J, Weiner D. Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed. 2016",
    "Denney W, Duvvuri S, Buckeridge C. 2015, doi:10.1007/s10928-015-9432-2",
    "Purves RD. 1992, doi:10.1007/BF01062336",
)


def nca(
    records: Records,
    *,
    route: str | Mapping[str, str] = "extravascular",
    outputs: Sequence[str] | None = None,
    by: Sequence[str] = (),
    categories: Mapping[str, Mapping[str, float]] | None = None,
    lloq: float | Mapping[str, float] | None = None,
    intervals: Spans | None = None,
    partial: Spans = (),
    tau: float | None = None,
    steady_state: float | None = None,
    nominal_time: str | None = None,
    slope_points: Times | None = None,
    slope_exclude: Times | None = None,
    rules: NCARules | None = None,
) -> NCA:
    """Analyse each patient's concentrations without a model: areas, half-life, clearance, volumes.

    Each dose that is followed by two measurements or more, up to the next one, is an interval. It has an end where
    the dosing interval is known and measured, or at steady state.

    Parameters
    ----------
    records : Records
        With units of TIME, AMT and DV. A concentration of zero, one below `lloq`, or one marked 1 in a column
        CENS or BLQ is below the limit of quantification.
    route : {"extravascular", "iv"} or mapping of CMT to these
        How doses are given; intravenous ones with a RATE are infusions, others boluses.
    outputs : sequence of str, optional
        Which DVID, or CMT where the records have no DVID; by default all.
    by : sequence of str
        Columns that group patients or periods, by their value on the row of the dose: covariates, OCC or CMT.
    categories : mapping, optional
        Words for the numbers in these columns, as for `Records.read_csv`.
    lloq : float or mapping of output to float, optional
        Lower limit of quantification, in the unit of DV.
    intervals : sequence of (start, end), optional
        Intervals on the records' clock instead of one after each dose; the end may be infinite.
    partial : sequence of (from, to)
        Partial areas wanted in each interval, in time since its start.
    tau : float, optional
        Dosing interval, where the records do not have it.
    steady_state : float, optional
        Doses from this time on are at steady state, beside those that the records mark by SS.
    nominal_time : str, optional
        Column of nominal times to be used in the place of TIME, on the same clock.
    slope_points, slope_exclude : mapping of patient to times, optional
        The concentrations that make up the regression for lambda-z, or that do not enter it.
    rules : NCARules, optional
        Conventions; those of PKNCA by default.

    Returns
    -------
    NCA

    Raises
    ------
    DataError
        For records without doses (unless there are `intervals`) or measurements, negative concentrations, or doses
        that have no such analysis.
    UnderstudyError, UnitError
        For settings that do not fit the records, or units that are missing.

    References
    ----------
    Gabrielsson & Weiner, Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed. 2016; Denney, Duvvuri and
    Buckeridge 2015, doi:10.1007/s10928-015-9432-2; Purves 1992, doi:10.1007/BF01062336.

    Examples
    --------
    >>> import pandas as pd
    >>> from understudy import Records
    >>> frame = pd.DataFrame({"ID": 1, "TIME": [0, 1, 2, 4, 8], "AMT": [100, 0, 0, 0, 0],
    ...                       "DV": [None, 8, 4, 1, 0.0625]})
    >>> records = Records.from_frame(frame, units={"TIME": "h", "AMT": "mg", "DV": "mg/L"})
    >>> found = nca(records, route="iv")
    >>> round(found.value("half_life"), 9), found.value("c0"), round(found.value("cl_obs"), 3)
    (1.0, 16.0, 4.332)
    """
    watch = Stopwatch()
    question = Question(
        route,
        outputs,
        by,
        lloq,
        intervals,
        partial,
        tau,
        steady_state,
        nominal_time,
        slope_points or {},
        slope_exclude or {},
        rules or NCARules(),
    )
    reading = read(records, question)
    findings = [found for profile in reading.profiles for found in _findings(profile, question)]
    tables = collect(findings, _skipped(reading, findings), reading.units, tuple(by), categories or {})
    record = Record.make(
        "nca",
        stopwatch=watch,
        inputs={"records": records.hash},
        method=question.rules.area,
        settings=question.to_json(),
        citations=_CITATIONS,
    )
    return NCA(*tables, tuple(by), reading.units, record)


def _findings(profile: Profile, question: Question) -> list[Finding]:
    rules, steady = question.rules, question.steady_state
    if question.intervals is None:
        made = after_doses(profile, rules, question.tau, steady)
    else:
        made = as_named(profile, rules, question.intervals, steady)
    points = question.slope_points.get(profile.id, ())
    excluded = question.slope_exclude.get(profile.id, ())
    return [
        Finding(profile, interval, analyse(interval, rules, question.partial, points, excluded))
        for interval in made
    ]


def _skipped(reading: Reading, findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    """Patient, output and reason, of those that have no interval."""
    found = {(each.profile.id, each.profile.output) for each in findings}
    none = [
        (each.id, each.output, _why(each)) for each in reading.profiles if (each.id, each.output) not in found
    ]
    return none + [(name, "", "no measurement") for name in reading.unmeasured]


def _why(profile: Profile) -> str:
    if not profile.doses:
        return "no dose"
    if profile.times.max() <= profile.doses[0].time:
        return "all measurements are before the first dose"
    return "no dose is followed by two measurements before the next one"
