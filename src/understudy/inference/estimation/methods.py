"""Methods of estimation: by name for `fit`, or as an object with settings, ``methods.FOCEI(iterations=50)``.

Examples
--------
>>> from understudy import methods
>>> methods.FOCEI(iterations=50)
FOCEI(iterations=50, tolerance=1e-06)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
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


def method_of(method: str | Method, settings: Mapping[str, float] | None = None) -> Method:
    """A method as it is, or by its name, with settings in the place of its own.

    Parameters
    ----------
    method : str or Method
    settings : mapping of str to number, optional
        Such as ``{"iterations": 50}``.

    Raises
    ------
    SimulationError
        For an unknown name, and for a setting that the method does not have or that is of another kind.

    Examples
    --------
    >>> method_of("focei", {"iterations": 50})
    FOCEI(iterations=50, tolerance=1e-06)
    """
    if isinstance(method, str):
        if method.lower() not in METHODS:
            near = get_close_matches(method.lower(), METHODS, 1, 0.6)
            repair = f"did you mean {near[0]}?" if near else f"methods: {', '.join(METHODS)}"
            raise SimulationError(f"unknown method {method!r}", repair=repair)
        module, name = METHODS[method.lower()]
        method = getattr(import_module(f"understudy.inference.estimation.{module}"), name)()
    return replace(method, **_checked(method, settings)) if settings else method


def _checked(method: Method, settings: Mapping[str, float]) -> dict[str, float]:
    """Settings that the method has, each a number of the kind of its own."""
    own = {each.name: str(each.type) for each in fields(method)}
    for name, value in settings.items():
        if name not in own:
            near = get_close_matches(name, own, 1, 0.6)
            repair = f"did you mean {near[0]}?" if near else f"it has {', '.join(own)}"
            raise SimulationError(f"{method.name} has no setting {name!r}", repair=repair)
        _require_kind(name, value, own[name])
    return dict(settings)


def _require_kind(name: str, value: float, kind: str) -> None:
    """`kind` is how the method's class annotates the setting: ``"int"``, ``"float"``, ``"bool"``, ``"... | None"``."""
    word, good = "a number above zero", isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind.startswith("bool"):
        word, good = "true or false", isinstance(value, bool)
    elif kind.startswith("int"):
        word, good = (
            "a whole number above zero",
            good and float(value).is_integer() and isinstance(value, int),
        )
    if not good or (not isinstance(value, bool) and not value > 0):
        raise SimulationError(f"{name} should be {word}, is {value!r}", repair="correct it, or leave it out")
