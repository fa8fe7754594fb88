"""Verification: every line of a ledger against the one before, and what was changed, moved or lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.core.content import content_hash, file_hash
from understudy.core.errors import StudyError
from understudy.trials.ledger.chain import KINDS, ORIGIN, Entry, entry_of, hash_of, lines_of

if TYPE_CHECKING:
    import pandas as pd

_REPAIR = "restore the ledger from a copy whose head is known"


@dataclass(frozen=True)
class Verification:
    """What a ledger holds, and what is wrong with it.

    Parameters
    ----------
    entries : tuple of Entry
        Of the lines that can be read.
    problems : tuple of StudyError
        Each names its line.
    changed : tuple of str
        Files of frozen predictions that are no longer what they were; what is in the ledger counts.
    """

    entries: tuple[Entry, ...]
    problems: tuple[StudyError, ...]
    changed: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def head(self) -> str:
        """Hash of the last line."""
        return self.entries[-1].hash if self.entries else ORIGIN

    def require(self) -> Verification:
        """This, if nothing is wrong.

        Raises
        ------
        StudyError
            With every problem.
        """
        if self.problems:
            raise StudyError.of(self.problems, "the ledger")
        return self

    def table(self) -> pd.DataFrame:
        """A row a prediction: what, unit, predicted, interval, when frozen, observed, hit, when scored.

        Raises
        ------
        StudyError
            If a line was tampered with.
        """
        import pandas as pd

        self.require()
        scores = {entry.id: entry for entry in self.entries if entry.kind == "score"}
        rows = [_row(entry, scores.get(entry.id)) for entry in self.entries if entry.kind == "prediction"]
        return (
            pd.DataFrame(rows).set_index("id") if rows else pd.DataFrame(columns=["what"]).rename_axis("id")
        )

    def __repr__(self) -> str:
        scores = [bool(entry.content.get("hit")) for entry in self.entries if entry.kind == "score"]
        frozen = sum(entry.kind == "prediction" for entry in self.entries)
        state = "whole" if self.whole else f"{len(self.problems)} problems"
        return f"Verification({state}: {frozen} frozen, {len(scores)} scored, {sum(scores)} hits)"


def _row(frozen: Entry, scored: Entry | None) -> dict:
    told = frozen.content["prediction"]
    found = scored.content if scored else {}
    low, high = told["interval"] or (None, None)
    return {
        "id": frozen.id,
        "what": told["what"],
        "unit": told["unit"],
        "predicted": told["value"],
        "lower": low,
        "upper": high,
        "frozen": frozen.at,
        "observed": found.get("observed"),
        "hit": found.get("hit"),
        "scored": scored.at if scored else None,
    }


def read_ledger(path: str | Path) -> tuple[Entry, ...]:
    """Entries of a ledger that is whole.

    Raises
    ------
    StudyError
        If it cannot be read, or a line was tampered with.
    """
    return verify(path).require().entries


def verify(path: str | Path, *, head: str = "", folder: str | Path | None = None) -> Verification:
    """Check every line of a ledger.

    A line that was changed, put in, taken out or moved breaks the chain, and is named. Lines cut off from the end, or a
    ledger written anew from some line on, show only against a `head` that was noted elsewhere.

    Parameters
    ----------
    path : path
    head : str
        Hash of a line, or its first digits (at least 12), as `freeze` or `score` told it.
    folder : path, optional
        Where the predictions' files are, to tell which have changed since.

    Raises
    ------
    StudyError
        If the ledger cannot be read, or the head is none.
    """
    path = Path(path)
    lines = lines_of(path)
    problems, entries = [], []
    if lines[-1]:
        problems.append(_problem(path, len(lines), "the last line has no end: it was cut off or added to"))
    for number, line in enumerate(lines if lines[-1] else lines[:-1], 1):
        try:
            entry = entry_of(line)
        except ValueError as error:
            problems.append(_problem(path, number, f"this is no entry: {error}"))
            continue
        problems += [_problem(path, number, cause) for cause in _faults(entry, entries, number, line)]
        entries.append(entry)
    problems += _missing_head(path, entries, head)
    return Verification(tuple(entries), tuple(problems), _changed(entries, folder))


def _problem(path: Path, number: int, cause: str) -> StudyError:
    return StudyError(cause, place=f"{path.name}, line {number}", repair=_REPAIR)


def _faults(entry: Entry, before: list[Entry], number: int, line: str) -> list[str]:
    found = []
    made = (entry.number, entry.kind, entry.id, entry.at, entry.content, entry.previous)
    if entry.hash != hash_of(*made) or line != entry.line:
        found.append("the line was changed after it was written: it does not match its hash")
    if entry.number != number:
        found.append(f"this was line {entry.number}: lines were moved, put in or taken out")
    if entry.previous != (before[-1].hash if before else ORIGIN):
        found.append("it does not follow the line before it: that was changed, or lines were moved")
    if before and entry.at < before[-1].at:
        found.append(f"it is dated {entry.at}, before the line above it")
    return found + _misplaced(entry, before)


def _misplaced(entry: Entry, before: list[Entry]) -> list[str]:
    """Entries that `freeze` and `score` would not have written there."""
    same = [each for each in before if each.id == entry.id]
    if entry.kind not in KINDS:
        return [f"there is no kind of entry {entry.kind!r}"]
    if entry.kind == "prediction":
        doubled = ["the id was taken"] if same else []
        whole = content_hash(entry.content.get("prediction")) == entry.content.get("sha256")
        return doubled if whole else [*doubled, "the frozen prediction does not match its hash"]
    if [each.kind for each in same] != ["prediction"]:
        return ["it scores a prediction that was not frozen, or was scored already"]
    return (
        [] if entry.content.get("frozen") == same[0].hash else ["it scores another prediction than it names"]
    )


def _missing_head(path: Path, entries: list[Entry], head: str) -> list[StudyError]:
    if not head:
        return []
    if len(head) < 12 or set(head.lower()) - set("0123456789abcdef"):
        raise StudyError(f"{head!r} is no head", place="head", repair="give 12 to 64 hexadecimal digits")
    if any(entry.hash.startswith(head.lower()) for entry in entries):
        return []
    cause = f"no line has the hash {head}: lines were cut off, or the ledger was written anew"
    return [_problem(path, len(entries), cause)]


def _changed(entries: list[Entry], folder: str | Path | None) -> tuple[str, ...]:
    if folder is None:
        return ()
    told: dict[str, str] = {}
    for entry in entries:
        if entry.kind == "prediction":
            own = entry.content.get("file")
            told |= entry.content.get("used", {}) | ({own["name"]: own["sha256"]} if own else {})
    paths = {name: Path(folder) / name for name in told}
    return tuple(n for n, p in paths.items() if p.is_file() and file_hash(p) != told[n])
