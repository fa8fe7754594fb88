"""`understudy trial tumour`: classes of courses, on the terminal and as JSON."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.biostatistics.joint.course import fall_and_growth
from understudy.biostatistics.joint.joint_parameters import JointParameters
from understudy.biostatistics.joint.simulated_joint import drawn_study
from understudy.dossier.trial_parts import chapter_of
from understudy.trials.tumour import read_lesions, study_lesions

TABLE = pd.DataFrame(
    {
        "who": ["a", "a", "a", "b", "b"],
        "day": [0, 42, 300, 0, 42],
        "mm": ["40", "20", "31", "30", "too small to measure"],
    }
)


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "lesions.csv"
    TABLE.to_csv(place, index=False)
    return str(place)


def call(*arguments):
    return CliRunner().invoke(app, ["trial", "tumour", *arguments])


def test_classes_as_json(path):
    found = call(path, "--patient", "who", "--size", "mm", "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.output)
    assert (told["patients"], told["patient_days"], told["too_small"]) == (2, 5, 1)
    assert told["resistance"]["acquired"] == 1


def test_classes_on_the_terminal(path):
    found = call(path, "--patient", "who", "--size", "mm")
    assert "acquired" in found.output


def test_a_column_that_is_not_there(path):
    found = call(path, "--patient", "who")
    assert found.exit_code != 0


def made_trial(folder):
    """Sizes in mm until death, and survival, of a drug that shrinks tumours whose size kills."""
    arm = np.arange(120) % 2.0
    at = JointParameters(
        np.array([3.3, -0.4, 0.2, -0.6, 0.0]), np.diag([0.3, 0.2, 0.1]), 0.04, np.array([-3.5]), np.zeros(0),
        np.array([1.0]),
    )  # fmt: skip
    visits = np.arange(0, 3, 0.25)
    made = drawn_study(at, visits, arm, 3.0, 1, cuts=np.zeros(1), course=fall_and_growth(4.0))
    sizes = {"who": made["patient"], "day": made["time"] * 365.25, "mm": np.exp(made["value"]).round(2)}
    pd.DataFrame(sizes).to_csv(folder / "lesions.csv", index=False)
    ends = {
        "who": np.arange(120),
        "days": (made["follow_up"] * 365.25).round(1),
        "dead": made["event"].astype(int),
    }
    pd.DataFrame({**ends, "arm": np.where(arm, "drug", "placebo")}).to_csv(folder / "ends.csv", index=False)
    return (
        str(folder / "lesions.csv"), "--patient", "who", "--size", "mm", "--survival", str(folder / "ends.csv"),
        "--time", "days", "--treated", "drug", "--patients", "60", "--draws", "20",
    )  # fmt: skip


def test_size_and_survival_have_a_report(tmp_path):
    found = call(*made_trial(tmp_path), "--out", str(tmp_path / "out"), "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.output)
    own = next(row for row in told["survival"]["estimates"] if row["name"] == "current value")
    assert own["low"] < 1.0 < own["high"]
    assert told["survival"]["simulated_hazard_ratio"]["estimate"] < 1
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    record = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))
    charts = {each.stem for each in (tmp_path / "out" / "charts").glob("*.svg")}
    assert charts == {"waterfall", "spider", "survival", "ratios"}
    assert set(record["inputs"]) == {"lesions.csv", "ends.csv"}
    number = next(each for each in record["numbers"] if each["name"] == "hazard ratio of simulated trials")
    assert number["value"] == told["survival"]["simulated_hazard_ratio"]["estimate"]
    assert "by the joint model" in page
    assert "--survival ends.csv --time days --dead dead --arm arm --treated drug" in page


def test_survival_that_does_not_fit_is_refused(tmp_path):
    words = list(made_trial(tmp_path))
    words[words.index("drug")] = "surgery"
    found = call(*words)
    assert found.exit_code != 0
    assert "no such arm" in found.stderr
    words[words.index("surgery")], words[words.index("days")] = "drug", "weeks"
    assert "weeks" in call(*words).stderr


def test_a_waterfall_is_in_order_and_patients_seen_once_are_left_out():
    frame = pd.DataFrame({"patient": list("aabbc"), "day": [0, 42, 0, 42, 0], "size": [40, 60, 40, 10, 30]})
    found = study_lesions(read_lesions(frame))
    assert found.best_changes()[["patient", "change"]].values.tolist() == [["a", 0.5], ["b", -0.75]]
    assert found.sentences[0].startswith("1 of 2 patients seen again (50 %")
    assert "seen once" not in found.sentences[0]
    assert "1 patients without a later visit" in str(chapter_of(found).charts["waterfall"].caption)
