"""Predictor: predictions and residual variances of records as a function of the random effects."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.data.layout import LIMITS
from understudy.engine.parameters import individual_values, parameter_rows
from understudy.engine.problem import Tolerances
from understudy.engine.schedule import Schedule, on_grid
from understudy.engine.simulate import in_model_units, record_schedule
from understudy.engine.solve import solve
from understudy.inference.censoring import Censoring
from understudy.inference.correlated_residuals import CorrelatedResiduals
from understudy.inference.effects import Effects
from understudy.inference.observation_labels import numbered_occasions, observed_outputs
from understudy.inference.outcome_density import OutcomeDensity, find_densities
from understudy.inference.predicted_columns import PredictedColumns
from understudy.inference.slopes import DifferenceSlopes, EffectSlopes, Slopes, slopes_for
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from understudy.data.records import Records


class Predictor:
    """Predicts every measurement of a table, for many values of the random effects at once.

    Parameters
    ----------
    model : PopulationModel
    records : Records
    engine, jobs
        As for `simulate`.

    Attributes
    ----------
    patients : tuple of str, length N
    patient : int array, shape (observations,)
        Whose each observation is.
    time, measured : float arrays, shape (observations,)
        In the model's units; `measured` on the scale on which the residual error is normal, and zero for outcomes that
        are no levels.
    output : array of str, shape (observations,)
    row : int array, shape (observations,)
        Line of each observation in the file.
    censoring : Censoring
        Which observations only say that a level is beyond a limit of quantification.
    left_out : int
        Measurements below the limit of quantification of an output with the method M1, which are no observations.
    observation_row, chosen : int arrays, shape (observations,)
        Row of the schedule of each observation, and its place among the rows that are predicted.
    correlated : CorrelatedResiduals or None
        Which residual errors go together.
    densities : tuple of OutcomeDensity
        Of the outcomes that are no levels.
    columns : PredictedColumns
        What `natural` predicts.
    """

    def __init__(
        self, model: PopulationModel, records: Records, engine: str = "auto", jobs: int = 1,
        tolerances: Tolerances | None = None,
    ):  # fmt: skip
        if model.mixture is not None:
            raise SimulationError(
                f"{model.name} is a mixture: whose subpopulation is meant is not known",
                place=model.name,
                repair="fit it by FOCEI or Laplace, or take one subpopulation: model.of_class(1)",
            )
        self.model, self.engine, self.jobs, self.tolerances = model, engine, jobs, tolerances
        self.records = in_model_units(records, model)
        self.schedule, self.covariates = record_schedule(records, model)
        self.patients = self.schedule.patients
        table = self.records.table
        is_seen = ((table["evid"] == 0) & (table["mdv"] == 0)).to_numpy()
        schedule_row = np.flatnonzero(self.schedule.observed)
        # One observed schedule row a record, in the order of the records.
        chosen = np.flatnonzero(is_seen[self.schedule.record[schedule_row]])
        seen = table.iloc[self.schedule.record[schedule_row[chosen]]]
        output, raw = observed_outputs(seen["dvid"].to_numpy(), model), seen["dv"].to_numpy(float)
        told = {name: seen[name].to_numpy(float) for name in set(LIMITS) & set(seen.columns)}
        censoring = Censoring.of(model, output, raw, told)
        dropped = np.isin(output.astype(str), [r.output for r in model.residual if r.blq == "M1"])
        kept = np.flatnonzero(~(dropped & censoring.below))
        self.left_out = chosen.size - kept.size
        self.chosen = chosen[kept]
        self.observation_row = schedule_row[self.chosen]
        self.patient = self.schedule.patient[self.observation_row]
        self.time = seen["time"].to_numpy(float)[kept]
        self.row = seen["row"].to_numpy()[kept]
        self.output, self.raw, self.censoring = output[kept], raw[kept], censoring.of_some(kept)
        self.measured = self._on_residual_scale(self.raw)
        self.densities = find_densities(model, self.output, self.raw, self.patient)
        for density in self.densities:
            self.measured[density.here] = 0.0
            density.require_possible(self.row, self.records.source)
            density.require_risk(self.schedule, self.observation_row, self.row, self.records)
        self.correlated = self._correlated()
        self.columns = PredictedColumns.of(self.output, self.densities, model.structural.output_names)
        self.occasion = numbered_occasions(table["occ"].to_numpy(), table["id"].to_numpy())
        self.effects = Effects(model, int(self.occasion.max(initial=0)) + 1)
        self._repeated: dict[int, Schedule] = {}

    def _correlated(self) -> CorrelatedResiduals | None:
        found = CorrelatedResiduals.of(self.model, self.output, self.patient, self.time, self.measured)
        if found is not None and self.censoring.affected.size:
            raise SimulationError(
                "residual errors are correlated, and levels are beyond a limit of quantification",
                place=self.model.name,
                repair='leave such levels out, Residual(blq="M1"), or the correlation',
            )
        return found

    @property
    def not_normal(self) -> str:
        """Observations that are not normal given the random effects, in words; empty where there are none."""
        if self.densities:
            return f"{', '.join(each.distribution.output for each in self.densities)}, which is no level"
        if self.censoring.affected.size:
            return "measurements beyond a limit of quantification"
        return ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What an estimation from these observations should say."""
        if not self.left_out:
            return ()
        whole = self.left_out + self.output.size
        return (
            f"{self.left_out} of {whole} measurements are below the limit of quantification and left out (M1): "
            "estimates are biased where they are many; M3 takes them into account",
        )

    @cached_property
    def observed_outputs(self) -> tuple[str, ...]:
        """Outputs that were measured or that measured ones need; the model's first where nothing was."""
        return tuple(dict.fromkeys(self.columns.output)) or self.model.output_names[:1]

    @property
    def owner(self) -> np.ndarray:
        """Whose each column of `natural` is, shape (columns,)."""
        return self.patient[self.columns.place]

    def predict(self, vectors: np.ndarray, fixed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and residual variances, both on the scale on which the residual error is normal.

        Of an outcome that is no level the prediction is minus its log-density, and the variance is one. Where residual
        errors are correlated, both are those given the measurement before.

        Parameters
        ----------
        vectors : float array, shape (copies, N, n)
            Random effects of each patient, as `effects` orders them.
        fixed : float array, shape (fixed effects,) or (copies, fixed effects), optional
            In place of the model's own.

        Returns
        -------
        prediction, variance : float arrays, shape (copies, observations)
        """
        return self.moments(self.natural(vectors, fixed), vectors, fixed)

    def moments(
        self, plain: np.ndarray, vectors: np.ndarray, fixed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """What `predict` gives, from the predictions of `natural`: nothing is solved anew."""
        found = self.apart(plain, vectors, fixed)
        if self.correlated is None:
            return found
        return self.correlated.given_before(*found, self._fixed_rows(fixed, len(vectors)))

    def apart(
        self, plain: np.ndarray, vectors: np.ndarray, fixed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and residual variances of each observation alone, whatever was measured before it."""
        levels = plain[:, : self.output.size]
        variance, prediction = np.ones_like(levels), self._on_residual_scale(levels)
        for name in self.measured_levels:
            here = np.flatnonzero(self.output == name)
            variance[:, here] = self._measured_variance(name, plain[:, here], vectors, fixed, here)
        for density in self.densities:
            prediction[:, density.here] = density.information(self.parameters(density, plain, vectors, fixed))
        return prediction, variance

    @cached_property
    def measured_levels(self) -> tuple[str, ...]:
        """Measured outputs that have a residual error."""
        levels = {residual.output for residual in self.model.residual}
        return tuple(name for name in dict.fromkeys(self.output) if name in levels)

    def parameters(
        self, density: OutcomeDensity, plain: np.ndarray, vectors: np.ndarray, fixed: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Parameters of a distribution at its observations, shape (copies, m)."""
        columns = self.columns.of_density[self.densities.index(density)]
        outputs = {name: plain[:, here] for name, here in columns.items()}
        needed = density.distribution.names - outputs.keys()
        known = self._known(needed, vectors, fixed, density.here) | outputs
        return density.parameters(known, (len(vectors), density.here.size))

    def natural(self, vectors: np.ndarray, fixed: np.ndarray | None = None) -> np.ndarray:
        """Predictions on the measurements' own scale, shape (copies, columns).

        The first columns are the observations; where distributions need further outputs, these follow.
        """
        copies = len(vectors)
        answer = self._solve(
            self.schedule,
            self.schedule,
            np.arange(self.schedule.time.size),
            vectors,
            self.observed_outputs,
            fixed,
        )
        found, chosen = np.empty((copies, self.columns.output.size)), self.chosen[self.columns.place]
        for name in self.observed_outputs:
            here = self.columns.output == name
            found[:, here] = answer.outputs[name].reshape(copies, -1)[:, chosen[here]]
        return found

    def on_grid(self, vectors: np.ndarray, times: np.ndarray, output: str) -> np.ndarray:
        """Predictions of one output at other times.

        Parameters
        ----------
        vectors : float array, shape (copies, N, n)
        times : float array, shape (m,) or (N, m)
        output : str

        Returns
        -------
        float array, shape (copies, N, m)
        """
        schedule, origin = on_grid(self.schedule, times)
        answer = self._solve(self.schedule, schedule, origin, vectors, (output,))
        return answer.outputs[output].reshape(len(vectors), len(self.patients), -1)

    def variance_at(self, output: str, prediction: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Residual variance for predictions of shape (copies, N, m)."""
        copies, count, size = prediction.shape
        patient = np.repeat(np.arange(count), size)
        flat = self._variance(output, prediction.reshape(copies, -1), vectors, patient)
        return flat.reshape(prediction.shape)

    def _solve(
        self, original: Schedule, schedule: Schedule, origin: np.ndarray, vectors: np.ndarray, outputs,
        fixed: np.ndarray | None = None,
    ):  # fmt: skip
        copies, count, size = vectors.shape
        base = self.repeated(copies) if original is self.schedule else original.repeat(copies)
        wide = base if schedule is original else schedule.repeat(copies)
        columns = {name: np.tile(values, copies) for name, values in self.covariates.items()}
        occasion = np.tile(self.occasion[original.record], copies)
        columns |= self.effects.columns(vectors.reshape(copies * count, size), base.patient, occasion)
        columns |= self.fixed_columns(fixed, count, copies)
        rows = parameter_rows(self.model, base, columns)
        if schedule is not original:
            offsets = np.repeat(np.arange(copies) * original.time.size, schedule.time.size)
            rows = rows.carried(np.tile(origin, copies) + offsets, wide.observed)
        return solve(wide, rows, outputs, self.engine, self.tolerances, self.jobs)

    def _variance(
        self, output: str, prediction: np.ndarray, vectors: np.ndarray, patient: np.ndarray
    ) -> np.ndarray:
        residual = self.model.residual_of(output)
        copies, count = vectors.shape[:2]
        columns = {name: np.tile(v[self.schedule.start[:-1]], copies) for name, v in self.covariates.items()}
        subject = {n: v for n, v in self._first_occasion(vectors).items()}
        values = individual_values(self.model, columns | subject, copies * count)
        known = {name: v.reshape(copies, count)[:, patient] for name, v in values.items()}
        return np.broadcast_to(
            residual.variance.evaluate(known | {output: prediction}), prediction.shape
        ).astype(float)

    def _measured_variance(
        self,
        output: str,
        prediction: np.ndarray,
        vectors: np.ndarray,
        fixed: np.ndarray | None,
        here: np.ndarray,
    ) -> np.ndarray:
        """Variance of measurements, of covariates and occasion as they are then."""
        variance = self.model.residual_of(output).variance
        known = self._known(variance.names - {output}, vectors, fixed, here)
        found = variance.evaluate(known | {output: prediction})
        return np.broadcast_to(found, prediction.shape).astype(float)

    def _known(
        self, needed: frozenset[str], vectors: np.ndarray, fixed: np.ndarray | None, here: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Effects, covariates and individual parameters at some observations, as they are then."""
        copies, count, size = vectors.shape
        own = self._fixed_rows(fixed, copies)
        known = {p.name: own[:, [k]] for k, p in enumerate(self.model.fixed)}
        if needed <= known.keys():
            return known
        row, patient = self.observation_row[here], self.patient[here]
        columns = {name: np.tile(values[row], copies) for name, values in self.covariates.items()}
        places = (np.arange(copies)[:, None] * count + patient).ravel()
        occasion = np.tile(self.occasion[self.schedule.record][row], copies)
        flat = vectors.reshape(copies * count, size)[places]
        columns |= self.effects.columns(flat, np.arange(places.size), occasion)
        columns |= self.fixed_columns(fixed, here.size, copies)
        values = individual_values(self.model, columns, places.size)
        return {name: value.reshape(copies, here.size) for name, value in values.items()}

    def repeated(self, copies: int) -> Schedule:
        """The records' schedule `copies` times; kept, since every step of a search asks for it."""
        if copies not in self._repeated:
            if len(self._repeated) > 8:
                self._repeated.clear()
            self._repeated[copies] = self.schedule.repeat(copies)
        return self._repeated[copies]

    def fixed_columns(
        self, fixed: np.ndarray | None, each: int, copies: int | None = None
    ) -> dict[str, np.ndarray]:
        """Fixed effects by name, `each` times for every copy; nothing where they are the model's own."""
        if fixed is None:
            return {}
        wide = np.repeat(self._fixed_rows(fixed, copies or len(np.atleast_2d(fixed))), each, axis=0)
        return {p.name: wide[:, k] for k, p in enumerate(self.model.fixed)}

    def fixed_values(self, fixed: np.ndarray | None) -> np.ndarray:
        """All fixed effects, shape (fixed effects,): the model's own where None are given."""
        return self._fixed_rows(fixed, 1)[0]

    def _fixed_rows(self, fixed: np.ndarray | None, copies: int) -> np.ndarray:
        """Fixed effects, shape (copies, fixed effects)."""
        own = (
            np.array([p.value for p in self.model.fixed]) if fixed is None else np.asarray(fixed, dtype=float)
        )
        return np.broadcast_to(own, (copies, own.shape[-1]))

    def slopes(
        self, vectors: np.ndarray, fixed: np.ndarray | None = None, with_fixed: bool = False
    ) -> Slopes:
        """Predictions and variances with their derivatives.

        Parameters
        ----------
        vectors, fixed
            As for `predict`.
        with_fixed : bool
            Derivatives also by `estimated`, after those by the active random effects.
        """
        rows = self._fixed_rows(fixed, len(vectors))
        found = self._slopes.slopes(vectors, rows, with_fixed)
        if self.correlated is None:
            return found
        return self.correlated.slopes(found, rows, self.estimated if with_fixed else ())

    @property
    def estimated(self) -> tuple[str, ...]:
        """Fixed effects that are not held."""
        return tuple(p.name for p in self.model.fixed if not p.fixed)

    @cached_property
    def _slopes(self) -> EffectSlopes | DifferenceSlopes:
        return slopes_for(self, self.estimated)

    @property
    def slopes_by(self) -> str:
        """How derivatives are found: by sensitivities, or by differences."""
        return "sensitivities" if isinstance(self._slopes, EffectSlopes) else "differences"

    def to_residual_scale(self, values: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and their derivatives on the scale on which the residual error is normal."""
        logs = [residual.output for residual in self.model.residual if residual.scale == "log"]
        here = np.isin(self.output.astype(str), logs)
        if here.any():
            slopes = slopes.copy()
            with np.errstate(divide="ignore", invalid="ignore"):
                slopes[:, here] /= values[:, here, None]
        return self._on_residual_scale(values), slopes

    def _first_occasion(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        copies, count, size = vectors.shape
        patient = np.arange(copies * count)
        flat, none = vectors.reshape(copies * count, size), np.zeros(copies * count, dtype=int)
        return self.effects.columns(flat, patient, none)

    def _on_residual_scale(self, values: np.ndarray) -> np.ndarray:
        found = np.array(values, dtype=float)
        for residual in self.model.residual:
            if residual.scale == "log":
                here = self.output == residual.output
                with np.errstate(divide="ignore", invalid="ignore"):
                    found[..., here] = np.log(found[..., here])
        return found
