"""Laplace: the Laplacian approximation, with the curvature that each subject's joint density has at its mode.

Wolfinger R. Laplace's approximation for nonlinear mixed models. Biometrika 1993;80:791-795,
doi:10.1093/biomet/80.4.791; as NONMEM defines it, Wang 2007, doi:10.1007/s10928-007-9060-6. The gradient: `quadrature`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from understudy.inference.estimation.conditional_search import ConditionalMethod, ConditionalObjective
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.quadrature import Nodes, quadrature_objectives


@dataclass(frozen=True)
class Laplace(ConditionalMethod):
    """Laplacian estimation with interaction (NONMEM's LAPLACIAN).

    Also for levels below a limit of quantification and for outcomes that are not normal, for which FOCEI is not
    defined.

    Parameters
    ----------
    iterations : int
        Most iterations.
    tolerance : float
        Ends where the objective promises to fall by less.

    Examples
    --------
    >>> Laplace().name
    'Laplace'
    """

    def require(self, task: Task) -> None:
        """Every likelihood has a curvature."""

    def part(self, task: Task) -> ConditionalObjective:
        """The function of one population, of which a mixture has several."""
        nodes = self.nodes(task)
        return ConditionalObjective(task, self.linearisation, partial(quadrature_objectives, nodes=nodes))

    def nodes(self, task: Task) -> Nodes:
        """Where each subject's joint density is evaluated."""
        return Nodes.product(1, int(task.predictor.effects.active.sum()))
