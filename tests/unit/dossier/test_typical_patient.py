"""Studies of a mechanism without a population, from Python and the command line, with an SBML file and without."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from understudy import Record, Study, StudyError, evaluate

SBML = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2">
  <model id="elimination" timeUnits="hour" substanceUnits="mmol" volumeUnits="litre" extentUnits="mmol">
    <listOfUnitDefinitions>
      <unitDefinition id="hour"><listOfUnits>
        <unit kind="second" exponent="1" scale="0" multiplier="3600"/>
      </listOfUnits></unitDefinition>
      <unitDefinition id="mmol"><listOfUnits>
        <unit kind="mole" exponent="1" scale="-3" multiplier="1"/>
      </listOfUnits></unitDefinition>
    </listOfUnitDefinitions>
    <listOfCompartments>
      <compartment id="V" size="5" spatialDimensions="3" units="litre" constant="true"/>
    </listOfCompartments>
    <listOfSpecies>
      <species id="drug" compartment="V" initialConcentration="0" hasOnlySubstanceUnits="false"
        boundaryCondition="false" constant="false"/>
    </listOfSpecies>
    <listOfParameters><parameter id="k" value="0.3" constant="true"/></listOfParameters>
    <listOfReactions>
      <reaction id="out" reversible="false">
        <listOfReactants><speciesReference species="drug" stoichiometry="1" constant="true"/></listOfReactants>
        <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
          <apply><times/><ci>V</ci><ci>k</ci><ci>drug</ci></apply>
        </math></kineticLaw>
      </reaction>
    </listOfReactions>
  </model>
</sbml>
"""
STUDY = """
title = "One species"
question = "Which dose?"
[model]
file = "model.xml"
[target]
output = "drug"
low = 1
high = 4
unit = "mmol/L"
[[regimens]]
label = "low"
doses = "10 mmol via drug every 4 h for 3 doses"
[[regimens]]
label = "high"
doses = "20 mmol via drug every 4 h for 3 doses"
[[regimens]]
label = "high, slow"
doses = "20 mmol via drug every 4 h for 3 doses"
parameters = { k = 0.1 }
"""
RECORDS = """
[records]
file = "records.csv"
units = { TIME = "min", AMT = "mmol", DV = "mmol/L" }
"""
ROWS = "ID,TIME,AMT,DV\n1,0,10,.\n1,120,.,1.2\n2,0,20,.\n2,60,.,2.5\n2,240,.,1.5\n"


def study_in(folder: Path, text: str = STUDY) -> Path:
    (folder / "model.xml").write_text(SBML)
    (folder / "records.csv").write_text(ROWS)
    (folder / "study.toml").write_text(text)
    return folder / "study.toml"


def level(time, dose: float, k: float):
    """Concentration by hand: doses at 0, 4 and 8 h, those at the time itself not counted."""
    time = np.asarray(time, float)
    return sum(dose / 5 * np.exp(-k * (time - at)) * (time > at) for at in (0.0, 4.0, 8.0))


@pytest.fixture(scope="module")
def dossier(tmp_path_factory):
    return evaluate(study_in(tmp_path_factory.mktemp("study"), STUDY + RECORDS))


def test_shares_of_time_are_those_of_the_closed_form(dossier):
    times = np.linspace(0, 12, 121)[1:]
    shares = dossier.content.attainment.set_index("regimen")
    for name, dose, k in (("low", 10, 0.3), ("high", 20, 0.3), ("high, slow", 20, 0.1)):
        levels = level(times, dose, k)
        assert shares.loc[name, "within"] == pytest.approx(np.mean((levels >= 1) & (levels <= 4)), abs=1e-12)
        assert shares.loc[name, "above"] == pytest.approx(np.mean(levels > 4), abs=1e-12)
    assert set(shares["source"]) == {"typical"}
    assert shares["se"].isna().all()


def test_levels_are_those_of_the_closed_form(dossier):
    found = dossier.content.typical.levels.set_index("regimen")
    for name, dose, k in (("low", 10, 0.3), ("high, slow", 20, 0.1)):
        # The highest level is the one right after the last dose, the last a trough.
        # The solution is exact: what differs is rounding.
        assert found.loc[name, "peak"] == pytest.approx(level(8, dose, k) + dose / 5, rel=1e-9)
        assert found.loc[name, "peak_time"] == 8
        assert found.loc[name, "last"] == pytest.approx(level(12, dose, k), rel=1e-9)
        # Areas of three exponentials; the trapezoids of 0.1 h are off by (0.1 k)² / 12.
        area = sum(dose / 5 / k * (1 - np.exp(-k * (12 - at))) for at in (0, 4, 8))
        assert found.loc[name, "mean"] == pytest.approx(area / 12, rel=1e-4)


def test_records_are_an_external_check_in_the_models_units(dossier):
    check = dossier.content.typical.check
    times, doses = np.array([2, 1, 4]), np.array([10, 20, 20])
    np.testing.assert_allclose(check["time"], times)
    np.testing.assert_allclose(check["observed"], [1.2, 2.5, 1.5])
    np.testing.assert_allclose(check["predicted"], doses / 5 * np.exp(-0.3 * times), rtol=1e-9)
    error = check["predicted"] - check["observed"]
    errors = dossier.content.typical.errors.iloc[0]
    assert (errors["n"], errors["patients"]) == (3, 2)
    assert errors["mae"] == pytest.approx(error.abs().mean())
    assert errors["bias"] == pytest.approx(error.mean())


def test_the_report_says_why_there_are_no_intervals(dossier):
    page = (dossier.folder / "report.html").read_text()
    for told in (
        "No number has an interval",
        "no random effects",
        "no residual error",
        "Predictions against records",
        "The mechanism&#39;s equations.",
        "Regimens in the typical patient",
        "k = 0.1",
    ):
        assert told in page, told
    for absent in ("Virtual patients", "Twins of", "Monte Carlo", "Dose for each patient", "Forecast"):
        assert absent not in page, absent
    assert any("No number has an interval" in sentence for sentence in dossier.summary)


def test_files_hashes_and_tables(dossier):
    assert {file.name for file in dossier.files} >= {
        "report.html", "outcome.nc", "record.json", "levels.csv", "courses.csv", "prediction_errors.csv"
    }  # fmt: skip
    assert set(dossier.record.inputs) == {"study.toml", "model.xml", "records.csv"}
    assert dossier.record.model == Study.read(dossier.folder.parent / "study.toml").load_model().hash
    courses = pd.read_csv(dossier.folder / "tables" / "courses.csv")
    assert set(courses["output"]) >= {"drug", "drug_amount", "out"}
    assert list(courses) == ["regimen", "time [h]", "output", "value", "unit"]


def test_without_records_and_from_the_command_line(tmp_path):
    path = study_in(tmp_path)
    command = [sys.executable, "-m", "understudy", "evaluate", str(path), "--json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert "longest under high:" in data["summary"][0]
    assert [row["regimen"] for row in data["attainment"]] == ["low", "high", "high, slow"]
    record = Record.read(tmp_path / "dossier" / "record.json")
    assert set(record.inputs) == {"study.toml", "model.xml"}
    assert "typical patient" in record.method
    assert "Predictions against records" not in (tmp_path / "dossier" / "report.html").read_text()


def test_a_mechanism_without_units_is_compared_by_its_parameters(tmp_path):
    pytest.importorskip("antimony")
    (tmp_path / "decay.ant").write_text("model decay\n  S = 8; k = 0.5\n  S -> ; k * S\nend\n")
    text = STUDY.partition("[[regimens]]")[0].replace("model.xml", "decay.ant")
    text = text.replace('"drug"', '"S"').replace("mmol/L", "1")
    text += '[[regimens]]\nlabel = "as it is"\n[[regimens]]\nlabel = "slower"\nparameters = { k = 0.25 }\n'
    found = evaluate(study_in(tmp_path, text + "[evaluation]\nuntil = 10\n")).content.typical
    last = found.levels.set_index("regimen")["last"]
    # Linear equations are solved exactly.
    np.testing.assert_allclose(last, 8 * np.exp([-5.0, -2.5]), rtol=1e-9)


def test_a_library_mechanism_is_evaluated_from_python(tmp_path):
    keys = {
        "title": "Oral",
        "question": "Once or twice?",
        "model": {"name": "one_compartment_oral"},
        "target": {"output": "Cp", "low": 1, "high": 4, "unit": "mg/L"},
        "regimens": [{"doses": "100 mg every 24 h for 3 doses"}, {"doses": "50 mg every 12 h for 6 doses"}],
    }
    made = evaluate(Study.of(keys, tmp_path), out=tmp_path / "dossier")
    assert len(made.content.attainment) == 2
    assert set(made.record.inputs) == {"study"}


UNFIT = {
    "population": ("[population]\nsize = 10\n", ["there are no virtual patients", "population"]),
    "draws": ("[evaluation]\ndraws = 10\n", ["there are no twins", "evaluation.draws"]),
    "interval": ("[evaluation]\ninterval = 0.9\n", ["predictions have no interval"]),
    "hold_out": ('[evaluation]\nhold_out = "last"\n', ["nothing is held back"]),
    "no end": ('[[regimens]]\nlabel = "none"\n', ["has no doses, and so no end", "until = 100"]),
    "per kg": ('[[regimens]]\ndoses = "1 mmol/kg via drug"\n', ["no weight", "regimens[4].doses"]),
    "parameter": (
        '[[regimens]]\ndoses = "1 mmol via drug"\nparameters = { kk = 1 }\n',
        ["no parameter 'kk'", "did you mean k?"],
    ),
    "time": ("[evaluation]\nuntil = 0\n", ["until should be"]),
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_a_mechanism_cannot_be_asked(case, tmp_path):
    text, told = UNFIT[case]
    with pytest.raises(StudyError) as caught:
        Study.read(study_in(tmp_path, STUDY + text))
    assert len(caught.value.problems) == 1
    assert [part for part in told if part not in str(caught.value)] == []


def test_what_only_a_mechanism_can_be_asked(tmp_path):
    text = STUDY.replace('file = "model.xml"', 'name = "phenobarbital_neonates"').replace('"drug"', '"Cp"')
    text = text.replace("mmol via drug", "mg").replace("mmol/L", "mg/L")
    with pytest.raises(StudyError) as caught:
        Study.read(study_in(tmp_path, text + '[[regimens]]\nlabel = "none"\n[evaluation]\nuntil = 3\n'))
    told = str(caught.value)
    for part in ("records is missing", "regimens[3].parameters", "doses is missing", "evaluation.until"):
        assert part in told


def test_measurements_that_do_not_say_of_what_are_refused_beside_others(tmp_path):
    path = study_in(tmp_path, STUDY + RECORDS)
    rows = ROWS.replace("DV\n", "DV,DVID\n").replace(".\n", ".,\n").replace("1.2\n", "1.2,drug\n")
    rows = rows.replace("2.5\n", "2.5,\n").replace("1.5\n", "1.5,\n")
    (tmp_path / "records.csv").write_text(rows)
    with pytest.raises(Exception, match="some measurements have a DVID and others none"):
        evaluate(path)
    assert not (tmp_path / "dossier").exists()
