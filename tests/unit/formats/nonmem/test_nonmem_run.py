"""Files of a finished run, read together."""

import math

import pytest

from understudy.core.errors import FormatError, ModelError
from understudy.formats.load import load, load_model

_TITLE = "First Order Conditional Estimation with Interaction"
EXT = f"""TABLE NO.     1: {_TITLE} (Evaluation): Goal Function=MINIMUM VALUE: Problem=1 Subproblem=0
 ITERATION    THETA1       SIGMA(1,1)   OMEGA(1,1)   OBJ
  -1000000000  9.00000E+00  9.00000E+00  9.00000E+00  9.0
TABLE NO.     2: {_TITLE}: Goal Function=MINIMUM VALUE OF OBJECTIVE FUNCTION: Problem=1 Subproblem=0
 ITERATION    THETA1       SIGMA(1,1)   OMEGA(1,1)   OBJ
            0  1.00000E+00  1.00000E+00  2.00000E-01    120.5
  -1000000000  2.50000E+00  1.00000E+00  1.00000E-01    100.25
  -1000000001  5.00000E-01  1.00000E+10  2.00000E-02    0.0
  -1000000006  0.00000E+00  1.00000E+00  0.00000E+00    0.0
"""
LST = f"""
 #METH: {_TITLE}
 MINIMIZATION SUCCESSFUL
 #OBJV:********************************************      100.250       ****************************************
"""
COV = f"""TABLE NO.     2: {_TITLE}: Problem=1 Subproblem=0
 NAME              THETA1       SIGMA(1,1)   OMEGA(1,1)
 THETA1             2.50000E-01  0.00000E+00  1.00000E-03
 SIGMA(1,1)         0.00000E+00  0.00000E+00  0.00000E+00
 OMEGA(1,1)         1.00000E-03  0.00000E+00  4.00000E-04
"""
PHI = f"""TABLE NO.     2: {_TITLE}: Problem=1 Subproblem=0
 SUBJECT_NO   ID           ETA(1)       ETC(1,1)     OBJ
            1  1.0000E+00  -1.20000E-01  1.00000E-02    8.1
            2  7.0000E+00   3.00000E-01  2.00000E-02    9.1
"""


@pytest.fixture
def run(tmp_path):
    for suffix, text in ((".ext", EXT), (".lst", LST), (".cov", COV), (".phi", PHI)):
        (tmp_path / f"run1{suffix}").write_text(text)
    return tmp_path


@pytest.mark.parametrize("suffix", ["ext", "lst", "cov", "phi"])
def test_all_files_of_a_run_are_read_by_any_of_them(run, suffix):
    fit = load(run / f"run1.{suffix}")
    assert fit.method == _TITLE
    assert fit.objective == 100.25
    assert dict(fit.estimates) == {"THETA1": 2.5, "SIGMA(1,1)": 1.0, "OMEGA(1,1)": 0.1}
    assert fit.standard_errors["THETA1"] == 0.5
    assert math.isnan(fit.standard_errors["SIGMA(1,1)"])
    assert fit.fixed == ("SIGMA(1,1)",)
    assert fit.succeeded is True
    assert fit.covariance.loc["THETA1", "OMEGA(1,1)"] == 1e-3
    assert list(fit.effects["ETA(1)"]) == [-0.12, 0.3]
    assert list(fit.effects.index) == ["1", "7"]
    assert fit.interval("THETA1") == pytest.approx((1.52, 3.48))


def test_a_listing_alone(run):
    (run / "run1.ext").unlink()
    fit = load(run / "run1.lst")
    assert (fit.method, fit.objective, fit.succeeded) == (_TITLE, 100.25, True)
    assert not fit.estimates


def test_a_run_that_failed(run):
    (run / "run1.lst").write_text(
        LST.replace("SUCCESSFUL", "TERMINATED\n DUE TO ROUNDING ERRORS (ERROR=134)")
    )
    fit = load(run / "run1.lst")
    assert fit.succeeded is False
    assert "rounding errors" in fit.status


def test_a_fit_is_no_model(run):
    with pytest.raises(ModelError, match="the fit in it holds numbers, but no model"):
        load_model(run / "run1.ext")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "no table of NONMEM's"),
        ("nonsense\n1 2 3\n", "no table of NONMEM's"),
        (EXT.replace("  -1000000000  2.5", "  -1000000009  2.5"), "no final estimates"),
        (EXT.replace("2.50000E+00  1.00000E+00", "2.50000E+00"), "the row has 4 cells"),
        (EXT.replace("2.50000E+00", "*********"), "is no number"),
    ],
)
def test_damaged_files(run, text, cause):
    (run / "run1.ext").write_text(text)
    with pytest.raises(FormatError) as told:
        load(run / "run1.ext")
    assert cause in told.value.cause


def test_a_covariance_without_estimates(run):
    (run / "run1.ext").unlink()
    with pytest.raises(FormatError, match=r"no run1\.ext beside it"):
        load(run / "run1.cov")
