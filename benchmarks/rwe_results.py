"""Published results of real-world evidence found again: ``python -m benchmarks.rwe_results``.

Needs the reference data beside the checkout; prints, stores benchmarks/results/rwe_results.json and writes the table of
docs/rwe-reference.md. The exit code is 1 where a number departs.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

from benchmarks import (
    rwe_calibration,
    rwe_covariates,
    rwe_emulation,
    rwe_outcomes,
    rwe_propensity,
    rwe_signals,
    rwe_study,
    rwe_synthesis,
)
from benchmarks.result import store

PARTS = (
    rwe_study, rwe_covariates, rwe_propensity, rwe_outcomes, rwe_calibration, rwe_synthesis, rwe_emulation, rwe_signals,
)  # fmt: skip


def main() -> int:
    """Compute all, print what departs, store and write the page."""
    from benchmarks.rwe_results_page import write_page

    found = [each for part in PARTS for each in part.found()]
    for each in found:
        mark = "  " if each.agrees else "! "
        print(mark, each.trial, "|", each.what, "|", each.theirs, f"| {each.ours:.10g}")
    agreed = sum(each.agrees for each in found)
    print(f"{agreed} of {len(found)} numbers are found again")
    numbers = [asdict(each) | {"agrees": each.agrees} for each in found]
    store("rwe_results", {"agreed": agreed, "study": rwe_study.seconds(), "numbers": numbers})
    write_page()
    return int(agreed < len(found))


if __name__ == "__main__":
    sys.exit(main())
