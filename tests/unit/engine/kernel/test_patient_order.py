"""Which patients stand side by side: alike ones, as far as can be learned; and that it changes no number."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from understudy.core.random import normals
from understudy.engine.kernel.kernel import solve
from understudy.engine.kernel.lanes import WIDTH
from understudy.engine.kernel.patient_order import by_cost, pilots
from understudy.engine.parameters import parameter_rows
from understudy.engine.problem import Problem, Tolerances, initial_states
from understudy.engine.schedule import from_doses
from understudy.engine.timeline import DoseValues, build
from understudy.model.model import Model

COUNT = 700
MODEL = Model(
    "saturable", "h", {"k": 1.0, "Vm": 8.0, "Km": 2.0}, {"A": "mg", "C": "mg/L"},
    {"A": "-k * A", "C": "k * A - Vm * C / (Km + C)"}, inputs={"oral": "A"}, outputs={"C": "C"},
)  # fmt: skip


def problem_of(count: int, spread: float = 0.8) -> Problem:
    """Patients with up to nine doses, who differ in their parameters by `spread`."""
    doses = 1 + np.arange(count) * 7 % 9
    patients = [str(k) for k in range(count)]
    table = pd.DataFrame({"id": np.repeat(patients, doses), "amt": 100.0, "rate": 0.0, "ii": 0.0, "addl": 0})
    table = table.assign(time=np.concatenate([12.0 * np.arange(n) for n in doses]), ss=0, route="oral")
    schedule = from_doses(table, patients, 12.0 * doses[:, None] * [0.3, 1.0], np.array(False), MODEL)
    values = [
        p.value * np.exp(spread * normals(1, p.name, np.arange(count), 1)[:, 0]) for p in MODEL.parameters
    ]
    rows = parameter_rows(MODEL, schedule, dict(zip(MODEL.parameter_names, values, strict=True)))
    none = np.zeros(schedule.dosed.size)
    dosing = DoseValues(none, none + 1, none * np.nan, none * np.nan)
    line = build(schedule, dosing, np.array([0]), np.array([False]), rows.point_row, rows.interval_row)
    initial = initial_states(MODEL, rows.table)
    slots = np.zeros((len(MODEL.doses), 2), dtype=np.int64)
    return Problem(MODEL, slots, line, rows.table, initial, np.zeros((0, 2)))


@pytest.fixture(scope="module")
def problem():
    return problem_of(COUNT)


def waiting(steps: np.ndarray) -> float:
    """Steps of the slowest of each block, relative to the mean."""
    whole = steps[: steps.size // WIDTH * WIDTH].reshape(-1, WIDTH)
    return whole.max(axis=1).mean() / whole.mean()


def test_pilots_are_whole_blocks_spread_over_all(problem):
    everybody = np.arange(COUNT)
    chosen = pilots(problem, everybody)
    assert chosen.size % WIDTH == 0
    assert np.all(np.diff(chosen) >= 1)
    assert chosen[0] < 10
    assert chosen[-1] > COUNT - 10


def test_few_patients_stay_as_they_are(problem):
    few = np.arange(100, 300, 2)
    assert not pilots(problem, few).size
    np.testing.assert_array_equal(by_cost(problem, few, few[:0], few[:0]), few)


def test_costly_patients_are_put_together(problem):
    everybody = np.arange(COUNT)
    first = pilots(problem, everybody)
    # What patients shall cost: more for each dose, and for fast absorption.
    cost = (20 * np.diff(problem.timeline.event_start) * problem.table[:, 0] ** 0.5 + 1).astype(np.int64)
    rest = by_cost(problem, everybody, first, cost[first])
    np.testing.assert_array_equal(np.sort(np.r_[first, rest]), everybody)
    assert waiting(cost) > 1.8
    # The power law is learned almost exactly; the rest is the rounding to whole steps.
    assert waiting(cost[rest[:512]]) < 1.05
    assert cost[rest[0]] > cost[rest[511]]
    # Only near patients change places.
    assert set(rest[:512]) == set(np.setdiff1d(everybody, first)[:512])


def test_patients_whose_cost_cannot_be_told_stay_in_their_order(problem):
    everybody = np.arange(COUNT)
    first = pilots(problem, everybody)
    rest = by_cost(problem, everybody, first, np.full(first.size, 50))
    np.testing.assert_array_equal(rest, np.setdiff1d(everybody, first))


def test_a_few_steps_are_not_worth_an_order(problem):
    everybody = np.arange(COUNT)
    first = pilots(problem, everybody)
    rest = by_cost(problem, everybody, first, np.diff(problem.timeline.event_start)[first])
    np.testing.assert_array_equal(rest, np.setdiff1d(everybody, first))


def test_patients_who_are_all_alike():
    alike = problem_of(COUNT, spread=0.0)
    alike = alike.replace(timeline=replace(alike.timeline, event_value=0 * alike.timeline.event_value))
    everybody = np.arange(COUNT)
    first = pilots(alike, everybody)
    rest = by_cost(alike, everybody, first, 500 + 100 * (first % 3))
    np.testing.assert_array_equal(np.sort(np.r_[first, rest]), everybody)


def test_the_order_changes_no_bit_and_saves_steps(problem):
    tolerances = Tolerances(1e-5, 1e-7)
    together = solve(problem, tolerances)
    everybody = np.arange(COUNT)
    first = pilots(problem, everybody)
    order = np.r_[first, by_cost(problem, everybody, first, together.steps[first])]
    assert waiting(together.steps[order]) < 0.8 * waiting(together.steps)
    line = problem.timeline
    for some in (np.arange(0, 40), np.arange(333, 390)):
        seen = np.concatenate([np.arange(*line.observation_start[[k, k + 1]]) for k in some])
        alone = solve(part(problem, some), tolerances)
        np.testing.assert_array_equal(alone.states, together.states[seen])
        np.testing.assert_array_equal(alone.steps, together.steps[some])
    np.testing.assert_array_equal(solve(problem, tolerances, jobs=2).states, together.states)


def part(problem: Problem, patients: np.ndarray) -> Problem:
    """Some neighbouring patients of a problem alone."""
    line, first, last = problem.timeline, patients[0], patients[-1] + 1
    events, seen = slice(*line.event_start[[first, last]]), slice(*line.observation_start[[first, last]])
    cut = {n: getattr(line, n)[events] for n in vars(line) if n.startswith("event_") and n != "event_start"}
    cut |= {n: getattr(line, n)[seen] for n in ("observation_time", "observation_after", "observation_row")}
    cut |= {
        "event_start": line.event_start[first : last + 1] - line.event_start[first],
        "observation_start": line.observation_start[first : last + 1] - line.observation_start[first],
        "first_row": line.first_row[patients],
        "start_time": line.start_time[patients],
    }
    return problem.replace(timeline=replace(line, **cut), start=problem.start[patients])


def test_a_patient_without_numbers_keeps_nobody_from_being_put_in_order():
    problem, everyone = problem_of(COUNT), np.arange(COUNT)
    table, value = problem.table.copy(), problem.timeline.event_value.copy()
    table[problem.timeline.first_row[[5, 6]]] = [[np.nan], [np.inf]]
    value[problem.timeline.event_start[7]] = np.nan
    broken = problem.replace(table=table, timeline=replace(problem.timeline, event_value=value))
    first = pilots(broken, everyone)
    steps = np.random.default_rng(1).integers(100, 5000, first.size)
    assert sorted([*by_cost(broken, everyone, first, steps), *first]) == list(everyone)
