"""`understudy trial synthesise`: marked rows, a report, and tables that it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.random import normals
from understudy.trials.synthetic import appraise, is_synthetic, synthesise


def run(*arguments):
    result = CliRunner().invoke(app, ["trial", "synthesise", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def patients():
    z = normals(1, "patients", range(300), 3)
    frame = pd.DataFrame(
        {"age": np.round(60 + 9 * z[:, 0]), "marker": np.exp(0.6 * z[:, 0] + 0.8 * z[:, 1]).round(3)}
    )
    frame["sex"] = np.where(z[:, 2] > 0.2, "male", "female")
    return frame


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "patients.csv"
    patients().to_csv(path, index=False)
    return path


def test_rows_are_marked_and_judged(table, tmp_path):
    result = run(table, "--outcome", "marker", "--seed", 2, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "no better than chance" in result.stdout
    rows = pd.read_csv(tmp_path / "out" / "tables" / "synthetic.csv")
    assert is_synthetic(rows)
    assert (len(rows), list(rows)) == (225, ["age", "marker", "sex", "synthetic"])
    pd.testing.assert_frame_equal(rows, synthesise(patients(), seed=2).rows, check_dtype=False)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Synthetic rows are no patients" in page
    assert "understudy trial synthesise patients.csv --columns age,marker,sex" in page
    assert {each.stem for each in (tmp_path / "out" / "charts").glob("*.svg")} == {
        "margins",
        "correlations",
        "distances",
    }
    record = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))
    assert (record["seed"], list(record["inputs"])) == (2, ["patients.csv"])


def test_as_json_with_some_columns(table):
    told = json.loads(run(table, "-c", "age,marker", "--rows", 50, "--json").stdout)
    assert (told["synthetic"], told["rows"], told["made_from"], told["held_out"]) == (True, 50, 225, 75)
    assert {row["column"] for row in told["margins"]} == {"age", "marker"}


def test_what_is_synthetic_or_not_there_is_refused(table, tmp_path):
    run(table, "--out", tmp_path / "out")
    again = run(tmp_path / "out" / "tables" / "synthetic.csv")
    assert again.exit_code == 2
    assert "synthetic itself" in again.stderr
    assert "no column 'height'" in run(table, "-c", "age,height").stderr
    assert run(tmp_path / "patient.csv").exit_code == 2


def test_rows_learnt_by_heart_are_told():
    """Synthetic rows that are copies of the table: membership inference must find them."""
    from dataclasses import replace

    cohort = synthesise(patients(), seed=1)
    copied = cohort.source.assign(synthetic=True)
    found = appraise(replace(cohort, rows=copied))
    assert found.sentences[0].startswith("Synthetic rows tell who was in the table better than chance")
    assert "keep them where the table is kept" in found.sentences[0]


def test_without_rows_held_out_nothing_is_said_of_privacy():
    found = appraise(synthesise(patients(), seed=1, held_out=0.0))
    assert found.privacy is None
    assert "is not known" in found.sentences[0]
    assert "privacy" not in found.tables()
