"""Finished run: the files that NONMEM leaves, ``.ext``, ``.lst``, ``.cov`` and ``.phi``, as a `Fit`.

The codes of the rows of an ``.ext`` file are those of NONMEM 7's Introduction (Bauer RJ, 2010-2021).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import FormatError
from understudy.formats.nonmem.stream_record import read_text
from understudy.inference.fit import Fit

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".ext", ".lst", ".cov", ".phi")
_FINAL, _ERRORS, _FIXED = -1000000000, -1000000001, -1000000006
# What NONMEM writes as the standard error of what was not estimated.
_NO_ERROR = 1e10
_METHOD = re.compile(r"TABLE NO\.\s*\d+:\s*(.*?)(?::\s*Goal Function|:\s*Problem|$)")
_LISTED_METHOD = re.compile(r"#METH:\s*(.+)")
_LISTED_OBJECTIVE = re.compile(r"#OBJV:[\s*]*(-?[\d.]+(?:[ED][+-]?\d+)?)")
_ENDINGS = (
    ("MINIMIZATION SUCCESSFUL", True),
    ("MINIMIZATION TERMINATED", False),
    ("OPTIMIZATION WAS COMPLETED", True),
    ("OPTIMIZATION WAS NOT COMPLETED", False),
    ("STATISTICAL PORTION WAS COMPLETED", True),
    ("REDUCED STOCHASTIC PORTION WAS COMPLETED", True),
    ("BURN-IN WAS COMPLETED", True),
)


@dataclass(frozen=True)
class _Table:
    """The last table of an output file: what is above it, its columns and its rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    file: str

    def column(self, name: str) -> int:
        return self.columns.index(name)


def read(path: Path) -> Fit:
    """The last estimation of a finished run.

    Parameters
    ----------
    path : path
        One of its files; the others are looked for beside it, by the same name.

    Raises
    ------
    FormatError
        For files that are none of NONMEM's, or have no final estimates.
    """
    path = Path(path)
    files = {suffix: path.with_suffix(suffix) for suffix in SUFFIXES if path.with_suffix(suffix).is_file()}
    listing = read_text(files[".lst"]) if ".lst" in files else ""
    if ".ext" not in files:
        if path.suffix in (".cov", ".phi") or not listing:
            raise FormatError(
                f"there is no {path.stem}.ext beside it",
                place=str(path),
                repair="keep the files of a run together",
            )
        return _from_listing(listing, path.name)
    table = _last_table(files[".ext"])
    estimates = _named(table, _FINAL)
    if not estimates:
        raise FormatError(
            "there are no final estimates (row -1000000000)",
            place=files[".ext"].name,
            repair="the run did not end: run it again",
        )
    errors = {n: math.nan if v >= _NO_ERROR else v for n, v in _named(table, _ERRORS).items()}
    fixed = tuple(name for name, flag in _named(table, _FIXED).items() if flag == 1)
    status, succeeded = _ending(listing)
    objective = _objective(table)
    title = _METHOD.search(table.title)
    return Fit(
        title[1] if title else table.title.strip(), objective, estimates, errors,
        _covariance(files[".cov"]) if ".cov" in files else None,
        _effects(files[".phi"]) if ".phi" in files else None,
        status, succeeded, fixed, path.name,
    )  # fmt: skip


def _last_table(path: Path) -> _Table:
    title, columns, rows = "", (), []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.startswith("TABLE NO"):
            title, columns, rows = line, (), []
        elif line.strip() and not title:
            break
        elif line.strip() and not columns:
            columns = tuple(line.split())
        elif line.strip():
            cells = tuple(line.split())
            if len(cells) != len(columns):
                raise FormatError(
                    f"the row has {len(cells)} cells, the heading {len(columns)}",
                    place=f"{path.name}, line {number}",
                    repair="the file is damaged: take the one NONMEM wrote",
                )
            rows.append(cells)
    if not title or not rows:
        raise FormatError(
            "this is no table of NONMEM's", place=path.name, repair="it begins with TABLE NO. 1: …"
        )
    return _Table(title, columns, tuple(rows), path.name)


def _number(table: _Table, cell: str) -> float:
    try:
        return float(cell.replace("D", "E"))
    except ValueError:
        raise FormatError(
            f"{cell[:20]!r} is no number",
            place=table.file,
            repair="the file is damaged: take the one NONMEM wrote",
        ) from None


def _named(table: _Table, code: int) -> dict[str, float]:
    """The values of one row of an .ext file by parameter, iteration and objective apart."""
    for row in table.rows:
        if row[0].lstrip("-").isdecimal() and int(row[0]) == code:
            named = list(zip(table.columns, row, strict=True))[1:-1]
            return {name: _number(table, cell) for name, cell in named}
    return {}


def _objective(table: _Table) -> float:
    row = next(row for row in table.rows if row[0].lstrip("-").isdecimal() and int(row[0]) == _FINAL)
    return _number(table, row[-1])


def _ending(listing: str) -> tuple[str, bool | None]:
    """How the last step ended."""
    found = [(listing.rfind(text), text, well) for text, well in _ENDINGS]
    at, text, well = max(found, default=(-1, "", None))
    if at < 0:
        return "", None
    problems = [
        each for each in ("ROUNDING ERRORS", "HESSIAN") if each in listing[at : at + 400] and not well
    ]
    return text.lower() + (f" ({problems[0].lower()})" if problems else ""), well


def _from_listing(listing: str, file: str) -> Fit:
    """What a listing alone says: method, objective function and how it ended."""
    methods, values = _LISTED_METHOD.findall(listing), _LISTED_OBJECTIVE.findall(listing)
    if not values:
        raise FormatError("the listing names no objective function", place=file, repair="the run did not end")
    status, succeeded = _ending(listing)
    method = methods[-1].strip() if methods else ""
    objective = float(values[-1].replace("D", "E"))
    return Fit(method, objective, {}, status=status, succeeded=succeeded, source=file)


def _covariance(path: Path) -> pd.DataFrame:
    import pandas as pd

    table = _last_table(path)
    names = list(table.columns[1:])
    values = np.array([[_number(table, cell) for cell in row[1:]] for row in table.rows])
    if [row[0] for row in table.rows] != names:
        raise FormatError("rows and columns differ", place=path.name, repair="take the file NONMEM wrote")
    return pd.DataFrame(values, index=names, columns=names)


def _effects(path: Path) -> pd.DataFrame:
    """ETA of each patient; PHI, with the fixed effects in them, where the method gives those."""
    import pandas as pd

    table = _last_table(path)
    kept = [name for name in table.columns if re.fullmatch(r"(ETA|PHI)\(\d+\)", name)]
    index = pd.Index([_identifier(row[table.column("ID")]) for row in table.rows], name="ID")
    return pd.DataFrame(
        {name: [_number(table, row[table.column(name)]) for row in table.rows] for name in kept}, index=index
    )


def _identifier(cell: str) -> str:
    value = float(cell)
    return str(int(value)) if value.is_integer() else cell
