"""bootstrap: how sure estimates are, from fits of resampled patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.building.intervals import bias_corrected, percentile
from understudy.inference.building.many_fits import (
    Progress,
    Trial,
    Workshop,
    bare,
    open_workshop,
    require_own_method,
    silent,
)
from understudy.inference.building.resampling import draws
from understudy.inference.estimation.method import Method
from understudy.inference.estimation.methods import method_of
from understudy.inference.fit import Fit
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

KINDS = ("percentile", "BCa")


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap:
    """Estimates from resampled studies.

    Parameters
    ----------
    fit : Fit
        Of the study itself.
    replicates : tuple of Fit
        Of all resampled studies, those that failed too.
    left_out : tuple of Fit
        Without each patient in turn; empty where they were not asked for.
    level : float
        Of the intervals.
    stratified : str
        Covariate within whose values patients were drawn.
    """

    fit: Fit
    replicates: tuple[Fit, ...]
    left_out: tuple[Fit, ...] = ()
    level: float = 0.95
    stratified: str = ""

    @property
    def used(self) -> tuple[Fit, ...]:
        """The replicates whose estimation succeeded: those of which intervals are made."""
        return tuple(each for each in self.replicates if each.succeeded)

    @property
    def failures(self) -> Mapping[str, int]:
        """How often each reason for failure came up."""
        reasons = [each.status for each in self.replicates if not each.succeeded]
        return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}

    @property
    def kind(self) -> str:
        """Of the intervals."""
        return "BCa" if self.left_out else "percentile"

    def estimates(self) -> pd.DataFrame:
        """Estimates of the replicates that are used, one a row, columns named as the parameters."""
        return _frame(self.used, self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters that were estimated."""
        return tuple(name for name in self.fit.estimates if name not in self.fit.fixed)

    def interval(self, name: str) -> tuple[float, float]:
        """Interval of an estimate."""
        drawn = self.estimates()[name].to_numpy()
        if not self.left_out:
            return percentile(drawn, self.level)
        apart = _frame([each for each in self.left_out if each.succeeded], self.names)
        return bias_corrected(drawn, self.fit.estimates[name], apart[name].to_numpy(), self.level)

    def covariance(self) -> pd.DataFrame:
        """Of the estimates, between replicates."""
        return self.estimates().cov()

    def table(self) -> pd.DataFrame:
        """Estimate, mean, bias and standard error of the replicates, and interval, of every parameter."""
        import pandas as pd

        drawn, names = self.estimates(), list(self.names)
        estimate = pd.Series({name: self.fit.estimates[name] for name in names})
        ends = np.array([self.interval(name) for name in names]).reshape(-1, 2)
        found = {
            "estimate": estimate, "mean": drawn.mean(), "bias": drawn.mean() - estimate,
            "standard error": drawn.std(ddof=1), "low": ends[:, 0], "high": ends[:, 1],
        }  # fmt: skip
        return pd.DataFrame(found, index=pd.Index(names, name="name"))

    def replicate_table(self) -> pd.DataFrame:
        """One replicate a row, failed ones too: objective, whether it succeeded, status, estimates."""
        import pandas as pd

        told = {
            "objective": [each.objective for each in self.replicates],
            "succeeded": [bool(each.succeeded) for each in self.replicates],
            "status": [each.status for each in self.replicates],
        }
        return pd.concat([pd.DataFrame(told), _frame(self.replicates, self.names)], axis=1)

    def __repr__(self) -> str:
        apart = f", stratified by {self.stratified}" if self.stratified else ""
        head = (
            f"Bootstrap: {len(self.used)} of {len(self.replicates)} replicates succeeded{apart}; "
            f"{100 * self.level:g} % {self.kind} intervals"
        )
        return f"{head}\n{self.table().to_string(float_format=lambda value: f'{value:.4g}', na_rep='')}"


def bootstrap(
    fit: Fit | PopulationModel,
    records: Records,
    replicates: int = 200,
    *,
    stratify: str = "",
    interval: Literal["percentile", "BCa"] = "percentile",
    level: float = 0.95,
    method: str | Method = "focei",
    seed: int = 0,
    jobs: int = 1,
    checkpoint: str | Path | None = None,
    progress: Progress | None = None,
) -> Bootstrap:
    """Estimate a population again from resampled patients, to learn how sure the estimates are.

    Patients are drawn with replacement with all of their records (Efron 1979, doi:10.1214/aos/1176344552; Ette 1997,
    doi:10.1002/j.1552-4604.1997.tb04326.x). Each estimation begins at the estimates from all patients.

    Parameters
    ----------
    fit : Fit or PopulationModel
        A fit of these records, which is not made again, or a model that is estimated first.
    records : Records
    replicates : int
        How many; some 200 for standard errors, 1000 for intervals (Efron 1987).
    stratify : str
        A covariate: patients are drawn from within each of its values.
    interval : {"percentile", "BCa"}
        "BCa" corrects for bias and skewness; it needs an estimation without each patient in turn.
    level : float
    method, seed
        As for `fit`.
    jobs : int
        Processes; 0: one per core. No number depends on it.
    checkpoint : path, optional
        A file that keeps every estimation as it ends, and with which the same call goes on.
    progress : function of (stage, fraction), optional

    Returns
    -------
    Bootstrap
        Replicates whose estimation failed are kept and counted, and left out of the intervals.

    Raises
    ------
    SimulationError
        For fewer than two replicates, a fit by another method, or where the study itself cannot be estimated.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> found = bootstrap(load_model("phenobarbital_neonates"), records, 2, method="fo")
    >>> len(found.used), found.kind
    (2, 'percentile')
    """
    _require(replicates, interval, level)
    tell = progress or silent
    chosen = draws(records, replicates, seed, stratify)
    model = fit.model if isinstance(fit, Fit) else fit
    if isinstance(fit, Fit):
        require_own_method(fit, method_of(method))
    if model is None:
        raise SimulationError("the fit does not hold its model", place=fit.source, repair="give the model")
    task = ["bootstrap", model.hash, stratify]
    with open_workshop(records, method, seed, jobs, checkpoint, task) as workshop:
        whole = fit if isinstance(fit, Fit) else _whole(workshop, model)
        begin = whole.model
        trials = [Trial(f"replicate {k + 1}", begin, each) for k, each in enumerate(chosen)]
        everyone = range(len(records.ids) if interval == "BCa" else 0)
        others = [Trial(f"without {records.ids[k]}", begin, _all_but(k, everyone)) for k in everyone]
        found = workshop.fits([*trials, *others], lambda done: tell("Estimating replicates", done))
    made = tuple(bare(each) for each in found)
    return Bootstrap(whole, made[:replicates], made[replicates:], level, stratify)


def _require(replicates: int, interval: str, level: float) -> None:
    if replicates < 2:
        raise SimulationError(f"{replicates} replicates are too few", repair="take 200 or more")
    if interval not in KINDS:
        raise SimulationError(f"unknown interval {interval!r}", repair=f"one of {', '.join(KINDS)}")
    if not 0.0 < level < 1.0:
        raise SimulationError(f"a level of {level:g} is no probability", repair="such as 0.95")


def _whole(workshop: Workshop, model: PopulationModel) -> Fit:
    """The fit of all patients."""
    found = workshop.fits([Trial("all patients", model, covariance="sandwich")])[0]
    if not found.estimates:
        raise SimulationError(
            f"the study itself cannot be estimated: {found.status}", place=model.name, repair="see `fit`"
        )
    return found


def _all_but(left_out: int, places: range) -> tuple[int, ...]:
    return tuple(k for k in places if k != left_out)


def _frame(fits, names) -> pd.DataFrame:
    import pandas as pd

    rows = [[each.estimates.get(name, np.nan) for name in names] for each in fits]
    return pd.DataFrame(rows, columns=list(names), dtype=float)
