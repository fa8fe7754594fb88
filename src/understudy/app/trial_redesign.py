"""Trial redesign: criteria and their combinations on the terminal, and in files."""

from __future__ import annotations

from pathlib import Path

from understudy.app.json_numbers import finite_rows
from understudy.app.report_files import say_written, write_report
from understudy.app.terminal import console, print_json
from understudy.app.terminal_table import table_of
from understudy.trials import Redesign, load_trial, redesign

_MOST_ROWS = 16


def run(
    path: Path, second: Path | None, arm: str | None, resamples: int, out: Path | None, as_json: bool
) -> None:
    """Redesign, write and print."""
    other = load_trial(second) if second else None
    found = redesign(load_trial(path), second=other, arm=arm, resamples=resamples)
    write_report(found, path, out)
    if as_json:
        print_json(
            {
                "measure": found.measure,
                "combinations": finite_rows(found.combinations),
                "contributions": finite_rows(found.contributions),
                "optimism": found.optimism,
                "tested": found.tested,
                "notes": list(found.notes),
                "record": found.record.hash,
            }
        )
    else:
        _show(found, out)


def _show(found: Redesign, out: Path | None) -> None:
    from rich.text import Text

    from understudy.dossier.redesign_report import summary

    to = console()
    to.print(Text(found.trial.protocol.title, style="bold"))
    for sentence in summary(found):
        to.print(sentence, markup=False)
    given = found.contributions.set_index("criterion")
    shown = given.assign(
        interval=[f"{low:.3g} to {high:.3g}" for low, high in zip(given["low"], given["high"], strict=True)],
        **{name: given[name].map("{:.3g}".format) for name in ("effect", "p", "p_adjusted")},
        share=given["share"].map("{:+.0%}".format),
    )
    columns = {"effect": found.measure, "p_adjusted": "p, adjusted", "share": "pool"}
    to.print()
    to.print(
        table_of(
            shown[["effect", "interval", "p", "p_adjusted", "share"]].rename(columns=columns),
            "What each contributes",
        )
    )
    rows = found.combinations.head(_MOST_ROWS).set_index("criteria")
    cells = rows[["subjects", "events"]].assign(
        effect=[
            f"{e:.3g} ({a:.3g} to {b:.3g})"
            for e, a, b in zip(rows["effect"], rows["low"], rows["high"], strict=True)
        ],
        needed=rows["subjects_needed"].map("{:,.0f}".format),
    )
    to.print()
    to.print(
        table_of(
            cells.rename(columns={"effect": found.measure, "needed": "needed for 80 % power"}), "Combinations"
        )
    )
    if len(found.combinations) > _MOST_ROWS:
        to.print(Text(f"{_MOST_ROWS} of {len(found.combinations)} combinations; --out has all", style="dim"))
    for told in found.notes:
        to.print(Text(f"Note: {told}", style="yellow"))
    say_written(out)
