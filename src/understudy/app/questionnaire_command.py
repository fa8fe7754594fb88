"""Questionnaire command: the options of `understudy trial shorten`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from understudy.app.options import Json, argument, flag, option


def shorten(
    table: Annotated[Path, argument("Answers, .csv: a row a subject.", "TABLE")],
    items: Annotated[
        list[str], option("--items", "-i", help="a,b,c or 'q*': columns of items; repeated.", metavar="NAMES")
    ],
    cut: Annotated[float | None, option(help="A case sums up to this or more.", metavar="SUM")] = None,
    outcome: Annotated[str, option(help="Not a sum: column of 0 and 1.", metavar="COLUMN")] = "",
    answers: Annotated[str, option(help="Lowest and highest answer: 0:3.", metavar="LOW:HIGH")] = "",
    missing: Annotated[str, option(help="Codes that are no answers: 7,9.", metavar="CODES")] = "",
    sizes: Annotated[str, option(help="Fewest and most items: 1:4.", metavar="FROM:TO")] = "",
    method: Annotated[str, option(help="subsets, beam or tree.", metavar="NAME")] = "subsets",
    loss: Annotated[float, option(help="Area that brevity may cost.", metavar="AREA")] = 0.02,
    by: Annotated[list[str] | None, option(help="Subgroup column; repeated.", metavar="COLUMN")] = None,
    parts: Annotated[int, option("--folds", help="Folds, outer and inner.", metavar="N", min=2)] = 5,
    seed: Annotated[int, option(help="Seed of the folds.", metavar="N", min=0)] = 0,
    rules: Annotated[bool, flag("--rules", help="Show the questions of the tree.")] = False,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="Folder for report, tables, charts and record.", metavar="DIR"),
    ] = None,
    json: Json = False,
) -> None:
    """Shorten a questionnaire: fewer items that decide as all of them do, tried in subjects held out."""
    from understudy.app.questionnaire_view import ShortenQuestion, run_shorten

    named = tuple(name.strip() for text in items for name in text.split(",") if name.strip())
    case = (cut, outcome, answers, missing, tuple(by or ()))
    run_shorten(ShortenQuestion(table, named, *case, sizes, method, loss, parts, seed, rules, out), json)
