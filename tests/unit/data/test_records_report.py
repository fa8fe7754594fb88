"""The report on a table: its counts, and what it warns of."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from understudy.core.errors import DataError
from understudy.data.records import Records
from understudy.data.report import Spread

PHENOBARBITAL = Path(__file__).parents[3] / "examples" / "phenobarbital" / "phenobarbital.csv"
UNITS = {"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"}


@pytest.fixture
def mixed(tmp_path) -> Records:
    """Two outputs, additional doses, a varying and a missing covariate, and everything a warning can name."""
    path = tmp_path / "mixed.csv"
    path.write_text(
        "ID,TIME,AMT,II,ADDL,DV,DVID,WT,AGE,BLQ,SITE\n"
        "a,0,,,,9,pca,70,30,0,x\n"
        "a,0,100,12,4,5,,70,30,0,x\n"
        "a,30,,,,0.4,cp,71,30,0,x\n"
        "a,60,,,,0,cp,71,30,1,x\n"
        "b,0,50,,,,,.,.,0,x\n"
        "c,5,,,,-1,cp,60,.,0,x\n"
        "c,6,,,,2,cp,60,45,0,x\n"
    )
    return Records.read_csv(path, units={"DV": {"cp": "mg/L", "pca": "percent"}})


def test_counts(mixed):
    report = mixed.report()
    assert (report.patients, report.records, report.observations) == (3, 7, 5)
    assert (report.dose_records, report.doses) == (2, 6)
    assert report.records_per_patient == Spread(1, 2, 4)
    assert report.doses_per_patient == Spread(0, 1, 5)
    assert report.observations_per_patient == Spread(0, 2, 3)
    assert (report.first_time, report.last_time) == (0, 60)
    assert report.hash == mixed.hash


def test_outputs_and_limits(mixed):
    pca, cp = mixed.report(limits={"cp": 0.5}).outputs
    assert (pca.name, pca.unit, pca.count, pca.below_limit, pca.limit) == ("pca", "percent", 1, 0, None)
    assert (cp.name, cp.unit, cp.count, cp.not_positive) == ("cp", "mg/L", 4, 2)
    assert (cp.limit, cp.below_limit) == (0.5, 3)
    assert cp.values == Spread(-1, 0.2, 2)


def test_marked_measurements_count_as_below_the_limit(mixed):
    assert mixed.report().outputs[1].below_limit == 1


def test_a_limit_for_an_unknown_output_is_refused(mixed):
    with pytest.raises(DataError, match="no output 'cq'"):
        mixed.report(limits={"cq": 1})


def test_covariates(mixed):
    weight, age, _ = mixed.report().covariates
    assert (weight.varying, weight.missing, weight.incomplete) == (1, 1, 0)
    assert weight.values == Spread(60, 65, 70)
    assert (age.varying, age.missing, age.incomplete) == (0, 1, 1)


def test_warnings_and_notes(mixed):
    report = mixed.report()
    assert report.notes == ("columns not used: SITE", "DV is ignored on 1 dose record")
    assert report.warnings == (
        "observation before any dose: patient a",
        "no dose: patient c",
        "no observation: patient b",
        "no WT: patient b",
        "no AGE: patient b",
        "2 measurements of zero or less (row 5, 7)",
    )


def test_a_valid_table_has_no_warnings():
    report = Records.read_csv(PHENOBARBITAL, units=UNITS).report()
    assert report.warnings == ()
    assert report.notes == ()


def test_text_and_frame_say_the_same():
    report = Records.read_csv(PHENOBARBITAL, units=UNITS).report()
    lines = str(report).splitlines()
    frame = report.to_frame()
    assert list(frame.columns) == ["item", "value", "detail"]
    assert len(lines) == len(frame)
    for line, row in zip(lines, frame.itertuples(), strict=True):
        assert line.startswith(row.item)
        assert str(row.value) in line
        assert row.detail in line
    assert "patients        59" in lines
    assert "observations    155 (a patient: 1 to 6, median 3)" in lines
    assert "covariate WT    0.6 to 3.6, median 1.3 kg (constant)" in lines


def test_records_without_any_measurement(tmp_path):
    path = tmp_path / "doses.csv"
    path.write_text("ID,TIME,AMT,DV\na,0,5,\n")
    report = Records.read_csv(path).report()
    assert report.outputs == ()
    assert "no observation: patient a" in str(report)


def test_spread_of_nothing():
    assert math.isnan(Spread.of([]).median)
