"""Weight summary: how unequal weights are, and how many persons they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from understudy.causal.masking import is_small, masked
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

_LARGE = 20.0  # times the mean: one row then counts as twenty
_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class WeightSummary:
    """The distribution of weights.

    Attributes
    ----------
    count : int
    mean, standard_deviation : float
        Of stabilised weights the mean is about 1 where the models are right.
    quantiles : mapping of float to float
    effective : float
        Effective sample size (Σw)²/Σw²: Kish 1965, Survey Sampling.
    truncated : int
        Weights that were cut.

    Examples
    --------
    >>> summarised([1.0, 1.0, 2.0]).effective
    2.6666666666666665
    """

    count: int
    mean: float
    standard_deviation: float
    quantiles: dict[float, float]
    effective: float
    truncated: int = 0

    @property
    def doubts(self) -> tuple[str, ...]:
        """What a reader should know: weights far from one mean that some were hardly ever treated as they were."""
        found = []
        if self.quantiles[1.0] > _LARGE * self.mean:
            found.append(
                f"the largest weight is {self.quantiles[1.0] / self.mean:.0f} times the mean: "
                "positivity is in doubt, truncate or compare persons who were treated either way"
            )
        if self.effective < 0.2 * self.count:
            found.append(f"the weights leave {self.effective:.0f} of {self.count} effective rows")
        return tuple(found)

    def table(self) -> pd.DataFrame:
        """One row: count, effective, mean, standard deviation, quantiles."""
        import pandas as pd

        named = {f"q{100 * share:g}": value for share, value in self.quantiles.items()}
        head = {
            "count": self.count,
            "effective": self.effective,
            "mean": self.mean,
            "sd": self.standard_deviation,
        }
        return pd.DataFrame([head | named | {"truncated": self.truncated}])

    def __str__(self) -> str:
        low, high = self.quantiles[0.0], self.quantiles[1.0]
        return f"weights {low:.3g} to {high:.3g}, mean {self.mean:.4g}, {self.effective:.0f} effective of {self.count}"


def shown(count: int) -> int | str:
    """A count as tables tell it: small ones are masked.

    Examples
    --------
    >>> shown(3), shown(12)
    ('<5', 12)
    """
    return masked(count) if is_small(count) else int(count)


def summarised(weights: ArrayLike, truncated: int = 0) -> WeightSummary:
    """The distribution of weights that are in use."""
    values = np.asarray(weights, dtype=float)
    values = values[values > 0]
    total = float(values.sum())
    quantiles = {
        share: float(value) for share, value in zip(_QUANTILES, np.quantile(values, _QUANTILES), strict=True)
    }
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return WeightSummary(
        len(values), float(values.mean()), spread, quantiles, total**2 / float(values @ values), truncated
    )


def truncated(weights: np.ndarray, share: float | None, place: str) -> tuple[np.ndarray, int]:
    """Weights above a quantile, and below its mirror image, set to it (Cole & Hernán 2008); how many were."""
    if share is None:
        return weights, 0
    if not 0.5 < share < 1:
        raise StudyError(
            f"weights cannot be cut at the quantile {share:g}", place=place, repair="give one such as 0.99"
        )
    used = weights > 0
    low, high = np.quantile(weights[used], [1 - share, share])
    cut = np.where(used, np.clip(weights, low, high), 0.0)
    return cut, int((cut != weights).sum())
