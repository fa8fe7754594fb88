"""Predictor: predictions and residual variances of records as a function of the random effects."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import ModelError, SimulationError
from understudy.data.compatibility import output_name
from understudy.engine.parameters import individual_values, parameter_rows
from understudy.engine.problem import Tolerances
from understudy.engine.schedule import Schedule, on_grid
from understudy.engine.simulate import in_model_units, record_schedule
from understudy.engine.solve import solve
from understudy.inference.censoring import Censoring
from understudy.inference.effects import Effects
from understudy.inference.slopes import DifferenceSlopes, EffectSlopes, Slopes
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
        In the model's units; `measured` on the scale on which the residual error is normal.
    output : array of str, shape (observations,)
    row : int array, shape (observations,)
        Line of each observation in the file.
    censoring : Censoring
        Which observations only say that a level is beyond a limit of quantification.
    observation_row, chosen : int arrays, shape (observations,)
        Row of the schedule of each observation, and its place among the rows that are predicted.
    """

    def __init__(
        self, model: PopulationModel, records: Records, engine: str = "auto", jobs: int = 1,
        tolerances: Tolerances | None = None,
    ):  # fmt: skip
        self.model, self.engine, self.jobs, self.tolerances = model, engine, jobs, tolerances
        self.records = in_model_units(records, model)
        self.schedule, self.covariates = record_schedule(records, model)
        self.patients = self.schedule.patients
        table = self.records.table
        is_seen = ((table["evid"] == 0) & (table["mdv"] == 0)).to_numpy()
        schedule_row = np.flatnonzero(self.schedule.observed)
        # One observed schedule row a record, in the order of the records.
        self.chosen = np.flatnonzero(is_seen[self.schedule.record[schedule_row]])
        self.observation_row = schedule_row[self.chosen]
        record = self.schedule.record[self.observation_row]
        self.patient = self.schedule.patient[self.observation_row]
        self.time = table["time"].to_numpy(float)[record]
        self.row = table["row"].to_numpy()[record]
        self.output = _outputs(table["dvid"].to_numpy()[record], model)
        self.raw = table["dv"].to_numpy(float)[record]
        self.measured = self._on_residual_scale(self.raw)
        self.censoring = Censoring.of(model, self.output, self.raw)
        self.occasion = _occasions(table["occ"].to_numpy(), table["id"].to_numpy())
        self.effects = Effects(model, int(self.occasion.max(initial=0)) + 1)
        self._repeated: dict[int, Schedule] = {}

    @cached_property
    def observed_outputs(self) -> tuple[str, ...]:
        """Outputs that were measured; the model's first where nothing was."""
        return tuple(dict.fromkeys(self.output)) or self.model.output_names[:1]

    def predict(self, vectors: np.ndarray, fixed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and residual variances, both on the scale on which the residual error is normal.

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
        variance = np.empty_like(plain)
        for name in self.observed_outputs:
            here = np.flatnonzero(self.output == name)
            variance[:, here] = self._measured_variance(name, plain[:, here], vectors, fixed, here)
        return self._on_residual_scale(plain), variance

    def natural(self, vectors: np.ndarray, fixed: np.ndarray | None = None) -> np.ndarray:
        """Predictions on the measurements' own scale, shape (copies, observations)."""
        copies = len(vectors)
        answer = self._solve(
            self.schedule,
            self.schedule,
            np.arange(self.schedule.time.size),
            vectors,
            self.observed_outputs,
            fixed,
        )
        found = np.empty((copies, self.output.size))
        for name in self.observed_outputs:
            here = self.output == name
            found[:, here] = answer.outputs[name].reshape(copies, -1)[:, self.chosen[here]]
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
        residual = self.model.residual_of(output)
        copies, count, size = vectors.shape
        own = self._fixed_rows(fixed, copies)
        known = {p.name: own[:, [k]] for k, p in enumerate(self.model.fixed)}
        if not residual.variance.names <= {output, *known}:
            row, patient = self.observation_row[here], self.patient[here]
            columns = {name: np.tile(values[row], copies) for name, values in self.covariates.items()}
            places = (np.arange(copies)[:, None] * count + patient).ravel()
            occasion = np.tile(self.occasion[self.schedule.record][row], copies)
            flat = vectors.reshape(copies * count, size)[places]
            columns |= self.effects.columns(flat, np.arange(places.size), occasion)
            columns |= self.fixed_columns(fixed, here.size, copies)
            values = individual_values(self.model, columns, places.size)
            known = {name: value.reshape(copies, here.size) for name, value in values.items()}
        found = residual.variance.evaluate(known | {output: prediction})
        return np.broadcast_to(found, prediction.shape).astype(float)

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
        return self._slopes.slopes(vectors, self._fixed_rows(fixed, len(vectors)), with_fixed)

    @property
    def estimated(self) -> tuple[str, ...]:
        """Fixed effects that are not held."""
        return tuple(p.name for p in self.model.fixed if not p.fixed)

    @cached_property
    def _slopes(self) -> EffectSlopes | DifferenceSlopes:
        if self.model.structural.states and self.engine != "jax":
            exact = EffectSlopes(self, self.estimated)
            zero = np.zeros((1, len(self.patients), len(self.effects.names)))
            try:
                exact.slopes(zero, self._fixed_rows(None, 1), True)
            except SimulationError:
                # What has no sensitivities (see `solve_along`) still has predictions.
                return DifferenceSlopes(self, self.estimated)
            return exact
        return DifferenceSlopes(self, self.estimated)

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


def _outputs(dvid: np.ndarray, model: PopulationModel) -> np.ndarray:
    """Name of the output that each observation measures."""
    if not model.residual:
        raise ModelError(
            f"{model.name} has no residual error", repair="say how measurements scatter: residual={...}"
        )
    known = {key: output_name(model, str(key)) for key in set(dvid)}
    unknown = sorted(str(key) for key, name in known.items() if name not in model.output_names)
    if unknown:
        raise SimulationError(
            f"measurements of {', '.join(map(repr, unknown))} match no output with a residual error",
            place=model.name,
            repair=f"write a DVID of {', '.join(model.output_names)}",
        )
    return np.array([known[key] for key in dvid], dtype=object)


def _occasions(labels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Occasions of each patient numbered from zero in the order in which they first come."""
    numbers, seen = np.zeros(len(labels), dtype=np.int64), {}
    for k, key in enumerate(zip(ids, labels, strict=True)):
        own = seen.setdefault(key[0], {})
        numbers[k] = own.setdefault(key[1], len(own))
    return numbers
