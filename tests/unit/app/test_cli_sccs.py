"""`understudy rwe sccs`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.causal.sccs import fit_sccs_intervals

ROWS = pd.DataFrame(
    {
        "person": [k for k in range(12) for _ in range(2)],
        "days": [30, 335] * 12,
        "events": [1, 0] * 5 + [0, 1] * 7,
        "drug": [1, 0] * 12,
        "winter": [0.3, 0.5, 0.8, 0.2] * 6,
    }
)
OPTIONS = ["--exposure", "drug", "--covariate", "winter"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "data" / "intervals.csv"
    file.parent.mkdir()
    ROWS.to_csv(file, index=False)
    return file


def call(*arguments: str):
    return CliRunner().invoke(app, ["rwe", "sccs", *arguments])


def test_it_prints_the_ratio_with_its_interval(table: Path) -> None:
    told = call(str(table), *OPTIONS)
    assert told.exit_code == 0, told.output
    assert "Self-controlled case series: 12 cases, 12 events" in told.output
    found = fit_sccs_intervals(ROWS.person, ROWS.days, ROWS.events, ROWS[["drug"]], ROWS[["winter"]])["drug"]
    assert f"{found.exp:.2f}" in told.output or f"{found.exp:.3g}" in told.output


def test_json_and_files_agree(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = call(str(table), *OPTIONS, "--json", "--out", str(out))
    assert told.exit_code == 0, told.output
    data = json.loads(told.output)
    assert data == json.loads((out / "sccs.json").read_text())
    estimates = pd.read_csv(out / "estimates.csv")
    assert estimates.estimate[0] == pytest.approx(data["estimates"][0]["estimate"], abs=1e-12)
    profile = pd.read_csv(out / "profiles.csv")
    assert list(profile.columns) == ["name", "point", "value", "gradient"]
    assert profile.value.max() == pytest.approx(0.0, abs=1e-9)


def test_small_counts_are_masked_and_infinity_is_no_number(tmp_path: Path) -> None:
    file = tmp_path / "few.csv"
    ROWS[:6].to_csv(file, index=False)
    told = call(str(file), "--exposure", "drug")
    assert "<5 cases, <5 events" in told.output
    assert "∞" in told.output
    assert "one limit only" in " ".join(told.output.split())
    data = json.loads(call(str(file), "--exposure", "drug", "--json").output)
    assert (data["cases"], data["estimates"][0]["estimate"]) == ("<5", None)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--exposure", "placebo"], "column placebo: there is no such column"),
        (["--exposure", "drug", "--days", "length"], "column length: there is no such column"),
        (["--exposure", "drug", "--covariate", "drug"], "exposure and covariate"),
        (["--exposure", "drug", "--out", "data"], "own folder"),
    ],
)
def test_what_it_refuses(
    table: Path, arguments: list[str], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(table.parent.parent)
    told = call(str(table), *arguments)
    assert told.exit_code == 2
    assert word in " ".join(told.output.split())


@pytest.mark.parametrize(
    ("text", "word"), [(None, "is not there"), ("", "is no table"), ("person,days\n1\n,2", "no such column")]
)
def test_files_that_are_no_table(tmp_path: Path, text: str | None, word: str) -> None:
    file = tmp_path / "bad.csv"
    if text is not None:
        file.write_text(text)
    told = call(str(file), "--exposure", "drug")
    assert told.exit_code == 2
    assert word in " ".join(told.output.split())
