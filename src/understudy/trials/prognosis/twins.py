"""prognostic_twins: a trial adjusted for what each patient would have come to on control (PROCOVA)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError, UnderstudyError
from understudy.core.record import Record, Stopwatch
from understudy.trials.effect import effects_table
from understudy.trials.estimand import apply_estimand
from understudy.trials.prognosis.adjusted_effects import METHODS, adjusted_effects
from understudy.trials.prognosis.features import independent
from understudy.trials.prognosis.history import BASELINE, covariate_table
from understudy.trials.prognosis.planning import size_ratio
from understudy.trials.prognosis.score import PrognosticScore
from understudy.trials.prognosis.strangers import require_strangers, unregistered
from understudy.trials.prognosis.target import target_of

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.effect import Effect
    from understudy.trials.trial import Trial

SCORE = "prognostic score"
ADJUSTMENTS = ("nothing", "covariates", "score", "score and covariates")
# A smaller fall of the variance is called none.
LEAST_GAIN = 0.01
_CROSSED = (SCORE, BASELINE)
_SHOWN = {"value": "value", "low": "low", "high": "high", "standard_error": "standard_error", "p": "p_value"}
LINEAR = "the score is a linear combination of the raw covariates: beside them it can add nothing"
_CITATIONS = (
    "Schuler et al. 2022, doi:10.1515/ijb-2021-0072",
    "European Medicines Agency, Qualification opinion for prognostic covariate adjustment (PROCOVA), September 2022",
)


@dataclass(frozen=True, eq=False, repr=False)
class PrognosticTwins:
    """A trial adjusted for its patients' prognosis.

    Parameters
    ----------
    trial : Trial
        As the estimand has it.
    score : PrognosticScore
    patients : DataFrame
        Index ``subject``: ``arm``, ``score`` and ``expected``, the outcome to be expected on control.
    effects : mapping of str to tuple of Effect
        By what was adjusted for, see `ADJUSTMENTS`; the analysis is that of the score.
    comparison : DataFrame
        A row an adjustment, of the first effect: ``adjustment``, ``columns``, ``value``, ``low``, ``high``,
        ``standard_error``, ``p`` and ``variance_ratio``, that of the estimate (of its logarithm for a ratio) over the
        one without adjustment.
    r_squared : float
        Squared correlation of score and outcome within the trial's arms; zero where the score goes the wrong way.
    r_squared_interval : tuple of float
    estimand : tuple of str
    told : tuple of str
    record : Record
    """

    trial: Trial
    score: PrognosticScore
    patients: pd.DataFrame
    effects: dict[str, tuple[Effect, ...]]
    comparison: pd.DataFrame
    r_squared: float
    r_squared_interval: tuple[float, float]
    estimand: tuple[str, ...]
    told: tuple[str, ...]
    record: Record

    @property
    def method(self) -> str:
        """The analysis in words."""
        return METHODS[self.trial.protocol.endpoint.kind]

    @property
    def primary(self) -> tuple[Effect, ...]:
        """Effects adjusted for the score."""
        return self.effects["score"]

    def variance_ratio(self, adjustment: str, against: str = "nothing") -> float:
        """Variance of the first effect by one adjustment over that by another."""
        ratios = self.comparison.set_index("adjustment")["variance_ratio"]
        return float(ratios[adjustment] / ratios[against])

    @property
    def gain(self) -> bool:
        """Whether the score lowers the variance that the raw covariates leave, by 1 % at least."""
        return self.variance_ratio("score and covariates", "covariates") <= 1 - LEAST_GAIN

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What the score gains, in sentences."""
        alone = self.variance_ratio("score")
        first = (
            f"the score lowers the variance by {_percent(1 - alone)}: "
            f"as if the trial had {_percent(1 / alone - 1)} more patients"
            if alone <= 1 - LEAST_GAIN
            else f"no gain: adjusted for the score the variance is {alone:.3f} times that without adjustment"
        )
        added = self.variance_ratio("score and covariates", "covariates")
        if np.isnan(added):
            return (first, "whether the score gains over the raw covariates cannot be told: see the notes")
        second = (
            f"beyond the raw covariates the score lowers the variance by {_percent(1 - added)}"
            if self.gain
            else f"no gain over the raw covariates: with the score beside them the variance is {added:.3f} times theirs"
        )
        instead = self.variance_ratio("score", "covariates")
        return (
            first,
            second,
            f"the score in place of the raw covariates: {instead:.3f} times their variance",
        )

    @property
    def size_table(self) -> pd.DataFrame:
        """Patients of the next trial over those without adjustment, as planned (history's r²) and as found."""
        import pandas as pd

        cases = (
            ("r² of the history", self.score.r_squared, 1.0, 1.0),
            ("cautious: λ 0.9, γ 1.05", self.score.r_squared, 1.05, 0.9),
            ("r² of this trial", self.r_squared, 1.0, 1.0),
        )
        made = [
            {"case": name, "r_squared": r2, "ratio": size_ratio(min(r2, 0.999), inflation=g, deflation=d)}
            for name, r2, g, d in cases
        ]
        return pd.DataFrame(made)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (*self.trial.warnings, *self.told)

    def table(self) -> pd.DataFrame:
        """The effects adjusted for the score, one a row."""
        return effects_table(self.primary)

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {
            "effects": self.table(),
            "comparison": self.comparison,
            "twins": self.patients.reset_index(),
            "sizes": self.size_table,
        }

    def __repr__(self) -> str:
        return "\n".join([self.trial.protocol.title, *map(str, self.primary), *self.verdicts])


def prognostic_twins(trial: Trial, score: PrognosticScore) -> PrognosticTwins:
    """Analyse a trial with each patient's prognosis on control as a covariate.

    Every effect is marginal, that of the arms in the trial's population, whether or not the score is any good: a bad
    score gains nothing, and biases nothing. Means by analysis of covariance with HC2 errors; risks standardised over a
    logistic model; repeated measurements by MMRM with the score and its interaction with visits; times by the
    covariate-adjusted log-rank test and the marginal hazard ratio that goes with it, not the conditional one of a Cox
    model with covariates.

    Parameters
    ----------
    trial : Trial
    score : PrognosticScore
        Trained before the trial was opened, by `train_score`.

    Returns
    -------
    PrognosticTwins

    Raises
    ------
    StudyError
        For a score that is not the registered one, or of another kind of endpoint, or that learned from subjects of the
        trial; for synthetic subjects.

    References
    ----------
    Schuler et al. 2022, doi:10.1515/ijb-2021-0072; Ye, Bannick, Yi & Shao 2023, doi:10.1080/24754269.2023.2205802; Ye,
    Shao & Yi 2024, doi:10.1093/biomet/asad045.

    Examples
    --------
    >>> from understudy.trials import load_trial, load_score
    >>> prognostic_twins(load_trial("examples/leukaemia/trial.toml"), load_score("score.json"))
    Traceback (most recent call last):
    understudy.core.errors.StudyError: cannot read the score: No such file or directory
      where: score.json
      repair: give a file of --train
    """
    watch = Stopwatch()
    alike = require_strangers(trial, score)
    asked, estimand = apply_estimand(trial)
    table = covariate_table(asked.protocol, asked.subjects, asked.outcome)
    _require_score_varies(score, table)
    patients = asked.subjects[["arm"]].assign(score=score.predict(table), expected=score.expected(table))
    raw, dropped = _raw_columns(score, table)
    own = {SCORE: patients["score"]}
    known = len(raw) not in independent(np.column_stack([*raw.values(), patients["score"]]))
    both = raw if known else raw | own
    effects, failed = _all_effects(asked, own, raw, both)
    r2, interval = _within_arms(asked, patients)
    record = Record.make(
        "trial twins", stopwatch=watch, inputs={**(trial.inputs or {}), SCORE: score.hash}, seed=score.seed,
        method=METHODS[asked.protocol.endpoint.kind], settings={"protocol": trial.settings}, citations=_CITATIONS,
    )  # fmt: skip
    linear = (LINEAR,) if known else ()
    told = (
        *unregistered(trial),
        *alike,
        *failed,
        *linear,
        *_gaps(score, table),
        *dropped,
        *score.notes,
        *_what_it_means(asked),
    )
    return PrognosticTwins(
        asked, score, patients, effects, _comparison(effects, raw, both), r2, interval, estimand, told, record
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _require_score_varies(score: PrognosticScore, table: pd.DataFrame) -> None:
    found = score.predict(table)
    if np.ptp(found) <= 1e-12 * max(1.0, float(np.abs(found).max())):
        raise StudyError(
            "the score is the same for every subject",
            place=SCORE,
            repair="check that covariates vary in the trial",
        )


def _raw_columns(score: PrognosticScore, table: pd.DataFrame) -> tuple[dict[str, pd.Series], tuple[str, ...]]:
    """The score's covariates as they are, those that depend on others left out."""
    import pandas as pd

    matrix, labels = score.coded(table), score.labels
    kept = independent(matrix)
    lost = [label for k, label in enumerate(labels) if k not in kept]
    told = (f"raw covariates that do not vary by themselves in the trial: {', '.join(lost)}",) if lost else ()
    return {labels[k]: pd.Series(matrix[:, k], table.index) for k in kept}, told


def _all_effects(
    trial: Trial, own: dict[str, pd.Series], raw: dict[str, pd.Series], both: dict[str, pd.Series]
) -> tuple[dict[str, tuple[Effect, ...]], tuple[str, ...]]:
    """The trial's effects by each adjustment, in the same subjects; none, and a sentence, where raw covariates fail."""
    found, told = (
        {"nothing": adjusted_effects(trial, {}), "score": adjusted_effects(trial, own, _CROSSED)},
        [],
    )
    for name, columns in (("covariates", raw), ("score and covariates", both)):
        try:
            found[name] = (
                found["covariates"] if both is raw and "covariates" in found else _adjusted(trial, columns)
            )
        except UnderstudyError as error:
            found[name] = ()
            told.append(f"{name} cannot be adjusted for in this trial: {error.cause}")
    return {name: found[name] for name in ADJUSTMENTS}, tuple(dict.fromkeys(told))


def _adjusted(trial: Trial, columns: dict[str, pd.Series]) -> tuple[Effect, ...]:
    return adjusted_effects(trial, columns, _CROSSED)


def _comparison(
    effects: dict[str, tuple[Effect, ...]], raw: dict[str, pd.Series], both: dict[str, pd.Series]
) -> pd.DataFrame:
    """The first effect by each adjustment; not-a-number where there is none."""
    import pandas as pd

    counts = dict(zip(ADJUSTMENTS, (0, len(raw), 1, len(both)), strict=True))
    base, none, rows = effects["nothing"][0].standard_error, float("nan"), []
    for name, found in effects.items():
        row = {"adjustment": name, "columns": counts[name]}
        for key, part in _SHOWN.items():
            row[key] = getattr(found[0], part) if found else none
        rows.append(row | {"variance_ratio": (row["standard_error"] / base) ** 2})
    return pd.DataFrame(rows)


def _within_arms(trial: Trial, patients: pd.DataFrame) -> tuple[float, tuple[float, float]]:
    """Squared correlation of score and outcome within arms, with an interval by Fisher's transformation."""
    import pandas as pd
    from scipy.special import ndtri

    endpoint = trial.protocol.endpoint
    parts = []
    for arm in trial.arms:
        own = trial.outcome[trial.outcome.index.isin(patients.index[patients["arm"] == arm])]
        target = target_of(endpoint.kind, own, endpoint.at)
        parts.append(
            pd.DataFrame({"y": target - target.mean(), "s": patients["expected"].reindex(target.index)})
        )
        parts[-1]["s"] -= parts[-1]["s"].mean()
    both = pd.concat(parts)
    freedom = len(both) - len(parts) - 2
    r = float(both["y"] @ both["s"] / np.sqrt((both["y"] @ both["y"]) * (both["s"] @ both["s"])))
    half = ndtri(0.5 + trial.protocol.analysis.level / 2) / np.sqrt(max(freedom, 1))
    low, high = (max(float(np.tanh(np.arctanh(min(r, 1 - 1e-12)) + side * half)), 0.0) for side in (-1, 1))
    return max(r, 0.0) ** 2, (low**2, high**2)


def _gaps(score: PrognosticScore, table: pd.DataFrame) -> tuple[str, ...]:
    """Subjects with covariates that are missing in the trial, or that the history never had."""
    told = []
    for each in score.features:
        lost, strange = int(table[each.name].isna().sum()), each.strange(table)
        if lost:
            told.append(
                f"{each.name} is missing in {lost} subjects: the score takes them as the history has it"
            )
        if strange > (lost if not each.gaps and not each.levels else 0):
            told.append(
                f"{each.name} has levels in {strange} subjects that the history had not: taken as the reference"
            )
    return tuple(told)


def _what_it_means(trial: Trial) -> tuple[str, ...]:
    if trial.protocol.endpoint.kind != "survival":
        return ()
    return (
        "the hazard ratio is marginal: that of the arms in the trial's population. It assumes hazards that stay "
        "proportional; the test of equal hazards does not",
    )
