"""replay: a trial's primary analysis made again, and where it departs from what was published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.core.errors import UnderstudyError
from understudy.core.record import Record, Stopwatch
from understudy.trials.analyses.analysis import Analysed, analyse, method_of
from understudy.trials.claims import Claims, claims_of
from understudy.trials.effect import Effect, effects_table
from understudy.trials.estimand import apply_estimand
from understudy.trials.published import Comparison, compared

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


_DESCRIPTIVE = "no multiplicity is given: p values of secondary endpoints are descriptive, and show nothing"


@dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """What a trial says on one secondary endpoint.

    Parameters
    ----------
    trial : Trial
        With this endpoint, as the estimand has it.
    analysed : Analysed
    estimand : tuple of str
        The estimand in sentences.
    comparisons : tuple of Comparison
        With what was published.
    """

    trial: Trial
    analysed: Analysed
    estimand: tuple[str, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def name(self) -> str:
        """Of the endpoint."""
        return self.trial.protocol.endpoint.name


@dataclass(frozen=True, eq=False, repr=False)
class Replay:
    """A trial's primary analysis, and those of its secondary endpoints.

    Parameters
    ----------
    trial : Trial
        As the estimand has it.
    primary : Analysed
    estimand : tuple of str
        The estimand in sentences.
    comparisons : tuple of Comparison
        With what was published, of all endpoints.
    record : Record
    secondary : tuple of Answer
    claims : Claims or None
        What may be claimed, where the protocol has ``[multiplicity]``.
    """

    trial: Trial
    primary: Analysed
    estimand: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    record: Record
    secondary: tuple[Answer, ...] = ()
    claims: Claims | None = None

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The primary endpoint's effects, those of the primary measure first."""
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
        own = [f"{each.name}: {note}" for each in self.secondary for note in each.analysed.notes]
        unadjusted = (_DESCRIPTIVE,) if self.secondary and self.claims is None else ()
        claimed = self.claims.notes if self.claims else ()
        return (*self.trial.warnings, *self.primary.notes, *own, *unadjusted, *claimed)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else was found or chosen."""
        own = [f"{each.name}: {told}" for each in self.secondary for told in each.analysed.remarks]
        return (*self.primary.remarks, *own)

    @property
    def makers(self) -> tuple[str, ...]:
        """Whose code did what, a sentence an analysis."""
        own = [self.primary.maker, *(each.analysed.maker for each in self.secondary)]
        claimed = (
            [f"{self.claims.procedure}: adjusted p values by Understudy's own code"] if self.claims else []
        )
        return tuple(dict.fromkeys([*own, *claimed]))

    def table(self) -> pd.DataFrame:
        """The effects on all endpoints, one a row."""
        import pandas as pd

        endpoints = [(self.trial.protocol.endpoint.name, self.primary)]
        endpoints += [(each.name, each.analysed) for each in self.secondary]
        parts = [effects_table(found.effects).assign(endpoint=name) for name, found in endpoints]
        whole = pd.concat(parts, ignore_index=True)
        return whole[["endpoint", *(name for name in whole if name != "endpoint")]]

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name: effects, and what each analysis holds beside them."""
        more = {
            f"secondary {k} {name}": table
            for k, each in enumerate(self.secondary, 1)
            for name, table in each.analysed.tables.items()
        }
        claimed = {"hypotheses": self.claims.table()} if self.claims else {}
        return {"effects": self.table(), **self.primary.tables, **more, **claimed}

    def __repr__(self) -> str:
        lines = [self.trial.protocol.title, *map(str, self.effects)]
        lines += [f"{each.name}: {effect}" for each in self.secondary for effect in each.analysed.effects]
        lines += [self.claims.sentence] if self.claims else []
        for each in self.departures:
            lines.append(
                f"departs: {each.what} of {each.arm} is published as {each.published:g}, is {each.ours:.6g}"
            )
        return "\n".join(lines)


def replay(trial: Trial) -> Replay:
    """Make a trial's primary analysis again, and those of its secondary endpoints.

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
    found = _answer(trial)
    secondary = tuple(_placed(each) for each in trial.secondary)
    results = [(found.trial, found.analysed), *((each.trial, each.analysed) for each in secondary)]
    section = trial.protocol.multiplicity
    claims = claims_of(section, results) if section else None
    record = Record.make(
        "trial replay", stopwatch=watch, inputs=trial.inputs or {}, seed=trial.protocol.seed, method=method,
        settings={"protocol": trial.settings},
    )  # fmt: skip
    compared_all = tuple(each for answer in (found, *secondary) for each in answer.comparisons)
    return Replay(found.trial, found.analysed, found.estimand, compared_all, record, secondary, claims)


def _answer(trial: Trial) -> Answer:
    asked, told = apply_estimand(trial)
    found = analyse(asked)
    return Answer(asked, found, (*_sentences(trial, found), *told), compared(trial, found))


def _placed(trial: Trial) -> Answer:
    """The answer on a secondary endpoint, which errors name."""
    try:
        return _answer(trial)
    except UnderstudyError as error:
        error.place = f"secondary endpoint {trial.protocol.endpoint.name}: {error.place}"
        raise


def _sentences(trial: Trial, found: Analysed) -> tuple[str, ...]:
    """The five attributes of an estimand."""
    protocol = trial.protocol
    measure = protocol.estimand.summary or found.effects[0].measure
    return (
        f"population: {protocol.estimand.population}",
        f"treatments: {', '.join(trial.arms[1:])} against {trial.control}",
        f"endpoint: {protocol.endpoint.name}",
        f"summary: {measure}, by {found.told}",
    )
