"""Questionnaire view: short forms of a questionnaire on the terminal, with what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.app.report_files import say_written, write_report
from understudy.app.terminal import console, note, print_json
from understudy.core.content import encode
from understudy.core.errors import StudyError
from understudy.trials.questionnaire import Questionnaire, Shortening, read_questionnaire, shorten
from understudy.trials.questionnaire.short_form import TreeForm

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = {
    "items": "items",
    "cut": "cut",
    "auc": "AUC",
    "auc_held_out": "held out",
    "auc_error": "SE",
    "sensitivity": "sens.",
    "specificity": "spec.",
    "kappa": "kappa",
    "correlation": "r",
}


@dataclass(frozen=True)
class ShortenQuestion:
    """The options of `understudy trial shorten`."""

    table: Path
    items: tuple[str, ...]
    cut: float | None
    outcome: str
    answers: str
    missing: str
    by: tuple[str, ...]
    sizes: str
    method: str
    loss: float
    parts: int
    seed: int
    rules: bool
    out: Path | None


def run_shorten(asked: ShortenQuestion, as_json: bool) -> None:
    """Read the answers, look for short forms and show them.

    Raises
    ------
    UnderstudyError
        For whatever cannot be understood or looked for.
    """
    if asked.out and asked.out.suffix and not asked.out.is_dir():
        raise StudyError(f"{asked.out.name} looks like a file", place="--out", repair="name a folder")
    if asked.rules and asked.method != "tree":
        raise StudyError("only a tree has rules", place="--rules", repair="add --method tree")
    read = read_questionnaire(
        asked.table,
        asked.items,
        asked.cut,
        outcome=asked.outcome,
        valid=_pair(asked.answers, "--answers"),
        missing=_numbers(asked.missing, ",", "--missing"),
        by=asked.by,
    )
    sizes = _pair(asked.sizes, "--sizes")
    sizes = (int(sizes[0]), int(sizes[1])) if sizes else None
    options = {"method": asked.method, "loss": asked.loss, "parts": asked.parts, "seed": asked.seed}
    found = shorten(read, sizes=sizes, **options)
    write_report(found, asked.table, asked.out)
    if as_json:
        print_json(_plain(found))
        return
    _show(found, read, asked)


def _pair(text: str, place: str) -> tuple[float, float] | None:
    if not text:
        return None
    values = _numbers(text, ":", place)
    if len(values) != 2 or values[0] > values[1]:
        raise StudyError(f"{text!r} is no range", place=place, repair="write it as 1:4")
    return values[0], values[1]


def _numbers(text: str, separator: str, place: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(separator)) if text else ()
    except ValueError:
        raise StudyError(
            f"{text!r} are no numbers", place=place, repair=f"write numbers with {separator!r} between them"
        ) from None


def _plain(found: Shortening) -> dict[str, Any]:
    rows = [_json_row(row) for row in found.table().reset_index().to_dict("records")]
    groups = found.subgroups(found.forms[found.chosen].size)
    return {
        "subjects": len(found.questionnaire.positive),
        "cases": int(found.questionnaire.positive.sum()),
        "reference": found.questionnaire.reference,
        "left_out": found.questionnaire.left_out,
        "alpha": found.questionnaire.alpha,
        "forms": rows,
        "chosen": found.forms[found.chosen].size,
        "nested": {"auc": found.nested.area, "error": found.nested.error, "sizes": list(found.nested_sizes)},
        "subgroups": [_json_row(row) for row in groups.reset_index().to_dict("records")],
    }


def _json_row(row: dict) -> dict:
    return {name: None if value != value else encode(value) for name, value in row.items()}


def _show(found: Shortening, read: Questionnaire, asked: ShortenQuestion) -> None:
    from rich.text import Text

    to, best = console(), found.forms[found.chosen]
    to.print(Text(f"{len(read.items)} items, {read.reference}", style="bold"))
    said = f"{len(read.positive):,} subjects, {int(read.positive.sum()):,} cases, alpha {read.alpha:.3f}"
    to.print(Text(said, style="dim"))
    to.print()
    to.print(_table(found.table().reset_index(), ["size", *_SHOWN], {"size": "size", **_SHOWN}))
    to.print()
    chosen = f"Shortest within {asked.loss:g} of the best: {', '.join(found.names(best.form.items))}"
    to.print(Text(chosen, style="bold"))
    area = f"AUC {found.nested.area:.4f} (SE {found.nested.error:.4f}) in subjects held out, choice of size included"
    to.print(Text(area))
    if asked.rules and isinstance(best.form, TreeForm):
        to.print()
        to.print(Text(best.form.rules(read.items)))
    if read.groups:
        to.print()
        frame = found.subgroups(best.size).reset_index()
        frame = frame.drop(columns="auc_error")
        to.print(_table(frame, list(frame), {"balanced_accuracy": "balanced"}))
    if read.left_out:
        note(f"{read.left_out:,} rows without a complete set of answers are left out")
    say_written(asked.out)


def _table(frame: pd.DataFrame, columns: list[str], headings: dict[str, str]) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in columns:
        words = name in ("items", "column", "value")
        table.add_column(headings.get(name, name), justify="left" if words else "right")
    for row in frame.to_dict("records"):
        table.add_row(*(_cell(name, row[name]) for name in columns))
    return table


def _cell(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value != value:
        return "–"
    if name in ("size", "subjects", "cases"):
        return f"{int(value):,}"
    return f"{value:.4g}" if name == "cut" else f"{value:.4f}" if "auc" in name else f"{value:.3f}"
