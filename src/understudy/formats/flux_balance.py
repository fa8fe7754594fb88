"""Flux balance: steady-state rates of reactions that serve an objective best, by linear programming.

Flux balance analysis: Orth, Thiele, Palsson 2010, What is flux balance analysis? Nat Biotechnol 28:245-248,
doi:10.1038/nbt.1614 (PMID 20212490).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from understudy.core.content import Content
from understudy.core.errors import SimulationError


@dataclass(frozen=True)
class FluxBalance(Content):
    """A network of reactions at steady state, with bounds on their rates and an objective.

    Parameters
    ----------
    name : str
    reactions : tuple of str
    lower, upper : tuple of float
        Bounds of each reaction's rate.
    stoichiometry : mapping of species to {reaction: coefficient}
        Of every species whose amount must not change.
    objective : mapping of reaction to coefficient
    objective_name : str
    maximise : bool

    Examples
    --------
    >>> chain = FluxBalance(
    ...     "chain", ("uptake", "growth"), (0, 0), (10, 1000), {"A": {"uptake": 1, "growth": -2}}, {"growth": 1},
    ... )
    >>> chain.solve()
    {'uptake': 10.0, 'growth': 5.0, 'objective': 5.0}
    """

    name: str
    reactions: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    stoichiometry: Mapping[str, Mapping[str, float]]
    objective: Mapping[str, float]
    objective_name: str = "objective"
    maximise: bool = True

    def solve(self) -> dict[str, float]:
        """Rates of all reactions, and the objective's value under its name.

        Returns
        -------
        dict of str to float
            In the model's units. Of several optimal sets of rates one; the objective's value is that of all.

        Raises
        ------
        SimulationError
            Where no rates keep within the bounds, or the objective has no limit.
        """
        import numpy as np
        from scipy.optimize import linprog
        from scipy.sparse import coo_array

        place = {reaction: k for k, reaction in enumerate(self.reactions)}
        entries = [
            (i, place[reaction], value)
            for i, row in enumerate(self.stoichiometry.values())
            for reaction, value in row.items()
        ]
        rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
        shape = (len(self.stoichiometry), len(self.reactions))
        costs = np.array([self.objective.get(reaction, 0.0) for reaction in self.reactions])
        found = linprog(
            -costs if self.maximise else costs,
            A_eq=coo_array((values, (rows, columns)), shape=shape) if entries else None,
            b_eq=np.zeros(shape[0]) if entries else None,
            bounds=list(zip(self.lower, self.upper, strict=True)),
            method="highs",
        )
        if found.x is None:
            raise SimulationError(
                _CAUSES.get(found.status, "the linear program was not solved"),
                place=self.name,
                repair="check the bounds of the reactions",
            )
        rates = dict(zip(self.reactions, found.x.tolist(), strict=True))
        return rates | {self.objective_name: float(costs @ found.x)}

    def __repr__(self) -> str:
        goal = "maximise" if self.maximise else "minimise"
        terms = " + ".join(f"{value:g} {name}" for name, value in self.objective.items())
        counts = f"{len(self.reactions)} reactions, {len(self.stoichiometry)} species"
        return f"FluxBalance {self.name!r}: {counts}; {goal} {self.objective_name} = {terms}"


_CAUSES = {2: "no rates keep all species in balance within the bounds", 3: "the objective has no limit"}
