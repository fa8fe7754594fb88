"""copy_cdm: a CDM in another database, through ibis; SQLite stands for it."""

import builtins
import sqlite3

import pytest
from small_cdm import CHILD, COMPARATOR, OUTCOME, TARGET, base, condition, era, write_cdm

from understudy.causal.cdm import copy_cdm, open_cdm
from understudy.core.errors import MissingExtraError, StudyError

pytest.importorskip("ibis", reason="needs the extra [databases]")


@pytest.fixture
def address(tmp_path):
    import pandas as pd

    tables = base(1, 2, 3) | {
        "drug_era": [era(1, TARGET, "2005-01-01"), era(2, COMPARATOR, "2006-01-01")],
        "condition_occurrence": [condition(3, CHILD, "2006-01-01")],
    }
    with sqlite3.connect(tmp_path / "cdm.sqlite") as connection:
        for name, rows in tables.items():
            pd.DataFrame(rows).assign(private="secret").rename(columns=str.upper).to_sql(
                name.upper(), connection, index=False
            )
    connection.close()
    return f"sqlite://{tmp_path / 'cdm.sqlite'}"


def _persons(cdm):
    return [row[0] for row in cdm.connection.execute("SELECT person_id FROM person ORDER BY 1").fetchall()]


def test_an_address_opens_as_a_folder_does(address, tmp_path):
    with open_cdm(address) as cdm:
        assert _persons(cdm) == [1, 2, 3]
        assert cdm.name == "sqlite://…"
        assert cdm.connection.execute(
            "SELECT typeof(drug_era_start_date) FROM drug_era LIMIT 1"
        ).fetchone() == ("DATE",)


def test_only_persons_with_some_concepts_and_columns_that_are_read_are_copied(address, tmp_path):
    file = copy_cdm(address, tmp_path / "some.duckdb", persons_with=[TARGET, OUTCOME])
    assert b"secret" not in file.read_bytes()
    with open_cdm(file) as cdm:
        assert _persons(cdm) == [1, 3]  # 3 by what descends from the outcome
        assert cdm.connection.execute("SELECT count(*) FROM drug_era").fetchone() == (1,)
        assert cdm.connection.execute("SELECT count(*) FROM concept_ancestor").fetchone() == (9,)


def test_what_cannot_be_copied_leaves_no_file(address, tmp_path):
    file = tmp_path / "none.duckdb"
    with pytest.raises(StudyError, match="nobody has a record"):
        copy_cdm(address, file, persons_with=[999])
    with pytest.raises(StudyError, match="no table person"):
        copy_cdm(f"sqlite://{tmp_path / 'empty.sqlite'}", file)
    with pytest.raises(StudyError, match="no table person or observation_period"):
        copy_cdm(address, file, schema='x"; DROP TABLE PERSON; --')
    assert not list(tmp_path.glob("*.duckdb*"))
    file.write_bytes(b"mine")
    with pytest.raises(StudyError, match="there is a file"):
        copy_cdm(address, file)
    assert file.read_bytes() == b"mine"


def test_a_password_is_in_no_message(tmp_path):
    for address in ("nosuch://user:geheim@host/db", "postgres://user:geheim@localhost:1/db"):
        with pytest.raises((StudyError, MissingExtraError)) as caught:
            open_cdm(address)
        assert "geheim" not in str(caught.value)


def test_without_ibis_the_pip_line_is_told(monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "ibis":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"understudy\[databases\]"):
        copy_cdm("sqlite:///x", tmp_path / "x.duckdb")


def test_the_copy_is_what_the_source_is(address, tmp_path):
    plain = write_cdm(tmp_path / "plain", base(1, 2, 3))
    with open_cdm(address) as copied, open_cdm(plain) as read:
        for table in ("person", "observation_period", "concept_ancestor"):
            sql = f"SELECT * FROM {table} ORDER BY ALL"
            assert copied.connection.execute(sql).fetchall() == read.connection.execute(sql).fetchall()
