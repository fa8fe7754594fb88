"""individualise: from a population and one patient's data to that patient's twin.

The mode of the random effects' posterior (maximum a posteriori; Sheiner and Beal 1982, J Pharm Sci 71:1344-1348,
doi:10.1002/jps.2600711209) by Fisher scoring with step halving, and the normal distribution around it that has the
posterior's curvature there (Laplace's approximation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.random import normals
from understudy.engine.parameters import individual_values, measured_columns
from understudy.inference.effects import Effects
from understudy.inference.likelihood import Likelihood
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel
from understudy.population.virtual import square_root

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

_MOST_STEPS, _RACE, _PATIENCE, _HALVINGS, _LONGEST = 100, 4, 12, 12, 3.0
# Arrived when the next step is below this, and all but arrived below that, in units of the posterior's standard
# deviations squared.
_ARRIVED, _NEAR = 1e-10, 1e-4


@dataclass(frozen=True, eq=False, repr=False)
class Twins:
    """Virtual copies of real patients: where each one's random effects lie, and how surely.

    Parameters
    ----------
    model : PopulationModel
    records : Records
        What they were made from, in the model's units.
    effects : Effects
    patients : tuple of str, length N
    modes : float array, shape (N, n)
        Maximum a posteriori random effects, in the order of ``effects.names``.
    covariances : float array, shape (N, n, n)
        Of the normal approximation to the posterior.
    observations : int array, shape (N,)
        Measurements that went into each.
    objective : float array, shape (N,)
        Minus twice the joint log-density at the mode, without terms in 2 pi.
    status : tuple of str, length N
        Empty, or why there is no twin.
    """

    model: PopulationModel
    records: Records
    effects: Effects
    patients: tuple[str, ...]
    modes: np.ndarray
    covariances: np.ndarray
    observations: np.ndarray
    objective: np.ndarray
    status: tuple[str, ...]

    @property
    def covariates(self) -> pd.DataFrame:
        """Covariates at baseline, one row a patient."""
        table = self.records.baseline().loc[list(self.patients)]
        return table[measured_columns(table.columns, self.model)]

    @property
    def failures(self) -> dict[str, str]:
        """Patients without a twin, each with a sentence."""
        return {name: text for name, text in zip(self.patients, self.status, strict=True) if text}

    def succeeded(self) -> Twins:
        """The twins without the failures."""
        kept = [k for k, text in enumerate(self.status) if not text]
        return self._take(kept)

    def select(self, patients: list[str]) -> Twins:
        """Some of the twins."""
        return self._take([self.patients.index(name) for name in patients])

    def _take(self, kept: list[int]) -> Twins:
        names = tuple(self.patients[k] for k in kept)
        return Twins(
            self.model, self.records.select(list(names)), self.effects, names, self.modes[kept],
            self.covariances[kept], self.observations[kept], self.objective[kept],
            tuple(self.status[k] for k in kept),
        )  # fmt: skip

    def vectors(self, draws: int, seed: int) -> np.ndarray:
        """Draws from each twin's posterior, shape (draws, N, n).

        A patient's draws depend on the seed and on the patient's place in the records' order alone.
        """
        size = self.modes.shape[1]
        roots = np.array([square_root(matrix) for matrix in self.covariances]).reshape(self.covariances.shape)
        z = normals(seed, "posterior", np.arange(len(self.patients)), max(draws * size, 1))
        z = z[:, : draws * size].reshape(len(self.patients), draws, size)
        return (self.modes[:, None] + np.einsum("nij,nkj->nki", roots, z)).transpose(1, 0, 2)

    def draws(self, count: int, seed: int) -> pd.DataFrame:
        """Draws as a table for `simulate`: index (patient, draw), columns covariates and random effects.

        Between-occasion effects of a future occasion are unknown: they are drawn anew from the population.
        """
        import pandas as pd

        index = pd.MultiIndex.from_product([self.patients, range(count)], names=["patient", "draw"])
        covariates = self.covariates.loc[np.repeat(list(self.patients), count)].to_numpy()
        table = pd.DataFrame(covariates, index=index, columns=self.covariates.columns)
        vectors = self.vectors(count, seed).transpose(1, 0, 2)
        for k, (name, occasion) in enumerate(self.effects.entries):
            if occasion is None:
                table[name] = vectors[:, :, k].ravel()
        return table.assign(**self._new_occasion(count, seed))

    def _new_occasion(self, count: int, seed: int) -> dict[str, np.ndarray]:
        columns = {}
        for block in self.model.random:
            if block.level != "occasion":
                continue
            purpose = "new occasion " + " ".join(block.names)
            z = normals(seed, purpose, np.arange(len(self.patients)), count * block.size)
            drawn = z.reshape(-1, block.size) @ square_root(np.array(block.covariance)).T
            columns |= {name: drawn[:, k] for k, name in enumerate(block.names)}
        return columns

    @property
    def table(self) -> pd.DataFrame:
        """One row a patient: covariates, individual parameters, random effects with standard errors, observations."""
        import pandas as pd

        rows = len(self.patients)
        columns = {name: self.covariates[name].to_numpy(float) for name in self.covariates}
        columns |= self.effects.columns(self.modes, np.arange(rows), np.zeros(rows, dtype=int))
        values = individual_values(self.model, columns, rows)
        table = self.covariates.copy()
        for item in self.model.individual:
            table[item.name] = values[item.name]
        for k, name in enumerate(self.effects.names):
            table[name] = self.modes[:, k]
            table[f"se_{name}"] = np.sqrt(self.covariances[:, k, k])
        return table.assign(observations=pd.Series(self.observations, index=table.index))

    @property
    def shrinkage(self) -> dict[str, float]:
        """One minus the ratio of the modes' standard deviation to omega's (Savic and Karlsson 2009,
        doi:10.1208/s12248-009-9133-0), for each random effect that varies."""
        spread = np.sqrt(np.diag(self.effects.omega))
        return {
            name: float(1 - self.modes[:, k].std(ddof=1) / spread[k])
            for k, name in enumerate(self.effects.names)
            if spread[k] > 0 and len(self.patients) > 1
        }

    def __repr__(self) -> str:
        seen = int(self.observations.sum())
        shrunk = ", ".join(f"{name} {100 * value:.0f} %" for name, value in self.shrinkage.items())
        failed = f", {len(self.failures)} failed" if self.failures else ""
        tail = f"; shrinkage {shrunk}" if shrunk else ""
        return f"Twins: {len(self.patients)} patients, {seen} observations{failed}{tail}"


def individualise(model: PopulationModel, records: Records, *, engine: str = "auto", jobs: int = 1) -> Twins:
    """Make a twin of each patient.

    Parameters
    ----------
    model : PopulationModel
    records : Records
        A patient without an observation gets the population's own distribution.
    engine, jobs
        As for `simulate`.

    Returns
    -------
    Twins
        A patient whose predictions are undefined has a status instead of a twin.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> individualise(load_model("phenobarbital_neonates"), records)
    Twins: 59 patients, 155 observations; shrinkage eta_CL 47 %, eta_V 13 %
    """
    predictor = Predictor(model, records, engine, jobs)
    likelihood = Likelihood(predictor)
    modes, failed = find_modes(likelihood)
    return _twins(predictor, likelihood, modes, failed)


def find_modes(likelihood: Likelihood, start: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Modes of all subjects' random effects at once, shape (N, n), and which subjects failed.

    A posterior can have several maxima (a lag that may fall between different samples, absorption slower than
    elimination). Without a `start` of shape (N, n) the climb is from zero, and once more from the best that a few steps
    reach from one standard deviation either way along each random effect.
    """
    if start is not None:
        modes, _, arrived = _climb(likelihood, start, _MOST_STEPS)
        return modes, ~arrived
    zero = np.zeros((likelihood.count, likelihood.predictor.effects.omega.shape[0]))
    raced = [_climb(likelihood, begin, _RACE)[:2] for begin in _displaced(likelihood, zero)]
    starts = [zero, _best(raced)[0]] if raced else [zero]
    climbed = [_climb(likelihood, begin, _MOST_STEPS) for begin in starts]
    modes, value = _best([(modes, np.where(arrived, value, np.inf)) for modes, value, arrived in climbed])
    return modes, ~np.isfinite(value)


def _best(found: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Each subject's modes of the lowest value."""
    modes, values = np.array([mode for mode, _ in found]), np.array([value for _, value in found])
    best, subject = values.argmin(axis=0), np.arange(values.shape[1])
    return modes[best, subject], values[best, subject]


def _displaced(likelihood: Likelihood, zero: np.ndarray) -> list[np.ndarray]:
    """Starts one standard deviation of the population away from zero, either way along each random effect."""
    starts = []
    for index, spread in zip(likelihood.active, np.sqrt(np.diag(likelihood.omega)), strict=True):
        for sign in (-1.0, 1.0):
            starts.append(zero.copy())
            starts[-1][:, index] = sign * spread
    return starts


def _climb(likelihood: Likelihood, start: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where at most `most` steps lead from a start, the value there, and which subjects have arrived at a mode."""
    modes, value = start, likelihood.value(start[None])[0]
    moving, decrement = np.isfinite(value), np.where(np.isfinite(value), 0.0, np.inf)
    for count in range(most if likelihood.active.size else 0):
        step, promised = _scoring_step(likelihood, modes, exact=count >= _PATIENCE)
        decrement = np.where(moving, promised, decrement)
        moving &= decrement >= _ARRIVED
        if not moving.any():
            break
        modes, value, moving = _improve(likelihood, modes, value, step, moving)
    # Rounding can keep a subject from arriving to the last digit, at a point that is the mode all the same.
    return modes, value, decrement < _NEAR


def _scoring_step(likelihood: Likelihood, modes: np.ndarray, exact: bool) -> tuple[np.ndarray, np.ndarray]:
    """Fisher scoring: the step, and what it promises (the squared length in posterior standard deviations).

    Where the expected curvature is a bad guide it leads to the mode slowly: `exact` takes the curvature itself, where
    that is positive definite.
    Far from the mode the curvature says little about the way there: a step is cut to `_LONGEST` standard deviations
    of the population.
    """
    at = likelihood.slopes(modes[None])
    gradient, curvature = likelihood.gradient(modes[None], at)[0], likelihood.expected_curvature(at)[0]
    if exact:
        observed = likelihood.observed_curvature(modes)
        curvature = np.where(_definite(observed)[:, None, None], observed, curvature)
    usable = np.isfinite(gradient).all(axis=1) & np.isfinite(curvature).all(axis=(1, 2))
    step = np.zeros_like(gradient)
    step[usable] = -np.linalg.solve(curvature[usable], gradient[usable][..., None])[..., 0]
    promised = np.where(usable, -(np.where(usable[:, None], gradient, 0.0) * step).sum(axis=1), np.inf)
    length = np.sqrt(np.einsum("ni,ij,nj->n", step, likelihood.precision, step))
    full = np.zeros_like(modes)
    full[:, likelihood.active] = step * np.minimum(1.0, _LONGEST / np.maximum(length, _LONGEST))[:, None]
    return full, promised


def _improve(
    likelihood: Likelihood, modes: np.ndarray, value: np.ndarray, step: np.ndarray, moving: np.ndarray
):
    """Halve the steps until each moving subject improves; those that no halving improves have come to rest."""
    modes, value, waiting = modes.copy(), value.copy(), moving.copy()
    for _ in range(_HALVINGS):
        tried = modes + np.where(waiting[:, None], step, 0.0)
        found = likelihood.value(tried[None])[0]
        better = waiting & (found < value)
        modes[better], value[better] = tried[better], found[better]
        waiting &= ~better
        if not waiting.any():
            break
        step = 0.5 * step
    return modes, value, moving & ~waiting


def _twins(predictor: Predictor, likelihood: Likelihood, modes: np.ndarray, failed: np.ndarray) -> Twins:
    size = modes.shape[1]
    covariances = np.zeros((len(modes), size, size))
    index = np.ix_(np.arange(len(modes)), likelihood.active, likelihood.active)
    if likelihood.active.size:
        covariances[index] = _posterior_covariances(likelihood, modes, failed)
    return Twins(
        model=predictor.model,
        records=predictor.records,
        effects=predictor.effects,
        patients=predictor.patients,
        modes=modes,
        covariances=covariances,
        observations=np.bincount(predictor.patient, minlength=len(modes)),
        objective=likelihood.value(modes[None])[0],
        status=tuple("no maximum of the posterior was found" if bad else "" for bad in failed),
    )


def _posterior_covariances(likelihood: Likelihood, modes: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """Inverse curvature at the mode; the expected one where the observed one is not positive definite."""
    observed = likelihood.observed_curvature(modes)
    expected = likelihood.expected_curvature(likelihood.slopes(modes[None]))[0]
    chosen = np.where(_definite(observed)[:, None, None], observed, expected)
    chosen[failed] = likelihood.precision
    return np.linalg.inv(chosen)


def _definite(matrices: np.ndarray) -> np.ndarray:
    """Which matrices are finite and positive definite."""
    finite = np.isfinite(matrices).all(axis=(1, 2))
    return finite & (np.linalg.eigvalsh(np.where(finite[:, None, None], matrices, 0.0)).min(axis=1) > 0)


def prior_twins(model: PopulationModel, records: Records, engine: str = "auto", jobs: int = 1) -> Twins:
    """Twins that know only the population: what the model says of each patient before any measurement."""
    predictor = Predictor(model, records, engine, jobs)
    omega, count = predictor.effects.omega, len(predictor.patients)
    return Twins(
        model=model,
        records=predictor.records,
        effects=predictor.effects,
        patients=predictor.patients,
        modes=np.zeros((count, len(omega))),
        covariances=np.broadcast_to(omega, (count, *omega.shape)).copy(),
        observations=np.zeros(count, dtype=int),
        objective=np.full(count, np.nan),
        status=("",) * count,
    )
