"""pool_outcomes: effects of several outcomes in several sources, and what each outcome and source has in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.synthesis.interpolation import Likelihood
from understudy.causal.synthesis.outcome_density import OutcomeDensity
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
_CHAINS = 16  # side by side: a step of many costs hardly more than a step of one
_WARMUP = 200
_LARGEST_RHAT = 1.01


@dataclass(frozen=True, eq=False, repr=False)
class OutcomesBySource:
    """Posterior of the hierarchical model, by NUTS.

    Parameters
    ----------
    outcomes, sources : tuple of str
    of_interest : tuple of str
        Outcomes whose effect is asked for; all others are negative controls.
    draws : dict of str to float array, shape (chains, draws)
        "mean", "sd of outcomes", "sd of sources", "sd of cells", "outcome <name>", "source <name>", "effect <name>".
    notes : tuple of str
        Such as chains that do not agree.
    """

    outcomes: tuple[str, ...]
    sources: tuple[str, ...]
    of_interest: tuple[str, ...]
    draws: dict[str, Array]
    notes: tuple[str, ...]

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """A row each parameter: mean, median, low, high, above_null, rhat, ess, monte_carlo_error (of the mean)."""
        import pandas as pd

        from understudy.inference.sampling.convergence import bulk_ess, rank_rhat

        rows = []
        for name, draws in self.draws.items():
            low, median, high = np.quantile(draws, [(1 - level) / 2, 0.5, (1 + level) / 2])
            ess = float(bulk_ess(draws))
            error = float(draws.std()) / np.sqrt(ess)
            rows.append(
                (
                    name,
                    draws.mean(),
                    median,
                    low,
                    high,
                    (draws > 0).mean(),
                    float(rank_rhat(draws)),
                    ess,
                    error,
                )
            )
        columns = [
            "parameter",
            "mean",
            "median",
            "low",
            "high",
            "above_null",
            "rhat",
            "ess",
            "monte_carlo_error",
        ]
        return pd.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        table = self.table().set_index("parameter")
        shown = ["mean", *(f"effect {name}" for name in self.of_interest)]
        lines = [f"{len(self.outcomes)} outcomes in {len(self.sources)} sources, by NUTS"]
        for name in shown:
            row = table.loc[name]
            lines.append(f"  {name}: {row['mean']:.3f} (95 %: {row['low']:.3f} to {row['high']:.3f})")
        return "\n".join([*lines, *(f"  note: {each}" for each in self.notes)])


def pool_outcomes(
    cells: Mapping[tuple[str, str], Likelihood],
    *,
    of_interest: Sequence[str] = (),
    mean_sd: float = 2.0,
    sd_scale: float = 0.5,
    effect_sd: float = 2.0,
    draws: int = 150,
    seed: int = 0,
) -> OutcomesBySource:
    """Pool likelihoods of outcomes by sources.

    The log effect of an outcome in a source is a mean, plus what the outcome has in common, plus what the source has in
    common, plus a rest; each of the three is normal around zero with an sd of its own. An outcome of interest has its
    effect on top: with negative controls as the other outcomes this is the effect less their bias. The model is that
    of EvidenceSynthesis' hierarchical meta-analysis; its priors of the sds are not (gammas of precisions there,
    half-normals here, as in `pool_random`).

    Parameters
    ----------
    cells : mapping of (outcome, source) to LikelihoodProfile or approximation
        Not every outcome has to be in every source.
    of_interest : sequence of str
    mean_sd, effect_sd : float
        Standard deviations of the normal priors of the mean and of effects of interest.
    sd_scale : float
        Scale of the half-normal priors of the three sds.
    draws : int
        Of each of sixteen chains, after a warm-up of 200.
    seed : int

    Returns
    -------
    OutcomesBySource

    Raises
    ------
    DataError
        For no cells, an outcome of interest that is not there, or one without any negative control beside it.

    Examples
    --------
    >>> from understudy.causal.synthesis.approximation import NormalApproximation
    >>> cells = {(f"control {k}", s): NormalApproximation(0.3, 0.1) for k in range(6) for s in ("east", "west")}
    >>> cells |= {("bleeding", s): NormalApproximation(1.0, 0.1) for s in ("east", "west")}
    >>> found = pool_outcomes(cells, of_interest=["bleeding"], draws=50)
    >>> bool(abs(found.draws["effect bleeding"].mean() - 0.7) < 0.1)
    True
    """
    outcomes, sources = (tuple(dict.fromkeys(str(key[k]) for key in cells)) for k in (0, 1))
    asked = tuple(str(each) for each in of_interest)
    _check(outcomes, asked)
    density = OutcomeDensity.of(cells, outcomes, sources, asked, (mean_sd, sd_scale, effect_sd))
    from understudy.core.random import normals
    from understudy.inference.sampling.nuts import sample_nuts

    jitter = normals(seed, "outcomes by source: start", range(_CHAINS), density.dimensions)
    start = density.start + 0.1 * jitter[:, None, :]
    chains = sample_nuts(density, start, draws=draws, warmup=_WARMUP, seed=seed, acceptance=0.9)
    named = density.named(chains.samples[:, :, 0, :])
    return OutcomesBySource(outcomes, sources, asked, named, _notes(named, int(chains.divergences.sum())))


def _check(outcomes: tuple[str, ...], asked: tuple[str, ...]) -> None:
    problems = [
        Problem("outcome of interest without a profile", f"take one of {', '.join(outcomes)}", value=name)
        for name in asked
        if name not in outcomes
    ]
    if not outcomes:
        problems.append(Problem("no profiles", "give one for each outcome and source"))
    elif asked and set(outcomes) <= set(asked):
        problems.append(
            Problem("no negative control beside the outcomes of interest", "give profiles of controls")
        )
    if problems:
        raise DataError(problems, place="outcomes by source")


def _notes(draws: dict[str, Array], divergences: int) -> tuple[str, ...]:
    from understudy.inference.sampling.convergence import rank_rhat

    worst = max(draws, key=lambda name: float(rank_rhat(draws[name])))
    rhat = float(rank_rhat(draws[worst]))
    notes = []
    if rhat > _LARGEST_RHAT:
        notes.append(f"chains do not agree on {worst} (R-hat {rhat:.3f}): take more draws")
    if divergences:
        notes.append(f"{divergences} trajectories diverged: what is near zero of the sds may be missed")
    return tuple(notes)
