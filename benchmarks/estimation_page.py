"""Estimation page: the table of docs/estimation.md from what is stored: ``python -m benchmarks.estimation_page``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.result import FOLDER

PAGE = Path(__file__).parents[1] / "docs" / "estimation.md"
BEGIN = "<!-- results: written by python -m benchmarks.estimation -->\n"
END = "<!-- end of results -->\n"
_HEAD = (
    "| fit | method | published | ours there | reached | estimates | errors | errors there | CPU s | NONMEM s |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def section(figures: dict[str, Any]) -> str:
    """The results as Markdown."""
    found = figures["cases"]
    machine = figures["machine"]
    timed = [each for each in found if each["seconds"]]
    ratios = sorted(each["seconds"] / each["cpu"] for each in timed)
    converged = sum(each["succeeded"] for each in found)
    told = (
        f"{len(found)} fits on one core of {machine['processor']}: {converged} converged. NONMEM 7.4.3 took, on a "
        f"machine of its own, {ratios[0]:.0f} to {ratios[-1]:.0f} times as many seconds for the {len(timed)} "
        f"fits whose times are published (median {ratios[len(ratios) // 2]:.0f})."
    )
    return "\n".join([told, "", _HEAD, *map(_row, found), ""])


def _row(each: dict[str, Any]) -> str:
    cells = [
        each["case"],
        each["method"].upper(),
        f"{each['published']:.4f}",
        _signed(each["at_published"], each["published"]),
        _signed(each["reached"], each["published"]) + ("" if each["succeeded"] else " (not converged)"),
        _number(each["difference"], 2),
        _percent(each["error_difference"]),
        _percent(each["error_at_published"]),
        f"{each['cpu']:.1f}",
        _number(each["seconds"], 0),
    ]
    return f"| {' | '.join(cells)} |"


def _signed(value: float | None, published: float) -> str:
    return "" if value is None else f"{value - published:+.4f}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def load() -> dict[str, Any]:
    """The stored results."""
    return json.loads((FOLDER / "estimation.json").read_text(encoding="utf-8"))


def page(text: str) -> str:
    """The page with the stored results in it."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{section(load())}\n{END}{rest.partition(END)[2]}"


def write_page() -> None:
    """Put the stored results into the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_page()
