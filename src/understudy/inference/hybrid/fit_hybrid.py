"""fit_hybrid: a mechanism with neural terms, fitted to patients' records together with the patients' differences.

Weights of networks and fixed effects are the same in all patients, random effects are each patient's own; weights have
a normal prior around zero, which keeps a network from saying more than the data do. By turns (Lindstrom and Bates 1990,
doi:10.2307/2532087): the modes of everything given the variances, by Gauss-Newton steps; and the variances, by maximum
likelihood of the model that is linear around these modes. Derivatives come from JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.parameters import individual_values
from understudy.inference.hybrid.extrapolation import (
    ExtrapolationCheck,
    TrainingRange,
    check_extrapolation,
)
from understudy.inference.hybrid.levels import Levels, Linear
from understudy.inference.hybrid.mixed_step import MixedModel
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records
    from understudy.model.regimen import Regimen

_STEPS, _HALVINGS = 8, 12
# A turn that changes the value by less than this, and a step that lowers the squares by less than that part, is the
# last.
_ARRIVED, _STEP_ARRIVED = 1e-3, 1e-6
# Of the median measurement.
_LEAST_LEVEL = 0.05


@dataclass(frozen=True, eq=False, repr=False)
class HybridFit:
    """A fitted population with neural terms, or without.

    Parameters
    ----------
    model : PopulationModel
        With the fitted fixed effects, weights, variances: all that a population model can do, it can.
    objective : float
        Minus twice the log-likelihood of the model linear around the modes, with the prior of the weights.
    turns : int
    converged : bool
    weight_sd : float
    patients : tuple of str
        Whose records were fitted.
    modes : float array, shape (patients, effects)
        Their random effects.
    seen : TrainingRange
        What the records held: outside of it the network guesses.
    """

    model: PopulationModel
    objective: float
    turns: int
    converged: bool
    weight_sd: float
    patients: tuple[str, ...]
    modes: np.ndarray
    seen: TrainingRange

    def check(
        self,
        *,
        records: Records | None = None,
        regimen: Regimen | str | None = None,
        patients: pd.DataFrame | None = None,
        times: Sequence[float] | np.ndarray | None = None,
    ) -> ExtrapolationCheck:
        """Whether patients' records, or a regimen, lie outside of what was fitted; see `check_extrapolation`."""
        return check_extrapolation(
            self.seen, self.model, records=records, regimen=regimen, patients=patients, times=times
        )

    def __repr__(self) -> str:
        ended = "converged" if self.converged else "NOT converged"
        head = (
            f"HybridFit of {self.model.name}: {len(self.patients)} patients, objective {self.objective:.2f}"
        )
        weights = sum(len(network.weight_names) for network in self.model.structural.networks)
        fixed = ", ".join(f"{item.name} {item.value:.4g}" for item in self.model.fixed)
        return f"{head}, {ended} in {self.turns} turns\n  {weights} weights (sd {self.weight_sd:g}); {fixed}"


def fit_hybrid(
    model: PopulationModel, records: Records, *, weight_sd: float = 1.0, most: int = 60
) -> HybridFit:
    """Fit a population whose mechanism has neural terms.

    Parameters
    ----------
    model : PopulationModel
        Its fixed effects, weights and variances are the start.
    records : Records
        Bolus doses (into any compartment), covariates that stay the same.
    weight_sd : float
        Standard deviation of the weights' prior: smaller ones make smoother terms.
    most : int
        Turns at most.

    Returns
    -------
    HybridFit
        A fit that did not converge says so.

    Raises
    ------
    MissingExtraError
        Without JAX, diffrax or Equinox.
    SimulationError
        For records or models that this fit does not know, or where predictions are undefined at the start.

    References
    ----------
    Lindstrom MJ, Bates DM. Biometrics 1990;46:673-687. doi:10.2307/2532087; neural terms: Bräm DS et al. J
    Pharmacokinet Pharmacodyn 2024;51:123-140. doi:10.1007/s10928-023-09886-4
    """
    levels = Levels.of(model, records)
    return fitted(levels, np.ones(len(levels.predictor.patients), dtype=bool), weight_sd, most)


def fitted(levels: Levels, kept: np.ndarray, weight_sd: float, most: int) -> HybridFit:
    """A fit to some of the patients; a bool array of shape (patients,) says to which."""
    if not weight_sd > 0 or most < 1:
        raise SimulationError(
            f"weight_sd of {weight_sd:g} and {most} turns", place="fit_hybrid", repair="give numbers above 0"
        )
    work = _Work.of(levels, kept, weight_sd)
    state, value, turn, converged = work.start(), np.inf, 0, False
    while turn < most and not converged:
        turn += 1
        state = work.with_modes(state, first=turn == 1)
        state, found = work.with_variances(state)
        converged = abs(value - found) < _ARRIVED
        value = found
    made = work.model(state)
    names = tuple(np.array(levels.predictor.patients)[kept].tolist())
    records = levels.predictor.records.select(list(names))
    seen = TrainingRange.of(made, records, state.effects[kept])
    return HybridFit(made, value, turn, converged, weight_sd, names, state.effects[kept], seen)


@dataclass(frozen=True, eq=False)
class _State:
    """Where a fit is."""

    common: np.ndarray
    effects: np.ndarray
    omega: np.ndarray
    residual: np.ndarray
    at: Linear


@dataclass(frozen=True, eq=False)
class _Work:
    """What a fit works with: predictions, which observations count, and the weights' prior."""

    levels: Levels
    kept: np.ndarray
    counted: np.ndarray
    precision: np.ndarray
    residual_names: tuple[str, ...]

    @classmethod
    def of(cls, levels: Levels, kept: np.ndarray, weight_sd: float) -> _Work:
        model = levels.predictor.model
        fixed = {item.name for item in model.fixed}
        precision = np.array([0.0 if name in fixed else weight_sd**-2 for name in levels.common])
        used = {name for item in model.residual for name in item.variance.names}
        names = tuple(
            item.name for item in model.fixed if item.name in used and item.name not in levels.common
        )
        return cls(levels, kept, kept[levels.predictor.patient], precision, names)

    def start(self) -> _State:
        model = self.levels.predictor.model
        effects = np.zeros((len(self.kept), len(self.levels.effects)))
        residual = np.array([model.fixed_values[name] for name in self.residual_names])
        common = self.levels.start
        return _State(common, effects, model.omega.copy(), residual, self._linear(common, effects))

    def _linear(self, common: np.ndarray, effects: np.ndarray) -> Linear:
        """On the scale on which the residual error is normal."""
        at, model = self.levels.linear(common, effects), self.levels.predictor.model
        logs = {item.output for item in model.residual if item.scale == "log"}
        here = np.isin(self.levels.predictor.output.astype(str), list(logs))
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(here, 1 / at.value, 1.0)[:, None]
            return Linear(
                np.where(here, np.log(at.value), at.value), at.by_common * scale, at.by_effects * scale
            )

    def _variances(self, state: _State, at: np.ndarray | None = None) -> Callable[[np.ndarray], np.ndarray]:
        """Residual variance of every observation as a function of the residual error's parameters.

        At the state's predictions, or at other levels on the scale of the residual error.
        """
        level = state.at.value if at is None else at
        predictor, names = self.levels.predictor, self.residual_names
        first, count = predictor.schedule.start[:-1], len(self.kept)
        columns = {name: values[first] for name, values in predictor.covariates.items()}
        columns |= dict(zip(self.levels.effects, state.effects.T, strict=True))
        columns |= {n: np.full(count, v) for n, v in zip(self.levels.common, state.common, strict=True)}
        values = individual_values(predictor.model, columns, count)
        known = {name: value[predictor.patient] for name, value in values.items()}
        parts = []
        for item in predictor.model.residual:
            here = predictor.output == item.output
            plain = np.exp(level[here]) if item.scale == "log" else level[here]
            own = {name: known[name][here] for name in item.variance.names & known.keys()}
            parts.append((here, item.variance, own | {item.output: plain}))

        def variance(residual: np.ndarray) -> np.ndarray:
            found = np.empty(len(predictor.output))
            for here, expression, own in parts:
                found[here] = expression.evaluate(own | dict(zip(names, residual, strict=True)))
            return found

        return variance

    def with_modes(self, state: _State, first: bool) -> _State:
        """Gauss-Newton steps to the modes of what is common and of the effects, with the variances as they are.

        In the first turn residual variances are those at the measurements: predictions may still be far off, and with
        an error that is proportional to them a level near zero would count for everything.
        """
        variance = self._at_measurements(state) if first else self._variances(state)(state.residual)
        inverse = np.linalg.inv(state.omega)
        value = self._penalised(state, variance, inverse)
        if not np.isfinite(value):
            raise SimulationError(
                "predictions are undefined at the start of the fit",
                place=self.levels.predictor.model.name,
                repair="give other values to begin with",
            )
        for _ in range(_STEPS):
            moved = self._moved(state, self._step(state, variance, inverse), value, variance, inverse)
            if moved is None:
                break
            state, found = moved
            arrived = value - found < _STEP_ARRIVED * value
            value = found
            if arrived:
                break
        return state

    def _moved(self, state: _State, step: tuple, value: float, variance: np.ndarray, inverse: np.ndarray):
        """The state after the step, halved until it is better; None where no halving makes it so."""
        for k in range(_HALVINGS):
            common, effects = (
                old + 0.5**k * way for old, way in zip((state.common, state.effects), step, strict=True)
            )
            tried = replace(state, common=common, effects=effects, at=self._linear(common, effects))
            found = self._penalised(tried, variance, inverse)
            if found < value:
                return tried, found
        return None

    def _at_measurements(self, state: _State) -> np.ndarray:
        """Residual variances at the measurements, none of them at a level that is next to nothing."""
        measured = self.levels.predictor.measured
        least = _LEAST_LEVEL * np.median(np.abs(measured))
        return self._variances(state, np.maximum(measured, least))(state.residual)

    def _penalised(self, state: _State, variance: np.ndarray, inverse: np.ndarray) -> float:
        """Squares of residuals, effects and weights, each by its variance."""
        with np.errstate(over="ignore", invalid="ignore"):
            squares = (self.levels.predictor.measured - state.at.value) ** 2 / variance
        effects = state.effects[self.kept]
        prior = np.einsum("ni,ij,nj->", effects, inverse, effects) + (self.precision * state.common**2).sum()
        total = squares[self.counted].sum() + prior
        return float(total) if np.isfinite(total) else np.inf

    def _step(
        self, state: _State, variance: np.ndarray, inverse: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gauss-Newton's step; patients are eliminated one by one, as their effects meet in what is common only."""
        weight = np.where(self.counted, 1 / variance, 0.0)
        at, patient = state.at, self.levels.predictor.patient
        slope = weight * (self.levels.predictor.measured - at.value)
        left = np.diag(self.precision) + at.by_common.T @ (weight[:, None] * at.by_common)
        right = at.by_common.T @ slope - self.precision * state.common
        parts = []
        for k in range(len(self.kept)):
            own = patient == k
            z = weight[own, None] * at.by_effects[own]
            curvature = at.by_effects[own].T @ z + inverse
            upward = at.by_effects[own].T @ slope[own] - inverse @ state.effects[k]
            between = at.by_common[own].T @ z
            mixed = np.linalg.solve(curvature, np.column_stack([between.T, upward]))
            left, right = left - between @ mixed[:, :-1], right - between @ mixed[:, -1]
            parts.append(mixed)
        common = np.linalg.lstsq(left, right, rcond=None)[0]
        return common, np.stack([part[:, -1] - part[:, :-1] @ common for part in parts])

    def with_variances(self, state: _State) -> tuple[_State, float]:
        """The most likely variances of the model that is linear around the state."""
        predictor, own, variances = self.levels.predictor, self.counted, self._variances(state)
        at, patient = state.at, predictor.patient
        around = at.by_common @ state.common + (at.by_effects * state.effects[patient]).sum(axis=1)
        mixed = MixedModel(
            (predictor.measured - at.value + around)[own],
            at.by_common[own],
            at.by_effects[own],
            patient[own],
            self.precision,
            lambda residual: variances(residual)[own],
            tuple(block.size for block in predictor.model.random),
        )
        omega, residual, value = mixed.fitted(state.omega, state.residual)
        return replace(state, omega=omega, residual=residual), value

    def model(self, state: _State) -> PopulationModel:
        """The population with a state's values."""
        base = self.levels.predictor.model
        values = dict(zip(self.levels.common, state.common.tolist(), strict=True))
        values |= dict(zip(self.residual_names, state.residual.tolist(), strict=True))
        fixed = {name: value for name, value in values.items() if name in base.fixed_values}
        weights = {name: value for name, value in values.items() if name not in fixed}
        blocks, first = [], 0
        for block in base.random:
            own = slice(first, first + block.size)
            covariance = tuple(map(tuple, state.omega[own, own].tolist()))
            blocks.append(replace(block, covariance=covariance, standard_errors=(), source=None))
            first += block.size
        structural = base.structural.with_values(**weights) if weights else base.structural
        return replace(base.with_values(**fixed), structural=structural, random=tuple(blocks))
