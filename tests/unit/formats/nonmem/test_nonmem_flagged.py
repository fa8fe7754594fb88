"""Levels below a limit of quantification, told by F_FLAG (M3)."""

from dataclasses import replace

import numpy as np
import pytest
from stream_case import stream

from understudy.core.errors import FormatError
from understudy.formats.nonmem.control_stream import read
from understudy.formats.nonmem.writer import write, write_records
from understudy.inference.objective import objective

DATA = """ID,TIME,AMT,DV,BLQ,LLOQ
1,0,100,.,0,1
1,1,.,8.1,0,1
1,9,.,1.5,0,1
1,20,.,0.5,1,1
2,0,80,.,0,1
2,2,.,6.6,0,1
2,16,.,0.5,1,1
2,24,.,0.5,1,1
"""
_COMMON = {"data": DATA, "INPUT": "ID TIME AMT DV BLQ LLOQ", "SIGMA": "1 FIX", "THETA": "(0, 2) (0, 10) (0, 0.2)",
           "ESTIMATION": "METHOD=1 LAPLACIAN INTER"}  # fmt: skip
_ITEM = """
 IPRED = F
 W = SQRT((THETA(3)*IPRED)**2 + 0.01)
 IF (BLQ.EQ.1) THEN
   F_FLAG = 1
   Y = PHI((1 - IPRED)/W)
 ELSE
   F_FLAG = 0
   Y = IPRED + W*EPS(1)
 ENDIF"""
_LEVEL = """
 IPRED = F
 W = SQRT((THETA(3)*IPRED)**2 + 0.01)
 DUM = (LLOQ - IPRED)/W
 CUMD = PHI(DUM)
 Y = IPRED + W*EPS(1)
 IF (DV.LT.LLOQ) THEN
   F_FLAG = 1
   Y = CUMD
 ENDIF"""
_TWICE = """
 IPRED = F
 W = SQRT((THETA(3)*IPRED)**2 + 0.01)
 IF (BLQ.EQ.0) THEN
   F_FLAG = 0
   Y = IPRED + W*EPS(1)
 ENDIF
 IF (BLQ.EQ.1) THEN
   F_FLAG = 1
   Y = PHI((LLOQ - IPRED)/W)
 ENDIF"""


@pytest.mark.parametrize("error", [_ITEM, _LEVEL, _TWICE])
def test_it_is_a_limit_of_the_residual_error(error, tmp_path):
    found = stream(tmp_path, ERROR=error, **_COMMON)
    residual = found.model.residual_of("Y")
    assert residual.lower_limit == 1
    assert residual.variance.text == "((THETA3 * Y) ** 2 + 0.01) * SIGMA_1_1"
    assert list(found.records.observations["dv"]) == [8.1, 1.5, 0.5, 6.6, 0.5, 0.5]
    assert found.steps[0].laplacian


def test_every_way_to_write_it_weighs_the_same(tmp_path):
    values = []
    for error in (_ITEM, _LEVEL, _TWICE):
        found = stream(tmp_path, ERROR=error, **_COMMON)
        values.append(objective(found.model, found.records, method="laplace"))
    assert np.ptp(values) < 1e-9
    plain = replace(found.model, residual=tuple(replace(r, lower_limit=None) for r in found.model.residual))
    assert abs(objective(plain, found.records, method="laplace") - values[0]) > 1


def test_one_output_of_two(tmp_path):
    data = DATA.replace("BLQ,LLOQ", "BLQ,DVID").replace("2,24,.,0.5,1,1", "2,24,.,42,0,2")
    error = """
 W = 0.5
 IF (DVID.EQ.2) THEN
   Y = 40 + A(1) + EPS(1)
 ELSE
   Y = F + W*EPS(1)
 ENDIF
 IF (DVID.LE.1.AND.BLQ.EQ.1) THEN
   F_FLAG = 1
   Y = PHI((1 - F)/W)
 ENDIF"""
    found = stream(tmp_path, ERROR=error, **{**_COMMON, "data": data, "INPUT": "ID TIME AMT DV BLQ DVID"})
    assert [(each.output, each.lower_limit) for each in found.model.residual] == [("Y1", 1.0), ("Y2", None)]


def test_it_is_written_again(tmp_path):
    found = stream(tmp_path, ERROR=_ITEM, **_COMMON)
    (tmp_path / "again.ctl").write_text(write(found, "again.csv"))
    write_records(found.model, found.records).to_csv(tmp_path / "again.csv", index=False)
    again = read(tmp_path / "again.ctl")
    assert again.model.residual_of("Y").lower_limit == 1
    assert again.steps[0].laplacian
    # Differential equations against a closed form.
    assert objective(again.model, again.records, method="laplace") == pytest.approx(
        objective(found.model, found.records, method="laplace"), abs=1e-5
    )


def test_levels_written_as_the_limit_itself_are_below_it(tmp_path):
    found = stream(tmp_path, ERROR=_ITEM, **{**_COMMON, "data": DATA.replace(",0.5,1,", ",1,1,")})
    below = found.records.observations["dv"].to_numpy()[[2, 4, 5]]
    assert (below < 1).all()
    np.testing.assert_allclose(below, 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("error", "parts", "cause"),
    [
        (_ITEM.replace("PHI((1 - IPRED)/W)", "PHI((1 - IPRED)/2)"), {}, "does not go with Y elsewhere"),
        (_ITEM.replace("PHI((1 - IPRED)/W)", "PHI((1 - F*2)/W)"), {}, "does not go with Y elsewhere"),
        (_ITEM.replace("PHI((1 - IPRED)/W)", "PHI(IPRED)"), {}, "is not understood"),
        (_ITEM.replace("(1 - IPRED)", "(THETA(1) - IPRED)"), {}, "neither a number nor a data item"),
        (_ITEM, {"SIGMA": "1"}, "does not go with Y elsewhere"),
        (_ITEM.replace("F_FLAG = 1", "F_FLAG = 3"), {}, "F_FLAG is none of 0, 1, 2"),
        (_ITEM.replace("BLQ.EQ.1", "F.LT.1"), {}, "F_FLAG depends on more than data items"),
        (
            _ITEM,
            {"data": DATA.replace("9,.,1.5,0", "9,.,0.9,0")},
            "DV on row 4 of data.csv is below the limit 1",
        ),
        (_LEVEL, {"data": DATA.replace("24,.,0.5,1,1", "24,.,0.5,1,2")}, "LLOQ changes from row to row"),
    ],
)
def test_what_is_refused(error, parts, cause, tmp_path):
    with pytest.raises(FormatError) as told:
        stream(tmp_path, ERROR=error, **{**_COMMON, **parts})
    assert cause in told.value.cause
    assert told.value.place.startswith("run.ctl, line")
