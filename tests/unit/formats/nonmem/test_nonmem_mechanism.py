"""ADVAN and TRANS: every way to write a mechanism gives what its differential equations give."""

import numpy as np
import pytest
from stream_case import DATA, stream, text_of

from understudy.core.errors import FormatError
from understudy.engine.simulate import simulate
from understudy.formats.nonmem.control_stream import read

# Central, two peripherals; the depot comes before.
_V1, _CL, _Q2, _V2, _Q3, _V3, _KA = 10.0, 2.0, 3.0, 20.0, 1.0, 50.0, 0.9
_K, _K12, _K21, _K13, _K31 = _CL / _V1, _Q2 / _V1, _Q2 / _V2, _Q3 / _V1, _Q3 / _V3
_SHIFTED = {"V1": "V2", "V2": "V3", "V3": "V4", "Q2": "Q3", "Q3": "Q4", "K12": "K23", "K21": "K32", "K13": "K24",
            "K31": "K42"}  # fmt: skip


def _exponents(count: int) -> tuple[list[float], float]:
    """Disposition exponents, largest first, and the ratio of the two coefficients of two compartments."""
    out = [_K + _K12 + (_K13 if count == 3 else 0), _K21, _K31]
    matrix = np.diag(-np.array(out[:count]))
    matrix[0, 1], matrix[1, 0] = _K21, _K12
    if count == 3:
        matrix[0, 2], matrix[2, 0] = _K31, _K13
    found = np.sort(-np.linalg.eigvals(matrix).real)[::-1]
    return found.tolist(), float((found[0] - _K21) / (_K21 - found[1]))


def _values(count: int, trans: int) -> dict[str, float]:
    alphas, ratio = _exponents(count) if count > 1 else ([], 0.0)
    greek = dict(zip(("ALPHA", "BETA", "GAMMA"), alphas, strict=False))
    return {
        (1, 1): {"K": _K},
        (1, 2): {"CL": _CL, "V": _V1},
        (2, 1): {"K": _K, "K12": _K12, "K21": _K21},
        (2, 3): {"CL": _CL, "V": _V1, "Q": _Q2, "VSS": _V1 + _V2},
        (2, 4): {"CL": _CL, "V1": _V1, "Q": _Q2, "V2": _V2},
        (2, 5): {"AOB": ratio, **greek},
        (2, 6): {**greek, "K21": _K21},
        (3, 1): {"K": _K, "K12": _K12, "K21": _K21, "K13": _K13, "K31": _K31},
        (3, 4): {"CL": _CL, "V1": _V1, "Q2": _Q2, "V2": _V2, "Q3": _Q3, "V3": _V3},
        (3, 6): {**greek, "K21": _K21, "K31": _K31},
    }[count, trans]


def _pk(values: dict[str, float], depot: bool, scale: int) -> str:
    lines = [f" {_SHIFTED.get(name, name) if depot else name} = {value!r}" for name, value in values.items()]
    lines += [f" KA = {_KA}"] if depot else []
    return "\n" + "\n".join([*lines, f" S{scale} = {_V1}*EXP(0*ETA(1))"])


def _predicted(folder, **parts) -> np.ndarray:
    found = stream(folder, THETA=None, OMEGA="0.1", **parts)
    return simulate(found.model, found.records, engine="reference")["Y"].values


def _equations(count: int, depot: bool) -> tuple[str, str]:
    centre = 2 if depot else 1
    names = [*(["DEPOT"] if depot else []), "CENTRAL", "P1", "P2"][: count + depot]
    flows = [(_K12, _K21), (_K13, _K31)][: count - 1]
    central = f"-{_K!r}*A({centre})" + (f" + {_KA}*A(1)" if depot else "")
    lines = [f" DADT(1) = -{_KA}*A(1)"] if depot else []
    for k, (out, back) in enumerate(flows, centre + 1):
        central += f" - {out!r}*A({centre}) + {back!r}*A({k})"
        lines.append(f" DADT({k}) = {out!r}*A({centre}) - {back!r}*A({k})")
    lines.append(f" DADT({centre}) = {central}")
    return " ".join(f"COMP=({name})" for name in names), "\n" + "\n".join(lines)


_CASES = [
    (1, 1, False, 1), (1, 1, False, 2), (2, 1, True, 1), (2, 1, True, 2),
    *((3, 2, False, trans) for trans in (1, 3, 4, 5, 6)), *((4, 2, True, trans) for trans in (1, 3, 4, 5, 6)),
    *((11, 3, False, trans) for trans in (1, 4, 6)), *((12, 3, True, trans) for trans in (1, 4, 6)),
]  # fmt: skip


@pytest.mark.parametrize(("advan", "count", "depot", "trans"), _CASES)
def test_every_trans(advan, count, depot, trans, tmp_path):
    scale = 2 if depot else 1
    found = _predicted(
        tmp_path, SUBROUTINES=f"ADVAN{advan} TRANS{trans}", PK=_pk(_values(count, trans), depot, scale)
    )
    model, des = _equations(count, depot)
    wanted = _predicted(tmp_path, SUBROUTINES="ADVAN13 TOL=9", MODEL=model, PK=_pk({}, depot, scale), DES=des)
    assert np.isfinite(wanted).all()
    # The parameters are written with all their digits; the reference engine works to 1e-10.
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


@pytest.mark.parametrize(("advan", "sign"), [(5, ""), (7, "T")])
def test_linear_compartments(advan, sign, tmp_path):
    values = {f"K1{sign}2": _KA, f"K2{sign}0": _K, f"K2{sign}3": _K12, f"K3{sign}2": _K21}
    lines = "".join(f" {name} = {value!r}\n" for name, value in values.items())
    model = "COMP=(DEPOT) COMP=(CENTRAL) COMP=(P1)"
    found = _predicted(
        tmp_path, SUBROUTINES=f"ADVAN{advan}", MODEL=model, PK=f"\n{lines} S2 = {_V1}*EXP(0*ETA(1))"
    )
    _, des = _equations(2, True)
    wanted = _predicted(tmp_path, SUBROUTINES="ADVAN13", MODEL=model, PK=_pk({}, True, 2), DES=des)
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


def test_saturable_elimination(tmp_path):
    pk = "\n VM = 20\n KM = 30\n S1 = 10*EXP(0*ETA(1))"
    found = _predicted(tmp_path, SUBROUTINES="ADVAN10", PK=pk)
    des = "\n DADT(1) = -VM*A(1)/(KM + A(1))"
    wanted = _predicted(tmp_path, SUBROUTINES="ADVAN6 TOL=9", MODEL="COMP=(CENTRAL)", PK=pk, DES=des)
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


def test_what_compartments_hold_at_the_start(tmp_path):
    pk = "\n KOUT = THETA(1)\n BASE = THETA(2)*EXP(ETA(1))\n A_0(1) = BASE"
    des = "\n DADT(1) = KOUT*BASE - KOUT*A(1)"
    found = stream(tmp_path, SUBROUTINES="ADVAN13", MODEL="COMP=(RESPONSE)", PK=pk, DES=des,
                   data="ID,TIME,AMT,DV,WT,SEX\n1,0,.,9,70,1\n1,5,.,11,70,1\n")  # fmt: skip
    np.testing.assert_allclose(simulate(found.model, found.records)["Y"].values, 10.0, rtol=1e-9)


def test_default_compartments(tmp_path):
    model = "COMP=(GUT) COMP=(DEPOT) COMP=(PLASMA, DEFOBS)"
    des = "\n DADT(1) = 0\n DADT(2) = -A(2)\n DADT(3) = A(2) - CL/V*A(3)"
    found = stream(tmp_path, SUBROUTINES="ADVAN6 TOL=6", MODEL=model, DES=des, ERROR="\n Y = A(3)/V + EPS(1)")
    assert set(found.records.doses["cmt"]) == {"2"}
    assert found.model.structural.routes[0] == "DEPOT"
    assert found.model.structural.output("Y").expression.text == "PLASMA / V"


def test_records_and_compartments_as_people_write_them(tmp_path):
    text = text_of(
        MODEL="\n COMP (GUT)\n COMPARTMENT = CENTR\n COMP=(PERI NODOSE)",
        SUBROUTINES="ADVAN=ADVAN13 TOL=9",
        DES="\n DADT(1) = -A(1)\n DADT(2) = A(1) - A(2)\n DADT(3) = 0",
        ERROR="\n Y = A(2)*(1 + EPS(1))",
    )
    text = text.replace("$SUBROUTINES", "$SUBS").replace("$ESTIMATION", "$COVR\n$ESTM")
    (tmp_path / "data.csv").write_text(DATA)
    (tmp_path / "run.ctl").write_text(text)
    found = read(tmp_path / "run.ctl")
    assert found.model.structural.state_names == ("GUT", "CENTR", "PERI")
    assert [step.method for step in found.steps] == ["FOCE"]


def test_the_central_scale_by_its_other_name(tmp_path):
    found = stream(tmp_path, PK="\n CL = THETA(1)*EXP(ETA(1))\n V = THETA(2)\n SC = V")
    assert found.model.structural.output("Y").expression.text == "CENTRAL / SC"


def test_names_by_replacement(tmp_path):
    pk = "\n CL = THETA(CL)*EXP(ETA_CL)\n V = THETA(2)\n S1 = V"
    replaced = "DERIV2=NO\n$ABBR REPLACE THETA(CL)=THETA(1)\n$ABBR REPLACE ETA_CL=ETA(1)"
    found = stream(tmp_path, ABBR=replaced, PK=pk)
    assert found.model.individual[0].expression.text == "THETA1 * exp(ETA1)"


@pytest.mark.parametrize("numbers", ["1, 2", "1 to 2", "1 TO 2 BY 1"])
def test_several_names_by_one_replacement(tmp_path, numbers):
    pk = "\n CL = THETA(CL)*EXP(ETA(1))\n V = THETA(V)\n S1 = V"
    found = stream(tmp_path, ABBR=f"REPLACE THETA(CL, V) = THETA({numbers})", PK=pk)
    assert found.model.individual[1].expression.text == "THETA2"


@pytest.mark.parametrize(
    ("numbers", "told"), [("1, 2, 3", "2 names stand for 3 numbers"), ("1 until 2", "cannot be translated")]
)
def test_replacements_that_do_not_match(tmp_path, numbers, told):
    with pytest.raises(FormatError, match=told):
        stream(tmp_path, ABBR=f"REPLACE THETA(CL, V) = THETA({numbers})")


def test_covariates_hold_from_the_record_before(tmp_path):
    # PREDPP advances with the values of the record it goes to.
    data = "ID,TIME,AMT,DV,WT,SEX\n1,0,100,.,1,1\n1,1,.,8.1,2,1\n1,2,.,5.2,3,1\n"
    pk = "\n K = WT*EXP(0*ETA(1))\n S1 = 1"
    found = _predicted(tmp_path, SUBROUTINES="ADVAN1", PK=pk, data=data)
    np.testing.assert_allclose(found[0], 100 * np.exp([-2.0, -5.0]), rtol=1e-6)


def test_model_event_times_change_parameters_when_they_pass(tmp_path):
    data = "ID,TIME,AMT,DV,WT,SEX\n1,0,100,.,70,1\n1,2,.,8.1,70,1\n1,4,.,5.2,70,1\n"
    pk = "\n MTIME(1) = 3*EXP(0*ETA(1))\n K = 0.1*(1 - MPAST(1)) + 0.4*MPAST(1)\n S1 = 1"
    found = _predicted(tmp_path, SUBROUTINES="ADVAN1", PK=pk, data=data)
    # 0.1 until 3, then 0.4.
    np.testing.assert_allclose(found[0], 100 * np.exp([-0.2, -0.7]), rtol=1e-8)
    des = "\n KD = 0.1\n IF (T.GE.MTIME(1)) KD = 0.4\n DADT(1) = -KD*A(1)"
    again = _predicted(tmp_path, SUBROUTINES="ADVAN13", MODEL="COMP=(CENTRAL)", PK=pk, DES=des, data=data)
    np.testing.assert_allclose(again, found, rtol=1e-8)


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        (
            {"PK": "\n MTIME(1) = 1\n CL = 1\n V = THETA(2)*EXP(ETA(1))\n S1 = V\n F1 = MPAST(1)"},
            "the bioavailability of doses into compartment 1 depends on MTIME",
        ),
        ({"PK": "\n CL = 1\n V = 1\n S1 = V*MPAST(1)"}, "MTIME(1) cannot be translated"),
        ({"PK": "\n CL = A(1)\n V = 1\n S1 = V"}, "$PK looks at compartments"),
        ({"PK": "\n CL = 1\n V = 1\n TSCALE = 24"}, "TSCALE (a scale of time) cannot be translated"),
        ({"PK": "\n CALLFL = 1\n CL = 1\n V = 1"}, "CALLFL (when PK is called) cannot be translated"),
        ({"SUBROUTINES": "ADVAN99"}, "ADVAN99 cannot be translated"),
        ({"SUBROUTINES": "ADVAN16"}, "ADVAN16 cannot be translated"),
        ({"SUBROUTINES": "TRANS2"}, "no ADVAN is named"),
        ({"SUBROUTINES": "ADVAN1 TRANS4"}, "TRANS4 does not go with ADVAN1"),
        ({"SUBROUTINES": "ADVAN1 TRANS2 OTHER=my.f90"}, "OTHER of $SUBROUTINES cannot be translated"),
        ({"SUBROUTINES": "ADVAN3 TRANS4"}, "$PK sets no V1, which ADVAN3 TRANS4 needs"),
        ({"SUBROUTINES": "ADVAN13"}, "ADVAN13 needs a $MODEL"),
        ({"SUBROUTINES": "ADVAN13", "MODEL": "COMP=(A1)"}, "ADVAN13 needs a $DES"),
        (
            {"SUBROUTINES": "ADVAN13", "MODEL": "COMP=(A1) COMP=(B)", "DES": "\n DADT(1) = 0"},
            "there is no DADT(2), for compartment B",
        ),
        (
            {"SUBROUTINES": "ADVAN13", "MODEL": "COMP=(A1)", "DES": "\n DADT(1) = -A(2)"},
            "A(2) is used, but there is 1",
        ),
        ({"SUBROUTINES": "ADVAN13", "MODEL": "NONSENSE"}, "of $MODEL is not understood"),
        ({"SUBROUTINES": "ADVAN5", "MODEL": "COMP=(A1)"}, "$PK sets no rate constant"),
        ({"SUBROUTINES": "ADVAN5", "MODEL": "COMP=(A1)", "PK": "\n K15 = 1"}, "K15 leads from 1 to 5"),
        ({"PK": None}, "there is no $PK"),
        ({"ERROR": None}, "there is no $ERROR"),
    ],
)
def test_mechanisms_that_are_refused(parts, cause, tmp_path):
    with pytest.raises(FormatError) as told:
        stream(tmp_path, **parts)
    assert cause in told.value.cause
    assert "run.ctl, line" in told.value.place
