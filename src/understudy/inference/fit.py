"""Fit: what an estimation found, whoever made it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import FormatError
from understudy.inference.estimate_interval import estimate_interval

if TYPE_CHECKING:
    import pandas as pd

    from understudy.model.population_model import PopulationModel


_FORMAT = "understudy fit 1"


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """Estimates of a population's parameters, with how sure they are.

    Parameters
    ----------
    method : str
        Of estimation, in words.
    objective : float
        Minus twice the log-likelihood on the scale of the method.
    estimates : mapping of str to float
    standard_errors : mapping of str to float
        Not-a-number where a parameter was not estimated or its error is not known.
    covariance : DataFrame, shape (parameters, parameters), or None
        Of the estimates, rows and columns named as they are.
    effects : DataFrame, shape (patients, random effects), or None
        Each patient's random effects at their mode or mean.
    status : str
        How the estimation ended, in one sentence; empty where that is not known.
    succeeded : bool or None
        None where it is not known.
    fixed : tuple of str
        Parameters that were not estimated.
    source : str
        File, or how it was made.
    model : PopulationModel or None
        With the estimates put in; None for a fit of another program.
    objective_error : float
        Monte Carlo standard error of the objective; zero where nothing was drawn.
    covariance_kind : str
        What the covariance is made of: "sandwich", "R", "S" or draws of the "posterior"; empty where that is not known.
    shrinkage : mapping of str to float
        Of each random effect.
    warnings : tuple of str
        What is doubtful about it: parameters that are not identified, variances that collapsed, estimates on a bound.
    iterations, observations : int
    seconds : float
    details : mapping
        What only the method knows. ``draws``, where a method has kept draws from the posterior of the parameters: a
        mapping of each estimate's name to its draws.
    records_hash : str
        `Records.hash` of what it was estimated from; empty where that is not known.

    Examples
    --------
    >>> fit = Fit("FOCEI", 586.276, {"THETA1": 0.0047}, {"THETA1": 0.0002}, succeeded=True)
    >>> fit.interval("THETA1")
    (0.004308, 0.005092)
    """

    method: str
    objective: float
    estimates: Mapping[str, float]
    standard_errors: Mapping[str, float] = field(default_factory=dict)
    covariance: pd.DataFrame | None = None
    effects: pd.DataFrame | None = None
    status: str = ""
    succeeded: bool | None = None
    fixed: tuple[str, ...] = ()
    source: str = ""
    model: PopulationModel | None = None
    objective_error: float = 0.0
    covariance_kind: str = ""
    shrinkage: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    iterations: int = 0
    seconds: float = 0.0
    observations: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    records_hash: str = ""

    def __post_init__(self) -> None:
        for name in ("estimates", "standard_errors", "shrinkage", "details"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def interval(self, name: str) -> tuple[float, float]:
        """95 % interval of an estimate: quantiles of its posterior where that was drawn from.

        Else from its standard error and the normal distribution, on the scale on which it was estimated, see
        `understudy.inference.estimate_interval`: a variance's interval is made of logarithms. Even about the estimate
        where its bounds are not known, as for another program's fit.
        """
        drawn = self.details.get("posterior", {}).get(name)
        if drawn is not None:
            return drawn["low"], drawn["high"]
        return estimate_interval(
            self.estimates[name], self.standard_errors.get(name, np.nan), *self._bounds.get(name, ())
        )

    @property
    def _bounds(self) -> dict[str, tuple[float, float]]:
        """Of fixed effects and variances."""
        if self.model is None:
            return {}
        fixed = {parameter.name: (parameter.lower, parameter.upper) for parameter in self.model.fixed}
        return fixed | {f"omega({name})": (0.0, np.inf) for name in self.model.eta_names}

    @property
    def condition_number(self) -> float:
        """Ratio of the largest to the smallest eigenvalue of the estimates' correlations; not-a-number without them."""
        if self.covariance is None:
            return np.nan
        spread = np.sqrt(np.diag(self.covariance))
        eigenvalues = np.linalg.eigvalsh(self.covariance.to_numpy() / np.outer(spread, spread))
        return float(eigenvalues[-1] / eigenvalues[0])

    @property
    def aic(self) -> float:
        """Akaike's information criterion on the scale of the objective."""
        return self.objective + 2.0 * self._free

    @property
    def bic(self) -> float:
        """Bayes' information criterion by the number of observations; not-a-number where that is not known."""
        return self.objective + self._free * float(np.log(self.observations)) if self.observations else np.nan

    @property
    def _free(self) -> int:
        return len(self.estimates.keys() - set(self.fixed))

    def table(self) -> pd.DataFrame:
        """Estimate, standard error and relative standard error of every parameter that is not a fixed zero."""
        import pandas as pd

        names = [name for name, value in self.estimates.items() if value != 0 or name not in self.fixed]
        values = np.array([self.estimates[name] for name in names], dtype=float)
        errors = np.array([self.standard_errors.get(name, np.nan) for name in names], dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = errors / np.abs(values)
        return pd.DataFrame(
            {"estimate": values, "standard error": errors, "relative": relative},
            index=pd.Index(names, name="name"),
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON data; None where a number is not known. `from_json` gives it back."""
        frames = {name: _frame_data(getattr(self, name)) for name in ("covariance", "effects")}
        plain = {
            each.name: _plain(getattr(self, each.name))
            for each in fields(self)
            if each.name not in (*frames, "model")
        }
        model = None if self.model is None else self.model.to_json()
        return {"format": _FORMAT, **plain, **frames, "model": model}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fit:
        """The fit whose `to_json` gave this.

        Raises
        ------
        FormatError
            For data that is no fit.
        """
        from understudy.model.population_model import PopulationModel

        if data.get("format") != _FORMAT:
            raise FormatError(
                "this is no fit", repair="give a file that `understudy fit --out fit.json` wrote"
            )
        given = {each.name: data[each.name] for each in fields(cls) if each.name in data}
        model = None if given["model"] is None else PopulationModel.from_json(given["model"])
        numbers = {name: _numbers(given[name]) for name in ("estimates", "standard_errors", "shrinkage")}
        frames = {name: _frame(given[name]) for name in ("covariance", "effects")}
        lists = {name: tuple(given[name]) for name in ("fixed", "warnings")}
        if given["objective"] is None:
            # Of an estimation that could not begin.
            given["objective"] = np.nan
        return cls(**given | numbers | frames | lists | {"model": model})

    @property
    def text(self) -> str:
        """What `write` writes."""
        return json.dumps(self.to_json(), indent=1, allow_nan=False)

    def write(self, path: str | Path) -> None:
        """Write it as JSON; the file is whole or not there."""
        path = Path(path)
        beside = path.with_name(path.name + ".part")
        beside.write_text(self.text, encoding="utf-8")
        os.replace(beside, path)

    @classmethod
    def read(cls, path: str | Path) -> Fit:
        """A fit that `write` wrote.

        Raises
        ------
        FormatError
            For a file that is damaged or no fit.
        """
        path = Path(path)
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
            raise FormatError(
                f"this is no fit: {type(error).__name__}", place=path.name,
                repair="give a file that `understudy fit --out fit.json` wrote",
            ) from None  # fmt: skip

    def __repr__(self) -> str:
        ended = self.status or {True: "succeeded", False: "failed", None: ""}[self.succeeded]
        head = f"Fit by {self.method}: objective {self.objective:.6g}{f' ({ended})' if ended else ''}"
        return f"{head}\n{self.table().to_string(float_format=lambda value: f'{value:.4g}', na_rep='')}"


def _plain(value: Any) -> Any:
    """JSON data in which numbers that are not known are None."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(each) for each in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _numbers(data: Mapping[str, float | None]) -> dict[str, float]:
    return {name: np.nan if value is None else float(value) for name, value in data.items()}


def _frame_data(frame: pd.DataFrame | None) -> dict[str, Any] | None:
    if frame is None:
        return None
    return {
        "index": [str(label) for label in frame.index],
        "name": frame.index.name,
        "columns": [str(name) for name in frame.columns],
        "values": _plain(frame.to_numpy()),
    }


def _frame(data: Mapping[str, Any] | None) -> pd.DataFrame | None:
    import pandas as pd

    if data is None:
        return None
    index = pd.Index(data["index"], name=data["name"])
    return pd.DataFrame(data["values"], index=index, columns=data["columns"], dtype=float)
