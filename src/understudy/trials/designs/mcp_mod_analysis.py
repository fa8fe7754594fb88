"""mcp_mod: test for a dose response, fit the models whose shapes are significant, and find the target dose.

Bretz, Pinheiro and Branson, Biometrics 61, 738 (2005), doi:10.1111/j.1541-0420.2005.00344.x; Pinheiro, Bornkamp, Glimm
and Bretz, Stat Med 33, 1646 (2014), doi:10.1002/sim.6052.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.dose_modelling import DoseModelling, Selection
from understudy.trials.designs.dose_response import CandidateShape, log_offset
from understudy.trials.designs.dose_response_fit import (
    DoseResponseFit,
    checked_means,
    curve_doses,
    dose_reaching,
    fit_dose_response,
)
from understudy.trials.designs.mcp_mod import ContrastTest, Shape, contrast_test

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class McpMod:
    """Result of both steps.

    Parameters
    ----------
    test : ContrastTest
    fits : mapping of str to DoseResponseFit
        By model, those with a significant shape.
    weights : mapping of str to float
        Of the fits in the curve that is used: 1 for the one that was selected, or those of the average.
    effect : float
        Wanted, over no dose.
    target : float
        The dose that has it; not a number where there is no dose response or no dose of the range has it.
    low, high : float
        Interval of the target, by draws of the means; infinite where draws do not reach the effect.
    reached : float
        Share of the draws that reach the effect at some dose of the range.
    level : float
    """

    test: ContrastTest
    fits: Mapping[str, DoseResponseFit]
    weights: Mapping[str, float]
    effect: float
    target: float
    low: float
    high: float
    reached: float
    level: float

    @property
    def selected(self) -> str | None:
        """Model with the largest weight, or None without a dose response."""
        return max(self.weights, key=lambda name: self.weights[name]) if self.weights else None

    def predict(self, dose: ArrayLike) -> NDArray[np.float64]:
        """Response at doses by the selected or averaged curve."""
        if not self.fits:
            raise SimulationError(
                "no dose response was shown", place="McpMod.predict", repair="look at `test`"
            )
        return np.sum([self.weights[name] * fit.predict(dose) for name, fit in self.fits.items()], axis=0)

    def table(self) -> pd.DataFrame:
        """A row a model: weight, gAIC, target dose by it alone."""
        import pandas as pd

        rows = [
            {"model": name, "weight": self.weights[name], "gaic": fit.criterion, "target": fit.target_dose(self.effect)}
            for name, fit in self.fits.items()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["model", "weight", "gaic", "target"])

    def __repr__(self) -> str:
        if not self.fits:
            return f"McpMod: no dose response was shown (p {self.test.p_value.min():.4f})\n{self.test!r}"
        shown = f"{self.target:.4g}" if np.isfinite(self.target) else "above the doses given"
        head = (
            f"McpMod: dose response, p {self.test.p_value.min():.4f}; effect {self.effect:g} at dose {shown} "
            f"({self._end(self.low)} to {self._end(self.high)}), reached in {self.reached:.1%} of draws"
        )
        order = sorted(self.fits, key=lambda name: -self.weights[name])
        rows = [f"  weight {self.weights[name]:.3f}  {self.fits[name]!r}" for name in order]
        return "\n".join([head, *rows])

    def _end(self, dose: float) -> str:
        """An end of the interval; draws that never reach the effect lie above all doses."""
        largest = next(iter(self.fits.values())).doses.max()
        return f"{dose:.4g}" if np.isfinite(dose) else f"above {largest:g}"


def mcp_mod(
    doses: Sequence[float],
    means: Sequence[float],
    covariance,
    shapes: Mapping[str, Shape],
    *,
    effect: float,
    freedom: float | None = None,
    alpha: float = 0.025,
    selection: Selection = "criterion",
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 1,
) -> McpMod:
    """Multiple comparisons, then modelling.

    Parameters
    ----------
    doses, means, covariance
        As for `contrast_test`; a higher mean is better (give the negative of what shall fall).
    shapes : mapping of str to shape
        Those of `understudy.trials.designs.dose_response` are fitted when they are significant; other functions
        are tested only.
    effect : float
        Wanted difference to no dose, above 0.
    freedom, alpha
        As for `contrast_test`.
    selection : "criterion", "largest t" or "average"
        The model with the least gAIC, the one of the most significant shape, or all of them weighted by their gAIC.
    level : float
        Of the target dose's interval: shares of draws of the means from their normal distribution, with the choice
        among the models made anew in each. Draws that never reach the effect count as infinite.
    draws, seed : int

    Returns
    -------
    McpMod

    Raises
    ------
    SimulationError
        For means that do not fit the doses, a covariance that is none, an effect of 0 or less, or no shape that can
        be fitted.

    Examples
    --------
    >>> from understudy.trials.designs.dose_response import emax, linear
    >>> found = mcp_mod(
    ...     [0, 0.05, 0.2, 0.6, 1], [0.345, 0.457, 0.810, 0.934, 0.949], [0.1593**2] * 5,
    ...     {"linear": linear(), "emax": emax(0.2)}, effect=0.5, freedom=95,
    ... )
    >>> found.selected, round(found.target, 2)
    ('emax', 0.29)
    """
    dose, mean, cover = checked_means(doses, means, covariance)
    _check(effect, level, draws, shapes)
    test = contrast_test(dose, mean, cover, shapes, freedom=freedom, alpha=alpha)
    models = [shape.model if isinstance(shape, CandidateShape) else None for shape in shapes.values()]
    offset = log_offset(shapes.values())
    strongest: dict[str, float] = {}
    for name, t in zip(models, test.t.tolist(), strict=True):
        if name is not None and t >= test.critical:
            strongest[name] = max(t, strongest.get(name, -np.inf))
    fits = {name: fit_dose_response(dose, mean, cover, name, offset=offset) for name in strongest}
    if not fits:
        return McpMod(test, {}, {}, effect, np.nan, np.nan, np.nan, np.nan, level)
    modelling = DoseModelling(dose, np.linalg.inv(cover), tuple(fits), selection, offset)
    _, weight = modelling.targets(
        mean[None], np.ones(1), np.ones((1, len(fits)), bool), np.array([list(strongest.values())]), effect
    )
    weights = dict(zip(fits, weight[0].tolist(), strict=True))
    low, high, reached = _interval(modelling, test, models, (mean, cover), effect, level, draws, seed)
    found = McpMod(test, fits, weights, effect, np.nan, low, high, reached, level)
    at = curve_doses(dose)
    target = float(dose_reaching(at, found.predict(at)[None], effect)[0])
    return McpMod(test, fits, weights, effect, target, low, high, reached, level)


def _check(effect: float, level: float, draws: int, shapes: Mapping[str, Shape]) -> None:
    if not effect > 0 or not np.isfinite(effect):
        raise SimulationError(
            f"effect {effect}",
            place="effect",
            repair="give a difference above 0; negate means that shall fall",
        )
    if not 0 < level < 1 or draws < 100:
        raise SimulationError(
            f"level {level}, {draws} draws",
            place="level",
            repair="give a level as 0.95 and 100 draws or more",
        )
    if not any(isinstance(shape, CandidateShape) for shape in shapes.values()):
        raise SimulationError(
            "no shape has a model that could be fitted", place="shapes",
            repair="give some of linear, linear_log, emax, exponential, quadratic, logistic",
        )  # fmt: skip


def _interval(modelling, test, models, given, effect: float, level: float, draws: int, seed: int):
    """Ends of the target's interval, and the share of draws that reach the effect."""
    from understudy.core.random import normals

    mean, cover = given
    value, vector = np.linalg.eigh(cover)
    noise = normals(seed, "dose response draws", range(draws), len(mean)) * np.sqrt(value)
    drawn = mean + noise @ vector.T
    error = np.sqrt(np.einsum("ds,de,es->s", test.contrasts, cover, test.contrasts))
    all_t = drawn @ test.contrasts / error
    t = np.stack(
        [all_t[:, [name == each for each in models]].max(axis=1) for name in modelling.models], axis=1
    )
    target, _ = modelling.targets(drawn, np.ones(draws), np.ones(t.shape, bool), t, effect)
    target = np.sort(np.where(np.isnan(target), np.inf, target))
    tail = (1 - level) / 2
    low, high = (target[min(int(share * draws), draws - 1)] for share in (tail, 1 - tail))
    return float(low), float(high), float(np.isfinite(target).mean())
