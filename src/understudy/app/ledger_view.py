"""Ledger view: what was frozen, what was scored, and whether the ledger is whole, on the terminal."""

from __future__ import annotations

from typing import Any

from understudy.app.ledger_question import LedgerQuestion
from understudy.app.terminal import console, note, print_error, print_json
from understudy.app.terminal_number import column, single, with_unit
from understudy.core.content import encode
from understudy.core.errors import StudyError
from understudy.trials.ledger import Entry, Verification, freeze, read_ledger, score, verify


def run(asked: LedgerQuestion, as_json: bool) -> int:
    """Freeze, score or verify, and tell.

    Returns
    -------
    int
        Exit code: 1 for a ledger that was tampered with.
    """
    if asked.verify:
        return _verify(asked, as_json)
    entry = (
        freeze(asked.freeze, asked.ledger) if asked.freeze else score(asked.score, asked.ledger, id=asked.id)
    )
    if as_json:
        print_json(encode(entry))
    elif asked.freeze:
        _show_frozen(entry, asked)
    else:
        frozen = next(each for each in read_ledger(asked.ledger) if each.id == entry.id)
        _show_scored(entry, frozen)
    return 0


def _show_frozen(entry: Entry, asked: LedgerQuestion) -> None:
    told = entry.content["prediction"]
    _heading("Frozen", entry.id, told["what"])
    _lines(
        {
            "predicted": _expected(told),
            "hit": _rule(told),
            "files": f"{len(entry.content['used'])} hashed" if told["used"] else "none named",
            "at": entry.at,
            "head": entry.hash,
        }
    )
    _dim(f"Give the head to somebody else: {asked.ledger.name} cannot be rewritten then without its showing.")
    if entry.content["outcome_existed"]:
        note(f"{told['outcome']['file']} is there already: that nobody had read it no ledger can tell")


def _show_scored(entry: Entry, frozen: Entry) -> None:
    told, found = frozen.content["prediction"], entry.content
    _heading("Hit" if found["hit"] else "Miss", entry.id, told["what"])
    _lines(
        {
            "predicted": _expected(told),
            "observed": f"{with_unit(single(found['observed']), told['unit'])}, of {found['rows']} rows",
            "rule": _rule(told),
            "frozen": frozen.at,
            "scored": entry.at,
            "outcome": f"{found['outcome']['name']}, SHA-256 {found['outcome']['sha256']}",
            "head": entry.hash,
        }
    )
    if frozen.content["outcome_existed"]:
        note(
            f"{told['outcome']['file']} was there when this was frozen: that nobody had read it no ledger can tell"
        )


def _expected(told: dict[str, Any]) -> str:
    text = f"{told['quantity']} {with_unit(single(told['value']), told['unit'])}"
    if told["interval"]:
        low, high = told["interval"]
        text += f" ({told['level'] * 100:g} %: {single(low)} to {single(high)})"
    return text


def _rule(told: dict[str, Any]) -> str:
    rule, by = told["hit"]["rule"], told["hit"]["by"]
    if rule == "interval":
        return "within the interval"
    if rule == "relative":
        return f"within {by * 100:g} % of it"
    return f"{'within' if rule == 'tolerance' else rule} {with_unit(single(by), told['unit'])}"


def _verify(asked: LedgerQuestion, as_json: bool) -> int:
    found = verify(asked.ledger, head=asked.head, folder=asked.ledger.parent)
    if as_json:
        print_json(_plain(found))
    elif found.whole:
        _show_whole(found)
    else:
        print_error(StudyError.of(found.problems, asked.ledger.name))
    return 0 if found.whole else 1


def _plain(found: Verification) -> dict[str, Any]:
    problems = [{"cause": e.cause, "where": e.place, "repair": e.repair} for e in found.problems]
    return {
        "whole": found.whole,
        "head": found.head,
        "problems": problems,
        "changed": list(found.changed),
        "entries": encode(found.entries),
    }


def _show_whole(found: Verification) -> None:
    from rich.table import Table
    from rich.text import Text

    table, shown = found.table(), Table(box=None, padding=(0, 2, 0, 0))
    for name in ("id", "frozen", "predicted", "observed", "unit", "result"):
        shown.add_column(name, justify="right" if name in ("predicted", "observed") else "left")
    for row in table.reset_index().to_dict("records"):
        known = row["hit"] is not None and row["hit"] == row["hit"]
        result = ("hit" if row["hit"] else "miss") if known else "open"
        seen = float("nan") if row["observed"] is None else row["observed"]
        cells = column([row["predicted"], seen])
        unit = with_unit("", row["unit"]).strip()
        shown.add_row(Text(row["id"]), row["frozen"][:10], *cells, unit, result)
    console().print(shown)
    _dim(f"Whole: {len(found.entries)} lines, head {found.head}")
    for name in found.changed:
        note(f"{name} is no longer the file that was hashed; what the ledger holds counts")


def _heading(word: str, id: str, what: str) -> None:
    from rich.text import Text

    colour = {"Hit": "bold green", "Miss": "bold red"}.get(word, "bold")
    console().print(Text.assemble((word, colour), f"  {id}: {what}"))


def _lines(told: dict[str, str]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, text in told.items():
        table.add_row(Text(name, style="dim"), Text(text))
    console().print(table)


def _dim(text: str) -> None:
    from rich.text import Text

    console().print(Text(text, style="dim"))
