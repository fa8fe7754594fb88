"""Responders' page: its tables in docs/trials.md from what is stored: ``python -m benchmarks.responders_page``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.result import FOLDER

PAGE = Path(__file__).parents[1] / "docs" / "trials.md"
BEGIN = "<!-- responders: written by python -m benchmarks.responders_page -->\n"
END = "<!-- end of responders -->\n"


def load() -> dict[str, Any]:
    """The stored result."""
    return json.loads((FOLDER / "responders.json").read_text(encoding="utf-8"))


def section(stored: dict[str, Any]) -> str:
    """The result as Markdown."""
    told = (
        "Trials whose arms are permuted have nothing to be found. Searched as if they were the trial, each with "
        f"{stored['copies']} copies of its own, something is reported in so many; {100 * stored['level']:.0f} % may be."
    )
    nulls = [_null(name, row) for name, row in stored["nulls"].items()]
    head = (
        "| trial | subjects | permuted | reported | in the trial itself |\n| --- | ---: | ---: | ---: | --- |"
    )
    second = (
        f"Of {stored['studies']} simulated trials of {stored['subjects']} subjects, whose drug helps a share of them "
        "by so many standard deviations:"
    )
    planted = [_planted(row) for row in stored["planted"]]
    other = "| share who respond | effect | reported | best rule names the covariate |\n| --- | ---: | ---: | ---: |"
    return "\n".join([told, "", head, *nulls, "", second, "", other, *planted, ""])


def _null(name: str, row: dict[str, float]) -> str:
    real = "yes" if row["real"] else "no"
    return f"| {name} | {row['subjects']:,} | {row['permuted']} | {100 * row['found']:.1f} % | {real} |"


def _planted(row: dict[str, float]) -> str:
    return f"| {_share(row)} | {row['effect']:g} | {100 * row['found']:.0f} % | {_right(row)} |"


def _share(row: dict[str, float]) -> str:
    return f"{100 * row['share']:.0f} %" if row["effect"] else "nobody"


def _right(row: dict[str, float]) -> str:
    return f"{100 * row['right']:.0f} %" if row["effect"] and row["found"] else "–"


def page(text: str) -> str:
    """The page with the stored result in it."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + section(load()) + "\n" + END + rest.partition(END)[2]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
