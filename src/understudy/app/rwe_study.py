"""Real-world study: its answers on the terminal, and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.app.json_numbers import finite_rows
from understudy.app.progress import shown_progress
from understudy.app.report_files import say_written
from understudy.app.terminal import console, print_json
from understudy.app.terminal_table import table_of
from understudy.causal.study.answer import Answer
from understudy.causal.study.controls import ControlEstimates
from understudy.causal.study.result import StudyResult, told
from understudy.causal.study.run import run_study
from understudy.causal.study.site_files import file_name, site_files
from understudy.causal.study.study import load_study
from understudy.plot.label import sentence_case


def run(path: Path, cdm: Path | None, out: Path | None, jobs: int, as_json: bool) -> None:
    """Run the study, write and print."""
    study = load_study(path)
    with shown_progress(quiet=as_json) as tell:
        found = run_study(study, cdm, lambda stage: tell(stage, 0.0), jobs=jobs)
    write(found, path, out)
    print_json(_plain(found)) if as_json else _show(found, out)


def write(found: StudyResult, path: Path, out: Path | None) -> None:
    """The report and, for a synthesis over sites, the likelihood profiles that may leave; nothing without a folder.

    Raises
    ------
    StudyError
        If `out` is a file, or holds the study.
    """
    if out is None:
        return
    from understudy.dossier.rwe_report import chapter
    from understudy.dossier.study_problems import require_own_folder

    require_own_folder(path.parent, out, f"--out {out}")
    _remove_hidden(found, out)
    chapter(found).write(out)
    for name, sent in site_files(found).items():
        target = out / "site" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        sent.write(target)


def _remove_hidden(found: StudyResult, out: Path) -> None:
    """What an earlier run in the same folder could show, and this one may not."""
    if all(each.hidden for each in found.answers):
        (out / "charts" / "effects.svg").unlink(missing_ok=True)
    for answer in found.answers:
        if not answer.diagnostics.may_leave_site:
            (out / "site" / file_name(found, answer)).unlink(missing_ok=True)


def _plain(found: StudyResult) -> dict[str, Any]:
    return {
        "title": found.study.title,
        "question": found.study.file.question,
        "answers": list(found.sentences),
        "results": finite_rows(found.table()),
        "diagnostics": finite_rows(found.diagnostics()),
        "attrition": finite_rows(found.attrition()),
        "follow_up": finite_rows(found.follow_up()),
        "negative_controls": [_controls(name, each) for name, each in found.controls.items() if each],
        "notes": list(found.notes),
        "doubts": list(found.doubts),
        "study_hash": found.study.hash,
        "record": found.record.hash,
    }


def _controls(analysis: str, found: ControlEstimates) -> dict[str, Any]:
    null = found.null
    return {
        "analysis": analysis,
        "controls": len(found.controls),
        "left_out": len(found.controls.dropped),
        "null_mean": null.mean if null else None,
        "null_sd": null.sd if null else None,
        "expected_absolute_systematic_error": found.ease if null else None,
    }


def _show(found: StudyResult, out: Path | None) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(found.study.title, style="bold"))
    to.print(Text(found.study.file.question, style="dim"))
    for name, people in found.material.outcomes.items():
        to.print()
        frame = people.attrition.table().set_index("rule").rename_axis("")
        to.print(table_of(frame, f"Persons left after each rule, outcome: {name}"))
    for answer in found.answers:
        to.print()
        to.print(table_of(_diagnostics(answer), sentence_case(found.name_of(answer))))
        for each in answer.diagnostics.items:
            if each.waived:
                to.print(Text(f"{sentence_case(each.name)} is waived: {each.waived}.", style="dim"))
        answered = "The estimate is hidden." if answer.hidden else f"{sentence_case(told(answer))}."
        to.print(Text(answered, style="bold red" if answer.hidden else "bold green"))
    for each in found.notes:
        to.print(Text(f"Note: {each}", style="yellow"))
    if count := len(found.doubts):
        told_of = f"{count} doubt{'s' if count > 1 else ''} about the records: see `understudy rwe check`"
        to.print(Text(f"Note: {told_of}", style="yellow"))
    say_written(out)


def _diagnostics(answer: Answer) -> Any:
    import pandas as pd

    rows = [
        {
            "": each.measure,
            "value": "" if each.value != each.value else f"{each.value:.3g}",
            "must be": f"{each.side} {each.threshold:g}",
            "verdict": "waived" if each.waived else each.verdict.upper() if each.hides else each.verdict,
        }
        for each in answer.diagnostics.items
    ]
    return pd.DataFrame(rows).set_index("")
