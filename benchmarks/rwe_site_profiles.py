"""Likelihood profiles of the ten sites of EvidenceSynthesis' simulated populations, from their persons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from understudy.causal.likelihood_profile import LikelihoodProfile

FOLDER = Path(__file__).parents[2] / "shared" / "reference" / "rwe" / "evidence_synthesis"
POINTS = np.linspace(-8.0, 8.0, 1601)


def cox_profiles() -> list[LikelihoodProfile]:
    """One a site: Cox' partial likelihood (Breslow) of the exposure, stratified."""
    table = pd.read_csv(FOLDER / "cox_populations.csv")
    return [LikelihoodProfile(POINTS, _cox(site)) for _, site in table.groupby("site")]


def pooled_cox() -> LikelihoodProfile:
    """All persons together, every stratum of every site a stratum of its own."""
    table = pd.read_csv(FOLDER / "cox_populations.csv")
    return LikelihoodProfile(POINTS, _cox(table))


def case_series_profiles() -> list[LikelihoodProfile]:
    """One a site: conditional Poisson likelihood of the exposure, maximised over four coefficients of the spline."""
    table = pd.read_csv(FOLDER / "sccs_populations.csv")
    points = np.linspace(-6.0, 6.0, 601)
    return [LikelihoodProfile(points, _case_series(site, points)) for _, site in table.groupby("site")]


def pooled_case_series() -> LikelihoodProfile:
    """All persons together: the coefficients of the spline are the same in every site."""
    table = pd.read_csv(FOLDER / "sccs_populations.csv")
    table["stratumId"] += 10_000 * table["site"]
    points = np.linspace(-1.0, 3.0, 801)
    return LikelihoodProfile(points, _case_series(table, points))


def profiles(name: str, keys: list[str]) -> dict[tuple, LikelihoodProfile]:
    """Profiles of a long table by its keys."""
    table = pd.read_csv(FOLDER / name)
    return {
        key: LikelihoodProfile(rows["point"].to_numpy(), rows["value"].to_numpy())
        for key, rows in table.groupby(keys)
    }


def _cox(rows: pd.DataFrame) -> np.ndarray:
    """Of one binary covariate: each event counts those at risk with and without it."""
    values = np.zeros(POINTS.size)
    for _, stratum in rows.groupby(["site", "stratumId"]):
        time, x = stratum["time"].to_numpy(), stratum["x"].to_numpy()
        for k in np.flatnonzero(stratum["y"].to_numpy()):
            at_risk = time >= time[k]
            exposed = float(x[at_risk].sum())
            values += POINTS * x[k] - np.log(at_risk.sum() - exposed + exposed * np.exp(POINTS))
    return values


def _case_series(rows: pd.DataFrame, points: np.ndarray) -> np.ndarray:
    """Given the number of events of each person, by Newton's method from point to point."""
    rows = rows[rows.groupby("stratumId")["y"].transform("sum") > 0]
    _, person = np.unique(rows["stratumId"], return_inverse=True)
    spline = rows[["x1", "x2", "x3", "x4"]].to_numpy()
    a, y, offset = rows["a"].to_numpy(), rows["y"].to_numpy(), np.log(rows["time"].to_numpy())
    totals = np.bincount(person, y)
    values, beta = np.empty(points.size), np.zeros(4)
    start = int(np.argmin(np.abs(points)))
    for order in (range(start, points.size), range(start - 1, -1, -1)):
        beta = np.zeros(4)
        for k in order:
            beta, values[k] = _maximum(points[k] * a + offset, spline, y, person, totals, beta)
    return values


def _maximum(fixed, spline, y, person, totals, beta) -> tuple[np.ndarray, float]:
    """Coefficients of the spline and the log-likelihood at their maximum, damped where a step goes too far."""

    def at(b):
        eta = fixed + spline @ b
        shift = np.maximum.reduceat(eta[order], first)[person]
        weight = np.exp(eta - shift)
        sums = np.bincount(person, weight)
        return weight / sums[person], float(y @ eta - totals @ (np.log(sums) + shift[order][first]))

    order = np.argsort(person, kind="stable")
    first = np.searchsorted(person[order], np.arange(totals.size))
    share, height = at(beta)
    for _ in range(100):
        expected = totals[person] * share
        gradient = spline.T @ (y - expected)
        means = np.array([np.bincount(person, share * column) for column in spline.T]).T
        centred = spline - means[person]
        information = centred.T @ (expected[:, None] * centred)
        step = np.linalg.lstsq(information, gradient, rcond=1e-10)[0]
        while True:
            share_next, reached = at(beta + step)
            if reached >= height - 1e-12 or np.abs(step).max() < 1e-10:
                break
            step = step / 2
        beta, share = beta + step, share_next
        if abs(reached - height) < 1e-11:
            return beta, reached
        height = reached
    return beta, height
