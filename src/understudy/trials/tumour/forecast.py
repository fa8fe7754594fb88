"""forecast_lesions: sizes of later visits from a patient's first ones, by twins of patients not seen in the fit.

The population is fitted to other patients' whole courses; a patient's twin is made of his first visits; the forecast is
the median of its later sizes, with an interval. Beside it stand the last size carried forward, and a blend of the two
whose weight the other patients choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem
from understudy.core.random import normals, uniforms
from understudy.trials.tumour.lesions import Lesions

if TYPE_CHECKING:
    import pandas as pd

    from understudy.inference.fit import Fit
    from understudy.inference.twins.twins import Twins
    from understudy.model.population_model import PopulationModel

METHODS = {"twin": "twin", "previous": "last size carried forward", "blend": "blend of the two"}
_WEIGHTS = np.linspace(0, 1, 21)


def lesion_population() -> PopulationModel:
    """Claret's growth inhibition with normal random effects: the population that lesions are fitted with.

    Growth and effect are normally distributed, and may have either sign: sizes may rise at first and then stay.

    Returns
    -------
    PopulationModel
        Of the library's ``tumour_growth_inhibition``; its values are where a fit begins.

    References
    ----------
    Claret L et al. J Clin Oncol 2009;27:4103-4108. doi:10.1200/JCO.2008.21.0807
    """
    from understudy.library.catalogue import model
    from understudy.model.parts import Parameter
    from understudy.model.population_model import PopulationModel, RandomEffects, Residual

    return PopulationModel(
        "lesions",
        model("tumour_growth_inhibition").with_values(exposure=1.0),
        individual={
            "S0": "theta_S0 * exp(eta_S0)",
            "kL": "theta_kL + eta_kL",
            "kD": "theta_kD + eta_kD",
            "resistance": "theta_resistance",
        },
        fixed=(
            Parameter("theta_S0", 30.0, "mm", "size at the first visit", lower=0.0),
            Parameter("theta_kL", 0.003, "1/week", "growth rate"),
            Parameter("theta_kD", 0.03, "1/week", "rate of shrinkage at first"),
            Parameter("theta_resistance", 0.07, "1/week", "rate at which the effect is lost", lower=0.0),
            Parameter("sigma2", 0.04, "1", "variance on the logarithm", lower=0.0),
        ),
        random=(
            RandomEffects(("eta_S0",), ((0.4,),)),
            RandomEffects(("eta_kL",), ((1e-4,),)),
            RandomEffects(("eta_kD",), ((2e-3,),)),
        ),
        residual=(Residual("S", "sigma2", scale="log"),),
    )


@dataclass(frozen=True, eq=False, repr=False)
class LesionForecasts:
    """Later sizes of patients and three forecasts of each.

    Parameters
    ----------
    table : DataFrame
        One row a visit: patient, day (from the first visit), observed, twin, lower, upper, previous, blend, fold.
    interval : float
        Probability of the twin's interval.
    weights : tuple of float
        Of the twin in the blend, fold by fold.
    fits : tuple of Fit
        Fold by fold.
    """

    table: pd.DataFrame
    interval: float
    weights: tuple[float, ...]
    fits: tuple[Fit, ...]

    @property
    def errors(self) -> pd.DataFrame:
        """Mean absolute error of each patient, mm: a row a patient, a column a method."""
        rows = self.table
        found = rows[list(METHODS)].sub(rows["observed"], axis=0).abs()
        return found.groupby(rows["patient"], sort=False).mean()

    @property
    def scores(self) -> pd.DataFrame:
        """A row a method: mae and median over patients (mm), and the paired difference to the last size carried
        forward (negative: better) with its bootstrap 95 % interval over patients, low and high."""
        import pandas as pd

        errors = self.errors
        rows = []
        for key, label in METHODS.items():
            against = (errors[key] - errors["previous"]).to_numpy()
            low, high = _bootstrap(against)
            rows.append((label, errors[key].mean(), errors[key].median(), against.mean(), low, high))
        return pd.DataFrame(rows, columns=["method", "mae", "median", "difference", "low", "high"])

    @property
    def coverage(self) -> float:
        """Share of sizes within the twin's interval."""
        rows = self.table
        return float(rows["observed"].between(rows["lower"], rows["upper"]).mean())

    def sentence(self, method: str = "blend") -> str:
        """Whether a method was better than the last size carried forward."""
        row = self.scores.set_index("method").loc[METHODS[method]]
        verdict = "better" if row["high"] < 0 else "worse" if row["low"] > 0 else "neither better nor worse"
        return (
            f"The {METHODS[method]} was {verdict} than the last size carried forward: off by {row['mae']:.2f} mm "
            f"on average, a difference of {row['difference']:.2f} mm (95 % interval {row['low']:.2f} to "
            f"{row['high']:.2f})."
        )

    def __repr__(self) -> str:
        count = self.table["patient"].nunique()
        return (
            f"LesionForecasts: {len(self.table)} sizes of {count} patients; {100 * self.interval:.0f} % intervals "
            f"cover {100 * self.coverage:.1f} %"
        )


def forecast_lesions(
    lesions: Lesions,
    population: PopulationModel | None = None,
    *,
    seen: int = 3,
    fewest: int = 5,
    folds: int = 5,
    interval: float = 0.9,
    draws: int = 500,
    seed: int = 0,
    method: str = "focei",
) -> LesionForecasts:
    """Forecast visits after the first ones, cross-validated over patients.

    Parameters
    ----------
    lesions : Lesions
    population : PopulationModel, optional
        With the output ``S`` and its error on the logarithm; `lesion_population` where None.
    seen : int
        First visits that a twin is made of.
    fewest : int
        Visits of a patient who takes part, in the fit too: forecasts are for those who are still seen later, who do
        better than others, and that is whom the population shall be of.
    folds : int
    interval : float
    draws, seed : int
    method : str
        Of estimation, see `fit`.

    Raises
    ------
    DataError
        For fewer patients than two a fold, or a `seen` that leaves nothing to forecast.
    """
    import pandas as pd

    chosen = lesions.with_visits(fewest)
    names = np.array(chosen.patients)
    if len(names) < 2 * folds or folds < 2 or not 1 <= seen < fewest:
        raise DataError(
            [
                Problem(
                    f"{len(names)} patients with {fewest} visits, {seen} seen, {folds} folds", "ask for less"
                )
            ],
            place="the lesions",
        )
    order = uniforms(seed, "lesion folds", np.arange(len(names)), 1)[:, 0].argsort()
    parts, fits, weights = [], [], []
    for k in range(folds):
        out = set(names[order[k::folds]])
        rest = chosen.select([name for name in names if name not in out])
        found = _fitted(population or lesion_population(), rest, method)
        own = _rows(found, rest, seen, interval, draws, seed)
        weights.append(_weight(own))
        rows = _rows(found, chosen.select(sorted(out)), seen, interval, draws, seed)
        parts.append(_blended(rows, weights[-1]).assign(fold=k))
        fits.append(found)
    return LesionForecasts(pd.concat(parts, ignore_index=True), interval, tuple(weights), tuple(fits))


def _fitted(population: PopulationModel, lesions: Lesions, method: str) -> Fit:
    from understudy.inference.estimation.fitting import fit

    return fit(population, lesions.records(), method=method, covariance=None)


def _rows(found: Fit, lesions: Lesions, seen: int, interval: float, draws: int, seed: int) -> pd.DataFrame:
    """Forecasts of the visits after those seen."""
    import pandas as pd

    from understudy.inference.individualise import individualise

    twins = individualise(found, lesions.first_visits(seen).records())
    courses = {name: (day - day[0], size) for name, day, size in lesions.courses()}
    ahead = {name: (day[seen:], size[seen:]) for name, (day, size) in courses.items()}
    drawn = _sizes(twins, {name: day for name, (day, _) in ahead.items()}, draws, seed)
    edges = ((1 - interval) / 2, 0.5, (1 + interval) / 2)
    parts = []
    for k, name in enumerate(twins.patients):
        day, observed = ahead[name]
        z = normals(seed, "lesion scatter", [k], drawn[name].size).reshape(drawn[name].shape)
        low, _, high = np.quantile(
            drawn[name] * np.exp(np.sqrt(found.estimates["sigma2"]) * z), edges, axis=0
        )
        parts.append(
            pd.DataFrame(
                {
                    "patient": name,
                    "day": day,
                    "observed": observed,
                    "twin": np.median(drawn[name], axis=0),
                    "lower": low,
                    "upper": high,
                    "previous": courses[name][1][seen - 1],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _sizes(twins: Twins, days: dict[str, np.ndarray], draws: int, seed: int) -> dict[str, np.ndarray]:
    """Draws of each patient's sizes at his own days, shape (draws, days)."""
    from understudy.core.units import factor
    from understudy.inference.twins.continuation import Continuation

    longest = max(map(len, days.values()))
    # Shorter courses are filled with their last day, which is cut off again.
    grid = np.array([np.pad(days[name], (0, longest - len(days[name])), "edge") for name in twins.patients])
    grid = grid * factor("day", twins.model.structural.time_unit)
    going = Continuation.of(twins, None, 0.0, float(grid.max()))
    levels = going.predictor.on_grid(going.vectors(draws, seed), grid, "S")
    return {name: levels[:, k, : len(days[name])] for k, name in enumerate(twins.patients)}


def _weight(rows: pd.DataFrame) -> float:
    """Of the twin in the blend: where the mean absolute error over patients is least."""
    found = []
    for weight in _WEIGHTS:
        error = (_blended(rows, weight)["blend"] - rows["observed"]).abs()
        found.append(error.groupby(rows["patient"]).mean().mean())
    return float(_WEIGHTS[int(np.argmin(found))])


def _blended(rows: pd.DataFrame, weight: float) -> pd.DataFrame:
    return rows.assign(blend=weight * rows["twin"] + (1 - weight) * rows["previous"])


def _bootstrap(differences: np.ndarray, resamples: int = 2000) -> tuple[float, float]:
    """95 % interval of a mean over patients."""
    count = len(differences)
    taken = (uniforms(0, "lesion bootstrap", np.arange(resamples), count) * count).astype(int)
    low, high = np.quantile(differences[taken].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
