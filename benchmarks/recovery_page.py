"""Recovery's page: the tables of simulated and estimated studies in docs/estimation.md from what is stored.

``python -m benchmarks.recovery_page`` writes it.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.estimation_page import PAGE
from benchmarks.result import FOLDER

BEGIN = "<!-- recovery: written by python -m benchmarks.recovery -->\n"
END = "<!-- end of recovery -->\n"
DESIGNS = ("rich", "sparse", "censored", "sparse_focei")
_HEAD = "| parameter | truth | bias | coverage, R | coverage, sandwich |\n| --- | ---: | ---: | ---: | ---: |"


def load() -> dict[str, dict[str, Any]]:
    """The stored results by the name of the design."""
    return {
        name: json.loads((FOLDER / f"recovery_{name}.json").read_text(encoding="utf-8")) for name in DESIGNS
    }


def is_variance(parameter: str) -> bool:
    """Whether it is a variance or covariance of random effects."""
    return parameter.startswith("omega(")


def section(results: dict[str, dict[str, Any]]) -> str:
    """The results as Markdown."""
    return "\n".join(line for found in results.values() for line in _design(found))


def _design(found: dict[str, Any]) -> list[str]:
    failed = len(found["failed"])
    told = f"{found['replicates']} studies, " + (f"{failed} did not converge" if failed else "all converged")
    rows = [_row(name, row) for name, row in found["parameters"].items()]
    return [f"{found['told']}. {told}.", "", _HEAD, *rows, ""]


def _row(name: str, row: dict[str, Any]) -> str:
    bias = f"{100 * row['bias']:+.1f} ± {100 * row['bias_error']:.1f} %"
    covered = " | ".join(f"{100 * row['coverage'][kind]:.1f} %" for kind in ("R", "sandwich"))
    return f"| `{name}` | {row['truth']:g} | {bias} | {covered} |"


def page(text: str) -> str:
    """The page with the stored results in it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + section(load()) + "\n" + END + after


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
