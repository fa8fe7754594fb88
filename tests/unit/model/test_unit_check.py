"""A model whose units do not fit is refused with the equation, both units and a repair."""

import time
from dataclasses import replace

import pytest

from understudy.core.errors import UnitError
from understudy.model.model import Model
from understudy.model.parts import Assignment, Input
from understudy.model.population_model import PopulationModel, Residual


def oral(**changes) -> Model:
    parts = dict(
        name="oral",
        time_unit="h",
        parameters={"ka": (1, "1/h"), "CL": (2, "L/h"), "V": (20, "L"), "n": (3, "1"), "base": (1, "mg")},
        states={"depot": "mg", "central": ("mg", "base")},
        rates={"depot": "-ka * depot", "central": "ka * depot - ke * central"},
        inputs=(
            Input("oral", "depot", lag="0.5[h]", bioavailability="0.8"),
            Input("iv", "central", duration="2 / ka"),
            Input("pump", "central", rate="3[mg/h]"),
            Input("slow", "central", profile="ka * exp(-ka * tad)"),
        ),
        outputs={"C": ("central / V", "mg/L"), "effect": ("100[percent] * Crel", "percent")},
        assignments={"ke": "CL / V", "Crel": ("central / V / 1[mg/L]", "1")},
    )
    return Model(**{**parts, **changes})


def population(**changes) -> PopulationModel:
    parts = dict(
        name="adults",
        structural=oral(),
        individual={
            "size": "WT / 70[kg]",
            "CL": "theta * size ** 0.75 * exp(eta)",
            "V": "20[L] * (1 + z * eta)",
        },
        fixed={"theta": (2.0, "L/h"), "z": (0.1, "1"), "add": (0.1, "mg/L"), "prop": (0.1, "1")},
        random={"eta": 0.09},
        residual={"C": "add ** 2 + (prop * C) ** 2"},
        covariates={"WT": "kg"},
    )
    return PopulationModel(**{**parts, **changes})


def test_a_right_model_passes():
    oral().check_units()
    population().check_units()
    population(residual=(Residual("C", "prop ** 2", "log"),)).check_units()


@pytest.mark.parametrize(
    ("changes", "what", "has", "wanted", "repair"),
    [
        ({"rates": {"depot": "-CL * depot"}}, "rate of depot", "L*mg/h", "mg/h", "1/L"),
        ({"time_unit": "d"}, "rate of depot", "mg/h", "mg/d", "multiply by 24[mg/d/(mg/h)]"),
        ({"states": {"depot": "mg", "central": ("mg", "V")}}, "initial value of central", "L", "mg", "mg/L"),
        ({"outputs": {"C": ("central / V", "ng/mL")}}, "output C", "mg/L", "ng/mL", "1000[ng/mL/(mg/L)]"),
        ({"outputs": {"C": "central / V"}}, "output C", "mg/L", "1", "L/mg"),
        (
            {"assignments": {"ke": ("CL / V", "1/d"), "Crel": "1"}},
            "equation of ke",
            "1/h",
            "1/d",
            "multiply by 24",
        ),
        (
            {"inputs": (Input("oral", "depot", lag="30"),)},
            "lag of input oral",
            "1",
            "h",
            "multiply by a quantity in h",
        ),
        (
            {"inputs": (Input("oral", "depot", bioavailability="V"),)},
            "bioavailability of input oral",
            "L",
            "1",
            "",
        ),
        ({"inputs": (Input("iv", "central", duration="ka"),)}, "duration of input iv", "1/h", "h", "h**2"),
        ({"inputs": (Input("iv", "central", rate="base"),)}, "rate of input iv", "mg", "mg/h", "1/h"),
        ({"inputs": (Input("iv", "central", profile="tad"),)}, "profile of input iv", "h", "1/h", "1/h**2"),
    ],
)
def test_each_wrong_equation_is_named(changes, what, has, wanted, repair):
    with pytest.raises(UnitError) as caught:
        oral(**changes).check_units()
    assert caught.value.cause == f"{what} is in {has}, should be in {wanted}"
    assert caught.value.place.startswith(f"oral, {what}: ")
    assert repair in caught.value.repair


def test_a_declared_assignment_is_used_with_its_declared_unit():
    with pytest.raises(UnitError, match="rate of central is in") as caught:
        oral(
            rates={"central": "-kd * central"},
            assignments=(Assignment("kd", "24[h/d] * CL / V", "1/d"), Assignment("Crel", "1")),
        ).check_units()
    assert "0.0416666666667[mg/h/(mg/d)]" in caught.value.repair


def test_parts_that_do_not_fit_inside_an_equation_are_named():
    with pytest.raises(UnitError, match="V, which meets depot, is in L, should be in mg") as caught:
        oral(rates={"depot": "-ka * (depot + V)"}).check_units()
    assert caught.value.place == "oral, rate of depot: -ka * (depot + V)"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        (
            {"parameters": {"ka": (1, "1/hrr"), "CL": (2, "L/h"), "V": (1, "L"), "n": 1, "base": 1}},
            "parameter ka",
        ),
        ({"time_unit": "hourz"}, "time unit"),
        ({"states": {"depot": "mgs/", "central": "mg"}}, "state depot"),
        ({"outputs": {"C": ("central / V", "mg//L")}}, "output C"),
    ],
)
def test_unknown_units_are_placed(changes, place):
    with pytest.raises(UnitError) as caught:
        oral(**changes).check_units()
    assert place in caught.value.place


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"individual": {"CL": "theta * WT"}}, "equation of CL is in kg*L/h, should be in L/h"),
        ({"individual": {"CL": "theta + eta"}}, "eta, which meets theta, is in 1, should be in L/h"),
        ({"residual": {"C": "prop ** 2"}}, "residual variance of C is in 1, should be in mg**2/L**2"),
        (
            {"residual": (Residual("C", "(prop * C) ** 2", "log"),)},
            "residual variance of C is in mg**2/L**2, should be in 1",
        ),
        (
            {"structural": oral(outputs={"C": ("central / V", "ng/mL")})},
            "output C is in mg/L, should be in ng/mL",
        ),
        ({"covariates": {"WT": "kgg"}}, "unknown unit 'kgg'"),
    ],
)
def test_wrong_populations_are_named(changes, cause):
    with pytest.raises(UnitError) as caught:
        population(**changes).check_units()
    assert caught.value.cause == cause


def test_intermediate_names_take_their_inferred_unit():
    model = population()
    wrong = replace(model, individual=(Assignment("size", "WT"), *model.individual[1:]))
    with pytest.raises(UnitError, match="equation of CL is in"):
        wrong.check_units()


def test_checking_is_fast():
    oral().check_units()
    chain = [f"x{k}" for k in range(1, 10)]
    rates = {name: f"ka * (x{k} - {name}) - CL / V * {name}" for k, name in enumerate(chain)}
    model = Model(
        "chain",
        "h",
        {"ka": (1, "1/h"), "CL": (2, "L/h"), "V": (20, "L")},
        dict.fromkeys(["x0", *chain], "mg"),
        rates,
    )
    start = time.process_time()
    model.check_units()
    assert time.process_time() - start < 0.05  # measured 2 ms
