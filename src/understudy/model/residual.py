"""Residual: how far measurements of an output scatter around its prediction, and which errors go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from understudy.core.content import later_field
from understudy.core.errors import ModelError
from understudy.core.expression import Expression


@dataclass(frozen=True)
class Residual:
    """How measurements of one output scatter around the prediction.

    Parameters
    ----------
    output : str
    variance : Expression
        Variance of a measurement, in terms of the output's name (the prediction), fixed and random effects and
        covariates: ``"sigma2 * C ** 2"`` is proportional, ``"add ** 2 + (prop * C) ** 2"`` combined.
    scale : {"identity", "log"}
        Whether the scatter is normal on the measurement's own scale or on its logarithm.
    lower_limit, upper_limit : float or None
        Limits of quantification, in the output's unit. A measurement beyond one only says that the level is there.
        Records can say the same row by row, in CENS, LIMIT and LLOQ.
    blq : {"M3", "M1", "M4"}
        What measurements below the limit say, by the methods of Beal 2001, doi:10.1023/A:1012299115260. M1: nothing,
        they are left out. M3: that the level is below the limit. M4: that it is below and, as every level of this
        output, above zero.
    autocorrelation : Expression or None
        Half-life, in the model's time unit, of the correlation between the residual errors of a patient's successive
        measurements, in terms of fixed effects (Karlsson, Beal and Sheiner 1995, J Pharmacokinet Biopharm 23:651-672,
        doi:10.1007/BF02353466). None: they are independent.
    """

    output: str
    variance: Expression
    scale: Literal["identity", "log"] = "identity"
    lower_limit: float | None = None
    upper_limit: float | None = None
    blq: Literal["M1", "M3", "M4"] = later_field("M3")
    autocorrelation: Expression | None = later_field(None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "variance", Expression(self.variance))
        if self.autocorrelation is not None:
            object.__setattr__(self, "autocorrelation", Expression(self.autocorrelation))
        if self.scale not in ("identity", "log"):
            raise ModelError(f"unknown residual scale {self.scale!r}", repair="use identity or log")
        if self.blq not in ("M1", "M3", "M4"):
            raise ModelError(
                f"unknown method {self.blq!r} for levels below the limit of quantification",
                place=f"residual of {self.output}",
                repair="use M1, M3 or M4",
            )
        if self.blq == "M4" and self.scale == "log":
            raise ModelError(
                "M4 is for levels that the residual error could make negative",
                place=f"residual of {self.output}",
                repair='use blq="M3": on the logarithm every level is above zero',
            )


@dataclass(frozen=True)
class ResidualCorrelation:
    """That the residual errors of two outputs go together where both are measured in a patient at one time.

    Parameters
    ----------
    outputs : tuple of str
        Two outputs with residual errors.
    correlation : Expression
        Between -1 and 1, in terms of fixed effects.
    """

    outputs: tuple[str, str]
    correlation: Expression

    def __post_init__(self) -> None:
        object.__setattr__(self, "outputs", tuple(self.outputs))
        object.__setattr__(self, "correlation", Expression(self.correlation))
