"""Theophylline and indomethacin against Phoenix WinNonlin and PKNCA.

WinNonlin's results are those of Han S, Validation of Noncompartmental Analysis Performed by NonCompart R package, 2018
(for Kim H, Han S, Cho YS et al. 2018, doi:10.12793/tcp.2018.26.1.10), which lists them with seven decimals; PKNCA's are
printed in its vignette on theophylline (Denney, Duvvuri, Buckeridge 2015, doi:10.1007/s10928-015-9432-2). The levels of
indomethacin are those of Kwan KC, Breault GO, Umbenhauer ER et al. 1976, doi:10.1007/BF01063617.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy import Records, nca
from understudy.noncompartmental.rules import NCARules

THEOPHYLLINE = Path(__file__).parents[3] / "shared/reference/pharmacometrics/data/theo_sd.csv"
UNITS = {"TIME": "h", "AMT": "mg", "DV": "mg/L"}
# Numbers are printed with seven decimals, or ten digits.
PRINTED = {"rel": 1e-9, "abs": 6e-8}

# By patient, log down: lambda-z, points, half-life, AUClast, AUCinf, AUMCinf, MRT, CL/F of 320 mg.
WINNONLIN = {
    "1": (0.0484570, 3, 14.3043776, 147.2347485, 214.9236316, 4545.5928010, 21.1498045, 1.488900954),
    "2": (0.1040864, 4, 6.6593416, 88.7312755, 97.3779346, 1009.4644500, 10.3664599, 3.286165405),
    "3": (0.1024443, 3, 6.7660874, 95.8781978, 106.1276685, 1158.6515820, 10.9175260, 3.015236313),
    "4": (0.0992870, 3, 6.9812467, 102.6336232, 114.2162046, 1313.9510000, 11.5040681, 2.801704023),
    "5": (0.0866189, 4, 8.0022640, 118.1793538, 136.3047316, 1689.4872800, 12.3949276, 2.347680790),
    "6": (0.0877957, 7, 7.8949979, 71.6970150, 82.1758833, 987.9420173, 12.0222866, 3.894086526),
    "7": (0.0883365, 4, 7.8466683, 87.9692274, 100.9876292, 1258.3053270, 12.4599947, 3.168704944),
    "8": (0.0814505, 6, 8.5100379, 86.8065635, 102.1533003, 1314.9431380, 12.8722531, 3.132546859),
    "9": (0.0824586, 3, 8.4059988, 83.9374360, 97.5200039, 1219.9213280, 12.5094471, 3.281378046),
    "10": (0.0749598, 3, 9.2469158, 135.5760701, 167.8600307, 2502.5540000, 14.9085758, 1.906350181),
    "11": (0.0954586, 3, 7.2612365, 77.8934723, 86.9026173, 937.9535438, 10.7931564, 3.682282653),
    "12": (0.1102595, 3, 6.2865082, 115.2202082, 125.8315397, 1335.1375810, 10.6105161, 2.543082606),
}
PARAMETERS = (
    "lambda_z",
    "lambda_z_points",
    "half_life",
    "auclast",
    "aucinf_obs",
    "aumcinf_obs",
    "mrt_obs",
    "cl_f_obs",
)


@pytest.fixture(scope="module")
def theophylline():
    if not THEOPHYLLINE.exists():
        pytest.skip(f"needs the reference data {THEOPHYLLINE.name}")
    frame = pd.read_csv(THEOPHYLLINE).drop(columns="CMT")
    frame["EVID"] = (frame["EVID"] == 101).astype(int)
    # As in those analyses, 320 mg for everyone.
    frame["AMT"] = np.where(frame["EVID"] == 1, 320.0, 0.0)
    return Records.from_frame(frame, units=UNITS)


@pytest.mark.parametrize("patient", WINNONLIN)
def test_theophylline_log_down(theophylline, patient):
    found = nca(theophylline)
    values = [found.value(name, patient) for name in PARAMETERS]
    assert values == pytest.approx(WINNONLIN[patient], **PRINTED)


def test_theophylline_linear(theophylline):
    found = nca(theophylline, rules=NCARules(area="linear"))
    # What NonCompart 0.4.2 printed for subject 1 in asancpt/book-ncar, 2020, with seven decimals.
    wanted = {
        "auclast": 148.9230500,
        "aucinf_obs": 216.6119330,
        "aucinf_pred": 216.6149558,
        "auc_extrapolated_obs": 31.2489169,
        "aumclast": 1459.0711035,
        "aumcinf_obs": 4505.5348194,
        "mrt_last": 9.7974834,
        "mrt_obs": 20.8000305,
        "vz_f_obs": 30.4867482,
        "cl_f_obs": 1.4772963,
        "clast_pred": 3.2801465,
        "cmax_dose": 0.0328125,
        "tlag": 0.0,
    }
    assert {name: found.value(name, "1") for name in wanted} == pytest.approx(wanted, **PRINTED)


def test_theophylline_partial_areas(theophylline):
    linear = nca(theophylline, rules=NCARules(area="linear"), partial=[(0, 12), (0, 24)])
    # As above; the ends of both intervals are interpolated.
    assert linear.value("auc_0_12", "1") == pytest.approx(91.7355220, **PRINTED)
    assert linear.value("auc_0_24", "1") == pytest.approx(147.6945866, **PRINTED)


def test_theophylline_summary_of_pknca(theophylline):
    rows = nca(theophylline).summary().set_index("parameter")
    geometric = rows.loc[["cmax", "auclast", "aucinf_obs"], ["geometric_mean", "geometric_cv"]]
    # Printed with three digits.
    assert geometric.to_numpy().tolist() == [
        pytest.approx([8.65, 17.0], rel=5e-3),
        pytest.approx([98.7, 22.5], rel=5e-3),
        pytest.approx([115, 28.4], rel=5e-3),
    ]
    assert rows.loc["half_life", ["mean", "sd"]].tolist() == pytest.approx([8.18, 2.12], rel=5e-3)
    assert rows.loc["tmax", ["median", "min", "max"]].tolist() == pytest.approx([1.14, 0.63, 3.55], rel=5e-3)


INDOMETHACIN_TIMES = [0.25, 0.5, 0.75, 1, 1.25, 2, 3, 4, 5, 6, 8]
INDOMETHACIN = {
    "1": [1.50, 0.94, 0.78, 0.48, 0.37, 0.19, 0.12, 0.11, 0.08, 0.07, 0.05],
    "2": [2.03, 1.63, 0.71, 0.70, 0.64, 0.36, 0.32, 0.20, 0.25, 0.12, 0.08],
    "4": [1.85, 1.39, 1.02, 0.89, 0.59, 0.40, 0.16, 0.11, 0.10, 0.07, 0.07],
}


def indomethacin(rate):
    rows = []
    for patient, levels in INDOMETHACIN.items():
        rows.append({"ID": patient, "TIME": 0, "AMT": 25, "RATE": rate, "DV": np.nan})
        rows += [
            {"ID": patient, "TIME": time, "AMT": 0, "RATE": 0, "DV": level}
            for time, level in zip(INDOMETHACIN_TIMES, levels, strict=True)
        ]
    return Records.from_frame(pd.DataFrame(rows), units=UNITS)


BOLUS = {
    "1": {
        "lambda_z": 0.1583205,
        "c0": 2.3936170,
        "auclast": 2.0098984,
        "aucinf_obs": 2.3257135,
        "aucinf_pred": 2.3272832,
        "auc_extrapolated_obs": 13.5792780,
        "auc_back_extrapolated": 20.5542573,
        "vz_obs": 67.8963898,
        "cl_obs": 10.7493892,
        "vz_pred": 67.8505969,
        "aumclast": 3.3047961,
        "aumcinf_obs": 7.8261005,
    },
    "2": {
        "lambda_z_points": 9,
        "half_life": 2.2930632,
        "c0": 2.5281595,
        "auclast": 3.2028878,
        "aucinf_obs": 3.4675431,
        "auc_back_extrapolated": 16.3658871,
        "cl_obs": 7.2097158,
        "aumcinf_obs": 9.4059410,
    },
    # Of all eleven points, Cmax among them.
    "4": {"lambda_z_points": 11, "half_life": 1.5219104, "aucinf_obs": 2.9020789, "aucinf_pred": 2.8185565},
}
INFUSION = {
    "1": {
        "auclast": 1.7193653,
        "aucinf_obs": 2.0351804,
        "auc_extrapolated_obs": 15.5177942,
        "vz_obs": 77.5889712,
        "cl_obs": 12.2839234,
        "aumcinf_obs": 7.8178588,
        "mrt_last": 1.7923089,
        "mrt_obs": 3.7163591,
        "mrt_pred": 3.7244318,
        "vss_obs": 45.6514707,
        "vss_pred": 45.7153760,
    },
    "2": {"aucinf_obs": 3.1537989, "mrt_obs": 2.8558604, "vss_obs": 22.6382575, "vss_pred": 22.3963368},
    # Cmax, at the end of the infusion, is not in it.
    "4": {"lambda_z_points": 10, "aucinf_pred": 2.5245343, "mrt_obs": 2.2085200, "vss_obs": 21.1756058},
}


@pytest.mark.parametrize(("rate", "wanted"), [(0, BOLUS), (100, INFUSION)], ids=["bolus", "infusion"])
def test_indomethacin(rate, wanted):
    # Phoenix lets the regression begin at Cmax after a bolus; at 0.25 h an infusion of 25 mg at 100 mg/h ends.
    found = nca(indomethacin(rate), route="iv", rules=NCARules(include_cmax=True))
    for patient, values in wanted.items():
        assert {name: found.value(name, patient) for name in values} == pytest.approx(values, **PRINTED)
