"""search_covariates: stepwise covariate modelling, forward selection and backward elimination.

Jonsson EN, Karlsson MO. Automated covariate model building within NONMEM. Pharm Res 1998;15:1463-1468,
doi:10.1023/A:1011970125687. Covariates found so are a description of these patients: the search is greedy, its p-values
know nothing of how many models were tried, and effects that were selected are on average too large (Ribbing and Jonsson
2004, doi:10.1023/B:JOPA.0000034404.86036.72).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.simulate import in_model_units
from understudy.inference.building.comparison import Comparison, compare, free, ratio_test
from understudy.inference.building.covariate_effect import (
    Effect,
    add_covariate_effect,
    covariate_in,
    levels_in,
)
from understudy.inference.building.many_fits import Progress, Trial, Workshop, open_workshop, silent
from understudy.inference.estimation.method import Method
from understudy.inference.fit import Fit
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

Candidates = Mapping[str, Sequence[str] | Mapping[str, str | Sequence[str]]]

# A larger model whose objective is higher than the smaller one's by more than this was not estimated to its end.
_WORSE = 0.1


@dataclass(frozen=True, eq=False)
class SearchStep:
    """One model that was tried.

    Parameters
    ----------
    number : int
        Of the step; zero is the model to begin with.
    direction : {"base", "forward", "backward"}
    effect : Effect or None
        Which was added or left out.
    effects : tuple of Effect
        All effects of the model.
    fit : Fit
    change : float
        Of the objective against the model that the step began with.
    df : int
        By how many parameters they differ.
    p : float
        Of the likelihood ratio test; not-a-number where the estimation failed.
    selected : bool
        Whether the search went on from here.
    """

    number: int
    direction: str
    effect: Effect | None
    effects: tuple[Effect, ...]
    fit: Fit
    change: float = np.nan
    df: int = 0
    p: float = np.nan
    selected: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class CovariateSearch:
    """What a stepwise search tried and found.

    Parameters
    ----------
    fit : Fit
        Of the final model, with standard errors.
    effects : tuple of Effect
        Those of the final model.
    steps : tuple of SearchStep
        Every model tried, in the order in which they were tried.
    forward, backward : float
        Levels of significance.
    """

    fit: Fit
    effects: tuple[Effect, ...]
    steps: tuple[SearchStep, ...]
    forward: float
    backward: float

    @property
    def model(self) -> PopulationModel:
        """The final model, with its estimates."""
        return self.fit.model

    @property
    def failed(self) -> tuple[SearchStep, ...]:
        """The models whose estimation failed."""
        return tuple(step for step in self.steps if not step.fit.succeeded)

    def table(self) -> pd.DataFrame:
        """The log, one model a row.

        Columns: ``step``, ``direction``, ``parameter``, ``covariate``, ``kind``, ``objective``, ``change``, ``df``,
        ``p``, ``selected``, ``status``.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "step": step.number, "direction": step.direction,
                "parameter": step.effect.parameter if step.effect else "",
                "covariate": step.effect.covariate if step.effect else "",
                "kind": step.effect.kind if step.effect else "",
                "objective": step.fit.objective, "change": step.change, "df": step.df, "p": step.p,
                "selected": step.selected, "status": step.fit.status,
            }
            for step in self.steps
        )  # fmt: skip

    def comparison(self) -> Comparison:
        """The models that the search went through, side by side."""
        kept = {_name(step.effects): step.fit for step in self.steps if step.selected}
        return compare(kept)

    def __repr__(self) -> str:
        told = ", ".join(map(str, self.effects)) or "none"
        lost = f", {len(self.failed)} failed" if self.failed else ""
        head = f"CovariateSearch: {len(self.steps)} models{lost}; effects: {told}; objective {self.fit.objective:.4f}"
        log = self.table().drop(columns=["status"])
        return f"{head}\n{log.to_string(index=False, float_format=lambda v: f'{v:.5g}', na_rep='')}"


def search_covariates(
    model: PopulationModel,
    records: Records,
    candidates: Candidates,
    *,
    forward: float = 0.05,
    backward: float = 0.01,
    method: str | Method = "focei",
    seed: int = 0,
    jobs: int = 1,
    checkpoint: str | Path | None = None,
    progress: Progress | None = None,
) -> CovariateSearch:
    """Find out which covariates explain how individual parameters differ, step by step.

    In each forward step every candidate that is left is added in turn, and the one of the lowest p-value is kept if
    it is below `forward`. Then in each backward step every effect found is left out in turn, and the one of the
    highest p-value is dropped if it is not below `backward`.

    Parameters
    ----------
    model : PopulationModel
        To begin with; effects that it has already stay.
    records : Records
    candidates : mapping
        Individual parameter → covariates, or covariate → kind or kinds: ``{"CL": ["WT", "APGR"]}``,
        ``{"CL": {"WT": "power", "SEX": "categorical"}}``; without a kind "power" where all values are above zero, and
        "categorical" for two values. A parameter takes a covariate in one kind only. Kinds are those of
        `add_covariate_effect`, centred at the median.
    forward, backward : float
        Levels of significance.
    method, seed
        As for `fit`.
    jobs : int
        Processes; 0: one per core. No number depends on it.
    checkpoint : path, optional
        A file that keeps every estimation as it ends, and with which the same call goes on.
    progress : function of (stage, fraction), optional

    Returns
    -------
    CovariateSearch
        Every tried model with its fit, those that failed too: these are never selected.

    Raises
    ------
    SimulationError
        For unknown covariates, or where the model to begin with cannot be estimated.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> found = search_covariates(
    ...     load_model("phenobarbital_neonates"), records, {"CL": ["APGR"]}, method="fo"
    ... )
    >>> found.effects, len(found.steps)
    ((), 2)
    """
    if not (0 < forward < 1 and 0 < backward < 1):
        raise SimulationError(
            f"levels {forward:g} and {backward:g} are no probabilities", repair="such as 0.05 and 0.01"
        )
    effects, tell = effects_of(candidates, in_model_units(records, model)), progress or silent
    task = ["covariates", model.hash, [str(each) for each in effects]]
    with open_workshop(records, method, seed, jobs, checkpoint, task) as workshop:
        search = _Search(workshop, in_model_units(records, model), effects, tell)
        now = search.base(model)
        while (after := search.step(now, "forward", forward)) is not None:
            now = after
        while (after := search.step(now, "backward", backward)) is not None:
            now = after
        tell("Final model", 0.5)
        final = _final(now, workshop)
        tell("Final model", 1.0)
    return CovariateSearch(final, now.effects, tuple(search.steps), forward, backward)


def effects_of(candidates: Candidates, records: Records) -> tuple[Effect, ...]:
    """Candidates as effects, kinds that were not given chosen by the covariates' values."""
    found = []
    for parameter, covariates in candidates.items():
        for covariate in [covariates] if isinstance(covariates, str) else covariates:
            given = covariates[covariate] if isinstance(covariates, Mapping) else ()
            given = given or _kind(records, covariate)
            found += [
                Effect(parameter, covariate, kind) for kind in ([given] if isinstance(given, str) else given)
            ]
    if not found:
        raise SimulationError("there are no candidates", repair="such as {'CL': ['WT']}")
    return tuple(dict.fromkeys(found))


def _kind(records: Records, covariate: str) -> str:
    lowest = covariate_in(records, covariate).lower
    values = np.unique(records.data[covariate].dropna())
    if values.size == 2:
        return "categorical"
    return "power" if lowest > 0 else "linear"


class _Search:
    """The steps so far."""

    def __init__(self, workshop: Workshop, records: Records, effects: tuple[Effect, ...], progress: Progress):
        self.workshop, self.records, self.effects, self.progress = workshop, records, effects, progress
        self.steps: list[SearchStep] = []
        self.model: PopulationModel | None = None

    def base(self, model: PopulationModel) -> SearchStep:
        """The model to begin with, estimated."""
        self.model = model
        for effect in self.effects:
            # What cannot be is said before anything is estimated.
            _ = self._with(model, effect)
        self.progress("Base model", 0.0)
        found = self.workshop.fits([Trial("base", model)])[0]
        if not found.estimates:
            raise SimulationError(
                f"the model to begin with cannot be estimated: {found.status}", place=model.name,
                repair="see `fit`",
            )  # fmt: skip
        self.progress("Base model", 1.0)
        self.steps.append(SearchStep(0, "base", None, (), found, selected=True))
        return self.steps[-1]

    def step(self, now: SearchStep, direction: str, level: float) -> SearchStep | None:
        """Try what can be added or left out, and choose; None where nothing is chosen."""
        number = self.steps[-1].number + 1
        taken = {effect.pair for effect in now.effects}
        tried = now.effects if direction == "backward" else [e for e in self.effects if e.pair not in taken]
        sets = [_changed(now.effects, effect, direction) for effect in tried]
        trials = [Trial(_name(each), self._built(each, now.fit)) for each in sets]
        if not trials:
            return None
        stage = f"Step {number}: {direction}, {len(trials)} models"
        fits = self.workshop.fits(trials, lambda done: self.progress(stage, done))
        made = [
            _judged(SearchStep(number, direction, effect, each, found), now)
            for effect, each, found in zip(tried, sets, fits, strict=True)
        ]
        chosen = _choice(made, direction, level)
        made = [replace(each, selected=each is chosen) for each in made]
        self.steps += made
        return next((each for each in made if each.selected), None)

    def _built(self, effects: tuple[Effect, ...], near: Fit) -> PopulationModel:
        """The model with these effects, beginning at the estimates of a similar one."""
        built = self.model
        for effect in effects:
            built = self._with(built, effect)
        values = {
            name: value for name, value in near.model.fixed_values.items() if name in built.fixed_values
        }
        return replace(built.with_values(**values), random=near.model.random)

    def _with(self, model: PopulationModel, effect: Effect) -> PopulationModel:
        levels = levels_in(self.records, effect.covariate) if effect.kind == "categorical" else ()
        described = covariate_in(self.records, effect.covariate)
        own = {each.name: each for each in model.covariates}.get(effect.covariate)
        if own is not None:
            # Where the records do not say their unit they are taken to have the model's.
            described = replace(described, unit=own.unit)
        return add_covariate_effect(model, effect.parameter, described, effect.kind, levels)


def _changed(effects: tuple[Effect, ...], effect: Effect, direction: str) -> tuple[Effect, ...]:
    if direction == "forward":
        return (*effects, effect)
    return tuple(each for each in effects if each != effect)


def _name(effects: tuple[Effect, ...]) -> str:
    return " + ".join(map(str, effects)) or "base"


def _judged(step: SearchStep, before: SearchStep) -> SearchStep:
    """The step with its likelihood ratio test."""
    if not step.fit.succeeded:
        return step
    change, df = step.fit.objective - before.fit.objective, len(free(step.fit)) - len(free(before.fit))
    rise = change if df > 0 else -change
    p = ratio_test(-rise, abs(df)) if rise < _WORSE else np.nan
    return replace(step, change=change, df=abs(df), p=p)


def _choice(made: Sequence[SearchStep], direction: str, level: float) -> SearchStep | None:
    known = [each for each in made if np.isfinite(each.p)]
    if direction == "forward":
        # Of p-values that are all but zero the larger fall decides.
        good = [each for each in known if each.p < level]
        return min(good, key=lambda each: (each.p, each.change), default=None)
    weak = [each for each in known if each.p >= level]
    return max(weak, key=lambda each: (each.p, -each.change), default=None)


def _final(now: SearchStep, workshop: Workshop) -> Fit:
    """The final model's fit with standard errors."""
    key = f"final: {_name(now.effects)}"
    found = workshop.fits([Trial(key, now.fit.model, covariance="sandwich")])[0]
    return found if found.estimates else now.fit
