"""Covariate effects as edits of a model."""

import numpy as np
import pytest
from small_study import lines, study

from understudy.core.errors import ModelError, SimulationError
from understudy.inference.building.covariate_effect import add_covariate_effect, covariate_in, levels_in
from understudy.model.population_model import Covariate

WEIGHT = Covariate("WT", "kg", reference=70.0, lower=50.0, upper=110.0)


def equation(model):
    return str(model.individual[0].expression)


@pytest.mark.parametrize(
    ("kind", "theta", "factor"),
    [
        ("linear", 0.01, 1 + 0.01 * 20),
        ("exponential", 0.01, np.exp(0.01 * 20)),
        ("power", 0.75, (90 / 70) ** 0.75),
    ],
)
def test_the_equation_is_multiplied_by_the_effect(kind, theta, factor):
    changed = add_covariate_effect(lines(), "base", WEIGHT, kind)
    values = {"theta_base": 5.0, "eta_base": 0.5, "theta_base_WT": theta, "WT": 90.0}
    assert changed.individual[0].expression.evaluate(values) == pytest.approx(5.5 * factor, rel=1e-12)


def test_it_begins_without_an_effect_and_leaves_the_model_as_it_was():
    before = lines()
    changed = add_covariate_effect(before, "base", WEIGHT, "power")
    assert changed.fixed_values["theta_base_WT"] == 0.0
    assert changed.covariate_names == ("WT",)
    assert before == lines()


def test_units_are_proved():
    # The intercept has no unit, so the factor must have none either: its slope is per kg.
    changed = add_covariate_effect(lines(), "base", WEIGHT, "linear")
    assert changed.fixed[-1].unit == "1/kg"
    assert "70.0[kg]" in equation(changed)


def test_a_linear_slope_is_bounded_where_the_factor_would_vanish():
    theta = add_covariate_effect(lines(), "base", WEIGHT, "linear").fixed[-1]
    assert (theta.lower, theta.upper) == pytest.approx((-1 / 40, 1 / 20))


def test_levels_have_a_factor_each_but_the_first():
    changed = add_covariate_effect(lines(), "base", Covariate("RACE"), "categorical", [2.0, 1.0, -1.5])
    values = {"theta_base": 5.0, "eta_base": 0.0, "theta_base_RACE_1": 0.2, "theta_base_RACE_minus1p5": -0.5}
    found = [changed.individual[0].expression.evaluate(values | {"RACE": race}) for race in (2.0, 1.0, -1.5)]
    assert found == pytest.approx([5.0, 6.0, 2.5])


def test_records_give_median_range_and_levels():
    records = study(9)
    first = records.baseline()["WT"]
    found = covariate_in(records, "WT")
    assert (found.reference, found.lower, found.upper, found.unit) == (
        first.median(),
        first.min(),
        first.max(),
        "kg",
    )
    # Two patients of three are of sex 0: it comes first.
    assert levels_in(records, "SEX") == (0.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("CL", WEIGHT, "power"), "no individual parameter 'CL'"),
        (("base", "WT", "power"), "no covariate 'WT'"),
        (("base", WEIGHT, "hockey"), "unknown kind of effect 'hockey'"),
        (("base", Covariate("WT", "kg"), "power"), "has no reference"),
        (("base", Covariate("T", reference=1.0, lower=-2.0), "power"), "not above zero"),
        (("base", Covariate("SEX"), "categorical"), "0 levels"),
    ],
)
def test_what_cannot_be_is_refused(arguments, told):
    with pytest.raises(ModelError, match=told):
        add_covariate_effect(lines(), *arguments)


def test_a_second_effect_of_the_same_covariate_is_refused():
    with pytest.raises(ModelError, match="has an effect of WT already"):
        add_covariate_effect(add_covariate_effect(lines(), "base", WEIGHT, "power"), "base", WEIGHT, "linear")


def test_patients_without_a_value_are_named():
    records = study(4)
    frame = records.table.drop(columns="row")
    frame.loc[frame["id"] == "3", "WT"] = np.nan
    gone = type(records).from_frame(frame)
    with pytest.raises(SimulationError, match="not known of 1 patients: 3"):
        covariate_in(gone, "WT")


def test_a_continuous_covariate_has_no_levels():
    with pytest.raises(SimulationError, match="20 different values"):
        levels_in(study(20), "WT")
