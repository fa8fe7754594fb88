"""Trial replay: the primary analysis on the terminal, and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.app.json_numbers import finite, finite_rows
from understudy.app.report_files import say_written, write_report
from understudy.app.terminal import console, print_json
from understudy.app.terminal_table import table_of
from understudy.plot.label import sentence_case
from understudy.trials import load_trial
from understudy.trials.claims import Claims
from understudy.trials.effect import Effect
from understudy.trials.replay import Replay, replay


def run(path: Path, out: Path | None, as_json: bool) -> int:
    """Replay, write and print.

    Returns
    -------
    int
        Exit code: 1 where published numbers are not found again.
    """
    found = replay(load_trial(path))
    write_report(found, path, out)
    print_json(_plain(found)) if as_json else _show(found, out)
    return 1 if found.departures else 0


def _plain(found: Replay) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "title": found.trial.protocol.title,
        "estimand": list(found.estimand),
        "method": found.primary.method,
        "effects": [finite(asdict(each)) for each in found.effects],
        "secondary": [
            {
                "endpoint": each.name,
                "estimand": list(each.estimand),
                "method": each.analysed.method,
                "effects": [finite(asdict(effect)) for effect in each.analysed.effects],
            }
            for each in found.secondary
        ],
        "claims": _claims(found.claims) if found.claims else None,
        "published": [asdict(each) for each in found.comparisons],
        "agrees": found.agrees,
        "notes": list(found.notes),
        "remarks": list(found.remarks),
        "made_by": list(found.makers),
        "record": found.record.hash,
    }


def _claims(found: Claims) -> dict[str, Any]:
    return {
        "procedure": found.procedure,
        "alpha": found.alpha,
        "one_sided": found.one_sided,
        "sentence": found.sentence,
        "hypotheses": finite_rows(found.table()),
    }


def _show(found: Replay, out: Path | None) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(found.trial.protocol.title, style="bold"))
    for sentence in found.estimand:
        to.print(Text(sentence, style="dim"))
    to.print()
    to.print(table_of(_effects(found.effects), f"By {found.primary.told}"))
    for answer in found.secondary:
        to.print()
        title = f"{sentence_case(answer.name)}, by {answer.analysed.told}"
        to.print(table_of(_effects(answer.analysed.effects), title))
    if found.claims:
        to.print()
        to.print(table_of(_hypotheses(found.claims), "Hypotheses, tested together"))
        to.print(Text(found.claims.sentence, style="bold"))
    for each in found.comparisons:
        style, word = ("green", "agrees") if each.agrees else ("bold red", "DEPARTS")
        place = f"{each.endpoint}, {each.arm}" if found.secondary else each.arm
        to.print(
            Text(
                f"{word}: {each.what} of {place}, published {each.published:g}, here {each.ours:.5g}",
                style,
            )
        )
    for told in found.remarks:
        to.print(Text(sentence_case(told)))
    for told in found.notes:
        to.print(Text(f"Warning: {told}", style="yellow"))
    for made in found.makers:
        to.print(Text(f"Made by: {made}", style="dim"))
    say_written(out)


def _hypotheses(found: Claims) -> Any:
    import pandas as pd

    rows = [
        {
            "share of alpha": "" if each.weight != each.weight else f"{each.weight:.3g}",
            "p": f"{each.p_value:.3g}",
            "adjusted p": f"{each.adjusted:.3g}",
            "": each.verdict,
        }
        for each in found.items
    ]
    return pd.DataFrame(rows, index=[each.name for each in found.items])


def _effects(effects: tuple[Effect, ...]) -> Any:
    import pandas as pd

    rows = [
        {
            "measure": each.measure,
            "estimate": f"{each.value:.4g}",
            f"{100 * each.level:g} % interval": _known(each.low, f"{each.low:.4g} to {each.high:.4g}"),
            "SE": _known(each.standard_error, f"{each.standard_error:.4g}"),
            "p": _known(each.p_value, f"{each.p_value:.3g}"),
            "subjects": str(each.subjects),
            "events": "" if each.events is None else str(each.events),
        }
        for each in effects
    ]
    frame = pd.DataFrame(rows, index=[f"{each.arm} against {each.against}" for each in effects])
    return frame if effects[0].events is not None else frame.drop(columns="events")


def _known(number: float, text: str) -> str:
    """The text, or a dash where the number is none."""
    return text if number == number else "–"
