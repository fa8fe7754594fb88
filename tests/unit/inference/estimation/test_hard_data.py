"""Data that leave little to say: an answer that can be believed, or a refusal that says why."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from simulated_data import measured, oral, straight_lines

from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.estimation.fitting import fit
from understudy.inference.individualise import individualise
from understudy.inference.objective import objective
from understudy.model.parts import Parameter
from understudy.model.population_model import Residual

MODEL = straight_lines()


def changed(frame: pd.DataFrame) -> Records:
    return Records.from_frame(frame.drop(columns="row"))


def test_where_every_level_is_below_the_limit_m1_leaves_nothing():
    nothing = straight_lines()
    limited = Residual("Y", "add ** 2", lower_limit=1e6, blq="M1")
    with pytest.raises(SimulationError, match="no observations to estimate from"):
        fit(replace(nothing, residual=(limited,)), measured(MODEL, 4))


def test_where_every_level_is_below_the_limit_m3_still_has_modes_and_an_objective():
    limited = replace(MODEL, residual=(Residual("Y", "add ** 2", lower_limit=4.0),))
    table = measured(MODEL, 4).table
    data = changed(table.assign(dv=np.where(table["evid"] == 0, 1.0, table["dv"])))
    twins = individualise(limited, data)
    assert not twins.failures
    # Every level is lower than most: so are the intercepts.
    assert (twins.modes[:, 0] < 0).all()
    assert np.isfinite(objective(limited, data, method="laplace"))
    with pytest.raises(SimulationError, match="FOCEI is not defined for measurements beyond"):
        fit(limited, data)


def test_a_subject_without_observations_changes_nothing():
    data = measured(MODEL, 8)
    table = data.table
    extra = table.iloc[[0]].assign(id="unseen")
    more = changed(pd.concat([table, extra], ignore_index=True))
    alone, both = fit(MODEL, data, covariance=None), fit(MODEL, more, covariance=None)
    # Both searches end where the objective promises to fall by less than 1e-6.
    assert both.objective == pytest.approx(alone.objective, abs=1e-5)
    assert (both.effects.loc["unseen"] == 0).all()
    assert np.isfinite(list(both.shrinkage.values())).all()


def test_one_wild_subject_leaves_an_honest_fit():
    model = oral()
    table = measured(model, 12, seed=3).table
    wild = table.assign(
        dv=np.where((table["id"] == "3") & (table["evid"] == 0), 1000 * table["dv"], table["dv"])
    )
    found = fit(model, changed(wild))
    assert np.isfinite(found.objective)
    plain = fit(model, changed(table))
    assert not plain.warnings
    assert (
        any("patient 3 " in each or "not identified" in each for each in found.warnings)
        or not found.succeeded
    )
    # It is all in what is said of the population: much wider, or no convergence.
    spread = found.estimates["omega(eta_V)"] + found.estimates["omega(eta_CL)"]
    assert not found.succeeded or spread > 3 * (
        plain.estimates["omega(eta_V)"] + plain.estimates["omega(eta_CL)"]
    )


def test_an_individual_and_a_level_far_out_are_named():
    table = measured(MODEL, 40).table
    of_third = (table["id"] == "3") & (table["evid"] == 0)
    far = fit(MODEL, changed(table.assign(dv=np.where(of_third, table["dv"] + 30.0, table["dv"]))))
    assert [each for each in far.warnings if each.startswith("patient 3 is far from all others")]
    assert not [each for each in far.warnings if "patient" in each and "patient 3" not in each]
    row = table["row"][of_third].iloc[1]
    slip = fit(
        MODEL, changed(table.assign(dv=np.where(table["row"] == row, table["dv"] + 30.0, table["dv"])))
    )
    assert any("a level of patient 3" in each and f"(row {row})" in each for each in slip.warnings)
    assert not fit(MODEL, measured(MODEL, 40)).warnings


def test_a_level_of_zero_on_the_logarithm_is_refused_by_its_patient():
    logs = replace(MODEL, residual=(Residual("Y", "add ** 2", scale="log"),))
    table = measured(MODEL, 4).table
    seen = table["row"][(table["id"] == "2") & (table["evid"] == 0)]
    dv = table["dv"].where(table["row"] != seen.iloc[0], 0.0)
    with pytest.raises(SimulationError, match="for patients 2"):
        fit(logs, changed(table.assign(dv=dv)))


def test_a_parameter_on_which_nothing_depends_is_told_of():
    idle = replace(MODEL, fixed=(*MODEL.fixed, Parameter("idle", 1.0)))
    found = fit(idle, measured(MODEL, 8))
    assert any("not identified" in each and "idle" in each for each in found.warnings)
    assert found.estimates["theta_base"] == pytest.approx(
        fit(MODEL, measured(MODEL, 8)).estimates["theta_base"], rel=1e-3
    )
