"""Records: what a valid table becomes."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy.core.errors import DataError, UnitError
from understudy.data.layout import TABLE
from understudy.data.records import Records

ROOT = Path(__file__).parents[3]
PHENOBARBITAL = ROOT / "examples" / "phenobarbital" / "phenobarbital.csv"
REFERENCE = ROOT.parent / "shared" / "reference" / "pharmacometrics"
UNITS = {"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"}
needs_reference = pytest.mark.skipif(not REFERENCE.exists(), reason=f"no reference data at {REFERENCE}")


def read(tmp_path: Path, text: str, **settings) -> Records:
    path = tmp_path / "records.csv"
    path.write_text(text, encoding="utf-8")
    return Records.read_csv(path, **settings)


@pytest.fixture(scope="module")
def newborns() -> Records:
    return Records.read_csv(PHENOBARBITAL, units=UNITS)


def test_phenobarbital_has_the_published_counts(newborns):
    assert len(newborns.ids) == 59
    assert len(newborns.doses) == 589
    assert len(newborns.observations) == 155
    counts = newborns.observations.groupby("id").size()
    assert (counts.min(), counts.max()) == (1, 6)
    weights = newborns.baseline()["WT"]
    assert (weights.min(), weights.max()) == (0.6, 3.6)


@needs_reference
def test_phenobarbital_has_the_figures_of_the_reference(newborns):
    theirs = Records.read_csv(REFERENCE / "data" / "pheno_sd.csv", units=UNITS).table
    ours = newborns.table
    measured = ours["evid"] == 0
    for name in ("row", "id", "time", "evid", "amt", "mdv", "WT", "APGR"):
        assert ours[name].tolist() == theirs[name].tolist()
    assert ours.loc[measured, "dv"].tolist() == theirs.loc[measured, "dv"].tolist()


def test_table_has_canonical_columns_and_kinds(newborns):
    table = newborns.table
    assert tuple(table.columns) == (*TABLE, "WT", "APGR")
    for name in ("row", "evid", "addl", "ss", "mdv"):
        assert table[name].dtype == np.int64
    for name in ("time", "amt", "rate", "ii", "dv", "WT"):
        assert table[name].dtype == np.float64
    assert all(isinstance(value, str) for name in ("id", "cmt", "dvid", "occ") for value in table[name])
    first = table.iloc[0]
    assert (first.row, first.id, first.amt, first.mdv) == (2, "1", 25.0, 1)
    assert math.isnan(first.dv)


def test_names_are_understood_in_any_case_and_order(tmp_path):
    records = read(tmp_path, "dv,Time,id,Wt\n1,0,a,70\n2,5,a,70\n")
    assert records.table["time"].tolist() == [0, 5]
    assert records.covariates == ("Wt",)


def test_columns_can_be_renamed(tmp_path):
    text = "subject,hours,conc,weight\na,0,1,70\na,2,3,70\n"
    names = {"ID": "subject", "TIME": "hours", "DV": "conc", "WT": "weight"}
    records = read(tmp_path, text, columns=names, units={"conc": "mg/L", "TIME": "h", "WT": "kg"})
    assert records.observations["dv"].tolist() == [1, 3]
    assert records.covariates == ("WT",)
    assert dict(records.units) == {"dv": "mg/L", "time": "h", "WT": "kg"}


@pytest.mark.parametrize("missing", [".", "NA", "NaN", "", " ", " . "])
def test_missing_values(tmp_path, missing):
    text = f"ID,TIME,AMT,DV,CMT,WT\na,0,5,{missing},{missing},70\na,1,{missing},2,{missing},{missing}\n"
    table = read(tmp_path, text).table
    assert table["amt"].tolist() == [5, 0]
    assert table["cmt"].tolist() == ["", ""]
    assert np.isnan(table["dv"].iloc[0])
    assert np.isnan(table["WT"].iloc[1])


def test_events_are_derived_from_amounts_and_measurements(tmp_path):
    table = read(tmp_path, "ID,TIME,AMT,DV\na,0,5,.\na,1,0,2\na,2,.,.\n").table
    assert table["evid"].tolist() == [1, 0, 0]
    assert table["mdv"].tolist() == [1, 0, 1]


def test_empty_event_cells_are_derived_too(tmp_path):
    table = read(
        tmp_path, "ID,TIME,AMT,DV,EVID,MDV\na,0,5,.,.,.\na,1,0,2,,\na,2,0,3,0,1\na,3,0,4,2,0\n"
    ).table
    assert table["evid"].tolist() == [1, 0, 0, 2]
    assert table["mdv"].tolist() == [1, 0, 1, 1]


def test_a_constant_infusion_at_steady_state_is_a_dose(tmp_path):
    table = read(tmp_path, "ID,TIME,AMT,RATE,SS,DV\na,0,0,10,1,.\na,1,0,0,0,2\n").table
    assert table[["evid", "rate", "ss"]].iloc[0].tolist() == [1, 10, 1]


def test_dosing_columns_count_on_dose_records_only(tmp_path):
    text = "ID,TIME,AMT,RATE,II,ADDL,SS,DV\na,0,5,-2,12,3,1,.\na,1,0,7,12,3,99,2\n"
    table = read(tmp_path, text).table
    assert table[["rate", "ii", "addl", "ss"]].to_numpy().tolist() == [[-2, 12, 3, 1], [0, 0, 0, 0]]


def test_observation_before_any_dose_is_allowed(tmp_path):
    records = read(tmp_path, "ID,TIME,AMT,DV\na,0,0,0.5\na,1,5,.\n")
    assert len(records.observations) == 1
    assert "observation before any dose: patient a" in records.report().warnings


def test_labels_keep_their_names_and_lose_needless_decimals(tmp_path):
    text = "ID,TIME,DV,DVID,CMT,OCC\n01,0,1,cp,2.0,1\n01,1,2,2,central,2\n"
    table = read(tmp_path, text).table
    assert table["id"].tolist() == ["01", "01"]
    assert table["dvid"].tolist() == ["cp", "2"]
    assert table["cmt"].tolist() == ["2", "central"]
    assert table["occ"].tolist() == ["1", "2"]


def test_compartment_zero_is_the_default_one(tmp_path):
    assert read(tmp_path, "ID,TIME,DV,CMT\na,0,1,0\na,1,1,10\n").table["cmt"].tolist() == ["", "10"]


def test_categories_become_numbers(tmp_path):
    text = "ID,TIME,DV,SEX\na,0,1,male\nb,0,2,female\nc,0,3,NA\n"
    records = read(tmp_path, text, categories={"SEX": {"male": 1, "female": 0}})
    np.testing.assert_array_equal(records.table["SEX"], [1, 0, np.nan])


def test_text_columns_are_left_out_and_said_so(tmp_path):
    records = read(tmp_path, "ID,TIME,DV,SITE,WT,EMPTY\na,0,1,Bern,70,\na,1,2,Bern,70,\n")
    assert records.covariates == ("WT",)
    assert records.notes == ("columns not used: SITE, EMPTY",)


def test_covariates_can_be_chosen(tmp_path):
    text = "ID,TIME,DV,AGE,WT\na,0,1,old,70\na,1,2,5,70\n"
    assert read(tmp_path, text, covariates=["WT"]).covariates == ("WT",)


def test_comment_rows_are_left_out_and_said_so(tmp_path):
    records = read(tmp_path, "C,ID,TIME,DV\n.,a,0,1\nC,a,oops,2\n.,a,3,4\n")
    assert records.table["row"].tolist() == [2, 4]
    assert records.notes == ("1 comment row left out (line 3)", "columns not used: C")
    marked = read(tmp_path, "ID,TIME,DV\n#ID 7 withdrew\na,0,1\n", ignore="#")
    assert marked.ids == ("a",)


def test_a_patient_named_like_the_comment_mark_can_be_kept(tmp_path):
    assert read(tmp_path, "ID,TIME,DV\nC,0,1\nC1,0,1\n", ignore="").ids == ("C", "C1")
    assert read(tmp_path, "ID,TIME,DV\nC1,0,1\n").ids == ("C1",)


def test_rows_keep_the_lines_of_the_file(tmp_path):
    records = read(tmp_path, 'ID,TIME,DV,NOTE\n\na,0,1,"two\nlines"\n\na,1,2,x\n')
    assert records.table["row"].tolist() == [3, 6]


def test_byte_order_mark_windows_ends_and_trailing_commas(tmp_path):
    path = tmp_path / "excel.csv"
    path.write_bytes(b"\xef\xbb\xbfID,TIME,DV\r\na,0,1,,\r\n,,\r\na,1,2\r\n")
    assert Records.read_csv(path).table["dv"].tolist() == [1, 2]


def test_another_delimiter(tmp_path):
    assert read(tmp_path, "ID;TIME;DV\na;0;1\n", delimiter=";").ids == ("a",)


def test_two_hundred_columns(tmp_path):
    names = [f"COV{k}" for k in range(200)]
    text = (
        ",".join(["ID", "TIME", "DV", *names])
        + "\n"
        + ",".join(["a", "0", "1", *map(str, range(200))])
        + "\n"
    )
    records = read(tmp_path, text)
    assert records.covariates == tuple(names)
    assert records.table["COV199"].tolist() == [199]


# dates and clock times


def test_clock_times_become_hours_since_the_first_record(tmp_path):
    table = read(tmp_path, "ID,TIME,DV\na,8:00,1\na,9:30,2\na,20:00:36,3\nb,22:15,1\n").table
    np.testing.assert_allclose(table["time"], [0, 1.5, 12.01, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("column", "first", "second"),
    [
        ("DATE", "1/31/1985", "2/1/85"),
        ("DATE", "1985-01-31", "1985-02-01"),
        ("DATE", "31", "32"),
        ("DAT1", "31.1.1985", "1-2-85"),
        ("DAT2", "85/1/31", "1985/2/1"),
        ("DAT3", "85/31/1", "1985/1/2"),
    ],
)
def test_dates_and_times(tmp_path, column, first, second):
    text = f"ID,{column},TIME,DV\na,{first},22:00,1\na,{second},1:30,2\n"
    records = read(tmp_path, text)
    assert records.table["time"].tolist() == [0, 3.5]
    assert records.unit("time") == "h"


def test_elapsed_hours_are_converted_to_the_declared_unit(tmp_path):
    text = "ID,DATE,TIME,DV\na,1/1/2000,12:00,1\na,1/3/2000,12:00,2\n"
    records = read(tmp_path, text, units={"TIME": "d"})
    assert records.table["time"].tolist() == [0, 2]


def test_with_a_date_numbers_are_hours_of_the_day(tmp_path):
    text = "ID,DATE,TIME,DV\na,2/28/2000,12,1\na,3/1/2000,13.5,2\n"
    assert read(tmp_path, text).table["time"].tolist() == [0, 49.5]


def test_two_digit_years_turn_at_fifty(tmp_path):
    text = "ID,DATE,TIME,DV\na,12/31/99,0,1\na,1/1/00,0,2\n"
    assert read(tmp_path, text).table["time"].tolist() == [0, 24]


def test_dates_of_a_frame():
    dates = pd.to_datetime(["2024-02-28", "2024-03-01"])
    frame = pd.DataFrame({"ID": ["a", "a"], "DATE": dates, "TIME": ["8:00", "8:00"], "DV": [1, 2]})
    assert Records.from_frame(frame).table["time"].tolist() == [0, 48]


# frames, identity, verbs


def test_frame_and_file_are_equal(newborns):
    frame = pd.read_csv(PHENOBARBITAL)
    again = Records.from_frame(frame, units=UNITS, source="elsewhere")
    assert again == newborns
    assert hash(again) == hash(newborns)
    assert Records.from_frame(newborns.table, units=UNITS) == newborns


def test_hash_sees_content_not_names(newborns, tmp_path):
    copy = tmp_path / "other.csv"
    copy.write_text(PHENOBARBITAL.read_text().replace(",17.3,", ",17.30,"))
    assert Records.read_csv(copy, units=UNITS).hash == newborns.hash
    copy.write_text(PHENOBARBITAL.read_text().replace(",17.3,", ",17.4,"))
    assert Records.read_csv(copy, units=UNITS).hash != newborns.hash
    assert Records.read_csv(PHENOBARBITAL, units=UNITS | {"WT": "g"}).hash != newborns.hash
    assert newborns != "records"


def test_records_cannot_be_changed(newborns):
    before = newborns.hash
    table = newborns.table
    table.loc[0, "amt"] = 1e6
    observed = newborns.observations
    observed["dv"] = 0.0
    assert Records.from_frame(newborns.table, units=UNITS).hash == before
    with pytest.raises(TypeError):
        newborns.units["time"] = "d"
    with pytest.raises(AttributeError):
        newborns.covariates = ()


def test_select_keeps_the_order_of_the_file(newborns):
    some = newborns.select(["12", 3, "7"])
    assert some.ids == ("3", "7", "12")
    assert some.select(["7"]).table["row"].tolist() == newborns.table.query("id == '7'")["row"].tolist()
    with pytest.raises(DataError, match="no patient '99'"):
        newborns.select(["99"])


def test_holding_out_the_last_observation(newborns):
    last = newborns.last_observations()
    assert len(last) == 59
    held = newborns.without_observations(last)
    assert len(held.observations) == 155 - 59
    rows = held.table.set_index("row").loc[last]
    assert (rows["mdv"] == 1).all()
    assert rows["dv"].notna().all()
    by_patient = newborns.observations.groupby("id", sort=False)
    assert last.to_dict() == {name: group["row"].iloc[-1] for name, group in by_patient}


def test_only_measurements_can_be_held_out(newborns):
    with pytest.raises(DataError) as caught:
        newborns.without_observations([2, 3, 99999])
    assert [problem.row for problem in caught.value.problems] == [2, 99999]


def test_baseline_is_the_first_known_value(tmp_path):
    records = read(tmp_path, "ID,TIME,DV,WT,AGE\na,0,1,.,5\na,1,2,70,6\nb,0,1,60,7\n")
    baseline = records.baseline()
    assert baseline.index.tolist() == ["a", "b"]
    assert baseline.to_numpy().tolist() == [[70, 5], [60, 7]]


# units


def test_conversion_is_exact_and_carries_rates_and_intervals(tmp_path):
    text = "ID,TIME,AMT,RATE,II,ADDL,DV\na,0,100,50,12,3,.\na,12,100,-2,0,0,.\na,24,0,0,0,0,1.5\n"
    records = read(tmp_path, text, units={"TIME": "h", "AMT": "mg", "DV": "mg/L"})
    table = records.convert({"time": "d", "AMT": "g", "dv": "ug/L"}).table
    assert table["time"].tolist() == [0, 0.5, 1]
    assert table["ii"].tolist() == [0.5, 0, 0]
    np.testing.assert_allclose(table["amt"], [0.1, 0.1, 0], rtol=1e-15)
    np.testing.assert_allclose(table["rate"], [50 * 24 / 1000, -2, 0], rtol=1e-15)
    assert table["dv"].iloc[2] == 1500


def test_conversion_there_and_back(newborns):
    back = newborns.convert({"time": "d", "WT": "g"}).convert({"time": "h", "WT": "kg"})
    assert back.units == newborns.units
    for name in ("time", "WT"):
        np.testing.assert_allclose(back.table[name], newborns.table[name], rtol=1e-15)


def test_rate_and_interval_may_have_units_of_their_own(tmp_path):
    text = "ID,TIME,AMT,RATE,II,ADDL,DV\na,0,100,2,1,3,.\na,24,0,0,0,0,1\n"
    records = read(tmp_path, text, units={"TIME": "h", "AMT": "mg", "RATE": "mg/min", "II": "d"})
    assert records.table[["rate", "ii"]].iloc[0].tolist() == [120, 24]
    assert dict(records.units) == {"time": "h", "amt": "mg"}
    with pytest.raises(DataError, match="RATE has a unit, but not AMT and TIME"):
        read(tmp_path, text, units={"RATE": "mg/min"})


def test_each_output_may_have_its_unit(tmp_path):
    text = "ID,TIME,DV,DVID\na,0,1,cp\na,0,50,pca\n"
    records = read(tmp_path, text, units={"DV": {"cp": "mg/L", "pca": "percent"}})
    assert (records.unit("dv", "cp"), records.unit("dv", "pca")) == ("mg/L", "percent")
    assert records.convert({"dv:cp": "ug/L"}).table["dv"].tolist() == [1000, 50]


def test_units_that_do_not_fit_are_refused(newborns):
    with pytest.raises(UnitError):
        newborns.convert({"WT": "L"})
    with pytest.raises(UnitError, match="no declared unit"):
        newborns.convert({"rate": "mg/h"})


# size


def test_a_hundred_thousand_rows_are_read_quickly(tmp_path):
    patients, visits = 10_000, 10
    numbers = np.random.default_rng(1)
    dose = np.tile(np.arange(visits) % 3 == 0, patients)
    frame = pd.DataFrame(
        {
            "ID": np.repeat(np.arange(patients), visits),
            "TIME": np.tile(np.arange(visits) * 12.0, patients),
            "AMT": np.where(dose, 100, 0),
            "DV": np.where(dose, np.nan, numbers.normal(10, 2, patients * visits).round(3)),
            "EVID": dose.astype(int),
            "WT": np.repeat(numbers.normal(70, 10, patients).round(1), visits),
        }
    )
    path = tmp_path / "large.csv"
    frame.to_csv(path, index=False)
    took = []
    for _ in range(3):
        start = time.process_time()
        records = Records.read_csv(path)
        took.append(time.process_time() - start)
    assert len(records) == patients * visits
    assert min(took) < 1  # CPU seconds, measured 0.4: wall time says more about what else the machine does


@needs_reference
@pytest.mark.parametrize(
    ("name", "settings", "counts"),
    [
        ("warfarin", {"categories": {"sex": {"male": 1, "female": 0}}}, (32, 32, 483)),
        ("warfarin_pk", {}, (32, 32, 251)),
        ("transit_oral", {}, (20, 20, 240)),
        ("Wang2007", {"columns": {"DV": "Y"}}, (10, 0, 20)),
        ("nimoData", {}, (12, 120, 321)),
    ],
)
def test_public_data_sets_are_read(name, settings, counts):
    records = Records.read_csv(REFERENCE / "data" / f"{name}.csv", **settings)
    assert (len(records.ids), len(records.doses), len(records.observations)) == counts


@needs_reference
def test_nonmem_dosing_scenarios_are_read():
    records = Records.read_csv(REFERENCE / "nonmem_dosing" / "records.csv")
    assert len(records) == 3837
    assert len(records.ids) == 29
    assert sorted(set(records.table["evid"])) == [0, 1, 3, 4]
    assert sorted(set(records.table["ss"])) == [0, 1, 2]
    assert records.covariates == ("LAGT", "MODE", "DUR2", "RAT2", "BIOAV")
