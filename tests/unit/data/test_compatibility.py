"""Records against a model: compartments, outputs, covariates and units that do not meet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from understudy.core.errors import DataError
from understudy.data.compatibility import check_against, entered, output_name
from understudy.data.records import Records
from understudy.model.model import Model
from understudy.model.parts import Input
from understudy.model.population_model import PopulationModel

ORAL = Model(
    "oral",
    time_unit="h",
    parameters={"ka": (1.0, "1/h"), "CL": (2.0, "L/h"), "V": (20.0, "L"), "D": (2.0, "h")},
    states={"depot": "mg", "central": "mg", "urine": "mg"},
    rates={"depot": "-ka * depot", "central": "ka * depot - CL / V * central", "urine": "CL / V * central"},
    inputs=(Input("oral", "depot"), Input("iv", "central"), Input("patch", "central", duration="D")),
    outputs={"C": ("central / V", "mg/L"), "U": ("urine", "mg")},
)
POPULATION = PopulationModel(
    "oral, adults",
    ORAL,
    individual={"CL": "theta_CL * WT / 70[kg]"},
    fixed={"theta_CL": (2.0, "L/h"), "sigma": (0.1, "1")},
    residual={"C": "(sigma * C) ** 2", "U": "(sigma * U) ** 2"},
    covariates={"WT": ("kg", "body weight")},
)
ONLY_URINE = replace(POPULATION, residual=POPULATION.residual[1:])
PLAIN = Model(
    "plain", "h", {"k": (1, "1/h")}, {"A": "mg", "B": "mg"}, {"A": "-k * A"}, outputs={"A": ("A", "mg")}
)


def records(tmp_path: Path, text: str, **settings) -> Records:
    path = tmp_path / "records.csv"
    path.write_text(text)
    return Records.read_csv(path, **settings)


def problems(records: Records, model):
    with pytest.raises(DataError) as caught:
        check_against(records, model)
    assert model.name in caught.value.place
    assert all(problem.repair for problem in caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize(
    ("compartment", "names"),
    [
        ("", ["oral"]),
        ("0", ["oral"]),
        ("oral", ["oral"]),
        ("depot", ["oral"]),
        ("1", ["oral"]),
        ("2", ["iv"]),
        ("central", ["iv"]),
        ("patch", ["patch"]),
        ("3", []),
        ("4", []),
        ("nowhere", []),
    ],
)
def test_which_inputs_a_compartment_means(compartment, names):
    assert [entry.name for entry in entered(ORAL, compartment)] == names


def test_a_model_without_inputs_is_dosed_by_its_states():
    assert [entry.state for entry in entered(PLAIN, "2")] == ["B"]


def test_two_paths_of_one_route_are_entered_together():
    paths = (Input("oral", "A", bioavailability=0.4), Input("oral", "B", bioavailability=0.6))
    mixed = Model("mixed", "h", {}, {"A": "mg", "B": "mg"}, {}, inputs=paths)
    assert entered(mixed, "oral") == entered(mixed, "") == paths


@pytest.mark.parametrize(
    ("model", "dvid", "name"),
    [
        (ORAL, "C", "C"),
        (ORAL, "2", "U"),
        (ORAL, "0", None),
        (ORAL, "3", None),
        (ORAL, "", None),
        (PLAIN, "", "A"),
        (POPULATION, "2", "U"),
        (POPULATION, "", None),
        (ONLY_URINE, "", "U"),
        (ONLY_URINE, "1", "C"),
        (ONLY_URINE, "2", "U"),
        # Data sets write cp and pca where models write Cp and PCA.
        (POPULATION, "c", "C"),
        (POPULATION, "x", None),
    ],
)
def test_which_output_a_dvid_means(model, dvid, name):
    assert output_name(model, dvid) == name


def test_records_that_fit(tmp_path):
    text = (
        "ID,TIME,AMT,RATE,CMT,DV,DVID,WT\n"
        "a,0,5,0,depot,.,.,70\n"
        "a,0,5,-2,patch,.,.,70\n"
        "a,1,.,.,2,1,C,.\n"
        "a,2,.,.,,2,2,.\n"
    )
    units = {"TIME": "d", "AMT": "g", "DV": {"C": "ug/mL", "2": "ug"}, "WT": "g"}
    check_against(records(tmp_path, text, units=units), POPULATION)
    check_against(records(tmp_path, text), ORAL)


def test_unknown_compartments(tmp_path):
    text = "ID,TIME,AMT,CMT,DV\na,0,5,4,.\na,0,5,centrl,.\na,0,5,urine,.\na,1,.,-2,1\na,2,.,9,1\n"
    found = problems(records(tmp_path, text), ORAL)
    assert [(p.row, p.column, p.value) for p in found] == [
        (2, "CMT", "4"),
        (3, "CMT", "centrl"),
        (4, "CMT", "urine"),
        (5, "CMT", "-2"),
        (6, "CMT", "9"),
    ]
    assert found[0].cause == "oral has 3 compartments"
    assert "1 = depot, 2 = central" in found[0].repair
    assert "did you mean 'central'?" in found[1].repair
    assert found[2].cause == "no dose can enter here"


def test_modelled_rates_the_model_lacks(tmp_path):
    rows = "a,0,5,-2,depot,.\na,1,5,-1,patch,.\na,2,5,-2,2,.\na,3,5,-2,patch,.\na,4,5,10,1,.\n"
    text = "ID,TIME,AMT,RATE,CMT,DV\n" + rows
    found = problems(records(tmp_path, text), ORAL)
    assert [(p.row, p.value) for p in found] == [(2, "-2"), (3, "-1"), (4, "-2")]
    assert found[0].cause == "the input oral of oral has no modelled duration"
    assert found[1].cause == "the input patch of oral has no modelled rate"
    assert found[1].repair == "give the input a rate, or write the infusion's rate"
    assert found[2].cause == "the input iv of oral has no modelled duration"
    assert found[2].repair.startswith("dose patch, which has one, or give")


def test_unknown_outputs(tmp_path):
    text = "ID,TIME,AMT,DV,DVID\na,0,5,.,dose\na,1,.,1,cp\na,2,.,1,3\na,3,.,1,1\n"
    found = problems(records(tmp_path, text), ORAL)
    assert [(p.row, p.value) for p in found] == [(3, "cp"), (4, "3")]
    assert found[0].repair == "write one of 1 = C, 2 = U"


def test_a_population_with_several_outputs_asks_which(tmp_path):
    text = "ID,TIME,DV,WT\na,1,1,70\n"
    check_against(records(tmp_path, text), ORAL)
    (problem,) = problems(records(tmp_path, text), POPULATION)
    assert problem.cause == "which output was measured? oral, adults has 2"
    assert problem.repair == "write DVID: C, U"


def test_missing_covariates(tmp_path):
    text = "ID,TIME,DV,DVID,wt\na,1,1,C,70\n"
    (problem,) = problems(records(tmp_path, text), POPULATION)
    assert problem.cause == "oral, adults needs the covariate WT (body weight)"
    assert "columns={'WT': 'wt'}" in problem.repair
    text = "ID,TIME,DV,DVID,WT\na,1,1,C,70\nb,1,1,C,.\nb,2,1,C,.\nc,1,1,C,.\nc,2,1,C,60\n"
    (problem,) = problems(records(tmp_path, text), POPULATION)
    assert (problem.row, problem.cause) == (3, "WT is never known in patient b")


def test_units_that_measure_something_else(tmp_path):
    text = "ID,TIME,AMT,DV,DVID,WT\na,0,5,.,.,70\na,1,.,1,C,70\na,2,.,1,U,70\n"
    units = {"TIME": "mg", "AMT": "mmol", "DV": {"C": "mg/L", "U": "mg/L"}, "WT": "L"}
    found = problems(records(tmp_path, text, units=units), POPULATION)
    assert [(p.column, p.value) for p in found] == [
        ("TIME", "mg"),
        ("AMT", "mmol"),
        ("DV", "mg/L"),
        ("WT", "L"),
    ]
    assert found[2].cause == "declared in mg/L, but oral, U has it in mg"


def test_all_kinds_of_problems_at_once(tmp_path):
    text = "ID,TIME,AMT,RATE,CMT,DV,DVID\na,0,5,-1,1,.,.\na,1,.,.,9,1,X\n"
    found = problems(records(tmp_path, text, units={"TIME": "kg"}), POPULATION)
    assert {p.column for p in found} == {"TIME", "RATE", "CMT", "DVID", "WT"}
