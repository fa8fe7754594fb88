"""Weighted residuals at NONMEM's estimates of runN001, against its own table.

The figures of the first individual are from NONMEM 7.4.3's table, `nonmem/solved/runN001.csv` of
https://github.com/nlmixr2/nlmixr2test at commit c72caf1. NONMEM's residual variance with interaction is that over
all patients, of a standard deviation linear in the random effects about their mode; ours is that at the mode.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from understudy import goodness_of_fit
from understudy.inference.diagnostics.linearisation import linearised
from understudy.inference.likelihood import Likelihood
from understudy.inference.modes import find_modes
from understudy.inference.predictor import Predictor

FOLDER = Path(__file__).parents[3] / "shared" / "reference" / "pharmacometrics"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no reference data at ../shared/reference")

NONMEM = {
    "IPRED": "1036.0 1018.5 1001.4 984.49 951.57 919.75 889.00 859.27 802.77 700.66 611.55 465.87 354.90 270.36 205.96 "
    "91.055 40.255 17.797 7.8732",
    "IWRES": "0.43899 -0.73678 -0.59376 1.3308 0.23148 0.14628 -1.7025 -0.61616 1.6227 -1.9286 -0.016891 1.7797 "
    "-0.18210 0.98104 -0.23682 -0.069580 0.31916 -0.33947 0.33780",
    "CWRESI": "0.78061 -0.54782 -0.39507 1.7533 0.50482 0.39299 -1.6801 -0.48534 1.9558 -1.9837 0.036210 1.7648 "
    "-0.29701 0.69999 -0.43530 -0.36074 -0.13748 -0.46736 -0.13078",
    "PRED": "881.94 869.11 856.47 844.02 819.64 795.98 772.99 750.67 707.95 629.65 560.02 443.00 350.43 277.21 219.28 "
    "108.55 53.730 26.596 13.173",
}


@pytest.fixture(scope="module")
def run():
    from benchmarks.estimation_case import cases

    case = next(case for case in cases() if case.name == "runN001")
    # What an individual's residuals are depends on no other.
    few = replace(case, text=case.text.replace("(SD.EQ.0)", "(SD.EQ.0) IGNORE (ID.GT.3)"))
    return few.stream()


def theirs(name):
    # Five digits are printed; of estimates six.
    return pytest.approx(np.array(NONMEM[name].split(), dtype=float), rel=1e-4, abs=2e-4)


def test_predictions_and_individual_residuals_are_nonmems(run):
    table = goodness_of_fit(run.model, run.records, replicates=40).table
    first = table[table["ID"] == table["ID"].iloc[0]]
    for name in ("IPRED", "IWRES", "PRED"):
        assert first[name].to_numpy() == theirs(name)


def test_weighted_residuals_are_nonmems_with_its_residual_variance(run):
    likelihood = Likelihood(Predictor(run.model, run.records))
    modes, _ = find_modes(likelihood)
    own = linearised(likelihood, modes)["CWRESI"]
    # Proportional error: a standard deviation that is linear where the prediction is.
    share = 0.198077**2
    spread = np.einsum("ki,ij,kj->k", own.slope, own.omega, own.slope)
    model = replace(own, variance=share * (own.mean**2 + spread))
    first = own.patient == 0
    measured = likelihood.predictor.measured
    assert model.weighted(measured)[first] == theirs("CWRESI")
    assert own.weighted(measured)[first] != theirs("CWRESI")
