"""SBML page: the results by tag in docs/sbml.md, made from what is stored: ``python -m benchmarks.sbml_page``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.result import FOLDER

PAGE = Path(__file__).parents[1] / "docs" / "sbml.md"
BEGIN = "<!-- results: written by python -m benchmarks.sbml_suite -->\n"
END = "<!-- end of results -->\n"


def section(figures: dict[str, Any]) -> str:
    """The results as Markdown."""
    counts = figures["counts"]
    total = sum(counts.values())
    passed, refused, wrong = (counts.get(kind, 0) for kind in ("passed", "refused", "wrong"))
    head = (
        f"Of {total:,} cases {passed:,} pass ({passed / total:.1%}), {refused} are refused with a reason, and "
        f"{wrong} are wrong. The run took {figures['seconds']:.0f} seconds in {figures['jobs']} processes.\n"
    ).replace("%", " %")
    rows = [
        f"| {tag} | {all_} | {good} | {no or ''} | {bad or ''} |"
        for tag, (all_, good, no, bad) in figures["tags"].items()
    ]
    reasons: dict[str, list[str]] = {}
    for case, reason in figures["refused"].items():
        reasons.setdefault(reason, []).append(case)
    told = [f"| {reason} | {', '.join(cases)} |" for reason, cases in reasons.items()]
    return "\n".join(
        [
            head,
            "| tag | cases | passed | refused | wrong |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
            "",
            "Those refused:",
            "",
            "| why | cases |",
            "| --- | --- |",
            *told,
            "",
        ]
    )


def load() -> dict[str, Any]:
    """The stored results."""
    return json.loads((FOLDER / "sbml_suite.json").read_text(encoding="utf-8"))


def page(text: str) -> str:
    """The page with the stored results in it."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{section(load())}\n{END}{rest.partition(END)[2]}"


def write_page() -> None:
    """Put the stored results into the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_page()
