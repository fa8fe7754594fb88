"""$INPUT and $DATA: which rows and columns are taken, and what is said of bad files."""

import numpy as np
import pytest
from stream_case import DATA, stream, text_of

from understudy.core.errors import DataError, FormatError
from understudy.formats.load import load
from understudy.formats.nonmem.control_stream import read


def rows(found) -> list[int]:
    return list(found.records.table["row"])


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("data.csv IGNORE=@", [2, 3, 4, 5, 6, 7]),
        ("data.csv IGNORE=I", [2, 3, 4, 5, 6, 7]),
        ("'data.csv' IGN=@ IGNORE=(ID.EQ.2)", [2, 3, 4]),
        ("data.csv IGNORE=@ IGNORE=(SEX.GT.1.5)", [2, 3, 4]),
        ("data.csv IGNORE=@ IGNORE(SEX==1)", [5, 6, 7]),
        ("data.csv IGNORE=@ IGNORE=(TIME.EQ.4,TIME.GE.6)", [2, 3, 5, 6]),
        ("data.csv IGNORE=@ IGNORE=(TIME.EQ.4) IGNORE=(TIME.EQ.6)", [2, 3, 5, 6]),
        ("data.csv IGNORE=@ ACCEPT=(SEX.EQN.2)", [5, 6, 7]),
        ("data.csv IGNORE=@ IGNORE=(WT.LT.60)", [2, 3, 4]),
        # Text, not numbers, is compared by .EQ.: 1 is not 1.0.
        ("data.csv IGNORE=@ IGNORE=(SEX.EQ.1.0)", [2, 3, 4, 5, 6, 7]),
        ("data.csv IGNORE=@ RECORDS=3", [2, 3, 4]),
        ("data.csv IGNORE=@ REWIND NOWIDE", [2, 3, 4, 5, 6, 7]),
    ],
)
def test_rows(options, wanted, tmp_path):
    assert rows(stream(tmp_path, DATA=options)) == wanted


def test_separators_and_missing_items(tmp_path):
    spaced = "1 0 100 . 70 1\n1\t1 , . 8.1   70,1\n\n1,4,,5.2,70,1\n"
    found = stream(tmp_path, data=spaced, DATA="data.csv")
    assert rows(found) == [1, 2, 4]
    assert list(found.records.observations["dv"]) == [8.1, 5.2]


def test_columns_by_place_dropped_and_renamed(tmp_path):
    found = stream(tmp_path, INPUT="ID TIME AMT CONC=DV DROP SEX=SKIP", ERROR="\n Y = F + EPS(1)")
    assert found.records.covariates == ()
    assert len(found.records.observations) == 4


def test_a_header_that_contradicts_input_is_noted(tmp_path):
    found = stream(tmp_path, INPUT="ID TIME AMT DV SEX WT")
    assert found.records.notes == (
        "line 1 calls column 5 WT, $INPUT calls it SEX",
        "line 1 calls column 6 SEX, $INPUT calls it WT",
    )
    assert not stream(tmp_path).records.notes


def test_records_that_stand_twice_count_twice(tmp_path):
    found = stream(tmp_path, data=DATA.replace("1,4,.,5.2,70,1\n", "1,4,.,5.2,70,1\n" * 2))
    assert list(found.records.observations["dv"]) == [8.1, 5.2, 5.2, 6.6, 2.9]


def test_folders_as_windows_writes_them(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "levels.csv").write_text(DATA)
    assert len(rows(stream(tmp_path, DATA="data\\levels.csv IGNORE=@"))) == 6


def test_a_null_covariate_is_zero(tmp_path):
    pk = "\n CL = THETA(1)*EXP(ETA(1))\n IF (WT.EQ.0) CL = 2*CL\n V = THETA(2)\n S1 = V"
    found = stream(tmp_path, data=DATA.replace("55", "."), PK=pk)
    assert list(found.records.table["WT"]) == [70, 70, 70, 0, 0, 0]


def test_clock_times_and_dates(tmp_path):
    data = "1,1/15/2024,8:00,100,.,70,1\n1,1/15/2024,20:30,.,8,70,1\n1,1/16/2024,8:00,.,5,70,1\n"
    found = stream(tmp_path, data=data, DATA="data.csv", INPUT="ID DATE=DROP TIME AMT DV WT SEX")
    assert list(found.records.table["time"]) == [0, 12.5, 24]


def test_doses_and_observations_are_told_apart_as_nm_tran_does(tmp_path):
    found = stream(tmp_path, data=DATA.replace("1,4,.,5.2", "1,4,.,."))
    # A null DV of an observation is the number zero to NONMEM.
    assert list(found.records.observations["dv"]) == [8.1, 0.0, 6.6, 2.9]
    assert list(found.records.table["evid"]) == [1, 0, 0, 1, 0, 0]


def test_a_column_that_input_names_and_the_file_lacks(tmp_path):
    with pytest.raises(DataError) as told:
        stream(tmp_path, INPUT="ID TIME AMT DV WT SEX AGE")
    first = told.value.problems[0]
    assert (first.row, first.column) == (2, "AGE")
    assert "no row has this column: the first has 6 items, $INPUT names 7" in first.cause
    assert len(told.value.problems) == 1
    assert "data.csv" in str(told.value)


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ({"INPUT": "ID TIME AMT WT"}, "$INPUT names no DV"),
        ({"INPUT": "TIME AMT DV WT SEX"}, "$INPUT names no ID"),
        ({"INPUT": "ID TIME AMT DV WT WT"}, "WT names two columns"),
        ({"INPUT": "ID TIME AMT DV WT=A=B SEX"}, "is no data item"),
        ({"INPUT": "ID TIME AMT DV W-T SEX"}, "is no data item"),
        ({"DATA": ""}, "no file is named"),
        ({"DATA": "nowhere.csv IGNORE=@"}, "cannot read the data file nowhere.csv"),
        ({"DATA": "data.csv IGNORE=@ FORMAT=(6F8.0)"}, "of $DATA cannot be translated"),
        ({"DATA": "data.csv IGNORE=@ TRANSLATE=(TIME/24)"}, "of $DATA cannot be translated"),
        ({"DATA": "data.csv IGNORE=@ IGNORE=(AGE.EQ.1)"}, "AGE is not in $INPUT"),
        ({"DATA": "data.csv IGNORE=@ IGNORE=(WT.GT.heavy)"}, "is no number"),
        ({"DATA": "data.csv IGNORE=@ IGNORE=(WT)"}, "is no condition"),
        ({"DATA": "data.csv IGNORE=@ IGNORE=(ID.GT.0)"}, "no row of data.csv is left"),
        ({"DATA": "data.csv IGNORE=@ IGNORE=(ID.EQ.1) ACCEPT=(ID.EQ.2)"}, "both IGNORE"),
    ],
)
def test_what_is_refused(parts, cause, tmp_path):
    with pytest.raises(FormatError) as told:
        stream(tmp_path, **parts)
    assert cause in told.value.cause
    assert told.value.place.startswith("run.ctl, line")
    assert told.value.repair


def test_cells_that_are_no_numbers(tmp_path):
    pk = "\n CL = THETA(1)*WT*EXP(ETA(1))\n V = THETA(2)\n S1 = V"
    with pytest.raises(DataError) as told:
        stream(tmp_path, data=DATA.replace(",55,", ",light,"), PK=pk)
    first = told.value.problems[0]
    assert (first.row, first.column, first.value) == (5, "WT", "light")


def test_a_header_that_is_not_ignored(tmp_path):
    with pytest.raises(DataError) as told:
        stream(tmp_path, DATA="data.csv")
    assert told.value.problems[0].row == 1


@pytest.mark.parametrize("item", ["PCMT", "L2", "CONT", "CALL"])
def test_items_that_change_the_objective_function(item, tmp_path):
    with pytest.raises(FormatError, match=f"the data item {item}"):
        stream(tmp_path, INPUT=f"ID TIME AMT DV WT {item}")


def test_encodings_line_ends_tabs_continuations_and_case(tmp_path):
    (tmp_path / "data.csv").write_text(DATA)
    plain = read_text_as(tmp_path, text_of().encode())
    messy = text_of(PK="\n CL = THETA(1)* &\n   EXP(ETA(1)) ; µ-opioid\n\tV = THETA(2)\n S1 = V").lower()
    messy = messy.replace("$data data.csv ignore=@", "$data data.csv ignore=@")
    for content in (
        messy.encode("latin-1"),
        messy.encode("utf-8"),
        b"\xef\xbb\xbf" + messy.encode("utf-8"),
        messy.replace("\n", "\r\n").encode("latin-1"),
        messy.replace("\n", "\r").encode("latin-1"),
        messy.encode("utf-16"),
    ):
        assert read_text_as(tmp_path, content).model.hash == plain.model.hash


def read_text_as(folder, content: bytes):
    path = folder / "run.ctl"
    path.write_bytes(content)
    return read(path)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "no record"),
        (b"; only a comment\n", "no record"),
        (b"\x00\x01\x02", "NUL byte"),
        (b"PK\x03\x04 a zip", "text before the first record"),
        (b"$PROB a\n$THATE 1\n", "$THATE is no record"),
        (b"$PROB a\n$PR 1\n", "$PR is no record"),
        (b"$PROB a\n$\n", "is no record"),
        (b"$PROB a\n$DATA x.csv\n", "there is no $INPUT"),
        (b"$PROB a\n$INPUT ID\n", "there is no $DATA"),
        (b"$PROB a\n$PROB b\n", "several problems"),
        (b"$PROB a\n$MIX NSPOP=2\n", "$MIX (a mixture of populations) cannot be translated"),
        (b"$PROB a\n$MIX\n NSPOP = 2\n", "$MIX (a mixture of populations) cannot be translated"),
        (b"$PROB " + b"x" * 30_000, "30,006 characters"),
    ],
)
def test_files_that_are_no_control_stream(content, cause, tmp_path):
    with pytest.raises(FormatError) as told:
        read_text_as(tmp_path, content)
    assert cause in told.value.cause
    assert "run.ctl" in told.value.place


def test_a_file_that_is_too_large(tmp_path):
    path = tmp_path / "huge.ctl"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(FormatError, match="200,000,000 bytes"):
        load(path)
    data = tmp_path / "data.csv"
    run = tmp_path / "run.ctl"
    run.write_text(text_of())
    with data.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(FormatError, match="200,000,000 bytes"):
        load(run)


def test_binary_data(tmp_path):
    (tmp_path / "run.ctl").write_text(text_of())
    (tmp_path / "data.csv").write_bytes(b"\x7fELF\0\0\0")
    with pytest.raises(FormatError, match="is no text file"):
        read(tmp_path / "run.ctl")


def test_a_missing_control_stream_names_its_neighbour(tmp_path):
    (tmp_path / "run001.ctl").write_text(text_of())
    with pytest.raises(Exception, match=r"did you mean run001\.ctl"):
        load(tmp_path / "run01.ctl")


def test_units(tmp_path):
    found = stream(tmp_path).with_units({"TIME": "h", "AMT": "mg", "DV": "mg/L"})
    found.model.check_units()
    assert found.model.structural.time_unit == "h"
    assert found.records.unit("amt") == "mg"
    with pytest.raises(FormatError, match="TIM has no unit here"):
        found.with_units({"TIM": "h"})


def test_estimates(tmp_path):
    found = stream(
        tmp_path, OMEGA="BLOCK(2) 1 0.1 2", PK="\n CL = THETA(1)*EXP(ETA(1))\n V = THETA(2)\n S1 = V"
    )
    other = found.with_estimates({"THETA1": 5, "OMEGA(2,1)": 0.2, "SIGMA(1,1)": 0.5, "OMEGA(9,9)": 0})
    assert other.model.fixed_values["THETA1"] == 5
    assert other.model.fixed_values["SIGMA_1_1"] == 0.5
    np.testing.assert_array_equal(other.model.omega, [[1, 0.2], [0.2, 2]])
    assert other.initial["OMEGA(2,1)"] == 0.2
    with pytest.raises(FormatError, match="THETA9 is no parameter"):
        found.with_estimates({"THETA9": 5})
