"""Sensitivities across events and moving changes of form, against differences of the reference engine's solutions."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from dosing_table import dose, patients, seen

from understudy.core.errors import SimulationError
from understudy.core.expression import Expression
from understudy.engine.parameters import parameter_rows, structural
from understudy.engine.problem import Tolerances
from understudy.engine.sensitivity import event_jump
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.sensitivity.rate_step import has_step
from understudy.engine.sensitivity.side_state import with_side_states
from understudy.engine.simulate import record_schedule, simulate
from understudy.engine.solve import solve
from understudy.library.catalogue import model as load_model
from understudy.library.catalogue import models
from understudy.model.event import Event
from understudy.model.model import Model
from understudy.model.parts import Input
from understudy.model.population_model import PopulationModel

# The kernel is asked for 1e-10; differences of its solutions good to 1e-12, over steps of 1e-4, are good to some 1e-8,
# less where states have been through many events.
EXACT, RELATIVE = Tolerances(relative=1e-10, absolute=1e-12), 1e-6
TIGHT = {"reference": None, "kernel": Tolerances(relative=1e-12, absolute=1e-14)}
TIMES = [0.713, 2.311, 4.127, 5.953, 8.317, 11.71, 14.83, 19.13, 23.29]


def model(rates, states, parameters, events=(), **parts) -> Model:
    """A model of which every state and every changed parameter is seen."""
    made = Model("m", "h", parameters, states, rates, events=events, **parts)
    return replace(
        made, outputs={f"o_{name}": (name,) for name in (*made.state_names, *made.changed_parameters)}
    )


def differences(schedule, rows, name, against, step=1e-4):
    """Central differences of two widths, extrapolated, of all outputs."""
    place = rows.model.parameter_names.index(name)
    step = step * max(abs(rows.table[0, place]), 1e-2)

    def at(shift):
        table = rows.table.copy()
        table[:, place] += shift * step
        answer = solve(schedule, replace(rows, table=table), rows.model.output_names, against, TIGHT[against])
        assert not answer.solution.status.any(), answer.solution.messages
        return np.array([answer.outputs[name] for name in rows.model.output_names])

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


def check(made, names=None, items=(), times=TIMES, engines=("kernel",), against="kernel"):
    """All sensitivities by some parameters, on these engines, beside the largest that each output has."""
    schedule, columns = record_schedule(patients(a=[*items, seen(times)]), made)
    rows = parameter_rows(made, schedule, columns)
    names = names or made.parameter_names
    wanted = {name: differences(schedule, rows, name, against) for name in names}
    for engine in engines:
        answer = solve(schedule, rows, made.output_names, engine, EXACT, 1, Directions(tuple(names)))
        assert not answer.solution.status.any(), answer.solution.messages
        for k, name in enumerate(names):
            found = np.array([answer.sensitivities[o][:, k] for o in made.output_names])
            size = np.abs(wanted[name]).max(axis=1, keepdims=True)
            error = np.abs(found - wanted[name]) - RELATIVE * size
            # An output that does not depend on the parameter has differences that are rounding.
            largest = max(np.abs(answer.outputs[o]).max() for o in made.output_names)
            rounding = 1e-7 * largest / max(abs(rows.table[0, rows.model.parameter_names.index(name)]), 1e-2)
            assert (error <= rounding).all(), (engine, name, found, wanted[name])
    return wanted


REFILL = model(
    {"A": "-k * A / (1 + A / 50)", "B": "k * A / (1 + A / 50) - 0.3 * B"}, {"A": ("mg", "start"), "B": "mg"},
    {"k": 0.4, "low": 1.0, "D": 5.0, "start": 6.0}, {"refill": ("A < low", {"A": "A + D"})},
)  # fmt: skip
BALL = model(
    {"h": "v", "v": "-g"}, {"h": ("1", "h0"), "v": "1"}, {"g": 9.81, "e": 0.8, "h0": 10.0},
    {"bounce": ("h <= 0 and v < 0", {"v": "-e * v"})},
)  # fmt: skip


def test_a_threshold_refills():
    wanted = check(REFILL)
    assert all(np.abs(values).max() > 0.1 for values in wanted.values())


def test_a_ball_bounces():
    check(BALL, times=[1.0, 2.0, 3.5, 4.7, 6.1, 7.0])


@pytest.mark.parametrize(
    "trigger", ["t >= begin + 2 * k", "t > begin", "begin - t < 0", "2 * t >= 3 * begin"]
)
def test_a_trigger_on_the_clock_moves_with_its_parameters(trigger):
    made = model(
        {"A": "-k * A"}, {"A": ("mg", 10)}, {"k": 0.2, "begin": 3.0}, {"e": (trigger, {"A": "A * 2 + t"})}
    )
    check(made)


def test_an_event_changes_a_parameter_that_moves():
    made = model(
        {"A": "R - C * CL"}, {"A": ("mg", 10)}, {"CL": 0.4, "R": 3.0, "high": 12.0, "f": 2.0},
        {"induce": ("A > high", {"CL": "f * CL", "A": "0.9 * A"}), "late": ("t >= 15", {"CL": "CL + 0.1"})},
        assignments={"C": "A / (1 + A / 20)"},
    )  # fmt: skip
    check(made)


@pytest.mark.parametrize("from_trigger_time", [True, False])
def test_delayed_events(from_trigger_time):
    late = Event(
        "late",
        "A < low",
        {"A": "A + D * B", "B": "B / 2"},
        delay="wait * (1 + B)",
        from_trigger_time=from_trigger_time,
    )
    made = model(
        {"A": "-k * A", "B": "0.1 * A - 0.2 * B"}, {"A": ("mg", 10), "B": ("mg", 1)},
        {"k": 0.3, "low": 4.0, "D": 6.0, "wait": 0.8}, [late],
    )  # fmt: skip
    check(made)


@pytest.mark.parametrize("from_trigger_time", [True, False])
def test_a_delayed_dose_is_infused_by_a_state(from_trigger_time):
    """Two events follow each other: a pump is switched on, and off again when it has given what was wanted then."""
    events = [
        Event(
            "on",
            "A < low",
            {"rate": "gain * (2 * low - A)", "given": 0},
            "delay",
            from_trigger_time=from_trigger_time,
        ),
        Event("off", "given >= want", {"rate": 0}),
    ]
    made = model(
        {"A": "rate - k * A", "given": "rate"}, {"A": ("mg", 10), "given": "mg"},
        {"k": 0.3, "low": 4.0, "gain": 1.5, "delay": 0.6, "want": 5.0, "rate": 0.0}, events,
    )  # fmt: skip
    check(made, ("k", "low", "gain", "delay", "want"))


def test_events_at_one_time_follow_one_another():
    """One crossing sets off two events; what they do sets off a third."""
    events = [
        Event("first", "A < low", {"A": "A + D", "n": "n + k"}, priority="2"),
        Event("second", "A < low", {"B": "A * B", "k": "k * 0.9"}, priority="1"),
        Event("third", "n >= 0.5", {"n": "0", "B": "B + A"}),
    ]
    made = model(
        {"A": "-k * A", "B": "-0.1 * B * k"}, {"A": ("mg", 10), "B": ("mg", 2), "n": "1"},
        {"k": 0.3, "low": 4.0, "D": 6.0}, events,
    )  # fmt: skip
    check(made)


def test_a_trigger_of_several_comparisons_moves_with_the_one_that_crosses():
    trigger = "(A < low and t > gate) or (B > high and not t > 2 * gate)"
    made = model(
        {"A": "-k * A", "B": "k * A - 0.1 * B"}, {"A": ("mg", 10), "B": "mg"},
        {"k": 0.3, "low": 4.0, "gate": 5.0, "high": 4.5}, {"e": (trigger, {"A": "A + 8", "B": "B / 3"})},
    )  # fmt: skip
    check(made)


DOSED = model(
    {"depot": "-ka * depot", "A": "ka * depot - k * A"}, {"depot": "mg", "A": "mg", "n": "1"},
    {"ka": 1.0, "k": 0.25, "tlag": 0.4, "F": 0.8, "dur": 1.7, "high": 30.0, "low": 8.0},
    {"count": ("A > high", {"n": "n + t", "A": "0.7 * A"}), "wash": ("A < low", {"A": "A + n / 9"}, "tlag")},
    inputs=(Input("oral", "depot", lag="tlag", bioavailability="F"), Input("iv", "A", lag="tlag", duration="dur")),
)  # fmt: skip
GIVEN = {
    "boluses": [dose(0, 100, CMT="oral", II=8, ADDL=2)],
    "infusions": [dose(0, 100, CMT="iv", RATE=-2, II=8, ADDL=2)],
    "infusions at a rate": [dose(1, 90, CMT="iv", RATE=20, II=8, ADDL=1), dose(3, 60, CMT="oral")],
    "a bolus that sets an event off": [dose(0, 100, CMT="iv"), dose(13, 90, CMT="iv")],
    "a reset": [dose(0, 100, CMT="oral"), {"TIME": 9.5, "EVID": 3, "AMT": 0}, dose(10, 100, CMT="oral")],
}


@pytest.mark.parametrize("case", GIVEN)
def test_doses_around_events(case):
    check(DOSED, ("ka", "k", "tlag", "F", "dur", "high", "low"), GIVEN[case])


def test_profiles_and_events():
    entry = Input("oral", "A", lag="tlag", bioavailability="F", profile="ka * exp(-ka * tad)")
    made = replace(DOSED, rates=["0", "-k * A", "0"], inputs=(entry, DOSED.inputs[1]))
    check(made, ("ka", "k", "tlag", "F", "high", "low"), GIVEN["boluses"])


PUMP = model(
    {"A": "R * where(t < T, 1, 0) - k * A"}, {"A": ("mg", 2)}, {"R": 3.0, "T": 5.0, "k": 0.3}
)  # fmt: skip
FORMS = {
    "an infusion": "where(t < T, R, 0)",
    "until and with": "where(t <= T, R, 0)",
    "the other way round": "where(T > t, R, 0)",
    "a window": "where(T / 2 < t < T, R, 0)",
    "a falling side": "where(-t * R > -T * R, R, 0)",
    "a side of either sign": "where(R * (t - T) < 0, R * t, 0)",
    "zero order": "where(t < T, 20 / T, 0) + where(t >= T, R * exp(T - t), 0)",
    "two at one time": "where(t < T, R, 0) + where(t < R + 2, 7, 0)",
    "pieces": "piecewise(R, t < T / 2, 2 * R, t < T, 0)",
    "a corner": "R * max(0, t - T)",
    "of a state": "where(t < T, R * A, 0)",
}


@pytest.mark.parametrize("form", FORMS)
def test_times_at_which_equations_change_move(form):
    check(replace(PUMP, rates=[f"{FORMS[form]} - k * A"]))


def test_forms_may_be_chosen_in_assignments_and_change_with_the_rows():
    made = Model(
        "m", "h", {"R": 3.0, "T": 5.0, "k": 0.3}, {"A": ("mg", 2)}, {"A": "inflow - k * A"},
        assignments={"on": "t < T", "inflow": "where(on, R, 0)"}, outputs={"A": "A", "inflow": "inflow"},
    )  # fmt: skip
    check(made, times=[1.0, 4.0, 6.0])
    rows = [
        {"TIME": 0.0, "EVID": 2, "T": 5.0},
        {"TIME": 3.0, "EVID": 2, "T": 2.0},
        {"TIME": 6.0, "EVID": 2, "T": 9.0},
        {"TIME": 7.0, "EVID": 3, "T": 8.0},
    ]
    records = patients(a=[*[{"AMT": 0, **row} for row in rows], seen([2.5, 4.0, 6.5, 7.5, 8.5], T=8.0)])
    schedule, columns = record_schedule(records, made)
    rows = parameter_rows(made, schedule, columns)
    wanted = differences(schedule, rows, "T", "kernel")
    for engine in ("kernel", "reference"):
        found = solve(schedule, rows, ("A", "inflow"), engine, EXACT, 1, Directions(("T",))).sensitivities[
            "A"
        ][:, 0]
        assert np.abs(found - wanted[0]).max() < RELATIVE * np.abs(wanted[0]).max()


def test_moving_forms_with_events_and_doses():
    made = model(
        {"A": "where(t < T, R, 0) - k * A"}, {"A": ("mg", 2), "n": "1"}, {"R": 3.0, "T": 5.0, "k": 0.3, "low": 3.0},
        {"e": ("A < low and t >= T", {"A": "A + 5", "n": "n + 1"}), "f": ("where(t < T, 0, A) > 1", {"n": "n + t"})},
    )  # fmt: skip
    check(made, items=[dose(2, 10, CMT="A"), dose(9, 10, CMT="A", RATE=5)])


def test_several_directions_and_patients_at_once():
    table = pd.DataFrame({"k": np.geomspace(0.1, 1.0, 9), "low": np.linspace(0.5, 2, 9)})
    names = ["k", "low", "D", "start"]
    found = simulate(REFILL, table, times=TIMES, sensitivities=names, engine="kernel")
    alone = simulate(REFILL, table.iloc[[4]], times=TIMES, sensitivities=["low"], engine="kernel")
    # The steps differ with the directions: both are good to about 1e-8.
    np.testing.assert_allclose(found["do_B_dlow"].values[4], alone["do_B_dlow"].values[0], rtol=1e-6)
    plain = simulate(REFILL, table, times=TIMES, engine="kernel")
    np.testing.assert_allclose(found["o_A"].values, plain["o_A"].values, rtol=1e-6)


def test_initial_values_lags_and_doses_move_events_too():
    schedule, columns = record_schedule(patients(a=[*GIVEN["boluses"], seen(TIMES)]), DOSED)
    rows = parameter_rows(DOSED, schedule, columns)
    names = ("dose(oral)", "F", "lag(oral)", "lag(iv)", "tlag", "A(0)")
    answer = solve(schedule, rows, ("o_A",), "kernel", EXACT, 1, Directions(names))
    amount, fraction, oral, iv, lag, start = answer.sensitivities["o_A"].T
    np.testing.assert_allclose(amount, 0.8 * fraction, rtol=1e-8, atol=1e-9)
    assert not iv.any()
    assert np.abs(oral - lag).max() > 1e-3
    assert start.any()


@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_a_limit_that_is_reached_at_no_speed_has_no_derivative(engine):
    """The cube of t - 1 stands still where it passes through zero."""
    made = model(
        {"x": "3 * a * (t - 1) ** 2"},
        {"x": "1"},
        {"a": 1.0, "limit": 1.0},
        {"e": ("x >= limit", {"x": "x + 5"})},
    )
    table = pd.DataFrame({"limit": [1.0, 2.0]}, index=["still", "moving"])
    found = simulate(made, table, times=[0.5, 1.5, 2.5], sensitivities=["limit"], engine=engine)
    assert set(found.failures) == {"still"}
    assert found.failures["still"].startswith("the time of an event has no derivative")
    # A cube is rounding within 1e-5 of its zero.
    assert float(found.failures["still"].split("at time ")[1].strip(")")) == pytest.approx(1.0, abs=1e-3)
    # The rate does not depend on x: when 5 are added does not matter later.
    np.testing.assert_allclose(found["do_x_dlimit"].values[1], 0.0, atol=1e-9)


def test_executions_that_overtake_one_another_end_with_a_sentence():
    events = [Event("late", "x > 1", {"n": "n + t"}, delay="wait"), Event("down", "x > 1", {"x": 0})]
    made = model({"x": "a"}, {"x": "1", "n": "1"}, {"a": 1.0, "wait": 0.5}, events)
    check(made, times=[0.5, 1.2, 1.7, 3.9])
    table = pd.DataFrame({"wait": [0.5, 2.5]}, index=["well", "crowded"])
    found = simulate(made, table, times=[0.5, 1.7, 3.9], sensitivities=["a"])
    assert set(found.failures) == {"crowded"}
    assert found.failures["crowded"].startswith("an event fires again while it waits")
    assert np.isfinite(found["do_n_da"].values[0]).all()


def test_cancelled_executions_leave_no_trace():
    late = Event("late", "x > 1", {"n": "n + x"}, delay="wait", persistent=False)
    made = model({"x": "2 * cos(2 * t) * a"}, {"x": "1", "n": "1"}, {"a": 1.2, "wait": 0.3}, [late])
    check(made, times=[0.5, 1.0, 2.0, 3.5, 4.5])
    check(made.with_values(wait=1.5), times=[0.5, 2.0, 4.5])


STEPS = {
    "a level": ({"A": "where(A < lim, R, R / 3) - k * A"}, {}),
    "an event's level": ({"A": "where(A < lim, R, R / 3) - k * A"}, {"e": ("A < lim", {"A": "A + 9 * k"})}),
    "an infusion set off": ({"A": "where(t < until, R, 0) - k * A"}, {"e": ("A < lim", {"until": "t + 4 * k"})}),
    "hours of the day": ({"A": "where(t - 6 * floor(t / 6) < 7 * k, 9 * R, 0) - k * A"}, {}),
    "no straight line": ({"A": "where(t ** 2 < 9 * R, R, 0) - k * A"}, {}),
    "a bend": ({"A": "-where(A > lim, R, R * A / lim) - k * A"}, {}),
}  # fmt: skip


def stepping(case: str) -> Model:
    rates, events = STEPS[case]
    parameters = {"k": 0.3, "lim": 4.0, "R": 0.9} | ({"until": 0.0} if "until" in rates["A"] else {})
    return model(rates, {"A": ("mg", 10)}, parameters, events)


@pytest.mark.parametrize("case", STEPS)
def test_steps_of_rates_are_jumps(case):
    check(stepping(case), ("k", "lim", "R"))


def test_steps_are_told_from_bends():
    made = model(
        {"A": "where(A > q * B, B, k * A) - where(A * B > k, k / B, A)", "B": "where(B > 0, log(B), 0)"},
        {"A": "mg", "B": "mg"}, {"k": 1.0, "q": 1.0},
    )  # fmt: skip
    found = {text: has_step(made, Expression(text)) for text in ("A > q * B", "A * B > k", "B > 0")}
    # Where the two forms cannot be compared there may be a step.
    assert found == {"A > q * B": True, "A * B > k": False, "B > 0": True}
    assert with_side_states(stepping("a bend"), frozenset({"k"}), frozenset()).events == ()


@pytest.mark.parametrize("name", [entry.name for entry in models()])
def test_no_model_of_the_library_has_a_step(name):
    """So none needs events, and steady states have sensitivities."""
    base = structural(load_model(name))
    assert with_side_states(base, frozenset(base.parameter_names), frozenset()) is base


PLANTED = {
    "speeds_after": lambda *_: {},
    "times": lambda self, event: (["0"] * len(self.tangents), "0"),
    "speed": lambda *_: "0",
}


@pytest.mark.parametrize("part", PLANTED)
def test_a_planted_error_is_seen(part, monkeypatch):
    monkeypatch.setattr(event_jump._Jumps, part, PLANTED[part])
    with pytest.raises(AssertionError):
        check(REFILL, ("k",))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["refill", "ball", "boluses", "infusions", "a reset", *FORMS])
def test_the_reference_engine_agrees_with_its_own_differences(case):
    how = {"engines": ("kernel", "reference"), "against": "reference"}
    if case == "refill":
        check(REFILL, **how)
    elif case == "ball":
        check(BALL, times=[1.0, 2.0, 3.5, 4.7], **how)
    elif case in GIVEN:
        check(DOSED, ("k", "tlag", "high"), GIVEN[case], **how)
    else:
        check(replace(PUMP, rates=[f"{FORMS[case]} - k * A"]), **how)


def test_steady_states_are_refused():
    items = [dose(0, 100, CMT="oral", II=8, SS=1, ADDL=1), seen(TIMES)]
    with pytest.raises(
        SimulationError, match="a steady state is not sought where the solution sets off events"
    ):
        simulate(DOSED, patients(a=items), sensitivities=["k"])
    items = [dose(0, 100, CMT="A", II=8, SS=1, ADDL=1), seen(TIMES)]
    with pytest.raises(
        SimulationError, match="no sensitivities where an equation changes its form at the time T"
    ):
        simulate(PUMP, patients(a=items), sensitivities=["T"])
    assert np.isfinite(simulate(PUMP, patients(a=items), sensitivities=["k"])["do_A_dk"].values).all()


@pytest.mark.parametrize("name", ["span", "tlag"])
def test_a_step_within_a_profile_is_refused_where_it_moves(name):
    entry = Input("oral", "A", lag="tlag", profile="where(tad < span, 1 / span, 0)")
    made = model({"A": "-k * A"}, {"A": "mg"}, {"k": 0.3, "span": 2.0, "tlag": 0.5}, inputs=(entry,))
    with pytest.raises(SimulationError, match="the absorption profile of oral has a step span after a dose"):
        simulate(made, regimen="100 mg oral", times=TIMES, sensitivities=[name])
    assert np.isfinite(
        simulate(made, regimen="100 mg oral", times=TIMES, sensitivities=["k"])["do_A_dk"].values
    ).all()
    ramp = replace(entry, profile="where(tad < span, 2 * (1 - tad / span) / span, 0)")
    check(replace(made, inputs=(ramp,)), items=[dose(1, 100, CMT="oral")])


@pytest.mark.parametrize("engine", ["jax", "closed_form", "matrix_exponential"])
def test_other_engines_refuse_events(engine):
    with pytest.raises(SimulationError, match="knows no events"):
        simulate(REFILL, times=TIMES, sensitivities=["k"], engine=engine)


def test_jax_refuses_times_that_move():
    pytest.importorskip("jax", reason="needs pip install 'understudy[jax]'")
    with pytest.raises(SimulationError, match="the JAX engine takes no sensitivities by times that move"):
        simulate(PUMP, times=TIMES, sensitivities=["T"], engine="jax")


def test_a_moving_event_of_a_population():
    """The clearance is individual, and an event changes it."""
    base = model(
        {"A": "-CL * A / 20"}, {"A": ("mg", "D")}, {"CL": 2.0, "D": 100.0, "low": 20.0, "wait": 0.5},
        [Event("refill", "A < low", {"A": "A + D"}, delay="wait"), Event("ind", "t >= 12", {"CL": "2 * CL"})],
    )  # fmt: skip
    population = PopulationModel(
        "p",
        base,
        individual={"CL": "theta * exp(eta)", "wait": "0.5 * exp(eta)"},
        fixed={"theta": 2.0},
        random={"eta": 0.1},
    )
    eta = pd.DataFrame({"eta": [0.1, -0.2]}, index=["a", "b"])
    found = simulate(population, eta, times=TIMES, sensitivities=["eta"], tolerances=EXACT)
    high, low = (
        simulate(population, eta + step, times=TIMES, tolerances=TIGHT["kernel"])["o_A"].values
        for step in (1e-5, -1e-5)
    )
    # Differences over 1e-5 of solutions good to 1e-12 are good to 1e-7.
    np.testing.assert_allclose(found["do_A_deta"].values, (high - low) / 2e-5, rtol=RELATIVE, atol=1e-4)
