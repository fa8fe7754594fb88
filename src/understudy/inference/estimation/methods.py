"""Methods of estimation: by name for `fit`, or as an object with settings, ``methods.FOCEI(iterations=50)``.

Examples
--------
>>> from understudy import methods
>>> methods.FOCEI(iterations=50)
FOCEI(iterations=50, tolerance=1e-06)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    from understudy.inference.estimation.method import Method

# The module of each method, by the name that `fit` takes, and its class.
METHODS = {
    "fo": ("fo", "FO"),
    "foce": ("foce", "FOCE"),
    "focei": ("focei", "FOCEI"),
    "laplace": ("laplace", "Laplace"),
    "agq": ("gauss_hermite", "GaussHermite"),
    "imp": ("importance_sampling", "ImportanceSampling"),
    "impmap": ("impmap", "IMPMAP"),
    "its": ("its", "ITS"),
    "saem": ("saem", "SAEM"),
    "nuts": ("nuts", "NUTS"),
}
_HOMES = {name: module for module, name in METHODS.values()}

__all__ = ["METHODS", "method_of", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"understudy.inference.estimation.{_HOMES[name]}"), name)


def method_of(method: str | Method) -> Method:
    """A method as it is, or by its name with its own settings.

    Raises
    ------
    SimulationError
        For an unknown name.

    Examples
    --------
    >>> method_of("focei")
    FOCEI(iterations=500, tolerance=1e-06)
    """
    if not isinstance(method, str):
        return method
    if method.lower() not in METHODS:
        raise SimulationError(f"unknown method {method!r}", repair=f"methods: {', '.join(METHODS)}")
    module, name = METHODS[method.lower()]
    return getattr(import_module(f"understudy.inference.estimation.{module}"), name)()
