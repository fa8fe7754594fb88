"""Control streams for the reference runs, written from what is published of each: structure, data, estimates."""

import re

_THETAS = {
    "VCL": ("CL", "V"),
    "VVMKM": ("VM", "KM", "V"),
    "KAVCL": ("CL", "V", "KA"),
    "KAVVMKM": ("VM", "KM", "V", "KA"),
    "CLV1QV2": ("CL", "V1", "Q", "V2"),
    "V1QV2VMKM": ("VM", "KM", "V1", "Q", "V2"),
    "KACLV1QV2": ("CL", "V1", "Q", "V2", "KA"),
    "KAV1QV2VMKM": ("VM", "KM", "V1", "Q", "V2", "KA"),
}
# By the number of compartments besides the depot, and whether there is one.
_ADVAN = {(1, False): 1, (1, True): 2, (2, False): 3, (2, True): 4}


def input_record(header: str, dropped: tuple[str, ...] = ("SS", "II", "V", "CL", "KA")) -> str:
    """``$INPUT`` for the header of a data file. SS and II are dropped: the published runs did not use them."""
    names = [name.strip('"').upper() for name in header.strip().split(",")]
    names = [f"{name}=DROP" if name in dropped else name for name in names]
    return "$INPUT " + " ".join(names)


def run_stream(row, header: str, file: str) -> str:
    """The control stream of one of the 35 runs, its initial estimates the published ones."""
    route, count, order = re.match(r"(\w+?)1?_([12])CPT_(\w+)", row["problem"]).groups()
    names, depot, solved = _THETAS[order], route.upper() == "ORAL", row["kind"] == "solved"
    estimates = {k: float(v) for k, v in re.findall(r"([A-Z]+[0-9(),]*)=(\S+)", row["estimates"])}
    individual = [f"  {name} = EXP(THETA({k}) + ETA({k}))" for k, name in enumerate(names, 1)]
    if solved:
        body = _predefined(int(count), depot, individual)
    else:
        body = _differential(int(count), depot, "VM" in names, individual)
    thetas = [f"  {estimates[f'THETA{k}']!r} ; log {name}" for k, name in enumerate(names, 1)]
    omegas = [f"  {estimates[f'OMEGA({k},{k})']!r} ; {name}" for k, name in enumerate(names, 1)]
    return "\n".join(
        [
            f"$PROBLEM {row['problem']}",
            input_record(header),
            f"$DATA '{file}' {row['filter']}",
            *body,
            "$ERROR",
            "  IPRED = F",
            f"  W = THETA({len(names) + 1})*IPRED",
            "  Y = IPRED + W*EPS(1)",
            "$THETA",
            *thetas,
            f"  (0, {estimates[f'THETA{len(names) + 1}']!r}) ; proportional error",
            "$OMEGA",
            *omegas,
            "$SIGMA 1 FIX",
            "$ESTIMATION METHOD=1 INTERACTION MAXEVAL=9999",
            "$COVARIANCE",
            "",
        ]
    )


def _predefined(count: int, depot: bool, individual: list[str]) -> list[str]:
    advan, trans = _ADVAN[count, depot], 2 if count == 1 else 4
    volume = "V" if count == 1 else "V1"
    renamed = individual
    if count == 2 and depot:
        # ADVAN4 TRANS4 calls the volumes V2 and V3.
        renamed = [re.sub(r"\bV2 =", "V3 =", line) for line in individual]
        renamed = [re.sub(r"\bV1 =", "V2 =", line) for line in renamed]
        volume = "V2"
    scale = f"  S{2 if depot else 1} = {volume}"
    return [f"$SUBROUTINES ADVAN{advan} TRANS{trans}", "$PK", *renamed, scale]


def _differential(count: int, depot: bool, saturable: bool, individual: list[str]) -> list[str]:
    volume, centre = "V" if count == 1 else "V1", 2 if depot else 1
    names = [*(["DEPOT"] if depot else []), "CENTRAL", *(["PERI"] if count == 2 else [])]
    middle = f"A({centre})"
    lost = "VM*CP/(KM + CP)" if saturable else "CL*CP"
    rates = [f"  CP = {middle}/{volume}"]
    central = ("KA*A(1) " if depot else "") + f"- {lost}"
    if depot:
        rates.append("  DADT(1) = -KA*A(1)")
    if count == 2:
        peripheral = f"A({centre + 1})"
        central += f" - Q/V1*{middle} + Q/V2*{peripheral}"
        rates.append(f"  DADT({centre + 1}) = Q/V1*{middle} - Q/V2*{peripheral}")
    rates.append(f"  DADT({centre}) = {central}")
    return [
        "$SUBROUTINES ADVAN13 TOL=9",
        "$MODEL " + " ".join(f"COMP=({name})" for name in names),
        "$PK",
        *individual,
        f"  S{centre} = {volume}",
        "$DES",
        *rates,
    ]


_ORAL = """
  KA = EXP(THETA(1) + ETA(1))
  CL = EXP(THETA(2) + ETA(2))
  V = EXP(THETA(3) + ETA(3))
  S2 = V
"""

# Name: data file, objective function, control stream with DATA where the file goes.
ANCHORS = {
    "phenobarbital": (
        "pheno_sd.csv",
        586.27605629,
        """$PROBLEM Phenobarbital in newborns
$INPUT ID TIME AMT WT APGR DV MDV EVID
$DATA 'DATA' IGNORE=@
$SUBROUTINE ADVAN1 TRANS2
$PK
  TVCL = THETA(1)*WT
  TVV = THETA(2)*WT
  IF (APGR.LT.5) TVV = TVV*(1 + THETA(3))
  CL = TVCL*EXP(ETA(1))
  V = TVV*EXP(ETA(2))
  S1 = V
$ERROR
  W = F
  Y = F + W*EPS(1)
  IPRED = F
  IRES = DV - IPRED
$THETA (0, 0.00469555) ; CL
  (0, 0.984258) ; V
  (-0.99, 0.158920) ; APGR on V
$OMEGA DIAG(2)
  0.0293508 ; CL
  0.0279060 ; V
$SIGMA 0.0132410
$ESTIMATION METHOD=1 INTERACTION
""",
    ),
    "theophylline": (
        "theo_sd.csv",
        116.803781,
        """$PROBLEM Theophylline
; EVID is 101 in this file, nlmixr's code for a dose: NM-TRAN makes its own from AMT.
$INPUT ID TIME DV AMT EVID=DROP CMT WT
$DATA 'DATA' IGNORE=@
$SUBROUTINES ADVAN2 TRANS2
$PK"""
        + _ORAL
        + """$ERROR
  Y = F + THETA(4)*EPS(1)
$THETA 0.464451 1.012047 3.459973 (0, 0.693839)
$OMEGA 0.404625 0.0687956 0.0192223
$SIGMA 1 FIX
$ESTIMATION METHOD=1 INTERACTION
""",
    ),
    "warfarin": (
        "warfarin_pk.csv",
        423.327282,
        """$PROBLEM Warfarin
$INPUT ID TIME AMT DV EVID WT AGE SEX SPARSE
$DATA 'DATA' IGNORE=@
$SUBROUTINES ADVAN2 TRANS2
$PK"""
        + _ORAL
        + """$ERROR
  IPRED = F
  W = SQRT((THETA(4)*IPRED)**2 + THETA(5)**2)
  IF (W.EQ.0) W = 1
  Y = IPRED + W*ERR(1)
  IWRES = (DV - IPRED)/W
$THETA -0.569442 -2.00718 2.05852 (0, 0.117043) (0, 0.722444)
$OMEGA 0.474865 0.0790333 0.0482885
$SIGMA 1 FIX
$ESTIMATION METHOD=1 INTERACTION
""",
    ),
    "wang": (
        "Wang2007.csv",
        39.458,
        """$PROBLEM Wang 2007, without compartments
$INPUT ID TIME DV
$DATA 'DATA' IGNORE=@
$PRED
  KE = 0.5*EXP(ETA(1))
  IPRED = 10*EXP(-KE*TIME)
  Y = IPRED*(1 + EPS(1))
$OMEGA 0.04
$SIGMA 0.1
$ESTIMATION METHOD=COND INTER MAXEVAL=0
""",
    ),
    "lag": (
        "lag_oral.csv",
        -1046.685339,
        """$PROBLEM Absorption after a lag
$INPUT ID TIME DV AMT EVID CMT MDV
$DATA 'DATA' IGNORE=@
$SUBROUTINES ADVAN2 TRANS1
$PK
  V = THETA(2)
  K = THETA(1)*EXP(ETA(1))/V
  KA = THETA(3)*EXP(ETA(2))
  ALAG1 = THETA(4)
  S2 = V
$ERROR
  Y = F*EXP(EPS(1))
$THETA (0, 5.17325) (0, 49.7196) (0, 1.02497) (0, 0.499290)
$OMEGA BLOCK(2) 0.0664780 0 0.0243573
$SIGMA 0.00976151
$ESTIMATION METHOD=1 INTERACTION
""",
    ),
    "transit": (
        "transit_oral.csv",
        -1077.125624,
        """$PROBLEM Transit compartments, their number continuous (Savic 2007)
$INPUT ID TIME DV AMT EVID CMT MDV
$DATA 'DATA' IGNORE=@
$SUBROUTINES ADVAN13 TOL=9
$MODEL COMP=(DEPOT, DEFDOSE) COMP=(CENTRAL, DEFOBS)
$PK
  CL = THETA(1)*EXP(ETA(1))
  V = THETA(2)*EXP(ETA(2))
  KA = THETA(3)
  MTT = THETA(4)
  NN = THETA(5)
  KTR = (NN + 1)/MTT
  F1 = 0
  IF (AMT.GT.0) PODO = AMT
  S2 = V
$DES
  INFLOW = EXP(LOG(PODO) + LOG(KTR) + NN*LOG(KTR*T + 0.00001) - KTR*T - GAMLN(NN + 1))
  DADT(1) = INFLOW - KA*A(1)
  DADT(2) = KA*A(1) - CL/V*A(2)
$ERROR
  Y = F + F*EPS(1)
$THETA (0, 5.38557) (0, 56.1691) (0, 0.952374) (0, 0.965116) (0, 3.13318)
$OMEGA 0.0479977 0.0430691
$SIGMA 0.0254590
$ESTIMATION METHOD=1 INTERACTION
""",
    ),
}

# One compartment without covariates, whose objective function is published for several methods.
PHENOBARBITAL_PLAIN = """$PROBLEM Phenobarbital in newborns, without covariates
$INPUT ID TIME AMT WT APGR DV MDV EVID
$DATA 'DATA' IGNORE=@
$SUBROUTINE ADVAN1 TRANS2
$PK
  CL = THETA(1)*EXP(ETA(1))
  V = THETA(2)*EXP(ETA(2))
  S1 = V
$ERROR
  Y = F + F*EPS(1)
$THETA (0, 0.006) (0, 1.5)
$OMEGA 0.2 0.2
$SIGMA 0.02
$ESTIMATION METHOD=1 INTERACTION
"""

WARFARIN_LAG = """$PROBLEM Warfarin, absorption after a lag
$INPUT ID TIME AMT DV EVID WT AGE SEX SPARSE
$DATA 'DATA' IGNORE=@
$SUBROUTINES ADVAN2 TRANS2
$PK
  KA = EXP(THETA(1) + ETA(1))
  CL = EXP(THETA(2) + ETA(2))
  V = EXP(THETA(3) + ETA(3))
  ALAG1 = EXP(THETA(4) + ETA(4))
  S2 = V
$ERROR
  IPRED = F
  W = SQRT((THETA(5)*IPRED)**2 + THETA(6)**2)
  IF (W.EQ.0) W = 1
  Y = IPRED + W*EPS(1)
$THETA 0.229059 -2.02255 2.07590 -0.230712 (0, 0.0842935) (0, 0.281372)
$OMEGA 0.643555 0.0838693 0.0484973 0.388885
$SIGMA 1 FIX
$ESTIMATION METHOD=1 INTERACTION
"""
