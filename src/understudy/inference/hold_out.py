"""check_forecasts: hold back each patient's last measurement, forecast it, and see whether the twin was any use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.random import choices, uniforms
from understudy.core.unit_label import unit_label
from understudy.inference.diagnose import central, drawn_measurements, expected, natural_scale
from understudy.inference.fit import Fit
from understudy.inference.individualise import Twins, individualise, prior_twins
from understudy.inference.predictor import Predictor
from understudy.inference.twins.fitted_model import fitted_model
from understudy.inference.twins.settings import Method
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

METHODS = {"individual": "twin", "population": "population alone", "previous": "last level carried forward"}
_RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class ForecastCheck:
    """Held-back measurements and three forecasts of each.

    Parameters
    ----------
    table : DataFrame
        One row a held-back measurement: id, row, time, observed, individual, individual_lower, individual_upper,
        population, population_lower, population_upper, previous.
    scores : DataFrame
        One row a method: method, n, mae, rmse, bias (mean of forecast minus observed), coverage of the interval with
        its exact binomial 95 % interval coverage_low, coverage_high (not-a-number where there is no interval).
    gain : tuple of float
        How much smaller the twin's mean absolute error is than the population's, with a bootstrap 95 % interval.
    interval : float
    unit : str
    skipped : int
        Patients with fewer than two measurements, whom nothing earlier can help to forecast.
    failures : mapping of patient to sentence
        Patients of whom no twin could be made.
    seed : int
        Of the bootstrap.
    """

    table: pd.DataFrame
    scores: pd.DataFrame
    gain: tuple[float, float, float]
    interval: float
    unit: str
    skipped: int
    failures: Mapping[str, str]
    seed: int = 0

    @property
    def differences(self) -> pd.DataFrame:
        """How much larger the absolute error of the other methods is than the twin's, on the same levels.

        One row a method: method, mean, and its bootstrap 95 % interval over patients, low and high.
        """
        import pandas as pd

        others = [key for key in METHODS if key != "individual"]
        rows = [(METHODS[key], *_gain(self.table, self.seed, key)) for key in others]
        return pd.DataFrame(rows, columns=["method", "mean", "low", "high"])

    @property
    def sentence(self) -> str:
        """Whether individualising helped, in a sentence."""
        if not len(self.table):
            return "No patient has two measurements, so that the twins' forecasts could not be checked."
        by_method = self.scores.set_index("method")["mae"]
        mean, low, high = self.gain
        unit = unit_label(self.unit)
        twin, alone = by_method[METHODS["individual"]], by_method[METHODS["population"]]
        verdict = (
            "Individualising helped"
            if low > 0
            else "Individualising made the forecast worse"
            if high < 0
            else "Individualising made no difference that these data can show"
        )
        return (
            f"{verdict}: over {len(self.table)} held-back levels the twin was off by {twin:.2g} {unit} "
            f"on average, the population alone by {alone:.2g} {unit} "
            f"(difference {mean:.2g} {unit}, 95 % interval {low:.2g} to {high:.2g})."
        )


def check_forecasts(
    model: PopulationModel | Fit,
    records: Records,
    *,
    output: str | None = None,
    method: Method = "laplace",
    draws: int = 1000,
    interval: float = 0.9,
    seed: int = 0,
    jobs: int = 1,
    drawn: Sequence[PopulationModel] = (),
) -> ForecastCheck:
    """Forecast each patient's last measurement from all that was measured before it.

    Parameters
    ----------
    model : PopulationModel or Fit
    records : Records
        Patients with at least two measurements of the output take part.
    output : str, optional
        The output to forecast; the first with a residual error where None.
    method : {"laplace", "map", "sir", "nuts"}
        How twins are made; see `individualise`.
    draws : int
        Draws from each posterior, and of each measurement's scatter.
    interval : float
        Probability of the prediction interval.
    seed, jobs : int
    drawn : sequence of PopulationModel
        The model with parameters drawn from how sure one is of them, see `drawn_models`. Intervals are then over all
        of them, with a twin made under each; a draw of a twin's posterior, or of the population, belongs to one.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> check = check_forecasts(load_model("phenobarbital_neonates"), records, draws=200)
    >>> check.skipped, len(check.table)
    (9, 50)
    """
    model = fitted_model(model)
    chosen = output or model.output_names[0]
    held, hidden = _held_back(Predictor(model, records, jobs=jobs), chosen)
    seen = records.select(list(held)).without_observations(hidden) if held else None
    how = {"method": method, "draws": draws, "seed": seed, "jobs": jobs}
    made = [individualise(each, seen, **how) for each in (model, *drawn)] if held else []
    failures = _failures(made)
    stands = [name for name in held if name not in failures]
    unit, skipped = model.structural.output(chosen).unit, len(records.ids) - len(held)
    if not stands:
        return ForecastCheck(
            _empty(), _scores(_empty()).iloc[:0], (np.nan,) * 3, interval, unit, skipped, failures, seed
        )
    predictor = Predictor(model, records.select(stands), jobs=jobs)
    known = predictor.records.without_observations([row for row in hidden if row in set(predictor.row)])
    forecasts = _forecasts(
        predictor,
        [twins.select(stands) for twins in made],
        [prior_twins(each, known, jobs=jobs) for each in (model, *drawn)],
        draws,
        interval,
        seed,
    )
    table = _table(predictor, forecasts, np.isin(predictor.row, [held[name] for name in stands]))
    return ForecastCheck(table, _scores(table), _gain(table, seed), interval, unit, skipped, failures, seed)


def training_records(
    model: PopulationModel | Fit, records: Records, output: str | None = None, jobs: int = 1
) -> Records:
    """The records without the measurements that `check_forecasts` forecasts: what may be learned from before.

    Patients with a single measurement, who take no part in the check, keep it.

    Parameters
    ----------
    model : PopulationModel or Fit
    records : Records
    output : str, optional
        As for `check_forecasts`.
    jobs : int

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> len(records.observations), len(training_records(load_model("phenobarbital_neonates"), records).observations)
    (155, 105)
    """
    model = fitted_model(model)
    _, hidden = _held_back(Predictor(model, records, jobs=jobs), output or model.output_names[0])
    return records.without_observations(hidden)


def _failures(made: Sequence[Twins]) -> dict[str, str]:
    """Patients of whom no twin could be made, be it under one of the models."""
    under = {
        name: "no twin could be made under some of the parameters drawn"
        for each in made
        for name in each.failures
    }
    return under | (made[0].failures if made else {})


def _held_back(predictor: Predictor, output: str) -> tuple[dict[str, int], list[int]]:
    """Row of each patient's last measurement of an output, and all rows measured then or later."""
    held, hidden = {}, []
    for index, name in enumerate(predictor.patients):
        own = np.flatnonzero(predictor.patient == index)
        mine = own[predictor.output[own] == output]
        if mine.size > 1:
            held[name] = int(predictor.row[mine[-1]])
            hidden += predictor.row[own[predictor.time[own] >= predictor.time[mine[-1]]]].tolist()
    return held, hidden


def _forecasts(
    predictor: Predictor,
    individual: Sequence[Twins],
    population: Sequence[Twins],
    draws: int,
    interval: float,
    seed: int,
) -> dict[str, np.ndarray]:
    """Point forecasts, by the first of the twins, and intervals over the others of every measurement by each method."""
    found = {"previous": _previous(predictor)}
    for name, (centre, *others) in (("individual", individual), ("population", population)):
        found[name] = expected(predictor, centre.modes[None])[0]
        drawn = _measured(predictor, others or [centre], draws, seed)
        found[f"{name}_lower"], found[f"{name}_upper"] = central(drawn, interval)
    return found


def _measured(predictor: Predictor, made: Sequence[Twins], draws: int, seed: int) -> np.ndarray:
    """Measurements as they might come out, shape (draws, observations); each twin has its share of the draws."""
    uniform = uniforms(seed, "residual", np.arange(predictor.output.size), draws).T
    found = np.empty_like(uniform)
    for twins, here in zip(made, np.array_split(np.arange(draws), len(made)), strict=True):
        own = twins.model == predictor.model
        by = predictor if own else Predictor(twins.model, predictor.records, jobs=twins.settings.jobs)
        vectors = twins.vectors(draws, seed)[here]
        found[here] = natural_scale(by, drawn_measurements(by, vectors, uniform[here]))
    return found


def _previous(predictor: Predictor) -> np.ndarray:
    """Each measurement's predecessor of the same patient and output."""
    import pandas as pd

    keys = [predictor.patient, predictor.output.astype(str)]
    return pd.Series(predictor.raw).groupby(keys).shift().to_numpy()


_COLUMNS = (
    "individual", "individual_lower", "individual_upper", "population", "population_lower", "population_upper",
    "previous",
)  # fmt: skip


def _table(predictor: Predictor, forecasts: dict[str, np.ndarray], last: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    fixed = {
        "id": np.array(predictor.patients)[predictor.patient],
        "row": predictor.row,
        "time": predictor.time,
        "observed": predictor.raw,
    }
    columns = fixed | {name: forecasts[name] for name in _COLUMNS}
    return pd.DataFrame({name: values[last] for name, values in columns.items()})


def _empty() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: np.zeros(0) for name in ("id", "row", "time", "observed", *_COLUMNS)})


def _scores(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([_score(table, key, name) for key, name in METHODS.items()])


def _score(table: pd.DataFrame, key: str, method: str) -> dict:
    error = table[key] - table["observed"]
    row = {"method": method, "n": len(table), "mae": error.abs().mean(), "rmse": np.sqrt((error**2).mean())}
    row |= {"bias": error.mean(), "coverage": np.nan, "coverage_low": np.nan, "coverage_high": np.nan}
    if f"{key}_lower" in table and len(table):
        from scipy.stats import binomtest

        inside = int(table["observed"].between(table[f"{key}_lower"], table[f"{key}_upper"]).sum())
        low, high = binomtest(inside, len(table)).proportion_ci(0.95)
        row |= {"coverage": inside / len(table), "coverage_low": low, "coverage_high": high}
    return row


def _gain(table: pd.DataFrame, seed: int, other: str = "population") -> tuple[float, float, float]:
    """Mean of the paired differences in absolute error, with a percentile bootstrap interval over patients."""
    difference = (table[other] - table["observed"]).abs() - (table["individual"] - table["observed"]).abs()
    values = difference.to_numpy()
    if not values.size:
        return np.nan, np.nan, np.nan
    rows = choices(seed, "bootstrap", np.arange(_RESAMPLES * len(values)), len(values))
    means = values[rows].reshape(_RESAMPLES, len(values)).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)
