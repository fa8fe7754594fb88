"""Checkpoint: where an estimation stands, in a file, so that one that was interrupted goes on from there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from understudy.core.content import content_hash
from understudy.core.errors import FormatError
from understudy.inference.estimation.method import Method, Step, Task

_FORMAT = "understudy estimation 1"


def task_hash(task: Task, method: Method) -> str:
    """Hash of all that an estimation depends on: its model, its records, its method, its seed."""
    return content_hash([task.space.model.hash, task.predictor.records.hash, repr(method), task.seed])


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds the last iteration of one estimation.

    Parameters
    ----------
    path : path
    task : str
        Hash of model, records and method: another estimation's file is not taken up.
    """

    path: Path
    task: str

    def write(self, step: Step) -> None:
        """Keep an iteration; the file is whole at every instant."""
        told: dict[str, Any] = {
            "format": _FORMAT,
            "task": self.task,
            "number": step.number,
            "objective": step.objective,
            "vector": step.vector.tolist(),
            "state": {name: np.asarray(value).tolist() for name, value in step.state.items()},
        }
        beside = self.path.with_name(self.path.name + ".part")
        beside.write_text(json.dumps(told))
        os.replace(beside, self.path)

    def read(self) -> Step | None:
        """The iteration kept, or None where there is no file.

        Raises
        ------
        FormatError
            For a file that is damaged, or of another estimation.
        """
        if not self.path.exists():
            return None
        told = self._told()
        if told["task"] != self.task:
            raise FormatError(
                "this is the checkpoint of another model, other records or another method",
                place=self.path.name,
                repair="name another file, or remove this one to begin anew",
            )
        state = {name: np.array(value) for name, value in told["state"].items()}
        return Step(
            int(told["number"]), float(told["objective"]), np.array(told["vector"], dtype=float), state
        )

    def _told(self) -> Mapping[str, Any]:
        try:
            told = json.loads(self.path.read_text())
        except (json.JSONDecodeError, UnicodeDecodeError):
            told = None
        wanted = {"format", "task", "number", "objective", "vector", "state"}
        if not isinstance(told, dict) or not wanted <= told.keys() or told["format"] != _FORMAT:
            raise FormatError(
                "this is no checkpoint of an estimation",
                place=self.path.name,
                repair="name another file, or remove this one to begin anew",
            )
        return told
