"""Claims: what a trial's endpoints and arms have shown once all hypotheses are tested together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.multiplicity_graph import (
    MultipleTest,
    MultiplicityGraph,
    fallback,
    fixed_sequence,
    hochberg,
    holm,
    hommel,
    multiplicity_graph,
)
from understudy.core.errors import StudyError, UnderstudyError
from understudy.trials.benefit import favours
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.analyses.analysis import Analysed
    from understudy.trials.multiplicity_section import MultiplicitySection
    from understudy.trials.trial import Trial


_SAID = {
    "graphical test": "the graphical test",
    "fixed sequence": "the fixed sequence",
    "fallback": "the fallback test",
}


@dataclass(frozen=True)
class Claim:
    """One hypothesis, that an arm does not differ from the control on an endpoint, and what became of it.

    Parameters
    ----------
    name : str
    endpoint : str
    effect : Effect
    p_value, adjusted : float
    weight : float
        Share of alpha that it has at the beginning; not-a-number where the procedure has none.
    rejected : bool
    favours : str
        "treated" or "control"; "" where nothing says what is good.
    """

    name: str
    endpoint: str
    effect: Effect
    p_value: float
    adjusted: float
    weight: float
    rejected: bool
    favours: str

    @property
    def verdict(self) -> str:
        """What may be said."""
        return f"shown: {self.effect.arm} {self._word}" if self.rejected else "not shown"

    @property
    def side(self) -> str:
        """Which way the arm differs; its name too, where that of the hypothesis lacks it."""
        return self._word if self.name.endswith(self.effect.arm) else f"{self.effect.arm} {self._word}"

    @property
    def _word(self) -> str:
        return {"treated": "better", "control": "WORSE"}.get(self.favours, "differs")


@dataclass(frozen=True, eq=False, repr=False)
class Claims:
    """All hypotheses of a trial, tested together.

    Parameters
    ----------
    procedure : str
    alpha : float
        Familywise.
    one_sided : bool
    items : tuple of Claim
    """

    procedure: str
    alpha: float
    one_sided: bool
    items: tuple[Claim, ...]

    @property
    def shown(self) -> tuple[Claim, ...]:
        """Hypotheses that are rejected."""
        return tuple(each for each in self.items if each.rejected)

    @property
    def sentence(self) -> str:
        """What may be claimed."""
        sides = "one-sided" if self.one_sided else "two-sided"
        by = _SAID.get(self.procedure, f"{self.procedure}'s test")
        head = f"At a familywise level of {100 * self.alpha:g} %, {sides}, by {by}, "
        if not self.shown:
            return f"{head}nothing is shown."
        return f"{head}{'; '.join(f'{each.name} ({each.side})' for each in self.shown)} may be claimed."

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        wrong = [each.name for each in self.shown if each.favours == "control"]
        if not wrong:
            return ()
        return (
            f"{', '.join(wrong)}: significant to the disadvantage of the treated arm, and its share of alpha was "
            "handed on all the same; one_sided = true tests for benefit only",
        )

    def table(self) -> pd.DataFrame:
        """A row a hypothesis."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"hypothesis": each.name, "endpoint": each.endpoint, "arm": each.effect.arm,
                 "measure": each.effect.measure, "weight": each.weight, "p": each.p_value,
                 "p_adjusted": each.adjusted, "verdict": each.verdict}
                for each in self.items
            ]
        )  # fmt: skip

    def __repr__(self) -> str:
        return "\n".join([self.sentence, self.table().to_string(index=False, float_format="{:.4g}".format)])


def claims_of(section: MultiplicitySection, results: Sequence[tuple[Trial, Analysed]]) -> Claims:
    """Test all hypotheses of a trial's endpoints together.

    Parameters
    ----------
    section : MultiplicitySection
    results : sequence of (Trial, Analysed)
        The primary endpoint first.

    Raises
    ------
    StudyError
        For names that are no hypotheses, shares that do not fit, an endpoint without a p value, or one-sided tests of
        an endpoint of which nothing says what is good.
    """
    effects = _hypotheses(results)
    sides = {name: favours(effect, trial.protocol.endpoint) for name, (trial, effect) in effects.items()}
    p_values = [
        _p_value(name, effect, sides[name], section.one_sided) for name, (_, effect) in effects.items()
    ]
    tested, weights = _tested(section, list(effects), p_values)
    items = tuple(
        Claim(name, trial.protocol.endpoint.name, effect, float(p), tested[name], weights[name],
              bool(tested[name] <= section.level), sides[name])
        for (name, (trial, effect)), p in zip(effects.items(), p_values, strict=True)
    )  # fmt: skip
    return Claims(tested.procedure, section.level, section.one_sided, items)


def _hypotheses(results: Sequence[tuple[Trial, Analysed]]) -> dict[str, tuple[Trial, Effect]]:
    """The first measure of each endpoint, arm by arm against the control."""
    found = {}
    for trial, analysed in results:
        first = analysed.effects[0]
        own = [e for e in analysed.effects if (e.measure, e.against) == (first.measure, first.against)]
        for effect in own:
            name = trial.protocol.endpoint.name
            found[f"{name}: {effect.arm}" if len(own) > 1 else name] = (trial, effect)
    return found


def _p_value(name: str, effect: Effect, side: str, one_sided: bool) -> float:
    if not np.isfinite(effect.p_value):
        raise StudyError(
            f"{name} has no p value", place="multiplicity", repair="take another analysis for this endpoint"
        )
    if not one_sided:
        return effect.p_value
    if not side:
        raise StudyError(
            f"nothing says whether more or less is good for {name}",
            place="multiplicity.one_sided",
            repair='give the endpoint better = "higher", or better = "lower"',
        )
    return effect.p_value / 2 if side == "treated" else 1 - effect.p_value / 2


def _tested(
    section: MultiplicitySection, names: list[str], p_values: list[float]
) -> tuple[MultipleTest, dict[str, float]]:
    _require_known(section, names)
    try:
        if section.method in ("hochberg", "hommel"):
            work = hochberg if section.method == "hochberg" else hommel
            return work(names, p_values, alpha=section.level), dict.fromkeys(names, float("nan"))
        graph = graph_of(section, names)
        tested = graph.test([p_values[names.index(name)] for name in graph.names], alpha=section.level)
    except UnderstudyError as error:
        raise StudyError(error.cause, place="multiplicity", repair=error.repair) from None
    return tested, dict(zip(graph.names, graph.weights.tolist(), strict=True))


def graph_of(section: MultiplicitySection, names: Sequence[str]) -> MultiplicityGraph:
    """The graph of a procedure that is one; its hypotheses in the order in which they are tested."""
    ordered = [*section.order, *(name for name in names if name not in section.order)]
    shares = _shares(section.weights, ordered) if section.weights else np.full(len(ordered), 1 / len(ordered))
    if section.method == "holm":
        return holm(ordered, shares)
    if section.method == "fixed sequence":
        return fixed_sequence(ordered)
    if section.method == "fallback":
        return fallback(ordered, shares)
    edges = [_shares(section.transitions.get(name, {}), ordered) for name in ordered]
    procedure = "Bonferroni" if section.method == "bonferroni" else "graphical test"
    return multiplicity_graph(ordered, shares, np.array(edges), procedure=procedure)


def _shares(given: Mapping[str, float], names: Sequence[str]) -> np.ndarray:
    return np.array([given.get(name, 0.0) for name in names])


def _require_known(section: MultiplicitySection, names: list[str]) -> None:
    given = {
        "weights": [*section.weights],
        "transitions": [*section.transitions, *(to for row in section.transitions.values() for to in row)],
        "order": [*section.order],
    }
    for key, asked in given.items():
        unknown = [name for name in asked if name not in names]
        if unknown:
            raise StudyError(
                f"there is no hypothesis {unknown[0]!r}",
                place=f"multiplicity.{key}",
                repair=f"hypotheses: {', '.join(repr(name) for name in names)}",
            )
