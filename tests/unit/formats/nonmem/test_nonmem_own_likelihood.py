"""Y as a likelihood of DV: LIKELIHOOD and -2LL of $ESTIMATION, F_FLAG 1 and 2; against models written by hand."""

import pytest
from stream_case import stream

from understudy.core.errors import FormatError
from understudy.formats.nonmem.writer import write
from understudy.inference.objective import objective
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel

BINARY = """ID,TIME,DV,DOSE
1,0,0,1
1,1,1,1
1,2,1,1
2,0,0,0
2,1,0,0
2,2,1,0
3,0,1,2
3,1,0,2
3,2,1,2
"""
LOGIT = """
 X = THETA(1) + THETA(2)*DOSE + THETA(3)*TIME + ETA(1)
 P = 1/(1 + EXP(-X))
 Y = P
 IF (DV.EQ.0) Y = 1 - P"""
TWICE = LOGIT.replace("Y = P\n", "Y = -2*LOG(P)\n").replace("Y = 1 - P", "Y = -2*LOG(1 - P)")
NO_COMPARTMENTS = {"SUBROUTINES": None, "PK": None, "ERROR": None, "SIGMA": None}
COMMON = {
    **NO_COMPARTMENTS, "data": BINARY, "INPUT": "ID TIME DV DOSE", "THETA": "0.2 0.5 0.1", "OMEGA": "0.4",
}  # fmt: skip


def by_hand(records) -> float:
    """The same as a binary outcome with cumulative logits."""
    base = Model(
        "logit", "h", {"x": 0.0, "slope": 0.0}, {"S": "1"}, {"S": "0"}, outputs={"Y": "x + slope * t"}
    )
    model = PopulationModel(
        "logit", base, {"x": "a + b * DOSE + eta", "slope": "c"}, {"a": 0.2, "b": 0.5, "c": 0.1}, {"eta": 0.4},
        covariates={"DOSE": "1"}, distributions={"Y": ("ordinal", {"threshold_1": "0"})},
    )  # fmt: skip
    return objective(model, records, method="laplace")


@pytest.mark.parametrize(
    ("code", "estimation"),
    [
        (LOGIT, "METHOD=1 LAPLACIAN LIKELIHOOD"),
        (TWICE, "METHOD=COND LAPLACE -2LL"),
        (TWICE, "METHOD=1 LAPLACIAN -2LOGLIKELIHOOD"),
        (f"\n F_FLAG = 1{LOGIT}", "METHOD=1 LAPLACIAN"),
        (f"\n F_FLAG = 2{TWICE}", "METHOD=1 LAPLACIAN"),
    ],
)
def test_a_binary_outcome_has_the_objective_of_one_written_by_hand(code, estimation, tmp_path):
    found = stream(tmp_path, PRED=code, **COMMON, ESTIMATION=estimation)
    assert found.model.distributions[0].kind == "log_likelihood"
    assert found.model.output_names == ("Y",)
    # Modes by two different expected curvatures agree to what is left of the search.
    assert objective(found.model, found.records, method="laplace") == pytest.approx(
        by_hand(found.records), abs=1e-6
    )


def test_beside_a_prediction_it_is_of_the_rows_that_are_flagged(tmp_path):
    data = "ID,TIME,AMT,DV,DVID\n1,0,100,.,1\n1,1,.,8.1,1\n1,4,.,5.2,1\n1,4,.,3,2\n2,0,80,.,1\n2,2,.,6.6,1\n2,6,.,0,2\n"
    error = """
 IF (DVID.EQ.1) THEN
   F_FLAG = 0
   Y = F*(1 + EPS(1))
 ELSE
   F_FLAG = 2
   LAM = THETA(3)*EXP(A(1)/100)
   Y = -2*(DV*LOG(LAM) - LAM - GAMLN(DV + 1))
 ENDIF"""
    found = stream(
        tmp_path, data=data, INPUT="ID TIME AMT DV DVID", ERROR=error, THETA="(0, 2) (0, 10) (0, 1.5)",
        ESTIMATION="METHOD=1 LAPLACIAN INTER",
    )  # fmt: skip
    assert found.model.output_names == ("Y", "LIKELIHOOD")
    base = Model(
        "iv", "h", {"CL": 2.0, "V": 10.0, "base": 1.5}, {"A": "mg"}, {"A": "-CL / V * A"},
        outputs={"Y": ("A / V", "mg"), "LIKELIHOOD": "base * exp(A / 100[mg])"},
    )  # fmt: skip
    model = PopulationModel(
        "iv", base, {"CL": "a * exp(eta)", "V": "b", "base": "c"}, {"a": 2.0, "b": 10.0, "c": 1.5, "s": 0.04},
        {"eta": 0.1}, {"Y": "s * Y ** 2"}, distributions={"LIKELIHOOD": "poisson"},
    )  # fmt: skip
    wanted = objective(model, found.records, method="laplace")
    assert objective(found.model, found.records, method="laplace") == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("code", "estimation", "cause"),
    [
        (LOGIT, "METHOD=1", "Y depends on DV"),
        (LOGIT.replace("Y = P", "Y = PHI(X)"), "METHOD=1 LAPLACE LIKE", "PHI is no function"),
        (LOGIT, "METHOD=1 LIKE\n$ESTIMATION METHOD=1 -2LL", "Y is a likelihood in one step"),
    ],
)
def test_what_is_refused(code, estimation, cause, tmp_path):
    with pytest.raises(FormatError, match=cause):
        stream(tmp_path, PRED=code, **COMMON, ESTIMATION=estimation)


def test_it_is_not_written_back(tmp_path):
    found = stream(tmp_path, PRED=LOGIT, **COMMON, ESTIMATION="METHOD=1 LAPLACE LIKE")
    with pytest.raises(FormatError, match="no level"):
        write(found.model, tmp_path / "again.ctl")
