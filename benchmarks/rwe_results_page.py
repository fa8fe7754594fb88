"""The table of docs/rwe-reference.md from what is stored: ``python -m benchmarks.rwe_results_page`` writes it."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.result import FOLDER

PAGE = Path(__file__).parents[1] / "docs" / "rwe-reference.md"
BEGIN = "<!-- results: written by python -m benchmarks.rwe_results -->\n"
END = "<!-- end of results -->\n"


def load() -> dict[str, Any]:
    """What is stored."""
    return json.loads((FOLDER / "rwe_results.json").read_text(encoding="utf-8"))


def section(found: dict[str, Any]) -> str:
    """The results as Markdown: a row for what is told together."""
    numbers, study = found["numbers"], found["study"]
    lines = [
        f"{found['agreed']} of {len(numbers)} numbers are found again: to their last digit, or within what the last "
        "column says.", "",
        f"The whole study of GiBleed, from its CSV files to the answers, takes {study['processor_s']:.1f} seconds of "
        "processor time.", "",
        "| data | what | theirs | ours | within |", "| --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for (data, what, why), group in groupby(numbers, key=_together):
        own = list(group)
        theirs, ours = (", ".join(texts) for texts in zip(*map(_texts, own), strict=True))
        within = f"{own[0]['tolerance']:g}: {why}" if why else ""
        lines.append(f"| {data} | {what} | {theirs} | {ours} | {within} |")
    return "\n".join(lines) + "\n"


def _together(each: dict[str, Any]) -> tuple[str, str, str]:
    return each["trial"], each["what"].replace("|", "/"), each.get("why", "")


def _texts(each: dict[str, Any]) -> tuple[str, str]:
    digits = len(each["theirs"].partition(".")[2])
    ours = f"{each['ours']:.{digits + 1 if digits else 0}f}"
    return each["theirs"].replace("-", "−"), ours.replace("-", "−")


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
