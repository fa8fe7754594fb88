"""ModelAverage: twins of the same patients by several models, each model weighted by how well it explains the patient.

Hoeting et al. 1999, Bayesian model averaging, Stat Sci 14:382-417, doi:10.1214/ss/1009212519; for dosing by models
Uster et al. 2021, Clin Pharmacol Ther 109:175-183, doi:10.1002/cpt.2065.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from understudy.core import units
from understudy.core.errors import SimulationError
from understudy.core.random import uniforms
from understudy.core.result import Outcome
from understudy.engine.parameters import structural
from understudy.inference.predictor import Predictor
from understudy.inference.twins.twins import Twins

if TYPE_CHECKING:
    import pandas as pd

Basis = Literal["marginal", "bic", "objective"]


@dataclass(frozen=True, eq=False, repr=False)
class ModelAverage:
    """Twins by several models, with the probability of each model in each patient.

    Parameters
    ----------
    twins : mapping of str to Twins
        By the models' names; of the same patients, in the same order.
    weights : DataFrame, shape (patients, models)
        Rows sum to one.
    basis : {"marginal", "bic", "objective"}
    """

    twins: Mapping[str, Twins]
    weights: pd.DataFrame
    basis: Basis

    def __post_init__(self) -> None:
        object.__setattr__(self, "twins", MappingProxyType(dict(self.twins)))

    @property
    def patients(self) -> tuple[str, ...]:
        """Identifiers of the patients."""
        return next(iter(self.twins.values())).patients

    def selected(self) -> ModelAverage:
        """For each patient the best model alone: selection in the place of averaging."""
        best = self.weights.eq(self.weights.max(axis=1), axis=0)
        first = best & (best.cumsum(axis=1) == 1)
        return ModelAverage(self.twins, first.astype(float), self.basis)

    def select(self, patients: list[str]) -> ModelAverage:
        """Some of the patients."""
        chosen = {name: twins.select(patients) for name, twins in self.twins.items()}
        return ModelAverage(chosen, self.weights.loc[patients], self.basis)

    def __repr__(self) -> str:
        shares = self.weights.mean().sort_values(ascending=False)
        told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
        return f"ModelAverage of {len(self.weights)} patients by {self.basis}: {told}"


def average_models(
    twins: Mapping[str, Twins], weights: Basis = "marginal", prior: Mapping[str, float] | None = None
) -> ModelAverage:
    """Weigh models by each patient's measurements.

    Parameters
    ----------
    twins : mapping of str to Twins
        By the models' names, made from the same records.
    weights : {"marginal", "bic", "objective"}
        Weights are proportional to ``exp(-x / 2)``, with `x` minus twice the log-density of the patient's measurements
        with the random effects integrated out (``marginal``: the posterior probability of the model, as good as the
        integral); the Bayesian information criterion of the fit at the mode (``bic``); or the objective function at the
        mode (``objective``, the weights of Uster et al. 2021, which leave out how much of a model's spread the data
        rule out).
    prior : mapping of str to float, optional
        Probability of each model before the data; the same for all where None.

    Raises
    ------
    SimulationError
        For twins of different patients or measurements, models with different units of time or without a common output,
        or a patient whom no model explains.

    Examples
    --------
    >>> from understudy import Records, individualise, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... ).select(["1", "2"])
    >>> published = load_model("phenobarbital_neonates")
    >>> faster = published.with_values(theta_CL=0.0055)
    >>> average_models({name: individualise(model, records) for name, model in [("a", published), ("b", faster)]})
    ModelAverage of 2 patients by marginal: a 67 %, b 33 %
    """
    import pandas as pd

    if weights not in get_args(Basis):
        raise SimulationError(
            f"no weights are called {weights!r}", repair=f"give {', '.join(get_args(Basis))}"
        )
    _require_comparable(twins)
    scores = np.stack([_score(part, weights) for part in twins.values()], axis=1) + _densities(twins)
    before = np.array([1.0 if prior is None else prior.get(name, 0.0) for name in twins])
    with np.errstate(divide="ignore"):
        logs = np.where(np.isfinite(scores), -0.5 * scores, -np.inf) + np.log(before)
    patients = next(iter(twins.values())).patients
    lost = [name for name, row in zip(patients, logs, strict=True) if not np.isfinite(row).any()]
    if lost:
        raise SimulationError(
            "no model explains some patients", place=", ".join(lost[:10]), repair="leave these patients out"
        )
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    index, columns = pd.Index(patients, name="patient"), pd.Index(list(twins), name="model")
    table = pd.DataFrame(shares / shares.sum(axis=1, keepdims=True), index=index, columns=columns)
    return ModelAverage(twins, table, weights)


def _score(twins: Twins, basis: Basis) -> np.ndarray:
    """Minus twice a logarithm of evidence, shape (N,); not-a-number where there is no twin."""
    bad = np.array([bool(text) for text in twins.status])
    if basis == "marginal":
        return np.where(bad, np.nan, twins.marginal)
    if basis == "objective":
        return np.where(bad, np.nan, twins.objective)
    active = np.flatnonzero(twins.effects.active)
    modes = twins.modes[:, active]
    precision = np.linalg.inv(twins.effects.omega[np.ix_(active, active)])
    fit = twins.objective - np.einsum("ni,ij,nj->n", modes, precision, modes)
    return np.where(bad, np.nan, fit + active.size * np.log(np.maximum(twins.observations, 1)))


def _densities(twins: Mapping[str, Twins]) -> np.ndarray:
    """What brings minus twice the log-densities to those of the measurements in the first model's unit, shape (N,
    models).

    A residual error on the logarithm gives the density of the logarithm, and a level in another unit has another
    density.
    """
    parts = [Predictor(part.model, part.records) for part in twins.values()]
    first = parts[0]
    found = []
    for part in parts:
        by_unit = {
            (mine, other): np.log(_factor(part, mine, first, other))
            for mine, other in set(zip(part.output, first.output, strict=True))
        }
        term = np.array([by_unit[pair] for pair in zip(part.output, first.output, strict=True)], dtype=float)
        logs = np.isin(part.output.astype(str), [r.output for r in part.model.residual if r.scale == "log"])
        term[logs] += np.log(part.raw[logs])
        term[part.censoring.censored] = 0.0
        found.append(2 * np.bincount(part.patient, weights=term, minlength=len(part.patients)))
    return np.stack(found, axis=1)


def _factor(part: Predictor, mine: str, first: Predictor, other: str) -> float:
    return units.factor(structural(part.model).output(mine).unit, structural(first.model).output(other).unit)


def _require_comparable(twins: Mapping[str, Twins]) -> None:
    if not twins:
        raise SimulationError("there is no model to average", repair="give twins by the models' names")
    (name, first), *others = twins.items()
    for other, part in others:
        if part.patients != first.patients or (part.observations != first.observations).any():
            raise SimulationError(
                "the models saw different measurements",
                place=f"{name}, {other}",
                repair="make all twins from the same records",
            )
        if structural(part.model).time_unit != structural(first.model).time_unit:
            raise SimulationError(
                "the models count time in different units",
                place=f"{name}, {other}",
                repair="rewrite one of them",
            )


def mix(parts: Mapping[str, Outcome], weights: pd.DataFrame, seed: int) -> Outcome:
    """The mixture of outcomes of several models: each draw from one of them, as many as its weight says.

    Parameters
    ----------
    parts : mapping of model to Outcome
        Of the same patients, times and number of draws.
    weights : DataFrame, shape (patients, models)
    seed : int

    Raises
    ------
    SimulationError
        If the models have no output in common.
    """
    first = next(iter(parts.values()))
    common = [name for name in first.outputs if all(name in part.outputs for part in parts.values())]
    if not common:
        raise SimulationError(
            "the models have no output in common",
            place=", ".join(parts),
            repair="name an output alike in all",
        )
    draws = first[common[0]].values.shape[2]
    chosen = _allotted(weights.to_numpy(), draws, seed)
    outputs = {}
    for name in common:
        stack = np.stack(
            [part[name].values * units.factor(part.units[name], first.units[name]) for part in parts.values()]
        )
        outputs[name] = (np.take_along_axis(stack, chosen[None, :, None, :], axis=0)[0], first.units[name])
    failed, told = _failures(parts.values(), chosen)
    return Outcome.build(
        list(first.patients), first.times, outputs, first.time_unit, failed.astype(int), told
    )  # fmt: skip


def _allotted(weights: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Which model each draw is from, shape (N, draws): at evenly spaced places of the summed weights."""
    offset = uniforms(seed, "model of a draw", np.arange(len(weights)), 1)
    places = (np.arange(draws) + offset) / draws
    ends = np.cumsum(weights, axis=1)
    ends /= ends[:, -1:]
    return (places[:, :, None] >= ends[:, None, :-1]).sum(axis=2)


def _failures(parts: Iterable[Outcome], chosen: np.ndarray) -> tuple[np.ndarray, list[str]]:
    failed, told = np.zeros(len(chosen), bool), [""] * len(chosen)
    for k, part in enumerate(parts):
        used = (chosen == k).any(axis=1) & (part.dataset["status"].values != 0)
        for patient in np.flatnonzero(used):
            failed[patient], told[patient] = True, str(part.dataset["message"].values[patient])
    return failed, told
