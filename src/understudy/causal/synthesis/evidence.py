"""pool: all that files of sites say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.synthesis.bias_correction import CorrectedEffect, correct_bias, fit_bias
from understudy.causal.synthesis.fixed_effect import pool_fixed
from understudy.causal.synthesis.interpolation import log_likelihood
from understudy.causal.synthesis.pooled_effect import PooledEffect, require_sites
from understudy.causal.synthesis.random_effects import pool_random
from understudy.causal.synthesis.site_profile import SiteProfile
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Evidence:
    """What sites say together.

    Parameters
    ----------
    sites : tuple of SiteProfile
    fixed, random : PooledEffect
    corrected : CorrectedEffect or None
        The mean over sites, before and after the bias of negative controls is taken off.
    """

    sites: tuple[SiteProfile, ...]
    fixed: PooledEffect
    random: PooledEffect
    corrected: CorrectedEffect | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know, each once."""
        bias = self.corrected.bias.notes if self.corrected else ()
        return tuple(dict.fromkeys((*self.fixed.notes, *self.random.notes, *bias)))

    def table(self) -> pd.DataFrame:
        """A row each method, columns as of `PooledEffect.table`."""
        import pandas as pd

        return pd.concat([self.fixed.table(), self.random.table()], ignore_index=True)

    def by_site(self, level: float = 0.95) -> pd.DataFrame:
        """Columns site, ratio, low, high: by each site's likelihood alone.

        The ratio is NaN where that is highest at an edge, as of a site without outcomes in an arm; limits may be 0 or
        infinite.
        """
        import pandas as pd

        rows = []
        for each in self.sites:
            found = pool_fixed([each.profile], level)
            inside = each.profile.points[0] < found.log < each.profile.points[-1]
            rows.append((each.site, found.ratio if inside else np.nan, *found.ratio_interval))
        return pd.DataFrame(rows, columns=["site", "ratio", "low", "high"])

    def __repr__(self) -> str:
        lines = [repr(self.fixed), repr(self.random)]
        return "\n".join([*lines, *([repr(self.corrected)] if self.corrected else [])])


def pool(sites: Sequence[SiteProfile], controls: Sequence[SiteProfile] = (), level: float = 0.95) -> Evidence:
    """Pool files of sites: fixed and random effects, and bias correction where there are negative controls.

    Parameters
    ----------
    sites : sequence of SiteProfile
        Of one analysis and measure, each site once.
    controls : sequence of SiteProfile
        Of negative controls: profiles of one analysis (an outcome) are added up over sites.
    level : float

    Returns
    -------
    Evidence

    Raises
    ------
    DataError
        For no sites, different measures or analyses, or a site that is there twice.

    Examples
    --------
    >>> x = np.linspace(-3, 3, 301)
    >>> profiles = [LikelihoodProfile(x, -8 * (x - 0.1 * k) ** 2) for k in range(4)]
    >>> pool([SiteProfile(f"site {k}", "main", "hazard ratio", each) for k, each in enumerate(profiles)])
    fixed effect, 4 sites: 1.162 (95 %: 0.9094 to 1.484)
    random effects, 4 sites: 1.161 (95 %: 0.8283 to 1.624)
      between sites: 0.135 (0.0064 to 0.595)
      in one more site: 0.6363 to 2.112
    """
    found = tuple(require_sites(list(sites), 1, "pooling"))
    _check(found)
    profiles = [each.profile for each in found]
    random = pool_random(profiles, level=level)
    corrected = None
    if controls:
        bias = fit_bias(_by_outcome(controls, found[0].measure))
        corrected = correct_bias(_sum(profiles), bias)
    return Evidence(found, pool_fixed(profiles, level), random, corrected)


def _check(sites: Sequence[SiteProfile]) -> None:
    problems = []
    for key in ("measure", "analysis"):
        different = sorted({getattr(each, key) for each in sites})
        if len(different) > 1:
            problems.append(
                Problem(f"sites differ in {key}", "pool one at a time", value=", ".join(different))
            )
    names = [each.site for each in sites]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(Problem("a site is there twice", "give each once", value=name))
    if problems:
        raise DataError(problems, place="the sites")


def _by_outcome(controls: Sequence[SiteProfile], measure: str) -> list[LikelihoodProfile]:
    """One profile for each negative control, over sites."""
    others = sorted({each.measure for each in controls} - {measure})
    if others:
        problem = Problem("negative controls of another measure", f"give {measure}s", value=", ".join(others))
        raise DataError([problem], place="the negative controls")
    outcomes = dict.fromkeys(each.analysis for each in controls)
    return [_sum([each.profile for each in controls if each.analysis == name]) for name in outcomes]


def _sum(profiles: Sequence[LikelihoodProfile]) -> LikelihoodProfile:
    """Log-likelihoods added up, at the points of all."""
    if len(profiles) == 1:
        return profiles[0]
    points = np.unique(np.concatenate([each.points for each in profiles]))
    values = np.sum([log_likelihood(each, points) for each in profiles], axis=0)
    return LikelihoodProfile(points, values)
