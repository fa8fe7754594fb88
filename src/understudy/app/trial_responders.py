"""Trial responders: who benefits more than others, on the terminal and in files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.app.json_numbers import finite_rows
from understudy.app.report_files import say_written, write_report
from understudy.app.terminal import console, print_json
from understudy.app.terminal_table import table_of
from understudy.dossier.number import figures
from understudy.trials import Responders, load_trial, responders

if TYPE_CHECKING:
    import pandas as pd

_MOST_RULES = 5


def run(path: Path, out: Path | None, as_json: bool, **options) -> None:
    """Seek, write and print."""
    found = responders(load_trial(path), **options)
    write_report(found, path, out)
    if as_json:
        print_json(_plain(found))
    else:
        _show(found)
        say_written(out)


def _plain(found: Responders) -> dict:
    kept = {name: finite_rows(table) for name, table in found.tables().items() if name != "scores"}
    return {
        "found": found.found,
        "sentences": list(found.sentences),
        "p": found.p,
        "p_score": found.p_score,
        "p_rule": found.p_rule,
        **kept,
        "notes": list(found.notes),
        "record": found.record.hash,
    }


def _show(found: Responders) -> None:
    from rich.text import Text

    to = console()
    to.print(Text(found.trial.protocol.title, style="bold"))
    for k, sentence in enumerate(found.sentences):
        to.print(Text(sentence, style="bold" if k == 0 else ""))
    for table, title in _tables(found):
        if len(table):
            to.print()
            to.print(table_of(table, title))
    for told in found.notes:
        to.print(Text(f"Note: {told}", style="yellow"))


def _tables(found: Responders) -> list[tuple[pd.DataFrame, str]]:
    """Tables of text with their titles."""
    import pandas as pd

    score, groups, policy, rules = (
        found.calibration,
        found.groups,
        found.policy,
        found.rules.head(_MOST_RULES),
    )
    return [
        (
            pd.DataFrame({"value": _number(score["value"]), "95 % interval": _limits(score), "p": _number(score["p"])})
            .set_axis(score["measure"]), "The score",
        ),
        (
            pd.DataFrame({"subjects": groups["subjects"], "foretold": _number(groups["foretold"]),
                          "seen": _number(groups["seen"]), "95 % interval": _limits(groups)})
            .set_axis(groups["group"]), f"Quarters of the score: {found.measure}, higher is better",
        ),
        (
            pd.DataFrame({"treated": policy["treated"].map("{:.0%}".format), "value": _number(policy["value"]),
                          "over nobody": _gain(policy, "over_nobody"), "95 % interval": _limits(policy, "over_nobody_"),
                          "over all": _gain(policy, "over_all"), "95 % interval ": _limits(policy, "over_all_")})
            .set_axis(policy["policy"]), "Whom to treat",
        ),
        (
            pd.DataFrame({"subjects": rules["subjects"], "inside": _number(rules["inside"]),
                          "outside": _number(rules["outside"]), "z": _number(rules["z"]), "p": _number(rules["p"]),
                          "FDR": rules["fdr"].map(partial(figures, digits=2))}).set_axis(rules["rule"]),
            "Best rules, p adjusted for all rules",
        ),
        (
            pd.DataFrame({"subjects": found.held_out["subjects"], "effect": _number(found.held_out["effect"]),
                          "95 % interval": _limits(found.held_out)}).set_axis(found.held_out["where"]),
            "Rules chosen in other folds",
        ),
    ]  # fmt: skip


def _number(values: pd.Series) -> pd.Series:
    return values.map(figures)


def _gain(policy: pd.DataFrame, against: str) -> list[str]:
    """Gains; of a policy over itself there is none to tell."""
    pairs = zip(policy[against], policy[f"{against}_low"], policy[f"{against}_high"], strict=True)
    return ["" if low == high else figures(value) for value, low, high in pairs]


def _limits(table: pd.DataFrame, before: str = "") -> list[str]:
    pairs = zip(table[f"{before}low"], table[f"{before}high"], strict=True)
    return ["" if low == high else f"{figures(low)} to {figures(high)}" for low, high in pairs]
