"""Every parameter against the closed form of a model that it belongs to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dosed import UNITS, one_patient, records

from understudy import nca
from understudy.noncompartmental.rules import NCARules

DOSE, CL, V, KA = 100.0, 4.0, 20.0, 1.5
K = CL / V
DAILY = 24.0


def bolus(t):
    return DOSE / V * math.exp(-K * t)


def close(value, rel=1e-9):
    # Logarithmic trapezoids and extrapolation are exact for an exponential; what is left is rounding.
    return pytest.approx(value, rel=rel)


@pytest.fixture(scope="module")
def single_bolus():
    frame = one_patient(bolus, [0.5, 1, 2, 4, 8, 12], [{"TIME": 0, "AMT": DOSE}])
    return nca(records(frame), route="iv", partial=[(0, 3), (1, 20)])


@pytest.mark.parametrize(
    ("parameter", "wanted"),
    [
        ("c0", DOSE / V),
        ("cmax", bolus(0.5)),
        ("tmax", 0.5),
        ("tlast", 12.0),
        ("clast", bolus(12)),
        ("clast_pred", bolus(12)),
        ("lambda_z", K),
        ("half_life", math.log(2) / K),
        ("lambda_z_points", 5),
        ("span_ratio", 11 * K / math.log(2)),
        ("auclast", DOSE / CL * (1 - math.exp(-12 * K))),
        ("aucinf_obs", DOSE / CL),
        ("aucinf_pred", DOSE / CL),
        ("auc_extrapolated_obs", 100 * math.exp(-12 * K)),
        ("auc_back_extrapolated", 100 * (1 - math.exp(-0.5 * K))),
        ("aumcinf_obs", DOSE / V / K**2),
        ("mrt_obs", 1 / K),
        ("cl_obs", CL),
        ("vz_obs", V),
        ("vss_obs", V),
        ("vss_pred", V),
        ("aucinf_obs_dose", 1 / CL),
        ("cmax_dose", bolus(0.5) / DOSE),
        ("auc_0_3", DOSE / CL * (1 - math.exp(-3 * K))),
        ("auc_1_20", DOSE / CL * (math.exp(-K) - math.exp(-20 * K))),
    ],
)
def test_bolus(single_bolus, parameter, wanted):
    assert single_bolus.value(parameter) == close(wanted)


def test_bolus_has_no_parameters_of_other_routes_and_intervals(single_bolus):
    known = set(single_bolus.table["parameter"])
    assert not known & {"tlag", "cl_f_obs", "vz_f_obs", "auctau", "cl_ss", "cmin"}
    assert single_bolus.table["status"].eq("ok").all()
    assert single_bolus.notes.empty


def test_units(single_bolus):
    units = single_bolus.table.set_index("parameter")["unit"]
    wanted = {
        "cl_obs": "L/h",
        "vz_obs": "L",
        "aucinf_obs": "h*mg/L",
        "aumcinf_obs": "h**2*mg/L",
        "lambda_z": "1/h",
    }
    assert units[list(wanted)].to_dict() == wanted
    assert units["cmax_dose"] == "mg/L/mg"


def test_other_units_give_the_same_clearance():
    frame = one_patient(lambda t: 1000 * bolus(t), [0.5, 1, 2, 4, 8, 12], [{"TIME": 0, "AMT": DOSE}])
    found = nca(records(frame, units=UNITS | {"DV": "ng/mL"}), route="iv")
    assert found.value("cl_obs") == close(CL)
    assert found.value("vss_obs") == close(V)
    per_kg = nca(records(frame, units=UNITS | {"DV": "ug/L", "AMT": "mg/kg"}), route="iv")
    assert per_kg.table.set_index("parameter").loc["cl_obs", "unit"] == "L/h/kg"


def test_two_exponentials_sampled_densely():
    a, alpha, b, beta = 8.0, 1.2, 2.0, 0.1

    def level(t):
        return a * math.exp(-alpha * t) + b * math.exp(-beta * t)

    times = [*np.arange(0.05, 12, 0.05), *np.arange(12, 60.5, 1)]
    found = nca(records(one_patient(level, times, [{"TIME": 0, "AMT": DOSE}])), route="iv")
    auc, aumc = a / alpha + b / beta, a / alpha**2 + b / beta**2
    # The logarithmic trapezoid of two exponentials errs by the square of the step, 0.05: below 1e-4.
    assert found.value("aucinf_obs") == close(auc, 1e-4)
    assert found.value("cl_obs") == close(DOSE / auc, 1e-4)
    assert found.value("vss_obs") == close(DOSE * aumc / auc**2, 1e-3)
    # Of many points the tie lets a few of the first phase in, as in PKNCA: 0.3 % here.
    assert found.value("half_life") == close(math.log(2) / beta, 5e-3)
    assert found.value("vz_obs") == close(DOSE / auc / beta, 5e-3)


def infusion(t, duration=2.0):
    rate = DOSE / duration
    rise = rate / CL * (1 - math.exp(-K * min(t, duration)))
    return rise * math.exp(-K * max(t - duration, 0.0))


def test_infusion():
    times = [*np.arange(0, 2, 0.02), 2, 3, 4, 6, 8, 12]
    frame = one_patient(infusion, times, [{"TIME": 0, "AMT": DOSE, "RATE": DOSE / 2}])
    found = nca(records(frame), route="iv")
    assert set(found.table["route"]) == {"infusion"}
    # The rise is integrated by linear trapezoids of 0.02 h: (K step)² / 12 of it.
    assert found.value("cl_obs") == close(CL, 1e-5)
    assert found.value("mrt_obs") == close(1 / K, 1e-5)
    assert found.value("vss_obs") == close(V, 1e-5)
    assert found.value("lambda_z_first") == 3.0
    assert "c0" not in set(found.table["parameter"])


def oral(t):
    return DOSE * KA / V / (KA - K) * (math.exp(-K * t) - math.exp(-KA * t)) if t > 0 else 0.0


def test_extravascular():
    times = [*np.arange(0, 12, 0.05), *range(12, 49, 2)]
    found = nca(records(one_patient(oral, times, [{"TIME": 0, "AMT": DOSE}])))
    peak = math.log(KA / K) / (KA - K)
    assert found.value("tmax") == pytest.approx(peak, abs=0.025)  # half a step
    assert found.value("cl_f_obs") == close(CL, 1e-3)
    assert found.value("vz_f_obs") == close(V, 5e-3)  # a few points of absorption are in the line, see above
    assert found.value("mrt_obs") == close(1 / K + 1 / KA, 1e-3)
    assert found.value("tlag") == 0.0
    assert "vss_obs" not in set(found.table["parameter"])


def at_steady_state(t):
    """Levels of the bolus every 24 h, for ever."""
    return bolus(t % DAILY) / (1 - math.exp(-K * DAILY))


@pytest.fixture(scope="module")
def steady():
    # The samples end before the interval does, 20 of 24 hours.
    frame = one_patient(
        at_steady_state, [0.5, 2, 4, 8, 12, 20], [{"TIME": 0, "AMT": DOSE, "SS": 1, "II": DAILY}]
    )
    return nca(records(frame), route="iv")


@pytest.mark.parametrize(
    ("parameter", "wanted"),
    [
        ("auctau", DOSE / CL),
        ("auctau_extrapolated", 100 * (math.exp(-20 * K) - math.exp(-24 * K)) / (1 - math.exp(-24 * K))),
        ("cl_ss", CL),
        ("vz_ss", V),
        ("mrt_ss", 1 / K),
        ("vss_ss", V),
        ("cavg", DOSE / CL / DAILY),
        ("cmax", at_steady_state(0.5)),
        ("cmin", at_steady_state(20)),
        ("ctrough", DOSE / V * math.exp(-24 * K) / (1 - math.exp(-24 * K))),
        ("fluctuation", 100 * (at_steady_state(0.5) - at_steady_state(20)) * CL * DAILY / DOSE),
        ("swing", at_steady_state(0.5) / at_steady_state(20) - 1),
        ("accumulation_index", 1 / (1 - math.exp(-24 * K))),
        ("auctau_dose", 1 / CL),
        ("c0", DOSE / V / (1 - math.exp(-24 * K))),
    ],
)
def test_steady_state(steady, parameter, wanted):
    assert steady.value(parameter) == close(wanted)


def test_steady_state_has_no_area_to_infinity(steady):
    assert not {"aucinf_obs", "cl_obs", "mrt_obs"} & set(steady.table["parameter"])


def test_linear_rule_overestimates_what_falls():
    frame = one_patient(bolus, [0.5, 1, 2, 4, 8, 12], [{"TIME": 0, "AMT": DOSE}])
    linear = nca(records(frame), route="iv", rules=NCARules(area="linear"))
    times = np.array([0, 0.5, 1, 2, 4, 8, 12])
    levels = DOSE / V * np.exp(-K * times)
    assert linear.value("auclast") == close(float(np.trapezoid(levels, times)))
    after_cmax = nca(records(frame), route="iv", rules=NCARules(area="lin-log"))
    assert after_cmax.value("auclast") == close(DOSE / CL * (1 - math.exp(-12 * K)))
