"""Surrogate: stands in for a slow model within a box of its parameters, and knows how wrong it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.content import Content
from understudy.core.errors import SimulationError
from understudy.core.record import Record, Stopwatch
from understudy.core.result import Outcome
from understudy.engine.simulate import by_draw
from understudy.surrogate.box import Box
from understudy.surrogate.course import Course
from understudy.surrogate.held_out import OutputError, percent
from understudy.surrogate.runs import FailedRun

if TYPE_CHECKING:
    import pandas as pd

LOWER, UPPER = "_lower", "_upper"
# Above it a repr does not list outputs.
_SHOWN = 8


@dataclass(frozen=True)
class Account(Content):
    """What a surrogate was made from, and how good it is.

    Parameters
    ----------
    model, model_hash : str
    regimen : str
        Empty where nothing is given.
    time_unit : str
    box : Box
    fixed : mapping of name to float
        Parameters with another value than the model's own.
    training_runs, calibration_runs, test_runs : int
        That succeeded.
    failed : tuple of FailedRun
    accuracy : float or None
        What was asked for: 95 % of an output's errors within this share of its scale.
    errors : tuple of OutputError
    record : Record
    """

    model: str
    model_hash: str
    regimen: str
    time_unit: str
    box: Box
    fixed: dict[str, float]
    training_runs: int
    calibration_runs: int
    test_runs: int
    failed: tuple[FailedRun, ...]
    accuracy: float | None
    errors: tuple[OutputError, ...]
    record: Record


@dataclass(frozen=True, eq=False, repr=False)
class Surrogate:
    """An emulator of a model's outputs under one regimen, at fixed times, over a box. Made by `emulate`.

    Parameters
    ----------
    account : Account
        What it was made from, and how good it is.
    times : float array, shape (m,)
    courses : tuple of Course
        One an output.

    Examples
    --------
    >>> from understudy import Surrogate, emulate, load_model
    >>> model = load_model("one_compartment_iv_michaelis_menten")
    >>> box = {"Vmax": (5, 20), "Km": (1, 10)}
    >>> surrogate = emulate(model, box, "100 mg", [1, 4, 8], size=32, most=32, held_out=32)
    >>> surrogate.predict([{"Vmax": 10, "Km": 3}])["Cp"].shape
    (1, 3)
    """

    account: Account
    times: np.ndarray
    courses: tuple[Course, ...]

    @property
    def box(self) -> Box:
        """Where it answers."""
        return self.account.box

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(course.name for course in self.courses)

    @property
    def record(self) -> Record:
        """How it was made."""
        return self.account.record

    @property
    def failed(self) -> tuple[FailedRun, ...]:
        """Runs of the model that gave no usable numbers: nothing was learnt or measured there."""
        return self.account.failed

    @property
    def error(self) -> pd.DataFrame:
        """Errors of each output on the test runs, columns as of `OutputError`; measured once, at the end."""
        import pandas as pd

        return pd.DataFrame([asdict(entry) for entry in self.account.errors]).set_index("output")

    @property
    def worst(self) -> OutputError:
        """Errors of the output of which 95 % are within the largest share of its scale."""
        return max(self.account.errors, key=lambda entry: entry.typical_largest)

    @property
    def reached(self) -> bool:
        """Whether the accuracy asked for was reached, by the test runs; True where none was asked for."""
        return self.account.accuracy is None or self.worst.typical_largest <= self.account.accuracy

    @property
    def verdict(self) -> str:
        """In a sentence, whether the accuracy asked for was reached."""
        asked, found = (
            self.account.accuracy,
            f"95 % of errors are within {percent(self.worst.typical_largest)}",
        )
        if asked is None:
            return f"no accuracy was asked for: {found} of an output's scale"
        word = "was reached" if self.reached else "was NOT reached"
        return f"an accuracy of {percent(asked)} of an output's scale {word}: {found}"

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all that predictions depend on, and of what is said of them."""
        from understudy.surrogate.surrogate_file import hash_of

        return hash_of(self)

    def predict(self, patients: pd.DataFrame | list | None = None) -> Outcome:
        """What the model would give.

        Parameters
        ----------
        patients : DataFrame or list of mappings, optional
            One row a patient, the index their identifiers (or patient and draw); columns are parameters of the box, in
            its units. One that is left out has the model's own value. None: one typical patient.

        Returns
        -------
        Outcome
            Shape (patients, times), or (patients, times, draws). For an output ``C`` also the ends of its interval,
            ``C_lower`` and ``C_upper``, which the model's value is within with the probability `emulate` was told.

        Raises
        ------
        SimulationError
            For values outside the box, columns that were not varied, or a missing column without a typical value.
        """
        watch = Stopwatch()
        table = self._table(patients)
        points = self._points(table)
        arrays = {
            course.name + end: values
            for course in self.courses
            for end, values in zip(("", LOWER, UPPER), course.band(points), strict=True)
        }
        units = {course.name + end: course.unit for course in self.courses for end in ("", LOWER, UPPER)}
        names, status, messages = table.index, np.zeros(len(table), dtype=np.int8), [""] * len(table)
        if table.index.nlevels == 2:
            names, arrays, status, messages = by_draw(table, arrays, status, messages)
        record = Record.make(
            "predict",
            stopwatch=watch,
            inputs={"surrogate": self.hash},
            model=self.account.model_hash,
            method="surrogate",
        )
        outputs = {name: (values, units[name]) for name, values in arrays.items()}
        return Outcome.build(
            list(names), self.times, outputs, self.account.time_unit, status, messages, record
        )

    def raise_inaccurate(self) -> Surrogate:
        """The surrogate itself if the accuracy asked for was reached.

        Raises
        ------
        SimulationError
            With what was reached instead.
        """
        if not self.reached:
            raise SimulationError(
                self.verdict,
                place=f"output {self.worst.output}, after {self.account.training_runs} training runs",
                repair="allow more runs (most=…), make the box smaller, or ask for less",
            )
        return self

    def save(self, path: str | Path) -> None:
        """Write to an ``.npz`` file: JSON and arrays, nothing that is run when it is read.

        Raises
        ------
        SimulationError
            For another ending or a folder that does not exist.
        """
        from understudy.surrogate.surrogate_file import write

        write(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Surrogate:
        """The surrogate that `save` wrote.

        Raises
        ------
        SimulationError
            If it is no such file, of a later version, or was changed after it was written.
        """
        from understudy.surrogate.surrogate_file import read

        return read(path)

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        about = self.account
        yield f"Surrogate of {about.model}: {', '.join(f'{r.name} {r}' for r in self.box.ranges)}"
        yield f"  {about.regimen or 'no dose'}; {len(self.times)} times to {self.times.max():g} {about.time_unit}"
        failed = f", {len(about.failed)} runs FAILED" if about.failed else ""
        held = f"{about.calibration_runs} calibration, {about.test_runs} test runs"
        yield f"  {about.training_runs} training, {held}{failed}"
        for entry in about.errors[:_SHOWN]:
            scale = f"{entry.scale:.3g}" + ("" if entry.unit == "1" else f" {entry.unit}")
            yield (
                f"  {entry.output}: 95 % of errors within {percent(entry.typical_largest)} of {scale}, largest "
                f"{percent(entry.largest)}; {entry.coverage:.0%} are within the {entry.nominal:.0%} interval"
            )
        yield f"  {self.verdict}"

    def _table(self, patients: pd.DataFrame | list | None) -> pd.DataFrame:
        import pandas as pd

        if patients is None:
            return pd.DataFrame(index=["typical"])
        table = patients if isinstance(patients, pd.DataFrame) else pd.DataFrame(patients)
        if not len(table):
            raise SimulationError("there is no patient to predict", repair="give at least one row")
        return table

    def _points(self, table: pd.DataFrame) -> np.ndarray:
        """Points of the unit cube of a table's rows."""
        foreign = [str(name) for name in table.columns if name not in self.box.names]
        if foreign:
            raise SimulationError(
                f"{', '.join(foreign)} was not varied when the surrogate was made",
                place="columns of the patients",
                repair=f"leave it out, or emulate it too; varied: {', '.join(self.box.names)}",
            )
        values = np.empty((len(table), len(self.box.names)))
        for k, entry in enumerate(self.box.ranges):
            given = entry.name in table.columns
            if not given and entry.typical is None:
                raise SimulationError(
                    f"no value for {entry.name}",
                    place="columns of the patients",
                    repair=f"give it, within {entry}: the model's own value is not in the box",
                )
            values[:, k] = table[entry.name].to_numpy(float) if given else entry.typical
        return self.box.points(values, table.index)
