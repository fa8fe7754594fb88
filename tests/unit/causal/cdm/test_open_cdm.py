"""open_cdm: one set of names and kinds, whatever a CDM lies in; bad files are told by file, column and row."""

import builtins
import gzip
from datetime import date

import pytest
from small_cdm import TARGET, base, era, observed, write_cdm

from understudy.causal.cdm import open_cdm
from understudy.core.errors import DataError, MissingExtraError, StudyError, UnderstudyError

PERSON = "person_id,gender_concept_id,year_of_birth\n1,8507,1950\n2,8532,1960\n"
PERIOD = "person_id,observation_period_start_date,observation_period_end_date\n"


def _folder(tmp_path, **files):
    for name, text in (
        {"person.csv": PERSON, "observation_period.csv": f"{PERIOD}1,2000-01-01,2010-01-01\n"} | files
    ).items():
        if text is not None:
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


def _told(path, kind=DataError):
    with pytest.raises(kind) as caught:
        open_cdm(path)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet", "duckdb"])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("compact", [False, True])
def test_every_form_gives_the_same_tables(tmp_path, kind, upper, compact):
    tables = base(1, 2) | {
        "drug_era": [era(1, TARGET, "2005-02-03", "2005-03-01"), era(2, TARGET, "2006-01-01")]
    }
    path = write_cdm(tmp_path, tables, kind=kind, upper=upper, compact=compact)
    with open_cdm(path) as cdm:
        rows = cdm.connection.execute(
            "SELECT person_id, drug_concept_id, drug_era_start_date, drug_era_end_date FROM drug_era ORDER BY 1"
        ).fetchall()
        assert rows == [
            (1, TARGET, date(2005, 2, 3), date(2005, 3, 1)),
            (2, TARGET, date(2006, 1, 1), date(2006, 1, 1)),
        ]
        assert set(cdm.tables) == set(tables)
        assert "drug_era_id" in cdm.absent["drug_era"]


def test_datetimes_and_floats_that_are_whole_numbers_are_read(tmp_path):
    folder = _folder(
        tmp_path,
        **{
            "person.csv": "person_id\tgender_concept_id\tyear_of_birth\r\n1.0\t8507\t1950\r\n2\t\\N\tNA\r\n",
            "observation_period.csv": f"{PERIOD}1,2000-01-01 00:00:00,2010-01-01T23:59:00\n2,2001-01-01 00:00:00,\n",
        },
    )
    with open_cdm(folder) as cdm:
        assert cdm.connection.execute("SELECT person_id, gender_concept_id FROM person").fetchall() == [
            (1, 8507),
            (2, None),
        ]
        assert cdm.connection.execute(
            "SELECT max(observation_period_end_date) FROM observation_period"
        ).fetchall() == [(date(2010, 1, 1),)]


def test_parquet_with_other_kinds_of_columns_is_read_and_what_is_no_id_is_refused(tmp_path):
    import duckdb

    def write(person):
        sql = (
            f"SELECT {person} AS PERSON_ID, CAST(20000101 AS INTEGER) AS observation_period_start_date, "
            "TIMESTAMP '2010-01-01 12:00:00' AS observation_period_end_date"
        )
        duckdb.execute(f"COPY ({sql}) TO '{tmp_path}/observation_period.parquet' (FORMAT parquet)")

    write("CAST(1.0 AS DOUBLE)")
    folder = _folder(tmp_path, **{"observation_period.csv": None})
    with open_cdm(folder) as cdm:
        row = cdm.connection.execute(
            "SELECT * EXCLUDE (observation_period_id) FROM observation_period"
        ).fetchone()
        assert row[:3] == (1, date(2000, 1, 1), date(2010, 1, 1))
    write("'1.5'")
    assert "row 1, column PERSON_ID of observation_period.parquet: not a whole number" in _told(folder)


def test_parts_of_a_table_may_lie_in_a_folder(tmp_path):
    folder = _folder(tmp_path, **{"person.csv": None})
    (folder / "person").mkdir()
    for k, row in enumerate(("1,8507,1950", "2,8532,1960")):
        (folder / "person" / f"part-{k}.csv").write_text(
            f"person_id,gender_concept_id,year_of_birth\n{row}\n"
        )
    with open_cdm(folder) as cdm:
        assert cdm.connection.execute("SELECT count(*) FROM person").fetchone() == (2,)


def test_a_folder_whose_name_means_a_pattern_is_taken_as_written(tmp_path):
    folder, other = tmp_path / "cdm[1]*'x", tmp_path / "cdm1'x"
    folder.mkdir(), other.mkdir()
    _folder(other, **{"person.csv": "person_id,gender_concept_id,year_of_birth\n"})
    with open_cdm(_folder(folder)) as cdm:
        assert cdm.connection.execute("SELECT count(*) FROM person").fetchone() == (2,)


@pytest.mark.parametrize(
    ("said", "more", "version", "by"),
    [
        ("v5.3.1", "", "5.3", "cdm_source"),
        ("5.4", "", "5.4", "cdm_source"),
        ("", "", "5.3", "columns"),
        ("", ",visit_x,admitted_from_concept_id", "5.4", "columns"),
    ],
)
def test_the_version_is_what_cdm_source_says_else_what_columns_say(tmp_path, said, more, version, by):
    folder = _folder(
        tmp_path,
        **{
            "cdm_source.csv": f"cdm_source_name,cdm_version\nx,{said}\n",
            "visit_occurrence.csv": f"person_id,visit_concept_id,visit_start_date{more}\n",
        },
    )
    with open_cdm(folder) as cdm:
        assert (cdm.version, cdm.version_by) == (version, by)


def test_5_3_with_columns_of_5_4_stays_5_3(tmp_path):
    folder = _folder(
        tmp_path,
        **{
            "cdm_source.csv": "cdm_source_name,cdm_version,cdm_version_concept_id\nx,v5.3.1,756265\n",
            "procedure_occurrence.csv": "person_id,procedure_concept_id,procedure_date,procedure_end_date\n",
        },
    )
    with open_cdm(folder) as cdm:
        assert cdm.version == "5.3"


def test_another_version_is_refused(tmp_path):
    folder = _folder(tmp_path, **{"cdm_source.csv": "cdm_source_name,cdm_version\nx,v6.0\n"})
    assert "its version is 6.0" in _told(folder, StudyError)


def test_mixed_dates_name_file_column_and_both_shapes_without_a_persons_date(tmp_path):
    rows = "1,2000-01-01,2010-01-01\n2,20030405,2010-01-01\n"
    told = _told(_folder(tmp_path, **{"observation_period.csv": PERIOD + rows}))
    assert "column observation_period_start_date of observation_period.csv" in told
    assert "mixed date formats: yyyy-mm-dd (row 2) and yyyymmdd (row 3)" in told
    assert "20030405" not in told


def test_a_date_shape_that_begins_after_many_empty_fields_is_seen(tmp_path):
    head = "person_id,drug_concept_id,drug_exposure_start_date,drug_exposure_end_date\n"
    rows = "".join(f"1,{TARGET},2000-01-01,\n" for _ in range(10_500))
    late = f"1,{TARGET},2000-01-01,20000101\n"
    folder = _folder(tmp_path, **{"drug_exposure.csv": head + rows + late})
    with open_cdm(folder) as cdm:
        assert cdm.connection.execute("SELECT max(drug_exposure_end_date) FROM drug_exposure").fetchone() == (
            date(2000, 1, 1),
        )
    (folder / "drug_exposure.csv").write_text(head + rows + late + f"1,{TARGET},2000-01-01,2000-01-02\n")
    assert "mixed date formats: yyyymmdd (row 10,502) and yyyy-mm-dd (row 10,503)" in _told(folder)


@pytest.mark.parametrize(
    ("cell", "cause"),
    [
        ("01/02/2000", "dates of a shape that is not read"),
        ("2000-02-31", "not a day of the calendar"),
    ],
)
def test_dates_that_cannot_be_read(tmp_path, cell, cause):
    told = _told(_folder(tmp_path, **{"observation_period.csv": f"{PERIOD}1,{cell},2010-01-01\n"}))
    assert cause in told
    assert cell not in told


def test_numbers_that_are_none_are_told_without_the_value(tmp_path):
    rows = "1,8507,1950\nSMITH,8507.5,1950\n"
    told = _told(_folder(tmp_path, **{"person.csv": f"person_id,gender_concept_id,year_of_birth\n{rows}"}))
    assert "row 3, column person_id of person.csv: not a whole number" in told
    assert "column gender_concept_id of person.csv" in told
    assert "SMITH" not in told


def test_a_broken_row_is_told_by_its_number(tmp_path):
    told = _told(_folder(tmp_path, **{"person.csv": "person_id,gender_concept_id,year_of_birth\n1,8507\n"}))
    assert "row 2, column person.csv: a row that does not fit the header" in told


def test_missing_columns_are_all_named_with_the_versions_that_have_them(tmp_path):
    told = _told(
        _folder(
            tmp_path,
            **{
                "observation_period.csv": "person_id\n1\n",
                "drug_era.csv": "person_id,drug_concept_id\n1,2\n",
            },
        )
    )
    for column in ("observation_period_start_date", "observation_period_end_date", "drug_era_start_date"):
        assert column in told
    assert "CDM 5.3 and 5.4 have it" in told


@pytest.mark.parametrize("table", ["person", "observation_period"])
def test_a_missing_needed_table_is_named(tmp_path, table):
    told = _told(_folder(tmp_path, **{f"{table}.csv": None}), StudyError)
    assert f"no table {table}" in told
    assert "CDM 5.3 and 5.4 have it" in told


def test_what_a_use_needs_is_named_when_it_is_missing(tmp_path):
    with open_cdm(_folder(tmp_path)) as cdm:
        with pytest.raises(StudyError, match="no table drug_era, needed for the target"):
            cdm.require("drug_era", use="the target")
        with pytest.raises(StudyError, match="no column race_concept_id"):
            cdm.require("person", "race_concept_id")


@pytest.mark.parametrize(
    ("files", "cause"),
    [
        ({"PERSON.csv": PERSON}, "one table in two files"),
        ({"person.csv": ""}, "a column without a name"),
        ({"person.csv": b"\xff\xfe\x00"}, "not text in UTF-8"),
        ({"person.csv": None, "person.csv.gz": b"no gzip"}, "not text in UTF-8"),
        ({"person.csv": None, "person.parquet": b"no parquet"}, "not a Parquet file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, files, cause):
    assert cause in _told(_folder(tmp_path, **files), StudyError)


def test_a_column_twice_and_text_in_another_encoding(tmp_path):
    assert "a column twice" in _told(_folder(tmp_path, **{"person.csv": f"PERSON_ID,{PERSON}"}))
    body = PERSON.encode() + b"3,8507,\xff\n" * 2
    (tmp_path / "person.csv").unlink()
    gzipped = _folder(tmp_path, **{"person.csv": None, "person.csv.gz": gzip.compress(body)})
    assert "not text in UTF-8" in _told(gzipped, UnderstudyError)


def test_paths_that_hold_no_cdm(tmp_path):
    assert "no such file or folder" in _told(tmp_path / "nowhere", StudyError)
    (tmp_path / "notes.txt").write_text("hello")
    assert "not a DuckDB file" in _told(tmp_path / "notes.txt", StudyError)
    assert "no table of the OMOP CDM" in _told(tmp_path, StudyError)


def test_a_schema_is_chosen_by_name_and_sql_in_a_name_is_only_a_name(tmp_path):
    import duckdb

    file = write_cdm(tmp_path, base(1), kind="duckdb")
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE SCHEMA other; CREATE TABLE other.person AS SELECT * FROM main.person")
        connection.execute("CREATE TABLE other.observation_period AS SELECT * FROM main.observation_period")
    assert "several schemas" in _told(file, StudyError)
    with open_cdm(file, schema="OTHER") as cdm:
        assert set(cdm.tables) == {"person", "observation_period"}
    with pytest.raises(StudyError, match="no schema"):
        open_cdm(file, schema='main"; DROP TABLE person; --')
    with open_cdm(file, schema="main") as cdm:
        assert cdm.connection.execute("SELECT count(*) FROM person").fetchone() == (1,)


def test_sql_in_names_of_columns_and_folders_is_only_a_name(tmp_path):
    head = 'person_id,gender_concept_id,year_of_birth,"x\'); DROP TABLE person; --"\n'
    folder = tmp_path / "a'); DROP TABLE person; --"
    folder.mkdir()
    with open_cdm(_folder(folder, **{"person.csv": f"{head}1,8507,1950,y\n"})) as cdm:
        assert cdm.connection.execute("SELECT count(*) FROM person").fetchone() == (1,)


def test_a_database_is_only_read_and_reads_no_other_file(tmp_path):
    import duckdb

    file = write_cdm(tmp_path / "cdm", base(1), kind="duckdb")
    secret = tmp_path / "secret.csv"
    secret.write_text("person_id,drug_concept_id,drug_era_start_date\n7,7,2000-01-01\n")
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"CREATE VIEW drug_era AS SELECT * FROM '{secret}'")
    before = file.read_bytes()
    assert "table drug_era" in _told(file, StudyError)
    assert file.read_bytes() == before


def test_nothing_is_left_in_the_spill_folder(tmp_path):
    spill = tmp_path / "spill"
    spill.mkdir()
    with open_cdm(_folder(tmp_path), spill=spill, memory="200MB", threads=1) as cdm:
        assert list(spill.iterdir())
        told = cdm.connection.execute(
            "SELECT current_setting('threads'), current_setting('memory_limit')"
        ).fetchone()
        assert told[0] == 1
        assert told[1].startswith("190")  # 200 MB are 190.7 MiB
    assert not list(spill.iterdir())
    with pytest.raises(StudyError, match="not an amount of memory"):
        open_cdm(tmp_path, memory="much")
    with pytest.raises(StudyError, match="no such folder"):
        open_cdm(tmp_path, spill=tmp_path / "nowhere")


def test_large_text_goes_through_a_database_on_disk(tmp_path, monkeypatch):
    from understudy.causal.cdm import cdm as module

    monkeypatch.setattr(module, "_IN_MEMORY", 1)
    with open_cdm(_folder(tmp_path)) as cdm:
        assert (cdm.working.path / "cdm.duckdb").exists()
        assert cdm.connection.execute("SELECT count(*) FROM person").fetchone() == (2,)


def test_without_duckdb_the_pip_line_is_told(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "duckdb":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"understudy\[rwe\]"):
        open_cdm(_folder(tmp_path))


def test_periods_come_as_they_are(tmp_path):
    tables = base(1) | {
        "observation_period": [
            observed(1, "2000-01-01", "2001-01-01"),
            observed(1, "2003-01-01", "2004-01-01"),
        ]
    }
    with open_cdm(write_cdm(tmp_path, tables)) as cdm:
        assert cdm.connection.execute("SELECT count(*) FROM observation_period").fetchone() == (2,)
