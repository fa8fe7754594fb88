"""The table of docs/trials-reference.md from what is stored: ``python -m benchmarks.trial_results_page`` writes it."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.result import FOLDER

PAGE = Path(__file__).parents[1] / "docs" / "trials-reference.md"
BEGIN = "<!-- results: written by python -m benchmarks.trial_results -->\n"
END = "<!-- end of results -->\n"


def load() -> dict[str, Any]:
    """What is stored."""
    return json.loads((FOLDER / "trial_results.json").read_text(encoding="utf-8"))


def section(found: dict[str, Any]) -> str:
    """The results as Markdown: a row for what is told together."""
    numbers = found["numbers"]
    lines = [
        f"{found['agreed']} of {len(numbers)} numbers are found again to their last digit.", "",
        "| trial | what | theirs | ours |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for (trial, what), group in groupby(numbers, key=lambda each: (each["trial"], each["what"])):
        own = list(group)
        theirs, ours = (", ".join(texts) for texts in zip(*map(_texts, own), strict=True))
        lines.append(f"| {trial} | {what} | {theirs} | {ours} |")
    return "\n".join(lines) + "\n"


def _texts(each: dict[str, Any]) -> tuple[str, str]:
    digits = len(each["theirs"].partition(".")[2])
    return each["theirs"].replace("-", "−"), f"{each['ours']:.{digits + 2 if digits else 0}f}".replace(
        "-", "−"
    )


def page(text: str) -> str:
    """The page with the stored results in it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + section(load()) + "\n" + END + after


def write_page() -> None:
    """Write it."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_page()
