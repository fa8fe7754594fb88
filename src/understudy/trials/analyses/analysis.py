"""Analysis: which method a trial asks for, and what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING

from understudy.core.errors import StudyError
from understudy.trials.analyses.method import METHODS, TAKEN_BY, USUAL
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

_HOME = "understudy.trials.analyses"


@dataclass(frozen=True, eq=False)
class Analysed:
    """What one method found.

    Parameters
    ----------
    method : str
        Name among `METHODS`.
    effects : tuple of Effect
        The primary ones first, an arm after another.
    tables : mapping of str to DataFrame
        More of it: adjusted means, coefficients, tests of assumptions.
    notes : tuple of str
        What the reader must know: subjects left out, assumptions that fail.
    remarks : tuple of str
        What else was found or chosen: tests beside the effects, the horizon.
    """

    method: str
    effects: tuple[Effect, ...]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The method in words."""
        return METHODS[self.method].words

    @property
    def maker(self) -> str:
        """Whose code did what."""
        return METHODS[self.method].maker


def method_of(trial: Trial, name: str | None = None) -> str:
    """The method asked for, or the usual one of the endpoint's kind.

    Raises
    ------
    StudyError
        If there is no such method, or it is for other endpoints.
    """
    kind = trial.protocol.endpoint.kind
    imputed = kind == "longitudinal" and trial.protocol.analysis.missing != "as observed"
    usual = "multiple imputation" if imputed else USUAL[kind]
    wanted = name or trial.protocol.analysis.method or usual
    fitting = [key for key, method in METHODS.items() if kind in method.kinds]
    if wanted in fitting:
        return wanted
    cause = f"{wanted!r} is no analysis of a {kind} endpoint"
    raise StudyError(cause, place="analysis.method", repair=f"one of {', '.join(fitting)}")


def analyse(trial: Trial, method: str | None = None) -> Analysed:
    """The effects of a trial by one method.

    Parameters
    ----------
    trial : Trial
    method : str, optional
        Name among `METHODS`; that of the protocol, or the usual one, if left out.

    Raises
    ------
    StudyError
        If the method is not for this endpoint.

    Examples
    --------
    >>> from understudy.trials import load_trial
    >>> print(analyse(load_trial("examples/leukaemia/trial.toml")).effects[0])
    6-MP against placebo, hazard ratio: 0.2076 (0.09251 to 0.4659), p 0.000138
    """
    name = method_of(trial, method)
    module, _, function = METHODS[name].home.partition(".")
    work: Callable[[Trial], Analysed] = getattr(import_module(f"{_HOME}.{module}"), function)
    found = work(trial)
    return replace(found, notes=(*found.notes, *_unused(trial, name)))


def _unused(trial: Trial, name: str) -> tuple[str, ...]:
    """What the protocol asks of the analysis and the method has no use for."""
    section, words = trial.protocol.analysis, METHODS[name].words
    usual = type(section)()
    told = [
        f"analysis.{key} is not used by the {words}: it is for {', '.join(methods)}"
        for key, methods in TAKEN_BY.items()
        if name not in methods and getattr(section, key) != getattr(usual, key)
    ]
    if section.covariates and not METHODS[name].covariates:
        told.append(f"covariates ({', '.join(section.covariates)}) are not adjusted for by the {words}")
    if section.strata and not METHODS[name].strata:
        told.append(
            f"strata ({', '.join(section.strata)}) are not used by the {words}: name them among covariates"
        )
    return tuple(told)
