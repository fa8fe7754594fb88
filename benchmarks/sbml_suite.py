"""SBML suite: the semantic cases of the SBML Test Suite: ``python -m benchmarks.sbml_suite``.

Prints how many passed, were refused and were wrong; stores the verdicts; writes the table of docs/sbml.md.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.result import store
from benchmarks.sbml_case import Verdict, run_case

FOLDER = Path(__file__).parents[2] / "shared" / "reference" / "sbml-semantic"


def folders(suite: Path) -> list[Path]:
    """Folders of all cases."""
    return sorted(path.parent for path in suite.glob("*/settings.txt"))


def run_suite(cases: list[Path], jobs: int) -> Iterator[Verdict]:
    """Verdicts of cases, in processes."""
    if jobs <= 1:
        yield from map(run_case, cases)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run_case, cases, chunksize=8)


def main() -> None:
    """Run the suite, or the cases that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="numbers of cases; all where none is given")
    parser.add_argument("--suite", type=Path, default=FOLDER)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    cases = [options.suite / case for case in options.cases] or folders(options.suite)
    begin = time.perf_counter()
    verdicts = list(run_suite(cases, options.jobs))
    seconds = time.perf_counter() - begin
    for verdict in verdicts:
        if verdict.verdict != "passed" or options.cases:
            print(f"{verdict.case} {verdict.verdict:8} {verdict.seconds:6.2f} s  {verdict.reason}")
    counts = Counter(verdict.verdict for verdict in verdicts)
    print(
        f"{len(verdicts)} cases in {seconds:.0f} s: {counts['passed']} passed, {counts['refused']} refused, "
        f"{counts['wrong']} wrong"
    )
    if not options.cases:
        store("sbml_suite", {"seconds": round(seconds, 1), "jobs": options.jobs, "cases": _stored(verdicts)})


def _stored(verdicts: list[Verdict]) -> dict[str, list]:
    return {each.case: [each.verdict, each.reason] for each in verdicts}


if __name__ == "__main__":
    main()
