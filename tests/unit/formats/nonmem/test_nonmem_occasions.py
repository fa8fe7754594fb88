"""Effects between occasions: one effect where SAME blocks are chosen by an item, else effects of equal variance."""

import numpy as np
import pytest
from stream_case import stream

from understudy.inference.objective import objective

DATA = """ID,TIME,AMT,DV,OCC,SEX
1,0,100,.,1,1
1,1,.,8.1,1,1
1,4,.,6.2,1,1
1,24,100,.,2,1
1,25,.,10.3,2,1
1,30,.,7.1,2,1
2,0,80,.,1,2
2,2,.,6.6,1,2
2,24,80,.,2,2
2,26,.,9.9,2,2
"""
_PARTS = {
    "data": DATA,
    "INPUT": "ID TIME AMT DV OCC SEX",
    "OMEGA": "0.1\n$OMEGA BLOCK(1) 0.05\n$OMEGA BLOCK(1) SAME",
}
_END = "\n CL = THETA(1)*EXP(ETA(1) + IOV)\n V = THETA(2)\n S1 = V"
_CHOSEN = "\n IOV = 0\n IF (OCC.EQ.1) IOV = ETA(2)\n IF (OCC.EQ.2) IOV = ETA(3)" + _END
_FLAGS = (
    "\n OCC1 = 0\n IF (OCC.EQ.1) OCC1 = 1\n OCC2 = 0\n IF (OCC.EQ.2) OCC2 = 1\n IOV = OCC1*ETA(2) + OCC2*ETA(3)"
    + _END
)
_LADDER = "\n IF (OCC.EQ.1) THEN\n IOV = ETA(2)\n ELSE\n IOV = ETA(3)\n ENDIF" + _END
# The second occasion's effect counts double: it is not the first one's, drawn anew.
_UNEQUAL = "\n IOV = ETA(2)\n IF (OCC.EQ.2) IOV = 2*ETA(3)" + _END


def levels(found) -> list[str]:
    return [block.level for block in found.model.random]


@pytest.mark.parametrize("code", [_CHOSEN, _FLAGS, _LADDER])
def test_it_is_recognised(code, tmp_path):
    found = stream(tmp_path, PK=code, **_PARTS)
    assert levels(found) == ["subject", "occasion"]
    assert found.model.eta_names == ("ETA1", "ETA2")
    assert "OCC_item" not in found.model.covariate_names
    assert list(found.records.table["occ"].unique()) == ["1", "2"]


@pytest.mark.parametrize("code", [_CHOSEN, _FLAGS, _LADDER])
def test_it_weighs_the_same_as_effects_of_the_subject(code, tmp_path):
    found = stream(tmp_path, PK=code, **_PARTS)
    apart = stream(tmp_path, PK=code, **{**_PARTS, "OMEGA": "0.1 0.05 0.05"})
    assert levels(apart) == ["subject"] * 3
    assert objective(found.model, found.records) == pytest.approx(
        objective(apart.model, apart.records), abs=1e-6
    )


def test_what_is_not_one_effect_stays_apart(tmp_path):
    found = stream(tmp_path, PK=_UNEQUAL, **_PARTS)
    assert levels(found) == ["subject"] * 3
    np.testing.assert_array_equal(np.diag(found.model.omega), [0.1, 0.05, 0.05])


def test_blocks_of_two(tmp_path):
    code = (
        "\n IF (OCC.EQ.1) THEN\n IOV = ETA(2)\n IOW = ETA(3)\n ELSE\n IOV = ETA(4)\n IOW = ETA(5)\n ENDIF"
        "\n CL = THETA(1)*EXP(ETA(1) + IOV)\n V = THETA(2)*EXP(IOW)\n S1 = V"
    )
    omega = "0.1\n$OMEGA BLOCK(2) 0.05 0.01 0.05\n$OMEGA BLOCK SAME"
    found = stream(tmp_path, PK=code, **{**_PARTS, "OMEGA": omega})
    assert [(block.names, block.level) for block in found.model.random] == [
        (("ETA1",), "subject"),
        (("ETA2", "ETA3"), "occasion"),
    ]


def test_more_occasions_than_blocks_stay_apart(tmp_path):
    data = DATA + "2,48,80,.,3,2\n2,50,.,9.9,3,2\n"
    found = stream(tmp_path, PK=_CHOSEN, **{**_PARTS, "data": data})
    assert levels(found) == ["subject"] * 3
