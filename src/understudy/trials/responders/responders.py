"""responders: who benefits more than others, and how often chance alone would say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from understudy.core.errors import StudyError
from understudy.core.record import Record, Stopwatch
from understudy.trials.folds import folds
from understudy.trials.responders import findings
from understudy.trials.responders.chance import joint_p, share_as_good
from understudy.trials.responders.features import Features, features_of
from understudy.trials.responders.forest import Forest
from understudy.trials.responders.learner import Learner
from understudy.trials.responders.outcome import outcome_of
from understudy.trials.responders.ridge import Ridge
from understudy.trials.responders.rules import rules_of
from understudy.trials.responders.search import Method, Scored, Search, Statistics, search_of
from understudy.trials.responders.subgroups import subgroup

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

LEAST_COPIES = 500
FOLDS = 5
LEARNERS: dict[str, type[Learner]] = {each.name: each for each in (Ridge, Forest)}
METHODS: tuple[str, ...] = ("R", "DR")
_SCALE = (
    "effects are differences of mean time: of a drug that cuts all hazards by the same ratio, they are larger where "
    "more events are due; compare hazard ratios"
)


@dataclass(frozen=True, eq=False, repr=False)
class Responders:
    """Whether effects differ between subjects beyond chance, and how. In all effects higher is better for the patient.

    Parameters
    ----------
    trial : Trial
    arm, measure : str
    learner, method : str
    copies : int
        Of the trial with permuted arms.
    level : float
        Of false discovery: findings at or below it are reported.
    p : float
        Of the search as a whole: twice the smaller of the next two.
    p_score, p_rule : float
        Share of copies whose score is calibrated as well, and of those whose best rule looks as good.
    scores : Series
        Foretold effect of each subject, cross-fitted; index ``subject``.
    calibration : DataFrame
        Slope of seen on foretold effects (one is perfect), AUTOC and Qini, with 95 % limits and p.
    groups : DataFrame
        Subjects in quarters of the score: foretold and seen effects with limits.
    policy : DataFrame
        Treating nobody, all, and whom the score favours: value of the outcome as it is, and what is gained over the
        first two, with limits; p of the gain over the better of them.
    coefficients : DataFrame
        What each covariate does to the effect, for a standard deviation of it; p adjusted for all, and false-discovery
        rate.
    rules : DataFrame
        The best rules: effect in and out of them with limits, z, p adjusted for all, false-discovery rate.
    subgroups : DataFrame
        In and out of each of these: subjects and events of either arm, hazard ratio or difference of risks.
    held_out : DataFrame
        Effect in and out of rules chosen in other folds.
    notes : tuple of str
    record : Record
    """

    trial: Trial
    arm: str
    measure: str
    learner: str
    method: str
    copies: int
    level: float
    p: float
    p_score: float
    p_rule: float
    scores: pd.Series
    calibration: pd.DataFrame
    groups: pd.DataFrame
    policy: pd.DataFrame
    coefficients: pd.DataFrame
    rules: pd.DataFrame
    subgroups: pd.DataFrame
    held_out: pd.DataFrame
    notes: tuple[str, ...]
    record: Record

    @property
    def found(self) -> bool:
        """Whether the search as a whole differs from chance."""
        return self.p <= self.level

    @property
    def slope(self) -> float:
        """Of seen on foretold effects; one is perfect."""
        return float(self.calibration["value"].iloc[0])

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer."""
        chance = (
            f"Of {self.copies:,} copies of the trial with permuted arms {100 * self.p_score:.1f} % have a score as "
            f"good, {100 * self.p_rule:.1f} % a rule as good; p {self.p:.2g} for both together."
        )
        if not self.found:
            return (
                "No difference of effects between subjects was found that chance would not explain.",
                chance,
            )
        told = ["Effects differ between subjects beyond chance."]
        if self.p_score <= self.level / 2:
            low, high, best = self.groups.iloc[0], self.groups.iloc[-1], self.policy.iloc[-1]
            told.append(
                f"Quarter whom the score favours most: {self.measure} {_told(high, 'seen')}; least favoured quarter: "
                f"{_told(low, 'seen')}."
            )
            whole = {0.0: "nobody", 1.0: "all"}.get(best["treated"])
            told.append(
                f"The score favours treating {whole}."
                if whole
                else f"To treat whom the score favours, {100 * best['treated']:.0f} % of all, gains "
                f"{_told(best, 'over_all', 'over_all_')} over treating all."
            )
        if self.p_rule <= self.level / 2:
            best = self.rules.iloc[0]
            told.append(
                f"Where {best['rule']}: {self.measure} {_told(best, 'inside', 'inside_')}; elsewhere: "
                f"{_told(best, 'outside', 'outside_')}."
            )
        return (*told, chance)

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        names = ("calibration", "groups", "policy", "coefficients", "rules", "subgroups", "held_out")
        return {**{name: getattr(self, name) for name in names}, "scores": self.scores.reset_index()}

    def table(self) -> pd.DataFrame:
        """The best rules."""
        return self.rules

    def __repr__(self) -> str:
        return "\n".join([f"Responders of {self.trial.protocol.title!r}", *self.sentences])


def responders(
    trial: Trial,
    *,
    arm: str | None = None,
    copies: int = LEAST_COPIES,
    level: float = 0.05,
    learner: Literal["ridge", "forest"] = "ridge",
    method: Method = "R",
) -> Responders:
    """Seek subjects who benefit more than others, and tell how often chance alone would find such.

    A score foretells each subject's effect from subjects in other folds; rules are conditions on one or two covariates.
    The same search is made in copies of the trial whose arms are permuted, within strata where the protocol names them,
    so that nobody responds differently in them. Of measurements and events the mean effect is taken out before (Ding,
    Feller and Miratrix 2016, doi:10.1111/rssb.12124); times are permuted as they are. What covariates say of
    outcomes without regard to arms is the same in every copy, as it does not look at arms, and is made once; all else
    is made anew: weights of the censored, mean effects, what is foretold in either arm, effects, rules.

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
    learner : {"ridge", "forest"}
        Of outcomes and effects: linear regressions with a ridge, or random forests, which take minutes.
    method : {"R", "DR"}
        Effects by the R-learner or the DR-learner.

    Raises
    ------
    StudyError
        Without covariates, for too few subjects or copies, another kind of endpoint, or an unknown learner.
    MissingExtraError
        For forests without scikit-learn.
    """
    _refuse(copies, level, learner, method)
    watch, seed, arm = Stopwatch(), trial.protocol.seed, arm or trial.arms[1]
    search, features = prepared(trial, arm, learner, method)
    outcome, scored = search.outcome, search.scored(0, 1)
    statistics = search.statistics(copies, float(scored.mean[0]))
    p_score, p_rule = share_as_good(statistics.slope), share_as_good(statistics.best_rule)
    notes = (*outcome.notes, *features.notes, *((_SCALE,) if outcome.kind == "survival" else ()))
    record = Record.make(
        "trial responders", stopwatch=watch, inputs=trial.inputs or {}, seed=seed,
        method=f"{method}-learner by {learner}, rules",
        settings={"arm": arm, "copies": copies, "level": level, "learner": learner, "method": method,
                  "protocol": trial.settings},
    )  # fmt: skip
    return Responders(
        trial, arm, outcome.measure, learner, method, copies, level, joint_p(p_score, p_rule),
        p_score, p_rule, _scores(search, scored),
        findings.score_table(search, scored, statistics), findings.group_table(search, scored),
        findings.policy_table(search, scored, statistics),
        findings.coefficient_table(search, features.names, statistics),
        findings.rule_table(search, scored, statistics), _subgroups(search, scored, statistics),
        findings.held_out_table(search, scored), notes, record,
    )  # fmt: skip


def prepared(trial: Trial, arm: str, learner: str, method: Method) -> tuple[Search, Features]:
    """The search for responders to an arm, before any copy is made, and the covariates it looks at."""
    outcome = outcome_of(trial, arm)
    features, seed = features_of(trial, outcome), trial.protocol.seed
    parts = folds(outcome.subjects.size, FOLDS, seed, "folds of subjects", outcome.arms.strata)
    made = LEARNERS[learner](features.matrix, outcome.arms.share, parts, seed)
    return search_of(outcome, made, method, rules_of(features)), features


def _refuse(copies: int, level: float, learner: str, method: str) -> None:
    if copies < LEAST_COPIES:
        raise StudyError(
            f"{copies} copies tell little of chance",
            place="copies",
            repair=f"make {LEAST_COPIES} or more",
        )
    if not 0 < level < 1:
        raise StudyError(
            f"a level of {level:g} is no probability", place="level", repair="give one such as 0.05"
        )
    for name, given, known in (("learner", learner, LEARNERS), ("method", method, METHODS)):
        if given not in known:
            raise StudyError(f"there is no {name} {given!r}", place=name, repair=f"one of {', '.join(known)}")


def _told(row: pd.Series, value: str, limits: str = "") -> str:
    """A number with its 95 % limits."""
    return f"{row[value]:.3g} ({row[f'{limits}low']:.3g} to {row[f'{limits}high']:.3g})"


def _scores(search: Search, scored: Scored) -> pd.Series:
    import pandas as pd

    index = pd.Index(search.outcome.subjects, name="subject")
    return pd.Series(scored.mean[0] + scored.effects[0], index=index, name="score")


def _subgroups(search: Search, scored: Scored, statistics: Statistics) -> pd.DataFrame:
    import pandas as pd

    effects, rows = scored.mean[0] + scored.scores[0], []
    for k in findings.best_rules(statistics):
        own = search.rules.members[k]
        for where, part in (("inside", own), ("elsewhere", ~own)):
            name = str(search.rules.conditions[k])
            rows.append({"rule": name, "where": where, **subgroup(search.outcome, part, effects)})
    return pd.DataFrame(rows)
