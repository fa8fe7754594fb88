"""`understudy rwe signals`: on the terminal, as JSON, as a folder; what is wrong is told without a traceback."""

import json

import pandas as pd
import pytest
from faers_quarter import NEW, write
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.causal.signals import simulate_reports, write_faers


@pytest.fixture(scope="module")
def quarters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faers") / "quarters"
    write_faers(simulate_reports(2500, seed=1, duplicates=0.05), folder)
    return str(folder)


def call(*arguments):
    return CliRunner().invoke(app, ["rwe", "signals", *arguments])


def test_terminal(quarters):
    found = call(quarters)
    assert found.exit_code == 0, found.output
    assert "EB05 > 2 and n >= 3, stated beforehand" in found.output
    assert "not a cause" in found.output
    assert "--duplicates rules takes them out" in " ".join(found.output.split())
    row = next(line for line in found.output.splitlines() if line.startswith("DRUG 1"))
    assert "EVENT 1" in row


def test_json_hides_small_counts_unless_the_data_are_public(quarters):
    hidden, shown = (
        json.loads(call(quarters, "--drug", "drug 1", "--json", *more).output) for more in ((), ("--public",))
    )
    assert hidden["counts"] == shown["counts"]
    few = {each["event"] for each in shown["pairs"] if each["n"] < 5}
    assert few
    assert all(each["n"] is None and each["ebgm"] is None for each in hidden["pairs"] if each["event"] in few)
    assert hidden["warning"].startswith("A signal is")
    assert shown["prior"]["truncation"] == "components"


def test_a_folder_with_report_tables_charts_and_record(quarters, tmp_path):
    out = tmp_path / "signals"
    found = call(
        quarters, "-d", "DRUG 1", "-e", "EVENT 1", "--by", "quarter", "--strata", "sex", "--duplicates", "both",
        "--out", str(out),
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert {each.name for each in out.iterdir()} == {"report.html", "record.json", "charts", "tables"}
    assert {each.name for each in (out / "charts").iterdir()} == {"signals.svg", "trend-1.svg"}
    trends = pd.read_csv(out / "tables" / "trends.csv")
    assert len(trends) == 12
    record = json.loads((out / "record.json").read_text())
    assert record["settings"]["strata"] == ["sex"]
    report = (out / "report.html").read_text()
    assert "understudy rwe signals" in report
    assert "Weibull" in report


def test_pairs_with_columns_of_other_names(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("nr,what,then\n" + "".join(f"{k},D{k % 5},E{k % 7}\n" for k in range(200)))
    found = call(str(path), "--column", "id=nr", "--column", "drug=what", "--column", "event=then", "--json")
    assert json.loads(found.output)["counts"]["reports"] == 200
    wrong = call(str(path))
    assert wrong.exit_code == 2
    assert "no column is known as the id" in wrong.output
    assert "Traceback" not in wrong.output
    assert call(str(path), "--column", "id").exit_code == 2


def test_findings_are_shown_as_notes(tmp_path):
    folder = write(tmp_path / "q", DRUG=[*NEW["DRUG"], "99991$9999$1$PS$LOST$$1$$$$$$$$$$$$$"])
    found = call(str(folder), "--roles", "all", "--criteria", "ic")
    assert found.exit_code == 0, found.output
    assert "DRUG24Q1.txt, line 6: no report in DEMO has its number, left out" in " ".join(
        found.output.split()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--roles", "guilty"), "are no roles"),
        (("--criteria", "EB5 > 2"), "did you mean EB05?"),
        (("--strata", "colour"), "no stratum 'colour'"),
        (("--duplicates", "guess"), "no method 'guess'"),
        (("--by", "month"), "no period 'month'"),
        (("--drug", "dug 7"), "did you mean DRUG 7"),
        (("--names", "brand"), "drugs have no 'brand'"),
    ],
)
def test_what_cannot_be_is_told_with_its_repair(quarters, arguments, message):
    found = call(quarters, *arguments)
    assert found.exit_code == 2
    assert message in " ".join(found.output.split())
    assert "Traceback" not in found.output


def test_the_report_is_not_written_over_the_data(quarters):
    assert call(quarters, "--out", quarters).exit_code == 2
