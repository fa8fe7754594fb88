"""simulate_new_trial: what a new trial would show, if patients are as in this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.piecewise_exponential import piecewise_exponential
from understudy.core.errors import StudyError
from understudy.core.random import normals
from understudy.core.record import Record, Stopwatch
from understudy.trials.designs.assurance import simulated_assurance
from understudy.trials.designs.conduct import Conduct, Dropout, Recruitment
from understudy.trials.designs.group_sequential import group_sequential
from understudy.trials.designs.operating_characteristics import OperatingCharacteristics
from understudy.trials.designs.parallel_design import ParallelDesign
from understudy.trials.designs.response_patients import BinaryPatients, ContinuousPatients
from understudy.trials.designs.simulate_trials import simulate_trials
from understudy.trials.designs.spending import HwangShihDeCaniSpending, OBrienFlemingSpending, PocockSpending
from understudy.trials.designs.survival_patients import Hazard, SurvivalPatients
from understudy.trials.resampled_effect import ResampledEffect, resampled_effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.designs.group_sequential import GroupSequential
    from understudy.trials.designs.patients import Patients
    from understudy.trials.protocol import DesignSection
    from understudy.trials.trial import Trial

SEEN = "as seen"
# Pieces of the control arm's hazard, each with as many events; values of the effect that assurance is averaged over.
_PIECES, _DRAWS = 4, 40
_SPENDING = {"o'brien-fleming": OBrienFlemingSpending, "pocock": PocockSpending}


@dataclass(frozen=True, eq=False, repr=False)
class NewTrial:
    """A simulated new trial.

    Parameters
    ----------
    trial : Trial
        The one that patients are like.
    effects : mapping of str to float
        Effect in each scenario, as people read it.
    characteristics : OperatingCharacteristics
    assurance : float
        Power averaged over how sure this trial is of its effect.
    assurance_error : float
        Its Monte Carlo error.
    record : Record
    """

    trial: Trial
    effects: dict[str, float]
    measure: str
    characteristics: OperatingCharacteristics
    assurance: float
    assurance_error: float
    record: Record

    def table(self) -> pd.DataFrame:
        """One row a scenario: power or type I error, duration, patients, with Monte Carlo errors."""
        return self.characteristics.table()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (
            "patients are as in this trial, simulated from its control arm; a new trial may enrol others",
            f"the effect {SEEN} is an estimate, and often too good: look at the assurance, "
            f"{100 * self.assurance:.0f} %, before the power",
        )

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {value:.3g}" for name, value in self.effects.items())
        return f"New trial like {self.trial.protocol.title!r}, {self.measure}: {told}\n{self.characteristics}"


def simulate_new_trial(trial: Trial, *, arm: str | None = None, trials: int = 10_000) -> NewTrial:
    """Simulate the protocol's ``[design]`` with patients as in this trial.

    The control arm's hazard, mean and standard deviation, or risk are those seen; scenarios are no effect, the effect
    as seen, and those of the protocol. Assurance averages over the effect's normal distribution (O'Hagan, Stevens and
    Campbell 2005, doi:10.1002/pst.175).

    Parameters
    ----------
    trial : Trial
    arm : str, optional
        The treated arm; the first, if left out.
    trials : int
        Of each scenario.

    Raises
    ------
    StudyError
        Without a design, or for an endpoint that cannot be simulated.
    """
    design, watch, seed = _design(trial), Stopwatch(), trial.protocol.seed
    effect = resampled_effect(trial, arm)
    value, error = (each[0] for each in effect.values(np.ones((1, effect.subjects.size), dtype=np.int64)))
    effects = {SEEN: effect.natural(value), **design.effects}
    patients = {name: _patients(trial, effect, each) for name, each in effects.items()}
    plan, conduct = _parallel(design, trial.protocol.endpoint.kind), _conduct(design)
    found = simulate_trials(plan, patients, trials=trials, seed=seed, conduct=conduct)
    each = max(trials // _DRAWS, 1)
    drawn = (
        _patients(trial, effect, effect.natural(value + error * z))
        for z in normals(seed, "assurance", [0], _DRAWS)[0]
    )
    sure = simulated_assurance(plan, drawn, trials=each, seed=seed, conduct=conduct)
    record = Record.make(
        "trial simulate", stopwatch=watch, inputs=trial.inputs or {}, seed=seed, method="simulation",
        settings={"trials": trials, "arm": arm or trial.arms[1], "protocol": trial.settings},
    )  # fmt: skip
    return NewTrial(trial, effects, effect.measure, found, sure.probability, sure.error, record)


def _design(trial: Trial) -> DesignSection:
    if trial.protocol.design is None:
        raise StudyError(
            "the protocol has no design",
            place="design",
            repair="give [design] with patients, enrolment and events",
        )
    return trial.protocol.design


def _parallel(design: DesignSection, kind: str) -> ParallelDesign:
    if kind == "survival" and not design.events and not design.follow_up:
        raise StudyError(
            "nothing says when the new trial is analysed", place="design", repair="give events, or follow_up"
        )
    return ParallelDesign(
        design.patients, _monitoring(design), design.alpha, design.events, design.allocation, design.follow_up
    )


def _monitoring(design: DesignSection) -> GroupSequential | None:
    if design.looks == 1:
        return None
    futility = HwangShihDeCaniSpending(-2) if design.futility else None
    return group_sequential(
        design.looks, alpha=design.alpha, sides=1, power=design.power,
        efficacy=_SPENDING[design.efficacy](), futility=futility,
    )  # fmt: skip


def _conduct(design: DesignSection) -> Conduct:
    dropout = Dropout(design.dropout, design.dropout_by_prognosis) if design.dropout else None
    return Conduct(Recruitment(design.enrolment, ramp=design.ramp), dropout)


def _patients(trial: Trial, effect: ResampledEffect, value: float) -> Patients:
    """Patients of which the control arm is as seen, and the treated one has an effect."""
    endpoint, arms = trial.protocol.endpoint, ("control", "treated")
    own = trial.table.loc[effect.subjects[~effect.treated]]
    if endpoint.kind == "survival":
        hazard = control_hazard(own["time"].to_numpy(), own["event"].to_numpy())
        delay = trial.protocol.design.delay if trial.protocol.design else 0.0
        return SurvivalPatients(dict(zip(arms, (hazard, hazard.times(value, delay=delay)), strict=True)))
    sign = 1.0 if endpoint.better == "higher" else -1.0
    if endpoint.kind == "continuous":
        means = (sign * own["value"].mean(), sign * (own["value"].mean() + value))
        return ContinuousPatients(dict(zip(arms, means, strict=True)), sd=_spread(effect, own))
    risk = float(own["event"].mean())
    risks = np.clip([risk, risk + value], 0.0, 1.0)
    good = risks if sign > 0 else 1.0 - risks
    return BinaryPatients(dict(zip(arms, map(float, good), strict=True)))


def _spread(effect: ResampledEffect, own: pd.DataFrame) -> float:
    """Standard deviation that is left after the analysis' adjustment: the new trial adjusts likewise."""
    _, error = effect.values(np.ones((1, effect.subjects.size), dtype=np.int64))
    n1, n0 = int(effect.treated.sum()), int((~effect.treated).sum())
    return float(error[0] / np.sqrt(1 / n1 + 1 / n0))


def control_hazard(time: np.ndarray, event: np.ndarray) -> Hazard:
    """Hazard in pieces of as many events each.

    Parameters
    ----------
    time, event : arrays, shape (n,)

    Examples
    --------
    >>> control_hazard(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 1, 1, 0]))
    Hazard(rates=(0.3,), breaks=(), cured=0.0)
    """
    seen = time[event > 0]
    pieces = max(min(_PIECES, seen.size // 10), 1)
    cuts = np.unique(np.quantile(seen, np.arange(1, pieces) / pieces)) if pieces > 1 else np.empty(0)
    cuts = cuts[(cuts > 0) & (cuts < seen.max())]
    rates = piecewise_exponential(time, event, cuts.tolist()).hazards
    return Hazard(tuple(rates.tolist()), tuple(cuts.tolist()))
