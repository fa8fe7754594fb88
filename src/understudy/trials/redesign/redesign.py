"""redesign: what other criteria of eligibility would have made of a trial."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.biostatistics.multiplicity_graph import holm
from understudy.core.errors import StudyError
from understudy.core.record import Record, Stopwatch
from understudy.trials.condition import Condition
from understudy.trials.redesign.shapley import shapley_values
from understudy.trials.resampled_effect import ResampledEffect, bootstrap_counts, resampled_effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

_MOST_CRITERIA = 12
# Resamples in which all combinations have an effect: with fewer there is no interval.
_LEAST_RESAMPLES = 40
# Power and level of the sample sizes that are told.
_POWER, _LEVEL = 0.8, 0.05


@dataclass(frozen=True, eq=False, repr=False)
class Redesign:
    """What each combination of criteria selects, and the effect in those selected.

    Parameters
    ----------
    trial : Trial
    criteria : tuple of str
    combinations : DataFrame
        A row a combination, the one without any criterion first: ``criteria``, ``subjects``, ``share``, ``events``,
        ``effect``, ``low``, ``high``, ``subjects_needed``, ``events_needed``, ``safety`` and, where a second trial was
        given, ``second_effect``, ``second_low``, ``second_high``, ``second_subjects``.
    contributions : DataFrame
        A row a criterion: Shapley values of the effect (a factor for a ratio), with intervals, p and p adjusted by
        Holm's method for all criteria, and of the share of subjects.
    optimism : float
        By how much the best combination looks better in the data that chose it than in others, on the effect's scale
        (logarithms for a ratio), from the bootstrap.
    tested : bool
        On a second trial.
    record : Record
    """

    trial: Trial
    criteria: tuple[str, ...]
    measure: str
    combinations: pd.DataFrame
    contributions: pd.DataFrame
    optimism: float
    tested: bool
    record: Record

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        label = (
            "combinations were tested on a second trial"
            if self.tested
            else "UNTESTED: criteria that were chosen by looking at this trial have to be tested on another"
        )
        return (
            label,
            f"the best combination is chosen among {len(self.combinations)}: its effect looks better by "
            f"{abs(self.optimism):.3g} than it would elsewhere{' (logarithm of the ratio)' if self._ratio else ''}",
            "criteria can only be dropped among subjects who were in the trial: nobody is known who was never let in",
            *self.trial.warnings,
        )

    def table(self) -> pd.DataFrame:
        """A row a combination of criteria."""
        return self.combinations

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {"combinations": self.combinations, "contributions": self.contributions}

    @property
    def _ratio(self) -> bool:
        return " ratio" in self.measure

    def __repr__(self) -> str:
        whole, last = self.combinations.iloc[0], self.combinations.iloc[-1]
        return (
            f"Redesign of {self.trial.protocol.title!r}: {len(self.criteria)} criteria, {self.measure} "
            f"{whole['effect']:.3g} in {whole['subjects']} subjects, {last['effect']:.3g} in the {last['subjects']} "
            "who meet all"
        )


def redesign(
    trial: Trial, *, second: Trial | None = None, arm: str | None = None, resamples: int = 500
) -> Redesign:
    """The pool, the effect and the size of a trial under every combination of its criteria.

    Parameters
    ----------
    trial : Trial
        Its protocol has ``[[criteria]]``, up to 12.
    second : Trial, optional
        Another trial of the same kind, on which every combination is tested.
    arm : str, optional
        The treated arm; the first, if left out.
    resamples : int
        Of subjects, within arms, for intervals.

    Raises
    ------
    StudyError
        Without criteria, with too many, where criteria select nobody of an arm, or leave no effect to estimate.
    """
    watch, seed = Stopwatch(), trial.protocol.seed
    criteria = tuple(each.name for each in trial.protocol.criteria)
    _require_few(criteria)
    effect = resampled_effect(trial, arm)
    members = np.array(list(product([False, True], repeat=len(criteria))))[:, ::-1]
    eligible = _eligible(trial, effect, members)
    counts = bootstrap_counts(effect.subjects.size, resamples, seed, effect.treated)
    values, drawn = _effects(effect, eligible, counts)
    _require_effects(criteria, members, values, drawn)
    table = _combinations(trial, effect, criteria, members, eligible, values, drawn)
    if second is not None:
        table = table.join(_tested(second, trial, arm, criteria, members, resamples))
    shares = eligible.mean(axis=1)[:, None], (eligible @ counts.T / effect.subjects.size)
    contributions = _contributions(effect, criteria, members, values[:, 0], drawn, shares)
    return Redesign(
        trial, criteria, effect.measure, table, contributions, _optimism(trial, effect, values[:, 0], drawn),
        second is not None,
        _record(watch, trial, second, {"arm": arm or trial.arms[1], "resamples": resamples}),
    )  # fmt: skip


def _record(watch: Stopwatch, trial: Trial, second: Trial | None, settings: dict[str, Any]) -> Record:
    tested = {f"second trial, {name}": each for name, each in (second.inputs or {}).items()} if second else {}
    return Record.make(
        "trial redesign", stopwatch=watch, inputs={**(trial.inputs or {}), **tested}, seed=trial.protocol.seed,
        method="bootstrap", settings={**settings, "protocol": trial.settings},
    )  # fmt: skip


def _require_few(criteria: tuple[str, ...]) -> None:
    if not criteria:
        raise StudyError(
            "the protocol has no criteria", place="criteria", repair="give [[criteria]] with name and rule"
        )
    if len(criteria) > _MOST_CRITERIA:
        raise StudyError(
            f"{len(criteria)} criteria have {2 ** len(criteria):,} combinations",
            place="criteria",
            repair=f"give {_MOST_CRITERIA} at most: join those that belong together",
        )


def _eligible(trial: Trial, effect: ResampledEffect, members: np.ndarray) -> np.ndarray:
    """Who meets each combination, shape (combinations, subjects)."""
    rows = trial.subjects.loc[effect.subjects]
    met = np.array(
        [
            Condition.of(each.rule, each.name).holds(rows, trial.protocol.subjects.file)
            for each in trial.protocol.criteria
        ]
    )
    for each, own in zip(trial.protocol.criteria, met, strict=True):
        if not own[effect.treated].any() or not own[~effect.treated].any():
            raise StudyError(
                f"the criterion {each.name!r} leaves an arm without subjects",
                place=str(Condition.of(each.rule)),
                repair="widen it, or check the column's values",
            )
    eligible = np.array([met[chosen].all(axis=0) for chosen in members])
    _require_arms(trial, effect, eligible, members)
    return eligible


def _require_arms(trial: Trial, effect: ResampledEffect, eligible: np.ndarray, members: np.ndarray) -> None:
    """Every combination leaves subjects in both arms; the smallest that does not is named."""
    criteria = trial.protocol.criteria
    for k in np.argsort(members.sum(axis=1), kind="stable"):
        for treated, arm in ((effect.treated, "treated"), (~effect.treated, "control")):
            if not (eligible[k] & treated).any():
                names = [each.name for each, chosen in zip(criteria, members[k], strict=True) if chosen]
                raise StudyError(
                    f"nobody of the {arm} arm meets {' and '.join(names)} together",
                    place="criteria",
                    repair="widen one of them, or leave one out",
                )


def _effects(
    effect: ResampledEffect, eligible: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Effect and error of each combination, shape (combinations, 2), and in resamples, (combinations, resamples)."""
    own, drawn = [], []
    for chosen in eligible:
        value, error = effect.values(chosen[None].astype(np.int64))
        own.append((value[0], error[0]))
        drawn.append(effect.values(counts * chosen)[0])
    return np.array(own), np.array(drawn)


def _require_effects(
    criteria: tuple[str, ...], members: np.ndarray, values: np.ndarray, drawn: np.ndarray
) -> None:
    """Every combination has an effect, in the trial and in enough resamples for an interval."""
    for chosen, value in zip(members, values[:, 0], strict=True):
        if not np.isfinite(value):
            who = " and ".join(np.array(criteria)[chosen]) or "no criterion"
            raise StudyError(
                f"there is no effect in those who meet {who}: an arm has no event, or events order the arms perfectly "
                "(separation)",
                place="criteria",
                repair="widen the criteria, or take another endpoint or another kind",
            )
    usable = int(np.isfinite(drawn).all(axis=0).sum())
    if usable < _LEAST_RESAMPLES:
        raise StudyError(
            f"only {usable} of {drawn.shape[1]} resamples have an effect under every combination of criteria",
            place="criteria",
            repair="widen the criteria: too few events are left in an arm",
        )


def _combinations(
    trial: Trial, effect: ResampledEffect, criteria: tuple[str, ...], members: np.ndarray, eligible: np.ndarray,
    values: np.ndarray, drawn: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    import pandas as pd

    subjects = eligible.sum(axis=1)
    events = np.array([effect.events(chosen[None].astype(np.int64))[0] for chosen in eligible])
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=1)
    natural = np.exp if effect.is_ratio else np.asarray
    factor = _needed(values)
    return pd.DataFrame(
        {
            "criteria": [" and ".join(np.array(criteria)[chosen]) or "none" for chosen in members],
            "subjects": subjects, "share": subjects / eligible.shape[1], "events": events.astype(int),
            "effect": natural(values[:, 0]), "low": natural(low), "high": natural(high),
            "subjects_needed": np.ceil(subjects * factor), "events_needed": np.ceil(events * factor),
            "safety": _safety(trial, effect, eligible),
        }
    )  # fmt: skip


def _needed(values: np.ndarray) -> np.ndarray:
    """By what factor a trial must be larger to show this effect with the power asked for.

    Its standard error shrinks with the root of its size.
    """
    from scipy.special import ndtri

    reach = ndtri(1 - _LEVEL / 2) + ndtri(_POWER)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (reach * values[:, 1] / values[:, 0]) ** 2


def _safety(trial: Trial, effect: ResampledEffect, eligible: np.ndarray) -> np.ndarray:
    """Share of treated subjects with the safety event; not-a-number where the protocol names none."""
    rule = trial.protocol.safety.event if trial.protocol.safety else None
    if rule is None:
        return np.full(len(eligible), np.nan)
    had = Condition.of(rule, "safety.event").holds(trial.subjects.loc[effect.subjects])
    with np.errstate(invalid="ignore", divide="ignore"):
        return (eligible @ (had & effect.treated).astype(float)) / (eligible @ effect.treated.astype(float))


def _contributions(
    effect: ResampledEffect, criteria: tuple[str, ...], members: np.ndarray, values: np.ndarray, drawn: np.ndarray,
    shares: tuple[np.ndarray, np.ndarray],
) -> pd.DataFrame:  # fmt: skip
    """Shapley values with intervals; resamples in which a combination has no estimate are left out."""
    import pandas as pd
    from scipy.special import ndtr

    usable = np.isfinite(drawn).all(axis=0)
    own, many = shapley_values(values, members), shapley_values(drawn[:, usable], members)
    low, high = np.percentile(many, [2.5, 97.5], axis=1)
    spread = many.std(axis=1, ddof=1)
    p = 2 * ndtr(-np.abs(own) / np.where(spread > 0, spread, np.inf))
    natural = np.exp if effect.is_ratio else np.asarray
    pool = shapley_values(shares[0], members)[:, 0]
    return pd.DataFrame(
        {
            "criterion": criteria, "effect": natural(own), "low": natural(low), "high": natural(high), "p": p,
            "p_adjusted": holm(list(criteria)).test(p).adjusted, "share": pool,
        }
    )  # fmt: skip


def _optimism(trial: Trial, effect: ResampledEffect, values: np.ndarray, drawn: np.ndarray) -> float:
    """Mean over resamples of what the best of each has there beyond what it has in the trial itself."""
    sign = _good(trial, effect)
    scored = np.where(np.isfinite(drawn), sign * drawn, -np.inf)
    best = scored.argmax(axis=0)
    return float(np.mean(scored[best, np.arange(scored.shape[1])] - sign * values[best]))


def _good(trial: Trial, effect: ResampledEffect) -> float:
    """Whether a higher value is good, 1, or bad, -1; events are bad unless the protocol says otherwise."""
    return 1.0 if trial.protocol.endpoint.better == "higher" else -1.0


def _tested(
    second: Trial,
    trial: Trial,
    arm: str | None,
    criteria: tuple[str, ...],
    members: np.ndarray,
    resamples: int,
) -> pd.DataFrame:
    """The same combinations in another trial."""
    from dataclasses import replace

    protocol = second.protocol.model_copy(update={"criteria": trial.protocol.criteria})
    other = replace(second, protocol=protocol)
    effect = resampled_effect(other, arm)
    eligible = _eligible(other, effect, members)
    counts = bootstrap_counts(effect.subjects.size, resamples, trial.protocol.seed, effect.treated)
    values, drawn = _effects(effect, eligible, counts)
    made = _combinations(other, effect, criteria, members, eligible, values, drawn)
    return made[["subjects", "effect", "low", "high"]].add_prefix("second_")
