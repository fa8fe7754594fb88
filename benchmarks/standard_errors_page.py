"""Standard errors' page: the second table of docs/estimation.md from what is stored.

``python -m benchmarks.standard_errors_page`` writes it.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from benchmarks.estimation_page import PAGE
from benchmarks.estimation_page import load as load_fits
from benchmarks.result import FOLDER

BEGIN = "<!-- standard errors: written by python -m benchmarks.standard_errors -->\n"
END = "<!-- end of standard errors -->\n"
_HEAD = (
    "| run | parameter | NONMEM | at our estimates | at theirs | by differences | NONMEM is off by | ours is off by |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def load() -> list[dict[str, Any]]:
    """The stored comparisons, one a parameter."""
    return json.loads((FOLDER / "standard_errors.json").read_text(encoding="utf-8"))["errors"]


def off(error: dict[str, Any], which: str) -> float:
    """By how much a standard error differs from that by differences, as a share of it."""
    return error[which] / error["oracle"] - 1.0


def farthest(errors: list[dict[str, Any]], which: str) -> dict[str, Any]:
    """Of a run's parameters the one whose standard error is off most."""
    return max(errors, key=lambda each: abs(off(each, which)))


def section(errors: list[dict[str, Any]], fits: list[dict[str, Any]]) -> str:
    """The results as Markdown."""
    runs = {name: list(own) for name, own in groupby(errors, lambda each: each["run"])}
    ours = max(abs(off(each, "by_gradients")) for each in errors)
    plateau = max(each["plateau"] for each in errors)
    solved, numeric = ([f for f in fits if f["case"].startswith(kind)] for kind in ("runN", "runODE"))
    told = (
        f"Ours are off by {_share(ours)} at most, of {len(errors)} standard errors; extrapolation changed those by "
        f"differences by up to "
        f"{_percent(plateau)}. Of the 35 runs, NONMEM's errors differ from ours at the same estimates by at most "
        f"{_percent(_most(solved))} in the {len(solved)} that it solved in closed form, and by up to "
        f"{_percent(_most(numeric))} in the {len(numeric)} that it solved numerically. There its objective function "
        f"differs from ours by up to {_gap(numeric):.3f}, in closed form by {_gap(solved):.5f}."
    )
    return "\n".join([told, "", _HEAD, *(_row(own) for own in runs.values()), ""])


def _row(errors: list[dict[str, Any]]) -> str:
    worst = farthest(errors, "nonmem")
    ours = max(abs(off(each, "by_gradients")) for each in errors)
    values = [f"{worst[name]:.4g}" for name in ("nonmem", "at_ours", "at_theirs", "oracle")]
    cells = [worst["run"], worst["parameter"], *values, f"{100 * off(worst, 'nonmem'):+.1f} %", _share(ours)]
    return f"| {' | '.join(cells)} |"


def _most(fits: list[dict[str, Any]]) -> float:
    return max(each["error_at_published"] for each in fits)


def _gap(fits: list[dict[str, Any]]) -> float:
    return max(abs(each["at_published"] - each["published"]) for each in fits)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _share(share: float) -> str:
    return f"{100 * share:.3f} %"


def page(text: str) -> str:
    """The page with the stored results in it."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{section(load(), load_fits()['cases'])}\n{END}{rest.partition(END)[2]}"


def write_page() -> None:
    """Put the stored results into the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_page()
