"""Shortening: the best short forms of a questionnaire, in sample and in subjects who did not help to choose them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import numpy as np

from understudy.biostatistics.diagnostic_accuracy import Accuracy, Area, accuracy, area_under_curve
from understudy.biostatistics.internal_consistency import cronbach_alpha
from understudy.core.errors import StudyError
from understudy.core.record import Record, Stopwatch
from understudy.trials.folds import folds
from understudy.trials.questionnaire.questionnaire import Questionnaire
from understudy.trials.questionnaire.short_form import SumForm, TreeForm, all_sizes, fitted

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["subsets", "beam", "tree"]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What forms did in the folds that had no part in choosing items or cut-off.

    Parameters
    ----------
    area : float
        Mean over folds of the area under the curve.
    error : float
        Its standard error, by DeLong within each fold.
    decided : array of bool, shape (subjects,)
    items : tuple of tuple of int
        Those chosen in each fold.
    correlation : float
        Mean over folds, with the whole sum.
    """

    area: float
    error: float
    decided: np.ndarray
    items: tuple[tuple[int, ...], ...]
    correlation: float

    def interval(self) -> tuple[float, float]:
        """95 % interval of the area, cut at 0 and 1."""
        return max(self.area - 1.959964 * self.error, 0.0), min(self.area + 1.959964 * self.error, 1.0)


@dataclass(frozen=True, eq=False)
class ShortForm:
    """A short form, chosen from all subjects, and how such forms do in others."""

    size: int
    form: SumForm | TreeForm
    area: Area
    accuracy: Accuracy
    correlation: float
    alpha: float
    held_out: HeldOut


@dataclass(frozen=True, eq=False, repr=False)
class Shortening:
    """Short forms of every size. Made by `shorten`.

    Parameters
    ----------
    questionnaire : Questionnaire
    method : str
    forms : tuple of ShortForm
    chosen : int
        Place among `forms` of the size that the rule of `shorten` takes.
    nested : HeldOut
        The whole procedure, choice of size too, in subjects held out.
    nested_sizes : tuple of int
        Size taken in each fold.
    record : Record
    """

    questionnaire: Questionnaire
    method: str
    forms: tuple[ShortForm, ...]
    chosen: int
    nested: HeldOut
    nested_sizes: tuple[int, ...]
    record: Record

    def table(self) -> pd.DataFrame:
        """A row a size: items, area in sample and held out with its error, accuracy held out, and the rest."""
        import pandas as pd

        return pd.DataFrame([self._row(each) for each in self.forms]).set_index("size")

    def _row(self, each: ShortForm) -> dict:
        held = accuracy(each.held_out.decided, self.questionnaire.positive)
        return {
            "size": each.size,
            "items": "+".join(self.names(each.form.items)),
            "cut": each.form.cut,
            "auc": each.area.estimate,
            "auc_held_out": each.held_out.area,
            "auc_error": each.held_out.error,
            "sensitivity": held.sensitivity,
            "specificity": held.specificity,
            "balanced_accuracy": held.balanced_accuracy,
            "agreement": held.agreement,
            "kappa": held.kappa,
            "correlation": each.correlation,
            "alpha": each.alpha,
            "same_items": sum(items == each.form.items for items in each.held_out.items)
            / len(each.held_out.items),
        }

    def names(self, items: tuple[int, ...]) -> tuple[str, ...]:
        """Items by their names."""
        return tuple(self.questionnaire.items[k] for k in items)

    def cuts(self, size: int) -> pd.DataFrame:
        """Sensitivity, specificity and balanced accuracy at every cut-off, in sample.

        Raises
        ------
        StudyError
            If there is no form of this size.
        """
        import pandas as pd

        form, asked = self.of_size(size).form, self.questionnaire
        scores = form.scores(asked.answers)
        found = {cut: accuracy(scores >= cut, asked.positive) for cut in np.unique(scores)[1:]}
        told = ("sensitivity", "specificity", "balanced_accuracy", "agreement", "kappa")
        rows = {float(cut): {name: getattr(a, name) for name in told} for cut, a in found.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("cut")

    def subgroups(self, size: int) -> pd.DataFrame:
        """Held-out decisions in each subgroup, and the area of the form in sample; rows (column, value).

        Subgroups without a case, or without anybody else, have no figures.
        """
        import pandas as pd

        each, asked = self.of_size(size), self.questionnaire
        scores, rows = each.form.scores(asked.answers), {}
        for name, column in asked.groups.items():
            for value in sorted({v for v in column if v == v}, key=str):
                own = column == value
                rows[name, str(value)] = _in_group(own, scores, each.held_out.decided, asked.positive)
        frame = pd.DataFrame.from_dict(rows, orient="index")
        frame.index = (
            pd.MultiIndex.from_tuples(list(rows), names=["column", "value"]) if rows else frame.index
        )
        return frame

    def of_size(self, size: int) -> ShortForm:
        """The form of a size.

        Raises
        ------
        StudyError
            If there is none.
        """
        sizes = {each.size: each for each in self.forms}
        if size not in sizes:
            known = ", ".join(map(str, sizes))
            raise StudyError(
                f"no form of {size} items was looked for", place="size", repair=f"one of {known}"
            )
        return sizes[size]

    @property
    def best(self) -> ShortForm:
        """The form of the size that was taken."""
        return self.forms[self.chosen]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What may be left out, and what that costs."""
        best, asked = self.best, self.questionnaire
        low, high = self.nested.interval()
        held = accuracy(best.held_out.decided, asked.positive)
        told = (
            f"{best.size} of {len(asked.items)} items ({', '.join(self.names(best.form.items))}) have an area "
            "under the "
            f"curve of {self.nested.area:.4f} (95 % interval {low:.4f} to {high:.4f}) for {asked.reference}, "
            "in subjects "
            "held out, choice of items and of their number included.",
            f"Their cut-off of {best.form.cut:.4g} finds {100 * held.sensitivity:.1f} % of "
            f"{int(asked.positive.sum()):,} "
            f"cases and {100 * held.specificity:.1f} % of {int((~asked.positive).sum()):,} others, held out.",
        )
        same = sum(each == best.form.items for each in best.held_out.items)
        return (*told, f"The same items were chosen in {same} of {len(best.held_out.items)} folds.")

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        asked, told = self.questionnaire, []
        if not asked.reading.get("outcome"):
            told.append(
                "items are part of the sum that makes a case: figures say how a short form stands for the "
                "whole, not how "
                "well it finds an illness"
            )
        if asked.left_out:
            told.append(f"{asked.left_out:,} rows without a complete set of answers are left out")
        return (
            *told,
            "items were answered among all the others; asked alone, they may be answered otherwise",
        )

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by their names."""
        found = {"forms": self.table().reset_index(), "cuts": self.cuts(self.best.size).reset_index()}
        if self.questionnaire.groups:
            found["subgroups"] = self.subgroups(self.best.size).reset_index()
        return found

    def __repr__(self) -> str:
        best = self.forms[self.chosen]
        names = "+".join(self.names(best.form.items))
        return (
            f"Shortening({self.method}: {names}; AUC {best.area.estimate:.4f} in sample, "
            f"{self.nested.area:.4f} nested, {self.nested.error:.4f} standard error)"
        )


def _in_group(own: np.ndarray, scores: np.ndarray, decided: np.ndarray, positive: np.ndarray) -> dict:
    cases = int(positive[own].sum())
    counts = {"subjects": int(own.sum()), "cases": cases}
    if cases in (0, own.sum()):
        return counts | dict.fromkeys(
            ("auc", "auc_error", "sensitivity", "specificity", "balanced_accuracy"), np.nan
        )
    held = accuracy(decided[own], positive[own])
    area = area_under_curve(scores[own], positive[own])
    return counts | {
        "auc": area.estimate,
        "auc_error": area.error,
        "sensitivity": held.sensitivity,
        "specificity": held.specificity,
        "balanced_accuracy": held.balanced_accuracy,
    }


def shorten(
    questionnaire: Questionnaire,
    *,
    sizes: tuple[int, int] | None = None,
    method: Method = "subsets",
    loss: float = 0.02,
    parts: int = 5,
    seed: int = 0,
) -> Shortening:
    """The best short forms of a questionnaire, with nested cross-validation.

    Items and cut-off are chosen by area under the curve and by balanced accuracy, within each fold anew; figures
    called held out are of subjects who had no part in either. The smallest size whose area, cross-validated within the
    fold, is within `loss` of the largest is taken; `nested` is the figure of that whole procedure.

    Against a cut-off of the questionnaire's own sum, the items are part of what they are to predict: such figures say
    how a short form stands for the whole, not how it finds an illness.

    Parameters
    ----------
    questionnaire : Questionnaire
    sizes : pair of int, optional
        Fewest and most items (questions in turn, for a tree); 1 to 4.
    method : {"subsets", "beam", "tree"}
        All subsets, for up to 12 items; a beam of 20 of them; or a tree of questions.
    loss : float
        Area that may be lost for brevity.
    parts : int
        Folds, outer and inner.
    seed : int

    Raises
    ------
    StudyError
        For sizes or a method that cannot be, or too few cases for so many folds.

    Examples
    --------
    >>> from understudy.core.random import uniforms
    >>> from understudy.trials.questionnaire import Questionnaire, shorten
    >>> drawn = uniforms(1, "answers", range(400), 6)
    >>> answers = np.floor(4 * (0.7 * drawn[:, :1] + 0.3 * drawn[:, 1:]))
    >>> asked = Questionnaire(tuple("abcde"), answers, answers.sum(axis=1) >= 10, "sum ≥ 10")
    >>> found = shorten(asked, sizes=(1, 2), parts=3)
    >>> bool(found.forms[0].area.estimate < found.forms[1].area.estimate)
    True
    """
    if method not in ("subsets", "beam", "tree"):
        raise StudyError(f"there is no method {method!r}", place="method", repair="subsets, beam or tree")
    cases = int(min(questionnaire.positive.sum(), (~questionnaire.positive).sum()))
    if cases < 2 * parts:
        raise StudyError(
            f"{cases} cases (or others) are too few for {parts} folds",
            place="parts",
            repair="give fewer folds",
        )
    watch = Stopwatch()
    wanted = tuple(all_sizes(len(questionnaire.items), sizes))
    fold = folds(len(questionnaire.positive), parts, seed, "questionnaire", questionnaire.positive)
    forms = tuple(_short_form(questionnaire, size, method, fold) for size in wanted)
    chosen = _smallest([each.held_out.area for each in forms], loss)
    nested, taken = _nested(questionnaire, wanted, method, fold, loss, parts, seed)
    known = {name: value for name, value in questionnaire.reading.items() if value not in (None, "", [])}
    settings = {**known, "sizes": [wanted[0], wanted[-1]], "loss": loss, "parts": parts}
    record = Record.make(
        "shorter questionnaire", stopwatch=watch, inputs=dict(questionnaire.inputs) or _hashed(questionnaire),
        seed=seed, method=method, settings=settings,
    )  # fmt: skip
    return Shortening(questionnaire, method, forms, chosen, nested, taken, record)


def _hashed(asked: Questionnaire) -> dict[str, str]:
    """Answers that were in no file."""
    return {
        "answers": sha256(
            np.ascontiguousarray(asked.answers).tobytes() + asked.positive.tobytes()
        ).hexdigest()
    }


def _smallest(found: list[float], loss: float) -> int:
    return int(np.argmax(np.array(found) >= max(found) - loss))


def _short_form(asked: Questionnaire, size: int, method: str, fold: np.ndarray) -> ShortForm:
    form = fitted(asked.answers, asked.positive, size, method)
    scores = form.scores(asked.answers)
    return ShortForm(
        size,
        form,
        area_under_curve(scores, asked.positive),
        accuracy(scores >= form.cut, asked.positive),
        _correlation(scores, asked.total),
        _alpha(asked.answers[:, form.items]),
        _held_out(asked, [size] * (fold.max() + 1), method, fold),
    )


def _held_out(asked: Questionnaire, sizes: list[int], method: str, fold: np.ndarray) -> HeldOut:
    """Forms chosen without each fold, tried in it."""
    decided = np.zeros(len(fold), bool)
    areas, items, related = [], [], []
    for k, size in enumerate(sizes):
        own = fold == k
        form = fitted(asked.answers[~own], asked.positive[~own], size, method)
        scores = form.scores(asked.answers[own])
        decided[own] = scores >= form.cut
        areas.append(area_under_curve(scores, asked.positive[own]))
        items.append(form.items)
        related.append(_correlation(scores, asked.total[own]))
    error = np.sqrt(sum(each.error**2 for each in areas)) / len(areas)
    mean = float(np.mean([each.estimate for each in areas]))
    return HeldOut(mean, float(error), decided, tuple(items), float(np.mean(related)))


def _nested(
    asked: Questionnaire,
    wanted: tuple[int, ...],
    method: str,
    fold: np.ndarray,
    loss: float,
    parts: int,
    seed: int,
) -> tuple[HeldOut, tuple[int, ...]]:
    """The size, too, is chosen without the fold in which it is tried: by folds within the others."""
    taken = []
    for k in range(parts):
        answers, positive = asked.answers[fold != k], asked.positive[fold != k]
        inner = Questionnaire(asked.items, answers, positive, asked.reference)
        within = folds(len(positive), parts, seed, f"questionnaire, within {k}", positive)
        found = [_held_out(inner, [size] * parts, method, within).area for size in wanted]
        taken.append(wanted[_smallest(found, loss)])
    return _held_out(asked, taken, method, fold), tuple(taken)


def _correlation(scores: np.ndarray, total: np.ndarray) -> float:
    if np.ptp(scores) == 0 or np.ptp(total) == 0:
        return float("nan")
    return float(np.corrcoef(scores, total)[0, 1])


def _alpha(answers: np.ndarray) -> float:
    return cronbach_alpha(answers) if answers.shape[1] > 1 and np.ptp(answers.sum(axis=1)) else float("nan")
