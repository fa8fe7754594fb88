"""Tables from hostile files: each is refused with its name, row, value and repair, or read as it was meant."""

from __future__ import annotations

import gzip

import pytest
from small_trial import PROTOCOL, ROWS, changed, small_trial

from understudy.core.errors import DataError, StudyError
from understudy.trials import load_trial
from understudy.trials.tables import read_table

TEXT = "\n".join(ROWS) + "\n"


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("a.csv", b"", "1 problem in a.csv\n  the file is empty → give a header and a row a subject"),
        ("a.csv", b"\n\n \n", "the file is empty"),
        ("a.csv", b"ID,ARM\n", "the table has no rows"),
        ("a.csv", TEXT.replace("drug,52", "dr\xfcg,52").encode("latin-1"), "row 4: is not text in UTF-8 (value ',1,80"),
        ("a.csv", TEXT.encode("utf-16"), "row 1: is not text in UTF-8"),
        ("a.csv", b"ID,ARM\na,\0b\n", "is not text → save it as CSV in UTF-8"),
        ("a.csv", TEXT.replace(",", ";").encode(), "row 1: cells are separated by semicolons → save it with commas"),
        ("a.csv", TEXT.replace(",", "\t").encode(), "cells are separated by tabs"),
        ("a.csv", b"ID,AGE, AGE\na,1,2\n", "row 1, column AGE: two columns have this name → rename one"),
        ("a.csv", b"ID,AGE\na,1,2\nb,3,4\n", "rows have more cells than the header"),
        ("a.csv", b"ID,AGE\na,1\nb,3,4,5\n", "row 3: 4 cells, where the header has 2 → put cells with commas in them"),
        ("a.csv.gz", b"no gzip", "cannot be unpacked: Not a gzipped file"),
        ("a.csv.gz", gzip.compress(TEXT.encode())[:-9], "cannot be unpacked: Compressed file ended"),
        ("a.xpt", b"", "cannot read the table: Header record is not an XPORT file. → save it as a SAS transport file"),
        ("a.xlsx", b"PK\x03\x04\xff\xfe", "is not text in UTF-8"),
    ],
)  # fmt: skip
def test_files_that_are_no_tables_are_refused(tmp_path, name, raw, words):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError) as told:
        read_table(tmp_path / name)
    assert words in str(told.value)


def test_gzipped_file_is_read_as_the_plain_one(tmp_path):
    (tmp_path / "a.csv").write_text(TEXT, encoding="utf-8")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert read_table(tmp_path / "a.csv").equals(read_table(tmp_path / "a.csv.gz"))


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("adls.csv", "cannot read the file: No such file or directory → did you mean adsl.csv?"),
        (".", "Is a directory → this is a folder: name the file in it"),
        ("../nowhere/adsl.csv", "there is no folder 'nowhere'"),
    ],
)
def test_paths_that_lead_nowhere(tmp_path, file, words):
    with pytest.raises(DataError) as told:
        small_trial(tmp_path, protocol=PROTOCOL.replace("adsl.csv", file))
    assert words in str(told.value)


def test_spaces_around_words_make_no_arm_of_their_own_and_are_told(tmp_path):
    rows = (ROWS[0].replace(",ARM", ", ARM"), *changed(3, "c, drug ,52,f,25,0,66")[1:])
    trial = small_trial(tmp_path, rows)
    assert trial.subjects["arm"].value_counts().to_dict() == {"placebo": 2, "drug": 2}
    assert "spaces around cells of ARM in adsl.csv are taken away" in trial.warnings


def test_numeric_arms_are_named_as_numbers(tmp_path):
    rows = tuple(
        row.replace("placebo", "0").replace("drug", "1").replace("screen failure", "") for row in ROWS
    )
    protocol = PROTOCOL.replace('"placebo"', "0").replace('["drug"]', "[1]")
    assert small_trial(tmp_path, rows, protocol).arms == ("0", "1")


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (
            "2020-01-31",
            "not a number (value '2020-01-31') → this is a date: write the time since randomisation",
        ),
        ("31JAN2020", "this is a date"),
        ("1e400", "not a number (value 'inf')"),
        ("1e200", "larger than anything measured (value '1e+200') → correct the value, or take another unit"),
        ("NA", "not a number (value 'NA') → write a number or leave it empty"),
    ],
)
def test_times_that_are_none(tmp_path, cell, words):
    with pytest.raises(DataError) as told:
        small_trial(tmp_path, changed(1, f"a,placebo,61,f,{cell},0,71.5"))
    assert "row 2, column DAYS: " in str(told.value)
    assert words in str(told.value)


def test_row_that_names_nobody_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"row 2, column USUBJID: no subject is named"):
        small_trial(tmp_path, changed(1, ",placebo,61,f,10,0,71.5"))


def test_empty_cell_of_a_numeric_event_is_told(tmp_path):
    trial = small_trial(tmp_path, changed(1, "a,placebo,61,f,10,,71.5"))
    assert any(
        told.startswith("CNSR is empty in 1 rows of adsl.csv: taken as no event") for told in trial.warnings
    )


def test_outcome_of_nobody_in_the_trial_names_both(tmp_path):
    (tmp_path / "adtte.csv").write_text("USUBJID,DAYS,CNSR\nA-1,10,0\nA-2,20,1\n", encoding="utf-8")
    protocol = PROTOCOL.replace('kind = "survival"', 'file = "adtte.csv"\nkind = "survival"')
    with pytest.raises(
        DataError, match=r"no row is of a subject who was compared.*subjects are called a, b, c.*A-1, A-2"
    ):
        small_trial(tmp_path, protocol=protocol)


def test_two_tables_of_one_name_both_count_in_the_hash(tmp_path):
    (tmp_path / "more").mkdir()
    other = tmp_path / "more" / "adsl.csv"
    protocol = PROTOCOL.replace('kind = "survival"', 'file = "more/adsl.csv"\nkind = "survival"')
    hashes = []
    for days in (10, 11):
        other.write_text(f"USUBJID,DAYS,CNSR\na,{days},0\nc,20,0\n", encoding="utf-8")
        hashes.append(small_trial(tmp_path, protocol=protocol).hash)
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PROTOCOL.replace("arm =", "armm ="), "unknown key 'armm'"),
        (PROTOCOL + "[[[", "not valid TOML"),
        (PROTOCOL.replace("[baseline]", "[base]"), "did you mean baseline?"),
        (PROTOCOL.replace('time = "DAYS"', "time = 5"), "time should be text in quotes"),
        ("", "title is missing"),
    ],
)
def test_protocols_that_are_none(tmp_path, text, words):
    with pytest.raises(StudyError) as told:
        small_trial(tmp_path, protocol=text)
    assert words in str(told.value)
    (tmp_path / "trial.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(StudyError, match="the protocol is not text in UTF-8"):
        load_trial(tmp_path / "trial.toml")
