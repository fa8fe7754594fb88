"""Signals view: a search of spontaneous reports on the terminal, as JSON, and as a folder with its report."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.app.json_numbers import finite
from understudy.app.terminal import console, note, print_json
from understudy.causal.signals import ReadingWarning, study_signals
from understudy.causal.signals.reports import SUSPECT
from understudy.causal.signals.signal_study import SignalStudy, prior_numbers
from understudy.causal.signals.signals import WARNING
from understudy.core.errors import StudyError
from understudy.dossier.number import MISSING, figures
from understudy.dossier.signals_report import chapter, count_text, ratio_text
from understudy.dossier.study_problems import require_own_folder

if TYPE_CHECKING:
    import pandas as pd

_FINDINGS, _LONGEST, _LEVEL = 12, 44, 0.05


def run(
    paths: Sequence[Path],
    asked: dict[str, Any],
    *,
    strata: str,
    roles: str,
    columns: Sequence[str],
    most: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Read, search, write and print."""
    if out is not None:
        for path in paths:
            require_own_folder(path if path.is_dir() else path.parent, out, f"--out {out}")
    with warnings.catch_warnings():
        # They are in the result, and printed below.
        warnings.simplefilter("ignore", ReadingWarning)
        study = study_signals(
            paths, strata=_names(strata), roles=_roles(roles), columns=_columns(columns), **asked
        )
    if out is not None:
        chapter(study).write(out)
    print_json(plain(study)) if as_json else _show(study, most, out)


def _names(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _roles(text: str) -> tuple[str, ...]:
    known = {"suspect": SUSPECT, "all": ()}
    if text.strip().lower() in known:
        return known[text.strip().lower()]
    named = tuple(each.upper() for each in _names(text))
    if not named or set(named) - {*SUSPECT, "C", "I"}:
        raise StudyError(
            f"{text!r} are no roles",
            place="--roles",
            repair="say suspect, all, or codes of PS, SS, S, C and I",
        )
    return named


def _columns(texts: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, sign, column = text.partition("=")
        if not sign or not column.strip():
            raise StudyError(f"cannot read {text!r}", place="--column", repair="write it as drug=COLUMN")
        found[name.strip().lower()] = column.strip()
    return found


def plain(study: SignalStudy) -> dict[str, Any]:
    """The study as JSON data, small counts masked unless the data are public."""
    found = study.signals
    rows = found.shown(study.public)
    rows = rows if found.question.drugs or found.question.events else rows[rows["signal"]]
    return {
        "warning": WARNING,
        "criteria": found.criteria.text,
        "counts": {"reports": found.reports, "drugs": found.drugs, "events": found.events, "pairs": found.pairs,
                   "signals": found.count},
        "masked": None if study.public else "counts of 1 to 4, and what tells them, are null",
        "cleaning": [{"step": step, "left": left} for step, left in study.cleaned.steps],
        "prior": None if found.prior is None else _finite(prior_numbers(study)),
        "pairs": [_finite(row) for row in rows.to_dict("records")],
        "trends": [_trend(each, study.public) for each in study.trends],
        "onset": [
            {"drug": drug, "event": event, **_finite({k: v for k, v in asdict(each).items() if k != "days"}),
             "reports": each.reports, "quartiles_days": list(each.quartiles), "hazard": each.hazard}
            for (drug, event), each in study.onsets.items()
        ],
        "notes": list(study.notes),
        "findings": [str(each) for each in found.findings],
        "record": study.record.hash,
    }  # fmt: skip


def _trend(found: Any, public: bool) -> dict[str, Any]:
    return {
        "drug": found.drug,
        "event": found.event,
        "periods": [_finite(row) for row in found.shown(public).to_dict("records")],
        "first_signal": found.first_signal or None,
        "change": None if found.change is None else asdict(found.change),
    }


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return finite({key: each.item() if hasattr(each, "item") else each for key, each in row.items()})


def _show(study: SignalStudy, most: int, out: Path | None) -> None:
    from rich.text import Text

    to = console()
    _show_cleaning(study, to)
    to.print(Text(study.sentences[0]))
    to.print(Text(WARNING, style="bold"))
    rows = study.signals.shown(study.public)
    asked = study.signals.question
    rows = rows if asked.drugs or asked.events else rows[rows["signal"]]
    if len(rows):
        to.print()
        to.print(_table(rows.head(most), study))
        if len(rows) > most:
            to.print(f"… and {len(rows) - most:,} more: --most shows them, --out writes them", markup=False)
    for each in study.trends:
        to.print()
        _show_trend(each, study.public, to)
    for (drug, event), each in study.onsets.items():
        to.print()
        to.print(_onset_text(drug, event, each), markup=False)
    _show_notes(study)
    if out is not None:
        to.print(f"Written: {out / 'report.html'}", markup=False, soft_wrap=True)


def _show_cleaning(study: SignalStudy, to: Any) -> None:
    """How many reports each step left; steps that took none out are not shown."""
    before = None
    for step, left in study.cleaned.steps:
        if left != before:
            to.print(f"{left:>12,}  {step}", markup=False)
        before = left
    to.print()


def _onset_text(drug: str, event: str, found: Any) -> str:
    low, middle, high = found.quartiles
    shape = f"{figures(found.shape)} ({figures(found.shape_low)} to {figures(found.shape_high)})"
    return (
        f"Onset of {event} after {drug}: median {middle:g} days (quartiles {low:g} to {high:g}) in "
        f"{found.reports:,} reports; Weibull shape {shape}, hazard {found.hazard}"
    )


def _show_notes(study: SignalStudy) -> None:
    for text in study.notes:
        note(text)
    findings = study.signals.findings
    for each in findings[:_FINDINGS]:
        note(str(each))
    if len(findings) > _FINDINGS:
        note(f"… and {len(findings) - _FINDINGS} more about the files: --json and --out have them all")


def _table(rows: pd.DataFrame, study: SignalStudy) -> Any:
    from rich.table import Table

    bayes, mixed = study.signals.prior is not None, not rows["signal"].all()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("drug", "event"):
        table.add_column(name)
    for name in (
        "n",
        "expected",
        *(("EBGM", "EB05-EB95") if bayes else ()),
        "ROR",
        "95 %",
        "IC025",
        *([""] if mixed else []),
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for _, row in rows.iterrows():
        ebgm = (figures(row["ebgm"]), _range(row, "ebgm")) if bayes else ()
        table.add_row(
            _cut(row["drug"]), _cut(row["event"]), count_text(row["n"]), figures(row["expected"]), *ebgm,
            ratio_text(row["ror"]), _range(row, "ror"), figures(row["ic_low"]),
            *(["signal" if row["signal"] else ""] if mixed else []),
        )  # fmt: skip
    return table


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip()}…"


def _range(row: pd.Series, name: str) -> str:
    low, high = (figures(row[f"{name}_{end}"]) for end in ("low", "high"))
    return MISSING if MISSING in (low, high) else f"{low}-{high}"


def _show_trend(found: Any, public: bool, to: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    to.print(Text(f"{found.drug} / {found.event}", style="bold"))
    table = Table("period", box=None, pad_edge=False, header_style="bold")
    for name in ("n", "ROR", "95 %", "n so far", "ROR so far", "95 %", "IC025 so far"):
        table.add_column(name, justify="right", no_wrap=True)
    for _, row in found.shown(public).iterrows():
        table.add_row(
            row["period"], count_text(row["n"]), ratio_text(row["ror"]), _range(row, "ror"), _sum_text(row["n_so_far"]),
            ratio_text(row["ror_so_far"]), _range(row, "ror_so_far"), figures(row["ic_low"]),
        )  # fmt: skip
    to.print(table)
    if found.first_signal:
        to.print(f"The lower limit of IC is above zero from {found.first_signal} on.", markup=False)
    if found.change is not None:
        to.print(_change_text(found.change), markup=False)


def _sum_text(count: Any) -> str:
    """A sum up to a period; one that would tell a small count is not shown."""
    return MISSING if count is None else count_text(count)


def _change_text(found: Any) -> str:
    if found.p_value >= _LEVEL:
        return f"Reports over expected ones did not change more than by chance (p = {found.p_value:.2g})."
    return (
        f"Reports over expected ones changed with {found.period}, from {figures(found.before)} to "
        f"{figures(found.after)} (p = {found.p_value:.2g})."
    )
