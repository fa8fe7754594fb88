"""Running a study: what is found, and what stays hidden wherever one looks."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.causal import SimulatedStudy, load_study, run_study
from understudy.causal.study.result import StudyResult
from understudy.core.errors import StudyError
from understudy.core.record import Record
from understudy.dossier.rwe_report import chapter

PERSONS, RATIO = 1500, 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    SimulatedStudy(PERSONS, RATIO).write(folder)
    return folder


@pytest.fixture(scope="module")
def found(folder) -> StudyResult:
    return run_study(load_study(folder / "study.toml"))


@pytest.fixture(scope="module")
def strict(folder) -> Path:
    """The same study, whose thresholds nothing can pass."""
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text = re.sub("waive = .*\n", "", text) + "\n[diagnostics]\nlargest_difference = 0.000001\n"
    (folder / "strict.toml").write_text(text, encoding="utf-8")
    return folder / "strict.toml"


def test_the_effect_is_found_within_its_intervals(found):
    answer = found.answer("stratified")
    assert not answer.hidden
    # The hazard ratio that was simulated is given age, sex and conditions; strata of the score hold most of that.
    low, high = answer.estimate.interval
    assert low < RATIO < high
    _, low, high = answer.calibrated.ratios
    assert low < RATIO < high


def test_controls_show_what_adjustment_does(found):
    # Without adjustment the confounders raise all outcomes of the target group; after it what is left is small.
    assert found.controls["crude"].null.mean > 0.15
    assert abs(found.controls["stratified"].null.mean) < 0.12
    assert len(found.controls["matched"].controls) == 40


def test_the_same_study_gives_the_same_hash(found, folder):
    again = run_study(load_study(folder / "study.toml"))
    assert again.record.hash == found.record.hash
    assert again.answer("weighted").estimate.log == found.answer("weighted").estimate.log


def test_inputs_name_cohorts_by_hash(found):
    assert {"study.toml", "controls.csv", "cohort: target drug", "covariates"} <= set(found.record.inputs)


def numbers_in(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)]


def secrets(found: StudyResult) -> list[float]:
    """Numbers that would tell hidden estimates; those that others share (a limit of 0, say) are left out."""
    told = []
    for answer in found.answers:
        estimate = answer.finding._content.estimate
        told += [
            estimate.log,
            estimate.exp,
            *estimate.interval,
            estimate.log_likelihood_ratio,
            estimate.p_value,
        ]
        calibrated = answer.finding._content.calibrated
        told += [*calibrated.ratios, calibrated.p_value]
    return [each for each in told if math.isfinite(each) and abs(each) > 1e-4]


def test_nothing_hidden_is_in_any_output(strict, tmp_path):
    found = run_study(load_study(strict))
    assert all(each.hidden for each in found.answers)
    hidden = secrets(found)
    assert len(hidden) > 20
    out = tmp_path / "out"
    runner = CliRunner()
    printed = runner.invoke(app, ["rwe", str(strict), "--out", str(out)])
    assert printed.exit_code == 0, printed.output
    data = runner.invoke(app, ["rwe", str(strict), "--json"]).stdout
    files = [path for path in out.rglob("*") if path.suffix in (".csv", ".json", ".html")]
    assert {path.name for path in files} >= {"results.csv", "record.json", "report.html"}
    texts = [printed.stdout, data, repr(found), *(path.read_text(encoding="utf-8") for path in files)]
    shown = {round(each, 7) for text in texts for each in numbers_in(text)}
    # Six digits: no two of some thousands of numbers agree in them by chance.
    assert [each for each in hidden if any(math.isclose(each, other, rel_tol=3e-6) for other in shown)] == []
    assert not list(out.glob("charts/effects.svg"))
    assert [path.name for path in (out / "site").glob("*.json")] == []


def test_the_test_of_hiding_sees_what_is_shown(found):
    # The same search must find what may be seen, or it could not fail.
    seen = found.answer("stratified").estimate
    shown = numbers_in(found.table().to_csv())
    assert any(math.isclose(seen.exp, other, rel_tol=3e-6) for other in shown)


def test_a_hidden_estimate_raises_and_names_the_diagnostic(strict):
    answer = run_study(load_study(strict)).answer("matched")
    for get in (lambda: answer.estimate, lambda: answer.calibrated, lambda: answer.profile):
        with pytest.raises(StudyError, match="hidden: balance did not pass"):
            get()
    assert repr(answer.finding) == "hidden: balance"


def test_hidden_estimates_have_no_events_by_group(strict):
    table = run_study(load_study(strict)).table()
    assert (table["target_events"] == "").all()
    assert table["estimate"].isna().all()


def test_strong_unmeasured_confounding_is_seen_by_the_controls(tmp_path):
    SimulatedStudy(PERSONS, 1.0, unmeasured=0.8).write(tmp_path)
    found = run_study(load_study(tmp_path / "study.toml"))
    answer = found.answer("stratified")
    assert answer.hidden
    assert answer.diagnostics.hidden_for == ("systematic error",)
    estimate, calibrated = answer.finding._content.estimate, answer.finding._content.calibrated
    assert estimate.low > 0.2  # by itself it would be taken for harm
    assert calibrated.low < 0 < calibrated.high


def test_few_controls_leave_the_systematic_error_unknown(folder, tmp_path):
    text = (
        (folder / "study.toml")
        .read_text(encoding="utf-8")
        .replace('file = "controls.csv"', "concepts = [2000001]")
    )
    text = text.replace('path = "cdm"\n', "")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    found = run_study(load_study(tmp_path / "study.toml"), folder / "cdm")
    assert found.controls["matched"].null is None
    assert "systematic error" in found.answer("matched").diagnostics.hidden_for
    assert "at least 5" in " ".join(found.controls["matched"].notes)


def test_report_and_site_files_are_written(found, folder, tmp_path):
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["rwe", str(folder / "study.toml"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    record = Record.from_json(json.loads((out / "record.json").read_text(encoding="utf-8")))
    names = {each.name for each in record.numbers}
    assert "hazard ratio, outcome, stratified" in names
    sent = json.loads((out / "site" / "stratified.json").read_text(encoding="utf-8"))
    assert sent["site"] == "simulated"
    assert len(list((out / "site" / "controls stratified").glob("*.json"))) == 40
    assert "hazard ratio" in chapter(found).summary[0].lower() or "hidden" in chapter(found).summary[0]


def test_json_is_strict_and_complete(folder):
    result = CliRunner().invoke(app, ["rwe", "run", str(folder / "study.toml"), "--json"])
    data = json.loads(result.stdout)
    assert [row["analysis"] for row in data["results"]] == ["crude", "matched", "stratified", "weighted"]
    assert len(data["attrition"]) == 7


def test_simulated_records_are_not_overwritten(folder):
    with pytest.raises(StudyError, match="a study already"):
        SimulatedStudy(200).write(folder)


def test_several_outcomes_have_answers_of_their_own(folder, tmp_path):
    text = (folder / "study.toml").read_text(encoding="utf-8").replace('path = "cdm"\n', "")
    text = text.replace('file = "controls.csv"', f"concepts = {list(range(2000002, 2000022))}")
    entry = 'entry = [{ table = "condition_occurrence", concepts = 2000001 }]'
    second = f'[[outcomes]]\nname = "another outcome"\n{entry}\n\n'
    path = tmp_path / "study.toml"
    path.write_text(text.replace("[population]", second + "[population]"), encoding="utf-8")
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["rwe", str(path), "--cdm", str(folder / "cdm"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "Stratified, another outcome" in result.stdout
    assert (out / "tables" / "balance_stratified_another_outcome.csv").exists()
    assert (out / "site" / "stratified another outcome.json").exists()
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("Persons left after each rule") == 2


def test_no_number_depends_on_threads(found, folder):
    alone = run_study(load_study(folder / "study.toml"), jobs=1)
    assert alone.record.hash == found.record.hash
    for name, each in alone.controls.items():
        assert each.controls.log_rr.tolist() == found.controls[name].controls.log_rr.tolist()
        assert each.controls.names == found.controls[name].controls.names


def test_controls_that_all_fail_hide_the_estimates_and_say_so(folder, tmp_path):
    # Conditions before treatment happen to nobody afterwards: none of them has an estimate.
    text = (folder / "study.toml").read_text(encoding="utf-8").replace('path = "cdm"\n', "")
    concepts = list(range(3000001, 3000007))
    path = tmp_path / "study.toml"
    path.write_text(text.replace('file = "controls.csv"', f"concepts = {concepts}"), encoding="utf-8")
    result = CliRunner().invoke(app, ["rwe", str(path), "--cdm", str(folder / "cdm")])
    assert result.exit_code == 0
    assert "0 negative controls with an estimate" in " ".join(result.stdout.split())
    assert "Hazard ratio" not in result.stdout
