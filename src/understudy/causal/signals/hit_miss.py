"""Hit-miss model: how much likelier what two reports say is if they are of one patient than if they are not.

Each field of a report is a hit (the truth), or with a small probability a miss (drawn at random from all reports); age
and date may also be a little off. c is the probability that at least one of the two reports has a miss. Logarithms to
base 2 of the ratio of probabilities add up over fields. Norén, Orre, Bate, Edwards, Data Min Knowl Disc 2007;
14:305-328, doi:10.1007/s10618-006-0052-8; Copas, Hilton, J R Stat Soc A 1990;153:287-320, doi:10.2307/2982975.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST = 1e-3  # of a probability of misses, so that one difference never rules a pair out
_LARGEST = 0.9


@dataclass(frozen=True, eq=False)
class Compared:
    """What two reports say of one field, for each candidate pair; shape (pairs,) each.

    Parameters
    ----------
    both : bool array
        Whether both tell it.
    equal : float array
        How many values they share: 0 or 1, and for lists of drugs and events any number.
    different : float array
        How many values only one of them has.
    gain : float array
        For values that are shared, the sum of log2(1 / frequency).
    distance : float array or None
        Of age (years) or date (days): how far apart they are.
    """

    both: NDArray[np.bool_]
    equal: NDArray[np.float64]
    different: NDArray[np.float64]
    gain: NDArray[np.float64]
    distance: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class FieldModel:
    """Probabilities of one field.

    Parameters
    ----------
    miss : float
        That at least one of two reports of one patient has a miss, for each value.
    off : float
        That they are a little apart (age and date only).
    spread : float
        Standard deviation of how far apart, years or days.
    """

    miss: float = 0.1
    off: float = 0.0
    spread: float = 1.0


def weight(field: Compared, model: FieldModel) -> NDArray[np.float64]:
    """Weight of one field for each pair, in bits; zero where one of the two does not tell it.

    Examples
    --------
    >>> sex = Compared(np.array([True, True]), np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    >>> weight(sex, FieldModel(miss=0.1)).round(3).tolist()
    [0.926, -3.322]
    """
    if field.distance is not None:
        return np.where(field.both, np.log2(_parts(field, model).sum(axis=0)), 0.0)
    shared = np.maximum(field.equal, 1.0)
    each = field.gain / shared  # the mean value's, where there are several
    gain = field.equal * np.log2((1 - model.miss) * 2.0**each + model.miss)
    return np.where(field.both, gain + field.different * np.log2(model.miss), 0.0)


def learned(field: Compared, model: FieldModel, probability: NDArray[np.float64]) -> FieldModel:
    """The model under which pairs, of one patient with these probabilities, are likelier."""
    held = probability * field.both
    if field.distance is not None:
        return _learned_distances(field, model, held)
    shared = np.maximum(field.equal, 1.0)
    hit = (1 - model.miss) * 2.0 ** (field.gain / shared)
    missed = field.different + field.equal * model.miss / (hit + model.miss)
    total = held @ (field.different + field.equal)
    return FieldModel(_bounded((held @ missed) / total)) if total > 0 else model


def _learned_distances(field: Compared, model: FieldModel, held: NDArray[np.float64]) -> FieldModel:
    total = held.sum()
    if total <= 0:
        return model
    parts = _parts(field, model)
    shares = held * parts / parts.sum(axis=0)
    off, miss = shares[1].sum() / total, shares[2].sum() / total
    spread = np.sqrt((shares[1] @ field.distance**2) / max(shares[1].sum(), 1e-9))
    return FieldModel(_bounded(miss), min(max(off, _SMALLEST), 0.5), float(np.clip(spread, 0.5, 60.0)))


def _parts(field: Compared, model: FieldModel) -> NDArray[np.float64]:
    """Ratios of probabilities of a hit, a small deviation and a miss, shape (3, pairs)."""
    from scipy.special import ndtr

    distance = field.distance
    near = ndtr((distance + 0.5) / model.spread) - ndtr((distance - 0.5) / model.spread)
    rare = 2.0**field.gain
    hit = (1 - model.miss - model.off) * (distance == 0) * rare
    return np.stack([hit, model.off * near * rare, np.full(len(distance), model.miss)])


def _bounded(probability: float) -> float:
    return float(min(max(probability, _SMALLEST), _LARGEST))
