"""Sobol' indices: which parameters an output's variance over the box comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.surrogate.design import generator
from understudy.surrogate.surrogate import Surrogate

if TYPE_CHECKING:
    import pandas as pd

# Of the variance at the time when it is largest: below it there is nothing to divide among parameters.
_NO_VARIANCE = 1e-12


def sobol_indices(
    surrogate: Surrogate,
    outputs: Iterable[str] | None = None,
    *,
    over_time: bool = False,
    size: int = 4096,
    resamples: int = 400,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Shares of an output's variance that are due to each parameter, when all vary over the box.

    Parameters vary independently and uniformly, on the scales of the box. The first-order index is the share that goes
    away if the parameter is known; the total index is the share that stays if all others are known, so what it has over
    the first-order index is due to interactions.

    Parameters
    ----------
    surrogate : Surrogate
    outputs : iterable of str, optional
        All of them where None.
    over_time : bool
        One index for all times: the shares at each time, weighted by the variance there.
    size : int
        Points, a power of 2; the surrogate is asked for ``size * (parameters + 2)`` courses.
    resamples : int
        Bootstrap resamples behind the intervals.
    level : float
        Confidence level of the intervals. They are of the sampling alone: what the surrogate itself leaves unexplained,
        ``1 - q2`` of its `error`, is not in them.
    seed : int

    Returns
    -------
    DataFrame
        Columns ``output``, ``time`` (unless `over_time`), ``parameter``, ``first``, ``first_lower``, ``first_upper``,
        ``total``, ``total_lower``, ``total_upper`` and ``variance`` (of the output at the time, or summed over times,
        in its unit squared). Times at which the output does not vary are left out.

    Raises
    ------
    SimulationError
        For an unknown output, a size that is no power of 2, or an output that does not vary at all.

    References
    ----------
    Saltelli A, Annoni P, Azzini I, Campolongo F, Ratto M, Tarantola S. Comput Phys Commun 2010;181:259-270.
    doi:10.1016/j.cpc.2009.09.018, Table 2, (b) and (f); over time: Gamboa F, Janon A, Klein T, Lagnoux A. Electron J
    Stat 2014;8:575-603. doi:10.1214/14-EJS895

    Examples
    --------
    >>> from understudy import emulate, load_model
    >>> model = load_model("one_compartment_iv_michaelis_menten")
    >>> surrogate = emulate(model, {"V": (20, 80), "Km": (2, 8)}, "100 mg", [0.5, 6], size=32, held_out=32)
    >>> table = sobol_indices(surrogate, size=1024)
    >>> bool(table.query("parameter == 'V'")["first"].iloc[0] > 0.9)
    True
    """
    _check(size, resamples, level)
    wanted = tuple(outputs) if outputs is not None else surrogate.outputs
    for name in wanted:
        if name not in surrogate.outputs:
            repair = f"outputs: {', '.join(surrogate.outputs)}"
            raise SimulationError(f"the surrogate has no output {name!r}", place="outputs", repair=repair)
    import pandas as pd

    names, tables = surrogate.box.names, []
    for course in surrogate.courses:
        if course.name in wanted:
            terms = Terms.of(course.centre, len(names), size, seed).moving(course.name)
            times = surrogate.times[terms.columns]
            terms = terms.summed() if over_time else terms
            table = _table(course.name, names, terms, *terms.intervals(resamples, level, seed))
            if not over_time:
                table.insert(1, "time", np.repeat(times, len(names)))
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True, eq=False)
class Terms:
    """What indices are means of: one term a point.

    Parameters
    ----------
    square : float array, shape (size, times)
        Mean is the variance.
    first, total : float arrays, shape (size, times, parameters)
        Means are the parts of the variance that are due to the parameters.
    columns : int array, shape (times,)
        Which times they are of.
    """

    square: np.ndarray
    first: np.ndarray
    total: np.ndarray
    columns: np.ndarray

    @classmethod
    def of(cls, function: Callable[[np.ndarray], np.ndarray], dimensions: int, size: int, seed: int) -> Terms:
        """Terms of a function on the unit cube, from shape (n, dimensions) to (n, times)."""
        from scipy.stats.qmc import Sobol

        sequence = Sobol(2 * dimensions, rng=generator(seed, "sobol points"))
        both = sequence.random_base2(size.bit_length() - 1)
        left, right = both[:, :dimensions], both[:, dimensions:]
        at_left, at_right = function(left), function(right)
        # Around the mean the terms are smaller, and so is their scatter.
        mean = (at_left.mean(axis=0) + at_right.mean(axis=0)) / 2
        at_left, at_right = at_left - mean, at_right - mean
        mixed = np.stack([function(_mixed(left, right, k)) - mean for k in range(dimensions)], axis=2)
        return cls(
            (at_left**2 + at_right**2) / 2,
            at_right[:, :, None] * (mixed - at_left[:, :, None]),
            (at_left[:, :, None] - mixed) ** 2 / 2,
            np.arange(at_left.shape[1]),
        )

    def moving(self, name: str) -> Terms:
        """Those of times at which there is variance."""
        variances = self.square.mean(axis=0)
        kept = np.flatnonzero(variances > _NO_VARIANCE * variances.max())
        if not kept.size:
            raise SimulationError(
                f"{name} does not vary over the box", place="outputs", repair="leave it out"
            )
        return Terms(self.square[:, kept], self.first[:, kept], self.total[:, kept], self.columns[kept])

    def summed(self) -> Terms:
        """Those of all times in one."""
        arrays = (array.sum(axis=1, keepdims=True) for array in (self.square, self.first, self.total))
        return Terms(*arrays, self.columns[:1])

    def indices(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First-order and total indices for weights of the points.

        Parameters
        ----------
        weights : float array, shape (resamples, size)

        Returns
        -------
        two float arrays, shape (resamples, times, parameters)
        """
        variance = (weights @ self.square)[:, :, None]
        return tuple(
            (weights @ part.reshape(len(part), -1)).reshape(len(weights), *part.shape[1:]) / variance
            for part in (self.first, self.total)
        )

    def intervals(self, resamples: int, level: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Estimates and the ends of their bootstrap intervals, each of shape (3, times, parameters)."""
        size = len(self.square)
        drawn = generator(seed, "sobol bootstrap").multinomial(size, np.full(size, 1 / size), resamples)
        tails = [(1 - level) / 2, (1 + level) / 2]
        estimates, draws = self.indices(np.ones((1, size))), self.indices(drawn.astype(float))
        return tuple(
            np.concatenate([estimate, np.quantile(each, tails, axis=0)])
            for estimate, each in zip(estimates, draws, strict=True)
        )


def _mixed(left: np.ndarray, right: np.ndarray, k: int) -> np.ndarray:
    """All parameters of one, but the k-th of the other."""
    mixed = left.copy()
    mixed[:, k] = right[:, k]
    return mixed


def _table(
    output: str, names: tuple[str, ...], terms: Terms, first: np.ndarray, total: np.ndarray
) -> pd.DataFrame:
    import pandas as pd

    variance = terms.square.mean(axis=0)
    columns = {"output": output, "parameter": np.tile(names, len(variance))}
    for name, values in (("first", first), ("total", total)):
        for end, array in zip(("", "_lower", "_upper"), values, strict=True):
            columns[name + end] = array.ravel()
    return pd.DataFrame({**columns, "variance": np.repeat(variance, len(names))})


def _check(size: int, resamples: int, level: float) -> None:
    if size < 2 or size & (size - 1):
        raise SimulationError(f"{size} is no power of 2", place="size", repair="give 1024, 2048 or 4096")
    if resamples < 10 or not 0 < level < 1:
        raise SimulationError(
            f"{resamples} resamples at a level of {level} give no interval",
            place="resamples and level",
            repair="give 10 or more, and a level between 0 and 1",
        )
