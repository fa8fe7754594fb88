"""Summary: what was found, in three to five sentences made from the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.core.unit_label import unit_label
from understudy.dossier.number import (
    figures,
    is_number,
    listed,
    normal_interval,
    percent,
    percent_digits,
    percent_interval,
)
from understudy.dossier.report_content import ReportContent
from understudy.inference.hold_out import METHODS
from understudy.plot.label import sentence_case

if TYPE_CHECKING:
    import pandas as pd

_MOST = 5
_ENOUGH = 0.5
_NOTICED = 0.05


def summarise(content: ReportContent) -> tuple[str, ...]:
    """The sentences at the head of the report.

    Says what the numbers say: that no regimen is good enough where none keeps patients in range for half of the
    time, that regimens are tied where they differ by less than two Monte Carlo standard errors, that
    individualising did not help where it did not, and whom the numbers leave out.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    tuple of str
        At most five; what could not be said for lack of numbers is left out.
    """
    failed = _failures(content)
    found = [_best(content), _doses(content), _forecast(content), _coverage(content), _strata(content)]
    kept = [sentence for sentence in found if sentence][: _MOST - bool(failed)]
    return (*kept, *([failed] if failed else []))


def overall(content: ReportContent) -> pd.DataFrame:
    """Attainment of all patients together: of the virtual ones where there are any, over time where measured.

    Returns
    -------
    DataFrame
        The rows of `content.attainment`, the best regimen first.
    """
    rows = content.attainment
    for column, preferred in (("by", "all"), ("source", "virtual"), ("measure", "time")):
        if len(rows) and (rows[column] == preferred).any():
            rows = rows[rows[column] == preferred]
    return rows.sort_values("within", ascending=False, kind="stable") if len(rows) else rows


def tied(rows: pd.DataFrame) -> list[str]:
    """Regimens whose share differs from the first one's by less than two Monte Carlo standard errors."""
    best = rows.iloc[0]
    error = np.hypot(rows["se"].fillna(0.0), best["se"] if is_number(best["se"]) else 0.0)
    near = best["within"] - rows["within"] <= 2 * error
    return rows["regimen"][near].tolist()[1:]


def _best(content: ReportContent) -> str:
    rows = overall(content)
    if not len(rows):
        return ""
    best, level = rows.iloc[0], content.described(content.target.output)
    who = "virtual patients" if best["source"] == "virtual" else "patients in the records"
    share = "of the time" if best["measure"] == "time" else "at the last trough"
    among = f"{int(best['n']):,} {who}"
    numbers = _interval(best)
    rest = f"{percent(best['below'])} below and {percent(best['above'])} above"
    if best["within"] < _ENOUGH:
        head = (
            f"No regimen of the {len(rows)} compared keeps {level} within {content.range_text} for half {share}"
            if best["measure"] == "time"
            else f"No regimen of the {len(rows)} compared keeps {level} within {content.range_text} in half of the "
            "patients at the last trough"
        )
        sentence = f"{head}: the best, {best['regimen']}, reaches {numbers} among {among}, with {rest}."
    else:
        sentence = (
            f"Among {among}, {best['regimen']} keeps {level} within {content.range_text} most often: "
            f"{numbers} {share}, with {rest}."
        )
    others = tied(rows)
    verb = "does" if len(others) == 1 else "do"
    return sentence + (
        f" {sentence_case(listed(others))} {verb} as well within simulation error." if others else ""
    )


def _interval(row: pd.Series) -> str:
    if not is_number(row["se"]):
        return percent(row["within"])
    low, high = normal_interval(row["within"], row["se"])
    digits = percent_digits(low, high)
    return f"{percent(row['within'], digits)} (95\xa0% interval {percent_interval(low, high, digits)})"


def _doses(content: ReportContent) -> str:
    table = content.doses
    if not len(table):
        return ""
    counts = table["best"].value_counts(sort=False).sort_values(ascending=False, kind="stable")
    first, *others = counts.items()
    each = listed([f"{first[1]} of the {len(table)} patients do best on {first[0]}", *_each(others)])
    whom = each if others else f"all {len(table)} patients do best on {first[0]}"
    short = table.loc[table["within"] < _ENOUGH, "id"].tolist()
    tail = (
        f"; no regimen keeps {_patients(short)} in range for half of the time"
        if short
        else ", and each is expected to be in range for at least half of the time"
    )
    return f"Judged by each patient's own levels, {whom}{tail}."


def _each(counts: list[tuple[str, int]]) -> list[str]:
    return [f"{count} on {regimen}" for regimen, count in counts]


def _patients(names: list[str]) -> str:
    return f"patient{'s' if len(names) > 1 else ''} {listed(names)}"


def _forecast(content: ReportContent) -> str:
    scores = _scores(content)
    twin, previous = scores.get("individual"), scores.get("previous")
    sentence = content.forecast_sentence.strip()
    if not sentence or twin is None or previous is None or not previous["mae"] <= twin["mae"]:
        return sentence
    unit = unit_label(content.unit(content.first_output))
    return (
        f"{sentence} Carrying each patient's previous level forward was no worse "
        f"({figures(previous['mae'], 2)} {unit})."
    )


def _coverage(content: ReportContent) -> str:
    twin = _scores(content).get("individual")
    if twin is None or not is_number(twin["coverage"]):
        return ""
    low, high = twin["coverage_low"], twin["coverage_high"]
    nominal = content.interval
    verdict = (
        "too few: they are too narrow"
        if high < nominal
        else "more than they need to: they are too wide"
        if low > nominal
        else "as many as they should"
    )
    return (
        f"The {percent(nominal)} prediction intervals held {percent(twin['coverage'])} of the {int(twin['n'])} "
        f"held-back levels (95\xa0% interval {percent_interval(low, high)}), {verdict}."
    )


def _scores(content: ReportContent) -> dict[str, pd.Series]:
    """The score of each method, by its column in the forecast."""
    keys = {label: key for key, label in METHODS.items()}
    return {keys.get(row["method"], row["method"]): row for _, row in content.forecast_scores.iterrows()}


def _strata(content: ReportContent) -> str:
    """Where the best regimen is at its weakest, if that differs from the rest by more than simulation error."""
    ranked = overall(content)
    if not len(ranked):
        return ""
    best, rows = ranked.iloc[0], content.attainment
    chosen = (rows["by"] != "all") & (
        rows[["source", "regimen", "measure"]] == best[["source", "regimen", "measure"]]
    ).all(axis=1)
    strata = rows[chosen].sort_values("within", kind="stable")
    if len(strata) < 2:
        return ""
    worst, top = strata.iloc[0], strata.iloc[-1]
    if top["within"] - worst["within"] <= max(_NOTICED, 2 * np.hypot(worst["se"], top["se"])):
        return (
            f"Under {best['regimen']} no stratum stands out: the share within range lies between "
            f"{percent(worst['within'])} and {percent(top['within'])}."
        )
    return (
        f"Under {best['regimen']} the range is hardest to keep in the stratum {worst['stratum']} "
        f"({percent(worst['within'])}) and easiest in {top['stratum']} ({percent(top['within'])})."
    )


def _failures(content: ReportContent) -> str:
    if not content.failures:
        return ""
    names = list(content.failures)
    verb = "is" if len(names) == 1 else "are"
    return f"{sentence_case(_patients(names))} could not be simulated and {verb} left out of these numbers."
