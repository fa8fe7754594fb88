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
from understudy.inference.modes import definite, find_modes
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel
from understudy.population.virtual import square_root

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records


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
    chosen = np.where(definite(observed)[:, None, None], observed, expected)
    chosen[failed] = likelihood.precision
    return np.linalg.inv(chosen)


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
