"""FOCE: first-order conditional estimation without interaction.

Wang 2007, doi:10.1007/s10928-007-9060-6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from understudy.inference.estimation.conditional_search import ConditionalMethod
from understudy.inference.likelihood import CONDITIONAL


@dataclass(frozen=True)
class FOCE(ConditionalMethod):
    """First-order conditional estimation: residual variances are those at random effects of zero.

    Parameters
    ----------
    iterations : int
        Most iterations.
    tolerance : float
        Ends where the objective promises to fall by less.

    Examples
    --------
    >>> FOCE().name
    'FOCE'
    """

    linearisation: ClassVar[str] = CONDITIONAL
