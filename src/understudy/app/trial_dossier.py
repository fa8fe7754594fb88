"""Trial dossier: every part of a trial, told on the terminal and written as one report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.app.report_files import say_written
from understudy.app.terminal import console, print_json

if TYPE_CHECKING:
    from understudy.dossier.joint_dossier import TrialDossier


def run(path: Path, out: Path, as_json: bool, **options: Any) -> None:
    """Make, write and print."""
    from understudy.dossier.joint_dossier import trial_dossier
    from understudy.dossier.study_problems import require_own_folder

    require_own_folder(path.parent, out, f"--out {out}")
    said = None if as_json else lambda title: console().print(f"{title} …", style="dim", markup=False)
    found = trial_dossier(path, done=said, **options)
    found.write(out)
    print_json(_plain(found)) if as_json else _show(found, out)


def _plain(found: TrialDossier) -> dict[str, Any]:
    return {
        "title": found.trial.protocol.title,
        "answers": {each.part: list(each.summary) for each in found.chapters},
        "left_out": found.left_out,
        "record": found.record.hash,
    }


def _show(found: TrialDossier, out: Path) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(found.trial.protocol.title, style="bold"))
    for each in found.chapters:
        to.print()
        to.print(Text(each.title, style="bold"))
        for sentence in each.summary:
            to.print(sentence, markup=False)
    if found.left_out:
        to.print()
    for note in found.notes:
        to.print(Text(f"Not made: {note}", style="yellow"))
    say_written(out)
