"""Levels: what a population predicts for records, with derivatives by everything that is estimated, through JAX.

One function of one patient is compiled, for the times and doses of all patients together: a patient who is not given a
dose is given none of it. So many patients cost one compilation, and so do many fits to parts of the same records.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.jax.jax_extra import require_jax
from understudy.engine.jax.jax_simulator import Simulator
from understudy.engine.parameters import flatten
from understudy.engine.problem import Tolerances
from understudy.engine.schedule import from_doses
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

# Both engines are within some ten times the tolerance of the truth; a dose that one of them does not know is far off.
_ALIKE = 1e-3
# Weights that are tried on the way may make a model so stiff that it would take for ever: such a try is given up as
# undefined, and a shorter step is taken.
TOLERANCES = Tolerances(relative=1e-7, absolute=1e-9, max_steps=1000)


@dataclass(frozen=True, eq=False)
class Linear:
    """Predictions of all observations and their derivatives, on the measurements' own scale.

    Parameters
    ----------
    value : float array, shape (observations,)
    by_common : float array, shape (observations, common)
        By what all patients share: fixed effects and weights.
    by_effects : float array, shape (observations, effects)
        By the patient's own random effects.
    """

    value: np.ndarray
    by_common: np.ndarray
    by_effects: np.ndarray


@dataclass(frozen=True, eq=False)
class Levels:
    """A population's predictions for records, as a function of what is estimated.

    Parameters
    ----------
    predictor : Predictor
        The same by the kernel: who was measured when.
    common : tuple of str
        Fixed effects and weights that predictions depend on.
    """

    predictor: Predictor
    common: tuple[str, ...]

    @classmethod
    def of(cls, model: PopulationModel, records: Records) -> Levels:
        """Levels of records.

        Raises
        ------
        MissingExtraError
            Without JAX, diffrax or Equinox.
        SimulationError
            For records or a model that this way of fitting does not know, with what is in the way.
        """
        require_jax()
        predictor = Predictor(model, records)
        _refuse(predictor)
        made = cls(predictor, common_names(model))
        made.require_agreement()
        return made

    @property
    def effects(self) -> tuple[str, ...]:
        """Names of the random effects."""
        return self.predictor.model.eta_names

    @property
    def start(self) -> np.ndarray:
        """The model's own values of what is common, shape (common,)."""
        own = {item.name: item.value for item in flatten(self.predictor.model).parameters}
        return np.array([own[name] for name in self.common])

    def linear(self, common: np.ndarray, effects: np.ndarray) -> Linear:
        """Predictions with derivatives.

        Parameters
        ----------
        common : float array, shape (common,)
        effects : float array, shape (patients, effects)
        """
        import jax

        with jax.enable_x64(True):
            value, slopes = self._compiled(common, effects, *self._own)
        here = (self.predictor.patient, self._time, self._output)
        by_common, by_effects = np.split(np.asarray(slopes)[here], [len(self.common)], axis=1)
        return Linear(np.asarray(value)[here], by_common, by_effects)

    def require_agreement(self) -> None:
        """Raise where the kernel, which knows every kind of record, gives other levels at the start.

        Raises
        ------
        SimulationError
            Naming the first observation of which levels differ.
        """
        none = np.zeros((len(self.predictor.patients), len(self.effects)))
        here = self.linear(self.start, none).value
        right = self.predictor.natural(none[None])[0]
        off = np.abs(here - right) > _ALIKE * (np.abs(right) + np.abs(right).max() * 1e-3)
        if off.any() or not np.isfinite(here).all():
            first = int(np.argmax(off | ~np.isfinite(here)))
            raise SimulationError(
                f"JAX gives {here[first]:.6g} where the kernel gives {right[first]:.6g}",
                place=f"row {self.predictor.row[first]}",
                repair="fit records without doses at the time of a measurement, or a model without networks by `fit`",
            )

    @cached_property
    def _doses(self) -> tuple[pd.DataFrame, np.ndarray]:
        """Doses of all patients together with an amount of one each, and the amounts, shape (patients, doses)."""
        import pandas as pd

        schedule = self.predictor.schedule
        rows = schedule.dosed
        keys = list(zip(schedule.time[rows], schedule.entry[rows], strict=True))
        distinct = sorted(set(keys))
        amounts = np.zeros((len(schedule.patients), len(distinct)))
        for row, key in zip(rows, keys, strict=True):
            amounts[schedule.owner(np.array([row]))[0], distinct.index(key)] += schedule.amount[row]
        doses = self.predictor.model.structural.doses
        table = pd.DataFrame(
            {
                "id": "0",
                "time": [time for time, _ in distinct],
                "amt": 1.0,
                "rate": 0.0,
                "ii": 0.0,
                "addl": 0,
                "ss": 0,
                "route": [doses[entry].name for _, entry in distinct],
            }
        )
        return table, amounts

    @cached_property
    def _times(self) -> np.ndarray:
        return np.unique(self.predictor.time)

    @cached_property
    def _time(self) -> np.ndarray:
        return np.searchsorted(self._times, self.predictor.time)

    @cached_property
    def _outputs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.predictor.output))

    @cached_property
    def _output(self) -> np.ndarray:
        return np.array([self._outputs.index(name) for name in self.predictor.output])

    @cached_property
    def _own(self) -> tuple[np.ndarray, np.ndarray]:
        """Each patient's covariates, shape (patients, covariates), and amounts, shape (patients, doses)."""
        first = self.predictor.schedule.start[:-1]
        columns = [values[first] for values in self.predictor.covariates.values()]
        covariates = np.stack(columns, axis=1) if columns else np.zeros((len(first), 0))
        return covariates, self._doses[1]

    @cached_property
    def _compiled(self) -> Any:
        import jax

        base = flatten(self.predictor.model)
        schedule = from_doses(self._doses[0], ["0"], self._times, np.array(False), base)
        levels = Simulator(base, schedule, self._outputs, TOLERANCES, "forward")
        names = (*self.common, *self.effects, *self.predictor.covariates)

        def one(shared: Any, covariates: Any, amounts: Any) -> Any:
            found = levels(dict(zip(names, (*shared, *covariates), strict=True)), amounts)
            return found, found

        def both(common: Any, effects: Any, covariates: Any, amounts: Any) -> Any:
            shared = jax.numpy.concatenate([common, effects])
            slopes, found = jax.jacfwd(one, has_aux=True)(shared, covariates, amounts)
            return found, slopes

        return jax.jit(jax.vmap(both, in_axes=(None, 0, 0, 0)))


def common_names(model: PopulationModel) -> tuple[str, ...]:
    """Fixed effects that individual parameters depend on, and weights that are not individual parameters."""
    used = {name for item in model.individual for name in item.expression.names}
    individual = {item.name for item in model.individual}
    effects = [item.name for item in model.fixed if item.name in used]
    weights = [name for network in model.structural.networks for name in network.weight_names]
    return (*effects, *(name for name in weights if name not in individual))


def _refuse(predictor: Predictor) -> None:
    model, schedule = predictor.model, predictor.schedule
    dosed = schedule.dosed
    varying = [
        name
        for name, values in predictor.covariates.items()
        if (values != values[schedule.start[:-1]][schedule.patient]).any()
    ]
    reasons = {
        "events that the solution sets off": bool(model.structural.events),
        "infusions": bool((schedule.rate[dosed] != 0).any()),
        "doses at steady state": bool((schedule.steady[dosed] != 0).any()),
        "additional doses (ADDL)": bool((schedule.additional[dosed] != 0).any()),
        "resets after the first record": bool((schedule.event == 3).any()),
        f"covariates that change ({', '.join(varying)})": bool(varying),
        "random effects between occasions": any(block.level != "subject" for block in model.random),
        "levels beyond a limit of quantification": bool(predictor.censoring.censored.any()),
        "patients without a measurement": bool(
            (np.bincount(predictor.patient, minlength=len(schedule.patients)) == 0).any()
        ),
    }
    found = [reason for reason, holds in reasons.items() if holds]
    if found:
        raise SimulationError(
            f"fits of neural terms do not know {'; '.join(found)}",
            place=model.name,
            repair="leave these records or parts of the model out",
        )
