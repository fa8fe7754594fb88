"""A study that asks for a fit: its estimates in the answer, what the dossier tells of them, and what stops it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sample_content import sample_content

from understudy import Fit, Records, fit, load_model
from understudy.core.content import file_hash
from understudy.core.errors import StudyError, UnderstudyError
from understudy.dossier.evaluate import evaluate
from understudy.dossier.fit_section import estimate_frame, fit_section
from understudy.dossier.report import write
from understudy.dossier.study import Study
from understudy.dossier.study_fit import StudyFit, require_success

EXAMPLE = Path("examples/phenobarbital").resolve()
UNITS = {"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"}
# Few draws and patients: what is tested is where the numbers come from, not how precise they are.
STUDY = """
title = "Phenobarbital in newborns"
question = "Which maintenance dose?"
seed = 7
[records]
file = "phenobarbital.csv"
units = { TIME = "h", AMT = "mg", DV = "mg/L", WT = "kg", APGR = "1" }
[model]
name = "phenobarbital_neonates"
[fit]
FIT
[target]
output = "Cp"
low = 15
high = 40
unit = "mg/L"
[[regimens]]
doses = "20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 2 days"
[population]
size = 40
[evaluation]
draws = 4
"""


def study_in(folder: Path, section: str = "", patients: int = 59) -> Path:
    header, *rows = (EXAMPLE / "phenobarbital.csv").read_text().splitlines()
    chosen = [row for row in rows if int(row.split(",")[0]) <= patients]
    (folder / "phenobarbital.csv").write_text("\n".join([header, *chosen]) + "\n")
    (folder / "study.toml").write_text(STUDY.replace("FIT", section))
    return folder / "study.toml"


@pytest.fixture(scope="module")
def dossier(tmp_path_factory):
    """A study that estimates, from elsewhere than where it ends."""
    path = study_in(tmp_path_factory.mktemp("fit"), "initial = { theta_CL = 0.006, theta_V = 1.1 }")
    return evaluate(path, jobs=1)


@pytest.fixture(scope="module")
def found(dossier) -> Fit:
    return Fit.read(dossier.folder / "fit.json")


@pytest.fixture(scope="module")
def by_file(tmp_path_factory, found):
    """A study that takes that fit, and leaves its uncertainty out."""
    path = study_in(tmp_path_factory.mktemp("file"), 'use = "fit.json"\nuncertainty = false')
    found.write(path.parent / "fit.json")
    return evaluate(path, jobs=1)


def test_the_estimates_are_where_the_published_search_ended(found):
    published = load_model("phenobarbital_neonates")
    # The library's values were estimated from these records by the same method: a hundredth of a standard error.
    for name, value in published.fixed_values.items():
        assert abs(found.estimates[name] - value) < 0.01 * found.standard_errors[name] + 1e-12
    assert found.objective == pytest.approx(586.276, abs=1e-3)


def test_everything_downstream_has_the_estimates(dossier, found):
    content = dossier.content
    assert content.model.fixed_values == found.model.fixed_values
    parameter = next(p for p in content.model.fixed if p.name == "theta_CL")
    assert parameter.standard_error == found.standard_errors["theta_CL"]
    assert "Estimated by FOCEI" in parameter.source.citation
    twin = content.doses.set_index("id").loc["1"]
    rows = content.observations[content.observations["id"] == "1"]
    assert 0.5 < twin["CL"] / (found.estimates["theta_CL"] * twin["WT"]) < 2
    assert np.isfinite(rows["population"]).all()


def test_the_record_knows_the_file_beside_it(dossier, by_file):
    told = dossier.record.settings["fit"]
    assert told["fit.json"] == file_hash(dossier.folder / "fit.json")
    assert told["parameter_sets"] == 200
    assert told["parameter_sets_of_twins"] == 4
    assert "fit.json" not in dossier.record.inputs
    assert by_file.record.inputs["fit.json"] == by_file.record.settings["fit"]["fit.json"]
    assert (by_file.folder / "fit.json") in by_file.files


def test_the_held_back_levels_played_no_part(dossier, by_file):
    refit = dossier.content.fit.refit
    assert refit.observations == 105
    assert "no forecast level played a part" in dossier.content.forecast_sentence
    assert by_file.content.fit.refit is None
    assert "held-back levels included" in by_file.content.forecast_sentence
    # Without the last levels clearance is less well known, and individuals differ more in it.
    assert refit.estimates["omega(eta_CL)"] > 1.5 * dossier.content.fit.fit.estimates["omega(eta_CL)"]


def test_what_is_carried_on_is_said(dossier, by_file):
    assert any("uncertainty is carried on: 200 sets" in text for text in dossier.content.assumptions)
    assert any("not carried on, as the study asks" in text for text in by_file.content.assumptions)
    assert len({m.fixed_values["theta_V"] for m in dossier.content.fit.drawn}) == 200
    assert not by_file.content.fit.drawn
    # The same random numbers under other parameters.
    assert not dossier.content.attainment.equals(by_file.content.attainment)


def test_the_chapter_tells_all_of_the_fit(dossier):
    page = (dossier.folder / "report.html").read_text()
    chapter = page[page.index('id="estimation"') : page.index('id="fit"')]
    for told in ("FOCEI", "586.276", "Converged", "155 measurements of 59 patients", "theta_APGR", "Published",
                 "Shrinkage", "47\xa0%", "Condition number", "CWRESI", "with prediction correction",
                 "105 measurements"):  # fmt: skip
        assert told in chapter, told
    table = pd.read_csv(dossier.folder / "tables" / "estimates.csv").set_index("parameter")
    assert list(table.index)[:2] == ["theta_CL", "theta_V"]
    # The table holds ten digits of numbers that agree in their first four.
    np.testing.assert_allclose(
        table["difference_in_errors"],
        (table["estimate"] - table["before"]) / table["standard_error"],
        atol=1e-7,
    )
    assert (table["low"] < table["estimate"]).all()
    # Observed against predicted is shown once.
    assert "chart-fit-Cp" not in page


def test_a_fit_of_another_dossier_does_not_stay(tmp_path):
    (tmp_path / "fit.json").write_text("{}")
    (tmp_path / "mine.txt").write_text("kept")
    write(sample_content(), tmp_path)
    assert not (tmp_path / "fit.json").exists()
    assert (tmp_path / "mine.txt").exists()


def test_a_fit_is_the_same_on_any_number_of_threads(found):
    records = Records.read_csv(EXAMPLE / "phenobarbital.csv", units=UNITS)
    one, two = (replace(fit(found.model, records, "fo", jobs=jobs), seconds=0.0).text for jobs in (1, 2))
    assert one == two


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('method = "laplase"', "did you mean laplace"),
        ("initial = { theta_Cl = 1.0 }", "is no parameter of the model"),
        ('fixed = ["theta_CL", "eta_Q"]', "fit.fixed[2]"),
        ("settings = { iteration = 5 }", "did you mean iterations"),
        ('settings = { tolerance = "small" }', "above zero"),
        ('use = "estimates"', "true, false or a fit file"),
        ('use = "gone.json"', "cannot read the fit"),
        ('covariance = "T"', "'sandwich'"),
        ("start = 3", "did you mean starts"),
    ],
)
def test_a_wrong_key_is_told_with_its_line(tmp_path, section, told):
    with pytest.raises(StudyError) as caught:
        Study.read(study_in(tmp_path, section, 3))
    assert told in str(caught.value)
    assert "line 11" in str(caught.value)


def test_a_mechanism_has_nothing_to_estimate(tmp_path):
    path = study_in(tmp_path)
    path.write_text(path.read_text().replace("phenobarbital_neonates", "one_compartment_iv"))
    with pytest.raises(StudyError, match="there is nothing to estimate"):
        Study.read(path)


@pytest.mark.parametrize(
    ("section", "change", "told"),
    [
        ('use = "fit.json"', {"records_hash": "c0ffee"}, "other records than the study's"),
        ('use = "fit.json"', {"records_hash": ""}, "does not say which records"),
        ('use = "fit.json"', {"succeeded": False, "status": "stopped early"}, "did not succeed: stopped early"),
        ('use = "fit.json"', {"model": load_model("theophylline_adults")}, "is not the model of the study"),
        ('use = "fit.json"', {"model": None}, "no model that they belong to"),
        ('use = "fit.json"\nother_records = true\nrefit = true', {"records_hash": "c0ffee"}, "leave refit out"),
        ('use = "fit.json"\nuncertainty = true', {"covariance": None}, "no covariance"),
    ],
)  # fmt: skip
def test_a_fit_that_will_not_do_stops_before_anything_is_written(tmp_path, found, section, change, told):
    replace(found, **change).write(tmp_path / "fit.json")
    with pytest.raises(UnderstudyError) as caught:
        evaluate(study_in(tmp_path, section), jobs=1)
    assert told in str(caught.value)
    assert not (tmp_path / "dossier").exists()


def test_a_search_that_does_not_converge_stops_before_anything_is_written(tmp_path):
    path = study_in(tmp_path, "initial = { theta_V = 2.0 }\nsettings = { iterations = 1 }")
    with pytest.raises(StudyError) as caught:
        evaluate(path, jobs=1)
    assert "the fit did not succeed" in str(caught.value)
    assert "starts = 5" in str(caught.value)
    assert not (tmp_path / "dossier").exists()


def test_without_use_the_table_is_for_the_command_alone(tmp_path):
    content = evaluate(study_in(tmp_path, "use = false", 6), jobs=1).content
    assert content.fit is None
    assert content.model == load_model("phenobarbital_neonates")
    assert fit_section(content) is None


def test_a_fit_named_as_the_model_is_known_as_one(tmp_path, found):
    path = study_in(tmp_path, patients=6)
    path.write_text(
        path.read_text()
        .replace("[fit]\n", "")
        .replace('name = "phenobarbital_neonates"', 'file = "fit.json"')
    )
    found.write(tmp_path / "fit.json")
    replace(found, records_hash=Study.read(path).read_records().hash).write(tmp_path / "fit.json")
    content = evaluate(path, jobs=1).content
    assert any("fixed at the estimates in fit.json" in text for text in content.assumptions)
    assert "held-back levels included" in content.forecast_sentence
    replace(found, succeeded=False).write(tmp_path / "fit.json")
    with pytest.raises(StudyError, match="did not succeed"):
        evaluate(path, jobs=1)


def test_success_is_required_and_doubts_are_told():
    require_success(Fit("FOCEI", 0.0, {}, succeeded=True), "here")
    with pytest.raises(StudyError, match="it does not say how it ended; not identified"):
        require_success(Fit("FOCEI", 0.0, {}, succeeded=False, warnings=("not identified",)), "here")


def test_held_parameters_have_no_error_and_no_difference():
    before = load_model("phenobarbital_neonates")
    made = Fit(
        "FOCEI", 1.0, {"theta_CL": 0.005, "omega(eta_V)": 0.03, "theta_APGR": 0.2}, {"theta_CL": 0.0002},
        fixed=("theta_APGR",), model=before,
    )  # fmt: skip
    table = estimate_frame(StudyFit(made, before, "", "", True, (), 0)).set_index("parameter")
    assert table.loc["theta_CL", "difference_in_errors"] == pytest.approx(
        (0.005 - before.fixed_values["theta_CL"]) / 0.0002
    )
    assert (
        table.loc[["theta_APGR", "omega(eta_V)"], ["standard_error", "low", "difference_in_errors"]]
        .isna()
        .all(axis=None)
    )
    assert table.loc["omega(eta_V)", "before"] == before.omega[1, 1]


def test_the_schema_describes_the_table():
    told = json.dumps(Study.json_schema()["$defs"]["FitSection"])
    assert all(f'"{key}"' in told for key in ("use", "method", "initial", "fixed", "refit", "uncertainty"))
