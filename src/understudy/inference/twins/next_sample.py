"""next_sample: when a further measurement would say most about a patient.

A measurement to come is drawn from each draw of the twin in turn; the other draws, weighted by how likely they make it,
are the posterior after it. Averaged over the measurements this is the expected posterior variance, and the expected
gain of information, of Lindley 1956 (Ann Math Stat 27:986-1005, doi:10.1214/aoms/1177728069); for a linear model with
normal densities the gain is that of Bayesian D-optimality (Chaloner and Verdinelli 1995, Stat Sci 10:273-304,
doi:10.1214/ss/1177009939).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import normals
from understudy.inference.twins.continuation import Continuation, Since
from understudy.inference.twins.twins import Twins
from understudy.model.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd


def next_sample(
    twins: Twins,
    times: Sequence[float] | np.ndarray,
    quantity: str,
    *,
    at: float | None = None,
    output: str | None = None,
    regimen: Regimen | str | None = None,
    since: Since = "last",
    draws: int = 500,
    seed: int = 0,
    jobs: int = 1,
) -> pd.DataFrame:
    """Rank times of a further measurement by how much it would narrow what is not known of a patient.

    Parameters
    ----------
    twins : Twins
        By any method but ``map``, which takes the mode for the truth.
    times : array of float, shape (m,)
        Possible times of the sample, in the model's time unit from `since`; one at the time of a dose comes before it.
    quantity : str
        What shall be known better: an individual parameter or random effect, or an output at a time.
    at : float, optional
        The time of that output, counted like `times`.
    output : str, optional
        What is measured; the first output with a residual error where None.
    regimen : Regimen or str, optional
        What is given from `since` on.
    since : float or "last"
        See `forecast`.
    draws, seed, jobs : int

    Returns
    -------
    DataFrame
        A row a patient and time, the best first: patient, rank, time, sd (of the quantity, as known now), sd_expected
        (root of the expected variance after the measurement), reduction (the share of the variance that it takes away),
        se (Monte Carlo standard error of the reduction), information (expected gain about all random effects, in nats).

    Raises
    ------
    SimulationError
        For a quantity that is none, an output without `at`, or twins without spread.

    Examples
    --------
    >>> from understudy import Records, individualise, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> twins = individualise(load_model("phenobarbital_neonates"), records.select(["1"]))
    >>> plan = next_sample(twins, [1, 24, 72], "CL")
    >>> plan["time"].tolist()
    [72.0, 24.0, 1.0]
    """
    grid = np.asarray(times, dtype=float)
    if grid.ndim != 1 or not grid.size or not np.isfinite(grid).all():
        raise SimulationError(
            "the times are no list of numbers", place="times", repair="give times=[1, 4, 12]"
        )
    if twins.settings.method == "map":
        raise SimulationError(
            "twins by the mode alone have no spread that a sample could narrow",
            repair='individualise by "laplace"',
        )
    stands, seen = twins.succeeded(), output or twins.model.output_names[0]
    last = float(max(grid.max(), at if at is not None else grid.max()))
    going = Continuation.of(stands, regimen, since, last, jobs)
    vectors = going.vectors(draws, seed)
    wanted = _quantity(going, vectors, quantity, at, draws, seed)
    levels = going.levels(vectors, grid, seen, before_dose=True)
    spread = np.sqrt(going.variances(levels, vectors, seen))
    if stands.model.residual_of(seen).scale == "log":
        levels = np.log(levels)
    noise = normals(seed, "sample to come", stands.places, draws).T
    found = [
        _worth(levels[:, k], spread[:, k], wanted[:, k], noise[:, k]) for k in range(len(stands.patients))
    ]
    return _table(stands.patients, grid, found)


def _quantity(
    going: Continuation, vectors: np.ndarray, quantity: str, at: float | None, draws: int, seed: int
) -> np.ndarray:
    """What shall be known better, by draw, shape (draws, N)."""
    model = going.twins.model
    if quantity in model.structural.output_names:
        if at is None:
            raise SimulationError(
                f"{quantity} changes over time", place="quantity", repair="say when it shall be known: at=24"
            )
        return going.levels(vectors, np.array([at]), quantity, before_dose=True)[..., 0]
    values = going.twins.drawn_parameters(draws, seed)
    varying = [item.name for item in model.individual] + list(model.eta_names)
    if quantity not in varying:
        raise SimulationError(
            f"{model.name} has no {quantity!r} that could be known better",
            place="quantity",
            repair=f"give one of {', '.join((*varying, *model.structural.output_names))}",
        )
    return values[quantity].T


def _worth(
    level: np.ndarray, spread: np.ndarray, wanted: np.ndarray, noise: np.ndarray
) -> dict[str, np.ndarray]:
    """Expected variance and information of a sample at each time, for one patient; arrays (draws, m), (draws,)."""
    now = wanted.var(ddof=1)
    rows = [_after(level[:, k], spread[:, k], wanted, noise) for k in range(level.shape[1])]
    variance, gain = (np.array(part) for part in zip(*rows, strict=True))
    share = variance / now if now > 0 else np.ones_like(variance)
    return {
        "sd": np.full(len(rows), np.sqrt(now)),
        "sd_expected": np.sqrt(variance.mean(axis=1)),
        "reduction": 1.0 - share.mean(axis=1),
        "se": share.std(axis=1, ddof=1) / np.sqrt(share.shape[1]),
        "information": gain.mean(axis=1),
    }


def _after(
    level: np.ndarray, spread: np.ndarray, wanted: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior variance after, and information in, the measurement that each draw makes; shape (draws,) each."""
    if not (spread > 0).all():
        # Without scatter there is no drug yet: the measurement is known beforehand.
        return np.full(level.shape, wanted.var(ddof=1)), np.zeros(level.shape)
    measured = level + spread * noise
    logs = -0.5 * ((measured[:, None] - level) / spread) ** 2 - np.log(spread)
    own = np.diagonal(logs).copy()
    np.fill_diagonal(logs, -np.inf)
    highest = logs.max(axis=1, keepdims=True)
    weights = np.exp(logs - highest)
    total = weights.sum(axis=1)
    evidence = highest[:, 0] + np.log(total / (len(level) - 1))
    weights /= total[:, None]
    centred = wanted - wanted.mean()
    mean = weights @ centred
    return weights @ centred**2 - mean**2, own - evidence


def _table(patients: tuple[str, ...], grid: np.ndarray, found: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for name, numbers in zip(patients, found, strict=True):
        part = pd.DataFrame({"patient": name, "time": grid, **numbers})
        part = part.sort_values("reduction", ascending=False, kind="stable")
        part.insert(1, "rank", np.arange(1, len(part) + 1))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
