"""Chapters of a trial's parts, alike in all of them, and the dossier that joins them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prognosis_case import case
from typer.testing import CliRunner

from understudy import dossier, trials
from understudy.app.cli import app
from understudy.core.errors import StudyError
from understudy.core.random import normals
from understudy.core.record import Record
from understudy.dossier.chapter import Chapter
from understudy.dossier.joint_dossier import trial_dossier
from understudy.dossier.trial_parts import PARTS

EXTRA = """
[[criteria]]
name = "over 50"
rule = { AGE = { at_least = 50 } }
[design]
patients = 100
looks = 2
enrolment = 5.0
effects = { "half a point" = 0.5 }
"""
FORECAST = """
[forecast]
name = "weight"
file = "weights.csv"
id = "USUBJID"
time = "month"
value = "kg"
first = 3
methods = ["own line"]
"""
COUNTS = {"trials": 200, "copies": 500, "resamples": 100}
VERBS = {
    "check": lambda trial, score: trials.check(trial),
    "replay": lambda trial, score: trials.replay(trial),
    "responders": lambda trial, score: trials.responders(trial, copies=500),
    "redesign": lambda trial, score: trials.redesign(trial, resamples=100),
    "forecast": lambda trial, score: trials.forecast(trial),
    "twins": lambda trial, score: trials.prognostic_twins(trial, trials.load_score(score)),
    "simulate": lambda trial, score: trials.simulate_new_trial(trial, trials=200, curve=100),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A trial whose protocol asks for every part, with a frozen score."""
    found = tmp_path_factory.mktemp("trial")
    path = case(found, "continuous", history=60, trial=80, effect=0.6)
    text = path.read_text(encoding="utf-8").replace('value = "SCORE"', 'value = "SCORE"\nbetter = "higher"')
    text = text.replace("[history]", '[history]\nscore_file = "score.json"')
    path.write_text(text + EXTRA + FORECAST, encoding="utf-8")
    weights(found)
    trials.train_score(trials.load_history(path)).write(found / "score.json")
    return found


def weights(folder: Path) -> None:
    """Five weights of each subject, of which each has a slope of its own."""
    z = normals(4, "weights", np.arange(80), 7)
    rows = [
        (f"new-{i}", m, round(70 + 3 * z[i, 0] + z[i, 1] * m + 0.3 * z[i, 2 + m], 3))
        for i in range(80)
        for m in range(5)
    ]
    pd.DataFrame(rows, columns=["USUBJID", "month", "kg"]).to_csv(folder / "weights.csv", index=False)


@pytest.fixture(scope="module")
def whole(folder):
    return trial_dossier(folder / "trial.toml", **COUNTS)


def plain(text: str) -> str:
    return " ".join(text.replace("\xa0", " ").split())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_answers_alike(folder, tmp_path, verb):
    found = VERBS[verb](trials.load_trial(folder / "trial.toml"), folder / "score.json")
    tables = found.tables()
    assert isinstance(found.record, Record)
    assert found.record.inputs["trial.toml"]
    assert isinstance(found.table(), pd.DataFrame)
    assert len(found.table())
    assert tables
    assert all(isinstance(each, pd.DataFrame) for each in tables.values())
    assert all(isinstance(each, str) for each in found.notes)
    assert found.trial.protocol.title in repr(found)
    told = dossier.chapter_of(found)
    assert isinstance(told, Chapter)
    assert told.part == verb
    assert told.charts
    assert all(each.chart.to_dict() for each in told.charts.values())
    assert told.methods
    assert told.command.startswith(f"understudy trial {verb} trial.toml")
    assert told.numbers
    assert all(each.source and np.isfinite(each.value) for each in told.numbers)
    files = {str(each.relative_to(tmp_path)) for each in told.write(tmp_path)}
    named = {f"tables/{name.replace(' ', '_')}.csv" for name in tables}
    assert files == {"report.html", "record.json", *named, *(f"charts/{name}.svg" for name in told.charts)}
    assert Record.read(tmp_path / "record.json").numbers == told.record.numbers
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert plain(told.answer.split(";")[0]) in plain(page).replace("&lt;", "<").replace("&#39;", "'")


def test_a_stranger_has_no_chapter():
    with pytest.raises(TypeError, match="no report tells of a dict; there are reports of Check, Replay"):
        dossier.chapter_of({})


def test_parts_of_the_protocol_are_made_in_order(whole):
    assert [each.part for each in whole.chapters] == [part.name for part in PARTS]
    assert [each.title for each in whole.chapters] == [part.title for part in PARTS]
    assert whole.left_out == {}


def test_a_part_says_the_same_alone_and_in_the_dossier(folder, whole):
    for chapter in whole.chapters:
        alone = dossier.chapter_of(
            VERBS[chapter.part](trials.load_trial(folder / "trial.toml"), folder / "score.json")
        )
        if chapter.part != "simulate":  # its curve has fewer trials in the table of verbs
            assert alone.numbers == chapter.numbers
        assert alone.summary == chapter.summary


def test_a_second_run_gives_the_same_record_and_page(folder, whole):
    again = trial_dossier(folder / "trial.toml", **COUNTS)
    assert again.record.hash == whole.record.hash
    assert again.record.numbers == whole.record.numbers
    dates = re.compile(r"<td>[^<]*\(UTC\)</td>|<td>Of which</td><td>[^<]*</td>|[\d.]+ s</td>")
    assert dates.sub("", again.html()) == dates.sub("", whole.html())


def test_another_seed_gives_other_numbers(folder, whole, tmp_path):
    for name in ("trial.csv", "history.csv", "score.json", "weights.csv", "trial.toml"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    path = tmp_path / "trial.toml"
    path.write_text(f"seed = 2\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    again = trial_dossier(path, **COUNTS, without=["check", "replay", "twins", "responders", "forecast"])
    for chapter in again.chapters:
        before = next(each for each in whole.chapters if each.part == chapter.part)
        assert chapter.numbers != before.numbers


def test_every_number_of_the_record_has_a_source_and_a_hash(whole, tmp_path):
    whole.write(tmp_path)
    record = Record.read(tmp_path / "record.json")
    runs = {each.part: each.run.hash for each in whole.chapters}
    assert len(record.numbers) == sum(len(each.numbers) for each in whole.chapters)
    for number in record.numbers:
        part = number.source.split(":")[0]
        assert number.hash == runs[part]
        assert (number.low is None) == (number.level is None)
    table = pd.read_csv(tmp_path / "tables" / "numbers.csv")
    assert table["value"].tolist() == pytest.approx([each.value for each in record.numbers], rel=1e-9)
    assert record.settings["parts"] == runs


def test_a_changed_number_is_found_out(whole, tmp_path):
    whole.write(tmp_path)
    data = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    data["numbers"][0]["value"] += 1
    with pytest.raises(Exception, match="changed after it was written"):
        Record.from_json(data)


def test_ids_of_the_page_are_its_own(whole):
    ids = re.findall(r'\bid="([^"]+)"', whole.html())
    assert len(ids) == len(set(ids))
    assert {part.name for part in PARTS} < set(ids)


def test_files_of_every_part_lie_in_its_folder(whole, tmp_path):
    whole.write(tmp_path)
    for chapter in whole.chapters:
        for name, table in chapter.tables.items():
            path = tmp_path / "tables" / chapter.part / f"{name.replace(' ', '_')}.csv"
            assert len(pd.read_csv(path)) == len(table)
        assert len(list((tmp_path / "charts" / chapter.part).iterdir())) == len(chapter.charts)


def test_what_is_not_asked_is_told():
    found = trial_dossier("examples/leukaemia/trial.toml", without=["simulate"], **COUNTS)
    assert [each.part for each in found.chapters] == ["check", "replay", "responders", "redesign"]
    assert "[history] is missing" in found.left_out["twins"]
    assert found.left_out["simulate"] == "it was asked to be left out"
    assert "--without simulate" in found.command
    page = found.html()
    assert all(f"Not made: {why}" in page for why in found.left_out.values())


def test_a_bare_protocol_has_two_parts(tmp_path):
    path = case(tmp_path, "longitudinal", trial=60)
    text = path.read_text(encoding="utf-8")
    text = text[: text.index("[baseline]")]
    path.write_text(text, encoding="utf-8")
    found = trial_dossier(path)
    assert [each.part for each in found.chapters] == ["check", "replay"]
    missing = {
        "responders": "[baseline]",
        "redesign": "[[criteria]]",
        "forecast": "[forecast]",
        "twins": "[history]",
        "simulate": "[design]",
    }
    assert set(found.left_out) == set(missing)
    assert all(section in found.left_out[name] for name, section in missing.items())


def test_kinds_that_cannot_be_made_again_are_told(tmp_path):
    path = case(tmp_path, "longitudinal", trial=60)
    path.write_text(path.read_text(encoding="utf-8") + EXTRA, encoding="utf-8")
    found = trial_dossier(path)
    for name in ("responders", "redesign", "simulate"):
        assert found.left_out[name].endswith("this one is longitudinal")
    assert "--train" in found.left_out["twins"]


def test_no_such_part():
    with pytest.raises(StudyError, match="'twin' is no part of a dossier"):
        trial_dossier("examples/leukaemia/trial.toml", without=["twin"])


def test_a_part_that_fails_is_named_and_nothing_is_written(folder, tmp_path):
    for name in ("trial.csv", "history.csv", "weights.csv"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    path, out = tmp_path / "trial.toml", tmp_path / "out"
    path.write_bytes((folder / "trial.toml").read_bytes())  # and no score beside it
    told = CliRunner().invoke(app, ["trial", "dossier", str(path), "--out", str(out), "--trials", "100"])
    assert told.exit_code == 2
    assert "cannot read the score" in told.output
    assert "where: twins: score.json" in told.output
    assert not out.exists()


def test_a_score_that_is_given_is_taken(folder, tmp_path):
    asked = {"score": folder / "score.json", "without": ["responders", "redesign", "forecast", "simulate"]}
    found = trial_dossier(trials.load_trial(folder / "trial.toml"), **asked)
    assert found.chapters[-1].part == "twins"
    assert "--score score.json" in found.command
    assert found.record.inputs["prognostic score"] == trials.load_score(folder / "score.json").hash


def test_command_prints_answers_and_writes(folder, tmp_path):
    out = tmp_path / "out"
    arguments = ["trial", "dossier", str(folder / "trial.toml"), "--out", str(out), "--trials", "100"]
    arguments += ["--without", "responders", "--without", "redesign", "--without", "forecast"]
    told = CliRunner().invoke(app, [*arguments, "--json"])
    data = json.loads(told.stdout)
    assert list(data["answers"]) == ["check", "replay", "twins", "simulate"]
    assert data["record"] == Record.read(out / "record.json").hash
    shown = CliRunner().invoke(app, arguments).stdout
    assert "Not made: Who responds (responders)" in shown
    assert "A new trial" in shown


@pytest.mark.parametrize("verb", ["check", "simulate"])
def test_commands_write_reports(folder, tmp_path, verb):
    more = ["--trials", "100"] if verb == "simulate" else []
    arguments = ["trial", verb, str(folder / "trial.toml"), "--out", str(tmp_path / "out"), *more]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0
    assert "Written:" in told.stdout
    assert Record.read(tmp_path / "out" / "record.json").what == f"trial {verb}"


def test_a_folder_that_holds_the_protocol_is_refused(folder):
    told = CliRunner().invoke(app, ["trial", "dossier", str(folder / "trial.toml"), "--out", str(folder)])
    assert told.exit_code == 2
    assert "over the study's own folder" in told.output
