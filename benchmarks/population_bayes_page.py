"""Populations by NUTS as tables of docs/estimation-methods.md: ``python -m benchmarks.population_bayes_page``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.result import FOLDER

PAGE = Path(__file__).parents[1] / "docs" / "estimation-methods.md"
BEGIN = "<!-- results: written by python -m benchmarks.population_bayes -->\n"
END = "<!-- end of results -->\n"
_HEAD = (
    "| parameter | FOCEI | its standard error | posterior mean | SD | 95 % interval | R-hat | bulk ESS | tail ESS |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def section(figures: dict[str, Any]) -> str:
    """The results as Markdown."""
    parts = [f"On {figures['machine']['processor']}, one process:", ""]
    for name, found in figures["cases"].items():
        parts += [_told(name, found), "", _HEAD, *(_row(n, r) for n, r in found["parameters"].items()), ""]
    return "\n".join(parts)


def _told(name: str, found: dict[str, Any]) -> str:
    return (
        f"{name.capitalize()}: {found['chains']} chains of {found['draws']} draws after {found['warmup']}, "
        f"{found['parametrisation']} parametrisation, {found['cpu']:.0f} CPU s, "
        f"{found['leapfrogs_per_draw']:.0f} steps a draw, "
        f"{found['least_ess_per_cpu_second']:.1f} effective draws of the slowest parameter a CPU second, "
        f"{found['divergences']} divergences; {found['status']}."
    )


def _row(name: str, row: dict[str, Any]) -> str:
    error = "" if row["focei_error"] is None else f"{row['focei_error']:.3g}"
    cells = [
        f"`{name}`", f"{row['focei']:.4g}", error, f"{row['mean']:.4g}", f"{row['sd']:.3g}",
        f"{row['low']:.3g} to {row['high']:.3g}", f"{row['rhat']:.3f}", f"{row['ess_bulk']:.0f}",
        f"{row['ess_tail']:.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def load() -> dict[str, Any]:
    """The stored results."""
    return json.loads((FOLDER / "population_bayes.json").read_text(encoding="utf-8"))


def page(text: str) -> str:
    """The page with the stored results in it."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{section(load())}\n{END}{rest.partition(END)[2]}"


def write_page() -> None:
    """Put the stored results into the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_page()
