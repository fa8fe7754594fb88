"""GaussHermite: adaptive Gauss-Hermite quadrature of each subject's likelihood.

Pinheiro JC, Bates DM. Approximations to the log-likelihood function in the nonlinear mixed-effects model. J Comput
Graph Stat 1995;4:12-35, doi:10.1080/10618600.1995.10474663.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from understudy.core.errors import SimulationError
from understudy.inference.estimation.laplace import Laplace
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.quadrature import Nodes

# Nodes of one subject.
_MOST = 10_000


@dataclass(frozen=True)
class GaussHermite(Laplace):
    """Adaptive Gauss-Hermite quadrature: the more points, the nearer the likelihood itself; one point is `Laplace`.

    Parameters
    ----------
    iterations : int
        Most iterations.
    tolerance : float
        Ends where the objective promises to fall by less.
    points : int
        Along each random effect: a subject has as many nodes as points to the power of the number of random effects.

    Examples
    --------
    >>> GaussHermite(points=3).name
    'GaussHermite'
    """

    points: int = 5

    def require(self, task: Task) -> None:
        """Raise where there are more nodes than can be had.

        Raises
        ------
        SimulationError
        """
        effects = int(task.predictor.effects.active.sum())
        if self.points < 1:
            raise SimulationError(f"points={self.points} are none", repair="give points=1 or more")
        if self.points**effects > _MOST:
            most = math.floor(_MOST ** (1.0 / effects) + 1e-9)
            raise SimulationError(
                f"{self.points} points along each of {effects} random effects of a subject are "
                f"{self.points**effects:.3g} nodes, more than {_MOST}",
                place=task.predictor.model.name,
                repair=f"at most points={max(most, 1)}, or ImportanceSampling()",
            )

    def nodes(self, task: Task) -> Nodes:
        """Where each subject's joint density is evaluated."""
        return Nodes.product(self.points, int(task.predictor.effects.active.sum()))
