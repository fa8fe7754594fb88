"""The CSV files: complete, with units in the header, readable back."""

import io

import numpy as np
import pandas as pd
import pytest
from sample_content import PATIENTS, sample_content
from test_report import two_outputs

from understudy.dossier.tables import TABLE_NAMES, tables


def read(texts, name):
    return pd.read_csv(io.StringIO(texts[name]), dtype={"id": str})


@pytest.fixture(scope="module")
def texts():
    return tables(sample_content())


def test_every_frame_with_rows_is_a_file(texts):
    of_mechanisms = {"levels.csv", "courses.csv", "prediction_errors.csv"}
    of_fits = {"estimates.csv"}
    assert set(TABLE_NAMES) - set(texts) == {"exclusions.csv", "failures.csv"} | of_mechanisms | of_fits
    failed = sample_content(failures={"7": "the integration failed"})
    assert read(tables(failed), "failures.csv").values.tolist() == [["7", "the integration failed"]]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("observations.csv", {"id", "time [h]", "observed [mg/L]", "individual [mg/L]", "iwres"}),
        ("individual_curves.csv", {"id", "time [h]", "median [mg/L]", "lower [mg/L]"}),
        ("forecasts.csv", {"observed [mg/L]", "individual_upper [mg/L]", "previous [mg/L]"}),
        ("forecast_scores.csv", {"method", "mae [mg/L]", "bias [mg/L]", "coverage"}),
        ("visual_predictive_check.csv", {"time [h]", "n", "quantile", "low [mg/L]"}),
        ("profiles.csv", {"regimen", "time [h]", "high [mg/L]"}),
        ("attainment.csv", {"source", "within", "se"}),
        ("doses.csv", {"id", "WT [kg]", "APGR", "CL [L/h]", "V [L]", "best", "within"}),
        ("parameters.csv", {"parameter", "value", "unit", "standard_error", "source"}),
    ],
)
def test_units_stand_in_the_header(texts, name, columns):
    assert columns <= set(read(texts, name).columns)


def test_numbers_come_back_as_they_were(texts):
    content = sample_content()
    back = read(texts, "doses.csv")
    assert len(back) == PATIENTS
    np.testing.assert_allclose(back["CL [L/h]"], content.doses["CL"], rtol=1e-9)
    assert back["note"].fillna("").tolist() == content.doses["note"].tolist()


def test_outputs_of_different_units_have_a_column_for_them():
    table = read(tables(sample_content(**two_outputs(sample_content()))), "observations.csv")
    assert {"time [h]", "observed", "unit"} <= set(table.columns)
    assert table.groupby("output")["unit"].unique().map(list).to_dict() == {"Cp": ["mg/L"], "R": ["1"]}


def test_every_parameter_is_listed_with_its_source(texts):
    table = read(texts, "parameters.csv").set_index("parameter")
    assert table.loc["eta_CL", "value"] == 0.0293508
    assert table["source"].str.contains("10.1159/000457062").all()
