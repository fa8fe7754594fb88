"""SBML suite: the semantic cases of the SBML Test Suite: ``python -m benchmarks.sbml_suite``.

Prints how many passed, were refused and were wrong; stores the verdicts; writes the table of docs/sbml.md.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.result import store
from benchmarks.sbml_case import Verdict, run_case
from benchmarks.sbml_page import write_page

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
        tags = read_tags(options.suite)
        made = {"seconds": round(seconds, 1), "jobs": options.jobs, "counts": dict(counts)}
        store("sbml_suite", {**made, "tags": by_tag(verdicts, tags), "refused": _refused(verdicts)})
        write_page()


def read_tags(suite: Path) -> dict[str, list[str]]:
    """Components and tags of each case."""
    with (suite / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # Some rows of the index carry something else where tags should be.
    return {
        row["case"]: sorted(
            {
                tag.strip()
                for key in ("components", "tags")
                for tag in row[key].split(",")
                if tag.strip() and "testType" not in tag
            }
        )
        for row in rows
    }


def by_tag(verdicts: list[Verdict], tags: dict[str, list[str]]) -> dict[str, list[int]]:
    """Cases, and those passed, refused and wrong, by tag."""
    counts: dict[str, Counter] = {}
    for each in verdicts:
        for tag in tags.get(each.case, ()):
            counts.setdefault(tag, Counter())[each.verdict] += 1
    return {
        tag: [found.total(), *(found[kind] for kind in ("passed", "refused", "wrong"))]
        for tag, found in sorted(counts.items())
    }


def _refused(verdicts: list[Verdict]) -> dict[str, str]:
    return {each.case: each.reason for each in verdicts if each.verdict != "passed"}


if __name__ == "__main__":
    main()
