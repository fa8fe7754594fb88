"""Summary: statistics over patients at each time, some times at a time, so that not all values need be in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import xarray as xr

_BLOCK = 2**26  # bytes of one output that are worked on at a time
_OVER = ("patient", "draw")

Statistic = Callable[[np.ndarray], np.ndarray]


def summarise(
    dataset: xr.Dataset, names: Sequence[str], label: str, values: Sequence, statistic: Statistic
) -> xr.Dataset:
    """A statistic of each output over the patients who succeeded (and over draws) at each time.

    Every time is worked on by itself and all its values at once: the result is exact, and is the same in however many
    pieces the values were made or read.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of an `Outcome`, in memory or on disk.
    names : sequence of str
        Outputs.
    label : str
        The dimension of the result beside ``time``.
    values : sequence, length k
        Its coordinate.
    statistic : callable
        From the values at one time, shape (values,), without those that are not a number, to shape (k,).

    Raises
    ------
    SimulationError
        If patients have times of their own or nobody succeeded.
    """
    import xarray as xr

    if dataset["time"].ndim == 2:
        raise SimulationError(
            "each patient has times of their own", repair="simulate all at the same times to compare them"
        )
    stayed = np.flatnonzero(dataset["status"].values == 0)
    if not stayed.size:
        raise SimulationError("no patient succeeded", repair="see outcome.failures")
    found = {
        name: ((label, "time"), _at_each_time(dataset[name], stayed, statistic, len(values)))
        for name in names
    }
    made = xr.Dataset(found, coords={label: list(values), "time": dataset["time"]})
    for name in names:
        made[name].attrs = dict(dataset[name].attrs)
    return made


def _at_each_time(array: xr.DataArray, stayed: np.ndarray, statistic: Statistic, size: int) -> np.ndarray:
    found = np.full((size, array.sizes["time"]), np.nan)
    for first, block in _blocks(array, stayed):
        for k, column in enumerate(block):
            present = column[~np.isnan(column)]
            if present.size:
                found[:, first + k] = statistic(present)
    return found


def _blocks(array: xr.DataArray, stayed: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Values of successive times, shape (times, values), and the number of the first of them."""
    over = [dim for dim in _OVER if dim in array.dims]
    width = times_at_once(int(np.prod([array.sizes[dim] for dim in over])))
    for first in range(0, array.sizes["time"], width):
        block = array.isel(time=slice(first, first + width)).transpose("time", *over).values
        kept = block if stayed.size == block.shape[1] else block[:, stayed]
        yield first, np.ascontiguousarray(kept).reshape(len(kept), -1)


def times_at_once(values: int) -> int:
    """How many times of so many values are worked on at once, and best stand together on disk."""
    return max(1, _BLOCK // (8 * max(1, values)))


def quantiles_of(probabilities: Sequence[float]) -> Statistic:
    """Quantiles, linear between the ordered values."""
    if not all(0 <= probability <= 1 for probability in probabilities):
        raise SimulationError(f"{list(probabilities)} are no probabilities", repair="give 0 to 1")
    return lambda values: np.quantile(values, list(probabilities))


def moments_of(values: np.ndarray) -> np.ndarray:
    """Mean and standard deviation (with n - 1), the latter not-a-number for a single value."""
    spread = values.std(ddof=1) if values.size > 1 else np.nan
    return np.array([values.mean(), spread])


def shares_above(thresholds: Sequence[float]) -> Statistic:
    """Share of the values above each threshold."""
    return lambda values: np.array([np.count_nonzero(values > limit) / values.size for limit in thresholds])
