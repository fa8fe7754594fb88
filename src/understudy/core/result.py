"""Outcome: what was simulated for each patient, with units, failures and the record of its making."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.dataset_file import open_dataset, save_dataset, with_text_ids
from understudy.core.errors import SimulationError
from understudy.core.record import Record
from understudy.core.summary import moments_of, quantiles_of, shares_above, summarise

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_BOOKKEEPING = ("status", "message")
_SHOWN = 10
_QUICK = 2**24  # bytes of an output that a glance at the outcome may read


@dataclass(frozen=True, eq=False, repr=False)
class Outcome:
    """Outputs of every patient over time. Made by `Outcome.build`.

    Parameters
    ----------
    dataset : xarray.Dataset
        Dimensions ``patient`` and ``time`` (and ``draw``); one variable for each output with its unit in
        ``attrs["units"]``; the variables ``status`` (0: succeeded) and ``message`` for each patient; the
        coordinate ``time`` is of shape (time,), or (patient, time) where each patient has times of their
        own, filled up with not-a-number.

    Examples
    --------
    >>> outcome = Outcome.build(
    ...     patients=["ann", "bob"],
    ...     times=[0.0, 1.0],
    ...     outputs={"C": ([[8.0, 4.0], [6.0, 3.0]], "mg/L")},
    ...     time_unit="h",
    ... )
    >>> outcome
    Outcome: 2 patients × 2 times (0 to 1 h)
      C [mg/L]: median 5, range 3 to 8
    >>> float(outcome["C"].sel(patient="ann", time=1.0))
    4.0
    """

    dataset: xr.Dataset

    @classmethod
    def build(
        cls,
        patients: Sequence[Any],
        times: ArrayLike,
        outputs: Mapping[str, tuple[ArrayLike, str]],
        time_unit: str,
        status: ArrayLike | None = None,
        messages: Sequence[str] | None = None,
        record: Record | None = None,
    ) -> Outcome:
        """An outcome from arrays.

        Parameters
        ----------
        patients : sequence of str or int, length n
            Each once.
        times : array of float, shape (m,) or (n, m)
            In `time_unit`.
        outputs : mapping of name to (values, unit)
            Values of shape (n, m), or (n, m, draws). Those of failed patients become not-a-number.
        time_unit : str
        status : array of int, shape (n,)
            0 where the patient succeeded.
        messages : sequence of str, length n
            A sentence for each patient who failed.
        record : Record or None

        Raises
        ------
        SimulationError
            If shapes do not fit, a patient appears twice or a name is taken.
        """
        import xarray as xr

        ids = _ids(patients)
        moments = np.asarray(times, dtype=float)
        if moments.ndim not in (1, 2) or (moments.ndim == 2 and len(moments) != len(ids)):
            raise _shape_error("times", moments.shape, f"(times,) or ({len(ids)}, times)")
        codes = np.zeros(len(ids), dtype=np.int8) if status is None else np.asarray(status, dtype=np.int8)
        sentences = np.array([""] * len(ids) if messages is None else list(messages), dtype=str)
        for name, values in (("status", codes), ("messages", sentences)):
            if values.shape != (len(ids),):
                raise _shape_error(name, values.shape, f"({len(ids)},)")
        shape = (len(ids), moments.shape[-1])
        variables = {
            name: _variable(name, given, unit, shape, codes) for name, (given, unit) in outputs.items()
        }
        dims = ("time",) if moments.ndim == 1 else ("patient", "time")
        dataset = xr.Dataset(
            {**variables, "status": ("patient", codes), "message": ("patient", sentences)},
            coords={"patient": ids, "time": (dims, moments, {"units": time_unit})},
            attrs={} if record is None else {"record": json.dumps(record.to_json(), ensure_ascii=False)},
        )
        return cls(dataset)

    def __getitem__(self, output: str) -> xr.DataArray:
        if output not in self.outputs:
            raise SimulationError(f"no output {output!r}", repair=f"outputs: {', '.join(self.outputs)}")
        return self.dataset[output]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(name for name in self.dataset.data_vars if name not in _BOOKKEEPING)

    @property
    def patients(self) -> np.ndarray:
        """Identifiers of the patients, shape (n,)."""
        return self.dataset["patient"].values

    @property
    def times(self) -> np.ndarray:
        """Times, shape (m,) or (n, m), in `time_unit`."""
        return self.dataset["time"].values

    @property
    def time_unit(self) -> str:
        """Unit of the times."""
        return self.dataset["time"].attrs["units"]

    @property
    def units(self) -> dict[str, str]:
        """Unit of each output."""
        return {name: self.dataset[name].attrs["units"] for name in self.outputs}

    @property
    def record(self) -> Record | None:
        """How the outcome was made."""
        text = self.dataset.attrs.get("record")
        return None if text is None else Record.from_json(json.loads(text))

    @property
    def failures(self) -> dict[Any, str]:
        """A sentence for each patient who failed."""
        failed = self.dataset["status"].values != 0
        sentences = self.dataset["message"].values[failed]
        return dict(zip(self.patients[failed].tolist(), map(str, sentences), strict=True))

    def succeeded(self) -> Outcome:
        """The outcome without the patients who failed."""
        return Outcome(self.dataset.isel(patient=np.flatnonzero(self.dataset["status"].values == 0)))

    def raise_failures(self) -> Outcome:
        """The outcome itself if nobody failed.

        Raises
        ------
        SimulationError
            Naming the patients who failed, each with the reason.
        """
        failures = self.failures
        if failures:
            shown = [
                f"patient {patient}: {sentence}" for patient, sentence in list(failures.items())[:_SHOWN]
            ]
            more = [f"… and {len(failures) - _SHOWN} more (see `failures`)"] if len(failures) > _SHOWN else []
            raise SimulationError(
                f"{len(failures)} of {len(self.patients)} patients failed",
                place="\n    ".join(["", *shown, *more]),
                repair="check their doses and parameters, or go on with outcome.succeeded()",
            )
        return self

    def to_frame(self) -> pd.DataFrame:
        """A tidy table: one row for each patient, time, draw and output; failed patients have no value.

        Returns
        -------
        pandas.DataFrame
            Columns ``patient``, ``time``, ``draw`` (where there are draws), ``output``, ``value``, ``unit``.

        Examples
        --------
        >>> Outcome.build([7], [0.0, 1.0], {"C": ([[8, 4]], "mg/L")}, "h").to_frame()
           patient  time output  value  unit
        0        7   0.0      C    8.0  mg/L
        1        7   1.0      C    4.0  mg/L
        """
        import pandas as pd

        return pd.concat([self._frame_of(name) for name in self.outputs], ignore_index=True)

    def quantiles(self, probabilities: Sequence[float] = (0.05, 0.5, 0.95)) -> xr.Dataset:
        """Quantiles over the patients who succeeded (and over draws) at each time.

        Parameters
        ----------
        probabilities : sequence of float
            Between 0 and 1.

        Returns
        -------
        xarray.Dataset
            Dimensions ``quantile`` and ``time``, units in the attributes.

        Raises
        ------
        SimulationError
            If patients have times of their own, nobody succeeded or a probability is impossible.

        Examples
        --------
        >>> outcome = Outcome.build(range(101), [0.0], {"C": (np.arange(101.0)[:, None], "mg/L")}, "h")
        >>> outcome.quantiles([0.25, 0.5])["C"].values.ravel().tolist()
        [25.0, 50.0]
        """
        statistic = quantiles_of(probabilities)
        return summarise(self.dataset, self.outputs, "quantile", probabilities, statistic)

    def moments(self) -> xr.Dataset:
        """Mean and standard deviation over the patients who succeeded (and over draws) at each time.

        Returns
        -------
        xarray.Dataset
            Dimensions ``moment`` (``"mean"``, ``"sd"``) and ``time``, units in the attributes.

        Raises
        ------
        SimulationError
            If patients have times of their own or nobody succeeded.

        Examples
        --------
        >>> outcome = Outcome.build(range(3), [0.0], {"C": ([[1], [2], [3]], "mg/L")}, "h")
        >>> outcome.moments()["C"].values.ravel().tolist()
        [2.0, 1.0]
        """
        return summarise(self.dataset, self.outputs, "moment", ("mean", "sd"), moments_of)

    def share_above(self, output: str, thresholds: Sequence[float]) -> xr.DataArray:
        """Share of the patients who succeeded (and of draws) whose output is above a threshold, at each time.

        Parameters
        ----------
        output : str
        thresholds : sequence of float
            In the output's unit.

        Returns
        -------
        xarray.DataArray
            Dimensions ``threshold`` and ``time``.

        Raises
        ------
        SimulationError
            If there is no such output, patients have times of their own or nobody succeeded.

        Examples
        --------
        >>> outcome = Outcome.build(range(4), [0.0], {"C": ([[1], [2], [3], [4]], "mg/L")}, "h")
        >>> outcome.share_above("C", [2, 10]).values.ravel().tolist()
        [0.5, 0.0]
        """
        statistic = shares_above(thresholds)
        name = str(self[output].name)
        share = summarise(self.dataset, [name], "threshold", thresholds, statistic)[name]
        return share.assign_attrs(units="1")

    def save(self, path: str | Path) -> None:
        """Write to ``.nc`` (netCDF 3), or to ``.zarr`` where zarr is installed.

        Raises
        ------
        MissingExtraError
            For ``.zarr`` without zarr.
        SimulationError
            For another ending, or an output too large for netCDF 3.
        """
        save_dataset(with_text_ids(self.dataset), path)

    @classmethod
    def load(cls, path: str | Path) -> Outcome:
        """The outcome that `save`, or ``simulate(..., to=path)``, wrote."""
        opened = cls.open(path)
        with opened.dataset as dataset:
            return cls(dataset.load())

    @classmethod
    def open(cls, path: str | Path) -> Outcome:
        """The same as `load`, with the outputs left on disk: what is asked of them is read when it is asked.

        Of a run that was broken off, the patients who are done; they have no record yet.

        Raises
        ------
        MissingExtraError
            For ``.zarr`` without zarr.
        SimulationError
            If there is no such file, or its ending is another.
        """
        return cls(open_dataset(path))

    def __repr__(self) -> str:
        size = self.dataset.sizes
        span = f"{np.nanmin(self.times):g} to {np.nanmax(self.times):g}" if self.times.size else "none"
        draws = f" × {size['draw']} draws" if "draw" in size else ""
        lines = [
            f"Outcome: {size['patient']} patients × {size['time']} times ({span} {self.time_unit}){draws}"
        ]
        lines += [_summary(name, self.dataset[name], unit) for name, unit in self.units.items()]
        failures = self.failures
        if failures:
            names = ", ".join(map(str, list(failures)[:_SHOWN])) + (", …" if len(failures) > _SHOWN else "")
            lines.append(f"  {len(failures)} failed: {names}")
        return "\n".join(lines)

    def _frame_of(self, name: str) -> pd.DataFrame:
        import pandas as pd

        values = self.dataset[name].values
        times = np.broadcast_to(self.times, values.shape[:2])
        columns = {"patient": self.patients.reshape(-1, *[1] * (values.ndim - 1))}
        columns["time"] = times.reshape(*times.shape, *[1] * (values.ndim - 2))
        if values.ndim == 3:
            columns["draw"] = np.arange(values.shape[2])
        flat = {key: np.broadcast_to(column, values.shape).ravel() for key, column in columns.items()}
        frame = pd.DataFrame({**flat, "output": name, "value": values.ravel(), "unit": self.units[name]})
        return frame[frame["time"].notna()]


def _ids(patients: Sequence[Any]) -> np.ndarray:
    given = list(patients)
    if len(set(given)) != len(given):
        doubled = next(patient for patient in given if given.count(patient) > 1)
        raise SimulationError(
            f"patient {doubled} appears twice", repair="give each patient a name of their own"
        )
    whole = given and all(isinstance(patient, (int, np.integer)) for patient in given)
    return (
        np.array(given, dtype=np.int64) if whole else np.array([str(patient) for patient in given], dtype=str)
    )


def _variable(name: str, given: ArrayLike, unit: str, shape: tuple[int, int], status: np.ndarray) -> tuple:
    values = np.array(given, dtype=float)
    if values.ndim not in (2, 3) or values.shape[:2] != shape:
        raise _shape_error(f"output {name}", values.shape, f"{shape} or with draws as third")
    if name in (*_BOOKKEEPING, "patient", "time", "draw"):
        raise SimulationError(f"an output cannot be called {name!r}", repair="rename it in the model")
    values[status != 0] = np.nan
    return ("patient", "time", "draw")[: values.ndim], values, {"units": unit}


def _shape_error(what: str, found: tuple[int, ...], wanted: str) -> SimulationError:
    return SimulationError(f"{what} have the shape {found}", repair=f"the shape should be {wanted}")


def _summary(name: str, array: xr.DataArray, unit: str) -> str:
    if array.nbytes > _QUICK:
        return f"  {name} [{unit}]: {array.size:,} values"
    values = array.values
    finite = values[np.isfinite(values)]
    if not finite.size:
        return f"  {name} [{unit}]: no values"
    low, middle, high = finite.min(), np.median(finite), finite.max()
    return f"  {name} [{unit}]: median {middle:.4g}, range {low:.4g} to {high:.4g}"
