"""Strangers: a score may not have learned from the trial's own patients, and these may not be made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.prognosis.history import covariate_table, row_hashes, subject_hashes
from understudy.trials.prognosis.score import PrognosticScore
from understudy.trials.prognosis.target import measured_of
from understudy.trials.synthetic.mark import refuse_synthetic

if TYPE_CHECKING:
    from understudy.trials.trial import Trial

# Standard deviations by which rows that are alike must exceed what chance would make alike.
_FAR = 5.0


def require_strangers(trial: Trial, score: PrognosticScore) -> tuple[str, ...]:
    """Refuse a score that knows the trial's patients; what to say of the others.

    Raises
    ------
    StudyError
        If subjects are synthetic, the score is not the registered one or of another kind of endpoint, or subjects of
        the trial were in its training: by name, or by more identical rows than chance explains.
    """
    place = trial.protocol.subjects.file
    refuse_synthetic(trial.subjects, place, "subjects of the trial")
    _require_registered(trial, score)
    shared = _same_names(trial, score)
    if shared:
        raise StudyError(
            f"{shared} subjects of the trial are among the {score.subjects} patients that the score learned from: it "
            "has seen their outcomes, and would bias the effect",
            place=place,
            repair="train on patients before the trial; if names only look alike, say history.other_people = true",
        )
    return _alike(trial, score)


def unregistered(trial: Trial) -> tuple[str, ...]:
    """What to say where the protocol registers no score."""
    history = trial.protocol.history
    if history and history.score:
        return ()
    return (
        "no score is registered in [history]: nothing shows that this one was frozen before the outcome was opened",
    )


def _require_registered(trial: Trial, score: PrognosticScore) -> None:
    history, kind = trial.protocol.history, trial.protocol.endpoint.kind
    if score.kind != kind:
        raise StudyError(
            f"the score is of a {score.kind} endpoint, the trial's is {kind}",
            place="endpoint.kind",
            repair="train one for this endpoint",
        )
    asked = history.score if history else None
    if asked and score.hash != asked:
        raise StudyError(
            f"the score's hash is {score.hash[:12]}…, registered is {asked[:12]}…",
            place="history.score",
            repair="take the score that was registered before the trial was opened, the hash in full",
        )


def _same_names(trial: Trial, score: PrognosticScore) -> int:
    section = trial.protocol.subjects
    if score.other_people:
        return 0
    own = subject_hashes(trial.subjects, section.id, (trial.inputs or {}).get(_file_name(section.file), ""))
    return len(set(own) & set(score.names))


def _file_name(path: str) -> str:
    from pathlib import Path

    return Path(path).name


def _alike(trial: Trial, score: PrognosticScore) -> tuple[str, ...]:
    """Rows that are like a training patient: no more than chance has them, from pairs of training patients."""
    endpoint = trial.protocol.endpoint
    table = covariate_table(trial.protocol, trial.subjects, trial.outcome)
    measured = measured_of(endpoint.kind, trial.outcome, endpoint.at)
    mine = np.array(row_hashes(table.loc[measured.index], measured))
    found, chance = int(np.isin(mine, np.array(score.rows)).sum()), len(mine) * score.subjects * score.alike
    if found > chance + _FAR * np.sqrt(chance):
        raise StudyError(
            f"{found} of {len(mine)} rows of the trial have the covariates and outcome of a patient that the score "
            f"learned from, where chance explains about {chance:.2g}",
            place=trial.protocol.subjects.file,
            repair="train on patients before the trial: these are the same people under other names",
        )
    return (
        (f"{found} rows of the trial look like a patient of the history, as chance has it",) if found else ()
    )
