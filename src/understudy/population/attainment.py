"""Attainment: how often a regimen keeps patients below, within and above a target range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core import units
from understudy.core.errors import SimulationError
from understudy.core.result import Outcome

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("trough", "time")


@dataclass(frozen=True)
class Target:
    """A range that an output should stay in.

    Parameters
    ----------
    output : str
    low, high : float
        In `unit`, both ends included.
    unit : str
    """

    output: str
    low: float
    high: float
    unit: str

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise SimulationError(
                f"the target range {self.low:g} to {self.high:g} is empty", repair="give the lower end first"
            )


@dataclass(frozen=True, eq=False)
class Attainment:
    """Where each patient's level is, by draw.

    Parameters
    ----------
    patients : tuple of str, length N
    below, within, above : mapping of measure to float array, shape (N, draws)
        ``trough``: 1 or 0 at the last time; ``time``: the share of all times after the first.
    """

    patients: tuple[str, ...]
    below: Mapping[str, np.ndarray]
    within: Mapping[str, np.ndarray]
    above: Mapping[str, np.ndarray]

    @property
    def draws(self) -> int:
        """Draws per patient."""
        return self.within["time"].shape[1]

    def by_patient(self, measure: str = "time") -> pd.DataFrame:
        """Probabilities for each patient with the Monte Carlo standard error of `within`."""
        import pandas as pd

        found = self.within[measure]
        error = (
            found.std(axis=1, ddof=1) / np.sqrt(self.draws) if self.draws > 1 else np.full(len(found), np.nan)
        )
        columns = {name: getattr(self, name)[measure].mean(axis=1) for name in ("below", "within", "above")}
        return pd.DataFrame(columns | {"se": error}, index=pd.Index(self.patients, name="id"))

    def summary(self, measure: str, chosen: np.ndarray | None = None) -> dict[str, float]:
        """Mean probabilities over patients, with the Monte Carlo standard error of `within`.

        With several draws a patient the patients are fixed, and the error is that of the draws; with one draw each
        the patients are themselves the draws.

        Parameters
        ----------
        measure : {"trough", "time"}
        chosen : bool array, shape (N,), optional
            Patients to be counted; all where None.
        """
        chosen = np.ones(len(self.patients), bool) if chosen is None else chosen
        found, count = self.within[measure][chosen], int(chosen.sum())
        means = {
            name: float(getattr(self, name)[measure][chosen].mean()) for name in ("below", "within", "above")
        }
        spread = found.std(axis=1, ddof=1) / np.sqrt(self.draws) if self.draws > 1 else None
        if spread is not None:
            error = np.sqrt((spread**2).sum()) / count
        else:
            error = found.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
        return {"n": count, **means, "se": float(error)}


def attainment(outcome: Outcome, target: Target) -> Attainment:
    """Measure an outcome against a target.

    Parameters
    ----------
    outcome : Outcome
        At evenly spaced times that end with a trough. Failed patients are left out.
    target : Target

    Raises
    ------
    SimulationError
        If every patient has failed.

    Examples
    --------
    >>> outcome = Outcome.build(["a"], [0.0, 1.0, 2.0], {"C": ([[0.0, 20.0, 50.0]], "mg/L")}, "h")
    >>> found = attainment(outcome, Target("C", 15, 40, "mg/L"))
    >>> found.summary("time")["within"], found.summary("trough")["above"]
    (0.5, 1.0)
    """
    stands = outcome.succeeded()
    if not len(stands.patients):
        raise SimulationError(
            "every patient failed", place=target.output, repair="see the outcome's failures"
        )
    values = stands[target.output].values
    values = values[..., None] if values.ndim == 2 else values
    scale = units.factor(target.unit, stands.units[target.output])
    below, above = values < target.low * scale, values > target.high * scale
    shares = {name: _measures(flags) for name, flags in (("below", below), ("above", above))}
    within = {m: 1.0 - shares["below"][m] - shares["above"][m] for m in MEASURES}
    return Attainment(tuple(map(str, stands.patients)), shares["below"], within, shares["above"])


def _measures(flags: np.ndarray) -> dict[str, np.ndarray]:
    return {"trough": flags[:, -1].astype(float), "time": flags[:, 1:].mean(axis=1)}


def attainment_table(
    found: Mapping[str, Attainment], strata: Mapping[str, Mapping[str, np.ndarray]], source: str
) -> pd.DataFrame:
    """Attainment of several regimens, overall and by stratum.

    Parameters
    ----------
    found : mapping of regimen to Attainment
    strata : mapping of covariate to mapping of stratum label to bool array, shape (N,)
    source : str
        Who the patients are.

    Returns
    -------
    DataFrame
        source, regimen, by, stratum, measure, n, below, within, above, se.
    """
    import pandas as pd

    rows = []
    for regimen, attained in found.items():
        groups = [("all", "all", None)]
        groups += [(by, label, flags) for by, labels in strata.items() for label, flags in labels.items()]
        for by, label, flags in groups:
            if flags is not None and not flags.any():
                continue
            for measure in MEASURES:
                fixed = {"source": source, "regimen": regimen, "by": by, "stratum": label, "measure": measure}
                rows.append(fixed | attained.summary(measure, flags))
    return pd.DataFrame(rows)


def best_regimens(found: Mapping[str, Attainment], measure: str = "time") -> pd.DataFrame:
    """The regimen with the highest probability of being within the target, for each patient.

    Regimens whose difference from a patient's highest is within two of its Monte Carlo standard errors are no
    different for that patient; of these the one is named that is best over all patients.

    Parameters
    ----------
    found : mapping of regimen to Attainment
        Of the same patients with the same draws.
    measure : {"trough", "time"}

    Returns
    -------
    DataFrame
        Index id; best, within, below, above, se, runner_up (the highest of the others), runner_up_within, tied:
        whether best and runner-up are no different.
    """
    import pandas as pd

    names = list(found)
    within = np.stack([found[name].within[measure] for name in names])
    overall = within.mean(axis=(1, 2))
    rows = []
    for k, patient in enumerate(found[names[0]].patients):
        best, second = _choose(within[:, k], overall)
        chosen = {
            name: float(getattr(found[names[best]], name)[measure][k].mean()) for name in ("below", "above")
        }
        rows.append({"id": patient} | _described(names, within[:, k], best, second) | chosen)
    return pd.DataFrame(rows).set_index("id")


def _choose(within: np.ndarray, overall: np.ndarray) -> tuple[int, int | None]:
    """Index of the best regimen of one patient and of the highest of the others; `within` is (regimens, draws)."""
    means = within.mean(axis=1)
    highest = int(means.argmax())
    alike = [k for k in range(len(means)) if k == highest or _no_different(within[highest], within[k])]
    best = max(alike, key=lambda k: overall[k])
    others = [k for k in range(len(means)) if k != best]
    return best, max(others, key=lambda k: means[k]) if others else None


def _no_different(left: np.ndarray, right: np.ndarray) -> bool:
    difference = left - right
    return bool(abs(difference.mean()) <= 2 * np.nan_to_num(_error(difference)))


def _error(values: np.ndarray) -> float:
    """Monte Carlo standard error of a mean over draws."""
    return float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else np.nan


def _described(names: Sequence[str], within: np.ndarray, best: int, second: int | None) -> dict:
    row = {"best": names[best], "within": float(within[best].mean()), "se": _error(within[best])}
    if second is None:
        return row | {"runner_up": "", "runner_up_within": np.nan, "tied": False}
    other = {"runner_up": names[second], "runner_up_within": float(within[second].mean())}
    return row | other | {"tied": _no_different(within[best], within[second])}
