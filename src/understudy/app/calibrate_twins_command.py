"""Calibrate-twins command: `understudy rwe calibrate-twins contrasts.csv`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from understudy.app.options import Json, argument, option

if TYPE_CHECKING:
    import pandas as pd

    from understudy.causal.twins import CalibratedTwins

_SHOWN = 20


def calibrate_twins(
    contrasts: Annotated[
        Path, argument("Contrasts, a CSV with columns name, estimate, standard_error, null.", "CONTRASTS")
    ],
    measure: Annotated[
        str, option(help="What they are: 'log ratio', or 'difference' in a unit.", metavar="NAME")
    ] = "log ratio",
    threshold: Annotated[
        float | None,
        option(help="Expected systematic error that hides effects; 0.25 for log ratios.", metavar="X"),
    ] = None,
    level: Annotated[float, option(help="Of the intervals.", metavar="P", min=0.5, max=0.999)] = 0.95,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="Folder for the report, tables, charts and record.", metavar="DIR"),
    ] = None,
    json: Json = False,
) -> None:
    """Widen the intervals of twins by the errors they make on contrasts known to be null."""
    from understudy.app.terminal import print_json
    from understudy.causal.twins import Contrasts, calibrate_twins
    from understudy.core.content import file_hash
    from understudy.dossier.calibrated_twins_report import chapter
    from understudy.dossier.study_problems import require_own_folder

    read = Contrasts.read_csv(contrasts, measure)  # type: ignore[arg-type]
    found = calibrate_twins(
        read, threshold=threshold, level=level, inputs={contrasts.name: file_hash(contrasts)}
    )
    if out is not None:
        require_own_folder(contrasts.parent, out, f"--out {out}")
        chapter(found).write(out)
    print_json(_plain(found)) if json else _show(found, out)


def _plain(found: CalibratedTwins) -> dict[str, Any]:
    from understudy.app.json_numbers import finite_rows

    return {
        "measure": found.measure,
        "systematic_error": {
            "mean": found.null.mean, "sd": found.null.sd, "expected_absolute": found.ease,
            "threshold": found.threshold,
        },
        "blinded": found.blinded,
        "null_contrasts_covered": found.check,
        "effects": None if found.blinded else finite_rows(found.table()),
        "null_contrasts": finite_rows(found.controls),
        "notes": list(found.notes),
        "record": found.record.hash,
    }  # fmt: skip


def _show(found: CalibratedTwins, out: Path | None) -> None:
    from rich.text import Text

    from understudy.app.report_files import say_written
    from understudy.app.terminal import console

    to = console()
    for sentence in found.sentences:
        to.print(Text(sentence))
    if not found.blinded and found.count:
        to.print()
        to.print(_rows(found.table(), found.level))
        if found.count > _SHOWN:
            to.print(Text(f"… and {found.count - _SHOWN} more (--json, --out)", style="dim"))
    for note in found.notes:
        to.print(Text(f"Note: {note}", style="yellow"))
    say_written(out)


def _rows(table: pd.DataFrame, level: float) -> Any:
    from rich.table import Table

    percent = f"{100 * level:g} %"
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("effect")
    for name in ("twins", percent, "calibrated", percent, "p"):
        shown.add_column(name, justify="right")
    for _, row in table.head(_SHOWN).iterrows():
        cells = [str(row["name"])]
        for head in ("", "calibrated_"):
            cells.append(f"{row[f'{head}estimate']:.3f}")
            cells.append(f"{row[f'{head}low']:.3f} to {row[f'{head}high']:.3f}")
        p = row["calibrated_p"]
        shown.add_row(*cells, "< 0.001" if p < 0.001 else f"{p:.3f}")
    return shown
