"""visual_predictive_check: do the data look like data that the model would make?

Karlsson and Holford 2008, A tutorial on visual predictive checks, PAGE 17, abstract 1434. With prediction and
variability correction: Bergstrand et al. 2011, AAPS J 13:143-151, doi:10.1208/s12248-011-9255-z. Data below the
limit of quantification: Bergstrand and Karlsson 2009, AAPS J 11:371-380, doi:10.1208/s12248-009-9112-5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.diagnose import tails
from understudy.inference.diagnostics.bins import Binning, bin_edges, bin_numbers
from understudy.inference.diagnostics.correction import Correction, corrected_values
from understudy.inference.diagnostics.estimates import fitted_model
from understudy.inference.diagnostics.observation_context import limits, time_after_dose
from understudy.inference.diagnostics.replicates import Replicates, replicate
from understudy.inference.diagnostics.strata import observation_strata, require_column

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records
    from understudy.inference.fit import Fit
    from understudy.model.population_model import PopulationModel

QUANTILES = (0.05, 0.5, 0.95)
_BINS = 8
TIME, AFTER_DOSE, PREDICTION = "time", "time after dose", "prediction"


@dataclass(frozen=True, eq=False, repr=False)
class VisualCheck:
    """Measurements beside those of simulated copies of the study.

    Parameters
    ----------
    model : PopulationModel
    quantiles : DataFrame
        One row a quantile in a bin: output, stratum, bin, from, to (edges), time (median of what lies on the axis in
        the bin, whatever that is), n, quantile, observed, low, median, high (of the quantile over the simulated
        studies).
        Not-a-number where a quantile is beyond the limit of quantification.
    censored : DataFrame
        One row a bin of an output with a limit of quantification: output, stratum, bin, time, n, side ("below",
        "above"), limit, observed, low, median, high: shares of measurements beyond the limit.
    observations : DataFrame
        One row a measurement: id, row, time (on the axis), output, stratum, bin, observed (corrected as asked),
        censored (-1 below, 1 above).
    axis, axis_unit : str
        What lies on the horizontal axis.
    correction : {"none", "prediction", "variability"}
    interval : float
    replicates : int
    left_out : int
        Measurements without a place on the axis, with a typical prediction of zero, which has no correction, or that
        the model cannot compute.
    """

    model: PopulationModel
    quantiles: pd.DataFrame
    censored: pd.DataFrame
    observations: pd.DataFrame
    axis: str
    axis_unit: str
    correction: Correction
    interval: float
    replicates: int
    left_out: int = 0

    @property
    def share_inside(self) -> float:
        """Share of the observed quantiles that lie within their intervals."""
        table = self.quantiles.dropna(subset=["observed", "low", "high"])
        return float(table["observed"].between(table["low"], table["high"]).mean())

    def __repr__(self) -> str:
        bins = self.quantiles[["output", "stratum", "bin"]].drop_duplicates()
        return (
            f"Visual predictive check of {self.model.name!r}: {len(self.observations):,} measurements in {len(bins)} "
            f"bins, {self.replicates:,} replicates; {100 * self.share_inside:.0f} % of the observed quantiles lie "
            f"within their {100 * self.interval:g} % intervals"
        )


def visual_predictive_check(
    given: Fit | PopulationModel,
    records: Records,
    *,
    replicates: int = 500,
    bins: int | Sequence[float] | None = None,
    binning: Binning = "count",
    over: str = TIME,
    stratify: str = "",
    cuts: Sequence[float] = (),
    correction: Correction = "none",
    quantiles: Sequence[float] = QUANTILES,
    interval: float = 0.9,
    lower_limit: float | None = None,
    uncertainty: bool = False,
    seed: int = 0,
    jobs: int = 1,
) -> VisualCheck:
    """Quantiles of the measurements over time beside those of simulated copies of the study.

    Parameters
    ----------
    given : Fit or PopulationModel
    records : Records
        Every replicate has the same patients, doses and times, new random effects and new scatter.
    replicates : int
    bins : int, sequence of float or None
        How many, or their edges; None for eight, or fewer where these would hold fewer than eight measurements each.
        Each stratum has bins of its own, but for edges that are given.
    binning : {"count", "width", "natural", "each"}
        See `bin_edges`.
    over : str
        What lies on the horizontal axis: ``"time"``, ``"time after dose"``, ``"prediction"`` (of the population), or a
        column of the records, such as one of nominal times.
    stratify : str
        Column of the records by which measurements are grouped; see `observation_strata`.
    cuts : sequence of float
        Where its groups end.
    correction : {"none", "prediction", "variability"}
        Divide out each bin's differences in the typical prediction (dose, covariates, time within the bin); also those
        in variability.
    quantiles : sequence of float
    interval : float
        Of each simulated quantile over the replicates.
    lower_limit : float or None
        Limit of quantification of every output, in place of those that the model has.
    uncertainty : bool
        Draw the parameters too, from the covariance of a fit's estimates.
    seed, jobs : int

    Raises
    ------
    SimulationError
        Without a measurement, for a column that is not there, for bins that do not hold the data, and for probabilities
        that are none.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> check = visual_predictive_check(load_model("phenobarbital_neonates"), records, replicates=20, bins=4)
    >>> len(check.quantiles)
    12
    """
    import pandas as pd

    _require_probabilities(quantiles, interval)
    if correction not in get_args(Correction):
        raise SimulationError(
            f"unknown correction {correction!r}", repair=f"use {', '.join(get_args(Correction))}"
        )
    source = given if lower_limit is None else _limited(fitted_model(given), lower_limit, uncertainty)
    copies = replicate(source, records, replicates, seed=seed, uncertainty=uncertainty, jobs=jobs)
    axis, unit = axis_values(copies, over)
    axis = np.where(_correctable(copies, correction), axis, np.nan)
    places = _places(copies, axis, bins, binning, observation_strata(copies.predictor, stratify, cuts))
    parts = [_in_bin(copies, axis, place, correction, quantiles, interval) for place in places]
    quantile_rows, censored_rows, observation_rows = zip(*parts, strict=True)
    observations = pd.concat(observation_rows, ignore_index=True).sort_values("row", ignore_index=True)
    return VisualCheck(
        copies.predictor.model, pd.concat(quantile_rows, ignore_index=True), _joined(censored_rows), observations,
        over, unit, correction, interval, len(copies.values), int((~np.isfinite(axis)).sum()),
    )  # fmt: skip


def axis_values(copies: Replicates, over: str) -> tuple[np.ndarray, str]:
    """What lies on the horizontal axis for each measurement, not-a-number where nothing does; and its unit.

    Raises
    ------
    SimulationError
        For a column that is not there, or where nothing lies on the axis.
    """
    predictor = copies.predictor
    time_unit = predictor.model.structural.time_unit
    if over == TIME:
        return predictor.time, time_unit
    if over == PREDICTION:
        return copies.typical, ""
    if over == AFTER_DOSE:
        values, unit = time_after_dose(predictor), time_unit
    else:
        values = require_column(predictor, over, "horizontal axis")
        unit = predictor.records.unit(over)
    if not np.isfinite(values).any():
        raise SimulationError(
            f"no measurement has a {over}",
            place=predictor.records.source,
            repair='use over="time", or write doses before measurements',
        )
    return values, unit


def _correctable(copies: Replicates, correction: Correction) -> np.ndarray:
    """Which measurements can be computed, and have a typical prediction that a factor can bring to another."""
    found = copies.computed & ((copies.typical != 0) | (correction == "none"))
    if not found.any():
        raise SimulationError(
            "every typical prediction is zero", place=copies.predictor.model.name, repair="check the model"
        )
    return found


@dataclass(frozen=True, eq=False)
class _Place:
    """A bin of a stratum of an output, and the measurements in it."""

    output: str
    stratum: str
    number: int
    edges: tuple[float, float]
    rows: np.ndarray


def _places(
    copies: Replicates, axis: np.ndarray, bins: int | Sequence[float] | None, binning: Binning, strata: tuple
) -> list[_Place]:
    labels, order = strata
    found, known = [], np.isfinite(axis)
    for output in dict.fromkeys(copies.predictor.output):
        for stratum in order:
            here = np.flatnonzero(known & (copies.predictor.output == output) & (labels == stratum))
            if not here.size:
                continue
            usual = min(_BINS, max(1, here.size // _BINS))
            edges = bin_edges(axis[here], usual if bins is None else bins, binning)
            numbers = bin_numbers(axis[here], edges)
            found += [
                _Place(str(output), stratum, int(k), (edges[k], edges[k + 1]), here[numbers == k])
                for k in np.unique(numbers)
            ]
    return found


def _in_bin(
    copies: Replicates,
    axis: np.ndarray,
    place: _Place,
    correction: Correction,
    quantiles: Sequence[float],
    interval: float,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    import pandas as pd

    predictor, rows = copies.predictor, place.rows
    low, high = (limit[rows] for limit in limits(predictor))
    observed, simulated = corrected_values(copies, rows, correction)
    side = -predictor.censoring.side[rows]
    simulated_side = np.where(
        copies.natural[:, rows] < low, -1, np.where(copies.natural[:, rows] > high, 1, 0)
    )
    about = {
        "output": place.output,
        "stratum": place.stratum,
        "bin": place.number + 1,
        "from": place.edges[0],
        "to": place.edges[1],
        "time": float(np.median(axis[rows])),
        "n": rows.size,
    }
    return (
        _quantile_rows(
            about, _beyond(observed, side), _beyond(simulated, simulated_side), quantiles, interval
        ),
        _censored_rows(about, (low[0], high[0]), side, simulated_side, interval),
        pd.DataFrame(
            {
                "id": np.array(predictor.patients)[predictor.patient[rows]],
                "row": predictor.row[rows],
                "time": axis[rows],
                "output": place.output,
                "stratum": place.stratum,
                "bin": place.number + 1,
                "observed": np.where(side == 0, observed, np.nan),
                "censored": side.astype(int),
            }
        ),
    )


def _beyond(values: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Values with infinity for those of which it is only known that they are beyond a limit."""
    return np.where(side < 0, -np.inf, np.where(side > 0, np.inf, values))


def _quantile_rows(
    about: dict, observed: np.ndarray, simulated: np.ndarray, quantiles: Sequence[float], interval: float
) -> pd.DataFrame:
    import pandas as pd

    theirs = ordered_quantiles(simulated.T, quantiles)
    spread = ordered_quantiles(theirs.T, (*tails(interval), 0.5))
    values = np.stack([ordered_quantiles(observed, quantiles), spread[0], spread[2], spread[1]])
    values = np.where(np.isfinite(values), values, np.nan)
    columns = dict(zip(("observed", "low", "median", "high"), values, strict=True))
    return pd.DataFrame({**about, "quantile": list(quantiles), **columns})


def ordered_quantiles(values: np.ndarray, probabilities: Sequence[float]) -> np.ndarray:
    """Quantiles along the first axis, linear between neighbours; among infinite ones too.

    Examples
    --------
    >>> ordered_quantiles(np.array([-np.inf, -np.inf, 1.0, 2.0, 3.0]), [0.1, 0.5, 0.75])
    array([-inf,   1.,   2.])
    >>> ordered_quantiles(np.array([-np.inf, 1.0]), [0.5])
    array([-inf])
    """
    ordered = np.sort(values, axis=0)
    place = np.asarray(probabilities) * (len(ordered) - 1)
    first = np.floor(place).astype(int)
    part = (place - first).reshape(-1, *[1] * (ordered.ndim - 1))
    lower, upper = ordered[first], ordered[np.minimum(first + 1, len(ordered) - 1)]
    with np.errstate(invalid="ignore"):
        between = lower + part * (upper - lower)
    between = np.where(np.isneginf(lower), -np.inf, np.where(np.isposinf(upper), np.inf, between))
    return np.where((part == 0) | (lower == upper), lower, between)


def _censored_rows(
    about: dict, bounds: tuple[float, float], side: np.ndarray, simulated: np.ndarray, interval: float
) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for name, mark, limit in (("below", -1, bounds[0]), ("above", 1, bounds[1])):
        if np.isfinite(limit):
            shares = (simulated == mark).mean(axis=1)
            low, high = np.quantile(shares, tails(interval))
            found = {"side": name, "limit": limit, "observed": float((side == mark).mean()), "low": low}
            rows.append(about | found | {"median": float(np.median(shares)), "high": high})
    columns = [*about, "side", "limit", "observed", "low", "median", "high"]
    return pd.DataFrame(rows, columns=columns)


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def _limited(model: PopulationModel, limit: float, uncertainty: bool) -> PopulationModel:
    if uncertainty:
        raise SimulationError(
            "a limit of quantification cannot be given beside parameter uncertainty",
            place="lower_limit",
            repair="put it into the model's residual error before the fit",
        )
    return replace(model, residual=tuple(replace(part, lower_limit=limit) for part in model.residual))


def _require_probabilities(quantiles: Sequence[float], interval: float) -> None:
    wrong = [value for value in (*quantiles, interval) if not 0 < value < 1]
    if wrong or not len(quantiles):
        raise SimulationError(
            f"{wrong[0]:g} is no probability" if wrong else "there is no quantile to compare",
            place="quantiles and interval",
            repair="give numbers between 0 and 1, both excluded, such as 0.05, 0.5, 0.95",
        )
