"""compare: a hybrid model beside the mechanistic one, on patients that neither was fitted to.

Both are fitted by `fit_hybrid` to the same folds. What counts is the density that each gives a held-out patient's
measurements, with the random effects integrated out by importance sampling around their mode: Pinheiro JC, Bates DM.
Approximations to the log-likelihood function in the nonlinear mixed-effects model. J Comput Graph Stat 1995;4:12-35.
doi:10.1080/10618600.1995.10474663
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import choices, normals, uniforms
from understudy.inference.hybrid.fit_hybrid import fitted
from understudy.inference.hybrid.levels import Levels
from understudy.inference.individualise import individualise
from understudy.inference.likelihood import Likelihood
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

_RESAMPLES = 2000
# Draws are spread more widely than the posterior's normal approximation, so that its tails are reached.
_WIDER = 1.3


@dataclass(frozen=True, eq=False, repr=False)
class HybridComparison:
    """Two models on held-out patients.

    Parameters
    ----------
    table : DataFrame
        One row a patient: id, fold, observations, hybrid and mechanistic (log predictive density), hybrid_squares and
        mechanistic_squares (sums of squared errors of the typical prediction), hybrid_converged, mechanistic_converged.
    density : tuple of float
        Mean difference of the log predictive density a patient, hybrid less mechanistic, with a bootstrap 95 % interval
        over patients.
    rmse : tuple of float
        Difference of the root mean squared error of typical predictions, likewise: below zero the hybrid is better.
    unit : str
    """

    table: pd.DataFrame
    density: tuple[float, float, float]
    rmse: tuple[float, float, float]
    unit: str

    @property
    def sentence(self) -> str:
        """Whether the neural term helped patients whom it was not fitted to."""
        mean, low, high = self.density
        verdict = (
            "The neural term helped"
            if low > 0
            else "The neural term made it worse"
            if high < 0
            else "The neural term made no difference that these data can show"
        )
        return (
            f"{verdict}: over {len(self.table)} held-out patients the hybrid's log predictive density is {mean:+.2f} a "
            f"patient against the mechanistic model's (95 % interval {low:+.2f} to {high:+.2f})."
        )

    def __repr__(self) -> str:
        change, low, high = self.rmse
        errors = [self._rmse(name) for name in ("hybrid", "mechanistic")]
        unconverged = int((~self.table[["hybrid_converged", "mechanistic_converged"]].all(axis=1)).sum())
        note = (
            f"\n  {unconverged} patients are of folds in which a fit did NOT converge" if unconverged else ""
        )
        return (
            f"{self.sentence}\n  RMSE of typical predictions: hybrid {errors[0]:.3g}, mechanistic {errors[1]:.3g} "
            f"{self.unit}; difference {change:+.3g} ({low:+.3g} to {high:+.3g}){note}"
        )

    def _rmse(self, name: str) -> float:
        return float(np.sqrt(self.table[f"{name}_squares"].sum() / self.table["observations"].sum()))


def compare(
    hybrid: PopulationModel,
    mechanistic: PopulationModel,
    records: Records,
    *,
    folds: int = 4,
    weight_sd: float = 1.0,
    draws: int = 1000,
    most: int = 60,
    seed: int = 0,
) -> HybridComparison:
    """Fit both models without each fold's patients, and see how well they foretell these.

    Parameters
    ----------
    hybrid, mechanistic : PopulationModel
        Of the same output; their values are the starts.
    records : Records
    folds : int
        Into which patients are divided at random.
    weight_sd, most
        As for `fit_hybrid`.
    draws : int
        Of each patient's random effects.
    seed : int

    Raises
    ------
    SimulationError
        For fewer than two folds or more than there are patients, models of other outputs, and whatever `fit_hybrid`
        does not know.
    """
    import pandas as pd

    levels = {"hybrid": Levels.of(hybrid, records), "mechanistic": Levels.of(mechanistic, records)}
    patients = levels["hybrid"].predictor.patients
    _check(levels, folds, len(patients))
    fold = _folds(len(patients), folds, seed)
    rows = [
        row for k in range(folds) for row in _of_fold(levels, records, fold, k, weight_sd, draws, most, seed)
    ]
    table = pd.DataFrame(rows)
    unit = hybrid.structural.output(hybrid.output_names[0]).unit
    return HybridComparison(table, *_differences(table, seed), unit)


def log_predictive_density(
    model: PopulationModel, records: Records, *, draws: int = 1000, seed: int = 0
) -> np.ndarray:
    """Logarithm of the density of each patient's measurements, random effects integrated out.

    Parameters
    ----------
    model : PopulationModel
    records : Records
    draws : int
        Of each patient's random effects, around their mode.
    seed : int

    Returns
    -------
    float array, shape (patients,)

    Raises
    ------
    SimulationError
        If a patient's mode cannot be found.
    """
    twins = individualise(model, records)
    if twins.failures:
        name, reason = next(iter(twins.failures.items()))
        raise SimulationError(reason, place=f"patient {name}", repair="check the patient's records")
    likelihood = Likelihood(Predictor(model, records))
    active = likelihood.active
    size, count = active.size, likelihood.count
    z = normals(seed, "importance", np.arange(count), max(draws * size, 1))[:, : draws * size]
    z = z.reshape(count, draws, size)
    roots = _WIDER * np.linalg.cholesky(twins.covariances[np.ix_(np.arange(count), active, active)])
    vectors = np.zeros((draws, count, twins.modes.shape[1]))
    vectors[:, :, active] = twins.modes[:, active] + np.einsum("nij,nkj->kni", roots, z)
    joint = -0.5 * (likelihood.value(vectors) + np.linalg.slogdet(likelihood.omega)[1])
    proposed = -0.5 * (z**2).sum(axis=2).T - np.linalg.slogdet(roots)[1]
    weights = joint - proposed
    top = weights.max(axis=0)
    observations = np.bincount(likelihood.predictor.patient, minlength=count)
    mean = np.log(np.exp(weights - top).mean(axis=0)) + top
    return mean - 0.5 * observations * np.log(2 * np.pi) + _to_measurements(likelihood.predictor)


def _to_measurements(predictor: Predictor) -> np.ndarray:
    """What turns densities of logarithms into those of measurements, shape (patients,)."""
    logs = {item.output for item in predictor.model.residual if item.scale == "log"}
    here = np.isin(predictor.output.astype(str), list(logs))
    return -np.bincount(
        predictor.patient[here], weights=np.log(predictor.raw[here]), minlength=len(predictor.patients)
    )


def _check(levels: dict[str, Levels], folds: int, patients: int) -> None:
    if not 2 <= folds <= patients:
        raise SimulationError(
            f"{folds} folds of {patients} patients", place="compare", repair=f"give 2 to {patients} folds"
        )
    seen = {name: set(each.predictor.output) for name, each in levels.items()}
    if seen["hybrid"] != seen["mechanistic"]:
        raise SimulationError(
            "the models predict other outputs", place="compare", repair="name their outputs alike"
        )


def _folds(patients: int, folds: int, seed: int) -> np.ndarray:
    """The fold of each patient, as equal in size as can be."""
    order = np.argsort(uniforms(seed, "folds", [0], patients)[0], kind="stable")
    fold = np.empty(patients, dtype=int)
    fold[order] = np.arange(patients) % folds
    return fold


def _of_fold(levels, records: Records, fold: np.ndarray, k: int, weight_sd, draws, most, seed) -> list[dict]:
    """A row for each patient of a fold."""
    names = np.array(levels["hybrid"].predictor.patients)[fold == k].tolist()
    held = records.select(names)
    rows = [{"id": name, "fold": k} for name in names]
    for kind, each in levels.items():
        fit = fitted(each, fold != k, weight_sd, most)
        density = log_predictive_density(fit.model, held, draws=draws, seed=seed)
        predictor = Predictor(fit.model, held)
        none = np.zeros((1, len(names), len(fit.model.eta_names)))
        errors = (predictor.natural(none)[0] - predictor.raw) ** 2
        squares = np.bincount(predictor.patient, weights=errors, minlength=len(names))
        counts = np.bincount(predictor.patient, minlength=len(names))
        for j, row in enumerate(rows):
            row["observations"] = int(counts[j])
            row |= {kind: float(density[j]), f"{kind}_squares": float(squares[j])}
            row[f"{kind}_converged"] = fit.converged
    return rows


def _differences(table: pd.DataFrame, seed: int) -> tuple[tuple, tuple]:
    """Both differences, each with the ends of its bootstrap interval over patients."""
    count = len(table)
    rows = choices(seed, "bootstrap", np.arange(_RESAMPLES * count), count).reshape(_RESAMPLES, count)
    whole = np.arange(count)[None]

    def density(chosen: np.ndarray) -> np.ndarray:
        return (table["hybrid"] - table["mechanistic"]).to_numpy()[chosen].mean(axis=1)

    def rmse(chosen: np.ndarray) -> np.ndarray:
        seen = table["observations"].to_numpy()[chosen].sum(axis=1)
        squares = [
            table[f"{name}_squares"].to_numpy()[chosen].sum(axis=1) for name in ("hybrid", "mechanistic")
        ]
        return np.sqrt(squares[0] / seen) - np.sqrt(squares[1] / seen)

    found = []
    for statistic in (density, rmse):
        low, high = np.quantile(statistic(rows), (0.025, 0.975))
        found.append((float(statistic(whole)[0]), float(low), float(high)))
    return tuple(found)
