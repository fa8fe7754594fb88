"""Methods of estimation by name."""

from __future__ import annotations

from importlib import import_module

from understudy.core.errors import SimulationError
from understudy.inference.estimation.method import Method

# Where each method is defined.
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
}


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
