"""understudy rwe check and copy."""

import json
import sqlite3

import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app

RUN = CliRunner()


@pytest.fixture
def folder(tmp_path):
    tables = {
        "person": pd.DataFrame(
            {"person_id": [424242, 7], "gender_concept_id": [8507, 8532], "year_of_birth": [1950, 1960]}
        ),
        "observation_period": pd.DataFrame(
            {
                "person_id": [424242, 7],
                "observation_period_start_date": ["2000-01-01", "2000-01-01"],
                "observation_period_end_date": ["2010-01-01", "2010-01-01"],
            }
        ),
    }
    for name, frame in tables.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def test_a_sound_cdm_is_shown_with_its_warnings(folder):
    found = RUN.invoke(app, ["rwe", "check", str(folder)])
    assert found.exit_code == 0, found.output
    for told in (
        "OMOP CDM 5.3, by its columns",
        "observed from 2000-01-01 to 2010-01-01",
        "No error.",
        "Warnings (",
    ):
        assert told in found.output
    assert "424242" not in found.output
    assert max(map(len, found.output.splitlines())) <= 100


def test_errors_are_shown_and_the_exit_code_says_so(folder):
    with (folder / "observation_period.csv").open("a") as file:
        file.write("7,2011-01-01,2010-12-31\n")
    found = RUN.invoke(app, ["rwe", "check", str(folder)])
    assert found.exit_code == 1
    assert "Errors (1)" in found.output
    assert "ends before it starts → correct the dates" in found.output
    assert "observation_period <5" in found.output


def test_json_has_it_all_and_nothing_personal(folder):
    found = RUN.invoke(app, ["rwe", "check", str(folder), "--json", "--memory", "500MB"])
    data = json.loads(found.output)
    assert data["ok"] is True
    assert data["persons"] == "<5"
    assert "424242" not in found.output


def test_where_no_cdm_is_one_is_told(folder):
    found = RUN.invoke(app, ["rwe", "check", str(folder / "nowhere")])
    assert found.exit_code == 2
    assert "no such file or folder" in found.output


def test_a_database_is_copied_into_a_file_that_can_be_checked(folder):
    pytest.importorskip("ibis", reason="needs the extra [databases]")
    connection = sqlite3.connect(folder / "cdm.sqlite")
    for name in ("person", "observation_period"):
        pd.read_csv(folder / f"{name}.csv").to_sql(name, connection, index=False)
    connection.close()
    file = folder / "copy.duckdb"
    found = RUN.invoke(app, ["rwe", "copy", f"sqlite://{folder / 'cdm.sqlite'}", str(file)])
    assert found.exit_code == 0, found.output
    assert "OMOP CDM 5.3, <5 persons, 0 errors" in found.output
    assert json.loads(RUN.invoke(app, ["rwe", "check", str(file), "--json"]).output)["persons"] == "<5"
