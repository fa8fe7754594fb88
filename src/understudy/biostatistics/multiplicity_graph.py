"""Graphical multiple tests: hypotheses as nodes with shares of alpha, which rejected ones hand on along edges.

Bretz, Maurer, Brannath & Posch 2009, doi:10.1002/sim.3495. Holm, fixed-sequence and fallback tests are graphs; those of
Hochberg and Hommel are not, and stand beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.estimates import written_p
from understudy.biostatistics.numeric_column import numeric_column
from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
_SUM = 1e-9  # by how much sums of shares may pass one through rounding


@dataclass(frozen=True, eq=False)
class MultipleTest:
    """Adjusted p-values and decisions.

    Attributes
    ----------
    procedure : str
    names : tuple of str
    p_values, adjusted : array, shape (n,)
        A hypothesis is rejected at any level at or above its adjusted p-value.
    alpha : float
    rejected : array of bool, shape (n,)
    """

    procedure: str
    names: tuple[str, ...]
    p_values: Array
    adjusted: Array
    alpha: float

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """Which hypotheses are rejected at the familywise level alpha."""
        return self.adjusted <= self.alpha

    def __getitem__(self, name: str) -> float:
        if name not in self.names:
            raise UnderstudyError(
                f"no hypothesis is called {name!r}", repair=f"take one of {list(self.names)}"
            )
        return float(self.adjusted[self.names.index(name)])

    def table(self) -> pd.DataFrame:
        """One row a hypothesis."""
        import pandas as pd

        columns = {"p_value": self.p_values, "adjusted": self.adjusted, "rejected": self.rejected}
        return pd.DataFrame(columns, index=pd.Index(self.names, name="hypothesis"))

    def __repr__(self) -> str:
        import pandas as pd

        columns = {
            "p": [written_p(p) for p in self.p_values],
            "adjusted p": [written_p(p) for p in self.adjusted],
            "": ["rejected" if one else "" for one in self.rejected],
        }
        table = pd.DataFrame(columns, index=list(self.names)).to_string()
        return f"{self.procedure[0].upper()}{self.procedure[1:]}, familywise level {self.alpha:g}\n{table}"


@dataclass(frozen=True, eq=False)
class MultiplicityGraph:
    """A graph of hypotheses.

    Made by `multiplicity_graph`, `holm`, `fixed_sequence` or `fallback`.

    Attributes
    ----------
    names : tuple of str
    weights : array, shape (n,)
        Shares of alpha at the beginning.
    transitions : array, shape (n, n)
        What share of its alpha a rejected hypothesis (row) hands to another (column).
    procedure : str
    """

    names: tuple[str, ...]
    weights: Array
    transitions: Array
    procedure: str = "graphical test"

    def without(self, hypothesis: int) -> MultiplicityGraph:
        """The graph after a rejection: shares and edges go on to the others (algorithm 1 of Bretz et al.)."""
        g, w = self.transitions, self.weights
        back = 1 - g[hypothesis] * g[:, hypothesis]  # of each other: what does not come back to it
        moved = w + w[hypothesis] * g[hypothesis]
        edges = np.divide(
            g + np.outer(g[:, hypothesis], g[hypothesis]),
            back[:, None],
            out=np.zeros_like(g),
            where=(back > _SUM)[:, None],
        )
        np.fill_diagonal(edges, 0.0)
        edges[hypothesis], edges[:, hypothesis], moved[hypothesis] = 0.0, 0.0, 0.0
        return MultiplicityGraph(self.names, moved, edges, self.procedure)

    def test(self, p_values: ArrayLike, *, alpha: float = 0.05) -> MultipleTest:
        """Test sequentially: reject what its share of alpha allows, hand the share on, and go on.

        Parameters
        ----------
        p_values : array-like, shape (n,)
        alpha : float
            Familywise level.

        Returns
        -------
        MultipleTest
            With adjusted p-values (algorithm 2 of Bretz et al.).
        """
        p = checked_p_values(p_values, len(self.names), alpha)
        adjusted, reached, graph = np.ones(len(p)), 0.0, self
        left = list(range(len(p)))
        while left:
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.where(graph.weights[left] > _SUM, p[left] / graph.weights[left], np.inf)
            if not np.isfinite(ratio).any():
                break
            next_one = left[int(np.argmin(ratio))]
            reached = max(reached, min(1.0, float(ratio.min())))
            adjusted[next_one] = reached
            left.remove(next_one)
            graph = graph.without(next_one)
        return MultipleTest(self.procedure, self.names, p, adjusted, alpha)

    def __repr__(self) -> str:
        lines = [f"{self.procedure} of {len(self.names)} hypotheses"]
        for at, name in enumerate(self.names):
            edges = [
                f"{share:.4g} to {self.names[to]}"
                for to, share in enumerate(self.transitions[at])
                if share > 0
            ]
            lines.append(
                f"  {name}: {self.weights[at]:.4g} of alpha; hands on {', '.join(edges) or 'nothing'}"
            )
        return "\n".join(lines)


def multiplicity_graph(
    names: Sequence[str], weights: ArrayLike, transitions: ArrayLike, *, procedure: str = "graphical test"
) -> MultiplicityGraph:
    """Make a graph and check it.

    Parameters
    ----------
    names : sequence of str, length n
    weights : array-like, shape (n,)
        Shares of alpha, together at most 1.
    transitions : array-like, shape (n, n)
        Rows together at most 1, zeros on the diagonal.

    Returns
    -------
    MultiplicityGraph

    Raises
    ------
    UnderstudyError
        For weights or transitions that break these rules, or names that repeat.

    Examples
    --------
    Two doses on a primary and a secondary endpoint; each primary hands on to its secondary and the other dose.

    >>> graph = multiplicity_graph(
    ...     ["low", "high", "low, secondary", "high, secondary"], [0.5, 0.5, 0, 0],
    ...     [[0, 0.5, 0.5, 0], [0.5, 0, 0, 0.5], [0, 1, 0, 0], [1, 0, 0, 0]])
    >>> graph.test([0.03, 0.01, 0.04, 0.012]).adjusted.round(4)
    array([0.04, 0.02, 0.04, 0.04])
    """
    labels = tuple(str(name) for name in names)
    count = len(labels)
    w, g = np.array(weights, dtype=float), np.array(transitions, dtype=float)
    if not count or w.shape != (count,) or g.shape != (count, count) or len(set(labels)) < count:
        raise UnderstudyError(
            f"{count} names, weights of shape {w.shape}, transitions of shape {g.shape}",
            place="multiplicity graph",
            repair="give n different names, n weights and n rows of n transitions",
        )
    wrong = []
    if not (np.isfinite(w).all() and (w >= 0).all() and w.sum() <= 1 + _SUM):
        wrong.append(f"weights {w.tolist()} are negative or pass 1 together")
    for row, name in zip(g, labels, strict=True):
        if not (np.isfinite(row).all() and (row >= 0).all() and row.sum() <= 1 + _SUM):
            wrong.append(f"transitions of {name!r} are negative or pass 1 together")
    if np.diag(g).any():
        wrong.append("a hypothesis hands alpha to itself")
    if wrong:
        raise UnderstudyError(
            "; ".join(wrong),
            place="multiplicity graph",
            repair="give shares between 0 and 1, at most 1 a row",
        )
    return MultiplicityGraph(labels, w, g, procedure)


def holm(names: Sequence[str], weights: ArrayLike | None = None) -> MultiplicityGraph:
    """Holm's test as a graph, weighted or not (Holm 1979, Scand J Statist 6:65-70).

    Examples
    --------
    >>> holm(["a", "b", "c"]).test([0.01, 0.04, 0.03]).adjusted
    array([0.03, 0.06, 0.06])
    """
    count = len(names)
    w = np.full(count, 1 / max(count, 1)) if weights is None else np.asarray(weights, dtype=float)
    others = np.where(np.eye(count, dtype=bool), 0.0, w[None, :])
    share = np.divide(others, others.sum(axis=1, keepdims=True), out=np.zeros_like(others), where=others > 0)
    return multiplicity_graph(names, w, share, procedure="Holm")


def fixed_sequence(names: Sequence[str]) -> MultiplicityGraph:
    """Each hypothesis is tested at full alpha if all before it were rejected (Maurer, Hothorn & Lehmacher 1995).

    Examples
    --------
    >>> fixed_sequence(["a", "b", "c"]).test([0.01, 0.04, 0.03]).adjusted
    array([0.01, 0.04, 0.04])
    """
    count = len(names)
    w = (np.arange(count) == 0).astype(float)
    return multiplicity_graph(names, w, np.eye(count, k=1), procedure="fixed sequence")


def fallback(names: Sequence[str], weights: ArrayLike) -> MultiplicityGraph:
    """Each hypothesis has a share and hands it to the next (Wiens 2003, doi:10.1002/pst.64).

    Examples
    --------
    >>> fallback(["a", "b"], [0.5, 0.5]).test([0.03, 0.02]).adjusted
    array([0.06, 0.04])
    """
    return multiplicity_graph(names, weights, np.eye(len(names), k=1), procedure="fallback")


def hochberg(names: Sequence[str], p_values: ArrayLike, *, alpha: float = 0.05) -> MultipleTest:
    """Hochberg's step-up test; valid for independent or positively dependent p-values (doi:10.1093/biomet/75.4.800).

    Examples
    --------
    >>> hochberg(["a", "b", "c"], [0.01, 0.04, 0.03]).adjusted
    array([0.03, 0.04, 0.04])
    """
    p = checked_p_values(p_values, len(names), alpha)
    order = np.argsort(-p, kind="stable")
    factors = np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum.accumulate(np.minimum(1.0, p[order] * factors))
    return MultipleTest("Hochberg", tuple(names), p, adjusted, alpha)


def hommel(names: Sequence[str], p_values: ArrayLike, *, alpha: float = 0.05) -> MultipleTest:
    """Hommel's test: the closed test of Simes' tests (doi:10.1093/biomet/75.2.383; adjusted p-values by Wright 1992,
    doi:10.2307/2532694). At least as powerful as Hochberg's, under the same dependence.

    Examples
    --------
    >>> hommel(["a", "b", "c"], [0.01, 0.04, 0.03]).adjusted
    array([0.03, 0.04, 0.04])
    """
    p = checked_p_values(p_values, len(names), alpha)
    count, order = len(p), np.argsort(p, kind="stable")
    ranked = p[order]
    adjusted = ranked.copy()
    for size in range(count, 1, -1):
        top = ranked[count - size + 1 :] * size / np.arange(2, size + 1)
        least = top.min()
        # The intersection of the smallest of these sizes with each hypothesis, by Simes' test.
        upper = np.arange(count - size + 1, count)
        lower = np.arange(count - size + 1)
        adjusted[upper] = np.maximum(adjusted[upper], least)
        adjusted[lower] = np.maximum(adjusted[lower], np.minimum(least, size * ranked[lower]))
    result = np.empty(count)
    result[order] = np.minimum(1.0, adjusted)
    return MultipleTest("Hommel", tuple(names), p, result, alpha)


def checked_p_values(p_values: ArrayLike, count: int, alpha: float) -> Array:
    """P-values between 0 and 1, as many as hypotheses; and a level between 0 and 1."""
    p = numeric_column(p_values, "p_values", count)
    if ((p < 0) | (p > 1)).any() or not 0 < alpha < 1:
        raise UnderstudyError(
            f"p-values {p.tolist()} at level {alpha:g}", repair="give numbers between 0 and 1"
        )
    return p
