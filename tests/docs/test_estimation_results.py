"""What docs/estimation.md and the README say of published fits, against what is stored."""

import pytest
from benchmarks import recovery_page, standard_errors_page
from benchmarks.estimation import ABOVE, AT_PUBLISHED
from benchmarks.estimation_page import PAGE, load, page

CASES = load()["cases"]
ERRORS = standard_errors_page.load()
# One subject is at a mode that is not its highest: tests/reference/test_focei.py shows it.
_OTHER_MODE = "warfarin lag"


def test_the_page_has_the_stored_results():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text
    assert standard_errors_page.page(text) == text
    assert recovery_page.page(text) == text


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['case']}-{case['method']}")
def test_every_fit_keeps_what_is_said_of_it(case):
    assert case["succeeded"]
    assert case["reached"] <= case["published"] + ABOVE
    if case["at_published"] is not None and case["case"] != _OTHER_MODE:
        assert case["at_published"] == pytest.approx(case["published"], abs=AT_PUBLISHED)


# NONMEM's standard errors are inaccurate there: docs/estimation.md shows it, and the tests below.
_UNSURE = {"runODE042", "runODE055", "runODE069", "runODE021"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['case']}-{case['method']}")
def test_estimates_and_their_errors_are_as_near_as_is_said(case):
    if case["difference"] is not None and case["case"] != _OTHER_MODE:
        assert case["difference"] <= 1.0
    if case["error_difference"] is not None and case["case"] not in _UNSURE:
        assert case["error_difference"] <= 0.1


def test_all_published_runs_are_there():
    assert sum(case["case"].startswith("run") for case in CASES) == 35


def test_what_is_far_from_nonmem_is_confirmed_by_differences():
    assert {each["run"] for each in ERRORS} >= _UNSURE


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{error['run']}-{error['parameter']}")
def test_ours_are_those_by_differences(error):
    # A hundredth is asked; half of one is what the steps leave where a subject's mode hardly bends (runODE042).
    assert abs(standard_errors_page.off(error, "by_gradients")) < 5e-3
    assert error["plateau"] < 0.02
    # By our vector instead of by NONMEM's parameters: where a run had not ended in the minimum they differ.
    assert abs(standard_errors_page.off(error, "at_theirs")) < 0.03


@pytest.mark.parametrize("run", sorted(_UNSURE))
def test_nonmem_is_off_where_it_is_said(run):
    own = [each for each in ERRORS if each["run"] == run]
    assert abs(standard_errors_page.off(standard_errors_page.farthest(own, "nonmem"), "nonmem")) > 0.04


def test_closed_form_agrees_where_the_solver_does_not():
    far = {case["case"]: case["error_at_published"] for case in CASES}
    assert far["runN032"] < 0.0005 < 0.015 < far["runODE032"]


RECOVERED = [
    (name, parameter) for name, found in recovery_page.load().items() for parameter in found["parameters"]
]
# The linearisation's own bias, which the page shows beside quadrature of the same studies.
_BELOW = {("sparse_focei", "theta_CL"): 0.80}


@pytest.mark.parametrize(("name", "parameter"), RECOVERED)
def test_simulated_studies_are_recovered(name, parameter):
    found = recovery_page.load()[name]
    row = found["parameters"][parameter]
    assert found["replicates"] >= 200
    assert not found["failed"]
    assert abs(row["bias"]) < (0.15 if recovery_page.is_variance(parameter) else 0.05)
    assert _BELOW.get((name, parameter), 0.90) <= row["coverage"]["R"] <= 0.98
    # Of the sandwich the page says that it is a little narrow where subjects are few.
    assert _BELOW.get((name, parameter), 0.88) <= row["coverage"]["sandwich"] <= 0.98
