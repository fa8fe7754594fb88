"""$PRIOR NWPRI by $THETAP, $THETAPV, $OMEGAP and $OMEGAPD."""

import numpy as np
import pytest
from stream_case import stream

from understudy.core.errors import FormatError
from understudy.formats.nonmem.writer import write
from understudy.inference.objective import objective

PRIORS = {
    "PRIOR": "NWPRI",
    "THETAP": "(3 FIX) (12 FIX)",
    "THETAPV": "BLOCK(2) FIX\n 0.25\n 0.1 4",
    "OMEGAP": "0.2 FIX",
    "OMEGAPD": "(15 FIX)",
}


def test_priors_are_those_of_the_records(tmp_path):
    found = stream(tmp_path, **PRIORS).model
    assert found.priors[0].names == ("THETA1", "THETA2")
    assert found.priors[0].means == (3.0, 12.0)
    assert found.priors[0].covariance == ((0.25, 0.1), (0.1, 4.0))
    assert (found.random[0].prior.mode, found.random[0].prior.degrees) == (((0.2,),), 15.0)


def test_the_objective_has_the_penalty(tmp_path):
    found, plain = stream(tmp_path, **PRIORS), stream(tmp_path)
    distance = np.array([2.0 - 3.0, 10.0 - 12.0])
    wanted = distance @ np.linalg.solve([[0.25, 0.1], [0.1, 4.0]], distance) + 17 * (np.log(0.1) + 0.2 / 0.1)
    difference = objective(found.model, found.records) - objective(plain.model, plain.records)
    assert difference == pytest.approx(wanted, abs=1e-8)


def test_only_some_thetas_and_counts_that_agree(tmp_path):
    parts = {"PRIOR": "NWPRI NTHETA=2, NTHP=1, NETP=0", "THETAP": "3 FIX", "THETAPV": "0.25 FIX"}
    assert stream(tmp_path, **parts).model.priors[0].names == ("THETA1",)


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"PRIOR": "TNPRI (PROBLEM 2)"}, "TNPRI cannot be translated"),
        ({"PRIOR": "NWPRI NTHP=3"}, "NTHP=3 does not go with 2"),
        ({"PRIOR": None}, "THETAP without .PRIOR"),
        ({"THETAPV": "0.25 FIX"}, "2 values in .THETAP, 1 variances"),
        ({"THETAPV": "BLOCK(2) FIX 0.25 0 0"}, "THETAPV is singular"),
        ({"OMEGAP": "BLOCK(2) FIX 0.2 0.01 0.1"}, "blocks of .OMEGAP"),
        ({"OMEGAP": "0 FIX"}, "OMEGAP is singular"),
        ({"THETAP": None, "THETAPV": None, "OMEGAP": None, "OMEGAPD": None}, "there is no prior"),
        ({"SIGMAP": "0.1 FIX"}, "priors of SIGMA"),
    ],
)
def test_what_is_refused(changed, cause, tmp_path):
    with pytest.raises(FormatError, match=cause):
        stream(tmp_path, **(PRIORS | changed))


def test_priors_are_not_written_back(tmp_path):
    with pytest.raises(FormatError, match="priors"):
        write(stream(tmp_path, **PRIORS).model, tmp_path / "again.ctl")
