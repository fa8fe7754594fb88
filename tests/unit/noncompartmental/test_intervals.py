"""Which intervals doses make, and what is known at their ends."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from dosed import UNITS, one_patient, records

from understudy import nca
from understudy.noncompartmental.rules import NCARules

DOSE, CL, V = 100.0, 4.0, 20.0
K = CL / V


def repeated(times, tau=12.0, count=5):
    """Level of boluses every `tau`, just before one that is given then."""

    def level(t):
        return sum(DOSE / V * math.exp(-K * (t - tau * k)) for k in range(count) if tau * k < t)

    return one_patient(level, times, [{"TIME": tau * k, "AMT": DOSE} for k in range(count)])


def intervals(found):
    return found.table[["interval", "start", "end"]].drop_duplicates().values.tolist()


def test_single_dose_has_no_end():
    found = nca(records(repeated([1, 4, 8], count=1)), route="iv")
    assert intervals(found) == [["dose 1", 0.0, math.inf]]


def test_dosing_intervals_end_where_measurements_reach_the_next_dose():
    frame = repeated([1, 4, 8, 12, 13, 16, 20, 49, 52, 60])
    found = nca(records(frame), route="iv")
    # The second interval is measured up to 8 of 12 hours; the last is as long as the one before it.
    assert intervals(found) == [["dose 1", 0.0, 12.0], ["dose 2", 12.0, math.inf], ["dose 5", 48.0, 60.0]]
    # A sample written before a bolus is the trough of the interval that ends.
    assert found.value("ctrough", interval="dose 1") == pytest.approx(DOSE / V * math.exp(-12 * K))
    assert found.value("auctau", interval="dose 1") == pytest.approx(DOSE / CL * (1 - math.exp(-12 * K)))


def test_only_what_is_at_steady_state_or_comes_first_has_a_clearance():
    frame = repeated([1, 4, 8, 12, 13, 16, 20, 24])
    parameters = nca(records(frame), route="iv").table.groupby("interval")["parameter"].agg(set)
    assert "cl_obs" in parameters["dose 1"]
    assert not {"cl_obs", "cl_ss", "aucinf_obs"} & parameters["dose 2"]
    told = nca(records(frame), route="iv", steady_state=12).table.groupby("interval")["parameter"].agg(set)
    assert "cl_ss" in told["dose 2"]
    assert "cl_ss" not in told["dose 1"]


def test_additional_doses_are_the_same_as_written_ones():
    times = [1, 4, 8, 12, 13, 16, 20, 24, 49, 52, 59.9]
    written = nca(records(repeated(times)), route="iv")
    short = repeated(times)
    short = pd.concat(
        [short[short["EVID"] == 0], pd.DataFrame([{"ID": "1", "TIME": 0.0, "EVID": 1, "AMT": DOSE}])]
    )
    short["II"], short["ADDL"] = np.where(short["EVID"], 12, 0), np.where(short["EVID"], 4, 0)
    short = short.sort_values(["TIME", "EVID"], ascending=[True, False])
    found = nca(records(short.fillna({"AMT": 0})), route="iv")
    pd.testing.assert_frame_equal(found.table, written.table)


def test_many_additional_doses_cost_nothing():
    dose = {"TIME": 0, "AMT": DOSE, "II": 24, "ADDL": 2**30}
    found = nca(records(one_patient(lambda t: 5.0 - t / 10, [1, 2, 3, 23.9], [dose])))
    assert intervals(found) == [["dose 1", 0.0, 24.0]]


def test_steady_state_holds_for_the_doses_that_follow():
    def level(t):
        return DOSE / V * math.exp(-K * (t % 12)) / (1 - math.exp(-12 * K))

    doses = [{"TIME": 12 * k, "AMT": DOSE, "II": 12, "SS": int(k == 0)} for k in range(3)]
    found = nca(
        records(one_patient(level, [1, 4, 8, 11.9, 13, 16, 17, 23.9, 25, 26, 30, 35], doses)), route="iv"
    )
    for k in (1, 2, 3):
        assert found.value("cl_ss", interval=f"dose {k}") == pytest.approx(CL, rel=1e-9)


def test_reset_makes_the_next_dose_a_first_one():
    frame = repeated([1, 4, 8, 12, 13, 16, 20], count=2)
    assert "cl_obs" not in set(
        nca(records(frame), route="iv").table.query("interval == 'dose 2'")["parameter"]
    )
    frame.loc[(frame["EVID"] == 1) & (frame["TIME"] == 12), "EVID"] = 4
    assert "cl_obs" in set(nca(records(frame), route="iv").table.query("interval == 'dose 2'")["parameter"])


def test_washed_out_periods_are_single_doses():
    def level(t):
        return DOSE / V * math.exp(-K * (t % 168)) if t else 0.0

    frame = one_patient(
        level, [1, 4, 8, 24, 169, 172, 176, 192], [{"TIME": 168 * k, "AMT": DOSE} for k in (0, 1)]
    )
    frame["TRT"] = np.where(frame["TIME"] < 168, 1, 2)
    words = {"TRT": {"fasted": 1, "fed": 2}}
    found = nca(records(frame), route="iv", by=["TRT"], categories=words)
    assert found.value("cl_obs", TRT="fasted") == pytest.approx(CL)
    assert found.value("cl_obs", TRT="fed") == pytest.approx(CL)
    carried = nca(records(frame), route="iv", rules=NCARules(washed_out=0.0))
    assert "cl_obs" not in set(carried.table.query("interval == 'dose 2'")["parameter"])


def test_named_intervals():
    frame = repeated([1, 4, 8, 12, 13, 16, 20, 24, 25, 30, 36, 60], count=3)
    found = nca(records(frame), route="iv", intervals=[(0, 24), (2, 6), (0, math.inf)])
    trough = DOSE / V * math.exp(-12 * K)
    peak = (trough + DOSE / V) * math.exp(-K)  # an hour after the second dose
    first, second = DOSE / CL * (1 - math.exp(-12 * K)), peak / K * (1 - math.exp(-11 * K))
    # Up from the trough to the first level after the dose the rule is linear.
    assert found.value("auctau", interval="0–24") == pytest.approx(first + (trough + peak) / 2 + second)
    assert found.value("auc_interval", interval="2–6") == pytest.approx(
        DOSE / CL * (math.exp(-2 * K) - math.exp(-6 * K))
    )
    rows = found.table.drop_duplicates("interval").set_index("interval")
    assert rows["dose"].fillna(0).to_dict() == {"0–24": 2 * DOSE, "2–6": 0, "0–∞": 3 * DOSE}
    assert "mrt_obs" not in set(found.table.query("interval == '0–∞'")["parameter"])
    assert "cl_obs" in set(found.table.query("interval == '0–∞'")["parameter"])


def test_interval_without_any_dose():
    frame = one_patient(lambda t: 8 * math.exp(-0.5 * t), [0, 1, 2, 4, 8], [])
    found = nca(records(frame), intervals=[(0, math.inf)])
    assert found.value("aucinf_obs") == pytest.approx(16.0)
    assert not {"cl_obs", "cl_f_obs", "cmax_dose"} & set(found.table["parameter"])


def test_start_is_a_sample_shortly_before_the_dose_or_zero():
    times = [-0.25, 1, 2, 4, 8, 12]
    level = {-0.25: 0.4}
    frame = one_patient(lambda t: level.get(t, 10 * math.exp(-K * t)), times, [{"TIME": 0, "AMT": DOSE}])
    frame["TIME"] += 1
    found = nca(records(frame))
    curve = found.points
    assert curve[["time", "value"]].iloc[0].tolist() == [1.0, 0.4]
    without = nca(records(frame[frame["TIME"] != 0.75]))
    assert without.points[["time", "value"]].iloc[0].tolist() == [1.0, 0.0]


def test_start_that_is_unknown_leaves_areas_out_and_says_so():
    frame = repeated([13, 16, 20, 24], count=3).assign(RATE=0.0)
    frame.loc[frame["EVID"] == 1, "RATE"] = DOSE
    found = nca(records(frame), route="iv")
    rows = found.table.set_index("parameter")
    assert rows.loc["auctau", "status"] == "missing"
    assert "no concentration was measured at the start, 12" in rows.loc["auctau", "note"]
    assert rows.loc["cmax", "status"] == "ok"
    assert rows.loc["half_life", "status"] == "ok"
    # At steady state the lowest of the interval stands for it, as in Phoenix.
    told = nca(records(frame), route="iv", steady_state=0)
    assert told.points.iloc[0]["value"] == told.value("cmin")


def test_cmax_and_fluctuation_are_of_the_interval_but_lambda_z_of_all():
    def level(t):
        return 10 * math.exp(-K * t) if t < 12 else 2 * math.exp(-0.05 * t)

    dose = {"TIME": 0, "AMT": DOSE, "SS": 1, "II": 12}
    found = nca(records(one_patient(level, [0, 2, 4, 8, 12, 24, 36, 48], [dose])))
    assert found.value("lambda_z") == pytest.approx(0.05)
    assert found.value("tlast") == 48
    assert found.value("cmin") == pytest.approx(level(12))


def test_outputs_routes_and_nominal_times():
    def level(t):
        return 8 * math.exp(-0.5 * t)

    parent = one_patient(level, [1, 2, 4, 8], [{"TIME": 0, "AMT": DOSE, "CMT": 1}], DVID="parent")
    other = one_patient(lambda t: level(t) / 2, [1.1, 2, 4, 8], [], DVID="met").assign(CMT=2)
    frame = pd.concat([parent.assign(CMT=1), other]).sort_values("TIME", kind="stable")
    frame["NTIME"] = frame["TIME"].round()
    mine = records(frame, units=UNITS | {"DV": {"parent": "mg/L", "met": "ug/L"}})
    found = nca(mine, route={"1": "iv"}, nominal_time="NTIME")
    assert found.value("tmax", output="met") == 1.0
    assert found.table.query("output == 'met' and parameter == 'cmax'")["unit"].item() == "ug/L"
    assert found.value("c0", output="parent") == pytest.approx(8.0)
    assert set(nca(mine, outputs=["met"]).table["output"]) == {"met"}


def test_slope_points_of_the_user():
    frame = repeated([1, 2, 4, 6, 8, 12], count=1)
    frame.loc[frame["TIME"] == 12, "DV"] *= 3
    plain = nca(records(frame), route="iv")
    assert plain.value("lambda_z") != pytest.approx(K, rel=1e-3)
    left_out = nca(records(frame), route="iv", slope_exclude={"1": [12]})
    chosen = nca(records(frame), route="iv", slope_points={"1": [1, 4, 8]})
    assert left_out.value("lambda_z") == pytest.approx(K)
    assert chosen.value("lambda_z") == pytest.approx(K)
    assert chosen.points.query("in_slope")["time"].tolist() == [1, 4, 8]


def test_below_the_limit_of_quantification():
    values = {0: 0.0, 1: 0.02, 2: 4.0, 3: 0.04, 4: 2.0, 6: 1.0, 8: 0.5, 10: 0.01, 12: 0.0}
    frame = one_patient(values.get, values, [{"TIME": 0, "AMT": DOSE}])
    found = nca(records(frame), lloq=0.05)
    # Zero before, dropped between (3), zero after: tlag is the last time below the limit before the rise.
    assert found.value("tlag") == 1.0
    assert found.points["time"].tolist() == [0, 1, 2, 4, 6, 8, 10, 12]
    assert found.value("tlast") == 8
    assert found.value("aucall") - found.value("auclast") == pytest.approx(0.5)  # a triangle of 2 h and 0.5
    kept = nca(records(frame), lloq=0.05, rules=NCARules(blq=("drop", "keep", 0.025)))
    assert kept.points["time"].tolist() == [0, 2, 3, 4, 6, 8, 10, 12]
    assert kept.points["value"].tolist()[-1] == 0.025
    marked = nca(records(frame.assign(CENS=(frame["DV"] < 0.05).astype(int))))
    pd.testing.assert_frame_equal(marked.table, found.table)


def test_bolus_and_infusion_together():
    doses = [{"TIME": 0, "AMT": 50, "CMT": 1, "RATE": 0}, {"TIME": 0, "AMT": 50, "CMT": 1, "RATE": 50}]
    found = nca(records(one_patient(lambda t: 8 * math.exp(-0.5 * t), [0.5, 2, 4, 8], doses)), route="iv")
    assert set(found.table["route"]) == {"iv"}
    assert found.table["dose"].iloc[0] == 100
    assert "cl_obs" in set(found.table["parameter"])
    assert "mrt_obs" not in set(found.table["parameter"])
    mixed = [{"TIME": 0, "AMT": 50, "CMT": 1}, {"TIME": 0, "AMT": 50, "CMT": 2}]
    routes = {"1": "iv", "2": "extravascular"}
    both = nca(records(one_patient(lambda t: 8 * math.exp(-0.5 * t), [0.5, 2, 4, 8], mixed)), route=routes)
    assert set(both.table["route"]) == {"several routes"}
    assert not {"cl_obs", "cl_f_obs"} & set(both.table["parameter"])


def test_a_sample_before_the_dose_before_says_nothing_of_what_is_left():
    # Nothing measured between the first dose and the second: the zero at the start is no sign of a wash-out.
    frame = one_patient(lambda t: 0.0 if t == 0 else 9 * math.exp(-K * (t - 24)), [0, 25, 28, 32], [])
    doses = pd.DataFrame([{"ID": "1", "TIME": t, "AMT": DOSE, "EVID": 1, "DV": np.nan} for t in (0.0, 24.0)])
    frame = pd.concat([frame, doses]).fillna({"AMT": 0}).sort_values(["TIME", "EVID"], kind="stable")
    found = nca(records(frame))
    assert intervals(found)[0][0] == "dose 2"
    assert not {"cl_f_obs", "aucinf_obs"} & set(found.table["parameter"])


def test_first_two_levels_that_rise_after_a_bolus_give_no_c0_of_their_own():
    levels = {0.25: 4.0, 0.5: 5.0, 1: 3.0, 2: 2.0, 4: 1.0}
    found = nca(records(one_patient(levels.get, levels, [{"TIME": 0, "AMT": DOSE}])), route="iv")
    assert found.value("c0") == 4.0


def test_reset_ends_additional_doses():
    frame = repeated([1, 4, 8, 13, 15, 25, 28, 32], count=1).assign(II=0.0, ADDL=0)
    frame.loc[frame["EVID"] == 1, ["II", "ADDL"]] = [12, 3]
    reset = pd.DataFrame(
        [{"ID": "1", "TIME": 14.0, "EVID": 3, "DV": np.nan, "AMT": 0.0, "II": 0.0, "ADDL": 0}]
    )
    frame = pd.concat([frame, reset]).sort_values("TIME", kind="stable")
    # Doses at 0 and 12 only; none at 24 and 36, so what was measured after the reset has no dose.
    assert [each[0] for each in intervals(nca(records(frame)))] == ["dose 1"]
    found = nca(records(frame), intervals=[(24, 36)])
    assert found.value("cmax") > 0
    assert found.table["dose"].isna().all()


def test_another_amount_is_not_at_the_steady_state_of_the_one_before():
    doses = [{"TIME": 12 * k, "AMT": DOSE * (1 + k), "II": 12, "SS": int(k == 0)} for k in range(2)]
    found = nca(records(one_patient(lambda t: 9 - t / 10, [1, 4, 8, 11.9, 13, 17, 23.9], doses)), route="iv")
    parameters = found.table.groupby("interval")["parameter"].agg(set)
    assert "cl_ss" in parameters["dose 1"]
    assert "cl_ss" not in parameters["dose 2"]
