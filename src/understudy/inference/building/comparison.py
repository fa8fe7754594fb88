"""compare: fits of the same records side by side, with likelihood ratio tests between nested ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.fit import Fit

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Fits of the same records.

    Parameters
    ----------
    fits : mapping of str to Fit
        By name, the failed ones too.
    nested : mapping of str to str
        Name of a fit → name of the smaller one it is tested against.
    """

    fits: Mapping[str, Fit]
    nested: Mapping[str, str]

    def __post_init__(self) -> None:
        for name in ("fits", "nested"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def table(self) -> pd.DataFrame:
        """One fit a row, in the order of AIC.

        Columns: ``method``, ``objective``, ``parameters`` (estimated ones), ``aic``, ``bic``, ``against`` (the smaller
        model), ``change`` (of the objective), ``df``, ``p`` (of the likelihood ratio test), ``condition`` (number),
        ``succeeded``, ``warnings``.
        """
        import pandas as pd

        rows = [self._row(name, found) for name, found in self.fits.items()]
        return pd.DataFrame(rows).set_index("name").sort_values("aic", kind="stable")

    def best(self) -> str:
        """Name of the fit with the lowest AIC among those that succeeded."""
        good = {name: each.aic for name, each in self.fits.items() if each.succeeded is not False}
        if not good:
            raise SimulationError("no fit succeeded", repair="look at the statuses in `table`")
        return min(good, key=lambda name: good[name])

    def _row(self, name: str, found: Fit) -> dict[str, object]:
        known = bool(found.estimates)
        against = self.nested.get(name, "")
        change, df = self._test(found, self.fits[against]) if against else (np.nan, 0)
        return {
            "name": name, "method": found.method, "objective": found.objective,
            "parameters": len(free(found)), "aic": found.aic if known else np.nan,
            "bic": found.bic if known else np.nan, "against": against, "change": change, "df": df,
            "p": ratio_test(-change, df) if against else np.nan, "condition": found.condition_number,
            "succeeded": found.succeeded, "warnings": "; ".join(self._warnings(name, found)),
        }  # fmt: skip

    @staticmethod
    def _test(larger: Fit, smaller: Fit) -> tuple[float, int]:
        return larger.objective - smaller.objective, len(free(larger)) - len(free(smaller))

    def _warnings(self, name: str, found: Fit) -> list[str]:
        told = [] if found.succeeded is not False else [found.status]
        smaller = self.fits.get(self.nested.get(name, ""))
        if smaller is not None and any(_is_variance(each) for each in free(found) - free(smaller)):
            told.append("p is too large: a variance of zero lies on the bound of what is possible")
        return told + list(found.warnings)

    def __repr__(self) -> str:
        shown = self.table().drop(columns=["method", "warnings"])
        return (
            f"Comparison of {len(self.fits)} fits\n{shown.to_string(float_format='{:.5g}'.format, na_rep='')}"
        )


def compare(fits: Mapping[str, Fit] | Sequence[Fit], nested: Mapping[str, str] | None = None) -> Comparison:
    """Put fits of the same records side by side.

    Parameters
    ----------
    fits : mapping of str to Fit, or sequence of Fit
        A sequence's fits are called as their models.
    nested : mapping of str to str, optional
        Name of a fit → name of the smaller model that it contains. By default a model is taken to contain those
        whose estimated parameters all have the names of some of its own, and is tested against the largest of them.

    Returns
    -------
    Comparison
        The likelihood ratio test takes the fall of the objective as chi-square distributed, with as many degrees of
        freedom as there are more parameters (Wilks 1938, doi:10.1214/aoms/1177732360).

    Raises
    ------
    SimulationError
        For two fits of one name, fits of different records or by different methods, or a name in `nested` that is none.

    Examples
    --------
    >>> small = Fit("FOCEI", 600.0, {"theta_CL": 0.005}, observations=155, succeeded=True)
    >>> large = Fit("FOCEI", 586.3, {"theta_CL": 0.005, "theta_APGR": 0.16}, observations=155, succeeded=True)
    >>> compare({"small": small, "large": large}).table()[["change", "df", "p"]].round(5)
           change  df        p
    name
    large   -13.7   1  0.00021
    small     NaN   0      NaN
    """
    named = dict(fits) if isinstance(fits, Mapping) else _named(fits)
    _require_comparable(named)
    for name in () if nested is None else (*nested, *nested.values()):
        if name not in named:
            raise SimulationError(f"no fit is called {name!r}", repair=f"there are {', '.join(named)}")
    return Comparison(named, _nested(named) if nested is None else nested)


def ratio_test(fall: float, df: int) -> float:
    """Probability of a fall of the objective as large or larger if the smaller model is true.

    Examples
    --------
    >>> round(ratio_test(3.841459, 1), 4)
    0.05
    """
    from scipy.stats import chi2

    return float(chi2.sf(max(fall, 0.0), df)) if df > 0 and np.isfinite(fall) else np.nan


def free(found: Fit) -> set[str]:
    """Names of what was estimated."""
    return set(found.estimates) - set(found.fixed)


def _named(fits: Sequence[Fit]) -> dict[str, Fit]:
    names = [each.model.name if each.model else each.source or f"fit {k + 1}" for k, each in enumerate(fits)]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SimulationError(
            f"several fits are called {', '.join(doubled)}", repair="give a mapping of names to fits"
        )
    return dict(zip(names, fits, strict=True))


def _require_comparable(fits: Mapping[str, Fit]) -> None:
    made = {name: each for name, each in fits.items() if each.estimates}
    for what, values in (
        ("methods", {each.method for each in made.values()}),
        ("numbers of observations", {each.observations for each in made.values() if each.observations}),
    ):
        if len(values) > 1:
            raise SimulationError(
                f"fits with different {what} cannot be compared: {', '.join(map(str, sorted(values)))}",
                repair="estimate all of them from the same records by one method",
            )


def _nested(fits: Mapping[str, Fit]) -> dict[str, str]:
    """For each fit the largest one that it contains."""
    found = {}
    for name, each in fits.items():
        inside = [other for other, small in fits.items() if small.estimates and free(small) < free(each)]
        if inside:
            found[name] = max(inside, key=lambda other: len(free(fits[other])))
    return found


def _is_variance(name: str) -> bool:
    return name.startswith("omega(") and "," not in name
