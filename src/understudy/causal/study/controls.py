"""Controls: how wrong an analysis is where the answer is known to be no effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.causal.effect_estimate import EffectEstimate

if TYPE_CHECKING:
    from understudy.causal.calibration import CalibratedEstimate, NullDistribution


@dataclass(frozen=True, eq=False, repr=False)
class ControlEstimates:
    """Estimates of negative controls by one analysis, and the systematic error that they show.

    Parameters
    ----------
    analysis : str
    estimates : mapping of str to EffectEstimate
        By control; effects that are not finite are not used.
    left_out : mapping of str to str
        Controls without an estimate, and why.
    null : NullDistribution or None
        Of systematic error; None where too few controls have an estimate.
    """

    analysis: str
    estimates: Mapping[str, EffectEstimate]
    left_out: Mapping[str, str]
    null: NullDistribution | None
