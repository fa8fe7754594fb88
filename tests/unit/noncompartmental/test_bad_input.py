"""What cannot be analysed says so: an error for the table, a sentence for a patient."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from dosed import UNITS, one_patient, records

from understudy import DataError, Records, UnderstudyError, UnitError, nca
from understudy.noncompartmental.rules import NCARules

TIMES = [0.5, 1, 2, 4, 8]


def level(t):
    return 8 * math.exp(-0.5 * t)


def patient(name="1", times=TIMES, doses=({"TIME": 0, "AMT": 100},), at=level, **columns):
    return one_patient(at, times, list(doses), name, **columns)


def only_note(found, name):
    return found.notes.set_index("id").loc[name, "note"]


def test_nobody_was_dosed():
    with pytest.raises(DataError, match="there is no dose"):
        nca(records(patient(doses=())))


def test_nobody_was_measured():
    frame = pd.DataFrame({"ID": 1, "TIME": [0.0], "AMT": [100.0], "DV": [np.nan]})
    with pytest.raises(DataError, match="there is no measurement"):
        nca(Records.from_frame(frame, units=UNITS))


def test_patients_without_a_dose_or_a_measurement_are_left_out_with_a_sentence():
    dosed = pd.DataFrame([{"ID": "3", "TIME": 0, "AMT": 100, "EVID": 1, "DV": np.nan}])
    found = nca(records(patient("1"), patient("2", doses=()), dosed), route="iv")
    assert set(found.table["id"]) == {"1"}
    assert only_note(found, "2") == "no dose"
    assert only_note(found, "3") == "no measurement"


def test_measurements_before_the_dose_only():
    early = patient("2", times=[-2, -1], at=lambda t: 1.0)
    early["TIME"] += 2
    found = nca(records(patient("1"), early), route="iv")
    assert only_note(found, "2") == "all measurements are before the first dose"


def test_one_measurement():
    found = nca(records(patient("1"), patient("2", times=[1])), route="iv")
    assert "two measurements" in only_note(found, "2")


def test_two_points_have_areas_but_no_half_life():
    found = nca(records(patient(times=[1, 2])), route="iv")
    rows = found.table.set_index("parameter")
    assert rows.loc["auclast", "status"] == "ok"
    for name in ("half_life", "aucinf_obs", "cl_obs", "vss_pred", "auc_back_extrapolated"):
        assert math.isnan(rows.loc[name, "value"])
        assert rows.loc[name, "note"] == "lambda-z needs 3 measurable concentrations after Cmax, there is 1"
    assert len(found.notes) == 1


def test_nothing_measurable():
    found = nca(records(patient(at=lambda t: 0.0)))
    rows = found.table.set_index("parameter")
    assert rows.loc[["cmax", "auclast", "aucall"], "value"].tolist() == [0, 0, 0]
    assert rows.loc["tmax", "note"] == "no concentration is measurable"
    assert rows.loc["cl_f_obs", "status"] == "missing"


def test_two_measurements_at_one_time():
    frame = patient()
    twice = frame[frame["TIME"] == 2].assign(DV=3.3)
    frame = pd.concat([frame, twice]).sort_values("TIME", kind="stable")
    found = nca(records(frame, patient("2")), route="iv")
    assert only_note(found, "1") == "two measurements at one time (lines 5 and 6): keep one, or set MDV = 1"
    assert set(found.table["id"]) == {"2"}


def test_time_that_is_negative_is_before_the_dose_or_a_time_like_any_other():
    frame = patient(times=[-1, *TIMES], at=lambda t: level(t) if t > 0 else 0.0)
    shifted = frame.assign(TIME=frame["TIME"] - 10)
    wanted = nca(records(frame), route="iv").table.drop(columns=["start", "end"])
    pd.testing.assert_frame_equal(
        nca(records(shifted), route="iv").table.drop(columns=["start", "end"]), wanted
    )


def test_negative_concentrations_are_refused_with_their_rows():
    with pytest.raises(DataError, match=r"row 4, column DV: a negative concentration \(value '-1'\)"):
        nca(records(patient(at=lambda t: -1.0 if t == 1 else level(t))))
    # Where a limit is given they are below it.
    assert nca(records(patient(at=lambda t: -1.0 if t == 8 else level(t))), lloq=0.1).value("tlast") == 4


def test_above_the_limit_of_quantification():
    with pytest.raises(DataError, match="row 3, column CENS: a concentration above the limit"):
        nca(records(patient().assign(CENS=[0, -1, 0, 0, 0, 0])))


def test_missing_amount():
    # A dose without an amount is a matter of the records themselves.
    with pytest.raises(DataError, match="a dose without an amount"):
        records(patient(doses=({"TIME": 0, "AMT": 0},)))


@pytest.mark.parametrize(
    ("dose", "told"),
    [
        ({"AMT": 0, "RATE": 5, "SS": 1, "II": 0}, "constant infusion at steady state"),
        ({"AMT": 100, "RATE": 0, "SS": 2, "II": 12}, "SS = 2"),
    ],
)
def test_doses_that_have_no_such_analysis(dose, told):
    with pytest.raises(DataError, match=told):
        nca(records(patient(doses=({"TIME": 0, **dose},))), route="iv")


def test_infusion_of_unknown_duration():
    with pytest.raises(DataError, match="RATE -2 leaves the duration to a model"):
        nca(records(patient(doses=({"TIME": 0, "AMT": 100, "RATE": -2},))), route="iv")
    assert "cl_f_obs" in set(
        nca(records(patient(doses=({"TIME": 0, "AMT": 100, "RATE": -2},)))).table["parameter"]
    )


@pytest.mark.parametrize("column", ["TIME", "AMT", "DV"])
def test_units_are_required(column):
    units = {name: unit for name, unit in UNITS.items() if name != column}
    with pytest.raises(UnitError, match=f"{column} has no declared unit"):
        nca(records(patient(), units=units))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"route": "oral"}, "unknown route 'oral'"),
        ({"route": {"2": "iv"}}, "no route is given"),
        ({"by": ["SEXX"]}, "no group column 'SEXX'"),
        ({"outputs": ["cp"]}, "there is no output 'cp'"),
        ({"nominal_time": "NTIME"}, "no column of nominal times"),
        ({"intervals": [(4, 2)]}, "4 to 2 is no interval"),
        ({"intervals": [(-math.inf, 2)]}, "is no interval"),
        ({"partial": [(-1, 2)]}, "-1 to 2 is no interval"),
        ({"tau": -1}, "tau is -1"),
        ({"tau": math.nan}, "tau is nan"),
        ({"lloq": 0}, "lloq is 0"),
        ({"slope_points": {"1": [3]}}, "patient 1 has no measurement at 3"),
        ({"slope_exclude": {"9": [3]}}, "patient 9 has no measurement at 3"),
    ],
)
def test_settings_that_do_not_fit(settings, told):
    with pytest.raises(UnderstudyError, match=told):
        nca(records(patient()), **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"area": "spline"},
        {"blq": "keep"},
        {"blq": ("keep", "zero", "keep")},
        {"blq": ("keep", -1, "keep")},
        {"min_points": 2},
        {"min_points": 3.0},
        {"min_span": -1},
        {"tie": math.nan},
    ],
)
def test_rules_that_are_none(settings):
    with pytest.raises(UnderstudyError):
        NCARules(**settings)


def test_flags():
    frame = patient(times=[0.5, 1, 1.5, 2])
    found = nca(records(frame), route="iv")
    rows = found.table.set_index("parameter")
    span, share = 1.0 * 0.5 / math.log(2), 100 * math.exp(-1)
    assert rows.loc["half_life", "note"] == f"span ratio {span:.2f} < 2"
    assert (
        rows.loc["cl_obs", "note"]
        == f"span ratio {span:.2f} < 2; {share:.1f} % of AUCinf extrapolated > 20 %"
    )
    assert rows.loc["auclast", "status"] == "ok"
    assert found.notes["note"].tolist() == rows.loc["cl_obs", "note"].split("; ")
    lenient = nca(records(frame), route="iv", rules=NCARules(min_span=0.5, max_extrapolated=50))
    assert lenient.table["status"].eq("ok").all()
    noisy = patient(times=[1, 2, 3, 4, 5], at=lambda t: level(t) * (1.6 if t % 2 else 0.6))
    told = nca(records(noisy), route="iv").table.set_index("parameter").loc["half_life", "note"]
    assert "adjusted r² 0." in told
    assert "< 0.9" in told


def test_value_asks_for_what_is_ambiguous():
    found = nca(records(patient("1"), patient("2")), route="iv")
    with pytest.raises(UnderstudyError, match="2 values of cmax fit"):
        found.value("cmax")
    with pytest.raises(UnderstudyError, match="there is no parameter 'cmx'"):
        found.value("cmx")
    assert found.value("cmax", "2") == level(0.5)


def test_summary_counts_and_averages():
    frames = [patient(str(k), at=lambda t, k=k: k * level(t)) for k in (1, 2, 4)]
    frames += [patient("9", times=[1, 2])]
    found = nca(records(*frames), route="iv")
    rows = found.summary().set_index("parameter")
    assert rows.loc["aucinf_obs", ["n", "missing"]].tolist() == [3, 1]
    assert rows.loc["aucinf_obs", "geometric_mean"] == pytest.approx(32.0)
    # The standard deviation of ln 1, ln 2, ln 4 is ln 2.
    assert rows.loc["aucinf_obs", "geometric_cv"] == pytest.approx(
        100 * math.sqrt(math.exp(math.log(2) ** 2) - 1)
    )
    assert rows.loc["aucinf_obs", ["median", "min", "max"]].tolist() == pytest.approx([32, 16, 64])
    short = patient("5", times=[0.5, 1, 1.5, 2])
    flagged = nca(records(*frames, short), route="iv")
    assert flagged.summary().set_index("parameter").loc["cl_obs", ["n", "flagged"]].tolist() == [4, 1]
    assert flagged.summary(flagged=False).set_index("parameter").loc["cl_obs", "n"] == 3


def test_result_is_told_and_written(tmp_path):
    found = nca(records(patient("1"), patient("2", times=[1, 2])), route="iv")
    assert repr(found).startswith("NCA(2 patients, 2 intervals, 0 flagged values, ")
    found.to_csv(tmp_path / "nca.csv")
    again = pd.read_csv(tmp_path / "nca.csv", dtype={"id": str}, keep_default_na=False, na_values=[""])
    assert again["value"].to_numpy() == pytest.approx(found.table["value"].to_numpy(), nan_ok=True)
    data = found.to_json()
    assert data["parameters"][0]["value"] == level(0.5)
    assert data["parameters"][0]["end"] is None
    assert data["record"]["settings"]["rules"]["area"] == "lin up/log down"
    wide = found.wide(["cmax", "half_life"])
    assert wide.columns.tolist() == ["id", "output", "interval", "cmax", "half_life"]
    assert wide["id"].tolist() == ["1", "2"]
