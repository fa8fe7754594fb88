"""Dosing rules worked out: what cancels what, and what comes first at equal times."""

import numpy as np
import pandas as pd
import pytest
from dosing_table import dose, levels, patients, seen

from understudy.engine.parameters import parameter_rows
from understudy.engine.schedule import from_records
from understudy.engine.simulate import simulate
from understudy.engine.timeline import (
    BOLUS,
    RATE,
    REINITIALISE,
    ROW,
    STEADY,
    STOP_INFUSIONS,
    DoseValues,
    build,
)
from understudy.library.pk import compartments
from understudy.model.model import Model
from understudy.model.parts import Input

ENGINES = ["closed_form", "kernel", "reference"]
K = 0.1
IV = Model(
    "iv", "h", {"k": K, "lag": 0.0}, {"A": "mg"}, {"A": "-k * A"}, (Input("iv", "A", lag="lag"),), {"A": "A"}
)


def left(*given: tuple[float, float], at: float) -> float:
    """Amount left of boluses (time, amount), those at that very time included."""
    return sum(amount * np.exp(-K * (at - time)) for time, amount in given if time <= at)


def reset(time: float) -> dict:
    return {"TIME": time, "EVID": 3}


def timeline_of(*events):
    """Events of one patient as (time, kind, value)."""
    schedule = from_records(patients(a=list(events)), IV)
    none, count = np.zeros(schedule.dosed.size), schedule.dosed.size
    values = DoseValues(none, none + 1, np.full(count, np.nan), np.full(count, np.nan))
    rows = schedule.patient
    line = build(schedule, values, np.array([0]), np.array([False]), rows, rows)
    return line, list(zip(line.event_time, line.event_kind, line.event_value, strict=True))


def test_additional_doses_and_infusions_as_elementary_events():
    _, events = timeline_of(dose(1.0, 10, RATE=5, II=6, ADDL=1), seen([9.0]))
    assert events == [(1.0, RATE, 5.0), (3.0, RATE, -5.0), (7.0, RATE, 5.0), (9.0, RATE, -5.0)]


def test_a_reset_and_dose_is_both_in_this_order():
    _, events = timeline_of(dose(0.0, 10), dose(5.0, 20, EVID=4), seen([6.0]))
    assert [(t, k) for t, k, _ in events] == [(0.0, BOLUS), (5.0, REINITIALISE), (5.0, BOLUS)]


def test_a_steady_state_dose_stops_sets_and_doses():
    line, events = timeline_of(dose(2.0, 10, II=6, SS=1), seen([3.0]))
    assert [(t, k) for t, k, _ in events] == [(2.0, STOP_INFUSIONS), (2.0, STEADY), (2.0, BOLUS)]
    assert (line.steady.period[0], line.steady.amount[0], line.steady.running[0]) == (6.0, 10.0, 0)


def test_an_infusion_longer_than_its_interval_runs_several_times_over():
    line, _ = timeline_of(dose(0.0, 100, RATE=4, II=12, SS=1), seen([3.0]))
    # 25 h: at the record the two earlier infusions are still under way, the first of them for one more hour.
    assert (line.steady.running[0], line.steady.end[0]) == (2, 1.0)


def test_observations_count_the_events_before_them():
    line, _ = timeline_of(seen([0.0]), dose(0.0, 10, II=4, ADDL=2), seen([4.0, 5.0, 8.0]))
    # The first was recorded before the dose, which is looked at too; later ones see doses of the very time.
    np.testing.assert_array_equal(line.observation_after, [0, 1, 2, 2, 3])


def test_unchanged_parameters_make_no_event():
    model = compartments(1, "iv")
    schedule = from_records(patients(a=[dose(0.0, 1), seen([1.0, 2.0])]), model)
    rows = parameter_rows(model, schedule, {"CL": np.array([5.0])})
    assert len(set(rows.interval_row)) == 1


def test_a_change_of_parameters_comes_before_the_dose_of_its_record():
    schedule = from_records(patients(a=[dose(0.0, 1), dose(3.0, 1), seen([5.0])]), IV)
    none = np.zeros(2)
    values = DoseValues(none, none + 1, none * np.nan, none * np.nan)
    line = build(schedule, values, np.array([0]), np.array([False]), np.arange(3), np.arange(3))
    assert [(t, k) for t, k in zip(line.event_time, line.event_kind, strict=True)] == [
        (0.0, BOLUS),
        (3.0, ROW),
        (3.0, BOLUS),
        (5.0, ROW),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_order_of_records_of_one_time_is_that_of_the_file(engine):
    looks = [seen([5.0], DV=k) for k in range(1, 5)]
    events = [dose(0.0, 10), looks[0], dose(5.0, 20), looks[1], reset(5.0), looks[2], dose(5.0, 7), looks[3]]
    found = levels(IV, patients(a=events), engine)[0]
    before = 10 * np.exp(-K * 5)
    np.testing.assert_allclose(found, [before, before + 20, 0.0, 7.0], rtol=1e-7)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reset_cancels_additional_doses_from_then_on(engine):
    records = patients(a=[dose(0.0, 10, II=4, ADDL=9), reset(8.0), seen([7.9, 8.0, 13.0])])
    found = levels(IV, records, engine)[0]
    np.testing.assert_allclose(found, [left((0, 10), (4, 10), at=7.9), 0.0, 0.0], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reset_stops_infusions_and_starts_over(engine):
    model = Model("m", "h", {"k": K}, {"A": ("mg", 3.0)}, {"A": "-k * A"}, outputs={"A": "A"})
    records = patients(a=[dose(0.0, 100, RATE=10), reset(4.0), seen([4.0, 6.0, 20.0])])
    found = levels(model, records, engine)[0]
    np.testing.assert_allclose(found, 3 * np.exp(-K * np.array([0.0, 2.0, 16.0])), rtol=1e-7)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reset_cancels_a_dose_that_waits_for_its_lag(engine):
    late = IV.with_values(lag=3.0)
    records = patients(a=[dose(0.0, 10), dose(6.0, 20), reset(8.0), dose(9.0, 5), seen([5.0, 10.0, 12.5])])
    found = levels(late, records, engine)[0]
    np.testing.assert_allclose(
        found, [left((3, 10), at=5.0), 0.0, left((12, 5), at=12.5)], rtol=1e-7, atol=1e-12
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_steady_state_cancels_what_was_still_to_come(engine):
    records = patients(a=[dose(0.0, 10, II=5, ADDL=9), dose(12.0, 100, II=24, SS=1), seen([20.0])])
    alone = patients(a=[dose(12.0, 100, II=24, SS=1), seen([20.0])])
    np.testing.assert_allclose(levels(IV, records, engine), levels(IV, alone, engine), rtol=1e-7)


@pytest.mark.parametrize("engine", ENGINES)
def test_additional_doses_keep_the_lag(engine):
    records = patients(a=[dose(0.0, 10, II=4, ADDL=2), seen([2.0, 6.0, 11.0])])
    found = levels(IV.with_values(lag=2.5), records, engine)[0]
    doses = [(2.5, 10), (6.5, 10), (10.5, 10)]
    np.testing.assert_allclose(found, [left(*doses, at=t) for t in (2.0, 6.0, 11.0)], rtol=1e-7)


@pytest.mark.parametrize("engine", ENGINES)
def test_infusions_may_overlap(engine):
    records = patients(a=[dose(0.0, 40, RATE=10, II=2, ADDL=2), seen([1.0, 3.0, 5.0, 7.0, 12.0])])
    found = levels(IV, records, engine)[0]

    def infused(start, t):
        during = np.clip(t - start, 0, 4)
        return 10 / K * -np.expm1(-K * during) * np.exp(-K * max(t - start - 4, 0))

    wanted = [sum(infused(s, t) for s in (0, 2, 4)) for t in (1.0, 3.0, 5.0, 7.0, 12.0)]
    np.testing.assert_allclose(found, wanted, rtol=1e-7)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_lag_of_each_patient(engine):
    table = pd.DataFrame({"lag": [0.0, 1.0, 30.0]})
    found = simulate(IV, table, "10 mg", [0.5, 5.0, 20.0], engine=engine)["A"].values
    wanted = [[left((lag, 10), at=t) for t in (0.5, 5.0, 20.0)] for lag in (0.0, 1.0, 30.0)]
    np.testing.assert_allclose(found, wanted, rtol=1e-7)


def movements(line):
    """Events as (time, schedule row of the dose, moves with its lag, moves with its duration)."""
    return list(zip(line.event_time, line.event_source, line.event_moves, line.event_ends, strict=True))


def test_every_event_knows_the_dose_whose_lag_and_duration_move_it():
    line, _ = timeline_of(seen([0.0]), dose(1.0, 10, RATE=5, II=6, ADDL=1), dose(2.0, 7), reset(8.0))
    assert movements(line) == [
        (1.0, 1, True, False),
        (2.0, 2, True, False),
        (3.0, 1, True, True),
        (7.0, 1, True, False),
        (8.0, -1, False, False),
    ]


def test_a_steady_state_moves_the_ends_of_earlier_infusions_and_not_what_stands_at_its_record():
    line, events = timeline_of(dose(0.0, 100, RATE=4, II=12, SS=1), seen([3.0]))
    # Of three infusions of 25 h, one begins here, one has run for 12 h and one for 24 h.
    assert [(t, k, v) for t, k, v in events if k == RATE] == [
        (0.0, RATE, 4.0),
        (0.0, RATE, 4.0),
        (0.0, RATE, 4.0),
        (1.0, RATE, -4.0),
        (13.0, RATE, -4.0),
        (25.0, RATE, -4.0),
    ]
    assert set(line.event_source) == {0}
    assert line.event_ends.tolist() == [False] * 5 + [True] * 3
    # Stop, steady state and the two infusions under way stand at the record; the dose's own start moves.
    assert sorted(line.event_moves[:5].tolist()) == [False] * 4 + [True]
    assert line.event_moves[5:].all()
