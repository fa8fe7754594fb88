"""Short form: some items and a rule that decides by them, sums with a cut-off or a tree of questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from understudy.core.errors import MissingExtraError, StudyError

# All subsets of 12 items are 4,095; beyond that the number doubles with each item.
MOST_ITEMS = 12
_WIDTH = 20


@dataclass(frozen=True)
class SumForm:
    """The sum of some items, and the cut-off from which on somebody counts as a case."""

    items: tuple[int, ...]
    cut: float

    def scores(self, answers: np.ndarray) -> np.ndarray:
        """Sum of these items, shape (subjects,)."""
        return _sums(answers[:, self.items].T)


@dataclass(frozen=True, eq=False)
class TreeForm:
    """A tree of questions: which comes next depends on the answers; nobody answers more than its depth."""

    items: tuple[int, ...]
    cut: float
    tree: Any

    def scores(self, answers: np.ndarray) -> np.ndarray:
        """Share of cases, cases and others weighing the same, in the leaf of each subject."""
        return self.tree.predict_proba(answers)[:, 1]

    def rules(self, names: tuple[str, ...]) -> str:
        """The questions, indented."""
        from sklearn.tree import export_text

        return export_text(self.tree, feature_names=list(names), class_names=["no case", "case"], decimals=1)


def areas(answers: np.ndarray, positive: np.ndarray, subsets: list[tuple[int, ...]]) -> np.ndarray:
    """Area under the curve of the sum of each subset of items, shape (subsets,)."""
    columns = np.ascontiguousarray(answers.T)
    return np.array([_area(_sums(columns[list(subset)]), positive) for subset in subsets])


def _sums(columns: np.ndarray) -> np.ndarray:
    """Sums whose order does not hang on the order of adding: 0.1 + 0.2 is 0.3."""
    return np.round(columns.sum(axis=0), 9)


def _area(sums: np.ndarray, positive: np.ndarray) -> float:
    """By counting, for sums of few values: thousands of subsets are looked at."""
    place = _places(sums)
    cases = np.bincount(place[positive], minlength=place.max() + 1)
    others = np.bincount(place[~positive], minlength=place.max() + 1)
    lower = np.cumsum(others) - others
    return float((cases * (lower + others / 2)).sum() / (cases.sum() * others.sum()))


def _places(sums: np.ndarray) -> np.ndarray:
    """Where each sum stands in their order; whole numbers need no sorting."""
    lowest, highest = sums.min(), sums.max()
    whole = highest - lowest < 10_000 and bool((sums == np.floor(sums)).all())
    return (sums - lowest).astype(int) if whole else np.unique(sums, return_inverse=True)[1]


def best_subset(answers: np.ndarray, positive: np.ndarray, size: int) -> tuple[int, ...]:
    """Of all subsets of so many items the one whose sum has the largest area; the first of equals.

    Raises
    ------
    StudyError
        For more than 12 items.
    """
    items = answers.shape[1]
    if items > MOST_ITEMS:
        raise StudyError(
            f"all subsets of {items} items are too many", place="method", repair="use method 'beam' or 'tree'"
        )
    return _best(answers, positive, list(combinations(range(items), size)))


def best_by_beam(answers: np.ndarray, positive: np.ndarray, size: int) -> tuple[int, ...]:
    """A subset found by adding items one by one to the 20 best that are shorter: for long questionnaires."""
    kept: list[tuple[int, ...]] = [()]
    for _ in range(size):
        grown = sorted(
            {tuple(sorted((*each, k))) for each in kept for k in range(answers.shape[1]) if k not in each}
        )
        order = np.argsort(-areas(answers, positive, grown), kind="stable")
        kept = [grown[k] for k in order[:_WIDTH]]
    return kept[0]


def _best(answers: np.ndarray, positive: np.ndarray, subsets: list[tuple[int, ...]]) -> tuple[int, ...]:
    return subsets[int(np.argmax(areas(answers, positive, subsets)))]


def best_cut(scores: np.ndarray, positive: np.ndarray) -> float:
    """The score with the largest balanced accuracy; of equals the lowest, which misses fewest."""
    values, place = np.unique(scores, return_inverse=True)
    cases = np.bincount(place[positive], minlength=len(values)) / positive.sum()
    others = np.bincount(place[~positive], minlength=len(values)) / (~positive).sum()
    found = cases[::-1].cumsum()[::-1] - others[::-1].cumsum()[::-1]
    return float(values[int(np.argmax(found > found.max() - 1e-12))])


def fitted(answers: np.ndarray, positive: np.ndarray, size: int, method: str) -> SumForm | TreeForm:
    """The best form of so many items, or of so many questions in turn, for these subjects."""
    if method == "tree":
        return _tree(answers, positive, size)
    find = best_subset if method == "subsets" else best_by_beam
    items = find(answers, positive, size)
    return SumForm(items, best_cut(_sums(answers[:, items].T), positive))


def _tree(answers: np.ndarray, positive: np.ndarray, depth: int) -> TreeForm:
    try:
        from sklearn.tree import DecisionTreeClassifier
    except ImportError:
        raise MissingExtraError(
            "scikit-learn is not installed", place="tree", repair="pip install 'understudy[trials]'"
        ) from None
    # A leaf of a hundredth of the subjects: smaller ones are chance.
    leaf = max(5, len(answers) // 100)
    # Equal splits are chosen by the generator's order: a fixed one, so that the same tree comes again.
    tree = DecisionTreeClassifier(
        max_depth=depth, min_samples_leaf=leaf, class_weight="balanced", random_state=0
    ).fit(answers, positive)
    items = tuple(int(k) for k in np.unique(tree.tree_.feature[tree.tree_.feature >= 0]))
    return TreeForm(items, best_cut(tree.predict_proba(answers)[:, 1], positive), tree)


def all_sizes(items: int, sizes: tuple[int, int] | None) -> Iterator[int]:
    """Sizes that are looked at.

    Raises
    ------
    StudyError
        If they are none of 1 to the number of items less one.
    """
    low, high = sizes or (1, min(items - 1, 4))
    if not 1 <= low <= high < items:
        raise StudyError(
            f"{low} to {high} of {items} items", place="sizes", repair=f"give sizes between 1 and {items - 1}"
        )
    yield from range(low, high + 1)
