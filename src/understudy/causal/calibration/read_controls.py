"""read_controls: controls from a table, whose truth may be text or number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.calibration.controls import Controls
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
_NAMES = ("drugname", "outcomename", "name", "control", "outcome", "outcomeid", "exposure")
_LOG = ("logrr", "loghr", "logor", "logestimate", "log")
_ERROR = ("selogrr", "selog", "selogestimate", "standarderror", "se")
_RATIO = ("rr", "hr", "or", "estimate", "ratio")
_LOW = ("ci95lb", "lb", "low", "lower", "cilow", "ratiolow")
_HIGH = ("ci95ub", "ub", "high", "upper", "cihigh", "ratiohigh")
_TRUE_LOG = ("truelogrr", "trueeffect", "truelog")
_TRUE_RATIO = ("truerr", "effectsize", "trueratio", "targeteffectsize")
_TRUTH = ("groundtruth", "truth")
_MISSING = frozenset({"", "na", "nan", "null", "none"})
_Z975 = 1.959963984540054  # quantile of the standard normal


def read_controls(path: str | Path) -> Controls:
    """Read controls, and what is of interest, from a CSV.

    Parameters
    ----------
    path : str or Path
        Columns, in any writing of their names: a name (``drugName``, ``outcomeName``, ``name``); the estimate as
        ``logRr`` and ``seLogRr``, or as ``rr`` with its 95 % limits (``ci95Lb``, ``ci95Ub``, or ``low``, ``high``); the
        truth as ``groundTruth`` (0: a negative control; 1 or empty: of interest, its size not known), ``trueLogRr`` (0,
        a number, or empty) or ``trueRr`` / ``effectSize`` (1, a number, or empty). Text and numbers are both read:
        ``0``, ``"0"`` and ``0.0`` are the same.

    Returns
    -------
    Controls
        With those rows that cannot be used counted by reason.

    Raises
    ------
    DataError
        For columns that are missing, for text where a number should be, and for an outcome of interest that is its own
        negative control; every problem is listed.

    Examples
    --------
    >>> _ = Path("controls.csv").write_text("name,groundTruth,logRr,seLogRr\\na,0,0.3,0.1\\nb,0.0,NA,\\nx,1,1.2,0.2\\n")
    >>> read_controls("controls.csv")
    1 negative control, 0 positive controls, 1 of interest
      note: 1 row left out: 1 without an estimate
    """
    import pandas as pd

    file = Path(path)
    if not file.is_file():
        raise DataError([Problem("there is no such file", "give a CSV")], place=str(path))
    try:
        frame = pd.read_csv(file, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        told = str(error).strip().splitlines()[0]
        raise DataError([Problem(f"no table: {told}", "give a CSV in UTF-8")], place=str(path)) from None
    return controls_of(frame, place=file.name)


def controls_of(frame: pd.DataFrame, place: str = "the controls") -> Controls:
    """Controls from a table with the columns of `read_controls`, of text or of numbers."""
    table = _Table(frame, place)
    names = table.texts(_NAMES)
    log_rr, error = table.estimates()
    truth = table.truth()
    table.stop()
    return Controls.of(names, log_rr, error, truth)


class _Table:
    """A table whose problems are collected."""

    def __init__(self, frame: pd.DataFrame, place: str):
        self.frame, self.place = frame, place
        self.columns = {"".join(c for c in str(each).lower() if c.isalnum()): each for each in frame.columns}
        self.problems: list[Problem] = []

    def stop(self) -> None:
        if self.problems:
            raise DataError(self.problems, place=self.place)

    def named(self, names: tuple[str, ...]) -> str | None:
        """The first column that is called so."""
        return next((self.columns[each] for each in names if each in self.columns), None)

    def texts(self, names: tuple[str, ...]) -> list[str]:
        column = self.named(names)
        if column is None:
            return [f"row {k}" for k in range(2, len(self.frame) + 2)]
        return [str(each) for each in self.frame[column]]

    def numbers(self, column: str) -> Array:
        """The column as numbers; missing ones are NaN."""
        found = np.full(len(self.frame), np.nan)
        for k, value in enumerate(self.frame[column]):
            text = str(value).strip()
            if text.casefold() in _MISSING or text == "<NA>":
                continue
            try:
                found[k] = float(text)
            except ValueError:
                repair = "write a number, or leave it empty"
                self.problems.append(Problem("not a number", repair, k + 2, str(column), text))
        return found

    def estimates(self) -> tuple[Array, Array]:
        """Logarithms of ratios and their standard errors."""
        log, error = self.named(_LOG), self.named(_ERROR)
        if log and error:
            return self.numbers(log), self.numbers(error)
        ratio, low, high = (self.named(each) for each in (_RATIO, _LOW, _HIGH))
        if ratio and low and high:
            return self._of_ratios(*(self.numbers(each) for each in (ratio, low, high)))
        told = ", ".join(map(str, self.frame.columns))
        repair = "give logRr and seLogRr, or rr with ci95Lb and ci95Ub"
        self.problems.append(Problem("no columns of an estimate", repair, value=told))
        none = np.full(len(self.frame), np.nan)
        return none, none

    def _of_ratios(self, ratio: Array, low: Array, high: Array) -> tuple[Array, Array]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(ratio), (np.log(high) - np.log(low)) / (2 * _Z975)

    def truth(self) -> Array:
        """True log ratios: 0, another number, or NaN where it is not known."""
        if column := self.named(_TRUE_LOG):
            return self.numbers(column)
        if column := self.named(_TRUE_RATIO):
            ratios = self.numbers(column)
            for k in np.flatnonzero(ratios <= 0):
                repair = "write the ratio, 1 for a negative control"
                self.problems.append(Problem("no ratio", repair, int(k) + 2, str(column), f"{ratios[k]:g}"))
            return np.log(np.where(ratios <= 0, 1.0, ratios))
        if column := self.named(_TRUTH):
            return self._ground_truth(column)
        repair = "give groundTruth (0: negative control), trueLogRr or trueRr"
        self.problems.append(Problem("no column of the truth", repair))
        return np.full(len(self.frame), np.nan)

    def _ground_truth(self, column: str) -> Array:
        found = self.numbers(column)
        for k in np.flatnonzero(np.isfinite(found) & ~np.isin(found, (0.0, 1.0))):
            repair = "0 for a negative control, 1 for what is of interest; sizes go into trueLogRr"
            self.problems.append(Problem("neither 0 nor 1", repair, int(k) + 2, str(column), f"{found[k]:g}"))
        return np.where(found == 0, 0.0, np.nan)
