"""Cohort: synthetic rows, what they were made from, and the record that says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from understudy.core.errors import StudyError
from understudy.core.random import uniforms
from understudy.core.record import Record, Stopwatch
from understudy.trials.condition import column_of
from understudy.trials.synthetic.copula import Copula, GaussianCopula, fit_vine
from understudy.trials.synthetic.latent import completed
from understudy.trials.synthetic.margin import Margin, margin_of
from understudy.trials.synthetic.mark import SYNTHETIC, is_synthetic
from understudy.trials.tables import ROW, read_table

if TYPE_CHECKING:
    import pandas as pd

_FEWEST = 20


@dataclass(frozen=True, eq=False, repr=False)
class SyntheticCohort:
    """Synthetic rows. Made by `synthesise`.

    Parameters
    ----------
    rows : DataFrame
        The columns asked for, and ``synthetic``, which is true; the attribute ``synthetic`` holds the record.
    source, held_out : DataFrame
        Rows that it was made from, and rows that had no part in it.
    copula : GaussianCopula or VineCopula
    record : Record
    """

    rows: pd.DataFrame
    source: pd.DataFrame
    held_out: pd.DataFrame
    copula: Copula
    record: Record

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns without the mark."""
        return tuple(name for name in self.rows if name != SYNTHETIC)

    @property
    def hash(self) -> str:
        """SHA-256 of the table that it was made from."""
        return next(iter(self.record.inputs.values()))

    def write(self, path: str | Path) -> None:
        """Write the rows, ``.csv``, with their mark, and the record beside them.

        Raises
        ------
        StudyError
            For a file that is no ``.csv``.
        """
        path = Path(path)
        if path.suffix != ".csv":
            raise StudyError(f"cannot write {path.name}", place=str(path), repair="name a .csv file")
        self.rows.to_csv(path, index=False)
        self.record.write(path.with_name(path.stem + ".record.json"))

    def __repr__(self) -> str:
        made = f"{len(self.rows)} synthetic rows of {len(self.columns)} columns"
        return f"SyntheticCohort({made} from {len(self.source)} rows by a {self.record.method} copula)"


def synthesise(
    table: pd.DataFrame | str | Path,
    columns: Sequence[str] | None = None,
    *,
    categorical: Sequence[str] = (),
    method: Literal["gaussian", "vine"] = "gaussian",
    rows: int | None = None,
    held_out: float = 0.25,
    seed: int = 0,
) -> SyntheticCohort:
    """Rows that are like a table's, and nobody's.

    Margins are those of the table: interpolated between values for columns of more than 20 numbers, levels with their
    shares for others. Levels of words are put into an order by what else is known of their rows; then each level is an
    interval of a normal. Cells are missing in patterns of their own, which hang together with the other columns.

    A part of the rows is held out, for `privacy` and `fidelity` to compare with.

    Parameters
    ----------
    table : DataFrame or path
        A row a patient.
    columns : sequence of str, optional
        All, if left out. Names and numbers of patients must be.
    categorical : sequence of str
        Columns of numbers that are no amounts.
    method : {"gaussian", "vine"}
        Normal correlations; or a vine of pairs (extra ``vines``), which knows tails and bends.
    rows : int, optional
        As many as it is made from, if left out.
    held_out : float
        Share of the table's rows that have no part in it.
    seed : int

    Raises
    ------
    StudyError
        For a column that is missing, empty or names patients; for too few rows; for a table that is synthetic itself.
    MissingExtraError
        For a vine without its library.

    Examples
    --------
    >>> import pandas as pd
    >>> from understudy.core.random import normals
    >>> drawn = normals(1, "example", range(200), 2)
    >>> frame = pd.DataFrame({"age": 60 + 8 * drawn[:, 0], "sex": np.where(drawn.sum(axis=1) > 0, "f", "m")})
    >>> made = synthesise(frame, seed=1)
    >>> made
    SyntheticCohort(150 synthetic rows of 2 columns from 150 rows by a gaussian copula)
    >>> bool(made.rows["synthetic"].all())
    True
    """
    watch = Stopwatch()
    named = Path(table).name if isinstance(table, str | Path) else "table"
    table = read_table(Path(table)).drop(columns=ROW) if isinstance(table, str | Path) else table
    names = _checked(table, columns, categorical, method, rows, held_out)
    source, others = _divided(table[names], held_out, seed)
    margins, codes = _margins(source, categorical)
    patterns = _patterns(codes)
    margins, normals, correlation = _fitted(margins, codes, patterns, seed)
    copula = GaussianCopula(correlation) if method == "gaussian" else fit_vine(normals)
    drawn = _rows(copula, margins, patterns, rows or len(source), seed)
    settings = {"columns": names, "categorical": list(categorical), "rows": len(drawn), "held_out": held_out}
    inputs = {named: sha256(table[names].to_csv(index=False).encode()).hexdigest()}
    record = Record.make(
        "synthetic cohort", stopwatch=watch, inputs=inputs, seed=seed, method=method, settings=settings
    )
    drawn[SYNTHETIC] = True
    drawn.attrs[SYNTHETIC] = json.dumps(record.to_json())
    return SyntheticCohort(drawn, source, others, copula, record)


def _checked(
    table: pd.DataFrame,
    columns: Sequence[str] | None,
    categorical: Sequence[str],
    method: str,
    rows: int | None,
    held_out: float,
) -> list[str]:
    if is_synthetic(table):
        raise StudyError(
            "the table is synthetic itself", place="table", repair="give the records of patients"
        )
    names = [str(name) for name in (table.columns if columns is None else columns)]
    for name in (*names, *categorical):
        column_of(table, name, "table")
    for told, wrong, repair in (
        (f"there is no method {method!r}", method not in ("gaussian", "vine"), "gaussian or vine"),
        (f"{rows} rows", rows is not None and rows < 1, "draw one or more"),
        (f"{held_out:g} of the rows", not 0 <= held_out <= 0.9, "hold out 0 to 0.9 of them"),
        ("a column is named twice", len(set(names)) < len(names), "name each once"),
        ("one column hangs together with nothing", len(names) < 2, "give two or more"),
        (f"{len(table)} rows are too few", len(table) * (1 - held_out) < _FEWEST, f"give {_FEWEST} or more"),
    ):
        if wrong:
            raise StudyError(told, place="synthesise", repair=repair)
    for name in names:
        if _is_number(table[name]) and np.isinf(table[name].to_numpy(float, na_value=np.nan)).any():
            raise StudyError(f"the column {name} has infinite numbers", place=name, repair="correct it")
    return names


def _divided(table: pd.DataFrame, held_out: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    order = np.argsort(uniforms(seed, "synthetic, held out", range(len(table)), 1)[:, 0], kind="stable")
    count = round(len(table) * held_out)
    others, own = np.sort(order[:count]), np.sort(order[count:])
    return table.iloc[own].reset_index(drop=True), table.iloc[others].reset_index(drop=True)


def _margins(source: pd.DataFrame, categorical: Sequence[str]) -> tuple[list[Margin], np.ndarray]:
    """Margins, and the table in numbers, shape (rows, columns)."""
    order, found = _first_component(source, categorical), []
    for name in source:
        words = name in categorical or not _is_number(source[name])
        found.append(margin_of(source[name], order if words else None))
    return [margin for margin, _ in found], np.column_stack([codes for _, codes in found])


def _is_number(column: pd.Series) -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return is_numeric_dtype(column) and not is_bool_dtype(column)


def _first_component(source: pd.DataFrame, categorical: Sequence[str]) -> np.ndarray:
    """What of the numbers varies most, shape (rows,): by it levels of words are put into an order."""
    names = [n for n in source if n not in categorical and _is_number(source[n]) and source[n].nunique() > 1]
    if not names:
        return np.zeros(len(source))
    ranks = source[names].rank(pct=True).fillna(0.5).to_numpy(float)
    ranks = ranks - ranks.mean(axis=0)
    return ranks @ np.linalg.svd(ranks, full_matrices=False)[2][0]


def _patterns(codes: np.ndarray) -> list[tuple[np.ndarray, list[int]]]:
    """Patterns of missing cells, each with the columns that have it."""
    found: dict[bytes, tuple[np.ndarray, list[int]]] = {}
    for column in range(codes.shape[1]):
        missing = np.isnan(codes[:, column])
        if missing.any():
            found.setdefault(missing.tobytes(), (missing, []))[1].append(column)
    return list(found.values())


def _fitted(
    margins: list[Margin], codes: np.ndarray, patterns: list[tuple[np.ndarray, list[int]]], seed: int
) -> tuple[list[Margin], np.ndarray, np.ndarray]:
    """Margins of the completed table, its normals and their correlations.

    Rows with a missing cell may differ from others, so that the margin of a column is not that of its known cells:
    these are completed once, and the margins then taken of all.
    """
    from scipy.special import ndtr

    columns = len(margins)
    own = {column: columns + k for k, (_, having) in enumerate(patterns) for column in having}
    flags = [Margin(f"missing {k}", np.array([0, 1]), m.astype(float)) for k, (m, _) in enumerate(patterns)]
    whole = np.column_stack([codes, *(missing.astype(float) for missing, _ in patterns)])
    apart = own | {place: column for column, place in own.items()}
    for turn in range(2 if patterns else 1):
        bounds = [m.bounds(whole[:, k]) for k, m in enumerate((*margins, *flags))]
        ends = tuple(np.column_stack(end) for end in zip(*bounds, strict=True))
        normals, correlation = completed(ends, apart, seed, f"synthetic, latent {turn}")
        if turn == 0 and patterns:
            margins = [
                _completed_margin(m, codes[:, k], ndtr(normals[:, k])) if k in own else m
                for k, m in enumerate(margins)
            ]
    return margins, normals, correlation


def _completed_margin(margin: Margin, codes: np.ndarray, shares: np.ndarray) -> Margin:
    filled = np.where(np.isnan(codes), margin.quantile(shares), codes)
    return Margin.of(margin.name, filled, margin)


def _rows(
    copula: Copula, margins: list[Margin], patterns: list[tuple[np.ndarray, list[int]]], count: int, seed: int
) -> pd.DataFrame:
    import pandas as pd

    independent = uniforms(seed, "synthetic, rows", range(count), len(margins) + len(patterns))
    shares = copula.draw(independent)
    codes = np.column_stack([margin.quantile(shares[:, k]) for k, margin in enumerate(margins)])
    for k, (missing, columns) in enumerate(patterns):
        absent = shares[:, len(margins) + k] > 1 - missing.mean()
        codes[np.ix_(absent, columns)] = np.nan
    return pd.DataFrame({margin.name: margin.cells(codes[:, k]) for k, margin in enumerate(margins)})
