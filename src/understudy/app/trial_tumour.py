"""Trial tumour: what a table of lesions says, and how well later sizes are forecast from first ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from understudy.app.terminal import console, print_json

if TYPE_CHECKING:
    from understudy.trials.tumour.forecast import LesionForecasts
    from understudy.trials.tumour.lesions import Lesions


def run(
    path: Path, patient: list[str], day: str, size: str, too_small: float, forecast: bool, as_json: bool
) -> None:
    """Read, class, forecast where asked, print."""
    from understudy.trials.tumour import LesionRules, forecast_lesions, read_lesions

    lesions = read_lesions(path, patient=patient, day=day, size=size, rules=LesionRules(too_small=too_small))
    found = forecast_lesions(lesions) if forecast else None
    if as_json:
        print_json(_plain(lesions, found))
    else:
        _show(lesions, found)


def _plain(lesions: Lesions, found: LesionForecasts | None) -> dict:
    told = {
        "patients": len(lesions.patients),
        "patient_days": len(lesions.table),
        "too_small": lesions.too_small,
        "left_out": lesions.missing,
        "resistance": lesions.resistance_counts(),
    }
    if found is not None:
        told["forecast"] = {"scores": found.scores.to_dict("records"), "coverage": found.coverage}
    return told


def _show(lesions: Lesions, found: LesionForecasts | None) -> None:
    from rich.table import Table

    to = console()
    to.print(str(lesions))
    table = Table("course", "patients", box=None, pad_edge=False, header_style="bold")
    for name, count in lesions.resistance_counts().items():
        table.add_row(name, str(count))
    to.print()
    to.print(table)
    if found is not None:
        to.print()
        to.print(str(found))
        for method in ("twin", "blend"):
            to.print(found.sentence(method))
