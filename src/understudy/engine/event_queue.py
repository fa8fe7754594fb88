"""Event queue: which events of a patient fire, wait, are cancelled and are executed in which order.

The semantics are those of SBML Level 3 Version 2 (Hucka et al. 2019, J Integr Bioinform 16:20190021, section 4.11,
doi:10.1515/jib-2019-0021): an event fires when its trigger goes from false to true, and is executed its delay later; of
the executions due at one time that of the highest priority is next, by priorities worked out anew before each; every
execution may make other events fire, which then belong to the same time.

Nothing here knows a model: the caller gives the truth of the triggers and the values of the equations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from understudy.engine.problem import BAD_DELAY, CROWDED, ENDLESS, NOT_FINITE, OK
from understudy.model.event import Event

# Executions in no time after which no end is expected, and executions that can wait besides four of each event.
MOST_AT_ONCE, CAPACITY = 2_000, 64
# Times that differ by less than this part are one: sums of times are rounded. Executions within the second part follow
# one another in no time: a ball that comes to rest bounces ever faster.
SAME_TIME, NO_TIME = 1e-14, 1e-9


class Rules(NamedTuple):
    """What the events of a model are, as arrays over events.

    ``target_start[e]`` to ``target_start[e + 1]`` are the new values of event `e`, into the states ``target``. The
    values of its equations lie as ``changes`` has them: delays, priorities, then new values.
    """

    persistent: np.ndarray
    initial_value: np.ndarray
    from_trigger_time: np.ndarray
    random: np.ndarray
    ranked: np.ndarray
    target_start: np.ndarray
    target: np.ndarray


class Queue(NamedTuple):
    """What is under way in each of `width` lanes: triggers' truth, executions that wait, and counts.

    ``time``, ``event``, ``tie`` and ``values`` have one row for each lane and hold its ``count`` executions in the
    order in which their events fired.
    """

    truth: np.ndarray
    count: np.ndarray
    time: np.ndarray
    event: np.ndarray
    tie: np.ndarray
    values: np.ndarray
    draws: np.ndarray
    executed: np.ndarray
    executed_at: np.ndarray


def rules_of(events: tuple[Event, ...], states: tuple[str, ...]) -> Rules:
    """The events of a model whose states are these."""
    flags = [
        [getattr(event, name) for event in events]
        for name in ("persistent", "initial_value", "from_trigger_time")
    ]
    flags += [[event.ties == "random" for event in events], [event.priority is not None for event in events]]
    counts = [len(event.targets) for event in events]
    return Rules(
        *[np.array(flag, dtype=np.bool_) for flag in flags],
        target_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        target=np.array([states.index(name) for event in events for name in event.targets], dtype=np.int64),
    )


def make_queue(rules: Rules, width: int) -> Queue:
    """Room for the executions of `width` patients."""
    events = rules.persistent.size
    size = CAPACITY + 4 * events
    most = int(np.diff(rules.target_start).max(initial=0))
    whole = lambda *shape: np.zeros(shape, dtype=np.int64)  # noqa: E731
    return Queue(
        truth=np.zeros((width, events), dtype=np.bool_),
        count=whole(width),
        time=np.zeros((width, size)),
        event=whole(width, size),
        tie=np.zeros((width, size)),
        values=np.zeros((width, size, most)),
        draws=whole(width),
        executed=whole(width),
        executed_at=np.zeros(width),
    )


@njit(cache=True, nogil=True, _nrt=False)
def draw(number):
    """The n-th of a fixed sequence of numbers between 0 and 1 without order.

    SplitMix64: Steele, Lea, Flood 2014, Fast splittable pseudorandom number generators, OOPSLA, 453-472,
    doi:10.1145/2660193.2660195.
    """
    z = np.uint64(number + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@njit(cache=True, nogil=True, _nrt=False)
def forget(rules, queue, lane):
    """As before a start or after a reset: triggers have their initial values, nothing waits."""
    for event in range(rules.initial_value.size):
        queue.truth[lane, event] = rules.initial_value[event]
    queue.count[lane] = 0


@njit(cache=True, nogil=True, _nrt=False)
def begin(rules, queue, lane):
    """A new patient in a lane."""
    forget(rules, queue, lane)
    queue.draws[lane], queue.executed[lane], queue.executed_at[lane] = 0, 0, -np.inf


@njit(cache=True, nogil=True, _nrt=False)
def next_time(queue, lane):
    """When the first execution that waits is due; infinite where none does."""
    first = np.inf
    for k in range(queue.count[lane]):
        first = min(first, queue.time[lane, k])
    return first


@njit(cache=True, nogil=True, _nrt=False)
def fires(queue, lane, truth):
    """Whether an event goes from false to true; ``truth[event, lane]``."""
    fired = False
    for event in range(truth.shape[0]):
        fired = fired or (truth[event, lane] != 0.0 and not queue.truth[lane, event])
    return fired


@njit(cache=True, nogil=True, _nrt=False)
def update(rules, queue, lane, truth, changes, now):
    """Take over new truths: cancel executions that do not outlive their trigger, fire events; returns a status.

    ``truth[event, lane]`` and ``changes[equation, lane]`` are the triggers and the equations at this moment. All that
    fire at once see the same values.
    """
    for event in range(truth.shape[0]):
        if truth[event, lane] == 0.0:
            queue.truth[lane, event] = False
            if not rules.persistent[event]:
                _cancel(queue, lane, event)
    for event in range(truth.shape[0]):
        if truth[event, lane] != 0.0 and not queue.truth[lane, event]:
            queue.truth[lane, event] = True
            status = _fire(rules, queue, lane, event, changes, now)
            if status != OK:
                return status
    return OK


@njit(cache=True, nogil=True, _nrt=False)
def _cancel(queue, lane, event):
    """No execution of the event waits any longer."""
    k = 0
    while k < queue.count[lane]:
        if queue.event[lane, k] == event:
            _remove(queue, lane, k)
        else:
            k += 1


@njit(cache=True, nogil=True, _nrt=False)
def _remove(queue, lane, slot):
    """Take an execution out; the others keep their order."""
    queue.count[lane] -= 1
    for k in range(slot, queue.count[lane]):
        queue.time[lane, k], queue.event[lane, k] = queue.time[lane, k + 1], queue.event[lane, k + 1]
        queue.tie[lane, k] = queue.tie[lane, k + 1]
        for i in range(queue.values.shape[2]):
            queue.values[lane, k, i] = queue.values[lane, k + 1, i]


@njit(cache=True, nogil=True, _nrt=False)
def _fire(rules, queue, lane, event, changes, now):
    delay, k = changes[event, lane], queue.count[lane]
    if not (delay >= 0.0 and delay < np.inf):
        return BAD_DELAY
    if k == queue.time.shape[1]:
        return CROWDED
    queue.time[lane, k], queue.event[lane, k], queue.tie[lane, k] = now + delay, event, 0.0
    if rules.random[event]:
        queue.tie[lane, k] = draw(queue.draws[lane])
        queue.draws[lane] += 1
    first, end = rules.target_start[event], rules.target_start[event + 1]
    for i in range(first, end):
        queue.values[lane, k, i - first] = changes[2 * rules.persistent.size + i, lane]
    queue.count[lane] = k + 1
    return OK


@njit(cache=True, nogil=True, _nrt=False)
def choose(rules, queue, lane, changes, now):
    """The execution to be done next, -1 where none is due."""
    chosen, best = -1, -np.inf
    events = rules.persistent.size
    for k in range(queue.count[lane]):
        if queue.time[lane, k] <= now + SAME_TIME * abs(now):
            event = queue.event[lane, k]
            rank = changes[events + event, lane] if rules.ranked[event] else -np.inf
            rank = rank if rank == rank else -np.inf
            if chosen < 0 or rank > best or (rank == best and _precedes(queue, lane, k, chosen)):
                chosen, best = k, rank
    return chosen


@njit(cache=True, nogil=True, _nrt=False)
def _precedes(queue, lane, one, other):
    """Which of two executions of equal priority is first: by lot, then by definition, then by age."""
    if queue.tie[lane, one] != queue.tie[lane, other]:
        return queue.tie[lane, one] < queue.tie[lane, other]
    return queue.event[lane, one] < queue.event[lane, other]


@njit(cache=True, nogil=True, _nrt=False)
def execute(rules, queue, lane, slot, changes, now, states):
    """Carry out an execution on ``states[state, lane]``; returns a status."""
    if now - queue.executed_at[lane] <= NO_TIME * abs(now):
        queue.executed[lane] += 1
    else:
        queue.executed[lane], queue.executed_at[lane] = 1, now
    if queue.executed[lane] > MOST_AT_ONCE:
        return ENDLESS
    event = queue.event[lane, slot]
    first, end = rules.target_start[event], rules.target_start[event + 1]
    status = OK
    for i in range(first, end):
        stored = queue.values[lane, slot, i - first]
        value = stored if rules.from_trigger_time[event] else changes[2 * rules.persistent.size + i, lane]
        states[rules.target[i], lane] = value
        if not abs(value) < np.inf:
            status = NOT_FINITE
    _remove(queue, lane, slot)
    return status
