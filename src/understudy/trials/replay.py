"""replay: a trial's primary analysis made again, and where it departs from what was published."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from understudy.core.errors import StudyError
from understudy.core.record import Record, Stopwatch
from understudy.trials.analyses.analysis import METHODS, Analysed, analyse, method_of
from understudy.trials.effect import Effect, effects_table
from understudy.trials.estimand import apply_estimand

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

_PARTS = {
    "estimate": "value", "lower": "low", "upper": "high", "p": "p_value", "se": "standard_error",
    "subjects": "subjects", "events": "events",
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """A published number beside ours.

    Parameters
    ----------
    arm, what : str
    published, ours : float
    agrees : bool
        To the digits that are published.
    """

    arm: str
    what: str
    published: float
    ours: float
    agrees: bool


@dataclass(frozen=True, eq=False, repr=False)
class Replay:
    """A trial's primary analysis.

    Parameters
    ----------
    trial : Trial
        As the estimand has it.
    primary : Analysed
    estimand : tuple of str
        The estimand in sentences.
    comparisons : tuple of Comparison
        With what was published.
    record : Record
    """

    trial: Trial
    primary: Analysed
    estimand: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    record: Record

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The effects, the primary ones first."""
        return self.primary.effects

    @property
    def departures(self) -> tuple[Comparison, ...]:
        """Published numbers that ours differ from."""
        return tuple(each for each in self.comparisons if not each.agrees)

    @property
    def agrees(self) -> bool | None:
        """Whether all published numbers are found again; None where none are given."""
        return not self.departures if self.comparisons else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (*self.trial.warnings, *self.primary.notes)

    def table(self) -> pd.DataFrame:
        """The effects, one a row."""
        return effects_table(self.effects)

    def __repr__(self) -> str:
        lines = [self.trial.protocol.title, *map(str, self.effects)]
        for each in self.departures:
            lines.append(
                f"departs: {each.what} of {each.arm} is published as {each.published:g}, is {each.ours:.6g}"
            )
        return "\n".join(lines)


def replay(trial: Trial) -> Replay:
    """Make a trial's primary analysis again.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    Replay
        Its `departures` are where published numbers, if the protocol gives them, are not found again.

    Raises
    ------
    StudyError
        For an analysis or strategy that is not for this endpoint.

    Examples
    --------
    >>> from understudy.trials import load_trial
    >>> replay(load_trial("examples/leukaemia/trial.toml"))
    6-mercaptopurine keeps children with acute leukaemia in remission
    6-MP against placebo, hazard ratio: 0.2076 (0.09251 to 0.4659), p 0.000138
    """
    watch, method = Stopwatch(), method_of(trial)
    asked, told = apply_estimand(trial)
    found = analyse(asked)
    record = Record.make(
        "trial replay", stopwatch=watch, inputs=trial.inputs or {}, seed=trial.protocol.seed, method=method,
        settings={"protocol": trial.settings},
    )  # fmt: skip
    return Replay(asked, found, (*_sentences(trial, found), *told), _compared(trial, found), record)


def _sentences(trial: Trial, found: Analysed) -> tuple[str, ...]:
    """The five attributes of an estimand."""
    protocol = trial.protocol
    measure = protocol.estimand.summary or found.effects[0].measure
    return (
        f"population: {protocol.estimand.population}",
        f"treatments: {', '.join(trial.arms[1:])} against {trial.control}",
        f"endpoint: {protocol.endpoint.name}",
        f"summary: {measure}, by {METHODS[found.method][2]}",
    )


def _compared(trial: Trial, found: Analysed) -> tuple[Comparison, ...]:
    """Published numbers beside ours.

    Raises
    ------
    StudyError
        For an arm or a part that there is not.
    """
    labels = {**trial.protocol.arms.labels}
    made = []
    for arm, parts in trial.protocol.analysis.published.items():
        effect = next((e for e in found.effects if e.arm == labels.get(arm, arm)), None)
        if effect is None:
            known = ", ".join(dict.fromkeys(e.arm for e in found.effects))
            raise StudyError(
                f"no effect is of {arm!r}", place="analysis.published", repair=f"effects are of: {known}"
            )
        for part, value in parts.items():
            if part not in _PARTS:
                raise StudyError(
                    f"unknown number {part!r}", place=f"analysis.published.{arm}", repair=", ".join(_PARTS)
                )
            ours = float(getattr(effect, _PARTS[part]) or 0)
            made.append(Comparison(effect.arm, part, value, ours, same_digits(value, ours)))
    return tuple(made)


def same_digits(published: float, ours: float) -> bool:
    """Whether a number rounds to a published one, by the decimals that this one is written with.

    Examples
    --------
    >>> same_digits(0.69, 0.6899), same_digits(0.69, 0.684), same_digits(79, 79.0)
    (True, False, True)
    """
    unit = 10.0 ** Decimal(repr(float(published))).normalize().as_tuple().exponent
    # Half a unit of the last digit, and a little for the binary fractions of numbers that end in 5.
    return abs(published - ours) <= 0.5 * min(unit, 1.0) * (1 + 1e-9)
