"""Trial twins: a prognostic score trained, or a trial adjusted for one, on the terminal and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.app.json_numbers import finite, finite_rows
from understudy.app.report_files import say_written, write_report
from understudy.app.terminal import console, print_json
from understudy.app.terminal_table import table_of
from understudy.core.errors import StudyError
from understudy.trials import (
    PrognosticScore,
    PrognosticTwins,
    Protocol,
    load_history,
    load_score,
    load_trial,
    prognostic_twins,
    train_score,
)


def run(path: Path, train: bool, score: Path | None, out: Path | None, as_json: bool) -> None:
    """Train a score, or use one."""
    if train == (score is not None):
        raise StudyError(
            "a score is either trained or used",
            place="trial twins",
            repair="first --train --out score.json; then, once the trial is over, --score score.json",
        )
    if train:
        _train(path, out, as_json)
    else:
        _analyse(path, score, out, as_json)


def _train(path: Path, out: Path | None, as_json: bool) -> None:
    if out is None:
        raise StudyError("the score needs a file", place="--train", repair="say where to: --out score.json")
    if out.exists():
        raise StudyError(
            "a score is there already",
            place=str(out),
            repair="give another name: a frozen score stays as it is",
        )
    history = load_history(path)
    found = train_score(history)
    found.write(out)
    opened = _outcome_there(path, history.protocol)
    if as_json:
        print_json(_plain_score(found) | {"trial_outcome_existed": opened is not None})
    else:
        _show_score(found, out, opened)


def _outcome_there(path: Path, protocol: Protocol) -> str | None:
    """The trial's table of outcomes, where it is there already; it is looked for, never opened."""
    name = protocol.endpoint.file or protocol.subjects.file
    return name if (path.parent / name).exists() else None


def _plain_score(found: PrognosticScore) -> dict[str, Any]:
    names = ("kind", "endpoint", "date", "learner", "subjects", "r_squared", "training", "hash")
    return {name: getattr(found, name) for name in names} | {
        "covariates": list(found.covariates),
        "notes": list(found.notes),
    }


def _show_score(found: PrognosticScore, out: Path, opened: str | None) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(f"Prognostic score of {found.endpoint}", style="bold"))
    to.print(
        f"{found.learner}, from {found.subjects} patients and {len(found.covariates)} covariates",
        markup=False,
    )
    to.print(
        f"r² {found.r_squared:.3f} in nested cross-validation: if that holds, a trial of equal arms needs "
        f"{100 * (1 - found.r_squared):.0f} % of the patients",
        soft_wrap=True,
    )
    to.print(
        f"Frozen {found.date}. Register its hash in [history] before the trial is opened:",
        markup=False,
        soft_wrap=True,
    )
    to.print(f'score = "{found.hash}"', markup=False, soft_wrap=True)
    there = (f"{opened} is there already: that nobody had read it no score can tell",) if opened else ()
    for told in (*found.notes, *there):
        to.print(Text(f"Note: {told}", style="yellow"))
    to.print(f"Written: {out}", markup=False, soft_wrap=True)


def _analyse(path: Path, score: Path, out: Path | None, as_json: bool) -> None:
    found = prognostic_twins(load_trial(path), load_score(score))
    write_report(found, path, out)
    print_json(_plain(found)) if as_json else _show(found, out)


def _plain(found: PrognosticTwins) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "title": found.trial.protocol.title,
        "score": _plain_score(found.score),
        "effects": [finite(asdict(each)) for each in found.primary],
        "comparison": finite_rows(found.comparison),
        "r_squared": found.r_squared,
        "r_squared_interval": list(found.r_squared_interval),
        "gain": found.gain,
        "verdicts": list(found.verdicts),
        "sizes": finite_rows(found.size_table),
        "notes": list(found.notes),
        "record": found.record.hash,
    }


def _show(found: PrognosticTwins, out: Path | None) -> None:
    from rich.text import Text

    from understudy.dossier.twins_report import comparison_texts, summary

    to = console()
    to.print(Text(found.trial.protocol.title, style="bold"))
    score = found.score
    to.print(Text(f"Score of {score.date[:10]}, hash {score.hash[:12]}: {score.learner}", style="dim"))
    for sentence in summary(found):
        to.print(sentence, markup=False)
    to.print()
    first = found.primary[0]
    to.print(
        table_of(
            comparison_texts(found), f"{first.arm} against {first.against}, {first.measure}, adjusted for"
        )
    )
    for told in found.notes:
        to.print(Text(f"Note: {told}", style="yellow"))
    say_written(out)
