"""What a population model can say beyond levels with normal errors: ``outcomes.Distribution("pain", "poisson")``.

Examples
--------
>>> from understudy import outcomes
>>> outcomes.Mixture("GROUP", ("slow", "1 - slow")).size
2
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Distribution": "distribution",
    "InverseWishart": "prior",
    "Mixture": "mixture",
    "NormalPrior": "prior",
    "ResidualCorrelation": "residual",
    "box_cox_effect": "effect_shape",
    "t_effect": "effect_shape",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"understudy.model.{_HOMES[name]}"), name)
