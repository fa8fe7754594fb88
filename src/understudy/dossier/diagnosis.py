"""diagnosis: everything that tells whether a population model fits its patients, at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understudy.inference.diagnose import Diagnostics, diagnose
from understudy.inference.diagnostics.goodness_of_fit import GoodnessOfFit, goodness_of_fit
from understudy.inference.diagnostics.predictive_check import PredictiveCheck, predictive_check
from understudy.inference.diagnostics.visual_check import VisualCheck, visual_predictive_check

if TYPE_CHECKING:
    from understudy.data.records import Records
    from understudy.inference.fit import Fit
    from understudy.model.population_model import PopulationModel


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What `understudy diagnose` found.

    Parameters
    ----------
    model : PopulationModel
    records : Records
    fit : GoodnessOfFit
    visual : VisualCheck
    corrected : VisualCheck
        With correction for the prediction.
    predictive : PredictiveCheck
    individual : dict of str to Diagnostics
        Individual curves of each observed output.
    seed : int
    """

    model: PopulationModel
    records: Records
    fit: GoodnessOfFit
    visual: VisualCheck
    corrected: VisualCheck
    predictive: PredictiveCheck
    individual: dict[str, Diagnostics]
    seed: int

    @property
    def outputs(self) -> tuple[str, ...]:
        """Outputs that were measured."""
        return tuple(self.individual)


def make_diagnosis(
    given: Fit | PopulationModel,
    records: Records,
    *,
    replicates: int = 1000,
    stratify: str = "",
    bins: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[str, float], Any] = lambda stage, done: None,
) -> Diagnosis:
    """Goodness of fit, visual, numerical and predictive checks, and individual fits.

    Parameters
    ----------
    given : Fit or PopulationModel
    records : Records
    replicates : int
        Simulated studies of each check.
    stratify : str
        Column by which the visual checks are grouped.
    bins : int or None
        Of the visual checks; see `visual_predictive_check`.
    seed, jobs : int
    progress : function
        Told each stage's name and how much of it is done.

    Raises
    ------
    SimulationError
        As the checks do.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> make_diagnosis(load_model("phenobarbital_neonates"), records, replicates=30).outputs
    ('Cp',)
    """

    def stage(name: str, work: Callable[[], Any]) -> Any:
        progress(name, 0.0)
        found = work()
        progress(name, 1.0)
        return found

    how = {"replicates": replicates, "seed": seed, "jobs": jobs}
    fit = stage("Goodness of fit", lambda: goodness_of_fit(given, records, **how))
    seen = {"stratify": stratify, "bins": bins, **how}
    visual = stage("Visual predictive check", lambda: visual_predictive_check(given, records, **seen))
    corrected = stage(
        "With prediction correction",
        lambda: visual_predictive_check(given, records, correction="prediction", **seen),
    )
    predictive = stage("Predictive check", lambda: predictive_check(given, records, **how))
    outputs = dict.fromkeys(fit.table["DVID"])
    individual = stage(
        "Individual fits",
        lambda: {
            name: diagnose(fit.twins.succeeded(), output=name, seed=seed, jobs=jobs) for name in outputs
        },
    )
    return Diagnosis(fit.model, records, fit, visual, corrected, predictive, individual, seed)
