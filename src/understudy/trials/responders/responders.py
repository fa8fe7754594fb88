"""responders: who benefits more than others, and how often chance alone would say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import StudyError
from understudy.core.record import Record, Stopwatch
from understudy.trials.analyses.adjustment import strata_of
from understudy.trials.responders.contrast import Contrast, calibration_slopes, contrast_of
from understudy.trials.responders.features import Features, features_of
from understudy.trials.responders.outcome import outcome_of
from understudy.trials.responders.rules import Rules, rules_of

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

LEAST_COPIES = 500
# Groups of subjects by their foretold effect; rules that are told.
_GROUPS, _TOLD = 4, 10


@dataclass(frozen=True, eq=False, repr=False)
class Responders:
    """Whether effects differ between subjects beyond chance, and how.

    Parameters
    ----------
    trial : Trial
    arm, measure : str
    copies : int
        Of the trial with permuted arms.
    level : float
        Of false discovery: findings at or below it are reported.
    slope, p_score : float
        Of what was seen on what the score foretold in subjects who had no part in it, one being perfect; the share of
        copies that look as good.
    p_rule : float
        Share of copies whose best rule looks as good as the best here: the p value of the best rule, adjusted for all.
    scores : Series
        Foretold effect of each subject, higher being better, cross-fitted; index ``subject``.
    groups : DataFrame
        Subjects in quarters of the score: foretold and seen effects with intervals.
    coefficients : DataFrame
        What each covariate does to the effect, for a standard deviation of it, with p values adjusted for all.
    rules : DataFrame
        The best subgroups: effect in and out of them, their difference, z, and p adjusted for all rules.
    policy : DataFrame
        Mean outcome beyond treating nobody: treating all, and treating those whom the score favours, with intervals.
    notes : tuple of str
    record : Record
    """

    trial: Trial
    arm: str
    measure: str
    copies: int
    level: float
    slope: float
    p_score: float
    p_rule: float
    scores: pd.Series
    groups: pd.DataFrame
    coefficients: pd.DataFrame
    rules: pd.DataFrame
    policy: pd.DataFrame
    notes: tuple[str, ...]
    record: Record

    @property
    def found(self) -> bool:
        """Whether the score or a rule differs from chance, at half of the level each."""
        return min(self.p_score, self.p_rule) <= self.level / 2

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer."""
        chance = (
            f"In {self.copies:,} copies of the trial with permuted arms a score looked as good in "
            f"{100 * self.p_score:.1f} %, a rule in {100 * self.p_rule:.1f} %."
        )
        if not self.found:
            return (
                "No difference of effects between subjects was found that chance would not explain.",
                chance,
            )
        told = ["Effects differ between subjects beyond chance."]
        if self.p_score <= self.level / 2:
            low, high = self.groups.iloc[0], self.groups.iloc[-1]
            told.append(
                f"The quarter whom the score favours most has a {self.measure} of {high['seen']:.3g}, the least "
                f"favoured {low['seen']:.3g} (higher is better)."
            )
        if self.p_rule <= self.level / 2:
            best = self.rules.iloc[0]
            told.append(f"Where {best['rule']}: {best['inside']:.3g}, elsewhere {best['outside']:.3g}.")
        return (*told, chance)

    def table(self) -> pd.DataFrame:
        """A row a quarter of the score: foretold and seen effects."""
        return self.groups

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        named = {name: getattr(self, name) for name in ("groups", "rules", "coefficients", "policy")}
        return {**named, "scores": self.scores.reset_index()}

    def __repr__(self) -> str:
        return "\n".join([f"Responders of {self.trial.protocol.title!r}", *self.sentences])


def responders(
    trial: Trial, *, arm: str | None = None, copies: int = LEAST_COPIES, level: float = 0.05
) -> Responders:
    """Seek subjects who benefit more than others, and tell how often chance alone would find such.

    Effects are the R-learner's on residual outcomes, cross-fitted; rules are conditions on one or two covariates. Every
    statistic is computed again in copies of the trial whose arms are permuted, within strata where the protocol names
    them, in which nobody responds differently. Outcomes are not made again in the copies: pseudo-observations of
    censored times and the slope on the baseline are those of the trial's own arms, and its mean effect is taken
    out beforehand.

    Parameters
    ----------
    trial : Trial
        Its protocol names covariates known before randomisation.
    arm : str, optional
        The treated arm; the first, if left out.
    copies : int
        500 or more.
    level : float
        Of false discovery.

    Raises
    ------
    StudyError
        Without covariates, for too few subjects or copies, or another kind of endpoint.
    """
    if copies < LEAST_COPIES:
        raise StudyError(
            f"{copies} copies tell little of chance",
            place="copies",
            repair=f"make {LEAST_COPIES} or more",
        )
    watch, seed, arm = Stopwatch(), trial.protocol.seed, arm or trial.arms[1]
    subjects, treated, outcome, measure = outcome_of(trial, arm)
    features = features_of(trial, subjects)
    strata = strata_of(trial, trial.subjects.loc[subjects])
    contrast = contrast_of(features.matrix, treated, outcome, seed, strata)
    arms = contrast.arms(copies, seed)
    effects, signals = contrast.effects(arms), contrast.signals(arms)
    slopes, statistics = calibration_slopes(effects, signals, arms)
    rules = rules_of(trial, subjects)
    told, p_rule = _rules(rules, signals, contrast.mean)
    whole, seen = contrast.mean + effects[0], contrast.mean + signals[0]
    record = Record.make(
        "trial responders", stopwatch=watch, inputs=trial.inputs or {}, seed=seed, method="R-learner, rules",
        settings={"arm": arm, "copies": copies, "level": level, "protocol": trial.settings},
    )  # fmt: skip
    return Responders(
        trial, arm, measure, copies, level, float(slopes[0]), _share_as_good(statistics), p_rule,
        _scores(subjects, whole), _groups(whole, seen), _coefficients(features, contrast, arms), told,
        _policy(whole, seen), (*features.notes, "higher is better in all numbers"), record,
    )  # fmt: skip


def _share_as_good(statistics: NDArray[np.float64]) -> float:
    """Of copies that look at least as good as the trial, which is the first; itself counted, so never zero."""
    return float((statistics >= statistics[0] - 1e-12).mean())


def _scores(subjects: np.ndarray, effects: np.ndarray) -> pd.Series:
    import pandas as pd

    return pd.Series(effects, index=pd.Index(subjects, name="subject"), name="score")


def _groups(effects: np.ndarray, signals: np.ndarray) -> pd.DataFrame:
    """Quarters of the score, the least favoured first."""
    import pandas as pd

    place = np.argsort(np.argsort(effects, kind="stable")) * _GROUPS // effects.size
    rows = []
    for group in range(_GROUPS):
        own = place == group
        seen, error = signals[own].mean(), signals[own].std(ddof=1) / np.sqrt(own.sum())
        rows.append(
            {"group": group + 1, "subjects": int(own.sum()), "foretold": effects[own].mean(), "seen": seen,
             "low": seen - 1.96 * error, "high": seen + 1.96 * error}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _coefficients(features: Features, contrast: Contrast, arms: NDArray[np.float64]) -> pd.DataFrame:
    """Of each covariate, against the largest of all in each copy (Westfall and Young 1993)."""
    import pandas as pd

    beta = contrast.coefficients(arms)[:, 1:]
    scaled = np.abs(beta) / beta[1:].std(axis=0)
    largest = scaled.max(axis=1)
    p = np.array([(largest >= each - 1e-12).mean() for each in scaled[0]])
    table = pd.DataFrame(
        {"covariate": features.names, "effect": beta[0], "z": scaled[0] * np.sign(beta[0]), "p": p}
    )
    return table.sort_values("z", key=np.abs, ascending=False, ignore_index=True)


def _rules(rules: Rules, signals: NDArray[np.float64], mean: float) -> tuple[pd.DataFrame, float]:
    """The best rules, p adjusted by the largest z of all rules in each copy; and the p of the best."""
    import pandas as pd

    if not rules.conditions:
        return pd.DataFrame(columns=["rule", "subjects", "inside", "outside", "difference", "z", "p"]), 1.0
    difference, z = rules.statistics(signals)
    largest = z.max(axis=1)
    order = np.argsort(-z[0], kind="stable")[:_TOLD]
    share = rules.members.mean(axis=1)
    inside = mean + (1 - share) * difference[0]
    table = pd.DataFrame(
        {
            "rule": [str(rules.conditions[k]) for k in order], "subjects": rules.members[order].sum(axis=1),
            "inside": inside[order], "outside": (inside - difference[0])[order], "difference": difference[0][order],
            "z": z[0][order], "p": [float((largest >= z[0][k] - 1e-12).mean()) for k in order],
        }
    )  # fmt: skip
    return table, float(table["p"].iloc[0])


def _policy(effects: np.ndarray, signals: np.ndarray) -> pd.DataFrame:
    """What treating some gains over treating nobody, for a subject of all on average."""
    import pandas as pd

    rows = []
    for name, treat in (
        ("treat all", np.ones(effects.size)),
        ("treat whom the score favours", (effects > 0) * 1.0),
    ):
        gain = treat * signals
        error = gain.std(ddof=1) / np.sqrt(gain.size)
        rows.append(
            {"policy": name, "treated": treat.mean(), "gain": gain.mean(), "low": gain.mean() - 1.96 * error,
             "high": gain.mean() + 1.96 * error}
        )  # fmt: skip
    return pd.DataFrame(rows)
