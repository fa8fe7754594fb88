"""Drift: parameters of one patient that change over time, as a random walk from one period to the next.

A random effect that drifts has in period k the value ``eta + w_1 + ... + w_k``: each step ``w`` is normal with mean
zero and the stated variance, and is estimated like any other random effect. Older measurements then say less about the
patient as he is now, the less the more steps lie between. On a linear model this is the Kalman filter and smoother
(Kalman 1960, J Basic Eng 82:35-45, doi:10.1115/1.3662552).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import ModelError
from understudy.model.population_model import Covariate, PopulationModel, RandomEffects

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

_STEP = "drift_step"
_MOST_STEPS = 60


@dataclass(frozen=True)
class Drift:
    """Random effects that change from period to period.

    Parameters
    ----------
    variances : mapping of str to float
        Variance of one step of each random effect that drifts, above 0 (0: none).
    every : float, optional
        Length of a period in the model's time unit, counted from the patient's first record. None: a period is an
        occasion of the records (OCC).

    Raises
    ------
    ModelError
        For a negative variance or a period that is not above 0.

    Examples
    --------
    >>> Drift({"eta_CL": 0.01}, every=24.0).every
    24.0
    """

    variances: Mapping[str, float]
    every: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "variances", MappingProxyType(dict(self.variances)))
        for name, variance in self.variances.items():
            if not (np.isfinite(variance) and variance >= 0):
                raise ModelError(
                    f"the drift of {name} has the variance {variance:g}",
                    repair="give the variance of one step, 0 or above",
                )
        if self.every is not None and not self.every > 0:
            raise ModelError(f"a period of drift lasts {self.every:g}", repair="give a length above 0")

    def apply(self, model: PopulationModel, records: Records) -> tuple[PopulationModel, Records]:
        """The model with its steps as further random effects, and the records saying when each has been taken.

        Parameters
        ----------
        model : PopulationModel
        records : Records
            In the model's units.

        Raises
        ------
        ModelError
            For a random effect that the model has not, that is drawn anew for each occasion anyway, or that no
            individual parameter depends on; for too many steps.
        """
        self._check(model)
        table = records.table
        period = _periods(table, self.every)
        last = int(period.max(initial=0))
        if last * len(self.variances) > _MOST_STEPS:
            raise ModelError(
                f"the records last {last + 1} periods, which makes {last * len(self.variances)} steps of drift",
                place=model.name,
                repair=f"let a period be longer: `every` above {self.every or 'an occasion'}; at most {_MOST_STEPS}",
            )
        steps = range(1, last + 1)
        columns = {f"{_STEP}{k}": (period >= k).astype(float) for k in steps}
        wider = replace(
            records, data=table.assign(**columns), covariates=(*records.covariates, *columns)
        )  # fmt: skip
        return self._drifting(model, steps), wider

    def _drifting(self, model: PopulationModel, steps: range) -> PopulationModel:
        walks = {
            name: " + ".join([name, *(f"{_effect(name, k)} * {_STEP}{k}" for k in steps)])
            for name in self.variances
        }
        blocks = tuple(
            RandomEffects((_effect(name, k),), ((variance,),))
            for name, variance in self.variances.items()
            for k in steps
        )
        taken = tuple(
            Covariate(f"{_STEP}{k}", description="step of drift taken", reference=1.0) for k in steps
        )
        return replace(
            model,
            individual=tuple(
                replace(item, expression=item.expression.substitute(walks)) for item in model.individual
            ),
            random=(*model.random, *blocks),
            covariates=(*model.covariates, *taken),
        )

    def _check(self, model: PopulationModel) -> None:
        subject = [name for block in model.random if block.level == "subject" for name in block.names]
        for name in self.variances:
            if name not in subject:
                known = ", ".join(subject) or "none"
                raise ModelError(
                    f"{name!r} cannot drift: it is no random effect of the whole patient",
                    place=model.name,
                    repair=f"these can: {known}",
                )
            if not any(name in item.expression.names for item in model.individual):
                raise ModelError(
                    f"no individual parameter depends on {name}", place=model.name, repair="leave it out"
                )


def is_step(covariate: str) -> bool:
    """Whether a covariate says that a step of drift has been taken.

    Examples
    --------
    >>> is_step("drift_step3"), is_step("WT")
    (True, False)
    """
    return covariate.startswith(_STEP)


def _effect(name: str, k: int) -> str:
    return f"{name}_drift{k}"


def _periods(table: pd.DataFrame, every: float | None) -> np.ndarray:
    """Number of the period that each record is in, from zero for each patient."""
    groups = table.groupby("id", sort=False)
    if every is None:
        return groups["occ"].transform(lambda labels: labels.factorize()[0]).to_numpy(np.int64)
    since = table["time"] - groups["time"].transform("first")
    return np.floor(since.to_numpy(float) / every * (1 + 1e-12)).astype(np.int64)


def without_steps(records: Records) -> Records:
    """The records as they were before `Drift.apply`."""
    steps = [name for name in records.covariates if is_step(name)]
    if not steps:
        return records
    kept = tuple(name for name in records.covariates if name not in steps)
    return replace(records, data=records.table.drop(columns=steps), covariates=kept)
