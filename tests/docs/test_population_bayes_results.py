"""What docs/estimation-methods.md says of populations by NUTS is what the stored benchmark says."""

import pytest
from benchmarks.population_bayes_page import PAGE, load, page


def test_the_page_is_what_the_benchmark_stored():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text


@pytest.mark.parametrize("case", ["phenobarbital", "theophylline"])
def test_fixed_effects_are_near_those_of_focei(case):
    for name, row in load()["cases"][case]["parameters"].items():
        if name.startswith("theta"):
            # Priors are weak, posteriors of fixed effects nearly normal: half a standard error is what few individuals
            # and the uncertainty of omega make of it.
            assert abs(row["mean"] - row["focei"]) < 0.5 * row["sd"], name
