"""Standard errors at NONMEM's estimates, against second differences of the objective function."""

from pathlib import Path

import pytest
from benchmarks.standard_errors import compare

FOLDER = Path(__file__).parents[3] / "shared" / "reference" / "pharmacometrics"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no reference data at ../shared/reference")


@pytest.mark.slow
@pytest.mark.parametrize("run", ["runN032", "runODE021"])
def test_standard_errors_are_those_by_differences(run):
    for each in compare(run):
        # Extrapolated differences err by some 1e-5 here; ours, differences of gradients, as much.
        assert each.plateau < 0.01
        assert each.by_gradients == pytest.approx(each.oracle, rel=1e-4)
        if run == "runN032":
            # Five digits are printed of estimates and errors; NONMEM's own differences cost the rest.
            assert each.nonmem == pytest.approx(each.oracle, rel=1e-3)
