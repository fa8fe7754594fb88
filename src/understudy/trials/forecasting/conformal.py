"""Conformal: how wide an interval must be, from errors in patients who had no part in the model.

Patients are exchangeable, their visits are not: each patient's errors weigh one together, and one more patient, whose
errors could be anything, is counted in. The interval then holds a visit of a new patient, chosen at random among that
patient's, with the probability asked for: Dunn, Wasserman and Ramdas, JASA 2023, doi:10.1080/01621459.2022.2060112. By
subgroup (Mondrian: Vovk and others 2005, doi:10.1007/b106715) the same holds within each.
"""

from __future__ import annotations

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.folds import folds
from understudy.trials.forecasting.methods import METHODS, Model
from understudy.trials.forecasting.question import Question


def weighted_quantile(scores: np.ndarray, patient: np.ndarray, level: float) -> float:
    """Below which a new patient's score lies with a probability of `level`; infinite for too few patients.

    Parameters
    ----------
    scores : array of float, shape (rows,)
    patient : array of int, shape (rows,)
    level : float

    Examples
    --------
    >>> weighted_quantile(np.arange(1.0, 10.0), np.arange(9), 0.9)
    9.0
    >>> weighted_quantile(np.arange(1.0, 9.0), np.arange(8), 0.9)
    inf
    """
    if not len(scores):
        return float("inf")
    _, place, counts = np.unique(patient, return_inverse=True, return_counts=True)
    weights = 1.0 / (counts[place] * (len(counts) + 1))
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order]) >= level - 1e-12
    return float(scores[order][np.argmax(reached)]) if reached.any() else float("inf")


def calibrated(
    method: str, known: Question, level: float, how: str, parts: int, seed: int
) -> tuple[Model, dict[str, float]]:
    """A model, and for each subgroup by how much of its spread an interval reaches to either side.

    Parameters
    ----------
    method : str
        A name of `METHODS`.
    known : Question
        Patients to learn from.
    level : float
    how : {"split", "cross"}
        split: learnt from a part of the patients, calibrated on the others; its coverage is guaranteed. cross: learnt
        from all, errors from models that did without each part; nearer intervals, whose coverage holds about (Vovk
        2015, doi:10.1007/s10472-013-9368-4).
    parts : int
    seed : int

    Raises
    ------
    StudyError
        For another way of calibration.
    """
    if how not in ("split", "cross"):
        raise StudyError(f"there is no calibration {how!r}", place="calibration", repair="split or cross")
    fold = folds(len(known.patients), parts, seed, f"conformal, {method}", known.history.group)
    scores, patients = [], []
    for part in range(parts if how == "cross" else 1):
        model = METHODS[method](known.of_patients(fold != part), seed)
        tried = known.of_patients(fold == part)
        centre, spread = model.predict(tried)
        scores.append(np.abs(tried.target.value - centre) / spread)
        patients.append(np.flatnonzero(fold == part)[tried.target.patient])
    if how == "cross":
        model = METHODS[method](known, seed)
    score, patient = np.concatenate(scores), np.concatenate(patients)
    group = known.history.group[patient]
    return model, {
        name: weighted_quantile(score[group == name], patient[group == name], level)
        for name in sorted(set(known.history.group))
    }
