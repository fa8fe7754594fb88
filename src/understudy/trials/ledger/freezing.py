"""Freezing: a prediction is written into the ledger, with hashes of all it was made from, while its outcome is shut."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from understudy.core.content import content_hash, file_hash
from understudy.core.errors import StudyError, UnderstudyError
from understudy.core.nearest_file import nearest_file
from understudy.core.record import versions
from understudy.trials.ledger.chain import ORIGIN, Entry, append
from understudy.trials.ledger.prediction import Prediction, load_prediction
from understudy.trials.ledger.verification import read_ledger


def freeze(
    prediction: str | Path | Mapping[str, Any] | Prediction,
    ledger: str | Path,
    *,
    folder: str | Path | None = None,
) -> Entry:
    """Write a prediction into a ledger. No outcome is read.

    Parameters
    ----------
    prediction : path, mapping or Prediction
        A TOML file, or its keys.
    ledger : path
        A file of JSON lines, ``.jsonl``; made if there is none.
    folder : path, optional
        Where the files ``used`` are; that of the prediction's file, or the ledger's.

    Returns
    -------
    Entry
        The line that was added. Its hash is the head of the ledger: give it to somebody else, and nobody can rewrite
        what stands before it.

    Raises
    ------
    StudyError
        For a faulty prediction, a file that is missing, an id that is taken, or a ledger that was tampered with.

    Examples
    --------
    >>> import tempfile
    >>> from understudy.trials.ledger import score
    >>> folder = Path(tempfile.mkdtemp())
    >>> told = {
    ...     "id": "placebo", "what": "Placebo, week 24", "quantity": "mean change", "unit": "points",
    ...     "value": 2.0, "interval": [1.0, 3.0], "level": 0.9, "hit": {"rule": "interval"},
    ...     "outcome": {"statistic": "mean", "column": "change"},
    ... }
    >>> frozen = freeze(told, folder / "ledger.jsonl")
    >>> _ = (folder / "outcome.csv").write_text("change\\n2\\n3.5\\n")
    >>> score(folder / "outcome.csv", folder / "ledger.jsonl", id="placebo").content["hit"]
    True
    """
    ledger = Path(ledger)
    made = prediction if isinstance(prediction, Prediction) else load_prediction(prediction)
    is_file = isinstance(prediction, (str, Path))
    beside = Path(folder) if folder else Path(prediction).parent if is_file else ledger.parent
    content = _content(made, beside)
    if is_file:
        content["file"] = {"name": Path(prediction).name, "sha256": file_hash(prediction)}
    entries = read_ledger(ledger) if ledger.exists() else ()
    id = made.id or content["sha256"][:12]
    taken = next((entry for entry in entries if entry.id == id), None)
    if taken:
        raise StudyError(
            f"a prediction {id!r} was frozen on {taken.at}",
            place=f"{ledger.name}, line {taken.number}",
            repair="a frozen prediction is not replaced: give another id",
        )
    entry = Entry.after(entries, "prediction", id, content)
    append(ledger, entry, entries[-1].hash if entries else ORIGIN)
    return entry


def _content(made: Prediction, folder: Path) -> dict[str, Any]:
    plain = made.model_dump(mode="json")
    waiting = made.outcome.file
    return {
        "prediction": plain,
        "sha256": content_hash(plain),
        "used": {name: _hashed(folder / name) for name in made.used},
        "versions": versions(),
        "code": code_hash(),
        # It is looked for, never opened: whether anybody else had read it no ledger can tell.
        "outcome_existed": (folder / waiting).exists() if waiting else None,
    }


def _hashed(path: Path) -> str:
    try:
        return file_hash(path)
    except UnderstudyError as error:
        raise StudyError(error.cause, place=f"used: {path.name}", repair=nearest_file(path)) from None


@lru_cache(maxsize=1)
def code_hash() -> str:
    """SHA-256 of this package's source files and their names, in order."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0{file_hash(path)}\n".encode())
    return digest.hexdigest()
