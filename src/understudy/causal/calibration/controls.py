"""Controls: estimates of things whose true effect is known, and of those of interest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Controls:
    """Estimates with their standard errors and, where it is known, the truth. Made by `Controls.of` or `read_controls`.

    Parameters
    ----------
    names : tuple of str
    log_rr, standard_error : float array, shape (n,)
        All finite, the errors positive.
    true_log_rr : float array, shape (n,)
        0 for negative controls, another number for positive ones, NaN where the effect is not known.
    dropped : tuple of (str, str)
        Name and reason of each row that could not be used.

    Examples
    --------
    >>> found = Controls.of(["a", "b", "drug"], [0.2, np.nan, 1.1], [0.1, 0.3, 0.2], [0, 0, np.nan])
    >>> found
    1 negative control, 0 positive controls, 1 of interest
      note: 1 row left out: 1 without an estimate
    """

    names: tuple[str, ...]
    log_rr: Array
    standard_error: Array
    true_log_rr: Array
    dropped: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        log_rr: ArrayLike,
        standard_error: ArrayLike,
        true_log_rr: ArrayLike,
    ) -> Controls:
        """Controls from columns; rows that cannot be used are left out and counted.

        Raises
        ------
        DataError
            For columns of different lengths, or an outcome of interest that is its own negative control.
        """
        columns = [np.asarray(each, float).ravel() for each in (log_rr, standard_error, true_log_rr)]
        names = [str(each).strip() for each in names]
        if len({len(names), *(each.size for each in columns)}) > 1:
            sizes = ", ".join(map(str, (len(names), *(each.size for each in columns))))
            problem = Problem("columns differ in length", "give one of each for a control", value=sizes)
            raise DataError([problem], place="the controls")
        _refuse_own_control(names, columns[2])
        reasons = [_reason(estimate, error) for estimate, error in zip(*columns[:2], strict=True)]
        kept = np.array([not each for each in reasons], bool)
        dropped = tuple((name, why) for name, why in zip(names, reasons, strict=True) if why)
        used = tuple(name for name, keep in zip(names, kept, strict=True) if keep)
        return cls(used, *(each[kept] for each in columns), dropped)

    @property
    def negative(self) -> Controls:
        """Those without an effect."""
        return self.only(self.true_log_rr == 0)

    @property
    def positive(self) -> Controls:
        """Those with an effect of known size."""
        return self.only(np.isfinite(self.true_log_rr) & (self.true_log_rr != 0))

    @property
    def of_interest(self) -> Controls:
        """Those whose effect is asked for."""
        return self.only(np.isnan(self.true_log_rr))

    @property
    def known(self) -> Controls:
        """Negative and positive controls."""
        return self.only(np.isfinite(self.true_log_rr))

    @property
    def p_values(self) -> Array:
        """Two-sided p-values as if there were no systematic error, shape (n,)."""
        from scipy.special import ndtr

        return 2 * ndtr(-np.abs(self.log_rr / self.standard_error))

    def only(self, kept: ArrayLike) -> Controls:
        """With only these rows, by a mask; what was left out before is still told."""
        kept = np.asarray(kept, bool)
        names = tuple(name for name, keep in zip(self.names, kept, strict=True) if keep)
        arrays = (self.log_rr, self.standard_error, self.true_log_rr)
        return Controls(names, *(each[kept] for each in arrays), self.dropped)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, with counts and reasons."""
        return told_dropped(why for _, why in self.dropped)

    def table(self) -> pd.DataFrame:
        """Columns name, log_rr, standard_error, true_log_rr."""
        import pandas as pd

        return pd.DataFrame(
            {
                "name": self.names,
                "log_rr": self.log_rr,
                "standard_error": self.standard_error,
                "true_log_rr": self.true_log_rr,
            }
        )

    def __repr__(self) -> str:
        counts = [len(each) for each in (self.negative, self.positive)]
        told = [
            f"{n} {kind} control{'' if n == 1 else 's'}"
            for n, kind in zip(counts, ("negative", "positive"), strict=True)
        ]
        lines = [", ".join([*told, f"{len(self.of_interest)} of interest"])]
        return "\n".join([*lines, *(f"  note: {each}" for each in self.notes)])


def told_dropped(reasons: Iterable[str]) -> tuple[str, ...]:
    """How many were left out and why, as a note; nothing where none were."""
    counts = Counter(reasons)
    total = sum(counts.values())
    if not total:
        return ()
    why = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    return (f"{total} row{'' if total == 1 else 's'} left out: {why}",)


def _reason(estimate: float, error: float) -> str:
    """Why a row cannot be used; empty where it can."""
    if np.isnan(estimate):
        return "without an estimate"
    if np.isinf(estimate):
        return "with an infinite estimate"
    if np.isnan(error):
        return "without a standard error"
    if np.isinf(error):
        return "with an infinite standard error"
    return "" if error > 0 else "with a standard error that is not positive"


def _refuse_own_control(names: list[str], truth: Array) -> None:
    """A negative control that is an outcome of interest would be calibrated away."""
    plain = [each.casefold() for each in names]
    asked = {name for name, known in zip(plain, truth, strict=True) if np.isnan(known) and name}
    problems = [
        Problem(
            "is a negative control and of interest",
            "take it out of the controls, or do not ask for it",
            column="name",
            value=name,
        )
        for name, low, known in zip(names, plain, truth, strict=True)
        if known == 0 and low in asked
    ]
    if problems:
        raise DataError(problems, place="the controls")
