"""Model files: loaded once, left clean, and blamed by line where they stop."""

from __future__ import annotations

import sys

import pytest

from understudy import Model, ModelError, load_model

GOOD = 'from understudy import Model\nmodel = Model("m", "h", {"k": 1}, {"A": "mg"}, {"A": "-k * A"})\n'


@pytest.fixture
def model_file(tmp_path):
    def write(text: str, name: str = "my_model.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_good_file(model_file):
    found = load_model(model_file(GOOD))
    assert isinstance(found, Model)
    assert found.name == "m"


def test_changed_file_is_read_anew(model_file):
    load_model(model_file(GOOD))
    assert load_model(model_file(GOOD.replace('"m"', '"other"'))).name == "other"


def test_nothing_is_left_behind(model_file, tmp_path):
    load_model(model_file(GOOD))
    assert [path.name for path in tmp_path.iterdir()] == ["my_model.py"]
    assert not [name for name in sys.modules if "my_model" in name]


def test_dataclasses_work_in_it(model_file):
    head = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    head += "@dataclass\nclass A:\n    x: int = 1\n"
    assert load_model(model_file(head + GOOD)).name == "m"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\n", ["no variable 'model'", "write `model = Model(...)`"]),
        ("model = 3\n", ["a int as 'model'"]),
        ("x = 1\ny = x / 0\n", ["ZeroDivisionError", "my_model.py, line 2: y = x / 0"]),
        ("def f():\n    return no\n\nf()\n", ["NameError", "line 2: return no"]),
        ("x = (\n", ["SyntaxError", "my_model.py, line 1"]),
        ("import sys\nsys.exit(3)\n", ["SystemExit", "line 2"]),
        ("import nothing_like_this\n", ["ModuleNotFoundError", "line 1"]),
        (GOOD.replace("-k * A", "-k * B"), ["undefined name 'B'", "my_model.py, line 2: model ="]),
        (GOOD.replace("-k * A", "-k * * A"), ["my_model.py, line 2", "^"]),
    ],
)
def test_bad_file(model_file, text, told):
    with pytest.raises(ModelError) as raised:
        load_model(model_file(text))
    assert [part for part in told if part not in str(raised.value)] == [], str(raised.value)
    assert not [name for name in sys.modules if "my_model" in name]


def test_missing_file_names_the_nearest(model_file, tmp_path):
    model_file(GOOD)
    with pytest.raises(ModelError, match=r"did you mean my_model.py\?"):
        load_model(tmp_path / "mymodel.py")


def test_unknown_name():
    with pytest.raises(ModelError, match="did you mean warfarin_adults"):
        load_model("warfarin_adult")


def test_interruption_is_not_swallowed(model_file):
    with pytest.raises(KeyboardInterrupt):
        load_model(model_file("raise KeyboardInterrupt\n"))
