"""Effect texts: effects of a trial as sentences, as a table and as numbers of a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.number import MISSING, figures, is_number, listed
from understudy.dossier.page import Column, Table
from understudy.plot.label import sentence_case
from understudy.trials.effect import Effect
from understudy.trials.trial import Trial


def effect_sentence(effect: Effect, endpoint: str) -> str:
    r"""An effect with its interval, p and counts in a sentence.

    Examples
    --------
    >>> found = Effect("A", "B", "hazard ratio", 0.5, 0.3, 0.8, 0.25, 0.004, 100, "Cox", events=40)
    >>> effect_sentence(found, "death").replace("\xa0", " ")
    'Hazard ratio for death, A against B: 0.500 (95 % interval 0.300 to 0.800; p = 0.0040), 100 subjects, 40 events.'
    """
    events = "" if effect.events is None else f", {effect.events:,} events"
    value = _number(effect.value, 3)
    return (
        f"{sentence_case(effect.measure)} for {endpoint}, {effect.arm} against {effect.against}: "
        f"{value} ({100 * effect.level:g}\xa0% interval {interval(effect)}; {p_text(effect.p_value)}), "
        f"{effect.subjects:,} subjects{events}."
    )


def resampled_note(trial: Trial, arm: str) -> tuple[str, ...]:
    """Where an effect that is made again in thousands of resamples is not quite that of the replay, a sentence."""
    kind, analysis = trial.protocol.endpoint.kind, trial.protocol.analysis
    adjusted = bool(analysis.covariates or analysis.strata)
    differences = (
        ("without the other arms", len(trial.arms) > 2),
        ("without covariates and strata", kind == "survival" and adjusted),
        ("by a linear model of risks", kind == "binary" and adjusted),
    )
    told = [words for words, holds in differences if holds]
    if not told:
        return ()
    return (
        f"the effect of {arm} against {trial.control} is made {listed(told)} here: it may differ a little from the "
        "replay's",
    )


def p_text(p: float) -> str:
    """A p value with two figures, or that it is very small.

    Examples
    --------
    >>> p_text(0.0123), p_text(1e-9), p_text(float("nan"))
    ('p = 0.012', 'p < 0.0001', 'no p')
    """
    if not is_number(p):
        return "no p"
    return "p < 0.0001" if p < 1e-4 else f"p = {figures(p, 2)}"


def interval(effect: Effect, digits: int = 3) -> str:
    """Its ends; a dash where there are none."""
    if effect.low != effect.low or effect.high != effect.high:
        return MISSING
    return f"{_number(effect.low, digits)} to {_number(effect.high, digits)}"


def _number(value: float, digits: int) -> str:
    """Infinite where events are separated, or an arm never loses a pair."""
    return "∞" if value == float("inf") else figures(value, digits)


def effects_block(effects: tuple[Effect, ...], caption: str) -> Table:
    """The effects, a row each."""
    columns = (
        Column("Arm", manner="label"), Column("Against", manner="label"), Column("Measure"),
        Column("Estimate", numeric=True),
        Column(f"{100 * effects[0].level:g}\xa0% interval", numeric=True), Column("Standard error", numeric=True),
        Column("p", numeric=True), Column("Subjects", numeric=True), Column("Events", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (e.arm, e.against, e.measure, _number(e.value, 4), interval(e, 4), figures(e.standard_error, 4),
         figures(e.p_value, 3), f"{e.subjects:,}", "–" if e.events is None else f"{e.events:,}")
        for e in effects
    )  # fmt: skip
    return Table(columns, rows, caption=f"{caption} Standard errors of ratios are of their logarithms.")


def effect_numbers(effects: Iterable[Effect], endpoint: str, source: str = "") -> Iterator[ReportedNumber]:
    """Estimate, p value and counts of each effect; the source is its own method where none is given."""
    for each in effects:
        head, made = (
            f"{each.measure} for {endpoint}, {each.arm} against {each.against}",
            source or each.method,
        )
        yield ReportedNumber(
            head,
            each.value,
            low=each.low,
            high=each.high,
            level=each.level,
            error=each.standard_error,
            source=made,
        )
        yield ReportedNumber(f"{head}: p, two-sided", each.p_value, source=made)
        yield ReportedNumber(f"{head}: subjects", each.subjects, source=made)
        if each.events is not None:
            yield ReportedNumber(f"{head}: events", each.events, source=made)
