"""Celecoxib against diclofenac in GiBleed, in pandas alone: an independent way to the persons who are compared.

The steps are those of the reference folder's README, section "Reproducing the GiBleed answer key".
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

RWE = Path(__file__).parents[3] / "shared" / "reference" / "rwe"
CELECOXIB, DICLOFENAC, BLEED = 1118084, 1124300, 192671
DIVERTICULAR, POLYP, ESOPHAGITIS, PHARYNGITIS = 4266809, 4285898, 30753, 4112343
CHARLSON = (
    (4329847,),
    (381591, 434056),
    (4063381,),
    (257628, 134442, 80800, 80809, 256197, 255348),
    (4247120,),
)
PENALTY = np.sqrt(2 / 0.01)


def table(name: str, **dates: str) -> pd.DataFrame:
    """A table of the database, with dates read."""
    return pd.read_csv(RWE / "gibleed" / f"{name}.csv.gz", parse_dates=list(dates.values()) or None)


def answers(name: str) -> pd.DataFrame:
    """A table of the answer key, of the comparison and outcome that have an estimate."""
    found = pd.read_csv(RWE / "gibleed_cohortmethod_results" / f"{name}.csv")
    return found[(found.target_comparator_id == 894409308) & (found.outcome_id == 3)].reset_index(drop=True)


@cache
def descendants(*concepts: int) -> frozenset[int]:
    """Concepts below some, and these."""
    pairs = table("concept_ancestor")
    return frozenset(pairs.descendant_concept_id[pairs.ancestor_concept_id.isin(concepts)])


@cache
def population() -> pd.DataFrame:
    """One row a person: treatment, start, days at risk, event, time."""
    eras = table("drug_era", start="drug_era_start_date", end="drug_era_end_date")
    eras = eras.rename(columns={"drug_era_start_date": "start", "drug_era_end_date": "end"})
    eras = eras[eras.drug_concept_id.isin((CELECOXIB, DICLOFENAC))].sort_values(["person_id", "start"])
    eras["treatment"] = (eras.drug_concept_id == CELECOXIB).astype(int)
    starts = eras.groupby("treatment").start.agg(["min", "max"])
    eras = eras.drop_duplicates(["person_id", "treatment"])
    watched = table(
        "observation_period", start="observation_period_start_date", end="observation_period_end_date"
    )
    rows = eras.merge(watched, on="person_id")
    rows = rows[
        (rows.start - rows.observation_period_start_date >= pd.Timedelta(days=183))
        & (rows.start <= rows.observation_period_end_date)
        & rows.start.between(starts["min"].max(), starts["max"].min())
    ]
    last = np.minimum(rows.end + pd.Timedelta(days=30), rows.observation_period_end_date)
    rows = rows.assign(days_at_risk=(last - rows.start).dt.days + 1).reset_index(drop=True)
    return _with_outcome(rows)


def _with_outcome(rows: pd.DataFrame) -> pd.DataFrame:
    found = table("condition_occurrence", start="condition_start_date")
    found = found[found.condition_concept_id.isin(descendants(BLEED))]
    pairs = rows[["person_id", "start", "days_at_risk"]].merge(found[["person_id", "condition_start_date"]])
    day = (pairs.condition_start_date - pairs.start).dt.days
    before = set(pairs.person_id[(day < 0) & (day >= -30)])
    during = (day >= 0) & (day < pairs.days_at_risk)
    first = day[during].groupby(pairs.person_id[during]).min()
    rows = rows[~rows.person_id.isin(before)].sort_values("person_id").reset_index(drop=True)
    to_event = rows.person_id.map(first)
    return rows.assign(event=to_event.notna(), time=(to_event + 1).fillna(rows.days_at_risk))


@cache
def covariates() -> pd.DataFrame:
    """The covariates that enter the propensity score, and sex."""
    rows = population()
    eras = table("condition_era", start="condition_era_start_date", end="condition_era_end_date")
    found = {}
    for name, concept in (("diverticular", DIVERTICULAR), ("polyp", POLYP), ("esophagitis", ESOPHAGITIS),
                          ("pharyngitis", PHARYNGITIS)):  # fmt: skip
        found[name] = _seen(rows, eras[eras.condition_concept_id.isin(descendants(concept))], 365)
    points = [
        _seen(rows, eras[eras.condition_concept_id.isin(descendants(*group))], 100_000) for group in CHARLSON
    ]
    sex = rows[["person_id"]].merge(table("person"), on="person_id").gender_concept_id
    return pd.DataFrame({**found, "charlson": np.sum(points, axis=0), "female": (sex == 8532).astype(float)})


def _seen(rows: pd.DataFrame, eras: pd.DataFrame, days: int) -> np.ndarray:
    """Whether an era of a person overlaps the days before, and with, the start."""
    pairs = rows[["person_id", "start"]].merge(eras, on="person_id")
    inside = (pairs.condition_era_start_date <= pairs.start) & (
        pairs.condition_era_end_date >= pairs.start - pd.Timedelta(days=days)
    )
    return rows.person_id.isin(set(pairs.person_id[inside])).to_numpy(float)


@cache
def propensity() -> np.ndarray:
    """Propensity score by the lasso, on the covariates that it keeps; positive and negative parts are kept apart."""
    from scipy.optimize import minimize

    given, y = covariates().drop(columns="female"), population().treatment.to_numpy(float)
    x = (given / given.max()).to_numpy()
    p = x.shape[1]

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        eta = theta[0] + x @ (theta[1 : p + 1] - theta[p + 1 :])
        slope = -(y - 1 / (1 + np.exp(-eta)))
        value = np.sum(np.logaddexp(0, eta) - y * eta) + PENALTY * theta[1:].sum()
        along = x.T @ slope
        return value, np.r_[slope.sum(), along + PENALTY, PENALTY - along]

    bounds = [(None, None)] + [(0, None)] * (2 * p)
    found = minimize(loss, np.zeros(2 * p + 1), jac=True, bounds=bounds, method="L-BFGS-B",
                     options={"ftol": 1e-16, "gtol": 1e-10, "maxiter": 5000})  # fmt: skip
    theta = found.x
    return 1 / (1 + np.exp(-theta[0] - x @ (theta[1 : p + 1] - theta[p + 1 :])))


def att_weights() -> np.ndarray:
    """Weights for the effect in the treated, with the share of the treated as numerator."""
    ps, treated = propensity(), population().treatment.to_numpy() == 1
    share = treated.mean()
    return np.where(treated, share, (1 - share) * ps / (1 - ps))
