"""sir: sampling importance resampling, a distribution of the estimates without fitting again.

Dosne AG, Bergstrand M, Harling K, Karlsson MO. Improving the estimation of parameter uncertainty distributions in
nonlinear mixed effects models using sampling importance resampling. J Pharmacokinet Pharmacodyn 2016;43:583-596,
doi:10.1007/s10928-016-9487-8; iterated as in Dosne AG, Bergstrand M, Karlsson MO. An automated sampling importance
resampling procedure for estimating parameter uncertainty. J Pharmacokinet Pharmacodyn 2017;44:509-520,
doi:10.1007/s10928-017-9542-0. There proposals are made nearly normal by Box-Cox transforms; here they are normal on the
scale without bounds on which models are estimated (logarithms, logits, Cholesky factors), so that each is a model.
Densities are those of the parameters themselves, as there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import normals, uniforms
from understudy.inference.building.intervals import percentile
from understudy.inference.building.many_fits import Progress, require_own_method, silent
from understudy.inference.building.objective_values import ObjectiveValues, open_objective
from understudy.inference.estimation.conditional_search import ConditionalMethod
from understudy.inference.estimation.method import Method
from understudy.inference.estimation.methods import method_of
from understudy.inference.estimation.parameter_space import ParameterSpace
from understudy.inference.fit import Fit

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records


@dataclass(frozen=True, eq=False)
class Round:
    """One iteration.

    Parameters
    ----------
    vectors : float array, shape (samples, parameters)
        As they were proposed, on the scale without bounds.
    values : float array, shape (samples, parameters)
        The same as parameters.
    rises : float array, shape (samples,)
        Of the objective above that of the estimates; infinite where it is undefined.
    ratios : float array, shape (samples,)
        Importance ratios, their sum one.
    chosen : int array, shape (resamples,)
        Which were resampled.
    """

    vectors: np.ndarray
    values: np.ndarray
    rises: np.ndarray
    ratios: np.ndarray
    chosen: np.ndarray

    @property
    def effective(self) -> float:
        """How many equally weighted samples would say as much."""
        return float(1.0 / (self.ratios**2).sum())


@dataclass(frozen=True, eq=False, repr=False)
class SIR:
    """Parameters drawn from how sure a fit is of them.

    Parameters
    ----------
    fit : Fit
    names : tuple of str
        Parameters that were estimated.
    rounds : tuple of Round
        The last one's resamples are the answer.
    level : float
    """

    fit: Fit
    names: tuple[str, ...]
    rounds: tuple[Round, ...]
    level: float = 0.95

    def estimates(self) -> pd.DataFrame:
        """Resampled parameters, one set a row."""
        import pandas as pd

        last = self.rounds[-1]
        return pd.DataFrame(last.values[last.chosen], columns=list(self.names))

    def interval(self, name: str) -> tuple[float, float]:
        """Interval of an estimate."""
        return percentile(self.estimates()[name].to_numpy(), self.level)

    def covariance(self) -> pd.DataFrame:
        """Of the estimates."""
        return self.estimates().cov()

    def table(self) -> pd.DataFrame:
        """Estimate, median, standard error and interval of every parameter."""
        import pandas as pd

        drawn, names = self.estimates(), list(self.names)
        ends = np.array([self.interval(name) for name in names])
        found = {
            "estimate": pd.Series({name: self.fit.estimates[name] for name in names}),
            "median": drawn.median(), "standard error": drawn.std(ddof=1), "low": ends[:, 0], "high": ends[:, 1],
        }  # fmt: skip
        return pd.DataFrame(found, index=pd.Index(names, name="name"))

    def diagnostics(self) -> pd.DataFrame:
        """One iteration a row: how the objective rises among proposals and resamples, beside chi-square.

        Columns: ``samples``, ``undefined``, ``effective`` (samples), ``resamples``, ``proposed`` and ``resampled``
        (mean rise, an estimate of the degrees of freedom), ``parameters`` (what it is for a parabola),
        ``change`` (of the last mean rise, in its standard errors: below 2 the iterations have settled).
        """
        import pandas as pd

        rows, before = [], np.nan
        for each in self.rounds:
            finite, kept = each.rises[np.isfinite(each.rises)], each.rises[each.chosen]
            error = kept.std(ddof=1) / np.sqrt(kept.size)
            rows.append({
                "samples": each.rises.size, "undefined": each.rises.size - finite.size,
                "effective": each.effective, "resamples": kept.size, "proposed": finite.mean(),
                "resampled": kept.mean(), "parameters": len(self.names), "change": (kept.mean() - before) / error,
            })  # fmt: skip
            before = kept.mean()
        return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="iteration"))

    def rise_quantiles(self) -> pd.DataFrame:
        """Quantiles of the objective's rise: of chi-square, and of each iteration's proposals and resamples.

        Columns ``iteration``, ``kind`` ("proposals", "resamples"), ``quantile``, ``rise``, ``chi-square``.
        """
        import pandas as pd
        from scipy.stats import chi2

        at = np.linspace(0.02, 0.98, 49)
        rows = [
            pd.DataFrame({
                "iteration": k + 1, "kind": kind, "quantile": at, "rise": np.quantile(values, at),
                "chi-square": chi2.ppf(at, len(self.names)),
            })
            for k, each in enumerate(self.rounds)
            for kind, values in (("proposals", each.rises[np.isfinite(each.rises)]),
                                 ("resamples", each.rises[each.chosen]))
        ]  # fmt: skip
        return pd.concat(rows, ignore_index=True)

    def __repr__(self) -> str:
        last = self.diagnostics().iloc[-1]
        head = (
            f"SIR: {last['resamples']:.0f} of {last['samples']:.0f} samples after {len(self.rounds)} iterations; mean "
            f"rise of the objective {last['resampled']:.2f} for {len(self.names)} parameters"
        )
        return f"{head}\n{self.table().to_string(float_format=lambda value: f'{value:.4g}', na_rep='')}"


def sir(
    fit: Fit,
    records: Records,
    *,
    samples: Sequence[int] = (500, 500, 1000),
    resamples: Sequence[int] = (200, 250, 500),
    inflation: float = 1.0,
    level: float = 0.95,
    method: str | Method = "focei",
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> SIR:
    """Draw parameters in proportion to their likelihood, beginning from the covariance of a fit.

    Parameters
    ----------
    fit : Fit
        Of these records by `method`, with its model and a covariance.
    records : Records
    samples, resamples : sequences of int, of one length
        In each iteration; the resamples of one make the proposal of the next.
    inflation : float
        Of the first proposal's variances: above one where the covariance may be too narrow.
    level : float
        Of the intervals.
    method : str or Method
        Whose objective is the likelihood: "fo", "foce" or "focei".
    seed : int
    jobs : int
        Processes; 0: one per core. No number depends on it.
    progress : function of (stage, fraction), optional

    Returns
    -------
    SIR

    Raises
    ------
    SimulationError
        Without a covariance, for a method whose objective is drawn, or for numbers that do not fit together.

    Examples
    --------
    >>> from understudy import Records, fit, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> found = fit(load_model("phenobarbital_neonates"), records, "fo", covariance="R")
    >>> sir(found, records, samples=[50], resamples=[20], method="fo").estimates().shape
    (20, 6)
    """
    chosen, shown = method_of(method), progress or silent
    _require(fit, samples, resamples, chosen)
    rounds: list[Round] = []
    with open_objective(fit.model, records, chosen, jobs) as objective:
        space = objective.task.space
        proposal = _first_proposal(space, fit, inflation)
        for k, (count, kept) in enumerate(zip(samples, resamples, strict=True)):
            z = normals(seed, f"sir {k}", np.arange(count), space.start.size)
            u = uniforms(seed, f"resample {k}", [0], kept)[0]

            def tell(done: float, k: int = k) -> None:
                shown("Sampling parameters", (k + done) / len(samples))

            rounds.append(_round(objective, proposal, z, u, tell))
            taken = rounds[-1].vectors[rounds[-1].chosen]
            proposal = taken.mean(axis=0), np.cov(taken.T).reshape(space.start.size, -1)
    return SIR(fit, space.names, tuple(rounds), level)


def _require(fit: Fit, samples: Sequence[int], resamples: Sequence[int], method: Method) -> None:
    if fit.model is None or fit.covariance is None:
        raise SimulationError(
            "the fit has no covariance to begin from", place=fit.source,
            repair="estimate it: fit(..., covariance='sandwich'), or take `bootstrap`",
        )  # fmt: skip
    if not isinstance(method, ConditionalMethod):
        raise SimulationError(
            f"{method.name} has no exact objective", repair="method='fo', 'foce' or 'focei'"
        )
    require_own_method(fit, method)
    free = len(fit.covariance)
    for count, kept in zip(samples, resamples, strict=False):
        if not free < kept <= count / 2:
            raise SimulationError(
                f"{kept} resamples of {count} samples",
                repair=f"take more than {free}, the number of parameters, and at most half of the samples",
            )
    if len(samples) != len(resamples) or not samples:
        raise SimulationError(
            "samples and resamples must be as many", repair="such as [500, 1000], [200, 400]"
        )


def _first_proposal(space: ParameterSpace, fit: Fit, inflation: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a normal distribution on the scale without bounds, from the fit's covariance."""
    centre, names = space.start, list(space.names)
    inverse = np.linalg.inv(space.jacobian(centre))
    return centre, inflation * inverse @ fit.covariance.loc[names, names].to_numpy() @ inverse.T


def _round(
    objective: ObjectiveValues, proposal: tuple[np.ndarray, np.ndarray], z: np.ndarray, u: np.ndarray,
    tell: Callable[[float], None],
) -> Round:  # fmt: skip
    space, (centre, spread) = objective.task.space, proposal
    vectors = centre + z @ np.linalg.cholesky(spread).T
    rises = objective.at(vectors, tell) - objective.at(space.start[None])[0]
    # The proposal's density of the parameters is that of the vector over the size of the Jacobian.
    sizes = np.array([np.linalg.slogdet(space.jacobian(vector))[1] for vector in vectors])
    weights = -0.5 * rises + 0.5 * (z**2).sum(axis=1) + sizes
    ratios = np.exp(weights - weights[np.isfinite(weights)].max())
    ratios = np.where(np.isfinite(rises), ratios, 0.0)
    values = np.array([space.named(space.values(vector)) for vector in vectors])
    return Round(vectors, values, rises, ratios / ratios.sum(), _without_replacement(ratios, u))


def _without_replacement(ratios: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Places of as many samples as there are random numbers, drawn one after another in proportion to their ratios."""
    left, found = ratios.copy(), np.empty(u.size, dtype=int)
    for k in range(u.size):
        total = np.cumsum(left)
        if total[-1] <= 0:
            raise SimulationError(
                f"only {k} of {ratios.size} samples have a likelihood",
                repair="the covariance is far too wide, or no covariance of these records' estimates",
            )
        found[k] = np.searchsorted(total, u[k] * total[-1], side="right")
        left[found[k]] = 0.0
    return found
