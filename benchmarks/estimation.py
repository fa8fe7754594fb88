"""Estimation: published fits made again, ``python -m benchmarks.estimation``.

Prints what was reached, stores it, and writes the table of docs/estimation.md.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict

from benchmarks.estimation_case import EstimationResult, cases, run_case
from benchmarks.result import store

# What the published estimates' printed digits allow, and what a better optimum needs no excuse for.
AT_PUBLISHED, ABOVE = 0.01, 0.1


def main() -> None:
    """Run all cases, or those whose names are given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="names of cases; all where none is given")
    chosen = parser.parse_args().cases
    found = []
    for case in cases():
        if not chosen or case.name in chosen:
            found.append(run_case(case))
            print(line(found[-1]), flush=True)
    if not chosen:
        from benchmarks.estimation_page import write_page

        store("estimation", {"cases": [_plain(asdict(each)) for each in found]})
        write_page()


def line(found: EstimationResult) -> str:
    """One case on one line."""
    parts = (
        f"{found.case:20} {found.method:6} {found.published:14.4f}",
        f"at theirs {found.at_published - found.published:+8.4f}",
        f"reached {found.reached - found.published:+9.4f}",
        f"estimates {found.difference:.3f}",
        f"errors {found.error_difference:.3f} ({found.error_at_published:.4f})",
        f"{found.iterations:3d} iterations {found.cpu:6.1f} s",
        "" if found.succeeded else "NOT CONVERGED",
    )
    return "  ".join(parts)


def _plain(data: dict) -> dict:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in data.items()}


if __name__ == "__main__":
    main()
