"""Parametric g-formula: what would become of everybody under strategies of treatment, by simulation of fitted models.

Robins 1986, doi:10.1016/0270-0255(86)90088-6; Taubman et al. 2009, doi:10.1093/ije/dyp192. Whether the models are right
cannot be known, but the strategy "natural" has to give back what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.g_models import GModels, fitted_models
from understudy.causal.emulation.g_simulation import Lives, draws_of, simulate_lives
from understudy.causal.emulation.person_bootstrap import Resampled, resampled
from understudy.causal.emulation.person_periods import PersonPeriods
from understudy.causal.emulation.strategy import NATURAL, Strategy
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
_FAR = 0.01  # of incidence: a smaller departure of the natural course is not told
_FAR_MEAN = 0.2  # of means, in standard deviations
_LEVEL = 0.95


@dataclass(frozen=True, eq=False, repr=False)
class GFormula:
    """Outcomes under strategies. Made by `g_formula`.

    Attributes
    ----------
    strategies : tuple of Strategy
        The reference first; the natural course is the last.
    lives : tuple of Lives
        What becomes of simulated persons under each.
    observed : Lives
        What was seen: incidence by the product of the periods' shares, means of covariates.
    resamples : Resampled or None
        Of the outcomes, shape (copies, strategies, times), or of means (copies, strategies, 1).
    measure : bool
    notes : tuple of str
    """

    strategies: tuple[Strategy, ...]
    lives: tuple[Lives, ...]
    observed: Lives
    resamples: Resampled | None
    measure: bool
    notes: tuple[str, ...] = ()

    @property
    def outcomes(self) -> Array:
        """Cumulative incidence by strategy and period; of a measure its mean, shape (strategies, times or 1)."""
        return np.array([[each.mean] if self.measure else each.incidence for each in self.lives])

    def table(self) -> pd.DataFrame:
        """At the end: of each strategy the outcome and its difference from the reference, with bootstrap limits."""
        import pandas as pd

        ends = self.outcomes[:, -1]
        found = pd.DataFrame({"strategy": [each.name for each in self.strategies], "outcome": ends})
        copies = None if self.resamples is None else self.resamples.values[:, :, -1]
        for name, values, drawn in (
            ("outcome", ends, copies),
            ("difference", ends - ends[0], None if copies is None else copies - copies[:, :1]),
        ):
            found[name] = values
            limits = np.full((2, len(ends)), np.nan)
            if drawn is not None:
                limits = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0)
            found[f"{name}_low"], found[f"{name}_high"] = limits
        return found

    def curves(self) -> pd.DataFrame:
        """Cumulative incidence by strategy and period: columns strategy, time, incidence, low, high (bootstrap)."""
        import pandas as pd

        times, rows = np.arange(self.outcomes.shape[1]), []
        for k, each in enumerate(self.strategies):
            limits = np.full((2, len(times)), np.nan)
            if self.resamples is not None:
                limits = self.resamples.interval(_LEVEL)[:, k]
            rows.append(pd.DataFrame({"strategy": each.name, "time": times, "incidence": self.outcomes[k],
                                      "low": limits[0], "high": limits[1]}))  # fmt: skip
        return pd.concat(rows, ignore_index=True)

    def natural_course(self) -> pd.DataFrame:
        """The natural course beside what was observed, by period: incidence and means of covariates."""
        import pandas as pd

        natural = self.lives[-1]
        found: dict[str, Array] = {"time": np.arange(len(natural.incidence))}
        if not self.measure:
            found |= {"incidence": natural.incidence, "incidence_observed": self.observed.incidence}
        for name, values in natural.covariates.items():
            found |= {name: values, f"{name}_observed": self.observed.covariates[name]}
        return pd.DataFrame(found)

    def __repr__(self) -> str:
        return f"Parametric g-formula\n{self.table().to_string(index=False)}"


def g_formula(
    periods: PersonPeriods,
    models: GModels,
    strategies: Mapping[str, str],
    *,
    horizon: int | None = None,
    simulated: int = 10_000,
    resamples: int = 0,
    measure: bool = False,
    seed: int = 1,
) -> GFormula:
    """Simulate outcomes under strategies.

    Parameters
    ----------
    periods : PersonPeriods
    models : GModels
    strategies : mapping of str to str
        Rules by name, see `Strategy`; the first is the reference. The natural course is added.
    horizon : int, optional
        Last period since a person's first that is simulated; the longest there is, if left out.
    simulated : int
        Persons.
    resamples : int
        Of persons, models fitted anew in each; 0 for none.
    measure : bool
        The outcome is a measure in each person's last period, otherwise an event.
    seed : int

    Returns
    -------
    GFormula

    Raises
    ------
    StudyError
        For rules and terms that cannot be read, or models without an outcome.
    """
    rules = _strategies(periods, strategies)
    longest = int((periods.period - periods.period[periods.first]).max())
    if horizon is not None and not 0 <= horizon <= longest:
        raise StudyError(f"follow-up ends at time {longest}", place="horizon", repair=f"take 0 to {longest}")
    times = (longest if horizon is None else horizon) + 1
    _require_outcome(periods, measure)
    _require_evolving(periods, models)
    draws = draws_of(models, simulated, times, seed)

    def lives(drawn: Array) -> tuple[Lives, ...]:
        fitted = fitted_models(periods, models, drawn, measure=measure)
        return tuple(simulate_lives(periods, models, fitted, rule, drawn, draws) for rule in rules)

    own = lives(np.ones(periods.persons))
    found = GFormula(rules, own, observed(periods, models, times, measure), None, measure, periods.notes)
    found = replace(found, notes=(*found.notes, *_doubts(found, periods)))
    if not resamples:
        return found

    def again(drawn: Array) -> Array:
        return np.array([[each.mean] if measure else each.incidence for each in lives(drawn)])

    copies = resampled(again, periods.persons, resamples, seed)
    return replace(found, resamples=copies, notes=(*found.notes, *copies.doubts))


def observed(periods: PersonPeriods, models: GModels, times: int, measure: bool) -> Lives:
    """What was seen, period by period since each person's first, among those still followed."""
    time = periods.period - periods.period[periods.first]
    names: Sequence[str] = [*(each.name for each in models.covariates), "treatment"]
    columns = {**periods.covariates.columns, "treatment": periods.treatment}
    lost = periods.censored & (periods.outcome != 1)
    free, incidence, means = 1.0, np.full(times, np.nan), {name: np.full(times, np.nan) for name in names}
    for k in range(times):
        inside = time == k
        for name in names if inside.any() else ():
            means[name][k] = columns[name][inside].mean()
        at_risk = inside & ~lost
        if not measure and at_risk.any():
            free *= 1 - (periods.outcome[at_risk] == 1).mean()
            incidence[k] = 1 - free
    ends = periods.ends - 1
    return Lives(incidence, float(np.nanmean(periods.outcome[ends])) if measure else np.nan, means)


def _strategies(periods: PersonPeriods, asked: Mapping[str, str]) -> tuple[Strategy, ...]:
    rules = [Strategy(name, rule) for name, rule in asked.items()]
    table = periods.covariates
    numbers = [name for name in table.columns if name not in table.levels]
    for rule in rules:
        rule.require_known(numbers, table.levels)
    own = [rule for rule in rules if not rule.natural]
    if not own:
        raise StudyError(
            "no strategy is named", place="strategies", repair='such as never = "0", always = "1"'
        )
    natural = next((rule for rule in rules if rule.natural), Strategy("natural course", NATURAL))
    return (*own, natural)


def _require_outcome(periods: PersonPeriods, measure: bool) -> None:
    if not measure and not (periods.outcome == 1).any():
        raise StudyError("nobody has the outcome", place="the outcome", repair="check its column")
    if len(np.unique(periods.treatment)) < 2:
        raise StudyError(
            f"all periods have the treatment {periods.treatment[0]}: what the other does cannot be learned",
            place="the treatment", repair="check its column",
        )  # fmt: skip


def _require_evolving(periods: PersonPeriods, models: GModels) -> None:
    """Refuse covariates that change over time but are not modelled: they would stand still in the simulation."""
    modelled = {each.name for each in models.covariates}
    for name, values in periods.covariates.columns.items():
        if name not in modelled and (values != values[periods.first]).any():
            raise StudyError(
                f"{name} changes over time, but nothing says how", place="covariates",
                repair=f'say how it evolves, or name first({name}) and leave the later values out',
            )  # fmt: skip


def _doubts(found: GFormula, periods: PersonPeriods) -> list[str]:
    """Where the natural course departs from what was seen: beyond three standard errors of that, and by something."""
    natural, seen, told = found.lives[-1], found.observed, []
    if found.measure:
        known = periods.outcome[periods.ends - 1]
        spread = float(np.nanstd(known))
        limit = max(3 * spread / np.sqrt(len(known)), _FAR_MEAN * spread)
        gaps = {"mean outcome": (abs(natural.mean - seen.mean), limit)}
    else:
        error = np.sqrt(seen.incidence * (1 - seen.incidence) / periods.persons)
        gaps = {"incidence": _worst(np.abs(natural.incidence - seen.incidence), np.maximum(_FAR, 3 * error))}
    for name, values in natural.covariates.items():
        own = periods.treatment if name == "treatment" else periods.covariates.columns[name]
        limit = np.full(len(values), _FAR_MEAN * float(own.std()))
        gaps[f"mean of {name}"] = _worst(np.abs(values - seen.covariates[name]), limit)
    for name, (gap, limit) in gaps.items():
        if gap > limit:
            told.append(
                f"the natural course departs from what was observed in the {name}, by {gap:.3g}: "
                "the models are in doubt"
            )
    return told


def _worst(gaps: Array, limits: Array) -> tuple[float, float]:
    """The gap that is largest over its limit, and that limit."""
    at = int(np.nanargmax(gaps / limits))
    return float(gaps[at]), float(limits[at])
