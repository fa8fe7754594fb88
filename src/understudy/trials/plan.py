"""Plan: a trial that is only planned, simulated under what is thought to be true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.content import file_hash
from understudy.core.errors import DataError, Problem, StudyError
from understudy.core.random import normals
from understudy.core.record import Record, Stopwatch
from understudy.core.toml_file import in_order, parse, read_text, validated
from understudy.trials.designs.assurance import Assurance, simulated_assurance
from understudy.trials.designs.operating_characteristics import OperatingCharacteristics
from understudy.trials.designs.patients import Patients, ResampledPatients
from understudy.trials.designs.response_patients import BinaryPatients, BiomarkerPatients, ContinuousPatients
from understudy.trials.designs.runs import Design
from understudy.trials.designs.simulate_trials import simulate_trials
from understudy.trials.designs.survival_patients import Hazard, SurvivalPatients, Switch
from understudy.trials.plan_model import planned_patients
from understudy.trials.plan_sections import ArmSection, PlanSection
from understudy.trials.planned_design import planned_conduct, planned_design
from understudy.trials.tables import numbers_in, read_table

if TYPE_CHECKING:
    import pandas as pd

EXPECTED = "as planned"
_PER_DRAW = 250


@dataclass(frozen=True, eq=False, repr=False)
class TrialPlan:
    """A plan.

    Parameters
    ----------
    section : PlanSection
        What its file says.
    folder : Path
        To which paths in it are relative.
    inputs : mapping of str to str
        SHA-256 of its files.

    Examples
    --------
    >>> plan = load_plan("examples/leukaemia/plan.toml")
    >>> plan.arms
    ('placebo', '6-MP')
    """

    section: PlanSection
    folder: Path
    inputs: dict[str, str]

    @property
    def title(self) -> str:
        """Of the report."""
        return self.section.title

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, the control first."""
        return tuple(self.section.arms)

    @cached_property
    def design(self) -> Design:
        """The trial's design."""
        doses = {arm: each.dose for arm, each in self.section.arms.items() if each.dose is not None}
        return planned_design(self.section.design, self.section.endpoint.kind, self.arms, doses)

    def scenarios(self, jobs: int = 1) -> dict[str, Patients]:
        """Patients of every scenario."""
        if self.section.model is not None:
            if self.section.model.kind != self.section.endpoint.kind:
                raise StudyError(
                    f"the model's endpoint is {self.section.model.kind}", place="endpoint.kind",
                    repair=f"make it {self.section.model.kind}",
                )  # fmt: skip
            return {
                EXPECTED: planned_patients(self.section.model, self.section.arms, self.section.seed, jobs)
            }
        if self.section.patients.file is not None:
            return {EXPECTED: self._resampled(self.section.patients.file)}
        named = {EXPECTED: {}, **self.section.scenarios}
        return {name: self.patients({**self.section.arms, **arms}) for name, arms in named.items()}

    def patients(self, arms: dict[str, ArmSection]) -> Patients:
        """Patients of arms as they are described; of two kinds where some are positive."""
        if self.section.patients.prevalence is None:
            if any(each.positive for each in arms.values()):
                raise StudyError(
                    "nothing says how many are positive",
                    place="patients.prevalence",
                    repair="give their share",
                )
            return self._described(arms)
        positive = {arm: each.positive or each for arm, each in arms.items()}
        return BiomarkerPatients(
            self._described(arms), self._described(positive), self.section.patients.prevalence
        )

    def _described(self, arms: dict[str, ArmSection]) -> Patients:
        own, kind = self.section.patients, self.section.endpoint.kind
        if kind == "continuous":
            return ContinuousPatients({arm: each.mean for arm, each in arms.items()}, own.sd, own.trend)
        if kind == "binary":
            return BinaryPatients({arm: each.probability for arm, each in arms.items()}, own.trend)
        control = _hazard(next(iter(arms.values())), None)
        hazards = {arm: _hazard(each, control) for arm, each in arms.items()}
        switches = tuple(
            Switch(arm, each.switch.to, each.switch.at, each.switch.probability)
            for arm, each in arms.items()
            if each.switch is not None
        )
        return SurvivalPatients(hazards, own.adherence, switches)

    def _resampled(self, file: str) -> ResampledPatients:
        frame = read_table(self.folder / file)
        columns = [each.column for each in self.section.arms.values()]
        biomarker = self.section.patients.biomarker
        needed = [*columns, *((biomarker,) if biomarker else ())]
        values = {name: numbers_in(frame, name, file).to_numpy(float) for name in needed}
        empty = [name for name, column in values.items() if np.isnan(column).any()]
        if empty:
            raise DataError(
                [Problem("has empty cells", "give every patient's outcome", column=empty[0])], place=file
            )
        covariates = {"biomarker": values[biomarker]} if biomarker else {}
        outcomes = np.stack([values[name] for name in columns], axis=1)
        return ResampledPatients(self.arms, outcomes, self.section.endpoint.kind, covariates)

    def drawn(self) -> list[Patients]:
        """Patients of the first scenario under draws of its effects, for the assurance."""
        asked = self.section.assurance
        z = normals(self.section.seed, "plan assurance", range(asked.draws), len(self.arms) - 1)
        return [self.patients(self._shifted(asked.sd * row)) for row in z]

    def _shifted(self, by: np.ndarray) -> dict[str, ArmSection]:
        """Arms with other effects: log hazard ratios, means or log odds moved."""
        first, *others = self.section.arms.items()
        return {
            first[0]: first[1],
            **{arm: _moved(each, float(d)) for (arm, each), d in zip(others, by, strict=True)},
        }

    def __repr__(self) -> str:
        return f"TrialPlan({self.title!r}: {self.section.design.kind}, {', '.join(self.arms)})"


@dataclass(frozen=True, eq=False, repr=False)
class PlannedTrial:
    """A simulated plan.

    Parameters
    ----------
    plan : TrialPlan
    characteristics : OperatingCharacteristics
    assurance : Assurance or None
        Where the plan says how unsure its effects are.
    record : Record
    """

    plan: TrialPlan
    characteristics: OperatingCharacteristics
    assurance: Assurance | None
    record: Record

    def table(self) -> pd.DataFrame:
        """One row a scenario and measure, with Monte Carlo errors."""
        return self.characteristics.table()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        told = [note for runs in self.characteristics.runs.values() for note in runs.notes]
        return ("what is simulated is what the plan says: it is as good as that", *dict.fromkeys(told))

    def __repr__(self) -> str:
        sure = f"\n{self.assurance!r}" if self.assurance else ""
        return f"{self.plan.title}\n{self.characteristics!r}{sure}"


def load_plan(path: str | Path) -> TrialPlan:
    """A plan from its file.

    Raises
    ------
    StudyError
        With every problem of the file, each with its key, line and repair.
    """
    path = Path(path)
    text = read_text(path, "plan")
    section, problems = validated(PlanSection, parse(text, path.name, "plan"))
    if section is None or problems:
        raise StudyError.of(in_order(problems, text), path.name)
    folder, file = path.absolute().parent, section.patients.file
    inputs = {path.name: file_hash(path)}
    if file is not None and (folder / file).exists():
        inputs[Path(file).name] = file_hash(folder / file)
    return TrialPlan(section, folder, inputs)


def simulate_plan(plan: TrialPlan, *, trials: int = 10_000, jobs: int = 1) -> PlannedTrial:
    """Simulate a plan under no effect, as planned, and in its other scenarios.

    Parameters
    ----------
    plan : TrialPlan
    trials : int
        Of each scenario.
    jobs : int
        Threads, 0 for one per core; no number depends on them.

    Examples
    --------
    >>> found = simulate_plan(load_plan("examples/leukaemia/plan.toml"), trials=100)
    >>> list(found.characteristics.runs)
    ['null', 'as planned', 'half of it', 'late']
    """
    watch, section = Stopwatch(), plan.section
    given: dict[str, Any] = {"conduct": planned_conduct(section.design)}
    found = simulate_trials(
        plan.design, plan.scenarios(jobs), trials=trials, seed=section.seed, jobs=jobs, **given
    )
    sure = None
    if section.assurance is not None:
        each = min(_PER_DRAW, max(trials // section.assurance.draws, 10))
        sure = simulated_assurance(plan.design, plan.drawn(), trials=each, seed=section.seed, **given)
    record = Record.make(
        "trial plan", stopwatch=watch, inputs=plan.inputs, seed=section.seed, method="simulation",
        settings={"trials": trials, "plan": section.model_dump(mode="json")},
    )  # fmt: skip
    return PlannedTrial(plan, found, sure, record)


def _hazard(arm: ArmSection, control: Hazard | None) -> Hazard:
    if arm.median is not None:
        found = Hazard.of_median(arm.median)
    elif arm.rates:
        found = Hazard(arm.rates, arm.breaks)
    else:
        found = control.times(arm.hazard_ratio, delay=arm.delay, breaks=arm.breaks)
    return found if arm.cured is None else Hazard(found.rates, found.breaks, arm.cured)


def _moved(arm: ArmSection, by: float) -> ArmSection:
    from scipy.special import expit, logit

    if arm.mean is not None:
        change: dict[str, Any] = {"mean": arm.mean + by}
    elif arm.probability is not None:
        change = {"probability": float(expit(logit(arm.probability) + by))}
    elif arm.hazard_ratio is not None:
        ratio = np.exp(by) * np.atleast_1d(arm.hazard_ratio)
        change = {"hazard_ratio": float(ratio[0]) if len(ratio) == 1 else tuple(ratio.tolist())}
    elif arm.median is not None:
        change = {"median": arm.median * float(np.exp(-by))}
    else:
        change = {"rates": tuple((np.exp(by) * np.array(arm.rates)).tolist())}
    if arm.positive is not None:
        change["positive"] = _moved(arm.positive, by)
    return arm.model_copy(update=change)
