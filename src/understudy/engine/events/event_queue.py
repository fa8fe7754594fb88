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


# What is known of an event, in the columns of ``rules``: its flags, and where its targets begin.
PERSISTENT, INITIAL, AT_TRIGGER, RANDOM, RANKED, FIRST = range(6)
# What is known of an execution that waits: when it is due, its event, its place among equals; then its new values.
_DUE, _EVENT, _TIE, _VALUES = range(4)
# What is counted in each lane; then the truth of each trigger.
_WAITING, _DRAWS, _EXECUTED, _EXECUTED_AT, _TRUTH = range(5)


class Queue(NamedTuple):
    """The events of a model, and what is under way of them in each of several lanes.

    Parameters
    ----------
    rules : int array, shape (events + 1, 6)
        The columns above. The new values of event ``e`` are those from ``rules[e, FIRST]`` to ``rules[e + 1, FIRST]``.
    target : int array, shape (new values,)
        State that each new value is for.
    waiting : float array, shape (lanes, executions, 3 + new values)
        Executions that wait, in the order in which their events fired.
    counts : float array, shape (4 + events, lanes)
    """

    rules: np.ndarray
    target: np.ndarray
    waiting: np.ndarray
    counts: np.ndarray


def make_queue(events: tuple[Event, ...], states: tuple[str, ...], lanes: int) -> Queue:
    """Room for the executions of several patients of a model whose states are these."""
    counts = np.array([len(event.targets) for event in events], dtype=np.int64)
    rules = np.zeros((len(events) + 1, 6), dtype=np.int64)
    for k, event in enumerate(events):
        flags = (event.persistent, event.initial_value, event.from_trigger_time, event.ties == "random")
        rules[k, :FIRST] = (*flags, event.priority is not None)
    rules[1:, FIRST] = np.cumsum(counts)
    target = np.array([states.index(name) for event in events for name in event.targets], dtype=np.int64)
    size = CAPACITY + 4 * len(events) if events else 0
    waiting = np.zeros((lanes, size, _VALUES + int(counts.max(initial=0))))
    return Queue(rules, target, waiting, np.zeros((_TRUTH + len(events), lanes)))


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
def forget(queue, lane):
    """As before a start or after a reset: triggers have their initial values, nothing waits."""
    for event in range(queue.rules.shape[0] - 1):
        queue.counts[_TRUTH + event, lane] = queue.rules[event, INITIAL]
    queue.counts[_WAITING, lane] = 0.0


@njit(cache=True, nogil=True, _nrt=False)
def begin(queue, lane):
    """A new patient in a lane."""
    forget(queue, lane)
    queue.counts[_DRAWS, lane], queue.counts[_EXECUTED, lane] = 0.0, 0.0
    queue.counts[_EXECUTED_AT, lane] = -np.inf


@njit(cache=True, nogil=True, _nrt=False)
def next_time(queue, lane):
    """When the first execution that waits is due; infinite where none does."""
    first = np.inf
    for k in range(int(queue.counts[_WAITING, lane])):
        first = min(first, queue.waiting[lane, k, _DUE])
    return first


@njit(cache=True, nogil=True, _nrt=False)
def fires(queue, lane, truth):
    """Whether an event goes from false to true; ``truth[event, lane]``."""
    fired = False
    for event in range(queue.rules.shape[0] - 1):
        fired = fired or (truth[event, lane] != 0.0 and queue.counts[_TRUTH + event, lane] == 0.0)
    return fired


@njit(cache=True, nogil=True, _nrt=False)
def update(queue, lane, truth, changes, now):
    """Take over new truths: cancel executions that do not outlive their trigger, fire events; returns a status.

    ``truth[event, lane]`` are the triggers and ``changes[equation, lane]`` the delays, priorities and new values at
    this moment. All that fire at once see the same values.
    """
    events = queue.rules.shape[0] - 1
    for event in range(events):
        if truth[event, lane] == 0.0:
            queue.counts[_TRUTH + event, lane] = 0.0
            if queue.rules[event, PERSISTENT] == 0:
                _cancel(queue, lane, event)
    for event in range(events):
        if truth[event, lane] != 0.0 and queue.counts[_TRUTH + event, lane] == 0.0:
            queue.counts[_TRUTH + event, lane] = 1.0
            status = _fire(queue, lane, event, changes, now)
            if status != OK:
                return status
    return OK


@njit(cache=True, nogil=True, _nrt=False)
def _cancel(queue, lane, event):
    """No execution of the event waits any longer."""
    k = 0
    while k < queue.counts[_WAITING, lane]:
        if queue.waiting[lane, k, _EVENT] == event:
            _remove(queue, lane, k)
        else:
            k += 1


@njit(cache=True, nogil=True, _nrt=False)
def _remove(queue, lane, slot):
    """Take an execution out; the others keep their order."""
    queue.counts[_WAITING, lane] -= 1.0
    for k in range(slot, int(queue.counts[_WAITING, lane])):
        for i in range(queue.waiting.shape[2]):
            queue.waiting[lane, k, i] = queue.waiting[lane, k + 1, i]


@njit(cache=True, nogil=True, _nrt=False)
def _fire(queue, lane, event, changes, now):
    delay, k = changes[event, lane], int(queue.counts[_WAITING, lane])
    if not (delay >= 0.0 and delay < np.inf):
        return BAD_DELAY
    if k == queue.waiting.shape[1]:
        return CROWDED
    entry, tie = queue.waiting[lane, k], 0.0
    if queue.rules[event, RANDOM]:
        tie = draw(int(queue.counts[_DRAWS, lane]))
        queue.counts[_DRAWS, lane] += 1.0
    entry[_DUE], entry[_EVENT], entry[_TIE] = now + delay, event, tie
    first, end = queue.rules[event, FIRST], queue.rules[event + 1, FIRST]
    for i in range(first, end):
        entry[_VALUES + i - first] = changes[2 * (queue.rules.shape[0] - 1) + i, lane]
    queue.counts[_WAITING, lane] = k + 1.0
    return OK


@njit(cache=True, nogil=True, _nrt=False)
def choose(queue, lane, changes, now):
    """The execution to be done next, -1 where none is due: by priority, then by lot, by definition and by age."""
    chosen, best, events = -1, -np.inf, queue.rules.shape[0] - 1
    for k in range(int(queue.counts[_WAITING, lane])):
        entry = queue.waiting[lane, k]
        if entry[_DUE] <= now + SAME_TIME * abs(now):
            event = int(entry[_EVENT])
            rank = changes[events + event, lane] if queue.rules[event, RANKED] else -np.inf
            # A priority that is no number is none.
            rank = rank if rank == rank else -np.inf
            other = queue.waiting[lane, max(chosen, 0)]
            tied = rank == best and entry[_TIE] == other[_TIE] and entry[_EVENT] < other[_EVENT]
            if chosen < 0 or rank > best or (rank == best and entry[_TIE] < other[_TIE]) or tied:
                chosen, best = k, rank
    return chosen


@njit(cache=True, nogil=True, _nrt=False)
def execute(queue, lane, slot, changes, now, states):
    """Carry out an execution on ``states[state, lane]``; returns a status."""
    counts, entry = queue.counts, queue.waiting[lane, slot]
    if now - counts[_EXECUTED_AT, lane] <= NO_TIME * abs(now):
        counts[_EXECUTED, lane] += 1.0
    else:
        counts[_EXECUTED, lane], counts[_EXECUTED_AT, lane] = 1.0, now
    if counts[_EXECUTED, lane] > MOST_AT_ONCE:
        return ENDLESS
    event, status = int(entry[_EVENT]), OK
    first, end = queue.rules[event, FIRST], queue.rules[event + 1, FIRST]
    for i in range(first, end):
        stored = entry[_VALUES + i - first]
        current = changes[2 * (queue.rules.shape[0] - 1) + i, lane]
        value = stored if queue.rules[event, AT_TRIGGER] else current
        states[queue.target[i], lane] = value
        if not abs(value) < np.inf:
            status = NOT_FINITE
    _remove(queue, lane, slot)
    return status
