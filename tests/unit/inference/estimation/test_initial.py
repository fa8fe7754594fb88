"""Where estimation begins, what is held, and settings of a method by name."""

import pytest

from understudy import load_model
from understudy.core.errors import SimulationError
from understudy.inference.estimation.initial import beginning
from understudy.inference.estimation.methods import method_of

MODEL = load_model("phenobarbital_neonates")


def test_values_and_what_is_held_are_put_in():
    begun = beginning(MODEL, {"theta_CL": 0.006, "omega(eta_V)": 0.05}, ["theta_APGR", "eta_CL"])
    assert begun.fixed_values == MODEL.fixed_values | {"theta_CL": 0.006}
    assert begun.omega[1, 1] == 0.05
    assert begun.omega[0, 0] == MODEL.omega[0, 0]
    assert [p.name for p in begun.fixed if p.fixed] == ["theta_APGR"]
    assert [block.fixed for block in begun.random] == [True, False]


def test_without_a_wish_the_model_stays_itself():
    assert beginning(MODEL) == MODEL


def test_unknown_names_have_a_near_one():
    with pytest.raises(SimulationError, match="did you mean theta_CL"):
        beginning(MODEL, fixed=["theta_Cl"])
    with pytest.raises(SimulationError, match="is no parameter"):
        beginning(MODEL, {"theta_Q": 1.0})


def test_settings_of_a_method():
    assert method_of("saem", {"exploration": 10}).exploration == 10
    for settings, told in (
        ({"iteration": 5}, "did you mean iterations"),
        ({"iterations": 5.5}, "whole number"),
        ({"tolerance": 0}, "above zero"),
        ({"tolerance": True}, "above zero"),
    ):
        with pytest.raises(SimulationError, match=told):
            method_of("focei", settings)
    with pytest.raises(SimulationError, match="true or false"):
        method_of("imp", {"sobol": 1})
    with pytest.raises(SimulationError, match="did you mean focei"):
        method_of("foceii")
