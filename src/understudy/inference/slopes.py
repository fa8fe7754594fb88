"""Slopes: predictions and residual variances with their derivatives by random and fixed effects.

The mechanism's part comes from the engine's sensitivities, the rest from the equations' own derivatives. Where an
engine has no sensitivities (a model without states, steady states with events), they are central differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.expression import Expression
from understudy.engine.parameters import ParameterRows, individual_values, parameter_rows
from understudy.engine.sensitivity.asked_sensitivities import AskedSensitivities
from understudy.engine.sensitivity.augmented_model import NamedSlopes
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.solve import solve
from understudy.inference.expanded_occasions import expand_occasions
from understudy.model.distribution import MEASURED
from understudy.model.parts import Assignment

if TYPE_CHECKING:
    from understudy.inference.outcome_density import OutcomeDensity
    from understudy.inference.predictor import Predictor

# Central differences: their error is of second order, 1e-8, against rounding of 1e-12.
STEP = 1e-4


@dataclass(frozen=True, eq=False)
class Slopes:
    """Predictions with their derivatives by effects: the active random effects, then the fixed ones asked for.

    Parameters
    ----------
    prediction, variance : float arrays, shape (copies, observations)
    d_prediction, d_variance : float arrays, shape (copies, observations, effects)
    d_expected, d_gain : float arrays, shape (copies, observations, effects), or None
        Where residual errors are correlated: `d_prediction` without what the residual before adds to it, and that in
        standard deviations; None: nothing is added.
    """

    prediction: np.ndarray
    variance: np.ndarray
    d_prediction: np.ndarray
    d_variance: np.ndarray
    d_expected: np.ndarray | None = None
    d_gain: np.ndarray | None = None


class EffectSlopes:
    """Derivatives by sensitivities.

    Parameters
    ----------
    predictor : Predictor
    fixed : sequence of str
        Fixed effects whose derivatives can be asked for.
    """

    def __init__(self, predictor: Predictor, fixed: Sequence[str]):
        self.predictor, self.fixed = predictor, tuple(fixed)
        self.expanded = expand_occasions(predictor.model, predictor.effects.occasions)
        self.random = tuple(np.array(predictor.effects.names, dtype=object)[predictor.effects.active])
        model = self.expanded.model
        asked = AskedSensitivities.of(model, (*self.random, *self.fixed), ())
        # An effect moves individual parameters, or is a parameter of the mechanism itself, as in `$PRED`.
        direct = {*model.structural.parameter_names}
        kept = tuple(n for n in asked.names if asked.speeds.get(n) or n in direct)
        self.asked = replace(asked, names=kept)
        self.moved = tuple(dict.fromkeys(p for n in kept for p in asked.speeds.get(n, {})))
        taken = {
            *model.structural.parameter_names,
            *model.fixed_values,
            *model.eta_names,
            *model.covariate_names,
        }
        equations = {i.name: i.expression for i in asked.model.individual}
        slopes = NamedSlopes(equations, {*taken, *equations, *model.output_names})
        effects, outputs = self.random + self.fixed, model.structural.output_names
        self.variances = {
            r.output: EquationSlopes.of(r.variance, slopes, effects, (r.output,)) for r in model.residual
        }
        self.parameters = {
            item.output: {
                p.name: EquationSlopes.of(p.expression, slopes, effects, outputs) for p in item.parameters
            }
            for item in model.distributions
        }
        added = tuple(Assignment(name, equation) for name, equation in slopes.added.items())
        self.values = replace(asked.model, individual=(*asked.model.individual, *added))

    def slopes(self, vectors: np.ndarray, fixed: np.ndarray, with_fixed: bool) -> Slopes:
        """Derivatives at random effects of shape (copies, N, n) and fixed effects of shape (copies, fixed)."""
        names = self.random + (self.fixed if with_fixed else ())
        plain, d_plain = self._mechanism(vectors, fixed, names)
        size = self.predictor.output.size
        levels, d_levels = plain[:, :size], d_plain[:, :size]
        variance, d_variance = self._variance(vectors, fixed, names, levels, d_levels)
        prediction, d_prediction = self.predictor.to_residual_scale(levels, d_levels)
        for density in self.predictor.densities:
            d_prediction = d_prediction if d_prediction is not d_levels else d_levels.copy()
            own = self._density(density, vectors, fixed, names, plain, d_plain)
            prediction[:, density.here], d_prediction[:, density.here] = own
        return Slopes(prediction, variance, d_prediction, d_variance)

    def _density(self, density: OutcomeDensity, vectors, fixed, names, plain, d_plain):
        """Minus the log-density of the observations of one outcome, and its derivatives."""
        here = density.here
        columns = self.predictor.columns.of_density[self.predictor.densities.index(density)]
        outputs = {name: (plain[:, at], d_plain[:, at]) for name, at in columns.items()}
        shape, values, moved = (len(vectors), here.size), {}, {}
        for name in density.distribution.parameter_names:
            equation = self.parameters[density.distribution.output][name]
            known = self._known(equation, vectors, fixed, here) | density.known
            values[name], moved[name] = equation.along(known, outputs, names, shape)
        values, moved = density.since_before(values), density.since_before(moved)
        return density.information(values), density.slopes(values, moved)

    def _mechanism(self, vectors: np.ndarray, fixed: np.ndarray, names: tuple[str, ...]):
        """Predictions on their own scale, and derivatives."""
        predictor = self.predictor
        copies, count, _ = vectors.shape
        base = predictor.repeated(copies)
        columns = self._columns(vectors, fixed, base.patient, predictor.occasion[predictor.schedule.record])
        rows = parameter_rows(self.asked.model, base, columns | self._tiled(predictor.covariates, copies))
        chain = self._constant(rows, copies * count)
        directions = Directions(self.moved) if chain else self._along(rows, names)
        wanted = predictor.observed_outputs
        answer = solve(base, rows, wanted, predictor.engine, predictor.tolerances, predictor.jobs, directions)
        column = predictor.columns
        place = predictor.chosen[column.place]
        plain = np.empty((copies, column.output.size))
        found = np.zeros((*plain.shape, len(names)))
        for output in wanted:
            here = column.output == output
            plain[:, here] = answer.outputs[output].reshape(copies, -1)[:, place[here]]
            if not directions.names:
                continue
            seen = answer.sensitivities[output].reshape(copies, -1, len(directions.names))[:, place[here]]
            if chain:
                self._chained(found, seen, rows, names, here)
            else:
                found[:, here] = self._placed(seen, directions.names, names)
        return plain, found

    def _constant(self, rows: ParameterRows, patients: int) -> bool:
        """Whether each patient has one set of parameters, and these are fewer than the effects."""
        return len(rows.table) == patients and not {*self.asked.names} & {*rows.model.parameter_names}

    def _along(self, rows: ParameterRows, names: tuple[str, ...]) -> Directions:
        everything = self.asked.directions(rows)
        kept = [k for k, name in enumerate(everything.names) if name in names]
        return Directions(
            tuple(everything.names[k] for k in kept),
            tuple(everything.touched[k] for k in kept),
            tuple(everything.seeds[k] for k in kept),
        )

    def _chained(
        self, found: np.ndarray, seen: np.ndarray, rows: ParameterRows, names, here: np.ndarray
    ) -> None:
        """From derivatives by parameters to those by effects."""
        copies, patient = len(seen), self.predictor.patient[self.predictor.columns.place[here]]
        column = {name: k for k, name in enumerate(rows.model.parameter_names)}
        for k, name in enumerate(names):
            for parameter, speed in self.asked.speeds.get(name, {}).items():
                speeds = rows.table[:, column[speed]].reshape(copies, -1)[:, patient]
                found[:, here, k] += seen[..., self.moved.index(parameter)] * speeds

    @staticmethod
    def _placed(seen: np.ndarray, have: tuple[str, ...], names: tuple[str, ...]) -> np.ndarray:
        full = np.zeros((*seen.shape[:2], len(names)))
        full[..., [names.index(name) for name in have]] = seen
        return full

    def _columns(
        self, vectors: np.ndarray, fixed: np.ndarray, patient: np.ndarray, occasion: np.ndarray
    ) -> dict:
        """Effects by name, one value a patient and copy, and what marks the occasions, one value a row."""
        copies, count, size = vectors.shape
        flat = vectors.reshape(copies * count, size)
        columns = {name: flat[:, k] for k, name in enumerate(self.predictor.effects.names)}
        columns |= self.predictor.fixed_columns(fixed, count)
        return columns | self._tiled(self.expanded.columns(occasion), copies)

    @staticmethod
    def _tiled(columns: dict, copies: int) -> dict:
        return {name: np.tile(values, copies) for name, values in columns.items()}

    def _variance(
        self, vectors: np.ndarray, fixed: np.ndarray, names, plain: np.ndarray, d_plain: np.ndarray
    ):
        """Residual variances and their derivatives, also by way of the prediction."""
        variance, found = np.ones_like(plain), np.zeros_like(d_plain)
        for output in self.predictor.measured_levels:
            here = np.flatnonzero(self.predictor.output == output)
            known = self._known(self.variances[output], vectors, fixed, here)
            outputs = {output: (plain[:, here], d_plain[:, here])}
            variance[:, here], found[:, here] = self.variances[output].along(
                known, outputs, names, (len(vectors), here.size)
            )
        return variance, found

    def _known(
        self, slopes: EquationSlopes, vectors: np.ndarray, fixed: np.ndarray, here: np.ndarray
    ) -> dict:
        """What an equation and its derivatives use, at each observation."""
        predictor, copies = self.predictor, len(vectors)
        own = {p.name: fixed[:, [k]] for k, p in enumerate(predictor.model.fixed)}
        if slopes.names <= own.keys():
            return own
        patient = predictor.patient[here]
        places = (np.arange(copies)[:, None] * vectors.shape[1] + patient).ravel()
        row = predictor.observation_row[here]
        told = {name: values[row] for name, values in predictor.covariates.items()}
        told |= self.expanded.columns(predictor.occasion[predictor.schedule.record][row])
        columns = self._tiled(told, copies)
        flat = vectors.reshape(-1, vectors.shape[-1])[places]
        columns |= {name: flat[:, k] for k, name in enumerate(predictor.effects.names)}
        columns |= predictor.fixed_columns(fixed, here.size)
        values = individual_values(self.values, columns, copies * here.size)
        return {name: value.reshape(copies, here.size) for name, value in values.items()}


@dataclass(frozen=True, eq=False)
class EquationSlopes:
    """An equation of outputs and effects, such as a residual variance, with its derivatives by both."""

    equation: Expression
    by_output: Mapping[str, Expression]
    by: Mapping[str, Expression]
    names: frozenset[str]

    @classmethod
    def of(
        cls, equation: Expression, slopes: NamedSlopes, effects: tuple[str, ...], outputs: tuple[str, ...]
    ) -> EquationSlopes:
        """Derivatives as far as they are not zero.

        Parameters
        ----------
        equation : Expression
        slopes : NamedSlopes
        effects, outputs : tuple of str
            Names of effects, and of outputs that the equation may use.
        """
        by_output, by = (
            {n: Expression.from_tree(s) for n in names if (s := slopes.of(equation.tree, n)) is not None}
            for names in (outputs, effects)
        )
        used = equation.names.union(*(each.names for each in (*by_output.values(), *by.values())))
        return cls(equation, by_output, by, used - {*outputs, MEASURED})

    def along(
        self,
        known: Mapping[str, np.ndarray],
        outputs: Mapping[str, tuple[np.ndarray, np.ndarray]],
        names: Sequence[str],
        shape: tuple[int, int],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values, shape (copies, m), and derivatives by effects, also by way of outputs, shape (copies, m, effects).

        Parameters
        ----------
        known : mapping of str to float array
        outputs : mapping of str to (values, derivatives by effects)
        names : sequence of str
            Effects.
        shape : tuple of int
        """
        known = {**known, **{name: value for name, (value, _) in outputs.items()}}
        value = np.broadcast_to(np.asarray(self.equation.evaluate(known), dtype=float), shape)
        found = np.zeros((*shape, len(names)))
        for name, slope in self.by_output.items():
            found += np.broadcast_to(slope.evaluate(known), shape)[..., None] * outputs[name][1]
        for k, name in enumerate(names):
            if name in self.by:
                found[..., k] += np.broadcast_to(self.by[name].evaluate(known), shape)
        return value, found


class DifferenceSlopes:
    """Derivatives by central differences of predictions; arguments as those of `EffectSlopes`."""

    def __init__(self, predictor: Predictor, fixed: Sequence[str]):
        self.predictor, self.fixed = predictor, tuple(fixed)
        self.active = np.flatnonzero(predictor.effects.active)

    def slopes(self, vectors: np.ndarray, fixed: np.ndarray, with_fixed: bool) -> Slopes:
        """See `EffectSlopes.slopes`."""
        copies, shifts = len(vectors), self._shifts(vectors, fixed, with_fixed)
        moved = np.concatenate([vectors + by for by, _, _ in shifts])
        fixed = np.concatenate([fixed + by for _, by, _ in shifts])
        prediction, variance = self.predictor.apart(self.predictor.natural(moved, fixed), moved, fixed)
        steps = np.array([step for _, _, step in shifts[1::2]])[:, None, None]

        def derivative(values: np.ndarray) -> np.ndarray:
            each = values.reshape(len(shifts), copies, -1)
            return np.moveaxis((each[1::2] - each[2::2]) / (2 * steps), 0, -1)

        return Slopes(prediction[:copies], variance[:copies], derivative(prediction), derivative(variance))

    def _shifts(self, vectors: np.ndarray, fixed: np.ndarray, with_fixed: bool) -> list:
        """By how much random and fixed effects move, and the step; none first, then there and back of each."""
        nothing = np.zeros(vectors.shape[-1]), np.zeros(fixed.shape[-1])
        shifts = [(*nothing, 1.0)]
        for index in self.active:
            for sign in (1, -1):
                shifts.append((sign * STEP * np.eye(vectors.shape[-1])[index], nothing[1], STEP))
        names = [p.name for p in self.predictor.model.fixed]
        for name in self.fixed if with_fixed else ():
            k = names.index(name)
            step = STEP * max(abs(float(fixed[0, k])), STEP)
            for sign in (1, -1):
                shifts.append((nothing[0], sign * step * np.eye(fixed.shape[-1])[k], step))
        return shifts


def slopes_for(predictor: Predictor, fixed: Sequence[str]) -> EffectSlopes | DifferenceSlopes:
    """Derivatives by sensitivities where the engine has them, else by differences."""
    if not predictor.model.structural.states or predictor.engine == "jax":
        return DifferenceSlopes(predictor, fixed)
    exact = EffectSlopes(predictor, fixed)
    zero = np.zeros((1, len(predictor.patients), len(predictor.effects.names)))
    own = np.array([[p.value for p in predictor.model.fixed]])
    try:
        exact.slopes(zero, own, True)
    except SimulationError:
        # What has no sensitivities (see `solve_along`) still has predictions.
        return DifferenceSlopes(predictor, fixed)
    return exact
