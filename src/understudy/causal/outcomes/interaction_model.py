"""interaction_model: whether the effect of a treatment differs between subgroups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.covariates import covariate_matrix
from understudy.causal.effect_estimate import EffectEstimate
from understudy.causal.outcomes.estimate import BOUNDS
from understudy.causal.outcomes.fitted_effect import fitted_effect
from understudy.causal.outcomes.question import MEASURES, question
from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    """The effect where all subgroup covariates are 0, and by what each multiplies it.

    Parameters
    ----------
    main : EffectEstimate
    by : mapping of str to EffectEstimate
        Ratios of effects, by the names of the subgroup covariates.
    """

    main: EffectEstimate
    by: Mapping[str, EffectEstimate]

    def table(self) -> pd.DataFrame:
        """One row for the main effect and one for each interaction, as of `EffectEstimate.table`, with its name."""
        import pandas as pd

        rows = {"treatment": self.main, **self.by}
        found = pd.concat([each.table() for each in rows.values()], ignore_index=True)
        found.insert(0, "name", list(rows))
        return found

    def __repr__(self) -> str:
        return "\n".join(
            [f"treatment: {self.main}", *(f"× {name}: {each}" for name, each in self.by.items())]
        )


def interaction_model(
    time: ArrayLike | None,
    event: ArrayLike,
    treatment: ArrayLike,
    subgroups: Any,
    *,
    model: Literal["cox", "poisson", "logistic"] = "cox",
    strata: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    covariates: Any = None,
    clusters: ArrayLike | None = None,
    bounds: tuple[float, float] | None = BOUNDS,
    level: float = 0.95,
) -> Interactions:
    """Estimate interactions: treatment, subgroup covariates and their products in one model.

    Parameters
    ----------
    time, event, treatment, model, strata, weights, covariates, clusters, bounds, level
        As for `outcome_model`.
    subgroups : mapping of names to arrays, DataFrame, or array of shape (n, p)
        Covariates whose interaction is asked for, such as an indicator of women; their main effects are in the model
        too.

    Returns
    -------
    Interactions

    Raises
    ------
    DataError
        For arrays that cannot be.
    UnderstudyError
        For a subgroup covariate that is among the covariates too.

    Examples
    --------
    >>> drug, woman = [0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1, 0, 1]
    >>> days, outcomes = [100] * 8, [1, 1, 1, 2, 2, 3, 4, 3]
    >>> interaction_model(days, outcomes, drug, {"woman": woman}, model="poisson")
    treatment: rate ratio 3 (95 % interval 0.6912 to 20.47), SE of log 0.8644, robust 0.2357, p 0.2037
    × woman: ratio of rate ratios 0.6667 (95 % interval 0.06769 to 5.527), SE of log 1.123, robust 0.3333, p 0.7181
    """
    asked = question(time, event, treatment, model, strata, weights, covariates, clusters)
    groups, names = covariate_matrix(subgroups, asked.event.size)
    twice = sorted(set(names) & set(asked.names))
    if twice:
        raise UnderstudyError(
            f"{', '.join(twice)} is given as subgroup and as covariate",
            place="interactions",
            repair="name it among the subgroups only: its main effect is in the model",
        )
    products = groups * asked.treated[:, None]
    design = np.column_stack([asked.treated, products, groups, asked.covariates])
    columns = ("treatment", *(f"treatment × {name}" for name in names), *names, *asked.names)

    def effect(place: int, measure: str) -> EffectEstimate:
        return fitted_effect(asked, design, columns, place, "breslow", bounds, level, measure)

    measure = MEASURES[model]
    by = {name: effect(1 + k, f"ratio of {measure}s") for k, name in enumerate(names)}
    return Interactions(effect(0, measure), by)
