"""FO: the first-order method.

Sheiner LB, Rosenberg B, Melmon KL. Modelling of individual pharmacokinetics for computer-aided drug dosage. Comput
Biomed Res 1972;5:441-459, doi:10.1016/0010-4809(72)90051-1; Wang 2007, doi:10.1007/s10928-007-9060-6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from understudy.inference.estimation.conditional_search import ConditionalMethod
from understudy.inference.likelihood import FIRST_ORDER


@dataclass(frozen=True)
class FO(ConditionalMethod):
    """First-order estimation: predictions are linear in the random effects.

    Parameters
    ----------
    iterations : int
        Most iterations.
    tolerance : float
        Ends where the objective promises to fall by less.

    Examples
    --------
    >>> FO().name
    'FO'
    """

    linearisation: ClassVar[str] = FIRST_ORDER
