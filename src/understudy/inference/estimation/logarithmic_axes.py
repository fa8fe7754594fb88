"""Logarithmic axes: of fixed effects that multiply individual parameters or scale residual errors, and have no bound.

Where an individual parameter is log-normal about a fixed effect, the data of all individuals speak of its logarithm, as
they do of that of a residual error's size. Such an axis is the hyperbolic sine of a coordinate: a logarithm but for
values of less than a hundredth of the centre's, through zero and to the other side, so that nothing that has a
posterior density is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.inference.estimation.mu_reference import MuReferences
from understudy.inference.estimation.parameter_space import ParameterSpace

# Part of the centre's size from which an axis is logarithmic, and where a coordinate is zero.
_SMALL = 0.01
_ORIGIN = float(np.arcsinh(1.0 / _SMALL))
# Of logarithms, to see whether a mean moves as they do.
_PROBE, _CLOSE = 0.3, 1e-9


@dataclass(frozen=True, eq=False)
class LogarithmicAxes:
    """From coordinates that are zero at the centre to vectors of parameters.

    Parameters
    ----------
    centre : float array, shape (parameters,)
    bent : bool array, shape (parameters,)
        Which axes are logarithmic; the others are straight.

    Examples
    --------
    >>> axes = LogarithmicAxes(np.array([2.0, 2.0]), np.array([True, False]))
    >>> axes.vectors(np.array([np.log(3.0), 3.0])).round(2)
    array([6., 5.])
    """

    centre: np.ndarray
    bent: np.ndarray

    def vectors(self, v: np.ndarray) -> np.ndarray:
        """Vectors of parameters, of the shape (..., parameters) of v."""
        with np.errstate(over="ignore"):
            return np.where(self.bent, self.centre * _SMALL * np.sinh(v + _ORIGIN), self.centre + v)

    def slopes(self, v: np.ndarray) -> np.ndarray:
        """Derivative of each component of the vector."""
        with np.errstate(over="ignore"):
            return np.where(self.bent, self.centre * _SMALL * np.cosh(v + _ORIGIN), 1.0)

    def log_slope(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logarithm of the product of `slopes` but for a constant, shape (...), and its derivatives."""
        shifted = np.where(self.bent, v + _ORIGIN, 0.0)
        with np.errstate(invalid="ignore"):
            return np.logaddexp(shifted, -shifted).sum(axis=-1), np.tanh(shifted)


def of_residuals(space: ParameterSpace) -> np.ndarray:
    """Which of the parameters that are estimated stand in residual variances alone; shape (parameters,).

    Examples
    --------
    >>> from understudy import load_model
    >>> from understudy.inference.effects import Effects
    >>> model = load_model("phenobarbital_neonates")
    >>> of_residuals(ParameterSpace(model, Effects(model))).tolist()
    [False, False, False, True, False, False]
    """
    model, found = space.model, np.zeros(len(space.names), dtype=bool)
    scatter = {name for residual in model.residual for name in residual.variance.names}
    elsewhere = {n for item in model.individual for n in item.expression.names}
    elsewhere |= {*model.structural.parameter_names}
    elsewhere |= {name for item in model.distributions for name in item.names}
    for column, place in enumerate(space.fixed):
        found[column] = model.fixed[place].name in scatter - elsewhere
    return found


def without_bounds(space: ParameterSpace) -> np.ndarray:
    """Which of the parameters are fixed effects without any bound; shape (parameters,)."""
    found = np.zeros(len(space.names), dtype=bool)
    for column, scale in enumerate(space.scales):
        found[column] = not np.isfinite([scale.lower, scale.upper]).any()
    return found


def proportional(space: ParameterSpace, references: MuReferences) -> np.ndarray:
    """Which of the parameters that are estimated multiply a log-normal individual parameter; shape (parameters,).

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> from understudy.inference.predictor import Predictor
    >>> from understudy.inference.effects import Effects
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> model = load_model("phenobarbital_neonates")
    >>> found = proportional(ParameterSpace(model, Effects(model)), MuReferences(Predictor(model, records)))
    >>> found.tolist()
    [True, True, False, False, False, False]
    """
    own = np.array([p.value for p in space.model.fixed])
    found = np.zeros(len(space.names), dtype=bool)
    logs = {name for each in references.references if each.transform == "log" for name in each.fixed}
    for column, place in enumerate(space.fixed):
        if space.model.fixed[place].name not in logs:
            continue
        points = np.tile(own, (3, 1))
        points[:, place] *= np.exp([0.0, _PROBE, -_PROBE])
        middle, above, below = references.means(points)
        found[column] = own[place] != 0 and np.allclose(above - middle, middle - below, rtol=0.0, atol=_CLOSE)
    return found
