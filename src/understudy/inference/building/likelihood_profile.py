"""profile: how the objective rises as one parameter is held away from its estimate, and where it says enough.

Venzon DJ, Moolgavkar SH. A method for computing profile-likelihood-based confidence intervals. J R Stat Soc C
1988;37:87-94, doi:10.2307/2347496. The ends are where the objective has risen by the chi-square distribution's point
with one degree of freedom (3.84 for 95 %).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.building.many_fits import Trial, require_own_method, tried
from understudy.inference.estimation.method import Method
from understudy.inference.estimation.methods import method_of
from understudy.inference.estimation.parameter_space import omega_name
from understudy.inference.fit import Fit
from understudy.model.population_model import PopulationModel, RandomEffects

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

# How near the objective must come to the rise that is sought; a tenth of it would move an end by 0.6 %.
_NEAR = 0.02
_MOST_FITS = 20
# Where there is no standard error: this share of the estimate.
_GUESS = 0.1
# Of the distance of the estimate from what it cannot go beyond.
_EDGE = 1e-3
# A rise below zero by more than this says that the fit had not ended at the lowest objective.
_LOWER = -0.05


@dataclass(frozen=True, eq=False, repr=False)
class Profile:
    """The objective as a function of one parameter, all others estimated anew at each of its values.

    Parameters
    ----------
    parameter : str
    estimate : float
    rise : float
        What the ends are sought at.
    level : float
    points : tuple of (float, Fit)
        The estimate and every value that was tried, with its fit, ascending; failed ones too.
    objective : float
        At the estimate.
    low, high : float
        Ends of the interval: a bound, or infinite, where the objective does not rise enough on the way there;
        not-a-number where the end could not be found.
    notes : tuple of str
        What is doubtful about it.
    """

    parameter: str
    estimate: float
    rise: float
    level: float
    points: tuple[tuple[float, Fit], ...]
    objective: float
    low: float
    high: float
    notes: tuple[str, ...] = ()

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the interval."""
        return self.low, self.high

    def table(self) -> pd.DataFrame:
        """One value a row: ``value``, ``objective``, ``rise``, ``succeeded``, then the other parameters."""
        import pandas as pd

        rows = [
            {"value": value, "objective": made.objective, "rise": made.objective - self.objective}
            | {"succeeded": made.succeeded}
            | {name: each for name, each in made.estimates.items() if name not in made.fixed}
            for value, made in self.points
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return (
            f"Profile of {self.parameter}: {self.estimate:.4g}, {100 * self.level:g} % interval "
            f"{self.low:.4g} to {self.high:.4g} ({len(self.points)} values)"
        )


def profile(
    fit: Fit,
    records: Records,
    parameter: str,
    *,
    level: float = 0.95,
    method: str | Method = "focei",
    seed: int = 0,
    watch: Callable[[float, Fit], None] = lambda value, made: None,
) -> Profile:
    """Follow the objective to both sides of an estimate until it has risen as far as an interval's ends.

    Parameters
    ----------
    fit : Fit
        Of these records, by `method`, with its model.
    records : Records
    parameter : str
        A fixed effect, or the variance of a random effect that stands alone in its block: ``"omega(eta_CL)"``.
    level : float
    method, seed
        As for `fit`.
    watch : function of (value, Fit)
        Called after every estimation.

    Returns
    -------
    Profile
        Each estimation begins at the one beside it.

    Raises
    ------
    SimulationError
        For a parameter that was not estimated, or one of a block with several effects.

    Examples
    --------
    >>> from understudy import Records, fit, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> found = fit(load_model("phenobarbital_neonates"), records, "fo", covariance="R")
    >>> made = profile(found, records, "theta_CL", method="fo")
    >>> made.low < found.estimates["theta_CL"] < made.high
    True
    """
    from scipy.stats import chi2

    if fit.model is None or parameter not in fit.estimates or parameter in fit.fixed:
        free = ", ".join(name for name in fit.estimates if name not in fit.fixed)
        raise SimulationError(f"{parameter} was not estimated", place=fit.source, repair=f"one of {free}")
    require_own_method(fit, method_of(method))
    _ = held(fit.model, parameter, fit.estimates[parameter])
    search = _Search(fit, records, parameter, float(chi2.ppf(level, 1)), method_of(method), seed, watch)
    (low, before), (high, after) = search.side(-1), search.side(+1)
    points = sorted([*before, (search.estimate, fit), *after], key=lambda point: point[0])
    notes = tuple(dict.fromkeys(_notes([*before, *after], fit)))
    return Profile(
        parameter,
        fit.estimates[parameter],
        search.rise,
        level,
        tuple(points),
        fit.objective,
        low,
        high,
        notes,
    )


def held(model: PopulationModel, parameter: str, value: float) -> PopulationModel:
    """The model with one parameter held at a value.

    Parameters
    ----------
    model : PopulationModel
    parameter : str
        A fixed effect, or ``omega(eta)`` of an effect that stands alone in its block.
    value : float

    Raises
    ------
    SimulationError
        For a parameter of a block with several random effects.

    Examples
    --------
    >>> from understudy import load_model
    >>> changed = held(load_model("phenobarbital_neonates"), "omega(eta_V)", 0.04)
    >>> float(changed.omega[1, 1]), changed.random[1].fixed
    (0.04, True)
    """
    if parameter in model.fixed_values:
        fixed = [replace(p, value=value, fixed=True) if p.name == parameter else p for p in model.fixed]
        return replace(model, fixed=tuple(fixed))
    blocks, following = [], False
    for block in model.random:
        named = block.size == 1 and omega_name(block.names, 0, 0) == parameter
        following = named or (block.same and following)
        blocks.append(_held_block(block, value) if following else block)
    if tuple(blocks) == model.random:
        raise SimulationError(
            f"{parameter} belongs to a block of several random effects, and cannot be held alone",
            place=model.name, repair="take `bootstrap` or `sir` for its interval",
        )  # fmt: skip
    return replace(model, random=tuple(blocks))


def _held_block(block: RandomEffects, value: float) -> RandomEffects:
    changed = replace(block, covariance=((value,),), standard_errors=(), source=None)
    return replace(changed, fixed=not block.same)


@dataclass(frozen=True, eq=False)
class _Search:
    """The search for both ends."""

    fit: Fit
    records: Records
    parameter: str
    rise: float
    method: Method
    seed: int
    watch: Callable[[float, Fit], None]

    def side(self, sign: int) -> tuple[float, list[tuple[float, Fit]]]:
        """The end on one side, and the values tried.

        The root of the rise is nearly a straight line in the parameter, so its crossing is sought by the secant within
        the bracket that is known, halved where a secant does not leave it.
        """
        target, tries = float(np.sqrt(self.rise)), []
        inside, outside = (self.estimate, 0.0, self.fit), None
        value = self._kept(self.estimate + sign * target * self._scale, sign)
        while len(tries) < _MOST_FITS:
            made = self._at(value, inside[2])
            tries.append((value, made))
            root = float(np.sqrt(max(made.objective - self.fit.objective, 0.0)))
            if abs(root**2 - self.rise) < _NEAR:
                return value, tries
            if not np.isfinite(root) or root > target:
                outside = value, root
            else:
                inside = value, root, made
            if outside is None and value == self._edge(sign):
                return self._limit(sign), tries
            value = self._next(inside, outside, target, sign)
        return (sign * np.inf if outside is None else np.nan), tries

    def _next(self, inside: tuple, outside: tuple | None, target: float, sign: int) -> float:
        value, root, _ = inside
        if outside is None:
            slope = root / abs(value - self.estimate) if root > 0 else 0.0
            step = (target - root) / slope if slope > 0 else np.inf
            # Not farther than four times the way so far: a flat objective would send it to infinity.
            way = max(abs(value - self.estimate), self._scale)
            return self._kept(value + sign * min(1.1 * step, 3.0 * way), sign)
        if not np.isfinite(outside[1]):
            return 0.5 * (value + outside[0])
        share = (target - root) / (outside[1] - root)
        return value + float(np.clip(share, 0.05, 0.95)) * (outside[0] - value)

    @property
    def estimate(self) -> float:
        return self.fit.estimates[self.parameter]

    @property
    def _scale(self) -> float:
        error = self.fit.standard_errors.get(self.parameter, np.nan)
        return error if np.isfinite(error) else _GUESS * (abs(self.estimate) or 1.0)

    def _limit(self, sign: int) -> float:
        """What the parameter cannot go beyond."""
        for each in self.fit.model.fixed:
            if each.name == self.parameter:
                return each.lower if sign < 0 else each.upper
        return 0.0 if sign < 0 else np.inf

    def _edge(self, sign: int) -> float:
        """The farthest value that is tried: all but at the limit."""
        limit = self._limit(sign)
        return limit + _EDGE * (self.estimate - limit) if np.isfinite(limit) else limit

    def _kept(self, value: float, sign: int) -> float:
        return max(value, self._edge(sign)) if sign < 0 else min(value, self._edge(sign))

    def _at(self, value: float, beside: Fit) -> Fit:
        model = held(beside.model, self.parameter, value)
        made = tried(Trial(f"{self.parameter} = {value:g}", model), self.records, self.method, self.seed)
        self.watch(value, made)
        return made


def _notes(points: list[tuple[float, Fit]], fit: Fit) -> list[str]:
    told = [f"at {value:.4g}: {made.status}" for value, made in points if not made.succeeded]
    lowest = min(
        (made.objective - fit.objective for _, made in points if np.isfinite(made.objective)), default=0
    )
    if lowest < _LOWER:
        told.append(f"the objective is lower by {-lowest:.3g} away from the estimate: fit again from there")
    return told
