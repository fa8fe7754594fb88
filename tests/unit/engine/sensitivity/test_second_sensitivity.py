"""Second sensitivities against formulae, 40 digits, and differences of first ones."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from dosing_table import dose, patients, seen
from test_sensitivity import CASES, LINEAR, SATURABLE, VALUES
from test_sensitivity import question as dosed

from understudy.engine.parameters import parameter_rows
from understudy.engine.schedule import from_doses
from understudy.engine.sensitivity import twice_augmented_timeline
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.sensitivity.second_differences import second_differences
from understudy.engine.sensitivity.second_sensitivity import second_sensitivities
from understudy.engine.simulate import _doses, _patient_table, record_schedule
from understudy.model.model import Model

IV = Model(
    "iv",
    "h",
    {"CL": (2, "L/h"), "V": (20, "L")},
    {"A": "mg"},
    {"A": "-CL / V * A"},
    outputs={"C": ("A / V", "mg/L")},
)
T = np.array([1.0, 5.0, 20.0])


def question():
    table = _patient_table(None, IV)
    doses = _doses("100 mg", table, T, IV, "WT", "BSA")
    schedule = from_doses(doses, list(table.index), T, np.array(False), IV)
    return schedule, parameter_rows(IV, schedule, {})


def exact():
    """Second derivatives of 100 / V exp(-CL / V t) at CL = 2, V = 20."""
    c, k, v = 5 * np.exp(-0.1 * T), 0.1, 20.0
    twice_cl = c * T**2 / v**2
    mixed = c * T / v**2 * (2 - k * T)
    twice_v = c / v**2 * (2 - 4 * k * T + (k * T) ** 2)
    return np.stack([np.stack([twice_cl, mixed], axis=1), np.stack([mixed, twice_v], axis=1)], axis=1)


# A dozen roundings of the largest.
ROUNDING = 1e-13
# Steps of half a percent, extrapolated, leave some 1e-8 of the largest.
BY_DIFFERENCES = 2e-8
NAMES = tuple(VALUES)


def in_parts(values, names=NAMES, at=VALUES):
    """Derivatives by parts of each parameter."""
    size = np.array([at[name] for name in names])
    return values * size[:, None] * size


def at_times(asked, times, engine="auto", method=second_sensitivities):
    """Of a table's records, doses among them, those at the times."""
    schedule = asked[0]
    return method(*asked, engine)["C"][np.isin(schedule.time[schedule.observed], times)]


def error(found, wanted):
    return np.abs(found - wanted).max() / np.abs(wanted).max()


def test_second_derivatives_agree_with_those_written_out():
    found = second_sensitivities(*question(), ["C"], Directions(("CL", "V")))["C"]
    assert error(found, exact()) < ROUNDING
    assert error(found, (1 + 1e-12) * exact()) > ROUNDING


def test_differences_agree_with_them_too():
    found = second_differences(*question(), ["C"], Directions(("CL", "V")))["C"]
    assert error(found, exact()) < BY_DIFFERENCES
    assert error(found, 1.0001 * exact()) > BY_DIFFERENCES


def test_seeds_are_the_speeds_of_the_parameters():
    seeds = np.array([[2.0, 20.0]])
    found = second_sensitivities(*question(), ["C"], Directions(("all",), (("CL", "V"),), (seeds,)))["C"]
    assert error(found[:, 0, 0], np.einsum("oij,i,j->o", exact(), seeds[0], seeds[0])) < ROUNDING


def test_properties_of_doses_have_second_derivatives_too():
    found = second_sensitivities(*question(), ["C"], Directions(("dose(A)", "CL")))["C"]
    assert (found[:, 0, 0] == 0).all()
    assert error(found[:, 0, 1], -5 * np.exp(-0.1 * T) * T / 20) < ROUNDING


# The infusion's end must not pass an observation within the steps of the differences, nor may it last as long as the
# interval.
DIFFERENT = {
    "steady infusions longer than their interval": [dose(0, 100, CMT="iv", RATE=8.1, II=8, SS=1, ADDL=1)]
}


@pytest.mark.parametrize("engine", ["closed_form", "matrix_exponential"])
@pytest.mark.parametrize("case", CASES)
def test_every_rule_of_dosing_has_second_sensitivities(case, engine):
    asked = *dosed(LINEAR, (CASES | DIFFERENT)[case]), ["C"], Directions(NAMES)
    found, wanted = second_sensitivities(*asked, engine)["C"], second_differences(*asked)["C"]
    assert error(in_parts(found), in_parts(wanted)) < BY_DIFFERENCES
    assert np.array_equal(found, found.transpose(0, 2, 1))


def levels_in_many_digits(times, ka, CL, V, F, tlag, D, B):
    """LINEAR's levels after 100 mg by mouth at once, and as an infusion of modelled duration at 4 h."""
    stays = {
        tlag: ("oral", F * 100),
        4 + tlag / 2: ("rate", F * 100 / D),
        4 + tlag / 2 + D: ("rate", -F * 100 / D),
    }
    state, rate, found = mpmath.matrix([0, B * V, 1]), mpmath.mpf(0), {}
    stops = sorted({mpmath.mpf(0), *stays, *times})
    for begin, end in [(stops[0], stops[0]), *pairwise(stops)]:
        system = mpmath.matrix([[-ka, 0, 0], [ka, -CL / V, rate], [0, 0, 0]])
        state = mpmath.expm(system * (end - begin)) * state
        kind, amount = stays.get(end, ("", 0))
        state[0] += amount if kind == "oral" else 0
        rate += amount if kind == "rate" else 0
        found[end] = state[1] / V
    return np.array([found[time] for time in times])


def second_derivatives_in_many_digits(times, names, values):
    """Differences over steps of 1e-12, whose error is of their squares, shape (times, names, names)."""
    step, exactly = mpmath.mpf(10) ** -12, {name: mpmath.mpf(values[name]) for name in names}

    def at(*moves):
        moved = dict(exactly)
        for name, sign in moves:
            moved[name] += sign * step
        return levels_in_many_digits([mpmath.mpf(time) for time in times], **moved)

    found = np.zeros((len(times), len(names), len(names)))
    middle = at()
    for i, a in enumerate(names):
        found[:, i, i] = (at((a, 1)) - 2 * middle + at((a, -1))) / step**2
        for j, b in enumerate(names[:i]):
            corners = at((a, 1), (b, 1)) - at((a, 1), (b, -1)) - at((a, -1), (b, 1)) + at((a, -1), (b, -1))
            found[:, i, j] = found[:, j, i] = corners / (4 * step**2)
    return found


@pytest.mark.parametrize("ka", [1.0, 0.1, 0.1 + 1e-9, 0.11], ids=["apart", "equal", "nearly equal", "close"])
def test_moving_doses_agree_with_forty_digits(ka):
    """Absorption and elimination may be equally fast; lags and durations move."""
    names, times = ("ka", "CL", "V", "F", "tlag", "D", "B"), [0.2, 1.5, 4.5, 5.5, 12.0, 40.0]
    values = VALUES | {"ka": ka}
    model = LINEAR.with_values(ka=ka)
    records = patients(a=[dose(0, 100), dose(4, 100, CMT="iv", RATE=-2), seen(times)])
    schedule, found = record_schedule(records, model)
    asked = schedule, parameter_rows(model, schedule, found), ["C"], Directions(names)
    with mpmath.workdps(40):
        wanted = in_parts(second_derivatives_in_many_digits(times, names, values), names, values)
    for engine in ("closed_form", "matrix_exponential"):
        assert error(in_parts(at_times(asked, times, engine), names, values), wanted) < ROUNDING
    roughly = at_times(asked, times, method=second_differences)
    assert error(in_parts(roughly, names, values), wanted) > 1e3 * ROUNDING


def test_steady_states_agree_with_forty_digits():
    """A bolus every 8 h with a lag: 100 / V exp(-k (t - lag)) / (1 - exp(-8 k))."""
    model = replace(LINEAR, rates=["-ka * depot", "-CL / V * central"])
    model = replace(model, inputs=(replace(LINEAR.inputs[0], state="central"),))
    times = [1.0, 6.5]
    records = patients(a=[dose(0, 100, II=8, SS=1), seen(times)])
    schedule, found = record_schedule(records, model)
    names = ("CL", "V", "tlag", "F")
    asked = schedule, parameter_rows(model, schedule, found), ["C"], Directions(names)

    def level(time, CL, V, tlag, F):
        return F * 100 / V * mpmath.exp(-CL / V * (time - tlag)) / (1 - mpmath.exp(-8 * CL / V))

    with mpmath.workdps(40):
        point = [mpmath.mpf(VALUES[name]) for name in names]
        orders = np.eye(4, dtype=int)[:, None] + np.eye(4, dtype=int)
        wanted = [
            [
                [float(mpmath.diff(partial(level, t), point, tuple(map(int, o)))) for o in row]
                for row in orders
            ]
            for t in times
        ]
    # One linear equation with a condition number of about 2.
    assert error(in_parts(at_times(asked, times), names), in_parts(np.array(wanted), names)) < 1e-12


def test_linear_models_that_swing_have_exact_ones_by_matrix_exponential():
    swing = Model("swing", "h", {"w": (0.7, "1/h")}, {"x": ("1", 1), "v": "1"}, {"x": "w * v", "v": "-w * x"},
                  outputs={"x": "x"})  # fmt: skip
    schedule = from_doses(
        _doses(None, _patient_table(None, swing), T, swing, "WT", "BSA"), ["0"], T, np.array(False), swing
    )
    found = second_sensitivities(schedule, parameter_rows(swing, schedule, {}), ["x"], Directions(("w",)))[
        "x"
    ]
    assert error(found[:, 0, 0], -(T**2) * np.cos(0.7 * T)) < ROUNDING


def test_other_models_have_differences():
    asked = *dosed(SATURABLE, CASES["bolus"]), ["C"], Directions(("CL", "tlag"))
    found = second_sensitivities(*asked)["C"]
    assert np.array_equal(found, second_differences(*asked)["C"])
    assert np.isfinite(found).all()
    assert np.abs(found[:, 0, 1]).max() > 1e-3


def test_parameters_may_change_between_doses():
    records = patients(
        a=[dose(0, 100, CL=2.0), seen([1, 5], CL=2.0), dose(8, 50, CL=1.2), seen([9, 20], CL=1.2)]
    )
    schedule, found = record_schedule(records, LINEAR)
    asked = schedule, parameter_rows(LINEAR, schedule, found), ["C"], Directions(NAMES)
    exactly, roughly = (in_parts(f(*asked)["C"]) for f in (second_sensitivities, second_differences))
    assert error(exactly, roughly) < BY_DIFFERENCES


def test_a_patient_that_fails_leaves_the_others_alone():
    records = patients(a=[dose(0, 100), seen(T)], b=[dose(0, 100), seen(T)])
    schedule, _ = record_schedule(records, LINEAR)
    rows = parameter_rows(LINEAR, schedule, {"CL": np.array([2.0, np.nan])})
    found = second_sensitivities(schedule, rows, ["C"], Directions(("CL",)))["C"].reshape(2, -1)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize("part", ["_between", "add_changed_values"])
def test_a_planted_error_is_seen(monkeypatch, part):
    nothing = {"_between": lambda *_: [], "add_changed_values": lambda *_: None}
    monkeypatch.setattr(twice_augmented_timeline, part, nothing[part])
    asked = *dosed(LINEAR, CASES["modelled duration"]), ["C"], Directions(NAMES)
    exactly, roughly = (in_parts(f(*asked)["C"]) for f in (second_sensitivities, second_differences))
    assert error(exactly, roughly) > 1e-3


def test_no_directions_give_no_derivatives():
    assert second_sensitivities(*question(), ["C"], Directions(()))["C"].shape == (3, 0, 0)
