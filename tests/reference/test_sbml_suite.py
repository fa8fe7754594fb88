"""The semantic cases of the SBML Test Suite: none wrong, at least 95 % passed, each refusal with its reason.

The tolerances are each case's own.
"""

from pathlib import Path

import pytest
from benchmarks.sbml_case import run_case
from benchmarks.sbml_suite import FOLDER, folders, run_suite

CASES = 1214
PASSED = 0.95

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason=f"no reference data at ../shared/reference ({FOLDER.name})"
)

# Every 30th, and one of each kind that takes a way of its own: fast reactions, delays, algebraic rules, submodels, flux
# balance, events in random order, variable stoichiometry.
SAMPLE = [case.name for case in folders(FOLDER)[::30]] + [
    "00871", "01051", "00937", "01404", "00531", "01589", "01124", "01186", "01606", "00978", "01000", "00982", "01165",
]  # fmt: skip


# Delays that depend on the state, and a submodel whose file is not there.
REFUSED = ("00982", "01142", "01165")


@pytest.mark.parametrize("case", sorted(set(SAMPLE)))
def test_sample(case):
    pytest.importorskip("libsbml")
    found = run_case(FOLDER / case)
    assert found.verdict != "wrong", found.reason
    assert (found.verdict == "refused") == (case in REFUSED), found.reason


@pytest.mark.slow
def test_all():
    pytest.importorskip("libsbml")
    cases: list[Path] = folders(FOLDER)
    assert len(cases) == CASES
    found = list(run_suite(cases, jobs=1))
    assert not [f"{each.case}: {each.reason}" for each in found if each.verdict == "wrong"]
    assert sum(each.verdict == "passed" for each in found) >= PASSED * CASES
    assert all(each.reason for each in found if each.verdict == "refused")
