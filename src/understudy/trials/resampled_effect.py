"""Resampled effect: one effect of a trial in thousands of resamples, or in thousands of selections of its subjects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.many_trials import log_rank_many
from understudy.core.errors import StudyError
from understudy.trials.analyses.adjustment import design_of, usable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from understudy.trials.trial import Trial


@dataclass(frozen=True, eq=False)
class ResampledEffect(ABC):
    """The effect of one arm against the control, in any selection and resample of subjects.

    Parameters
    ----------
    subjects : array of str, shape (n,)
        Names of those whose outcome and covariates are known, in the two arms.
    treated : bool array, shape (n,)
    measure : str
    is_ratio : bool
        Values are logarithms.
    """

    subjects: np.ndarray
    treated: np.ndarray
    measure: str
    is_ratio: bool

    @abstractmethod
    def values(self, counts: NDArray) -> tuple[NDArray, NDArray]:
        """Effects and their standard errors.

        Parameters
        ----------
        counts : int array, shape (b, n)
            How often each subject is in each resample; zero for one that is not selected.

        Returns
        -------
        values, errors : float arrays, shape (b,)
            On the logarithmic scale for a ratio; not-a-number where there is no estimate.
        """

    @abstractmethod
    def events(self, counts: NDArray) -> NDArray:
        """How many events, or known measurements, each resample has, shape (b,)."""

    def natural(self, value: float) -> float:
        """A value as people read it."""
        return float(np.exp(value)) if self.is_ratio else float(value)


@dataclass(frozen=True, eq=False)
class HazardEffect(ResampledEffect):
    """Log hazard ratio of Cox's model, Efron's ties; covariates are not adjusted for."""

    time: np.ndarray
    event: np.ndarray

    def values(self, counts: NDArray) -> tuple[NDArray, NDArray]:
        """By the compiled kernel: who is not in a resample is censored before anything happens."""
        picks, kept = _picks(counts)
        # Only the order of times matters, so they may be moved away from zero.
        times = np.where(kept, self.time[picks] + 1.0, 0.0)
        events = np.where(kept, self.event[picks], 0)
        found = log_rank_many(times, events, self.treated[picks].astype(int))
        failed = found.status != 0
        return np.where(failed, np.nan, found.log_hazard_ratio), np.where(
            failed, np.nan, found.standard_error
        )

    def events(self, counts: NDArray) -> NDArray:
        return counts @ self.event


@dataclass(frozen=True, eq=False)
class LinearEffect(ResampledEffect):
    """Difference of means, or of risks, adjusted by least squares.

    Of risks the difference of a linear model with robust errors, which is that of proportions without covariates.
    """

    design: np.ndarray
    outcome: np.ndarray
    place: int

    def values(self, counts: NDArray) -> tuple[NDArray, NDArray]:
        """By weighted least squares; errors are robust (HC0, White 1980, doi:10.2307/1912934)."""
        x, weights = self.design, np.asarray(counts, dtype=float)
        crossed = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
        gram = (weights @ crossed).reshape(len(weights), x.shape[1], x.shape[1])
        known = np.linalg.matrix_rank(gram, hermitian=True) == x.shape[1]
        gram[~known] = np.eye(x.shape[1])
        beta = np.linalg.solve(gram, (weights @ (x * self.outcome[:, None]))[..., None])[..., 0]
        residuals = self.outcome - beta @ x.T
        meat = ((weights * residuals**2) @ crossed).reshape(gram.shape)
        inverse = np.linalg.inv(gram)
        variance = np.einsum("bi,bij,bj->b", inverse[:, self.place], meat, inverse[:, self.place])
        value = np.where(known, beta[:, self.place], np.nan)
        return value, np.where(known, np.sqrt(variance), np.nan)

    def events(self, counts: NDArray) -> NDArray:
        return np.asarray(counts).sum(axis=1)


def resampled_effect(trial: Trial, arm: str | None = None) -> ResampledEffect:
    """The effect of an arm (the first treated one) for resampling.

    Raises
    ------
    StudyError
        For an endpoint with several rows a subject, or an arm that there is not.

    Examples
    --------
    >>> import numpy as np
    >>> from understudy.trials import load_trial
    >>> effect = resampled_effect(load_trial("examples/leukaemia/trial.toml"))
    >>> value, error = effect.values(np.ones((1, 42), dtype=int))
    >>> round(effect.natural(value[0]), 4), round(float(error[0]), 4)
    (0.2076, 0.4124)
    """
    arm = arm or trial.arms[1]
    if arm not in trial.arms[1:]:
        raise StudyError(
            f"there is no treated arm {arm!r}", place="arm", repair=f"one of {', '.join(trial.arms[1:])}"
        )
    kind = trial.protocol.endpoint.kind
    if kind not in ("survival", "continuous", "binary"):
        raise StudyError(
            f"a {kind} endpoint cannot be resampled yet",
            place="endpoint.kind",
            repair="make it survival, continuous or binary: one visit, or the first event",
        )
    rows, _ = usable(trial, trial.outcome)
    rows = rows[rows["arm"].isin([trial.control, arm])]
    subjects, treated = rows.index.to_numpy(dtype=str), (rows["arm"] == arm).to_numpy()
    if kind == "survival":
        time, event = rows["time"].to_numpy(), rows["event"].to_numpy().astype(int)
        return HazardEffect(subjects, treated, "hazard ratio", True, time, event)
    return _linear(trial, rows, subjects, treated, arm)


def _linear(trial: Trial, rows, subjects: np.ndarray, treated: np.ndarray, arm: str) -> LinearEffect:
    binary = trial.protocol.endpoint.kind == "binary"
    extra = {"baseline": rows["baseline"].tolist()} if "baseline" in rows else {}
    design = design_of(trial, rows, extra)
    whole, names = design.matrix, list(design.names)
    others = [k for k, name in enumerate(names) if not name.startswith("arm[") or name == f"arm[{arm}]"]
    outcome = rows["event" if binary else "value"].to_numpy(dtype=float)
    place = [names[k] for k in others].index(f"arm[{arm}]")
    measure = "risk difference" if binary else "difference of means"
    return LinearEffect(subjects, treated, measure, False, whole[:, others], outcome, place)


def _picks(counts: NDArray) -> tuple[NDArray, NDArray]:
    """Indices of the subjects in each resample, shape (b, most), and which of them are no padding."""
    totals = counts.sum(axis=1)
    kept = np.arange(max(int(totals.max()), 1)) < totals[:, None]
    picks = np.zeros(kept.shape, dtype=np.int64)
    b, n = counts.shape
    picks[kept] = np.repeat(np.tile(np.arange(n), b), counts.ravel())
    return picks, kept


def bootstrap_counts(size: int, resamples: int, seed: int, groups: np.ndarray) -> NDArray:
    """How often each of `size` subjects is drawn, shape (resamples, size); as many of each group as there are."""
    from understudy.core.random import uniforms

    u = uniforms(seed, "bootstrap of subjects", np.arange(resamples), size)
    counts = np.zeros((resamples, size), dtype=np.int64)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        drawn = members[(u[:, members] * members.size).astype(int)]
        np.add.at(counts, (np.arange(resamples)[:, None], drawn), 1)
    return counts
