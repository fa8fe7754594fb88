"""Dataset file: patients' outputs on disk, as netCDF or Zarr."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import MissingExtraError, SimulationError

if TYPE_CHECKING:
    import xarray as xr

# Variables of files that are written chunk by chunk; they are no outputs.
CHUNK_HASHES, CHUNK_RECORDS = "chunk_hash", "chunk_record"
NOT_YET = -1  # status of patients whose chunk is not written yet
ORDER = "order"  # the attribute that tells the order of the variables
_LARGEST_VARIABLE = 2**31 - 4  # bytes; the limit of one variable in a netCDF 3 file


def save_dataset(dataset: xr.Dataset, path: str | Path) -> None:
    """Write any dataset to ``.nc`` (netCDF 3) or ``.zarr``; errors as for `Outcome.save`."""
    path = Path(path)
    if _format(path) == ".zarr":
        ordered = dataset.assign_attrs({ORDER: [str(name) for name in dataset.data_vars]})
        _with_texts_of_any_length(ordered).to_zarr(path, mode="w", consolidated=False)
        return
    large = [str(name) for name, values in dataset.items() if values.nbytes > _LARGEST_VARIABLE]
    if large:
        raise SimulationError(
            f"{large[0]} is too large for netCDF 3", place=path.name, repair="save as .zarr"
        )
    dataset.to_netcdf(path, engine="scipy")


def open_dataset(path: str | Path) -> xr.Dataset:
    """A dataset with patients whose values stay on disk until they are asked for; errors as for `Outcome.open`."""
    import xarray as xr

    path = Path(path)
    if not path.exists():
        raise SimulationError("the file does not exist", place=str(path), repair="check the path")
    storage = {"engine": "zarr", "consolidated": False} if _format(path) == ".zarr" else {"engine": "scipy"}
    # Units such as "hours" are units here, not a calendar's durations.
    dataset = xr.open_dataset(path, decode_times=False, cache=False, **storage)
    kind = np.int64 if dataset["patient"].attrs.get("kind") == "int" else str
    texts = {
        "patient": ("patient", _text(dataset["patient"]).astype(kind)),
        "message": ("patient", _text(dataset["message"])),
    }
    made = dataset.assign(texts).drop_vars((CHUNK_HASHES, CHUNK_RECORDS), errors="ignore")
    # A folder has no order of its own.
    made = made[made.attrs.pop(ORDER, list(made.data_vars))]
    written = np.flatnonzero(made["status"].values != NOT_YET)
    made = made if written.size == made.sizes["patient"] else made.isel(patient=written)
    made.set_close(dataset.close)
    return made


def _text(array: xr.DataArray) -> np.ndarray:
    return np.array(array.values.tolist(), dtype=str)


def with_text_ids(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with its patients as text: netCDF 3 has no 64-bit integers."""
    ids = dataset["patient"].values
    kind = "int" if ids.dtype.kind == "i" else "str"
    return dataset.assign_coords(patient=("patient", ids.astype(str), {"kind": kind}))


def _with_texts_of_any_length(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset as Zarr's format has it, which knows no texts of fixed length."""
    texts = {name: array for name, array in dataset.variables.items() if array.dtype.kind == "U"}
    kind = np.dtypes.StringDType()
    return dataset.assign({name: (a.dims, a.values.astype(kind), a.attrs) for name, a in texts.items()})


def _format(path: Path) -> str:
    if path.suffix not in (".nc", ".zarr"):
        raise SimulationError(f"unknown format {path.suffix!r}", place=path.name, repair="use .nc or .zarr")
    if path.suffix == ".zarr" and find_spec("zarr") is None:
        raise MissingExtraError(
            "zarr is not installed", place=path.name, repair="pip install zarr, or save as .nc"
        )
    return path.suffix
