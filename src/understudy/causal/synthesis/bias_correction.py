"""correct_bias: an effect less the bias that negative controls foretell for it, look after look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.synthesis.hierarchy import HalfNormalPrior, HierarchyPosterior, integrate
from understudy.causal.synthesis.interpolation import Interpolation, Likelihood, log_likelihood
from understudy.causal.synthesis.marginal import ProfileMarginal
from understudy.causal.synthesis.posterior import Posterior
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

FEWEST_CONTROLS = 5
_WITHIN = 10.0


@dataclass(frozen=True, eq=False, repr=False)
class BiasDistribution:
    """What the bias of one more outcome may be, learnt from negative controls.

    Parameters
    ----------
    controls : int
    hierarchy : HierarchyPosterior
        Of the mean and the sd of biases.
    predictive : Posterior
        Of the bias of one more outcome.
    notes : tuple of str
    """

    controls: int
    hierarchy: HierarchyPosterior
    predictive: Posterior
    notes: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """Posterior mean of the mean bias."""
        return float(self.hierarchy.weights @ self.hierarchy.means)

    @property
    def sd(self) -> float:
        """Posterior mean of the standard deviation of biases."""
        return float(self.hierarchy.weights @ self.hierarchy.sds)

    def __repr__(self) -> str:
        low, high = self.predictive.interval()
        return (
            f"bias from {self.controls} negative controls: mean {self.mean:.4g}, sd {self.sd:.4g}, "
            f"of one more outcome {low:.4g} to {high:.4g} (95 %)"
        )


@dataclass(frozen=True, eq=False, repr=False)
class CorrectedEffect:
    """A log effect before and after the bias is taken off.

    Parameters
    ----------
    raw, corrected : Posterior
    bias : BiasDistribution
    """

    raw: Posterior
    corrected: Posterior
    bias: BiasDistribution

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """Rows raw and corrected: mean, median, low, high (quantiles), hpd_low, hpd_high, probability_above_null."""
        import pandas as pd

        rows = {"raw": self.raw, "corrected": self.corrected}
        columns = (
            "mean",
            "median",
            "low",
            "high",
            "hpd_low",
            "hpd_high",
            "probability_above_null",
        )
        data = [
            (p.mean, p.median, *p.interval(level), *p.highest_density(level), p.above(0.0))
            for p in rows.values()
        ]
        return pd.DataFrame(data, index=pd.Index(rows, name="effect"), columns=list(columns))

    def __repr__(self) -> str:
        lines = [f"{name}: {each}, above null {each.above(0.0):.3f}" for name, each in self._both()]
        return "\n".join([*lines, repr(self.bias)])

    def _both(self):
        return (("raw", self.raw), ("corrected", self.corrected))


def fit_bias(
    controls: Sequence[Likelihood],
    *,
    prior: HalfNormalPrior | None = None,
    interpolation: Interpolation | None = None,
) -> BiasDistribution:
    """Learn how estimates of outcomes without an effect scatter.

    Each negative control has a bias of its own, normal around a mean; priors are those of `pool_random` (Schuemie et
    al. 2022, Stat Med 42:619-631, doi:10.1002/sim.9631). By quadrature.

    Parameters
    ----------
    controls : sequence of LikelihoodProfile or approximations
        Of negative controls; fewer than five give a note.
    prior : HalfNormalPrior, optional
    interpolation : {"linear", "cubic"}, optional
        Between the points of a profile, see `log_likelihood`.

    Raises
    ------
    DataError
        For no controls, or a damaged profile.

    Examples
    --------
    >>> from understudy.causal.synthesis.approximation import NormalApproximation
    >>> found = fit_bias([NormalApproximation(x, 0.1) for x in (0.1, 0.2, 0.3, 0.4, 0.5)])
    >>> round(found.mean, 2), found.controls
    (0.3, 5)
    """
    found = list(controls)
    if not found:
        problem = Problem("there is no negative control", "give a likelihood profile for each")
        raise DataError([problem], place="the negative controls")
    posterior = integrate(ProfileMarginal.of(found, interpolation), prior or HalfNormalPrior())
    return BiasDistribution(len(found), posterior, posterior.predictive(), few_controls(len(found)))


def few_controls(count: int) -> tuple[str, ...]:
    """A note where there are so few controls that their scatter is hardly known."""
    if count >= FEWEST_CONTROLS:
        return ()
    are = "is only 1 negative control" if count == 1 else f"are only {count} negative controls"
    return (f"there {are}: how far estimates scatter is hardly known, take {FEWEST_CONTROLS} or more",)


def correct_bias(
    effect: Likelihood,
    bias: BiasDistribution,
    *,
    prior_sd: float = 2.0,
    interpolation: Interpolation | None = None,
) -> CorrectedEffect:
    """Take the bias that is foretold for an outcome off its effect.

    Parameters
    ----------
    effect : LikelihoodProfile or approximation
        Of the outcome of interest.
    bias : BiasDistribution
    prior_sd : float
        Of the effect before it is corrected, around zero. EvidenceSynthesis takes 1 where nothing is said; 2 is the
        prior of `pool_random`.
    interpolation : {"linear", "cubic"}, optional

    Returns
    -------
    CorrectedEffect
        The corrected effect is the raw one less a bias drawn from the predictive distribution, both independent.

    Examples
    --------
    >>> from understudy.causal.synthesis.approximation import NormalApproximation
    >>> bias = fit_bias([NormalApproximation(x, 0.1) for x in (0.1, 0.2, 0.3, 0.4, 0.5)])
    >>> found = correct_bias(NormalApproximation(0.8, 0.1), bias)
    >>> round(found.raw.mean, 2), round(found.corrected.mean, 2), found.corrected.sd > found.raw.sd
    (0.8, 0.5, True)
    """
    grid = np.linspace(-_WITHIN, _WITHIN, 20001)
    values = log_likelihood(effect, grid, interpolation) - 0.5 * (grid / prior_sd) ** 2
    top = float(grid[int(np.argmax(values))])
    kept = np.flatnonzero(values > values.max() - 30)
    reach = max(grid[kept[-1]] - top, top - grid[kept[0]], 1e-3)
    points = np.linspace(top - reach, top + reach, 4001)
    values = log_likelihood(effect, points, interpolation) - 0.5 * (points / prior_sd) ** 2
    raw = Posterior(points, np.exp(values - values.max()))
    return CorrectedEffect(raw, raw.minus(bias.predictive), bias)


def correct_each_look(
    effects: Mapping[int, Likelihood],
    controls: Mapping[int, Sequence[Likelihood]],
    *,
    prior_sd: float = 2.0,
    interpolation: Interpolation | None = None,
) -> dict[int, CorrectedEffect]:
    """Correct the effect at each look at accruing data by the negative controls of that look.

    Parameters
    ----------
    effects : mapping of look to LikelihoodProfile or approximation
    controls : mapping of look to those of negative controls
        For every look of `effects`.
    prior_sd, interpolation
        See `correct_bias`.

    Raises
    ------
    DataError
        For a look without controls.
    """
    missing = [str(look) for look in effects if not controls.get(look)]
    if missing:
        problem = Problem("look without negative controls", "give their profiles", value=", ".join(missing))
        raise DataError([problem], place="the negative controls")
    return {
        look: correct_bias(
            effect,
            fit_bias(controls[look], interpolation=interpolation),
            prior_sd=prior_sd,
            interpolation=interpolation,
        )
        for look, effect in effects.items()
    }
