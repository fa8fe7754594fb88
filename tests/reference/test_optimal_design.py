"""Expected information of the warfarin study of Nyberg 2015, against the numbers that PopED prints for it.

Nyberg J et al. Methods and software tools for design evaluation in population pharmacokinetics-pharmacodynamics
studies. Br J Clin Pharmacol 2015;79:6-17, doi:10.1111/bcp.12352: PFIM, PkStaMp, PopDes, PopED and POPT agreed. The
digits are those in PopED's documentation of `evaluate.fim`
(https://andrewhooker.github.io/PopED/reference/evaluate.fim.html).
"""

from __future__ import annotations

import numpy as np
import pytest
from warfarin_study import STUDY, warfarin

from understudy.design import expected_information

NAMES = ("theta_CL", "theta_V", "theta_ka", "omega(eta_CL)", "omega(eta_V)", "omega(eta_ka)", "sigma2")
# Relative standard errors in percent, and determinants.
BLOCK = (4.738266, 2.756206, 13.925829, 25.627205, 30.344316, 25.777327, 11.170784), 5.996147e22
FULL = (3.560994, 2.560413, 4.811952, 26.270324, 30.901555, 26.503936, 12.409516), 1.220371e24
# Entries of the full matrix by clearance with each parameter.
WITH_CLEARANCE = (47625.234145, -341.996566, 35.504624, -2073.844369, -5899.486674, 4.490538, -54419.723543)
# Second derivatives are differences on both sides, with steps of 1e-3 here: they err by some 1e-6.
BY_DIFFERENCES = 5e-6


@pytest.mark.parametrize(
    ("matrix", "published", "tolerance"), [("block", BLOCK, 5e-7), ("full", FULL, BY_DIFFERENCES)]
)
def test_errors_and_determinant_of_warfarin(matrix, published, tolerance):
    found = expected_information(warfarin(), STUDY, matrix=matrix)
    errors = [100 * found.relative[name] for name in NAMES]
    np.testing.assert_allclose(errors, published[0], rtol=tolerance)
    assert np.linalg.det(found.matrix) == pytest.approx(published[1], rel=2 * tolerance)


def test_information_of_warfarin():
    found = expected_information(warfarin(), STUDY, matrix="full")
    places = [found.names.index(name) for name in NAMES]
    np.testing.assert_allclose(found.matrix[places[0], places], WITH_CLEARANCE, rtol=5e-5)


def test_a_conditional_approximation_stays_near():
    # A patient's ka is known to within omega: 32 of them give the mean of its logarithm to within sqrt(0.6 / 32).
    found = expected_information(warfarin(), STUDY, "foce", draws=60)
    assert found.relative["theta_ka"] > np.sqrt(0.6 / 32)
    errors = [100 * found.relative[name] for name in NAMES]
    # Nyberg 2015: linearisations about zero and about individuals hardly differ for this study.
    np.testing.assert_allclose(errors, BLOCK[0], rtol=0.05)
