"""Shrinkage: how far individual estimates lie nearer to the population's than individuals do.

Savic and Karlsson 2009, Importance of shrinkage in empirical Bayes estimates for diagnostics, AAPS J 11:558-569,
doi:10.1208/s12248-009-9133-0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from understudy.inference.individualise import Twins


def random_effects(twins: Twins) -> pd.DataFrame:
    """Each patient's random effects at their mode, one row an effect.

    Parameters
    ----------
    twins : Twins

    Returns
    -------
    DataFrame
        ID, effect, occasion (from 1; 0 for effects of the patient), value, se, sd (omega's), then the covariates at
        baseline. Only occasions that the patient had, and patients with a measurement; effects that do not vary are
        left out.
    """
    import pandas as pd

    had, seen = _occasions(twins), np.array([not s for s in twins.status]) & (twins.observations > 0)
    spread = np.sqrt(np.diag(twins.effects.omega))
    parts = []
    for k, (name, occasion) in enumerate(twins.effects.entries):
        kept = np.flatnonzero(seen & (had > occasion if occasion is not None else True))
        if spread[k] > 0:
            parts.append(
                pd.DataFrame(
                    {
                        "ID": np.array(twins.patients)[kept],
                        "effect": name,
                        "occasion": 0 if occasion is None else occasion + 1,
                        "value": twins.modes[kept, k],
                        "se": np.sqrt(twins.covariances[kept, k, k]),
                        "sd": spread[k],
                    }
                )
            )
    columns = ["ID", "effect", "occasion", "value", "se", "sd"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    covariates = twins.records.baseline()
    return table.join(covariates[[c for c in covariates if c not in columns]], on="ID")


def effect_shrinkage(effects: pd.DataFrame) -> pd.DataFrame:
    """Shrinkage and mean of each random effect.

    Parameters
    ----------
    effects : DataFrame
        As of `random_effects`.

    Returns
    -------
    DataFrame
        name, n, mean (NONMEM's ETABAR), se (of the mean), p (that the mean is zero, from the normal distribution),
        shrinkage_sd (1 - sd / omega's sd), shrinkage_var (1 - variance / omega's variance).
    """
    import pandas as pd

    rows = []
    for name, own in effects.groupby("effect", sort=False) if len(effects) else []:
        values, spread = own["value"].to_numpy(float), float(own["sd"].iloc[0])
        rows.append({"name": name, **_mean(values), **_shrunk(values, spread)})
    return pd.DataFrame(rows, columns=["name", "n", "mean", "se", "p", "shrinkage_sd", "shrinkage_var"])


def residual_shrinkage(table: pd.DataFrame) -> pd.DataFrame:
    """Shrinkage of the individual weighted residuals (IWRES) of each output, with the columns of `effect_shrinkage`."""
    import pandas as pd

    rows = []
    for output, own in table.groupby("DVID", sort=False):
        values = own["IWRES"].dropna().to_numpy(float)
        rows.append({"name": f"eps({output})", **_mean(values), **_shrunk(values, 1.0)})
    return pd.DataFrame(rows)


def _mean(values: np.ndarray) -> dict[str, float]:
    from scipy.special import ndtr

    if values.size < 2:
        return {
            "n": values.size,
            "mean": float(values.mean()) if values.size else np.nan,
            "se": np.nan,
            "p": np.nan,
        }
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))
    # Not one effect moved from zero: there is no doubt that the mean is zero.
    chance = float(2 * ndtr(-abs(mean) / error)) if error > 0 else 1.0
    return {"n": values.size, "mean": mean, "se": error, "p": chance}


def _shrunk(values: np.ndarray, spread: float) -> dict[str, float]:
    ratio = float(values.std(ddof=1)) / spread if values.size > 1 else np.nan
    return {"shrinkage_sd": 1 - ratio, "shrinkage_var": 1 - ratio**2}


def _occasions(twins: Twins) -> np.ndarray:
    """Number of occasions of each patient."""
    counts = twins.records.data.groupby("id", sort=False)["occ"].nunique()
    return counts.loc[list(twins.patients)].to_numpy()
