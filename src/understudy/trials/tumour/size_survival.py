"""size_survival: how death follows tumour size, in two stages, and the hazard ratio that a trial of it would show.

Stage one: a linear mixed model of each patient's size. Stage two: a hazard that is constant in pieces of time and
changes with the size that stage one says of the moment. The stages are not fitted at once: that sizes end with death is
known to the second alone, which pulls its slope towards zero. Both are made again in every bootstrap sample of
patients, so that the interval holds the uncertainty of both, not that bias.

Rizopoulos D. Joint models for longitudinal and time-to-event data. Chapman & Hall, 2012, section 3.
Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics 1982;38:963-974. doi:10.2307/2529876
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.errors import DataError, Problem
from understudy.core.random import choices, normals, uniforms
from understudy.trials.tumour.mixed_size import MixedSize, fit_mixed_size

_CELL = 1 / 52


@dataclass(frozen=True, eq=False)
class SizeSurvival:
    """Sizes and deaths, tied.

    Parameters
    ----------
    sizes : MixedSize
    cuts : float array
        Where the hazard's pieces begin, the first at zero.
    log_hazard : float array
        Of each piece, at a size of zero on the scale of the model.
    association : float
        Log hazard ratio of a unit of size.
    direct : float
        Log hazard ratio of the treated arm beside its effect on size; zero where that was not asked for.
    standard_error : float
        Of `association`, with the sizes taken for known.
    horizon : float
        Longest time seen.
    """

    sizes: MixedSize
    cuts: np.ndarray
    log_hazard: np.ndarray
    association: float
    direct: float
    standard_error: float
    horizon: float

    def simulated_hazard_ratio(self, patients: int = 1000, seed: int = 0) -> float:
        """Hazard ratio by Cox regression, treated against control, of a trial of so many virtual patients an arm.

        Everyone is followed to `horizon`.
        """
        from understudy.biostatistics import cox

        arm = np.repeat([0.0, 1.0], patients)
        time, event = self._deaths(arm, seed)
        found = cox(time, event, arm)
        return float(np.exp(np.ravel(found.coefficients)[0]))

    def _deaths(self, arm: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        places = np.arange(len(arm))
        drawn = normals(seed, "size effects", places, 3) @ np.linalg.cholesky(self.sizes.covariance).T
        cells = np.arange(0, self.horizon, _CELL)
        size = self.sizes.at(cells + _CELL / 2, arm, drawn)
        piece = np.searchsorted(self.cuts, cells, "right") - 1
        # A size drawn far out of what was seen would give any hazard: it is held within the range seen.
        size = np.clip(size, *self.sizes.seen)
        hazard = np.exp(self.log_hazard[piece] + self.association * size + self.direct * arm[:, None])
        risen = np.cumsum(hazard * _CELL, axis=1)
        due = -np.log(uniforms(seed, "death", places, 1)[:, 0])
        dead = risen[:, -1] >= due
        at = (risen < due[:, None]).sum(axis=1).clip(max=len(cells) - 1)
        before = np.where(at > 0, np.take_along_axis(risen, np.maximum(at - 1, 0)[:, None], 1)[:, 0], 0.0)
        within = (due - before) / np.take_along_axis(hazard, at[:, None], 1)[:, 0]
        return np.where(dead, cells[at] + within, self.horizon), dead


@dataclass(frozen=True, eq=False)
class SizeSurvivalInterval:
    """Estimates with bootstrap intervals.

    Parameters
    ----------
    fit : SizeSurvival
    association, hazard_ratio : tuple of float
        Hazard ratio of a unit of size; of treatment in the simulated trial: estimate, lower and upper 95 % limit.
    resamples, failed : int
        Bootstrap samples, and those without an estimate.
    """

    fit: SizeSurvival
    association: tuple[float, float, float]
    hazard_ratio: tuple[float, float, float]
    resamples: int
    failed: int


def size_survival(
    patient: ArrayLike, time: ArrayLike, size: ArrayLike, names: ArrayLike, follow_up: ArrayLike, dead: ArrayLike,
    arm: ArrayLike, *, pieces: int = 4, direct: bool = False,
) -> SizeSurvival:  # fmt: skip
    """Fit both stages.

    Parameters
    ----------
    patient, time, size : arrays, shape (n,)
        Measurements, in years, on a scale on which they scatter evenly (a logarithm, or Box-Cox).
    names, follow_up, dead, arm : arrays, shape (N,)
        A row a patient: time to death or to the last word of him, whether he died, 0 control or 1 treated.
    pieces : int
        Of the hazard, with equal numbers of deaths.
    direct : bool
        Whether treatment may act on death beside its effect on size.

    Raises
    ------
    DataError
        For patients without a measurement or arm, times that are not positive, or too few deaths.
    """
    when, died, treated = (np.asarray(each, dtype=float) for each in (follow_up, dead, arm))
    order = {name: k for k, name in enumerate(np.asarray(names).tolist())}
    _check(order, patient, when, died, treated, pieces)
    index = np.array([order[name] for name in np.asarray(patient).tolist()])
    sizes = fit_mixed_size(index, np.asarray(time, float), np.asarray(size, float), treated)
    cuts = np.r_[0.0, np.quantile(when[died > 0], np.arange(1, pieces) / pieces)]
    return _hazard(sizes, when, died, treated, cuts, direct)


def size_survival_interval(
    patient: ArrayLike, time: ArrayLike, size: ArrayLike, names: ArrayLike, follow_up: ArrayLike, dead: ArrayLike,
    arm: ArrayLike, *, pieces: int = 4, direct: bool = False, patients: int = 1000, resamples: int = 200, seed: int = 0,
) -> SizeSurvivalInterval:  # fmt: skip
    """`size_survival` with its simulated hazard ratio, both in bootstrap samples of patients too."""
    name, patient = np.asarray(names), np.asarray(patient)
    time, size, when, died, treated = (np.asarray(each, float) for each in (time, size, follow_up, dead, arm))
    how = {"pieces": pieces, "direct": direct}
    fit = size_survival(patient, time, size, name, when, died, treated, **how)
    rows = {each: np.flatnonzero(patient == each) for each in name.tolist()}
    found, failed = [], 0
    for k in range(resamples):
        taken = choices(seed, f"size survival {k}", np.arange(len(name)), len(name))
        chosen = [rows[each] for each in name[taken].tolist()]
        at, who = np.concatenate(chosen), np.repeat(np.arange(len(taken)), list(map(len, chosen)))
        try:
            made = size_survival(
                who,
                time[at],
                size[at],
                np.arange(len(taken)),
                when[taken],
                died[taken],
                treated[taken],
                **how,
            )
            found.append((np.exp(made.association), made.simulated_hazard_ratio(patients, seed + k + 1)))
        except DataError:
            failed += 1
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    estimates = (np.exp(fit.association), fit.simulated_hazard_ratio(20 * patients, seed))
    first, second = (tuple(map(float, each)) for each in zip(estimates, low, high, strict=True))
    return SizeSurvivalInterval(fit, first, second, resamples, failed)


def _check(order: dict, patient: ArrayLike, when, died, treated, pieces: int) -> None:
    problems = []
    seen = set(np.asarray(patient).tolist())
    if seen != set(order):
        odd = sorted(map(str, seen ^ set(order)))[0]
        problems.append(
            Problem("sizes and survival are of other patients", "give both of everyone", value=odd)
        )
    if not (np.isfinite(when).all() and (when > 0).all()):
        problems.append(
            Problem("follow-up that is not above zero", "leave the patient out", column="follow_up")
        )
    if not np.isin(treated, (0, 1)).all() or len(np.unique(treated)) < 2:
        problems.append(Problem("arms", "give 0 for control and 1 for treated, both", column="arm"))
    if died.sum() < 5 * pieces:
        problems.append(Problem(f"{died.sum():g} deaths for {pieces} pieces", "ask for fewer pieces"))
    if problems:
        raise DataError(problems, place="sizes and survival")


def _hazard(sizes: MixedSize, when, died, treated, cuts, direct: bool) -> SizeSurvival:
    """Poisson likelihood of the person-time cut into cells."""
    cells = np.arange(0, when.max(), _CELL)
    exposed = np.clip(when[:, None] - cells, 0, _CELL)
    deaths = (died[:, None] > 0) & (when[:, None] > cells) & (when[:, None] <= cells + _CELL)
    size = sizes.at(cells + _CELL / 2, treated, sizes.effects)
    piece = np.searchsorted(cuts, cells, "right") - 1
    rows = exposed > 0
    columns = [np.broadcast_to(piece == k, rows.shape)[rows].astype(float) for k in range(len(cuts))]
    columns.append(size[rows])
    if direct:
        columns.append(np.broadcast_to(treated[:, None], rows.shape)[rows])
    beta, covariance = _poisson(np.column_stack(columns), deaths[rows].astype(float), exposed[rows])
    own = len(cuts)
    return SizeSurvival(
        sizes, cuts, beta[:own], float(beta[own]), float(beta[own + 1]) if direct else 0.0,
        float(np.sqrt(covariance[own, own])), float(when.max()),
    )  # fmt: skip


def _poisson(x: np.ndarray, events: np.ndarray, exposed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maximum of the likelihood by Newton's method, and the inverse of its information."""
    beta = np.zeros(x.shape[1])
    beta[: x.shape[1]] = np.log(events.sum() / exposed.sum()) * (x.max(axis=0) == 1)
    for _ in range(50):
        mean = exposed * np.exp(np.clip(x @ beta, -50, 50))
        information = (x * mean[:, None]).T @ x
        step = np.linalg.solve(information, x.T @ (events - mean))
        beta = beta + step * min(1.0, 2.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            return beta, np.linalg.inv(information)
    raise DataError(
        [Problem("the hazard has no maximum", "ask for fewer pieces")], place="sizes and survival"
    )
