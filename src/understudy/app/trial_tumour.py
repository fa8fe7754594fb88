"""Trial tumour: what a table of lesions says, how well later sizes are forecast, and what size says of death."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.app.json_numbers import finite, finite_rows
from understudy.app.report_files import say_written, write_report
from understudy.app.terminal import console, print_json
from understudy.core.content import encode, file_hash
from understudy.trials.tumour import LesionRules, LesionStudy, read_lesions, study_lesions


def run(path: Path, reading: dict[str, Any], out: Path | None, as_json: bool, **options: Any) -> None:
    """Read, class, forecast and tie to survival where asked, write and print."""
    rules = LesionRules(too_small=reading["too_small"])
    columns = {name: reading[name] for name in ("patient", "day", "size")}
    lesions = read_lesions(path, rules=rules, **columns)
    asked = {**columns, "patient": list(columns["patient"])}
    found = study_lesions(lesions, inputs={path.name: file_hash(path)}, asked=asked, **options)
    write_report(found, path, out)
    print_json(_plain(found)) if as_json else _show(found, out)


def _plain(found: LesionStudy) -> dict[str, Any]:
    lesions = found.lesions
    told = {
        "patients": len(lesions.patients),
        "patient_days": len(lesions.table),
        "too_small": lesions.too_small,
        "left_out": lesions.missing,
        "resistance": lesions.resistance_counts(),
        "sentences": list(found.sentences),
        "notes": list(found.notes),
    }
    if found.forecasts:
        told["forecast"] = {
            "scores": finite_rows(found.forecasts.scores),
            "coverage": found.forecasts.coverage,
        }
    if found.survival:
        told["survival"] = {
            "estimates": finite_rows(found.survival.model.table().reset_index()),
            "two_stages": list(map(float, found.survival.model.two_stages.parameters.association)),
            "log_likelihood": found.survival.model.log_likelihood,
            "observed_hazard_ratio": list(found.survival.observed),
            "simulated_hazard_ratio": finite(encode(found.trial)),
        }
    return told | {"record": found.record.hash}


def _show(found: LesionStudy, out: Path | None) -> None:
    from rich.table import Table
    from rich.text import Text

    to = console()
    to.print(str(found.lesions))
    table = Table("course", "patients", box=None, pad_edge=False, header_style="bold")
    for name, count in found.lesions.resistance_counts().items():
        table.add_row(name, str(count))
    to.print()
    to.print(table)
    to.print()
    for sentence in (found.sentences[0], *found.sentences[2:]):
        to.print(Text(sentence))
    if found.forecasts:
        to.print(str(found.forecasts))
    for note in found.notes:
        to.print(Text(f"Note: {note}", style="yellow"))
    say_written(out)
