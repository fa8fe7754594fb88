"""Store: a simulation in Zarr, written chunk by chunk, from which a run that was broken off goes on.

A chunk is done when the SHA-256 of its content stands in the variable ``chunk_hash``, which is written last. What a
crash or a full disk left behind of others is written anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.content import encode
from understudy.core.dataset_file import CHUNK_HASHES, CHUNK_RECORDS, NOT_YET, ORDER
from understudy.core.errors import MissingExtraError, SimulationError
from understudy.core.record import Record
from understudy.core.result import Outcome
from understudy.core.summary import times_at_once
from understudy.engine.dispatch.plan import Chunk, Plan

if TYPE_CHECKING:
    import xarray as xr
    import zarr

_PLAN, _VARIABLES = "plan", "variables"


@dataclass(frozen=True, eq=False)
class Store:
    """A place for the outcomes of a plan's chunks.

    Parameters
    ----------
    path : Path
        A folder that ends in ``.zarr``; it need not be there yet.
    plan : Plan
    """

    path: Path
    plan: Plan

    @classmethod
    def at(cls, path: str | Path, plan: Plan) -> Store:
        """The store at a path, new or begun; one that was begun keeps the size of its chunks.

        Raises
        ------
        MissingExtraError
            Without zarr.
        SimulationError
            For another ending, or where the path holds anything else than a part of this very plan.
        """
        path = Path(path)
        _require_zarr(path)
        if not path.exists():
            if not path.absolute().parent.is_dir():
                raise SimulationError(
                    f"there is no folder {path.parent.name!r}", place=path.name, repair="make it first"
                )
            return cls(path, plan)
        begun = _plan_of(path)
        differences = list(begun.differences(plan))
        if differences:
            raise SimulationError(
                f"{path.name} holds another simulation",
                place="; ".join(differences),
                repair="give another path, or remove that folder to begin anew",
            )
        return cls(path, begun)

    def done(self) -> set[Chunk]:
        """Chunks whose content is whole."""
        if not self.path.exists():
            return set()
        group = self._group("r")
        marks = group[CHUNK_HASHES][:]
        marked = [chunk for chunk in self.plan if marks[chunk.number].any()]
        return {chunk for chunk in marked if marks[chunk.number].tobytes() == _hash(_read(group, chunk))}

    def write(self, chunk: Chunk, outcome: Outcome) -> None:
        """Write the outcome of a chunk, and then that it is written."""
        if not self.path.exists():
            self._create(outcome.dataset)
        group = self._group("r+")
        values = {name: _stored(outcome.dataset[name].variable) for name in _variables(group)}
        for name, array in values.items():
            group[name][chunk.first : chunk.last] = array
        values[CHUNK_RECORDS] = np.array([outcome.dataset.attrs["record"]], np.dtypes.StringDType())
        group[CHUNK_RECORDS][chunk.number : chunk.number + 1] = values[CHUNK_RECORDS]
        group[CHUNK_HASHES][chunk.number] = np.frombuffer(_hash(values), np.uint8)

    def records(self) -> list[Record]:
        """How the outcome of each chunk was made."""
        texts = self._group("r")[CHUNK_RECORDS][:].tolist()
        return [Record.from_json(json.loads(text)) for text in texts]

    def record(self, record: Record) -> None:
        """Write how the outcome was made."""
        self._group("r+").attrs["record"] = json.dumps(record.to_json(), ensure_ascii=False)

    def outcome(self) -> Outcome:
        """The outcome, which stays on disk."""
        return Outcome.open(self.path)

    def _group(self, mode: str) -> zarr.Group:
        import zarr

        return zarr.open_group(self.path, mode=mode, use_consolidated=False)

    def _create(self, first: xr.Dataset) -> None:
        """Make all variables, of the shapes that the first outcome shows; at the path only when all are there."""
        import zarr

        draft = self.path.with_name(f"{self.path.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        group = zarr.create_group(draft)
        cut = [str(name) for name, array in first.variables.items() if array.dims[:1] == ("patient",)]
        for name, array in first.variables.items():
            if name in cut:
                self._create_variable(group, str(name), array)
            else:
                layout = {"dimension_names": array.dims, "attributes": encode(array.attrs)}
                group.create_array(str(name), data=_stored(array), **layout)
        self._create_marks(group)
        order = [str(name) for name in first.data_vars]
        group.attrs.update({ORDER: order, _PLAN: {**self.plan.to_json(), _VARIABLES: cut}})
        os.replace(draft, self.path)

    def _create_variable(self, group: zarr.Group, name: str, array: xr.Variable) -> None:
        """A variable that is written chunk by chunk; times stand together as summaries read them."""
        draws = int(np.prod(array.shape[2:]))
        times = [min(times_at_once(self.plan.count * draws), size) for size in array.shape[1:2]]
        text = array.dtype.kind == "U"
        kind = {"kind": "str" if text else "int"} if name == "patient" else {}
        unset = NOT_YET if name == "status" else "" if text else np.nan if array.dtype.kind == "f" else 0
        group.create_array(
            name,
            shape=(self.plan.count, *array.shape[1:]),
            chunks=(self.plan.size, *times, *array.shape[2:]),
            dtype=str if text else array.dtype,
            fill_value=unset,
            dimension_names=array.dims,
            attributes=encode(dict(array.attrs)) | kind,
        )

    def _create_marks(self, group: zarr.Group) -> None:
        shape, dims = (len(self.plan), hashlib.sha256().digest_size), ("chunk", "byte")
        layout = {"shape": shape, "chunks": (1, shape[1]), "dimension_names": dims}
        group.create_array(CHUNK_HASHES, dtype=np.uint8, fill_value=0, **layout)
        texts = {"shape": shape[:1], "chunks": (1,), "dimension_names": dims[:1]}
        group.create_array(CHUNK_RECORDS, dtype=str, fill_value="", **texts)


def _plan_of(path: Path) -> Plan:
    import zarr

    try:
        written: dict[str, Any] = dict(zarr.open_group(path, mode="r", use_consolidated=False).attrs[_PLAN])
    except (KeyError, FileNotFoundError):
        raise SimulationError(
            "what is there was not written chunk by chunk", place=path.name, repair="give another path"
        ) from None
    return Plan.from_json({name: value for name, value in written.items() if name != _VARIABLES})


def _variables(group: zarr.Group) -> list[str]:
    """Names of what is written chunk by chunk."""
    return list(group.attrs[_PLAN][_VARIABLES])


def _read(group: zarr.Group, chunk: Chunk) -> dict[str, np.ndarray]:
    values = {name: group[name][chunk.first : chunk.last] for name in _variables(group)}
    return values | {CHUNK_RECORDS: group[CHUNK_RECORDS][chunk.number : chunk.number + 1]}


def _stored(array: xr.Variable) -> np.ndarray:
    """Values as Zarr has them, which knows no texts of fixed length."""
    return array.values.astype(np.dtypes.StringDType()) if array.dtype.kind == "U" else array.values


def _hash(values: Mapping[str, np.ndarray]) -> bytes:
    """SHA-256 of shapes and contents."""
    digest = hashlib.sha256()
    for name, array in values.items():
        digest.update(f"{name} {array.shape} ".encode())
        text = array.dtype.kind not in "fiub"
        digest.update(json.dumps(array.tolist()).encode() if text else np.ascontiguousarray(array).tobytes())
    return digest.digest()


def _require_zarr(path: Path) -> None:
    if path.suffix != ".zarr":
        raise SimulationError(
            f"unknown format {path.suffix!r}", place=path.name, repair="give a path that ends in .zarr"
        )
    if find_spec("zarr") is None:
        raise MissingExtraError(
            "zarr is not installed", place=path.name, repair="pip install 'understudy[dask]'"
        )
