"""`understudy trial tumour`: classes of courses, on the terminal and as JSON."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app

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
