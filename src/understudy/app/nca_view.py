"""NCA view: a non-compartmental analysis on the terminal, and in files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.app.nca_question import NCAOptions, answer
from understudy.app.terminal import console, print_json
from understudy.app.terminal_number import column, single
from understudy.core.errors import UnderstudyError
from understudy.core.unit_label import unit_label
from understudy.noncompartmental.quantity import MEDIAN, quantity
from understudy.noncompartmental.result import NCA

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

_MOST_ROWS, _MOST_NOTES = 40, 20
_GAP = 3
_STATISTICS = ("n", "geo. mean", "geo. CV %", "median", "range")
# What is shown of each patient, as far as it is there; the file has the rest.
_SINGLE = (
    "cmax",
    "tmax",
    "c0",
    "auclast",
    "aucinf_obs",
    "auc_extrapolated_obs",
    "half_life",
    "cl_obs",
    "cl_f_obs",
    "vss_obs",
    "vz_f_obs",
    "mrt_obs",
)
_DOSING = (
    "cmax",
    "tmax",
    "cmin",
    "ctrough",
    "cavg",
    "auctau",
    "fluctuation",
    "half_life",
    "accumulation_index",
    "cl_ss",
    "cl_f_ss",
)
_TABLES, _CHARTS = (".csv", ".json"), (".html", ".svg", ".png")


def run(file: Path, options: NCAOptions, out: Path | None, plots: Path | None, as_json: bool) -> None:
    """Analyse, print and write.

    Raises
    ------
    UnderstudyError
        For a file that could not be written, before anything is analysed, and for what `nca` refuses.
    """
    require_writable(out, "--out", _TABLES)
    require_writable(plots, "--plots", _CHARTS)
    found = answer(file, options)
    if out is not None:
        _write(found, out)
    if plots is not None:
        _draw(found, plots)
    if as_json:
        print_json(found.to_json())
        return
    show(found, file.name)
    for path in (out, plots):
        if path is not None:
            console().print(f"Written: {path}", markup=False, soft_wrap=True)


def require_writable(path: Path | None, option: str, endings: Sequence[str]) -> None:
    """Raise for an ending that is not known or a folder that is not there."""
    if path is None:
        return
    if path.suffix not in endings:
        cause = f"unknown ending {path.suffix!r}" if path.suffix else "the file has no ending"
        raise UnderstudyError(cause, place=f"{option} {path}", repair=f"use one of {', '.join(endings)}")
    if not path.absolute().parent.is_dir():
        raise UnderstudyError(
            f"there is no folder {str(path.parent)!r}", place=option, repair="make it first"
        )


def _write(found: NCA, path: Path) -> None:
    if path.suffix == ".csv":
        found.to_csv(path)
        return
    import json

    text = json.dumps(found.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _draw(found: NCA, path: Path) -> None:
    from understudy.plot.nca import terminal_slopes

    if found.points.empty:
        raise UnderstudyError("there is no curve to draw", place=f"--plots {path}", repair="see the notes")
    units = dict(found.units)
    time, concentration, _ = next(iter(units.values()))
    chart = terminal_slopes(
        found.points,
        found.slopes,
        unit=concentration if len({each[1] for each in units.values()}) == 1 else "",
        time_unit=time,
    )
    chart.save(path, **({"inline": True} if path.suffix == ".html" else {}))


def show(found: NCA, name: str) -> None:
    """Print each interval's patients and their summary, then the notes."""
    from rich.text import Text

    to = console()
    to.print(Text(f"Non-compartmental analysis of {name}", style="bold"))
    to.print(Text(f"areas {found.record.method}", style="dim"))
    keys = ["output", "interval"]
    for (output, interval), part in found.table.groupby(keys, sort=False):
        to.print()
        to.print(Text(_heading(found, part, output, interval), style="bold"))
        to.print(_patients(part, found.by, to.width))
        if part["id"].nunique() > _MOST_ROWS:
            to.print(Text(f"{_MOST_ROWS} of {part['id'].nunique()} patients; --out has all", style="dim"))
        for label, rows in _groups(found.summary(), output, interval, found.by):
            if rows["n"].max() > 1:
                to.print(Text(f"\n{label}", style="bold") if label else Text())
                to.print(_summary(rows, to.width))
    _show_notes(found)


def _heading(found: NCA, part: pd.DataFrame, output: str, interval: str) -> str:
    routes = ", ".join(dict.fromkeys(route for route in part["route"] if route)) or "no dose"
    first = part.iloc[0]
    end = f" to {single(first['end'])}" if first["end"] < float("inf") else ""
    starts = part["start"].nunique() == 1
    when = f", from {single(first['start'])}{end} {found.units[output][0]}" if starts else ""
    outputs = f"{output}, " if found.table["output"].nunique() > 1 else ""
    return f"{outputs}{interval}: {routes}{when}"


def _shown(part: pd.DataFrame) -> list[str]:
    """Parameters worth a place on a terminal, as far as they are there; partial areas come early."""
    dosing, all_of_them = ((part["parameter"] == name).sum() for name in ("auctau", "cmax"))
    order = _DOSING if 2 * dosing > all_of_them else _SINGLE
    known = list(dict.fromkeys(part["parameter"]))
    wanted = [*order[:2], *(name for name in known if _is_partial(name)), *order[2:]]
    return [name for name in wanted if name in known]


def _is_partial(name: str) -> bool:
    return name == "auc_interval" or (name.startswith("auc_") and name.split("_")[1][0].isdigit())


def _patients(part: pd.DataFrame, by: tuple[str, ...], width: int) -> Table:
    """One row a patient, as many columns as fit; flagged values have a star."""
    keys = ["id", *by]
    patients = part[keys].drop_duplicates().head(_MOST_ROWS)
    heads = [[_word(value) for value in row] for row in patients.itertuples(index=False)]
    left = sum(max(len(name), *(len(head[k]) for head in heads)) + _GAP for k, name in enumerate(keys))
    columns = {
        _column_heading(part, name): _cells(part[part["parameter"] == name], patients, keys)
        for name in _shown(part)
    }
    fitting = _fitting(columns, width - left)
    table = plain_table(keys, fitting)
    for head, *cells in zip(heads, *(columns[heading] for heading in fitting), strict=True):
        table.add_row(*head, *cells)
    return table


def _fitting(columns: Mapping[str, Sequence[str]], width: int) -> list[str]:
    """Headings of the first columns that fit into a width."""
    fitting = []
    for heading, cells in columns.items():
        width -= max(map(len, (*heading.split("\n"), *cells))) + _GAP
        if width < 0:
            break
        fitting.append(heading)
    return fitting


def _word(value: Any) -> str:
    return value if isinstance(value, str) else single(float(value))


def plain_table(left: Sequence[str], right: Sequence[str]) -> Table:
    """A table with a line under its headings, its first columns aligned to the left."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in left:
        table.add_column(heading)
    for heading in right:
        table.add_column(heading, justify="right")
    return table


def _column_heading(part: pd.DataFrame, name: str) -> str:
    row = part[part["parameter"] == name].iloc[0]
    label = {"auc_extrapolated_obs": "extrap."}.get(name, row["label"].replace(",obs", ""))
    return f"{label}\n{unit_label(row['unit'])}"


def _cells(rows: pd.DataFrame, patients: pd.DataFrame, keys: list[str]) -> list[str]:
    """Numbers of a column with the same decimals, a star where flagged, a dash where missing."""
    found = patients.merge(rows[[*keys, "value", "status"]], on=keys, how="left")
    texts = column(found["value"].to_numpy())
    marks = ["*" if status == "flagged" else " " for status in found["status"]]
    return [text + mark for text, mark in zip(texts, marks, strict=True)]


def _groups(
    summary: pd.DataFrame, output: str, interval: str, by: tuple[str, ...]
) -> Iterator[tuple[str, pd.DataFrame]]:
    rows = summary[(summary["output"] == output) & (summary["interval"] == interval)]
    rows = rows[rows["parameter"].isin(_shown(rows))]
    if not by:
        yield "", rows
        return
    for key, part in rows.groupby(list(by), sort=False, dropna=False):
        yield ", ".join(f"{name} {_word(value)}" for name, value in zip(by, key, strict=True)), part


def _summary(rows: pd.DataFrame, width: int) -> Table:
    left = [(row["label"], unit_label(row["unit"])) for row in rows.to_dict("records")]
    cells = [tuple(_summary_cells(row)) for row in rows.to_dict("records")]
    columns = dict(zip(_STATISTICS, zip(*cells, strict=True), strict=True))
    used = sum(max(len(pair[k]) for pair in left) + _GAP for k in (0, 1))
    fitting = _fitting(columns, width - used)
    table = plain_table(["", "unit"], fitting)
    for pair, *row in zip(left, *(columns[heading] for heading in fitting), strict=True):
        table.add_row(*pair, *row)
    return table


def _summary_cells(row: Mapping[str, Any]) -> Iterator[str]:
    geometric = quantity(row["parameter"]).centre != MEDIAN
    yield str(row["n"])
    yield _number(row["geometric_mean"]) if geometric else ""
    yield _number(row["geometric_cv"], 3) if geometric else ""
    yield _number(row["median"])
    yield f"{_number(row['min'])} – {_number(row['max'])}" if row["n"] else "–"


def _number(value: float, digits: int = 4) -> str:
    return column([value], digits)[0]


def _show_notes(found: NCA) -> None:
    from rich.text import Text

    if found.notes.empty:
        return
    to = console()
    to.print()
    if (found.table["status"] == "flagged").any():
        to.print(Text("* flagged", style="yellow"))
    sentences = found.notes.groupby(["note", "output", "interval"], sort=False)["id"].agg(list)
    several = found.notes["interval"].nunique() > 1, found.notes["output"].nunique() > 1
    for (note, output, interval), ids in sentences.head(_MOST_NOTES).items():
        where = [_who(ids), interval if several[0] else "", output if several[1] else ""]
        place = ", ".join(part for part in where if part)
        to.print(Text.assemble((f"{place}: ", "bold"), note), soft_wrap=True)
    if len(sentences) > _MOST_NOTES:
        to.print(Text(f"and {len(sentences) - _MOST_NOTES} more; --out has all", style="dim"))


def _who(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:8]) + (f" and {len(ids) - 8} more" if len(ids) > 8 else "")
    return f"patient{'s' if len(ids) > 1 else ''} {shown}"
