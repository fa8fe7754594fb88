"""The design matrix: from columns of numbers and categories to named columns of a regression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.numeric_column import category_column, numeric_column
from understudy.core.errors import DataError, Problem, UnderstudyError

# A row of settings: what a variable is held at, a number or the name of a level.
Setting = Mapping[str, object]


@dataclass(frozen=True)
class Variable:
    """A column that enters a design: numbers (`levels` empty) or categories, the reference level first."""

    name: str
    levels: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of its columns: the variable's own, or one for each level but the reference."""
        return tuple(f"{self.name}[{level}]" for level in self.levels[1:]) or (self.name,)

    def coded(self, values: Sequence, sums: bool) -> NDArray[np.float64]:
        """Columns for values; with `sums` the reference level is -1 in all (deviation coding)."""
        if not self.levels:
            return np.asarray(values, dtype=float)[:, None]
        codes = np.array([self.levels.index(value) for value in values], dtype=int)
        rows = np.vstack([np.full(len(self.levels) - 1, -float(sums)), np.eye(len(self.levels) - 1)])
        return rows[codes]


@dataclass(frozen=True, eq=False)
class Design:
    """A design matrix that remembers how it was made, so that other rows can be coded like it.

    Made by `design_matrix`.

    Parameters
    ----------
    variables : tuple of Variable
    terms : tuple of tuple of str
        Names of variables in each term; one name is a main effect, several an interaction.
    columns : mapping of name to values
    intercept : bool
    sums : bool
        Deviation coding of categories, for tests of type III; reference coding otherwise.
    """

    variables: tuple[Variable, ...]
    terms: tuple[tuple[str, ...], ...]
    columns: Mapping[str, tuple]
    intercept: bool = True
    sums: bool = False

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the matrix' columns, such as ``"(intercept)"``, ``"arm[drug]"``, ``"arm[drug]:visit[2]"``."""
        inner = [":".join(parts) for term in self.terms for parts in self._labels(term)]
        return (("(intercept)",) if self.intercept else ()) + tuple(inner)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The matrix, shape (rows, len(names))."""
        return self._coded(self.columns, self.rows)

    @property
    def term_columns(self) -> dict[str, NDArray[np.int64]]:
        """Positions of each term's columns in the matrix."""
        places, start = {}, int(self.intercept)
        for term in self.terms:
            stop = start + len(list(self._labels(term)))
            places[":".join(term)] = np.arange(start, stop)
            start = stop
        return places

    def variable(self, name: str) -> Variable:
        """A variable by its name."""
        for variable in self.variables:
            if variable.name == name:
                return variable
        raise UnderstudyError(
            f"the design has no variable {name!r}",
            repair=f"take one of {[variable.name for variable in self.variables]}",
        )

    def levels(self, name: str) -> tuple[str, ...]:
        """Levels of a category, the reference first."""
        variable = self.variable(name)
        if not variable.levels:
            raise UnderstudyError(f"{name!r} is numeric", repair="name a category")
        return variable.levels

    def with_values(self, columns: Mapping[str, ArrayLike]) -> Design:
        """Other rows, coded the same way; variables that are not named keep their values."""
        given = {name: self._checked(name, values) for name, values in columns.items()}
        return replace(self, columns={**self.columns, **given})

    def set_to(self, **settings: object) -> Design:
        """The same rows with variables set to one value each, as if every patient had it."""
        return self.with_values({name: [value] * self.rows for name, value in settings.items()})

    def select(self, rows: ArrayLike) -> Design:
        """Some of the rows, by position or mask; levels stay as they are."""
        at = np.arange(self.rows)[np.asarray(rows)]
        return replace(self, columns={n: tuple(v[i] for i in at) for n, v in self.columns.items()})

    def recoded(self, *, sums: bool) -> Design:
        """The same terms in deviation (`sums`) or reference coding."""
        return replace(self, sums=sums)

    def mean_row(self, settings: Setting, *, weights: str = "equal") -> NDArray[np.float64]:
        """The row of a least-squares mean: numbers at their means, other categories averaged over.

        Parameters
        ----------
        settings : mapping
            What is held: a level, or a number.
        weights : {"equal", "observed"}
            Other categories' levels count equally (population marginal means, Searle, Speed & Milliken 1980,
            doi:10.1080/00031305.1980.10483031), or the mean is over all rows as they are, with what is held set.
        """
        if weights not in ("equal", "observed"):
            raise UnderstudyError(f"unknown weights {weights!r}", repair="take 'equal' or 'observed'")
        if weights == "observed":
            return self.set_to(**settings).matrix.mean(axis=0)
        shares = {v.name: self._shares(v, settings) for v in self.variables if v.levels}
        held = {name: self._checked(name, [value])[0] for name, value in settings.items()}
        numbers = {
            v.name: held.get(v.name, float(np.mean(self.columns[v.name])))
            for v in self.variables
            if not v.levels
        }
        cells = list(product(*shares.values()))
        chances = np.array([np.prod([share for _, share in cell]) for cell in cells])
        columns: dict[str, Sequence] = {name: [value] * len(cells) for name, value in numbers.items()}
        columns |= {name: [cell[at][0] for cell in cells] for at, name in enumerate(shares)}
        return chances @ self._coded(columns, len(cells))

    def _shares(self, variable: Variable, settings: Setting) -> list[tuple[str, float]]:
        if variable.name in settings:
            return [(self._checked(variable.name, [settings[variable.name]])[0], 1.0)]
        return [(level, 1 / len(variable.levels)) for level in variable.levels]

    def _checked(self, name: str, values: ArrayLike) -> tuple:
        variable = self.variable(name)
        if not variable.levels:
            return tuple(numeric_column(values, name))
        return known_levels(category_column(values, name), variable)

    def _labels(self, term: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield from product(*(self.variable(name).labels for name in term))

    def _coded(self, columns: Mapping[str, Sequence], rows: int) -> NDArray[np.float64]:
        single = {v.name: v.coded(columns[v.name], self.sums) for v in self.variables}
        blocks = [np.ones((rows, 1))] if self.intercept else []
        for term in self.terms:
            block = np.ones((rows, 1))
            for name in term:
                block = (block[:, :, None] * single[name][:, None, :]).reshape(rows, -1)
            blocks.append(block)
        return np.hstack(blocks) if blocks else np.empty((rows, 0))

    def __repr__(self) -> str:
        return f"Design of {self.rows} rows: {', '.join(self.names)}"


def design_matrix(
    columns: Mapping[str, ArrayLike],
    *,
    reference: Mapping[str, object] | None = None,
    levels: Mapping[str, Sequence[object]] | None = None,
    categories: Sequence[str] = (),
    interactions: Sequence[Sequence[str]] = (),
    intercept: bool = True,
) -> Design:
    """Put columns into a design matrix with an intercept, main effects and interactions.

    Words are categories, numbers are numeric unless named in `categories`. Names of matrix columns depend on names and
    levels only. Nothing is parsed: there is no formula.

    Parameters
    ----------
    columns : mapping of name to array-like, shape (n,)
        In the order they shall have in the matrix.
    reference : mapping of name to level, optional
        Level that others are compared with; by default the first in order.
    levels : mapping of name to levels, optional
        Order of a category's levels; by default sorted, numbers by size. Its first is the reference.
    categories : sequence of str
        Numeric columns that are categories, such as visits.
    interactions : sequence of sequences of names
        Each of two names or more.
    intercept : bool

    Returns
    -------
    Design

    Raises
    ------
    DataError
        For missing or infinite values, or values outside the levels.
    UnderstudyError
        For unknown names, a reference that does not occur, or a category with a single level.

    Examples
    --------
    >>> design = design_matrix({"arm": ["placebo", "drug", "drug"], "age": [60, 50, 70]},
    ...                        reference={"arm": "placebo"}, interactions=[("arm", "age")])
    >>> design.names
    ('(intercept)', 'arm[drug]', 'age', 'arm[drug]:age')
    >>> design.matrix[1]
    array([ 1.,  1., 50., 50.])
    """
    if not columns:
        raise UnderstudyError(
            "a design needs at least one column", repair="give a mapping of names to values"
        )
    chosen, order = dict(reference or {}), dict(levels or {})
    _refuse_unknown(
        [*chosen, *order, *categories, *(name for term in interactions for name in term)], columns
    )
    length = len(list(next(iter(columns.values()))))
    variables, values = [], {}
    for name, column in columns.items():
        category = name in categories or name in chosen or name in order or not _is_numeric(column)
        if category:
            words = category_column(column, name, length)
            variable = Variable(name, ordered_levels(name, words, order.get(name), chosen.get(name)))
            values[name] = known_levels(words, variable)
        else:
            variable = Variable(name)
            values[name] = tuple(numeric_column(column, name, length))
        variables.append(variable)
    terms = tuple((name,) for name in columns) + tuple(tuple(term) for term in interactions)
    _refuse_bad_terms(terms)
    return Design(tuple(variables), terms, values, intercept)


def _is_numeric(column: ArrayLike) -> bool:
    items = column.tolist() if hasattr(column, "tolist") else list(column)  # type: ignore[arg-type]
    return all(item is None or isinstance(item, (int, float, np.number, np.bool_)) for item in items)


def ordered_levels(name: str, words: Sequence[str], order: Sequence | None, first: object) -> tuple[str, ...]:
    """Levels of a category: as given, or sorted with numbers by size; `first` goes to the front.

    Examples
    --------
    >>> ordered_levels("week", ["10", "2", "2"], None, None)
    ('2', '10')
    """
    found = category_column(list(order), name) if order is not None else tuple(sorted(set(words), key=_rank))
    if first is not None:
        (first,) = category_column([first], name)
        if first not in found:
            raise UnderstudyError(
                f"reference level {first!r} of {name!r} does not occur", repair=f"take one of {list(found)}"
            )
        found = (first, *(level for level in found if level != first))
    if len(set(found)) < 2 or len(set(found)) < len(found):
        raise UnderstudyError(
            f"category {name!r} has the levels {list(found)}", repair="give two different levels or more"
        )
    return found


def _rank(word: str) -> tuple[int, float, str]:
    try:
        return 0, float(word), word
    except ValueError:
        return 1, 0.0, word


def known_levels(words: Sequence[str], variable: Variable) -> tuple[str, ...]:
    """The words, if all are levels of the variable; a DataError that names each other one.

    Examples
    --------
    >>> known_levels(["drug"], Variable("arm", ("placebo", "drug")))
    ('drug',)
    """
    wrong = [(row, word) for row, word in enumerate(words) if word not in variable.levels]
    if wrong:
        repair = f"use one of {list(variable.levels)}"
        problems = [Problem("unknown level", repair, row, variable.name, word) for row, word in wrong]
        raise DataError(problems, place=f"column {variable.name!r}")
    return tuple(words)


def _refuse_unknown(names: Sequence[str], columns: Mapping) -> None:
    unknown = sorted({name for name in names if name not in columns})
    if unknown:
        raise UnderstudyError(f"no column is called {unknown[0]!r}", repair=f"take one of {list(columns)}")


def _refuse_bad_terms(terms: Sequence[tuple[str, ...]]) -> None:
    for at, term in enumerate(terms):
        if not term or len(set(term)) < len(term) or set(term) in [set(other) for other in terms[:at]]:
            raise UnderstudyError(
                f"the term {':'.join(term)!r} repeats itself or another", repair="name each interaction once"
            )
