"""PrognosticScore: a frozen prediction of a patient's outcome on control, with its date and hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.content import content_hash, decode, encode
from understudy.core.errors import StudyError, UnderstudyError
from understudy.trials.prognosis.features import Feature, coded, labels_of_features
from understudy.trials.prognosis.fitted_learner import BoostedTrees, LinearPredictor
from understudy.trials.prognosis.learners import natural

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FORMAT = "understudy prognostic score 1"


@dataclass(frozen=True, repr=False)
class PrognosticScore:
    """A prognostic score, frozen before the trial that it will be used in is opened. Made by `train_score`.

    Parameters
    ----------
    kind : str
        Of the endpoint.
    endpoint : str
        What reports call it.
    date : str
        When it was trained, UTC, ISO 8601; it is part of the hash.
    learner : str
        What was chosen, in words.
    predictor : LinearPredictor or BoostedTrees
    features : tuple of Feature
    subjects : int
        Patients it learned from.
    r_squared : float
        Squared correlation of prediction and outcome in nested cross-validation; zero where it is no use.
    training : str
        SHA-256 of the patients it learned from: names, covariates and outcomes.
    file_hash : str
        SHA-256 of the file they stood in.
    names, rows : tuple of str
        Hashes of the patients' names, and of their covariates and outcomes.
    alike : float
        Probability that two of them have the same row by chance.
    other_people : bool
        Patients of the same name in the trial are others.
    seed : int
    notes : tuple of str
        What the reader must know: covariates with gaps, those that did not vary.
    """

    kind: str
    endpoint: str
    date: str
    learner: str
    predictor: LinearPredictor | BoostedTrees
    features: tuple[Feature, ...]
    subjects: int
    r_squared: float
    training: str
    file_hash: str
    names: tuple[str, ...]
    rows: tuple[str, ...]
    alike: float
    other_people: bool
    seed: int
    notes: tuple[str, ...]

    @property
    def hash(self) -> str:
        """SHA-256 of all of it, the date too."""
        return content_hash(self)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Columns that it looks at."""
        return tuple(each.name for each in self.features)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the columns of `coded`."""
        return labels_of_features(self.features)

    def coded(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Covariates as numbers, gaps filled as in the history, shape (rows, len(labels))."""
        return coded(self.features, table)

    def predict(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """The score of each row, shape (rows,): the outcome to be expected on control; log odds of a yes or no outcome.

        Raises
        ------
        StudyError
            If the table lacks a column.
        """
        return self.predictor.predict(self.coded(table))

    def expected(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """The score on the outcome's scale: a probability of a yes or no outcome."""
        return natural(self.predict(table), self.kind == "binary")

    def write(self, path: str | Path) -> None:
        """Write the score as JSON with its hash.

        Raises
        ------
        StudyError
            If the file is there already: a frozen score is not written over.
        """
        path = Path(path)
        if path.exists():
            raise StudyError(
                "a score is there already",
                place=path.name,
                repair="give another name: a frozen score stays as it is",
            )
        data = {"format": FORMAT, "hash": self.hash, "score": encode(self)}
        path.write_text(
            json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )

    @classmethod
    def read(cls, path: str | Path) -> PrognosticScore:
        """The score of a file.

        Raises
        ------
        StudyError
            If it is none, or was changed after it was frozen.
        """
        data, place = _json(Path(path)), Path(path).name
        try:
            found = decode(cls, data["score"])
        except (UnderstudyError, KeyError, TypeError) as error:
            raise StudyError(
                f"the score cannot be read: {str(error).splitlines()[0]}",
                place=place,
                repair="train it again",
            ) from None
        if found.hash != data.get("hash"):
            raise StudyError(
                f"the score's hash is {found.hash[:12]}, the file says {str(data.get('hash'))[:12]}: "
                "it was changed after it was frozen",
                place=place,
                repair="take the file as it was written",
            )
        return found

    def __repr__(self) -> str:
        return (
            f"PrognosticScore of {self.endpoint}: {self.learner}, r² {self.r_squared:.3f} in nested cross-validation, "
            f"{self.subjects} patients, {len(self.features)} covariates, {self.date[:10]}, hash {self.hash[:12]}"
        )


def load_score(path: str | Path) -> PrognosticScore:
    """The score of a file that `PrognosticScore.write` wrote; an error if it was changed since.

    Raises
    ------
    StudyError
        If it is no score, or its hash does not match.
    """
    return PrognosticScore.read(path)


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or error
        raise StudyError(
            f"cannot read the score: {told}", place=path.name, repair="give a file of --train"
        ) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise StudyError(
            "this is no prognostic score", place=path.name, repair="give a file that --train wrote"
        )
    return data
