"""Linkage: pairs of reports that are probably of one patient, by a hit-miss model that is fitted to them.

Norén, Orre, Bate, Edwards, Data Min Knowl Disc 2007;14:305-328, doi:10.1007/s10618-006-0052-8. They learned the
probabilities from pairs known to be duplicates; here they are learned without any, by the EM algorithm, with the share
of duplicates among all pairs as a further unknown (as for the model of Fellegi and Sunter, J Am Stat Assoc 1969;
64:1183-1210, doi:10.1080/01621459.1969.10501049).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.candidates import LARGEST_BLOCK, candidate_pairs, compare
from understudy.causal.signals.hit_miss import Compared, FieldModel, learned, weight
from understudy.causal.signals.pair_counts import incidence
from understudy.causal.signals.reports import Reports

if TYPE_CHECKING:
    from numpy.typing import NDArray

SURE = 0.95  # probability from which a pair counts as duplicates
_ROUNDS, _STILL = 200, 1e-6
_FIRST = {
    "event date": FieldModel(0.05, 0.05, 10.0),
    "age": FieldModel(0.05, 0.05, 1.0),
    "drugs": FieldModel(0.2),
    "events": FieldModel(0.2),
}


@dataclass(frozen=True, eq=False)
class Linkage:
    """Pairs of reports with the weight of what they share.

    Parameters
    ----------
    first, second : int arrays, shape (pairs,)
        Rows of `Reports.cases`.
    weights : float array, shape (pairs,)
        Bits by which the two are likelier to be of one patient than two reports drawn at random.
    probability : float array, shape (pairs,)
    threshold : float
        Weight from which a pair counts as duplicates: there its probability is `sure`.
    sure : float
    share : float
        Of duplicates among all pairs of reports, estimated.
    models : mapping of field to FieldModel
    notes : tuple of str
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weights: NDArray[np.float64]
    probability: NDArray[np.float64]
    threshold: float
    sure: float
    share: float
    models: dict[str, FieldModel]
    notes: tuple[str, ...] = ()

    @property
    def linked(self) -> NDArray[np.bool_]:
        """Which pairs count as duplicates."""
        return self.weights >= self.threshold

    def groups(self, count: int) -> NDArray[np.int64]:
        """The group of linked reports to which each of `count` belongs; -1 where it is alone."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        ones = np.ones(int(self.linked.sum()))
        links = coo_matrix((ones, (self.first[self.linked], self.second[self.linked])), shape=(count, count))
        group = connected_components(links, directed=False)[1].astype(np.int64)
        return np.where(np.bincount(group)[group] > 1, group, -1)


def link_reports(reports: Reports, *, sure: float = SURE) -> Linkage:
    """Compare reports that share a date, a drug or an event, and say which pairs are probably of one patient.

    Parameters
    ----------
    reports : Reports
        The latest version of each case.
    sure : float
        Probability from which a pair counts as duplicates.

    Returns
    -------
    Linkage

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> found = link_reports(simulate_reports(1000, seed=1, duplicates=0.1))
    >>> int(found.linked.sum()) > 50
    True
    """
    found = incidence(reports, ())
    first, second, skipped = candidate_pairs(reports, found)
    notes = []
    if skipped:
        notes.append(
            f"{skipped:,} blocks of more than {LARGEST_BLOCK} alike reports were too large to compare within"
        )
    pairs = found.reports * (found.reports - 1) / 2
    if not len(first):
        none = np.zeros(0)
        return Linkage(first, second, none, none, np.inf, sure, 0.0, {}, tuple(notes))
    fields = compare(reports, found, first, second)
    models, share = _fitted(fields, pairs, found.reports)
    weights = _weights(fields, models)
    odds = np.log2(share / (1 - share))
    threshold = float(np.log2(sure / (1 - sure)) - odds)
    probability = 1 / (1 + 2.0 ** -(weights + odds))
    return Linkage(
        found.rows[first],
        found.rows[second],
        weights,
        probability,
        threshold,
        sure,
        share,
        models,
        tuple(notes),
    )


def _fitted(fields: dict[str, Compared], pairs: float, reports: int) -> tuple[dict[str, FieldModel], float]:
    """Models and the share of duplicates, by turns of what is probable and what explains it best."""
    models = {name: _FIRST.get(name, FieldModel()) for name in fields}
    share = reports * 0.02 / pairs
    for _ in range(_ROUNDS):
        odds = np.log2(share / (1 - share))
        probability = 1 / (1 + 2.0 ** -(_weights(fields, models) + odds))
        models = {name: learned(field, models[name], probability) for name, field in fields.items()}
        before, share = share, min(max(probability.sum(), 0.5) / pairs, 0.1)
        if abs(share - before) <= _STILL * share:
            break
    return models, share


def _weights(fields: dict[str, Compared], models: dict[str, FieldModel]) -> NDArray[np.float64]:
    return np.sum([weight(field, models[name]) for name, field in fields.items()], axis=0)
