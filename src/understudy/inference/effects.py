"""Effects: the random effects of one subject as a vector, between-occasion effects once for each occasion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.model.population_model import PopulationModel


@dataclass(frozen=True, eq=False)
class Effects:
    """Which entry of a subject's vector is which random effect on which occasion.

    Parameters
    ----------
    model : PopulationModel
    occasions : int
        Most occasions that any subject has; 1 where there is no between-occasion effect.

    Examples
    --------
    >>> from understudy import load_model
    >>> Effects(load_model("phenobarbital_neonates"), 1).names
    ('eta_CL', 'eta_V')
    """

    model: PopulationModel
    occasions: int = 1

    @cached_property
    def entries(self) -> tuple[tuple[str, int | None], ...]:
        """Name and occasion (None: every occasion) of each entry of the vector."""
        entries: list[tuple[str, int | None]] = []
        for block in self.model.random:
            which = [None] if block.level == "subject" else range(self.occasions)
            entries += [(name, occasion) for occasion in which for name in block.names]
        return tuple(entries)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each entry; occasions are numbered from 1."""
        return tuple(name if k is None else f"{name}_{k + 1}" for name, k in self.entries)

    @cached_property
    def omega(self) -> np.ndarray:
        """Covariance of the vector, shape (n, n)."""
        from scipy.linalg import block_diag

        blocks = []
        for block in self.model.random:
            blocks += [np.array(block.covariance)] * (1 if block.level == "subject" else self.occasions)
        return block_diag(*blocks) if blocks else np.zeros((0, 0))

    @cached_property
    def active(self) -> np.ndarray:
        """Which entries vary at all; the others are zero."""
        return np.diag(self.omega) > 0

    def columns(
        self, vectors: np.ndarray, patient: np.ndarray, occasion: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Value of every random effect at every row.

        Parameters
        ----------
        vectors : float array, shape (patients, n)
        patient, occasion : int arrays, shape (rows,)

        Returns
        -------
        dict of name to float array, shape (patients,) for subject-level effects, else (rows,)
        """
        columns: dict[str, np.ndarray] = {}
        for k, (name, when) in enumerate(self.entries):
            if when is None:
                columns[name] = vectors[:, k]
            else:
                here = np.where(occasion == when, vectors[patient, k], 0.0)
                columns[name] = columns.get(name, 0.0) + here
        return columns
