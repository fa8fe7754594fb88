"""size_survival: how death follows tumour size, by a joint model, and the hazard ratio that a trial of it would show.

Sizes fall at first and then grow, patient by patient; the hazard is constant in pieces of time and changes with the
size (or its slope) of the moment. Both are fitted by one likelihood, see `understudy.biostatistics.joint_model`: two
stages, sizes first, would pull the association towards zero, and stand beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.joint.course import Course, fall_and_growth
from understudy.biostatistics.joint.joint_model import JointModel, joint_model
from understudy.biostatistics.joint.joint_parameters import JointParameters
from understudy.biostatistics.joint.simulated_joint import drawn_events
from understudy.core.errors import DataError, Problem, StudyError
from understudy.core.random import normals

if TYPE_CHECKING:
    import pandas as pd

# Per year: half of the fall is had after two months.
FALL = 4.0
_POPULATION, _POPULATIONS = 1000, 20


@dataclass(frozen=True)
class SimulatedHazardRatio:
    """Treated against control, by Cox regression, in virtual patients. Made by `SizeSurvival.hazard_ratio`.

    Parameters
    ----------
    estimate : float
        In a large population of the estimated parameters.
    monte_carlo_error : float
        Standard error of its logarithm by the number of virtual patients.
    low, high : float
        95 % interval by the uncertainty of all parameters.
    parameter_error : float
        Standard deviation of the logarithm over their draws.
    trial_low, trial_high : float
        Between these lie 95 % of trials: by parameters and by who is in the trial.
    power : float
        Share of trials whose log-rank test is below 5 %, two-sided, in favour of treatment.
    patients, draws : int
        Of a trial's arm; of parameters, each with a trial of its own.
    """

    estimate: float
    monte_carlo_error: float
    low: float
    high: float
    parameter_error: float
    trial_low: float
    trial_high: float
    power: float
    patients: int
    draws: int

    def __str__(self) -> str:
        return (
            f"hazard ratio {self.estimate:.3g} (95 % interval by parameters {self.low:.3g} to {self.high:.3g}, Monte "
            f"Carlo error of its logarithm {self.monte_carlo_error:.2g}); trials of {self.patients} an arm: "
            f"{self.trial_low:.3g} to {self.trial_high:.3g}, power {100 * self.power:.0f} %"
        )


@dataclass(frozen=True, eq=False, repr=False)
class SizeSurvival:
    """Sizes and deaths, tied. Made by `size_survival`.

    Parameters
    ----------
    model : JointModel
    direct : bool
        Whether treatment may act on death beside its effect on size.
    horizon : float
        Longest time seen, years.
    observed : tuple of float
        Hazard ratio of the arms by Cox regression, and its 95 % interval: what the model shall come to.
    follow_up, dead, arm : float arrays, shape (patients,)
        What was seen.
    """

    model: JointModel
    direct: bool
    horizon: float
    observed: tuple[float, float, float]
    follow_up: np.ndarray
    dead: np.ndarray
    arm: np.ndarray

    def curves(self, seed: int = 0) -> pd.DataFrame:
        """Survival of both arms as it was seen (Kaplan-Meier) and as the model has it in virtual patients.

        Returns
        -------
        DataFrame
            Columns ``treated``, ``kind`` ("seen" or "model"), ``time`` (years), ``survival``, ``low``, ``high`` (95 %
            limits, of what was seen).
        """
        import pandas as pd

        from understudy.biostatistics import kaplan_meier

        model, arm = self.model, np.repeat([0.0, 1.0], _POPULATION)
        other = arm[:, None] if self.direct else None
        drawn = drawn_events(
            model.parameters, model.cuts, model.course, model.association, arm, self.horizon, seed, other
        )
        parts, grid = [], np.linspace(0.0, self.horizon, 121)
        for group in (0.0, 1.0):
            own = self.arm == group
            seen = kaplan_meier(self.follow_up[own], self.dead[own]).at(
                grid[grid <= self.follow_up[own].max()]
            )
            parts.append(seen.reset_index().assign(kind="seen", treated=bool(group)))
            own = arm == group
            told = kaplan_meier(drawn[0][own], drawn[1][own]).at(grid)
            parts.append(
                told.reset_index().assign(kind="model", treated=bool(group), low=np.nan, high=np.nan)
            )
        found = pd.concat(parts, ignore_index=True)
        return found[["treated", "kind", "time", "survival", "low", "high"]]

    def hazard_ratio(
        self, patients: int = 500, draws: int = 200, seed: int = 0, horizon: float | None = None
    ) -> SimulatedHazardRatio:
        """What trials of virtual patients would show, everyone followed to `horizon` years.

        Parameters are drawn from their normal approximation; the large population is the same virtual people for
        every draw, each trial has people of its own.

        Raises
        ------
        StudyError
            For fewer than 20 patients an arm or 20 draws.
        """
        if patients < 20 or draws < 20:
            raise StudyError(
                f"{patients} patients, {draws} draws", place="hazard_ratio", repair="ask for 20 or more"
            )
        until = horizon or self.horizon
        known = self.model.parameters
        factor = np.linalg.cholesky(self.model.covariance)
        moved = normals(seed, "joint, parameters", np.arange(draws), len(factor)) @ factor.T
        vectors = known.vector + moved
        several = [self._ratios([known], _POPULATION, [seed + k], until)[0][0] for k in range(_POPULATIONS)]
        middle = float(np.mean(several))
        drawn = [known.with_vector(each) for each in vectors]
        # The same people for every draw: what they have in common by chance is taken out.
        off = self._ratios(drawn, _POPULATION, [seed] * draws, until)[0] - several[0]
        seeds = [seed + _POPULATIONS + k for k in range(draws)]
        trials, z = self._ratios(drawn, patients, seeds, until)
        low, high = np.exp(middle + np.quantile(off, [0.025, 0.975]))
        trial_low, trial_high = np.exp(np.quantile(trials, [0.025, 0.975]))
        return SimulatedHazardRatio(
            float(np.exp(middle)), float(np.std(several, ddof=1) / np.sqrt(_POPULATIONS)), float(low), float(high),
            float(np.std(off, ddof=1)), float(trial_low), float(trial_high), float((z < -1.959964).mean()), patients,
            draws,
        )  # fmt: skip

    def _ratios(
        self, parameters: list[JointParameters], patients: int, seeds: list[int], until: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of hazard ratios and log-rank statistics, a trial each."""
        from understudy.biostatistics import log_rank_many

        model, arm = self.model, np.repeat([0.0, 1.0], patients)
        other = arm[:, None] if self.direct else None
        drawn = [
            drawn_events(at, model.cuts, model.course, model.association, arm, until, seed, other)
            for at, seed in zip(parameters, seeds, strict=True)
        ]
        times, events = (np.array(each) for each in zip(*drawn, strict=True))
        found = log_rank_many(times, events, arm.astype(int))
        return found.log_hazard_ratio, found.z[:, 0]

    def __repr__(self) -> str:
        return f"SizeSurvival({self.model!r})"


def size_survival(
    patient: ArrayLike, time: ArrayLike, size: ArrayLike, names: ArrayLike, follow_up: ArrayLike, dead: ArrayLike,
    arm: ArrayLike, *, course: Course | None = None, association: str = "value", pieces: int = 4, direct: bool = False,
    nodes: int = 5,
) -> SizeSurvival:  # fmt: skip
    """Fit sizes and deaths by one likelihood.

    Parameters
    ----------
    patient, time, size : arrays, shape (n,)
        Measurements, in years, on a scale on which they scatter evenly (a logarithm, or Box-Cox).
    names, follow_up, dead, arm : arrays, shape (N,)
        A row a patient: time to death or to the last word of him, whether he died, 0 control or 1 treated.
    course : Course, optional
        An early fall with a half-life of two months, and growth, where None.
    association : {"value", "slope", "value and slope", "effects"}
        See `understudy.biostatistics.joint_model`.
    pieces : int
        Of the hazard, with equal numbers of deaths.
    direct : bool
        Whether treatment may act on death beside its effect on size.
    nodes : int
        Of the quadrature.

    Raises
    ------
    DataError
        For patients without a measurement or arm, times that are not positive, or too few deaths.
    SimulationError
        Where the likelihood has no maximum.
    """
    from understudy.biostatistics import cox

    when, died, treated = (np.asarray(each, dtype=float) for each in (follow_up, dead, arm))
    place = _places(patient, names)
    if died.sum() < 5 * pieces:
        cause = f"{died.sum():g} deaths for {pieces} pieces"
        raise DataError([Problem(cause, "ask for fewer pieces")], place="sizes and survival")
    found = joint_model(
        place, time, size, when, died, treated, course=course or fall_and_growth(FALL), association=association,
        pieces=pieces, covariates=treated[:, None] if direct else None, nodes=nodes,
    )  # fmt: skip
    effect = cox(when, died, treated)
    low, high = np.ravel(effect.table()[["low", "high"]].to_numpy())
    observed = (float(np.exp(np.ravel(effect.coefficients)[0])), float(low), float(high))
    return SizeSurvival(found, direct, float(when.max()), observed, when, died, treated)


def _places(patient: ArrayLike, names: ArrayLike) -> np.ndarray:
    """Row of each measurement's patient."""
    rows = np.asarray(names).tolist()
    order = {name: k for k, name in enumerate(rows)}
    asked = np.asarray(patient).tolist()
    odd = sorted(map(str, set(asked) ^ set(order)))
    if odd or len(order) < len(rows):
        told = odd[0] if odd else next(str(name) for name in rows if rows.count(name) > 1)
        cause = "sizes and survival are of other patients" if odd else "a patient has two rows of survival"
        raise DataError(
            [Problem(cause, "give both of everyone, once", value=told)], place="sizes and survival"
        )
    return np.array([order[name] for name in asked])
