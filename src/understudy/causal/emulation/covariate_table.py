"""Covariate table: columns of numbers and categories, and the columns of a regression that terms make of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import StudyError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CovariateTable:
    """Columns of numbers and of categories, all of one length.

    Parameters
    ----------
    columns : mapping of str to float array, shape (n,)
        Numbers; of a category the position of its level.
    levels : mapping of str to tuple of str
        Levels of the categories, the reference first.

    Examples
    --------
    >>> table = CovariateTable({"age": np.array([30.0, 50.0]), "sex": np.array([0.0, 1.0])}, {"sex": ("m", "w")})
    >>> matrix, names = table.design(["sex", "age", "age^2"])
    >>> names
    ('(intercept)', 'sex[w]', 'age', 'age^2')
    >>> matrix[1]
    array([1.0e+00, 1.0e+00, 5.0e+01, 2.5e+03])
    """

    columns: Mapping[str, Array]
    levels: Mapping[str, tuple[str, ...]]

    @property
    def rows(self) -> int:
        """Length of the columns."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def take(self, rows: ArrayLike) -> CovariateTable:
        """Some of the rows, by position or mask."""
        return CovariateTable({name: values[rows] for name, values in self.columns.items()}, self.levels)

    def with_columns(self, added: Mapping[str, Array]) -> CovariateTable:
        """With more columns of numbers, or others in their place."""
        return CovariateTable({**self.columns, **added}, self.levels)

    def design(
        self, terms: Iterable[str], *, intercept: bool = True, rows: int | None = None
    ) -> tuple[Array, tuple[str, ...]]:
        """Columns of a regression and their names.

        Parameters
        ----------
        terms : iterable of str
            ``"age"`` (of a category a column for each level but the first), ``"age^2"`` a power, ``"age:sex"`` a
            product.
        intercept : bool
            Whether a column of ones comes first.
        rows : int, optional
            Length of a table without columns.

        Raises
        ------
        StudyError
            For terms that name no column, and powers of categories.
        """
        count = self.rows if rows is None else rows
        blocks = [(np.ones((count, 1)), ("(intercept)",))] if intercept else []
        blocks += [self.block(term) for term in terms]
        names = tuple(name for _, own in blocks for name in own)
        return (np.hstack([block for block, _ in blocks]) if blocks else np.empty((count, 0))), names

    def block(self, term: str) -> tuple[Array, tuple[str, ...]]:
        """Columns of one term and their names."""
        if term in self.columns:
            return self._main(term)
        if ":" in term:
            return self._product([part.strip() for part in term.split(":")])
        name, caret, power = (part.strip() for part in term.rpartition("^"))
        if caret and name in self.columns and power in ("2", "3", "4", "5"):
            return self._power(name, int(power))
        raise _unknown(term, self.columns)

    def _main(self, name: str) -> tuple[Array, tuple[str, ...]]:
        values = self.columns[name]
        if name not in self.levels:
            return values[:, None], (name,)
        others = self.levels[name][1:]
        coded = values[:, None] == np.arange(1, len(others) + 1)
        return coded.astype(float), tuple(f"{name}[{level}]" for level in others)

    def _power(self, name: str, power: int) -> tuple[Array, tuple[str, ...]]:
        if name in self.levels:
            raise StudyError(
                f"{name} is a category and has no powers", place=f"the term {name}^{power}", repair="leave it out"
            )  # fmt: skip
        return self.columns[name][:, None] ** power, (f"{name}^{power}",)

    def _product(self, parts: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
        block, names = self.block(parts[0])
        for part in parts[1:]:
            other, own = self.block(part)
            block = (block[:, :, None] * other[:, None, :]).reshape(len(block), -1)
            names = tuple(f"{left}:{right}" for left in names for right in own)
        return block, names


def names_of(terms: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Names of the columns that terms are made of; exact names of columns are taken as they stand.

    Examples
    --------
    >>> names_of(["age^2", "sex:age", "blood:type"], ["age", "sex", "blood:type"])
    ('age', 'sex', 'blood:type')
    """
    columns, found = set(known), []
    for term in terms:
        parts = [term] if term in columns else [part.strip() for part in term.split(":")]
        found += [part if part in columns else part.rpartition("^")[0].strip() or part for part in parts]
    return tuple(dict.fromkeys(found))


def _unknown(term: str, known: Iterable[str]) -> StudyError:
    names = sorted(known)
    near = get_close_matches(term, names, 1)
    repair = f"did you mean {near[0]}?" if near else f"columns: {', '.join(names[:30]) or 'none'}"
    return StudyError(f"no column makes the term {term!r}", place=f"the term {term}", repair=repair)
