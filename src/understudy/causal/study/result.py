"""Study result: what a real-world study may say, and what it has to keep to itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

from understudy.causal.masking import masked
from understudy.causal.study.answer import Answer
from understudy.causal.study.controls import Calibrated, ControlEstimates
from understudy.causal.study.material import Material
from understudy.causal.study.study import Study
from understudy.core.record import Record

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class StudyResult:
    """What came out of a real-world study. Made by `run_study`.

    Parameters
    ----------
    study : Study
    material : Material
        Populations, covariates, the propensity model.
    answers : tuple of Answer
        One for each analysis and outcome.
    controls : mapping of str to ControlEstimates or None
        By analysis.
    record : Record
    """

    study: Study
    material: Material
    answers: tuple[Answer, ...]
    controls: Mapping[str, ControlEstimates | None]
    record: Record

    def answer(self, analysis: str, outcome: str | None = None) -> Answer:
        """What an analysis says of an outcome; of the first outcome, if none is named.

        Raises
        ------
        KeyError
            If there is no such answer.
        """
        for each in self.answers:
            if each.analysis == analysis and outcome in (None, each.outcome):
                return each
        raise KeyError((analysis, outcome))

    def table(self) -> pd.DataFrame:
        """One row an answer: whose estimate is hidden has no numbers, and the column hidden_for says why."""
        import pandas as pd

        return pd.DataFrame([_row(each) for each in self.answers])

    def diagnostics(self) -> pd.DataFrame:
        """One row an answer and diagnostic."""
        import pandas as pd

        parts = [
            each.diagnostics.table().assign(analysis=each.analysis, outcome=each.outcome)
            for each in self.answers
        ]
        found = pd.concat(parts, ignore_index=True)
        return found[["analysis", "outcome", *found.columns.drop(["analysis", "outcome"])]]

    def attrition(self) -> pd.DataFrame:
        """Who was left after each rule, by outcome; small counts masked."""
        import pandas as pd

        parts = [
            people.attrition.table().assign(outcome=name) for name, people in self.material.outcomes.items()
        ]
        return pd.concat(parts, ignore_index=True)[["outcome", "rule", "target", "comparator"]]

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name, as they may be written to files."""
        found = {
            "results": self.table(),
            "diagnostics": self.diagnostics(),
            "attrition": self.attrition(),
            "follow-up": self.follow_up(),
        }
        model = self.material.model
        if model is not None:
            found["propensity model"] = model.coefficients
            found["preference scores"] = model.shares(names=self.names)
        for each in self.answers:
            if each.balance is not None:
                found[f"balance {self.name_of(each)}".replace(",", "")] = each.balance.table()
        found |= {f"negative controls {name}": each.table() for name, each in self.controls.items() if each}
        return found

    def follow_up(self) -> pd.DataFrame:
        """How long both sides were followed: quantiles in days, by outcome."""
        import pandas as pd

        parts = [
            people.follow_up().rename_axis("side").reset_index().assign(outcome=name)
            for name, people in self.material.outcomes.items()
        ]
        found = pd.concat(parts, ignore_index=True)
        return found[["outcome", *found.columns.drop("outcome")]]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answers in words, each with its interval, or why it is hidden."""
        pair = " against ".join(self.names)
        found = tuple(f"{pair}, {each.outcome}, {each.analysis}: {told(each)}." for each in self.answers)
        none = ("No estimate may be seen: none passed all diagnostics.",)
        return (*(none if all(each.hidden for each in self.answers) else ()), *map(_capital, found))

    @property
    def names(self) -> tuple[str, str]:
        """Of target and comparator."""
        return self.material.compared.names

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is doubtful in the records, as `understudy rwe check` tells it."""
        return self.material.doubts

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know beside the numbers."""
        model = self.material.model.notes if self.material.model else ()
        told = [f"{self.name_of(each)}: {note}" for each in self.answers for note in _notes(each)]
        controls = [f"{name}: {note}" for name, each in self.controls.items() if each for note in each.notes]
        return (*self._empty_analyses(), *model, *told, *controls)

    def _empty_analyses(self) -> tuple[str, ...]:
        """A note on analyses of covariates that found nothing: a vocabulary without hierarchies, say."""
        covariates, settings = self.material.covariates, self.study.file.covariates
        if covariates is None or settings is None:
            return ()
        found = set(covariates.covariates["analysis"])
        empty = [each.name for each in settings.chosen if each.name not in found]
        return (f"no covariate came of: {', '.join(empty)}",) if empty else ()

    def name_of(self, answer: Answer) -> str:
        """An answer's name: its analysis, and its outcome where there are more."""
        return answer.analysis if len(self.study.outcomes) == 1 else f"{answer.analysis}, {answer.outcome}"

    def __repr__(self) -> str:
        hidden = sum(each.hidden for each in self.answers)
        return f"StudyResult({self.study.title!r}: {len(self.answers)} answers, {hidden} of them hidden)"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def told(answer: Answer) -> str:
    """What an answer says, without its name."""
    if answer.hidden:
        failed = [str(each) for each in answer.diagnostics.items if each.hides]
        return f"hidden; {'; '.join(failed)}"
    estimate, calibrated = answer.estimate, answer.calibrated
    low, high = estimate.interval
    interval = f"{100 * estimate.level:g} % interval"
    found = f"{estimate.measure} {estimate.exp:.3g} ({interval} {low:.3g} to {high:.3g})"
    if calibrated is None:
        return f"{found}, not calibrated"
    value, low, high = calibrated.ratios
    return f"{found}, calibrated {value:.3g} ({low:.3g} to {high:.3g})"


def _notes(answer: Answer) -> tuple[str, ...]:
    seen = () if answer.hidden else answer.estimate.notes
    return (*answer.adjustment.notes, *seen)


def _row(answer: Answer) -> dict[str, Any]:
    target, comparator = (masked(count) for count in answer.persons)
    head = {
        "analysis": answer.analysis,
        "outcome": answer.outcome,
        "target": target,
        "comparator": comparator,
        "events": masked(answer.events),
        "hidden_for": ", ".join(answer.finding.hidden_for),
    }
    return head | (_HIDDEN if answer.hidden else _seen(answer))


def _seen(answer: Answer) -> dict[str, Any]:
    estimate, calibrated = answer.estimate, answer.calibrated
    low, high = estimate.interval
    counts = answer.finding.seen.counts
    found = {
        "measure": estimate.measure, "estimate": estimate.exp, "low": low, "high": high, "p": estimate.p_value,
        "standard_error": estimate.standard_error, "robust_error": estimate.robust_error,
        "log_likelihood_ratio": estimate.log_likelihood_ratio,
        "target_days": counts.days[0], "comparator_days": counts.days[1],
        "target_events": masked(counts.events[0]), "comparator_events": masked(counts.events[1]),
    }  # fmt: skip
    return _HIDDEN | found | (_calibrated(calibrated) if calibrated else {})


def _calibrated(found: Calibrated) -> dict[str, float]:
    names = ("calibrated", "calibrated_low", "calibrated_high")
    return dict(zip(names, found.ratios, strict=True)) | {"calibrated_p": found.p_value}


_HIDDEN: dict[str, Any] = dict.fromkeys(
    ("measure", "target_events", "comparator_events"), ""
) | dict.fromkeys(
    (
        *("estimate", "low", "high", "p", "standard_error", "robust_error", "log_likelihood_ratio"),
        *(
            "target_days",
            "comparator_days",
            "calibrated",
            "calibrated_low",
            "calibrated_high",
            "calibrated_p",
        ),
    ),
    nan,
)
