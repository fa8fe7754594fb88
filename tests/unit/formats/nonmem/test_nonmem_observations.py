"""Y: predictions and residual errors in the forms that people write."""

import pytest
from stream_case import stream

from understudy.core.errors import FormatError

_TWO = """ID,TIME,AMT,DV,DVID,CMT,FLAG,WT,SEX
1,0,100,.,0,1,0,70,1
1,1,.,8.1,1,1,5,70,1
1,1,.,90,2,2,7,70,1
1,4,.,5.2,1,1,5,70,1
2,0,80,.,0,1,0,55,2
2,2,.,6.6,1,1,5,55,2
2,6,.,70,2,2,7,55,2
"""
_BOTH = {"data": _TWO, "INPUT": "ID TIME AMT DV DVID CMT FLAG WT SEX", "SUBROUTINES": "ADVAN3 TRANS4",
         "PK": "\n CL = THETA(1)*EXP(ETA(1))\n V1 = THETA(2)\n Q = 1\n V2 = 5\n S1 = V1\n S2 = V2",
         "SIGMA": "0.04 9"}  # fmt: skip


@pytest.mark.parametrize(
    ("error", "sigma", "variance"),
    [
        ("Y = F + EPS(1)", "1", "SIGMA_1_1"),
        ("Y = F + F*EPS(1)", "1", "Y ** 2 * SIGMA_1_1"),
        ("Y = F*(1 + ERR(1))", "1", "Y ** 2 * SIGMA_1_1"),
        ("Y = F*EXP(EPS(1))", "1", "Y ** 2 * SIGMA_1_1"),
        ("Y = F + F*EPS(1) + EPS(2)", "1 2", "Y ** 2 * SIGMA_1_1 + SIGMA_2_2"),
        ("Y = F*EXP(EPS(1)) + EPS(2)", "1 2", "Y ** 2 * SIGMA_1_1 + SIGMA_2_2"),
        ("W = THETA(2)*F\n Y = F + W*EPS(1)", "1 FIX", "(THETA2 * Y) ** 2 * SIGMA_1_1"),
        (
            "IPRED = F\n W = SQRT(THETA(1)**2 + THETA(2)**2*IPRED**2)\n Y = IPRED + W*EPS(1)",
            "1 FIX",
            "(THETA1 ** 2 + THETA2 ** 2 * Y ** 2) * SIGMA_1_1",
        ),
        (
            "IPRED = F\n IF (IPRED.LT.0.01) IPRED = 0.01\n W = IPRED*THETA(1)\n Y = IPRED + W*EPS(1)",
            "1",
            "(Y * THETA1) ** 2 * SIGMA_1_1",
        ),
        ("Y = LOG(F) + EPS(1)", "1", "SIGMA_1_1"),
        (
            "W = SQRT(THETA(1)**2 + THETA(2)**2/F**2)\n Y = LOG(F) + W*EPS(1)",
            "1 FIX",
            "(THETA1 ** 2 + THETA2 ** 2 / exp(Y) ** 2) * SIGMA_1_1",
        ),
        ("Y = LOG(F + 0.1) + F*EPS(1)", "1", "(exp(Y) - 0.1) ** 2 * SIGMA_1_1"),
        (
            "IPRED = -5\n IF (F.GT.0) IPRED = LOG(F)\n Y = IPRED + THETA(1)*EPS(1)",
            "1",
            "THETA1 ** 2 * SIGMA_1_1",
        ),
        ("Y = F + EPS(1)*EXP(ETA(1))", "1", "exp(ETA1) ** 2 * SIGMA_1_1"),
        (
            "Y = F + F*EPS(1) + EPS(2)",
            "BLOCK(2) 1 0.1 2",
            "Y ** 2 * SIGMA_1_1 + 2 * (Y * SIGMA_2_1) + SIGMA_2_2",
        ),
        (
            "W = F\n IF (SEX.EQ.1) W = 2*F\n Y = F + W*EPS(1)",
            "1",
            "where(SEX == 1, 2 * Y, Y) ** 2 * SIGMA_1_1",
        ),
        ("Y = F + F**THETA(1)*EPS(1)", "1", "(Y ** THETA1) ** 2 * SIGMA_1_1"),
        ("Y = F + EPS(1) ; with a second that is not used", "1 2", "SIGMA_1_1"),
    ],
)
def test_residual_errors(error, sigma, variance, tmp_path):
    found = stream(tmp_path, ERROR=f"\n {error}", SIGMA=sigma)
    assert found.model.residual_of("Y").variance.text == variance


@pytest.mark.parametrize(
    "error",
    [
        "IF (DVID.EQ.1) THEN\n Y = A(1)/V1*(1 + EPS(1))\n ELSE\n Y = A(2)/V2 + EPS(2)\n ENDIF",
        "IF (DVID.LE.1) Y = A(1)/V1*(1 + EPS(1))\n IF (DVID.EQ.2) Y = A(2)/V2 + EPS(2)",
        "Q1 = 0\n IF (DVID.EQ.1) Q1 = 1\n Y = Q1*A(1)/V1*(1 + EPS(1)) + (1 - Q1)*(A(2)/V2 + EPS(2))",
    ],
)
def test_two_outputs_by_dvid(error, tmp_path):
    found = stream(tmp_path, ERROR=f"\n {error}", **_BOTH)
    assert [each.output for each in found.model.residual] == ["Y1", "Y2"]
    outputs = [each.expression.text for each in found.model.structural.outputs]
    assert outputs == ["CENTRAL / V1", "PERIPH / V2"]
    assert [each.variance.text for each in found.model.residual] == ["Y1 ** 2 * SIGMA_1_1", "SIGMA_2_2"]
    assert list(found.records.observations["dvid"]) == ["Y1", "Y2", "Y1", "Y1", "Y2"]


def test_two_outputs_by_compartment(tmp_path):
    found = stream(tmp_path, ERROR="\n Y = F + F*EPS(1)", **_BOTH)
    outputs = [each.expression.text for each in found.model.structural.outputs]
    assert outputs == ["CENTRAL / S1", "PERIPH / S2"]


def test_two_outputs_by_a_flag_of_the_users(tmp_path):
    error = "\n IF (FLAG.EQ.7) THEN\n Y = A(2) + EPS(2)\n ELSE\n Y = A(1)*EXP(EPS(1))\n ENDIF"
    found = stream(tmp_path, ERROR=error, **_BOTH)
    assert [each.output for each in found.model.residual] == ["Y5", "Y7"]


def test_kinds_that_are_the_same_are_one(tmp_path):
    error = "\n W = 1\n IF (FLAG.EQ.99) W = 2\n Y = A(1) + W*EPS(1)"
    found = stream(tmp_path, ERROR=error, **_BOTH)
    assert found.model.output_names == ("Y",)


def test_time_after_the_last_dose(tmp_path):
    pk = "\n IF (AMT.GT.0) TDOSE = TIME\n CL = THETA(1)*EXP(ETA(1))\n V = THETA(2)\n S1 = V"
    found = stream(tmp_path, PK=pk, ERROR="\n TAD = TIME - TDOSE\n Y = F + TAD + EPS(1)")
    assert found.model.structural.output("Y").expression.text == "CENTRAL / S1 + (t - TDOSE)"
    assert list(found.records.table["TDOSE"]) == [0] * 6


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("Y = F + W*EPS(1)", "W is not defined"),
        ("X = F", "$ERROR sets no Y"),
        ("Y = F*DV", "Y depends on DV"),
        ("Y = F + A(1)**2*EPS(1)", "depends on A(1), which is not the prediction"),
        ("Y = F + SIN(EPS(1))", "EPS(1) is in sin of Y"),
        ("IF (EPS(1).GT.0) Y = F\n Y = F*Y", "is in a condition"),
        ("Y = F + EPS(2)", "EPS(2) is used, but there is 1"),
        ("Y = F + THETA(3) + EPS(1)", "THETA(3) is used, but there are 2"),
        ("Y = F + ETA(2) + EPS(1)", "ETA(2) is used, but there is 1"),
        ("Y = F + FOO", "FOO is not defined"),
        ("F_FLAG = 1\n Y = F*EXP(EPS(1))", "Y is a likelihood and has an EPS"),
        ("Y = F + PHI(F) + EPS(1)", "PHI is no function that can be translated"),
        ("IF (SEX.EQ.1) Y = F + EPS(1)", "Y is not set on row 6 of data.csv"),
    ],
)
def test_what_is_refused(error, cause, tmp_path):
    with pytest.raises(FormatError) as told:
        stream(tmp_path, ERROR=f"\n {error}")
    assert cause in told.value.cause
    assert told.value.place.startswith("run.ctl, line")
