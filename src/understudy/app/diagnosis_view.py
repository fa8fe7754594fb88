"""Diagnosis view: checks of a model against records, on the terminal and in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.app.model_records import model_and_records
from understudy.app.named_value import quantity
from understudy.app.progress import shown_progress
from understudy.app.terminal import console, note, print_json
from understudy.app.terminal_number import single
from understudy.core.errors import SimulationError
from understudy.core.unit_label import unit_label
from understudy.core.units import UNKNOWN

if TYPE_CHECKING:
    from understudy.inference.diagnostics.visual_check import VisualCheck

_CHARTS = (".html", ".svg", ".png")
_FEW = 5


@dataclass(frozen=True)
class CheckQuestion:
    """Arguments and options of ``understudy vpc``, as they were written."""

    data: Path
    model: str
    units: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    stratify: str = ""
    cuts: str = ""
    correction: str = "none"
    over: str = "time"
    bins: str = ""
    binning: str = "count"
    output: str = ""
    lower_limit: float | None = None
    interval: float = 0.9
    replicates: int = 500
    logarithmic: bool = False
    seed: int = 0
    jobs: int = 0
    out: Path | None = None
    json: bool = False


def check(question: CheckQuestion) -> None:
    """Make a visual predictive check; print it, or write it to a file.

    Raises
    ------
    UnderstudyError
        For whatever of the question cannot be understood or done.
    """
    from understudy.inference.diagnostics.visual_check import visual_predictive_check

    if question.out:
        _require_file(question.out, (*_CHARTS, ".csv"))
    model, records = model_and_records(question.data, question.model, question.units, question.columns)
    found = visual_predictive_check(
        model, records,
        replicates=question.replicates, bins=_bins(question.bins), binning=question.binning, over=question.over,
        stratify=question.stratify, cuts=_numbers(question.cuts, "--cuts"), correction=question.correction,
        interval=question.interval, lower_limit=question.lower_limit, seed=question.seed, jobs=question.jobs,
    )  # fmt: skip
    outputs = _outputs(found, question.output)
    if question.out and question.out.suffix == ".csv":
        _rows(found, outputs).to_csv(question.out, index=False)
    elif question.out:
        _save(found, outputs, question)
    if question.json:
        return print_json(_plain(_rows(found, outputs)))
    _show(found, outputs)
    for text in _notes(found):
        note(text)
    if question.out:
        console().print(f"Written: {question.out}", markup=False, soft_wrap=True)


def diagnose(
    data: Path,
    model: str,
    out: Path,
    units: Sequence[str],
    columns: Sequence[str],
    *,
    stratify: str,
    replicates: int,
    seed: int,
    jobs: int,
    quiet: bool,
) -> None:
    """Make every check and write the report, the charts and the tables.

    Raises
    ------
    UnderstudyError
        For whatever of it cannot be understood or done.
    """
    from rich.text import Text

    from understudy.dossier.diagnosis import make_diagnosis
    from understudy.dossier.diagnosis_report import write

    _require_place(out)
    chosen, records = model_and_records(data, model, units, columns)
    with shown_progress(quiet) as tell:
        found = make_diagnosis(
            chosen, records, replicates=replicates, stratify=stratify, seed=seed, jobs=jobs, progress=tell
        )
        tell("Writing", 0.0)
        written = write(found, out)
        tell("Writing", 1.0)
    to = console()
    to.print(Text(repr(found.fit)), soft_wrap=True)
    to.print(Text(repr(found.visual)), soft_wrap=True)
    to.print(Text.assemble(("Report: ", "bold"), str(written[0])), soft_wrap=True)


def _require_file(path: Path, endings: tuple[str, ...]) -> None:
    if path.suffix not in endings:
        cause = f"unknown ending {path.suffix!r}" if path.suffix else "the file has no ending"
        raise SimulationError(cause, place=f"--out {path}", repair=f"use one of {', '.join(endings)}")
    if not path.absolute().parent.is_dir():
        raise SimulationError(
            f"there is no folder {str(path.parent)!r}", place="--out", repair="make it first"
        )


def _require_place(path: Path) -> None:
    if path.suffix:
        _require_file(path, (".html",))
    elif path.exists() and not path.is_dir():
        raise SimulationError("there is a file of that name", place=f"--out {path}", repair="name a folder")


def _bins(text: str) -> int | list[float] | None:
    """A number of bins, or their edges; None where nothing was said."""
    if not text:
        return None
    if "," in text:
        return _numbers(text, "--bins")
    if not text.strip().lstrip("-").isdecimal():
        raise SimulationError(
            f"{text!r} is no number of bins", place="--bins", repair="write 8, or edges: 0,2,8,24"
        )
    return int(text)


def _numbers(text: str, option: str) -> list[float]:
    return [quantity(part, "1", option) for part in text.split(",") if part.strip()]


def _outputs(found: VisualCheck, wanted: str) -> list[str]:
    known = list(dict.fromkeys(found.quantiles["output"]))
    if wanted and wanted not in known:
        raise SimulationError(
            f"{wanted!r} was not measured", place="--output", repair=f"measured: {', '.join(known)}"
        )
    return [wanted] if wanted else known


def _rows(found: VisualCheck, outputs: Sequence[str]) -> Any:
    return found.quantiles[found.quantiles["output"].isin(outputs)]


def _save(found: VisualCheck, outputs: Sequence[str], question: CheckQuestion) -> None:
    from understudy.dossier.diagnosis_report import visual_chart

    if len(outputs) > 1:
        raise SimulationError(
            f"the records measure {', '.join(outputs)}", place="--out", repair="say which by --output"
        )
    item = found.model.structural.output(outputs[0])
    words = {"output": item.description or item.name, "unit": item.unit}
    title = f"Visual predictive check: {found.model.name}"
    subtitle = (
        f"Solid: observed quantiles. Dashed and shaded: middle and {100 * found.interval:g} % interval of "
        f"{found.replicates:,} simulated studies."
    )
    chart = visual_chart(
        found, outputs[0], words, logarithmic=question.logarithmic, title=title, subtitle=subtitle
    )
    more = {".html": {"inline": True}, ".png": {"scale_factor": 2}}
    chart.save(question.out, **more.get(question.out.suffix, {}))


def _show(found: VisualCheck, outputs: Sequence[str]) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(repr(found), style="bold"), soft_wrap=True)
    for output in outputs:
        own = found.quantiles[found.quantiles["output"] == output]
        unit = found.model.structural.output(output).unit
        to.print()
        to.print(Text(f"{output}{_in(unit)} over {found.axis}{_in(found.axis_unit)}"))
        to.print(_table(own))


def _in(unit: str) -> str:
    return f" [{unit_label(unit)}]" if unit_label(unit) and unit != UNKNOWN else ""


def _table(own: Any) -> Any:
    """Observed quantiles with where they are expected, one line a bin; a star where one lies outside."""
    from rich import box
    from rich.table import Table

    quantiles = list(dict.fromkeys(own["quantile"]))
    strata = [name for name in dict.fromkeys(own["stratum"]) if name]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in (["stratum"] if strata else []) + ["bin", "n"]:
        table.add_column(name, justify="left" if name != "n" else "right")
    for quantile in quantiles:
        table.add_column(f"{100 * quantile:g} %\nobserved (expected)", justify="right", no_wrap=True)
    for (stratum, _), rows in own.groupby(["stratum", "bin"], sort=False):
        cells = [_cell(row) for row in rows.to_dict("records")]
        first = rows.iloc[0]
        span = f"{single(first['from'])}–{single(first['to'])}"
        table.add_row(*([stratum] if strata else []), span, str(first["n"]), *cells)
    return table


def _cell(row: dict[str, Any]) -> str:
    values = [row[name] for name in ("observed", "low", "high")]
    known = [single(value) if value == value else "–" for value in values]
    outside = all(value == value for value in values) and not row["low"] <= row["observed"] <= row["high"]
    return f"{known[0]} ({known[1]}–{known[2]}){'*' if outside else ' '}"


def _notes(found: VisualCheck) -> list[str]:
    sizes = found.quantiles.drop_duplicates(["output", "stratum", "bin"])["n"]
    notes = []
    if (sizes < _FEW).any():
        notes.append(
            f"{int((sizes < _FEW).sum())} of {len(sizes)} bins hold fewer than {_FEW} measurements: their quantiles "
            "say little; take fewer by --bins"
        )
    if found.left_out:
        notes.append(
            f"{found.left_out} measurements have no place on the axis, or no correction, and were left out"
        )
    return notes


def _plain(table: Any) -> list[dict[str, Any]]:
    """Rows without not-a-numbers, which JSON does not know."""
    rows = table.to_dict("records")
    return [{name: None if value != value else value for name, value in row.items()} for row in rows]
