"""goodness_of_fit: every measurement with its predictions and residuals, under the names that NONMEM gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.inference.diagnose import expected
from understudy.inference.diagnostics.linearisation import linearised
from understudy.inference.diagnostics.normality import standard_normal_tests
from understudy.inference.diagnostics.npde import prediction_distribution_errors
from understudy.inference.diagnostics.numerical_check import numerical_check
from understudy.inference.diagnostics.observation_context import record_rows, time_after_dose
from understudy.inference.diagnostics.replicates import Replicates, replicate
from understudy.inference.diagnostics.shrinkage import (
    effect_shrinkage,
    random_effects,
    residual_shrinkage,
)
from understudy.inference.individualise import Twins, individualise
from understudy.inference.likelihood import Likelihood

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records
    from understudy.inference.fit import Fit
    from understudy.model.population_model import PopulationModel

TESTED = ("WRES", "CWRES", "CWRESI", "NPD", "NPDE")


@dataclass(frozen=True, eq=False, repr=False)
class GoodnessOfFit:
    """How measurements lie around a model.

    Parameters
    ----------
    model : PopulationModel
    twins : Twins
        The individuals at their modes.
    table : DataFrame
        One row a measurement, in the order of the records and the model's units: ID, ROW (of the file), TIME, TAD (time
        after dose), DVID (the output), DV, CENS (1 below, -1 above a limit of quantification, else 0), PRED, RES, WRES,
        EPRED, IPRED, IRES, IWRES, CWRES, CWRESI, NPD, NPDE, then the records' covariates.
    effects : DataFrame
        One row a random effect of a patient; see `random_effects`.
    shrinkage : DataFrame
        One row a random effect, and one an output's residual error; see `effect_shrinkage`.
    tests : DataFrame
        Of the residuals, that they are standard normal; see `standard_normal_tests`.
    numerical : DataFrame
        Numerical predictive check; see `numerical_check`.
    replicates : int
        Simulated studies that EPRED, NPD, NPDE and `numerical` rest on.
    """

    model: PopulationModel
    twins: Twins
    table: pd.DataFrame
    effects: pd.DataFrame
    shrinkage: pd.DataFrame
    tests: pd.DataFrame
    numerical: pd.DataFrame
    replicates: int

    def __repr__(self) -> str:
        shrunk = ", ".join(
            f"{row['name']} {_percent(row['shrinkage_sd'])}" for row in self.shrinkage.to_dict("records")
        )
        lines = [
            f"Goodness of fit of {self.model.name!r}: {len(self.table):,} measurements of "
            f"{self.table['ID'].nunique():,} patients",
            f"  shrinkage: {shrunk}",
        ]
        for row in self.tests[self.tests["residual"].isin(("CWRESI", "NPDE"))].to_dict("records"):
            lines.append(
                f"  {row['residual']} of {row['output']}: mean {row['mean']:.2f}, variance {row['variance']:.2f}, "
                f"standard normal with p = {row['p']:.2g}"
            )
        return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{round(100 * share)} %" if np.isfinite(share) else "unknown"


def goodness_of_fit(
    given: Fit | PopulationModel,
    records: Records,
    *,
    replicates: int = 1000,
    seed: int = 0,
    engine: str = "auto",
    jobs: int = 1,
) -> GoodnessOfFit:
    """Compare the measurements with what a population model says of them.

    Parameters
    ----------
    given : Fit or PopulationModel
        A fit with its model, or a model with its parameters at their estimates.
    records : Records
    replicates : int
        Simulated studies for EPRED, NPD, NPDE and the numerical predictive check.
    seed : int
    engine, jobs
        As for `simulate`.

    Returns
    -------
    GoodnessOfFit
        Residuals are weighted on the scale on which the residual error is normal (log DV where it is that of the
        logarithm); DV, PRED, RES, IPRED and IRES are on the measurements' own. Not-a-number: weighted residuals of
        measurements beyond a limit of quantification (NPD and NPDE impute these), and of individuals without a mode.

    Raises
    ------
    SimulationError
        Without a measurement, for a fit without its model, for too few replicates.

    References
    ----------
    WRES: first-order method; CWRES: Hooker et al. 2007, doi:10.1007/s11095-007-9361-x, with the residual variance at
    zero random effects; CWRESI: the same with that at the mode (interaction); NONMEM's has the variance over all
    patients there, see docs/diagnostics.md. NPD, NPDE: Brendel et al. 2006, doi:10.1007/s11095-006-9067-5. Shrinkage:
    Savic and Karlsson 2009, doi:10.1208/s12248-009-9133-0.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> found = goodness_of_fit(load_model("phenobarbital_neonates"), records, replicates=100)
    >>> found.table[["ID", "TIME", "DV"]].head(1).values.tolist()
    [['1', 2.0, 17.3]]
    >>> found.shrinkage[["name", "shrinkage_sd"]].round(2).values.tolist()
    [['eta_CL', 0.47], ['eta_V', 0.13], ['eps(Cp)', 0.21]]
    """
    import pandas as pd

    copies = replicate(given, records, replicates, seed=seed, jobs=jobs)
    twins = individualise(copies.predictor.model, records, engine=engine, jobs=jobs)
    table = _table(copies, twins, seed)
    effects = random_effects(twins)
    shrinkage = pd.concat([effect_shrinkage(effects), residual_shrinkage(table)], ignore_index=True)
    return GoodnessOfFit(
        copies.predictor.model, twins, table, effects, shrinkage,
        standard_normal_tests(table, TESTED), numerical_check(copies), len(copies.values),
    )  # fmt: skip


def _table(copies: Replicates, twins: Twins, seed: int) -> pd.DataFrame:
    import pandas as pd

    predictor, rows = copies.predictor, record_rows(copies.predictor)
    covariates = predictor.records.covariates
    columns = {
        "ID": np.array(predictor.patients)[predictor.patient],
        "ROW": predictor.row,
        "TIME": predictor.time,
        "TAD": time_after_dose(predictor),
        "DVID": predictor.output.astype(str),
        "DV": predictor.raw,
        "CENS": predictor.censoring.side.astype(int),
        **_residuals(copies, twins),
    }
    columns["NPD"], columns["NPDE"] = prediction_distribution_errors(copies, seed)
    columns |= {name: rows[name].to_numpy() for name in covariates if name not in columns}
    return pd.DataFrame(columns)


def _residuals(copies: Replicates, twins: Twins) -> dict[str, np.ndarray]:
    predictor, likelihood = copies.predictor, Likelihood(copies.predictor)
    made = np.array([not text for text in twins.status])[predictor.patient]
    modes = np.where(np.isfinite(twins.modes), twins.modes, 0.0)
    prediction, variance = predictor.predict(np.stack([np.zeros_like(modes), modes]))
    plain = expected(predictor, np.stack([np.zeros_like(modes), modes]))
    individual = np.where(made, plain[1], np.nan)
    beyond = predictor.censoring.censored
    measured = np.where(beyond, np.nan, predictor.measured)
    observed = np.where(beyond, np.nan, predictor.raw)
    weighted = {name: model.weighted(measured) for name, model in linearised(likelihood, modes).items()}
    for name in ("CWRES", "CWRESI"):
        weighted[name] = np.where(made, weighted[name], np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        iwres = np.where(made, (measured - prediction[1]) / np.sqrt(variance[1]), np.nan)
    return {
        "PRED": plain[0],
        "RES": observed - plain[0],
        "WRES": weighted["WRES"],
        "EPRED": copies.natural.mean(axis=0),
        "IPRED": individual,
        "IRES": observed - individual,
        "IWRES": np.where(np.isfinite(iwres), iwres, np.nan),
        "CWRES": weighted["CWRES"],
        "CWRESI": weighted["CWRESI"],
    }
