"""Trial responders: who benefits more than others, on the terminal and in files."""

from __future__ import annotations

from pathlib import Path

from understudy.app.terminal import console, print_json
from understudy.app.trial_check import table_of
from understudy.app.trial_files import say_written, write_report
from understudy.app.trial_numbers import finite_rows
from understudy.trials import Responders, load_trial, responders

_MOST_RULES = 5


def run(path: Path, arm: str | None, copies: int, level: float, out: Path | None, as_json: bool) -> None:
    """Seek, write and print."""
    found = responders(load_trial(path), arm=arm, copies=copies, level=level)
    write_report(found, path, out)
    if as_json:
        tables = {
            name: finite_rows(getattr(found, name)) for name in ("groups", "rules", "coefficients", "policy")
        }
        print_json(
            {
                "found": found.found,
                "sentences": list(found.sentences),
                "p_score": found.p_score,
                "p_rule": found.p_rule,
                "slope": found.slope,
                **tables,
                "notes": list(found.notes),
                "record": found.record.hash,
            }
        )
    else:
        _show(found, out)


def _show(found: Responders, out: Path | None) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(found.trial.protocol.title, style="bold"))
    for k, sentence in enumerate(found.sentences):
        to.print(Text(sentence, style="bold" if k == 0 else ""))
    groups = found.groups.assign(
        interval=[
            f"{low:.3g} to {high:.3g}"
            for low, high in zip(found.groups["low"], found.groups["high"], strict=True)
        ],
        **{name: found.groups[name].map("{:.3g}".format) for name in ("foretold", "seen")},
    ).set_index("group")
    to.print()
    to.print(
        table_of(
            groups[["subjects", "foretold", "seen", "interval"]], f"Quarters of the score: {found.measure}"
        )
    )
    rules = found.rules.head(_MOST_RULES).set_index("rule")
    shown = rules.assign(
        **{name: rules[name].map("{:.3g}".format) for name in ("inside", "outside", "z", "p")}
    )
    to.print()
    to.print(
        table_of(shown[["subjects", "inside", "outside", "z", "p"]], "Best rules, p adjusted for all rules")
    )
    for told in found.notes:
        to.print(Text(f"Note: {told}", style="yellow"))
    say_written(out)
