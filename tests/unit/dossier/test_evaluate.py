"""The main job on real patients, small enough for every test run."""

import json
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy.core.errors import StudyError
from understudy.core.record import Record
from understudy.dossier.evaluate import evaluate
from understudy.dossier.study import Study

EXAMPLE = Path("examples/phenobarbital").resolve()

STUDY = """
title = "Phenobarbital in newborns"
question = "Which maintenance dose?"
seed = 7
[records]
file = "phenobarbital.csv"
units = { TIME = "h", AMT = "mg", DV = "mg/L", WT = "kg", APGR = "1" }
[model]
MODEL
[target]
output = "Cp"
low = 15
high = 40
unit = "mg/L"
[[regimens]]
label = "low"
doses = "20 mg/kg over 30 min then 1 mg/kg every 12 h for 5 days"
[[regimens]]
label = "usual"
doses = "20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 5 days"
[population]
size = 40
[[population.strata]]
covariate = "WT"
cuts = [1.5]
[evaluation]
draws = 20
"""

# Above 3 kg the amount feeds on itself and runs away.
RUNAWAY = """
from understudy import Model, PopulationModel

structure = Model(
    "runaway", "h",
    {"CL": (0.006, "L/h"), "V": (1.3, "L"), "grow": (0, "1/mg/h")},
    {"central": "mg"},
    {"central": "-CL / V * central + grow * central ** 2"},
    {"iv": "central"},
    {"Cp": ("central / V", "mg/L")},
)
model = PopulationModel(
    "runaway above 3 kg", structure,
    individual={
        "CL": "theta_CL * WT * exp(eta_CL)",
        "V": "theta_V * WT * exp(eta_V)",
        "grow": "where(WT > 3[kg], 1[1/mg/h], 0[1/mg/h])",
    },
    fixed={"theta_CL": (0.0047, "L/h/kg"), "theta_V": (0.98, "L/kg"), "sigma2": 0.0132},
    random={"eta_CL": 0.03, "eta_V": 0.03},
    residual={"Cp": "sigma2 * Cp ** 2"},
    covariates={"WT": "kg"},
)
"""


def study_in(
    folder: Path, model: str = 'name = "phenobarbital_neonates"', newborns: range = range(1, 60)
) -> Path:
    header, *rows = (EXAMPLE / "phenobarbital.csv").read_text().splitlines()
    chosen = [row for row in rows if int(row.split(",")[0]) in newborns]
    (folder / "phenobarbital.csv").write_text("\n".join([header, *chosen]) + "\n")
    path = folder / "study.toml"
    path.write_text(STUDY.replace("MODEL", model))
    return path


@pytest.fixture(scope="module")
def dossier(tmp_path_factory):
    stages = []
    path = study_in(tmp_path_factory.mktemp("study"))
    made = evaluate(path, jobs=1, progress=lambda stage, done: stages.append((stage, done)))
    return made, stages, path


def test_writes_every_part_of_the_dossier(dossier):
    made, _, path = dossier
    assert made.folder == path.parent / "dossier"
    assert {file.name for file in made.files} >= {"report.html", "outcome.nc", "record.json", "doses.csv"}
    assert all(file.is_file() and file.stat().st_size for file in made.files)


def test_every_stage_reports_its_start_and_end(dossier):
    _, stages, _ = dossier
    names = list(dict.fromkeys(name for name, _ in stages))
    assert names[0] == "Reading the study"
    assert names[-1] == "Writing the dossier"
    for name in names:
        done = [fraction for stage, fraction in stages if stage == name]
        assert (done[0], done[-1]) == (0.0, 1.0)
        assert done == sorted(done)


def test_tables_agree_with_the_result(dossier):
    made, _, _ = dossier
    content = made.content
    assert len(content.observations) == 155
    assert len(content.doses) == 59
    shares = content.attainment[["below", "within", "above"]].sum(axis=1)
    np.testing.assert_allclose(shares, 1.0, atol=1e-12)
    everyone = content.attainment.query("by == 'all' and measure == 'time'").set_index(["source", "regimen"])
    # 1 mg/kg after the load falls below the range more often than 2.5 mg/kg does.
    for source in ("twins", "virtual"):
        assert everyone.loc[(source, "low"), "below"] > everyone.loc[(source, "usual"), "below"]
    best = content.doses.set_index("id")
    clear = ~best["note"].str.contains("no different")
    assert (best["within"] > best["runner_up_within"])[clear].all()
    assert clear.any()
    assert len(pd.read_csv(made.folder / "tables" / "doses.csv")) == 59


def test_strata_partition_the_patients(dossier):
    made, _, _ = dossier
    rows = made.content.attainment.query("source == 'twins' and regimen == 'low' and measure == 'time'")
    counts = rows.groupby("by")["n"].sum()
    assert counts["all"] == counts["WT"] == 59


def test_the_same_run_gives_the_same_numbers_and_hash_on_any_number_of_threads(dossier, tmp_path):
    made, _, path = dossier
    again = evaluate(path, out=tmp_path / "again", jobs=2)
    assert again.record.hash == made.record.hash
    for name in ("attainment", "doses", "forecast", "vpc", "observations"):
        pd.testing.assert_frame_equal(getattr(again.content, name), getattr(made.content, name))


def test_another_seed_gives_another_record(dossier, tmp_path):
    made, _, path = dossier
    other = evaluate(path, out=tmp_path / "other", seed=8)
    assert other.record.hash != made.record.hash
    assert not other.content.vpc["median"].equals(made.content.vpc["median"])


def test_json_and_record_hold_what_made_them(dossier):
    made, _, path = dossier
    data = json.loads(json.dumps(made.to_json()))
    assert data["record"]["hash"] == made.record.hash
    assert set(made.record.inputs) == {"study.toml", "phenobarbital.csv"}
    assert Record.from_json(json.loads((made.folder / "record.json").read_text())) == made.record
    assert str(path.parent) not in json.dumps(data)


def test_failing_patients_are_named_and_the_others_stand(dossier, tmp_path):
    (tmp_path / "model.py").write_text(textwrap.dedent(RUNAWAY))
    made = evaluate(study_in(tmp_path, 'file = "model.py"', range(19, 33)), jobs=1)
    weights = made.content.doses.set_index("id")["WT"]
    heavy = Study.read(tmp_path / "study.toml").read_records().baseline()["WT"] > 3
    named = {name for name in made.content.failures if not name.startswith("v")}
    assert named == set(heavy.index[heavy])
    assert len(named) == 5
    assert (weights <= 3).all()
    assert len(weights) == 14 - len(named)
    assert set(made.content.exclusions["id"]) == set(made.content.failures)
    numbers = made.content.attainment[["below", "within", "above"]]
    assert np.isfinite(numbers.to_numpy()).all()
    for name in named:
        assert name in (made.folder / "report.html").read_text()


def test_the_report_says_whose_data_the_model_and_the_units_are(dossier, tmp_path):
    made, _, _ = dossier
    assert any("does not say whether" in text for text in made.content.assumptions)
    assert not any("No unit is declared" in text for text in made.content.assumptions)
    path = study_in(tmp_path, 'name = "phenobarbital_neonates"\nbuilt_on_these_patients = true', range(1, 7))
    path.write_text(path.read_text().replace(', APGR = "1"', "").replace('DV = "mg/L", ', ""))
    content = evaluate(path).content
    assert "these very patients, held-back levels included" in content.forecast_sentence
    assert "No unit is declared for dv, APGR: the model's unit is assumed." in content.assumptions


def test_a_mechanism_is_not_asked_for_a_population(tmp_path):
    with pytest.raises(StudyError, match="without random effects") as caught:
        evaluate(study_in(tmp_path, 'name = "one_compartment_iv"'))
    assert "understudy models" in str(caught.value)
    assert not (tmp_path / "dossier").exists()
