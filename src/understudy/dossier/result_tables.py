"""Result tables: forecast scores, target attainment and doses, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from markupsafe import Markup

from understudy.dossier.figures import SOURCES
from understudy.dossier.number import (
    MISSING,
    compact,
    figures,
    is_number,
    like,
    normal_interval,
    percent,
    percent_digits,
    percent_interval,
)
from understudy.dossier.page import Column, Table
from understudy.dossier.report_content import ReportContent
from understudy.plot.label import sentence_case
from understudy.plot.theme import ABOVE, BELOW, WITHIN

if TYPE_CHECKING:
    import pandas as pd

_MEASURES = {"time": "Share of time, whole course", "trough": "Share of patients, last trough"}
_BAR = 60.0
_SHORT = 24
_UNCERTAIN = " Shares are means over the sets of parameters drawn from how sure the fit is of them."


def forecast_scores(content: ReportContent) -> Table | None:
    """Errors and coverage of each way of forecasting.

    Parameters
    ----------
    content : ReportContent
    """
    frame, unit = content.forecast_scores, content.unit(content.first_output)
    if not len(frame):
        return None
    columns = (
        Column("Forecast from"),
        Column("Levels", numeric=True),
        Column("Mean absolute error", unit, numeric=True),
        Column("Root mean squared error", unit, numeric=True),
        Column("Bias", unit, numeric=True),
        Column(f"Held by the {percent(content.interval)} interval", numeric=True),
        Column("95\xa0% interval of that", numeric=True),
    )
    rows = tuple(
        (
            sentence_case(str(row["method"])),
            f"{int(row['n']):,}",
            figures(row["mae"]),
            figures(row["rmse"]),
            _signed(row["bias"], row["mae"]),
            percent(row["coverage"]) if is_number(row["coverage"]) else "no interval",
            percent_interval(row["coverage_low"], row["coverage_high"]),
        )
        for _, row in frame.iterrows()
    )
    return Table(columns, rows, "Forecast of the held-back levels. Bias is forecast minus observed.")


def _signed(value: float, beside: float) -> str:
    return f"+{like(value, beside)}" if is_number(value) and value > 0 else like(value, beside)


def attainment_table(content: ReportContent) -> Table | None:
    """Shares below, within and above for all patients together, by source, regimen and measure."""
    frame = content.attainment
    rows = frame[frame["by"] == "all"] if len(frame) else frame
    if not len(rows):
        return None
    measures = [measure for measure in _MEASURES if measure in set(rows["measure"])]
    columns = [Column("Regimen", manner=_manner(content))]
    for measure in measures:
        columns += [
            Column(word, numeric=True, group=_MEASURES[measure])
            for word in ("Below", "Within", "95\xa0% interval", "Above")
        ]
    found = [
        row
        for source in dict.fromkeys(rows["source"])
        for row in _source_rows(content, rows, source, measures)
    ]
    return Table(
        tuple(columns),
        tuple(found),
        f"Target attainment, {content.range_text}. The interval is the simulation's (Monte Carlo) alone."
        + (_UNCERTAIN if content.fit and content.fit.drawn else ""),
    )


def _manner(content: ReportContent) -> str:
    """Short labels stay on one line."""
    return "label" if max(map(len, content.regimen_labels), default=0) <= _SHORT else ""


def _source_rows(
    content: ReportContent, rows: pd.DataFrame, source: str, measures: list[str]
) -> Iterator[tuple]:
    """A heading for one source, and a row for each regimen."""
    part = rows[rows["source"] == source]
    digits = max(percent_digits(*normal_interval(row["within"], row["se"])) for _, row in part.iterrows())
    yield (f"{SOURCES.get(source, source)} (n = {int(part['n'].iloc[0]):,})",)
    order = {name: k for k, name in enumerate(content.regimen_labels)}
    for regimen in sorted(dict.fromkeys(part["regimen"]), key=lambda name: order.get(name, len(order))):
        chosen = part[part["regimen"] == regimen].set_index("measure")
        yield (regimen, *(cell for measure in measures for cell in _shares(chosen, measure, digits)))


def _shares(chosen: pd.DataFrame, measure: str, digits: int) -> tuple[str, ...]:
    if measure not in chosen.index:
        return (MISSING,) * 4
    row = chosen.loc[measure]
    interval = percent_interval(*normal_interval(row["within"], row["se"]), digits)
    below, within, above = (percent(row[zone], digits) for zone in ("below", "within", "above"))
    return below, within, interval, above


def dose_table(content: ReportContent) -> Table | None:
    """One row a patient: covariates, individual parameters and the best regimen."""
    frame = content.doses
    if not len(frame):
        return None
    own = content.covariates_in_doses
    parameters = {parameter.name: parameter.unit for parameter in content.model.structural.parameters}
    covariates = {item.name: item.unit for item in content.model.covariates}
    group = "Share of time under the best regimen"
    columns = (
        Column("Patient"),
        *(Column(name, (covariates | parameters).get(name, ""), numeric=True) for name in own),
        Column("Best regimen", manner=_manner(content)),
        Column("", group=group),
        Column("Within", numeric=True, group=group),
        Column("SE", "percent", numeric=True, group=group),
        Column("Below", numeric=True, group=group),
        Column("Above", numeric=True, group=group),
        Column("Runner-up", group="Next best", manner=_manner(content)),
        Column("Within", numeric=True, group="Next best"),
        Column("Note"),
    )
    keys = note_keys(frame)
    rows = tuple(_dose_row(row, own, covariates, keys) for _, row in frame.iterrows())
    return Table(columns, rows, _dose_caption(content, keys), "long")


def note_keys(doses: pd.DataFrame) -> dict[str, str]:
    """A letter for each note that any patient has; the runner-up goes by that name.

    Examples
    --------
    >>> import pandas as pd
    >>> note_keys(pd.DataFrame({"runner_up": ["A", "B"], "note": ["as good as A; x", "as good as B"]}))
    {'as good as the runner-up': 'a', 'x': 'b'}
    """
    found = dict.fromkeys(note for _, row in doses.iterrows() for note in _notes(row))
    return {note: _letters(k) for k, note in enumerate(found)}


def _letters(k: int) -> str:
    return (_letters(k // 26 - 1) if k >= 26 else "") + "abcdefghijklmnopqrstuvwxyz"[k % 26]


def _notes(row: pd.Series) -> list[str]:
    text, other = (row[name] if isinstance(row[name], str) else "" for name in ("note", "runner_up"))
    text = text.replace(other, "the runner-up") if other else text
    return [note.strip() for note in text.split(";") if note.strip()]


def _dose_caption(content: ReportContent, keys: dict[str, str]) -> str:
    notes = "; ".join(f"{letter}: {note}" for note, letter in keys.items())
    return (
        f"Best of the candidate regimens for each patient, by the expected share of time within {content.range_text}. "
        "Individual parameters are those of the patient's twin; SE is the Monte Carlo standard error of the share "
        "within, in percentage points. Bars show below (yellow), within (blue) and above (red)."
        + (f" Notes: {notes}." if notes else "")
    )


def _dose_row(row: pd.Series, own: list[str], covariates: dict[str, str], keys: dict[str, str]) -> tuple:
    return (
        str(row["id"]),
        *(compact(row[name]) if name in covariates else figures(row[name]) for name in own),
        str(row["best"]),
        share_bar(row["below"], row["within"], row["above"]),
        percent(row["within"]),
        _points(row["se"]),
        percent(row["below"]),
        percent(row["above"]),
        row["runner_up"] if isinstance(row["runner_up"], str) and row["runner_up"] else MISSING,
        percent(row["runner_up_within"]),
        ", ".join(keys[note] for note in _notes(row)),
    )


def _points(error: float) -> str:
    """A standard error in percentage points."""
    if not is_number(error):
        return MISSING
    return "<\xa00.1" if 0 < error < 0.0005 else f"{100 * error:.1f}"


def share_bar(below: float, within: float, above: float) -> Markup:
    """Three shares as a small bar.

    Examples
    --------
    >>> str(share_bar(0.0, 1.0, 0.0)).count("<rect")
    1
    """
    start, parts = 0.0, Markup("")
    for share, colour in ((below, BELOW), (within, WITHIN), (above, ABOVE)):
        width = _BAR * float(share) if is_number(share) else 0.0
        if width > 0:
            parts += Markup('<rect x="{:.1f}" width="{:.1f}" height="9" fill="{}"/>').format(
                start, width, colour
            )
        start += width
    frame = Markup(
        '<svg class="bar" width="{0:.0f}" height="9" viewBox="0 0 {0:.0f} 9" aria-hidden="true">{1}</svg>'
    )
    return frame.format(_BAR, parts)
