"""The queue fires, cancels, orders and executes as SBML says, without any model."""

import numpy as np
import pytest

from understudy.engine.events.event_queue import (
    begin,
    choose,
    draw,
    execute,
    fires,
    make_queue,
    next_time,
    update,
)
from understudy.engine.problem import BAD_DELAY, NOT_FINITE, OK
from understudy.model.event import Event


def queue_of(*events):
    queue = make_queue(events, ("x", "y"), 2)
    begin(queue, 0)
    begin(queue, 1)
    return queue


def column(*values):
    """Values of lane 1; lane 0 has nothing."""
    return np.array([[0.0, value] for value in values])


def test_an_event_fires_once_while_its_trigger_stays_true():
    queue = queue_of(Event("a", "x", {"x": 1}, initial_value=False))
    changes = column(2.0, 0.0, 5.0)
    assert fires(queue, 1, column(1))
    assert not fires(queue, 0, column(1))
    assert [update(queue, 1, column(1), changes, 10.0) for _ in range(3)] == [OK] * 3
    assert next_time(queue, 1) == 12.0
    assert next_time(queue, 0) == np.inf
    assert choose(queue, 1, changes, 11.9) == -1
    assert choose(queue, 1, changes, 12.0) == 0


def test_new_values_are_those_of_the_firing_or_of_the_execution():
    early = Event("a", "x", {"y": 1}, initial_value=False)
    late = Event("b", "x", {"x": 1}, initial_value=False, from_trigger_time=False)
    queue, states = queue_of(early, late), np.zeros((2, 2))
    update(queue, 1, column(1, 1), column(0, 0, 0, 0, 5.0, 6.0), 0.0)
    later = column(0, 0, 0, 0, 50.0, 60.0)
    for _ in range(2):
        assert execute(queue, 1, choose(queue, 1, later, 0.0), later, 0.0, states) == OK
    assert states.tolist() == [[0, 60], [0, 5]]
    assert next_time(queue, 1) == np.inf


def test_only_what_must_not_outlive_its_trigger_is_cancelled():
    events = [
        Event(name, "x", {}, initial_value=False, persistent=kept)
        for name, kept in (("a", True), ("b", False))
    ]
    queue = queue_of(*events)
    update(queue, 1, column(1, 1), column(1, 1, 0, 0), 0.0)
    update(queue, 1, column(0, 0), column(7, 7, 0, 0), 0.5)
    assert choose(queue, 1, column(1, 1, 0, 0), 1.0) == 0
    assert queue.counts[0, 1] == 1


def test_priority_then_definition_and_none_last():
    events = [Event("a", "x", {}, initial_value=False)]
    events += [Event(name, "x", {}, initial_value=False, priority=0) for name in ("b", "c", "d")]
    queue, order = queue_of(*events), []
    changes = column(0, 0, 0, 0, 9, 1, 3, 1)
    update(queue, 1, column(1, 1, 1, 1), changes, 0.0)
    for _ in events:
        slot = choose(queue, 1, changes, 0.0)
        order.append(int(queue.waiting[1, slot, 1]))
        execute(queue, 1, slot, changes, 0.0, np.zeros((2, 2)))
    assert order == [2, 1, 3, 0]


@pytest.mark.parametrize("delay", [-1.0, np.nan, np.inf])
def test_an_impossible_delay_is_a_status(delay):
    queue = queue_of(Event("a", "x", {}, initial_value=False))
    assert update(queue, 1, column(1), column(delay, 0), 0.0) == BAD_DELAY


def test_an_undefined_value_is_a_status():
    queue = queue_of(Event("a", "x", {"x": 1}, initial_value=False))
    changes = column(0, 0, np.nan)
    update(queue, 1, column(1), changes, 0.0)
    assert execute(queue, 1, 0, changes, 0.0, np.zeros((2, 2))) == NOT_FINITE


def test_draws_are_without_order():
    drawn = np.array([draw(k) for k in range(4000)])
    assert drawn.min() >= 0
    assert drawn.max() < 1
    # Five standard errors of a mean of 4000 and of a correlation of neighbours.
    assert abs(drawn.mean() - 0.5) < 5 * np.sqrt(1 / 12 / 4000)
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 5 / np.sqrt(4000)
