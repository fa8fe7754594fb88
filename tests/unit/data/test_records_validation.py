"""Bad tables: every problem is found at once, with row, column, value and repair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import DataError
from understudy.data.records import Records

HEADER = "ID,TIME,AMT,RATE,II,ADDL,SS,EVID,MDV,DV,WT\n"


def problems(tmp_path: Path, content: str | bytes, **settings):
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        Records.read_csv(path, **settings)
    assert all(problem.repair for problem in caught.value.problems)
    assert "bad.csv" in caught.value.place
    return caught.value.problems


# one row after a valid dose: cells in the order of HEADER → (column, cause, repair)
BAD_ROWS = {
    "text in a number column": ("a,5,0,0,0,0,0,0,0,high,70", "DV", "not a number", "write a number"),
    "decimal comma": ('a,5,0,0,0,0,0,0,0,"1,5",70', "DV", "not a number", "decimal point"),
    "text as time": ("a,noon,0,0,0,0,0,0,0,1,70", "TIME", "not a number", "write a number"),
    "hexadecimal": ("a,5,0,0,0,0,0,0,0,0x1F,70", "DV", "not a number", "write a number"),
    "digits of another script": ("a,٥,0,0,0,0,0,0,0,1,70", "TIME", "not a number", "write a number"),
    "underscore": ("a,1_0,0,0,0,0,0,0,0,1,70", "TIME", "not a number", "write a number"),
    "infinite": ("a,5,0,0,0,0,0,0,0,inf,70", "DV", "not a finite number", "finite"),
    "infinite covariate": ("a,5,0,0,0,0,0,0,0,1,-Infinity", "WT", "not a finite number", "finite"),
    "too large": ("a,5,0,0,0,0,0,0,0,1e999,70", "DV", "not a finite number", "finite"),
    "no identifier": (".,5,0,0,0,0,0,0,0,1,70", "ID", "no identifier", "every row"),
    "no time": ("a,.,0,0,0,0,0,0,0,1,70", "TIME", "no time", "every row"),
    "negative step": ("a,-1,0,0,0,0,0,0,0,1,70", "TIME", "time goes back by 1", "sort"),
    "negative step at a reset": ("a,-1,0,0,0,0,0,3,1,.,70", "TIME", "time goes back", "even after a reset"),
    "negative step, reset dose": ("a,-1,5,0,0,0,0,4,1,.,70", "TIME", "time goes back", "even after a reset"),
    "dose without amount": ("a,5,.,0,0,0,0,1,1,.,70", "AMT", "a dose without an amount", "EVID = 0"),
    "zero dose with modelled rate": ("a,5,0,-2,0,0,0,1,1,.,70", "AMT", "a dose without an amount", "AMT"),
    "zero infusion": ("a,5,0,10,0,0,0,1,1,.,70", "AMT", "a rate without an amount", "SS = 1"),
    "zero infusion, SS 2": ("a,5,0,10,0,0,2,1,1,.,70", "AMT", "a rate without an amount", "SS = 1"),
    "constant infusion with II": ("a,5,0,10,12,0,1,1,1,.,70", "II", "with an interval", "II = 0"),
    "negative amount": ("a,5,-5,0,0,0,0,1,1,.,70", "AMT", "a negative amount", "amount given"),
    "amount on an observation": ("a,5,5,0,0,0,0,0,0,1,70", "AMT", "no dose", "EVID = 1"),
    "amount on a reset": ("a,5,5,0,0,0,0,3,1,.,70", "AMT", "no dose", "EVID = 1"),
    "rate below -2": ("a,5,5,-3,0,0,0,1,1,.,70", "RATE", "a negative rate", "-1 or -2"),
    "negative rate": ("a,5,5,-0.5,0,0,0,1,1,.,70", "RATE", "a negative rate", "-1 or -2"),
    "SS of 3": ("a,5,5,0,12,0,3,1,1,.,70", "SS", "none of 0, 1, 2", "0, 1 or 2"),
    "SS without II": ("a,5,5,0,0,0,1,1,1,.,70", "II", "steady state (SS) without", "II, or SS = 0"),
    "SS 2 without II": ("a,5,5,0,.,0,2,1,1,.,70", "II", "steady state (SS) without", "II, or SS = 0"),
    "ADDL without II": ("a,5,5,0,0,3,0,1,1,.,70", "ADDL", "(ADDL) without an interval", "II, or ADDL"),
    "negative ADDL": ("a,5,5,0,12,-1,0,1,1,.,70", "ADDL", "negative number of doses", "how many"),
    "negative II": ("a,5,5,0,-12,1,0,1,1,.,70", "II", "negative interval", "time between"),
    "fraction of a dose": ("a,5,5,0,12,1.5,0,1,1,.,70", "ADDL", "not a whole number", "whole number"),
    "EVID of 5": ("a,5,0,0,0,0,0,5,1,.,70", "EVID", "not an event", "4 reset and dose"),
    "EVID of -1": ("a,5,0,0,0,0,0,-1,1,.,70", "EVID", "not an event", "4 reset and dose"),
    "nlmixr bolus": ("a,5,5,0,0,0,0,101,1,.,70", "EVID", "not an event", "EVID 1 and CMT 1"),
    "nlmixr infusion": ("a,5,5,0,0,0,0,10201,1,.,70", "EVID", "not an event", "CMT 2, and its RATE"),
    "MDV of 2": ("a,5,0,0,0,0,0,0,2,1,70", "MDV", "neither 0 nor 1", "write 1"),
    "MDV 0 without DV": ("a,5,0,0,0,0,0,0,0,.,70", "DV", "no measurement where MDV = 0", "MDV = 1"),
    "the same dose again": ("a,0,100,0,0,0,0,1,1,.,70", "AMT", "the record of row 2 again", "the sum"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_named_with_its_repair(tmp_path, name):
    row, column, cause, repair = BAD_ROWS[name]
    text = HEADER + "a,0,100,0,0,0,0,1,1,.,70\n" + row + "\n"
    (problem,) = problems(tmp_path, text)
    assert (problem.row, problem.column) == (3, column)
    assert cause in problem.cause
    assert repair in problem.repair
    cells = pd.read_csv(tmp_path / "bad.csv", dtype=str, keep_default_na=False)
    assert problem.value == cells[column].iloc[1]


def test_all_problems_are_listed_at_once_by_row(tmp_path):
    rows = [row for row, *_ in BAD_ROWS.values()]
    text = HEADER + "".join(
        f"{k}{row.replace('a,', ',', 1) if row[0] == 'a' else row[1:]}\n" for k, row in enumerate(rows)
    )
    found = problems(tmp_path, text)
    assert len({problem.row for problem in found}) > 25
    assert [problem.row for problem in found] == sorted(problem.row for problem in found)


def test_a_problem_is_not_told_twice(tmp_path):
    (problem,) = problems(tmp_path, "ID,TIME,AMT,EVID,DV\na,0,lots,1,.\n")
    assert problem.cause == "not a number"


def test_the_same_measurement_again(tmp_path):
    text = "ID,TIME,DV,DVID,CMT,SITE\na,1,5,cp,1,x\na,1,5,cp,1,y\na,1,5,pca,1,x\na,1,5,cp,2,x\na,1,6,cp,1,x\n"
    (problem,) = problems(tmp_path, text)
    assert (problem.row, problem.column, problem.value) == (3, "DV", "5")
    assert problem.cause == "the measurement of row 2 again"


def test_doses_that_differ_in_some_cell_are_no_duplicates(tmp_path):
    path = tmp_path / "good.csv"
    path.write_text(
        "ID,TIME,AMT,CMT,DV,ARM\na,0,5,1,.,left\na,0,5,2,.,left\na,0,5,1,.,right\na,1,.,.,2,left\n"
    )
    assert len(Records.read_csv(path).doses) == 3


def test_a_comment_does_not_make_a_dose_another(tmp_path):
    (problem,) = problems(tmp_path, "ID,TIME,AMT,DV,COMMENT\na,0,5,.,first\na,0,5,.,second\n")
    assert problem.cause == "the record of row 2 again"


def test_a_patient_in_two_places(tmp_path):
    (problem,) = problems(tmp_path, "ID,TIME,DV\na,0,1\nb,0,1\na,1,1\n")
    assert (problem.row, problem.column, problem.value) == (4, "ID", "a")
    assert "first on row 2" in problem.cause
    assert "records together" in problem.repair


def test_missing_columns_are_all_named(tmp_path):
    found = problems(tmp_path, "SUBJ,HOURS,CONC\na,0,1\n")
    assert [problem.column for problem in found] == ["ID", "TIME", "DV"]
    assert all(problem.row == 1 for problem in found)
    assert "columns={'DV': ...}" in found[2].repair


def test_a_missing_column_does_not_hide_other_problems(tmp_path):
    found = problems(tmp_path, "TIME,AMT,DV\n5,lots,.\n3,1,x\n")
    assert [(p.row, p.column) for p in found] == [(1, "ID"), (2, "AMT"), (3, "DV")]


def test_columns_that_collide(tmp_path):
    (problem,) = problems(tmp_path, "ID,TIME,DV,dv\na,0,1,2\n")
    assert problem.cause == "'DV' and 'dv' are both DV"
    (problem,) = problems(tmp_path, "ID,TIME,DV,WT,WT\na,0,1,2,3\n")
    assert problem.cause == "two columns are named 'WT'"
    (problem,) = problems(tmp_path, "ID,TIME,DV,DATE,DAT1\na,1:00,1,1/1/2000,1/1/2000\n")
    assert problem.cause == "DATE and DAT1 both hold the date"


def test_names_that_are_not_in_the_file(tmp_path):
    text = "ID,TIME,DV,WEIGHT\na,0,1,70\n"
    (problem,) = problems(tmp_path, text, columns={"WT": "WEIGTH"})
    assert problem.repair == "did you mean 'WEIGHT'?"
    (problem,) = problems(tmp_path, text, covariates=["WEIGH"])
    assert problem.repair == "did you mean 'WEIGHT'?"
    (problem,) = problems(tmp_path, text, categories={"SEX": {"m": 1}})
    assert problem.cause == "no column for the covariate 'SEX'"
    (problem,) = problems(tmp_path, text, units={"WEIGT": "kg"})
    assert problem.repair == "did you mean 'WEIGHT'?"


def test_units_that_are_none(tmp_path):
    (problem,) = problems(tmp_path, "ID,TIME,DV\na,0,1\n", units={"DV": "mg/Lh"})
    assert (problem.column, problem.value) == ("DV", "mg/Lh")
    assert "unknown unit" in problem.cause


def test_words_in_a_covariate(tmp_path):
    text = "ID,TIME,DV,WT,SEX\na,0,1,70,male\na,1,2,7O,female\na,2,3,70,unknown\n"
    (problem,) = problems(tmp_path, text)
    assert (problem.row, problem.column, problem.value) == (3, "WT", "7O")
    assert "categories={'WT'" in problem.repair
    found = problems(tmp_path, text, categories={"SEX": {"male": 1, "female": 0}})
    assert [(p.row, p.column) for p in found] == [(3, "WT"), (4, "SEX")]
    assert found[1].repair == "categories: male, female"


@pytest.mark.parametrize(
    ("text", "column", "cause"),
    [
        ("ID,TIME,DV\na,8:00,1\na,8:60,2\n", "TIME", "not a time of day"),
        ("ID,TIME,DV\na,8:00,1\na,8h30,2\n", "TIME", "not a time of day"),
        ("ID,TIME,DV\na,8:00,1\na,7:59,2\n", "TIME", "time goes back"),
        ("ID,DATE,TIME,DV\na,1/1/2000,8:00,1\na,1/2/2000,24:30,2\n", "TIME", "not a time of day"),
        ("ID,DATE,TIME,DV\na,1/1/2000,8:00,1\na,31/1/2000,8:00,2\n", "DATE", "not a date"),
        ("ID,DATE,TIME,DV\na,1/1/2000,8:00,1\na,2/30/2000,8:00,2\n", "DATE", "not a date"),
        ("ID,DATE,TIME,DV\na,1/1/2000,8:00,1\na,2/30,8:00,2\n", "DATE", "not a date"),
        ("ID,DATE,TIME,DV\na,1/1/2000,8:00,1\na,,8:00,2\n", "DATE", "no date"),
        ("ID,DATE,TIME,DV\na,1/2/2000,8:00,1\na,1/1/2000,9:00,2\n", "TIME", "time goes back by 23"),
    ],
)
def test_dates_and_times_that_are_none(tmp_path, text, column, cause):
    (problem,) = problems(tmp_path, text)
    assert (problem.row, problem.column) == (3, column)
    assert problem.cause.startswith(cause)


@pytest.mark.parametrize(
    ("content", "row", "cause", "repair"),
    [
        (b"", None, "the file is empty", "header and rows"),
        (b"\n\n \n", None, "the file is empty", "header and rows"),
        (b"ID,TIME,DV\n", None, "a header but no rows", "records"),
        (b"ID,TIME,DV\nC,1,2\n", None, "a header but no rows", "records"),
        (b"ID,TIME,DV\na,0,\xb5\n", 2, "byte 15 of the file (0xb5) is not UTF-8", "UTF-8"),
        (b"\xef\xbb\xbfID,TIME,DV\na,0,1\na,1,\xff\n", 3, "byte 24 of the file (0xff)", "UTF-8"),
        ("ID,TIME,DV\n".encode("utf-16"), None, "UTF-16", "UTF-8"),
        (b"ID,TIME,DV\na,0,1\na,\x00,1\n", 3, "a NUL byte", "export it as CSV"),
        (b"ID,TIME,DV\na,0,1\na,1\n", 3, "the row has 2 cells, the header 3", "one cell for each"),
        (b"ID,TIME,DV\na,0,1,5\n", 2, "the row has 4 cells, the header 3", "one cell for each"),
        (b"ID;TIME;DV\na;0;1\n", 1, "separated by ';', not by ','", "delimiter=';'"),
        (b"ID\tTIME\tDV\na\t0\t1\n", 1, "separated by '\\t', not by ','", "delimiter='\\t'"),
        (b'ID,TIME,DV\na,0,"1\n', 2, "a quoted cell does not end", "double quote"),
        (b'ID,TIME,DV\na,0,"1"x\n', 2, "quotes of this row", "double quote"),
        (b'ID,TIME,DV\na,0,"' + b"x" * 200_000 + b'"\n', 2, "a quoted cell does not end", "double quote"),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, row, cause, repair):
    (problem,) = problems(tmp_path, content)
    assert problem.row == row
    assert cause in problem.cause
    assert repair in problem.repair


def test_ragged_rows_do_not_hide_other_problems(tmp_path):
    found = problems(tmp_path, "ID,TIME,DV\na,0\na,1,x\na,2,1,2\n")
    assert [problem.row for problem in found] == [2, 3, 4]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="No such file") as caught:
        Records.read_csv(tmp_path / "nowhere.csv")
    assert caught.value.place == str(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="cannot read the file"):
        Records.read_csv(tmp_path)


def test_problems_of_a_frame_are_numbered_like_its_file():
    frame = pd.DataFrame({"ID": ["a", "a"], "TIME": [0, 1], "DV": [1.0, np.inf]})
    with pytest.raises(DataError) as caught:
        Records.from_frame(frame, source="a frame")
    (problem,) = caught.value.problems
    assert (problem.row, problem.column, problem.value) == (3, "DV", "inf")
    assert "1 problem in a frame" in str(caught.value)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_file_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_bytes(b"ID,TIME,DV\na,0,1\n" + content)
    try:
        records = Records.read_csv(path)
    except DataError as error:
        refusal = error
        assert refusal.problems
    else:
        assert "a" in records.ids


_CELLS = st.sampled_from(
    ["", ".", "0", "1", "-1", "2", "12", "5.5", "x", "inf", "1e400", "101", "8:00", '"', "é"]
)


@given(st.lists(st.lists(_CELLS, min_size=11, max_size=11), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_any_cells_are_read_or_refused(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_text(HEADER + "\n".join(",".join(cells) for cells in rows) + "\n", encoding="utf-8")
    try:
        table = Records.read_csv(path, ignore="").table
    except DataError as error:
        refusal = error
        assert all(problem.cause and problem.repair for problem in refusal.problems)
        return
    dose = table["evid"].isin((1, 4))
    assert ((table["amt"] > 0) | (table["rate"] > 0))[dose].all()
    assert np.isfinite(table[["time", "amt", "rate", "ii"]].to_numpy()).all()
    assert table["dv"][(table["evid"] == 0) & (table["mdv"] == 0)].notna().all()
