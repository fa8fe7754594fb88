"""simulate_new_trial: what a new trial would show, if patients are as in this one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.piecewise_exponential import piecewise_exponential
from understudy.core.errors import StudyError
from understudy.core.random import normals
from understudy.core.record import Record, Stopwatch
from understudy.trials.condition import Condition
from understudy.trials.designs.assurance import simulated_assurance
from understudy.trials.designs.operating_characteristics import OperatingCharacteristics
from understudy.trials.designs.response_patients import BinaryPatients, BiomarkerPatients, ContinuousPatients
from understudy.trials.designs.simulate_trials import simulate_trials
from understudy.trials.designs.survival_patients import Hazard, SurvivalPatients
from understudy.trials.planned_design import planned_conduct, planned_design
from understudy.trials.power_curve import effect_grid, power_curve
from understudy.trials.resampled_effect import ResampledEffect, resampled_effect

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from understudy.trials.design_section import DesignSection
    from understudy.trials.designs.patients import Patients
    from understudy.trials.trial import Trial

SEEN = "as seen"
# Pieces of the control arm's hazard, each with as many events; values of the effect that assurance is averaged over.
_PIECES, _DRAWS = 4, 40


@dataclass(frozen=True, eq=False, repr=False)
class NewTrial:
    """A simulated new trial.

    Parameters
    ----------
    trial : Trial
        The one that patients are like.
    effects : mapping of str to float, or to mapping of str to float
        Effect in each scenario, as people read it; by arm, or by kind of patient, where there are several.
    characteristics : OperatingCharacteristics
    assurance : float
        Power averaged over how sure this trial is of its effect.
    assurance_error : float
        Its Monte Carlo error.
    record : Record
    curve : DataFrame or None
        Power over effects and sizes, see `understudy.trials.power_curve.power_curve`; None where it was not asked for,
        or for designs of several arms or kinds of patients.
    """

    trial: Trial
    effects: dict[str, float | dict[str, float]]
    measure: str
    characteristics: OperatingCharacteristics
    assurance: float
    assurance_error: float
    record: Record
    curve: pd.DataFrame | None = None

    @property
    def limits(self) -> pd.DataFrame | None:
        """Of each look of a group sequential design: share of the information, size, limits of Z and one-sided p."""
        monitoring = getattr(self.characteristics.design, "monitoring", None)
        if monitoring is None:
            return None
        import pandas as pd
        from scipy.special import ndtr

        design = self.trial.protocol.design
        whole, upper = design.events or design.patients, np.array(monitoring.upper)
        return pd.DataFrame(
            {
                "look": np.arange(1, len(monitoring.times) + 1), "information": monitoring.times,
                "size": np.ceil(np.array(monitoring.times) * whole - 1e-9).astype(int), "upper": upper,
                "lower": monitoring.lower, "p_upper": ndtr(-upper),
            }
        )  # fmt: skip

    def table(self) -> pd.DataFrame:
        """One row a scenario: power or type I error, duration, patients, with Monte Carlo errors."""
        return self.characteristics.table()

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        found = self.characteristics
        made = {
            "operating characteristics": self.table(),
            "arms": found.arms_table(),
            "looks": found.looks_table(),
        }
        more = {"limits": self.limits, "power": self.curve}
        return made | {name: table for name, table in more.items() if table is not None}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (
            "patients are as in this trial, simulated from its control arm; a new trial may enrol others",
            f"the effect {SEEN} is an estimate, and often too good: look at the assurance, "
            f"{100 * self.assurance:.0f} %, before the power",
        )

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {effect_text(value)}" for name, value in self.effects.items())
        return f"New trial like {self.trial.protocol.title!r}, {self.measure}: {told}\n{self.characteristics}"


def simulate_new_trial(
    trial: Trial, *, arm: str | None = None, trials: int = 10_000, curve: int = 0, jobs: int = 1
) -> NewTrial:
    """Simulate the protocol's ``[design]`` with patients as in this trial.

    The control arm's hazard, mean and standard deviation, or risk are those seen; scenarios are no effect, the effect
    as seen, and those of the protocol. Assurance averages over the effect's normal distribution (O'Hagan, Stevens and
    Campbell 2005, doi:10.1002/pst.175). Designs of several arms take all treated arms, each with its own effect.

    Parameters
    ----------
    trial : Trial
    arm : str, optional
        The treated arm; the first, if left out. Designs of several arms have them all.
    trials : int
        Of each scenario.
    curve : int
        Trials of each point of the curve of power over effects and sizes; 0 leaves it out.
    jobs : int
        Threads, 0 for one per core; no number depends on them.

    Raises
    ------
    StudyError
        Without a design, or for an endpoint that cannot be simulated.
    """
    design, watch, seed = _design(trial), Stopwatch(), trial.protocol.seed
    kind = trial.protocol.endpoint.kind
    seen = _seen(trial, design, arm)
    effects = {SEEN: seen.told(), **{name: seen.named(each) for name, each in design.effects.items()}}
    patients = {name: seen.patients(seen.effects_of(each)) for name, each in effects.items()}
    plan = planned_design(design, kind, seen.arms, _doses(trial))
    conduct = planned_conduct(design)
    found = simulate_trials(plan, patients, trials=trials, seed=seed, conduct=conduct, jobs=jobs)
    drawn = (
        seen.patients(seen.drawn(row)) for row in normals(seed, "assurance", range(_DRAWS), len(seen.effects))
    )
    each = max(trials // _DRAWS, 1)
    sure = simulated_assurance(plan, drawn, trials=each, seed=seed, conduct=conduct)
    drawn_curve = _curve(design, kind, seen, effects, found, curve, jobs)
    record = Record.make(
        "trial simulate", stopwatch=watch, inputs=trial.inputs or {}, seed=seed, method="simulation",
        settings={"arm": arm or trial.arms[1], "trials": trials, "curve": curve, "protocol": trial.settings},
    )  # fmt: skip
    return NewTrial(trial, effects, seen.measure, found, sure.probability, sure.error, record, drawn_curve)


def _curve(
    design: DesignSection, kind: str, seen: _Seen, effects: dict, found: OperatingCharacteristics, trials: int,
    jobs: int,
) -> pd.DataFrame | None:  # fmt: skip
    """Power over effects up to that of the scenario in which it is highest."""
    single = {name: each for name, each in effects.items() if not isinstance(each, dict)}
    if not trials or not single or design.several_arms or design.enrichment is not None:
        return None
    best = max(single, key=lambda name: found.rejection(name)[0])
    grid = effect_grid(single[best], " ratio" in seen.measure)
    return power_curve(
        design, kind, lambda each: seen.patients((each,)), grid, trials=trials, seed=found.seed, jobs=jobs
    )


def _doses(trial: Trial) -> dict[str, float]:
    """Doses by the labels of the arms, the control's by that name."""
    arms = trial.protocol.arms
    found = {arms.labels.get(name, name): float(dose) for name, dose in arms.doses.items()}
    return {**found, "control": found[trial.control]} if trial.control in found else found


def _design(trial: Trial) -> DesignSection:
    if trial.protocol.design is None:
        raise StudyError(
            "the protocol has no design",
            place="design",
            repair="give [design] with patients, enrolment and events",
        )
    if trial.protocol.design.escalation is not None:
        raise StudyError(
            "a dose escalation takes no patients of an earlier trial",
            place="design.escalation",
            repair="give toxicity rates in a plan, for `understudy trial plan`",
        )
    return trial.protocol.design


@dataclass(frozen=True, eq=False)
class _Seen:
    """What this trial says of the arms of the new one.

    ``effects`` are those of the treated arms (or of the negative and the positive patients of one), ``own`` the trials
    whose control arms patients are like: one, or that of each kind of patient.
    """

    arms: tuple[str, ...]
    effects: tuple[ResampledEffect, ...]
    own: tuple[Trial, ...]
    prevalence: float = 0.0

    @property
    def measure(self) -> str:
        """Of the effects."""
        return self.effects[0].measure

    @property
    def names(self) -> tuple[str, ...]:
        """What the effects are of."""
        return ("negative", "positive") if self.prevalence else self.arms[1:]

    @cached_property
    def estimates(self) -> NDArray[np.float64]:
        """Estimate and standard error of each effect, on the scale of the analysis."""
        return np.array(
            [
                [part[0] for part in each.values(np.ones((1, each.subjects.size), dtype=np.int64))]
                for each in self.effects
            ]
        )

    def natural(self, values) -> tuple[float, ...]:
        """Effects as people read them."""
        return tuple(each.natural(value) for each, value in zip(self.effects, values, strict=True))

    def drawn(self, z: NDArray[np.float64]) -> tuple[float, ...]:
        """Effects as this trial leaves them open."""
        return self.natural(self.estimates[:, 0] + self.estimates[:, 1] * z)

    def told(self) -> float | dict[str, float]:
        """The effects as seen: one number, or one for each name."""
        values = self.natural(self.estimates[:, 0])
        return values[0] if len(values) == 1 else dict(zip(self.names, values, strict=True))

    def named(self, given: float | dict[str, float]) -> float | dict[str, float]:
        """A scenario of the protocol, with every name in it known."""
        if isinstance(given, dict) and set(given) != set(self.names):
            raise StudyError(
                f"effects of {', '.join(given)}",
                place="design.effects",
                repair=f"give one of {', '.join(self.names)} each",
            )
        return given

    def effects_of(self, given: float | dict[str, float]) -> tuple[float, ...]:
        """An effect for each name."""
        return (
            tuple(given[name] for name in self.names)
            if isinstance(given, dict)
            else (given,) * len(self.names)
        )

    def patients(self, effects: tuple[float, ...]) -> Patients:
        """Patients of which the control arm is as seen, and the others have effects."""
        if not self.prevalence:
            return _patients(self.own[0], self.arms, self.effects[0], effects)
        kinds = [
            _patients(own, self.arms, effect, (value,))
            for own, effect, value in zip(self.own, self.effects, effects, strict=True)
        ]
        return BiomarkerPatients(kinds[0], kinds[1], self.prevalence)


def _seen(trial: Trial, design: DesignSection, arm: str | None) -> _Seen:
    if design.enrichment is not None:
        return _seen_by_biomarker(trial, design, arm)
    treated = trial.arms[1:] if design.several_arms else (arm or trial.arms[1],)
    effects = tuple(resampled_effect(trial, each) for each in treated)
    names = treated if design.several_arms else ("treated",)
    return _Seen(("control", *names), effects, (trial,))


def _seen_by_biomarker(trial: Trial, design: DesignSection, arm: str | None) -> _Seen:
    """The effect in those with the biomarker, and in the others."""
    rule = design.enrichment.positive
    if not rule:
        raise StudyError(
            "nothing says who is positive",
            place="design.enrichment.positive",
            repair="give a condition: { EGFR = 1 }",
        )
    condition = Condition.of(rule)
    late = [name for name in condition.columns if name in trial.protocol.baseline.after]
    if late:
        raise StudyError(
            f"{late[0]} was measured after randomisation",
            place="design.enrichment.positive",
            repair="select by a baseline column",
        )
    holds = condition.holds(trial.subjects)
    if not 0 < holds.mean() < 1:
        raise StudyError(
            f"{int(holds.sum())} of {len(holds)} subjects are positive", place="design.enrichment.positive",
            repair="give a condition that some meet and others do not",
        )  # fmt: skip
    own = tuple(
        trial.of_subjects(trial.subjects.index[mask], "design.enrichment.positive")
        for mask in (~holds, holds)
    )
    return _Seen(
        ("control", "treated"), tuple(resampled_effect(each, arm) for each in own), own, float(holds.mean())
    )


def _patients(
    trial: Trial, arms: tuple[str, ...], effect: ResampledEffect, values: tuple[float, ...]
) -> Patients:
    """Patients of which the control arm is as seen, and the treated ones have effects."""
    endpoint = trial.protocol.endpoint
    own = trial.table.loc[effect.subjects[~effect.treated]]
    if endpoint.kind == "survival":
        hazard = control_hazard(own["time"].to_numpy(), own["event"].to_numpy())
        delay = trial.protocol.design.delay if trial.protocol.design else 0.0
        return SurvivalPatients(
            {
                arms[0]: hazard,
                **{
                    arm: hazard.times(value, delay=delay) for arm, value in zip(arms[1:], values, strict=True)
                },
            }
        )
    sign = 1.0 if endpoint.better == "higher" else -1.0
    if endpoint.kind == "continuous":
        means = sign * (own["value"].mean() + np.array([0.0, *values]))
        return ContinuousPatients(dict(zip(arms, means.tolist(), strict=True)), sd=_spread(effect, own))
    risks = np.clip(float(own["event"].mean()) + np.array([0.0, *values]), 0.0, 1.0)
    good = risks if sign > 0 else 1.0 - risks
    return BinaryPatients(dict(zip(arms, good.tolist(), strict=True)))


def _spread(effect: ResampledEffect, own: pd.DataFrame) -> float:
    """Standard deviation that is left after the analysis' adjustment: the new trial adjusts likewise."""
    _, error = effect.values(np.ones((1, effect.subjects.size), dtype=np.int64))
    n1, n0 = int(effect.treated.sum()), int((~effect.treated).sum())
    return float(error[0] / np.sqrt(1 / n1 + 1 / n0))


def effect_text(effect: float | dict[str, float]) -> str:
    """An effect in words.

    Examples
    --------
    >>> effect_text({"low": 0.9, "high": 0.7})
    'low 0.9, high 0.7'
    """
    if isinstance(effect, dict):
        return ", ".join(f"{name} {value:.3g}" for name, value in effect.items())
    return f"{effect:.3g}"


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
