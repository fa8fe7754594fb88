"""Ledger question: which of its two kinds `understudy predict` was asked for, and what is missing or too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.core.errors import StudyError

_WHOLE = {
    "--freeze": "understudy predict --freeze prediction.toml --ledger ledger.jsonl",
    "--score": "understudy predict --score outcome.csv --ledger ledger.jsonl",
    "--verify": "understudy predict --verify --ledger ledger.jsonl",
}


@dataclass(frozen=True)
class LedgerQuestion:
    """What was asked of a ledger: the options of `understudy predict`."""

    freeze: Path | None
    score: Path | None
    verify: bool
    ledger: Path | None
    id: str
    head: str

    @property
    def given(self) -> dict[str, Any]:
        """Options on a ledger that were given, by their names."""
        named = {
            "--freeze": self.freeze,
            "--score": self.score,
            "--verify": self.verify,
            "--ledger": self.ledger,
            "--id": self.id,
            "--head": self.head,
        }
        return {name: value for name, value in named.items() if value}

    def require_one_kind(self, others: Mapping[str, Any]) -> None:
        """The options must be of one kind, and whole.

        Raises
        ------
        StudyError
            If options on a surrogate and on a ledger were mixed, several verbs given, or one left out.
        """
        of_surrogate = [name for name, value in others.items() if value]
        if not self.given and "SURROGATE" not in of_surrogate:
            raise StudyError(
                "nothing to predict with",
                place=of_surrogate[0] if of_surrogate else "understudy predict",
                repair=f"name a surrogate's file; or, to keep a prediction: {_WHOLE['--freeze']}",
            )
        if self.given and of_surrogate:
            raise StudyError(
                f"{of_surrogate[0]} asks a surrogate, {next(iter(self.given))} keeps a ledger",
                place="understudy predict",
                repair="give two commands: one predicts by a surrogate, the other freezes or scores",
            )
        if self.given:
            self._require_whole()

    def _require_whole(self) -> None:
        verbs = [name for name in _WHOLE if name in self.given]
        if len(verbs) != 1:
            raise StudyError(
                f"{' and '.join(verbs)} at once" if verbs else f"{next(iter(self.given))} of what?",
                place="understudy predict",
                repair=f"give one of {', '.join(_WHOLE)}",
            )
        if not self.ledger:
            raise StudyError("no ledger is named", place=verbs[0], repair=_WHOLE[verbs[0]])
        for name, verb in (("--id", "--score"), ("--head", "--verify")):
            if name in self.given and verb not in verbs:
                raise StudyError(f"{name} belongs to {verb}", place=verbs[0], repair=f"leave {name} out")
