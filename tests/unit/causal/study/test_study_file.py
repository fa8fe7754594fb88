"""The study file: what it may say, and what is refused with its place and repair."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from understudy.causal import SimulatedStudy, load_study, run_study
from understudy.core.errors import DataError, StudyError

STUDY = """
title = "A"
question = "B?"
[target]
name = "target"
entry = [{ table = "drug_era", concepts = 1000001 }]
[comparator]
name = "comparator"
entry = [{ table = "drug_era", concepts = 1000002 }]
[[outcomes]]
name = "outcome"
entry = [{ table = "condition_occurrence", concepts = 2000000 }]
[[analyses]]
name = "crude"
"""


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    SimulatedStudy(200).write(folder)
    return folder / "cdm"


def written(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_smallest_study_is_read(tmp_path):
    study = load_study(written(tmp_path, STUDY))
    assert study.target.name == "target"
    assert study.file.population.washout == 365
    assert study.controls == ()


def test_a_cohort_may_have_a_file_and_its_hash_is_kept(tmp_path):
    (tmp_path / "users.toml").write_text(
        'name = "users"\nentry = [{ table = "drug_era", concepts = 1000001 }]\n', encoding="utf-8"
    )
    text = STUDY.replace(
        'name = "target"\nentry = [{ table = "drug_era", concepts = 1000001 }]', 'file = "users.toml"'
    )
    study = load_study(written(tmp_path, text))
    assert study.target.name == "users"
    assert set(study.inputs) == {"study.toml", "users.toml"}


def test_concept_sets_of_the_study_are_known_to_all_cohorts(tmp_path):
    text = '[concept_sets]\n"drug" = [1000001]\n' + STUDY.replace("concepts = 1000001", 'concepts = "drug"')
    # Tables come after the first keys of a file.
    head, rest = text.split("\ntitle", 1)
    study = load_study(written(tmp_path, "title" + rest + head))
    assert study.target.sets()["drug"].concepts[0].id == 1000001


BAD = {
    "an unknown key": ("[population]\nwashuot = 3\n", "washout"),
    "a risk that ends before it starts": (
        '[population]\nrisk_start = 5\nrisk_end = 1\nrisk_end_anchor = "cohort start"\n',
        "before it starts",
    ),
    "a waiver without a reason": ('[diagnostics]\nwaive = { balance = "no" }\n', "without a reason"),
    "a waiver of what is none": ('[diagnostics]\nwaive = { luck = "for a good reason" }\n', "luck"),
    "an adjustment without covariates": (
        '[[analyses]]\nname = "m"\nadjustment = "match"\n',
        "no covariates",
    ),
    "two analyses of a name": ('[[analyses]]\nname = "crude"\n', "given twice"),
    "strata without stratification": (
        '[[analyses]]\nname = "s"\nstrata = 10\n',
        "adjustment = \"?'?stratify",
    ),
    "conditions without strata": ('[[analyses]]\nname = "s"\nconditional = true\n', "no strata"),
    "controls in two ways": (
        '[negative_controls]\nconcepts = [1]\nfile = "c.csv"\n',
        "concepts or by a file",
    ),
    "an outcome of a name": (
        '[[outcomes]]\nname = "outcome"\nentry = [{ table = "death" }]\n',
        "'outcome' is given twice",
    ),
    "SQL for a table": (
        '[[outcomes]]\nname = "x"\nentry = [{ table = "person; DROP TABLE person", concepts = 1 }]\n',
        "table",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_told(case, tmp_path):
    more, told = BAD[case]
    with pytest.raises(StudyError) as error:
        load_study(written(tmp_path, STUDY + more))
    assert re.search(told, str(error.value))


@pytest.mark.parametrize("path", ["../elsewhere", "/etc", "link"])
def test_a_path_may_not_leave_the_folder(path, tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "elsewhere")
    text = STUDY + f'[cdm]\npath = "{path}"\n'
    with pytest.raises(StudyError, match="leaves the study's folder") as error:
        load_study(written(tmp_path / "inside", text))
    assert "--cdm" in str(error.value)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("concept_id,name\n", "no rows"),
        ("name\na\n", "no column concept_id"),
        ("concept_id\nx\n", "no concept id"),
        ("outcomeId\n3\n3\n", "there twice"),
        ('concept_id\n"1); DROP TABLE person"\n', "no concept id"),
    ],
)
def test_controls_in_a_file_are_checked_row_by_row(rows, told, tmp_path):
    (tmp_path / "controls.csv").write_text(rows, encoding="utf-8")
    text = STUDY + '[negative_controls]\nfile = "controls.csv"\n'
    with pytest.raises(DataError, match=told):
        load_study(written(tmp_path, text))


def test_a_study_without_records_says_how_to_give_them(tmp_path):
    with pytest.raises(StudyError, match="where its records are"):
        run_study(load_study(written(tmp_path, STUDY)))


def test_a_concept_set_that_matches_nothing_stops_the_study(tmp_path, records):
    study = load_study(written(tmp_path, STUDY.replace("1000001", "77")))
    with pytest.raises(StudyError, match="matches nothing"):
        run_study(study, records)


def test_a_control_that_is_the_outcome_stops_the_study(tmp_path, records):
    study = load_study(written(tmp_path, STUDY + "[negative_controls]\nconcepts = [2000000, 2000001]\n"))
    with pytest.raises(StudyError, match="outcome"):
        run_study(study, records)


def test_a_group_of_nobody_stops_the_study(tmp_path, records):
    text = STUDY + "[population]\nstudy_start = 2031-01-01\n"
    with pytest.raises(StudyError, match="nobody"):
        run_study(load_study(written(tmp_path, text)), records)


def test_a_death_before_birth_stops_the_study_and_names_nobody(tmp_path, records):
    import shutil

    shutil.copytree(records, tmp_path / "cdm")
    (tmp_path / "cdm" / "death.csv").write_text(
        "person_id,death_date,death_type_concept_id\n17,1850-01-01,0\n", encoding="utf-8"
    )
    with pytest.raises(DataError, match="birth") as error:
        run_study(load_study(written(tmp_path, STUDY)), tmp_path / "cdm")
    assert "<5 rows" in str(error.value)
    assert "17" not in str(error.value).replace("problem", "")


def test_the_schema_describes_every_key_of_the_file():
    from typer.testing import CliRunner

    from understudy.app.cli import app

    for arguments, key in (([], "negative_controls"), (["--emulation"], "table")):
        printed = CliRunner().invoke(app, ["rwe", "schema", *arguments])
        schema = json.loads(printed.stdout)
        assert key in json.dumps(schema)
        assert all("description" in each for each in schema["properties"].values())
