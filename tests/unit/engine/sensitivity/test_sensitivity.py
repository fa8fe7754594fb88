"""Sensitivities of every dosing rule, against differences of solutions."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from dosing_table import dose, patients, seen

from understudy.core.errors import SimulationError
from understudy.engine.parameters import parameter_rows
from understudy.engine.problem import Tolerances
from understudy.engine.sensitivity import augmented_timeline
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.simulate import record_schedule, simulate
from understudy.engine.solve import solve
from understudy.model.model import Model
from understudy.model.parts import Input
from understudy.model.population_model import Covariate, PopulationModel

VALUES = {"ka": 1.0, "CL": 2.0, "V": 20.0, "F": 0.8, "tlag": 0.3, "D": 1.7, "R": 30.0, "B": 0.1}
LINEAR = Model(
    "linear", "h", VALUES, {"depot": "mg", "central": ("mg", "B * V")},
    {"depot": "-ka * depot", "central": "ka * depot - CL / V * central"},
    inputs=(
        Input("oral", "depot", lag="tlag", bioavailability="F"),
        Input("iv", "central", lag="tlag / 2", bioavailability="F", rate="R", duration="D"),
    ),
    outputs={"C": ("central / V", "mg/L")},
)  # fmt: skip
SATURABLE = replace(LINEAR, rates=["-ka * depot", "ka * depot - CL / V * central / (1 + central / 300)"])
PROFILE = replace(
    LINEAR,
    inputs=(
        Input("oral", "central", lag="tlag", bioavailability="F", profile="ka * exp(-ka * tad)"),
        LINEAR.inputs[1],
    ),
)
RESET = {"TIME": 10.0, "EVID": 3, "AMT": 0}
TIMES = [0.113, 1.017, 2.511, 5.03, 7.9, 8.7, 9.513, 10.7, 14.1, 20.3, 24.91, 33.3]
CASES = {
    "bolus": [dose(0, 100, II=8, ADDL=2)],
    "infusion": [dose(0, 100, CMT="iv", RATE=20, II=8, ADDL=1)],
    "modelled duration": [dose(0, 100, CMT="iv", RATE=-2, II=8, ADDL=1)],
    "modelled rate": [dose(0, 100, CMT="iv", RATE=-1, II=8, ADDL=1)],
    "infusions longer than their interval": [dose(0, 100, CMT="iv", RATE=8, II=8, ADDL=2)],
    "steady state": [dose(0, 100, II=8, SS=1, ADDL=1)],
    "steady state on top": [dose(0, 100, II=8, SS=1, ADDL=2), dose(6.5, 50, II=12, SS=2, ADDL=1)],
    "steady infusions": [dose(0, 100, CMT="iv", RATE=20, II=8, SS=1, ADDL=1)],
    "steady infusions longer than their interval": [dose(0, 100, CMT="iv", RATE=10, II=8, SS=1, ADDL=1)],
    "steady state with a modelled duration": [dose(0, 100, CMT="iv", RATE=-2, II=8, SS=1, ADDL=1)],
    "steady state with a modelled rate": [dose(0, 100, CMT="iv", RATE=-1, II=8, SS=1, ADDL=1)],
    "constant infusion": [dose(0, 0, CMT="iv", RATE=7, SS=1)],
    "resets": [dose(0, 100, II=8, ADDL=1), dose(9.0, 100, CMT="iv", RATE=-2), RESET, dose(12, 70, EVID=4)],
}  # fmt: skip
# Differences of exact solutions over steps of a thousandth are good to 1e-10; solvers are asked for 1e-10.
RELATIVE = 1e-7
EXACT = Tolerances(relative=1e-10, absolute=1e-12)


def question(model, items, **columns):
    records = patients(a=[*items, seen(TIMES, **columns)])
    schedule, found = record_schedule(records, model)
    return schedule, parameter_rows(model, schedule, found)


def differences(schedule, rows, names, engine):
    """Central differences of two widths, extrapolated, shape (observations, names)."""

    def at(place, step):
        table = rows.table.copy()
        table[:, place] += step
        answer = solve(
            schedule, replace(rows, table=table), ("C",), engine, None if engine == "reference" else EXACT
        )
        assert not answer.solution.status.any(), answer.solution.messages
        return answer.outputs["C"]

    found = []
    for name in names:
        place = rows.model.parameter_names.index(name)
        h = 1e-3 * np.abs(rows.table[:, place]).max()
        found.append((8 * (at(place, h) - at(place, -h)) - (at(place, 2 * h) - at(place, -2 * h))) / (12 * h))
    return np.stack(found, axis=1)


def error(schedule, rows, engine, against, names=tuple(VALUES)):
    """Largest error of a sensitivity beside its peak, or beside that of the output where it is next to none."""
    answer = solve(schedule, rows, ("C",), engine, EXACT, 1, Directions(names))
    assert not answer.solution.status.any(), answer.solution.messages
    wanted = differences(schedule, rows, names, against)
    values = np.array([VALUES.get(name, 1.0) for name in names])
    # Differences of what LSODA finds lose most of their digits where a parameter hardly matters.
    weak = 1e-1 if against == "reference" else 1e-3
    size = np.abs(wanted).max(axis=0) + weak * np.abs(answer.outputs["C"]).max() / values
    return float((np.abs(answer.sensitivities["C"] - wanted).max(axis=0) / size).max())


@pytest.mark.parametrize("engine", ["matrix_exponential", "kernel"])
@pytest.mark.parametrize("case", CASES)
def test_every_rule_of_dosing_has_its_sensitivities(case, engine):
    assert error(*question(LINEAR, CASES[case]), engine, "matrix_exponential") < RELATIVE


@pytest.mark.parametrize("case", ["steady state", "resets"])
def test_the_reference_engine_has_them_too(case):
    found = question(LINEAR, CASES[case])
    assert error(*found, "reference", "matrix_exponential", ("CL", "tlag")) < RELATIVE


def test_rates_may_be_any_function_of_the_states():
    # The reference engine is good to 1e-11, and its differences to 1e-8.
    found = question(SATURABLE, CASES["resets"])
    assert error(*found, "kernel", "reference", ("CL", "tlag", "D")) < RELATIVE


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_rates_may_be_any_function_of_the_states_under_every_rule(case):
    # Newton's method leaves 1e-10 of a steady state, which its differences over a thousandth make 1e-7.
    allowed = 1e-6 if "stead" in case else RELATIVE
    assert error(*question(SATURABLE, CASES[case]), "kernel", "reference") < allowed


@pytest.mark.parametrize("lag", [8.3, 19.4])
@pytest.mark.parametrize("entry", [{}, {"CMT": "iv", "RATE": 20}])
def test_lags_longer_than_the_interval_move_what_still_comes(lag, entry):
    found = question(LINEAR.with_values(tlag=lag), [dose(0, 100, II=8, SS=1, ADDL=1, **entry)])
    assert error(*found, "matrix_exponential", "matrix_exponential") < RELATIVE


@pytest.mark.parametrize("entry", [{}, {"CMT": "iv", "RATE": 20}])
def test_a_lag_of_zero_has_the_sensitivity_of_a_small_one(entry):
    items = [dose(0, 100, II=8, SS=1, ADDL=1, **entry)]
    without, small = (
        solve(
            *question(LINEAR.with_values(tlag=lag), items), ("C",), "kernel", EXACT, 1, Directions(("tlag",))
        )
        for lag in (0.0, 1e-7)
    )
    # At the record itself the dose has entered in one case only.
    assert np.allclose(without.sensitivities["C"][1:], small.sensitivities["C"][1:], rtol=1e-5)


def test_parameters_that_change_between_records():
    records = patients(
        a=[
            dose(0, 100, II=8, ADDL=2, CL=2.0, F=0.8),
            seen(TIMES[:6], CL=2.0, F=0.8),
            seen(TIMES[6:], CL=3.5, F=0.8),
        ]
    )
    schedule, columns = record_schedule(records, LINEAR)
    rows = parameter_rows(LINEAR, schedule, columns)
    assert len(rows.table) > 1
    for engine in ("matrix_exponential", "kernel"):
        assert error(schedule, rows, engine, "matrix_exponential") < RELATIVE


def test_absorption_profiles_move_with_lag_and_bioavailability():
    found = question(PROFILE, [dose(0, 100, CMT="oral", II=8, ADDL=2), dose(9, 30, CMT="iv"), RESET])
    assert error(*found, "kernel", "kernel") < RELATIVE
    assert (
        error(*question(PROFILE, [dose(0, 100, CMT="oral")]), "reference", "kernel", ("ka", "tlag"))
        < RELATIVE
    )


def test_a_profile_is_the_same_as_its_compartment():
    items = [dose(0, 100, CMT="oral", II=8, ADDL=2)]
    by_density, by_depot = (
        solve(*question(model, items), ("C",), "kernel", EXACT, 1, Directions(("ka", "CL", "F", "tlag")))
        for model in (PROFILE, LINEAR)
    )
    wanted = by_depot.sensitivities["C"]
    assert np.abs(by_density.sensitivities["C"] - wanted).max() < 1e-8 * np.abs(wanted).max()


def test_the_sensitivity_of_a_bolus_is_the_one_written_out():
    model = Model(
        "iv", "h", {"CL": (2.0, "L/h"), "V": (20.0, "L")}, {"A": "mg"}, {"A": "-CL / V * A"},
        outputs={"C": ("A / V", "mg/L")},
    )  # fmt: skip
    asked = ["CL", "A(0)", "dose(A)", "lag(A)"]
    found = simulate(model, regimen="100 mg", times=[0, 3, 10], sensitivities=asked)
    c = 5 * np.exp(-0.1 * np.array([0.0, 3, 10]))
    wanted = {"CL": -c * np.array([0, 3, 10]) / 20, "A(0)": c / 100, "dose(A)": c, "lag(A)": 0.1 * c}
    for name, values in wanted.items():
        assert np.allclose(found[f"dC_d{name}"].values[0], values, rtol=1e-12), name
    assert found["dC_dCL"].attrs["units"] == "h*mg/L**2"


def test_what_a_route_says_of_its_doses_can_be_moved():
    items = CASES["modelled duration"]
    wanted = ("lag(iv)", "bioavailability(iv)", "duration(iv)", "dose(iv)", "central(0)")
    answer = solve(
        *question(LINEAR, items), ("C",), "auto", None, 1, Directions((*wanted, "tlag", "F", "D", "B"))
    )
    lag, fraction, duration, amount, start, by_tlag, by_f, by_d, by_b = answer.sensitivities["C"].T
    assert np.allclose(lag, 2 * by_tlag)
    assert np.allclose(fraction, by_f)
    assert np.allclose(duration, by_d)
    assert np.allclose(amount, 0.8 * by_f)
    assert np.allclose(20 * start, by_b)


def test_directions_may_move_several_parameters_at_speeds_of_their_own():
    schedule, rows = question(LINEAR, CASES["steady state"])
    seeds = np.array([[2.0, -0.5, 0.1]])
    touched = ("CL", "V", "tlag")
    together = Directions(("all",), (touched,), (seeds,))
    one = solve(schedule, rows, ("C",), "kernel", EXACT, 1, together).sensitivities["C"]
    each = solve(schedule, rows, ("C",), "kernel", EXACT, 1, Directions(touched)).sensitivities["C"]
    assert np.allclose(one[:, 0], each @ seeds[0], rtol=1e-8)


POPULATION = PopulationModel(
    "population", LINEAR,
    individual={"CL": "TVCL * exp(eta_CL)", "TVCL": "theta * (WT / 70) ** 0.75", "tlag": "0.3 * exp(eta_lag)"},
    fixed={"theta": (2.0, "L/h")}, random={"eta_CL": 0.1, "eta_lag": 0.1},
    covariates=(Covariate("WT", "kg", reference=70.0),),
)  # fmt: skip


@pytest.mark.parametrize("how", ["locf", "linear"])
def test_effects_and_covariates_of_a_population(how):
    weight = Covariate("WT", "kg", reference=70.0, interpolation=how)
    model = replace(POPULATION, covariates=(weight,))
    names = ("eta_CL", "eta_lag", "theta")
    rows = [dose(0, 100, II=8, ADDL=2, WT=60.0), seen(TIMES[:6], WT=60.0), seen(TIMES[6:], WT=80.0)]
    records = patients(a=rows)
    found = simulate(model, records, sensitivities=names, engine="kernel", tolerances=EXACT).raise_failures()

    def at(name, step):
        shifted = {"theta": model.with_values(theta=2.0 + step)}.get(name)
        if shifted is None:
            equations = {
                i.name: i.expression.substitute({name: f"({name} + {step!r})"}) for i in model.individual
            }
            shifted = replace(model, individual=equations)
        return simulate(shifted, records, engine="kernel", tolerances=EXACT)["C"].values

    for name in names:
        wanted = (8 * (at(name, 1e-3) - at(name, -1e-3)) - (at(name, 2e-3) - at(name, -2e-3))) / 12e-3
        assert np.abs(found[f"dC_d{name}"].values - wanted).max() < RELATIVE * np.abs(wanted).max(), name


def test_what_patients_bring_with_them_does_not_move_with_effects():
    table = pd.DataFrame({"CL": [2.0], "eta_lag": [0.0]}, index=["a"])
    found = simulate(POPULATION, table, "100 mg oral", [1.0, 5.0], sensitivities=["eta_CL", "eta_lag", "CL"])
    assert not found["dC_deta_CL"].values.any()
    assert found["dC_deta_lag"].values.all()
    assert found["dC_dCL"].values.all()


def test_draws_and_chunks_carry_sensitivities():
    index = pd.MultiIndex.from_product([["a", "b"], [0, 1]])
    table = pd.DataFrame({"CL": [1.0, 2.0, 3.0, 4.0]}, index=index)
    question = {"regimen": "100 mg oral", "times": [1.0, 5.0], "sensitivities": ["CL"]}
    found, apart = simulate(LINEAR, table, **question), simulate(LINEAR, table, **question, dispatch="serial")
    assert found["dC_dCL"].shape == (2, 2, 2)
    assert (found["dC_dCL"].values == apart["dC_dCL"].values).all()


def test_outputs_are_what_they_are_without():
    schedule, rows = question(LINEAR, CASES["steady infusions"])
    plain = solve(schedule, rows, ("C",), "matrix_exponential")
    along = solve(schedule, rows, ("C",), "matrix_exponential", None, 1, Directions(("CL",)))
    assert np.allclose(along.outputs["C"], plain.outputs["C"], rtol=1e-11)
    assert along.solution.states.shape == plain.solution.states.shape
    assert not plain.sensitivities


def test_the_kernel_serves_where_the_matrices_become_large():
    size = 9
    names = [f"x{k}" for k in range(size)]
    flows = {x: f"k{(k - 1) % size} * {names[k - 1]} - k{k} * {x}" for k, x in enumerate(names)}
    ring = Model(
        "ring", "h", {f"k{k}": 0.5 + 0.1 * k for k in range(size)}, dict.fromkeys(names, "mg"), flows,
        outputs={"seen": ("x4", "mg")},
    )  # fmt: skip
    asked = {"regimen": "100 mg", "times": [1.0, 9.0], "sensitivities": [f"k{k}" for k in range(8)]}
    found, exact = simulate(ring, **asked), simulate(ring, **asked, engine="matrix_exponential")
    assert (found.record.method, exact.record.method) == ("kernel", "matrix_exponential")
    for k in range(8):
        values = exact[f"dseen_dk{k}"].values
        # The kernel's own tolerance is 1e-8.
        assert np.abs(found[f"dseen_dk{k}"].values - values).max() < 1e-7 * np.abs(values).max()


REFUSALS = {
    "CL2": "did you mean CL?",
    "depot(1)": "no parameter, initial value or property of a route 'depot(1)'",
    "lag(sc)": "no parameter, initial value or property of a route 'lag(sc)'",
    "rate(oral)": "the route oral has no rate",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_the_model_does_not_have_is_refused(name):
    with pytest.raises(SimulationError) as refused:
        simulate(LINEAR, regimen="100 mg oral", times=[1.0], sensitivities=[name])
    assert REFUSALS[name] in str(refused.value)


def test_equations_that_change_at_a_moving_time_are_refused():
    pump = Model(
        "pump", "h", {"stop": 3.0, "k": 0.1}, {"A": "mg"}, {"A": "where(t < stop, 1, 0) - k * A"},
        outputs={"A": ("A", "mg")},
    )  # fmt: skip
    assert np.isfinite(simulate(pump, times=[1.0, 5.0], sensitivities=["k"])["dA_dk"].values).all()
    with pytest.raises(SimulationError, match="moves the time stop at which an equation changes its form"):
        simulate(pump, times=[1.0, 5.0], sensitivities=["stop"])


def test_events_of_the_solution_are_refused():
    tank = Model(
        "tank", "h", {"k": 0.1}, {"A": ("mg", 5)}, {"A": "-k * A"}, events={"refill": ("A < 1", {"A": 5})},
        outputs={"A": ("A", "mg")},
    )  # fmt: skip
    with pytest.raises(SimulationError, match="no sensitivities where the solution sets off events"):
        simulate(tank, times=[1.0], sensitivities=["k"])


def test_a_duration_of_zero_has_no_sensitivity():
    records = patients(a=[dose(0, 100, CMT="iv", RATE=-2), seen(TIMES)])
    with pytest.raises(SimulationError, match="a modelled duration that is not positive"):
        simulate(LINEAR.with_values(D=0.0), records, sensitivities=["D"])


def test_a_patient_who_fails_leaves_the_others_their_sensitivities():
    table = pd.DataFrame({"CL": [2.0, np.inf]}, index=["well", "not"])
    found = simulate(LINEAR, table, "100 mg oral", [1.0, 5.0], sensitivities=["CL"], engine="kernel")
    assert np.isfinite(found["dC_dCL"].sel(patient="well").values).all()
    assert np.isnan(found["dC_dCL"].sel(patient="not").values).all()
    assert "not" in found.failures


def test_a_patient_without_a_steady_state_leaves_the_others_theirs():
    table = pd.DataFrame({"CL": [2.0, 0.0, np.nan]}, index=["well", "collects", "unknown"])
    question = {
        "regimen": "100 mg oral q8h at steady state",
        "times": [1.0, 5.0],
        "sensitivities": ["CL", "tlag"],
    }
    found = simulate(SATURABLE, table, **question)
    alone = simulate(SATURABLE, table[:1], **question)
    assert set(found.failures) == {"collects", "unknown"}
    assert (found["dC_dCL"].values[0] == alone["dC_dCL"].values[0]).all()


@pytest.mark.parametrize("part", ["_add_moved_rates", "add_changed_values"])
def test_a_planted_error_is_seen(part, monkeypatch):
    found = question(LINEAR, CASES["modelled duration"])
    assert error(*found, "matrix_exponential", "matrix_exponential") < RELATIVE
    monkeypatch.setattr(augmented_timeline, part, lambda *_: None)
    assert error(*found, "matrix_exponential", "matrix_exponential") > 1e-3
