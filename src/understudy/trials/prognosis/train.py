"""train_score: a prognostic score from earlier patients on control."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from understudy.core.content import content_hash
from understudy.core.errors import StudyError
from understudy.trials.prognosis.features import coded, features_of
from understudy.trials.prognosis.history import BASELINE, History
from understudy.trials.prognosis.learners import candidates, choose, fitted, natural, nested_predictions
from understudy.trials.prognosis.score import PrognosticScore

_FEWEST = 40
_FEWEST_OF_A_KIND = 10


def train_score(history: History) -> PrognosticScore:
    """Train a prognostic score, and freeze it with its date.

    Ridge and elastic net, or ridge logistic regression, and gradient boosted trees compete in cross-validation; the r²
    that is told comes from nested cross-validation, in which the choice is made again within every fold.

    Parameters
    ----------
    history : History

    Returns
    -------
    PrognosticScore
        Its `hash` is what a protocol registers.

    Raises
    ------
    StudyError
        For fewer than 40 patients, or outcomes or covariates that do not vary.
    MissingExtraError
        Without scikit-learn.

    References
    ----------
    Schuler, Walsh, Hall, Walsh & Fisher 2022, doi:10.1515/ijb-2021-0072.

    Examples
    --------
    >>> from understudy.trials import load_history
    >>> train_score(load_history("examples/leukaemia/trial.toml"))
    Traceback (most recent call last):
    understudy.core.errors.StudyError: the protocol has no history
      where: history
      repair: give [history] with file, earlier patients on control
    """
    protocol, binary = history.protocol, history.protocol.endpoint.kind == "binary"
    target = history.target.to_numpy(dtype=float)
    _require_enough(target, binary, history.file)
    said = {*protocol.baseline.categorical, *protocol.analysis.categorical}
    features = features_of(history.table, list(history.table.columns), said - {BASELINE})
    if not features:
        raise StudyError(
            "no covariate varies", place=history.file, repair="name others in baseline.covariates"
        )
    matrix, seed = coded(features, history.table), protocol.seed
    apart = natural(nested_predictions(matrix, target, binary, seed), binary)
    name = choose(matrix, target, binary, seed, "final choice")
    return PrognosticScore(
        protocol.endpoint.kind, protocol.endpoint.name, datetime.now(UTC).isoformat(timespec="seconds"), name,
        fitted(candidates(binary)[name], matrix, target, binary), features, len(target), _r_squared(apart, target),
        content_hash({"names": history.names, "rows": history.rows}), history.file_hash,
        history.names, history.rows, history.alike, protocol.history.other_people, seed, _notes(history, features),
    )  # fmt: skip


def _require_enough(target: np.ndarray, binary: bool, place: str) -> None:
    if len(target) < _FEWEST:
        raise StudyError(
            f"{len(target)} patients are too few to learn from",
            place=place,
            repair=f"give {_FEWEST} at least; several hundred do better",
        )
    if np.ptp(target) == 0:
        raise StudyError("all outcomes are the same", place=place, repair="check the endpoint's columns")
    fewest = int(min(target.sum(), len(target) - target.sum())) if binary else _FEWEST
    if fewest < _FEWEST_OF_A_KIND:
        raise StudyError(
            f"only {fewest} patients had, or did not have, the event",
            place=place,
            repair=f"give {_FEWEST_OF_A_KIND} of each at least",
        )


def _r_squared(predicted: np.ndarray, target: np.ndarray) -> float:
    """Squared correlation; zero where predictions do not vary or go the wrong way."""
    if np.ptp(predicted) == 0:
        return 0.0
    return float(max(np.corrcoef(predicted, target)[0, 1], 0.0) ** 2)


def _notes(history: History, features: tuple) -> tuple[str, ...]:
    told = [
        f"{name} is missing in {int(lost)} of {len(history.table)} patients of the history: "
        "filled in by the median, with a column that says where"
        if name in {each.name for each in features if not each.levels}
        else f"{name} is missing in {int(lost)} of {len(history.table)} patients of the history: a level of its own"
        for name, lost in history.table.isna().sum().items()
        if lost
    ]
    still = [name for name in history.table if name not in {each.name for each in features}]
    return (*told, *(f"{name} does not vary in the history and is not in the score" for name in still))
