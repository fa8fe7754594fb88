"""Twin contrasts: what twins predict under two regimens, or against what was measured, as contrasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.twins.contrasts import Contrasts, Measure
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    from understudy.core.result import Outcome


def contrast_regimens(
    first: Outcome,
    second: Outcome,
    output: str,
    *,
    null: bool = False,
    measure: Measure = "log ratio",
    label: str = "",
) -> Contrasts:
    """The second regimen against the first, one contrast a twin and time.

    Parameters
    ----------
    first, second : Outcome
        Forecasts of the same twins at the same times, with the same draws (the same seed): differences are taken draw
        by draw, so that what is uncertain of both is not counted twice.
    output : str
    null : bool
        Whether the change of regimen cannot change this output.
    measure : {"log ratio", "difference"}
    label : str
        Begins the names, which tell twins by their number: no name of a patient is in them.

    Returns
    -------
    Contrasts
        Twins and times without a prediction are left out.

    Raises
    ------
    SimulationError
        For forecasts of other twins, times or draws, or one without draws.

    Examples
    --------
    >>> from understudy import Records, forecast, individualise, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> twins = individualise(load_model("phenobarbital_neonates"), records.select(["1", "2"]))
    >>> usual, more = (
    ...     forecast(twins, f"{dose} mg/kg every 12 h for 5 days", [120.0], draws=100) for dose in ("2.5", "5")
    ... )
    >>> contrast_regimens(usual, more, "Cp").estimate.round(3).tolist()  # a linear model: log 2
    [0.693, 0.693]
    """
    a, b = _draws(first, output), _draws(second, output)
    if a.shape != b.shape or not np.array_equal(first.dataset["patient"], second.dataset["patient"]):
        raise SimulationError(
            f"forecasts of shapes {a.shape} and {b.shape}, or of other twins",
            place=output,
            repair="forecast the same twins at the same times with as many draws and the same seed",
        )
    return _made(_scaled(b, measure) - _scaled(a, measure), first, output, null, measure, label)


def contrast_measured(
    predicted: Outcome,
    measured: ArrayLike,
    output: str,
    *,
    null: bool = True,
    measure: Measure = "log ratio",
    label: str = "",
) -> Contrasts:
    """What was measured against what twins predict, one contrast a twin and time.

    Null where the twins predict what was given: patients on placebo as they would be on placebo, or anyone before the
    treatment. Else the effect of what was given against what the twins were asked for.

    Parameters
    ----------
    predicted : Outcome
        A forecast with ``measured=True``: its draws hold the scatter of a measurement, which the standard error needs.
    measured : float array, shape (twins, times)
        In the unit of the output; NaN where nothing was measured.
    output, null, measure, label
        As for `contrast_regimens`.

    Returns
    -------
    Contrasts

    Raises
    ------
    SimulationError
        For another shape.
    """
    draws, seen = _draws(predicted, output), np.asarray(measured, float)
    if seen.shape != draws.shape[:2]:
        raise SimulationError(
            f"measurements of shape {seen.shape} for {draws.shape[0]} twins and {draws.shape[1]} times",
            place=output,
            repair="give one row a twin and one column a time, NaN where nothing was measured",
        )
    return _made(
        _scaled(seen, measure)[..., None] - _scaled(draws, measure), predicted, output, null, measure, label
    )


def _draws(outcome: Outcome, output: str) -> NDArray[np.float64]:
    values = outcome[output]
    if "draw" not in values.dims or values.sizes["draw"] < 2:
        raise SimulationError(
            "a contrast needs draws, for its standard error",
            place=output,
            repair="forecast with draws=200 or more",
        )
    return values.transpose("patient", "time", "draw").to_numpy().astype(float)


def _scaled(values: NDArray[np.float64], measure: Measure) -> NDArray[np.float64]:
    if measure == "difference":
        return values
    # What is not positive has no logarithm, and is left out with all that is not finite.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(values)


def _made(
    draws: NDArray[np.float64], outcome: Outcome, output: str, null: bool, measure: Measure, label: str
) -> Contrasts:
    known = np.isfinite(draws).all(axis=-1)
    twin, time = np.nonzero(known)
    times = np.broadcast_to(outcome.dataset["time"].to_numpy(), known.shape)
    head = f"{label}: " if label else ""
    names = tuple(f"{head}twin {i + 1}, {output} at {times[i, k]:g}" for i, k in zip(twin, time, strict=True))
    kept = draws[known]
    return Contrasts(names, kept.mean(axis=-1), kept.std(axis=-1, ddof=1), np.full(len(names), null), measure)
