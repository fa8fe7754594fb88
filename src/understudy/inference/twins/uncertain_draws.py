"""uncertain_draws: draws of twins that also carry how sure one is of the population's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.inference.individualise import individualise
from understudy.inference.twins.twins import Twins
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd


def uncertain_draws(
    twins: Twins, drawn: Sequence[PopulationModel], count: int, seed: int
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Draws as `Twins.draws` gives them, each under one of the models with drawn parameters.

    A twin is made anew under every model: its posterior moves with the population's parameters. Each model has its
    share of the draws, so that together they are draws from the twin's posterior with the parameters integrated out.

    Parameters
    ----------
    twins : Twins
        As they are under the estimates.
    drawn : sequence of PopulationModel
        See `drawn_models`.
    count : int
        Draws of each twin, at least as many as models.
    seed : int

    Returns
    -------
    table : DataFrame
        For `simulate`: index (patient, draw), columns covariates, random effects and fixed effects.
    failures : dict of str to str
        Patients of whom no twin could be made under one of the models; the table does not have them.

    Examples
    --------
    >>> from understudy import Records, individualise, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> model = load_model("phenobarbital_neonates")
    >>> twins = individualise(model, records.select(["1", "2"]))
    >>> table, failures = uncertain_draws(twins, [model, model.with_values(theta_V=1.1)], 6, seed=1)
    >>> table.loc["1", "theta_V"].round(3).tolist(), failures
    ([0.984, 0.984, 0.984, 1.1, 1.1, 1.1], {})
    """
    import pandas as pd

    parts, failures = [], {}
    for model, here in zip(drawn, np.array_split(np.arange(count), len(drawn)), strict=True):
        made = individualise(model, twins.records, method=twins.settings.method, draws=twins.settings.draws,
                             seed=twins.settings.seed, jobs=twins.settings.jobs)  # fmt: skip
        failures |= dict.fromkeys(made.failures, "no twin could be made under some of the parameters drawn")
        table = made.succeeded().draws(count, seed)
        parts.append(table[table.index.get_level_values("draw").isin(here)].assign(**model.fixed_values))
    stands = [name for name in twins.patients if name not in failures]
    order = pd.MultiIndex.from_product([stands, range(count)], names=["patient", "draw"])
    return pd.concat(parts).loc[order], failures
