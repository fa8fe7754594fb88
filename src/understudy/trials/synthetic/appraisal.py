"""Appraisal: a synthetic cohort with what can be said of its likeness and of its privacy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.core.record import Record
from understudy.trials.synthetic.cohort import SyntheticCohort
from understudy.trials.synthetic.fidelity import Fidelity, fidelity
from understudy.trials.synthetic.privacy import FEWEST, Privacy, privacy

if TYPE_CHECKING:
    import pandas as pd

# A logistic regression tells the kinds apart from here on: ten times what other patients would give.
_TOLD_APART = 10.0


@dataclass(frozen=True, eq=False, repr=False)
class Appraisal:
    """A cohort and its figures. Made by `appraise`.

    Parameters
    ----------
    cohort : SyntheticCohort
    fidelity : Fidelity
    privacy : Privacy or None
        None where too few rows were held out to say anything.
    outcome : str
        The column that a model predicted from the others; empty without one.
    """

    cohort: SyntheticCohort
    fidelity: Fidelity
    privacy: Privacy | None
    outcome: str

    @property
    def record(self) -> Record:
        """What made the rows."""
        return self.cohort.record

    @property
    def sentences(self) -> tuple[str, ...]:
        """Who can be told from the rows, and how like they are."""
        return (self._privacy(), self._likeness(), *self._downstream())

    def _privacy(self) -> str:
        if self.privacy is None:
            return "Whether the rows tell who was in the table is not known: too few rows were held out."
        area = self.privacy.membership
        low, high = area.interval()
        said = "better than" if low > 0.5 else "no better than"
        told = (
            f"Synthetic rows tell who was in the table {said} chance: area under the curve {area.estimate:.3f} (95 % "
            f"interval {low:.3f} to {high:.3f}), where chance is 0.5."
        )
        return f"{told} Some were learnt by heart: keep them where the table is kept." if low > 0.5 else told

    def _likeness(self) -> str:
        found, rows = self.fidelity, self.fidelity.associations
        gap = (rows["synthetic"] - rows["real"]).abs()
        apart = "tells" if found.propensity > _TOLD_APART else "hardly tells"
        return (
            f"Margins differ by up to {found.margins['difference'].max():.3f}, rank correlations by "
            f"{gap.mean():.3f} on "
            f"average and up to {gap.max():.3f}; a logistic regression {apart} them from patients (ratio "
            f"{found.propensity:.2g}, where as many other patients would give 1)."
        )

    def _downstream(self) -> tuple[str, ...]:
        if not self.fidelity.downstream:
            return ()
        real, drawn = self.fidelity.downstream.values()
        return (
            f"A model of {self.outcome}, tried on rows held out: {real:.3f} if learnt on patients, "
            f"{drawn:.3f} if learnt "
            "on synthetic rows.",
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        less = () if self.privacy else (f"hold out {FEWEST} rows or more to judge privacy",)
        return (
            "synthetic rows are no patients: no trial takes them as subjects or controls, and no estimate "
            "from them is "
            "evidence of an effect",
            "such figures find rows that were learnt by heart; they prove no privacy",
            "margins of the table itself are in this report: keep it where the table is kept",
            *less,
        )

    def table(self) -> pd.DataFrame:
        """Fidelity, one column of figures."""
        return self.fidelity.table()

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by their names, the marked rows first."""
        found = {
            "synthetic": self.cohort.rows,
            "fidelity": self.table().reset_index(),
            "margins": self.fidelity.margins.reset_index(),
            "associations": self.fidelity.associations.reset_index(),
        }
        return found | ({"privacy": self.privacy.table().reset_index()} if self.privacy else {})

    def __repr__(self) -> str:
        return "\n".join((repr(self.cohort), *self.sentences))


def appraise(cohort: SyntheticCohort, outcome: str = "") -> Appraisal:
    """Judge a cohort by all that `fidelity` and `privacy` measure.

    Parameters
    ----------
    cohort : SyntheticCohort
    outcome : str
        A column that a model shall predict from the others: of numbers, or of two words.

    Raises
    ------
    StudyError
        If there is no such column.
    MissingExtraError
        Without scikit-learn.

    Examples
    --------
    >>> import pandas as pd
    >>> from understudy.core.random import normals
    >>> from understudy.trials.synthetic import appraise, synthesise
    >>> drawn = normals(1, "example", range(200), 2)
    >>> frame = pd.DataFrame({"age": 60 + 8 * drawn[:, 0], "marker": drawn.sum(axis=1)})
    >>> found = appraise(synthesise(frame, seed=1))
    >>> found.sentences[0].startswith("Synthetic rows tell who was in the table no better than chance")
    True
    """
    enough = min(len(cohort.source), len(cohort.held_out)) >= FEWEST
    return Appraisal(cohort, fidelity(cohort, outcome), privacy(cohort) if enough else None, outcome)
