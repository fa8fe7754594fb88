"""FOCEI: first-order conditional estimation with interaction.

Lindstrom MJ, Bates DM. Nonlinear mixed effects models for repeated measures data. Biometrics 1990;46:673-687, PMID
2242409; as NONMEM defines it, Wang 2007, doi:10.1007/s10928-007-9060-6.
"""

from __future__ import annotations

from dataclasses import dataclass

from understudy.inference.estimation.conditional_search import ConditionalMethod


@dataclass(frozen=True)
class FOCEI(ConditionalMethod):
    """First-order conditional estimation with interaction: residual variances depend on the random effects.

    Parameters
    ----------
    iterations : int
        Most iterations.
    tolerance : float
        Ends where the objective promises to fall by less.

    Examples
    --------
    >>> FOCEI().name
    'FOCEI'
    """
