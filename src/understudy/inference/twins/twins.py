"""Twins: virtual copies of real patients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import normals, uniforms
from understudy.engine.parameters import individual_values, measured_columns
from understudy.inference.effects import Effects
from understudy.inference.twins.drift import is_step
from understudy.inference.twins.settings import Settings
from understudy.model.population_model import PopulationModel
from understudy.population.virtual import square_root

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

# Fields with an entry for each patient, in the first axis.
_BY_PATIENT = (
    "patients", "places", "modes", "covariances", "observations", "objective", "marginal", "status", "cautions",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Twins:
    """Virtual copies of real patients: where each one's random effects lie, and how surely.

    Parameters
    ----------
    model : PopulationModel
        With the steps of drift among its random effects, where there is drift.
    records : Records
        What they were made from, in the model's units.
    settings : Settings
        How they were made.
    effects : Effects
    patients : tuple of str, length N
    places : int array, shape (N,)
        Place of each patient in the records that twins were first made from: it keys his random numbers.
    modes : float array, shape (N, n)
        Maximum a posteriori random effects, in the order of ``effects.names``.
    covariances : float array, shape (N, n, n)
        Of the normal approximation to the posterior, or of its draws.
    observations : int array, shape (N,)
        Measurements that went into each.
    objective : float array, shape (N,)
        Minus twice the joint log-density at the mode, without terms in 2 pi.
    marginal : float array, shape (N,)
        Minus twice the log-density of the measurements with the random effects integrated out, without terms in 2 pi:
        by Laplace's approximation, or by importance sampling where that was the method.
    status : tuple of str, length N
        Empty, or why there is no twin.
    cautions : tuple of str, length N
        Empty, or why the draws of a twin deserve doubt.
    samples : float array, shape (draws, N, n), or None
        Draws from the posterior, where the method was to draw.
    sampling : DataFrame, one row a patient, or None
        How well the drawing went: ``ess`` of the weighted proposals, or ``rhat``, ``ess_bulk``, ``ess_tail``,
        ``divergences`` and ``acceptance`` of the chains.
    """

    model: PopulationModel
    records: Records
    settings: Settings
    effects: Effects
    patients: tuple[str, ...]
    places: np.ndarray
    modes: np.ndarray
    covariances: np.ndarray
    observations: np.ndarray
    objective: np.ndarray
    marginal: np.ndarray
    status: tuple[str, ...]
    cautions: tuple[str, ...]
    samples: np.ndarray | None = None
    sampling: pd.DataFrame | None = None

    @property
    def covariates(self) -> pd.DataFrame:
        """Covariates at baseline, one row a patient; steps of drift as they have been taken by the last record."""
        table = self.records.baseline()
        steps = [name for name in table.columns if is_step(name)]
        if steps:
            table[steps] = self.records.table.groupby("id", sort=False)[steps].last()
        table = table.loc[list(self.patients)]
        return table[measured_columns(table.columns, self.model)]

    @property
    def failures(self) -> dict[str, str]:
        """Patients without a twin, each with a sentence."""
        return {name: text for name, text in zip(self.patients, self.status, strict=True) if text}

    @property
    def doubts(self) -> dict[str, str]:
        """Patients whose draws deserve doubt, each with a sentence."""
        return {name: text for name, text in zip(self.patients, self.cautions, strict=True) if text}

    def succeeded(self) -> Twins:
        """The twins without the failures."""
        return self._take([k for k, text in enumerate(self.status) if not text])

    def select(self, patients: list[str]) -> Twins:
        """Some of the twins; their random numbers stay theirs.

        Raises
        ------
        SimulationError
            For a patient who is not among them.
        """
        unknown = [name for name in patients if name not in self.patients]
        if unknown:
            raise SimulationError(
                f"there is no twin of {', '.join(map(repr, unknown))}",
                repair=f"patients: {', '.join(self.patients[:10])}{', …' if len(self.patients) > 10 else ''}",
            )
        return self._take([self.patients.index(name) for name in patients])

    def _take(self, kept: list[int]) -> Twins:
        chosen = {}
        for name in _BY_PATIENT:
            value = getattr(self, name)
            chosen[name] = tuple(value[k] for k in kept) if isinstance(value, tuple) else value[kept]
        return replace(
            self,
            records=self.records.select(list(chosen["patients"])),
            samples=None if self.samples is None else self.samples[:, kept],
            sampling=None if self.sampling is None else self.sampling.iloc[kept],
            **chosen,
        )

    def updated(self, newer: Twins) -> Twins:
        """These twins, those of whom there is a newer one replaced by it, new patients at the end.

        Both are of the same effects; `assimilate` makes newer ones.
        """
        old = self._take([k for k, name in enumerate(self.patients) if name not in newer.patients])
        names = [*self.patients, *(name for name in newer.patients if name not in self.patients)]
        order = np.array([(*old.patients, *newer.patients).index(name) for name in names])
        joined = {}
        for name in _BY_PATIENT:
            left, right = getattr(old, name), getattr(newer, name)
            both = (*left, *right) if isinstance(left, tuple) else np.concatenate([left, right])
            joined[name] = tuple(both[k] for k in order) if isinstance(both, tuple) else both[order]
        if newer.samples is not None:
            joined["samples"] = np.concatenate([old.samples, newer.samples], axis=1)[:, order]
            joined["sampling"] = _stacked(old.sampling, newer.sampling).iloc[order]
        return replace(newer, **joined)

    def assimilate(self, records: Records) -> Twins:
        """The twins after new measurements, doses or covariates have come in.

        Parameters
        ----------
        records : Records
            What is new, of any of the patients, or of further ones; times on the clock of the old records. Covariates
            that these do not have stay as they were last.

        Returns
        -------
        Twins
            As if all records had been there at once: only patients with something new are worked on. These twins stay
            as they are.

        Raises
        ------
        DataError
            For records that do not fit to the old ones, or that are there already.
        """
        from understudy.inference.individualise import assimilate

        return assimilate(self, records)

    def vectors(self, draws: int, seed: int) -> np.ndarray:
        """Draws from each twin's posterior, shape (draws, N, n).

        Normal ones by Laplace's approximation; of a twin that has samples these, in an order that depends on the seed
        (again from the first, where more are asked for); always the mode where the method was ``map``. A patient's
        draws depend on the seed and on the patient's place alone.
        """
        if self.settings.method == "map":
            return np.broadcast_to(self.modes, (draws, *self.modes.shape)).copy()
        if self.samples is not None:
            order = uniforms(seed, "posterior", self.places, len(self.samples)).argsort(axis=1)
            wanted = order[:, np.arange(draws) % len(self.samples)].T
            return np.take_along_axis(self.samples, wanted[..., None], axis=0)
        size = self.modes.shape[1]
        roots = np.array([square_root(matrix) for matrix in self.covariances]).reshape(self.covariances.shape)
        z = normals(seed, "posterior", self.places, max(draws * size, 1))
        z = z[:, : draws * size].reshape(len(self.patients), draws, size)
        return (self.modes[:, None] + np.einsum("nij,nkj->nki", roots, z)).transpose(1, 0, 2)

    def draws(self, count: int, seed: int) -> pd.DataFrame:
        """Draws as a table for `simulate`: index (patient, draw), columns covariates and random effects.

        Between-occasion effects of a future occasion are unknown: they are drawn anew from the population (and are
        zero, their mode, where the method was ``map``).
        """
        import pandas as pd

        index = pd.MultiIndex.from_product([self.patients, range(count)], names=["patient", "draw"])
        covariates = self.covariates.loc[np.repeat(list(self.patients), count)].to_numpy()
        table = pd.DataFrame(covariates, index=index, columns=self.covariates.columns)
        vectors = self.vectors(count, seed).transpose(1, 0, 2)
        for k, (name, occasion) in enumerate(self.effects.entries):
            if occasion is None:
                table[name] = vectors[:, :, k].ravel()
        return table.assign(**{n: values.ravel() for n, values in self.new_occasion(count, seed).items()})

    def new_occasion(self, count: int, seed: int) -> dict[str, np.ndarray]:
        """Between-occasion effects of an occasion to come, shape (N, count) each."""
        columns = {}
        for block in self.model.random:
            if block.level != "occasion":
                continue
            purpose = "new occasion " + " ".join(block.names)
            z = normals(seed, purpose, self.places, count * block.size).reshape(-1, count, block.size)
            drawn = z @ square_root(np.array(block.covariance)).T * (self.settings.method != "map")
            columns |= {name: drawn[..., k] for k, name in enumerate(block.names)}
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

    def parameters(self, draws: int = 1000, seed: int = 0, interval: float = 0.9) -> pd.DataFrame:
        """Individual parameters with intervals, as the draws have them.

        Parameters
        ----------
        draws, seed : int
        interval : float
            Probability.

        Returns
        -------
        DataFrame
            patient, parameter, mode, median, lower, upper.
        """
        import pandas as pd

        drawn = self.drawn_parameters(draws, seed)
        bounds = ((1 - interval) / 2, 0.5, (1 + interval) / 2)
        rows = []
        for item in self.model.individual:
            low, middle, high = np.quantile(drawn[item.name], bounds, axis=1)
            columns = {
                "patient": self.patients,
                "parameter": item.name,
                "mode": self.table[item.name].to_numpy(),
            }
            rows.append(pd.DataFrame(columns | {"median": middle, "lower": low, "upper": high}))
        found = (
            pd.concat(rows)
            if rows
            else pd.DataFrame(columns=["patient", "parameter", "mode", "median", "lower", "upper"])
        )
        order = {name: k for k, name in enumerate(self.patients)}
        return found.sort_values(
            "patient", key=lambda names: names.map(order), kind="stable", ignore_index=True
        )

    def drawn_parameters(self, draws: int, seed: int) -> dict[str, np.ndarray]:
        """Every named value of each twin's draws, shape (N, draws)."""
        table = self.draws(draws, seed)
        columns = {str(name): table[name].to_numpy(float) for name in table.columns}
        values = individual_values(self.model, columns, len(table))
        return {name: value.reshape(len(self.patients), draws) for name, value in values.items()}

    @property
    def shrinkage(self) -> dict[str, float]:
        """One minus the ratio of the modes' standard deviation to omega's (Savic and Karlsson 2009,
        doi:10.1208/s12248-009-9133-0), for each random effect that varies, without steps of drift."""
        spread = np.sqrt(np.diag(self.effects.omega))
        own = self.settings.model.eta_names
        return {
            name: float(1 - self.modes[:, k].std(ddof=1) / spread[k])
            for k, (name, (effect, _)) in enumerate(
                zip(self.effects.names, self.effects.entries, strict=True)
            )
            if spread[k] > 0 and len(self.patients) > 1 and effect in own
        }

    def __repr__(self) -> str:
        seen = int(self.observations.sum())
        shrunk = ", ".join(f"{name} {100 * value:.0f} %" for name, value in self.shrinkage.items())
        failed = f", {len(self.failures)} failed" if self.failures else ""
        failed += f", {len(self.doubts)} in doubt" if self.doubts else ""
        tail = f"; shrinkage {shrunk}" if shrunk else ""
        count = len(self.patients)
        return f"Twins: {count} patient{'s' if count != 1 else ''}, {seen} observations{failed}{tail}"


def _stacked(upper: pd.DataFrame, lower: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([upper, lower])
