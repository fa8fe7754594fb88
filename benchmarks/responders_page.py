"""Responders' page: its tables in docs/responders.md from what is stored: ``python -m benchmarks.responders_page``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.result import FOLDER

PAGE = Path(__file__).parents[1] / "docs" / "responders.md"
BEGIN = "<!-- responders: written by python -m benchmarks.responders_page -->\n"
END = "<!-- end of responders -->\n"


def load() -> dict[str, Any]:
    """The stored result."""
    return json.loads((FOLDER / "responders.json").read_text(encoding="utf-8"))


def section(stored: dict[str, Any]) -> str:
    """The result as Markdown."""
    told = (
        "Trials whose arms are permuted have nothing to be found. Searched as if they were the trial, each with "
        f"{stored['copies']} copies of its own, something is reported in so many, with the Monte Carlo error; "
        f"{100 * stored['level']:.0f} % may be (`python -m benchmarks.responders`)."
    )
    head = (
        "| trial | patients | learner | permuted | reported | in the trial itself |\n"
        "| --- | ---: | --- | ---: | ---: | --- |"
    )
    second = (
        f"Of simulated trials of {stored['subjects']} patients, whose drug helps a share of them by so many standard "
        "deviations, or by a hazard that is divided by the exponential of it (33 to 44 % are censored): *reported* is "
        "power, or chance where nobody is helped; *false* are reports whose best rule is not about the covariate that "
        "decides; *placed* are patients whom the best rule of a report places right."
    )
    other = (
        "| endpoint | learner | share helped | effect | trials | reported | false | placed |\n"
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    nulls, planted = map(_null, stored["nulls"]), map(_planted, stored["planted"])
    return "\n".join([told, "", head, *nulls, "", second, "", other, *planted, ""])


def _null(row: dict[str, Any]) -> str:
    share, real = row["found"], "found" if row["real"] else "nothing found"
    error = 100 * (share * (1 - share) / row["permuted"]) ** 0.5
    reported = f"{100 * share:.1f} ± {error:.1f} %" if share else f"none of {row['permuted']}"
    cells = (row["trial"], f"{row['subjects']:,}", _learner(row), f"{row['permuted']:,}", reported, real)
    return f"| {' | '.join(cells)} |"


def _planted(row: dict[str, Any]) -> str:
    share = _percent(row["share"]) if row["effect"] else "nobody"
    cells = (row["kind"], _learner(row), share, f"{row['effect']:g}", row["studies"], _percent(row["found"]),
             _percent(row["false"] if row["effect"] else None), _percent(row["placed"]))  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def _learner(row: dict[str, Any]) -> str:
    return f"{row['learner']}, {row['method']}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def page(text: str) -> str:
    """The page with the stored result in it."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + section(load()) + "\n" + END + rest.partition(END)[2]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
