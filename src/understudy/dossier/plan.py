"""Plan: a study made ready; Findings: what the stages of its evaluation found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.dossier.regimen_comparison import Comparison
from understudy.dossier.study import Study
from understudy.dossier.study_fit import TWIN_SETS, StudyFit
from understudy.inference.diagnose import Diagnostics
from understudy.inference.hold_out import ForecastCheck
from understudy.inference.individualise import Twins
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel
from understudy.population.strata import Stratification

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records


@dataclass(frozen=True, eq=False)
class Plan:
    """A study made ready: its parts loaded, checked and in the model's units.

    Parameters
    ----------
    study : Study
    records : Records or None
    model : Model or PopulationModel
        With the estimates, where the study asks for a fit.
    seed, jobs : int
    strata : tuple of Stratification
    fit : StudyFit or None
    """

    study: Study
    records: Records | None
    model: Model | PopulationModel
    seed: int
    jobs: int
    strata: tuple[Stratification, ...]
    fit: StudyFit | None = None

    @property
    def draws(self) -> int:
        """Draws of each twin."""
        return self.study.evaluation.draws

    @property
    def interval(self) -> float:
        """Probability of prediction intervals."""
        return self.study.evaluation.interval

    @property
    def drawn(self) -> tuple[PopulationModel, ...]:
        """Models with parameters drawn from how sure the fit is of them; empty where that is not carried on."""
        return self.fit.drawn if self.fit else ()

    @property
    def twin_models(self) -> tuple[PopulationModel, ...]:
        """Those of them under which twins are made anew: no more than each twin has draws."""
        return self.drawn[: min(TWIN_SETS, self.draws)]

    @property
    def output(self) -> str:
        """The output that is forecast: that of the target, where it has been measured."""
        target = self.study.target.output
        return target if target in self.model.output_names else self.model.output_names[0]


@dataclass(frozen=True, eq=False)
class Findings:
    """What the stages found.

    Parameters
    ----------
    check : ForecastCheck
    twins : Twins
    diagnostics : Diagnostics
    vpc : DataFrame
    comparisons : tuple of Comparison
        In the twins, then in virtual patients.
    left_out : dict of str to str
        Patients of whom no twin could be made under some of the parameters drawn.
    """

    check: ForecastCheck
    twins: Twins
    diagnostics: Diagnostics
    vpc: pd.DataFrame
    comparisons: tuple[Comparison, ...]
    left_out: dict[str, str]

    @property
    def failures(self) -> dict[str, str]:
        """Patients left out of anything, with a sentence."""
        named = self.left_out | dict(self.check.failures) | self.twins.failures
        return named | {
            name: text for comparison in self.comparisons for name, text in comparison.failures.items()
        }
