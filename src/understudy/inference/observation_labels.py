"""Observation labels: which output and which occasion each row of records means."""

from __future__ import annotations

import numpy as np

from understudy.core.errors import ModelError, SimulationError
from understudy.data.compatibility import output_name
from understudy.model.population_model import PopulationModel


def observed_outputs(dvid: np.ndarray, model: PopulationModel) -> np.ndarray:
    """Name of the output that each observation measures."""
    if not model.output_names:
        raise ModelError(
            f"{model.name} has no residual error", repair="say how measurements scatter: residual={...}"
        )
    known = {key: output_name(model, str(key)) for key in set(dvid)}
    unknown = sorted(str(key) for key, name in known.items() if name not in model.output_names)
    if unknown:
        raise SimulationError(
            f"measurements of {', '.join(map(repr, unknown))} match no output with a residual error",
            place=model.name,
            repair=f"write a DVID of {', '.join(model.output_names)}",
        )
    return np.array([known[key] for key in dvid], dtype=object)


def numbered_occasions(labels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Occasions of each patient numbered from zero in the order in which they first come."""
    numbers, seen = np.zeros(len(labels), dtype=np.int64), {}
    for k, key in enumerate(zip(ids, labels, strict=True)):
        own = seen.setdefault(key[0], {})
        numbers[k] = own.setdefault(key[1], len(own))
    return numbers
