"""Reading studies: what a good file gives, and that every problem of a bad one is told at once."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from understudy import DataError, Model, PopulationModel, Study, StudyError
from understudy.dossier.sections import EvaluationSection, Section
from understudy.engine.solve import ENGINES

EXAMPLE = Path(__file__).parents[3] / "examples" / "phenobarbital" / "study.toml"
RECORDS = "ID,TIME,AMT,DV,WT,APGR\n1,0,25,,1.4,7\n1,2,,17.3,1.4,7\n1,12,3.5,,1.4,7\n1,24,,15.1,1.4,7\n"
GOOD = """\
title = "Newborns"
question = "Which dose?"
seed = 7

[records]
file = "records.csv"
units = { TIME = "h", AMT = "mg", DV = "mg/L", WT = "kg" }

[model]
name = "phenobarbital_neonates"

[target]
output = "Cp"
low = 15
high = 40
unit = "mg/L"

[[regimens]]
doses = "20 mg/kg then 2.5 mg/kg every 12 h for 10 days"

[population]
size = 10
from = "records"

[[population.strata]]
covariate = "WT"
cuts = [1.0, 1.5]
"""


@pytest.fixture
def study_file(tmp_path):
    """A function that writes a study with some text replaced, beside its records."""
    (tmp_path / "records.csv").write_text(RECORDS)

    def write(*changes: tuple[str, str], text: str = GOOD) -> Path:
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path: Path) -> list[str]:
    with pytest.raises(StudyError) as raised:
        Study.read(path)
    return [f"{each.cause} | {each.place} | {each.repair}" for each in raised.value.problems]


def only_problem(path: Path) -> str:
    found = problems(path)
    assert len(found) == 1, "\n".join(found)
    return found[0]


# A good study


def test_example_study_is_read_with_its_records():
    study = Study.read(EXAMPLE)
    records = study.read_records()
    assert len(records.ids) == 59
    assert len(records.observations) == 155
    assert isinstance(study.load_model(), PopulationModel)
    labels, regimens = zip(*study.parsed_regimens(), strict=True)
    assert len(set(labels)) == 5
    assert {regimen.doses[0].amount for regimen in regimens} == {20.0}
    assert [stratum.covariate for stratum in study.population.strata] == ["WT", "APGR"]


def test_defaults(study_file):
    study = Study.read(study_file())
    assert study.evaluation == EvaluationSection(draws=200, interval=0.9, hold_out="last", engine="auto")
    assert (study.outputs.folder, study.outputs.format) == ("dossier", "nc")
    assert study.output_folder == study.folder / "dossier"
    assert study.records.ignore == "C"
    assert study.records.covariates is None


def test_label_is_the_sentence_where_none_is_given(study_file):
    study = Study.read(study_file())
    assert [label for label, _ in study.parsed_regimens()] == [study.regimens[0].doses]


def test_paths_are_relative_to_the_file(study_file, monkeypatch, tmp_path_factory):
    path = study_file()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert len(Study.read(path).read_records()) == 4


def test_study_cannot_be_changed(study_file):
    study = Study.read(study_file())
    with pytest.raises(ValueError, match="frozen"):
        study.seed = 3


def test_input_hashes_name_files_relative_to_the_study(study_file, tmp_path):
    path = study_file()
    expected = {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in ("study.toml", "records.csv")
    }
    assert Study.read(path).input_hashes() == expected


def test_absolute_paths_are_never_recorded(study_file, tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("data") / "levels.csv"
    elsewhere.write_text(RECORDS)
    outside = Study.read(study_file(('"records.csv"', json.dumps(str(elsewhere)))))
    assert set(outside.input_hashes()) == {"study.toml", "levels.csv"}
    inside = Study.read(study_file(('"records.csv"', json.dumps(str(tmp_path / "records.csv")))))
    assert set(inside.input_hashes()) == {"study.toml", "records.csv"}


def test_study_from_keys_has_a_hash_of_its_own(tmp_path):
    (tmp_path / "records.csv").write_text(RECORDS)
    keys = tomllib.loads(GOOD)
    first = Study.of(keys, tmp_path).input_hashes()
    second = Study.of({**keys, "seed": 8}, tmp_path).input_hashes()
    assert set(first) == {"study", "records.csv"}
    assert first["study"] != second["study"]
    assert first["records.csv"] == second["records.csv"]


def test_columns_and_categories_reach_the_records(study_file, tmp_path):
    text = RECORDS.replace("DV,WT", "level,weight").replace(",7\n", ",good\n")
    (tmp_path / "records.csv").write_text(text)
    renamed = (
        'columns = { DV = "level", WT = "weight" }\ncategories = { APGR = { good = 8, poor = 3 } }\n\n[model]'
    )
    records = Study.read(study_file(("[model]", renamed))).read_records()
    assert records.baseline().loc["1"].to_dict() == {"WT": 1.4, "APGR": 8.0}


def test_bad_records_are_all_told(study_file, tmp_path):
    (tmp_path / "records.csv").write_text(RECORDS.replace("17.3", "high").replace("15.1", "low"))
    with pytest.raises(DataError) as raised:
        Study.read(study_file()).read_records()
    assert {problem.value for problem in raised.value.problems} == {"high", "low"}


def test_stratum_by_an_unknown_covariate(study_file):
    study = Study.read(study_file(('covariate = "WT"', 'covariate = "WGT"')))
    with pytest.raises(
        StudyError, match=r"no covariate 'WGT'[\s\S]*population.strata\[1\][\s\S]*did you mean 'WT'"
    ):
        study.read_records()


def test_stratification():
    groups = Study.read(EXAMPLE).population.strata[0].stratification("kg")
    assert groups.names == ("WT < 1 kg", "WT 1 to < 1.5 kg", "WT 1.5 to < 2 kg", "WT ≥ 2 kg")


# Its schema


def test_schema_accepts_the_example_and_refuses_unknown_keys():
    schema, example = Study.json_schema(), tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(example, schema)
    for broken in ({**example, "sede": 1}, {**example, "population": {"size": 0}}, {**example, "seed": -1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def test_schema_describes_every_key():
    schema = Study.json_schema()
    tables = [schema, *schema["$defs"].values()]
    bare = [
        name
        for table in tables
        for name, key in table["properties"].items()
        if len(key.get("description", "")) < 10
    ]
    assert bare == []


def test_engines_are_those_of_the_engine_room():
    choices = EvaluationSection.model_json_schema()["properties"]["engine"]["enum"]
    assert tuple(choices) == ENGINES


def test_every_section_is_frozen_and_closed():
    for kind in Section.__subclasses__():
        assert kind.model_config["frozen"]
        assert kind.model_config["extra"] == "forbid"


# Bad studies, one problem each: (old text, new text, what the error says)

ONE_PROBLEM = {
    "unknown key": ("seed = 7", "seeds = 7", ["unknown key 'seeds'", "line 3, seeds", "did you mean seed?"]),
    "unknown key in a table": (
        "size = 10",
        "sise = 10",
        ["'sise'", "line 22, population.sise", "did you mean size?"],
    ),
    "key in the wrong table": ("size = 10", "draws = 10", ["'draws'", "it belongs in [evaluation]"]),
    "key like no other": ("size = 10", "zzz = 10", ["'zzz'", "known keys here: size, from, strata"]),
    "key of a listed table": (
        "[1.0, 1.5]",
        '[1.0, 1.5]\nlable = ["a"]',
        ["line 28, population.strata[1].lable", "did you mean labels?"],
    ),
    "no such records": (
        '"records.csv"',
        '"record.csv"',
        ["cannot read the records", "line 6", "did you mean records.csv?"],
    ),
    "records in no such folder": (
        '"records.csv"',
        '"data/records.csv"',
        ["cannot read the records", "no folder 'data'"],
    ),
    "records are a folder": ('"records.csv"', '"."', ["cannot read the records", "this is a folder"]),
    "unknown unit": ('DV = "mg/L"', 'DV = "mg/Lh"', ["unknown unit", "line 7, records.units.DV", "L/h"]),
    "unknown model": (
        "phenobarbital_n",
        "fenobarbital_n",
        ["no model", "line 10", "did you mean phenobarbital_neonates?"],
    ),
    "range upside down": (
        "low = 15",
        "low = 50",
        ["high (40) is not above low (50)", "line 15, target.high"],
    ),
    "range of no width": ("low = 15", "low = 40", ["high (40) is not above low (40)"]),
    "unknown output": ('"Cp"', '"Cpp"', ["no output 'Cpp'", "line 13, target.output", "did you mean Cp?"]),
    "unit of another dimension": (
        'unit = "mg/L"',
        'unit = "mmol/L"',
        ["mmol/L cannot be converted", "give it in mg/L"],
    ),
    "unreadable sentence": (
        "every 12 h",
        "evry 12 h",
        ["'evry'", "line 19, regimens[1].doses", "^", "'every'"],
    ),
    "regimen without end": (" for 10 days", "", ["the regimen has no end", "for 10 days"]),
    "regimen without dose": ("20 mg/kg then 2.5 mg/kg every 12 h for 10 days", "no dose", ["gives no dose"]),
    "unknown route": ("20 mg/kg then", "20 mg/kg oral then", ["no dose can enter 'oral'", "iv"]),
    "dose of another dimension": (
        "20 mg/kg then",
        "20 mmol/kg then",
        ["mmol cannot be converted", "give it in mg"],
    ),
    "empty population": ("size = 10", "size = 0", ["size should be 1 or more, is 0", "line 22"]),
    "population too large": ("size = 10", "size = 10_000_000", ["should be 1000000 or less"]),
    "unknown origin": ('from = "records"', 'from = "census"', ["from should be 'records', is 'census'"]),
    "cuts that fall": ("[1.0, 1.5]", "[1.5, 1.0]", ["cuts do not increase", "write [1, 1.5]"]),
    "cuts that stay": ("[1.0, 1.5]", "[1.0, 1.0]", ["cuts do not increase", "write [1]"]),
    "no cuts": ("[1.0, 1.5]", "[]", ["cuts should have at least 1 of them"]),
    "labels too few": ("[1.0, 1.5]", '[1.0, 1.5]\nlabels = ["small"]', ["2 cuts make 3 groups", "1 labels"]),
    "negative seed": ("seed = 7", "seed = -7", ["seed should be 0 or more, is -7"]),
    "text for a number": ("seed = 7", 'seed = "7"', ["seed should be a whole number, is '7'"]),
    "fraction for a count": ("size = 10", "size = 10.5", ["size should be a whole number, is 10.5"]),
    "truth for a number": ("low = 15", "low = true", ["low should be a number, is True"]),
    "infinite number": ("high = 40", "high = inf", ["high should be a finite number"]),
    "number for text": ('"Newborns"', "5", ["title should be text in quotes, is 5", "line 1"]),
    "empty title": ('"Newborns"', '"  "', ["title should not be empty"]),
    "missing key": ('output = "Cp"\n', "", ["output is missing", "line 12, target.output", "give output:"]),
    "one table for many": ("[[regimens]]", "[regimens]", ["regimens should be an array", "[[tables]]"]),
    "dossier over the study": (
        "[population]",
        '[outputs]\nfolder = "."\n\n[population]',
        ["over the study's own folder"],
    ),
    "both models": ("[target]", 'file = "model.py"\n\n[target]', ["both name and file are given"]),
    "no model": (
        'name = "phenobarbital_neonates"\n',
        "",
        ["neither name nor file is given", "line 9, model"],
    ),
}


@pytest.mark.parametrize("case", ONE_PROBLEM)
def test_one_problem(case, study_file):
    old, new, told = ONE_PROBLEM[case]
    found = only_problem(study_file((old, new)))
    assert [text for text in told if text not in found] == [], found


def test_same_label_twice(study_file):
    again = '[[regimens]]\nlabel = "a"\ndoses = "1 mg"\n' * 2
    found = only_problem(study_file(("[population]", f"{again}\n[population]")))
    assert "an earlier regimen has the label 'a'" in found
    assert "line 25, regimens[3].label" in found


def test_same_stratum_twice(study_file):
    found = only_problem(study_file(text=GOOD + '[[population.strata]]\ncovariate = "WT"\ncuts = [2]\n'))
    assert "strata are given twice for: WT" in found


def test_all_problems_are_told_at_once_in_the_order_of_the_file(study_file):
    changes = [
        ("seed = 7", "seed = -1"),
        ('"records.csv"', '"nothing.csv"'),
        ('AMT = "mg"', 'AMT = "mgg"'),
        ("phenobarbital_neonates", "fenobarbital_neonates"),
        ("low = 15", "low = 50"),
        ("every 12 h", "evry 12 h"),
        ("size = 10", "size = 0\ncolor = 1"),
        ("[1.0, 1.5]", "[2, 1]"),
    ]
    found = problems(study_file(*changes))
    causes = [
        "seed",
        "cannot read",
        "mgg",
        "no model",
        "not above low",
        "evry",
        "size",
        "color",
        "do not increase",
    ]
    assert [text for text, told in zip(causes, found, strict=True) if text not in told] == []


def test_what_depends_on_the_model_is_told_beside_broken_keys(study_file):
    found = problems(study_file(('"Cp"', '"Cpp"'), ("seed = 7", "sede = 7"), ("20 mg/kg", "20 mg/kg oral")))
    assert len(found) == 3
    assert "'Cpp'" in found[1]
    assert "'oral'" in found[2]


def test_printed_error(study_file):
    with pytest.raises(StudyError) as raised:
        Study.read(study_file(("seed = 7", "seeds = 7"), ("size = 10", "size = 0")))
    assert str(raised.value) == (
        "2 problems in study.toml\n"
        "  unknown key 'seeds'\n    where: line 3, seeds\n    repair: did you mean seed?\n"
        "  size should be 1 or more, is 0\n    where: line 22, population.size\n    repair: number of virtual patients"
    )


def test_no_such_study(tmp_path):
    (tmp_path / "study.toml").write_text(GOOD)
    with pytest.raises(StudyError, match=r"cannot read the study[\s\S]*did you mean study.toml\?"):
        Study.read(tmp_path / "stuby.toml")


def test_invalid_toml(study_file):
    with pytest.raises(StudyError, match=r"not valid TOML.*line 3"):
        Study.read(study_file(("seed = 7", "seed = ")))


def test_not_text(tmp_path):
    (tmp_path / "study.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(StudyError, match="not text in UTF-8"):
        Study.read(tmp_path / "study.toml")


def test_byte_order_mark_is_no_problem(study_file):
    path = study_file()
    path.write_text(GOOD, encoding="utf-8-sig")
    assert Study.read(path).title == "Newborns"


# A model of the user's own

MODEL = """\
from understudy import Model

with open(__file__ + ".runs", "a") as runs:
    runs.write("x")

model = Model(
    "own", "h", {"k": (0.1, "1/h"), "V": (1, "L")}, {"A": "mg"}, {"A": "-k * A"}, {"iv": "A"},
    outputs={"Cp": ("A / V", "mg/L")},
)
"""


def test_model_file_is_loaded_once(study_file, tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    # A mechanism has no population, and its typical patient no weight.
    text = GOOD.partition("[population]")[0].replace("mg/kg", "mg")
    study = Study.read(study_file(('name = "phenobarbital_neonates"', 'file = "model.py"'), text=text))
    assert isinstance(study.load_model(), Model)
    assert study.load_model() is study.load_model()
    assert (tmp_path / "model.py.runs").read_text() == "x"
    assert set(study.input_hashes()) == {"study.toml", "records.csv", "model.py"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"-k * A"', '"-k * B"', ["undefined name 'B'", "line 10, model.file", "model.py, line"]),
        ('"1/h"', '"h"', ["line 10, model.file", "mg/h"]),
        ("model = Model", "modell = Model", ["no variable 'model'"]),
    ],
)
def test_broken_model_file(study_file, tmp_path, old, new, told):
    (tmp_path / "model.py").write_text(MODEL.replace(old, new))
    found = only_problem(study_file(('name = "phenobarbital_neonates"', 'file = "model.py"')))
    assert [text for text in told if text not in found] == [], found


def test_no_such_model_file(study_file):
    found = only_problem(study_file(('name = "phenobarbital_neonates"', 'file = "modl.py"')))
    assert "cannot read the model file" in found


def test_every_key_is_documented():
    page = (EXAMPLE.parents[2] / "docs" / "study-file.md").read_text(encoding="utf-8")
    schema = Study.json_schema()
    keys = [name for table in (schema, *schema["$defs"].values()) for name in table["properties"]]
    assert [key for key in keys if f"`{key}`" not in page and f"[{key}]" not in page] == []
