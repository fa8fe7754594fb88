"""twins: what is made of one patient's posterior, and the parts that are asked for it.

Names are loaded when they are first used.

Examples
--------
>>> from understudy.inference.twins import Drift
>>> Drift({"eta_CL": 0.05}, every=24.0).variances["eta_CL"]
0.05
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Where each name is defined.
_HOMES = {
    "Dosing": "understudy.inference.twins.dosing",
    "Drift": "understudy.inference.twins.drift",
    "Limit": "understudy.population.exposure",
    "ModelAverage": "understudy.inference.twins.model_average",
    "Target": "understudy.population.attainment",
    "average_models": "understudy.inference.twins.model_average",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
